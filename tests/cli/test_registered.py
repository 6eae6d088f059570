"""Registered workflows drawn and compared: `graph --registered`, `workflow diff` with a server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import dagnats, served

pytestmark = pytest.mark.slow

DOCUMENT = """\
dagnats: 1
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 1m}
  - {id: tell, task: mail.send, depends_on: [greet], timeout: 1m}
"""
TEXTS = {
    "old": DOCUMENT,
    "same": DOCUMENT.replace("{id: tell, task: mail.send", "{task: mail.send, id: tell"),
    "new": DOCUMENT.replace("timeout: 1m}", "timeout: 2m}", 1),
    "unknown": DOCUMENT.replace("name: hello", "name: unknown"),
    "wrong": DOCUMENT.replace("[greet]", "[great]"),
    "other": DOCUMENT.replace("name: hello", "name: other").replace("timeout: 1m}", "timeout: 2m}"),
}
TREE = "hello\n├─ greet: task hello.greet\n└─ tell: task mail.send  ← greet\n"
SLOWER = """\
Steps
  ~ greet  normal
      ~ timeout: 1m → 2m
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A served folder with documents, of which `old` and `other` are registered."""
    folder = tmp_path_factory.mktemp("registered")
    for name, text in TEXTS.items():
        (folder / f"{name}.yaml").write_text(text)
    with served(folder):
        assert run(folder, "workflow", "register", "old.yaml", "other.yaml")[0] == 0
        yield folder


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    named = [str(folder / word) if word.endswith(".yaml") else word for word in words]
    done = dagnats(*named, data_dir=folder)
    return done.returncode, done.stdout, done.stderr


def digest(folder: Path, name: str) -> str:
    return str(json.loads(run(folder, "workflow", "show", name, "--json")[1])["digest"])


def test_a_registered_workflow_is_drawn(folder: Path) -> None:
    assert run(folder, "graph", "hello", "--registered") == (0, TREE, "")
    assert run(folder, "graph", digest(folder, "hello"), "--registered") == (0, TREE, "")


@pytest.mark.parametrize("form", [("--format", "mermaid"), ("--format", "svg"), ("--json",)])
def test_it_is_drawn_like_its_document(folder: Path, form: tuple[str, ...]) -> None:
    assert run(folder, "graph", "hello", "--registered", *form) == (
        run(folder, "graph", "old.yaml", *form)
    )


@pytest.mark.parametrize(
    ("words", "code", "changes"),
    [
        (("old.yaml",), 0, "no difference\n"),
        (("same.yaml",), 0, "no difference\n"),
        (("hello", "hello"), 0, "no difference\n"),
        (("hello", "same.yaml"), 0, "no difference\n"),
        (("new.yaml",), 1, SLOWER),
        (("hello", "new.yaml"), 1, SLOWER),
        (("new.yaml", "hello"), 1, SLOWER.replace("1m → 2m", "2m → 1m")),
    ],
)
def test_what_is_registered_is_compared_with_files_and_names(
    folder: Path, words: tuple[str, ...], code: int, changes: str
) -> None:
    found, out, err = run(folder, "workflow", "diff", *words, "--exit-code")
    assert (found, err) == (code, "")
    assert out.startswith(changes)
    assert run(folder, "workflow", "diff", *words) == (0, out, "")


def test_two_registered_workflows_are_compared(folder: Path) -> None:
    code, out, err = run(folder, "workflow", "diff", "hello", "other", "--json", "--exit-code")
    assert (code, err) == (1, "")
    assert json.loads(out)["identical"] is False
    assert run(folder, "workflow", "diff", digest(folder, "hello"), "hello")[1] == "no difference\n"


@pytest.mark.parametrize(
    "words",
    [
        ("graph", "nothing", "--registered"),
        ("workflow", "diff", "nothing", "new.yaml"),
        ("workflow", "diff", "new.yaml", "nothing"),
        ("workflow", "diff", "unknown.yaml"),
    ],
)
def test_what_is_not_registered_is_4(folder: Path, words: tuple[str, ...]) -> None:
    code, out, err = run(folder, *words)
    assert (code, out) == (4, "")
    assert err.startswith("error: ")


@pytest.mark.parametrize("words", [("wrong.yaml",), ("hello", "wrong.yaml")])
def test_a_document_with_errors_is_1_with_its_findings(
    folder: Path, words: tuple[str, ...]
) -> None:
    code, out, err = run(folder, "workflow", "diff", *words)
    assert (code, out) == (1, "")
    assert "error[DN3002]" in err


@pytest.mark.parametrize(
    "words",
    [
        ("graph", "hello", "--registered"),
        ("workflow", "diff", "hello", "hello"),
        ("workflow", "diff", "old.yaml"),
    ],
)
def test_without_a_server_it_is_3(folder: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    named = [str(folder / word) if word.endswith(".yaml") else word for word in words]
    done = dagnats(*named, data_dir=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "dagnats serve" in done.stderr
