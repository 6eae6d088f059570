"""Inputs of runs: what a schema of the simulation's workflows asks for, drawn from a number."""

from typing import Any

from dagnats.testing.documents import Document


def make_input(document: Document, kind: str, chance: float) -> Any:
    """Return an input; the same number gives the same one."""
    if document.inputs:
        return document.inputs[int(chance * len(document.inputs))]
    found: dict[str, Any] = {"kind": kind, "items": [1, 2, 3, 4, 5][: int(chance * 6)]}
    schema = document.prepared.program.input_schema
    if not isinstance(schema, dict):
        return found
    for number, (name, of) in enumerate(sorted(schema.get("properties", {}).items())):
        if name != "kind":
            found[name] = _value(of, (chance * (number + 2) * 7.3) % 1.0)
    return found


def _value(schema: dict[str, Any], chance: float) -> Any:
    if "enum" in schema:
        return schema["enum"][int(chance * len(schema["enum"]))]
    if schema.get("type") == "array":
        return [1, 2, 3, 4, 5][: int(chance * (schema.get("maxItems", 3) + 1))]
    return chance < 0.7
