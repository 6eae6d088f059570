"""Dependencies that say nothing: implied by others, or joined where there is nothing to join.

b: depends_on [a]   c: depends_on [a, b]   →  DN3023 `c` waits for `a` by `b` already
"""

from dagnats.compiler.edges import COMPLETED, SKIPPED, Edge, Graph
from dagnats.compiler.endings import Views
from dagnats.compiler.outline import Outline
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink

STEPS_MAX = 5_000
"""Steps of a scope among which what is implied is looked for: it takes a bit for each two."""
_PLAIN = (COMPLETED,)


def check_redundancy(tables: Tables, sink: Sink) -> None:
    """Report, as notes, DN3021 to DN3023."""
    outline, graph, views, names = tables.outline, tables.graph, tables.views, tables.names
    assert graph.order is not None
    implied = _implied(outline, graph)
    for number, step in enumerate(outline.steps):
        incoming = graph.edges[number]
        if "join" in step.keys and len(incoming) < 2 and step.join != "all_done":
            count = "one dependency" if incoming else "no dependency"
            message = f"`join` decides nothing: `{step.id}` has {count}"
            span, help_ = step.key_place("join"), "remove it"
            sink.add(Diagnostic("DN3022", message, span, Severity.INFO, help=help_))
        if step.join not in {None, "all_success"} or len(incoming) < 2:
            continue
        read = {r.target for spot in names.mentioned[number] for r in spot}
        for edge in incoming:
            if not edge.explicit or edge.source in read or edge.accepts != _PLAIN:
                continue
            by = implied[number].get(edge.source)
            # Without `with` the dependencies are what the step gets.
            if by is not None and "with" in step.keys:
                _report_implied(outline, number, edge, by, sink)
            elif by is None and _is_optional(outline, views, edge.source):
                _report_optional(outline, number, edge, sink)


def _report_implied(outline: Outline, number: int, edge: Edge, by: int, sink: Sink) -> None:
    steps = outline.steps
    name, source = steps[number].id, steps[edge.source].id
    message = f"`{name}` waits for `{source}` by `{steps[by].id}` already"
    help_ = "remove it: the other dependency is enough"
    sink.add(Diagnostic("DN3023", message, edge.span, Severity.INFO, help=help_))


def _report_optional(outline: Outline, number: int, edge: Edge, sink: Sink) -> None:
    steps = outline.steps
    name, source = steps[number].id, steps[edge.source]
    message = f"`{name}` is skipped whenever `{source.id}` is"
    labels = (Label(source.key_place("when"), "it runs only in this case"),)
    help_ = f"write `{{step: {source.id}, allow: skipped}}` if `{name}` is to run all the same"
    sink.add(Diagnostic("DN3021", message, edge.span, Severity.INFO, labels, help_))


def _is_optional(outline: Outline, views: Views, source: int) -> bool:
    return outline.steps[source].when is not None and SKIPPED in views.ends[source]


def _implied(outline: Outline, graph: Graph) -> list[dict[int, int]]:
    """Return, for each step, its dependencies that others of them imply, with one that does.

    Whom a step waits for, by others too, is a set of bits: as many as its scope has steps.
    """
    place = [0] * len(outline.steps)
    for scope in outline.scopes:
        for at, number in enumerate(scope.steps):
            place[number] = at
    waits = [0] * len(outline.steps)
    found: list[dict[int, int]] = [{} for _ in outline.steps]
    assert graph.order is not None
    for number in graph.order:
        if len(outline.scopes[outline.scope_of[number]].steps) > STEPS_MAX:
            continue
        plain = [e.source for e in graph.edges[number] if e.accepts == _PLAIN]
        behind, direct = 0, 0
        for source in plain:
            # One that several imply is found by the last of them.
            if (implied := waits[source] & ~behind) and len(plain) > 1:
                found[number].update(
                    {n: source for n in plain if n != source and implied >> place[n] & 1}
                )
            behind |= waits[source]
            direct |= 1 << place[source]
        if outline.steps[number].join in {None, "all_success"}:
            waits[number] = behind | direct
    return found
