"""What a partition's log holds beside the events of runs: facts about the partition itself.

They travel and are kept like the events of a run, which is why they have a `run_id`: no run can be
called so. `seq` is always 0.
"""

from typing import Any

import msgspec

from dagnats.machine.events import Event

PARTITION = "_partition"
"""Stands for the run that a record is of."""


class _Record(msgspec.Struct, tag_field="type", gc=False, kw_only=True):
    run_id: str = PARTITION
    seq: int = 0
    timestamp: str


class EventPublished(_Record, tag="event.published"):
    """An event was published; `payload` is `{"id", "type", "data", "at"}`."""

    payload: dict[str, Any]


class LetterAdded(_Record, tag="dead_letter.added"):
    """Something could not be taken in; `payload` says what and why."""

    payload: dict[str, Any]


class LetterDiscarded(_Record, tag="dead_letter.discarded"):
    """Somebody has thrown a dead letter away; `payload` is `{"id"}`."""

    payload: dict[str, Any]


class RunsPurged(_Record, tag="runs.purged"):
    """Runs that had ended are forgotten, with all they have left; `payload` is `{"runs"}`.

    That has, by id, the position of the history up to which there are events of it.
    """

    payload: dict[str, Any]


Record = EventPublished | LetterAdded | LetterDiscarded | RunsPurged
Line = Event | Record

decode = msgspec.json.Decoder(Line).decode
