"""`--against` of `lint` and `workflow register`: what may take more than another version."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli import registry, versions, workflow
from dagnats.cli.main import main
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import to_document

OLD = """\
dagnats: 1
name: draft
steps:
  - {id: write, type: agent_loop, task: agent.write, config: {max_iterations: 10}}
"""
NEW = OLD.replace("10", "20")
BROKEN = OLD.replace("agent_loop", "agent_lop")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    texts = {"old": OLD, "new": NEW, "broken": BROKEN}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A server that knows the old version; returns what is registered with it."""
    program = compile_workflow(OLD).program
    assert program is not None
    registered: list[Any] = []

    class Client:
        async def call(self, operation: str, parameters: dict[str, Any]) -> Any:
            match operation:
                case "workflow.show":
                    return {"name": "draft", "program": to_document(program)}
                case "workflow.list":
                    return [{"name": "draft"}]
                case _:
                    registered.append(parameters["program"])
                    return {"created": True, "name": "draft", "digest": "sha256:0"}

    @contextlib.asynccontextmanager
    async def connected(*_: object) -> AsyncIterator[Client]:
        yield Client()

    for module in (versions, registry, workflow):
        monkeypatch.setattr(module, "connected", connected)
    return registered


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def lint(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, set[str]]:
    code, out, _ = run(capsys, "lint", *words, "--json")
    return code, {finding["code"] for finding in json.loads(out)["diagnostics"]}


def test_lint_warns_of_what_has_grown(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(capsys, "new.yaml", "--against", "old.yaml") == (0, {"DN6005"})
    assert lint(capsys, "new.yaml", "--against", "old.yaml", "--strict") == (1, {"DN6005"})
    assert lint(capsys, "old.yaml", "--against", "new.yaml", "--strict") == (0, set())


def test_lint_takes_what_is_registered(
    capsys: pytest.CaptureFixture[str], server: list[Any]
) -> None:
    assert lint(capsys, "new.yaml", "--against", "draft") == (0, {"DN6005"})
    assert server == []


def test_lint_and_its_fixes_go_together(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "new.yaml").write_text(NEW.replace("agent_loop", "agent_lop"))
    code, codes = lint(capsys, "new.yaml", "--against", "old.yaml", "--unsafe-fixes")
    assert (code, codes) == (0, {"DN6005"})


@pytest.mark.parametrize(
    "words",
    [
        ["lint", "new.yaml", "old.yaml", "--against", "old.yaml"],
        ["lint", ".", "--against", "old.yaml"],
        ["workflow", "register", "new.yaml", "old.yaml", "--against", "old.yaml"],
    ],
)
def test_it_is_one_document_that_is_held_against_another(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert "`--against` is for one document" in err


@pytest.mark.parametrize("command", [["lint"], ["workflow", "register"], ["bounds"]])
def test_another_version_that_does_not_compile_is_1(
    capsys: pytest.CaptureFixture[str], command: list[str], server: list[Any]
) -> None:
    code, out, err = run(capsys, *command, "new.yaml", "--against", "broken.yaml")
    assert (code, out) == (1, "")
    assert "broken.yaml:4" in err
    assert server == []


@pytest.mark.parametrize("other", ["old.yaml", "draft", "sha256:" + "0" * 64])
def test_registering_warns_of_what_has_grown(
    capsys: pytest.CaptureFixture[str], server: list[Any], other: str
) -> None:
    code, out, err = run(capsys, "workflow", "register", "new.yaml", "--against", other)
    assert (code, out.split()[:2]) == (0, ["registered", "draft"])
    assert "DN6005" in err
    assert len(server) == 1


def test_registering_what_takes_no_more_says_nothing(
    capsys: pytest.CaptureFixture[str], server: list[Any]
) -> None:
    assert "DN6005" not in run(capsys, "workflow", "register", "old.yaml", "--against", "draft")[2]
    assert len(server) == 1
