"""What is told when a JSON Schema refuses a value: one wording for each kind of error."""

import json
from collections.abc import Callable
from typing import Any

SHOWN_CHARS_MAX = 40
"""Characters of an author's text that a message repeats."""

_ARTICLES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_WORDS: dict[str, Callable[[Any], str]] = {
    "type": lambda e: f"must be {_wanted(e)}, not {_ARTICLES[_kind(e.instance)]}",
    "required": lambda e: f"`{e.kind.property}` is missing",
    "additionalProperties": lambda e: f"{_listed(e.kind.unexpected)} is not expected",
    "unevaluatedProperties": lambda e: f"{_listed(e.kind.unexpected)} is not expected",
    "enum": lambda e: f"must be one of {_listed(e.kind.options)}",
    "const": lambda e: f"must be {_listed([e.kind.expected_value])}",
    "pattern": lambda e: f"must match `{e.kind.pattern}`",
    "format": lambda e: f"must be a valid `{e.kind.format}`",
    "minimum": lambda e: f"must be at least {e.kind.limit}",
    "maximum": lambda e: f"must be at most {e.kind.limit}",
    "exclusiveMinimum": lambda e: f"must be more than {e.kind.limit}",
    "exclusiveMaximum": lambda e: f"must be less than {e.kind.limit}",
    "multipleOf": lambda e: f"must be a multiple of {e.kind.multiple_of}",
    "minLength": lambda e: f"must have at least {_counted(e.kind.limit, 'character')}",
    "maxLength": lambda e: f"must have at most {_counted(e.kind.limit, 'character')}",
    "minItems": lambda e: f"must have at least {_counted(e.kind.limit, 'item')}",
    "maxItems": lambda e: f"must have at most {_counted(e.kind.limit, 'item')}",
    "minProperties": lambda e: f"must have at least {_counted(e.kind.limit, 'key')}",
    "maxProperties": lambda e: f"must have at most {_counted(e.kind.limit, 'key')}",
    "uniqueItems": lambda _: "must not hold the same item twice",
    "contains": lambda _: "must hold an item of the required kind",
    "anyOf": lambda _: "fits none of the allowed forms",
    "oneOf": lambda _: "must fit exactly one of the allowed forms",
    "not": lambda _: "has a form that is excluded",
    "falseSchema": lambda e: "no keys are expected" if _on_keys(e) else "must not be there",
    "$ref": lambda e: _lost(str(e.message)),
    "propertyNames": lambda e: f"the key `{_cut(str(e.kind.error.instance))}` is not allowed",
}


def words(error: Any) -> str:
    """Return what is wrong with a value, without saying where."""
    say = _WORDS.get(keyword(error))
    return say(error) if say else "does not fit its schema"


def keyword(error: Any) -> str:
    """Return the keyword of JSON Schema that failed."""
    return str(error.kind.name)


def dotted(path: list[str | int]) -> str:
    """Return a path as people write it: `$.a[0].b`."""
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)


def _on_keys(error: Any) -> bool:
    return bool(error.schema_path[-1:] == ["additionalProperties"])


def _lost(message: str) -> str:
    """Return what a reference misses; the library only says so in words."""
    target = message.split("'")[1] if message.count("'") > 1 else "…"
    return f"the reference to `{_cut(target)}` leads nowhere in this schema"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def _wanted(error: Any) -> str:
    return " or ".join(_ARTICLES[kind] for kind in error.kind.types)


def _listed(values: list[Any]) -> str:
    return ", ".join(f"`{v if isinstance(v, str) else json.dumps(v)}`" for v in values)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
