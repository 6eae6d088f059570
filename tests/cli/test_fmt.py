"""`dagnats fmt`: files, streams, exit codes, and that nothing is written that should not be."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dagnats.cli import fmt, main
from dagnats.errors import UsageError
from dagnats.source.format import Formatted

DAGNATS = [sys.executable, "-m", "dagnats.cli.main"]
UGLY = "name:   a # c\nsteps:\n- {id: a,task: t}\n"
GOOD = "name: a  # c\nsteps:\n  - {id: a, task: t}\n"
WRONG = "name: a\nname: b\nsteps: 1\n"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line in a folder; returns code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words):
        code = main.main(["fmt", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def files(**texts):
    for name, text in texts.items():
        Path(f"{name}.yaml").write_text(text, encoding="utf-8", newline="")


def dagnats(*words, stdin="", cwd=None):
    done = subprocess.run(
        [*DAGNATS, "fmt", *words],
        input=stdin.encode(),
        capture_output=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1"},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_files_are_replaced(run):
    files(a=UGLY, b=GOOD)
    assert run("a.yaml", "b.yaml") == (0, "", "1 file reformatted, 1 file left unchanged\n")
    assert Path("a.yaml").read_text(encoding="utf-8") == GOOD
    assert run("a.yaml", "b.yaml") == (0, "", "2 files left unchanged\n")
    assert sorted(os.listdir()) == ["a.yaml", "b.yaml"]


def test_line_breaks_and_mark_are_replaced(run):
    files(a="\ufeff" + GOOD.replace("\n", "\r\n"))
    assert run("a.yaml")[0] == 0
    assert Path("a.yaml").read_bytes() == GOOD.encode()


def test_mode_and_links_stay(run):
    files(a=UGLY)
    Path("a.yaml").chmod(0o640)
    Path("b.yaml").symlink_to("a.yaml")
    assert run("b.yaml")[0] == 0
    assert Path("b.yaml").is_symlink()
    assert Path("a.yaml").read_text(encoding="utf-8") == GOOD
    assert stat.S_IMODE(Path("a.yaml").stat().st_mode) == 0o640


def test_what_is_formatted_is_not_touched(run):
    files(a=GOOD)
    before = Path("a.yaml").stat()
    assert run("a.yaml")[0] == 0
    after = Path("a.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_check_names_what_would_change(run):
    files(a=UGLY, b=GOOD)
    said = "1 file would be reformatted, 1 file formatted already\n"
    assert run("--check", "a.yaml", "b.yaml") == (1, "a.yaml\n", said)
    assert run("--check", "b.yaml") == (0, "", "1 file formatted already\n")
    assert Path("a.yaml").read_text(encoding="utf-8") == UGLY


def test_diff_shows_what_would_change(run):
    files(a=UGLY + "x: 1", b=GOOD)
    code, out, _ = run("--diff", "a.yaml", "b.yaml")
    assert code == 1
    assert out.splitlines() == [
        *("--- a.yaml", "+++ a.yaml", "@@ -1,4 +1,4 @@", "-name:   a # c", "+name: a  # c"),
        *(" steps:", "-- {id: a,task: t}", "-x: 1", "\\ No newline at end of file"),
        *("+  - {id: a, task: t}", "+x: 1"),
    ]
    assert Path("a.yaml").read_text(encoding="utf-8") == UGLY + "x: 1"
    assert run("--diff", "b.yaml") == (0, "", "1 file formatted already\n")


def test_folders_are_searched(run):
    Path("sub").mkdir()
    files(a=UGLY, other="x:   1\n", **{"sub/b": UGLY})
    Path("sub/c.json").write_text('{"name":"c","steps":[]}', encoding="utf-8")
    assert run("--check", ".")[:2] == (1, "a.yaml\nsub/b.yaml\nsub/c.json\n")


def test_what_lint_passes_over_in_folders_stays(run):
    Path("old").mkdir()
    files(a=UGLY, **{"old/b": UGLY})
    Path("dagnats.toml").write_text('[lint]\nexclude = ["old"]\n', encoding="utf-8")
    assert run("--check", ".")[:2] == (1, "a.yaml\n")
    assert run("--check", "old/b.yaml")[:2] == (1, "old/b.yaml\n")


def test_what_cannot_be_read_as_a_document_is_left_alone(run):
    files(a=WRONG, b=UGLY)
    code, out, err = run("a.yaml", "b.yaml")
    assert (code, out) == (1, "")
    assert "error[DN1003]" in err
    assert err.endswith("1 file reformatted, 1 file not formatted\n")
    assert Path("a.yaml").read_text(encoding="utf-8") == WRONG
    assert Path("b.yaml").read_text(encoding="utf-8") == GOOD


@pytest.mark.parametrize("words", [[], ["--check"], ["--diff"], ["--json"]])
def test_unreadable_input_is_2_and_the_others_are_done(run, words):
    files(b=GOOD)
    Path("a.yaml").write_bytes(b"a: \xff\n")
    code, _, err = run(*words, "a.yaml", "none.yaml", "b.yaml")
    assert code == 2
    assert "error[DN1002]: byte 3 is no UTF-8: 0xFF" in err
    assert Path("a.yaml").read_bytes() == b"a: \xff\n"
    assert "cannot read `none.yaml`" in err
    assert "1 file" in err


@pytest.mark.parametrize(
    "words", [[], ["--no-such"], ["--stdin-filename", "x", "a.yaml"], ["--stdin-filename"], ["."]]
)
def test_wrong_usage_is_2(run, words):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err


def test_json_says_it_to_programs(run):
    files(a=UGLY, b=GOOD, c=WRONG)
    code, out, err = run("--check", "--json", "a.yaml", "b.yaml", "c.yaml")
    assert code == 1
    assert json.loads(out) == [
        {"file": "a.yaml", "changed": True},
        {"file": "b.yaml", "changed": False},
        {"file": "c.yaml", "changed": False, "error": "DN1003"},
    ]
    assert "1 file would be reformatted" in err


def test_keys_are_sorted_when_asked(run):
    files(a="steps: []\nname: a\n")
    assert run("a.yaml")[2] == "1 file left unchanged\n"
    assert run("--sort-keys", "a.yaml")[0] == 0
    assert Path("a.yaml").read_text(encoding="utf-8") == "name: a\nsteps: []\n"


# Standard input


@pytest.mark.slow
def test_stdin_goes_to_stdout():
    assert dagnats("-", stdin=UGLY) == (0, GOOD, "")
    assert dagnats("-", stdin=GOOD) == (0, GOOD, "")


def test_stdin_that_is_wrong_gives_nothing():
    code, out, err = dagnats("-", "--stdin-filename", "x.yaml", stdin=WRONG)
    assert (code, out) == (1, "")
    assert "x.yaml:" in err


@pytest.mark.slow
def test_the_name_of_stdin_says_that_it_is_json():
    assert dagnats("-", stdin='{"a": 1,}')[:2] == (0, '{"a": 1}\n')
    code, out, err = dagnats("-", "--stdin-filename", "a.json", stdin='{"a": 1,}')
    assert (code, out) == (1, "")
    assert "JSON has no comma" in err


@pytest.mark.slow
def test_stdin_can_be_checked_too():
    code, out, _ = dagnats("-", "--check", "--stdin-filename", "x.yaml", stdin=UGLY)
    assert (code, out) == (1, "x.yaml\n")
    code, out, _ = dagnats("-", "--json", stdin=UGLY)
    assert code == 0
    assert json.loads(out) == [{"file": "<stdin>", "changed": True, "text": GOOD}]


# What guards the files


def test_a_failure_of_the_formatter_is_loud(run, monkeypatch):
    files(a=UGLY)
    monkeypatch.setattr(fmt, "format_text", lambda *_, **__: Formatted(None, problem="it broke"))
    code, out, err = run("a.yaml")
    assert (code, out) == (1, "")
    assert "`a.yaml` was left alone: it broke" in err
    assert Path("a.yaml").read_text(encoding="utf-8") == UGLY


@pytest.mark.parametrize(
    "after",
    [
        GOOD.replace("task: t", "task: u"),
        GOOD.replace("id: a", "id: a, depends_on: [b]"),
        GOOD.replace("  # c", "  # dagnats: ignore[DN9001] no such finding"),
    ],
)
def test_what_compiles_to_something_else_is_not_written(run, monkeypatch, after):
    files(a=UGLY)
    monkeypatch.setattr(fmt, "format_text", lambda *_, **__: Formatted(after))
    code, _, err = run("a.yaml")
    assert code == 1
    assert "compile to something else" in err
    assert Path("a.yaml").read_text(encoding="utf-8") == UGLY


def test_a_comment_that_silences_still_does(run):
    task = "t." + "x" * 60
    step = f"{{id: a, task: {task}, timeout: 30000000000}}"
    files(a=f"name: a\nsteps:\n- {step} # dagnats: ignore[DN9001] x\n")
    assert run("a.yaml")[0] == 0
    lines = Path("a.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[2:5] == ["  # dagnats: ignore[DN9001] x", "  - id: a", f"    task: {task}"]


def test_a_file_that_changes_meanwhile_is_not_touched(run, monkeypatch):
    files(a=UGLY)

    def changed(*_, **__):
        files(a="name: b\n")
        return Formatted(GOOD)

    monkeypatch.setattr(fmt, "format_text", changed)
    code, _, err = run("a.yaml")
    assert code == 2
    assert "has changed meanwhile" in err
    assert Path("a.yaml").read_text(encoding="utf-8") == "name: b\n"


def test_formatting_loads_neither_network_nor_typer(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    program = (
        "import sys\n"
        "from dagnats.cli.main import main\n"
        "assert main(['fmt', 'a.yaml']) == 0\n"
        "heavy = {'nats', 'asyncio', 'typer', 'rich', 'ssl', 'lark', 'jsonschema_rs'}\n"
        "heavy |= {'dagnats.cli.config', 'dagnats.compiler.pipeline'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("a.yaml", fmt.Asked(("a.yaml",))),
        ("- --stdin-filename b --check", fmt.Asked(("-",), check=True, stdin_name="b")),
        ("a --diff --json --sort-keys", fmt.Asked(("a",), diff=True, as_json=True, sort_keys=True)),
    ],
)
def test_both_ways_understand_the_same(line, asked, monkeypatch):
    heard = []
    monkeypatch.setattr(fmt, "fmt", lambda asked: heard.append(asked) or 0)
    short = fmt.plain(line.split())
    assert short is not None
    short()
    from dagnats.cli.app import app

    with pytest.raises(SystemExit):
        app(args=["fmt", *line.split()], prog_name="dagnats")
    assert heard == [asked, asked]


def test_a_name_without_stdin_is_refused():
    with pytest.raises(UsageError, match="only for the document"):
        fmt.fmt(fmt.Asked(("a.yaml",), stdin_name="b"))
