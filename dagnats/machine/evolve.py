"""The fold: what each event makes of the state of a run. It never decides; it only records.

Theory. A run's state is a fold of `evolve` over its events and nothing else. `advance` decides by
emitting events and folding each at once, so what lives in memory and what a replay builds are made
by the same lines. The state belongs to whoever folds it: `evolve` changes it in place, because a
copy per event would make a run of n steps cost n squared.

    step      event                        next
    ───────   ──────────────────────────   ──────────────────────────────────────────────
    Pending   step.queued                  Ready(attempt 1)
    Pending   step.skipped                 Skipped
    Pending   step.completed, step.failed  Completed, Failed: done at once, or not at all
    Pending   *.started, *.requested, …    Looping, Mapping, Choosing, Sleeping, Expecting …
    Ready     step.started                 Running
    Ready     as Running                   if an earlier delivery, given up as lost, answers
    Running   step.continue                Waiting (the next iteration)
    Running   step.lost                    Ready (the same attempt, the next delivery)
    Running   planner.materialized         Planning, with a frame of the plan's steps
    open      step.failed                  Waiting with `retry_at`, Recovering with `handler`,
                                           else Failed
    open      step.completed               Completed
    open      step.exhausted               Exhausted, and the run is paused
    open      step.cancelled               Cancelled

A container's frame lives until the container has ended, or its next pass begins; one in which
something may have to be undone lives as long as the run.
"""

from typing import Any

from dagnats.ir.program import AgentLoopNode, ContinueAsNewNode, PlannerNode, SubWorkflowNode
from dagnats.machine import events as ev
from dagnats.machine.counters import begin, moved, wrote
from dagnats.machine.events import Event, milliseconds
from dagnats.machine.frames import (
    begin_item,
    close_below,
    drop,
    end_item,
    open_frame,
    open_item,
    remember,
    settle,
)
from dagnats.machine.lives import next_generation, rest, retry
from dagnats.machine.prepared import TOP, Prepared
from dagnats.machine.state import (
    FINALLY,
    SIGNALS_MAX,
    Asking,
    Calling,
    Cancelled,
    Choosing,
    Completed,
    Ended,
    Ending,
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
    StepState,
    Waiting,
    address,
    frame_of,
    locate,
    scope_of,
)


def born(
    program: Prepared, event: ev.RunStarted | ev.RunPending, size: int | None = None
) -> RunState:
    """Return the state of a run after its first event, which has `size` bytes as JSON."""
    at = milliseconds(event.timestamp)
    state = RunState(
        run_id=event.run_id,
        workflow=event.workflow,
        digest=event.payload["digest"],
        generation=event.generation,
        birth=dict(event.payload),
        started_at=at,
        at=at,
        seq=event.seq,
        frames={"": frame_of(program.scopes[TOP], "", TOP, None, -1)},
        timeout_from=at,
        status="pending" if isinstance(event, ev.RunPending) else "running",
    )
    wrote(state.counters, event, size)
    _carry(program, state)
    return state


def _carry(program: Prepared, state: RunState) -> None:
    """Put outcomes of another run in the place of steps."""
    for step, outcome in (state.birth.get("carried") or {}).items():
        at = program.scopes[TOP].index[step]
        if "output" in outcome:
            ended: StepState = Completed(outcome["output"])
        elif "error" in outcome:
            ended = Failed(outcome["error"])
        else:
            ended = Skipped(outcome["skipped"])
        settle(program, state, state.frames[""], at, ended)


def evolve(program: Prepared, state: RunState, event: Event, size: int | None = None) -> None:
    """Fold one event into `state`. The event must be the next one of the run.

    `size` is that of the event as JSON, without the `id` that the log puts in front.
    """
    assert event.seq == state.seq + 1, (state.run_id, state.seq, event.seq)
    state.seq = event.seq
    state.at = milliseconds(event.timestamp)
    if isinstance(event, ev.OfStep):
        found = locate(program, state, event.step_id) or begin_item(program, state, event.step_id)
        frame, at = found
        was = frame.steps[at]
        _evolve_step(program, state, frame, at, event)
        moved(state.counters, was, frame.steps[at])
    elif isinstance(event, ev.RunContinued | ev.RunRetried):
        begin(state.counters)
        _evolve_run(program, state, event)
    else:
        _evolve_run(program, state, event)
    wrote(state.counters, event, size)


def replay(program: Prepared, history: list[Event]) -> RunState:
    """Return the state that a whole history makes."""
    first = history[0]
    assert isinstance(first, ev.RunStarted | ev.RunPending)
    state = born(program, first)
    for event in history[1:]:
        evolve(program, state, event)
    return state


def _evolve_step(program: Prepared, state: RunState, frame: Frame, at: int, event: Event) -> None:
    if frame.unmet[at] and type(frame.steps[at]) is Pending and type(event) is not ev.StepCancelled:
        _begin_early(program, state, frame, at)
    kind = type(event)
    if kind in _OF_BODIES:
        _evolve_body(program, state, frame, at, event)
    elif kind in _OF_WAITS:
        _evolve_wait(program, state, frame, at, event)
    else:
        _evolve_any(program, state, frame, at, event)


_OF_BODIES = frozenset(
    {
        ev.LoopStarted,
        ev.PassStarted,
        ev.MapStarted,
        ev.ItemStarted,
        ev.ItemCompleted,
        ev.ItemFailed,
        ev.CaseChosen,
        ev.Planned,
        ev.PlanRefused,
    }
)
_OF_WAITS = frozenset(
    {
        ev.SleepStarted,
        ev.WaitStarted,
        ev.WaitMatched,
        ev.ApprovalRequested,
        ev.ApprovalGranted,
        ev.ApprovalReminded,
        ev.ChildSpawned,
    }
)


def _evolve_any(  # noqa: C901, PLR0912 (one case for each event)
    program: Prepared, state: RunState, frame: Frame, at: int, event: Event
) -> None:
    """Fold an event of steps of any kind."""
    steps = frame.steps
    match event:
        case ev.StepQueued():
            _begin_loop(program, state, frame, at, event)
            steps[at] = Ready(event.attempt_number, event.iteration, 1, state.at)
        case ev.StepStarted():
            if not state.worker_id and program.program.admission.sticky is not None:
                state.worker_id = event.worker_id
            steps[at] = Running(
                event.attempt_number, event.iteration, event.delivery, state.at, event.worker_id
            )
        case ev.StepCompleted():
            _spend(program, state, frame, at, event.usage)
            if isinstance(steps[at], Expecting):
                _take(state, event.payload)
            elif isinstance(steps[at], Pending) and _continues(program, state, frame, at):
                state.next_input = [event.payload]
            settle(program, state, frame, at, Completed(event.payload, event.error))
            remember(program, state, frame, at, event.payload)
        case ev.StepContinued():
            _spend(program, state, frame, at, event.usage)
            _continue(state, frame, at, event)
        case ev.StepFailed():
            _spend(program, state, frame, at, event.usage)
            _fail(program, state, frame, at, event)
        case ev.StepLost():
            steps[at] = Ready(event.attempt_number, event.iteration, event.delivery + 1, state.at)
        case ev.StepSkipped():
            settle(program, state, frame, at, Skipped(event.payload["reason"]))
        case ev.StepCancelled():
            settle(program, state, frame, at, Cancelled())
        case ev.StepExhausted():
            payload = event.payload
            _spend(program, state, frame, at, event.usage)
            steps[at] = Exhausted(
                payload["output"], payload["error"], event.attempt_number, event.iteration
            )
            state.status = "paused"
        case ev.StepCompensating():
            state.undo.pop()
            ending = state.ending
            assert ending is not None
            ending.handler = f"{event.payload['handler']}!"
            handler = scope_of(program, state, frame).handlers[at][1]
            open_frame(program, state, frame, at, ending.handler, handler, ending.error)
        case _:
            raise AssertionError(event)


def _evolve_body(program: Prepared, state: RunState, frame: Frame, at: int, event: Event) -> None:
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
            steps[at] = Waiting(1, event.iteration + 1, state.at)
        case _:
            raise AssertionError(event)


def _evolve_wait(program: Prepared, state: RunState, frame: Frame, at: int, event: Event) -> None:
    """Fold an event of a step that waits."""
    steps = frame.steps
    match event:
        case ev.SleepStarted():
            steps[at] = Sleeping(event.payload["wake_at"])
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


def _evolve_run(  # noqa: C901, PLR0912 (one case for each event)
    program: Prepared, state: RunState, event: Event
) -> None:
    match event:
        case ev.RunStarted():
            assert state.status == "pending", f"{state.run_id} started twice"
            state.birth = {**state.birth, **event.payload}
            state.status = "running"
        case ev.RunContinued():
            next_generation(program, state, event)
        case ev.RunRetried():
            retry(program, state, event)
        case ev.RunPaused():
            state.status = "paused"
        case ev.RunResumed():
            state.status = "running"
            rest(state)
        case ev.RunFailing():
            payload = event.payload
            state.status = "running"
            state.ending = Ending(payload["status"], "undoing", error=payload["error"])
        case ev.FinallyStarted():
            payload = event.payload
            ending = Ending(
                payload["status"], "finally", payload.get("output"), payload.get("error")
            )
            state.ending = ending
            assert program.finally_scope is not None
            number = program.finally_scope
            shape = program.scopes[number]
            state.frames[FINALLY] = frame_of(shape, FINALLY, number, "", -1, given=ending.error)
        case ev.RunCompleted():
            state.status, state.output = "completed", event.payload
        case ev.RunFailed():
            state.status, state.error = "failed", event.payload
        case ev.CancelRequested():
            state.cancel_reason = event.payload["reason"]
        case ev.RunCancelled():
            state.status, state.error = "cancelled", event.payload
        case ev.Signalled():
            state.signals.append(event.payload)
            del state.signals[:-SIGNALS_MAX]
        case ev.RunPending():
            raise AssertionError(f"{state.run_id} began twice")
        case _:
            raise AssertionError(event)


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


def _begin_early(program: Prepared, state: RunState, frame: Frame, at: int) -> None:
    """Note what a step does not wait for, so that each of its attempts is given the same values."""
    edges = scope_of(program, state, frame).edges[at]
    frame.late[at] = tuple(
        source for source, _ in edges if not isinstance(frame.steps[source], Ended)
    )


def _continues(program: Prepared, state: RunState, frame: Frame, at: int) -> bool:
    """Whether the end of a step is that of this generation of the run."""
    return isinstance(scope_of(program, state, frame).nodes[at], ContinueAsNewNode)


def _begin_loop(
    program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepQueued
) -> None:
    node = scope_of(program, state, frame).nodes[at]
    if isinstance(node, AgentLoopNode | PlannerNode) and event.step_id not in state.loops:
        carried = event.payload["state"] if event.payload else None
        state.loops[event.step_id] = Loop(carried, state.at)


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


def _continue(state: RunState, frame: Frame, at: int, event: ev.StepContinued) -> None:
    was = frame.steps[at]
    loop = state.loops[event.step_id]
    loop.state = event.payload
    until = state.at if event.due is None else event.due
    frame.steps[at] = Waiting(1, event.iteration + 1, until)
    assert isinstance(was, Ready | Running | Looping | Waiting)


def _fail(program: Prepared, state: RunState, frame: Frame, at: int, event: ev.StepFailed) -> None:
    error, iteration = event.payload, event.iteration
    if "retry_at" in error:
        frame.steps[at] = Waiting(event.attempt_number + 1, iteration, error["retry_at"])
    elif "handler" in error:
        bare = {key: value for key, value in error.items() if key != "handler"}
        close_below(program, state, frame, at)
        frame.steps[at] = Recovering(bare, event.attempt_number, iteration)
        handler = scope_of(program, state, frame).handlers[at][0]
        open_frame(program, state, frame, at, f"{error['handler']}!", handler, bare)
    else:
        settle(program, state, frame, at, Failed(error))
