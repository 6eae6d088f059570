"""The command line as such: help, usage, inputs, and what happens without a server."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer

from dagnats.cli import progress
from dagnats.cli.app import app
from dagnats.jetstream.clock import SystemClock
from dagnats.machine.events import Event


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by the words that call it."""
    below = getattr(command, "commands", None)
    if below is None:
        return [(path, command)]
    return [found for name, sub in below.items() for found in commands(sub, (*path, name))]


ALL = commands(typer.main.get_command(app))


@pytest.mark.parametrize(("path", "command"), ALL, ids=lambda value: str(value)[:40])
def test_every_command_has_help_with_an_example(path: tuple[str, ...], command: Any) -> None:
    assert command.help
    if not command.hidden:
        assert command.epilog.startswith(f"Example: dagnats {' '.join(path)}")


def test_the_commands_are_these() -> None:
    assert {" ".join(path) for path, _ in ALL} == {
        "approval approve",
        "approval list",
        "approval reject",
        "bounds",
        "compile",
        "demo",
        "dlq discard",
        "dlq list",
        "dlq replay",
        "dlq show",
        "doctor",
        "eval",
        "event publish",
        "explain",
        "fmt",
        "graph",
        "init",
        "lint",
        "lsp",
        "replay",
        "run bulk",
        "run cancel",
        "run cancel-all",
        "run count",
        "run events",
        "run explain",
        "run export",
        "run fork",
        "run inspect",
        "run list",
        "run output",
        "run pause",
        "run purge",
        "run replay",
        "run resume",
        "run retry",
        "run retry-all",
        "run show",
        "run signal",
        "run start",
        "run status",
        "run watch",
        "schema",
        "serve",
        "simulate",
        "worker run",
        "workflow delete",
        "workflow diff",
        "workflow list",
        "workflow register",
        "workflow show",
        "workflow versions",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "workflow list",
        "workflow delete x",
        "run list --json",
        "run show x",
        "run start hello 1",
        "run cancel x",
        "run cancel-all --yes",
        "run bulk resume --dry-run",
        "run inspect @last",
        "approval approve x",
        "dlq list",
        "dlq replay --all",
        "event publish x",
    ],
)
def test_without_a_server_it_is_3(line: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagnats.cli.main", *line.split()],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "DAGNATS_NATS_URL"}
        | {"DAGNATS_DATA_DIR": str(tmp_path), "NO_COLOR": "1"},
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "dagnats serve" in done.stderr


ENVELOPE = {
    "id": "1",
    "seq": 1,
    "run_id": "r1",
    "workflow": "hello",
    "generation": 1,
    "timestamp": "2026-11-24T01:02:03.004Z",
}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"type": "workflow.started", "payload": {}}, "hello started run r1"),
        ({"type": "step.queued", "step_id": "a", "attempt_number": 2}, "a queued attempt 2"),
        ({"type": "step.started", "step_id": "a", "worker_id": "w"}, "a started by w"),
        (
            {"type": "step.continue", "step_id": "a", "iteration": 3, "payload": {"n": 1}},
            'a[3] continue {"n": 1}',
        ),
        (
            {
                "type": "step.failed",
                "step_id": "a",
                "payload": {"code": "busy", "message": "come back", "retry_at": 1795482125004},
            },
            "a failed busy: come back · again in 2.0 s",
        ),
        (
            {
                "type": "workflow.failed",
                "payload": {"code": "x", "message": "went wrong", "step": "a"},
            },
            "hello failed step `a`: x: went wrong",
        ),
        (
            {"type": "step.skipped", "step_id": "a", "payload": {"reason": "condition"}},
            "a skipped condition",
        ),
        ({"type": "step.cancelled", "step_id": "a"}, "a cancelled"),
        ({"type": "workflow.pending", "payload": {}}, "hello pending run r1"),
        ({"type": "workflow.continued", "generation": 2}, "hello continued generation 2"),
        (
            {"type": "workflow.retried", "payload": {"reset": ["a", "b"]}},
            "hello retried again: a, b",
        ),
        ({"type": "workflow.paused", "payload": {"reason": "lunch"}}, "hello paused lunch"),
        ({"type": "workflow.resumed"}, "hello resumed"),
        (
            {
                "type": "workflow.failing",
                "payload": {"status": "failed", "error": {"code": "x", "message": "wrong"}},
            },
            "hello failing x: wrong",
        ),
        (
            {"type": "workflow.finally_started", "payload": {"status": "completed", "error": None}},
            "hello finally",
        ),
        (
            {"type": "workflow.cancel_requested", "payload": {"reason": "enough"}},
            "hello asked to cancel enough",
        ),
        (
            {"type": "workflow.signalled", "payload": {"type": "go", "data": {"n": 1}}},
            'hello signalled go {"n": 1}',
        ),
        (
            {"type": "step.map.started", "step_id": "fan", "payload": {"items": [1]}},
            "fan began 1 item",
        ),
        ({"type": "step.map.item_started", "step_id": "fan"}, "fan[0] began"),
        (
            {"type": "step.map.instance.completed", "step_id": "fan", "iteration": 3, "payload": 7},
            "fan[3] completed 7",
        ),
        ({"type": "step.queued", "step_id": "fan[3].read"}, "fan[3].read queued"),
        ({"type": "step.loop.iteration", "step_id": "ask", "iteration": 2}, "ask[2] began"),
        (
            {
                "type": "step.exhausted",
                "step_id": "ask",
                "payload": {"output": 1, "error": {"code": "exhausted", "message": "8 times"}},
            },
            "ask exhausted exhausted: 8 times",
        ),
        ({"type": "step.switch.chosen", "step_id": "s", "payload": {"case": 0}}, "s chose case 1"),
        (
            {"type": "step.switch.chosen", "step_id": "s", "payload": {"case": -1}},
            "s chose default",
        ),
        (
            {"type": "step.compensating", "step_id": "pay", "payload": {"handler": "pay.refund"}},
            "pay undoing by `pay.refund`",
        ),
        ({"type": "step.wait.started", "step_id": "w"}, "w waits"),
        ({"type": "step.wait.matched", "step_id": "w", "payload": {"type": "go"}}, "w heard go"),
        (
            {"type": "approval.requested", "step_id": "ok", "payload": {"description": "Ship?"}},
            "ok asks Ship?",
        ),
        ({"type": "approval.requested", "step_id": "ok", "iteration": 2}, "ok asks (round 2)"),
        (
            {
                "type": "approval.granted",
                "step_id": "ok",
                "payload": {"by": "ada", "comment": "yes"},
            },
            "ok approved by ada: yes",
        ),
        ({"type": "approval.reminded", "step_id": "ok"}, "ok reminded"),
        (
            {"type": "workflow.spawn", "step_id": "c", "payload": {"child_run_id": "r2"}},
            "c spawned run r2",
        ),
        (
            {
                "type": "planner.refused",
                "step_id": "p",
                "payload": {"code": "plan", "message": "no"},
            },
            "p refused plan: no",
        ),
    ],
)
def test_an_event_is_a_line(event: dict[str, Any], words: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    line = progress.line(ENVELOPE | event, sys.stderr)
    assert line.split()[0].endswith(":03.004")
    assert " ".join(line.split()[1:]) == words


def test_a_run_that_begins_later_waits_until_then() -> None:
    event = {"type": "workflow.pending", "payload": {"start_at": 1_000}}
    assert " · waits until 19" in progress.line(ENVELOPE | event, sys.stderr)


def test_an_error_of_the_run_itself_names_no_step() -> None:
    error = {"code": "cancelled", "message": "not needed", "step": None}
    assert progress.explain(error) == "cancelled: not needed"
    assert progress.explain(error | {"step": "a"}) == "step `a`: cancelled: not needed"
    assert progress.explain(error | {"message": "cancelled"}) == "cancelled"
    assert progress.explain(error | {"step": "a"}, at="a") == "cancelled: not needed"


def test_a_stored_value_is_told_by_its_size() -> None:
    stored = {"$payload": {"run_id": "r1", "sha256": "0" * 64, "bytes": 3_000_000}}
    assert progress.brief(stored) == "a stored value of 3,000,000 bytes"
    assert progress.brief([stored]) == '["a stored value of 3,000,000 bytes"]'


def test_long_values_are_cut() -> None:
    assert len(progress.brief("x" * 500)) == progress.VALUE_CHARS_MAX


def test_time_does_not_follow_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.now_ms()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock.now_ms() - before < 60_000


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_has_words(kind: type[msgspec.Struct]) -> None:
    tag = str(kind.__struct_config__.tag)
    last = tag.rpartition(".")[2]
    assert tag in progress.WHAT or (tag.count(".") == 1 and "_" not in last)
