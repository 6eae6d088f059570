"""Equality, order, arithmetic and keys of values, and how values leave an expression."""

import json
import math
from fractions import Fraction
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.kinds import (
    FALSE_KEY,
    NONE,
    TRUE_KEY,
    Address,
    Duration,
    Network,
    Present,
    Timestamp,
    TypeValue,
    Uint,
)
from dagnats.expr.library import values
from dagnats.expr.library.leaving import DEPTH_MAX
from dagnats.expr.library.values import INT_MAX, INT_MIN, UINT_MAX, EvaluationError, equal, leaving
from tests.expr.evaluating import alike, attempt, evaluate


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1", "1u"), ("1", "1.0"), ("1u", "1.0"), ("-0.0", "0.0"), ("[1.0, 2]", "[1u, 2u]"),
        ("{1: [1]}", "{1u: [1.0]}"), ("{true: 1}", "{true: 1u}"), ("b'a'", "b'\\x61'"),
        ("null", "null"), ("int", "int"), ("optional.none()", "optional.none()"),
        ("optional.of(1)", "optional.of(1.0)"), ("duration('60s')", "duration('1m')"),
        ("timestamp('1970-01-01T01:00:00+01:00')", "timestamp(0)"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
    ],
)  # fmt: skip
def test_equal(left, right):
    assert evaluate(f"{left} == {right}") is True
    assert evaluate(f"{right} != {left}") is False


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1", "true"), ("0", "false"), ("0", "null"), ("''", "b''"), ("[]", "{}"), ("''", "null"),
        ("{1: 0}", "{true: 0}"), ("{'1': 0}", "{1: 0}"), ("[1]", "[1, 1]"), ("[true]", "[1]"),
        ("0.0/0.0", "0.0/0.0"), ("[0.0/0.0]", "[0.0/0.0]"), ("1.0", "1.0000000000000002"),
        ("9007199254740993", "9007199254740992.0"), ("-1", "18446744073709551615u"),
        ("int", "uint"), ("int", "'int'"), ("optional.of(1)", "1"), ("optional.none()", "null"),
        ("optional.none()", "optional.of(null)"), ("duration('1s')", "1000000000"),
        ("timestamp(0)", "duration('0s')"), ("{'a': 1}", "{'b': 1}"), ("{'a': 1}", "{}"),
        ("'Am\\u00E9lie'", "'Ame\\u0301lie'"),
    ],
)  # fmt: skip
def test_unequal(left, right):
    assert evaluate(f"{left} == {right}") is False
    assert evaluate(f"{right} != {left}") is True


def test_addresses_are_equal_whatever_their_spelling():
    four, mapped = Address(ip_address("192.168.0.1")), Address(ip_address("::ffff:c0a8:1"))
    assert equal(four, mapped)
    assert hash(four) == hash(mapped)
    assert not equal(four, Address(ip_address("192.168.0.2")))
    assert not equal(four, "192.168.0.1")
    one = Network(ip_interface("10.0.0.1/8"))
    assert equal(one, Network(ip_interface("10.0.0.1/8")))
    assert not equal(one, Network(ip_interface("10.0.0.2/8")))


@pytest.mark.parametrize(
    "chain",
    [
        ["-9223372036854775808", "-1", "-0.5", "0u", "0.5", "1", "9223372036854775807",
         "9223372036854775808u", "18446744073709551615u", "18446744073709553665.0"],
        ["9007199254740992.0", "9007199254740993", "9007199254740994u"],
        ["''", "'A'", "'a'", "'abc'", "'abcd'", "'ÿ'", "'\\uFFFD'", "'🐱'"],
        ["b''", "b'\\000'", "b'a'", "b'ab'", "b'b'", "b'\\xff'"],
        ["false", "true"],
        ["timestamp('0001-01-01T00:00:00Z')", "timestamp(0)", "timestamp(1)"],
        ["duration('-1h')", "duration('0s')", "duration('1ns')", "duration('1us')"],
    ],
)  # fmt: skip
def test_order(chain):
    for at, one in enumerate(chain):
        for behind, other in enumerate(chain):
            expected = {"<": at < behind, "<=": at <= behind, ">": at > behind, ">=": at >= behind}
            for operator, holds in expected.items():
                assert evaluate(f"dyn({one}) {operator} {other}") is holds, (one, operator, other)


@pytest.mark.parametrize(
    ("number", "double"),
    [
        ("9223372036854775807", "9223372036854775808.0"),
        ("18446744073709551615u", "18446744073709551616.0"),
    ],
)  # fmt: skip
def test_the_double_above_an_integer_counts_as_the_greatest(number, double):
    assert evaluate(f"dyn({number}) >= {double} && dyn({number}) <= {double}") is True
    assert evaluate(f"dyn({double}) > {number} || dyn({double}) < {number}") is False


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_nothing_has_an_order_with_nan(operator):
    for other in ("0.0/0.0", "0.0", "1", "1u"):
        assert evaluate(f"dyn(0.0/0.0) {operator} {other}") is False
        assert evaluate(f"dyn({other}) {operator} (0.0/0.0)") is False


INTS = st.integers(INT_MIN, INT_MAX) | st.sampled_from([INT_MIN, -1, 0, 1, INT_MAX])
UINTS = st.integers(0, UINT_MAX) | st.sampled_from([0, 1, INT_MAX + 1, UINT_MAX])
FLOATS = st.floats(allow_nan=False)
NUMBERS = INTS | UINTS.map(Uint) | FLOATS


def truncated(left, right):
    return int(Fraction(left, right))


OPERATORS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": truncated,
    "modulo": lambda a, b: a - b * truncated(a, b),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize(("kind", "least", "most"), [(int, INT_MIN, INT_MAX), (Uint, 0, UINT_MAX)])
@given(data=st.data())
def test_integers_are_exact_or_fail(data, name, kind, least, most):
    one, other = (
        data.draw(INTS if kind is int else UINTS),
        data.draw(INTS if kind is int else UINTS),
    )
    found, code = attempt(getattr(values, name), kind(one), kind(other))
    if other == 0 and name in {"divide", "modulo"}:
        assert code == "division_by_zero"
    elif least <= OPERATORS[name](one, other) <= most:
        assert type(found) is kind
        assert found == OPERATORS[name](one, other)
    else:
        assert code == "overflow"


@given(FLOATS, FLOATS, st.sampled_from(["add", "subtract", "multiply", "divide"]))
def test_doubles_never_fail(one, other, name):
    found = getattr(values, name)(one, other)
    assert type(found) is float
    if name != "divide" or other != 0:
        assert alike(found, OPERATORS[name](one, other) if name != "divide" else one / other)


KEYS = st.text(max_size=2) | INTS | UINTS.map(Uint) | st.sampled_from([TRUE_KEY, FALSE_KEY])
SCALARS = (
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3) | st.binary(max_size=3)
    | st.integers(-5, 5).map(Timestamp) | st.integers(-5, 5).map(Duration)
    | st.sampled_from([NONE, TypeValue("int"), TypeValue("type"), Address(ip_address("::1"))])
)  # fmt: skip
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3) | inner.map(Present)
    ),
    max_leaves=6,
)
SMALL = st.recursive(
    st.sampled_from([0, 1, Uint(0), Uint(1), 0.0, 1.0, True, False, None, "", b"", NONE]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([0, Uint(0), 1, TRUE_KEY, "0"]), inner, max_size=2)
        | inner.map(Present)
    ),
    max_leaves=3,
)
"""Few enough that equal ones meet."""


@given(ANY | SMALL)
def test_equality_is_reflexive(value):
    assert equal(value, value)


@given(SMALL, SMALL, SMALL)
def test_equality_is_an_equivalence(one, two, three):
    assert equal(one, two) is equal(two, one)
    if equal(one, two) and equal(two, three):
        assert equal(one, three)


@given(NUMBERS, NUMBERS)
@example(2**53 + 1, 2.0**53)
@example(Uint(2**63), 2.0**63)
def test_order_agrees_with_equality(one, other):
    edges = {float(2**63), float(2**64)}
    assume(not ({one, other} & edges and {one, other} & {INT_MAX, UINT_MAX}))
    left, right = values.ordered("<", one, other)
    assert (left < right) + (left > right) + equal(one, other) == 1
    if math.isfinite(one) and math.isfinite(other):
        assert (left < right) is (Fraction(one) < Fraction(other))


@given(st.lists(SMALL, max_size=4), SMALL)
def test_in_is_equality_with_some_element(items, item):
    assert values.contains(item, items) is any(equal(item, element) for element in items)


@given(st.dictionaries(KEYS, st.integers(), max_size=4), KEYS)
def test_keys_are_found_as_they_equal(entries, key):
    value = values.from_key(key)
    found = [held for name, held in entries.items() if equal(values.from_key(name), value)]
    assert values.contains(value, entries) is bool(found)
    if found:
        assert values.item(entries, value) == found[0]
    assert values.to_key(value) is key or values.to_key(value) == key


@pytest.mark.parametrize("value", [1.0, None, b"", [], {}, NONE, Timestamp(0), TypeValue("int")])
def test_what_is_no_key(value):
    with pytest.raises(EvaluationError) as caught:
        values.to_key(value)
    assert caught.value.code == "type"


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (Uint(7), 7),
        (b"\xff\x00", "/wA="),
        (Timestamp(500_000_000), "1970-01-01T00:00:00.5Z"),
        (Duration(-3_500_000_000), "-3.5s"),
        (TypeValue("list"), "list"),
        (Address(ip_address("2001:DB8::1")), "2001:db8::1"),
        (Network(ip_interface("10.0.0.1/8")), "10.0.0.1/8"),
        (NONE, None),
        (Present(Present(Uint(1))), 1),
        ([1, Uint(2), [NONE], "a"], [1, 2, [None], "a"]),
        ({"a": 1, 2: Uint(3), Uint(4): [b""]}, {"a": 1, "2": 3, "4": [""]}),
        ({TRUE_KEY: 1, FALSE_KEY: None}, {"true": 1, "false": None}),
        ({"a": Uint(1), "b": 2, "c": b""}, {"a": 1, "b": 2, "c": ""}),
    ],
)  # fmt: skip
def test_leaving(value, left):
    found = leaving(value)
    assert alike(found, left)
    if isinstance(left, dict):
        assert list(found) == list(left)


@pytest.mark.parametrize(
    "value", [INT_MAX + 1, INT_MIN - 1, Uint(INT_MAX + 1), math.nan, math.inf, -math.inf]
)
@pytest.mark.parametrize(
    "around",
    [lambda v: v, lambda v: [v], lambda v: [1, v], lambda v: ["", v], lambda v: {"a": v}, Present],
)
def test_numbers_that_do_not_leave(value, around):
    with pytest.raises(EvaluationError) as caught:
        leaving(around(value))
    assert caught.value.code == "overflow"


@given(ANY)
def test_what_leaves_is_json_and_leaves_again_as_it_is(value):
    try:
        left = leaving(value)
    except EvaluationError:
        return
    json.dumps(left, allow_nan=False)
    assert leaving(left) is left


@pytest.mark.parametrize(
    "value", [[1, [2.5, {"a": None}]], {"a": [True], "b": {"c": ["d"]}}, [], {}, [[1], [2]]]
)
def test_json_leaves_as_the_very_same_value(value):
    assert leaving(value) is value


def test_parts_that_need_no_change_are_not_copied():
    part = {"deep": [1, 2, {"a": None}]}
    assert leaving([part, Uint(1)])[0] is part


def nested(levels, around):
    value = None
    for _ in range(levels):
        value = around(value)
    return value


@pytest.mark.slow
@pytest.mark.parametrize(
    "around", [lambda v: [v], lambda v: {"a": v}, lambda v: [{"a": v}, 0], Present]
)
def test_depth_is_bounded(around):
    with pytest.raises(EvaluationError) as caught:
        leaving(nested(100_000, around))
    assert caught.value.code == "size"
    leaving(nested(DEPTH_MAX // 2, around))


def test_a_value_in_many_places_is_not_looked_through_in_each():
    # 2 ** 200 places: this ends because each value is looked through once at each depth
    unchanged = nested(200, lambda value: [value, value])
    assert leaving(unchanged) is unchanged
    changed = leaving(nested(200, lambda value: [value, value, Uint(1)]))
    assert changed[0] is changed[1]
    assert attempt(FUNCTIONS["json.encode"].call, unchanged) == (None, "size")
    assert equal(unchanged, nested(200, lambda value: [value, value]))
    assert not equal(unchanged, nested(199, lambda value: [value, value]))
    assert equal(*(nested(200, lambda value: {"a": value, "b": value}) for _ in range(2)))


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (True, "true"), (None, "null"), (NONE, "null"), (1, "1"), (Uint(2), "2"),
     (2.5, "2.5"), (b"ab", "YWI="), (Timestamp(0), "1970-01-01T00:00:00Z"),
     (Duration(1), "0.000000001s"), (TypeValue("int"), "int"), (Present(3), "3"),
     (Address(ip_address("::1")), "::1")],
)  # fmt: skip
def test_text_inside_templates(value, text):
    assert values.text(value) == text


@pytest.mark.parametrize("value", [[], {}, Present([])])
def test_what_has_no_text_inside_templates(value):
    with pytest.raises(EvaluationError) as caught:
        values.text(value)
    assert caught.value.code == "type"


def test_what_is_put_together_is_bounded():
    half, items = "a" * 600_000, [0] * 600_000
    for value in (half, half.encode(), items):
        with pytest.raises(EvaluationError) as caught:
            values.add(value, value)
        assert caught.value.code == "size"
