"""`sub_workflow`: a run of its own that a step waits for, or sets off."""

from hashlib import sha256
from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import SubWorkflowNode
from dagnats.machine import events as ev
from dagnats.machine.closing import end_child
from dagnats.machine.commands import CancelChild, StartChild
from dagnats.machine.errors import Error, error
from dagnats.machine.inputs import EndChild
from dagnats.machine.limits import delay_ms, retries_left
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.state import Calling, Frame, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import attempt_input, problem
from dagnats.runid import derived_run_id


def begin(turn: Turn, frame: Frame, at: int, node: SubWorkflowNode) -> None:
    """Ask for a child; raises EvaluationError."""
    _spawn(turn, frame, at, node, 1, attempt_input(turn.program, turn.state, frame, at))


def _spawn(  # noqa: PLR0913, PLR0917 (an attempt, and what it is given)
    turn: Turn, frame: Frame, at: int, node: SubWorkflowNode, attempt: int, value: Any
) -> None:
    step, state = turn.name(frame, at), turn.state
    seed = f"{state.run_id}/{state.generation}/{state.base_seq}/{step}/{attempt}"
    child = derived_run_id(turn.at, sha256(seed.encode()).digest())
    payload = {"child_run_id": child, "workflow": node.workflow, "input": value}
    turn.add(ev.ChildSpawned(*turn.head(), step_id=step, attempt_number=attempt, payload=payload))
    turn.commands.append(command(step, node, frame.steps[at]))


def command(step: str, node: SubWorkflowNode, calling: Any) -> StartChild:
    """Return the command that brings a child to life, if it does not live already."""
    assert isinstance(calling, Calling)
    return StartChild(
        step,
        calling.child_run_id,
        node.workflow,
        node.version,
        calling.input,
        node.detach,
        node.on_parent_close == "cancel",
    )


def ended(turn: Turn, frame: Frame, at: int, node: SubWorkflowNode, request: EndChild) -> None:
    """Take what became of a child; `started` is all that a detached one is asked for."""
    calling = frame.steps[at]
    if not isinstance(calling, Calling) or calling.child_run_id != request.child_run_id:
        return
    if node.detach and request.error is None:
        succeed(turn, frame, at, {"child_run_id": request.child_run_id})
    elif request.status == "completed":
        succeed(turn, frame, at, request.output)
    elif request.status in {"failed", "cancelled"}:
        _failed(turn, frame, at, node, calling, _error_of(turn, frame, at, calling, request))


def _error_of(turn: Turn, frame: Frame, at: int, calling: Calling, request: EndChild) -> Error:
    wrong = request.error or {"code": request.status, "message": request.status}
    return error(
        wrong["code"],
        wrong["message"],
        step=turn.name(frame, at),
        attempt=calling.attempt,
        retryable=True,
        details={"child_run_id": calling.child_run_id, "error": wrong},
    )


def _failed(  # noqa: PLR0913, PLR0917 (an attempt, and what came of it)
    turn: Turn, frame: Frame, at: int, node: SubWorkflowNode, calling: Calling, wrong: Error
) -> None:
    if retries_left(node.retry, calling.attempt, wrong["code"]):
        ids = f"{turn.state.run_id}/{turn.name(frame, at)}"
        wait = delay_ms(node.retry, calling.attempt, wrong["code"], ids)
        turn.fail(frame, at, wrong | {"retry_at": turn.at + wait})
        return
    give_up(turn, frame, at, wrong)


def again(turn: Turn, frame: Frame, at: int, node: SubWorkflowNode, waiting: Waiting) -> None:
    """Ask for the next child."""
    try:
        value = attempt_input(turn.program, turn.state, frame, at)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, turn.name(frame, at), waiting.attempt))
        return
    _spawn(turn, frame, at, node, waiting.attempt, value)


def over(turn: Turn, frame: Frame, at: int, node: SubWorkflowNode, calling: Calling) -> None:
    """End a child that took too long."""
    step = turn.name(frame, at)
    end_child(turn, frame, at)
    if node.on_parent_close != "cancel":
        turn.commands.append(CancelChild(step, calling.child_run_id))
    message = f"the child took longer than {node.timeout_ms} ms"
    wrong = error("timeout", message, step=step, attempt=calling.attempt, retryable=True)
    _failed(turn, frame, at, node, calling, wrong)
