"""`loop`, and `agent_loop` with a body: a body repeated, each iteration in a frame of its own."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import LoopNode
from dagnats.machine import events as ev
from dagnats.machine.bounds import exhausted, reached
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.payload import require_fit
from dagnats.machine.prepared import Formula
from dagnats.machine.state import Frame, Looping, Waiting, frame_of
from dagnats.machine.turn import Turn
from dagnats.machine.values import evaluate, fitting, holds, outputs, problem


def begin(turn: Turn, frame: Frame, at: int) -> None:
    """Work out the first state and begin the first iteration; raises EvaluationError."""
    formula = turn.scope(frame).formulas[at].get("initial_state")
    initial = None
    if formula is not None:
        initial = fitting(turn.program, turn.state, frame, formula, "initial_state")
    step = turn.name(frame, at)
    turn.add(ev.LoopStarted(*turn.head(), step_id=step, payload={"state": initial}))
    next_pass(turn, frame, at)


def next_pass(turn: Turn, frame: Frame, at: int) -> None:
    """Begin the next iteration, unless `while` does not hold."""
    step, was = turn.name(frame, at), frame.steps[at]
    assert isinstance(was, Looping | Waiting)
    number = was.iteration if isinstance(was, Waiting) else was.iteration + 1
    try:
        if not _goes_on(turn, frame, at, number, turn.state.loops[step].state):
            last = turn.state.frames.get(f"{step}[{number - 1}]")
            succeed(turn, frame, at, _output(turn, frame, at, last))
            return
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, step))
        return
    turn.add(ev.PassStarted(*turn.head(), step, 0, number))
    turn.look(turn.state.frames[f"{step}[{number}]"])


def pass_done(turn: Turn, frame: Frame, at: int, node: LoopNode, body: Frame) -> None:
    """Take what an iteration has come to: the end, or another one."""
    step, number = turn.name(frame, at), body.number
    formulas = turn.scope(frame).formulas[at]
    program, state = turn.program, turn.state
    try:
        more = {"result": outputs(turn.scope(body), body)} if node.result else {}
        until = formulas.get("until")
        if until is not None and holds(program, state, body, until, "until", **more):
            succeed(turn, frame, at, _output(turn, frame, at, body))
            return
        carried = _next_state(turn, formulas.get("state"), body)
        bound = reached(turn, step, node, number)
        if bound is not None:
            over = "while" in formulas and not _goes_on(turn, frame, at, number + 1, carried)
            output = _output(turn, frame, at, body)
            if over:
                succeed(turn, frame, at, output)
            else:
                exhausted(turn, frame, at, node, bound, output)
            return
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, step))
        return
    due = turn.at + node.delay_ms if node.delay_ms else None
    turn.add(ev.StepContinued(*turn.head(), step, 0, number, carried, due))
    if due is None:
        next_pass(turn, frame, at)


def _goes_on(turn: Turn, frame: Frame, at: int, number: int, carried: Any) -> bool:
    """Whether `while` holds before an iteration; raises EvaluationError."""
    formula = turn.scope(frame).formulas[at].get("while")
    if formula is None:
        return True
    loop = {"iteration": number, "state": carried}
    return holds(turn.program, turn.state, frame, formula, "while", loop=loop)


def _next_state(turn: Turn, formula: Formula | None, body: Frame) -> Any:
    if formula is not None:
        return fitting(turn.program, turn.state, body, formula, "state")
    carried = outputs(turn.scope(body), body)
    require_fit("`loop.state`", carried, grown=True)
    return carried


def _output(turn: Turn, frame: Frame, at: int, body: Frame | None) -> Any:
    """Return the output of a loop after its last iteration, or without any."""
    if body is None:
        number = turn.scope(frame).bodies[at][0]
        shape = turn.scope_of(frame, number)
        body = frame_of(shape, f"{turn.name(frame, at)}[0]", number, frame.key, at, frame.plan)
        body.given = turn.state.loops[turn.name(frame, at)].state
    formula = turn.scope(frame).formulas[at].get("output")
    if formula is not None:
        value = evaluate(turn.program, turn.state, body, formula, "output")
        grown = formula.grows
    else:
        value, grown = outputs(turn.scope(body), body), True
    require_fit("the output", value, grown=grown)
    return value
