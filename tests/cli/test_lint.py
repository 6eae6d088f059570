"""`dagnats lint` as a command: streams, formats, exit codes, fixes, settings, many files."""

import contextlib
import errno
import io
import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dagnats.cli import bar
from dagnats.cli.documents import write
from dagnats.cli.lint import FORMATS
from dagnats.cli.linting import BYTES_TO_SHARE
from dagnats.cli.main import main
from dagnats.cli.watch import Look, look, watch
from dagnats.errors import UsageError

DAGNATS = [sys.executable, "-m", "dagnats.cli.main"]
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "NO_COLOR"}} | {
    "PYTHONPATH": str(ROOT)
}
GOOD = "dagnats: 1\nname: good\nsteps:\n  - {id: a, task: t}\n"
BAD = "dagnats: 1\nname: bad\nsteps:\n  - {id: a, task: t, depends_on: [b]}\n"
AGAIN = "name: again\nsteps:\n  - {id: a, task: t}\n  - {id: b, task: t, depends_on: [a, a]}\n"
OLD = "name: old\ntimeout: 5000000000  # five\ninput_schema: {}\nsteps: [{id: a, task: t}]\n"
MISSPELT = "name: n\nsteps:\n  - {id: find, task: t}\n  - {id: a, task: t, depends_on: [fnid]}\n"


def dagnats(
    *words: str, stdin: str = "", cwd: Path | None = None, **variables: str
) -> tuple[int, str, str]:
    done = subprocess.run(
        [*DAGNATS, *words],
        input=stdin.encode(),
        capture_output=True,
        cwd=cwd,
        check=False,
        env=ENVIRONMENT | variables,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def found(*words: str, cwd: Path) -> list[tuple[str, str, str]]:
    """File, code and severity of what a lint finds; asked in this process, to be quick."""
    out = io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out):
        main(["lint", *words, "--json"])
    return [
        (d["file"], d["code"], d["severity"]) for d in json.loads(out.getvalue())["diagnostics"]
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"good": GOOD, "bad": BAD, "again": AGAIN, "old": OLD}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_a_good_document_has_nothing_on_stdout() -> None:
    code, out, err = dagnats("lint", "-", stdin=GOOD)
    assert (code, out) == (0, "")
    assert err == "1 file checked: nothing to complain about\n"


def test_findings_go_to_stdout_and_the_summary_to_stderr() -> None:
    code, out, err = dagnats("lint", "-", stdin=BAD)
    assert code == 1
    assert out.startswith("error[DN3002]: ")
    assert err == "1 file checked: 1 error\n`dagnats explain DN3002` says more\n"


def test_concise_is_one_line_a_finding() -> None:
    code, out, err = dagnats("lint", "--format", "concise", "-", stdin=BAD)
    assert code == 1
    assert out.startswith("<stdin>:4:")
    assert len(out.splitlines()) == len(err.splitlines()) == 1


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_json_is_one_document(words: list[str]) -> None:
    code, out, err = dagnats("lint", *words, "-", stdin=BAD)
    document = json.loads(out)
    assert (code, err) == (1, "")
    assert document["version"] == 1
    assert document["summary"] == {"errors": 1, "warnings": 0, "infos": 0}
    [finding] = document["diagnostics"]
    assert finding["code"] == "DN3002"
    assert finding["range"]["start"]["line"] == 4
    assert set(finding) == {
        "code", "severity", "message", "file", "range", "labels", "help", "fixes", "url"
    }  # fmt: skip


@pytest.mark.slow
def test_the_formats_of_other_tools(folder: Path) -> None:
    code, out, _ = dagnats("lint", ".", "--format", "sarif", cwd=folder)
    [run] = json.loads(out)["runs"]
    assert (code, run["tool"]["driver"]["name"]) == (1, "dagnats")
    assert len(run["artifacts"]) == 4
    code, out, err = dagnats("lint", ".", "--format", "github", cwd=folder)
    assert (code, {row.split()[0] for row in out.splitlines()}) == (
        1,
        {"::error", "::warning", "::notice"},
    )
    assert "4 files checked" in err
    code, out, _ = dagnats("lint", ".", "--format", "junit", cwd=folder)
    assert ET.fromstring(out).get("failures") == "1"


def test_the_help_names_all_formats() -> None:
    code, out, _ = dagnats("lint", "--help", COLUMNS="200")
    assert code == 0
    assert "|".join(FORMATS) in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lint", "Missing argument"),
        ("lint missing.yaml", "cannot read `missing.yaml`"),
        ("lint --no-such-option x", "No such option"),
        ("lint good.yaml --format xml", "Invalid value"),
        ("lint good.yaml --select DN77", "no code is or begins with `DN77`"),
        ("lint good.yaml --ignore DN80011", "did you mean `DN8001`?"),
        ("lint good.yaml --ignore DN3002", "cannot be ignored"),
        ("lint good.yaml --config no.toml", "cannot read `no.toml`"),
        ("lint good.yaml --stdin-filename x", "only for the document `-`"),
        ("lint - --watch", "cannot be watched"),
        ("lint empty", "no workflow document in `empty`"),
    ],
)
def test_wrong_usage_is_2(words: str, said: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    code, out, err = dagnats(*words.split(), cwd=folder)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.slow
def test_what_cannot_be_read_is_2_and_the_rest_is_checked(folder: Path) -> None:
    code, out, err = dagnats("lint", "bad.yaml", "nix.yaml", cwd=folder)
    assert code == 2
    assert "error[DN3002]" in out
    assert "cannot read `nix.yaml`" in err
    assert "1 file checked: 1 error" in err


LATIN = "name: n\nsteps:\n  - {id: a, task: Jürgen}\n".encode("latin-1")


@pytest.mark.slow
def test_bytes_that_are_no_text_are_a_finding_at_the_first_of_them(folder: Path) -> None:
    (folder / "latin.yaml").write_bytes(LATIN)
    code, out, err = dagnats("lint", "latin.yaml", "good.yaml", "--json", cwd=folder)
    (finding,) = json.loads(out)["diagnostics"]
    assert (code, finding["code"], finding["file"]) == (1, "DN1002", "latin.yaml")
    assert finding["message"] == "byte 34 is no UTF-8: 0xFC"
    assert finding["range"] == {
        "start": {"line": 3, "column": 20, "offset": 34},
        "end": {"line": 3, "column": 21, "offset": 35},
    }
    code, out, err = dagnats("lint", "latin.yaml", cwd=folder)
    assert (code, "latin.yaml:3:20" in out) == (1, True)
    assert "1 file checked: 1 error" in err


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--fix"], ["--unsafe-fixes"], ["--diff"]])
def test_bytes_that_are_no_text_are_not_mended(words: list[str], folder: Path) -> None:
    (folder / "latin.yaml").write_bytes(LATIN)
    dagnats("lint", "latin.yaml", *words, cwd=folder)
    assert (folder / "latin.yaml").read_bytes() == LATIN
    with (folder / "latin.yaml").open("rb") as stdin:
        command = [*DAGNATS, "lint", "-", *words]
        done = subprocess.run(
            command, stdin=stdin, capture_output=True, check=False, env=ENVIRONMENT
        )
    assert done.stdout == b""


@pytest.mark.slow
def test_warnings_and_hints_do_not_fail_unless_strict(folder: Path) -> None:
    assert dagnats("lint", "again.yaml", "old.yaml", cwd=folder)[0] == 0
    code, out, _ = dagnats("lint", "again.yaml", "old.yaml", "--strict", "--json", cwd=folder)
    assert (code, json.loads(out)["summary"]) == (1, {"errors": 1, "warnings": 0, "infos": 2})
    assert dagnats("lint", "old.yaml", "--strict", cwd=folder)[0] == 0


def test_codes_are_selected_by_prefix(folder: Path) -> None:
    names = ("again.yaml", "bad.yaml", "old.yaml")
    error = ("bad.yaml", "DN3002", "error")
    again = ("again.yaml", "DN9002", "warning")
    old = ("old.yaml", "DN9001", "info")
    assert found(*names, cwd=folder) == [again, error, old, old]
    assert found(*names, "--ignore", "DN9", cwd=folder) == [error]
    assert found(*names, "--select", "DN9002", cwd=folder) == [again, error]
    assert found(*names, "--select", "DN9", "--ignore", "DN9002", cwd=folder) == [error, old, old]
    assert found(*names, "--ignore", "DN9", "--select", "DN9002", cwd=folder) == [again, error]
    assert found(*names, "--ignore", "DN9001,DN9002", cwd=folder) == [error]
    assert found(*names, "--select", "DN9", "--ignore", "DN9", cwd=folder) == [error]


# Settings


def test_the_nearest_settings_hold_and_flags_override_them(folder: Path) -> None:
    inner = folder / "deep" / "er"
    inner.mkdir(parents=True)
    (inner / "again.yaml").write_text(AGAIN)
    (folder / "dagnats.toml").write_text('[lint]\nignore = ["DN9"]\nstrict = true\n')
    assert found("again.yaml", "deep/er/again.yaml", cwd=folder) == []
    (folder / "deep" / "pyproject.toml").write_text("[tool.dagnats.lint]\nstrict = true\n")
    assert found("again.yaml", "deep", cwd=folder) == [
        (os.path.join("deep", "er", "again.yaml"), "DN9002", "error")
    ]
    (inner / "pyproject.toml").write_text('[project]\nname = "dagnats-flows"\n')  # not about us
    assert len(found("deep", cwd=folder)) == 1
    assert found("deep", "--no-strict", cwd=folder)[0][2] == "warning"
    assert found("again.yaml", "--ignore", "DN9001", cwd=folder)[0][1] == "DN9002"
    (folder / "other.toml").write_text("")
    assert found("again.yaml", "--config", "other.toml", cwd=folder)[0][2] == "warning"


@pytest.mark.slow
def test_settings_hold_for_standard_input_by_its_name(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "dagnats.toml").write_text('[lint]\nignore = ["DN9002"]\n')
    code, out, _ = dagnats(
        "lint", "-", "--stdin-filename", "sub/x.yaml", "--json", stdin=AGAIN + "x: 1\n", cwd=folder
    )
    assert [(d["file"], d["code"]) for d in json.loads(out)["diagnostics"]] == [
        ("sub/x.yaml", "DN2001")
    ]
    assert code == 1


def test_settings_may_exclude(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "bad.yaml").write_text(BAD)
    (folder / "dagnats.toml").write_text('[lint]\nexclude = ["sub", "ba*.yaml"]\n')
    assert found(".", cwd=folder) == [
        ("again.yaml", "DN9002", "warning"),
        *[("old.yaml", "DN9001", "info")] * 2,
    ]
    assert found("bad.yaml", cwd=folder)[0][1] == "DN3002"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("[lint\n", "1:6", "Expected"),
        ("[lint]\n\nselct = []\n", "3:1", "no key `selct`; it takes `select`"),
        ('[lint]\nselect = [\n  "DN9",\n  "DN77",\n]\n', "4:4", "`DN77`"),
        ('[lint]\nignore = ["DN3002"]\n', "2:12", "cannot be ignored"),
        ("[lint]\nstrict = 1\n", "2:1", "true or false"),
        ("[lint]\nselect = 'DN9'\n", "2:1", "a list of strings"),
        ("lint = 3\n", "1:1", "has to be a table"),
    ],
)
def test_wrong_settings_are_2_with_their_place(
    text: str, place: str, said: str, folder: Path
) -> None:
    (folder / "dagnats.toml").write_text(text)
    code, out, err = dagnats("lint", "good.yaml", cwd=folder)
    assert (code, out) == (2, "")
    assert f"dagnats.toml:{place}: " in err
    assert said in err


# Fixes


def test_fixes_are_written_and_the_rest_is_told(folder: Path) -> None:
    file = folder / "old.yaml"
    file.write_text(OLD + "x: 1\n")
    file.chmod(0o640)
    link = folder / "link.yaml"
    link.symlink_to("old.yaml")
    code, out, err = dagnats("lint", "link.yaml", "--fix", cwd=folder)
    assert code == 1
    assert "DN2001" in out
    assert "DN9001" not in out
    assert "1 file checked: 1 error; 2 fixed" in err
    text = file.read_text()
    assert "timeout: 5s  # five\ninput: {}\n" in text.replace('"', "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == [
        "again.yaml", "bad.yaml", "good.yaml", "link.yaml", "old.yaml"
    ]  # fmt: skip


@pytest.mark.slow
def test_unsafe_fixes_are_counted_and_applied_when_asked_for(folder: Path) -> None:
    file = folder / "n.yaml"
    file.write_text(MISSPELT)
    code, _, err = dagnats("lint", "n.yaml", "--fix", cwd=folder)
    assert (code, file.read_text()) == (1, MISSPELT)
    assert "1 fixable with `--unsafe-fixes`" in err
    code, _, err = dagnats("lint", "n.yaml", "--unsafe-fixes", cwd=folder)
    assert (code, file.read_text()) == (0, MISSPELT.replace("fnid", "find"))
    assert err == "1 file checked: nothing to complain about; 1 fixed\n"


@pytest.mark.slow
def test_a_diff_writes_nothing(folder: Path) -> None:
    code, out, err = dagnats("lint", "old.yaml", "good.yaml", "--diff", "--fix", cwd=folder)
    assert (code, (folder / "old.yaml").read_text()) == (1, OLD)
    rows = out.splitlines()
    assert rows[:2] == ["--- old.yaml", "+++ old.yaml"]
    assert "-input_schema: {}" in rows
    assert "+input: {}" in rows
    assert err == "2 changes in 1 file would be made; nothing was written\n"
    code, out, _ = dagnats("lint", "bad.yaml", "good.yaml", "--diff", cwd=folder)
    assert (code, out) == (0, "")
    (folder / "patch").write_text(dagnats("lint", "old.yaml", "--diff", cwd=folder)[1])
    subprocess.run(["patch", "-s", "old.yaml", "patch"], cwd=folder, check=True)
    assert found("old.yaml", cwd=folder) == []


@pytest.mark.slow
def test_standard_input_is_mended_onto_standard_output() -> None:
    code, out, err = dagnats("lint", "-", "--fix", "--json", stdin=OLD)
    assert code == 0
    assert "input: {}\n" in out
    assert "# five" in out
    assert json.loads(err)["summary"] == {"errors": 0, "warnings": 0, "infos": 0}
    code, out, err = dagnats("lint", "-", "--fix", stdin=BAD)
    assert (code, out) == (1, BAD)
    assert "error[DN3002]" in err
    assert dagnats("lint", "-", "--fix", stdin="a: [")[1] == "a: ["


def test_a_file_that_cannot_be_written_is_2_and_stays_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.chdir(folder)
    assert main(["lint", "old.yaml", "bad.yaml", "--fix"]) == 2
    out, err = capsys.readouterr()
    assert "error[DN3002]" in out
    assert "cannot write `old.yaml`: No space left on device" in err
    assert (folder / "old.yaml").read_text() == OLD
    assert len(list(folder.iterdir())) == 4


# Which files


def test_folders_are_searched_for_workflows(folder: Path) -> None:
    others = {
        "sub/flow.yml": BAD,
        "sub/flow.json": json.dumps({"name": "n", "steps": [{"id": "a"}]}),
        "sub/broken.json": '{"name": "n", "steps": [',
        "sub/only-dagnats.yaml": "dagnats: 1\n",
        "ci.yaml": "name: ci\njobs: {x: {steps: []}}\n",
        "pipeline.yaml": "steps:\n  - script: x\n",
        "package.json": '{"name": "p", "scripts": {"steps": 1}}',
        "notes.txt": BAD,
        ".hidden/x.yaml": BAD,
        "node_modules/x.yaml": BAD,
        "env/pyvenv.cfg": "",
        "env/x.yaml": BAD,
    }
    for name, text in others.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    _, out, _ = dagnats("lint", ".", "./bad.yaml", "--format", "sarif", cwd=folder)
    names = [each["location"]["uri"] for each in json.loads(out)["runs"][0]["artifacts"]]
    assert names == [
        "again.yaml", "bad.yaml", "good.yaml", "old.yaml",
        "sub/broken.json", "sub/flow.json", "sub/flow.yml", "sub/only-dagnats.yaml",
    ]  # fmt: skip
    assert found("ci.yaml", "notes.txt", cwd=folder)


@pytest.mark.slow
def test_many_files_are_shared_between_processes_in_a_stable_order(tmp_path: Path) -> None:
    names = [f"{n:03}.yaml" for n in range(120)]
    padding = "#" * (BYTES_TO_SHARE // 100) + "\n"
    for number, name in enumerate(names):
        (tmp_path / name).write_text(padding + (BAD if number % 3 else OLD))
    program = (
        "import sys\n"
        "from dagnats.cli import linting\n"
        "linting._workers = lambda jobs: 1\n"
        "from dagnats.cli.main import main\n"
        "sys.exit(main(['lint', '.', '--json']))\n"
    )
    alone = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    shared = dagnats("lint", ".", "--json", cwd=tmp_path)
    assert shared == (1, alone.stdout, "")
    assert json.loads(shared[1])["files"] == 120
    code, _, err = dagnats("lint", ".", "--fix", cwd=tmp_path)
    assert code == 1
    assert "120 files checked: 80 errors; 80 fixed" in err


@pytest.mark.slow
def test_many_files_can_be_interrupted(tmp_path: Path) -> None:
    steps = "".join(f"  - {{id: s{n}, task: t, when: input.n > {n}}}\n" for n in range(500))
    for number in range(200):
        (tmp_path / f"{number}.yaml").write_text(f"name: n\nsteps:\n{steps}")
    process = subprocess.Popen(
        [*DAGNATS, "lint", "."],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        start_new_session=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 30
    while not children.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err


SMALL = """\
dagnats: 1
name: small
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - {id: first, task: t, with: {n: "${{ input.n + 1 }}"}}
  - {id: second, task: t, when: "input.n > 2", with: "${{ steps.first.output }}"}
"""
UNNEEDED = {
    *("nats", "asyncio", "typer", "rich", "ssl", "lark", "tomllib", "tempfile", "socket", "email"),
    *("multiprocessing", "jsonschema_rs", "dataclasses", "random", "subprocess", "logging"),
    *("dagnats.compiler.lowering", "dagnats.ir.verify", "dagnats.ir.codec"),
    *("dagnats.diagnostics.catalog", "dagnats.diagnostics.render", "dagnats.diagnostics.fixes"),
    *("dagnats.diagnostics.suppressions", "dagnats.source.recovery", "dagnats.source.comments"),
    *(
        "dagnats.expr.syntax.mistakes",
        "dagnats.expr.evaluation.codegen",
        "dagnats.expr.evaluation.closures",
        "dagnats.lang.legacy",
    ),
}
MODULES_MAX = 300
"""Modules beside those of a bare interpreter; each one costs about a fifth of a millisecond."""


def test_linting_loads_what_a_small_document_needs(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    program = (
        "import sys\n"
        "bare = set(sys.modules)\n"
        "from dagnats.cli.main import main\n"
        "assert main(['lint', 'small.yaml']) == 0\n"
        "print(*sorted(set(sys.modules) - bare))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert loaded & UNNEEDED == set()
    assert len(loaded) <= MODULES_MAX


# Terminals


def on_a_terminal(*words: str, cwd: Path, columns: int = 80, **variables: str) -> str:
    """What a command prints on a terminal of so many columns."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in ENVIRONMENT.items() if k not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [*DAGNATS, *words],
        cwd=cwd,
        stdout=theirs,
        stderr=theirs,
        env=environment | variables,
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        printed += part
    process.wait(30)
    os.close(ours)
    return printed.decode()


@pytest.mark.slow
def test_colour_is_for_terminals(folder: Path) -> None:
    assert "\x1b[1;31merror[DN3002]\x1b[0m" in on_a_terminal("lint", "bad.yaml", cwd=folder)
    assert "\x1b" not in on_a_terminal("lint", "bad.yaml", cwd=folder, NO_COLOR="1")
    assert "\x1b" not in dagnats("lint", "bad.yaml", cwd=folder)[1]
    assert "\x1b" in dagnats("lint", "bad.yaml", cwd=folder, FORCE_COLOR="1")[1]
    assert "\x1b" not in dagnats("lint", "bad.yaml", cwd=folder, FORCE_COLOR="1", NO_COLOR="1")[1]
    assert "\x1b[31m-" in dagnats("lint", "old.yaml", "--diff", cwd=folder, FORCE_COLOR="1")[1]


def test_a_narrow_terminal_is_minded(folder: Path) -> None:
    (folder / "long.yaml").write_text(BAD.replace("task: t,", f"task: {'t' * 60},"))
    narrow = on_a_terminal("lint", "long.yaml", cwd=folder, columns=50, NO_COLOR="1")
    rows = [row for row in narrow.splitlines() if row.startswith("4 |")]
    assert rows
    assert all(len(row) <= 50 for row in rows)


@pytest.mark.parametrize(
    ("columns", "drawn"),
    [(80, "█" * 15 + "░" * 15 + " 5/10 files"), (20, "████░░░░ 5/10 files"), (9, "5/10 fil")],
)
def test_a_progress_bar_fits(columns: int, drawn: str) -> None:
    assert bar.line(5, 10, "files", columns) == drawn
    assert len(drawn) < columns


def test_a_progress_bar_is_drawn_on_a_terminal_and_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(bar, "QUIET_S", 0)
    monkeypatch.setattr(bar, "REDRAW_S", 0)
    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        with bar.Bar(2, "files", stream) as drawing:
            drawing.tell(1)
            drawing.tell(2)
        assert ("1/2 files" in stream.getvalue()) is drawn
        assert stream.getvalue().endswith("\r\x1b[K") is drawn


def test_a_file_that_changes_meanwhile_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("new")
    with pytest.raises(UsageError, match="has changed meanwhile"):
        write(str(file), "old", "mended")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


# Watching


def wait_for(process: subprocess.Popen[bytes], part: bytes, heard: bytes = b"") -> bytes:
    """Read what a process says on stderr until it has said a part."""
    deadline = time.monotonic() + 30
    while part not in heard:
        assert time.monotonic() < deadline, heard
        ready, _, _ = select.select([process.stderr], [], [], 0.2)
        if ready:
            heard += os.read(process.stderr.fileno(), 65_536)
    return heard


@pytest.mark.slow
def test_watching_checks_again_on_a_change_until_interrupted(folder: Path) -> None:
    (folder / "old.yaml").unlink()
    (folder / "again.yaml").unlink()
    process = subprocess.Popen(
        [*DAGNATS, "lint", ".", "--watch", "--format", "concise"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        wait_for(process, b"watching 2 files: Ctrl-C ends")
        (folder / "new.yaml").write_text(BAD)
        wait_for(process, b"3 files checked: 2 errors")
        (folder / "bad.yaml").write_text(GOOD)
        wait_for(process, b"3 files checked: 1 error\n")
        (folder / "dagnats.toml").write_text("[lint]\nstrict = 3\n")
        wait_for(process, b"dagnats.toml:2:1")
        (folder / "dagnats.toml").unlink()
        wait_for(process, b"3 files checked: 1 error\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert out.count(b"DN3002") >= 4


def test_watching_acts_once_for_each_change(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    acted = []

    def act() -> int:
        acted.append(file.read_text() if file.exists() else None)
        if len(acted) == 1:
            file.write_text("22")
        if len(acted) == 3:
            file.unlink()
        return len(acted)

    def files() -> list[str]:
        if len(acted) == 2:
            file.write_text("333")
        return [str(file)]

    assert watch(files, act, pause_s=0, rounds=8) == 4
    assert acted == ["1", "22", "333", None]


def test_watching_acts_for_what_acting_has_learned_of(tmp_path: Path) -> None:
    file, used = tmp_path / "a", [tmp_path / "b", tmp_path / "c"]
    file.write_text("1")
    acted: list[list[str]] = []
    looks: list[Look] = []

    def act() -> int:
        looks.append(look(map(str, used[: len(acted) + 1])))
        acted.append([each.name for each in used if each.exists()])
        if len(acted) == 1:  # changed while it is read
            used[0].write_text("yyy")
        return len(acted)

    def learned() -> Look:
        return looks[-1]

    def files() -> list[str]:
        if len(acted) == 2:
            used[1].write_text("z")
        return [str(file)]

    assert watch(files, act, learned=learned, pause_s=0, rounds=9) == 3
    assert acted == [[], ["b"], ["b", "c"]]


@pytest.mark.slow
def test_watching_sees_what_documents_import(folder: Path) -> None:
    flows = folder / "flows"
    flows.mkdir()
    text = "name: n\nimports: [../shared.yaml]\nsteps: [{id: a, task: t.do, with: 1}]\n"
    (flows / "one.yaml").write_text(text)
    process = subprocess.Popen(
        [*DAGNATS, "lint", "flows", "--watch", "--format", "concise"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        wait_for(process, b"1 file checked: 1 error")
        (folder / "shared.yaml").write_text("tasks: {t.do: {input: {type: integer}}}\n")
        wait_for(process, b"nothing to complain about")
        (folder / "shared.yaml").write_text("tasks: {t.do: {input: {type: string}}}\n")
        wait_for(process, b"1 file checked: 1 error")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert [code in out for code in (b"DN2012", b"DN5003")] == [True, True]
