"""`dagnats init`: projects that are right as they are made, and run; and what it never does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli.init import NAME, templates
from dagnats.cli.main import main
from dagnats.compiler.pipeline import compile_workflow
from dagnats.lang.schema import workflow_schema
from dagnats.source.shape import check_value
from tests.e2e.harness import dagnats, served, worker

FILES = [
    ".gitignore",
    "README.md",
    "dagnats.toml",
    "input.json",
    "worker.py",
    "workflow.schema.json",
    "workflow.yaml",
]
OUTPUTS = {
    "hello": "Hello, Ada!",
    "agent": "Which is longer, the Rhine or the Danube? "
    "The Rhine is 1,230 km long. The Danube is 2,850 km long.",
    "pipeline": "Ada pays 192.85. To be delivered later: cards.",
}
Init = Callable[..., tuple[int, str, str]]


@pytest.fixture
def init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Init:
    """Run `dagnats init` in a folder; returns code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["init", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def text_of(*path: str) -> str:
    return Path(*path).read_text(encoding="utf-8")


def name_of(folder: str) -> Any:
    compiled = compile_workflow(text_of(folder, "workflow.yaml"), folder)
    assert compiled.program is not None, compiled.diagnostics
    return compiled.program.name


def test_every_template_is_tried() -> None:
    assert list(templates()) == list(OUTPUTS)


@pytest.mark.parametrize("template", OUTPUTS)
def test_a_project_is_right_as_it_is_made(init: Init, template: str) -> None:
    code, out, err = init("it", "--template", template, "--name", "mine")
    assert code == 0
    assert sorted(Path(line.removeprefix("created ")).name for line in out.splitlines()) == FILES
    assert sorted(path.name for path in Path("it").iterdir()) == FILES
    assert "  dagnats run start mine --input @input.json --watch\n" in err
    text = text_of("it", "workflow.yaml")
    compiled = compile_workflow(text, "workflow.yaml")
    assert not compiled.diagnostics
    assert compiled.program is not None
    assert compiled.program.name == "mine"
    value = json.loads(text_of("it", "input.json"))
    assert check_value(compiled.program.input_schema, value) == []
    assert not [name for name in FILES if NAME in text_of("it", name)]
    assert main(["lint", "it", "--strict"]) == 0


@pytest.mark.parametrize("template", OUTPUTS)
def test_editors_find_the_schema_beside_the_workflow(init: Init, template: str) -> None:
    init("it", "--template", template)
    first = text_of("it", "workflow.yaml").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./workflow.schema.json"
    assert json.loads(text_of("it", "workflow.schema.json")) == workflow_schema()


@pytest.mark.parametrize("template", OUTPUTS)
def test_only_what_the_engine_runs_is_used(init: Init, template: str) -> None:
    init("it", "-t", template)
    compiled = compile_workflow(text_of("it", "workflow.yaml"), "it")
    assert compiled.program is not None
    kinds = {type(node).__name__ for node in compiled.program.nodes}
    assert kinds <= {"TaskNode", "AgentLoopNode"}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("orders", "orders"),
        ("my project!", "my-project"),
        ("2024", "2024"),
        ("true", "true"),
        ("No", "No"),
        ("a/b/deep", "deep"),
        ("…", NAME),
        ("x" * 80, "x" * 64),
    ],
)
def test_the_folder_gives_the_name(init: Init, folder: str, name: str) -> None:
    assert init(folder)[0] == 0
    assert name_of(folder) == name


def test_without_a_folder_it_is_this_one(init: Init, tmp_path: Path) -> None:
    code, out, err = init()
    assert (code, "cd " in err) == (0, False)
    assert "created workflow.yaml\n" in out
    assert name_of(".") == tmp_path.name.strip("-")


def test_nothing_is_overwritten(init: Init) -> None:
    Path("worker.py").write_text("mine\n")
    code, out, err = init()
    assert (code, out) == (2, "")
    assert "not overwritten: `worker.py`; choose another folder, or use `--force`" in err
    assert [path.name for path in Path().iterdir()] == ["worker.py"]
    assert text_of("worker.py") == "mine\n"


def test_what_a_folder_has_anyway_stays(init: Init) -> None:
    Path(".gitignore").write_text("mine\n")
    Path("README.md").write_text("mine\n")
    code, out, err = init()
    assert code == 0
    assert "kept README.md\nkept .gitignore\n" in err
    assert "README" not in out
    assert (text_of(".gitignore"), text_of("README.md")) == ("mine\n", "mine\n")


def test_force_overwrites(init: Init) -> None:
    for name in ("worker.py", "README.md"):
        Path(name).write_text("mine\n")
    assert init("--force")[0] == 0
    assert "mine" not in text_of("worker.py") + text_of("README.md")


def test_the_outcome_as_json(init: Init) -> None:
    Path("it").mkdir()
    Path("it", "README.md").write_text("mine\n")
    code, out, err = init("it", "--template", "agent", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert sorted(document.pop("files")) == [name for name in FILES if name != "README.md"]
    assert document == {
        "directory": "it",
        "template": "agent",
        "name": "it",
        "kept": ["README.md"],
    }


def test_templates_are_listed(init: Init) -> None:
    code, out, _ = init("--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["TEMPLATE", *OUTPUTS]
    rows = json.loads(init("--list", "--json")[1])
    assert [(row["name"], bool(row["description"])) for row in rows] == [(n, True) for n in OUTPUTS]
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--template", "none"], "no template `none`; there are `hello`, `agent`, `pipeline`"),
        (["--name", "a b"], "`a b` is no name: use letters, digits, `_` and `-`, at most 64"),
        (["--name", "x" * 65], "is no name"),
        (["file"], "cannot write `file`"),
        (["file/below"], "cannot write `file"),
    ],
)
def test_what_cannot_be_made_is_2(init: Init, words: list[str], said: str) -> None:
    Path("file").write_text("")
    code, out, err = init(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert [path.name for path in Path().iterdir()] == ["file"]


@pytest.mark.slow
def test_each_project_runs(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with served(data_dir):
        for template, output in OUTPUTS.items():
            folder = tmp_path / template
            made = dagnats("init", str(folder), "-t", template, data_dir=data_dir)
            assert made.returncode == 0, made.stderr
            with worker(data_dir, folder / "worker.py"):
                document = str(folder / "workflow.yaml")
                registered = dagnats("workflow", "register", document, data_dir=data_dir)
                assert registered.returncode == 0, registered.stderr
                given = f"@{folder / 'input.json'}"
                words = ("run", "start", template, "--input", given, "--watch")
                done = dagnats(*words, data_dir=data_dir)
            assert (done.returncode, done.stdout) == (0, output + "\n"), done.stderr
