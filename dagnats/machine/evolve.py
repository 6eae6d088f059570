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

from dagnats.machine import events as ev
from dagnats.machine.counters import begin, moved, wrote
from dagnats.machine.events import Event, milliseconds
from dagnats.machine.folds import OF_STEPS, begin_early
from dagnats.machine.frames import begin_item, settle
from dagnats.machine.lives import next_generation, rest, retry
from dagnats.machine.prepared import TOP, Prepared
from dagnats.machine.state import (
    FINALLY,
    SIGNALS_MAX,
    Completed,
    Ending,
    Failed,
    Frame,
    Pending,
    RunState,
    Skipped,
    StepState,
    frame_of,
    locate,
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
    top = program.scopes[TOP]
    for step, outcome in (state.birth.get("carried") or {}).items():
        at = top.index[step]
        if "output" in outcome:
            ended: StepState = Completed(outcome["output"])
        elif "error" in outcome:
            ended = Failed(outcome["error"])
        else:
            ended = Skipped(outcome["skipped"])
        settle(program, state, top, state.frames[""], at, ended)


def evolve(program: Prepared, state: RunState, event: Event, size: int | None = None) -> None:
    """Fold one event into `state`. The event must be the next one of the run.

    `size` is that of the event as JSON, without the `id` that the log puts in front.
    """
    if type(event) in OF_STEPS:
        step = event.step_id  # type: ignore[union-attr] # as all in that table have
        frame, at = locate(program, state, step) or begin_item(program, state, step)
        evolve_step(program, state, frame, at, event, size)
        return
    assert event.seq == state.seq + 1, (state.run_id, state.seq, event.seq)
    state.seq = event.seq
    state.at = milliseconds(event.timestamp)
    if isinstance(event, ev.RunContinued | ev.RunRetried):
        begin(state.counters)
    _evolve_run(program, state, event)
    wrote(state.counters, event, size)


def evolve_step(  # noqa: PLR0913, PLR0917 (as `evolve`, and where)
    program: Prepared, state: RunState, frame: Frame, at: int, event: Event, size: int | None
) -> None:
    """Fold an event of a step, for who knows already where that step is."""
    assert event.seq == state.seq + 1, (state.run_id, state.seq, event.seq)
    state.seq = event.seq
    state.at = milliseconds(event.timestamp)
    kind, was = type(event), frame.steps[at]
    if frame.unmet[at] and type(was) is Pending and kind is not ev.StepCancelled:
        begin_early(program, state, frame, at)
    OF_STEPS[kind](program, state, frame, at, event)
    moved(state.counters, was, frame.steps[at])
    wrote(state.counters, event, size)


def replay(program: Prepared, history: list[Event]) -> RunState:
    """Return the state that a whole history makes."""
    first = history[0]
    assert isinstance(first, ev.RunStarted | ev.RunPending)
    state = born(program, first)
    for event in history[1:]:
        evolve(program, state, event)
    return state


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
            state.paused_at = state.at
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
