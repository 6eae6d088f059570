"""Trees written back as text: the text parses to the same tree, and looks like an author's."""

from random import Random
from typing import Any

import pytest

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.ast import (
    COERCE,
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.rewriting import rewritten
from dagnats.expr.syntax.parser import Origin, parse_expression, parse_template_text
from dagnats.expr.syntax.unparse import shortened, unparse, unparse_template
from dagnats.ir.expressions import EXPRESSION_LEVELS_MAX
from tests.expr.sentences import sentence
from tests.expr.trees import Trees

pytestmark = pytest.mark.slow

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)


def parsed(text: str) -> Expr:
    sink = Sink()
    found = parse_expression(text, ORIGIN, sink)
    assert found is not None, (text, [d.message for d in sink.sorted()])
    return found.expr


def exact(expr: Expr) -> str:
    """A tree so that equal means the same, Python's `True == 1` aside; ids are left out."""
    match expr:
        case Literal(value=value):
            return f"{type(value).__name__} {value!r}"
        case Ident(name=name):
            return f"ident {name}"
        case Select():
            return f"({exact(expr.operand)}).{expr.field!r} {expr.optional} {expr.test}"
        case Call():
            owner = "" if expr.target is None else exact(expr.target)
            return f"{expr.function}<{owner}>({', '.join(map(exact, expr.args))})"
        case ListOf():
            return f"[{', '.join(map(exact, expr.items))}]{expr.optional}"
        case MapOf():
            return f"{{{[(exact(k), exact(v)) for k, v in expr.entries]}}}{expr.optional}"
        case Comprehension():
            guard = None if expr.guard is None else exact(expr.guard)
            names = f"{expr.variable} {expr.second}"
            return f"{expr.macro} {names} {exact(expr.over)} {guard} {exact(expr.body)}"


def spoken(expr: Expr) -> Expr:
    """A tree as text can say it: see `unparse`."""
    match expr:
        case Literal(value=float() as value) if value != value or abs(value) == float("inf"):
            return Call("double", (Literal(str(value)),))
        case Literal(value=int() as value) if not -(2**63) <= value < 2**64:
            return Literal(0)
        case Call(function=name, args=(inner,)) if name == COERCE:
            return spoken(inner)
        case Call(function=name, args=args, target=None) if name == INTERPOLATE:
            parts = [
                part
                if isinstance(part, Literal) and isinstance(part.value, str)
                else Call("string", (spoken(part),))
                for part in args
            ]
            whole = parts[0]
            for part in parts[1:]:
                whole = Call("_+_", (whole, part))
            return whole
        case Call(function=name, args=args, target=None) if "." in name:
            namespace, _, bare = name.rpartition(".")
            return Call(bare, tuple(map(spoken, args)), Ident(namespace))
        case Call(function=name, args=args, target=target):
            return Call(name, tuple(map(spoken, args)), None if target is None else spoken(target))
        case Select():
            return Select(spoken(expr.operand), expr.field, expr.optional, expr.test)
        case ListOf():
            return ListOf(tuple(map(spoken, expr.items)), expr.optional)
        case MapOf():
            entries = tuple((spoken(key), spoken(value)) for key, value in expr.entries)
            return MapOf(entries, expr.optional)
        case Comprehension(over=over, body=body, guard=guard):
            kept = None if guard is None else spoken(guard)
            return Comprehension(
                expr.macro, spoken(over), expr.variable, spoken(body), kept, expr.second
            )
        case _:
            return expr


@pytest.mark.parametrize("seed", range(600))
def test_a_sentence_written_back_is_the_same_tree(seed: int) -> None:
    rng = Random(seed)
    tree = parsed(sentence(rng, rng.randint(1, 30)))
    assert exact(parsed(unparse(tree))) == exact(tree)


@pytest.mark.parametrize("seed", range(600))
def test_any_tree_written_is_read_as_itself(seed: int) -> None:
    tree = Trees(Random(seed)).any(5)
    assert exact(parsed(unparse(tree))) == exact(spoken(tree))


@pytest.mark.parametrize(
    "text",
    [
        "a || b || c && d",
        "(a || b) || c",
        "(a || b) && !c",
        "a - (b - c) - d",
        "(a < b) == (c < d)",
        "a < b == (c < d)",
        "a ? b : c ? d : e",
        "a ? (b ? c : d) : e",
        "!(a && b) || !!c",
        "-(-a).f()",
        "-(1)",
        "a - -1",
        "(-1).f()",
        "-9223372036854775808",
        '.input.?name.orValue("x")',
        "has(steps.a.output)",
        "steps.`a-b`.output.while",
        'steps["a"][?0]',
        '[?a, 1.5, 2u, b"\\xff", "\\"\\\\\\n"]',
        '{"a": 1, ?b: c}',
        '"x" in {"x": 1}',
        "xs.filter(x, x > 1).map(x, x.ok, x.name)",
        "xs.transformMap(i, x, i > 0, x)",
        "cel.bind(x, 1 + 2, x * x)",
        "cel.block([a, cel.index(0)], cel.index(1))",
        "xs.map(cel.iterVar(0, 0), cel.iterVar(0, 0))",
        "math.greatest(a, b)",
        "(1.5).f()",
    ],
)
def test_the_text_is_an_authors(text: str) -> None:
    tree = parsed(text)
    assert unparse(tree) == text.replace("(a < b) == (c < d)", "a < b == (c < d)")


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (Literal({"a": [1, -2.0, None]}), '{"a": [1, -2.0, null]}'),
        (Call(COERCE, (Ident("a"),)), "a"),
        (Call("_*_", (Call(COERCE, (parsed("a + b"),)), Ident("c"))), "(a + b) * c"),
        (Select(Ident("a"), "ü"), 'a["ü"]'),
        (Select(Ident("a"), "ü", optional=True), 'a[?"ü"]'),
        (Select(Ident("a"), "ü", test=True), '"ü" in a'),
        (Call("math.abs", (Ident("a"),)), "math.abs(a)"),
        (Call("-_", (Call(COERCE, (Literal(1),)),)), "-(1)"),
        (Call("_&&_", (Ident("a"),)), "_&&_(a)"),
    ],
)
def test_what_no_text_says_is_written_as_what_means_the_same(expr: Expr, text: str) -> None:
    assert unparse(expr) == text


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "$${{ kept }}",
        "${{ a + 1 }}",
        "x ${{ a }} y ${{ {'k': {'l': 1}} }}",
        "${{ a + '}}' }}$${{",
        "${{ a }}${{ b }}",
        "a${{ 'b' }}c",
    ],
)
def test_a_template_written_back_is_the_same_tree(text: str) -> None:
    def read(written: str) -> Expr:
        found = parse_template_text(written, ORIGIN, Sink())
        assert found is not None
        return found.expr

    tree = read(text)
    written = unparse_template(tree)
    assert exact(read(written)) == exact(tree)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (
            MapOf(((Literal("a"), Ident("x")), (Literal("b"), Literal(1)))),
            {"a": "${{ x }}", "b": 1},
        ),
        (MapOf(((Literal("a"), Ident("x")),), (0,)), '${{ {?"a": x} }}'),
        (MapOf(((Ident("a"), Ident("x")),)), "${{ {a: x} }}"),
        (ListOf((Ident("a"), Literal({"k": "${{"}))), ["${{ a }}", {"k": "$${{"}]),
        (Literal(b"x"), '${{ b"x" }}'),
    ],
)
def test_values_keep_their_structure(expr: Expr, value: Any) -> None:
    assert unparse_template(expr) == value


def test_a_text_is_shortened_to_one_line() -> None:
    assert shortened("a\n  b", 9) == "a b"
    assert shortened("x" * 20, 9) == "x" * 8 + "…"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tree: Call("_||_", (tree, Ident("a"))),
        lambda tree: Call("!_", (tree,)),
        lambda tree: Call("f", (tree,)),
        lambda tree: Call("f", (), tree),
        lambda tree: Call("_?_:_", (Ident("a"), Ident("b"), tree)),
        lambda tree: ListOf((tree,)),
        lambda tree: MapOf(((Literal("k"), tree),)),
        lambda tree: Select(tree, "f", test=True),
        lambda tree: Comprehension("map", Ident("a"), "x", tree),
        lambda tree: Comprehension("bind", Ident("a"), "x", tree),
    ],
)
def test_trees_as_deep_as_a_program_may_have_them_are_written(wrap: Any) -> None:
    tree: Expr = Ident("a")
    for _ in range(EXPRESSION_LEVELS_MAX):
        tree = wrap(tree)
    assert unparse(tree)
    assert unparse_template(tree)
    # As text: Python compares nested dataclasses with a frame or more a level.
    assert unparse(rewritten(tree, lambda node: node)) == unparse(tree)


def test_a_rewriting_reaches_every_part() -> None:
    text = "[a.b(c, {d: e})[f], has(g.x), h.map(i, j, k + l), cel.bind(m, n, o)]"
    found = rewritten(parsed(text), lambda node: Ident("z") if isinstance(node, Ident) else node)
    assert unparse(found) == (
        "[z.b(z, {z: z})[z], has(z.x), z.map(i, z, z + z), cel.bind(m, z, z)]"
    )
