"""`dagnats simulate` and `dagnats replay` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli.main import main
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import to_document
from dagnats.machine.events import encode
from tests.simulation.test_replaying import TEXT, history

FAILS = """
name: fails
steps:
  - {id: stop, type: fail, config: {code: no_good}}
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "hello.yaml"
    file.write_text(TEXT)
    return file


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    program = compile_workflow(TEXT).program
    assert program is not None
    file = tmp_path / "run.json"
    events = [json.loads(encode(event)) for event in history()]
    found: dict[str, Any] = {"dagnats_bundle": 1, "run_id": "simulated", "events": events}
    file.write_text(json.dumps(found | {"program": to_document(program)}))
    return file


@pytest.mark.slow
def test_a_report_says_how_runs_end(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(document), "--budget", "5", "--runs", "5"]) == 0
    out = capsys.readouterr().out
    assert "completed" in out
    assert "worker_lost" in out
    assert "attempts" in out


@pytest.mark.slow
def test_as_json(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["simulate", str(document), "--runs", "5", "--input", '{"go": false}', "--json"]
    assert main(line) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counterexample"] is None
    assert "`b` begins" in found["not_reached"]
    assert found["measures"]["attempts"]["observed"] == 2


def test_it_is_1_when_no_run_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fails.yaml").write_text(FAILS)
    assert main(["simulate", str(tmp_path / "fails.yaml")]) == 1
    assert "No run completes" in capsys.readouterr().out


def test_an_input_that_no_run_begins_with_is_2(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(document), "--input", '{"go": "perhaps"}']) == 2
    assert "input of `" in capsys.readouterr().err


def test_a_bundle_is_decided_the_same(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(bundle)]) == 0
    assert "decided the same" in capsys.readouterr().out


def test_another_version_decides_otherwise(
    bundle: Path, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document.write_text(TEXT.replace("max_retries: 1", "max_retries: 0"))
    assert main(["replay", str(bundle), "--version", str(document)]) == 1
    out = capsys.readouterr().out
    assert "recorded  step.failed" in out
    assert "decided on Fail" in out


def test_what_is_no_bundle_is_2(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(document)]) == 2
    assert "hello.yaml" in capsys.readouterr().err
