"""`agent_loop`: a task repeated until it is done; bounded in iterations and time."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import AgentLoopNode
from dagnats.machine.kinds import task
from dagnats.machine.ready import settled
from dagnats.machine.state import Running, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import error, no_value, until_holds


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
        problem = no_value(wrong, where="`until`: ", step=node.id, attempt=was.attempt)
        turn.fail(index, was, problem)
        settled(turn, index)
        return
    bound = _bound_reached(turn, index, node, was.iteration)
    if done or (bound and node.on_exhausted == "complete"):
        task.completed(turn, index, was, result)
    elif bound:
        exhausted(turn, index, node, was, bound)
    else:
        turn.go_on(index, was, result)
        task.queue_again(turn, index, Waiting(1, was.iteration + 1, turn.at))


def exhausted(turn: Turn, index: int, node: AgentLoopNode, was: Running, bound: str) -> None:
    """Fail a loop that is not done at its bound."""
    lasted = _lasted_ms(turn, index)
    if bound == "max_iterations":
        message = f"not done after {was.iteration} iterations (`max_iterations`)"
    else:
        limit = node.max_duration_ms
        message = f"not done after {lasted} ms, allowed are {limit} ms (`max_duration`)"
    details = {
        "bound": bound,
        "iterations": was.iteration,
        "max_iterations": node.max_iterations,
        "duration_ms": lasted,
        "max_duration_ms": node.max_duration_ms,
    }
    problem = error("exhausted", message, step=node.id, attempt=was.attempt, details=details)
    turn.fail(index, was, problem)
    settled(turn, index)


def _bound_reached(turn: Turn, index: int, node: AgentLoopNode, iteration: int) -> str:
    """Return which bound a loop has reached, or nothing."""
    if iteration >= node.max_iterations:
        return "max_iterations"
    limit = node.max_duration_ms
    return "max_duration" if limit is not None and _lasted_ms(turn, index) >= limit else ""


def _lasted_ms(turn: Turn, index: int) -> int:
    return turn.at - turn.state.loops[index].started_at
