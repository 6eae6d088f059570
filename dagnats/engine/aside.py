"""Runs that cannot go on here: their program is missing, or deciding for them failed.

Such a run is kept whole, as it was stored: a state (if it has a snapshot) and the events after it.
Nothing is decided for it, so it has no new events. When the engine starts again it goes on, if then
it can.
"""

import msgspec

from dagnats.claims import found_in, may_refer
from dagnats.engine.book import Summary
from dagnats.machine.events import (
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunPending,
    RunStarted,
    milliseconds,
)
from dagnats.machine.state import RunState

_END_STATUS: dict[type[Event], str] = {
    RunCompleted: "completed",
    RunFailed: "failed",
    RunCancelled: "cancelled",
}


class _Stored(msgspec.Struct):
    state: RunState | None
    events: list[msgspec.Raw]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Stored).decode


class Aside:
    """One run set aside, and why. `seq` numbers its last event; `dirty` as in `Live`."""

    __slots__ = (
        "digest",
        "dirty",
        "lines",
        "reason",
        "run_id",
        "seq",
        "started_at",
        "state",
        "workflow",
    )

    def __init__(self, reason: str, state: RunState) -> None:
        self.reason = reason
        self.run_id = state.run_id
        self.workflow = state.workflow
        self.digest = state.digest
        self.started_at = state.started_at
        self.seq = state.seq
        self.state: RunState | None = state
        self.lines: list[bytes] = []
        self.dirty = False

    @classmethod
    def begun(cls, reason: str, event: RunStarted | RunPending, line: bytes) -> "Aside":
        """Set a run aside that has no snapshot yet."""
        aside = cls.__new__(cls)
        aside.reason = reason
        aside.run_id, aside.workflow = event.run_id, event.workflow
        aside.digest = event.payload["digest"]
        aside.started_at = milliseconds(event.timestamp)
        aside.seq = event.seq
        aside.state, aside.lines, aside.dirty = None, [line], True
        return aside

    def take(self, event: Event, line: bytes) -> None:
        """Keep a further event of the run; one that is known already changes nothing."""
        if event.seq > self.seq:
            self.seq = event.seq
            self.lines.append(line)
            self.dirty = True

    def summary(self, end: Event) -> Summary:
        """Return what is listed of the run after its last event."""
        ended_at = milliseconds(end.timestamp)
        status = _END_STATUS[type(end)]
        return Summary(
            self.run_id,
            self.workflow,
            self.digest,
            status,
            self.started_at,
            ended_at,
            end.seq,
            refers=tuple(sorted(self.refers() - {self.run_id})),
        )

    def refers(self) -> set[str]:
        """Return the runs whose stored values it may refer to."""
        data = self.encode()
        if not may_refer(data):
            return set()
        return {one.run_id for one in found_in(msgspec.json.decode(data))}

    def encode(self) -> bytes:
        """Return the run as a snapshot; `decode_aside` gives its parts back."""
        return _encode(_Stored(self.state, [msgspec.Raw(line) for line in self.lines]))


def is_end(event: Event) -> bool:
    """Whether a run has ended with this event."""
    return type(event) in _END_STATUS


def is_aside(data: bytes) -> bool:
    """Whether a snapshot is one of a run that was set aside; others are arrays."""
    return data.startswith(b"{")


def decode_aside(data: bytes) -> tuple[RunState | None, list[bytes]]:
    """Return the state and the events after it that a run set aside was stored with."""
    stored = _decode(data)
    return stored.state, [bytes(event) for event in stored.events]
