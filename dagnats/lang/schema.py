"""The JSON Schemas of the language, made from its definitions.

`schemas/workflow.schema.json` is written by `make bless` and compared by a test. Editors need more
of a schema than validators do: every property has a title, a description, Markdown and examples.
"""

import re
from itertools import combinations
from typing import Any, assert_never

from dagnats.lang.definitions.steps import STEP_TYPES, StepType
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import (
    DURATION_PATTERN,
    ID,
    NS_MAX,
    TASK,
    Block,
    Choice,
    Duration,
    Either,
    Expression,
    Flag,
    Integer,
    Json,
    JsonSchema,
    Key,
    Kind,
    ListOf,
    MapOf,
    Number,
    Ref,
    Template,
    Text,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DRAFT_07 = "http://json-schema.org/draft-07/schema#"
_DURATION_DOC = " A duration such as `30s` or `1h30m`; an integer counts nanoseconds."


def workflow_schema() -> dict[str, Any]:
    """Return the schema of a workflow document, draft 2020-12."""
    return _document("workflow")


def library_schema() -> dict[str, Any]:
    """Return the schema of a file of shared definitions, draft 2020-12."""
    return _document("library")


def draft_07(schema: Any) -> Any:
    """Return a schema of ours in draft-07, where two keywords have other names."""
    match schema:
        case dict():
            names = {"$defs": "definitions"}
            if isinstance(schema.get("prefixItems"), list):
                names |= {"prefixItems": "items", "items": "additionalItems"}
            renamed = {names.get(key, key): value for key, value in schema.items()}
            return {
                key: DRAFT_07
                if key == "$schema" and value == DIALECT
                else value.replace("#/$defs/", "#/definitions/")
                if key == "$ref"
                else draft_07(value)
                for key, value in renamed.items()
            }
        case list():
            return [draft_07(item) for item in schema]
        case _:
            return schema


def _document(name: str) -> dict[str, Any]:
    reached = _reached(name)
    definitions = _scalars() | {
        block.name: _block(block)
        for block in BLOCKS.values()
        if block.name in reached and block.name != name
    }
    return {"$schema": DIALECT, **_block(BLOCKS[name]), "$defs": definitions}


def _reached(name: str) -> set[str]:
    """Return the names of the blocks that a document of this block may hold."""
    found = {name}
    stack = [name]
    while stack:
        block = BLOCKS[stack.pop()]
        below = [ref for key in block.keys for ref in _references(key.kind)]
        if block.name == "step":
            below += [kind.config for kind in STEP_TYPES if kind.config]
        stack += [ref for ref in below if ref not in found]
        found.update(below)
    return found


def _references(kind: Kind) -> list[str]:
    match kind:
        case Ref(block=block):
            return [block]
        case ListOf(item=part) | MapOf(value=part):
            return _references(part)
        case Either(kinds=kinds):
            return [ref for part in kinds for ref in _references(part)]
        case _:
            return []


def _described(title: str, doc: str) -> dict[str, Any]:
    return {"title": title, "description": plain(doc), "markdownDescription": doc}


def plain(markdown: str) -> str:
    """Return a text without its Markdown."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "")


def _scalars() -> dict[str, Any]:
    """Return the definitions of the kinds that many keys share."""
    return {
        "duration": {
            **_described(
                "Duration",
                "Numbers with units `d`, `h`, `m`, `s`, `ms`, `us`, `ns`, or integer nanoseconds.",
            ),
            "type": ["string", "integer"],
            "pattern": DURATION_PATTERN,
            "patternErrorMessage": "Not a duration: write numbers with units, as in `1h30m`.",
            "maxLength": 64,
            "minimum": 0,
            "maximum": NS_MAX,
            "examples": ["30s", "1h30m", 1_000_000_000],
        },
        "id": {
            **_described("Step id", "Letters, digits, `_` and `-`, at most 64."),
            "type": "string",
            "pattern": ID.pattern,
            "patternErrorMessage": f"Not an id: {ID.form}.",
            "examples": ["fetch", "send-mail"],
        },
        "task": {
            **_described(
                "Task name",
                "The name that workers register: words of letters, digits, `_` and `-`, joined by "
                "dots.",
            ),
            "type": "string",
            "pattern": TASK.pattern,
            "patternErrorMessage": f"Not a task name: {TASK.form}.",
            "maxLength": TASK.chars_max,
            "examples": ["git.diff"],
        },
        "jsonSchema": {
            **_described("JSON Schema", "A [JSON Schema](https://json-schema.org), draft 2020-12."),
            "type": ["object", "boolean"],
            "examples": [{"type": "string"}, {"type": "object", "required": ["repo"]}],
        },
        "condition": {
            **_described("Condition", "A CEL expression that gives a bool, without `${{ }}`."),
            "type": ["string", "boolean"],
            "minLength": 1,
            "examples": ["input.cents >= 1000"],
        },
        "expression": {
            **_described("Expression", "A CEL expression, without `${{ }}`."),
            "type": "string",
            "minLength": 1,
            "examples": ["input.items"],
        },
    }


def _block(block: Block) -> dict[str, Any]:
    schema: dict[str, Any] = {
        **_described(block.title, block.doc),
        "type": "object" if block.short is None else ["string", "object"],
        "properties": _properties(block),
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
    }
    if required := [key.name for key in block.keys if key.required]:
        schema["required"] = required
    rules: list[dict[str, Any]] = [
        {"if": {"type": "object"}, "then": _one_of(group)} if block.short else _one_of(group)
        for group in block.one_of
    ]
    rules += [_excludes(*pair) for pair in _pairs(block.exclusive)]
    if block.name == "step":
        schema["properties"]["config"]["doNotSuggest"] = True  # each type offers its own
        rules += [_type_rule(kind) for kind in STEP_TYPES]
    if rules:
        schema["allOf"] = rules
    schema["examples"] = list(block.examples)
    if block.short is not None:
        # Beside a scalar editors offer a mapping as `[object Object]`.
        schema["examples"] = [e for e in block.examples if isinstance(e, str)] or schema["examples"]
        schema |= {
            key: value
            for key, value in (
                ("pattern", block.short.pattern),
                ("maxLength", block.short.chars_max),
            )
            if value is not None
        }
    return schema


def _one_of(group: tuple[str, ...]) -> dict[str, Any]:
    """Say that exactly one key of a group is there; an editor says so, not that one is missing."""
    message = f"Exactly one of {', '.join(f'`{name}`' for name in group)} is needed."
    return {"oneOf": [{"required": [name], "errorMessage": message} for name in group]}


def _excludes(one: str, other: str) -> dict[str, Any]:
    """Say that two keys are not there together, so that editors mark one of them."""
    message = f"Either `{one}` or `{other}`, not both."
    return {
        "if": {"required": [one]},
        "then": {"properties": {other: False}, "errorMessage": message},
    }


def _pairs(groups: tuple[tuple[str, ...], ...]) -> list[tuple[str, str]]:
    return [pair for group in groups for pair in combinations(group, 2)]


def _properties(block: Block) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for key in block.keys:
        properties[key.name] = _key(key)
        for old in key.old:
            properties[old] = _unwanted(
                {
                    **_key(key),
                    **_described(f"{key.title} (old spelling)", f"Old spelling of `{key.name}`."),
                }
            )
    return properties


def _unwanted(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a key that is read and that editors do not offer.

    yaml-language-server forgets what stands beside a `$ref`, and would call a `deprecationMessage`
    an error, which an old spelling is not.
    """
    quiet = {**schema, "deprecated": True, "doNotSuggest": True}
    if "$ref" in quiet:
        quiet["allOf"] = [{"$ref": quiet.pop("$ref")}, *quiet.get("allOf", [])]
    return quiet


def _key(key: Key) -> dict[str, Any]:
    doc = key.doc + (_DURATION_DOC if isinstance(key.kind, Duration) else "")
    schema = {**_described(key.title, doc), **_kind(key.kind)}
    if key.default is not None:
        schema["default"] = key.default
    schema["examples"] = list(key.examples)
    return _unwanted(schema) if key.deprecated else schema


def _kind(kind: Kind) -> dict[str, Any]:  # noqa: C901, PLR0912 (one case a kind)
    match kind:
        case Text():
            return _text(kind)
        case Flag():
            return {"type": "boolean"}
        case Integer(minimum=low, maximum=high) if low == high:
            return {"const": low}
        case Integer(minimum=low, maximum=high):
            return {"type": "integer", "minimum": low, "maximum": high}
        case Number(minimum=low, maximum=high):
            return {"type": "number", "minimum": low, "maximum": high}
        case Duration():
            return {"$ref": "#/$defs/duration"}
        case Json():
            return {}
        case JsonSchema():
            return {"$ref": "#/$defs/jsonSchema"}
        case Expression(empty_is_none=True):
            return {"type": "string"}
        case Expression(returns=returns):
            return {"$ref": f"#/$defs/{'condition' if returns == 'a bool' else 'expression'}"}
        case Template(of=of):
            return {"type": list(of) if len(of) > 1 else of[0]} if of else {}
        case Choice(words=words):
            return _choice(words)
        case Ref(block=block):
            return {"$ref": f"#/$defs/{block}"}
        case ListOf():
            return _list(kind)
        case MapOf():
            return _map(kind)
        case Either(kinds=kinds):
            return _either(kinds)
        case _:
            assert_never(kind)


def _text(kind: Text) -> dict[str, Any]:
    if kind.definition is not None:
        return {"$ref": f"#/$defs/{kind.definition}"}
    bounds = {
        "pattern": kind.pattern,
        "patternErrorMessage": f"Not of the form it needs: {kind.form}." if kind.form else None,
        "maxLength": kind.chars_max,
    }
    return {"type": "string", **{k: v for k, v in bounds.items() if v is not None}}


def _choice(words: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    # Without a `type`, or editors write the default of every key that they know it of.
    schema: dict[str, Any] = {"enum": [word for word, _ in words]}
    if any(meaning for _, meaning in words):
        schema["markdownEnumDescriptions"] = [meaning for _, meaning in words]
    return schema


def _list(kind: ListOf) -> dict[str, Any]:
    item = _kind(kind.item)
    schema: dict[str, Any] = {"type": "array"}
    if kind.alone:
        alone = item.get("type", "string")
        rest = {k: v for k, v in item.items() if k != "type"}
        schema = {"type": [alone, "array"], "if": {"type": alone}, "then": rest}
    schema["items"] = item
    if kind.items_min:
        schema["minItems"] = kind.items_min
    if kind.items_max is not None:
        schema["maxItems"] = kind.items_max
    if kind.unique:
        schema["uniqueItems"] = True
    return schema


def _map(kind: MapOf) -> dict[str, Any]:
    value = _kind(kind.value)
    schema: dict[str, Any] = {"type": "object"}
    if kind.key != Text():
        schema["propertyNames"] = _kind(kind.key)
    if value:
        schema["additionalProperties"] = value
    if kind.entries_min:
        schema["minProperties"] = kind.entries_min
    if kind.entries_max is not None:
        schema["maxProperties"] = kind.entries_max
    return schema


def json_types(kind: Kind) -> tuple[str, ...]:  # noqa: C901, PLR0912 (one case a kind)
    """Return the types of JSON that a kind may be written as; nothing is any."""
    match kind:
        case Text() | Choice():
            return ("string",)
        case Flag():
            return ("boolean",)
        case Integer():
            return ("integer",)
        case Number():
            return ("number",)
        case Duration():
            return ("string", "integer")
        case Expression(returns=returns):
            return ("string", "boolean") if returns == "a bool" else ("string",)
        case JsonSchema():
            return ("object", "boolean")
        case Template(of=of):
            return of
        case Ref(block=block):
            return ("object",) if BLOCKS[block].short is None else ("string", "object")
        case ListOf(item=item, alone=alone):
            return ("array", *json_types(item)) if alone else ("array",)
        case MapOf():
            return ("object",)
        case Either(kinds=kinds):
            return tuple(dict.fromkeys(t for part in kinds for t in json_types(part)))
        case Json():
            return ()
        case _:
            assert_never(kind)


def _either(kinds: tuple[Kind, ...]) -> dict[str, Any]:
    """Tell the kinds apart by the type of the JSON; the first that takes a type has it."""
    taken: set[str] = set()
    rules: list[dict[str, Any]] = []
    for kind in kinds:
        own = [name for name in json_types(kind) if name not in taken]
        taken.update(own)
        rules.append({"if": {"type": own if len(own) > 1 else own[0]}, "then": _kind(kind)})
    return {"type": list(json_types(Either(kinds))), "allOf": rules}


def _type_rule(kind: StepType) -> dict[str, Any]:
    """Say what a type of step asks for: its own `config`, a `task` or none.

    `type: object` keeps an editor from offering the keys of all types where nothing is written yet.
    """
    own: dict[str, Any] = {"const": kind.name}
    if any(kind.name.startswith(other.name) for other in STEP_TYPES if other is not kind):
        own["pattern"] = f"^{kind.name}$"  # the beginning of a word is no hint to editors then
    condition: dict[str, Any] = {"type": "object", "properties": {"type": own}}
    if kind.name != "normal":
        condition["required"] = ["type"]
    properties: dict[str, Any] = {"config": _config(kind)}
    then: dict[str, Any] = {"properties": properties}
    required = []
    if kind.task == "needed":
        required.append("task")
    elif kind.task == "none":
        properties["task"] = False
    if kind.config is not None:
        block = BLOCKS[kind.config]
        if block.one_of or any(key.required for key in block.keys):
            required.append("config")
    if required:
        then["required"] = required
    return {"if": condition, "then": then}


def _config(kind: StepType) -> dict[str, Any]:
    if kind.config is not None:
        return {"$ref": f"#/$defs/{kind.config}"}
    return {
        **_described("Configuration", f"A step of type `{kind.name}` has nothing to configure."),
        "doNotSuggest": True,
        "type": "object",
        "properties": {},
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
        "examples": [{}],
    }
