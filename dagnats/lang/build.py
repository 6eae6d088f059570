"""Document to workflow: the shape is given, this gives it types.

Nothing is judged here but what only the text can show: malformed durations, old spellings, the
syntax of expressions. Where the shape was wrong after all (the sink has the error), the part is
left out, so that later passes can still look at the rest.
"""

from dataclasses import replace
from typing import TypeGuard

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Sink, Span
from dagnats.lang.ast import (
    AgentLoopStep,
    Defaults,
    Dependency,
    Retry,
    Step,
    StepCommon,
    TaskContract,
    TaskStep,
    Workflow,
)
from dagnats.lang.durations import duration_ms
from dagnats.lang.templates import condition, template
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence, to_json

COMPLETED = "completed"
BOUND_UNREADABLE = 1
"""Iterations of a loop whose bound is there but has the wrong shape, which has been said."""


def build(document: Document, sink: Sink) -> Workflow | None:
    """Return the workflow of a document, or None when it has no name or no list of steps."""
    root = document.root
    if not isinstance(root, Mapping):
        return None
    name, steps = _text(root, "name"), root.get("steps")
    if name is None or not isinstance(steps, Sequence):
        return None
    built = (_step(item, sink) for item in steps.items if isinstance(item, Mapping))
    schema = _renamed(root, "input", "input_schema", sink)
    return Workflow(
        name=name,
        span=_name_span(root),
        steps=tuple(step for step in built if step is not None),
        label=_label(document, root.get("version")),
        description=_text(root, "description"),
        timeout_ms=duration_ms(root, "timeout", sink),
        input_schema=to_json(schema.value) if schema else None,
        tasks=_contracts(root.get("tasks")),
        defaults=_defaults(root.get("defaults"), sink),
        output=template(root.get("output"), sink),
    )


def _label(document: Document, node: Node | None) -> str | None:
    """Return the version as it is written: `1.10` is not 1.1."""
    if not isinstance(node, Scalar) or node.value is None:
        return None
    if isinstance(node.value, str):
        return node.value
    return document.text[node.span.start.offset : node.span.end.offset]


def _contracts(node: Node | None) -> dict[str, TaskContract]:
    if not isinstance(node, Mapping):
        return {}
    return {
        entry.key: TaskContract(
            name=entry.key,
            span=entry.key_span,
            input=_json(entry.value, "input"),
            output=_json(entry.value, "output"),
            idempotent=_scalar(entry.value, "idempotent") is True,
        )
        for entry in node.entries
        if isinstance(entry.value, Mapping)
    }


def _defaults(node: Node | None, sink: Sink) -> Defaults:
    if not isinstance(node, Mapping):
        return Defaults()
    return Defaults(
        timeout_ms=duration_ms(node, "timeout", sink),
        queue_timeout_ms=duration_ms(node, "queue_timeout", sink),
        retry=_retry(node.get("retry"), sink),
    )


def _retry(node: Node | None, sink: Sink) -> Retry | None:
    if not isinstance(node, Mapping):
        return None
    retries = _renamed(node, "max_retries", "max_attempts", sink)
    multiplier = _scalar(node, "multiplier")
    return Retry(
        span=node.span,
        max_retries=_integer(retries.value) if retries else None,
        strategy=_text(node, "strategy"),
        initial_delay_ms=duration_ms(node, "initial_delay", sink, zero_is_none=False),
        max_delay_ms=duration_ms(node, "max_delay", sink),
        # Go writes 0 for what is not set.
        multiplier=float(multiplier) if _is_number(multiplier) and multiplier else None,
    )


def _step(node: Mapping, sink: Sink) -> Step | None:
    id_ = node.get("id")
    if not _is_text(id_):
        return None
    task, task_span = _task(node)
    common = StepCommon(
        id=str(id_.value),
        id_span=id_.span,
        span=node.span,
        depends_on=_dependencies(node.get("depends_on")),
        when=condition(node.get("when"), sink),
        with_=template(node.get("with"), sink),
        description=_text(node, "description"),
        timeout_ms=duration_ms(node, "timeout", sink),
        queue_timeout_ms=duration_ms(node, "queue_timeout", sink),
        retry=_retry(node.get("retry"), sink),
    )
    kind, config = node.get("type"), node.entry("config")
    if kind is not None and _text(node, "type") != "normal" and _means_loop(node):
        place = config.key_span if config else kind.span
        held = config.value if config else Mapping((), place)
        return _agent_loop(held, AgentLoopStep(common, task, task_span, place), sink)
    return TaskStep(common, task, task_span)


def _task(node: Mapping) -> tuple[str, Span]:
    """Return the name of the task; empty where it is none, so that others still find the step."""
    task = node.get("task")
    return (str(task.value), task.span) if _is_text(task) else ("", node.span)


def _means_loop(node: Mapping) -> bool:
    """Whether a step is an agent loop, or of a misspelt type and bounded like one."""
    config = node.get("config")
    bounded = isinstance(config, Mapping) and config.entry("max_iterations") is not None
    return bounded or _text(node, "type") == "agent_loop"


def _agent_loop(config: Node, bare: AgentLoopStep, sink: Sink) -> AgentLoopStep:
    if not isinstance(config, Mapping):
        return replace(bare, max_iterations=BOUND_UNREADABLE)
    iterations = config.get("max_iterations")
    bound = _integer(iterations)
    return replace(
        bare,
        max_iterations=BOUND_UNREADABLE if iterations is not None and bound is None else bound,
        until=condition(config.get("until"), sink),
        initial_state=_json(config, "initial_state"),
        on_exhausted=_text(config, "on_exhausted") or "fail",
        max_duration_ms=duration_ms(config, "max_duration", sink),
    )


def _dependencies(node: Node | None) -> tuple[Dependency, ...]:
    if not isinstance(node, Sequence):
        return ()
    found = (_dependency(item) for item in node.items)
    return tuple(dependency for dependency in found if dependency is not None)


def _dependency(node: Node) -> Dependency | None:
    if _is_text(node):
        return Dependency(str(node.value), node.span)
    step = node.get("step") if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or not _is_text(step):
        return None
    match node.get("allow"):
        case Scalar(value=str(outcome)):
            allowed = [outcome]
        case Sequence(items=items):
            allowed = [str(item.value) for item in items if _is_text(item)]
        case _:
            allowed = []
    return Dependency(str(step.value), step.span, tuple(dict.fromkeys([COMPLETED, *allowed])))


def _renamed(node: Mapping, name: str, old: str, sink: Sink) -> Entry | None:
    """Return the entry of `name`, or of its `old` spelling, with advice to write the new one."""
    entry, former = node.entry(name), node.entry(old)
    if former is None:
        return entry
    if entry is not None:
        labels = (Label(entry.key_span, "the same, as it is spelt now"),)
        message = f"`{old}` and `{name}` are the same key"
        help_ = f"remove `{old}`"
        sink.add(Diagnostic("DN2008", message, former.key_span, labels=labels, help=help_))
        return entry
    fix = Fix(f"write `{name}`", (_spelling(former.key_span, name, old),), "safe")
    message, help_ = f"`{old}` is the old spelling of `{name}`", f"write `{name}`"
    info = Severity.INFO
    sink.add(Diagnostic("DN9001", message, former.key_span, info, help=help_, fixes=(fix,)))
    return former


def _spelling(span: Span, name: str, old: str) -> Edit:
    """Return the edit that renames a key, in quotes if it stands in quotes."""
    quoted = span.end.offset - span.start.offset > len(old)
    return Edit(span, f'"{name}"' if quoted else name)


def _name_span(root: Mapping) -> Span:
    name = root.get("name")
    return name.span if name else root.span


def _scalar(node: Node, key: str) -> bool | float | str | None:
    value = node.get(key) if isinstance(node, Mapping) else None
    return value.value if isinstance(value, Scalar) else None


def _text(node: Mapping, key: str) -> str | None:
    value = _scalar(node, key)
    return value if isinstance(value, str) else None


def _json(node: Node, key: str) -> object:
    value = node.get(key) if isinstance(node, Mapping) else None
    return None if value is None else to_json(value)


def _integer(node: Node | None) -> int | None:
    """Return an integer; JSON's `3.0` is one."""
    value = node.value if isinstance(node, Scalar) else None
    if not _is_number(value) or value != int(value):
        return None
    return int(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(node: Node | None) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and isinstance(node.value, str)
