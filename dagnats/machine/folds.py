"""What the events of steps make of a state: one fold for each, found by the type of the event."""

from collections.abc import Callable
from typing import Any, Final, get_args

from dagnats.ir.program import AgentLoopNode, ContinueAsNewNode, PlannerNode, SubWorkflowNode
from dagnats.machine import events as ev
from dagnats.machine.events import Event
from dagnats.machine.frames import (
    close_below,
    drop,
    end_item,
    open_frame,
    open_item,
    remember,
    settle,
)
from dagnats.machine.prepared import TOP, Prepared
from dagnats.machine.state import (
    SIGNALS_MAX,
    Asking,
    Calling,
    Cancelled,
    Choosing,
    Completed,
    Ended,
    Exhausted,
    Expecting,
    Failed,
    Frame,
    Loop,
    Looping,
    Mapping,
    Pending,
    Planning,
    Ready,
    Recovering,
    Running,
    RunState,
    Skipped,
    Sleeping,
    Waiting,
    address,
    scope_of,
)

# ── steps of any kind ────────────────────────────────────────────────────────────────────────────


def _queued(
    program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepQueued
) -> None:
    if event.iteration and event.step_id not in state.loops:
        node = scope_of(program, state, frame).nodes[at]
        assert isinstance(node, AgentLoopNode | PlannerNode), "what is repeated by workers"
        carried = event.payload["state"] if event.payload else None
        state.loops[event.step_id] = Loop(carried, state.at)
    frame.steps[at] = Ready(event.attempt_number, event.iteration, 1, state.at)


def _started(
    program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepStarted
) -> None:
    if not state.worker_id and program.program.admission.sticky is not None:
        state.worker_id = event.worker_id
    frame.steps[at] = Running(
        event.attempt_number, event.iteration, event.delivery, state.at, event.worker_id
    )


def _completed(
    program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepCompleted
) -> None:
    scope, was, output = scope_of(program, state, frame), type(frame.steps[at]), event.payload
    if event.usage:
        _spend(program, state, frame, at, event.usage)
    if was is Expecting:
        _take(state, output)
    elif was is Pending and isinstance(scope.nodes[at], ContinueAsNewNode):
        state.next_input = [output]  # this generation ends with it
    settle(program, state, scope, frame, at, Completed(output, event.error))
    remember(state, scope, frame, at, output)


def _continued(
    program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepContinued
) -> None:
    if event.usage:
        _spend(program, state, frame, at, event.usage)
    was = frame.steps[at]
    assert isinstance(was, Ready | Running | Looping | Waiting)
    state.loops[event.step_id].state = event.payload
    until = state.at if event.due is None else event.due
    frame.steps[at] = Waiting(1, event.iteration + 1, until, state.at)


def _failed(
    program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepFailed
) -> None:
    if event.usage:
        _spend(program, state, frame, at, event.usage)
    error, iteration = event.payload, event.iteration
    if "retry_at" in error:
        attempt = event.attempt_number + 1
        frame.steps[at] = Waiting(attempt, iteration, error["retry_at"], state.at)
    elif "handler" in error:
        bare = {key: value for key, value in error.items() if key != "handler"}
        close_below(program, state, frame, at)
        frame.steps[at] = Recovering(bare, event.attempt_number, iteration)
        handler = scope_of(program, state, frame).handlers[at][0]
        open_frame(program, state, frame, at, f"{error['handler']}!", handler, bare)
    else:
        settle(program, state, scope_of(program, state, frame), frame, at, Failed(error))


def _of_any(program: Prepared, state: RunState, frame: Frame, at: int, event: Event) -> None:
    """Fold what is rarer, and happens to steps of any kind."""
    steps = frame.steps
    match event:
        case ev.StepLost():
            steps[at] = Ready(event.attempt_number, event.iteration, event.delivery + 1, state.at)
        case ev.StepSkipped():
            skipped = Skipped(event.payload["reason"])
            settle(program, state, scope_of(program, state, frame), frame, at, skipped)
        case ev.StepCancelled():
            settle(program, state, scope_of(program, state, frame), frame, at, Cancelled())
        case ev.StepExhausted():
            payload = event.payload
            if event.usage:
                _spend(program, state, frame, at, event.usage)
            steps[at] = Exhausted(
                payload["output"], payload["error"], event.attempt_number, event.iteration, state.at
            )
            state.status = "paused"
            state.paused_at = state.at
        case ev.StepCompensating():
            state.undo.pop()
            ending = state.ending
            assert ending is not None
            ending.handler = f"{event.payload['handler']}!"
            handler = scope_of(program, state, frame).handlers[at][1]
            open_frame(program, state, frame, at, ending.handler, handler, ending.error)
        case _:
            raise AssertionError(event)


# ── steps of one kind ────────────────────────────────────────────────────────────────────────────


def _of_body(program: Prepared, state: RunState, frame: Frame, at: int, event: Event) -> None:
    """Fold an event of a step with a body."""
    steps = frame.steps
    match event:
        case ev.LoopStarted():
            state.loops[event.step_id] = Loop(event.payload["state"], state.at)
            steps[at] = Looping(0)
        case ev.PassStarted():
            step, number = event.step_id, event.iteration
            carried = state.loops[step].state
            drop(program, state, f"{step}[{number - 1}]")
            steps[at] = Looping(number)
            body = scope_of(program, state, frame).bodies[at][0]
            open_frame(program, state, frame, at, f"{step}[{number}]", body, carried, number)
        case ev.MapStarted():
            items = event.payload["items"]
            steps[at] = Mapping(items, [None] * len(items), [], 0, 0)
        case ev.ItemStarted():
            open_item(program, state, frame, at, event.step_id, event.iteration)
        case ev.ItemCompleted():
            end_item(steps[at], event.iteration, Completed(event.payload))
            drop(program, state, f"{event.step_id}[{event.iteration}]")
        case ev.ItemFailed():
            end_item(steps[at], event.iteration, Failed(event.payload))
            drop(program, state, f"{event.step_id}[{event.iteration}]")
        case ev.CaseChosen():
            steps[at] = Choosing(event.payload["case"])
            bodies = scope_of(program, state, frame).bodies[at]
            body = bodies[event.payload["case"]]
            open_frame(program, state, frame, at, event.step_id, body, None)
        case ev.Planned():
            _spend(program, state, frame, at, event.usage)
            state.plans[event.step_id] = event.payload
            steps[at] = Planning(event.payload["digest"])
            open_frame(program, state, frame, at, event.step_id, TOP, None, plan=event.step_id)
        case ev.PlanRefused():
            _spend(program, state, frame, at, event.usage)
            state.loops[event.step_id].state = event.payload
            steps[at] = Waiting(1, event.iteration + 1, state.at, state.at)
        case _:
            raise AssertionError(event)


def _of_wait(program: Prepared, state: RunState, frame: Frame, at: int, event: Event) -> None:
    """Fold an event of a step that waits."""
    steps = frame.steps
    match event:
        case ev.SleepStarted():
            steps[at] = Sleeping(event.payload["wake_at"], state.at)
        case ev.WaitStarted():
            steps[at] = Expecting(state.at)
        case ev.WaitMatched():
            waiting = steps[at]
            assert isinstance(waiting, Expecting)
            _take(state, event.payload)
            steps[at] = Expecting(waiting.since, (*waiting.events, event.payload))
        case ev.ApprovalRequested():
            payload = event.payload or {}
            steps[at] = Asking(
                event.iteration,
                state.at,
                description=payload.get("description"),
                details=payload.get("details"),
            )
        case ev.ApprovalGranted():
            asking = steps[at]
            assert isinstance(asking, Asking)
            steps[at] = Asking(
                asking.round,
                asking.since,
                (*asking.votes, event.payload),
                asking.reminders,
                asking.description,
                asking.details,
            )
        case ev.ApprovalReminded():
            asking = steps[at]
            assert isinstance(asking, Asking)
            steps[at] = Asking(
                asking.round,
                asking.since,
                asking.votes,
                asking.reminders + 1,
                asking.description,
                asking.details,
            )
        case ev.ChildSpawned():
            payload = event.payload
            steps[at] = Calling(
                event.attempt_number, payload["child_run_id"], state.at, payload.get("input")
            )
            node = scope_of(program, state, frame).nodes[at]
            assert isinstance(node, SubWorkflowNode)
            if node.detach and node.on_parent_close == "cancel":
                state.detached.append((event.step_id, payload["child_run_id"]))
        case _:
            raise AssertionError(event)


# ── what they share ──────────────────────────────────────────────────────────────────────────────


def begin_early(program: Prepared, state: RunState, frame: Frame, at: int) -> None:
    """Note what a step does not wait for, so that each of its attempts is given the same values."""
    edges = scope_of(program, state, frame).edges[at]
    frame.late[at] = tuple(
        source for source, _ in edges if not isinstance(frame.steps[source], Ended)
    )


def _spend(
    program: Prepared, state: RunState, frame: Frame, at: int, usage: dict[str, float] | None
) -> None:
    """Count what was spent for the run, and for each loop that the step is, or is in."""
    if not usage:
        return
    spent = [state.usage]
    inside: Frame | None = frame
    while inside is not None and at >= 0:
        loop = state.loops.get(address(scope_of(program, state, inside), inside, at))
        if loop is not None:
            spent.append(loop.usage)
        at, inside = inside.at, None if inside.parent is None else state.frames[inside.parent]
    for sums in spent:
        for unit, amount in usage.items():
            sums[unit] = sums.get(unit, 0.0) + float(amount)


def _take(state: RunState, taken: Any) -> None:
    """Note events that a wait has taken: kept signals are used up, and count once."""
    events = taken if isinstance(taken, list) else [taken]
    ids = [event["id"] for event in events if "id" in event]
    state.taken = [*state.taken, *(one for one in ids if one not in state.taken)][-SIGNALS_MAX:]
    if state.signals:
        state.signals = [signal for signal in state.signals if signal["id"] not in ids]


# ── which event is folded how ────────────────────────────────────────────────────────────────────

_Fold = Callable[[Prepared, RunState, Frame, int, Any], None]

OF_STEPS: Final[dict[type, _Fold]] = {
    ev.StepQueued: _queued,
    ev.StepStarted: _started,
    ev.StepCompleted: _completed,
    ev.StepContinued: _continued,
    ev.StepFailed: _failed,
    ev.StepLost: _of_any,
    ev.StepSkipped: _of_any,
    ev.StepCancelled: _of_any,
    ev.StepExhausted: _of_any,
    ev.StepCompensating: _of_any,
    ev.LoopStarted: _of_body,
    ev.PassStarted: _of_body,
    ev.MapStarted: _of_body,
    ev.ItemStarted: _of_body,
    ev.ItemCompleted: _of_body,
    ev.ItemFailed: _of_body,
    ev.CaseChosen: _of_body,
    ev.Planned: _of_body,
    ev.PlanRefused: _of_body,
    ev.SleepStarted: _of_wait,
    ev.WaitStarted: _of_wait,
    ev.WaitMatched: _of_wait,
    ev.ApprovalRequested: _of_wait,
    ev.ApprovalGranted: _of_wait,
    ev.ApprovalReminded: _of_wait,
    ev.ChildSpawned: _of_wait,
}
"""By type, for to ask one type after the other costs more than the fold."""
assert set(OF_STEPS) == {kind for kind in get_args(Event) if issubclass(kind, ev.OfStep)}
