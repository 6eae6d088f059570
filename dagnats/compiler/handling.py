"""Handlers: steps that run only when `on_failure` or `compensate` of another names them.

a: {on_failure: b}   b: {on_failure: a}   →  DN3012 the handlers handle each other: `a` → `b` → `a`
"""

from dagnats.compiler.cycles import cycles
from dagnats.compiler.outline import FINALLY, Outline
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink
from dagnats.lang.tree import Step

_KEYS = ("on_failure", "compensate")
_NOTHING_DONE = {
    "approval": "a decision",
    "wait_for_event": "a wait",
    "sleep": "a sleep",
    "transform": "a value that is worked out",
    "fail": "what always fails",
    "continue_as_new": "the end of a generation",
    "respond": "an answer that has left",
}
"""Types of steps after which there is nothing to undo, or no way to."""


def check_handlers(outline: Outline, sink: Sink) -> None:
    """Report DN3010 to DN3014."""
    for number, step in enumerate(outline.steps):
        for key in _KEYS:
            name = getattr(step, key)
            target = None if name is None else outline.index.get(name)
            if target is not None:
                _judge(outline, number, key, target, sink)
        _useless(outline, number, step, sink)
    _two_roles(outline, sink)
    _circles(outline, sink)


def _judge(outline: Outline, number: int, key: str, target: int, sink: Sink) -> None:
    step, handler = outline.steps[number], outline.steps[target]
    if target == number:
        message = f"`{step.id}` names itself as its `{key}`"
        help_ = "name another step; to repeat this one is what `retry` is for"
        sink.add(Diagnostic("DN3011", message, step.place(key), help=help_))
        return
    mine, its = outline.scope_of[number], outline.scope_of[target]
    if mine != its and its in outline.seen_from(mine):
        message = f"the handler `{handler.id}` stands outside of the body that `{step.id}` is in"
        labels = (Label(handler.place("id"), "it stands here"),)
        help_ = "write it among the steps of the same body"
        sink.add(Diagnostic("DN3010", message, step.place(key), labels=labels, help=help_))


def _useless(outline: Outline, number: int, step: Step, sink: Sink) -> None:
    """Report the compensation of what cannot be undone."""
    if step.compensate is None:
        return
    what = _NOTHING_DONE.get(step.type or "normal")
    if outline.scope_of[number] == FINALLY:
        what = "a step of `finally`, after which nothing is undone,"
    if what is not None:
        message = f"`{step.compensate}` has nothing to undo: `{step.id}` is {what.rstrip(',')}"
        help_ = "remove `compensate`"
        span = step.key_place("compensate")
        sink.add(Diagnostic("DN3014", message, span, Severity.WARNING, help=help_))


def _two_roles(outline: Outline, sink: Sink) -> None:
    for target, named_by in outline.owners.items():
        scope = outline.scope_of[target]
        owners = [owner for owner in named_by if outline.scope_of[owner[0]] == scope]
        if not owners:
            continue  # each of them has been reported
        first, key = owners[0]
        other = next(((number, k) for number, k in owners if k != key), None)
        if other is not None:
            name = outline.steps[target].id
            message = f"`{name}` is both an `on_failure` and a `compensate`"
            label = f"here it is the `{key}` of `{outline.steps[first].id}`"
            labels = (Label(outline.steps[first].place(key), label),)
            span = outline.steps[other[0]].place(other[1])
            help_ = "one stands for a failed step, the other undoes a completed one: write two"
            sink.add(Diagnostic("DN3013", message, span, labels=labels, help=help_))


def _circles(outline: Outline, sink: Sink) -> None:
    for circle in cycles([_handled(outline, number) for number in range(len(outline.steps))]):
        names = [outline.steps[number].id for number in circle]
        path = " → ".join(f"`{name}`" for name in [*names, names[0]])
        step = outline.steps[circle[0]]
        key = "on_failure" if step.on_failure == names[1] else "compensate"
        message = f"the handlers handle each other: {path}"
        help_ = "let the last of them fail without a handler"
        sink.add(Diagnostic("DN3012", message, step.place(key), help=help_))


def _handled(outline: Outline, number: int) -> list[int]:
    """Return the handlers that a step names, itself left out."""
    names = [getattr(outline.steps[number], key) for key in _KEYS]
    found = [outline.index[name] for name in names if name in outline.index]
    return [target for target in found if target != number]
