"""The command line as such: help, usage, inputs, and what happens without a server."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from dagnats.cli import progress
from dagnats.cli.app import app
from dagnats.cli.main import main
from dagnats.cli.run import read_input
from dagnats.errors import UsageError
from dagnats.jetstream.clock import SystemClock


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
        "compile",
        "demo",
        "doctor",
        "eval",
        "explain",
        "fmt",
        "graph",
        "init",
        "lint",
        "lsp",
        "run cancel",
        "run events",
        "run list",
        "run output",
        "run show",
        "run start",
        "run status",
        "run watch",
        "schema",
        "serve",
        "worker run",
        "workflow diff",
        "workflow list",
        "workflow register",
        "workflow show",
    }


@pytest.mark.parametrize(
    "line",
    ["workflow list", "run list --json", "run show x", "run start hello 1", "run cancel x"],
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


@pytest.mark.parametrize(
    ("text", "option", "value"),
    [
        (None, None, None),
        ('"Ada"', None, "Ada"),
        (None, '{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("12345678901234567890", None, 12345678901234567890),
    ],
)
def test_the_input_is_json(text: str | None, option: str | None, value: Any) -> None:
    assert read_input(text, option) == value


def test_the_input_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"name": "Ada"}')
    assert read_input(None, f"@{tmp_path}/input.json") == {"name": "Ada"}


@pytest.mark.parametrize(
    ("text", "option", "said"),
    [
        ("Ada", None, "help: a JSON string keeps its quotes inside the shell's: '\"Ada\"'"),
        ("{name: Ada}", None, "help: put single quotes around it"),
        ("NaN", None, "NaN has no place in JSON"),
        ("1", "2", "given twice"),
        (None, "@/no/such/file", "cannot read `/no/such/file`"),
    ],
)
def test_a_wrong_input_says_what_to_do(text: str | None, option: str | None, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_input(text, option)
    assert said in str(refused.value)


def test_a_wrong_input_is_2_before_any_server_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "start", "hello", "Ada"]) == 2
    assert "is not JSON" in capsys.readouterr().err


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
    ],
)
def test_an_event_is_a_line(event: dict[str, Any], words: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    line = progress.line(ENVELOPE | event, sys.stderr)
    assert line.split()[0].endswith(":03.004")
    assert " ".join(line.split()[1:]) == words


def test_long_values_are_cut() -> None:
    assert len(progress.brief("x" * 500)) == progress.VALUE_CHARS_MAX


def test_time_does_not_follow_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.now_ms()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock.now_ms() - before < 60_000
