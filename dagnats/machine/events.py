"""What has happened to a run: facts, past tense, a closed union.

An event is at once the record in the log, the thing that `state.evolve` folds, and (with its `id`
put in front by the log's writer) the JSON message on `history.<run_id>`. Type names and envelope
are those of the Go dagnats where it has them. `seq` counts per run from 1 without gaps.
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


class RunStarted(_Event, tag="workflow.started"):
    """A run exists; `payload` is `{"digest", "input"}`."""

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


class _StepEvent(_Event):
    step_id: str
    attempt_number: int = 0
    iteration: int = 0


class StepQueued(_StepEvent, tag="step.queued"):
    """An attempt may be dispatched."""


class StepStarted(_StepEvent, tag="step.started"):
    """A delivery of an attempt was given to a worker."""

    worker_id: str = ""
    delivery: int = 1


class StepCompleted(_StepEvent, tag="step.completed"):
    """The step ended well; `payload` is its output."""

    payload: Any = None


class StepContinued(_StepEvent, tag="step.continue"):
    """An iteration ended and another follows; `payload` is the next `loop.state`."""

    payload: Any = None


class StepFailed(_StepEvent, tag="step.failed", kw_only=True):
    """An attempt failed; `payload` is the error object, with `retry_at` (ms) if another follows."""

    payload: dict[str, Any]


class StepLost(_StepEvent, tag="step.lost"):
    """The worker vanished; the same attempt will be delivered again."""

    worker_id: str = ""
    delivery: int = 1


class StepSkipped(_StepEvent, tag="step.skipped", kw_only=True):
    """The step will not run; `payload` is `{"reason": "condition" | "dependency"}`."""

    payload: dict[str, Any]


class StepCancelled(_StepEvent, tag="step.cancelled"):
    """The run ended before the step did."""


Event = (
    StepQueued
    | StepStarted
    | StepCompleted
    | StepContinued
    | StepFailed
    | StepLost
    | StepSkipped
    | StepCancelled
    | RunStarted
    | RunCompleted
    | RunFailed
    | CancelRequested
    | RunCancelled
)

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Event).decode


@lru_cache(maxsize=4096)
def rfc3339(at_ms: int) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


@lru_cache(maxsize=4096)
def milliseconds(timestamp: str) -> int:
    """Return a time written by `rfc3339` as milliseconds since the epoch."""
    whole = datetime.fromisoformat(timestamp[:19] + "+00:00")
    return int(whole.timestamp()) * 1000 + int(timestamp[20:23])
