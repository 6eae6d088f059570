"""What names with dots mean, in a container, and where variables of macros hide them."""

import pytest

from dagnats.diagnostics.diagnostic import Sink
from dagnats.expr.ast import Call, Ident, Select, walk
from dagnats.expr.checking.resolve import resolve
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.syntax.parser import parse_expression
from tests.expr.checking import ORIGIN

VARIABLES = {"a", "a.b", "a.b.c.d", "x", "p.a", "p.q.y", "p.q.a.b.e", "y", "p.q.x.z"}


@pytest.mark.parametrize(
    ("text", "container", "names"),
    [
        ("a", "", ["a"]),
        ("a.b", "", ["a.b"]),
        ("a.b.c", "", ["a.b .c"]),
        ("a.b.c.d", "", ["a.b.c.d"]),
        ("a.b.c.d.e", "", ["a.b.c.d .e"]),
        ("a.?b", "", ["a .?b"]),
        ("a.b.?c", "", ["a.b .?c"]),
        ("has(a.b)", "", ["a has b"]),
        ("has(a.b.c)", "", ["a.b has c"]),
        ("a", "p", ["p.a"]),
        ("a", "p.q", ["p.a"]),
        ("y", "p.q", ["p.q.y"]),
        (".y", "p.q", ["y"]),
        (".a.b", "p.q", ["a.b"]),
        # The longest name counts before the innermost prefix.
        ("a.b", "p", ["a.b"]),
        ("a.b.e", "p.q", ["p.q.a.b.e"]),
        ("a.b.c.d", "p.q", ["a.b.c.d"]),
        ("nope.a", "p", ["nope .a"]),
        ("google.protobuf.Timestamp", "", ["google.protobuf.Timestamp"]),
        ("protobuf.Timestamp", "google", ["google.protobuf.Timestamp"]),
        ("IP", "net", ["net.IP"]),
        ("[1].map(y, y)", "p.q", ["y"]),
        ("[1].map(y, .y)", "p.q", [".y"]),
        ("[1].map(x, x.z)", "p.q", ["x .z"]),
        ("[1].map(a, a.b)", "", ["a .b"]),
        ("[1].map(a, .a.b)", "", [".a.b"]),
        ("[1].map(z, a.b + z)", "", ["a.b", "z"]),
        ("[a.b].map(a, 1)", "", ["a.b"]),
        ("[1].map(i, y, y)", "", ["y", "y"]),
        ("[1].map(q, [2].map(y, y + x))", "p.q", ["y", "x"]),
    ],
)
def test_names(text, container, names):
    expr = parse_expression(text, ORIGIN, Sink()).expr
    found = resolve(expr, VARIABLES, container, FUNCTIONS)
    inside = {node.operand for node in walk(found) if isinstance(node, Select)}
    read = [
        _written(node)
        for node in walk(found)
        if isinstance(node, Select | Ident) and node not in inside
    ]
    assert read == names
    assert {node.id for node in walk(found)} <= {node.id for node in walk(expr)}


def _written(node):
    if isinstance(node, Ident):
        return node.name
    word = "has " if node.test else ".?" if node.optional else "."
    before = _written(node.operand)
    return f"{before} {word}{node.field}"


@pytest.mark.parametrize(
    ("text", "container", "called"),
    [
        ("math.abs(1)", "", "math.abs"),
        ("abs(1)", "math", "math.abs"),
        (".math.abs(1)", "p", "math.abs"),
        ("size('a')", "p", "size"),
        ("[1].map(math, math.abs(1))", "", "abs"),
        ("x.size()", "", "size"),
    ],
)
def test_functions(text, container, called):
    expr = parse_expression(text, ORIGIN, Sink()).expr
    found = resolve(expr, VARIABLES, container, FUNCTIONS)
    (call,) = [node for node in walk(found) if isinstance(node, Call)]
    assert call.function == called
    assert (call.target is None) == ("." in called or text.startswith("size"))
