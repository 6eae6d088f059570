"""Whether a JSON Schema is right beyond doubt, seen without the library that knows all of them.

That one costs a tenth of a small lint to import. So what most schemas are made of is looked at
here; about all else (references, patterns, combinations, odd values) this has no opinion.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

DEPTH_MAX: Final = 16
INTEGER_MAX: Final = 2**53
TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "null")


def is_plain(schema: Any, depth: int = DEPTH_MAX) -> bool:
    """Whether this is a JSON Schema for certain; False says nothing."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, Mapping) or not depth:
        return False
    for word, value in schema.items():
        fits = _VALUES.get(word)
        if not (fits(value) if fits is not None else _is_nested(word, value, depth - 1)):
            return False
    return True


def _is_nested(word: str, value: Any, depth: int) -> bool:
    if word in {"items", "additionalProperties"}:
        return is_plain(value, depth)
    if word == "properties" and isinstance(value, Mapping):
        return all(_is_text(name) and is_plain(part, depth) for name, part in value.items())
    return False


def _is_text(value: Any) -> bool:
    """Whether a text has no half of a surrogate pair; the others are left to the library."""
    return isinstance(value, str) and value.isascii()


def _is_type(value: Any) -> bool:
    if isinstance(value, list):
        names = [name for name in value if isinstance(name, str) and name in TYPES]
        return 0 < len(value) == len(set(names))
    return isinstance(value, str) and value in TYPES


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= INTEGER_MAX


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and -INTEGER_MAX <= value <= INTEGER_MAX


def _is_constant(value: Any) -> bool:
    return value is None or isinstance(value, bool) or _is_number(value) or _is_text(value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _are_constants(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_constant, value))


_VALUES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "type": _is_type,
    "required": _are_names,
    "enum": _are_constants,
    "const": _is_constant,
    "default": _is_constant,
    "examples": _are_constants,
    "title": _is_text,
    "description": _is_text,
    "deprecated": lambda value: isinstance(value, bool),
    "uniqueItems": lambda value: isinstance(value, bool),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        _is_count,
    ),
}
