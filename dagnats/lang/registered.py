"""The schema of workflow documents specialised to what a server knows: its tasks and workflows.

Names are suggestions with free text beside them: what a document names may be registered later.
"""

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

EXPRESSION = {"type": "string", "pattern": r"\$\{\{"}
"""A string that only a run knows the value of."""

SHOWN_CHARS_MAX = 100
EXAMPLES_MAX = 3
_PLAIN = (
    "type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern",
    "minLength", "maxLength", "required", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_TOLD = ("title", "description", "examples", "default")
_MARKS = ("$ref", "$dynamicRef", "$id", "$anchor")


class Known(NamedTuple):
    """What programs say: of each task text and input, of each workflow text and input."""

    tasks: Mapping[str, tuple[str, Any]]
    workflows: Mapping[str, tuple[str, Any]]


class Contract(NamedTuple):
    """What programs say of what a task takes and gives; None where they say nothing."""

    input: Any = None
    output: Any = None


def known(programs: Iterable[Mapping[str, Any]]) -> Known:
    """Return what compiled programs, as JSON, say about their tasks and themselves."""
    all_ = list(programs)
    told = contracts(all_)
    users: dict[str, list[str]] = {}
    workflows: dict[str, tuple[str, Any]] = {}
    for program in all_:
        name = program["name"]
        workflows[name] = str(program.get("description", "")), program.get("input_schema")
        for task in dict.fromkeys(node["task"] for node in program["nodes"] if "task" in node):
            users.setdefault(task, []).append(name)
    tasks = {name: _task(users[name], told.get(name, Contract())) for name in sorted(users)}
    return Known(tasks, dict(sorted(workflows.items())))


def contracts(programs: Sequence[Mapping[str, Any]]) -> dict[str, Contract]:
    """Return what compiled programs, as JSON, say of tasks; nothing where two say it differently.

    Of versions of a contract nobody can tell which one the workers keep.
    """
    inputs, outputs = _agreed(programs, "task_inputs"), _agreed(programs, "task_outputs")
    return {
        task: Contract(inputs.get(task), outputs.get(task))
        for task in sorted(inputs.keys() | outputs.keys())
    }


def emitted(programs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the types of the events that compiled programs, as JSON, emit."""
    nodes = (node for program in programs for node in program["nodes"])
    return {node["event"] for node in nodes if node["kind"] == "emit"}


def _agreed(programs: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    told: dict[str, dict[str, Any]] = {}
    for program in programs:
        for task, schema in program.get(key, {}).items():
            # By their text: to Python, `1` and `true` are the same.
            told.setdefault(task, {})[json.dumps(schema, sort_keys=True)] = schema
    return {task: next(iter(found.values())) for task, found in told.items() if len(found) == 1}


def specialised(schema: Mapping[str, Any], facts: Known) -> dict[str, Any]:
    """Return the schema of workflow documents, draft 2020-12, that suggests what is known."""
    whole = copy.deepcopy(dict(schema))
    definitions = whole["$defs"]
    if facts.tasks:
        texts = {name: text for name, (text, _) in facts.tasks.items()}
        offered = _suggesting(definitions["task"], texts, "Registered task")
        definitions["task"] = offered
        definitions["step"]["properties"]["task"]["examples"] = offered["examples"]
    if facts.workflows:
        properties = definitions["subWorkflowConfig"]["properties"]
        names = {name: text for name, (text, _) in facts.workflows.items()}
        anything = {k: v for k, v in properties["workflow"].items() if k != "$ref"}
        properties["workflow"] = _suggesting(
            definitions["id"] | anything, names, "Registered workflow"
        )
    definitions["step"]["allOf"] += [
        *_rules(_of_task, facts.tasks),
        *_rules(_of_workflow, facts.workflows),
    ]
    return whole


def with_expressions(schema: Any) -> Any:
    """Return a schema of data as one of what is written: any value may be an expression.

    What cannot be said of a value before a run is left out, and so is a schema with references.
    """
    if isinstance(schema, bool) or not isinstance(schema, dict) or _refers(schema):
        return schema if isinstance(schema, bool) else {}
    fixed: dict[str, Any] = {key: schema[key] for key in _PLAIN if key in schema}
    if "enum" in schema and all(not isinstance(value, dict | list) for value in schema["enum"]):
        fixed["enum"] = schema["enum"]
    if "const" in schema and not isinstance(schema["const"], dict | list):
        fixed["const"] = schema["const"]
    if "properties" in schema:
        fixed["properties"] = {
            key: with_expressions(value) for key, value in schema["properties"].items()
        }
    if "additionalProperties" in schema and "patternProperties" not in schema:
        fixed["additionalProperties"] = with_expressions(schema["additionalProperties"])
    if "items" in schema and "prefixItems" not in schema:
        fixed["items"] = with_expressions(schema["items"])
    if "allOf" in schema:
        fixed["allOf"] = [with_expressions(part) for part in schema["allOf"]]
    if options := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        fixed["anyOf"] = [with_expressions(part) for part in options]
    told = {key: schema[key] for key in _TOLD if key in schema}
    return {**told, "if": EXPRESSION, "else": fixed} if fixed else told


def _refers(schema: Any) -> bool:
    match schema:
        case dict():
            return any(mark in schema for mark in _MARKS) or any(map(_refers, schema.values()))
        case list():
            return any(map(_refers, schema))
        case _:
            return False


def _task(users: list[str], told: Contract) -> tuple[str, Any]:
    text = f"Used by {', '.join(f'`{name}`' for name in sorted(users))}."
    for word, schema in (("Takes", told.input), ("Gives", told.output)):
        shown = json.dumps(schema, ensure_ascii=False)
        if schema not in (None, True, {}) and len(shown) <= SHOWN_CHARS_MAX:
            text += f" {word} `{shown}`."
    return text, told.input


def _suggesting(anything: Mapping[str, Any], names: Mapping[str, str], title: str) -> Any:
    """Return a schema of names of a form, any of them, that offers the known ones."""
    offered = {
        "title": title,
        "enum": list(names),
        "markdownEnumDescriptions": list(names.values()),
    }
    free = {"title": anything["title"], "type": "string"}
    return {**anything, "anyOf": [offered, free], "examples": list(names)[:EXAMPLES_MAX]}


def _rules(
    which: Callable[[str], dict[str, Any]], named: Mapping[str, tuple[str, Any]]
) -> list[dict[str, Any]]:
    """Say what the input of a step is that does a task, or runs a workflow."""
    return [
        {"if": which(name), "then": {"properties": {"with": with_expressions(accepted)}}}
        for name, (_, accepted) in named.items()
        if isinstance(accepted, dict) and accepted
    ]


def _of_task(name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"task": {"const": name}}, "required": ["task"]}


def _of_workflow(name: str) -> dict[str, Any]:
    config = {
        "type": "object",
        "properties": {"workflow": {"const": name}},
        "required": ["workflow"],
    }
    return {
        "type": "object",
        "properties": {"type": {"const": "sub_workflow"}, "config": config},
        "required": ["type", "config"],
    }
