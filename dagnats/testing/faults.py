"""What goes wrong in a simulated world, and how often: drawn from a seed, some switched off."""

from random import Random

from msgspec import Struct

KINDS = (
    "loss",
    "duplicates",
    "delays",
    "interruptions",
    "restarts",
    "crashes",
    "rivals",
    "freezes",
    "uncertain",
    "unavailable",
    "stores",
    "clocks",
    "slow_workers",
    "dead_workers",
)
"""Every kind of fault, by the name of its rate in `Faults`."""


class Faults(Struct):
    """How often each kind of fault happens; `Faults()` is a world without any.

    Those of messages and of operations are probabilities of each one, the others are per second.
    """

    loss: float = 0.0
    """A message never arrives."""
    duplicates: float = 0.0
    """A message arrives twice, the second time later."""
    delays: float = 0.0
    """A message takes up to some seconds, and those behind it do not wait."""
    interruptions: float = 0.0
    """An engine loses its connection; what was under way is lost from some point on."""
    restarts: float = 0.0
    """The broker restarts, and forgets what it had not synced."""
    crashes: float = 0.0
    """An engine dies before or after an operation, as by kill -9."""
    rivals: float = 0.0
    """Another engine takes over while one is serving."""
    freezes: float = 0.0
    """An engine stands still for some seconds, or is cut off from all others."""
    uncertain: float = 0.0
    """An append is not acknowledged: it was stored, was not, or will be."""
    unavailable: float = 0.0
    """An append is refused, with nothing stored."""
    stores: float = 0.0
    """Another operation on what is stored fails."""
    clocks: float = 0.0
    """The clock of an engine jumps, forwards or backwards."""
    slow_workers: float = 0.0
    """A worker takes much longer for a task than its lease, without a sign of life, or not."""
    dead_workers: float = 0.0
    """A worker vanishes with all that it holds."""

    def active(self) -> list[str]:
        """Return the kinds of fault that may happen."""
        return [kind for kind in KINDS if getattr(self, kind)]


_MOST = {
    "loss": 0.1,
    "duplicates": 0.2,
    "delays": 0.2,
    "interruptions": 0.1,
    "restarts": 0.05,
    "crashes": 0.01,
    "rivals": 0.05,
    "freezes": 0.05,
    "uncertain": 0.03,
    "unavailable": 0.05,
    "stores": 0.05,
    "clocks": 0.05,
    "slow_workers": 0.1,
    "dead_workers": 0.05,
}


def drawn(rng: Random) -> Faults:
    """Return the faults of a seed: each kind is off in every other one, else seldom or often."""
    faults = Faults()
    for kind in KINDS:
        off, level = rng.random() < 0.5, rng.choice((0.1, 0.3, 1.0))
        if not off:
            setattr(faults, kind, _MOST[kind] * level)
    return faults
