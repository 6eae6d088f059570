"""`agent_loop`: a task repeated until it is done; bounded in iterations and time."""

from typing import Any

from dagnats.expr.evaluate import EvaluationError
from dagnats.ir.program import AgentLoopNode
from dagnats.machine.kinds import task
from dagnats.machine.ready import settled
from dagnats.machine.state import Running, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import error, until_holds


def returned(  # noqa: PLR0913 (an attempt, and what came of it)
    turn: Turn, index: int, node: AgentLoopNode, was: Running, result: Any, *, asks_more: bool
) -> None:
    """Take the result of an iteration.

    With `until`, the loop ends when it holds; without, when the worker returns without continuing.
    """
    try:
        done = (
            until_holds(turn.program, turn.state, index, was.iteration, result)
            if index in turn.program.until
            else not asks_more
        )
    except EvaluationError as wrong:
        turn.fail(index, was, error("expression", f"`until`: {wrong}", step=node.id))
        settled(turn, index)
        return
    if done:
        task.completed(turn, index, was, result)
    elif was.iteration >= node.max_iterations or _out_of_time(turn, index, node):
        exhausted(turn, index, node, was, result)
    else:
        turn.go_on(index, was, result)
        task.queue_again(turn, index, Waiting(1, was.iteration + 1, turn.at))


def exhausted(turn: Turn, index: int, node: AgentLoopNode, was: Running, result: Any) -> None:
    """End a loop that has used up its bound, as `on_exhausted` says."""
    if node.on_exhausted == "complete":
        task.completed(turn, index, was, result)
        return
    message = f"not done after {was.iteration} of at most {node.max_iterations} iterations"
    turn.fail(index, was, error("exhausted", message, step=node.id, attempt=was.attempt))
    settled(turn, index)


def _out_of_time(turn: Turn, index: int, node: AgentLoopNode) -> bool:
    loop = turn.state.loops.get(index)
    if node.max_duration_ms is None or loop is None:
        return False
    return turn.at >= loop.started_at + node.max_duration_ms
