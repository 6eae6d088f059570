"""docs/wire-protocol.md names every subject, message key and event that crosses the wire."""

import inspect
from pathlib import Path
from types import ModuleType
from typing import get_args

import msgspec
import pytest

from dagnats.machine.events import Event
from dagnats.wire import api, subjects, tasks

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "wire-protocol.md").read_text("utf-8")


def structs(module: ModuleType) -> list[type[msgspec.Struct]]:
    """The messages that a module defines."""
    found = inspect.getmembers(module, inspect.isclass)
    return [
        kind
        for _, kind in found
        if issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    ]


MESSAGES = [*structs(tasks), *structs(api), *get_args(Event)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_key_is_described(message: type[msgspec.Struct]) -> None:
    keys = {field.encode_name for field in msgspec.structs.fields(message)}
    assert keys, "a message has keys"
    assert not {key for key in keys if f"`{key}`" not in PAGE and f'"{key}"' not in PAGE}


@pytest.mark.parametrize("event", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_is_named(event: type[msgspec.Struct]) -> None:
    assert f"`{event.__struct_config__.tag}`" in PAGE


@pytest.mark.parametrize(
    "subject",
    [
        subjects.history("<run_id>"),
        subjects.api("<operation>"),
        subjects.HELLO,
        subjects.worker("<worker_id>"),
        subjects.engine(0, "results").replace("0", "<partition>"),
        subjects.engine(0, "beat").replace("0", "<partition>"),
        subjects.engine(0, "bye").replace("0", "<partition>"),
        subjects.engine(0, "checkpoint").replace("0", "<partition>"),
        subjects.stream("<run_id>", "<step>"),
        subjects.HISTORY_STREAM,
        subjects.LOG_STREAM,
        subjects.SNAPSHOT_STREAM,
        f"`{subjects.WORKFLOWS_BUCKET}`",
        f"`{subjects.PROGRAMS_BUCKET}`",
    ],
)
def test_every_subject_is_named(subject: str) -> None:
    assert subject in PAGE
