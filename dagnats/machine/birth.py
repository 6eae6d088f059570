"""How a run begins, and each generation of it: `vars` and `labels` are worked out once."""

from typing import Any

from msgspec.structs import replace

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.machine import events as ev
from dagnats.machine.closing import close_frame
from dagnats.machine.ending import close_run
from dagnats.machine.errors import no_value
from dagnats.machine.evolve import born
from dagnats.machine.inputs import StartRun
from dagnats.machine.payload import require_fit
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState
from dagnats.machine.turn import Turn, top
from dagnats.machine.values import evaluate


def first_turn(program: Prepared, request: StartRun) -> Turn:
    """Open the turn that begins a run, which waits for its gate if it has one.

    One whose input is no payload, or whose `vars` or `labels` have no value, has ended with it.
    """
    birth: dict[str, Any] = {"digest": program.digest, "input": request.input}
    for key in ("trigger", "parent", "carried", "nonce", "start_at", "extra"):
        value = getattr(request, key)
        if value is not None and value != "":
            birth[key] = value
    wrong: EvaluationError | None = None
    try:
        require_fit("the input", request.input)
        if program.variables or program.labels:
            birth |= _worked_out(program, _unborn(program, request, birth))
    except EvaluationError as mistake:
        wrong = mistake
        if mistake.code == "size":
            birth["input"] = None
        birth["error"] = no_value(mistake)
    pending = request.gate and wrong is None
    turn = Turn.first(program, request.run_id, birth, request.at, pending=pending)
    if wrong is not None:
        close_run(turn, "failed", birth["error"])
    else:
        turn.look(top(turn))
    return turn


def _unborn(program: Prepared, request: StartRun, birth: dict[str, Any]) -> RunState:
    """Return the run as it would be with what is known of it so far."""
    name, at = program.program.name, ev.rfc3339(request.at)
    return born(program, ev.RunStarted(1, request.run_id, name, 1, at, birth))


def _worked_out(program: Prepared, state: RunState) -> dict[str, Any]:
    """Return `vars` and `labels` of a run; raises EvaluationError."""
    found: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for name, formula in program.variables:
        variables[name] = _value(program, state, f"vars.{name}", formula, variables)
    labels = {
        name: _value(program, state, f"labels.{name}", formula, variables)
        for name, formula in program.labels
    }
    if variables:
        found["vars"] = variables
    if labels:
        found["labels"] = labels
    require_fit("`vars` and `labels`", found, grown=True)
    return found


def _value(
    program: Prepared, state: RunState, where: str, formula: Any, variables: dict[str, Any]
) -> Any:
    return evaluate(program, state, state.frames[""], formula, where, vars=variables)


def next_birth(turn: Turn, value: Any) -> dict[str, Any]:
    """Return what the next generation begins with; raises EvaluationError."""
    state = turn.state
    payload: dict[str, Any] = {"input": value}
    if not turn.program.variables and not turn.program.labels:
        return payload
    unborn = replace(state, birth={**state.birth, **payload}, generation=state.generation + 1)
    return payload | _worked_out(turn.program, unborn)


def begin_generation(turn: Turn, payload: dict[str, Any]) -> None:
    """End this generation and begin the next one: what is open is cancelled."""
    turn.looks.clear()
    turn.containers.clear()
    turn.failed.clear()
    close_frame(turn, top(turn))
    seq, run_id, workflow, generation, timestamp = turn.head()
    turn.add(ev.RunContinued(seq, run_id, workflow, generation + 1, timestamp, payload))
    turn.look(top(turn))
