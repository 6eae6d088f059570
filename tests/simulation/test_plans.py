"""Plans for a planner, compiled with its own policies: as much as was counted, and no more."""

from typing import Any

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import digest
from dagnats.ir.costs import planned_max
from dagnats.ir.program import PlannerNode
from dagnats.machine.prepared import Prepared, prepare
from dagnats.planning import plan
from dagnats.simulation.plans import Plans, plans

LISTED = "{max_retries: 2, delays: [1s, 2s], max_delay: 5s}"
GROWING = "{max_retries: 2, initial_delay: 1s, max_delay: 5s, by_code: {busy: {max_retries: 4}}}"
NONE = "{max_retries: 0}"
POLICIES = (LISTED, GROWING, NONE)


def planner(retry: str, more: str = "") -> tuple[Prepared, PlannerNode]:
    text = f"""
name: planned
tasks: {{make: {{}}, work: {{}}}}
steps:
  - id: plan
    type: planner
    task: make
    timeout: 10s
    queue_timeout: 1m
    retry: {retry}
    config: {{max_steps: 4, allowed_tasks: [work]{more}}}
"""
    program = compile_workflow(text).program
    assert program is not None
    node = next(node for node in program.nodes if isinstance(node, PlannerNode))
    return prepare(program, digest(program)), node


def planned(node: PlannerNode) -> Plans:
    found = plans(node)
    assert found.deep.program is not None
    return found


@pytest.mark.parametrize("retry", POLICIES)
def test_a_plan_as_large_as_may_be_is_taken(retry: str) -> None:
    program, node = planner(retry)
    steps: list[dict[str, Any]] = [{"id": "p0", "task": "work"}]
    steps += [
        {"id": f"p{at}", "task": "work", "depends_on": [f"p{at - 1}"]}
        for at in range(1, node.max_steps)
    ]
    made = plan(program, node, steps)
    assert made.problems == ()
    assert made.program is not None
    assert made.program.certificate.duration_ms.max == planned_max(node)["duration_ms"]


@pytest.mark.parametrize("retry", POLICIES)
def test_simulated_plans_are_no_more_than_was_counted(retry: str) -> None:
    _, node = planner(retry)
    most, found = planned_max(node), planned(node)
    for one in (found.deep, found.wide, found.waiting, found.least):
        assert one.program is not None
        for name, value in most.items():
            assert getattr(one.program.certificate, name).max <= value


@pytest.mark.parametrize("retry", POLICIES)
def test_they_come_to_all_that_was_counted(retry: str) -> None:
    """One as long as may be, one as broad, and one of which as much as can be waits."""
    _, node = planner(retry)
    most, found = planned_max(node), planned(node)
    for name, one in (
        ("attempts", found.deep),
        ("duration_ms", found.deep),
        ("concurrent_steps", found.wide),
        ("timers", found.waiting),
    ):
        assert one.program is not None
        assert getattr(one.program.certificate, name).max == most[name]


def test_where_no_plain_task_is_allowed_all_are_refused() -> None:
    _, node = planner(NONE, more=", allowed_types: [sleep]")
    assert [made.program for made in plans(node)] == [None]
