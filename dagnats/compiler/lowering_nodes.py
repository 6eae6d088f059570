"""Steps to nodes: policies resolved, expressions as they were judged, what has no effect left out.

One node for each step, and one more, called `ID.each`, for the only task of a map.
"""

from collections.abc import Callable
from typing import Any, Final

from dagnats.compiler.ground import Ground, Places, expr_of
from dagnats.compiler.resolved import Work, kind_of, slept_ms, works
from dagnats.compiler.trees import canonical, mapping
from dagnats.expr.ast import Expr, Literal
from dagnats.ir import program as p
from dagnats.ir.rules import OUTCOMES
from dagnats.lang import tree
from dagnats.lang.tree import Step
from dagnats.timespec import format_duration

EACH: Final = "each"
"""What a map's only task is called, behind the id of the map and a dot."""

GIVEN: Final = frozenset(
    {"normal", "agent", "agent_loop", "planner", "map", "loop", "switch", "sub_workflow", "emit"}
    | {"respond"}
)
"""Types of steps that do something with their input."""

BodyOf = Callable[[int, str], int]
"""Gives the index of a body by the number of its container and its name."""


class Nodes:
    """Makes nodes of steps, which are numbered as in the outline; `at` has their indexes."""

    def __init__(self, ground: Ground, at: list[int], body_of: BodyOf) -> None:
        self._ground = ground
        self._at = at
        self._body_of = body_of

    def of(self, number: int, within: int | None) -> tuple[p.Node, ...]:
        """Return the nodes of a step: itself, and the only task of a map."""
        step, places = self._ground.outline.steps[number], self._ground.of_step[number]
        common = self._common(number, step, places, within)
        if works(step):
            return self._work(number, step, places, common)
        return (self._node(number, step, places, common),)

    def _common(
        self, number: int, step: Step, places: Places, within: int | None
    ) -> dict[str, Any]:
        found: dict[str, Any] = {"id": step.id, "within": within}
        if edges := self._ground.graph.edges[number]:
            found["edges"] = tuple(
                [p.Edge(self._at[edge.source], outcomes(edge.accepts)) for edge in edges]
            )
        if step.join is not None:
            found["join"] = step.join
        if "when" in places:
            found["when"] = _expr(places, "when")
        if "with" in places and kind_of(step) in GIVEN:
            found["input"] = _expr(places, "with")
        for key, handler in self._ground.handlers(number):
            found[key] = self._at[handler]
        if step.metadata:
            found["metadata"] = step.metadata
        return found

    def _work(
        self, number: int, step: Step, places: Places, common: dict[str, Any]
    ) -> tuple[p.Node, ...]:
        work = self._ground.policies.work(step)
        assert step.task is not None, "the shape has refused a step without its task"
        does = {"task": step.task, **_worked(work, step, places)}
        bound = self._ground.policies.bound(step)
        match step.config:
            case tree.AgentLoop() as loop:
                return (
                    p.AgentLoopNode(
                        **common,
                        **does,
                        **_repetition(loop, bound, places),
                        until=_expr(places, "until"),
                        budget=budget(loop.budget),
                    ),
                )
            case tree.Map() as each:
                given = {"input": common.pop("input")} if "input" in common else {}
                body = self._body_of(number, "steps")
                task = p.TaskNode(id=f"{step.id}.{EACH}", within=body, **given, **does)
                return self._map(each, bound, body, places, {**common, "single": True}), task
            case tree.Planner() as planner:
                return (
                    p.PlannerNode(
                        **common,
                        **does,
                        max_steps=_sure(bound),
                        max_depth=planner.max_depth or None,
                        allowed_tasks=self._allowed(planner),
                        allowed_types=tuple(sorted(planner.allowed_types)) or ("normal",),
                        max_replans=planner.max_replans or 0,
                    ),
                )
            case _:
                return (p.TaskNode(**common, **does, agent=kind_of(step) == "agent"),)

    def _allowed(self, planner: tree.Planner) -> tuple[str, ...]:
        """Return the tasks of plans: those that are listed, or else those that are declared."""
        return tuple(sorted(planner.allowed_tasks or self._ground.workflow.tasks))

    def _map(
        self, each: tree.Map, bound: int | None, body: int, places: Places, common: dict[str, Any]
    ) -> p.MapNode:
        count = _sure(bound)
        window = each.max_concurrency
        tolerance, percent = 0, None
        if isinstance(each.tolerance, str):
            percent = float(each.tolerance.removesuffix("%"))
        elif each.tolerance is not None:
            tolerance = each.tolerance
        return p.MapNode(
            **common,
            body=body,
            max_items=count,
            over=_expr(places, "over"),
            max_concurrency=window if window is not None and window < count else None,
            tolerance=min(tolerance, count),
            tolerance_percent=percent or None,
            output=None if "single" in common else _expr(places, "output"),
        )

    def _node(self, number: int, step: Step, places: Places, common: dict[str, Any]) -> p.Node:
        bound = self._ground.policies.bound(step)
        match step.config:
            case tree.AgentLoop() as loop:
                made = _repetition(loop, bound, places)
                spends = budget(loop.budget)
                return self._loop(number, places, {**common, **made}, budget=spends, result=True)
            case tree.Loop() as loop:
                return self._loop(number, places, {**common, **_repetition(loop, bound, places)})
            case tree.Map() as each:
                body = self._body_of(number, "steps")
                return self._map(each, bound, body, places, common)
            case tree.Switch() as switch:
                return self._switch(number, switch, places, common)
            case tree.Approval() as approval:
                return _approval(approval, _sure(bound), places, common)
            case tree.SubWorkflow() as child:
                return p.SubWorkflowNode(
                    **common,
                    workflow=child.workflow,
                    timeout_ms=self._ground.policies.child_timeout_ms(step),
                    version=child.version,
                    detach=bool(child.detach),
                    on_parent_close=child.on_parent_close or "cancel",
                    retry=self._ground.policies.work(step).retry,
                )
            case tree.Sleep() as sleep:
                return _sleep(sleep, self._ground.policies.sleep_ms(step), places, common)
            case _:
                return _plain_node(step, bound, places, common)

    def _loop(
        self, number: int, places: Places, common: dict[str, Any], **of_agent: Any
    ) -> p.LoopNode:
        return p.LoopNode(
            **common,
            **of_agent,
            body=self._body_of(number, "steps"),
            until=_expr(places, "until"),
            while_=_expr(places, "while"),
            state=_expr(places, "state"),
            output=_expr(places, "output"),
        )

    def _switch(
        self, number: int, switch: tree.Switch, places: Places, common: dict[str, Any]
    ) -> p.SwitchNode:
        cases = tuple(
            p.Case(
                body=self._body_of(number, str(at)),
                values=tuple([_constant(value.expr) for value in case.values]),
                when=_expr(places, f"cases[{at}].when"),
            )
            for at, case in enumerate(switch.cases)
        )
        return p.SwitchNode(
            **common,
            cases=cases,
            on=_expr(places, "on"),
            default=None if switch.default is None else self._body_of(number, "default"),
            output=_expr(places, "output"),
        )


def outcomes(accepted: tuple[str, ...]) -> tuple[str, ...]:
    """Return outcomes in the order in which a program has them."""
    return tuple([outcome for outcome in OUTCOMES if outcome in accepted])


def _expr(places: Places, key: str) -> Expr | None:
    found = expr_of(places, key)
    return None if found is None else canonical(found)


def _sure(bound: int | None) -> int:
    assert bound is not None, "`limits` has refused what has no bound"
    return bound


def _constant(expr: Expr) -> Any:
    assert isinstance(expr, Literal), "the values of a case are constant"
    return expr.value


def _worked(work: Work, step: Step, places: Places) -> dict[str, Any]:
    """Return what says how workers do a task."""
    rate, keyed = step.rate_limit, step.keyed_rate_limit
    return {
        "timeout_ms": work.timeout_ms,
        "queue_timeout_ms": work.queue_timeout_ms,
        "heartbeat_timeout_ms": work.heartbeat_timeout_ms,
        "retry": work.retry,
        "max_deliveries": work.max_deliveries,
        "worker_group": work.worker_group,
        "rate_limit": rate and p.RateLimit(rate.limit, rate.period),
        "keyed_rate_limit": keyed
        and p.RateLimit(
            keyed.limit, keyed.period, _expr(places, "keyed_rate_limit.key"), keyed.units or 1
        ),
        "max_task_concurrency": step.max_task_concurrency or None,
        "required_capabilities": tuple(sorted(step.required_capabilities)),
    }


def _repetition(
    loop: tree.AgentLoop | tree.Loop, bound: int | None, places: Places
) -> dict[str, Any]:
    state = _expr(places, "initial_state")
    return {
        "max_iterations": _sure(bound),
        # Null is what the state is without it.
        "initial_state": None if state == Literal(None) else state,
        "on_exhausted": loop.on_exhausted or "fail",
        "max_duration_ms": loop.max_duration,
        "delay_ms": loop.delay or 0,
    }


def budget(written: tree.Budget | None) -> p.Budget | None:
    """Return a budget; None where it limits nothing."""
    if written is None:
        return None
    usd = None if written.usd is None else float(written.usd)
    found = p.Budget(written.tokens, usd, written.tool_calls)
    return None if found == p.Budget() else found


def _approval(
    approval: tree.Approval, timeout_ms: int, places: Places, common: dict[str, Any]
) -> p.ApprovalNode:
    entries: list[tuple[Expr, Expr]] = []
    for name in approval.metadata:
        value = _expr(places, f"metadata.{name}")
        if value is not None:
            entries.append((Literal(name), value))
    escalation = approval.escalation if approval.on_timeout == "escalate" else None
    return p.ApprovalNode(
        **common,
        timeout_ms=timeout_ms,
        approvers=approval.approvers,
        quorum=approval.quorum or 1,
        on_timeout=approval.on_timeout or "fail",
        on_reject=approval.on_reject or "fail",
        remind_every_ms=approval.remind_every,
        escalation_approvers=() if escalation is None else escalation.approvers,
        escalation_timeout_ms=None if escalation is None else escalation.timeout,
        form=approval.form,
        description=_expr(places, "description"),
        subject=approval.subject,
        details=mapping(entries) if entries else None,
    )


def _sleep(
    sleep: tree.Sleep, longest_ms: int, places: Places, common: dict[str, Any]
) -> p.SleepNode:
    said = slept_ms(sleep)
    return p.SleepNode(
        **common,
        max_duration_ms=longest_ms,
        # However a duration is written, it is one.
        duration=_expr(places, "duration") if said is None else Literal(format_duration(said)),
        until=_expr(places, "until"),
        cron=sleep.cron,
        timezone=sleep.timezone or "UTC",
    )


def _plain_node(step: Step, bound: int | None, places: Places, common: dict[str, Any]) -> p.Node:
    """Return the node of a step that has no body and no worker."""
    match step.config:
        case tree.WaitForEvent() as wait:
            return p.WaitForEventNode(
                **common,
                event=wait.event,
                timeout_ms=_sure(bound),
                match=_expr(places, "match"),
                on_timeout=wait.on_timeout or "fail",
                count=wait.count or 1,
                look_back_ms=wait.look_back,
            )
        case tree.Transform():
            value = _expr(places, "value")
            assert value is not None, "a transform has a value"
            return p.TransformNode(**common, value=value)
        case tree.Emit() as emit:
            return p.EmitNode(**common, event=emit.event, data=_expr(places, "data"))
        case tree.Respond() as respond:
            headers: list[tuple[Expr, Expr]] = []
            for name in respond.headers:
                value = _expr(places, f"headers.{name}")
                if value is not None:
                    headers.append((Literal(name), value))
            return p.RespondNode(
                **common,
                status=respond.status or 200,
                headers=mapping(headers) if headers else None,
                body=_expr(places, "body"),
                content_type=respond.content_type or "application/json",
            )
        case tree.ContinueAsNew():
            following = _expr(places, "input")
            assert following is not None, "a continuation has an input"
            return p.ContinueAsNewNode(**common, next_input=following, max_generations=_sure(bound))
        case tree.Fail() as fail:
            return p.FailNode(
                **common,
                code=fail.code,
                message=_expr(places, "message"),
                details=_expr(places, "details"),
            )
        case _:
            raise AssertionError(f"the step `{step.id}` has a config that its type does not know")
