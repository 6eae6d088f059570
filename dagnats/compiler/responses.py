"""Answers to HTTP requests: somebody waits for one, and gets one.

steps: [{id: a, type: respond}]  without an `http` trigger   →  DN3024 nobody waits for an answer
"""

from collections.abc import Iterator

from dagnats.compiler.edges import SKIPPED
from dagnats.compiler.endings import Views
from dagnats.compiler.outline import Outline
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span
from dagnats.lang.tree import AgentLoop, Loop, Map, Respond


def check_responses(tables: Tables, sink: Sink) -> None:
    """Report DN3024 for an answer too many, DN3027 for one that never comes."""
    workflow, outline, views = tables.workflow, tables.outline, tables.views
    answers = [n for n, step in enumerate(outline.steps) if isinstance(step.config, Respond)]
    asked = [trigger for trigger in workflow.triggers if trigger.http is not None]
    if asked and not answers and not any(s.type == "respond" for s in outline.steps):
        message = "requests to this endpoint wait in vain: no step responds"
        help_ = "add a step of type `respond`, or make it a `webhook`, which answers at once"
        span = asked[0].key_place("http")
        sink.add(Diagnostic("DN3027", message, span, Severity.WARNING, help=help_))
    _again(outline, answers, sink)
    if answers and not asked:
        triggers = "none of its triggers is `http`" if workflow.triggers else "there is no trigger"
        message = f"nobody waits for this answer: {triggers}"
        help_ = "add an `http` trigger, or leave the step out"
        _warn(message, outline.steps[answers[0]].place("id"), (), help_, sink)
        return
    for first, second in _twice(outline, views, answers):
        label = Label(outline.steps[first].place("id"), "the answer is sent here")
        message = f"a request is answered once, and `{outline.steps[first].id}` does it too"
        help_ = "give both a `when`, so that only one runs"
        _warn(message, outline.steps[second].place("id"), (label,), help_, sink)


def _again(outline: Outline, answers: list[int], sink: Sink) -> None:
    """Report answers in what is repeated."""
    for number in answers:
        for container in outline.ancestors(number):
            if isinstance(outline.steps[container].config, Map | Loop | AgentLoop):
                name = outline.steps[container].id
                message = f"a request is answered once, and `{name}` may come here again"
                help_ = f"respond behind `{name}`"
                span = outline.steps[number].place("id")
                sink.add(Diagnostic("DN3024", message, span, help=help_))
                break


def _twice(outline: Outline, views: Views, answers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield answers that run although one that surely runs too has been before them."""
    always: dict[int, int] = {}
    for number in answers:
        step, scope = outline.steps[number], outline.scope_of[number]
        if number in outline.handlers or step.when is not None:
            continue
        if SKIPPED in views.ends[number]:
            continue
        if scope in always:
            yield always[scope], number
        always.setdefault(scope, number)


def _warn(message: str, span: Span, labels: tuple[Label, ...], help_: str, sink: Sink) -> None:
    sink.add(Diagnostic("DN3024", message, span, Severity.WARNING, labels, help_))
