"""What an editor makes of our schema, without a plug-in of ours: asked of yaml-language-server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli.main import main
from dagnats.diagnostics.catalog import CATALOG
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import Block, Choice
from dagnats.lang.registered import known, specialised
from dagnats.lang.schema import draft_07, library_schema, workflow_schema
from tests.editors.client import Client, session
from tests.editors.yaml_server import command
from tests.tidy.test_documents import blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).resolve().parents[2]
PROPERTY = 10
LOOKS_WHOLE = re.compile(r"^name:", re.MULTILINE)
# It names a file that is not there, and wins over the settings.
MODELINE = re.compile(r"^# yaml-language-server:.*\n")
PROGRAMS = [
    {
        "name": "greet",
        "description": "Greet somebody.",
        "input_schema": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "times": {"type": "integer"}},
            "additionalProperties": False,
        },
        "nodes": [{"id": "a", "task": "hello.greet"}, {"id": "b", "task": "mail.send"}],
        "task_outputs": {"hello.greet": {"type": "string"}},
    },
    {"name": "report", "nodes": [{"id": "a", "task": "mail.send"}]},
]
SCHEMAS: dict[str, Any] = {
    "2020-12": workflow_schema(),
    "draft-07": draft_07(workflow_schema()),
    "registry": specialised(workflow_schema(), known(PROGRAMS)),
    "library": library_schema(),
}
DRAFTS = ["2020-12", "draft-07"]


class Editor:
    """An editor with documents open; the ending of their names chooses the schema."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.opened = 0

    def begin(self, text: str, schema: str) -> str:
        """Open a document; returns its address."""
        self.opened += 1
        uri = (self.folder / f"{self.opened}.{schema}.yaml").as_uri()
        self.client.begin(uri, text)
        return uri

    def ask(self, method: str, marked: str, schema: str) -> Any:
        """Ask about the place that `|` marks."""
        before, _, after = marked.partition("|")
        uri = self.begin(before + after, schema)
        line, character = before.count("\n"), len(before) - (before.rfind("\n") + 1)
        return self.client.at(method, uri, line, character)

    def offered(self, marked: str, schema: str, *, keys: bool) -> list[str]:
        """Return what can be written at a place: keys, or values."""
        items = self.ask("completion", marked, schema)["items"]
        return [item["label"] for item in items if (item["kind"] == PROPERTY) is keys]

    def findings(self, text: str, schema: str) -> list[tuple[int, str]]:
        """Return what is found, with its line from 1."""
        found = self.client.findings(self.begin(text, schema))
        return [(each["range"]["start"]["line"] + 1, each["message"]) for each in found]


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    paths = {}
    for name, schema in SCHEMAS.items():
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(schema), encoding="utf-8")
        paths[path.as_uri()] = [f"*.{name}.yaml"]
    yaml = {"schemas": paths, "schemaStore": {"enable": False}, "validate": True, "hover": True}
    with session(command(), folder, {"yaml": {**yaml, "completion": True}}) as client:
        editor = Editor(client, folder)
        editor.findings("name: n\n", "2020-12")  # by then the server has its settings
        yield editor


def wanted(block: Block, *without: str) -> set[str]:
    """The keys of a block that belong into new documents."""
    return {key.name for key in block.keys if not key.deprecated} - set(without)


def step(text: str) -> str:
    """A document with one step."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"name: n\nsteps:\n  - id: a\n{lines}"


# ── completion ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("schema", DRAFTS)
def test_keys_of_the_document_are_offered(editor: Editor, schema: str) -> None:
    offered = editor.offered("name: n\n|\n", schema, keys=True)
    assert sorted(offered) == sorted(wanted(BLOCKS["workflow"], "name"))


@pytest.mark.parametrize("schema", DRAFTS)
@pytest.mark.parametrize("begun", ["- |", "- id: a\n    |"])
def test_keys_of_a_step_are_offered(editor: Editor, schema: str, begun: str) -> None:
    offered = editor.offered(f"name: n\nsteps:\n  {begun}\n", schema, keys=True)
    written = ["id"] if "id" in begun else []
    assert sorted(offered) == sorted(wanted(BLOCKS["step"], "config", *written))


@pytest.mark.parametrize("schema", DRAFTS)
@pytest.mark.parametrize("kind", STEP_TYPES, ids=lambda kind: kind.name)
def test_config_is_offered_where_the_type_has_one(editor: Editor, schema: str, kind: Any) -> None:
    offered = editor.offered(step(f"type: {kind.name}\n|"), schema, keys=True)
    assert offered.count("config") == (kind.config is not None)


@pytest.mark.parametrize("schema", DRAFTS)
@pytest.mark.parametrize("kind", STEP_TYPES, ids=lambda kind: kind.name)
def test_keys_of_config_are_those_of_the_type(editor: Editor, schema: str, kind: Any) -> None:
    offered = editor.offered(step(f"type: {kind.name}\nconfig:\n  |"), schema, keys=True)
    assert sorted(offered) == sorted(wanted(BLOCKS[kind.config]) if kind.config else set())


INSIDE = {
    "retry": (step("task: t\nretry:\n  |"), "retry"),
    "defaults": ("name: n\ndefaults:\n  |\n", "defaults"),
    "a contract": ("name: n\ntasks:\n  t:\n    |\n", "contract"),
    "a trigger": ("name: n\ntriggers:\n  - |\n", "trigger"),
    "cron": ("name: n\ntriggers:\n  - id: t\n    cron:\n      |\n", "cronTrigger"),
    "a dependency": (step("task: t\ndepends_on:\n  - |"), "dependency"),
    "a case": (step("type: switch\nconfig:\n  cases:\n    - |"), "case"),
    "a step of a body": (step("type: loop\nconfig:\n  steps:\n    - |"), "step"),
    "a step of finally": ("name: n\nfinally:\n  - |\n", "step"),
    "singleton": ("name: n\nsingleton:\n  |\n", "singleton"),
    "concurrency": ("name: n\nconcurrency:\n  |\n", "concurrency"),
}


@pytest.mark.parametrize(("text", "block"), INSIDE.values(), ids=INSIDE)
def test_keys_are_offered_inside(editor: Editor, text: str, block: str) -> None:
    offered = editor.offered(text, "2020-12", keys=True)
    without = ["config"] if block == "step" else []
    assert sorted(offered) == sorted(wanted(BLOCKS[block], *without))


CHOICES = {
    "type": (step("type: |"), ("step", "type")),
    "join": (step("join: |"), ("step", "join")),
    "on_timeout of an approval": (
        step("type: approval\nconfig:\n  timeout: 1h\n  on_timeout: |"),
        ("approvalConfig", "on_timeout"),
    ),
    "on_timeout of a wait": (
        step("type: wait_for_event\nconfig:\n  timeout: 1h\n  on_timeout: |"),
        ("waitForEventConfig", "on_timeout"),
    ),
    "on_exhausted": (
        step("type: agent_loop\nconfig:\n  max_iterations: 3\n  on_exhausted: |"),
        ("agentLoopConfig", "on_exhausted"),
    ),
    "strategy": (step("retry:\n  strategy: |"), ("retry", "strategy")),
    "mode": ("name: n\nsingleton:\n  mode: |\n", ("singleton", "mode")),
}


@pytest.mark.parametrize("schema", DRAFTS)
@pytest.mark.parametrize(("text", "place"), CHOICES.values(), ids=CHOICES)
def test_words_are_offered_with_what_they_mean(
    editor: Editor, schema: str, text: str, place: tuple[str, str]
) -> None:
    key = BLOCKS[place[0]].key(place[1])
    assert key is not None
    assert isinstance(key.kind, Choice)
    items = editor.ask("completion", text, schema)["items"]
    told = {item["label"]: item["documentation"]["value"] for item in items}
    assert told == {word: meaning or key.doc for word, meaning in key.kind.words}


@pytest.mark.parametrize(
    ("text", "label", "written"),
    [
        (step("task: t\n|"), "timeout", "timeout: ${1:5m}"),
        (step("task: t\n|"), "join", "join: "),
        (step("task: t\n|"), "rate_limit", "rate_limit:\n  limit: $1\n  period: $2"),
        (step("type: emit\n|"), "config", "config:\n  event: "),
        ("name: n\n|\n", "steps", "steps:\n  - id: "),
    ],
)
def test_a_key_is_written_with_what_it_needs(
    editor: Editor, text: str, label: str, written: str
) -> None:
    items = editor.ask("completion", text, "2020-12")["items"]
    (item,) = [each for each in items if (each["label"], each["kind"]) == (label, PROPERTY)]
    assert item["textEdit"]["newText"].rstrip("\n") == written


def test_files_of_definitions_have_keys_of_their_own(editor: Editor) -> None:
    offered = editor.offered("dagnats: 1\n|\n", "library", keys=True)
    assert sorted(offered) == sorted(wanted(BLOCKS["library"], "dagnats"))


# ── hover ────────────────────────────────────────────────────────────────────────────────────────

HOVERS = {
    "a key of the document": ("na|me: n\nsteps: [{id: a, task: t}]\n", ("workflow", "name")),
    "a key of a step": (step("task: t\nwh|en: 'true'"), ("step", "when")),
    "a key with a reference": (step("task: t\ntime|out: 5m"), ("step", "timeout")),
    "a key of config": (
        step("type: agent_loop\ntask: t\nconfig:\n  max_itera|tions: 3"),
        ("agentLoopConfig", "max_iterations"),
    ),
    "a key of another config": (
        step("type: sleep\nconfig:\n  dura|tion: 3s"),
        ("sleepConfig", "duration"),
    ),
    "a value": (step("task: t\njoin: all_|done"), ("step", "join")),
}


@pytest.mark.parametrize("schema", DRAFTS)
@pytest.mark.parametrize(("text", "place"), HOVERS.values(), ids=HOVERS)
def test_a_key_is_explained(editor: Editor, schema: str, text: str, place: tuple[str, str]) -> None:
    key = BLOCKS[place[0]].key(place[1])
    assert key is not None
    shown = editor.ask("hover", text, schema)["contents"]
    assert shown["kind"] == "markdown"
    assert shown["value"].startswith(f"#### {key.title}\n\n{key.doc}")
    assert "Example:\n\n```yaml\n" in shown["value"]


def test_a_choice_is_explained_word_by_word(editor: Editor) -> None:
    shown = editor.ask("hover", step("type: agent_|loop\ntask: t"), "2020-12")["contents"]["value"]
    for kind in STEP_TYPES:
        assert f"* `{kind.name}`: {kind.doc}\n" in shown


# ── errors ───────────────────────────────────────────────────────────────────────────────────────

CRON = (
    "Exactly one of `cron`, `subject`, `event`, `webhook`, `http`, `external`, `run_terminal` "
    "is needed."
)
WRONG = {
    "an unknown key of the document": (
        "name: n\nstepz: []\nsteps: [{id: a, task: t}]\n",
        [(2, "Property stepz is not allowed.")],
    ),
    "an unknown key of a step": (
        step("task: t\nwhenn: 'true'"),
        [(5, "Property whenn is not allowed.")],
    ),
    "an unknown key of config": (
        step("type: agent_loop\ntask: t\nconfig:\n  max_iterations: 2\n  untill: x"),
        [(8, "Property untill is not allowed.")],
    ),
    "config of another type": (
        step("type: sleep\nconfig: {duration: 1s, max_iterations: 3}"),
        [(5, "Property max_iterations is not allowed.")],
    ),
    "config that is missing": (step("type: sleep"), [(3, 'Missing property "config".')]),
    "config that is empty": (
        step("type: transform\nconfig: {}"),
        [(5, 'Missing property "value".')],
    ),
    "config where there is none": (
        step("task: t\nconfig: {until: x}"),
        [(5, "Property until is not allowed.")],
    ),
    "a task that is missing": (step("when: 'true'"), [(3, 'Missing property "task".')]),
    "a task where there is none": (
        step("type: sleep\ntask: t\nconfig: {duration: 1s}"),
        [(5, "Property task is not allowed.")],
    ),
    "a wrong type": (step("task: 5"), [(4, 'Incorrect type. Expected "string".')]),
    "a number out of bounds": (
        step("task: t\nretry: {max_retries: -1}"),
        [(5, "Value is below the minimum of 0.")],
    ),
    "an unknown word": (
        step("task: t\njoin: all"),
        [(5, 'Value is not accepted. Valid values: "all_success", "all_done", "any_success".')],
    ),
    "a duration without a unit": (
        step("task: t\ntimeout: soon"),
        [(5, "Not a duration: write numbers with units, as in `1h30m`.")],
    ),
    "a wrong id": (
        "name: n\nsteps: [{id: a b, task: t}]\n",
        [(2, "Not an id: use letters, digits, `_` and `-`, at most 64.")],
    ),
    "two that exclude each other": (
        step(
            "task: t\nrate_limit: {limit: 1, period: 1s}\n"
            "keyed_rate_limit: {limit: 1, period: 1s, key: input}"
        ),
        [(6, "Either `rate_limit` or `keyed_rate_limit`, not both.")],
    ),
    "none of several": (
        "name: n\nsteps: [{id: a, task: t}]\ntriggers:\n  - id: t\n",
        [(4, CRON)],
    ),
}


@pytest.mark.parametrize("schema", DRAFTS)
@pytest.mark.parametrize(("text", "found"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_found_in_words(
    editor: Editor, schema: str, text: str, found: list[tuple[int, str]]
) -> None:
    assert editor.findings(text, schema) == found


def documents() -> dict[str, str]:
    """Every whole workflow of the repository, by where it stands."""
    files = [
        *ROOT.glob("examples/*/workflow.yaml"),
        *(p for p in ROOT.glob("examples/*/*.json") if p.name != "input.json"),
        *ROOT.glob("templates/*/workflow.yaml"),
    ]
    found = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in files}
    found |= dict(blocks())
    found |= {f"example of {name}": json.dumps(e) for name, e in _examples()}
    found |= {code: e.good for code, e in CATALOG.items() if LOOKS_WHOLE.search(e.good)}
    return {place: MODELINE.sub("", text) for place, text in found.items()}


def _examples() -> Iterator[tuple[str, Any]]:
    yield from ((f"workflow {n}", e) for n, e in enumerate(BLOCKS["workflow"].examples))
    for kind in STEP_TYPES:
        block = BLOCKS[kind.config] if kind.config else None
        done = {"task": "t"} if kind.task != "none" else {}
        for number, config in enumerate(block.examples if block else ({},)):
            one = {"id": "a", "type": kind.name, "config": config, **done}
            yield f"{kind.name} {number}", {"name": "n", "steps": [one]}


def test_there_is_enough_to_look_at() -> None:
    assert len(documents()) > 50


@pytest.mark.parametrize("schema", DRAFTS)
def test_nothing_is_found_in_what_is_right(editor: Editor, schema: str) -> None:
    uris = {place: editor.begin(text, schema) for place, text in documents().items()}
    found = {
        place: [each["message"] for each in editor.client.findings(uri)]
        for place, uri in uris.items()
    }
    assert {place: messages for place, messages in found.items() if messages} == {}


# ── a server's tasks, and a project of `dagnats init` ────────────────────────────────────────────


def test_registered_tasks_are_offered_and_others_are_right(editor: Editor) -> None:
    items = editor.ask("completion", step("task: |"), "registry")["items"]
    told = {item["label"]: item["documentation"]["value"] for item in items}
    assert told == {
        "hello.greet": 'Used by `greet`. Gives `{"type": "string"}`.',
        "mail.send": "Used by `greet`, `report`.",
    }
    assert editor.findings(step("task: another.one"), "registry") == []
    assert editor.findings(step("task: another one"), "registry") == [
        (4, f"Not a task name: {SCHEMAS['2020-12']['$defs']['task']['patternErrorMessage'][17:]}")
    ]


def test_registered_workflows_are_offered_with_their_input(editor: Editor) -> None:
    begun = "type: sub_workflow\nconfig: {workflow: greet}\nwith:"
    offered = editor.offered(
        step("type: sub_workflow\nconfig:\n  workflow: |"), "registry", keys=False
    )
    assert offered == ["greet", "report"]
    assert editor.offered(step(f"{begun}\n  |"), "registry", keys=True) == ["name", "times"]
    right = "{name: '${{ input.name }}', times: '${{ size(input.all) }}'}"
    assert editor.findings(step(f"{begun} {right}"), "registry") == []
    assert sorted(editor.findings(step(f"{begun} {{nam: x, times: y}}"), "registry")) == [
        (6, 'Incorrect type. Expected "integer".'),
        (6, 'Missing property "name".'),
        (6, "Property nam is not allowed."),
    ]


def test_a_project_works_in_an_editor_without_any_setting(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--template", "agent", "--name", "mine"]) == 0
    file = tmp_path / "workflow.yaml"
    text = file.read_text(encoding="utf-8")
    with session(command(), tmp_path, {"yaml": {"schemaStore": {"enable": False}}}) as client:
        assert client.open(file.as_uri(), text) == []
        wrong = text.replace("max_iterations", "max_iteration")
        (found,) = client.open((tmp_path / "other.yaml").as_uri(), wrong)
        assert found["message"] == "Property max_iteration is not allowed."


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip), ("true", pytest.fail)])
def test_in_ci_the_server_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: Any
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(outcome.Exception, match="node and npm are not installed"):
        command()
