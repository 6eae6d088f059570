"""Between two layers: parallel tracks for links, so that few cross and none lie on each other."""

from collections.abc import Sequence

from msgspec import Struct

_ON_EACH_OTHER = 1_000
"""How much worse than a crossing it is when two links share a line."""


class Net(Struct, frozen=True):
    """Links that leave at one place and fork: from `source` to each of `targets`."""

    source: int
    targets: tuple[int, ...]

    @property
    def is_straight(self) -> bool:
        """Whether it needs no track."""
        return self.targets == (self.source,)

    @property
    def span(self) -> tuple[int, int]:
        """Return the first and the last place of it."""
        return min(self.source, *self.targets), max(self.source, *self.targets)


def tracks(nets: Sequence[Net], apart: int) -> list[int | None]:
    """Return the track of each net, counted from the source's side; None for a straight one.

    Nets share a track where at least `apart` lies between them.
    """
    bent = [number for number, net in enumerate(nets) if not net.is_straight]
    found: list[int | None] = [None] * len(nets)
    placed: list[int] = []
    for number in _in_order(nets, bent):
        net = nets[number]
        track = 0
        for other in placed:
            at = found[other]
            if at is not None and not _may_share(nets[other], net, apart):
                track = max(track, at + 1)
        found[number] = track
        placed.append(number)
    return found


def _in_order(nets: Sequence[Net], bent: list[int]) -> list[int]:
    """Put nets from the source's side to the targets', each time the one that loses least."""
    loss = {
        one: sum(
            _cost(nets[one], nets[two]) - _cost(nets[two], nets[one]) for two in bent if one != two
        )
        for one in bent
    }
    left, order = list(bent), []
    while left:
        best = min(left, key=lambda one: (loss[one], nets[one].span, one))
        left.remove(best)
        order.append(best)
        for one in left:
            loss[one] -= _cost(nets[one], nets[best]) - _cost(nets[best], nets[one])
    return order


def _cost(upper: Net, lower: Net) -> int:
    """Return what it costs when one net has a track above the other's."""
    first, last = upper.span
    cost = int(first <= lower.source <= last)
    start, end = lower.span
    for target in upper.targets:
        if target == lower.source:
            cost += _ON_EACH_OTHER
        cost += int(start <= target <= end)
    return cost


def _may_share(one: Net, other: Net, apart: int) -> bool:
    (first, last), (start, end) = one.span, other.span
    return last + apart <= start or end + apart <= first


def corners(points: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return a line without the points that it does not turn at."""
    kept: list[tuple[int, int]] = []
    for point in points:
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and _is_straight(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _is_straight(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    return any(x == y == z for x, y, z in zip(a, b, c, strict=True))
