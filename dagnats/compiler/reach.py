"""What can be reached: steps that no run gets to, runs without an end, and what ends a generation.

a: {type: fail}   b: {depends_on: [a]}   →  DN3020 `b` never runs: `a` never completes
"""

from collections.abc import Iterator

from dagnats.compiler.edges import COMPLETED, FAILED, SKIPPED, Graph
from dagnats.compiler.endings import Views, is_never
from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink
from dagnats.lang.tree import AgentLoop, ContinueAsNew, Fail, Loop, Map, Step

SHOWN_MAX = 5
"""Steps that a message names."""
CONTINUATIONS_MAX = 100
"""Steps that end a generation of which is said what may be open then; each costs a walk."""


def check_reach(tables: Tables, never: frozenset[int], sink: Sink) -> None:
    """Report DN3020, DN3025 and DN3026; `never` are steps whose condition cannot hold."""
    outline, views = tables.outline, tables.views
    dead = _dead(outline, tables.graph, views, never)
    for number, source in dead.items():
        if source not in dead:  # those behind it say nothing new
            _report_dead(outline, number, source, never, sink)
    continuing = 0
    for number, step in enumerate(outline.steps):
        if isinstance(step.config, ContinueAsNew) and not _misplaced(outline, number, sink):
            continuing += 1
            if continuing <= CONTINUATIONS_MAX:
                _continues(tables, number, dead, sink)
        _endless(outline, views, number, step, sink)


def _dead(outline: Outline, graph: Graph, views: Views, never: frozenset[int]) -> dict[int, int]:
    """Return the steps that never start, each with one it waits for that is to blame."""
    assert graph.order is not None
    ends: list[frozenset[str]] = list(views.ends)
    for number in never:
        ends[number] = frozenset({SKIPPED})
    dead: dict[int, int] = {}
    for number in graph.order:
        incoming = graph.edges[number]
        match outline.steps[number].join:
            case "all_done":
                blocking = None
            case "any_success" if len(incoming) > 1:
                alive = any(COMPLETED in ends[edge.source] for edge in incoming)
                blocking = None if alive else incoming[0].source
            case _:
                blocked = (e.source for e in incoming if not ends[e.source] & set(e.accepts))
                blocking = next(blocked, None)
        if blocking is not None and number not in outline.handlers:
            dead[number] = blocking
            ends[number] = frozenset({SKIPPED})
    return dead


def _report_dead(
    outline: Outline, number: int, source: int, never: frozenset[int], sink: Sink
) -> None:
    step, blocking = outline.steps[number], outline.steps[source]
    always_skipped = source in never or is_never(blocking)
    why = "is always skipped" if always_skipped else "never completes"
    message = f"`{step.id}` never runs: it waits for `{blocking.id}`, which {why}"
    labels = (Label(blocking.place("when" if always_skipped else "id"), f"it {why}"),)
    help_ = "leave it out, or let it wait for what completes"
    if always_skipped:
        help_ = f"accept that with `allow: skipped`, or let `{blocking.id}` run"
    span = step.place("id")
    sink.add(Diagnostic("DN3020", message, span, Severity.WARNING, labels, help_))


def _endless(outline: Outline, views: Views, number: int, step: Step, sink: Sink) -> None:
    """Report what keeps every run from completing."""
    if outline.scope_of[number] != ROOT or number in outline.handlers or step.on_failure:
        return
    ends = views.ends[number]
    if SKIPPED in ends or FAILED in ends:
        return
    match step.config:
        case Fail():
            message = f"no run can complete: all of them come to `{step.id}`, which fails"
        case ContinueAsNew():
            message = f"no run can complete: every generation comes to `{step.id}` and goes on"
        case _:
            return
    help_ = "say with `when` in which case"
    span = step.place("id")
    sink.add(Diagnostic("DN3026", message, span, Severity.WARNING, help=help_))


def _misplaced(outline: Outline, number: int, sink: Sink) -> bool:
    """Report a step that ends the generation from where it never can; whether it is one."""
    step = outline.steps[number]
    span = step.place("id")
    for container in outline.ancestors(number):
        if isinstance(outline.steps[container].config, Map | Loop | AgentLoop):
            name = outline.steps[container].id
            message = f"`{step.id}` ends the generation while `{name}`, which it is in, is open"
            help_ = f"let a step behind `{name}` continue as new"
            sink.add(Diagnostic("DN3025", message, span, help=help_))
            return True
    if outline.scope_of[[number, *outline.ancestors(number)][-1]] == FINALLY:
        message = f"`{step.id}` stands in `finally`, where the run has its end already"
        sink.add(Diagnostic("DN3025", message, span, help="move it to `steps`"))
        return True
    return False


def _continues(tables: Tables, number: int, dead: dict[int, int], sink: Sink) -> None:
    """Report steps that may be open when the generation is to end."""
    outline, graph, views = tables.outline, tables.graph, tables.views
    step = outline.steps[number]
    open_ = [n for at in (number, *outline.ancestors(number)) for n in _beside(outline, graph, at)]
    names = [
        f"`{outline.steps[n].id}`"
        for n in sorted(open_)
        if SKIPPED not in views.ends[n] and n not in dead
    ]
    if names:
        shown = ", ".join(names[:SHOWN_MAX]) + (", …" if len(names) > SHOWN_MAX else "")
        message = f"`{step.id}` may come while other steps are open: {shown}"
        help_ = "let it depend on them: a generation ends when all its steps have ended"
        span = step.place("id")
        sink.add(Diagnostic("DN3025", message, span, Severity.WARNING, help=help_))


def _beside(outline: Outline, graph: Graph, number: int) -> Iterator[int]:
    """Yield the steps of the same scope that come neither before nor behind a step."""
    members = outline.scopes[outline.scope_of[number]].steps
    before = _closure(number, [[edge.source for edge in edges] for edges in graph.edges])
    behind: list[list[int]] = [[] for _ in graph.edges]
    for at in members:
        for edge in graph.edges[at]:
            behind[edge.source].append(at)
    related = before | _closure(number, behind)
    for at in members:
        if at not in related and at not in outline.handlers:
            yield at


def _closure(start: int, following: list[list[int]]) -> set[int]:
    found = {start}
    stack = [start]
    while stack:
        for number in following[stack.pop()]:
            if number not in found:
                found.add(number)
                stack.append(number)
    return found
