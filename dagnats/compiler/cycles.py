"""An order that respects what waits for what, or the cycles that leave none."""

from collections.abc import Iterator, Sequence

Sources = Sequence[Sequence[int]]
"""For each step, by number: whom it waits for."""


def order(sources: Sources) -> tuple[int, ...] | None:
    """Return the steps so that each comes after those it waits for; None when there is a cycle."""
    unmet = [len(incoming) for incoming in sources]
    dependents: list[list[int]] = [[] for _ in sources]
    for number, incoming in enumerate(sources):
        for edge in incoming:
            dependents[edge].append(number)
    found = [number for number, count in enumerate(unmet) if not count]
    for number in found:
        for dependent in dependents[number]:
            unmet[dependent] -= 1
            if not unmet[dependent]:
                found.append(dependent)
    return tuple(found) if len(found) == len(sources) else None


def cycles(sources: Sources) -> Iterator[list[int]]:
    """Yield one cycle of each knot of steps, beginning with its first step in the document."""
    for knot in _Knots(sources).find():
        if len(knot) > 1:
            yield _shortest(sources, min(knot), knot)


class _Knots:
    """The strongly connected components (Tarjan's algorithm, without recursion)."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._seen: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._stack: list[int] = []
        self._on_stack: set[int] = set()
        self._calls: list[tuple[int, Iterator[int]]] = []
        self._found: list[set[int]] = []

    def find(self) -> list[set[int]]:
        """Return them in the order of their first steps."""
        for root in range(len(self._sources)):
            if root not in self._seen:
                self._enter(root)
            while self._calls:
                self._advance(*self._calls[-1])
        return sorted(self._found, key=min)

    def _enter(self, node: int) -> None:
        self._seen[node] = self._low[node] = len(self._seen)
        self._stack.append(node)
        self._on_stack.add(node)
        self._calls.append((node, iter(self._sources[node])))

    def _advance(self, node: int, remaining: Iterator[int]) -> None:
        edge = next(remaining, None)
        if edge is None:
            self._leave(node)
        elif edge not in self._seen:
            self._enter(edge)
        elif edge in self._on_stack:
            self._low[node] = min(self._low[node], self._seen[edge])

    def _leave(self, node: int) -> None:
        self._calls.pop()
        if self._calls:
            caller = self._calls[-1][0]
            self._low[caller] = min(self._low[caller], self._low[node])
        if self._low[node] == self._seen[node]:
            self._found.append(set(self._popped(node)))

    def _popped(self, node: int) -> Iterator[int]:
        top = None
        while top != node:
            top = self._stack.pop()
            self._on_stack.discard(top)
            yield top


def _shortest(sources: Sources, start: int, knot: set[int]) -> list[int]:
    """Return the shortest way from a step back to itself, within its knot."""
    came_from: dict[int, int] = {}
    front = [start]
    while front:
        following = []
        for node in front:
            for edge in sources[node]:
                if edge == start:
                    return _way(came_from, start, node)
                if edge in knot and edge not in came_from:
                    came_from[edge] = node
                    following.append(edge)
        front = following
    raise AssertionError("a knot has a way around")


def _way(came_from: dict[int, int], start: int, last: int) -> list[int]:
    way = [last]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
