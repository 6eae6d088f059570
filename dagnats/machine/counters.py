"""What a run has used so far, counted as it happens, and held against what was proven.

Theory. `evolve` sees every event once, and with it the state of the step before and after. So all
that a certificate bounds is counted by adding a few small numbers for each event: no frame is ever
looked through. Counters are of one generation; they are part of the state, and a replay makes the
same ones. What is asked and said of a run from outside (`ir.costs.OUTSIDE`) is left out, as it is
in the certificate.

Tokens and money are what workers report, `RunState.usage`: budgets end a loop or a run as soon as
one is known to be used up, so what the last report says may be beyond, and nothing is asserted.
"""

from math import inf
from typing import Final

import msgspec

from dagnats.ir.costs import EVENT_ENVELOPE_BYTES_MAX, OUTSIDE
from dagnats.ir.program import Bound, Certificate
from dagnats.machine import events as ev


class Counters(msgspec.Struct, array_like=True, gc=False):
    """What one generation has used: sums, and what is there at this moment.

    `running` are attempts that a worker holds, `timers` steps that time alone will change, attempts
    that wait for a worker or are held by one left aside.
    """

    events: int = 0
    attempts: int = 0
    bytes: int = 0
    running: int = 0
    timers: int = 0


RUNNING: Final = frozenset({"Running"})
HELD_AT_DISPATCH: Final = "concurrency.max_steps"
"""A width that the dispatcher holds, with permits; the machine begins what it is told to begin."""
TIMED: Final = frozenset({"Waiting", "Sleeping", "Expecting", "Asking", "Calling"})
"""States of steps that count, by the names of their types."""

_OUTSIDE: Final[dict[type, int]] = {
    kind: OUTSIDE[str(kind.__struct_config__.tag)]
    for kind in (ev.RunPaused, ev.Signalled, ev.RunPending, ev.CancelRequested, ev.RunFailing)
}
assert len(_OUTSIDE) == len(OUTSIDE)


def begin(counters: Counters) -> None:
    """Begin to count anew: at each generation, and when a failed run is retried."""
    counters.events = counters.attempts = counters.bytes = counters.running = counters.timers = 0


def wrote(counters: Counters, event: ev.Event, size: int | None = None) -> None:
    """Count an event, which has `size` bytes as JSON: worked out here unless it is known."""
    kind = type(event)
    if kind in _OUTSIDE:
        counters.events += 1 - _OUTSIDE[kind]
        counters.bytes += _apart(event, size)
        return
    counters.events += 1
    if kind is ev.StepQueued:
        counters.attempts += 1
    counters.bytes += len(ev.encode(event)) if size is None else size


def _apart(event: ev.Event, size: int | None) -> int:
    """Return the bytes of an event from outside that count, below 0 for what follows and does not.

    The input that a pending run has been given is not told again when it starts.
    """
    match event:
        case ev.RunPending():
            return (len(ev.encode(event)) if size is None else size) - EVENT_ENVELOPE_BYTES_MAX
        case ev.RunPaused():
            return -EVENT_ENVELOPE_BYTES_MAX
        case _:
            return 0


def moved(counters: Counters, was: object, now: object) -> None:
    """Count that a step goes from one state to another: a state has counters, so by name only."""
    kinds = type(was), type(now)
    change = _CHANGES.get(kinds)
    if change is None:
        before, after = kinds[0].__name__, kinds[1].__name__
        running = (after in RUNNING) - (before in RUNNING)
        timers = (after in TIMED) - (before in TIMED)
        change = _CHANGES[kinds] = (running, timers) if running or timers else ()
    if change:
        counters.running += change[0]
        counters.timers += change[1]


_CHANGES: Final[dict[tuple[type, type], tuple[int, int] | tuple[()]]] = {}
"""What a step that goes from one state to another changes, as far as it was worked out."""


class Ceilings(msgspec.Struct, frozen=True):
    """What a certificate allows, as numbers, asked after each turn; infinite without a bound."""

    events: float
    attempts: float
    bytes: float
    running: float
    timers: float

    def hold(self, counters: Counters) -> bool:
        """Whether nothing is beyond what was proven of a run that is not paused."""
        return (
            counters.events <= self.events
            and counters.attempts <= self.attempts
            and counters.bytes <= self.bytes
            and counters.running <= self.running
            and counters.timers <= self.timers
        )


def ceilings(certificate: Certificate) -> Ceilings:
    """Return what a certificate allows."""
    concurrent = certificate.concurrent_steps
    return Ceilings(
        _most(certificate.events),
        _most(certificate.attempts),
        _most(certificate.bytes),
        inf if concurrent.symbolic == HELD_AT_DISPATCH else _most(concurrent),
        _most(certificate.timers),
    )


def _most(proven: Bound) -> float:
    return inf if proven.max is None else proven.max


def assert_within(certificate: Certificate, counters: Counters, *, paused: bool = False) -> None:
    """Hold what a generation has used against what was proven; a breach is a bug of ours.

    For after a turn. In a run that is paused, steps wait that otherwise go on at once.
    """
    _hold("events", counters.events, certificate.events)
    _hold("attempts", counters.attempts, certificate.attempts)
    _hold("bytes", counters.bytes, certificate.bytes)
    if certificate.concurrent_steps.symbolic != HELD_AT_DISPATCH:
        _hold("attempts at once", counters.running, certificate.concurrent_steps)
    if not paused:
        # The timeout of the run is one more, until the run is ending.
        _hold("timers", counters.timers, certificate.timers)


def _hold(what: str, used: int, proven: Bound) -> None:
    assert proven.max is None or used <= proven.max, f"{used:,} {what}, certified {proven.max:,}"
