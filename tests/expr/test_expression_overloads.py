"""Which overloads take what, and what macros, displays and optionals make of types."""

import pytest

from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.signatures import Function, Overload
from dagnats.expr.type_text import cel_name, parse_type
from dagnats.expr.types import DYN, display
from tests.expr.checking import codes, judged, scope_of

SCOPE = {
    **scope_of(
        input={
            "type": "object",
            "required": ["n", "d", "s", "ns", "ds", "m", "o", "flag"],
            "properties": {
                "n": {"type": "integer"},
                "d": {"type": "number"},
                "s": {"type": "string"},
                "ns": {"type": "array", "items": {"type": "integer"}},
                "ds": {"type": "array", "items": {"type": "number"}},
                "m": {"type": "object", "additionalProperties": {"type": "integer"}},
                "o": {
                    "type": "object",
                    "required": ["a"],
                    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
                },
                "flag": {"type": "boolean"},
                "q": {"type": "string"},
            },
        }
    ),
    "any": DYN,
}


def declared(name: str, result: str, *params: str) -> Function:
    return Function(
        name, "", lambda: None, (Overload(tuple(map(parse_type, params)), parse_type(result)),)
    )


OWN = FUNCTIONS | {
    function.name: function
    for function in (
        declared("fn", "string", "string", "int"),
        declared("tuple", "tuple(T, U, V)", "T", "U", "V"),
        declared("swap", "tuple(T, T, T)", "tuple(T, T, T)"),
        declared("pair", "map(K, list(V))", "K", "V"),
        declared("own.space.size", "uint", "list(A)"),
    )
}


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("true", "bool"),
        ("42u", "uint"),
        ("b'x'", "bytes"),
        ("null", "null_type"),
        ("[1]", "list(int)"),
        ("[]", "list(dyn)"),
        ("{}", "map(dyn, dyn)"),
        ("{'abc': 123}", "map(string, int)"),
        ("{'a': 1, 'b': 's'}", "map(string, dyn)"),
        ("{1: 'a', 2: 'b'}", "map(int, string)"),
        ("{true: 1u}", "map(bool, uint)"),
        ("{1: 'a', 'b': 2}", "map(dyn, dyn)"),
        ("['foo'][0]", "string"),
        ("{'abc': 123}['abc']", "int"),
        ("{1: 'a'}[1]", "string"),
        ("fn('abc', 123)", "string"),
        ("pair('a', 1)", "map(string, list(int))"),
        ("own.space.size([1])", "uint"),
        ("[[], [[]], [[[]]], [[[[]]]]]", "list(list(list(list(list(dyn)))))"),
        ("[[[[[]]]], [], [[[]]]]", "list(list(list(list(list(dyn)))))"),
        ("([] + [[1]] + [])[0]", "list(int)"),
        ("([].map(x, x))[0].foo", "dyn"),
        ("[optional.none(), optional.of(1)]", "list(optional_type(int))"),
        ("[optional.of(1), optional.none()]", "list(optional_type(int))"),
        ("[optional.of(dyn(1)), optional.of(1)]", "list(optional_type(dyn))"),
        ("any ? optional.of(dyn(1)) : optional.of(1)", "optional_type(dyn)"),
        ("[tuple(1, 2u, 3.0), tuple(dyn(1), dyn(2u), dyn(3.0))][0]", "tuple(dyn, dyn, dyn)"),
        ("swap(tuple(dyn(1), 2u, 3.0))", "tuple(dyn, dyn, dyn)"),
        ("tuple(1, 2u, 3.0) == tuple(1, dyn(2u), dyn(3.0))", "bool"),
        ("[optional.of(1), null][0]", "optional_type(int)"),
        ("[timestamp(0), null][0]", "timestamp"),
        ("[duration('1s'), null][0]", "duration"),
        ("[1, null][0]", "dyn"),
        ("[1, 'a']", "list(dyn)"),
        ("type(1)", "type(int)"),
        ("type(type(1)) == type", "bool"),
        ("int == type(1)", "bool"),
        ("google.protobuf.Timestamp == type(timestamp(0))", "bool"),
        ("timestamp(0) - timestamp(1)", "duration"),
        ("timestamp(0) + duration('1s')", "timestamp"),
        ("input.o", "map(string, dyn)"),
        ("any.x.y", "dyn"),
        ("any + 1", "dyn"),
        ("any > 1", "bool"),
        ("any[0].a.b", "dyn"),
    ],
)
def test_types_as_cel_has_them(text: str, type_: str) -> None:
    checked, found = judged(text, SCOPE, OWN)
    assert found == ()
    assert cel_name(checked.type) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("[1, 'a']", "list(int | string)"),
        ("[1, 2.0]", "list(int | double)"),
        ("input.n + input.d", "double"),
        ("input.n * 2.0 + input.n", "double"),
        ("[1, 2.0][0] + 1", "int | double"),
        ("math.greatest(1, input.n)", "int"),
        ("math.greatest(input.ns)", "int"),
        ("math.greatest(1, 2.0)", "int | double"),
        ("input.flag ? 1 : 's'", '"s" | int'),
        ("input.ns.first()", "optional(int)"),
        ("input.ns.first().orValue(0)", "int"),
        ("input.?q", "optional(string)"),
        ("input.?q.orValue('x')", "string"),
        ("input.?q.orValue(null)", "string | null"),
        ("input.?q.optMap(v, v.size())", "optional(int)"),
        ("input.?q.optFlatMap(v, optional.of(v.size()))", "optional(int)"),
        ("input.?q.or(optional.of('x')).value()", "string"),
        ("any.?a.?b.c", "optional(dyn)"),
        ("input.o.?b.orValue('')", "string"),
        ("optional.of({'a': 1}).a", "optional(int)"),
        ("optional.of([1])[0]", "optional(int)"),
        ("optional.of({'a': [1]}).?a[?0].value()", "int"),
        ("{'a': 1}.?b.hasValue()", "bool"),
        ("has({'a': 1}.b)", "bool"),
        ("null.?a.hasValue()", "bool"),
        ("{?'a': optional.of(1)}.a", "int"),
        ("[{'a': 1}, {'b': 2}].exists(m, m.a == 1)", "bool"),
        ("[1, ?optional.of(2)]", "list(int)"),
        ("{'a': 1, ?'b': optional.of(2)}.?b", "optional(int)"),
        ("{?1: optional.of('a')}", "map(int, string)"),
        ("input.ns.map(x, string(x))", "list(string)"),
        ("input.ns.map(x, x > 1, [x])", "list(list(int))"),
        ("input.ns.map(x, 'a')", "list(string)"),
        ("input.m.map(k, k)", "list(string)"),
        ("input.m.filter(k, input.m[k] > 1)", "list(string)"),
        ("input.o.exists(k, k == 'a')", "bool"),
        ("{1: 'a'}.map(k, k + 1)", "list(int)"),
        ("input.ns.all(i, x, i < x)", "bool"),
        ("input.ns.transformList(i, x, i + x)", "list(int)"),
        ("input.ns.transformList(i, x, i > 1, string(x))", "list(string)"),
        ("input.ns.transformMap(i, x, string(x))", "map(int, string)"),
        ("input.m.transformMap(k, v, v + k.size())", "map(string, int)"),
        ("{1: 'a'}.transformMap(k, v, v + 'x')", "map(int, string)"),
        ("input.ns.transformMapEntry(i, x, {x: i})", "map(int, int)"),
        ("input.m.transformMapEntry(k, v, {'k': v})", "map(string, int)"),
        ("input.ns.sortBy(x, -x)", "list(int)"),
        ("cel.bind(x, input.ns, x.map(y, y + x.size()))", "list(int)"),
        ("input.s in ['a', 'b']", "bool"),
        ("1 in {1: 2}", "bool"),
        ("input.ds.map(x, x + 1)", "list(double)"),
    ],
)
def test_types_as_messages_show_them(text: str, type_: str) -> None:
    checked, found = judged(text, SCOPE, OWN)
    assert found == ()
    assert display(checked.type) == type_


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fn(1, 'abc')", '`fn` does not take an int and "abc"'),
        ("fn('abc')", '`fn` does not take "abc"'),
        ("swap(tuple(1, 2u, 3.0))", "`swap` does not take a tuple(int, uint, double)"),
        ("1 + 1u", "`+` does not take an int and a uint"),
        ("1 == 1u", "`==` does not take an int and a uint"),
        ("[1] + ['a']", "`+` does not take a list(int) and a list(string)"),
        ("'a' in [1]", '`in` does not take "a" and a list(int)'),
        ("1 in {'a': 1}", "`in` does not take an int and an object"),
        ("1 in 2", "`in` does not take an int and an int"),
        ("[1]['a']", '`[ ]` does not take a list(int) and "a"'),
        ("{1: 2}['a']", '`[ ]` does not take a map(int, int) and "a"'),
        ("{'a': 1}.b", "the object has no field `b`"),
        ("{1.5: 2}", "a key is a string, a bool, an int or a uint, not a double"),
        ("[?1]", "after `?` stands an optional"),
        ("math.ceil(1)", "`math.ceil` does not take an int"),
        ("optional.of(1).orValue('x')", '`orValue` does not take an optional(int) and "x"'),
        ("optional.of(1) + 1", "`+` does not take an optional(int) and an int"),
        ("input.ns.sortBy(x, [x])", "`sortBy` cannot order by a list(int)"),
        ("input.ns.transformMapEntry(i, x, x)", "`transformMapEntry` makes entries of maps"),
        ("input.s.optMap(x, x)", "`optMap` wants an optional, not a string"),
        ("input.?q.optFlatMap(x, x)", "`optFlatMap` makes an optional, not a string"),
        ("timestamp(0) > 1", "`>` does not take a timestamp and an int"),
        ("timestamp(0) == 'a'", '`==` does not take a timestamp and "a"'),
        ("timestamp(0).size()", "`size` does not take a timestamp"),
        ("input.n ? 1 : 2", "`? :` wants a bool, and this is an int"),
        ("!input.n", "`!` wants a bool, and this is an int"),
        ("input.ns.filter(x, x)", "`filter` wants a bool, and this is an int"),
    ],
)
def test_what_nothing_takes(text: str, message: str) -> None:
    (found,) = judged(text, SCOPE, OWN)[1]
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("1 + 1.0", False),
        ("1 < 1.0", True),
        ("1 == 1.0", False),
        ("1 == dyn(1.0)", True),
        ("any + 1.0 > 1", True),
        ("input.d > 1", True),
        ("input.flag ? 1 : 's'", False),
        ("input.flag ? 1 : dyn('s')", True),
        ("[1, 2.0] == [1, 2]", True),
        ("[1] == ['a']", False),
        ("optional.of(1) == null", True),
        ("1 == null", False),
        ("optional.of(1).orValue(null)", False),
    ],
)
def test_plain_cel_converts_nothing(text: str, fine: bool) -> None:
    found = judged(text, SCOPE, strict=True)[1]
    assert [code for code in codes(found) if code == "DN4004"] == ([] if fine else ["DN4004"])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("input.n + 1", "input.n + 1"),
        ("input.d > 1.0", "D(input.d) > 1.0"),
        ("-input.d", "-D(input.d)"),
        ("input.ds[0]", "D(input.ds[0])"),
        ("input.ds.map(x, x * 2.0)", "input.ds.map(x, D(x) * 2.0)"),
        ("input.ds.first().value()", "D(input.ds.first().value())"),
        ("math.greatest(input.ds)", "D(math.greatest(input.ds))"),
        ("math.sqrt(4.0) + double('1') + 2.0", "math.sqrt(4.0) + double('1') + 2.0"),
        ("math.ceil(input.d)", "math.ceil(D(input.d))"),
        ("1.5 * 2.0", "1.5 * 2.0"),
        ("any.x", "any.x"),
        ("own.space.size(input.ds)", "own.space.size(input.ds)"),
        ("type(1) == google.protobuf.Timestamp", "type(1) == google.protobuf.Timestamp"),
    ],
)
def test_doubles_that_json_may_write_as_integers(text: str, tree: str) -> None:
    checked, found = judged(text, SCOPE, OWN)
    assert found == ()
    assert _written(checked.expr) == tree


def _written(node: object) -> str:
    """Write a tree of these cases as text, `D` for the coercion; names of functions resolved."""
    from dagnats.expr import ast

    match node:
        case ast.Literal(value=value):
            return repr(value)
        case ast.Ident(name=name):
            return name
        case ast.Select(operand=operand, field=name):
            return f"{_written(operand)}.{name}"
        case ast.Call(function="@double", args=(inner,)):
            return f"D({_written(inner)})"
        case ast.Call(function="_[_]", args=(owner, key)):
            return f"{_written(owner)}[{_written(key)}]"
        case ast.Call(function="-_", args=(inner,)):
            return f"-{_written(inner)}"
        case ast.Call(function=name, args=(one, other)) if name[0] == "_":
            return f"{_written(one)} {name.strip('_')} {_written(other)}"
        case ast.Call(function=name, args=args, target=target):
            owner = "" if target is None else f"{_written(target)}."
            return f"{owner}{name}({', '.join(map(_written, args))})"
        case ast.Comprehension():
            body = _written(node.body)
            return f"{_written(node.over)}.{node.macro}({node.variable}, {body})"
        case _:
            raise AssertionError(node)


def test_every_node_has_a_type() -> None:
    from dagnats.expr.ast import walk

    text = "input.ns.filter(x, x > 1).map(x, {'a': [x]}).size() > 1 ? any.?b[0] : optional.of(1)"
    checked, found = judged(text, SCOPE)
    assert found == ()
    assert {node.id for node in walk(checked.expr)} == set(checked.types)


def test_one_call_tells_nothing_of_the_next() -> None:
    texts = ["optional.of('a')", "optional.of('b')", "tuple(any, 'a', 1)", "tuple(any, 'b', 1)"]
    shown = [display(judged(text, SCOPE, OWN)[0].type) for text in texts]
    assert shown == [
        'optional("a")',
        'optional("b")',
        'tuple(dyn, "a", int)',
        'tuple(dyn, "b", int)',
    ]
