import pytest

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
    Union,
    assignable,
    display,
    from_json_schema,
    join,
    literal_type,
)


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        (None, DYN),
        (True, DYN),
        ({}, DYN),
        ({"type": "integer"}, INT),
        ({"type": "number"}, DOUBLE),
        ({"type": ["string", "null"]}, Union((STRING, NULL))),
        ({"type": "string", "nullable": True}, Union((STRING, NULL))),
        ({"type": "array"}, List(DYN)),
        ({"type": "array", "items": {"type": "boolean"}}, List(BOOL)),
        ({"type": "object"}, Map(DYN)),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, Map(INT)),
        ({"enum": ["a", "b"]}, Enum(("a", "b"))),
        ({"enum": ["a", None]}, Union((Enum(("a",)), NULL))),
        ({"const": "a"}, Enum(("a",))),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, Union((INT, NULL))),
        ({"oneOf": [{"type": "integer"}, {}]}, DYN),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            Object({"a": (INT, True)}, closed=True),
        ),
        (
            {"properties": {"a": {"type": "integer"}}, "additionalProperties": True},
            Object({"a": (INT, False)}, closed=False),
        ),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, INT),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"$ref": "#/$defs/n"}}}, DYN),
        ({"$ref": "https://elsewhere"}, DYN),
    ],
)
def test_types_of_schemas(schema, type_):
    assert from_json_schema(schema) == type_


def test_a_schema_that_contains_itself_ends():
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}}}
    assert from_json_schema(tree) == Object({"left": (Object({"left": (DYN, False)}), False)})


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        (INT, DOUBLE, True),
        (DOUBLE, INT, False),
        (DYN, INT, True),
        (Enum(("a",)), STRING, True),
        (STRING, Enum(("a",)), False),
        (Enum(("a",)), Enum(("a", "b")), True),
        (Union((INT, NULL)), INT, False),
        (INT, Union((INT, NULL)), True),
        (List(INT), List(DOUBLE), True),
        (literal_type({"a": 1}), Object({"a": (INT, True)}), True),
        (literal_type({"a": 1, "b": 1}), Object({"a": (INT, True)}), False),
        (literal_type({}), Object({"a": (INT, True)}), False),
        (literal_type({}), Object({"a": (INT, False)}), True),
        (literal_type({"a": 1}), Map(INT), True),
        (literal_type({"a": "x"}), Map(INT), False),
    ],
)
def test_assignable(source, target, fits):
    assert assignable(source, target) is fits


def test_join_and_display():
    assert join(INT, DOUBLE) == DOUBLE
    assert display(join(Enum(("a",)), Enum(("b",)))) == '"a" | "b"'
    assert display(join(List(INT), List(STRING))) == "list(int | string)"
    assert display(Map(DYN)) == "map(string, dyn)"
