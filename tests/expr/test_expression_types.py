import pytest

from dagnats.expr.schema import from_json_schema
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
    Union,
    assignable,
    display,
    join,
    literal_type,
    union,
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
        ({"$ref": "#/oneOf/1", "oneOf": [{}, {"type": "integer"}]}, INT),
        ({"type": "string", "format": "date-time"}, STRING),
        ({"enum": [1, 2]}, Enum((1, 2))),
        ({"const": True}, Enum((True,))),
        ({"const": 1.5}, DOUBLE),
        ({"enum": ["a", 1]}, Union((Enum(("a",)), Enum((1,))))),
        ({"type": ["integer", "string"]}, Union((INT, STRING))),
        ({"type": "object", "additionalProperties": False}, Object({})),
        (
            {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
            Object({"a": (INT, True)}, closed=False, rest=INT),
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "additionalProperties": {"type": "string"},
            },
            Object({"a": (INT, False)}, closed=False, rest=STRING),
        ),
        (
            {"properties": {"a": {"type": "integer"}}, "patternProperties": {"^x": {}}},
            Object({"a": (INT, False)}, closed=False),
        ),
        ({"patternProperties": {"^x": {"type": "integer"}}}, Map(DYN)),
        (
            {
                "patternProperties": {"^x": {"type": "integer"}},
                "additionalProperties": False,
            },
            Map(INT),
        ),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
            List(Union((INT, STRING))),
        ),
        ({"allOf": [{"type": "string"}, {"maxLength": 5}]}, STRING),
        ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, Enum(("b",))),
        (
            {
                "allOf": [
                    {"$ref": "#/$defs/a"},
                    {"properties": {"b": {"type": "string"}}, "required": ["a"]},
                ],
                "$defs": {"a": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            },
            Object({"a": (INT, True), "b": (STRING, False)}),
        ),
        (
            {
                "properties": {"k": {"type": "string"}, "n": {"type": "integer"}},
                "required": ["k"],
                "oneOf": [
                    {"properties": {"k": {"const": "a"}}},
                    {"properties": {"k": {"const": "b"}}, "required": ["n"]},
                ],
            },
            Union(
                (
                    Object({"k": (Enum(("a",)), True), "n": (INT, False)}),
                    Object({"k": (Enum(("b",)), True), "n": (INT, True)}),
                )
            ),
        ),
        (
            {"$ref": "#/$defs/a", "nullable": True, "$defs": {"a": {"type": "integer"}}},
            Union((INT, NULL)),
        ),
    ],
)
def test_types_of_schemas(schema, type_):
    assert from_json_schema(schema) == type_


def test_sizes_are_on_the_types():
    schema = {
        "type": "array",
        "maxItems": 3,
        "items": {
            "type": "object",
            "maxProperties": 7,
            "additionalProperties": {"anyOf": [{"maxLength": 5, "type": "string"}]},
        },
    }
    type_ = from_json_schema(schema)
    assert (type_.items_max, type_.elem.entries_max, type_.elem.value.chars_max) == (3, 7, 5)


@pytest.mark.parametrize(
    ("left", "right", "size"),
    [(String(3), String(5), 5), (String(5), String(3), 5), (String(3), STRING, None)],
)
def test_what_is_either_has_room_for_both(left, right, size):
    assert join(left, right).chars_max == size
    assert union([left, right]).chars_max == size
    assert join(List(left, 1), List(right, 2)).elem.chars_max == size
    assert union([List(left, 1), List(right, 2)]).items_max == 2
    assert join(Map(left), Map(right)).value.chars_max == size
    one, other = Object({"a": (left, True)}), Object({"a": (right, True)})
    assert join(one, other).fields["a"][0].chars_max == size


def test_defaults_are_on_the_types():
    schema = {"properties": {"a": {"type": "integer", "default": 5}, "b": {}}}
    assert from_json_schema(schema).defaults == {"a": 5}


def test_schemas_that_refer_to_each_other_end():
    names = [f"n{n}" for n in range(12)]
    properties = {name: {"$ref": f"#/$defs/{name}"} for name in names}
    defs = {name: {"type": "object", "properties": properties} for name in names}
    assert display(from_json_schema({"$ref": "#/$defs/n0", "$defs": defs})) == "object"


@pytest.mark.parametrize("part", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"$ref": "#/$defs/x"}])
def test_references_in_a_circle_are_dyn(part):
    schema = {"$defs": {"x": {"allOf": [{"$ref": "#/$defs/x"}]}}, **part}
    assert from_json_schema(schema) == DYN


def test_true_is_not_one():
    assert Enum((True,)) != Enum((1,))
    assert union([Enum((True,)), Enum((1,))]) == Union((Enum((True,)), Enum((1,))))
    assert not assignable(Enum((True,)), Enum((1,)))


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
        (Enum((1,)), INT, True),
        (Enum((1,)), DOUBLE, True),
        (Enum((True,)), BOOL, True),
        (Enum((1,)), STRING, False),
        (INT, Enum((1,)), False),
        (Map(INT), Map(INT, INT), False),
    ],
)
def test_assignable(source, target, fits):
    assert assignable(source, target) is fits


def test_join_and_display():
    assert join(INT, DOUBLE) == Union((INT, DOUBLE))
    assert display(join(Enum(("a",)), Enum(("b",)))) == '"a" | "b"'
    assert display(join(List(INT), List(STRING))) == "list(int | string)"
    assert display(Map(DYN)) == "map(string, dyn)"
