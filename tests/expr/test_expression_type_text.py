"""Types as CEL writes them."""

import pytest

from dagnats.expr.type_text import TypeTextError, cel_name, parse_type
from dagnats.expr.types import (
    BOOL,
    CIDR,
    DURATION,
    DYN,
    FREE,
    INT,
    IP,
    NULL,
    POISON,
    STRING,
    TIMESTAMP,
    UINT,
    Abstract,
    Enum,
    List,
    Map,
    Object,
    Optional,
    Param,
    TypeOf,
    Union,
)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("int", INT),
        ("null_type", NULL),
        ("list(int)", List(INT)),
        ("map(string, list(int))", Map(List(INT))),
        ("map(int,dyn)", Map(DYN, INT)),
        (" optional_type( uint ) ", Optional(UINT)),
        ("type(int)", TypeOf(INT)),
        ("tuple(T, U, V)", Abstract("tuple", (Param("T"), Param("U"), Param("V")))),
        ("google.protobuf.Timestamp", TIMESTAMP),
        ("timestamp", TIMESTAMP),
        ("google.protobuf.Duration", DURATION),
        ("net.IP", IP),
        ("net.CIDR", CIDR),
        ("my.own", Abstract("my.own")),
        ("A", Param("A")),
    ],
)
def test_reading(text, type_):
    assert parse_type(text) == type_
    assert parse_type(cel_name(type_)) == type_


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Enum(("a",)), "string"),
        (Enum((1,)), "int"),
        (Enum((True,)), "bool"),
        (Union((INT, STRING)), "dyn"),
        (Union((INT, NULL)), "dyn"),
        (Union((Optional(INT), NULL)), "optional_type(int)"),
        (List(Union((INT, STRING))), "list(dyn)"),
        (Object({"a": (INT, True), "b": (STRING, True)}), "map(string, dyn)"),
        (Object({"a": (INT, True)}, closed=False), "map(string, dyn)"),
        (Object({"a": (INT, True)}, made=True), "map(string, int)"),
        (List(FREE), "list(dyn)"),
        (POISON, "dyn"),
        (TypeOf(DYN), "type"),
        (TIMESTAMP, "timestamp"),
        (Map(BOOL, INT), "map(int, bool)"),
    ],
)
def test_writing(type_, text):
    assert cel_name(type_) == text


@pytest.mark.parametrize(
    "text",
    ["", "list(", "list(int", "list()", "list(int, int)", "map(int)", "int)", "int int", "a$", "(",
     "list(" * 100 + "int" + ")" * 100],
)  # fmt: skip
def test_what_is_no_type(text):
    with pytest.raises(TypeTextError):
        parse_type(text)
