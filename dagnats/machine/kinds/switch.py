"""`switch`: the body of the first case that matches."""

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.expr.library.values import equal
from dagnats.ir.program import SwitchNode
from dagnats.machine import events as ev
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.payload import require_fit
from dagnats.machine.state import Frame
from dagnats.machine.turn import Turn
from dagnats.machine.values import evaluate, fitting, holds, outputs, problem

DEFAULT = -1


def begin(turn: Turn, frame: Frame, at: int, node: SwitchNode) -> None:
    """Choose a case and begin its body; raises EvaluationError."""
    case = _chosen(turn, frame, at, node)
    step = turn.name(frame, at)
    if case == DEFAULT and node.default is None:
        formula = turn.scope(frame).formulas[at].get("output")
        value = {}
        if formula is not None:
            value = fitting(turn.program, turn.state, frame, formula, "output")
        succeed(turn, frame, at, value)
        return
    turn.add(ev.CaseChosen(*turn.head(), step_id=step, payload={"case": case}))
    turn.look(turn.state.frames[step])


def _chosen(turn: Turn, frame: Frame, at: int, node: SwitchNode) -> int:
    formulas = turn.scope(frame).formulas[at]
    program, state = turn.program, turn.state
    on = formulas.get("on")
    if on is not None:
        value = evaluate(program, state, frame, on, "on")
        for number, case in enumerate(node.cases):
            if any(equal(value, one) for one in case.values):
                return number
        return DEFAULT
    for number in range(len(node.cases)):
        if holds(program, state, frame, formulas[f"case{number}"], f"cases[{number}].when"):
            return number
    return DEFAULT


def branch_done(turn: Turn, frame: Frame, at: int, body: Frame) -> None:
    """Take what the chosen body has come to."""
    formula = turn.scope(frame).formulas[at].get("output")
    try:
        if formula is not None:
            value = fitting(turn.program, turn.state, body, formula, "output")
        else:
            value = outputs(turn.scope(body), body)
            require_fit("the output", value, grown=True)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, turn.name(frame, at)))
        return
    succeed(turn, frame, at, value)
