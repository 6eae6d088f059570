"""What the checker lets pass reads nothing that is missing and takes nothing of a wrong type."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Severity
from dagnats.expr.evaluation.evaluator import EvaluationError, Evaluator
from dagnats.expr.limits import LIMITS
from tests.expr.checking import judged, scope_of

pytestmark = pytest.mark.slow

LEAF = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}, "s": {"type": "string"}},
}
CARD = {
    "type": "object",
    "required": ["kind", "number"],
    "properties": {"kind": {"const": "card"}, "number": {"type": "string"}, "left": LEAF},
}
CASH = {
    "type": "object",
    "required": ["kind", "coins"],
    "properties": {"kind": {"const": "cash"}, "coins": {"type": "integer"}},
}
FREE = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"enum": ["gift", "none"]}, "note": {"type": ["string", "null"]}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["pay", "note", "rows", "mixed", "maybe"],
    "properties": {
        "pay": {"oneOf": [CARD, CASH, FREE]},
        "note": {"type": ["string", "null"]},
        "times": {"type": "integer"},
        "leaf": LEAF,
        "maybe": {"anyOf": [LEAF, {"type": "null"}]},
        "rows": {"type": "array", "items": LEAF},
        "mixed": {"type": ["integer", "null"]},
        "rate": {"type": "number"},
    },
}
SCOPE = scope_of(i=SCHEMA, j=SCHEMA)

OWNERS = ["i", "j", "i.pay", "i.leaf", "i.maybe", "i.pay.left", "j.pay", "j.leaf"]
FIELDS = ["times", "leaf", "n", "s", "number", "coins", "note", "left", "kind", "rate"]
WORDS = ["card", "cash", "gift", "none"]
INTS = ["i.times", "j.times", "i.leaf.n", "i.maybe.n", "i.pay.coins", "i.pay.left.n", "i.mixed"]
TEXTS = ["i.note", "i.pay.number", "i.pay.note", "i.leaf.s", "i.pay.left.s", "i.pay.kind"]
NULLS = ["i.note", "i.maybe", "i.mixed", "i.pay.note", "j.note"]


GUARDED = [
    ("has(i.times)", "i.times + 1 > 1"),
    ("i.?times.hasValue()", "i.times > 1"),
    ("i.note != null", "i.note.size() > 1"),
    ("i.note in ['a', 'card']", "i.note.size() > 1"),
    ('i.pay.kind == "cash"', "i.pay.coins > 1"),
    ('i.pay.kind == "card"', "i.pay.number.size() > 1"),
    ('!(i.pay.kind in ["card", "gift", "none"])', "i.pay.coins > 1"),
    ("has(i.pay.coins)", "i.pay.coins > 1"),
    ("has(i.pay.left)", "i.pay.left.n > 1"),
    ("has(i.pay.left) && has(i.pay.left.s)", "i.pay.left.s.size() > 1"),
    ("i.?pay.?left.?s.hasValue()", "i.pay.left.s.size() > 1"),
    ("has(i.pay.note) && i.pay.note != null", "i.pay.note.size() > 1"),
    ("i.maybe != null", "i.maybe.n > 1"),
    ("type(i.mixed) == int", "i.mixed + 1 > 1"),
    ("type(i.mixed) != null_type", "i.mixed + 1 > 1"),
    ("has(i.rate)", "i.rate * 2.0 > 1.0"),
]
"""Conditions, and what they make fine to read."""


def guarded(chance: random.Random, depth: int) -> str:
    """Return a condition that guards another, mostly as it should."""
    guard, use = chance.choice(GUARDED)
    if chance.random() < 0.1:
        use = chance.choice(GUARDED)[1]
    if depth > 0 and chance.random() < 0.5:
        use = f"({guarded(chance, depth - 1)} {chance.choice(['&&', '||'])} {use})"
    other = guarded(chance, depth - 1) if depth > 0 else atom(chance)
    match chance.randrange(8):
        case 0 | 1:
            return f"({guard} && {use})"
        case 2:
            return f"(!({guard}) || {use})"
        case 3:
            return f"({guard} ? {use} : {other})"
        case 4:
            return f"({guard} && {other} && {use})"
        case 5:
            return f"(({other} || !({guard})) || {use})"
        case 6:
            return f"(({guard} && {other}) ? {use} : {other})"
        case _:
            return f"!({guard} && !({use}))"


def condition(chance: random.Random, depth: int) -> str:
    """Return a condition that reads what may not be there, guarded or not."""
    if depth <= 0 or chance.random() < 0.15:
        return guarded(chance, 1) if chance.random() < 0.7 else atom(chance)
    one, other = condition(chance, depth - 1), condition(chance, depth - 1)
    match chance.randrange(9):
        case 0 | 1 | 2:
            return f"({one} && {other})"
        case 3 | 4 | 5:
            return f"({one} || {other})"
        case 6:
            return f"!({one})"
        case 7:
            return f"({one} ? {other} : {condition(chance, depth - 1)})"
        case _:
            return f"i.rows.exists({chance.choice(['r', 'i', 'j'])}, {one})"


def atom(chance: random.Random) -> str:
    owner, field = chance.choice(OWNERS), chance.choice(FIELDS)
    same = chance.choice(["==", "!="])
    match chance.randrange(9):
        case 0 | 1:
            return f"has({owner}.{field})"
        case 2:
            return f"{owner}.?{field}.hasValue()"
        case 3:
            return f'{chance.choice(["i", "j"])}.pay.kind {same} "{chance.choice(WORDS)}"'
        case 4:
            some = ", ".join(f'"{word}"' for word in chance.sample(WORDS, 2))
            return f"{chance.choice(['i', 'j'])}.pay.kind in [{some}]"
        case 5:
            return f"{chance.choice(NULLS)} {same} null"
        case 6:
            return f"type(i.mixed) {same} {chance.choice(['int', 'null_type'])}"
        case 7:
            return f"{chance.choice(INTS)} + 1 > {chance.randrange(3)}"
        case _:
            return f"{chance.choice(TEXTS)}.size() > {chance.randrange(3)}"


def value(chance: random.Random, schema: dict[str, Any]) -> Any:
    """Return something that fits a schema."""
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return value(chance, chance.choice(schema[word]))
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kind = schema["type"] if isinstance(schema["type"], str) else chance.choice(schema["type"])
    match kind:
        case "object":
            return {
                name: value(chance, part)
                for name, part in schema["properties"].items()
                if name in schema["required"] or chance.random() < 0.5
            }
        case "array":
            return [value(chance, schema["items"]) for _ in range(chance.randrange(3))]
        case "string":
            return chance.choice(["", "a", "card"])
        case "integer":
            return chance.randrange(3)
        case "number":
            return chance.choice([1, 1.5])
        case _:
            return None


def attempt(chance: random.Random) -> bool:
    """Check a condition and evaluate it if nothing is found; whether it was."""
    text = condition(chance, chance.randrange(4))
    checked, found = judged(text, SCOPE)
    if any(f.severity is Severity.ERROR or f.code == "DN4006" for f in found):
        return False
    evaluator = Evaluator(checked.expr, types=checked.types, limits=LIMITS)
    for _ in range(6):
        roots = {"i": value(chance, SCHEMA), "j": value(chance, SCHEMA)}
        try:
            result = evaluator.value(roots)
        except EvaluationError as error:
            raise AssertionError(f"{text} with {roots}: {error}") from error
        assert isinstance(result, bool), text
    return True


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**64))
def test_what_passes_does_not_fail(seed: int) -> None:
    attempt(random.Random(seed))


def test_enough_passes_to_mean_something() -> None:
    assert sum(attempt(random.Random(seed)) for seed in range(400)) > 100
