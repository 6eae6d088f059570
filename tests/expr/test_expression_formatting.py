import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.kinds import NONE, TRUE_KEY, Duration, Present, Timestamp, TypeValue, Uint
from dagnats.expr.library.formatting import check_format, format_text, plain_double
from dagnats.expr.library.values import STRING_CHARS_MAX, EvaluationError

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("", [], ""),
        ("no clause", [], "no clause"),
        ("%%", [], "%"),
        ("%%%s%%", ["text"], "%text%"),
        ("%%s", [], "%s"),
        ("%s, %s", [True, False], "true, false"),
        ("%s", [-7], "-7"),
        ("%s", [Uint(2**64 - 1)], "18446744073709551615"),
        ("%s", [5.0], "5"),
        ("%s", [-0.0], "-0"),
        ("%s", [1e21], "1000000000000000000000"),
        ("%s", [1.5e300], "15" + "0" * 299),
        ("%s", [-1.25e-7], "-0.000000125"),
        ("%s", [0.1], "0.1"),
        ("%s %s %s", [NAN, INF, -INF], "NaN Infinity -Infinity"),
        ("%s", [None], "null"),
        ("%s", [b"xyz"], "xyz"),
        ("%s", [b"\xffa\xff\xfe\xe2\x82b\xc3\xa9"], "\ufffda\ufffdbé"),
        ("%s", [Duration(6_347_000_000_000)], "6347s"),
        ("%s", [Duration(1_500_000_000)], "1.5s"),
        ("%s", [Duration(-1)], "-0.000000001s"),
        ("%s", [Timestamp(1_257_894_000_000_000_000)], "2009-11-10T23:00:00Z"),
        ("%s", [Timestamp(1_257_894_000_500_000_000)], "2009-11-10T23:00:00.5Z"),
        ("%s", [TypeValue("string")], "string"),
        ("%s", [[]], "[]"),
        ("%s", [[1, 4.5, "a b", [None]]], "[1, 4.5, a b, [null]]"),
        ("%s", [{}], "{}"),
        ("%s", [{"strKey": "x", 6: Duration(422 * 10**9), TRUE_KEY: 42}],
         "{6: 422s, strKey: x, true: 42}"),
        ("%s", [{"b": {"d": 1, "c": 2}, "a": []}], "{a: [], b: {c: 2, d: 1}}"),
        ("%d %d %d", [5, Uint(6), 3.14], "5 6 3.14"),
        ("%d", [INF], "Infinity"),
        ("%f", [2.71828], "2.718280"),
        ("%f", [1], "1.000000"),
        ("%.3f", [Uint(7)], "7.000"),
        ("%.0f %.0f", [1.5, 2.5], "2 2"),
        ("%.3f", [-123.4999], "-123.500"),
        ("%.03f", [1.0], "1.000"),
        ("%.100f", [0.5], "0.5" + "0" * 99),
        ("%f", [-INF], "-Infinity"),
        ("%e", [1052.032911275], "1.052033e+03"),
        ("%.1e", [-3.14], "-3.1e+00"),
        ("%.0e", [1e300], "1e+300"),
        ("%e", [NAN], "NaN"),
        ("%b %b %b %b", [5, -5, Uint(2), True], "101 -101 10 1"),
        ("%o %o", [11, -8], "13 -10"),
        ("%x %x %X", [30, -30, Uint(255)], "1e -1e FF"),
        ("%x", ["héllo"], "68c3a96c6c6f"),
        ("%X", [b"byte string"], "6279746520737472696E67"),
        ("%x", ["\ud800"], "efbfbd"),
        ("%s", ["more", "than", "used"], "more"),
        ("%.3s", ["whole"], "whole"),
    ],
)  # fmt: skip
def test_what_clauses_become(template, values, text):
    assert format_text(template, values) == text


@pytest.mark.parametrize(
    ("template", "values", "code"),
    [
        ("%a", [1], "argument"),
        ("%E", [0.5], "argument"),
        ("%", [1], "argument"),
        ("%5d", [1], "argument"),
        ("%.f", [1.0], "argument"),
        ("%.3", [1.0], "argument"),
        ("%.3%", [1.0], "argument"),
        ("%.101f", [1.0], "argument"),
        (f"%.{'9' * 5_000}f", [1.0], "argument"),
        ("%d %d %d", [0, 1], "argument"),
        ("%s", [], "argument"),
        ("%b", ["abc"], "type"),
        ("%b", [1.5], "type"),
        ("%o", [True], "type"),
        ("%d", [Duration(1)], "type"),
        ("%d", [True], "type"),
        ("%e", [None], "type"),
        ("%f", ["1"], "type"),
        ("%x", [1.5], "type"),
        ("%s", [NONE], "type"),
        ("%s", [[Present(1)]], "type"),
        ("%s", "a", "type"),
        (1, [], "type"),
        ("%s%s", ["a" * STRING_CHARS_MAX, "b"], "size"),
        ("%x", ["a" * STRING_CHARS_MAX], "size"),
    ],
)
def test_what_it_refuses(template, values, code):
    with pytest.raises(EvaluationError) as raised:
        format_text(template, values)
    assert raised.value.code == code


def test_lists_that_hold_the_same_list_often_are_bounded():
    value = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(EvaluationError) as raised:
        format_text("%s", [value])
    assert raised.value.code == "size"


def test_lists_that_are_nested_too_deep_are_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(EvaluationError) as raised:
        format_text("%s", [value])
    assert raised.value.code == "size"


@pytest.mark.parametrize(
    ("template", "arguments", "said"),
    [
        ("%s %d%%", 2, None),
        ("plain", 0, None),
        ("%s", 0, "1 clauses"),
        ("%s", 2, "1 clauses"),
        ("%q", 1, "`%q`"),
    ],
)
def test_a_text_is_checked_without_values(template, arguments, said):
    found = check_format(template, arguments)
    assert found is None if said is None else said in found


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(), st.binary(),
    st.builds(Duration, st.integers(-(2**63), 2**63 - 1)),
    st.builds(Uint, st.integers(0, 2**64 - 1)),
    st.builds(Timestamp, st.integers(-62_135_596_800 * 10**9, 253_402_300_799 * 10**9)),
    st.just(NONE), st.builds(TypeValue, st.text()),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    st.lists(st.sampled_from(["%s", "%d", "%.2f", "%e", "%x", "%b", "%o", "%%", "%", "a", ".9"])),
    st.lists(VALUES, max_size=5),
)
def test_it_gives_a_text_or_says_why_not(pieces, values):
    with contextlib.suppress(EvaluationError):
        assert type(format_text("".join(pieces), values)) is str


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_reads_back_and_has_no_exponent(value):
    text = plain_double(value)
    assert float(text) == value
    assert "e" not in text
    assert not text.endswith(".0")
