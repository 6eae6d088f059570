import math
from pathlib import Path

import pytest

from dagnats.diagnostics.diagnostic import Position, Sink, Span
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
from dagnats.expr.kinds import Uint
from dagnats.expr.syntax import _grammar, generate
from dagnats.expr.syntax.parser import (
    EXPRESSION_CHARS_MAX,
    EXPRESSION_DEPTH_MAX,
    MISTAKES_MAX,
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


def over(macro, *parts, guard=None, second=None):
    return Comprehension(macro, A, *parts, guard, second)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a || b && c", call("_||_", A, call("_&&_", B, C))),
        ("a && b && c", call("_&&_", A, B, C)),
        ("a || b || c", call("_||_", A, B, C)),
        ("a && (b && c)", call("_&&_", A, call("_&&_", B, C))),
        ("(a && b) && c", call("_&&_", call("_&&_", A, B), C)),
        ("a ? b : c", call("_?_:_", A, B, C)),
        ("a ? b : c ? a : b", call("_?_:_", A, B, call("_?_:_", C, A, B))),
        ("a ?.b:c", call("_?_:_", A, Ident(".b"), C)),
        ("a + b * c", call("_+_", A, call("_*_", B, C))),
        ("a - b - c", call("_-_", call("_-_", A, B), C)),
        ("a / b % c", call("_%_", call("_/_", A, B), C)),
        ("a < b == c", call("_==_", call("_<_", A, B), C)),
        ("a <= b", call("_<=_", A, B)),
        ("a >= b", call("_>=_", A, B)),
        ("a > b != c", call("_!=_", call("_>_", A, B), C)),
        ("a in b", call("@in", A, B)),
        ("a in b in c", call("@in", call("@in", A, B), C)),
        ("!!a", call("!_", call("!_", A))),
        ("-a", call("-_", A)),
        ("--a", call("-_", call("-_", A))),
        ("!(-a)", call("!_", call("-_", A))),
        ("a--b", call("_-_", A, call("-_", B))),
        ("a.b", Select(A, "b")),
        ("a.?b", Select(A, "b", optional=True)),
        ("a . ? b", Select(A, "b", optional=True)),
        ("a.`b-c`", Select(A, "b-c")),
        ("a.?`b.c/d e`", Select(A, "b.c/d e", optional=True)),
        ("a.while.loop", Select(Select(A, "while"), "loop")),
        ("a[b]", call("_[_]", A, B)),
        ("a[?b]", call("_[?_]", A, B)),
        ("a[b].c[?0]", call("_[?_]", Select(call("_[_]", A, B), "c"), Literal(0))),
        ("has(a.b)", Select(A, "b", test=True)),
        ("has(a.`b-c`)", Select(A, "b-c", test=True)),
        ("has(a.b.c)", Select(Select(A, "b"), "c", test=True)),
        ("has(a.?b.c)", Select(Select(A, "b", optional=True), "c", test=True)),
        ("a.b()", Call("b", (), A)),
        ("a.b(c)", Call("b", (C,), A)),
        ("a.as(c)", Call("as", (C,), A)),
        ("f()", call("f")),
        ("f(a, b)", call("f", A, B)),
        (".a", Ident(".a")),
        (".a.b", Select(Ident(".a"), "b")),
        (".f(a)", call(".f", A)),
        ("math.greatest(a)", Call("greatest", (A,), Ident("math"))),
        ("loop.state", Select(Ident("loop"), "state")),
        ("[]", ListOf(())),
        ("[,]", ListOf(())),
        ("[a, ?b,]", ListOf((A, B), (1,))),
        ("{}", MapOf(())),
        ("{,}", MapOf(())),
        ("{'k': a, ?'l': b}", MapOf(((Literal("k"), A), (Literal("l"), B)), (1,))),
        ("{a: b ? c : a,}", MapOf(((A, call("_?_:_", B, C, A)),))),
        ("a // and so on", A),
        ("// first\n a\t\r\n\f+ // second\n b", call("_+_", A, B)),
        ("'// no comment'", Literal("// no comment")),
        ("[[a]][0]", call("_[_]", ListOf((ListOf((A,)),)), Literal(0))),
        ("true", Literal(True)),
        ("null", Literal(None)),
        ("truest", Ident("truest")),
        ("a.f(x.in_)", Call("f", (Select(Ident("x"), "in_"),), A)),
        ("inn", Ident("inn")),
    ],
)
def test_text_becomes_the_tree_cel_gives_it(text, tree):
    assert parse(text).expr == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("-1", -1),
        ("- 1", -1),
        ("0xFF", 255),
        ("-0xff", -255),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("-0x8000000000000000", -(2**63)),
        ("1u", Uint(1)),
        ("0x1FU", Uint(31)),
        ("18446744073709551615u", Uint(2**64 - 1)),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("-.5E-1", -0.05),
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("1e-999", 0.0),
        ("-0.0", -0.0),
        ('""', ""),
        ("''", ""),
        ('"it\'s"', "it's"),
        ("'say \"no\"'", 'say "no"'),
        (r'"\u00e9\n\x41\101"', "é\nAA"),
        (r'"\a\b\f\n\r\t\v\\\?\"\'\`"', "\a\b\f\n\r\t\v\\?\"'`"),
        (r"'\X4a\xff\377\000'", "J\xff\xff\0"),
        (r"'\U0001F600😀'", "😀😀"),
        (r"r'\d'", "\\d"),
        (r'R"\"', "\\"),
        ("'''a\n'b'''", "a\n'b"),
        ('"""a"b\\"""" ""', None),
        ('"""\\"""x"""', '"""x'),
        ("r'''\\'''", "\\"),
        ('R"""a\r\nb"""', "a\r\nb"),
        ("b''", b""),
        ("b'é'", b"\xc3\xa9"),
        (r"B'\xff\377\n'", b"\xff\xff\n"),
        ("b'\\101é\\`'", b"A\xc3\xa9`"),
        (r"br'\xff'", b"\\xff"),
        (r'BR"\n"', b"\\n"),
        ('b"""a\n"b"""', b'a\n"b'),
        ("bR'''a\n'b'''", b"a\n'b"),
    ],
)
def test_a_literal_has_its_value(text, value):
    if value is None:
        mistake(text)
        return
    literal = parse(text).expr
    assert literal == Literal(value)
    assert type(literal.value) is type(value)
    assert not isinstance(value, float) or math.copysign(1, value) == math.copysign(
        1, literal.value
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-1.f()", Call("f", (), Literal(-1))),
        ("-1.5.f", Select(Literal(-1.5), "f")),
        ("-1[0]", call("_[_]", Literal(-1), Literal(0))),
        ("-1.map(x, x)", Comprehension("map", Literal(-1), "x", Ident("x"))),
        ("-1.a[?b].f()", Call("f", (), call("_[?_]", Select(Literal(-1), "a"), B))),
        ("--1.f()", call("-_", Call("f", (), Literal(-1)))),
        ("-(1)", call("-_", Literal(1))),
        ("-(1).f()", call("-_", Call("f", (), Literal(1)))),
        ("-a.f(1)", call("-_", Call("f", (Literal(1),), A))),
        ("-1u", call("-_", Literal(Uint(1)))),
        ("--1", call("-_", Literal(-1))),
        ("1-1", call("_-_", Literal(1), Literal(1))),
        ("-[1]", call("-_", ListOf((Literal(1),)))),
        ("-f(1)", call("-_", call("f", Literal(1)))),
    ],
)
def test_a_sign_belongs_to_the_number_behind_it(text, tree):
    assert parse(text).expr == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a.all(x, b)", over("all", "x", B)),
        ("a.exists(x, b)", over("exists", "x", B)),
        ("a.exists_one(x, b)", over("exists_one", "x", B)),
        ("a.existsOne(x, b)", over("exists_one", "x", B)),
        ("a.filter(x, b)", over("filter", "x", B)),
        ("a.map(x, b)", over("map", "x", B)),
        ("a.map(x, b, c)", over("map", "x", C, guard=B)),
        ("a.map((x), b)", over("map", "x", B)),
        ("a.sortBy(x, b)", over("sortBy", "x", B)),
        ("a.all(i, x, b)", over("all", "i", B, second="x")),
        ("a.exists(i, x, b)", over("exists", "i", B, second="x")),
        ("a.exists_one(i, x, b)", over("exists_one", "i", B, second="x")),
        ("a.existsOne(i, x, b)", over("exists_one", "i", B, second="x")),
        ("a.transformList(i, x, b)", over("transformList", "i", B, second="x")),
        ("a.transformList(i, x, b, c)", over("transformList", "i", C, guard=B, second="x")),
        ("a.transformMap(i, x, b)", over("transformMap", "i", B, second="x")),
        ("a.transformMap(i, x, b, c)", over("transformMap", "i", C, guard=B, second="x")),
        ("a.transformMapEntry(i, x, b)", over("transformMapEntry", "i", B, second="x")),
        (
            "a.transformMapEntry(i, x, b, c)",
            over("transformMapEntry", "i", C, guard=B, second="x"),
        ),
        ("a.optMap(x, b)", over("optMap", "x", B)),
        ("a.optFlatMap(x, b)", over("optFlatMap", "x", B)),
        ("a.optMap(__result__, b)", over("optMap", "__result__", B)),
        ("cel.bind(x, a, b)", over("bind", "x", B)),
        ("cel.iterVar(0, 1)", Ident("@it:0:1")),
        ("cel.accuVar(2, 0)", Ident("@ac:2:0")),
        ("a.map(cel.iterVar(0, 0), b)", over("map", "@it:0:0", B)),
        ("cel.block([], a)", A),
        (
            "cel.block([a, cel.index(0)], cel.index(1))",
            over("bind", "@index0", Comprehension("bind", Ident("@index0"), "@index1",
                                                  Ident("@index1"))),
        ),
        (
            "cel.block([a], cel.block([cel.index(0)], b)) + c",
            None,
        ),
        # With another number of arguments they are methods like any other.
        ("a.filter(b)", Call("filter", (B,), A)),
        ("a.filter(b, c, a)", Call("filter", (B, C, A), A)),
        ("a.all()", Call("all", (), A)),
        ("a.map(a, b, c, a)", Call("map", (A, B, C, A), A)),
        ("a.bind(b, c, a)", Call("bind", (B, C, A), A)),
        ("cel.bind(b, c)", Call("bind", (B, C), Ident("cel"))),
        ("cel.other(b)", Call("other", (B,), Ident("cel"))),
        ("all(a, b)", call("all", A, B)),
    ],
)  # fmt: skip
def test_macros(text, tree):
    if tree is None:
        assert "refers to no value" in mistake(text).message
    else:
        assert parse(text).expr == tree


def test_without_macros_every_call_is_an_ordinary_one():
    parsed = parse_expression("has(a.b) && a.all(b, c)", ORIGIN, Sink(), macros=False)
    assert parsed.expr == call("_&&_", call("has", Select(A, "b")), Call("all", (B, C), A))


def test_ids_count_from_the_first_and_each_has_a_place():
    sink = Sink()
    parsed = parse_expression("a.b +\n  c", ORIGIN, sink, first_id=10)
    places = {type(n).__name__: parsed.spans[n.id] for n in walk(parsed.expr)}
    assert min(n.id for n in walk(parsed.expr)) == 10
    assert places["Select"] == Span(Position(0, 1, 1), Position(3, 1, 4))
    assert places["Ident"] == Span(Position(8, 2, 3), Position(9, 2, 4))
    assert places["Call"] == Span(Position(0, 1, 1), Position(9, 2, 4))


@pytest.mark.parametrize(
    ("text", "pick", "shown"),
    [
        ("a && (b) && c", "_&&_", "a && (b) && c"),
        ("(a + b) * c", "_+_", "a + b"),
        ("(a + b) * c", "_*_", "(a + b) * c"),
        ("x + -1.f()", "f", "-1.f()"),
        ("x + -1.f()", -1, "-1"),
        ("x + - 1", -1, "- 1"),
        ("!has( a.b )", "b", "has( a.b )"),
        (" a . ?b ", "b", "a . ?b"),
        ("[a, a.map( x , x)]", "map", "a.map( x , x)"),
        ("cel.bind(x, 1, b)", "bind", "cel.bind(x, 1, b)"),
        ("1 + cel.block([a], b)", "bind", "cel.block([a], b)"),
        ("c || cel.iterVar(0, 0)", "@it:0:0", "cel.iterVar(0, 0)"),
        ("c || .a", ".a", ".a"),
        ("a ? b : 'x' ", "x", "'x'"),
        ("a[ b ]", "_[_]", "a[ b ]"),
    ],
)
def test_each_node_stands_where_it_is_written(text, pick, shown):
    parsed = parse(text)
    named = ("function", "field", "macro", "name", "value")
    (node,) = [n for n in walk(parsed.expr) if pick in [getattr(n, key, None) for key in named]]
    span = parsed.spans[node.id]
    assert text[span.start.offset : span.end.offset] == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.all( x, b)", "x"),
        ("a.all(i, x , b)", "i, x"),
        ("cel.bind(x, a, b)", "x"),
    ],
)
def test_the_variables_of_a_macro_have_a_place(text, shown):
    parsed = parse(text)
    span = parsed.spans[-parsed.expr.id]
    assert text[span.start.offset : span.end.offset] == shown


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
    ("text", "tree"),
    [
        ("plain", Literal("plain")),
        ("", Literal("")),
        ("${{ a }}", A),
        ("${{a}}${{b}}", call(INTERPOLATE, A, B)),
        ("x ${{ a }} y", call(INTERPOLATE, Literal("x "), A, Literal(" y"))),
        ("$${{ a }}", Literal("${{ a }}")),
        ("$${{ ${{ a }}", call(INTERPOLATE, Literal("${{ "), A)),
        ("$$${{ a }}", Literal("$${{ a }}")),
        ("${{ '}}' }}", Literal("}}")),
        ("${{ '${{' }}", Literal("${{")),
        (r"${{ r'\' }}", Literal("\\")),
        ("${{ '''it's }}''' }}", Literal("it's }}")),
        (r'${{ """\"}}""" }}', Literal('"}}')),
        (r"${{ br'}}\' }}", Literal(b"}}\\")),
        ("${{ {'a': {'b': c}} }}", MapOf(((Literal("a"), MapOf(((Literal("b"), C),))),))),
        ("${{ {'a': {'b': c}}}}", MapOf(((Literal("a"), MapOf(((Literal("b"), C),))),))),
        ("${{ {}}} {}", call(INTERPOLATE, MapOf(()), Literal(" {}"))),
        ("${{ a // note }} b", call(INTERPOLATE, A, Literal(" b"))),
        ("${{ a // note\n }}", A),
        ("${{ {'a': // }}\n b} }}", MapOf(((Literal("a"), B),))),
        ("${{\n a\n}}", A),
        ("costs $5 }}", Literal("costs $5 }}")),
    ],
)
def test_templates(text, tree):
    sink = Sink()
    parsed = parse_template_text(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    assert parsed.expr == tree


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x ${{ a", ["DN4005 ${{ a"]),
        ("x ${{ 'a", ["DN4005 ${{ 'a"]),
        ("${{ a b }} ${{ }} ${{ c d }}", ["DN4001 b", "DN4001  ", "DN4001 d"]),
        ("${{ '}}' + @ }} ${{ = }}", ["DN4001 @", "DN4001 ="]),
        ("${{ 'a }} ${{ b c }}", ["DN4001 'a ", "DN4001 c"]),
        ("${{ {'a': 1 }} ${{ b c }}", ["DN4001 {", "DN4001 c"]),
        ("${{ {{ a }} }}", ["DN4001 {{"]),
        ("${{ ${{ a }}", ["DN4001 ${{"]),
        ("${{ = }} ${{ a", ["DN4001 =", "DN4005 ${{ a"]),
        ("${{ = }}" * (MISTAKES_MAX + 5), ["DN4001 ="] * MISTAKES_MAX),
    ],
)
def test_each_mistake_of_a_template_is_told(text, found):
    sink = Sink()
    assert parse_template_text(text, ORIGIN, sink) is None
    assert found == [
        f"{d.code} {text[d.span.start.offset : d.span.end.offset]}" for d in sink.sorted()
    ]


def test_too_long_and_too_deep_are_findings():
    long = mistake("a" * (EXPRESSION_CHARS_MAX + 1))
    assert "longer than" in long.message
    assert "EXPRESSION_CHARS_MAX" in long.message
    for text in ("!" * EXPRESSION_DEPTH_MAX + "a", "a" + "[0]" * EXPRESSION_DEPTH_MAX):
        deep = mistake(text)
        assert "nested deeper" in deep.message
        assert "EXPRESSION_DEPTH_MAX" in deep.message
    parse("!" * (EXPRESSION_DEPTH_MAX - 1) + "a")
    parse("(" * 5_000 + "a" + ")" * 5_000)
    parse(" && ".join(["a"] * 3_000))


@pytest.mark.slow
def test_the_tables_are_those_of_the_grammar():
    assert Path(_grammar.__file__).read_text(encoding="utf-8") == generate.generate()
