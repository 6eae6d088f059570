"""Keys that do nothing where they stand: the step would run the same without them.

- {id: total, type: transform, timeout: 5m, config: …}    →  DN7001 `timeout` has no effect here
"""

from collections.abc import Iterator
from typing import Final

from dagnats.compiler.lowering_nodes import GIVEN
from dagnats.compiler.outline import Outline
from dagnats.compiler.resolved import kind_of, works
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink, Span
from dagnats.lang import tree
from dagnats.lang.tree import Step

_OF_ATTEMPTS: Final = ("timeout", "retry")
_OF_WORKERS: Final = (
    "queue_timeout",
    "heartbeat_timeout",
    "worker_group",
    "rate_limit",
    "keyed_rate_limit",
    "max_task_concurrency",
    "required_capabilities",
)
_IN_CONFIG: Final = {
    ("loop", "timeout"): "`max_duration` in its `config` limits all iterations together",
    ("agent_loop", "timeout"): "`max_duration` in its `config` limits all iterations together",
    ("sleep", "timeout"): "`max_duration` in its `config` limits how long it sleeps",
    ("transform", "with"): "what it gives is `value` in its `config`",
    ("continue_as_new", "with"): "the next input is `input` in its `config`",
    ("fail", "with"): "what the error carries is `details` in its `config`",
}
"""Where what the author meant may stand."""


def report_idle_keys(outline: Outline, sink: Sink) -> None:
    """Report DN7001 for keys without effect on the type of their step."""
    for step in outline.steps:
        for key, span, why in _idle(step):
            message = f"`{key}` has no effect {why}"
            help_ = _IN_CONFIG.get((kind_of(step), key)) or _advice(step, key)
            sink.add(Diagnostic("DN7001", message, span, Severity.WARNING, help=help_))


def _idle(step: Step) -> Iterator[tuple[str, Span, str]]:
    """Yield such keys of a step, where they stand, and why they do nothing."""
    if step.config is None and kind_of(step) not in {"normal", "agent"}:
        return  # what is wrong is reported elsewhere
    if not works(step):
        kind = kind_of(step)
        why = f"on a step of type `{kind}`"
        if kind in {"map", "agent_loop"}:
            why = f"on a `{kind}` with a body"
        for key in (*_OF_ATTEMPTS, *_OF_WORKERS):
            if key in step.keys and not _holds(step, key):
                yield key, step.key_place(key), why
    if "with" in step.keys and kind_of(step) not in GIVEN:
        yield "with", step.key_place("with"), f"on a step of type `{kind_of(step)}`"
    if step.retry is not None:
        for policy in (step.retry, *step.retry.by_code.values()):
            if policy.delays and "strategy" in policy.keys:
                yield "strategy", policy.key_place("strategy"), "beside `delays`"
    yield from _in_config(step)


def _holds(step: Step, key: str) -> bool:
    """Whether a key about attempts means something to a step that no worker does."""
    match step.config:
        case tree.SubWorkflow():
            return key in _OF_ATTEMPTS
        case tree.Approval(timeout=own) | tree.WaitForEvent(timeout=own):
            return key == "timeout" and own is None
        case _:
            return False


def _in_config(step: Step) -> Iterator[tuple[str, Span, str]]:
    match step.config:
        case tree.Map(steps=(), output=output) as each if output is not None:
            yield "output", each.key_place("output"), "on a `map` without a body"
        case tree.Approval(escalation=escalation) as approval if (
            escalation is not None and approval.on_timeout != "escalate"
        ):
            why = "unless `on_timeout` is `escalate`"
            yield "escalation", approval.key_place("escalation"), why
        case _:
            return


def _advice(step: Step, key: str) -> str:
    if key == "strategy":
        return "remove one of them"
    if key == "escalation":
        return "add `on_timeout: escalate`, or remove it"
    if key == "timeout" and isinstance(step.config, tree.Approval | tree.WaitForEvent):
        return "remove it: the `timeout` in its `config` holds"
    match step.config:
        case tree.AgentLoop() | tree.Loop() | tree.Map() | tree.Switch() if key != "output":
            return "give it to the steps inside"
        case _:
            return "remove it"
