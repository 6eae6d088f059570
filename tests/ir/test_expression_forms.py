"""Trees in their serialised form: what JSON cannot say has a form of its own."""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from dagnats import resources
from dagnats.diagnostics.diagnostic import NOWHERE, Sink
from dagnats.errors import BrokenError
from dagnats.expr.ast import Comprehension, Expr, Ident, Literal
from dagnats.expr.kinds import Uint
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.ir.expressions import ExprForm, decode, encode

_SCHEMA = json.loads(resources.read_text("schemas", "ir.schema.json"))
VALIDATOR = jsonschema_rs.Draft202012Validator(
    {"$defs": _SCHEMA["$defs"], "$ref": "#/$defs/expression"}
)


def shown(expr: Expr) -> Any:
    return msgspec.to_builtins(encode(expr))


def read(form: Any) -> Expr:
    return decode(msgspec.convert(form, ExprForm), "$.when")


def parsed(text: str) -> Expr:
    found = parse_expression(text, Origin(NOWHERE.start, NOWHERE, verbatim=True), Sink())
    assert found is not None
    return found.expr


@pytest.mark.parametrize(
    ("expr", "form"),
    [
        (Literal(1), {"kind": "literal", "value": 1}),
        (Literal(Uint(1)), {"kind": "uint", "value": "1"}),
        (Literal(Uint(2**64 - 1)), {"kind": "uint", "value": "18446744073709551615"}),
        (Literal(b""), {"kind": "bytes", "value": ""}),
        (Literal(b"\x00\xff"), {"kind": "bytes", "value": "AP8="}),
        (
            Comprehension("all", Ident("input"), "i", Literal(True), second="v"),
            {
                "kind": "comprehension",
                "macro": "all",
                "over": {"kind": "ident", "name": "input"},
                "variable": "i",
                "second": "v",
                "body": {"kind": "literal", "value": True},
            },
        ),
    ],
)
def test_a_tree_has_one_form_and_the_form_one_tree(expr: Expr, form: Any) -> None:
    assert shown(expr) == form
    back = read(form)
    assert back == expr
    if isinstance(expr, Literal):
        assert isinstance(back, Literal)
        assert type(back.value) is type(expr.value)
    assert VALIDATOR.is_valid(form)


@pytest.mark.parametrize(
    "text",
    [
        "has(a.b) && a.all(x, x > 1u)",
        "a.map(x, x > 1, x) == a.filter(x, x in [b'x'])",
        "a.exists(i, x, i == x) || a.exists_one(i, x, i == x) || a.existsOne(x, x)",
        "a.transformList(i, x, i > 0, x) == a.transformList(i, x, x)",
        "a.transformMap(k, v, k > 0, v) == a.transformMapEntry(k, v, k > 0, {v: k})",
        "cel.bind(x, 1, x.optMap(y, y).optFlatMap(z, z))",
        "a.sortBy(x, x.y)",
        "cel.block([1, cel.index(0)], a.map(cel.iterVar(0, 0), cel.index(1)))",
        ".a[?0].?b + {?'k': a}.`c-d` + [?x, .f(1)]",
    ],
)
def test_what_is_parsed_comes_back(text: str) -> None:
    expr = parsed(text)
    form = shown(expr)
    assert read(json.loads(json.dumps(form))) == expr
    assert VALIDATOR.is_valid(form)


def test_a_comprehension_without_a_second_variable_is_spelled_as_ever() -> None:
    assert "second" not in shown(parsed("a.all(x, true)"))


@pytest.mark.parametrize("digits", ["", "-1", "01", "1.0", "18446744073709551616", "٣", "1u"])
def test_a_uint_is_its_digits(digits: str) -> None:
    with pytest.raises(BrokenError, match=r"at \$\.when: a uint is digits"):
        read({"kind": "uint", "value": digits})


@pytest.mark.parametrize("text", ["AP8", "AP8=\n", "A", "AP9=", "é", "AP8=AP8="])
def test_bytes_have_one_spelling(text: str) -> None:
    with pytest.raises(BrokenError, match="base64"):
        read({"kind": "bytes", "value": text})
