"""`agent_loop` of a task: repeated until it is done; bounded in iterations, time and budget."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import AgentLoopNode
from dagnats.machine import events as ev
from dagnats.machine.bounds import exhausted, reached
from dagnats.machine.kinds import task
from dagnats.machine.outcome import Usage, give_up, succeed
from dagnats.machine.payload import require_fit
from dagnats.machine.state import Frame, Running, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import attempt_input, fitting, holds, problem


def begin(turn: Turn, frame: Frame, at: int) -> None:
    """Queue the first iteration; raises EvaluationError."""
    program, state = turn.program, turn.state
    formula = turn.scope(frame).formulas[at].get("initial_state")
    initial = None
    if formula is not None:
        initial = fitting(program, state, frame, formula, "initial_state")
    loop = {"iteration": 1, "state": initial}
    value = attempt_input(program, state, frame, at, loop)
    turn.queue(frame, at, 1, 1, value, initial)


def returned(  # noqa: PLR0913, PLR0917 (an attempt, and what came of it)
    turn: Turn,
    frame: Frame,
    at: int,
    node: AgentLoopNode,
    was: Running,
    result: Any,
    usage: Usage,
    *,
    asks_more: bool,
) -> None:
    """Take the result of an iteration.

    With `until`, the loop ends when it holds; without, when the worker returns without continuing.
    """
    step = turn.name(frame, at)
    try:
        done = _is_done(turn, frame, at, was, result, asks_more=asks_more)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, step, was.attempt), usage)
        return
    bound = None if done else reached(turn, step, node, was.iteration, usage)
    if done:
        succeed(turn, frame, at, result, usage=usage)
    elif bound:
        exhausted(turn, frame, at, node, bound, result, usage)
    else:
        due = turn.at + node.delay_ms if node.delay_ms else None
        turn.add(
            ev.StepContinued(*turn.head(), step, was.attempt, was.iteration, result, due, usage)
        )
        if due is None and turn.state.status == "running":
            task.queue_again(turn, frame, at, Waiting(1, was.iteration + 1, turn.at))


def _is_done(  # noqa: PLR0913 (as `returned`)
    turn: Turn, frame: Frame, at: int, was: Running, result: Any, *, asks_more: bool
) -> bool:
    require_fit("the state" if asks_more else "the output", result)
    until = turn.scope(frame).formulas[at].get("until")
    if until is None:
        return not asks_more
    loop = task.loop_root(turn, turn.name(frame, at), was.iteration)
    return holds(turn.program, turn.state, frame, until, "until", loop=loop, result=result)
