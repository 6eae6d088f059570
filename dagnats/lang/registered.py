"""The schema of workflow documents specialised to what a server knows: its tasks and workflows.

Names are suggestions with free text beside them: what a document names may be registered later.
"""

import copy
import json
from collections.abc import Iterable, Mapping
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
    """What programs say: of each task its users and output, of each workflow text and input."""

    tasks: Mapping[str, str]
    workflows: Mapping[str, tuple[str, Any]]


def known(programs: Iterable[Mapping[str, Any]]) -> Known:
    """Return what compiled programs, as JSON, say about their tasks and themselves."""
    users: dict[str, list[str]] = {}
    outputs: dict[str, Any] = {}
    workflows: dict[str, tuple[str, Any]] = {}
    for program in programs:
        name = program["name"]
        workflows[name] = str(program.get("description", "")), program.get("input_schema")
        for task in dict.fromkeys(node["task"] for node in program["nodes"] if "task" in node):
            users.setdefault(task, []).append(name)
        outputs |= program.get("task_outputs", {})
    tasks = {name: _task(users[name], outputs.get(name)) for name in sorted(users)}
    return Known(tasks, dict(sorted(workflows.items())))


def specialised(schema: Mapping[str, Any], facts: Known) -> dict[str, Any]:
    """Return the schema of workflow documents, draft 2020-12, that suggests what is known."""
    whole = copy.deepcopy(dict(schema))
    definitions = whole["$defs"]
    if facts.tasks:
        offered = _suggesting(definitions["task"], facts.tasks, "Registered task")
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
        _input_rule(name, accepted)
        for name, (_, accepted) in facts.workflows.items()
        if isinstance(accepted, dict) and accepted
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


def _task(users: list[str], output: Any) -> str:
    text = f"Used by {', '.join(f'`{name}`' for name in sorted(users))}."
    if output in (None, True, {}):
        return text
    shown = json.dumps(output, ensure_ascii=False)
    return f"{text} Gives `{shown}`." if len(shown) <= SHOWN_CHARS_MAX else text


def _suggesting(anything: Mapping[str, Any], names: Mapping[str, str], title: str) -> Any:
    """Return a schema of names of a form, any of them, that offers the known ones."""
    offered = {
        "title": title,
        "enum": list(names),
        "markdownEnumDescriptions": list(names.values()),
    }
    free = {"title": anything["title"], "type": "string"}
    return {**anything, "anyOf": [offered, free], "examples": list(names)[:EXAMPLES_MAX]}


def _input_rule(workflow: str, accepted: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the input of a step is that runs a workflow."""
    config = {
        "type": "object",
        "properties": {"workflow": {"const": workflow}},
        "required": ["workflow"],
    }
    return {
        "if": {
            "type": "object",
            "properties": {"type": {"const": "sub_workflow"}, "config": config},
            "required": ["type", "config"],
        },
        "then": {"properties": {"with": with_expressions(accepted)}},
    }
