import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.ast import COERCE, Call, Ident
from dagnats.expr.costing import costs
from dagnats.expr.evaluation.evaluator import EvaluationError, Evaluator, prepare
from dagnats.expr.kinds import Duration, Timestamp, Uint
from dagnats.expr.limits import Limits
from dagnats.expr.syntax.parser import Origin, parse_expression, parse_template_text

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)
DATA = {
    "a": {"n": 3, "x": 2.5, "s": "hi", "t": True, "z": None, "l": [1, 2, 3], "m": {"k": 1}},
    "b.c": 7,
    "b": {"d": {"e": 8}},
    "u": Uint(5),
}


def evaluate(text, data=DATA, parser=parse_expression):
    """Evaluate three times: exactly, exactly again, and then fast; all must say the same."""
    sink = Sink()
    parsed = parser(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    run = prepare(parsed.expr)
    first, *others = [outcome(run, data) for _ in range(3)]
    assert [(type(other), str(other)) for other in others] == [(type(first), str(first))] * 2
    if isinstance(first, EvaluationError):
        raise first
    return first


def outcome(run, data):
    try:
        return run(data)
    except EvaluationError as error:
        return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.t ? 1 : 1 / 0", 1),
        ("1 / 0 == 1 || true", True),
        ("a.nope && false", False),
        ("false && a.nope", False),
        ("a.s && false", False),
        ("has(a.n) && !has(a.nope)", True),
        ("a.?nope", None),
        ("a.?n", 3),
        ("a.?nope.?further.orValue(7)", 7),
        ("a.?n.orValue(1 / 0)", 3),
        ("a.l[?9].orValue(-1)", -1),
        ("[a.?nope, a.?n]", [None, 3]),
        ("[?a.?nope, ?a.?n]", [3]),
        ("{'p': 1, ?'q': a.?nope}", {"p": 1}),
        ("a.l.all(v, v > 0)", True),
        ("a.l.exists(v, v / (v - 1) == 2)", True),
        ("a.l.exists_one(v, v == 2)", True),
        ("a.l.map(v, a.l.map(w, v * w))", [[1, 2, 3], [2, 4, 6], [3, 6, 9]]),
        ("a.l.map(a, a > 1, a * 2)", [4, 6]),
        ("a.m.filter(k, a.m[k] == 1)", ["k"]),
        ("[0].exists(a, a == 0)", True),
        ("'a,b'.split(',').join('-')", "a-b"),
        ("'hello'.substring(1, 3) + 'x'.charAt(0)", "elx"),
        ("'Hello'.lowerAscii().replace('l', 'L', 1)", "heLlo"),
        ("'foo-12'.matches('^[a-z]+-[0-9]{2}$')", True),
        ("math.greatest(1, 2.5, -3)", 2.5),
        ("math.round(-2.5)", -3.0),
        ("[3, 1, 2].sort().reverse()", [3, 2, 1]),
        ("[1, 1.0, 'a', 'a'].distinct()", [1, "a"]),
        ("[[1], [2, [3]]].flatten()", [1, 2, [3]]),
        ("a.nope || true || a.n", True),
        ("a.n || a.nope || true", True),
        (".a.n + [1].map(a, .a.n + a)[0]", 7),
        ("a.l.all(i, v, v == i + 1)", True),
        ("a.m.exists(k, v, k == 'k' && v == 1)", True),
        ("a.l.exists_one(i, v, i == 0 || v == 9)", True),
        ("a.l.existsOne(v, v > 2)", True),
        ("a.l.transformList(i, v, i * v)", [0, 2, 6]),
        ("a.l.transformList(i, v, i > 0, i * v)", [2, 6]),
        ("a.m.transformList(k, v, k + string(v))", ["k1"]),
        ("a.m.transformMap(k, v, v + 1)", {"k": 2}),
        ("a.l.transformMap(i, v, v > 1, v)", {"1": 2, "2": 3}),
        ("{1: 'x'}", {"1": "x"}),
        ("{a.n: 1, 2u: 3, true: 4}", {"3": 1, "2": 3, "true": 4}),
        ("a.l.transformMapEntry(i, v, {v: i})", {"1": 0, "2": 1, "3": 2}),
        ("a.m.transformMapEntry(k, v, v > 1, {v: k})", {}),
        ("{true: 'a', false: 'b'}.map(k, !k)", [False, True]),
        ("{true: 1}.transformList(k, v, k && v == 1)", [True]),
        ("{true: 1}.transformMap(k, v, k)", {"true": True}),
        ("{1: 'a', 2u: 'b', 'c': 'd', true: 'e'}[2]", "b"),
        ("{1: 'a'}[1.0]", "a"),
        ("[3, 1, 2].sortBy(v, -v)", [3, 2, 1]),
        ("['bb', 'a', 'cc'].sortBy(v, v.size())", ["a", "bb", "cc"]),
        ("cel.bind(v, a.n * 2, v + v)", 12),
        ("cel.bind(v, 1 / 0, true)", True),
        ("cel.bind(v, 1 / 0, v == 1 || true)", True),
        ("[1, 2].map(x, cel.bind(v, x * 2, cel.bind(w, v * 2, v + w)))", [6, 12]),
        ("cel.block([1, cel.index(0) + 1], cel.index(1) * 10)", 20),
        ("optional.of(2).optMap(v, v * 2)", 4),
        ("optional.none().optMap(v, v * 2)", None),
        ("optional.of(a).optFlatMap(v, v.?n)", 3),
        ("a.?nope.optMap(v, v / 0).hasValue()", False),
        ("has(a.?m.k)", True),
        ("has(optional.of({'x': {}}).x.y)", False),
        ("has({'x': 1}.x) && !has({'x': 1}.y)", True),
        ("type(1) == int && type(uint(1)) == uint && type(type(1)) == type", True),
        ("type(timestamp(0)) == google.protobuf.Timestamp", True),
        ("type(null) == null_type && type([]) == list && type({}) == map", True),
        ("[1].map(int, int + 1)", [2]),
        ("type(1)", "int"),
        ("[1].map(u, u)[0] == 1 && u == 5u", True),
        ("u + 1u", 6),
        ("b'abc'", "YWJj"),
        ("duration('90s') + duration('1.5s')", "91.5s"),
        ("timestamp('2020-01-01T00:00:00Z')", "2020-01-01T00:00:00Z"),
        ("b.d.e", 8),
        ("math.greatest([1, 3, 2])", 3),
        ("[1, 2, 3, 4].map(v, v % 2 == 0, v)", [2, 4]),
        ("'a' in ['a', 'b'] && !('c' in ['a', 'b'])", True),
        ("1 in [1, 2] && 1u in [1] && !(true in [1])", True),
        ("1 == 1.0 && 1 == 1u && {1: 2} == {1u: 2.0}", True),
        ("9007199254740993 > 9007199254740992.0", True),
    ],
)
def test_values(text, value):
    found = evaluate(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nope", "missing"),
        ("a.nope", "missing"),
        ("a.l[3]", "missing"),
        ("a.z.field", "type"),
        ("a.n + a.s", "type"),
        ("a.n && true", "type"),
        ("a.n ? 1 : 2", "type"),
        ("a.l.map(v, v > 'a')", "type"),
        ("nope(1)", "type"),
        ("1e308 * 10", "overflow"),
        ("'a'.matches('(')", "argument"),
        ("{'a': 1, 'a': 2}", "argument"),
        ("lists.range(10000000)", "cost"),
        ("a.l.transformMapEntry(i, v, {'same': v})", "argument"),
        ("a.l.transformMapEntry(i, v, v)", "type"),
        ("{1: 'a', 1u: 'b'}", "argument"),
        ("{1.0: 'a'}", "type"),
        ("{null: 'a'}", "type"),
        ("[1, 'a'].sortBy(v, v)", "type"),
        ("cel.bind(v, 1 / 0, v)", "division_by_zero"),
        ("a.n.optMap(v, v)", "type"),
        ("optional.of(1).optFlatMap(v, v)", "type"),
        ("a.n.map(v, v)", "type"),
        ("a.l.filter(v, v)", "type"),
        ("a.l.exists_one(v, v / 0 == 1)", "division_by_zero"),
        ("a.l.exists(v, v / 0 == 1)", "division_by_zero"),
        ("[?a.n]", "type"),
        ("{?'a': a.n}", "type"),
        ("a.contains('x', 'y')", "type"),
        ("[1].map(math, math.abs(1))", "type"),
        ("contains('x', 'y')", "type"),
        ("u + 1", "type"),
        ("a.s + a.n", "type"),
        ("'x' * 2", "type"),
        ("-a.s", "type"),
        ("!a.n", "type"),
        ("a.l[-1]", "missing"),
        ("a.l['a']", "type"),
        ("0.0 / 0.0", "overflow"),
    ],
)
def test_failures(text, code):
    with pytest.raises(EvaluationError) as caught:
        evaluate(text)
    assert caught.value.code == code


@pytest.mark.slow
def test_the_budget_ends_what_multiplies():
    numbers = {"l": list(range(1_000))}
    assert len(evaluate("l.filter(v, v in l)", {"l": list(range(500))})) == 500
    for text in ("l.map(a, l.map(b, l.map(c, 1)))", "l.all(a, l.all(b, a != b || a in l))"):
        with pytest.raises(EvaluationError) as caught:
            evaluate(text, numbers)
        assert caught.value.code == "cost"


def test_the_budget_is_not_absorbed():
    with pytest.raises(EvaluationError):
        evaluate("l.all(a, l.all(b, l.all(c, true))) || true", {"l": list(range(1_000))})


def test_a_root_may_have_dots_in_its_name():
    for name in ("b.c", ".b.c"):
        assert prepare(Ident(name))(DATA) == 7
    with pytest.raises(EvaluationError):
        prepare(Ident("b.x"))(DATA)


def test_a_root_hides_the_name_of_a_type():
    assert prepare(Ident("int"))({"int": 3}) == 3
    assert prepare(Ident("int"))({}) == "int"


def test_what_is_declared_a_double_is_one():
    for value, wanted in ((1, 1.0), (2.5, 2.5), (None, None)):
        run = prepare(Call(COERCE, (Ident("a"),)))
        for _ in range(3):
            found = run({"a": value})
            assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("text", "data", "limit"),
    [
        ("l.map(x, x)", {"l": [1, 2, 3, 4]}, "`list_items_max`"),
        ("l.all(k, true)", {"l": {"a": 1, "b": 2, "c": 3, "d": 4}}, "`list_items_max`"),
        ("l.exists(i, v, true)", {"l": [1, 2, 3, 4]}, "`list_items_max`"),
        ("1 in l", {"l": [1, 2, 3, 4]}, "`list_items_max`"),
        ("l.sort()", {"l": [1, 2, 3, 4]}, "`list_items_max`"),
        ("l.contains('a')", {"l": "abcdef"}, "`string_chars_max`"),
        ("l.contains('a')", {"l": "b" * 101}, "`string_chars_max`"),
        ("l + 'a'", {"l": "abcdef"}, "`string_chars_max`"),
        ("l == m", {"l": "abcdef", "m": "abcdef"}, "`string_chars_max`"),
        ("l < m", {"l": "abcdef", "m": "abcdefg"}, "`string_chars_max`"),
    ],
)
def test_what_is_gone_through_may_be_too_large(text, data, limit):
    parsed = parse_expression(text, ORIGIN, Sink())
    run = Evaluator(parsed.expr, limits=Limits(list_items_max=3, string_chars_max=5)).evaluate
    for _ in range(3):
        with pytest.raises(EvaluationError, match=limit) as caught:
            run(data)
        assert caught.value.code == "size"


def test_what_is_only_handed_on_may_be_of_any_size():
    large = {"l": [1, 2, 3, 4], "m": {"s": "abcdef"}}
    limits = Limits(list_items_max=3, string_chars_max=5)
    for text in ("l", "l[3]", "m.s", "size(l)", "m.s == 'abc'", "[l, l]", "{'a': m}"):
        parsed = parse_expression(text, ORIGIN, Sink())
        run = Evaluator(parsed.expr, limits=limits).evaluate
        assert run(large) == run(large) == run(large)


def test_what_an_expression_makes_itself_is_bounded_by_its_cost_alone():
    limits = Limits(list_items_max=3, string_chars_max=5)
    for text in ("lists.range(9).map(x, x).size()", "('abc' + 'def').contains('f')"):
        evaluator = Evaluator(parse_expression(text, ORIGIN, Sink()).expr, limits=limits)
        assert evaluator.evaluate({}) == evaluator.evaluate({}) == evaluator.evaluate({})


def test_values_of_other_kinds_come_in_and_stay_what_they_are():
    data = {"u": Uint(5), "b": b"x", "t": Timestamp(0), "d": Duration(1)}
    for name, value in data.items():
        evaluator = Evaluator(Ident(name))
        assert all(evaluator.value(data) is value for _ in range(3))


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("1", 0),
        ("a", 1),
        ("a.n", 2),
        ("a.n == 3 && a.t", 5),
        ("a.n == 4 && a.t", 3),
        ("a.t || a.nope", 2),
        ("a.n == 3 ? 1 : a.n", 3),
        ("[a.n]", 12),
        ("{'k': a.n}", 32),
        ("a.s.contains('h')", 3),
        ("size(a.s)", 3),
        ("a.l.all(x, x > 0)", 3 + 3 * (3 + 2)),
        ("a.l.exists(x, x == 1)", 3 + (4 + 2)),
        ("a.l.map(x, x)", 2 + 11 + 3 * (12 + 1)),
        ("a.l.filter(x, x > 2)", 2 + 11 + 2 * (1 + 2) + (13 + 2)),
        ("cel.bind(v, a.l.map(x, x), 1)", 10),
        ("cel.bind(v, a.n, v + v)", 10 + 2 + 1 + 2),
        ("cel.bind(v, 1 / 0, v == 1 || v == 2 || true)", 10 + 2 + 1),
        ("a.l.sortBy(x, x)", 2 + 23 + 3 * (12 + 1) + costs.sorting([1, 2, 3])),
    ],
)
def test_what_evaluations_cost(text, cost):
    parsed = parse_expression(text, ORIGIN, Sink())
    assert Evaluator(parsed.expr).counted(DATA)[1] == cost


@pytest.mark.slow
def test_deep_values_are_an_error_at_worst():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(EvaluationError):
        evaluate("d == e", {"d": deep, "e": [deep]})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n=${{ a.n }}, ${{ a.x }} ${{ a.t }} ${{ a.z }}", "n=3, 2.5 true null"),
        ("${{ a.l }}", [1, 2, 3]),
        ("${{ '${{ a.n }}' }}!", "${{ a.n }}!"),
    ],
)
def test_templates(text, value):
    assert evaluate(text, parser=parse_template_text) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
ANYTHING = [
    prepare(parse_expression(text, ORIGIN, Sink()).expr)
    for text in (
        "a + b", "a - b", "a * b", "a / b", "a % b", "-a", "!a", "a == b", "a < b", "a >= b",
        "a in b", "a[b]", "a[?b]", "a.?x.orValue(b)", "a.x", "has(a.x)", "a && b", "a || b",
        "a ? b : a", "a.map(x, x + b)", "a.filter(x, x == b)", "a.all(x, x)", "size(a)", "int(a)",
        "double(a)", "string(a)", "bool(a)", "a.split(b)", "a.replace(b, b)", "a.join(b)",
        "a.substring(b)", "a.matches(b)", "a.indexOf(b, 1)", "math.greatest(a, b)", "math.abs(a)",
        "math.floor(a)", "a.sort()", "a.distinct()", "a.flatten(b)", "a.slice(0, b)", "a.first()",
        "sets.contains(a, b)", "json.encode(a)", "json.parse(a)", "optional.ofNonZeroValue(a)",
        "math.bitShiftLeft(a, b)", "math.round(a)", "math.sqrt(a)", "lists.range(a % 100)",
    )
]  # fmt: skip


@pytest.mark.slow
@given(JSON, JSON)
def test_any_json_gives_json_or_an_evaluation_error(one, other):
    for run in ANYTHING:
        try:
            value = run({"a": one, "b": other})
        except EvaluationError:
            continue
        json.dumps(value, allow_nan=False)
        assert not isinstance(value, float) or math.isfinite(value)
