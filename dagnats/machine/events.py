"""What has happened to a run: facts, past tense, a closed union.

An event is at once the record in the log, the thing that `evolve` folds, and (with its `id` put in
front by the log's writer) the JSON message on `history.<run_id>`. Type names and envelope are those
of the Go dagnats where it has them. `seq` counts per run from 1 without gaps, over all generations.

`step_id` is the address of an instance: `fetch`, `fan[3].fetch`, `charge.refund`. Whatever a step
needs to go on later stands in the event that began it, so that a fold never evaluates anything.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec


class _Event(msgspec.Struct, tag_field="type", omit_defaults=True, gc=False):
    seq: int
    run_id: str
    workflow: str
    generation: int
    timestamp: str


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


class RunPending(_Event, tag="workflow.pending", kw_only=True):
    """A run exists and waits to be let in; `payload` as in `RunStarted`, with `gate` and `key`."""

    payload: dict[str, Any]


class RunStarted(_Event, tag="workflow.started"):
    """A run goes; `payload` is `{"digest", "input"}` and what else it began with.

    `error` in it says why the run cannot begin: then it ends with that.

    After `workflow.pending` the payload has only what was not told there.
    """

    payload: dict[str, Any]


class RunContinued(_Event, tag="workflow.continued"):
    """The next generation begins, the one that the envelope names; `payload` as in `RunStarted`."""

    payload: dict[str, Any]


class RunRetried(_Event, tag="workflow.retried", kw_only=True):
    """A failed run goes on; the steps in `payload["reset"]` are to be done again."""

    payload: dict[str, Any]


class RunPaused(_Event, tag="workflow.paused", kw_only=True):
    """Nothing new starts until it is resumed; `payload` is `{"reason"}`."""

    payload: dict[str, Any]


class RunResumed(_Event, tag="workflow.resumed"):
    """What waited goes on."""


class RunFailing(_Event, tag="workflow.failing", kw_only=True):
    """The run will end as `payload` says: `{"status", "error"}`.

    What is open is cancelled, then what was done is undone.
    """

    payload: dict[str, Any]


class FinallyStarted(_Event, tag="workflow.finally_started"):
    """All else has ended; `payload` is what will become of the run, if `finally` goes well."""

    payload: dict[str, Any]


class RunCompleted(_Event, tag="workflow.completed"):
    """The run ended well; `payload` is its output."""

    payload: Any = None


class RunFailed(_Event, tag="workflow.failed"):
    """The run ended badly; `payload` is the error object."""

    payload: dict[str, Any]


class CancelRequested(_Event, tag="workflow.cancel_requested"):
    """Somebody asked to end the run; `payload` is `{"reason"}`."""

    payload: dict[str, Any]


class RunCancelled(_Event, tag="workflow.cancelled"):
    """The run ended on request; `payload` is the error object with code `cancelled`."""

    payload: dict[str, Any]


class Signalled(_Event, tag="workflow.signalled", kw_only=True):
    """The run got a signal that nothing waits for yet; `payload` is the event."""

    payload: dict[str, Any]


# ── steps, of any kind ───────────────────────────────────────────────────────────────────────────


class OfStep(_Event):
    """What all events of a step have."""

    step_id: str
    attempt_number: int = 0
    iteration: int = 0


class StepQueued(OfStep, tag="step.queued"):
    """An attempt may be dispatched; `payload` is `{"state"}` where a loop begins with one."""

    payload: dict[str, Any] | None = None


class StepStarted(OfStep, tag="step.started"):
    """A delivery of an attempt was given to a worker."""

    worker_id: str = ""
    delivery: int = 1


class StepCompleted(OfStep, tag="step.completed"):
    """The step ended well; `payload` is its output.

    `error` has the failures that a map tolerated. `usage` is what the worker spent.
    """

    payload: Any = None
    error: dict[str, Any] | None = None
    usage: dict[str, float] | None = None


class StepContinued(OfStep, tag="step.continue"):
    """An iteration ended and another follows; `payload` is the next `loop.state`.

    `due` (ms) says when, if the loop waits in between.
    """

    payload: Any = None
    due: int | None = None
    usage: dict[str, float] | None = None


class StepFailed(OfStep, tag="step.failed", kw_only=True):
    """An attempt failed; `payload` is the error object.

    With `retry_at` (ms) in it another attempt follows, with `handler` the handler of that address.
    """

    payload: dict[str, Any]
    usage: dict[str, float] | None = None


class StepLost(OfStep, tag="step.lost"):
    """The worker vanished; the same attempt will be delivered again."""

    worker_id: str = ""
    delivery: int = 1


class StepSkipped(OfStep, tag="step.skipped", kw_only=True):
    """The step will not run; `payload` is `{"reason": "condition" | "dependency" | "timeout"}`."""

    payload: dict[str, Any]


class StepCancelled(OfStep, tag="step.cancelled"):
    """What the step belongs to ended before it did."""


class StepExhausted(OfStep, tag="step.exhausted", kw_only=True):
    """A loop is at its bound and the run pauses; `payload` has `output` and `error`, for either."""

    payload: dict[str, Any]
    usage: dict[str, float] | None = None


class StepCompensating(OfStep, tag="step.compensating", kw_only=True):
    """A handler undoes this step; `payload` is `{"handler"}`, its address."""

    payload: dict[str, Any]


# ── steps of one kind ────────────────────────────────────────────────────────────────────────────


class LoopStarted(OfStep, tag="step.loop.started", kw_only=True):
    """A loop with a body begins; `payload` is `{"state"}`."""

    payload: dict[str, Any]


class PassStarted(OfStep, tag="step.loop.iteration"):
    """An iteration of a body begins."""


class MapStarted(OfStep, tag="step.map.started", kw_only=True):
    """A map begins; `payload` is `{"items"}`."""

    payload: dict[str, Any]


class ItemStarted(OfStep, tag="step.map.item_started"):
    """The body of item `iteration` (from 0) begins."""


class ItemCompleted(OfStep, tag="step.map.instance.completed"):
    """The body of item `iteration` ended well; `payload` is what it gives."""

    payload: Any = None


class ItemFailed(OfStep, tag="step.map.item_failed", kw_only=True):
    """The body of item `iteration` failed; `payload` is the error object."""

    payload: dict[str, Any]


class CaseChosen(OfStep, tag="step.switch.chosen", kw_only=True):
    """A switch goes one way; `payload` is `{"case"}`: its number, -1 for `default`."""

    payload: dict[str, Any]


class SleepStarted(OfStep, tag="step.sleep.started", kw_only=True):
    """A sleep begins; `payload` is `{"wake_at"}` (ms)."""

    payload: dict[str, Any]


class WaitStarted(OfStep, tag="step.wait.started"):
    """A wait for events begins."""


class WaitMatched(OfStep, tag="step.wait.matched", kw_only=True):
    """One of several events has come; `payload` is the event."""

    payload: dict[str, Any]


class ApprovalRequested(OfStep, tag="approval.requested"):
    """People are asked; `payload` is `{"description", "details"}`, `iteration` the round."""

    payload: dict[str, Any] | None = None


class ApprovalGranted(OfStep, tag="approval.granted", kw_only=True):
    """One approved, and more are needed; `payload` is the decision."""

    payload: dict[str, Any]


class ApprovalReminded(OfStep, tag="approval.reminded"):
    """People are asked again."""


class ChildSpawned(OfStep, tag="workflow.spawn", kw_only=True):
    """A sub-workflow was asked for; `payload` is `{"child_run_id", "input"}`."""

    payload: dict[str, Any]


class Planned(OfStep, tag="planner.materialized", kw_only=True):
    """A plan became steps; `payload` is `{"digest", "program"}`."""

    payload: dict[str, Any]
    usage: dict[str, float] | None = None


class PlanRefused(OfStep, tag="planner.refused", kw_only=True):
    """A plan was refused and the planner is asked again; `payload` is the error object."""

    payload: dict[str, Any]
    usage: dict[str, float] | None = None


Event = (
    StepQueued
    | StepStarted
    | StepCompleted
    | StepContinued
    | StepFailed
    | StepLost
    | StepSkipped
    | StepCancelled
    | StepExhausted
    | StepCompensating
    | LoopStarted
    | PassStarted
    | MapStarted
    | ItemStarted
    | ItemCompleted
    | ItemFailed
    | CaseChosen
    | SleepStarted
    | WaitStarted
    | WaitMatched
    | ApprovalRequested
    | ApprovalGranted
    | ApprovalReminded
    | ChildSpawned
    | Planned
    | PlanRefused
    | RunPending
    | RunStarted
    | RunContinued
    | RunRetried
    | RunPaused
    | RunResumed
    | RunFailing
    | FinallyStarted
    | RunCompleted
    | RunFailed
    | CancelRequested
    | RunCancelled
    | Signalled
)

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Event).decode


@lru_cache(maxsize=4096)
def rfc3339(at_ms: int) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{_second(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


@lru_cache(maxsize=4096)
def milliseconds(timestamp: str) -> int:
    """Return a time written by `rfc3339` as milliseconds since the epoch."""
    return _since_epoch(timestamp[:19]) * 1000 + int(timestamp[20:23])


@lru_cache(maxsize=64)
def _since_epoch(second: str) -> int:
    return int(datetime.fromisoformat(second + "+00:00").timestamp())
