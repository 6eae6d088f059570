"""What has no bound, and what is more than an engine takes.

- id: ask                  →  DN6001 the loop `ask` has no bound
  type: agent_loop            help: add `max_iterations: 10` to its `config`
"""

from collections.abc import Iterator
from typing import Any, Final

from dagnats.compiler.insertion import inserted
from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.compiler.resolved import Policies
from dagnats.diagnostics.diagnostic import Diagnostic, Fix, Sink, Span
from dagnats.expr.limits import LIMITS, Limits
from dagnats.ir.costs import (
    BODIES_DEPTH_MAX,
    INSTANCES_MAX,
    RUN_EVENTS_MAX,
    STEPS_MAX,
    VALUE_CHARS_MAX,
    VALUE_ITEMS_MAX,
)
from dagnats.ir.program import Bound
from dagnats.lang import tree
from dagnats.lang.tree import Step, Workflow
from dagnats.source.document import Scalar
from dagnats.timespec import parse_duration_ms

_BOUNDS: Final[dict[type, tuple[str, str, str]]] = {
    tree.AgentLoop: ("loop", "max_iterations", "10"),
    tree.Loop: ("loop", "max_iterations", "10"),
    tree.Map: ("map", "max_items", "100"),
    tree.Planner: ("planner", "max_steps", "10"),
    tree.ContinueAsNew: ("continuation", "max_generations", "100"),
    tree.Approval: ("approval", "timeout", "24h"),
    tree.WaitForEvent: ("wait", "timeout", "1h"),
}
"""What each is called that needs a bound, the key of it, and a value to begin with."""

_DEFAULTS: Final = {"timeout": "wait_timeout"}
"""What keys are called in `defaults`, where they have another name there."""


def report_unbounded(outline: Outline, policies: Policies, sink: Sink) -> bool:
    """Report DN6001 for each repetition and wait without a bound; whether there was one.

    Where a bound is written that is none, that is reported already.
    """
    unbounded = [step for step in outline.steps if policies.bound(step) is None]
    for step in unbounded:
        if not _is_malformed(step):
            sink.add(_no_bound(step))
    return bool(unbounded)


def _is_malformed(step: Step) -> bool:
    """Whether the bound is there and cannot be read; Go's 0 can, and is no bound."""
    config = step.config
    _, key, _ = _BOUNDS[type(config)]
    entry = None if config is None else config.keys.get(key)
    if entry is None:
        return False
    value = entry.value.value if isinstance(entry.value, Scalar) else None
    return not isinstance(value, int | str) or parse_duration_ms(value) != 0


def _no_bound(step: Step) -> Diagnostic:
    called, key, value = _BOUNDS[type(step.config)]
    message = f"the {called} `{step.id}` has no bound"
    help_ = (
        f"add `{key}: {value}` to its `config`, or `{_DEFAULTS.get(key, key)}` to the `defaults`"
    )
    edit = inserted(step, key, value)
    fixes = () if edit is None else (Fix(f"add `{key}: {value}`", (edit,)),)
    return Diagnostic("DN6001", message, _config_place(step), help=help_, fixes=fixes)


def _config_place(step: Step) -> Span:
    return step.key_place("config") if "config" in step.keys else step.place("type")


def report_depth(outline: Outline, sink: Sink) -> bool:
    """Report DN6002 for bodies inside of too many others; whether there was one."""
    depth: list[int] = []
    found = False
    for scope in outline.scopes:
        deeper = 0 if scope.container is None else depth[outline.scope_of[scope.container]] + 1
        depth.append(deeper)
        if deeper == BODIES_DEPTH_MAX + 1 and scope.container is not None:
            found = True
            step = outline.steps[scope.container]
            message = (
                f"the body of `{step.id}` is {deeper} deep, more than {BODIES_DEPTH_MAX} "
                "(limit BODIES_DEPTH_MAX)"
            )
            help_ = "run the inner steps as a workflow of their own: `type: sub_workflow`"
            sink.add(Diagnostic("DN6002", message, step.place("id"), help=help_))
    return found


def report_count(workflow: Workflow, outline: Outline, sink: Sink) -> bool:
    """Report DN6002 for more steps than an engine takes; whether there are more.

    The only task of a map is a node of its own.
    """
    each = sum(isinstance(s.config, tree.Map) and not s.config.steps for s in outline.steps)
    nodes = len(outline.steps) + each
    if nodes <= STEPS_MAX:
        return False
    bodies = len(outline.steps) - sum(len(outline.scopes[at].steps) for at in (ROOT, FINALLY))
    within = ", those of bodies included" if bodies or each else ""
    message = f"the workflow has {nodes:,} steps{within}, more than {STEPS_MAX:,} (limit STEPS_MAX)"
    help_ = "split it into several workflows"
    sink.add(Diagnostic("DN6002", message, workflow.span, help=help_))
    return True


def report_excess(outline: Outline, events: Bound, instances: Bound, sink: Sink) -> bool:
    """Report DN6002 where a run may exceed what an engine takes; whether it may."""
    if events.max is not None and events.max > RUN_EVENTS_MAX:
        what = f"write {events.max:,} events, more than {RUN_EVENTS_MAX:,} (limit RUN_EVENTS_MAX)"
        advice = "lower its bound or its `max_retries`"
        sink.add(_excess(outline, events, what, advice))
        return True
    if instances.max is not None and instances.max > INSTANCES_MAX:
        what = (
            f"have {instances.max:,} steps at once, more than {INSTANCES_MAX:,} "
            "(limit INSTANCES_MAX)"
        )
        sink.add(_excess(outline, instances, what, "lower its `max_concurrency` or `max_items`"))
        return True
    return False


def _excess(outline: Outline, bound: Bound, what: str, advice: str) -> Diagnostic:
    message = f"a run may {what}: {bound.symbolic}"
    number = outline.index.get((bound.dominant_step or "").partition(".")[0], 0)
    step = outline.steps[number]
    if not isinstance(step.config, tree.AgentLoop | tree.Loop | tree.Map):
        around = next(outline.ancestors(number), None)
        if around is not None:
            advice = f"lower the bound of `{outline.steps[around].id}` around it, or run it less"
    help_ = f"most come from `{step.id}`: {advice}"
    return Diagnostic("DN6002", message, step.place("id"), help=help_)


def evaluation_limits(workflow: Workflow) -> Limits:
    """Return the limits that an engine is to evaluate with.

    They are the usual ones, or as large as the largest list or text that a schema declares, within
    what fits in a payload.
    """
    items, chars = LIMITS.list_items_max, LIMITS.string_chars_max
    stack: list[Any] = list(_schemas(workflow))
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            items = max(items, _size(part.get("maxItems")), _size(part.get("maxProperties")))
            chars = max(chars, _size(part.get("maxLength")))
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    return Limits(LIMITS.cost_max, min(items, VALUE_ITEMS_MAX), min(chars, VALUE_CHARS_MAX))


def _size(value: Any) -> int:
    return value if type(value) is int else 0


def _schemas(workflow: Workflow) -> Iterator[Any]:
    yield workflow.input
    yield workflow.output_schema
    yield from workflow.events.values()
    yield from workflow.schemas.values()
    for contract in workflow.tasks.values():
        yield contract.input
        yield contract.output
    stack = [*workflow.steps, *workflow.finally_]
    while stack:
        config = stack.pop().config
        match config:
            case tree.Approval(form=form):
                yield form
            case tree.AgentLoop(steps=steps) | tree.Loop(steps=steps) | tree.Map(steps=steps):
                stack += steps
            case tree.Switch(cases=cases, default=default):
                stack += [step for case in cases for step in case.steps]
                stack += default or ()
            case _:
                pass
