"""`dagnats compile`, and which lines go the short way without typer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagnats.cli.main import plain

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


@pytest.mark.parametrize("words", [["compile"], ["no"], ["compile", "missing.yaml"]])
def test_wrong_usage_is_2(words: list[str], tmp_path: Path) -> None:
    code, out, err = dagnats(*words, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err


def test_compile_prints_the_program() -> None:
    code, out, err = dagnats("compile", "-", stdin=GOOD)
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["name"] == "good"
    assert document["digest"].startswith("sha256:")


@pytest.mark.slow
@pytest.mark.parametrize("words", [["compile"], ["graph"], ["fmt"], ["workflow", "register"]])
def test_bytes_that_are_no_text_are_a_finding(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(GOOD.replace("good", "gut\xfc").encode("latin-1"))
    code, out, err = dagnats(*words, "latin.yaml", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert "error[DN1002]: byte 20 is no UTF-8: 0xFC" in err
    assert "latin.yaml:2:10" in err


def test_compile_writes_a_file(tmp_path: Path) -> None:
    code, out, _ = dagnats("compile", "-", "-o", "good.ir.json", stdin=GOOD, cwd=tmp_path)
    assert (code, out) == (0, "")
    assert json.loads((tmp_path / "good.ir.json").read_text())["name"] == "good"


def test_compile_refuses_with_the_findings_on_stderr() -> None:
    code, out, err = dagnats("compile", "-", stdin=BAD)
    assert (code, out) == (1, "")
    assert "error[DN3002]" in err


@pytest.mark.parametrize("closed", ["<&- >&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_matter(closed: str, tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    script = (
        f"{' '.join(DAGNATS)} graph --help {closed} && {' '.join(DAGNATS)} lint {file} {closed}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_traceback() -> None:
    script = f"{' '.join(DAGNATS)} compile - | head -c 1"
    done = subprocess.run(
        ["bash", "-c", script], input=GOOD, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        ("lint a.yaml", True),
        ("lint a.yaml b.yaml --json", True),
        ("lint --format concise -", True),
        ("compile a.yaml", True),
        ("compile a.yaml -o b.json", True),
        ("lint", False),
        ("lint a.yaml --format sarif", True),
        ("lint a.yaml --fix --unsafe-fixes --diff --strict", True),
        ("lint --help", False),
        ("lint a.yaml --format xml", False),
        ("lint a.yaml --select DN9", False),
        ("lint a.yaml --watch", False),
        ("explain DN3002", True),
        ("explain --list --json", True),
        ("explain", False),
        ("explain --help", False),
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
