"""What waits for what: edges from `depends_on` and from expressions, and the proof that they end.

a waits for b, b waits for a      →  DN3003 the steps wait for each other: `a` → `b` → `a`

Edges stay inside of a scope. When a step of a body refers to one outside, its container waits for
that one. Handlers and `finally` refer without waiting: the machine runs them when their time comes.
"""

from collections.abc import Iterator

from msgspec import Struct

from dagnats.compiler.cycles import cycles, order
from dagnats.compiler.naming import Names, Reference
from dagnats.compiler.outline import Outline
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span

COMPLETED, SKIPPED, FAILED = "completed", "skipped", "failed"
PATH_SHOWN_MAX = 12
"""Steps of a cycle that a message names."""


class Edge(Struct, frozen=True):
    """A step waits for the one at number `source`; `span` is where the document says so.

    `explicit` ones stand in `depends_on`, the others come from an expression.
    """

    source: int
    accepts: tuple[str, ...]
    span: Span
    explicit: bool = False


class Graph(Struct, frozen=True):
    """Side table: the edges of each step by ascending source, and an order that respects them.

    `order` is None when there is a cycle.
    """

    edges: tuple[tuple[Edge, ...], ...]
    order: tuple[int, ...] | None


def connect(outline: Outline, names: Names, sink: Sink) -> Graph:
    """Return the side table.

    DN3003 for each cycle, DN3004 for a step that waits for itself, DN3006 for `depends_on` where
    it has no meaning, DN3007 for the use of a handler as a step. DN9002 advises against naming a
    dependency twice.
    """
    found = _Connector(outline, names, sink).edges()
    sources = tuple(tuple(edge.source for edge in incoming) for incoming in found)
    in_order = order(sources)
    if in_order is None:
        for cycle in cycles(sources):
            sink.add(_finding(outline, found, cycle))
    return Graph(found, in_order)


class _Connector:
    def __init__(self, outline: Outline, names: Names, sink: Sink) -> None:
        self._outline = outline
        self._names = names
        self._sink = sink
        self._found: list[dict[int, Edge]] = [{} for _ in outline.steps]
        self._itself: set[int] = set()

    def edges(self) -> tuple[tuple[Edge, ...], ...]:
        for number in range(len(self._outline.steps)):
            self._explicit(number)
        for number in range(len(self._outline.steps)):
            for reference in self._references(number):
                self._implicit(number, reference)
        return tuple(
            tuple(incoming[source] for source in sorted(incoming)) for incoming in self._found
        )

    def _references(self, number: int) -> Iterator[Reference]:
        for mentioned in self._names.mentioned[number]:
            yield from mentioned

    def _explicit(self, number: int) -> None:
        outline = self._outline
        step = outline.steps[number]
        if number in outline.handlers and step.depends_on:
            key = outline.handlers[number]
            message = f"`{step.id}` is run by `{key}` of another step and waits for nothing"
            help_ = "remove its `depends_on`; it may refer to any step"
            self._sink.add(Diagnostic("DN3006", message, step.key_place("depends_on"), help=help_))
            return
        targets = zip(step.depends_on, self._names.dependencies[number], strict=True)
        for dependency, source in targets:
            span = dependency.place("step")
            if source is None or self._refused(number, source, span):
                continue
            if outline.scope_of[source] != outline.scope_of[number]:
                self._outside(number, source, span)
                continue
            accepts = tuple(dict.fromkeys([COMPLETED, *dependency.allow]))
            if outline.steps[source].skip_if is not None:
                accepts = tuple(dict.fromkeys([*accepts, SKIPPED]))
            self._add(number, Edge(source, accepts, span, explicit=True))

    def _add(self, number: int, edge: Edge) -> None:
        first = self._found[number].get(edge.source)
        if first is None:
            self._found[number][edge.source] = edge
            return
        name = self._outline.steps[edge.source].id
        message = f"the dependency on `{name}` stands here twice"
        labels = (Label(first.span, "first here"),)
        help_ = "keep one of them; together they accept what either accepts"
        warning = Severity.WARNING
        self._sink.add(Diagnostic("DN9002", message, edge.span, warning, labels, help_))
        accepts = tuple(dict.fromkeys([*first.accepts, *edge.accepts]))
        self._found[number][edge.source] = Edge(edge.source, accepts, first.span, explicit=True)

    def _implicit(self, number: int, reference: Reference) -> None:
        """Let the step, or the container of it that stands beside the other one, wait for it."""
        outline, source = self._outline, reference.target
        if source is None:
            return
        if number in outline.handlers or self._refused(number, source, reference.span):
            return
        scope = outline.scope_of[source]
        if outline.scopes[scope].container == number:
            return  # an expression of a container about its own body
        waiting = outline.beside(number, scope)
        if waiting is None or waiting in outline.handlers:
            return  # `finally`, or the body of a handler, about what has ended by then
        if waiting == source:
            help_ = "inside a body, what is around it has no output yet"
            self._report_itself(waiting, reference.span, help_)
        elif source not in self._found[waiting]:
            old = outline.steps[source].skip_if is not None
            accepts = (COMPLETED, SKIPPED) if old else (COMPLETED,)
            self._found[waiting][source] = Edge(source, accepts, reference.span)

    def _refused(self, number: int, source: int, span: Span) -> bool:
        """Report a step that refers to itself, or to a handler."""
        outline = self._outline
        name = outline.steps[source].id
        if source == number:
            help_ = "refer to a step before; a loop finds its last state in `loop.state`"
            explicit = any(d.place("step") == span for d in outline.steps[number].depends_on)
            if explicit:
                help_ = f"leave `{name}` out, or name the step before"
            self._report_itself(number, span, help_)
            return True
        key = outline.handlers.get(source)
        if key is None or number in outline.handlers:
            return False
        message = f"`{name}` runs only when `{key}` of another step asks for it"
        help_ = (
            "its output stands for that of the step it is for: refer to that one"
            if key == "on_failure"
            else "nothing can wait for a compensation"
        )
        self._sink.add(Diagnostic("DN3007", message, span, help=help_))
        return True

    def _report_itself(self, number: int, span: Span, help_: str) -> None:
        if number not in self._itself:
            self._itself.add(number)
            message = f"`{self._outline.steps[number].id}` waits for itself"
            self._sink.add(Diagnostic("DN3004", message, span, help=help_))

    def _outside(self, number: int, source: int, span: Span) -> None:
        """Report a dependency on a step outside of the body."""
        outline = self._outline
        container = next(iter(outline.ancestors(number)), None)
        name = outline.steps[source].id
        message = f"`depends_on` names steps of the same body, and `{name}` stands outside"
        help_ = "`finally` begins when everything else has ended; remove it"
        if container is not None:
            help_ = f"let `{outline.steps[container].id}` depend on `{name}`"
        self._sink.add(Diagnostic("DN3006", message, span, help=help_))


def _finding(outline: Outline, edges: tuple[tuple[Edge, ...], ...], cycle: list[int]) -> Diagnostic:
    names = [outline.steps[number].id for number in cycle]
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


def _path(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names]
    if len(shown) > PATH_SHOWN_MAX:
        shown = [*shown[: PATH_SHOWN_MAX - 2], "…", shown[-1]]
    return " → ".join(shown)
