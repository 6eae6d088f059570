"""`planner`: a task whose result is steps. They are compiled outside, and run here as a body."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import PlannerNode
from dagnats.machine import events as ev
from dagnats.machine.errors import error
from dagnats.machine.fragments import remember
from dagnats.machine.inputs import Plan
from dagnats.machine.kinds import task
from dagnats.machine.outcome import Usage, give_up, succeed
from dagnats.machine.payload import TooLargeError, require_fit
from dagnats.machine.prepared import prepare
from dagnats.machine.state import Frame, Running, Waiting
from dagnats.machine.turn import Turn
from dagnats.machine.values import attempt_input, outputs, problem


def begin(turn: Turn, frame: Frame, at: int) -> None:
    """Ask for a plan; raises EvaluationError."""
    loop = {"iteration": 1, "state": None}
    turn.queue(frame, at, 1, 1, attempt_input(turn.program, turn.state, frame, at, loop))


def returned(  # noqa: PLR0913, PLR0917 (an attempt, and what came of it)
    turn: Turn,
    frame: Frame,
    at: int,
    node: PlannerNode,
    was: Running,
    plan: Plan,
    proposed: Any,
    usage: Usage,
) -> None:
    """Run the steps of a plan, or ask again with what is wrong with it."""
    step = turn.name(frame, at)
    if plan.program is not None:
        try:
            require_fit("the plan", plan.document)
        except TooLargeError as wrong:
            give_up(turn, frame, at, problem(wrong, step, was.attempt), usage)
            return
        remember(turn.program, prepare(plan.program, plan.digest))
        payload = {"digest": plan.digest, "program": plan.document}
        turn.add(
            ev.Planned(
                *turn.head(),
                step_id=step,
                attempt_number=was.attempt,
                iteration=was.iteration,
                payload=payload,
                usage=usage,
            )
        )
        turn.look(turn.state.frames[step])
        return
    details = {"problems": list(plan.problems), "plan": proposed}
    message = f"the plan was refused: {'; '.join(plan.problems)}"
    wrong_plan = error("plan_refused", message, step=step, attempt=was.attempt, details=details)
    if was.iteration > node.max_replans:
        give_up(turn, frame, at, wrong_plan, usage)
        return
    turn.add(
        ev.PlanRefused(
            *turn.head(),
            step_id=step,
            attempt_number=was.attempt,
            iteration=was.iteration,
            payload=wrong_plan,
            usage=usage,
        )
    )
    if turn.state.status == "running":
        task.queue_again(turn, frame, at, Waiting(1, was.iteration + 1, turn.at))


def plan_done(turn: Turn, frame: Frame, at: int, plan: Frame) -> None:
    """Take what the steps of a plan have come to."""
    value = outputs(turn.scope(plan), plan)
    try:
        require_fit("the output", value, grown=True)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, turn.name(frame, at)))
        return
    succeed(turn, frame, at, value)
