import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.evaluate import EvaluationError, prepare
from dagnats.expr.parser import Origin, parse_expression, parse_template_text

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)
DATA = {
    "a": {"n": 3, "x": 2.5, "s": "hi", "t": True, "z": None, "l": [1, 2, 3], "m": {"k": 1}},
}


def evaluate(text, data=DATA, parser=parse_expression):
    sink = Sink()
    parsed = parser(text, ORIGIN, sink)
    assert parsed is not None, sink.sorted()
    return prepare(parsed.expr)(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.n + 1", 4),
        ("a.n + a.x", 5.5),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7 / 2.0", 3.5),
        ("a.s + a.s", "hihi"),
        ("a.l + [4]", [1, 2, 3, 4]),
        ("1 == 1.0", True),
        ("true == 1", False),
        ("1 in [true]", False),
        ("1.0 in a.l", True),
        ("'k' in a.m", True),
        ("a.s < 'ho'", True),
        ("!a.t", False),
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
        ("size('äö') + 'abc'.size()", 5),
        ("string(5.0) + string(true)", "5true"),
        ("int('12') + int(2.9)", 14),
        ("'a,b'.split(',').join('-')", "a-b"),
        ("'hello'.substring(1, 3) + 'x'.charAt(0)", "elx"),
        ("'Hello'.lowerAscii().replace('l', 'L', 1)", "heLlo"),
        ("'foo-12'.matches('^[a-z]+-[0-9]{2}$')", True),
        ("math.greatest(1, 2.5, -3)", 2.5),
        ("math.round(-2.5)", -3.0),
        ("[3, 1, 2].sort().reverse()", [3, 2, 1]),
        ("[1, 1.0, 'a', 'a'].distinct()", [1, "a"]),
        ("[[1], [2, [3]]].flatten()", [1, 2, [3]]),
        ("json.parse(json.encode(a.m)).k", 1),
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
        ("optional.none().value()", "missing"),
        ("a.n + a.s", "type"),
        ("a.n && true", "type"),
        ("a.n ? 1 : 2", "type"),
        ("a.s < 1", "type"),
        ("a.l.map(v, v > 'a')", "type"),
        ("nope(1)", "type"),
        ("a.n / 0", "division_by_zero"),
        ("a.x / 0", "division_by_zero"),
        ("a.n % 0", "division_by_zero"),
        ("9223372036854775807 + a.n", "overflow"),
        ("-9223372036854775808 / -1", "overflow"),
        ("1e308 * 10", "overflow"),
        ("int('x')", "argument"),
        ("'a'.matches('(')", "argument"),
        ("{'a': 1, 'a': 2}", "argument"),
        ("lists.range(10000000)", "size"),
    ],
)
def test_failures(text, code):
    with pytest.raises(EvaluationError) as caught:
        evaluate(text)
    assert caught.value.code == code


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


@given(JSON, JSON)
def test_any_json_gives_json_or_an_evaluation_error(one, other):
    for run in ANYTHING:
        try:
            value = run({"a": one, "b": other})
        except EvaluationError:
            continue
        json.dumps(value, allow_nan=False)
        assert not isinstance(value, float) or math.isfinite(value)
