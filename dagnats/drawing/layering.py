"""The first half of a layered layout (Sugiyama): which layer everything is in, and in what order.

a ─► b ─► c, a ─► c    →  layers [a] [b, ·] [c]: the long link passes a place of its own
"""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct, field

from dagnats.drawing.model import Scope

SWEEPS = 12
"""How often the order of all layers is improved, up and down."""


class Item(Struct, eq=False):
    """A vertex of a layer, or a place where a link passes it; one may carry the link's label."""

    layer: int
    vertex: int | None = None
    link: int | None = None
    is_label: bool = False
    above: "list[Item]" = field(default_factory=list)
    below: "list[Item]" = field(default_factory=list)


class Layers(Struct, frozen=True):
    """Items by layer and order, those of the vertices, and of each link from end to end."""

    rows: list[list[Item]]
    of_vertex: list[Item]
    of_link: list[list[Item]]


def arrange(scope: Scope) -> Layers:
    """Return the layers of a scope, so ordered that few links cross."""
    ranks = _ranks(scope)
    of_vertex = [Item(rank, vertex=at) for at, rank in enumerate(ranks)]
    rows: list[list[Item]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for item in of_vertex:
        rows[item.layer].append(item)
    of_link: list[list[Item]] = []
    for at, link in enumerate(scope.links):
        first, last = of_vertex[link.source], of_vertex[link.target]
        path = [first]
        for layer in range(first.layer + 1, last.layer):
            is_label = bool(link.label) and layer == first.layer + 1
            path.append(Item(layer, link=at, is_label=is_label))
            rows[layer].append(path[-1])
        path.append(last)
        for upper, lower in pairwise(path):
            upper.below.append(lower)
            lower.above.append(upper)
        of_link.append(path)
    _order(rows)
    return Layers(rows, of_vertex, of_link)


def _ranks(scope: Scope) -> list[int]:
    """Put each vertex below all that lead to it, and what nothing leads to above what it enters."""
    count = len(scope.vertices)
    lengths = [2 if link.label else 1 for link in scope.links]
    into: list[list[int]] = [[] for _ in range(count)]
    out: list[list[int]] = [[] for _ in range(count)]
    for at, link in enumerate(scope.links):
        into[link.target].append(at)
        out[link.source].append(at)
    missing = [len(links) for links in into]
    ranks = [0] * count
    ready = [at for at in range(count) if not into[at]]
    for at in ready:
        for number in out[at]:
            target = scope.links[number].target
            ranks[target] = max(ranks[target], ranks[at] + lengths[number])
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    assert len(ready) == count, "a scope has no cycles"
    for at in reversed(ready):
        if out[at] and not into[at]:
            ranks[at] = min(ranks[scope.links[n].target] - lengths[n] for n in out[at])
    lowest = min(ranks, default=0)
    return [rank - lowest for rank in ranks]


def _order(rows: list[list[Item]]) -> None:
    """Order the layers by the means of their neighbours, and keep the best of all sweeps."""
    best, fewest = [list(row) for row in rows], crossings(rows)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        for row in rows[1:] if down else reversed(rows[:-1]):
            _sort(rows, row, down=down)
        found = crossings(rows)
        if found < fewest:
            best, fewest = [list(row) for row in rows], found
    for row, kept in zip(rows, best, strict=True):
        row[:] = kept


def _sort(rows: list[list[Item]], row: list[Item], *, down: bool) -> None:
    layer = row[0].layer
    beside = rows[layer - 1 if down else layer + 1]
    at = {id(item): place for place, item in enumerate(beside)}
    means: dict[int, float] = {}
    for place, item in enumerate(row):
        places = [at[id(other)] for other in (item.above if down else item.below)]
        # What has no neighbour there stays about where it is.
        scale = max(len(beside) - 1, 1) / max(len(row) - 1, 1)
        means[id(item)] = sum(places) / len(places) if places else place * scale
    row.sort(key=lambda item: means[id(item)])


def crossings(rows: Sequence[Sequence[Item]]) -> int:
    """Return how many pairs of links cross between the layers."""
    total = 0
    for upper, lower in pairwise(rows):
        at = {id(item): place for place, item in enumerate(lower)}
        ends = [place for item in upper for place in sorted(at[id(o)] for o in item.below)]
        total += _inversions(ends)
    return total


def _inversions(ends: list[int]) -> int:
    """Count the pairs that stand in falling order, by a tree of partial sums."""
    if not ends:
        return 0
    size = max(ends) + 1
    sums = [0] * (size + 1)
    total = 0
    for seen, end in enumerate(ends):
        at, smaller_or_equal = end + 1, 0
        while at:
            smaller_or_equal += sums[at]
            at -= at & -at
        total += seen - smaller_or_equal
        at = end + 1
        while at <= size:
            sums[at] += 1
            at += at & -at
    return total
