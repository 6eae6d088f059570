"""How many bytes of JSON a value can have that a schema lets through.

{type: string, maxLength: 20}                       →  122: quotes, and six for each character
{type: object, properties: {n: {type: integer}}}    →  as many as a payload may have

Only what says it has an end has one: a text its `maxLength`, a list its `maxItems`, an object
`additionalProperties: false`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dagnats.ir.costs import CHAR_BYTES_MAX, PAYLOAD_BYTES_MAX, PAYLOAD_LEVELS_MAX

INTEGER_CHARS_MAX: Final = 4_400
"""The longest number that is read; one without a fraction is kept as it is."""
FLOAT_CHARS_MAX: Final = 32
_WORDS: Final = {"null": 4, "boolean": 5}
_ALL: Final = PAYLOAD_BYTES_MAX


def schema_bytes(schema: Any) -> int:
    """Return the bytes at the most; PAYLOAD_BYTES_MAX where the schema does not say."""
    return min(_bytes(schema, 0), _ALL)


def _bytes(schema: Any, depth: int) -> int:
    if schema is False:
        return 0
    if not isinstance(schema, Mapping) or depth > PAYLOAD_LEVELS_MAX:
        return _ALL
    return min([_ALL, *_limits(schema, depth)])


def _limits(schema: Mapping[str, Any], depth: int) -> Iterator[int]:
    """Yield limits that hold all together."""
    if "const" in schema:
        yield _spelled(schema["const"])
    if isinstance(values := schema.get("enum"), list):
        yield max(map(_spelled, values), default=0)
    for key in ("anyOf", "oneOf"):
        if isinstance(several := schema.get(key), list) and several:
            yield max(_bytes(one, depth + 1) for one in several)
    if isinstance(several := schema.get("allOf"), list) and several:
        yield min(_bytes(one, depth + 1) for one in several)
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(kinds, list) and kinds:
        yield max(_of_kind(kind, schema, depth) for kind in kinds)


def _of_kind(kind: Any, schema: Mapping[str, Any], depth: int) -> int:
    match kind:
        case "null" | "boolean":
            return _WORDS[kind]
        case "integer" | "number":
            return _number(schema)
        case "string":
            length = _size(schema, "maxLength")
            return _ALL if length is None else 2 + CHAR_BYTES_MAX * length
        case "array":
            return _array(schema, depth)
        case "object":
            return _object(schema, depth)
        case _:
            return _ALL


def _number(schema: Mapping[str, Any]) -> int:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    ends = [end for end in (low, high) if type(end) in {int, float}]
    if len(ends) < 2:
        return INTEGER_CHARS_MAX
    return max(FLOAT_CHARS_MAX, *[len(str(int(end))) for end in ends])


def _array(schema: Mapping[str, Any], depth: int) -> int:
    count = _size(schema, "maxItems")
    if count is None or "prefixItems" in schema:
        return _ALL
    return 2 + count * (1 + _bytes(schema.get("items"), depth + 1))


def _object(schema: Mapping[str, Any], depth: int) -> int:
    if schema.get("additionalProperties") is not False or "patternProperties" in schema:
        return _ALL
    found = 2
    for key, part in (schema.get("properties") or {}).items():
        found += _spelled(key) + 2 + _bytes(part, depth + 1)
        if found >= _ALL:
            break
    return found


def _spelled(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=True))


def _size(schema: Mapping[str, Any], key: str) -> int | None:
    value = schema.get(key)
    return value if type(value) is int and value >= 0 else None
