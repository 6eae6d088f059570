"""What attempts were given, worked out again: a history has only what cannot be.

This is the same computation as the engine's, of the same program and the same events.
"""

import json
from typing import Any

import msgspec

from dagnats.errors import BrokenError
from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir import codec
from dagnats.machine import events as ev
from dagnats.machine.evolve import born, evolve
from dagnats.machine.prepared import Prepared, prepare
from dagnats.machine.state import RunState, locate
from dagnats.machine.values import step_input

Key = tuple[int, str, int, int]
"""Generation, address, iteration, attempt."""


def inputs_of(program: dict[str, Any], history: list[dict[str, Any]]) -> dict[Key, Any]:
    """Return the input of each attempt of a history. Raises BrokenError when it cannot be read."""
    loaded = codec.load(json.dumps(program).encode())
    prepared = prepare(loaded, codec.digest(loaded))
    try:
        events = [ev.decode(json.dumps(event).encode()) for event in history]
        return _inputs(prepared, events)
    except (msgspec.DecodeError, AssertionError, LookupError) as wrong:
        raise BrokenError(f"the history cannot be folded: {wrong!r}") from wrong


def _inputs(program: Prepared, history: list[ev.Event]) -> dict[Key, Any]:
    first, found = history[0], {}
    assert isinstance(first, ev.RunStarted | ev.RunPending)
    state = born(program, first)
    for event in history[1:]:
        evolve(program, state, event)
        if isinstance(event, ev.StepQueued):
            key = (state.generation, event.step_id, event.iteration, event.attempt_number)
            found[key] = _input(program, state, event)
    return found


def _input(program: Prepared, state: RunState, event: ev.StepQueued) -> Any:
    at = locate(program, state, event.step_id)
    assert at is not None
    loop = None
    if event.iteration:
        carried = state.loops[event.step_id].state
        loop = {"iteration": event.iteration, "state": carried}
    try:
        return step_input(program, state, *at, loop)
    except EvaluationError as wrong:
        return {"error": str(wrong)}
