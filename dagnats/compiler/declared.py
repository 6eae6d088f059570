"""Names of tasks and events that are almost those that the document declares.

tasks: {git.diff: …}   steps: [{id: a, task: git.dif}]   →  DN3019 did you mean `git.diff`?
"""

import difflib
from collections.abc import Iterable

from dagnats.compiler.outline import Outline
from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Sink, Span
from dagnats.lang.tree import Emit, WaitForEvent, Workflow

CLOSE = 0.75
"""How alike two words are that are taken for one, one of them misspelt; 1 is the same."""
CHARS_MIN = 4
CANDIDATES_MAX = 200
"""Declared names that a name is compared with."""


def check_declared(workflow: Workflow, outline: Outline, sink: Sink) -> None:
    """Report DN3018 for events, DN3019 for tasks."""
    judge = _Judge(workflow, sink)
    for step in outline.steps:
        if step.task is not None:
            judge.task(step.task, step.place("task"))
        config = step.config
        if isinstance(config, Emit | WaitForEvent):
            judge.event(config.event, config.place("event"))
    for cancel in workflow.cancel_on:
        judge.event(cancel.event, cancel.place("event"))
    for trigger in workflow.triggers:
        if trigger.event is not None:
            judge.event(trigger.event.event, trigger.event.place("event"))


class _Judge:
    def __init__(self, workflow: Workflow, sink: Sink) -> None:
        self._tasks = workflow.tasks
        self._events = workflow.events
        self._sink = sink
        self._known: dict[tuple[str, str], str | None] = {}

    def task(self, name: str, span: Span) -> None:
        self._judge("task", name, self._tasks, span)

    def event(self, name: str, span: Span) -> None:
        self._judge("event", name, self._events, span)

    def _judge(self, what: str, name: str, declared: Iterable[str], span: Span) -> None:
        key = what, name
        if key not in self._known:
            self._known[key] = meant(name, list(declared)[:CANDIDATES_MAX])
        close = self._known[key]
        if close is None:
            return
        code = "DN3019" if what == "task" else "DN3018"
        message = f"the {what} `{name}` is not declared, and `{close}` is"
        fixes: tuple[Fix, ...] = ()
        if span.end.offset - span.start.offset == len(name):
            fixes = (Fix(f"write `{close}`", (Edit(span, close),)),)
        help_ = f"did you mean `{close}`?"
        self._sink.add(Diagnostic(code, message, span, Severity.WARNING, help=help_, fixes=fixes))


def meant(name: str, declared: list[str]) -> str | None:
    """Return the declared name that was probably meant; None where it is declared, or none is."""
    if name in declared:
        return None
    likest = max(declared, key=lambda other: _likeness(name, other), default=None)
    return likest if likest is not None and _likeness(name, likest) >= CLOSE else None


def _likeness(one: str, other: str) -> float:
    """Return how alike two names are in the one word in which they differ."""
    words, others = one.split("."), other.split(".")
    if len(words) != len(others):
        return 0.0
    differing = [(a, b) for a, b in zip(words, others, strict=True) if a != b]
    if len(differing) != 1 or min(map(len, differing[0])) < CHARS_MIN:
        return 0.0
    a, b = differing[0]
    # `step1` and `step2` are two names, not one misspelt.
    if a.rstrip("0123456789") == b.rstrip("0123456789"):
        return 0.0
    return difflib.SequenceMatcher(None, a, b).ratio()
