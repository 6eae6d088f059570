"""Types from JSON Schemas."""

from collections.abc import Iterable
from typing import Any

from dagnats.expr.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    Enum,
    List,
    Map,
    Object,
    String,
    Type,
    literal_type,
    union,
)

SCHEMA_DEPTH_MAX = 32
"""Levels of a JSON Schema that are read; what lies deeper is `dyn`."""

SCHEMA_PARTS_MAX = 4_096
"""Parts of a JSON Schema that are read, references followed; what comes later is `dyn`."""

SCHEMA_CHOICES_MAX = 64
"""Types of one value that are told apart; of one that may be of more, nothing is known."""

SCHEMA_CONSTANTS_MAX = 1_000
"""Constants of one value that are told apart; of more, only what kinds they are is known."""

_SCALARS: dict[str, Type] = {"null": NULL, "boolean": BOOL, "integer": INT, "number": DOUBLE}
_ONE_OF = ("anyOf", "oneOf")


def from_json_schema(schema: Any) -> Type:
    """Return the type of the values a JSON Schema allows, `dyn` where it does not say.

    Reads type, nullable, enum and const; properties, required, additionalProperties,
    patternProperties, items and prefixItems; anyOf, oneOf, allOf, also beside properties;
    maxItems, maxLength, maxProperties; default, and references inside the schema. Where it
    contains itself, it is `dyn` from there.
    """
    return _Reader(schema).read(schema, 0, frozenset())


class _Reader:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = SCHEMA_PARTS_MAX

    def read(self, schema: Any, depth: int, seen: frozenset[str]) -> Type:
        self._left -= 1
        if not isinstance(schema, dict) or depth > SCHEMA_DEPTH_MAX or self._left < 0:
            return DYN
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in seen:
                return DYN
            target = self._resolve(reference)
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            if isinstance(target, dict) and beside.keys() - _NOTES:
                target = _both(target, beside)
            return self.read(target, depth + 1, seen | {reference})
        type_ = self._own(schema, depth + 1, seen)
        return union((type_, NULL)) if schema.get("nullable") is True else type_

    def _own(self, schema: dict[str, Any], depth: int, seen: frozenset[str]) -> Type:
        if "const" in schema:
            return _constants([schema["const"]])
        if isinstance(values := schema.get("enum"), list):
            return _constants(values) if len(values) <= SCHEMA_CONSTANTS_MAX else _kinds(values)
        parts = schema.get("allOf")
        if isinstance(parts, list) and parts:
            return self._all(schema, parts, depth, seen)
        for word in _ONE_OF:
            choices = schema.get(word)
            if isinstance(choices, list) and choices:
                return self._choice(schema, word, choices, depth, seen)
        kind = schema.get("type")
        if isinstance(kind, list):
            return union(self._named(str(name), schema, depth, seen) for name in kind)
        if kind is None and not schema.keys().isdisjoint(_OF_OBJECTS):
            kind = "object"
        return self._named(kind, schema, depth, seen)

    def _all(
        self, schema: dict[str, Any], parts: list[Any], depth: int, seen: frozenset[str]
    ) -> Type:
        """Read what has to fit all of several schemas as one that says what they say."""
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        followed = seen
        for part in parts:
            # Lists of parts are joined where parts have parts: twice as many at each level.
            self._left -= 1
            if self._left < 0:
                return DYN
            chain = seen
            while isinstance(part, dict) and isinstance(reference := part.get("$ref"), str):
                target = self._resolve(reference)
                if reference in chain or not isinstance(target, dict):
                    return DYN
                chain |= {reference}
                beside = {key: value for key, value in part.items() if key != "$ref"}
                part = _both(target, beside)  # noqa: PLW2901 (what the reference stands for)
            followed |= chain
            merged = _both(merged, part) if isinstance(part, dict) else merged
        return self.read(merged, depth, followed)

    def _choice(
        self,
        schema: dict[str, Any],
        word: str,
        choices: list[Any],
        depth: int,
        seen: frozenset[str],
    ) -> Type:
        if len(choices) > SCHEMA_CHOICES_MAX:
            return DYN
        common = {key: value for key, value in schema.items() if key != word}
        if common.keys() - _NOTES:
            choices = [{"allOf": [common, choice]} for choice in choices]
        return union([self.read(choice, depth, seen) for choice in choices])

    def _named(self, kind: Any, schema: dict[str, Any], depth: int, seen: frozenset[str]) -> Type:
        if kind == "array":
            return List(self._items(schema, depth, seen), _bound(schema, "maxItems"))
        if kind == "object":
            return self._object(schema, depth, seen)
        if kind == "string":
            most = _bound(schema, "maxLength")
            return STRING if most is None else String(most)
        return _SCALARS.get(kind, DYN) if isinstance(kind, str) else DYN

    def _items(self, schema: dict[str, Any], depth: int, seen: frozenset[str]) -> Type:
        items = schema.get("items")
        first = schema.get("prefixItems")
        if not isinstance(first, list) or not first or len(first) > SCHEMA_CHOICES_MAX:
            return self.read(items, depth, seen)
        parts = first if items is False else [*first, items]
        return union([self.read(part, depth, seen) for part in parts])

    def _object(self, schema: dict[str, Any], depth: int, seen: frozenset[str]) -> Type:
        properties = schema.get("properties")
        extra = schema.get("additionalProperties")
        patterns = schema.get("patternProperties")
        listed = schema.get("required")
        required = (
            [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        )
        closed = extra is False and not patterns
        if not isinstance(properties, dict) or not properties:
            if closed:
                return Object({}, closed=True)
            values = [extra, *patterns.values()] if isinstance(patterns, dict) else [extra]
            value = union([self.read(v, depth, seen) for v in values if v is not False])
            if not required:
                return Map(value, entries_max=_bound(schema, "maxProperties"))
            return Object(dict.fromkeys(required, (value, True)), closed=False, rest=value)
        fields = {
            str(name): (self.read(part, depth, seen), name in required)
            for name, part in properties.items()
        }
        # JSON Schema leaves objects open unless told; a declared contract is meant whole, so only
        # what says more opens it.
        open_ = bool(patterns) or (extra is not None and extra is not False)
        rest = self.read(extra, depth, seen) if open_ and not patterns else DYN
        for name in required if open_ else ():
            fields.setdefault(name, (rest, True))
        defaults = {
            str(name): part["default"]
            for name, part in properties.items()
            if isinstance(part, dict) and "default" in part
        }
        return Object(fields, closed=not open_, rest=rest, defaults=defaults or None)

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return None
        node = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            else:
                node = node.get(name) if isinstance(node, dict) else None
        return node


_NOTES = frozenset({
    "$anchor", "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated",
    "description", "discriminator", "examples", "readOnly", "title", "writeOnly",
})  # fmt: skip
"""Keywords that say nothing of the values."""

_OF_OBJECTS = frozenset({"additionalProperties", "patternProperties", "properties", "required"})
_LISTS = frozenset({"allOf", "required"})
_LEAST = frozenset({"maxItems", "maxLength", "maxProperties"})


def _bound(schema: dict[str, Any], word: str) -> int | None:
    value = schema.get(word)
    return int(value) if isinstance(value, int | float) and value >= 0 else None


def _constants(values: Iterable[Any]) -> Type:
    """Return the type of one of a few constants; floats are doubles, and lists and objects too."""
    types: list[Type] = []
    for value in values:
        type_ = literal_type(value, exact=True)
        types.append(_declared(type_) if isinstance(value, str | int) else type_)
    return union(types)


def _kinds(values: Iterable[Any]) -> Type:
    """Return the type of one of many constants, as far as it goes without them."""
    kinds = {type(value) for value in values}
    known: dict[type, Type] = {str: STRING, int: INT, float: DOUBLE, bool: BOOL, type(None): NULL}
    return union([known.get(kind, DYN) for kind in sorted(kinds, key=lambda kind: kind.__name__)])


def _declared(type_: Type) -> Type:
    return Enum(type_.values) if isinstance(type_, Enum) else type_


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a schema for what fits both, as far as types go."""
    merged = dict(one)
    for key, value in other.items():
        before = merged.get(key)
        if key not in merged:
            merged[key] = value
        elif key == "properties" and isinstance(before, dict) and isinstance(value, dict):
            merged[key] = {
                **before,
                **{
                    name: {"allOf": [before[name], part]} if name in before else part
                    for name, part in value.items()
                },
            }
        elif key in _LISTS and isinstance(before, list) and isinstance(value, list):
            merged[key] = [*before, *value]
        elif key in _ONE_OF:
            parts = merged.get("allOf")
            merged["allOf"] = [*(parts if isinstance(parts, list) else ()), {key: value}]
        elif key in {"type", "enum"}:
            merged[key] = _common(before, value)
        elif key in _LEAST and isinstance(before, int) and isinstance(value, int):
            merged[key] = min(before, value)
        elif key == "additionalProperties":
            merged[key] = False if value is False or before is False else value
        elif key not in _NOTES:
            merged[key] = value
    return merged


def _common(before: Any, value: Any) -> Any:
    """Return what two lists, or a list and a word, have in common; the latter if nothing."""
    left = before if isinstance(before, list) else [before]
    right = value if isinstance(value, list) else [value]
    shared = [item for item in right if item in left]
    if {"integer", "number"} <= {str(item) for item in (*left, *right)}:
        shared = shared or ["integer"]
    if not shared:
        return value
    return shared[0] if len(shared) == 1 and not isinstance(value, list) else shared
