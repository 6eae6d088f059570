"""What must hold of a node by itself: its numbers, its words, and where its expressions stand."""

from collections.abc import Iterator
from typing import Any, NamedTuple, assert_never

from dagnats.expr.ast import Expr
from dagnats.ir import program as p
from dagnats.ir.policy_rules import budget, rate_limit, retry
from dagnats.ir.rules import (
    CODE,
    EVENTS_MAX,
    ID,
    ITEMS_MAX,
    JOINS,
    ON_EXHAUSTED,
    PLAN_STEPS_MAX,
    REPEATS_MAX,
    TASK,
    TASK_CHARS_MAX,
    finite,
    maybe_text,
    maybe_within,
    named,
    not_json,
    one_of,
    shown,
    texts,
    within,
)
from dagnats.source.shape import check_schema
from dagnats.timespec import DURATION_MS_MAX

KINDS = (
    "agent",
    "agent_loop",
    "approval",
    "continue_as_new",
    "emit",
    "fail",
    "loop",
    "map",
    "normal",
    "planner",
    "respond",
    "sleep",
    "sub_workflow",
    "switch",
    "transform",
    "wait_for_event",
)
"""Types of steps that a planner may be allowed."""

APPROVALS_MAX = 100
CASES_MAX = 100
DEPTH_MAX = 10
REPLANS_MAX = 10
CHARS_MAX = 256


class Spot(NamedTuple):
    """An expression of a node: its key, the roots it sees besides, and the bodies it looks into."""

    key: str
    expr: Expr
    roots: frozenset[str] = frozenset()
    bodies: tuple[int, ...] = ()


_LOOP, _ITEM = frozenset({"loop"}), frozenset({"item", "index"})
_RESULT, _EVENT, _SECRETS = frozenset({"result"}), frozenset({"event"}), frozenset({"secrets"})


def spots(node: p.Node) -> list[Spot]:
    """Return the expressions of a node in the order of evaluation."""
    found: list[Spot] = []

    def put(
        key: str,
        expr: Expr | None,
        roots: frozenset[str] = frozenset(),
        bodies: tuple[int, ...] = (),
    ) -> None:
        if expr is not None:
            found.append(Spot(key, expr, roots, bodies))

    put("when", node.when)
    if not isinstance(node, p.TaskNode):
        put("input", node.input)
        _own(node, put)
        return found
    key = None if node.keyed_rate_limit is None else node.keyed_rate_limit.key
    if not isinstance(node, p.AgentLoopNode):
        put("keyed_rate_limit.key", key)
        put("input", node.input, _SECRETS)
    else:
        put("initial_state", node.initial_state)
        put("keyed_rate_limit.key", key, _LOOP)
        put("input", node.input, _SECRETS | _LOOP)
        put("until", node.until, _LOOP | _RESULT)
    return found


def _own(node: p.Node, put: Any) -> None:  # noqa: C901, PLR0912 (one case a kind)
    """Put what belongs to the kind of a node that no worker does."""
    match node:
        case p.LoopNode(body=body):
            put("initial_state", node.initial_state)
            put("while", node.while_, _LOOP)
            put("until", node.until, _LOOP | _RESULT if node.result else _LOOP, (body,))
            put("state", node.state, _LOOP, (body,))
            put("output", node.output, _LOOP, (body,))
        case p.MapNode(body=body):
            put("over", node.over)
            put("output", node.output, _ITEM, (body,))
        case p.SwitchNode(cases=cases, default=default):
            put("on", node.on)
            for number, case in enumerate(cases):
                put(f"cases[{number}].when", case.when)
            put("output", node.output, frozenset(), (*(c.body for c in cases), default))
        case p.ApprovalNode():
            put("description", node.description)
            put("details", node.details)
        case p.WaitForEventNode():
            put("match", node.match, _EVENT)
        case p.SleepNode():
            put("duration", node.duration)
            put("until", node.until)
        case p.TransformNode():
            put("value", node.value)
        case p.EmitNode():
            put("data", node.data)
        case p.RespondNode():
            put("headers", node.headers)
            put("body", node.body)
        case p.ContinueAsNewNode():
            put("next_input", node.next_input)
        case p.FailNode():
            put("message", node.message)
            put("details", node.details)
        case _:
            pass


def node_faults(node: p.Node) -> Iterator[str]:
    """Tell what is wrong with a node by itself, expressions left aside."""
    yield from one_of("join", node.join, JOINS)
    if node.metadata:
        wrong = not_json(dict(node.metadata))
        if wrong is not None:
            yield f"`metadata` {wrong}"
    if isinstance(node, p.TaskNode):
        yield from _work(node)
    yield from _kind(node)


def _work(node: p.TaskNode) -> Iterator[str]:
    if len(node.task) > TASK_CHARS_MAX or not TASK.fullmatch(node.task):
        yield f"{shown(node.task)} is no name of a task"
    yield from within("timeout_ms", node.timeout_ms, 1, DURATION_MS_MAX)
    yield from within("queue_timeout_ms", node.queue_timeout_ms, 1, DURATION_MS_MAX)
    yield from maybe_within("heartbeat_timeout_ms", node.heartbeat_timeout_ms, 1, DURATION_MS_MAX)
    yield from within("max_deliveries", node.max_deliveries, 1, REPEATS_MAX)
    yield from retry(node.retry)
    yield from rate_limit("rate_limit", node.rate_limit, keyed=False)
    yield from rate_limit("keyed_rate_limit", node.keyed_rate_limit, keyed=True)
    yield from maybe_within("max_task_concurrency", node.max_task_concurrency, 1, REPEATS_MAX)
    if node.worker_group is not None:
        yield from named("worker_group", node.worker_group, ID)
    yield from texts("required_capabilities", node.required_capabilities)


def _kind(node: p.Node) -> Iterator[str]:  # noqa: C901, PLR0912 (one case a kind)
    match node:
        case p.AgentLoopNode() | p.LoopNode():
            yield from _repeated(node)
        case p.PlannerNode():
            yield from _planner(node)
        case p.MapNode():
            yield from within("max_items", node.max_items, 1, ITEMS_MAX)
            yield from maybe_within("max_concurrency", node.max_concurrency, 1, ITEMS_MAX)
            yield from within("tolerance", node.tolerance, 0, ITEMS_MAX)
            if node.tolerance_percent is not None:
                yield from finite("tolerance_percent", node.tolerance_percent, 100)
        case p.SwitchNode():
            yield from _switch(node)
        case p.ApprovalNode():
            yield from _approval(node)
        case p.WaitForEventNode():
            yield from _wait(node)
        case p.SleepNode():
            yield from within("max_duration_ms", node.max_duration_ms, 1, DURATION_MS_MAX)
            ways = [way for way in (node.duration, node.until, node.cron) if way is not None]
            if len(ways) != 1:
                yield f"it has {len(ways)} of `duration`, `until` and `cron`, not one"
            yield from maybe_text("cron", node.cron)
            yield from maybe_text("timezone", node.timezone)
        case p.SubWorkflowNode():
            yield from named("workflow", node.workflow, ID)
            yield from maybe_text("version", node.version)
            yield from within("timeout_ms", node.timeout_ms, 1, DURATION_MS_MAX)
            yield from one_of("on_parent_close", node.on_parent_close, ("cancel", "abandon"))
            yield from retry(node.retry)
        case p.EmitNode():
            yield from named("event", node.event)
        case p.RespondNode():
            yield from within("status", node.status, 100, 599)
            yield from maybe_text("content_type", node.content_type)
        case p.ContinueAsNewNode():
            yield from within("max_generations", node.max_generations, 1, REPEATS_MAX)
        case p.FailNode():
            yield from named("code", node.code, CODE)
        case p.TaskNode() | p.TransformNode():
            pass
        case _:
            assert_never(node)


def _repeated(node: p.AgentLoopNode | p.LoopNode) -> Iterator[str]:
    yield from within("max_iterations", node.max_iterations, 1, REPEATS_MAX)
    yield from one_of("on_exhausted", node.on_exhausted, ON_EXHAUSTED)
    yield from maybe_within("max_duration_ms", node.max_duration_ms, 1, DURATION_MS_MAX)
    yield from within("delay_ms", node.delay_ms, 0, DURATION_MS_MAX)
    yield from budget(node.budget)


def _planner(node: p.PlannerNode) -> Iterator[str]:
    yield from within("max_steps", node.max_steps, 1, PLAN_STEPS_MAX)
    yield from maybe_within("max_depth", node.max_depth, 1, DEPTH_MAX)
    yield from within("max_replans", node.max_replans, 0, REPLANS_MAX)
    yield from texts("allowed_tasks", node.allowed_tasks)
    for task in node.allowed_tasks:
        yield from named("allowed_tasks", task)
    yield from texts("allowed_types", node.allowed_types)
    for kind in node.allowed_types:
        yield from one_of("allowed_types", kind, KINDS)


def _wait(node: p.WaitForEventNode) -> Iterator[str]:
    yield from named("event", node.event)
    yield from within("timeout_ms", node.timeout_ms, 1, DURATION_MS_MAX)
    yield from one_of("on_timeout", node.on_timeout, ("fail", "skip", "complete"))
    yield from within("count", node.count, 1, EVENTS_MAX)
    yield from maybe_within("look_back_ms", node.look_back_ms, 1, DURATION_MS_MAX)


def _switch(node: p.SwitchNode) -> Iterator[str]:
    yield from within("cases", len(node.cases), 1, CASES_MAX)
    for number, case in enumerate(node.cases):
        has_values, wants = bool(case.values), node.on is not None
        if has_values != wants or (case.when is not None) == wants:
            what = "`values` and no `when`" if wants else "a `when` and no `values`"
            yield f"`cases[{number}]` is to have {what}"
            return
        wrong = not_json(list(case.values))
        if wrong is not None:
            yield f"`cases[{number}].values` {wrong}"


def _approval(node: p.ApprovalNode) -> Iterator[str]:
    yield from within("timeout_ms", node.timeout_ms, 1, DURATION_MS_MAX)
    yield from within("quorum", node.quorum, 1, APPROVALS_MAX)
    ways = ("fail", "reject", "approve", "escalate")
    yield from one_of("on_timeout", node.on_timeout, ways)
    yield from one_of("on_reject", node.on_reject, ("fail", "complete"))
    yield from maybe_within("remind_every_ms", node.remind_every_ms, 1, DURATION_MS_MAX)
    yield from texts("approvers", node.approvers)
    yield from texts("escalation_approvers", node.escalation_approvers)
    limit = node.escalation_timeout_ms
    yield from maybe_within("escalation_timeout_ms", limit, 1, DURATION_MS_MAX)
    if bool(node.escalation_approvers) != (limit is not None):
        yield "`escalation_approvers` and `escalation_timeout_ms` come together"
    if node.on_timeout == "escalate" and limit is None:
        yield "`on_timeout` is `escalate`, and there is nobody to escalate to"
    yield from maybe_text("subject", node.subject)
    if node.form is not None:
        wrong = not_json(node.form) or check_schema(node.form)
        if wrong is not None:
            yield f"`form` is no JSON Schema: {wrong}"
