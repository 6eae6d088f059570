"""Why a run does not move: what it waits for, since when, until when, and who can move it."""

from dagnats.engine.book import Live
from dagnats.engine.partition import Partition
from dagnats.engine.views import Document, instances
from dagnats.ir.program import (
    ApprovalNode,
    Node,
    SleepNode,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.machine.events import rfc3339
from dagnats.machine.kinds import approval
from dagnats.machine.state import (
    Asking,
    Calling,
    Exhausted,
    Expecting,
    Ready,
    Running,
    RunState,
    Sleeping,
    StepState,
    Waiting,
)
from dagnats.machine.ticking import due_ms


def explain(partition: Partition, live: Live, now: int) -> Document:
    """Return what a live run waits for."""
    state = live.state
    causes = list(_of_run(partition, state))
    for name, node, _, _, step in instances(live.program, state):
        cause = _cause(partition, state, name, node, step, now)
        if cause is not None:
            causes.append(cause)
    return {"run_id": state.run_id, "status": state.status, "causes": causes}


def waits(partition: Partition, live: Live, now: int) -> dict[str, str]:
    """Return in words what each step waits for, by address."""
    found = {}
    for name, node, _, _, step in instances(live.program, live.state):
        cause = _cause(partition, live.state, name, node, step, now)
        if cause is not None:
            found[name] = cause["what"]
    return found


def _of_run(partition: Partition, state: RunState) -> list[Document]:
    start_at = state.birth.get("start_at")
    if state.status == "pending" and partition.gates.knows(state.run_id):
        what = partition.gates.why(state.run_id)
        return [_told("", "gate", what, state.started_at, None, "a run that ends")]
    if state.status == "pending":
        what = "the time it is to start at"
        return [_told("", "timer", what, state.started_at, start_at, "time")]
    if state.status == "paused":
        what = "somebody to resume it"
        since = state.paused_at or state.at
        return [_told("", "paused", what, since, None, f"dagnats run resume {state.run_id}")]
    return []


def _cause(  # noqa: C901, PLR0913, PLR0917 (one for each state)
    partition: Partition, state: RunState, name: str, node: Node, step: StepState, now: int
) -> Document | None:
    until = due_ms(node, step)
    match step, node:
        case Ready(since=since), TaskNode(task=task):
            key = (state.run_id, name, step.iteration, step.attempt)
            what = partition.dispatcher.why(key, now)
            return _told(name, "task", what, since, until, f"a worker for `{task}`")
        case Running(since=since, worker_id=worker), TaskNode():
            return _told(name, "task", f"worker {worker}", since, until, f"worker {worker}")
        case Waiting(since=since), _:
            return _told(name, "retry", "its next attempt or iteration", since, until, "time")
        case Sleeping(since=since), SleepNode():
            return _told(name, "timer", "the end of its sleep", since, until, "time")
        case Expecting(since=since, events=come), WaitForEventNode(event=event, count=count):
            what = f"event `{event}`"
            if count > 1:
                what += f", {len(come)} of {count} have come"
            who = f"dagnats event publish {event}, or dagnats run signal {state.run_id} {event}"
            return _told(name, "event", what, since, until, who)
        case Asking(since=since, votes=votes), ApprovalNode(quorum=quorum):
            people = ", ".join(approval.approvers(node, step)) or "anybody who may approve"
            what = f"a decision of {people}"
            if quorum > 1:
                what += f", {len(votes)} of {quorum} have approved"
            who = f"dagnats approval approve {state.run_id} {name}"
            return _told(name, "approval", what, since, until, who)
        case Calling(since=since, child_run_id=child), SubWorkflowNode(workflow=workflow):
            what = f"run {child} of `{workflow}`"
            return _told(name, "child", what, since, until, f"dagnats run explain {child}")
        case Exhausted(error=error, since=since), _:
            what = f"somebody to decide: {error['message']}"
            who = f"dagnats run resume {state.run_id} --exhausted complete|fail"
            return _told(name, "paused", what, since, None, who)
        case _:
            return None


def _told(  # noqa: PLR0913, PLR0917 (the keys of a cause)
    step: str, kind: str, what: str, since: int, until: int | None, who: str
) -> Document:
    """Return a cause; `since` 0 is not known, for a run that was begun before it was kept."""
    return {
        "step": step or None,
        "kind": kind,
        "what": what,
        "since": rfc3339(since) if since else None,
        "until": None if until is None else rfc3339(until),
        "who": who,
    }
