"""`dagnats graph` as it is typed."""

import io
import json
import sys
from pathlib import Path

import pytest

from dagnats.cli import graph as graphing
from dagnats.cli.app import app
from dagnats.cli.main import main, plain
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import encode

DOCUMENT = """
dagnats: 1
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 1m}
  - {id: tell, task: mail.send, depends_on: [greet], timeout: 1m}
"""
WRONG = DOCUMENT.replace("[greet]", "[great]")
TREE = "hello\n├─ greet: task hello.greet\n└─ tell: task mail.send  ← greet\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "hello.yaml"
    path.write_text(DOCUMENT)
    return str(path)


def graph(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["graph", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_into_a_pipe_it_is_a_list(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(capsys, file) == (0, TREE, "")
    assert graph(capsys, file, "--format", "text") == (0, TREE, "")
    assert graph(capsys, file, "--ascii")[1] == TREE.replace("├─", "|-").replace(
        "└─", "`-"
    ).replace("←", "<-")


@pytest.mark.parametrize(
    ("words", "begin"),
    [
        (("--width", "80"), "┌──────"),
        (("--width", "10"), "hello\n├─"),
        (("--width", "80", "--direction", "LR"), "┌──────"),
        (("--format", "mermaid", "--direction", "LR"), "flowchart LR\n"),
        (("--format", "dot"), 'digraph "hello" {\n'),
        (("--format", "svg"), "<svg "),
        (("--json",), '{\n  "version": 1,\n  "name": "hello",'),
    ],
)
def test_the_forms(
    words: tuple[str, ...], begin: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = graph(capsys, file, *words)
    assert (code, err) == (0, "")
    assert out.startswith(begin)
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("a.svg", "<svg "),
        ("a.mmd", "flowchart"),
        ("a.dot", "digraph"),
        ("a.gv", "digraph"),
        ("a", "hello"),
    ],
)
def test_the_name_of_the_file_says_the_format(
    name: str, begin: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert graph(capsys, file, "-o", str(tmp_path / name)) == (0, "", "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begin)


def test_on_a_terminal_it_is_a_drawing(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    drawn = on_terminal(monkeypatch, file)
    assert "▼" in drawn
    assert "\x1b[1m" in drawn
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_terminal(monkeypatch, file)
    monkeypatch.setenv("COLUMNS", "12")
    assert on_terminal(monkeypatch, file).startswith("hello\n")


def on_terminal(monkeypatch: pytest.MonkeyPatch, file: str) -> str:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        assert main(["graph", file]) == 0
    return terminal.getvalue()


def test_compiled_ir_is_drawn_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = compile_workflow(DOCUMENT).program
    assert program is not None
    path = tmp_path / "hello.ir.json"
    path.write_bytes(encode(program))
    assert graph(capsys, str(path))[:2] == (0, TREE)
    path.write_bytes(encode(program).replace(b'"greet"', b'"gr eet"'))
    code, out, err = graph(capsys, str(path))
    assert (code, out) == (2, "")
    assert "is no program" in err


def test_a_document_with_errors_is_1_with_its_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    code, out, err = graph(capsys, str(path))
    assert (code, out) == (1, "")
    assert "error[DN3002]" in err
    code, out, err = graph(capsys, str(path), "--json")
    assert (code, err) == (1, "")
    assert [found["code"] for found in json.loads(out)["diagnostics"]] == ["DN3002"]


def test_a_document_with_warnings_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "warned.yaml"
    path.write_text(DOCUMENT.replace("[greet]", "[greet, greet]"))
    code, out, err = graph(capsys, str(path))
    assert (code, out) == (0, TREE)
    assert "DN9002" in err


@pytest.mark.parametrize("words", [("/no/such.yaml",), ("hello", "--format", "png"), ()])
def test_wrong_usage_is_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(capsys, *words)[0] == 2


def test_a_target_that_cannot_be_written_is_2(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = graph(capsys, file, "-o", str(tmp_path))
    assert code == 2
    assert "cannot write" in err


def test_critical_steps_are_marked(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "★ greet" in graph(capsys, file, "--critical", "--width", "80")[1]


def test_the_short_way_and_the_parser_say_the_same(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    short = plain(["graph", file])
    assert short is not None
    assert short() == 0
    out = capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        app(args=["graph", file], prog_name="dagnats")
    assert (ended.value.code, capsys.readouterr().out) == (0, out)
    assert plain(["graph", "--help"]) is None


def test_no_network_is_loaded(file: str) -> None:
    import subprocess

    code = (
        "import sys; from dagnats.cli.main import main; "
        f"assert main(['graph', {file!r}]) == 0; "
        "assert not {'nats', 'typer'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_suffixes_are_formats() -> None:
    assert set(graphing.SUFFIXES.values()) == {"svg", "dot", "mermaid"}
