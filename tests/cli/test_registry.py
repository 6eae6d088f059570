"""Documents checked against what a real server knows: contracts of tasks, and other workflows."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import dagnats, served

PAYING = """\
name: paying
input: {type: object, required: [cents], properties: {cents: {type: integer}}}
tasks:
  pay.charge:
    input: {type: object, required: [cents], properties: {cents: {type: integer}}}
    output: {type: object, required: [receipt], properties: {receipt: {type: string}}}
steps: [{id: charge, task: pay.charge, with: {cents: "${{ input.cents }}"}}]
"""
WRONG = "name: shop\nsteps: [{id: buy, task: pay.charge, with: {cents: ten}}]\n"
RIGHT = "name: shop\nsteps: [{id: buy, task: pay.charge, with: {cents: 10}}]\n"
OTHER = "name: other\nsteps: [{id: rest, task: something.else}]\n"
CHILD = """\
name: parent
steps:
  - {id: buy, type: sub_workflow, with: {cents: ten}, config: {workflow: paying, version: "1"}}
  - {id: more, type: sub_workflow, config: {workflow: nothing, version: "1"}}
"""
EMITTING = "name: emitting\nsteps: [{id: say, type: emit, config: {event: cat.fed, data: {}}}]\n"
WAITING = """\
name: waiting
steps:
  - {id: fed, type: wait_for_event, config: {event: cat.fed, timeout: 1h}}
  - {id: washed, type: wait_for_event, config: {event: cat.washed, timeout: 1h}}
"""


def codes(text: str) -> list[str]:
    return [finding["code"] for finding in json.loads(text)["diagnostics"]]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["lint"], ["compile"]])
def test_without_a_server_it_is_3_where_something_is_to_be_asked(
    words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "shop.yaml").write_text(RIGHT)
    (tmp_path / "paying.yaml").write_text(PAYING)
    asking = dagnats(*words, str(tmp_path / "shop.yaml"), "--registry", data_dir=tmp_path)
    assert asking.returncode == 3
    assert "dagnats serve" in asking.stderr
    by_itself = dagnats(*words, str(tmp_path / "paying.yaml"), "--registry", data_dir=tmp_path)
    assert by_itself.returncode == 0, by_itself.stderr


@pytest.mark.slow
def test_what_is_wrong_by_itself_is_said_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(RIGHT.replace("id: buy", "id: buy, depends_on: [no]"))
    done = dagnats("workflow", "register", str(tmp_path / "bad.yaml"), data_dir=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[DN3002]" in done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("registry")
    texts = {"paying": PAYING, "wrong": WRONG, "right": RIGHT, "other": OTHER, "child": CHILD}
    for name, text in (texts | {"emitting": EMITTING, "waiting": WAITING}).items():
        (folder / f"{name}.yaml").write_text(text)
    with served(folder):
        assert run(folder, "workflow", "register", "paying.yaml", "other.yaml")[0] == 0
        yield folder


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    named = [str(folder / word) if word.endswith(".yaml") else word for word in words]
    done = dagnats(*named, data_dir=folder)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_lint_asks_only_when_told_to(folder: Path) -> None:
    assert run(folder, "lint", "wrong.yaml", "--json")[0] == 0
    code, out, _ = run(folder, "lint", "right.yaml", "wrong.yaml", "--json", "--registry")
    assert (code, codes(out)) == (1, ["DN5003"])
    assert "task `pay.charge` as registered: `cents` must be an int" in out


@pytest.mark.slow
def test_workflows_that_are_run_as_steps_are_known(folder: Path) -> None:
    code, out, _ = run(folder, "lint", "child.yaml", "--json", "--registry")
    assert (code, codes(out)) == (1, ["DN5003", "DN3016"])


@pytest.mark.slow
def test_compile_refuses_by_the_registry_and_gives_the_same_program(folder: Path) -> None:
    code, out, err = run(folder, "compile", "wrong.yaml", "--registry")
    assert (code, out) == (1, "")
    assert "error[DN5003]" in err
    plain, asking = (
        run(folder, "compile", "right.yaml"),
        run(folder, "compile", "right.yaml", "--registry"),
    )
    assert plain == asking
    assert "pay.charge" not in json.loads(plain[1]).get("task_inputs", {})


@pytest.mark.slow
def test_registering_asks_by_itself_and_stores_nothing_that_is_wrong(folder: Path) -> None:
    code, out, err = run(folder, "workflow", "register", "wrong.yaml")
    assert (code, out) == (1, "")
    assert "error[DN5003]: task `pay.charge` as registered" in err
    assert "shop" not in run(folder, "workflow", "list")[1]


@pytest.mark.slow
def test_a_workflow_may_change_its_own_contract(folder: Path) -> None:
    text = PAYING.replace("type: integer", "type: string").replace("paying", "changing")
    (folder / "changing.yaml").write_text(text.replace("pay.charge", "pay.change"))
    assert run(folder, "workflow", "register", "changing.yaml")[0] == 0
    text = "name: changing\nsteps: [{id: charge, task: pay.change, with: 10}]\n"
    (folder / "changing.yaml").write_text(text)
    code, _, err = run(folder, "workflow", "register", "changing.yaml")
    assert (code, err) == (0, "")


@pytest.mark.slow
def test_events_are_emitted_by_somebody(folder: Path) -> None:
    code, out, _ = run(folder, "lint", "waiting.yaml", "--json", "--registry")
    assert (code, codes(out)) == (0, ["DN7015", "DN7015"])
    assert run(folder, "workflow", "register", "emitting.yaml")[0] == 0
    code, out, _ = run(folder, "lint", "waiting.yaml", "--json", "--registry")
    assert (code, codes(out)) == (0, ["DN7015"])
    assert "cat.washed" in out


@pytest.mark.slow
def test_inputs_of_tasks_are_in_the_schema(folder: Path) -> None:
    schema = json.loads(run(folder, "schema", "--registry")[1])
    offered = schema["$defs"]["task"]["anyOf"][0]
    text = dict(zip(offered["enum"], offered["markdownEnumDescriptions"], strict=True))
    assert text["pay.charge"].startswith("Used by `paying`. Takes `{")
    rules = [
        rule["then"]
        for rule in schema["$defs"]["step"]["allOf"]
        if rule.get("if", {}).get("properties", {}).get("task") == {"const": "pay.charge"}
    ]
    assert len(rules) == 1
