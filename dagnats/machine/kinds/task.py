"""`normal`: one task; and what every kind done by workers shares: attempts, losses, time limits."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import TaskNode
from dagnats.machine.limits import delay_ms, retries_left
from dagnats.machine.ready import settled
from dagnats.machine.state import Attempt, Ready, Running, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import attempt_input, error, no_value, task_input


def completed(turn: Turn, index: int, was: Running, output: Any) -> None:
    """Take a worker's result."""
    turn.complete(index, was, output)
    settled(turn, index)


def failed(
    turn: Turn,
    index: int,
    was: Attempt,
    problem: dict[str, Any],
    retry_after_ms: int | None = None,
) -> None:
    """End an attempt badly: another one if the error and the policy allow it, else the step."""
    node = turn.program.nodes[index]
    if problem["retryable"] and retries_left(node.retry, was.attempt):
        wait = delay_ms(node.retry, was.attempt, retry_after_ms)
        turn.fail(index, was, problem | {"retry_at": turn.at + wait})
        return
    turn.fail(index, was, problem)
    settled(turn, index)


def queue_again(turn: Turn, index: int, waiting: Waiting) -> None:
    """Queue the attempt that a step waited for."""
    try:
        value = attempt_input(turn.program, turn.state, index, waiting.iteration)
    except EvaluationError as wrong:
        step, attempt = turn.program.nodes[index].id, waiting.attempt
        problem = no_value(wrong, where="`with`: ", step=step, attempt=attempt)
        turn.fail(index, waiting, problem)
        settled(turn, index)
        return
    turn.queue(index, waiting.attempt, waiting.iteration, value)


def lost(turn: Turn, index: int, was: Running) -> None:
    """Deliver the same attempt again; after `max_deliveries` it has failed with `worker_lost`."""
    node = turn.program.nodes[index]
    if was.delivery >= node.max_deliveries:
        message = f"{was.delivery} workers vanished with this attempt"
        problem = error("worker_lost", message, step=node.id, attempt=was.attempt, retryable=True)
        failed(turn, index, was, problem)
        return
    turn.lose(index, was)
    value = task_input(turn.program, turn.state, index, was.iteration)
    turn.offer(index, was.attempt, was.iteration, was.delivery + 1, value)


def due_ms(node: TaskNode, step: Attempt) -> int:
    """Return when time alone will change this step."""
    if isinstance(step, Waiting):
        return step.until
    if isinstance(step, Running):
        return step.since + node.timeout_ms
    return step.since + node.queue_timeout_ms


def overdue(turn: Turn, index: int, step: Attempt) -> None:
    """Do what time demands of a step that is due."""
    node = turn.program.nodes[index]
    match step:
        case Waiting():
            queue_again(turn, index, step)
        case Ready():
            turn.withdraw(index)
            problem = error(
                "queue_timeout",
                f"no worker took `{node.task}` within {node.queue_timeout_ms} ms",
                step=node.id,
                attempt=step.attempt,
            )
            failed(turn, index, step, problem)
        case Running():
            turn.withdraw(index)
            problem = error(
                "timeout",
                f"the attempt took longer than {node.timeout_ms} ms",
                step=node.id,
                attempt=step.attempt,
                retryable=True,
            )
            failed(turn, index, step, problem)
