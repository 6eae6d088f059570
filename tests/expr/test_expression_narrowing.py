"""What conditions tell of the places that they read."""

import pytest

from dagnats.expr.types import display
from tests.expr.checking import codes, judged, scope_of

CARD = {
    "type": "object",
    "required": ["kind", "number"],
    "properties": {"kind": {"const": "card"}, "number": {"type": "string"}},
}
CASH = {
    "type": "object",
    "required": ["kind", "coins"],
    "properties": {"kind": {"const": "cash"}, "coins": {"type": "integer"}},
}
GIFT = {
    "type": "object",
    "required": ["kind", "paid"],
    "properties": {"kind": {"enum": ["gift", "voucher"]}, "paid": {"const": True}},
}
DEBT = {
    "type": "object",
    "required": ["kind", "paid"],
    "properties": {"kind": {"const": "debt"}, "paid": {"const": False}, "due": {"type": "string"}},
}
SCOPE = scope_of(
    input={
        "type": "object",
        "required": ["pay", "note", "risk", "mixed", "rows", "owed", "level", "any"],
        "properties": {
            "pay": {"oneOf": [CARD, CASH, GIFT]},
            "owed": {"oneOf": [GIFT, DEBT]},
            "note": {"type": ["string", "null"]},
            "risk": {"enum": ["low", "high", "none"]},
            "level": {"enum": [1, 2, 3]},
            "mixed": {"type": ["string", "integer", "array"], "items": {"type": "boolean"}},
            "times": {"type": "integer"},
            "who": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            },
            "maybe": {"type": ["object", "null"], "properties": {"a": {"type": "integer"}}},
            "rows": {
                "type": "array",
                "items": {"type": "object", "properties": {"n": {"type": "integer"}}},
            },
            "any": {},
        },
    },
    other={"type": "object", "properties": {"times": {"type": "integer"}}},
)


@pytest.mark.parametrize(
    "text",
    [
        "has(input.times) && input.times > 1",
        "has(input.times) && has(other.times) && input.times > other.times",
        "!has(input.times) || input.times > 1",
        "!(has(input.times) && has(other.times)) || input.times == other.times",
        "has(input.times) ? input.times > 1 : false",
        "!has(input.times) ? false : input.times > 1",
        "(has(input.times) ? input.times > 0 : false) && input.times > 1",
        "has(input.times) && true && [1].exists(x, x > input.times)",
        "input.?times.hasValue() && input.times > 1",
        "input[?'times'].hasValue() && input.times > 1",
        "has(input.who) && input.who.name == 'Ada'",
        "has(input.who) && has(input.who.age) && input.who.age > 1",
        "input.?who.?age.hasValue() && input.who.age > 1",
        "has(input.who) && has(input.who.age) && input['who']['age'] > 1",
        "input.note != null && input.note.size() > 1",
        "input.note == null || input.note.size() > 1",
        "null != input.note && size(input.note) > 1",
        "input.note == null ? false : input.note.startsWith('a')",
        "!(input.note == null) && input.note.startsWith('a')",
        "input.note == 'a' && input.note.size() > 1",
        "input.note in ['a', 'b'] && input.note.size() > 1",
        "has(input.maybe) && input.maybe != null && has(input.maybe.a) && input.maybe.a > 1",
        "input.pay.kind == 'card' && input.pay.number == '1'",
        "input.pay['kind'] == 'card' && input.pay['number'] == '1'",
        "input.pay.kind == 'card' ? input.pay.number == '1' : input.pay.kind == 'gift'",
        "input.pay.kind in ['gift', 'voucher'] && input.pay.paid",
        "input.pay.kind != 'card' && input.pay.kind != 'cash' && input.pay.paid",
        "!(input.pay.kind in ['card', 'cash']) && input.pay.paid",
        "has(input.pay.number) && input.pay.number == '1'",
        "!has(input.pay.number) && !has(input.pay.coins) && input.pay.paid",
        "!input.owed.paid && has(input.owed.due) && input.owed.due != ''",
        "input.owed.paid || input.owed.kind == 'debt'",
        "type(input.mixed) == string && input.mixed.size() > 1 && input.mixed == 'a'",
        "type(input.mixed) == list && input.mixed.all(x, x)",
        "type(input.mixed) != list || input.mixed.all(x, x)",
        "list == type(input.mixed) && input.mixed.all(x, x)",
        "input.rows.map(r, has(r.n), r.n + 1) == [1]",
        "input.rows.filter(r, has(r.n) && r.n > 1).size() > 1",
        "has(input.rows[0].n) && input.rows[0].n > 1",
        "cel.bind(r, input.rows[0], has(r.n) && r.n > 1)",
    ],
)
def test_what_is_known_is_read(text: str) -> None:
    assert judged(text, SCOPE)[1] == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input.times > 1", ["DN4006"]),
        ("has(input.times) || input.times > 1", ["DN4006"]),
        ("!has(input.times) && input.times > 1", ["DN4006"]),
        ("has(input.times) ? true : input.times > 1", ["DN4006"]),
        ("has(other.times) && input.times > 1", ["DN4006"]),
        ("(has(input.times) || input.risk == 'low') && input.times > 1", ["DN4006"]),
        ("has(input.times) == true && input.times > 1", ["DN4006"]),
        ("input.who.name == 'Ada'", ["DN4006"]),
        ("has(input.who) && input.who.age > 1", ["DN4006"]),
        ("input['times'] > 1", ["DN4006"]),
        ("has(input.rows[0].n) && input.rows[1].n > 1", ["DN4006"]),
        ("input.rows.map(r, r.n + 1) == [1]", ["DN4006"]),
        ("input.note.size() > 1", ["DN4004"]),
        ("input.note == null && input.note.size() > 1", ["DN4004"]),
        ("input.note != 'a' && input.note.size() > 1", ["DN4004"]),
        ("has(input.maybe) && has(input.maybe.a)", ["DN4004"]),
        ("input.pay.number == '1'", ["DN4006"]),
        ("input.pay.kind != 'card' && input.pay.coins > 1", ["DN4006"]),
        ("input.pay.kind == 'card' && input.pay.coins > 1", ["DN5002"]),
        ("input.pay.kind == 'crad'", ["DN4004"]),
        ("input.pay.kind == 'card' && input.pay.kind == 'cash'", ["DN4008"]),
        ("input.risk == 'low' ? 1 : input.risk == 'low' ? 2 : 3", ["DN4008"]),
        ("input.level == 4", ["DN4004"]),
        ("input.risk != 'typo'", ["DN4004"]),
        ("type(input.mixed) == string && input.mixed.all(x, x)", ["DN4004"]),
        # A variable of the name hides what was known of the root.
        (
            "has(input.times) && input.rows.exists(input, input.n > 1)",
            ["DN4010", "DN4006"],
        ),
        ("has(input.times) && [other].exists(input, input.times > 1)", ["DN4010", "DN4006"]),
    ],
)
def test_what_is_not_known_is_reported(text: str, expected: list[str]) -> None:
    assert codes(judged(text, SCOPE)[1]) == expected


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("input.note == null ? 'none' : input.note", "string"),
        ("input.risk != 'none' ? input.risk : 'low'", '"low" | "high"'),
        ("input.risk in ['low', 'high'] ? input.risk : 'low'", '"low" | "high"'),
        ("input.level == 1 ? input.level : 3", "int"),
        ("type(input.any) == int ? input.any : 1", "int"),
        ("has(input.times) ? input.times : 0", "int"),
        ("input.pay.kind == 'cash' ? [input.pay] : []", "list(object)"),
    ],
)
def test_types_after_conditions(text: str, type_: str) -> None:
    checked, found = judged(text, SCOPE)
    assert found == ()
    assert display(checked.type) == type_
