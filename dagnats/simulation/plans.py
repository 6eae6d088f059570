"""Plans that a planner may come up with: none, the least, the most, and one that is refused."""

import json
from typing import Any

from msgspec.structs import replace

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.ir.program import CodeRetry, PlannerNode
from dagnats.machine.inputs import Plan

REFUSED = Plan(problems=("the simulated plan is refused",))


def plans(node: PlannerNode) -> list[Plan]:
    """Return plans for a planner, the largest first, a refused one last."""
    sizes = sorted({node.max_steps, 1}, reverse=True)
    made = [plan for size in sizes if (plan := _plan(node, size)) is not None]
    return [*made, REFUSED]


def _plan(node: PlannerNode, size: int) -> Plan | None:
    """Return a plan of so many tasks with the policies of the planner, as deep as it may be.

    None where no task is allowed, or none of a plain type.
    """
    if not node.allowed_tasks or "normal" not in node.allowed_types:
        return None
    chain = min(size, node.max_depth or size)
    steps = []
    for number in range(size):
        step: dict[str, Any] = {"id": f"p{number}", "task": node.allowed_tasks[0]}
        if 0 < number < chain:
            step["depends_on"] = [f"p{number - 1}"]
        steps.append(step)
    defaults = {
        "timeout": _ms(node.timeout_ms),
        "queue_timeout": _ms(node.queue_timeout_ms),
        "retry": {
            **_policy(node.retry),
            "non_retryable": list(node.retry.non_retryable),
            "by_code": {code: _policy(own) for code, own in node.retry.by_code},
        },
    }
    document = {"name": "plan", "defaults": defaults, "steps": steps}
    compiled = compile_workflow(json.dumps(document), "plan")
    if compiled.program is None:
        return None
    program = replace(compiled.program, source_map=None)
    return Plan(program, codec.digest(program), codec.to_document(program))


def _policy(retry: CodeRetry) -> dict[str, Any]:
    """Return a policy as a document has it; `max_delay` holds for what a worker asks for, too."""
    found: dict[str, Any] = {
        "max_retries": retry.max_retries,
        "jitter": retry.jitter,
        "max_delay": _ms(retry.max_delay_ms),
    }
    if retry.strategy == "listed":
        return found | {"delays": [_ms(delay) for delay in retry.delays_ms]}
    return found | {
        "strategy": retry.strategy,
        "initial_delay": _ms(retry.initial_delay_ms),
        "multiplier": retry.multiplier,
    }


def _ms(time: int) -> str:
    return f"{time}ms"
