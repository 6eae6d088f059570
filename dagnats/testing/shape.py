"""How large a simulated installation is: partitions, engines, what is kept, drawn from a seed."""

from random import Random

from msgspec import Struct

PARTITIONS = (1, 1, 2, 2, 3)
ENGINES = (1, 2, 2, 3)
KEPT_MS = (20_000, 60_000, 600_000)


class Shape(Struct, frozen=True):
    """One installation: as embedded, unless it says otherwise."""

    partitions: int = 1
    engines: int = 1
    """Processes that share the partitions, where there are several."""
    keep_ms: int | None = None
    """Runs that ended longer ago are forgotten."""
    large: bool = False
    """Whether there are values that no message holds."""
    joins: bool = False
    """Whether there are runs that wait for what may have come before."""

    def told(self) -> list[str]:
        """Return it in words."""
        found = [f"{self.partitions} partitions", f"{self.engines} engines"]
        if self.partitions == 1:
            found = []
        if self.keep_ms is not None:
            found.append(f"runs kept for {self.keep_ms // 1000} s")
        return found + (["large values"] if self.large else [])


EMBEDDED = Shape()


def drawn(seed: int, partitions: int | None = None) -> Shape:
    """Return the shape of a seed, perhaps with another number of partitions.

    It has a chance of its own, so what else is drawn does not depend on it.
    """
    rng = Random(f"shape {seed}")  # noqa: S311 (chance is what this is for)
    usual = rng.choice(PARTITIONS)
    partitions = partitions or usual
    engines = rng.choice(ENGINES)
    keep_ms = rng.choice(KEPT_MS) if rng.random() < 0.4 else None
    large = rng.random() < (0.6 if keep_ms is not None else 0.15)
    joins = rng.random() < 0.5
    return Shape(partitions, engines if partitions > 1 else 1, keep_ms, large, joins)
