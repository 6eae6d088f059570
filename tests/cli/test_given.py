"""What is given on a command line: JSON, paths, times, filters, and a yes."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli import moments
from dagnats.cli.given import assigned, assignment, read_input, read_json
from dagnats.cli.main import main
from dagnats.cli.run.change import changed
from dagnats.cli.run.runs import Filter, chosen
from dagnats.errors import UsageError

NOW = 1_800_000_000_000


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
    assert read_input(f"@{tmp_path}/input.json", None) == {"name": "Ada"}


@pytest.mark.parametrize(
    ("text", "option", "said"),
    [
        ("Ada", None, "help: a JSON string keeps its quotes inside the shell's: '\"Ada\"'"),
        ("{name: Ada}", None, "help: put single quotes around it"),
        ("NaN", None, "NaN has no place in JSON"),
        ("[" * 100_000, None, "is not JSON"),
        ("1", "2", "given twice"),
        (None, "@/no/such/file", "cannot read `/no/such/file`"),
    ],
)
def test_a_wrong_input_says_what_to_do(text: str | None, option: str | None, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_input(text, option)
    assert said in str(refused.value)


def test_stdin_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, b'{"a": 1}')
    os.close(write)
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read_json("@-", "the data") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "parts", "value"),
    [
        ("input=1", ["input"], 1),
        ("input.a.b={}", ["input", "a", "b"], {}),
        ("input.items[0].name='x=y'".replace("'", '"'), ["input", "items", 0, "name"], "x=y"),
        ("steps.fetch.output[1][2]=null", ["steps", "fetch", "output", 1, 2], None),
    ],
)
def test_an_assignment_is_a_path_and_a_value(text: str, parts: list[Any], value: Any) -> None:
    assert assignment(text) == (parts, value)


@pytest.mark.parametrize("text", ["input", "=1", ".a=1", "a..b=1", "a[x]=1", "a[0=1", "input=Ada"])
def test_what_is_no_assignment_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        assignment(text)


@pytest.mark.parametrize(
    ("document", "parts", "value", "changed"),
    [
        ({"a": 1}, [], 2, 2),
        ({"a": 1}, ["a"], 2, {"a": 2}),
        ({"a": 1, "b": 2}, ["c", "d"], 3, {"a": 1, "b": 2, "c": {"d": 3}}),
        (None, ["a"], 1, {"a": 1}),
        ([1, 2], [1], 3, [1, 3]),
        ([1, 2], [2], 3, [1, 2, 3]),
        ({"a": [{"b": 1}]}, ["a", 0, "b"], 2, {"a": [{"b": 2}]}),
    ],
)
def test_a_value_is_put_at_its_path(
    document: Any, parts: list[Any], value: Any, changed: Any
) -> None:
    before = repr(document)
    assert assigned(document, parts, value, "input") == changed
    assert repr(document) == before


@pytest.mark.parametrize(
    ("document", "parts", "said"),
    [
        ([1], [5], "input has no place [5]"),
        ({"a": 1}, ["a", "b"], "input.a is no object: it has no `b`"),
        ({"a": 1}, [0], "input has no place [0]"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(document: Any, parts: list[Any], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[").replace(".", r"\.")):
        assigned(document, parts, 1, "input")


RUN = {
    "run_id": "r1",
    "input": {"n": 1, "m": 2},
    "steps": [{"id": "fetch", "output": {"title": "a", "size": 3}}, {"id": "sum"}],
}


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ([], {}),
        (["input.n=5"], {"set_input": True, "input": {"n": 5, "m": 2}}),
        (["input.n=5", "input.m=6"], {"set_input": True, "input": {"n": 5, "m": 6}}),
        (["input=null"], {"set_input": True, "input": None}),
        (["steps.fetch.output.title=7"], {"outputs": {"fetch": {"title": 7, "size": 3}}}),
        (["steps.fetch.output=1", "steps.sum.output=2"], {"outputs": {"fetch": 1, "sum": 2}}),
    ],
)
def test_a_fork_differs_in_what_is_set(changes: list[str], params: dict[str, Any]) -> None:
    assert changed(RUN, [assignment(change) for change in changes]) == params


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (None, None),
        ("2h", NOW - 7_200_000),
        ("0", NOW),
        ("1h30m", NOW - 5_400_000),
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15 09:00+01:00", NOW),
        ("2027-01-15T08:00:00.250z", NOW + 250),
    ],
)
def test_since_is_a_duration_or_a_time(
    text: str | None, at: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "now_ms", lambda: NOW)
    assert moments.ago(text, "--since") == at


def test_a_start_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "now_ms", lambda: NOW)
    assert moments.ahead("90s", "--at") == NOW + 90_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "`--since yesterday` is no time"),
        ("2027-01-15", "says no whole time"),
        ("2027-01-15T08:00:00", "says no whole time"),
        ("2027-02-30T08:00:00Z", "day is out of range"),
        ("-2h", "is no time"),
    ],
)
def test_what_is_no_time_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        moments.ago(text, "--since")
    assert said in str(refused.value)


def test_a_filter_has_what_was_said_of_it() -> None:
    assert chosen("", None, None, None, None).parameters() == {}
    labels = ["team=ops", "kind=a=b"]
    assert chosen("w", "failed", labels, None, None) == Filter(
        "w", "failed", {"team": "ops", "kind": "a=b"}
    )
    with pytest.raises(UsageError, match="is not KEY=VALUE"):
        chosen("", None, ["team"], None, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run start hello Ada", "is not JSON"),
        ("run start hello --at tomorrow", "is no time"),
        ("run list --status done", "'done'"),
        ("run list --label x", "is not KEY=VALUE"),
        ("run bulk explode", "'explode'"),
        ("run fork x", "--from"),
        ("run fork x --from a --set run.id=1", "only `input…` and `steps.NAME.output…`"),
        ("run signal x go Ada", "is not JSON"),
        ("event publish go Ada", "is not JSON"),
        ("approval approve x --token t --group ops", "`--token` says who may decide"),
        ("approval approve x --form Ada", "is not JSON"),
        ("dlq replay", "say which"),
        ("dlq discard x --all", "say which"),
        ("dlq discard x --workflow w", "goes with `--all`"),
    ],
)
def test_a_wrong_line_is_2_before_any_server_is_asked(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


ASK = """
from dagnats.cli.asking import confirm
confirm("cancel 2 runs?", yes=False)
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [(b"y\n", 0, "done"), (b"YES\n", 0, "done"), (b"\n", 1, "nothing was done"), (b"n\n", 1, "")],
)
def test_on_a_terminal_it_asks(typed: bytes, code: int, said: str) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED], stdin=theirs, stderr=theirs, stdout=theirs
    ) as process:
        os.close(theirs)
        os.write(ours, typed)
        assert process.wait(30) == code
        shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert "cancel 2 runs? [y/N]" in shown
    assert said in shown


GUARDED = f"""
import typer
try:{ASK.replace(chr(10), chr(10) + "    ")}
except typer.Exit as ended:
    raise SystemExit(ended.exit_code)
"""


@pytest.mark.slow
def test_without_a_terminal_it_does_not_ask() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
