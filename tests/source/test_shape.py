import pytest

from dagnats.diagnostics.diagnostic import Sink
from dagnats.source.document import to_json
from dagnats.source.reader import read
from dagnats.source.shape import COMPLAINTS_MAX, check_schema, check_value

INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "value", "complaint"),
    [
        (INTEGER, "x", "$: must be an integer, not a string"),
        ({"type": ["string", "null"]}, 1, "$: must be null or a string, not an integer"),
        ({"type": "number"}, True, "$: must be a number, not true or false"),
        ({"type": "string"}, 1.5, "$: must be a string, not a number"),
        ({"type": "object"}, [], "$: must be a mapping, not a list"),
        ({"type": "array"}, None, "$: must be a list, not null"),
        ({"required": ["a"]}, {}, "$: `a` is missing"),
        ({"properties": {"a": {"items": INTEGER}}}, {"a": [1, "x"]},
         "$.a[1]: must be an integer, not a string"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1},
         "$: `b` is not expected"),
        ({"additionalProperties": False}, {"b": 1}, "$: no keys are expected"),
        ({"unevaluatedProperties": False}, {"b": 1}, "$: `b` is not expected"),
        ({"properties": {"a": False}}, {"a": 1}, "$.a: must not be there"),
        ({"enum": ["a", 1, None]}, 2, "$: must be one of `a`, `1`, `null`"),
        ({"const": {"a": 1}}, 2, '$: must be `{"a": 1}`'),
        ({"pattern": "^a"}, "b", "$: must match `^a`"),
        ({"minimum": 1}, 0, "$: must be at least 1"),
        ({"maximum": 1.5}, 2, "$: must be at most 1.5"),
        ({"exclusiveMinimum": 1}, 1, "$: must be more than 1"),
        ({"exclusiveMaximum": 1}, 1, "$: must be less than 1"),
        ({"multipleOf": 2}, 3, "$: must be a multiple of 2"),
        ({"minLength": 1}, "", "$: must have at least 1 character"),
        ({"maxLength": 2}, "abc", "$: must have at most 2 characters"),
        ({"minItems": 2}, [1], "$: must have at least 2 items"),
        ({"maxItems": 1}, [1, 2], "$: must have at most 1 item"),
        ({"minProperties": 1}, {}, "$: must have at least 1 key"),
        ({"maxProperties": 2}, {"a": 1, "b": 2, "c": 3}, "$: must have at most 2 keys"),
        ({"uniqueItems": True}, [1, 1], "$: must not hold the same item twice"),
        ({"contains": INTEGER}, ["a"], "$: must hold an item of the required kind"),
        ({"anyOf": [INTEGER, {"type": "null"}]}, "a", "$: fits none of the allowed forms"),
        ({"oneOf": [{}, {}]}, 1, "$: must fit exactly one of the allowed forms"),
        ({"not": {}}, 1, "$: has a form that is excluded"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "$: the key `ab` is not allowed"),
        ({"unevaluatedItems": False}, [1], "$: does not fit its schema"),
        (False, 1, "$: must not be there"),
        ({"$defs": {"x": INTEGER}, "$ref": "#/$defs/x"}, "a", "$: must be an integer"),
        ({}, "\ud800", "$: is nested too deeply, or holds half of a surrogate pair"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_schema(schema, value, complaint):
    (found,) = check_value(schema, value)
    assert found.startswith(f"at {complaint}")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (True, 1), ({}, {"a": [None]}), (INTEGER, 1.0), (INTEGER, 2**63),
        ({"format": "email"}, "x"), ({"type": "string"}, "😀"), ({"enum": [None]}, None),
    ],
)  # fmt: skip
def test_a_value_that_fits_its_schema(schema, value):
    assert check_value(schema, value) == []


def test_a_value_that_is_too_deep_is_refused():
    value = 1
    for _ in range(1_000):
        value = [value]
    (found,) = check_value(INTEGER, value)
    assert found.startswith("at $: is nested too deeply")


def test_complaints_about_one_value_end():
    complaints = check_value({"items": INTEGER}, ["a"] * (COMPLAINTS_MAX + 1))
    assert len(complaints) == COMPLAINTS_MAX + 1
    assert complaints[-1] == "and more"
    assert len(check_value({"items": INTEGER}, ["a"] * COMPLAINTS_MAX)) == COMPLAINTS_MAX


TYPES = "a type is one of `string`, `integer`, `number`, `boolean`, `array`, `object`, `null`"


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        (1, "a schema is a mapping, true or false"),
        (None, "a schema is a mapping, true or false"),
        ([], "a schema is a mapping, true or false"),
        ({"type": "strng"}, f"at $.type: {TYPES}"),
        ({"type": ["string", "x"]}, f"at $.type: {TYPES}"),
        ({"properties": {"a": {"type": "x"}}}, f"at $.properties.a.type: {TYPES}"),
        ({"properties": {"a": 1}}, "at $.properties.a: must be true or false or a mapping, not an"),
        ({"required": "a"}, "at $.required: must be a list, not a string"),
        ({"minLength": -1}, "at $.minLength: must be at least 0"),
        ({"pattern": "("}, "at $.pattern: must be a valid `regex`"),
        ({"items": [{}]}, "at $.items: must be true or false or a mapping, not a list"),
        ({"anyOf": []}, "at $.anyOf: must have at least 1 item"),
        ({"$ref": "#/nope"}, "the reference to `/nope` leads nowhere in this schema"),
        ({"$ref": "#nope"}, "the reference to `nope` leads nowhere in this schema"),
        ({"allOf": [{"$ref": "https://example.com/s.json"}]},
         "the reference to `https://example.com/s.json` leads nowhere in this schema"),
    ],
)  # fmt: skip
def test_what_is_no_schema(schema, wrong):
    assert check_schema(schema).startswith(wrong)


@pytest.mark.parametrize(
    "schema",
    [True, False, {}, {"x-any": 1}, {"$ref": "#"}, {"type": ["string", "null"]}, {"enum": []}],
)
def test_what_is_a_schema(schema):
    assert check_schema(schema) is None


@pytest.mark.slow
@pytest.mark.parametrize("levels", [300, 100_000])
def test_a_schema_that_is_too_deep_is_refused(levels):
    schema = {}
    for _ in range(levels):
        schema = {"not": schema}
    assert check_schema(schema) == "is nested too deeply, or holds half of a surrogate pair"


def test_the_schema_of_a_document_is_checked_as_it_is_written():
    document = read("{type: object, required: [a], properties: {a: {type: strng}}}", "a", Sink())
    assert check_schema(to_json(document.root)) == f"at $.properties.a.type: {TYPES}"
