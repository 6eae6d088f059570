"""What is true of every state between two turns. Asserted by tests and simulations, each turn."""

from collections.abc import Iterator

from dagnats.machine.counters import RUNNING, TIMED
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    CONTAINING,
    Completed,
    Ended,
    Exhausted,
    Frame,
    Mapping,
    Pending,
    RunState,
    scope_of,
)
from dagnats.machine.ticking import WAITING_FOR


def violations(program: Prepared, state: RunState, *, sliced: bool = False) -> list[str]:
    """Return what is wrong with a state that a turn has left behind; nothing if it is sound.

    `sliced` says that the turn has more to decide (`commands.GoOn`).
    """
    found = [wrong for frame in state.frames.values() for wrong in _frame(program, state, frame)]
    used = (state.counters.running, state.counters.timers)
    if used != recount(state):
        found.append(f"the counters say {used} attempts and timers, there are {recount(state)}")
    if state.ended:
        return [*found, *_ended(program, state)]
    if state.status == "running" and not sliced:
        found += _liveness(program, state)
    return found


def _frame(program: Prepared, state: RunState, frame: Frame) -> Iterator[str]:
    scope, name = scope_of(program, state, frame), frame.key or "the top"
    still_open = sum(not isinstance(step, Ended) for step in frame.steps)
    if frame.open != still_open:
        yield f"`{name}` counts {frame.open} open steps, not {still_open}"
    for at, edges in enumerate(scope.edges):
        unmet = sum(not isinstance(frame.steps[source], Ended) for source, _ in edges)
        if frame.unmet[at] != unmet:
            yield f"`{name}` counts {frame.unmet[at]} unmet dependencies of {at}, not {unmet}"
        began = isinstance(frame.steps[at], (Completed, *WAITING_FOR))
        if began and unmet and scope.nodes[at].join != "any_success":
            yield f"`{scope.nodes[at].id}` began before its dependencies settled"
    for key in frame.below:
        if key not in state.frames:
            yield f"`{name}` knows of a frame `{key}` that is not there"
    for step in frame.steps:
        if isinstance(step, Mapping):
            yield from _mapping(name, frame, step)


def _mapping(name: str, frame: Frame, mapping: Mapping) -> Iterator[str]:
    below = sum(frame.steps[at] is mapping and key.endswith("]") for key, at in frame.below.items())
    if mapping.active > below:
        yield f"a map of `{name}` counts {mapping.active} items, {below} have frames"


def _liveness(program: Prepared, state: RunState) -> Iterator[str]:
    """Something can happen to a run that is alive: an attempt, a timer, a decision, a child."""
    steps = [step for frame in state.frames.values() for step in frame.steps]
    if not any(isinstance(step, (*WAITING_FOR, Exhausted)) for step in steps):
        yield "the run is alive, but nothing can ever happen to it"
    if state.ending is not None:
        return
    for frame in state.frames.values():
        scope = scope_of(program, state, frame)
        for at, step in enumerate(frame.steps):
            if isinstance(step, Pending) and not frame.unmet[at] and _matters(state, frame):
                yield f"`{scope.nodes[at].id}` is pending with all its dependencies settled"


def _matters(state: RunState, frame: Frame) -> bool:
    if frame.parent is None:
        return True
    return isinstance(state.frames[frame.parent].steps[frame.at], CONTAINING)


def _ended(program: Prepared, state: RunState) -> Iterator[str]:
    for frame in state.frames.values():
        scope = scope_of(program, state, frame)
        for at, step in enumerate(frame.steps):
            if not isinstance(step, Ended):
                yield f"the run has ended, `{scope.nodes[at].id}` has not"


def recount(state: RunState) -> tuple[int, int]:
    """Return the attempts and the timers of a state that its counters should say."""
    kinds = [type(step).__name__ for frame in state.frames.values() for step in frame.steps]
    return sum(kind in RUNNING for kind in kinds), sum(kind in TIMED for kind in kinds)
