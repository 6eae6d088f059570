"""`dagnats eval`: values, findings with a caret, data from everywhere, and nothing heavy loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli.eval import Asked, plain
from dagnats.cli.main import main

DAGNATS = [sys.executable, "-m", "dagnats.cli.main", "eval"]
ORDER = {"count": 11, "items": [{"id": 1, "price": 3}, {"id": 2, "price": 250}]}
SCHEMA = {
    "type": "object",
    "required": ["count"],
    "properties": {"count": {"type": "integer"}, "note": {"type": "string"}},
}


def dagnats(*words: str, stdin: bytes = b"", cwd: Path | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [*DAGNATS, *words],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def here(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The same in this process, which is faster."""
    code = main(["eval", *words])
    return code, *capsys.readouterr()


@pytest.fixture(autouse=True)
def _in_a_folder_with_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "latin.json").write_bytes('"Jürgen"'.encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")


VALUES: list[tuple[list[str], Any]] = [
    (["1 + 1"], 2),
    (["-1 + 2"], 1),
    (["--type", "'a' + 'b'"], "ab"),
    (["input.count > 10", "--input", "@order.json"], True),
    (["input.items.filter(x, x.price > 50).map(x, x.id)", "--input", "@order.json"], [2]),
    (["count + 1", "--input", "@order.json"], 12),
    (["input.a", "--input", '{"input": {"a": 1}}'], 1),
    (["steps.x.output", "--input", '{"input": {}, "steps": {"x": {"output": null}}}'], None),
    (["input + 1", "--input", "1"], 2),
    (["string(1) + input.string", "--input", '{"string": "x"}'], "1x"),
    (["math.abs(-1) + input.math", "--input", '{"math": 1}'], 2),
    (["n + input", "--input", "1", "--var", "n=2", "--vars", "m=@order.json"], 3),
    (["m.count", "--var", "m=@order.json"], 11),
    (["input.count * 1.5", "--input", "@order.json"], 16.5),
    (["timestamp('2026-01-01T00:00:00Z')"], "2026-01-01T00:00:00Z"),
    (["'é😀'"], "é😀"),
]


@pytest.mark.parametrize(("words", "value"), VALUES, ids=lambda one: str(one)[:50])
def test_the_value_is_json_on_stdout(
    words: list[str], value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = here(capsys, *words)
    assert (code, json.loads(out)) == (0, value)


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["input", "--input", "@-"], "{}"),
        (["-"], "{\n}\n"),
        (["-", "--input", "@order.json"], "input.count == 11 ? {} : null"),
    ],
)
def test_data_or_expression_come_from_stdin(words: list[str], stdin: str, tmp_path: Path) -> None:
    assert dagnats(*words, stdin=stdin.encode(), cwd=tmp_path) == (0, "{}\n", "")


FAILURES: list[tuple[str, str, str, str]] = [
    ("1 +", "error[DN4001]", "1 | 1 +", ""),
    ("input.count + nam", "error[DN4002]", "1 | input.count + nam", "^^^"),
    ("'a' + 1", "error[DN4004]", "1 | 'a' + 1", "^"),
    ("input.count + input.nope", "error[missing]", "1 | input.count + input.nope", "^"),
    ("1 / (input.count - 11)", "error[division_by_zero]", "1 | 1 / (input.count - 11)", "^"),
    ("[1].map(x,\n  x + input.nope)", "error[missing]", "2 |   x + input.nope)", "^"),
]


@pytest.mark.parametrize(("text", "title", "line", "caret"), FAILURES, ids=lambda one: one[:30])
def test_a_failure_is_1_with_a_caret_on_stderr(
    text: str, title: str, line: str, caret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = here(capsys, text, "--input", "@order.json")
    assert (code, out) == (1, "")
    assert err.startswith(title)
    assert f"\n{line}\n" in err
    assert caret in err.partition(line)[2]


def test_who_forgets_the_data_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = here(capsys, "input.count")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "help: `--input` says what `input` is"


@pytest.mark.parametrize("text", ["1 +", "nam", "input.nope"])
def test_json_has_the_findings_on_stdout(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = here(capsys, text, "--input", "{}", "--json")
    document = json.loads(out)
    assert (code, err) == (1, "")
    assert document["summary"]["errors"] == 1
    assert document["diagnostics"][0]["file"] == "<expression>"
    assert document["diagnostics"][0]["range"]["start"]["line"] == 1


def test_a_failure_on_data_has_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = here(capsys, "input.nope", "--input", "{}", "--json")
    assert json.loads(out)["diagnostics"][0]["code"] == "missing"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1", "--input", "@none.json"], "cannot read `none.json`"),
        (["1", "--input", "@latin.json"], "`latin.json` is not UTF-8"),
        (["1", "--input", "{"], "the input is not JSON"),
        (["1", "--input", "NaN"], "NaN has no place in JSON"),
        (["1", "--input", "9223372036854775808"], "does not fit in 64 bits"),
        (["1", "--input", "9" * 5000], "does not fit in 64 bits"),
        (["1", "--input", "1e999"], "beyond what a double holds"),
        (["1", "--input", "[" * 100_000], "nested too deeply"),
        (["1", "--var", "n"], "is not NAME=JSON"),
        (["1", "--var", "a.b=1"], "is not NAME=JSON"),
        (["1", "--var", "n=x"], "`n` is not JSON"),
        (["1", "--schema", "{"], "the schema is not JSON"),
        (["1", "--schema", '{"type": "nope"}'], "the schema is none"),
        (["input", "--schema", "@schema.json", "--input", "{}"], "does not fit the schema"),
        (["input", "--schema", "@schema.json"], "add `--input`, `--type` or `--cost`"),
        (["-", "--input", "@-"], "standard input is read for the expression already"),
        (["1", "--nope"], "--nope"),
        (["1", "2"], "2"),
        ([], "EXPRESSION"),
    ],
    ids=lambda one: " ".join(one)[:40] if isinstance(one, list) else "",
)
def test_wrong_usage_is_2(words: list[str], said: str, tmp_path: Path) -> None:
    code, out, err = dagnats(*words, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert said in err


def test_type_and_cost_stand_beside_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("input.map(x, x * 2)", "--input", "[1]", "--type", "--cost")
    code, out, err = here(capsys, *words)
    assert (code, json.loads(out)) == (0, [2])
    type_, cost = err.splitlines()
    assert type_.startswith("type: list(")
    assert cost.startswith("cost: ")
    assert "at least" in cost
    assert "at most" in cost


def test_a_schema_gives_types(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("input.count + 1", "--schema", "@schema.json", "--type")
    assert here(capsys, *words) == (0, "type: int\n", "")
    code, out, err = here(capsys, *words, "--input", "@order.json")
    assert (code, out, err) == (0, "12\n", "type: int\n")


def test_a_schema_warns_of_what_may_be_absent(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = here(capsys, "input.note + 'x'", "--schema", "@schema.json", "--type")
    assert (code, out) == (0, "type: string\n")
    assert err.startswith("warning[DN4006]")


def test_json_is_one_document_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = here(capsys, "size([1, 2])", "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["value"], document["type"]) == (2, "int")
    cost = document["cost"]
    assert cost["min"] <= cost["counted"] <= cost["max"]


def test_strict_is_cel_without_promotion(capsys: pytest.CaptureFixture[str]) -> None:
    assert here(capsys, "1 + 1.5")[0] == 0
    assert here(capsys, "1 + 1.5", "--strict")[0] == 1


def test_half_a_surrogate_pair_leaves_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = here(capsys, "input", "--input", r'"\ud800"')
    assert (code, out) == (0, '"\\ud800"\n')


def test_nothing_heavy_is_loaded() -> None:
    program = (
        "import sys\n"
        "from dagnats.cli.main import main\n"
        "assert main(['eval', 'input.n + 1', '--input', '{\"n\": 1}']) == 0\n"
        "heavy = {'nats', 'asyncio', 'typer', 'rich', 'ssl', 'lark', 'ruamel', 'jsonschema_rs'}\n"
        "heavy.add('dagnats.diagnostics.render')\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["2", "[]"]


@pytest.mark.parametrize(
    ("words", "is_plain"),
    [
        (["1"], True),
        (["-1"], True),
        (["-(1)", "--input", "{}"], True),
        (["1", "--schema", "@s", "--type", "--cost", "--json", "--strict", "--var", "a=1"], True),
        ([], False),
        (["--help"], False),
        (["-x"], False),
        (["1", "2"], False),
        (["1", "--input"], False),
        (["1", "--input=2"], False),
        (["--", "1"], False),
    ],
)
def test_only_plain_lines_go_the_short_way(words: list[str], *, is_plain: bool) -> None:
    assert (plain(words) is not None) is is_plain


def test_both_ways_know_the_same_options(capsys: pytest.CaptureFixture[str]) -> None:
    from dagnats.cli.eval import FLAGS, VALUES

    assert main(["eval", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in (*FLAGS, *VALUES, "--var", "--vars"))
    assert set(FLAGS.values()) | set(VALUES.values()) <= set(Asked.__struct_fields__)
