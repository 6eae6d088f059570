from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr import _grammar, generate
from dagnats.expr.ast import (
    INTERPOLATE,
    Call,
    Comprehension,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
    walk,
)
from dagnats.expr.parser import (
    EXPRESSION_CHARS_MAX,
    EXPRESSION_DEPTH_MAX,
    Origin,
    parse_expression,
    parse_template_text,
)

START = Position(0, 1, 1)
ORIGIN = Origin(START, Span(START, Position(9, 1, 10)), verbatim=True)
A, B, C = Ident("a"), Ident("b"), Ident("c")


def call(function, *args):
    return Call(function, args)


def parse(text):
    sink = Sink()
    parsed = parse_expression(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    assert not sink.has_errors
    return parsed


def mistake(text, parser=parse_expression):
    sink = Sink()
    assert parser(text, ORIGIN, sink) is None
    (found,) = sink.sorted()
    return found


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a || b && c", call("_||_", A, call("_&&_", B, C))),
        ("a && b && c", call("_&&_", A, B, C)),
        ("a && (b && c)", call("_&&_", A, call("_&&_", B, C))),
        ("a ? b : c", call("_?_:_", A, B, C)),
        ("a ? b : c ? a : b", call("_?_:_", A, B, call("_?_:_", C, A, B))),
        ("a + b * c", call("_+_", A, call("_*_", B, C))),
        ("a - b - c", call("_-_", call("_-_", A, B), C)),
        ("a == b", call("_==_", A, B)),
        ("a in b", call("@in", A, B)),
        ("!!a", call("!_", call("!_", A))),
        ("-a", call("-_", A)),
        ("-1", Literal(-1)),
        ("-9223372036854775808", Literal(-(2**63))),
        ("0xFF", Literal(255)),
        ("1.5e3", Literal(1500.0)),
        ("true", Literal(True)),
        ("null", Literal(None)),
        (r'"\u00e9\n\x41\101"', Literal("é\nAA")),
        (r"r'\d'", Literal("\\d")),
        ("'''a\n'b'''", Literal("a\n'b")),
        ("a.b", Select(A, "b")),
        ("a.?b", Select(A, "b", optional=True)),
        ("a.`b-c`", Select(A, "b-c")),
        ("a.in", None),
        ("a[b]", call("_[_]", A, B)),
        ("a[?b]", call("_[?_]", A, B)),
        ("has(a.b)", Select(A, "b", test=True)),
        ("a.b(c)", Call("b", (C,), A)),
        ("f(a, b)", call("f", A, B)),
        ("[a, ?b,]", ListOf((A, B), (1,))),
        ("{'k': a, ?'l': b}", MapOf(((Literal("k"), A), (Literal("l"), B)), (1,))),
        ("a.all(b, c)", Comprehension("all", A, "b", C)),
        ("a.map(b, c, b)", Comprehension("map", A, "b", B, C)),
        ("a // and so on", A),
    ],
)
def test_text_becomes_the_tree_cel_gives_it(text, tree):
    if tree is None:
        mistake(text)
    else:
        assert parse(text).expr == tree


def test_ids_count_from_the_first_and_each_has_a_place():
    sink = Sink()
    parsed = parse_expression("a.b +\n  c", ORIGIN, sink, first_id=10)
    places = {type(n).__name__: parsed.spans[n.id] for n in walk(parsed.expr)}
    assert min(n.id for n in walk(parsed.expr)) == 10
    assert places["Select"] == Span(Position(0, 1, 1), Position(3, 1, 4))
    assert places["Ident"] == Span(Position(8, 2, 3), Position(9, 2, 4))
    assert places["Call"] == Span(Position(0, 1, 1), Position(9, 2, 4))


def test_places_are_those_of_the_file():
    origin = Origin(Position(40, 3, 8), ORIGIN.span, verbatim=True)
    parsed = parse_template_text("n: ${{ a }}", origin, Sink())
    node = parsed.expr.args[1]
    assert parsed.spans[node.id] == Span(Position(47, 3, 15), Position(48, 3, 16))


def test_without_a_verbatim_text_everything_is_at_the_whole():
    origin = Origin(Position(40, 3, 8), ORIGIN.span, verbatim=False)
    parsed = parse_expression("a + b", origin, Sink())
    assert set(parsed.spans.values()) == {ORIGIN.span}


@pytest.mark.parametrize(
    ("text", "message", "columns", "help_"),
    [
        ("", "the expression is empty", (1, 1), "input.name"),
        ("a and b", "`and` is no operator", (3, 6), "`&&`"),
        ("a or b", "`or` is no operator", (3, 5), "`||`"),
        ("not a", "`not` is no operator", (1, 4), "`!`"),
        ("a = b", "`=` is no operator", (3, 4), "`==`"),
        ("a === b", "`===` is no operator", (3, 6), "`==`"),
        ("a & b", "`&` is no operator", (3, 4), "`&&`"),
        ("a | b", "`|` is no operator", (3, 4), "`||`"),
        ("(a + b", "`(` is never closed", (1, 2), "`)`"),
        ("a + [1, 2", "`[` is never closed", (5, 6), "`]`"),
        ('a == "b', "the string is never closed", (6, 8), '`"`'),
        ("a +", "the expression ends where a value is missing", (3, 4), "a value"),
        ("a b", "`b` cannot stand here", (3, 4), "an operator"),
        ("a @ b", "`@` has no meaning in an expression", (3, 4), None),
        ('"\\q"', "there is no escape `\\q`", (2, 4), "backslash"),
        ("1u", "there are no unsigned numbers: JSON has none", (1, 3), "`1`"),
        ("b'x'", "there are no bytes: JSON has none", (1, 5), "`'x'`"),
        ("1e999", "the number is too large for a double", (1, 6), None),
        ("has(a)", "`has` takes one field to look for", (1, 7), "has(value.field)"),
        ("a.all(1, b)", "the first argument of `all` is a new name", (7, 8), "x"),
        ("while + 1", "`while` is a reserved word", (1, 6), "another name"),
        (
            "9223372036854775808",
            "the integer `9223372036854775808` does not fit in 64 bits",
            (1, 20),
            "double",
        ),
    ],
)
def test_a_mistake_is_named_at_its_place_with_what_to_write(text, message, columns, help_):
    found = mistake(text)
    assert found.code == "DN4001"
    assert found.message == message
    assert (found.span.start.column, found.span.end.column) == columns
    assert help_ is None or help_ in found.help


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("plain", Literal("plain")),
        ("", Literal("")),
        ("${{ a }}", A),
        ("${{a}}${{b}}", call(INTERPOLATE, A, B)),
        ("x ${{ a }} y", call(INTERPOLATE, Literal("x "), A, Literal(" y"))),
        ("$${{ a }}", Literal("${{ a }}")),
        ("$${{ ${{ a }}", call(INTERPOLATE, Literal("${{ "), A)),
        ("${{ '}}' }}", Literal("}}")),
        ("${{ {'a': {'b': c}} }}", None),
        ("costs $5 }}", Literal("costs $5 }}")),
    ],
)
def test_templates(text, tree):
    sink = Sink()
    parsed = parse_template_text(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    assert parsed.expr == tree if tree else isinstance(parsed.expr, MapOf)


def test_an_unclosed_template_says_so():
    assert mistake("x ${{ a", parse_template_text).code == "DN4005"


def test_too_long_and_too_deep_are_findings():
    assert "longer than" in mistake("a" * (EXPRESSION_CHARS_MAX + 1)).message
    assert "nested deeper" in mistake("!" * EXPRESSION_DEPTH_MAX + "a").message
    parse("(" * 5_000 + "a" + ")" * 5_000)
    parse(" && ".join(["a"] * 1_000))


def test_the_tables_are_those_of_the_grammar():
    assert Path(_grammar.__file__).read_text(encoding="utf-8") == generate.generate()


@given(st.text(alphabet="ab.?:[](){}+-!&|=<>\"'\\\n ,0123xu`$/eE%", max_size=40))
def test_any_text_parses_or_is_a_finding(text):
    for parser in (parse_expression, parse_template_text):
        sink = Sink()
        assert (parser(text, ORIGIN, sink) is None) == sink.has_errors
        assert all(0 <= d.span.start.offset <= d.span.end.offset for d in sink.sorted())
