"""Which changes of a JSON Schema refuse what was fine before."""

from random import Random
from typing import Any

import jsonschema_rs
import pytest

from dagnats.comparison.schemas import narrowings

pytestmark = pytest.mark.slow

OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}
STRING = {"type": "string"}
NODE = {
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    "$ref": "#/$defs/node",
}

WIDER: list[tuple[Any, Any]] = [
    (OBJECT, OBJECT),
    (OBJECT, True),
    (False, OBJECT),
    (True, {}),
    (True, {"title": "anything", "default": 1}),
    (STRING, {"type": ["string", "null"]}),
    ({"type": "integer"}, {"type": "number"}),
    (STRING, {"type": "string", "nullable": True}),
    ({"enum": ["a"]}, {"enum": ["b", "a"]}),
    ({"const": 1}, {"type": "integer"}),
    ({"enum": ["a", "b"]}, STRING),
    ({"type": "string", "maxLength": 3}, {"type": "string", "maxLength": 4}),
    ({"type": "integer", "minimum": 3}, {"type": "integer", "minimum": 2}),
    (STRING, {"type": "string", "minLength": 0}),
    (STRING, {"type": "string", "maxItems": 1}),
    ({"type": "string", "pattern": "a"}, STRING),
    ({**OBJECT, "required": ["a"]}, OBJECT),
    (OBJECT, {"type": "object", "properties": {**OBJECT["properties"], "b": {"type": "integer"}}}),
    ({**OBJECT, "additionalProperties": False}, OBJECT),
    ({"type": "array", "items": {"const": 1}}, {"type": "array", "items": {"type": "number"}}),
    (STRING, {"anyOf": [STRING, {"type": "integer"}]}),
    ({"oneOf": [STRING, {"type": "null"}]}, {"type": ["string", "null", "integer"]}),
    ({"allOf": [OBJECT, {"required": ["a"]}]}, OBJECT),
    ({"$ref": "#/$defs/s", "$defs": {"s": STRING}}, STRING),
    (NODE, NODE),
    (NODE, dict(NODE, title="other")),
]

NARROWER: list[tuple[Any, Any, tuple[str, str]]] = [
    (True, STRING, ("", "type")),
    (True, False, ("", "closed")),
    (STRING, {"type": "integer"}, ("", "type")),
    ({"type": "number"}, {"type": "integer"}, ("", "type")),
    ({"type": "string", "nullable": True}, STRING, ("", "type")),
    (STRING, {"enum": ["a"]}, ("", "values")),
    ({"enum": ["a", "b"]}, {"const": "a"}, ("", "values")),
    ({"enum": [1]}, {"enum": [True]}, ("", "values")),
    (STRING, {"type": "string", "maxLength": 4}, ("", "bound")),
    ({"type": "integer", "maximum": 3}, {"type": "integer", "maximum": 2}, ("", "bound")),
    (STRING, {"type": "string", "pattern": "a"}, ("", "rule")),
    (OBJECT, {**OBJECT, "required": ["a"]}, ("a", "required")),
    (OBJECT, {**OBJECT, "additionalProperties": False}, ("", "closed")),
    (OBJECT, {"type": "object", "properties": {"a": {"type": "null"}}}, ("a", "type")),
    (OBJECT, {"type": "object", "additionalProperties": {"type": "null"}}, ("a", "type")),
    (
        {"type": "object", "additionalProperties": STRING},
        {"type": "object", "properties": {"b": {"type": "null"}}},
        ("b", "type"),
    ),
    (
        {"type": "array", "items": OBJECT},
        {"type": "array", "items": {**OBJECT, "required": ["a"]}},
        ("[].a", "required"),
    ),
    ({"anyOf": [STRING, {"type": "integer"}]}, STRING, ("", "type")),
    ({}, {"not": STRING}, ("", "rule")),
    (OBJECT, {"allOf": [OBJECT, {"required": ["a"]}]}, ("a", "required")),
    (
        NODE,
        {
            "$defs": {
                "node": {
                    "type": "object",
                    "required": ["id"],
                    "properties": {"next": {"$ref": "#/$defs/node"}},
                }
            },
            "$ref": "#/$defs/node",
        },
        ("id", "required"),
    ),
]


@pytest.mark.parametrize(("old", "new"), WIDER)
def test_what_stays_valid_is_no_narrowing(old: Any, new: Any) -> None:
    assert narrowings(old, new) == []


@pytest.mark.parametrize(("old", "new", "found"), NARROWER)
def test_a_narrowing_is_found_at_its_place(old: Any, new: Any, found: tuple[str, str]) -> None:
    assert found in [(each.path, each.kind) for each in narrowings(old, new)]


@pytest.mark.parametrize("seed", range(400))
def test_no_narrowing_means_that_every_valid_value_stays_valid(seed: int) -> None:
    """Held against a validator: schemas and values out of chance."""
    rng = Random(seed)
    old = schema(rng, 3)
    new = changed(rng, old) if rng.random() < 0.8 else schema(rng, 3)
    if narrowings(old, new):
        return
    before, after = jsonschema_rs.validator_for(old), jsonschema_rs.validator_for(new)
    for _ in range(60):
        instance = value(rng, 3)
        if before.is_valid(instance) and is_declared(instance, old):
            assert after.is_valid(instance), (old, new, instance)


def test_wide_recursion_ends() -> None:
    names = [f"d{i}" for i in range(12)]
    definitions = {
        name: {"type": "object", "properties": {n: {"$ref": f"#/$defs/{n}"} for n in names}}
        for name in names
    }
    old = {"$ref": "#/$defs/d0", "$defs": definitions}
    assert narrowings(old, {**old, "title": "x"}) == []


def schema(rng: Random, depth: int) -> dict[str, Any]:
    kind = rng.choice(["string", "integer", "number", "object", "array", "null", "enum", "any"])
    match kind:
        case "enum":
            return {"enum": rng.sample(["a", "b", 1, 2, None, True], rng.randint(1, 4))}
        case "any":
            return {}
        case "string":
            bound = {"maxLength": rng.randint(0, 2)} if rng.random() < 0.4 else {}
            return {"type": "string"} | bound
        case "integer" | "number":
            bound = {"minimum": rng.randint(-1, 2)} if rng.random() < 0.4 else {}
            return {"type": kind} | bound
        case "array" if depth:
            return {"type": "array", "items": schema(rng, depth - 1)}
        case "object" if depth:
            names = rng.sample("xyz", rng.randint(0, 3))
            found: dict[str, Any] = {
                "type": "object",
                "properties": {name: schema(rng, depth - 1) for name in names},
                "required": [name for name in names if rng.random() < 0.4],
            }
            if rng.random() < 0.3:
                found["additionalProperties"] = rng.choice([False, schema(rng, 0)])
            return found
        case _:
            return {"type": ["null", "string"]}


def changed(rng: Random, old: dict[str, Any]) -> dict[str, Any]:
    new = dict(old)
    for key in list(new):
        pick = rng.random()
        if key == "properties":
            new[key] = {
                name: changed(rng, part) if rng.random() < 0.4 else part
                for name, part in new[key].items()
                if rng.random() < 0.9
            }
        elif key == "items" and pick < 0.5:
            new[key] = changed(rng, new[key])
        elif key in {"maxLength", "minimum"} and pick < 0.5:
            new[key] = max(new[key] + rng.choice([-1, 1]), 0)
        elif key == "required" and pick < 0.5:
            new[key] = [name for name in "xyz" if rng.random() < 0.4]
        elif key == "type" and pick < 0.2:
            new[key] = rng.choice(["number", ["string", "integer"], "string"])
        elif pick < 0.15:
            del new[key]
    return new


def value(rng: Random, depth: int) -> Any:
    kind = rng.choice(["text", "int", "float", "null", "bool", "list", "object", "object"])
    match kind:
        case "text":
            return rng.choice(["", "a", "b", "abc"])
        case "int":
            return rng.randint(-2, 3)
        case "float":
            return rng.choice([0.5, 1.0, -1.5])
        case "list" if depth:
            return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
        case "object" if depth:
            return {name: value(rng, depth - 1) for name in "xyz" if rng.random() < 0.6}
        case "bool":
            return True
        case _:
            return None


def is_declared(instance: Any, of: dict[str, Any]) -> bool:
    """Whether a value has no fields that its schema does not speak of: those are not promised."""
    match instance:
        case dict():
            parts = of.get("properties", {})
            if "additionalProperties" in of or of.get("type") != "object":
                parts = {name: parts.get(name, {}) for name in instance} if parts else {}
                return not instance or "additionalProperties" in of
            return all(
                name in parts and is_declared(instance[name], parts[name]) for name in instance
            )
        case list():
            return all(is_declared(item, of.get("items", {})) for item in instance)
        case _:
            return True
