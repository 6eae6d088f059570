"""Runs as clients see them: the documents of `run.get` and `run.list`, approvals, dead letters."""

from collections.abc import Iterator
from typing import Any

from dagnats.engine.aside import Aside
from dagnats.engine.book import Live, Summary
from dagnats.engine.letters import Letter
from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    ContinueAsNewNode,
    EmitNode,
    FailNode,
    LoopNode,
    MapNode,
    Node,
    PlannerNode,
    RespondNode,
    SleepNode,
    SubWorkflowNode,
    SwitchNode,
    TaskNode,
    TransformNode,
    WaitForEventNode,
)
from dagnats.machine.events import rfc3339
from dagnats.machine.kinds import approval
from dagnats.machine.prepared import Prepared, Scope
from dagnats.machine.state import (
    STATUS,
    Asking,
    Completed,
    Exhausted,
    Failed,
    Frame,
    Recovering,
    RunState,
    StepState,
    address,
    locate,
    scope_of,
)

Document = dict[str, Any]

_TYPES: dict[type, str] = {
    TaskNode: "normal",
    AgentLoopNode: "agent_loop",
    PlannerNode: "planner",
    LoopNode: "loop",
    MapNode: "map",
    SwitchNode: "switch",
    ApprovalNode: "approval",
    WaitForEventNode: "wait_for_event",
    SleepNode: "sleep",
    SubWorkflowNode: "sub_workflow",
    TransformNode: "transform",
    EmitNode: "emit",
    RespondNode: "respond",
    ContinueAsNewNode: "continue_as_new",
    FailNode: "fail",
}


def type_of(node: Node) -> str:
    """Return what the language calls a step."""
    if isinstance(node, TaskNode) and type(node) is TaskNode and node.agent:
        return "agent"
    return _TYPES[type(node)]


def instances(
    program: Prepared, state: RunState
) -> Iterator[tuple[str, Node, Frame, int, StepState]]:
    """Yield every step with its address: in document order, containers before what is in them."""
    yield from _below(program, state, state.frames[""])
    last = state.frames.get("@finally")
    if last is not None:
        yield from _below(program, state, last)


def _below(
    program: Prepared, state: RunState, frame: Frame
) -> Iterator[tuple[str, Node, Frame, int, StepState]]:
    scope: Scope = scope_of(program, state, frame)
    inside: dict[int, list[str]] = {}
    for key, at in frame.below.items():
        inside.setdefault(at, []).append(key)
    for at, (node, step) in enumerate(zip(scope.nodes, frame.steps, strict=True)):
        yield address(scope, frame, at), node, frame, at, step
        for key in inside.get(at, ()):
            yield from _below(program, state, state.frames[key])


def run_document(program: Prepared, state: RunState, waits: dict[str, str]) -> Document:
    """Return everything about a run; `waits` says what steps wait for, by address."""
    ended_at = rfc3339(state.at) if state.ended else None
    return {
        "run_id": state.run_id,
        "workflow": state.workflow,
        "digest": state.digest,
        "status": state.status,
        "generation": state.generation,
        "input": state.input,
        "labels": state.birth.get("labels") or {},
        "parent": state.birth.get("parent"),
        "steps": [
            _step(name, node, step, waits) for name, node, _, _, step in instances(program, state)
        ],
        "output": state.output,
        "error": state.error,
        "started_at": rfc3339(state.started_at),
        "ended_at": ended_at,
        "usage": state.usage,
        "counters": counters(state),
    }


def counters(state: RunState) -> Document:
    """Return what this generation of a run has used, and how many events there are in all."""
    used = state.counters
    return {
        "events": state.seq,
        "attempts": used.attempts,
        "bytes": used.bytes,
        "concurrent_steps": used.running,
        "timers": used.timers,
    }


def _step(name: str, node: Node, step: StepState, waits: dict[str, str]) -> Document:
    document: Document = {
        "id": name,
        "type": type_of(node),
        "status": STATUS[type(step)],
        "attempt": getattr(step, "attempt", 0),
        "iteration": getattr(step, "iteration", 0),
    }
    if name in waits:
        document["waits_for"] = waits[name]
    if isinstance(step, Completed):
        document["output"] = step.output
        if step.error is not None:
            document["error"] = step.error
    elif isinstance(step, Failed | Recovering | Exhausted):
        document["error"] = step.error
    return document


def live_row(live: Live) -> Document:
    """Return a live run's row in a list."""
    run_id, status, labels = live.facts
    return {
        "run_id": run_id,
        "workflow": live.program.program.name,
        "status": status,
        "labels": labels,
        "started_at": rfc3339(live.started_at),
        "ended_at": None,
    }


def aside_row(aside: Aside) -> Document:
    """Return the row of a run that is set aside."""
    return {
        "run_id": aside.run_id,
        "workflow": aside.workflow,
        "status": "running",
        "labels": {},
        "started_at": rfc3339(aside.started_at),
        "ended_at": None,
    }


def closed_row(summary: Summary) -> Document:
    """Return an ended run's row in a list."""
    return {
        "run_id": summary.run_id,
        "workflow": summary.workflow,
        "status": summary.status,
        "labels": summary.labels,
        "started_at": rfc3339(summary.started_at),
        "ended_at": rfc3339(summary.ended_at),
    }


def approval_row(live: Live, step: str) -> tuple[str | None, Document]:
    """Return where an approval is shown beside the list, and what is shown of it."""
    found = locate(live.program, live.state, step)
    assert found is not None
    frame, at = found
    node = scope_of(live.program, live.state, frame).nodes[at]
    asking = frame.steps[at]
    assert isinstance(node, ApprovalNode)
    if not isinstance(asking, Asking):
        return None, {}
    return node.subject, approval_document(live.state, step, node, asking)


def asked(live: Live) -> list[Document]:
    """Return the approvals of a run that are open; those that are not are forgotten."""
    rows = []
    for step in list(live.asks or ()):
        found = locate(live.program, live.state, step)
        if found is None or not isinstance(found[0].steps[found[1]], Asking):
            if live.asks is not None:
                del live.asks[step]
            continue
        rows.append(approval_row(live, step)[1])
    return rows


def approval_document(state: RunState, step: str, node: ApprovalNode, asking: Asking) -> Document:
    """Return an approval as lists and messages have it."""
    first = asking.round == approval.FIRST
    limit = node.timeout_ms if first else node.escalation_timeout_ms or node.timeout_ms
    return {
        "run_id": state.run_id,
        "workflow": state.workflow,
        "step": step,
        "round": asking.round,
        "since": rfc3339(asking.since),
        "until": rfc3339(asking.since + limit),
        "approvers": list(approval.approvers(node, asking)),
        "quorum": node.quorum,
        "approved_by": [vote["by"] for vote in asking.votes],
        "description": asking.description,
        "details": asking.details,
        "form": node.form,
    }


def letter_row(letter: Letter) -> Document:
    """Return a dead letter's row in a list."""
    error = letter.error or {}
    return {
        "id": letter.id,
        "run_id": letter.run_id or None,
        "workflow": letter.workflow or None,
        "step": error.get("step"),
        "code": error.get("code"),
        "message": error.get("message"),
        "at": rfc3339(letter.at),
        "reason": letter.reason,
    }


def letter_document(letter: Letter) -> Document:
    """Return everything about a dead letter."""
    return {
        **letter_row(letter),
        "error": letter.error,
        "payload": letter.payload or None,
        "subject": letter.subject or None,
    }
