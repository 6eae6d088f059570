"""JSON Schemas that are small to write and large to read, or hold what is no name."""

import pytest

from dagnats.expr.schema import SCHEMA_CONSTANTS_MAX, from_json_schema
from dagnats.expr.types import DYN, INT, NULL, STRING, union
from dagnats.source.shape import PARTS_MAX, check_schema


def doubling(word, levels):
    """Return a schema that refers twice to what refers twice, and so on."""
    twice = {
        f"d{n}": {word: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**twice, f"d{levels}": {"type": "string"}}}


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_references_that_multiply_are_refused(word):
    wrong = check_schema(doubling(word, 40))
    assert wrong == f"its references stand for more than {PARTS_MAX:,} schemas"
    assert check_schema(doubling(word, 9)) is None


def test_references_that_multiply_are_read_in_bounded_time():
    assert from_json_schema(doubling("allOf", 5)) == STRING
    assert from_json_schema(doubling("allOf", 60)) == DYN


def test_references_to_parts_of_a_value_do_not_multiply():
    fields = {"a": {"$ref": "#/$defs/next"}, "b": {"$ref": "#/$defs/next"}}
    tree = {"anyOf": [{"type": "string"}, {"type": "object", "properties": fields}]}
    many = {f"x{n}": {"$ref": "#/$defs/next"} for n in range(20)}
    assert check_schema({"properties": many, "$defs": {"next": tree}}) is None


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (range(20_000), INT),
        ([*range(SCHEMA_CONSTANTS_MAX), "x", None], union([NULL, INT, STRING])),
        ([*range(SCHEMA_CONSTANTS_MAX), {}], DYN),
    ],
)
def test_of_many_constants_only_the_kinds_are_known(values, type_):
    assert from_json_schema({"enum": list(values)}) == type_


@pytest.mark.parametrize(
    "schema",
    [
        {"required": [["a"], {"b": 1}, 7, "c"]},
        {"required": "a", "properties": {"a": {}}},
        {"allOf": 3, "anyOf": [{"allOf": 3, "oneOf": [{}]}, {"oneOf": 7}]},
        {"allOf": [{"oneOf": [{}]}, {"oneOf": [{}], "allOf": 3}]},
        {"properties": ["a"], "patternProperties": 3, "additionalProperties": "x"},
        {"type": [["string"], 7, None], "enum": "x", "items": [1]},
        {"$ref": 7}, {"$ref": "#/%zz"}, {"$ref": "#/allOf/²", "allOf": [{}]},
    ],
)  # fmt: skip
def test_what_is_no_schema_has_some_type(schema):
    from_json_schema(schema)
