"""`normal`: one task; and what every kind done by workers shares: attempts, losses, time limits."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import TaskNode
from dagnats.machine import events as ev
from dagnats.machine.errors import Error, error
from dagnats.machine.limits import delay_ms, retries_left
from dagnats.machine.outcome import Usage, give_up
from dagnats.machine.state import Attempt, Frame, Ready, Running, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import attempt_input, problem, step_input


def begin(turn: Turn, frame: Frame, at: int) -> None:
    """Queue the first attempt; raises EvaluationError."""
    turn.queue(frame, at, 1, 0, attempt_input(turn.program, turn.state, frame, at))


def failed(  # noqa: PLR0913, PLR0917 (an attempt, and what came of it)
    turn: Turn,
    frame: Frame,
    at: int,
    wrong: Error,
    retry_after_ms: int | None = None,
    usage: Usage = None,
) -> None:
    """End an attempt badly: another one if the error and the policy allow it, else the step."""
    node, was = _node(turn, frame, at), frame.steps[at]
    assert isinstance(was, Attempt)
    if wrong["retryable"] and retries_left(node.retry, was.attempt, wrong["code"]):
        ids = f"{turn.state.run_id}/{turn.name(frame, at)}/{was.iteration}"
        wait = delay_ms(node.retry, was.attempt, wrong["code"], ids, retry_after_ms)
        turn.withdraw(frame, at)
        turn.fail(frame, at, wrong | {"retry_at": turn.at + wait}, usage)
        return
    give_up(turn, frame, at, wrong, usage)


def queue_again(turn: Turn, frame: Frame, at: int, waiting: Waiting) -> None:
    """Queue the attempt that a step waited for."""
    step = turn.name(frame, at)
    loop = loop_root(turn, step, waiting.iteration)
    try:
        value = attempt_input(turn.program, turn.state, frame, at, loop)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, step, waiting.attempt))
        return
    turn.queue(frame, at, waiting.attempt, waiting.iteration, value)


def loop_root(turn: Turn, step: str, iteration: int) -> dict[str, Any] | None:
    """Return the root `loop` of a repeated task, None for others."""
    if not iteration:
        return None
    return {"iteration": iteration, "state": turn.state.loops[step].state}


def lost(turn: Turn, frame: Frame, at: int, was: Running) -> None:
    """Deliver the same attempt again; after `max_deliveries` it has failed with `worker_lost`."""
    node = _node(turn, frame, at)
    step = turn.name(frame, at)
    if was.delivery >= node.max_deliveries:
        message = f"{was.delivery} workers vanished with this attempt"
        failed(
            turn,
            frame,
            at,
            error("worker_lost", message, step=step, attempt=was.attempt, retryable=True),
        )
        return
    turn.add(
        ev.StepLost(*turn.head(), step, was.attempt, was.iteration, was.worker_id, was.delivery)
    )
    if turn.state.status != "running":
        return
    ready = frame.steps[at]
    assert isinstance(ready, Ready)
    loop = loop_root(turn, step, was.iteration)
    turn.offer(frame, at, ready, step_input(turn.program, turn.state, frame, at, loop))


def due_ms(node: TaskNode, step: Attempt) -> int:
    """Return when time alone will change this step."""
    if isinstance(step, Waiting):
        return step.until
    if isinstance(step, Running):
        return step.since + node.timeout_ms
    return step.since + node.queue_timeout_ms


def overdue(turn: Turn, frame: Frame, at: int, step: Attempt) -> None:
    """Do what time demands of a step that is due."""
    node = _node(turn, frame, at)
    name = turn.name(frame, at)
    match step:
        case Waiting():
            queue_again(turn, frame, at, step)
        case Ready():
            message = f"no worker took `{node.task}` within {node.queue_timeout_ms} ms"
            failed(
                turn, frame, at, error("queue_timeout", message, step=name, attempt=step.attempt)
            )
        case Running():
            message = f"the attempt took longer than {node.timeout_ms} ms"
            failed(
                turn,
                frame,
                at,
                error("timeout", message, step=name, attempt=step.attempt, retryable=True),
            )


def silent(turn: Turn, frame: Frame, at: int, was: Running) -> None:
    """End an attempt whose worker gave no sign of life for too long."""
    node = _node(turn, frame, at)
    message = f"no sign of life for more than {node.heartbeat_timeout_ms} ms"
    failed(
        turn,
        frame,
        at,
        error(
            "heartbeat_timeout",
            message,
            step=turn.name(frame, at),
            attempt=was.attempt,
            retryable=True,
        ),
    )


def _node(turn: Turn, frame: Frame, at: int) -> TaskNode:
    node = turn.scope(frame).nodes[at]
    assert isinstance(node, TaskNode)
    return node
