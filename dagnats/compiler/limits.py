"""What has no bound, and what is more than an engine takes.

- id: ask                  →  DN6001 the loop `ask` has no bound
  type: agent_loop            help: add `max_iterations: 10` to its `config`
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dagnats.compiler.ground import Ground
from dagnats.compiler.insertion import inserted
from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.compiler.resolved import Policies
from dagnats.diagnostics.diagnostic import Diagnostic, Fix, Severity, Sink, Span
from dagnats.expr.ast import INTERPOLATE, Call, Expr, ListOf, Literal, MapOf, children
from dagnats.expr.limits import LIMITS, Limits
from dagnats.ir.costs import (
    BODIES_DEPTH_MAX,
    CONCURRENT_STEPS_MAX,
    INSTANCES_MAX,
    PAYLOAD_BYTES_MAX,
    RUN_BYTES_MAX,
    RUN_EVENTS_MAX,
    STEPS_MAX,
    TIMERS_MAX,
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


def report_excess(outline: Outline, taken: Mapping[str, Bound], sink: Sink) -> bool:
    """Report DN6002 for the first limit of an engine that a run may exceed; whether there is one.

    `taken` has what a run may take by the name of the limit.
    """
    for name, bound in taken.items():
        most, what, advice = _LIMITS[name]
        if bound.max is not None and bound.max > most:
            said = f"{what.format(f'{bound.max:,}')}, more than {most:,} (limit {name})"
            sink.add(_excess(outline, bound, said, advice))
            return True
    return False


_LIMITS: Final = {
    "RUN_EVENTS_MAX": (RUN_EVENTS_MAX, "write {} events", "lower its bound or its `max_retries`"),
    "RUN_BYTES_MAX": (
        RUN_BYTES_MAX,
        "write {} bytes of history",
        "lower its bound or its `max_retries`",
    ),
    "INSTANCES_MAX": (
        INSTANCES_MAX,
        "have {} steps at once",
        "lower its `max_concurrency` or `max_items`",
    ),
    "CONCURRENT_STEPS_MAX": (
        CONCURRENT_STEPS_MAX,
        "have {} attempts at once",
        "lower its `max_concurrency`, or write `concurrency: {max_steps: 1000}`",
    ),
    "TIMERS_MAX": (TIMERS_MAX, "have {} timers at once", "lower its `max_concurrency`"),
}
"""Limits of an engine: how much, what a run would do, and what helps."""


def report_payloads(ground: Ground, sink: Sink) -> bool:
    """Report DN6002 for values of the document that no message carries; whether there was one."""
    found = False
    places = [place for of in (*ground.of_step, ground.of_document) for place in of.values()]
    for place in places:
        span = place.embedded.span
        # What is short in the document can only be long by an alias, which costs as much to read.
        if span.end.offset - span.start.offset <= PAYLOAD_BYTES_MAX:
            continue
        size = _least_bytes(place.embedded.expr)
        if size > PAYLOAD_BYTES_MAX:
            found = True
            message = (
                f"the value takes {size:,} bytes of JSON at least, more than "
                f"{PAYLOAD_BYTES_MAX:,} (limit PAYLOAD_BYTES_MAX)"
            )
            help_ = "keep it where the worker can read it, and pass on where that is"
            sink.add(Diagnostic("DN6002", message, span, help=help_))
    return found


def _least_bytes(expr: Expr) -> int:
    """Return how many bytes a value has that is written down; 0 for what is worked out."""
    found = 0
    stack = [expr]
    while stack:
        part = stack.pop()
        match part:
            case Literal(value=value):
                found += len(json.dumps(value, ensure_ascii=False, default=str))
            case ListOf() | MapOf():
                stack += children(part)
            case Call(function=function) if function == INTERPOLATE:
                stack += children(part)
            case _:
                pass
    return found


def report_overspending(
    outline: Outline, name: str, sum_: float, budget: tree.Budget | None, sink: Sink
) -> None:
    """Report DN6004 where loops may spend more together than the run, though none does alone."""
    limit = None if budget is None else getattr(budget, name)
    own = [
        getattr(step.config.budget, name)
        for step in outline.steps
        if isinstance(step.config, tree.AgentLoop) and step.config.budget is not None
    ]
    if budget is None or limit is None or any(one is not None and one > limit for one in own):
        return
    message = f"the loops may spend {sum_:,.12g} `{name}` together, and the run {limit:,.12g}"
    help_ = "the run fails when its budget is spent: raise it, or lower those of the loops"
    span = budget.place(name)
    sink.add(Diagnostic("DN6004", message, span, Severity.INFO, help=help_))


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
