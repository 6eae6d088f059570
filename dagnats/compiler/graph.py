"""What waits for what: edges from `depends_on` and from expressions, and the proof that they end.

a waits for b, b waits for a      →  DN3003 the steps wait for each other: `a` → `b` → `a`
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dagnats.compiler.names import Names
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span
from dagnats.lang.ast import Workflow

COMPLETED = ("completed",)
PATH_SHOWN_MAX = 12
"""Steps of a cycle that a message names."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A step waits for the one at index `source`; `span` is where the document says so."""

    source: int
    accepts: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Graph:
    """Side table: the edges of each step by ascending source, and an order that respects them.

    `order` is None when there is a cycle.
    """

    edges: tuple[tuple[Edge, ...], ...]
    order: tuple[int, ...] | None


def connect(workflow: Workflow, names: Names, sink: Sink) -> Graph:
    """Return the side table; DN3003 for each cycle, DN3004 for a step that waits for itself.

    DN9002 advises against naming a dependency twice.
    """
    edges = tuple(_edges(workflow, names, number, sink) for number in range(len(workflow.steps)))
    order = _order(edges)
    if order is None:
        for cycle in _cycles(edges):
            sink.add(_finding(workflow, edges, cycle))
    return Graph(edges, order)


def _edges(workflow: Workflow, names: Names, number: int, sink: Sink) -> tuple[Edge, ...]:
    found: dict[int, Edge] = {}
    itself: list[tuple[Span, str]] = []
    name = workflow.steps[number].common.id
    for dependency in workflow.steps[number].common.depends_on:
        source = names.index.get(dependency.step)
        if source is None:
            continue
        if source == number:
            itself.append((dependency.span, f"leave `{name}` out, or name the step before"))
        elif (first := found.get(source)) is not None:
            sink.add(_repeated(dependency.step, dependency.span, first.span))
            accepts = tuple(dict.fromkeys([*first.accepts, *dependency.accepts]))
            found[source] = Edge(source, accepts, first.span)
        else:
            found[source] = Edge(source, dependency.accepts, dependency.span)
    for reference in names.mentioned[number]:
        if reference.target == number:
            help_ = "refer to a step before; a loop finds its last state in `loop.state`"
            itself.append((reference.span, help_))
        elif reference.target is not None and reference.target not in found:
            found[reference.target] = Edge(reference.target, COMPLETED, reference.span)
    for span, help_ in itself[:1]:
        sink.add(Diagnostic("DN3004", f"`{name}` waits for itself", span, help=help_))
    return tuple(found[source] for source in sorted(found))


def _repeated(step: str, span: Span, first: Span) -> Diagnostic:
    message = f"the dependency on `{step}` stands here twice"
    labels = (Label(first, "first here"),)
    help_ = "keep one of them; together they accept what either accepts"
    return Diagnostic("DN9002", message, span, Severity.WARNING, labels, help_)


def _order(edges: tuple[tuple[Edge, ...], ...]) -> tuple[int, ...] | None:
    unmet = [len(incoming) for incoming in edges]
    dependents: list[list[int]] = [[] for _ in edges]
    for number, incoming in enumerate(edges):
        for edge in incoming:
            dependents[edge.source].append(number)
    order = [number for number, count in enumerate(unmet) if not count]
    for number in order:
        for dependent in dependents[number]:
            unmet[dependent] -= 1
            if not unmet[dependent]:
                order.append(dependent)
    return tuple(order) if len(order) == len(edges) else None


def _cycles(edges: tuple[tuple[Edge, ...], ...]) -> Iterator[list[int]]:
    """Yield one cycle of each knot of steps, beginning with its first step in the document."""
    for knot in _Knots(edges).find():
        if len(knot) > 1:
            yield _shortest(edges, min(knot), knot)


class _Knots:
    """The strongly connected components (Tarjan's algorithm, without recursion)."""

    def __init__(self, edges: tuple[tuple[Edge, ...], ...]) -> None:
        self._edges = edges
        self._seen: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._stack: list[int] = []
        self._on_stack: set[int] = set()
        self._calls: list[tuple[int, Iterator[Edge]]] = []
        self._found: list[set[int]] = []

    def find(self) -> list[set[int]]:
        """Return them in the order of their first steps."""
        for root in range(len(self._edges)):
            if root not in self._seen:
                self._enter(root)
            while self._calls:
                self._advance(*self._calls[-1])
        return sorted(self._found, key=min)

    def _enter(self, node: int) -> None:
        self._seen[node] = self._low[node] = len(self._seen)
        self._stack.append(node)
        self._on_stack.add(node)
        self._calls.append((node, iter(self._edges[node])))

    def _advance(self, node: int, remaining: Iterator[Edge]) -> None:
        edge = next(remaining, None)
        if edge is None:
            self._leave(node)
        elif edge.source not in self._seen:
            self._enter(edge.source)
        elif edge.source in self._on_stack:
            self._low[node] = min(self._low[node], self._seen[edge.source])

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


def _shortest(edges: tuple[tuple[Edge, ...], ...], start: int, knot: set[int]) -> list[int]:
    """Return the shortest way from a step back to itself, within its knot."""
    came_from: dict[int, int] = {}
    front = [start]
    while front:
        following = []
        for node in front:
            for edge in edges[node]:
                if edge.source == start:
                    return _way(came_from, start, node)
                if edge.source in knot and edge.source not in came_from:
                    came_from[edge.source] = node
                    following.append(edge.source)
        front = following
    raise AssertionError("a knot has a way around")


def _way(came_from: dict[int, int], start: int, last: int) -> list[int]:
    way = [last]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def _finding(
    workflow: Workflow, edges: tuple[tuple[Edge, ...], ...], cycle: list[int]
) -> Diagnostic:
    names = [workflow.steps[number].common.id for number in cycle]
    spans = [
        next(edge.span for edge in edges[number] if edge.source == following)
        for number, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    ]
    message = f"the steps wait for each other: {_path([*names, names[0]])}"
    labels = tuple(
        Label(span, f"`{name}` waits for `{following}`")
        for span, name, following in zip(
            spans[1:PATH_SHOWN_MAX], names[1:], [*names[2:], names[0]], strict=False
        )
    )
    help_ = "remove one of these dependencies"
    return Diagnostic("DN3003", message, spans[0], labels=labels, help=help_)


def _path(names: Iterable[str]) -> str:
    shown = [f"`{name}`" for name in names]
    if len(shown) > PATH_SHOWN_MAX:
        shown = [*shown[: PATH_SHOWN_MAX - 2], "…", shown[-1]]
    return " → ".join(shown)
