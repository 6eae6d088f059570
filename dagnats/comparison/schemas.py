"""Whether what one JSON Schema allows, another one allows, too; and where not.

`{"required": ["a"]}` after `{}` refuses what was fine: a narrowing. Read the other way round it
is the question whether an output may hold what it never held.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

DEPTH_MAX = 32
"""Levels of a schema that are compared."""

PARTS_MAX = 4_096
"""Parts of a schema that are compared, references followed."""

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_UPPER = {
    "maximum": "number",
    "exclusiveMaximum": "number",
    "maxLength": "string",
    "maxItems": "array",
    "maxProperties": "object",
}
_LOWER = {
    "minimum": "number",
    "exclusiveMinimum": "number",
    "minLength": "string",
    "minItems": "array",
    "minProperties": "object",
}
_OPAQUE = {
    "pattern": "string",
    "format": "string",
    "multipleOf": "number",
    "uniqueItems": "array",
    "prefixItems": "array",
    "contains": "array",
    "patternProperties": "object",
    "propertyNames": "object",
    "dependentRequired": "object",
    "dependentSchemas": "object",
    "unevaluatedProperties": "object",
    "unevaluatedItems": "array",
    "not": None,
    "if": None,
}
"""Keywords that are taken for narrower whenever they are new or other, and the type they are of."""


class Narrowing(Struct, frozen=True):
    """A place where a value of the wider schema is not one of the narrower.

    `kind` is `type`, `values`, `bound`, `required`, `closed` or `rule`; `before` and `after` say
    what the two schemas have there.
    """

    path: str
    kind: str
    before: Any
    after: Any


def narrowings(old: Any, new: Any) -> list[Narrowing]:
    """Return where `new` refuses what `old` allows; empty when all that was valid stays valid.

    Not complete, and on the safe side: what it cannot follow counts as narrower. A field that
    `old` neither declares nor speaks of is no part of what it allows.
    """
    found = _Comparison(old, new).compare(old, new, "", 0)
    return list({repr(each): each for each in found}.values())


class _Comparison:
    def __init__(self, old: Any, new: Any) -> None:
        self._old_root, self._new_root = old, new
        self._left = PARTS_MAX
        self._open: set[tuple[int, int]] = set()

    def compare(self, old: Any, new: Any, path: str, depth: int) -> Iterator[Narrowing]:
        """Yield what `new` refuses; a schema inside of itself is what it is outside."""
        pair = id(old), id(new)
        self._left -= 1
        if depth > DEPTH_MAX or self._left < 0 or pair in self._open:
            return
        self._open.add(pair)
        yield from self._compare(old, new, path, depth)
        self._open.discard(pair)

    def _compare(self, old: Any, new: Any, path: str, depth: int) -> Iterator[Narrowing]:
        if old is False:
            return
        before = _plain(old, self._old_root)
        after = _plain(new, self._new_root)
        if new is False:
            yield Narrowing(path, "closed", _type_words(before), "nothing")
            return
        if not after:
            return
        olds, news = _choices(before), _choices(after)
        if len(olds) > 1 or len(news) > 1:
            yield from self._choose(olds, news, path, depth)
            return
        yield from self._types(before, after, path)
        yield from self._values(before, after, path)
        yield from self._bounds(before, after, path)
        types = _types(before) & _types(after)
        if "object" in types:
            yield from self._object(before, after, path, depth)
        if "array" in types and "items" in after:
            below = f"{path}[]"
            yield from self.compare(before.get("items", True), after["items"], below, depth + 1)

    def _choose(
        self, olds: Sequence[Any], news: Sequence[Any], path: str, depth: int
    ) -> Iterator[Narrowing]:
        """Look for each old choice whether a new one takes it all."""
        for old in olds:
            found = [list(self.compare(old, new, path, depth + 1)) for new in news]
            if all(found):
                yield from min(found, key=len)

    def _types(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Narrowing]:
        before, after = _types(old), _types(new)
        if "enum" in _constants(old):
            before &= {_type_of(value) for value in _constants(old)["enum"]}
        if "number" in after:
            after |= {"integer"}
        if before - after:
            yield Narrowing(path, "type", _type_words(old), _type_words(new))

    def _values(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Narrowing]:
        after = _constants(new).get("enum")
        if after is None:
            return
        before = _constants(old).get("enum")
        allowed = {_key(value) for value in after}
        if before is None:
            yield Narrowing(path, "values", "any value", after)
        elif lost := [value for value in before if _key(value) not in allowed]:
            yield Narrowing(path, "values", lost, after)

    def _bounds(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Narrowing]:
        types = _types(old) | ({"number"} if "integer" in _types(old) else set())
        tighter: Callable[[Any, Any], bool]
        for table, tighter in ((_UPPER, _less), (_LOWER, _more)):
            for word, kind in table.items():
                after, before = new.get(word), old.get(word)
                if kind not in types or after is None:
                    continue
                if table is _LOWER and kind != "number" and not after:
                    continue
                if before is None or tighter(after, before):
                    yield Narrowing(path, "bound", _pair(word, before), _pair(word, after))
        for word, of in _OPAQUE.items():
            if (of is None or of in types) and word in new and new[word] != old.get(word):
                yield Narrowing(path, "rule", _pair(word, old.get(word)), _pair(word, new[word]))

    def _object(
        self, old: dict[str, Any], new: dict[str, Any], path: str, depth: int
    ) -> Iterator[Narrowing]:
        needed = _texts(old.get("required"))
        for name in _texts(new.get("required")):
            if name not in needed:
                yield Narrowing(_below(path, name), "required", "optional", "required")
        before, after = _properties(old), _properties(new)
        for name, part in after.items():
            if name in before:
                yield from self.compare(before[name], part, _below(path, name), depth + 1)
            elif "additionalProperties" in old:
                rest = old["additionalProperties"]
                yield from self.compare(rest, part, _below(path, name), depth + 1)
        rest = new.get("additionalProperties", True)
        for name, part in before.items():
            if name not in after:
                yield from self.compare(part, rest, _below(path, name), depth + 1)
        others = old.get("additionalProperties", True)
        if rest is False and others is not False:
            yield Narrowing(path, "closed", "other fields", "no other fields")
        elif rest is not True:
            yield from self.compare(others, rest, f"{path}.*", depth + 1)


def _less(one: Any, other: Any) -> bool:
    return bool(one < other)


def _more(one: Any, other: Any) -> bool:
    return bool(one > other)


def _pair(word: str, value: Any) -> str:
    return f"no {word}" if value is None else f"{word} {json.dumps(value, ensure_ascii=False)}"


def _plain(schema: Any, root: Any) -> dict[str, Any]:
    """Return a schema with its references followed and its `allOf` put together."""
    found: dict[str, Any] = {}
    parts, seen = [schema], 0
    while parts and seen < DEPTH_MAX:
        part = parts.pop(0)
        seen += 1
        if not isinstance(part, Mapping):
            continue
        reference = part.get("$ref")
        if isinstance(reference, str):
            parts.append(_resolved(reference, root))
        if isinstance(part.get("allOf"), list):
            parts += part["allOf"]
        for key, value in part.items():
            if key not in _NOTES:
                found[key] = _both(key, found[key], value) if key in found else value
    return found


_NOTES = frozenset({
    "$anchor", "$comment", "$defs", "$id", "$ref", "$schema", "allOf", "default", "definitions",
    "deprecated", "description", "examples", "readOnly", "title", "writeOnly",
})  # fmt: skip


def _both(key: str, one: Any, other: Any) -> Any:
    if key == "properties" and isinstance(one, Mapping) and isinstance(other, Mapping):
        return {**one, **other}
    if key == "required" and isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other


def _resolved(reference: str, root: Any) -> Any:
    node = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, Mapping) else None
    return node if reference.startswith("#") else None


def _choices(schema: dict[str, Any]) -> list[dict[str, Any]]:
    for word in ("anyOf", "oneOf"):
        choices = schema.get(word)
        if isinstance(choices, list) and choices:
            common = {key: value for key, value in schema.items() if key != word}
            return [{"allOf": [common, choice]} for choice in choices]
    return [schema]


def _types(schema: dict[str, Any]) -> set[str]:
    kind = schema.get("type")
    if kind is None:
        return set(_TYPES)
    types = set(kind) if isinstance(kind, list) else {kind}
    if schema.get("nullable") is True:
        types.add("null")
    return types | ({"integer"} if "number" in types else set())


def _type_words(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    words = [kind] if isinstance(kind, str) else list(kind or ())
    if schema.get("nullable") is True:
        words.append("null")
    return " or ".join(words) or "any type"


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _constants(schema: dict[str, Any]) -> dict[str, list[Any]]:
    if "const" in schema:
        return {"enum": [schema["const"]]}
    values = schema.get("enum")
    return {"enum": values} if isinstance(values, list) else {}


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return dict(found) if isinstance(found, Mapping) else {}


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
