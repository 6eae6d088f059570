"""Commands find what a document imports beside it."""

import json

import pytest

from dagnats.cli.main import main

SHARED = """\
schemas:
  money: {type: integer}
tasks:
  pay.charge:
    idempotent: true
    input: {type: object, required: [cents], properties: {cents: {$ref: '#/schemas/money'}}}
"""
WORKFLOW = """\
name: invoice
imports: [../shared/tasks.yaml]
steps:
  - {id: charge, task: pay.charge, with: {cents: 100}}
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Put a workflow and what it imports in two folders."""
    for name, text in (("shared/tasks.yaml", SHARED), ("flows/invoice.yaml", WORKFLOW)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_document_with_imports_is_checked_and_compiled(files, capsys):
    assert main(["lint", "flows/invoice.yaml", "shared/tasks.yaml"]) == 0
    assert main(["compile", "flows/invoice.yaml"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "invoice"


def test_contracts_of_imports_are_held_to(files, capsys):
    text = WORKFLOW.replace("100", "ten")
    (files / "flows" / "invoice.yaml").write_text(text, encoding="utf-8")
    assert main(["lint", "flows/invoice.yaml"]) == 1
    assert "DN5003" in capsys.readouterr().out


def test_findings_name_the_imported_file(files, capsys):
    text = SHARED.replace("idempotent", "idempotnet")
    (files / "shared" / "tasks.yaml").write_text(text, encoding="utf-8")
    assert main(["lint", "--json", "flows/invoice.yaml"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (finding["code"], finding["file"]) == ("DN2001", "shared/tasks.yaml")
    assert finding["range"]["start"]["line"] == 5
    assert main(["lint", "--fix", "flows/invoice.yaml"]) == 1
    assert (files / "shared" / "tasks.yaml").read_text(encoding="utf-8") == text


def test_a_file_that_is_not_there(files, capsys):
    (files / "shared" / "tasks.yaml").unlink()
    assert main(["lint", "--format", "concise", "flows/invoice.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("flows/invoice.yaml:2:11: error[DN2012] cannot import `../shared/tasks")
