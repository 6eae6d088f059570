"""What each input means for a run that is alive: it finds what is spoken of, and hands it on."""

from typing import Any, assert_never

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.costs import ERROR_MESSAGE_CHARS_MAX
from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    PlannerNode,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.machine import bounds, ending, flow
from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine.closing import withdraw_all
from dagnats.machine.errors import cut, error, no_value
from dagnats.machine.kinds import agent_loop, approval, child, planner, task, wait
from dagnats.machine.outcome import Usage, give_up, succeed
from dagnats.machine.payload import TooLargeError, require_fit
from dagnats.machine.state import Asking, Exhausted, Frame, Ready, Running, locate
from dagnats.machine.ticking import offer_all, tick
from dagnats.machine.turn import Turn, top
from dagnats.machine.values import holds

Claim = i.Complete | i.Continue | i.Fail | i.ExpireLease | i.MissHeartbeat


def apply(turn: Turn, request: i.Input) -> None:  # noqa: C901, PLR0912 (one case for each input)
    """Decide what an input means; what follows from it is for `flow.settle`.

    The most frequent ones come first: to rule a type out takes longer than to find it.
    """
    match request:
        case i.Deliver():
            _deliver(turn, request)
        case i.Complete() | i.Continue() | i.Fail() | i.ExpireLease() | i.MissHeartbeat():
            _speak_of(turn, request)
        case i.Hear(step="", event=event):
            _cancel_on(turn, event)
        case i.Hear() | i.Decide() | i.EndChild():
            _answer(turn, request)
        case i.Signal(event=event):
            wait.signalled(turn, event)
        case i.Tick(held_until=held_until):
            tick(turn, held_until)
        case i.Admit():
            if turn.state.status == "pending":
                turn.add(ev.RunStarted(*turn.head(), payload={}))
                turn.look(top(turn))
        case i.Cancel(reason=reason):
            _cancel(turn, cut(reason, ERROR_MESSAGE_CHARS_MAX))
        case i.Pause(reason=reason):
            _pause(turn, cut(reason, ERROR_MESSAGE_CHARS_MAX))
        case i.Resume(exhausted=exhausted):
            _resume(turn, fails=exhausted == "fail")
        case i.StartRun() | i.RetryRun():
            pass
        case _:
            assert_never(request)


# ── attempts ─────────────────────────────────────────────────────────────────────────────────────


def _deliver(turn: Turn, request: i.Deliver) -> None:
    step = request.step
    found = locate(turn.program, turn.state, step)
    if found is None:
        return
    frame, at = found
    ready, state = frame.steps[at], turn.state
    if isinstance(ready, Ready) and state.status == "running":
        started = ev.StepStarted(
            state.seq + 1,
            state.run_id,
            state.workflow,
            state.generation,
            turn.timestamp,
            step,
            ready.attempt,
            ready.iteration,
            request.worker_id,
            ready.delivery,
        )
        turn.add_of(frame, at, started)


def _speak_of(turn: Turn, claim: Claim) -> None:
    found = locate(turn.program, turn.state, claim.step)
    if found is None:
        return
    frame, at = found
    was = _held(frame, at, claim)
    if was is None:
        return
    match claim:
        case i.Complete() | i.Continue():
            _returned(turn, frame, at, was, claim)
        case i.Fail():
            _failed(turn, frame, at, was, claim)
        case i.ExpireLease(delivery=delivery):
            if was is frame.steps[at] and was.delivery == delivery:
                task.lost(turn, frame, at, was)
        case i.MissHeartbeat():
            if was is frame.steps[at]:
                task.silent(turn, frame, at, was)
        case _:
            assert_never(claim)
    # Only who has done something can have spent something.
    if getattr(claim, "usage", None):
        ending.hold_budget(turn)


def _held(frame: Frame, at: int, claim: Claim) -> Running | None:
    """Return the attempt that an input speaks of, if it has not ended.

    A lost delivery may answer after all, while its attempt waits for another worker.
    """
    step = frame.steps[at]
    if type(step) is Ready and step.delivery > 1:
        step = Running(step.attempt, step.iteration, step.delivery - 1, step.since, "")
    if (
        isinstance(step, Running)
        and step.attempt == claim.attempt
        and step.iteration == claim.iteration
    ):
        return step
    return None


def _returned(
    turn: Turn, frame: Frame, at: int, was: Running, claim: i.Complete | i.Continue
) -> None:
    if isinstance(claim, i.Complete):
        result, plan, asks_more = claim.output, claim.plan, False
    else:
        result, plan, asks_more = claim.state, None, True
    usage = _counted(claim.usage) if claim.usage else None
    node = turn.scope(frame).nodes[at]
    if was is not frame.steps[at]:  # it waits for another worker by now
        turn.withdraw(frame, at)
    try:
        require_fit("the state" if asks_more else "the output", result)
    except TooLargeError as wrong:
        # No retry would make it smaller.
        step = turn.name(frame, at)
        give_up(turn, frame, at, no_value(wrong, step=step, attempt=was.attempt), usage)
        return
    if type(node) is TaskNode and not asks_more:  # nearly always
        succeed(turn, frame, at, result, usage=usage)
        return
    match node:
        case AgentLoopNode():
            agent_loop.returned(turn, frame, at, node, was, result, usage, asks_more=asks_more)
        case PlannerNode() if plan is not None:
            planner.returned(turn, frame, at, node, was, plan, result, usage)
        case _ if asks_more:
            what = "the worker asked for another iteration of a step that is no loop"
            step = turn.name(frame, at)
            wrong_kind = error("not_a_loop", what, step=step, attempt=was.attempt)
            task.failed(turn, frame, at, wrong_kind, usage=usage)
        case _:
            succeed(turn, frame, at, result, usage=usage)


def _counted(usage: Usage) -> Usage:
    """Return what a worker has spent as numbers that read back as what they were written from."""
    return {unit: float(amount) for unit, amount in usage.items()} if usage else None


def _failed(turn: Turn, frame: Frame, at: int, was: Running, request: i.Fail) -> None:
    wrong = error(
        request.code,
        request.message,
        step=turn.name(frame, at),
        attempt=was.attempt,
        retryable=request.retryable,
        details=request.details,
    )
    task.failed(turn, frame, at, wrong, request.retry_after_ms, _counted(request.usage))


# ── what waits ───────────────────────────────────────────────────────────────────────────────────


def _answer(turn: Turn, request: i.Hear | i.Decide | i.EndChild) -> None:
    found = locate(turn.program, turn.state, request.step)
    if found is None:
        return
    frame, at = found
    node = turn.scope(frame).nodes[at]
    match request, node:
        case i.Hear(event=event), WaitForEventNode():
            wait.hear(turn, frame, at, node, event)
        case i.Decide(), ApprovalNode():
            approval.decide(turn, frame, at, node, request)
        case i.EndChild(), SubWorkflowNode():
            child.ended(turn, frame, at, node, request)
        case _:
            return


def refusal(turn: Turn, request: i.Decide) -> str | None:
    """Return why a decision does not count, or None."""
    found = locate(turn.program, turn.state, request.step)
    if found is not None:
        frame, at = found
        node, asking = turn.scope(frame).nodes[at], frame.steps[at]
        if isinstance(node, ApprovalNode) and isinstance(asking, Asking):
            return approval.refusal(node, asking, request)
    return f"`{request.step}` waits for no decision"


def _cancel_on(turn: Turn, event: dict[str, Any]) -> None:
    """Cancel the run if it says so of such an event."""
    state = turn.state
    for listener in turn.program.cancel_on:
        policy = listener.policy
        if policy.event != event["type"]:
            continue
        if policy.timeout_ms is not None and turn.at > state.started_at + policy.timeout_ms:
            continue
        if _matches(turn, listener.match, event):
            _cancel(turn, f"event `{policy.event}`")
            return


def _matches(turn: Turn, match: Any, event: dict[str, Any]) -> bool:
    try:
        return match is None or holds(
            turn.program, turn.state, top(turn), match, "match", event=event
        )
    except EvaluationError:
        return False  # what cannot be told of an event is not what was listened for


# ── the run ──────────────────────────────────────────────────────────────────────────────────────


def _cancel(turn: Turn, reason: str) -> None:
    if turn.state.cancel_reason is not None or turn.state.ending is not None:
        return
    turn.add(ev.CancelRequested(*turn.head(), payload={"reason": reason}))
    ending.close_run(turn, "cancelled", ending.cancelled(reason))


def _pause(turn: Turn, reason: str) -> None:
    state = turn.state
    # What undoes and what runs last must not wait.
    if state.status != "running" or state.ending is not None:
        return
    withdraw_all(turn)
    turn.add(ev.RunPaused(*turn.head(), payload={"reason": reason}))


def _resume(turn: Turn, *, fails: bool) -> None:
    state = turn.state
    if state.status != "paused":
        return
    # First, so that what was decided about a loop is not lost with a crash in between.
    for frame in list(state.frames.values()):
        for at, step in enumerate(frame.steps):
            if isinstance(step, Exhausted):
                bounds.resume(turn, frame, at, step, fails=fails)
    turn.add(ev.RunResumed(*turn.head()))
    flow.recall(turn)
    offer_all(turn)
    tick(turn)
