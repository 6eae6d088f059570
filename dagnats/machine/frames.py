"""What the fold does to frames: they are opened, their steps end, they are forgotten."""

from typing import Any

from dagnats.machine.fragments import fragment
from dagnats.machine.prepared import Prepared, Scope
from dagnats.machine.state import (
    PENDING,
    Completed,
    Failed,
    Frame,
    Mapping,
    RunState,
    StepState,
    Undo,
    address,
    frame_of,
    handler_name,
    locate,
    program_of,
    scope_of,
)


def settle(  # noqa: PLR0913, PLR0917 (a step, and how it ends)
    program: Prepared, state: RunState, scope: Scope, frame: Frame, at: int, ended: StepState
) -> None:
    """End a step: whoever waits for it waits for one less, and what is below it is forgotten."""
    unmet = frame.unmet
    frame.steps[at] = ended
    frame.open -= 1
    for dependent in scope.dependents[at]:
        unmet[dependent] -= 1
    if frame.below:
        close_below(program, state, frame, at)
    if state.loops:
        state.loops.pop(address(scope, frame, at), None)
    kind = scope.kind
    if kind == "handler":
        _handled(state, frame, scope.nodes[0].id, ended)
    elif kind == "single":
        assert frame.parent is not None
        end_item(state.frames[frame.parent].steps[frame.at], frame.number, ended)
        drop(program, state, frame.key)


def _handled(state: RunState, frame: Frame, name: str, ended: StepState) -> None:
    """Note what a handler has come to, and if it was to undo something and could not."""
    state.handled[handler_name(frame, name)] = ended
    ending = state.ending
    if ending is not None and frame.key == ending.handler and isinstance(ended, Failed):
        ending.failures.append({"step": frame.key[:-1], "error": ended.error})


def remember(state: RunState, scope: Scope, frame: Frame, at: int, output: Any) -> None:
    """Note a step that may have to be undone."""
    if scope.handlers[at][1] is not None:
        state.undo.append(Undo(frame.key, at, output))


def open_frame(  # noqa: PLR0913, PLR0917 (a frame, and where it belongs)
    program: Prepared,
    state: RunState,
    frame: Frame,
    at: int,
    key: str,
    scope: int | None,
    given: Any,
    number: int = 0,
    plan: str = "",
) -> Frame:
    """Open a frame below a step; with `plan`, one of the steps of that plan."""
    assert scope is not None
    source = fragment(program, state.plans[plan]) if plan else program_of(program, state, frame)
    shape = source.scopes[scope]
    below = frame_of(shape, key, scope, frame.key, at, plan or frame.plan, number, given)
    state.frames[key] = below
    frame.below[key] = at
    if shape.kind == "handler":
        state.handled[handler_name(below, shape.nodes[0].id)] = PENDING
    return below


def open_item(  # noqa: PLR0913, PLR0917 (an item, and where it belongs)
    program: Prepared, state: RunState, frame: Frame, at: int, step: str, number: int
) -> Frame:
    """Open the frame of an item; where its body is one task, that task's first event does so."""
    mapping = frame.steps[at]
    assert isinstance(mapping, Mapping)
    mapping.next += 1
    mapping.active += 1
    body = scope_of(program, state, frame).bodies[at][0]
    return open_frame(
        program, state, frame, at, f"{step}[{number}]", body, mapping.items[number], number
    )


def begin_item(program: Prepared, state: RunState, step: str) -> tuple[Frame, int]:
    """Open the frame of an item whose body is one task: its first event says so."""
    name, _, number = step.rpartition("[")
    found = locate(program, state, name)
    assert found is not None, step
    return open_item(program, state, *found, name, int(number[:-1])), 0


def end_item(mapping: StepState, number: int, ended: StepState) -> None:
    """Count an item of a map that has ended, and keep what it came to."""
    assert isinstance(mapping, Mapping)
    mapping.active -= 1
    if isinstance(ended, Completed):
        mapping.outputs[number] = ended.output
    elif isinstance(ended, Failed):
        mapping.failed += 1
        mapping.failures.append({"index": number, "error": ended.error})


def close_below(program: Prepared, state: RunState, frame: Frame, at: int) -> None:
    """Forget the frames of a step that has ended, but not the handlers that have run for it."""
    for key in [key for key, of in frame.below.items() if of == at]:
        if not key.endswith("!"):
            drop(program, state, key)


def drop(program: Prepared, state: RunState, key: str) -> None:
    """Forget a frame and those below, unless something in it may have to be undone."""
    frame = state.frames.get(key)
    if frame is None:
        return
    if scope_of(program, state, frame).keeps:
        frame.over = True
        return
    for below in list(frame.below):
        drop(program, state, below)
    if frame.plan == key:
        del state.plans[key]
    del state.frames[key]
    if frame.parent is not None:
        state.frames[frame.parent].below.pop(key, None)


def forget(state: RunState, key: str) -> None:
    """Forget a frame and those below, whatever they are."""
    frame = state.frames.pop(key)
    for below in frame.below:
        forget(state, below)
    if frame.parent is not None and frame.parent in state.frames:
        state.frames[frame.parent].below.pop(key, None)
