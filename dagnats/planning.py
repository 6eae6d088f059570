"""Plans: what a planner gives is compiled like any document, under tighter limits.

    {"steps": [{"id": "look", "task": "web.search"}, …]}    →  a program, or what is wrong with it

A plan is judged by what its planner says: so many steps, so deep, such tasks and types; and it may
not cost more than the certificate of the workflow has counted for it.
"""

import json
from collections.abc import Iterator
from typing import Any

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Severity
from dagnats.ir import codec
from dagnats.ir.costs import planned_max
from dagnats.ir.program import (
    ApprovalNode,
    CodeRetry,
    ContinueAsNewNode,
    Node,
    PlannerNode,
    Program,
    RespondNode,
    TaskNode,
)
from dagnats.machine.inputs import Plan
from dagnats.machine.prepared import Prepared

PROBLEMS_TOLD_MAX = 20
"""A planner is told of so many mistakes at once."""

_KEYS = frozenset({"steps"})


def plan(program: Prepared, node: PlannerNode, proposed: Any) -> Plan:
    """Compile what a planner gave; what is wrong is told in words, for the planner to mend."""
    steps = proposed.get("steps") if isinstance(proposed, dict) else proposed
    if not isinstance(steps, list):
        return _refused(["a plan is a list of steps, or an object with `steps`"])
    if isinstance(proposed, dict) and proposed.keys() - _KEYS:
        extra = ", ".join(f"`{key}`" for key in sorted(proposed.keys() - _KEYS))
        return _refused([f"a plan has `steps` and nothing else, not {extra}"])
    result = compile_workflow(_document(program.program, node, steps), "plan.json")
    errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
    if errors or result.program is None:
        return _refused([f"{d.code}: {d.message}" for d in errors])
    problems = list(_judged(node, result.program, steps))
    if problems:
        return _refused(problems)
    document = json.loads(codec.encode(result.program))
    return Plan(result.program, codec.digest(result.program), document)


def _refused(problems: list[str]) -> Plan:
    return Plan(problems=tuple(problems[:PROBLEMS_TOLD_MAX]))


def _document(program: Program, node: PlannerNode, steps: list[Any]) -> str:
    """Return a plan as a document of its own, with the contracts of the workflow's tasks."""
    tasks: dict[str, dict[str, Any]] = {}
    for key, schemas in (("input", program.task_inputs), ("output", program.task_outputs)):
        for name, schema in schemas:
            tasks.setdefault(name, {})[key] = schema
    document: dict[str, Any] = {
        "dagnats": 1,
        "name": "plan",
        "defaults": defaults_of(node),
        "steps": steps,
    }
    if tasks:
        document["tasks"] = tasks
    document["description"] = f"the plan of step {node.id}"
    return json.dumps(document)


def defaults_of(node: PlannerNode) -> dict[str, Any]:
    """Return the defaults of a planner's plans, as a document has them: its own policies.

    `max_delay` is always among them, as it holds for what a worker asks for, too.
    """
    return {
        "timeout": _ms(node.timeout_ms),
        "queue_timeout": _ms(node.queue_timeout_ms),
        "retry": {
            **_policy(node.retry),
            "non_retryable": list(node.retry.non_retryable),
            "by_code": {code: _policy(own) for code, own in node.retry.by_code},
        },
    }


def _policy(retry: CodeRetry) -> dict[str, Any]:
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


def _judged(node: PlannerNode, program: Program, steps: list[Any]) -> Iterator[str]:
    if len(program.nodes) > node.max_steps:
        yield f"{len(program.nodes)} steps, allowed are {node.max_steps} (`max_steps`)"
    depth = _depth(program)
    if node.max_depth is not None and depth > node.max_depth:
        yield f"a chain of {depth} steps, allowed are {node.max_depth} (`max_depth`)"
    for task in sorted({n.task for n in program.nodes if isinstance(n, TaskNode)}):
        if node.allowed_tasks and task not in node.allowed_tasks:
            yield f"task `{task}` is not allowed (`allowed_tasks`)"
    for kind in sorted(set(_types(steps)) - set(node.allowed_types)):
        yield f"steps of type `{kind}` are not allowed (`allowed_types`)"
    yield from _misplaced(program.nodes)
    for name, most in planned_max(node).items():
        bound = getattr(program.certificate, name).max
        if bound is None or bound > most:
            yield f"`{name}` of the plan may be {bound}, the certificate has counted {most}"


def _misplaced(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ContinueAsNewNode | RespondNode):
            yield f"step `{node.id}` speaks for the whole run, which a plan may not"
        if isinstance(node, ApprovalNode) and not node.approvers:
            yield f"approval `{node.id}` names no approvers"


def _types(steps: list[Any]) -> Iterator[str]:
    """Yield the types of steps, those of bodies included."""
    stack = list(steps)
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, dict):
            if "id" in part:
                yield part.get("type", "normal")
            stack.extend(value for value in part.values() if isinstance(value, dict | list))


def _depth(program: Program) -> int:
    """Return the length of the longest chain of steps at the top."""
    depths: dict[int, int] = {}
    todo = [at for at, node in enumerate(program.nodes) if node.within is None]
    while todo:
        at = todo[-1]
        sources = [edge.source for edge in program.nodes[at].edges]
        missing = [source for source in sources if source not in depths]
        if missing:
            todo.extend(missing)
            continue
        depths[at] = 1 + max([depths[source] for source in sources], default=0)
        todo.pop()
    return max(depths.values(), default=0)
