"""What a step or a run computes from what has happened: inputs, conditions, outputs."""

from collections.abc import Iterator
from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.machine import sealing
from dagnats.machine.errors import no_value
from dagnats.machine.events import encode, rfc3339
from dagnats.machine.payload import bytes_of, require_fit
from dagnats.machine.prepared import PARTS_MAX, TOP, Formula, Prepared, Scope
from dagnats.machine.state import (
    PENDING,
    STATUS,
    Completed,
    Failed,
    Frame,
    RunState,
    StepState,
    address,
    handler_name,
    scope_of,
)

Roots = dict[str, Any]
NOBODY = -2


def roots(
    program: Prepared, state: RunState, frame: Frame, formula: Formula, of: int = NOBODY
) -> Roots:
    """Return the roots that an expression of a step of `frame` sees; only those that it names.

    `of` is the position of the step, where it may see less than what has ended by now.
    """
    view: Roots = {"input": state.birth.get("input")}
    if formula.reads:
        view["steps"] = {
            name: _step_view(
                _seen(frame, at, of) if at >= 0 else _found(program, state, frame, name)
            )
            for name, at in formula.reads
        }
    named = formula.roots
    if named - _USUAL:
        _rest(view, program, state, frame, named)
    return view


_USUAL = frozenset({"input", "steps"})


def _rest(
    view: Roots, program: Prepared, state: RunState, frame: Frame, named: frozenset[str]
) -> None:
    """Add the roots that few expressions name."""
    birth = state.birth
    if "run" in named:
        view["run"] = _run_view(state)
    if "vars" in named:
        view["vars"] = birth.get("vars", {})
    if "trigger" in named:
        view["trigger"] = birth.get("trigger")
    if "secrets" in named:
        nonce = birth.get("nonce", "")
        view["secrets"] = {name: marker(nonce, name) for name in program.program.secrets}
    if named & _AROUND:
        _around(view, program, state, frame)


_AROUND = frozenset({"item", "index", "loop", "error"})


def marker(nonce: str, name: str) -> str:
    """Return what stands for a secret until a worker puts its value in.

    Nobody can have written it into data before the run began: the nonce is chosen then.
    """
    return f"${{secret:{nonce}:{name}}}"


def _around(view: Roots, program: Prepared, state: RunState, frame: Frame) -> None:
    """Add what frames give to their steps; the innermost of each kind counts."""
    for inside, scope in _outwards(program, state, frame):
        if scope.kind in {"handler", "finally"}:
            view.setdefault("error", inside.given)
        elif scope.kind in {"body", "single"} and inside.parent is not None:
            if inside.key.endswith("]") and _is_item(program, state, inside):
                view.setdefault("item", inside.given)
                view.setdefault("index", inside.number)
            elif inside.key.endswith("]"):
                view.setdefault("loop", {"iteration": inside.number, "state": inside.given})


def _is_item(program: Prepared, state: RunState, frame: Frame) -> bool:
    assert frame.parent is not None
    return scope_of(program, state, state.frames[frame.parent]).maps[frame.at]


def _outwards(program: Prepared, state: RunState, frame: Frame) -> Iterator[tuple[Frame, Scope]]:
    inside: Frame | None = frame
    while inside is not None:
        yield inside, scope_of(program, state, inside)
        inside = None if inside.parent is None else state.frames[inside.parent]


def _seen(frame: Frame, at: int, of: int) -> StepState:
    """Return a step as another one sees it: what had not ended when that began is pending to it."""
    return PENDING if at in frame.late.get(of, ()) else frame.steps[at]


def _found(program: Prepared, state: RunState, frame: Frame, name: str) -> StepState:
    """Return a step that is not of this frame: one around it, a handler, or one never begun."""
    of = NOBODY
    for inside, scope in _outwards(program, state, frame):
        at = scope.index.get(name)
        if at is not None:
            return _seen(inside, at, of)
        of = inside.at
    return state.handled.get(handler_name(frame, name), PENDING)


def _run_view(state: RunState) -> Roots:
    return {
        "id": state.run_id,
        "workflow": state.workflow,
        "generation": state.generation,
        "started_at": rfc3339(state.started_at),
        "labels": state.birth.get("labels", {}),
    }


def _step_view(step: StepState) -> Roots:
    view: Roots = {"status": STATUS[type(step)]}
    if isinstance(step, Completed):
        view["output"] = step.output
        if step.error is not None:
            view["error"] = step.error
    elif isinstance(step, Failed):
        view["error"] = step.error
    return view


def evaluate(  # noqa: PLR0913, PLR0917 (an expression, and who asks)
    program: Prepared,
    state: RunState,
    frame: Frame,
    formula: Formula,
    where: str = "",
    of: int = NOBODY,
    **more: Any,
) -> Any:
    """Evaluate an expression of a step of `frame`; raises EvaluationError, which says `where`.

    What stands in for a value in the store can be handed on, and not be looked into.
    """
    view = roots(program, state, frame, formula, of)
    if more:
        view |= more
    sealed = sealing.seal(view)
    try:
        value = formula.evaluate(view)
    except EvaluationError as wrong:
        why = sealing.explained(view, str(wrong))
        if not where and why == str(wrong):
            raise
        raise EvaluationError(f"`{where}`: {why}" if where else why, wrong.code) from None
    return sealing.unseal(value) if sealed else value


def _truth(value: Any, where: str) -> bool:
    """Return a condition's value; raises EvaluationError for what only resembles one."""
    if type(value) is not bool:
        raise EvaluationError(f"`{where}`: it gives {sealing.named(value)}, not a bool", "type")
    return value


def holds(
    program: Prepared, state: RunState, frame: Frame, formula: Formula, where: str, **more: Any
) -> bool:
    """Whether a condition holds; raises EvaluationError."""
    return _truth(evaluate(program, state, frame, formula, where, **more), where)


def fitting(
    program: Prepared,
    state: RunState,
    frame: Frame,
    formula: Formula,
    where: str,
    **more: Any,
) -> Any:
    """Return the value of an expression that becomes a payload; raises EvaluationError."""
    value = evaluate(program, state, frame, formula, where, **more)
    require_fit(f"`{where}`", value, grown=formula.grows)
    return value


def attempt_input(
    program: Prepared, state: RunState, frame: Frame, at: int, loop: Roots | None = None
) -> Any:
    """Return the input of an attempt that is to be queued; raises EvaluationError.

    `loop` is the root of a repeated task; its state travels in the same message.
    """
    scope = scope_of(program, state, frame)
    handed = scope.handed[at]
    if handed >= 0:
        return _output(frame.steps[handed])
    rate_key(program, state, frame, at, loop)
    value = step_input(program, state, frame, at, loop)
    if not scope.composed[at]:
        return value
    formula = scope.inputs[at]
    grown = formula.grows if formula else scope.dependencies[at] > PARTS_MAX
    if loop is not None:
        taken = bytes_of(loop["state"])
        require_fit("the input with `loop.state`", value, taken, grown=grown)
    else:
        require_fit("the input", value, grown=grown)
    return value


def rate_key(
    program: Prepared, state: RunState, frame: Frame, at: int, loop: Roots | None = None
) -> str:
    """Return what an attempt's keyed rate limit counts by; raises EvaluationError."""
    formula = scope_of(program, state, frame).formulas[at].get("rate_key")
    if formula is None:
        return ""
    more = {} if loop is None else {"loop": loop}
    value = evaluate(program, state, frame, formula, "keyed_rate_limit.key", at, **more)
    return value if type(value) is str else encode(value).decode()


def step_input(
    program: Prepared, state: RunState, frame: Frame, at: int, loop: Roots | None = None
) -> Any:
    """Return the input of a step; raises EvaluationError.

    Without `with`, Go's rule: no dependency gives what the body is given, one gives its output,
    several an object by step id; a repeated task's later iterations get `loop.state`.
    """
    scope = scope_of(program, state, frame)
    formula = scope.inputs[at]
    if formula is not None:
        more = {} if loop is None else {"loop": loop}
        return evaluate(program, state, frame, formula, "with", at, **more)
    if loop is not None and loop["iteration"] > 1:
        return loop["state"]
    edges = scope.edges[at]
    if len(edges) == 1:
        return _output(frame.steps[edges[0][0]])
    if not edges:
        return _given(program, state, frame)
    return {scope.nodes[source].id: _output(_seen(frame, source, at)) for source, _ in edges}


def _given(program: Prepared, state: RunState, frame: Frame) -> Any:
    """Return what a frame gives to steps that ask for nothing."""
    if frame.parent is None or frame.key == "@finally":
        return state.birth.get("input")
    scope = scope_of(program, state, frame)
    outer = state.frames[frame.parent]
    if scope.kind == "handler":
        return _handler_input(program, state, frame, outer)
    if scope.kind == "top" or not _is_item(program, state, frame):
        return step_input(program, state, outer, frame.at)
    return frame.given


def _handler_input(program: Prepared, state: RunState, frame: Frame, outer: Frame) -> Roots:
    around = scope_of(program, state, outer)
    step = address(around, outer, frame.at)
    ended = outer.steps[frame.at]
    if not isinstance(ended, Completed):
        return {"failed_step": step, "error": frame.given}
    return {
        "original_step": step,
        "original_output": ended.output,
        "trigger_step": (frame.given or {}).get("step"),
        "trigger_error": frame.given,
    }


def _output(step: StepState) -> Any:
    return step.output if isinstance(step, Completed) else None


def outputs(scope: Scope, frame: Frame) -> Roots:
    """Return the outputs of the completed steps of a body, by id."""
    return {
        node.id: step.output
        for node, step in zip(scope.nodes, frame.steps, strict=True)
        if isinstance(step, Completed)
    }


def run_output(program: Prepared, state: RunState) -> Any:
    """Return what a finished run gives; raises EvaluationError.

    Without `output`: the output of the one last step, or an object of the last steps' by id.
    """
    frame, scope = state.frames[""], program.scopes[TOP]
    last = scope.last
    grown = len(last) > PARTS_MAX
    if program.output is not None:
        value = evaluate(program, state, frame, program.output, "output")
        grown = program.output.grows
    elif len(last) == 1:
        return _output(frame.steps[last[0]])
    else:
        done = [at for at in last if isinstance(frame.steps[at], Completed)]
        value = {scope.nodes[at].id: _output(frame.steps[at]) for at in done}
    require_fit("the output of the run", value, grown=grown)
    return value


def problem(wrong: EvaluationError, step: str, attempt: int | None = None) -> Roots:
    """Return the error object of what could not be worked out."""
    return no_value(wrong, step=step, attempt=attempt)
