"""What a step or a run computes from what has happened: inputs, conditions, outputs, errors."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.expr.library.values import name_of
from dagnats.ir.costs import (
    ERROR_CODE_CHARS_MAX,
    ERROR_DETAILS_BYTES_MAX,
    ERROR_MESSAGE_CHARS_MAX,
    PAYLOAD_BYTES_MAX,
)
from dagnats.machine.events import rfc3339
from dagnats.machine.payload import TooLargeError, bytes_of, require_fit
from dagnats.machine.prepared import PARTS_MAX, Formula, Prepared
from dagnats.machine.state import STATUS, Completed, Failed, Loop, RunState

_DROPPED = " (details dropped: too large)"


def error(  # noqa: PLR0913 (the fields of the error object)
    code: str,
    message: str,
    *,
    step: str | None = None,
    attempt: int | None = None,
    retryable: bool = False,
    details: Any = None,
) -> dict[str, Any]:
    """Return the error object that expressions, history, API and command line share.

    Code and message are cut to their limits, details beyond theirs dropped.
    """
    if details is not None and not _is_within(details, ERROR_DETAILS_BYTES_MAX):
        details = None
        message = cut(message, ERROR_MESSAGE_CHARS_MAX - len(_DROPPED)) + _DROPPED
    return {
        "code": cut(code, ERROR_CODE_CHARS_MAX),
        "message": cut(message, ERROR_MESSAGE_CHARS_MAX),
        "step": step,
        "attempt": attempt,
        "retryable": retryable,
        "details": details,
    }


def no_value(
    wrong: EvaluationError, *, where: str = "", step: str | None = None, attempt: int | None = None
) -> dict[str, Any]:
    """Return the error object for what could not be computed, or not be kept: no retry helps.

    `where` begins the message of an expression's mistake.
    """
    message = str(wrong) if isinstance(wrong, TooLargeError) else f"{where}{wrong}"
    code = "too_large" if wrong.code == "size" else "expression"
    return error(code, message, step=step, attempt=attempt)


def cut(text: str, most: int) -> str:
    """Return a text of at most that many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _is_within(value: Any, most: int) -> bool:
    try:
        require_fit("it", value, PAYLOAD_BYTES_MAX - most)
    except TooLargeError:
        return False
    return True


def roots(
    program: Prepared,
    state: RunState,
    formula: Formula,
    *,
    loop: dict[str, Any] | None = None,
    result: Any = None,
) -> dict[str, Any]:
    """Return the roots an expression sees; of the steps, only those it reads."""
    view: dict[str, Any] = {
        "input": state.input,
        "steps": {program.nodes[i].id: _step_view(state, i) for i in formula.reads},
    }
    if formula.reads_run:
        view["run"] = _run_view(state)
    if loop is not None:
        view["loop"] = loop
        view["result"] = result
    return view


def _run_view(state: RunState) -> dict[str, Any]:
    return {
        "id": state.run_id,
        "workflow": state.workflow,
        "generation": state.generation,
        "started_at": rfc3339(state.started_at),
        "labels": {},
    }


def _step_view(state: RunState, index: int) -> dict[str, Any]:
    step = state.steps[index]
    view: dict[str, Any] = {"status": STATUS[type(step)]}
    if isinstance(step, Completed):
        view["output"] = step.output
    elif isinstance(step, Failed):
        view["error"] = step.error
    return view


def evaluate(program: Prepared, state: RunState, formula: Formula) -> Any:
    """Evaluate an expression outside loops; raises EvaluationError."""
    return formula.evaluate(roots(program, state, formula))


def when_holds(program: Prepared, state: RunState, formula: Formula) -> bool:
    """Whether a step's `when` holds; raises EvaluationError."""
    return _truth(evaluate(program, state, formula))


def attempt_input(program: Prepared, state: RunState, index: int, iteration: int) -> Any:
    """Return the input of an attempt that is to be queued; raises EvaluationError.

    A loop's state travels in the same message.
    """
    value = task_input(program, state, index, iteration)
    if not program.composed[index]:
        return value
    formula = program.inputs[index]
    grown = formula.grows if formula else program.dependencies[index] > PARTS_MAX
    if index in program.initial_states:
        taken = bytes_of(_loop_view(program, index, state.loops.get(index), iteration)["state"])
        require_fit("the input with `loop.state`", value, taken, grown=grown)
    else:
        require_fit("the input", value, grown=grown)
    return value


def task_input(program: Prepared, state: RunState, index: int, iteration: int) -> Any:
    """Return the input of an attempt, which is known to have one; otherwise as `attempt_input`.

    Without `with`, Go's rule: no dependency gives the run's input, one gives its output, several an
    object by step id; a loop's later iterations get `loop.state`.
    """
    formula = program.inputs[index]
    if formula is not None:
        view = None
        if index in program.initial_states:
            view = _loop_view(program, index, state.loops.get(index), iteration)
        return formula.evaluate(roots(program, state, formula, loop=view))
    if iteration > 1:
        return state.loops[index].state
    edges = program.nodes[index].edges
    if not edges:
        return state.input
    if len(edges) == 1:
        return _output(state, edges[0].source)
    return {program.nodes[edge.source].id: _output(state, edge.source) for edge in edges}


def until_holds(
    program: Prepared, state: RunState, index: int, iteration: int, result: Any
) -> bool:
    """Whether a loop's `until` holds of its last result; raises EvaluationError."""
    formula = program.until[index]
    view = _loop_view(program, index, state.loops.get(index), iteration)
    return _truth(formula.evaluate(roots(program, state, formula, loop=view, result=result)))


def _truth(value: Any) -> bool:
    """Return a condition's value; raises EvaluationError for what only resembles one."""
    if type(value) is not bool:
        raise EvaluationError(f"it gives a value of type {name_of(value)}, not a bool", "type")
    return value


def run_output(program: Prepared, state: RunState) -> Any:
    """Return what a finished run gives; raises EvaluationError.

    Without `output`: the output of the one last step, or an object of the last steps' by id.
    """
    last = program.last
    grown = len(last) > PARTS_MAX
    if program.output is not None:
        value = evaluate(program, state, program.output)
        grown = program.output.grows
    elif len(last) == 1:
        return _output(state, last[0])
    else:
        done = [i for i in last if isinstance(state.steps[i], Completed)]
        value = {program.nodes[i].id: _output(state, i) for i in done}
    require_fit("the output of the run", value, grown=grown)
    return value


def _loop_view(program: Prepared, index: int, loop: Loop | None, iteration: int) -> dict[str, Any]:
    state = loop.state if loop is not None else program.initial_states[index]
    return {"iteration": iteration, "state": state}


def _output(state: RunState, index: int) -> Any:
    step = state.steps[index]
    return step.output if isinstance(step, Completed) else None
