"""What is taken for a JSON Schema without asking the library, and that the library agrees."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.source.plain import DEPTH_MAX, TYPES, is_plain

PLAIN: list[Any] = [
    {},
    True,
    {"type": "string", "minLength": 1, "maxLength": 20, "description": "A name."},
    {"type": ["string", "null"], "default": None, "examples": ["a", 1.5]},
    {"type": "array", "items": {"type": "integer", "minimum": -1}, "maxItems": 3},
    {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"enum": ["x", "y"]}, "b": {"const": 3}},
        "additionalProperties": False,
    },
]
ASKED: list[Any] = [
    None,
    [],
    {"type": "text"},
    {"type": []},
    {"type": ["null", "null"]},
    {"type": ["null", 1]},
    {"required": "a"},
    {"required": ["a", "a"]},
    {"minLength": -1},
    {"minLength": True},
    {"minimum": "1"},
    {"minimum": float("nan")},
    {"uniqueItems": 1},
    {"properties": []},
    {"properties": {"a": 1}},
    {"items": [{}]},
    {"title": "\ud800"},
    {"properties": {"\ud800": {}}},
    {"$ref": "#/schemas/a"},
    {"pattern": "("},
    {"anyOf": []},
]


@pytest.mark.parametrize("schema", PLAIN)
def test_plain(schema: Any) -> None:
    assert is_plain(schema)


@pytest.mark.parametrize("schema", ASKED)
def test_left_to_the_library(schema: Any) -> None:
    assert not is_plain(schema)


def test_what_is_nested_deeply_is_left_to_the_library() -> None:
    schema: Any = {}
    for _ in range(DEPTH_MAX):
        schema = {"items": schema}
    assert not is_plain(schema)
    assert is_plain(schema["items"])


WORDS = [
    *("type", "required", "enum", "const", "default", "examples", "title", "description"),
    *("deprecated", "uniqueItems", "minimum", "exclusiveMaximum", "minLength", "maxItems"),
    *("maxProperties", "items", "properties", "additionalProperties", "pattern", "format"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(TYPES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=3))
def test_the_library_takes_what_is_plain(schema: Any) -> None:
    if is_plain(schema):
        jsonschema_rs.Draft202012Validator(schema, offline=True)
