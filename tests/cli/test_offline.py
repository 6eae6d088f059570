"""`dagnats lint` and `dagnats compile`: streams, formats, exit codes, and no network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagnats.cli.main import LINT_FORMATS, plain

DAGNATS = [sys.executable, "-m", "dagnats.cli.main"]
GOOD = "dagnats: 1\nname: good\nsteps:\n  - {id: a, task: t}\n"
BAD = "dagnats: 1\nname: bad\nsteps:\n  - {id: a, task: t, depends_on: [b]}\n"


def dagnats(*words: str, stdin: str = "", cwd: Path | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [*DAGNATS, *words],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )
    return done.returncode, done.stdout, done.stderr


def test_a_good_document_has_nothing_on_stdout() -> None:
    code, out, err = dagnats("lint", "-", stdin=GOOD)
    assert (code, out) == (0, "")
    assert err == "1 file checked: nothing to complain about\n"


def test_findings_go_to_stdout_and_the_summary_to_stderr() -> None:
    code, out, err = dagnats("lint", "-", stdin=BAD)
    assert code == 1
    assert "error[DN3002]" in out
    assert err == "1 file checked: 1 error\n"


def test_concise_is_one_line_a_finding() -> None:
    code, out, _ = dagnats("lint", "--format", "concise", "-", stdin=BAD)
    assert code == 1
    assert len(out.splitlines()) == 1
    assert out.startswith("<stdin>:4:")


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_json_is_one_document(words: list[str]) -> None:
    code, out, err = dagnats("lint", *words, "-", stdin=BAD)
    document = json.loads(out)
    assert (code, err) == (1, "")
    assert document["version"] == 1
    assert document["summary"] == {"errors": 1, "warnings": 0, "infos": 0}
    assert document["diagnostics"][0]["code"] == "DN3002"
    assert document["diagnostics"][0]["range"]["start"]["line"] == 4


def test_several_files_are_checked_at_once(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    code, out, _ = dagnats("lint", "good.yaml", "bad.yaml", "--json", cwd=tmp_path)
    document = json.loads(out)
    assert code == 1
    assert document["files"] == 2
    assert {d["file"] for d in document["diagnostics"]} == {"bad.yaml"}


@pytest.mark.parametrize(
    "words",
    [["lint"], ["lint", "missing.yaml"], ["lint", "--no-such-option", "x"], ["compile"], ["no"]],
)
def test_wrong_usage_is_2(words: list[str], tmp_path: Path) -> None:
    code, out, err = dagnats(*words, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err


def test_what_is_not_utf8_is_2(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: Jürgen".encode("latin-1"))
    code, _, err = dagnats("lint", "latin.yaml", cwd=tmp_path)
    assert code == 2
    assert "`latin.yaml` is not UTF-8" in err


def test_compile_prints_the_program() -> None:
    code, out, err = dagnats("compile", "-", stdin=GOOD)
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["name"] == "good"
    assert document["digest"].startswith("sha256:")


def test_compile_writes_a_file(tmp_path: Path) -> None:
    code, out, _ = dagnats("compile", "-", "-o", "good.ir.json", stdin=GOOD, cwd=tmp_path)
    assert (code, out) == (0, "")
    assert json.loads((tmp_path / "good.ir.json").read_text())["name"] == "good"


def test_compile_refuses_with_the_findings_on_stderr() -> None:
    code, out, err = dagnats("compile", "-", stdin=BAD)
    assert (code, out) == (1, "")
    assert "error[DN3002]" in err


def test_a_closed_pipe_is_no_traceback() -> None:
    script = f"{' '.join(DAGNATS)} compile - | head -c 1"
    done = subprocess.run(
        ["bash", "-c", script], input=GOOD, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_linting_loads_neither_network_nor_typer(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    program = (
        "import sys\n"
        "from dagnats.cli.main import main\n"
        "assert main(['lint', 'good.yaml']) == 0\n"
        "heavy = {'nats', 'asyncio', 'typer', 'rich', 'ssl', 'lark'}\n"
        "heavy.add('dagnats.diagnostics.render')\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        ("lint a.yaml", True),
        ("lint a.yaml b.yaml --json", True),
        ("lint --format concise -", True),
        ("compile a.yaml", True),
        ("compile a.yaml -o b.json", True),
        ("lint", False),
        ("lint --help", False),
        ("lint a.yaml --format sarif", False),
        ("lint a.yaml --format", False),
        ("lint -- -a.yaml", False),
        ("compile", False),
        ("compile a.yaml b.yaml", False),
        ("compile --json a.yaml", False),
        ("run list", False),
        ("", False),
    ],
)
def test_only_plain_lines_go_the_short_way(line: str, *, is_plain: bool) -> None:
    assert (plain(line.split()) is not None) is is_plain


def test_both_ways_know_the_same_formats() -> None:
    code, out, _ = dagnats("lint", "--help")
    assert code == 0
    assert "|".join(LINT_FORMATS) in out
