"""Which trees and types are the same: what is remarked about them besides does not count."""

import pytest

from dagnats.expr.ast import Call, Ident, Literal, Select
from dagnats.expr.types import INT, STRING, Enum, List, Map, Object, String, Union

SAME = [
    (Literal(1, 1), Literal(1, 2)),
    (Ident("a", 1), Ident("a", 2)),
    (Select(Ident("a", 1), "b", id=2), Select(Ident("a", 3), "b", id=4)),
    (Call("f", (Literal("x", 1),), None, 2), Call("f", (Literal("x", 3),), None, 4)),
    (String(3), STRING),
    (List(String(3), 4), List(STRING, 5)),
    (Map(INT, STRING, 4), Map(INT, String(2))),
    (Enum(("a",), True), Enum(("a",))),
    (Union((INT, String(1))), Union((INT, STRING))),
]
OTHER = [
    (Literal(1), Literal(2)),
    (Literal("a"), Ident("a")),
    (Ident("a"), Ident("b")),
    (Select(Ident("a"), "b"), Select(Ident("a"), "b", test=True)),
    (STRING, INT),
    (List(INT), List(STRING)),
    (List(INT), Map(INT)),
    (Map(INT), Map(INT, INT)),
    (Enum((True,)), Enum((1,))),
    (Enum(("a",)), STRING),
    (Object({}), Object({}, closed=False)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same(one: object, other: object) -> None:
    assert one == other
    assert not one != other  # noqa: SIM202 (both are asked)
    assert hash(one) == hash(other)
    assert {one, other} == {one}


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_others(one: object, other: object) -> None:
    assert one != other
    assert not one == other  # noqa: SIM201 (both are asked)


def test_what_a_map_display_is_for_does_not_count() -> None:
    assert Object({"a": (INT, True)}, made=True, defaults={"b": 1}) == Object({"a": (INT, True)})
    assert Object({"a": (INT, True)}) != Object({"a": (STRING, True)})
