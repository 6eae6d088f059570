"""What a step or a run computes from what has happened: inputs, conditions, outputs, errors."""

from typing import Any

from dagnats.machine.events import rfc3339
from dagnats.machine.prepared import Formula, Prepared
from dagnats.machine.state import STATUS, Completed, Failed, Loop, RunState


def error(  # noqa: PLR0913 (the fields of the error object)
    code: str,
    message: str,
    *,
    step: str | None = None,
    attempt: int | None = None,
    retryable: bool = False,
    details: Any = None,
) -> dict[str, Any]:
    """Return the error object that expressions, history, API and command line share."""
    return {
        "code": code,
        "message": message,
        "step": step,
        "attempt": attempt,
        "retryable": retryable,
        "details": details,
    }


def roots(
    program: Prepared,
    state: RunState,
    reads: tuple[int, ...],
    *,
    loop: dict[str, Any] | None = None,
    result: Any = None,
) -> dict[str, Any]:
    """Return the roots an expression sees; of the steps, only those it reads."""
    view: dict[str, Any] = {
        "input": state.input,
        "steps": {program.nodes[i].id: _step_view(state, i) for i in reads},
        "run": {
            "id": state.run_id,
            "workflow": state.workflow,
            "generation": state.generation,
            "started_at": rfc3339(state.started_at),
            "labels": {},
        },
    }
    if loop is not None:
        view["loop"] = loop
        view["result"] = result
    return view


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
    return formula.evaluate(roots(program, state, formula.reads))


def task_input(program: Prepared, state: RunState, index: int, iteration: int) -> Any:
    """Return the input of a step's next attempt; raises EvaluationError.

    Without `with`, Go's rule: no dependency gives the run's input, one gives its output, several an
    object by step id; a loop's later iterations get `loop.state`.
    """
    formula = program.inputs[index]
    loop = state.loops.get(index)
    if formula is not None:
        view = None
        if index in program.initial_states:
            view = _loop_view(program, index, loop, iteration)
        return formula.evaluate(roots(program, state, formula.reads, loop=view))
    if iteration > 1 and loop is not None:
        return loop.state
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
    return formula.evaluate(roots(program, state, formula.reads, loop=view, result=result)) is True


def run_output(program: Prepared, state: RunState) -> Any:
    """Return what a finished run gives; raises EvaluationError.

    Without `output`: the output of the one last step, or an object of the last steps' by id.
    """
    if program.output is not None:
        return evaluate(program, state, program.output)
    last = [i for i, dependents in enumerate(program.dependents) if not dependents]
    if len(last) == 1:
        return _output(state, last[0])
    return {
        program.nodes[i].id: _output(state, i)
        for i in last
        if isinstance(state.steps[i], Completed)
    }


def _loop_view(program: Prepared, index: int, loop: Loop | None, iteration: int) -> dict[str, Any]:
    state = loop.state if loop is not None else program.initial_states[index]
    return {"iteration": iteration, "state": state}


def _output(state: RunState, index: int) -> Any:
    step = state.steps[index]
    return step.output if isinstance(step, Completed) else None
