"""The state of a run, and the fold that makes it.

Theory. A run's state is a fold of `evolve` over its events and nothing else. `advance` decides by
emitting events and folding each at once, so what lives in memory and what a replay builds are made
by the same lines. `evolve` never decides; it only records. The state belongs to whoever folds it:
`evolve` changes it in place, because a copy per event would make a run of n steps cost n squared.

    step      event                        next
    ───────   ──────────────────────────   ──────────────────────────────
    Pending   step.queued                  Ready(attempt 1)
    Pending   step.skipped                 Skipped
    Pending   step.failed (no input)       Failed
    Ready     step.started                 Running
    Ready     step.failed (queue timeout)  Failed
    Ready     as Running                   if an earlier delivery, given up as lost, answers
    Running   step.completed               Completed
    Running   step.continue                Waiting (the next iteration, due now)
    Running   step.failed                  Failed, or Waiting if it will be retried
    Running   step.lost                    Ready (the same attempt, the next delivery)
    Waiting   step.queued                  Ready
    Waiting   step.failed (no input)       Failed
    open      step.cancelled               Cancelled

    run: Running until workflow.completed, workflow.failed or workflow.cancelled
"""

from typing import Any, assert_never

import msgspec

from dagnats.machine import events as ev
from dagnats.machine.events import Event, milliseconds
from dagnats.machine.prepared import Prepared


class _Part(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    pass


class Pending(_Part, frozen=True):
    """Not all dependencies are settled."""


class Ready(_Part, frozen=True):
    """An attempt waits for a worker since `since` (ms); `delivery` numbers the next one."""

    attempt: int
    iteration: int
    delivery: int
    since: int


class Running(_Part, frozen=True):
    """A worker holds a delivery since `since` (ms)."""

    attempt: int
    iteration: int
    delivery: int
    since: int
    worker_id: str


class Waiting(_Part, frozen=True):
    """The attempt `attempt` will be queued at `until` (ms)."""

    attempt: int
    iteration: int
    until: int


class Completed(_Part, frozen=True):
    """Ended well."""

    output: Any


class Failed(_Part, frozen=True):
    """Ended badly, for good."""

    error: dict[str, Any]


class Skipped(_Part, frozen=True):
    """Will not run: `condition` or `dependency`."""

    reason: str


class Cancelled(_Part, frozen=True):
    """The run ended first."""


StepState = Pending | Ready | Running | Waiting | Completed | Failed | Skipped | Cancelled
Attempt = Ready | Running | Waiting
Open = (Ready, Running, Waiting)
Ended = (Completed, Failed, Skipped, Cancelled)
PENDING = Pending()
STATUS = {
    Pending: "pending",
    Ready: "ready",
    Running: "running",
    Waiting: "waiting",
    Completed: "completed",
    Failed: "failed",
    Skipped: "skipped",
    Cancelled: "cancelled",
}


class Loop(msgspec.Struct, array_like=True):
    """What a repeating step carries from one iteration to the next."""

    state: Any
    started_at: int


class RunState(msgspec.Struct, array_like=True):
    """Everything known of one run. `unmet[i]` counts the unsettled dependencies of step i."""

    run_id: str
    workflow: str
    digest: str
    generation: int
    input: Any
    started_at: int
    at: int
    seq: int
    steps: list[StepState]
    unmet: list[int]
    open: int
    attempts: int = 0
    status: str = "running"
    loops: dict[int, Loop] = {}
    cancel_reason: str | None = None
    output: Any = None
    error: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has reached one of its ends."""
        return self.status != "running"


def born(program: Prepared, event: ev.RunStarted) -> RunState:
    """Return the state of a run after its first event."""
    at = milliseconds(event.timestamp)
    return RunState(
        run_id=event.run_id,
        workflow=event.workflow,
        digest=event.payload["digest"],
        generation=event.generation,
        input=event.payload.get("input"),
        started_at=at,
        at=at,
        seq=event.seq,
        steps=[PENDING] * len(program.nodes),
        unmet=list(program.dependencies),
        open=len(program.nodes),
    )


def evolve(  # noqa: C901, PLR0912 (one case for each event)
    program: Prepared, state: RunState, event: Event
) -> None:
    """Fold one event into `state`. The event must be the next one of the run."""
    assert event.seq == state.seq + 1, (state.run_id, state.seq, event.seq)
    state.seq = event.seq
    state.at = at = milliseconds(event.timestamp)
    match event:
        case ev.StepQueued():
            index = program.index[event.step_id]
            state.attempts += 1
            if event.iteration == 1 and index not in state.loops:
                state.loops[index] = Loop(program.initial_states.get(index), at)
            state.steps[index] = Ready(event.attempt_number, event.iteration, 1, at)
        case ev.StepStarted():
            state.steps[program.index[event.step_id]] = Running(
                event.attempt_number, event.iteration, event.delivery, at, event.worker_id
            )
        case ev.StepCompleted():
            _settle(program, state, program.index[event.step_id], Completed(event.payload))
        case ev.StepContinued():
            index = program.index[event.step_id]
            state.loops[index].state = event.payload
            state.steps[index] = Waiting(1, event.iteration + 1, at)
        case ev.StepFailed():
            index = program.index[event.step_id]
            retry_at = event.payload.get("retry_at")
            if retry_at is None:
                _settle(program, state, index, Failed(event.payload))
            else:
                state.steps[index] = Waiting(event.attempt_number + 1, event.iteration, retry_at)
        case ev.StepLost():
            state.steps[program.index[event.step_id]] = Ready(
                event.attempt_number, event.iteration, event.delivery + 1, at
            )
        case ev.StepSkipped():
            _settle(program, state, program.index[event.step_id], Skipped(event.payload["reason"]))
        case ev.StepCancelled():
            _settle(program, state, program.index[event.step_id], Cancelled())
        case ev.CancelRequested():
            state.cancel_reason = event.payload["reason"]
        case ev.RunCompleted():
            state.status, state.output = "completed", event.payload
        case ev.RunFailed():
            state.status, state.error = "failed", event.payload
        case ev.RunCancelled():
            state.status, state.error = "cancelled", event.payload
        case ev.RunStarted():
            raise AssertionError(f"{state.run_id} started twice")
        case _:
            assert_never(event)


def replay(program: Prepared, history: list[Event]) -> RunState:
    """Return the state that a whole history makes."""
    first = history[0]
    assert isinstance(first, ev.RunStarted)
    state = born(program, first)
    for event in history[1:]:
        evolve(program, state, event)
    return state


def _settle(program: Prepared, state: RunState, index: int, ended: StepState) -> None:
    state.steps[index] = ended
    state.open -= 1
    for dependent in program.dependents[index]:
        state.unmet[dependent] -= 1
