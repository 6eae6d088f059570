"""`dagnats schema`: the schemas as files and streams, in both drafts, and with a server's names."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from dagnats.cli.main import main
from dagnats.cli.schema import FILES, plain
from dagnats.lang.registered import known, specialised, with_expressions
from dagnats.lang.schema import library_schema, workflow_schema
from tests.e2e.harness import dagnats, served

ROOT = Path(__file__).resolve().parents[2]
IR = json.loads((ROOT / "schemas" / "ir.schema.json").read_text(encoding="utf-8"))
WHOLE = {"workflow": workflow_schema(), "library": library_schema(), "ir": IR}


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["schema", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_without_a_name_it_is_that_of_workflows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, json.loads(out), err) == (0, workflow_schema(), "")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("words", [(), ("--draft", "2020-12")])
def test_each_schema_is_printed(
    capsys: pytest.CaptureFixture[str], name: str, words: tuple[str, ...]
) -> None:
    code, out, _ = run(capsys, name, *words)
    assert (code, json.loads(out)) == (0, WHOLE[name])


@pytest.mark.parametrize("name", FILES)
def test_each_schema_has_a_form_for_draft_07(capsys: pytest.CaptureFixture[str], name: str) -> None:
    schema = json.loads(run(capsys, name, "--draft", "7")[1])
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema_rs.meta.validate(schema)
    text = json.dumps(schema)
    assert not [word for word in ("$defs", "prefixItems", "unevaluated") if word in text]


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_it_is_written_to_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    file = tmp_path / "it.json"
    assert run(capsys, option, str(file)) == (0, "", f"wrote {file}\n")
    text = file.read_text(encoding="utf-8")
    assert (json.loads(text), text[-2:]) == (workflow_schema(), "}\n")


def test_what_was_written_is_said_as_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = str(tmp_path / "it.json")
    code, out, err = run(capsys, "library", "-o", file, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"file": file, "title": "dagnats definitions"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "'nothing' is not one of 'workflow', 'library', 'ir'"),
        (["--draft", "4"], "'4' is not one of '2020-12', '7'"),
        (["-o", "/no/such/folder/x.json"], "cannot write `/no/such/folder/x.json`"),
        (["ir", "--registry"], "of workflow documents only"),
    ],
)
def test_a_wrong_line_is_2(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("words", [[], ["library", "--draft", "7"]])
def test_it_needs_no_network(words: list[str]) -> None:
    code = (
        "import sys; from dagnats.cli.main import main; main(sys.argv[1:]);"
        "sys.exit('nats' in sys.modules or 'asyncio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "schema", *words], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


# ── with what a server knows ─────────────────────────────────────────────────────────────────────

ACCEPTED = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "maxLength": 5}, "of": {"enum": ["a", "b"]}},
    "additionalProperties": False,
}
PROGRAM = {
    "name": "greet",
    "input_schema": ACCEPTED,
    "nodes": [
        {"id": "a", "task": "hello.greet"},
        {"id": "b", "kind": "sleep"},
        {"id": "c", "task": "hello.wave"},
    ],
    "task_inputs": {"hello.wave": ACCEPTED},
}


def waving(value: Any, task: str = "hello.wave") -> dict[str, Any]:
    return {"name": "n", "steps": [{"id": "a", "task": task, "with": value}]}


def child(value: Any, *, workflow: str = "greet") -> dict[str, Any]:
    config = {"workflow": workflow}
    return {
        "name": "n",
        "steps": [{"id": "a", "type": "sub_workflow", "config": config, "with": value}],
    }


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ({"name": "n", "steps": [{"id": "a", "task": "hello.greet"}]}, True),
        ({"name": "n", "steps": [{"id": "a", "task": "other.task"}]}, True),
        ({"name": "n", "steps": [{"id": "a", "task": "no task"}]}, False),
        (waving({"name": "Ada"}), True),
        (waving("${{ input }}"), True),
        (waving({"name": "${{ input.a_long_one }}"}), True),
        (waving({"name": "Ada Lovelace"}), False),
        (waving(3), False),
        (waving(3, "hello.greet"), True),
        (child({"name": "Ada"}), True),
        (child({"name": "${{ input.a_long_one }}", "of": "${{ input.of }}"}), True),
        (child("${{ input }}"), True),
        (child({"name": "Ada Lovelace"}), False),
        (child({"name": 1}), False),
        (child({"name": "Ada", "of": "c"}), False),
        (child({}), False),
        (child({"name": "Ada", "more": 1}), False),
        (child({"more": 1}, workflow="another"), True),
    ],
)
def test_what_is_known_is_checked_and_the_rest_is_free(
    document: dict[str, Any], valid: bool
) -> None:
    schema = specialised(workflow_schema(), known([PROGRAM]))
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(document) is valid


def test_what_is_known_of_a_task_is_told() -> None:
    told = {"task_inputs": {"t": {"type": "string"}}, "task_outputs": {"t": {"type": "integer"}}}
    text, accepted = known([{"name": "n", "nodes": [{"id": "a", "task": "t"}], **told}]).tasks["t"]
    assert text == 'Used by `n`. Takes `{"type": "string"}`. Gives `{"type": "integer"}`.'
    assert accepted == {"type": "string"}


def test_the_schema_of_an_empty_registry_is_the_usual_one() -> None:
    assert specialised(workflow_schema(), known([])) == workflow_schema()


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ({"type": "integer", "minimum": 3}, "${{ x }}", True),
        ({"type": "integer", "minimum": 3}, 2, False),
        ({"type": "array", "maxItems": 2, "items": {"type": "integer"}}, [1, "${{ x }}"], True),
        ({"type": "array", "maxItems": 2, "items": {"type": "integer"}}, [1, "x"], False),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1, True),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", False),
        ({"const": {"a": 1}}, {"a": "${{ x }}"}, True),
        ({"const": 5}, 6, False),
        ({"not": {"type": "string"}}, "x", True),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}, "x", True),
        ({"patternProperties": {"^a": {}}, "additionalProperties": False}, {"b": 1}, True),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["x", 1], True),
        ({"properties": {"a": False}}, {"a": "${{ x }}"}, False),
        (True, 1, True),
    ],
)
def test_any_value_may_be_an_expression(schema: Any, value: Any, valid: bool) -> None:
    validator = jsonschema_rs.Draft202012Validator(with_expressions(schema))
    assert validator.is_valid(value) is valid


@pytest.mark.parametrize("words", [["-o"], ["ir", "--draft"], ["ir", "library"], ["-o", "-x"]])
def test_what_is_not_plain_goes_to_the_whole_parser(words: list[str]) -> None:
    assert plain(words) is None


@pytest.mark.slow
def test_without_a_server_it_is_3(tmp_path: Path) -> None:
    done = dagnats("schema", "--registry", data_dir=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "dagnats serve" in done.stderr


@pytest.mark.slow
def test_a_server_s_names_are_suggested(tmp_path: Path) -> None:
    hello = ROOT / "examples" / "hello" / "hello.json"
    with served(tmp_path):
        empty = dagnats("schema", "--registry", data_dir=tmp_path)
        assert json.loads(empty.stdout) == workflow_schema()
        assert dagnats("workflow", "register", str(hello), data_dir=tmp_path).returncode == 0
        found = dagnats("schema", "--registry", "--draft", "7", data_dir=tmp_path)
        file = tmp_path / "it.json"
        written = dagnats("schema", "--registry", "-o", str(file), data_dir=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    task = json.loads(found.stdout)["definitions"]["task"]
    assert task["anyOf"][0]["enum"] == ["hello.greet"]
    assert (written.returncode, written.stdout) == (0, "")
    schema = json.loads(file.read_text(encoding="utf-8"))
    workflow = schema["$defs"]["subWorkflowConfig"]["properties"]["workflow"]
    assert workflow["anyOf"][0]["enum"] == ["hello"]
    assert workflow["anyOf"][0]["markdownEnumDescriptions"] == ["Greet somebody by name."]
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert not validator.is_valid(child(42, workflow="hello"))
    assert validator.is_valid(child("Ada", workflow="hello"))
