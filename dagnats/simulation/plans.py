"""Plans that a planner may come up with: the least, the most, and one that is refused."""

import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.ir.costs import planned_timers, retries
from dagnats.ir.program import PlannerNode
from dagnats.machine.inputs import Plan
from dagnats.planning import defaults_of

_Step = dict[str, Any]
_PATIENT: Final = 4
"""A step that is tried twice has this part of the time of one that is tried once."""


class Plans(Struct, frozen=True):
    """Plans for one planner: `deep` is as long as may be, `wide` as broad, `least` has one step.

    Of `waiting` as many steps as can be wait at once. Where no plan is possible all are refused.
    """

    deep: Plan
    wide: Plan
    waiting: Plan
    least: Plan
    refused: Plan = Plan(problems=("the simulated plan is refused",))

    def __iter__(self) -> Iterator[Plan]:
        """Yield those that differ in what they lead to."""
        good = [plan for plan in (self.deep, self.least) if plan.program is not None]
        yield from {plan.digest: plan for plan in good}.values()
        yield self.refused


def plans(node: PlannerNode) -> Plans:
    """Return plans for a planner, of tasks with its own policies where nothing else is said."""
    count, chain = node.max_steps, min(node.max_steps, node.max_depth or node.max_steps)
    deep, wide, least = (_plan(node, n, c) for n, c in ((count, chain), (count, 1), (1, 1)))
    return Plans(deep, wide, _waiting(node) or wide, least)


def _waiting(node: PlannerNode) -> Plan | None:
    """Return a plan whose steps wait for a second attempt where the planner's own have but one."""
    if retries(node.retry):
        return None
    count = planned_timers(node.max_steps, 1, ("normal",))
    policies = {
        "timeout": f"{max(1, node.timeout_ms // _PATIENT)}ms",
        "queue_timeout": f"{max(1, node.queue_timeout_ms // _PATIENT)}ms",
        "retry": {"max_retries": 1, "initial_delay": "1ms", "max_delay": "1ms"},
    }
    return _plan(node, count, 1, policies) if count else None


def _plan(node: PlannerNode, size: int, chain: int, policies: _Step | None = None) -> Plan:
    """Return a plan of so many tasks, so many of them in a row.

    A refused one where no task is allowed, or none of a plain type.
    """
    refused = Plans.__struct_defaults__[-1]
    assert isinstance(refused, Plan)
    if not node.allowed_tasks or "normal" not in node.allowed_types:
        return refused
    steps = []
    for number in range(size):
        step: _Step = {"id": f"p{number}", "task": node.allowed_tasks[0], **(policies or {})}
        if 0 < number < chain:
            step["depends_on"] = [f"p{number - 1}"]
        steps.append(step)
    document = {"name": "plan", "defaults": defaults_of(node), "steps": steps}
    compiled = compile_workflow(json.dumps(document), "plan")
    if compiled.program is None:
        return refused
    program = replace(compiled.program, source_map=None)
    return Plan(program, codec.digest(program), codec.to_document(program))
