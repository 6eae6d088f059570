"""How many bytes a schema lets through, and what becomes of it in a certificate."""

import json
from typing import Any

import msgspec
import pytest

from dagnats.compiler.schema_bytes import INTEGER_CHARS_MAX, schema_bytes
from dagnats.ir.costs import PAYLOAD_BYTES_MAX
from tests.compiler.proving import certificate_of

ALL = PAYLOAD_BYTES_MAX
CLOSED = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "most"),
    [
        (None, ALL),
        (True, ALL),
        (False, 0),
        ({}, ALL),
        ({"type": "null"}, 4),
        ({"type": "boolean"}, 5),
        ({"type": ["boolean", "null"]}, 5),
        ({"type": "integer"}, INTEGER_CHARS_MAX),
        ({"type": "integer", "minimum": 0, "maximum": 9}, 32),
        ({"type": "string"}, ALL),
        ({"type": "string", "maxLength": 20}, 122),
        ({"type": "string", "enum": ["a", "bcd"]}, 5),
        ({"const": [1, 2]}, 6),
        ({"type": "array", "items": {"type": "boolean"}}, ALL),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 3}, 2 + 3 * 6),
        ({"type": "array", "maxItems": 3}, ALL),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, ALL),
        ({**CLOSED, "properties": {"a": {"type": "null"}}}, 2 + 3 + 2 + 4),
        ({**CLOSED, "patternProperties": {"^a": {}}}, ALL),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, 5),
        ({"oneOf": [{"type": "null"}, {"type": "string"}]}, ALL),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}, {"const": "ab"}]}, 4),
        ({"$ref": "#/x"}, ALL),
    ],
)
def test_what_a_schema_lets_through(schema: Any, most: int) -> None:
    assert schema_bytes(schema) == most


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "maxLength": 3}, "\x01\x02\x03"),
        ({"type": "string", "maxLength": 2}, "\U0001f600\U0001f600"),
        ({"type": "integer"}, -(10**300)),
        ({"type": "number", "minimum": 0, "maximum": 1}, 0.1234567890123456),
        ({"type": "array", "maxItems": 2, "items": {"const": "é"}}, ["é", "é"]),
        ({**CLOSED, "properties": {'"é': {"type": "boolean"}}}, {'"é': False}),
    ],
)
def test_the_largest_values_fit(schema: Any, value: Any) -> None:
    assert len(msgspec.json.encode(value)) <= schema_bytes(schema)
    assert len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) <= schema_bytes(schema)


def bytes_of(schema: str, more: str = "") -> int:
    text = f"name: w\n{schema}steps:\n  - {{id: a, type: transform, config: {{value: 1}}}}\n{more}"
    return certificate_of(text).bytes.max or 0


def test_a_small_input_makes_a_small_start() -> None:
    any_ = bytes_of("")
    small = bytes_of(
        "input: {type: object, additionalProperties: false, properties: {a: {type: boolean}}}\n"
    )
    assert any_ - small == ALL - (2 + 3 + 2 + 5)


def test_a_later_generation_may_have_any_input() -> None:
    again = "  - {id: n, type: continue_as_new, config: {input: true, max_generations: 2}}\n"
    assert bytes_of("", again) == bytes_of("input: {type: boolean}\n", again)


def test_variables_are_kept_with_the_start() -> None:
    assert bytes_of("vars: {a: 1}\n") - bytes_of("") == ALL
