"""What operators, conversions, optionals and encoders do."""

import math
import re
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr import functions
from dagnats.expr.functions import FUNCTIONS, NAMESPACES
from dagnats.expr.kinds import (
    NONE,
    Address,
    Duration,
    Network,
    Present,
    Timestamp,
    TypeValue,
    Uint,
)
from dagnats.expr.library.leaving import double_text
from dagnats.expr.library.values import INT_MAX, INT_MIN, UINT_MAX, EvaluationError
from dagnats.expr.types import Param, Type
from tests.expr.evaluating import alike, attempt, evaluate

DATA = {
    "a": {"n": 3, "x": 2.5, "s": "hi", "t": True, "z": None, "l": [1, 2, 3], "m": {"k": 1}},
    "big": 2**63,
    "huge": -(10**5_000),
}


VALUES = [
    # integers
    ("a.n + 1", 4),
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("7 / -2", -3),
    ("-7 % 3", -1),
    ("7 % -3", 1),
    ("-9223372036854775807 - 1", INT_MIN),
    ("-(-9223372036854775807)", INT_MAX),
    ("42u + 2u", Uint(44)),
    ("42u - 12u", Uint(30)),
    ("5u * 3u", Uint(15)),
    ("7u / 2u", Uint(3)),
    ("7u % 2u", Uint(1)),
    ("18446744073709551614u + 1u", Uint(UINT_MAX)),
    # doubles
    ("4.25 + 15.25", 19.5),
    ("-(0.0)", -0.0),
    ("0.0 * -1.0", -0.0),
    ("1e308 * 10.0", math.inf),
    ("-1e308 * 10.0", -math.inf),
    ("1.0 / 0.0", math.inf),
    ("1.0 / -0.0", -math.inf),
    ("-1.0 / 0.0", -math.inf),
    ("0.0 / 0.0", math.nan),
    ("1e308 * 10.0 - 1e308 * 10.0", math.nan),
    ("1e-324 / 2.0", 0.0),
    # an int beside a double
    ("a.n + a.x", 5.5),
    ("a.x - a.n", -0.5),
    ("a.n * 1.5", 4.5),
    ("7 / 2.0", 3.5),
    ("a.x / 0", math.inf),
    # put together
    ("a.s + a.s", "hihi"),
    ("b'ab' + b'\\xff'", b"ab\xff"),
    ("a.l + [4]", [1, 2, 3, 4]),
    ("[] + [1u, 'a']", [Uint(1), "a"]),
    # logic
    ("!a.t", False),
    # lookups
    ("{1: 'a', 2u: 'b', true: 'c', 'd': 'e'}[2]", "b"),
    ("{1: 'a', 2u: 'b'}[1u]", "a"),
    ("{1: 'a'}[1.0]", "a"),
    ("{true: 5, false: 6}[true]", 5),
    ("{1: 5, true: 6}[true]", 6),
    ("a.l[dyn(0.0)] + a.l[dyn(1u)]", 3),
    ("{1u: 1.0, 2: 2.0}[?2.0]", Present(2.0)),
    ("{1u: 1.0, 2: 2.0}[?2.5]", NONE),
    ("{1: 1}[?b'']", NONE),
    ("a.l[?9].orValue(-1)", -1),
    ("a.l[?-1]", NONE),
    ("a.?z.?further", NONE),
    ("a.?m.k", Present(1)),
    ("a.?m.nope", NONE),
    ("a.?l[2]", Present(3)),
    ("optional.none().a[0]", NONE),
    ("has(a.?m.k) && !has(a.?m.nope) && !has(a.z.b)", True),
    # in
    ("1.0 in a.l", True),
    ("2u in a.l", True),
    ("true in a.l", False),
    ("1 in [true, 1u]", True),
    ("0.0/0.0 in [0.0/0.0]", False),
    ("'k' in a.m", True),
    ("1 in {1u: 0}", True),
    ("1.5 in {1: 0}", False),
    ("true in {1: 0}", False),
    ("b'' in {'': 0}", False),
    ("[] in {'': 0}", False),
    ("duration('1s') in [duration('1000ms')]", True),
    # size
    ("size('äö') + 'abc'.size()", 5),
    ("size('🐱') + size(b'ÿ') + size([]) + {1: 2}.size()", 4),
    # string
    ("string(5.0) + string(true) + string(-1) + string(7u)", "5true-17"),
    ("string(b'\\303\\277')", "ÿ"),
    ("string('as it is')", "as it is"),
    ("string(timestamp(0))", "1970-01-01T00:00:00Z"),
    ("string(duration('1h0.5s'))", "3600.5s"),
    ("string(0.0/0.0) + string(1.0/0.0) + string(-1.0/0.0)", "NaN+Inf-Inf"),
    # bytes
    ("bytes('ÿ')", b"\xc3\xbf"),
    ("bytes(b'\\000')", b"\0"),
    # int
    ("int('12') + int(2.9) + int(-3.5) + int(9u)", 20),
    ("int('+5') + int('-0')", 5),
    ("int('-9223372036854775808')", INT_MIN),
    ("int(double(36028797018963969))", 36028797018963968),
    ("int(timestamp('2004-09-16T23:59:59.9Z'))", 1095379199),
    ("int(timestamp('1969-12-31T23:59:59.5Z'))", -1),
    ("int(duration('1us'))", 1000),
    # uint
    ("uint(1729)", Uint(1729)),
    ("uint(25.5)", Uint(25)),
    ("uint(1e19)", Uint(10**19)),
    ("uint('18446744073709551615')", Uint(UINT_MAX)),
    ("uint(-0.0)", Uint(0)),
    # double
    ("double('-84.32e7')", -8.432e8),
    ("double('-0.0')", -0.0),
    ("double('.5') + double('5.')", 5.5),
    ("double('inf')", math.inf),
    ("double('-Infinity')", -math.inf),
    ("double('NaN')", math.nan),
    ("double(9223372036854775807)", 2.0**63),
    ("double(18446744073709551615u)", 2.0**64),
    # bool
    ("bool('TRUE') && bool('t') && bool('1') && bool('T')", True),
    ("bool('False') || bool('f') || bool('0') || bool(false)", False),
    # type
    ("type(null)", TypeValue("null_type")),
    ("type(1) == int && type(1u) == uint && type(1.0) == double && type('') == string", True),
    ("type(b'') == bytes && type(true) == bool && type([]) == list && type({}) == map", True),
    ("type(type(1)) == type && type(optional.none()) == optional_type", True),
    ("type(optional.of(1)) == optional_type && type(duration('1s')) != type(timestamp(0))", True),
    ("type(timestamp(0)) == google.protobuf.Timestamp", True),
    ("dyn(1)", 1),
    # JSON
    ("json.parse(json.encode(a.m)).k", 1),
    ("json.encode({'b': [1, 2.5, 'ä', null, 3u, b'a'], 1: duration('1s')})",
     '{"b":[1,2.5,"ä",null,3,"YQ=="],"1":"1s"}'),
    ("json.parse('{\"a\": [1, 1.0, null, \"\\\\u00e4\"]}')", {"a": [1, 1.0, None, "ä"]}),
    ("json.parse('\"\\\\ud83d\\\\udc31\"')", "🐱"),
    # optionals
    ("optional.of(null)", Present(None)),
    ("optional.of(1).value() + optional.none().orValue(2)", 3),
    ("optional.none().hasValue() || !optional.of(0).hasValue()", False),
    ("optional.none().or(optional.of(2)).value()", 2),
    ("optional.of(1).or(optional.of(2)).value()", 1),
    ("optional.unwrap([optional.of(1), optional.none(), optional.of('a')])", [1, "a"]),
    ("[optional.none(), optional.of(null)].unwrapOpt()", [None]),
    ("[optional.of(1u)] == [optional.of(1)]", True),
    # base64
    ("base64.encode(b'hello')", "aGVsbG8="),
    ("base64.encode(b'')", ""),
    ("base64.decode('aGVsbG8=')", b"hello"),
    ("base64.decode('aGVsbG8')", b"hello"),
    ("base64.decode('aGVs\\r\\nbG8')", b"hello"),
    ("base64.decode('')", b""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text, value):
    found = evaluate(text, DATA)
    assert alike(found, value), found


FAILURES = [
    ("a.n + a.s", "type"),
    ("1 + 1u", "type"),
    ("1u + 1.0", "type"),
    ("true + true", "type"),
    ("null + null", "type"),
    ("{} + {}", "type"),
    ("timestamp(0) + timestamp(0)", "type"),
    ("duration('1s') - timestamp(0)", "type"),
    ("b'' + ''", "type"),
    ("-true", "type"),
    ("-dyn(1u)", "type"),
    ("!0", "type"),
    ("47.5 % 5.5", "type"),
    ("5 % 2.0", "type"),
    ("9223372036854775807 + a.n", "overflow"),
    ("-9223372036854775808 - 1", "overflow"),
    ("-9223372036854775808 * -1", "overflow"),
    ("-9223372036854775808 / -1", "overflow"),
    ("-(-9223372036854775808)", "overflow"),
    ("18446744073709551615u + 1u", "overflow"),
    ("0u - 1u", "overflow"),
    ("5000000000u * 5000000000u", "overflow"),
    ("big - big", "overflow"),
    ("0 - big", "overflow"),
    ("huge * 0", "overflow"),
    ("huge / 2.0", "overflow"),
    ("0 % big", "overflow"),
    ("string(huge)", "overflow"),
    ("double(huge)", "overflow"),
    ("int(big)", "overflow"),
    ("a.n / 0", "division_by_zero"),
    ("1u / 0u", "division_by_zero"),
    ("a.n % 0", "division_by_zero"),
    ("1u % 0u", "division_by_zero"),
    ("a.s < 1", "type"),
    ("true < 1", "type"),
    ("[0] < [1]", "type"),
    ("{} < {}", "type"),
    ("null < null", "type"),
    ("int < int", "type"),
    ("timestamp(0) < duration('1s')", "type"),
    ("1 in 1", "type"),
    ("'a' in 'abc'", "type"),
    ("a.nope", "missing"),
    ("a.l[3]", "missing"),
    ("a.l[-1]", "missing"),
    ("{1: 1}[2]", "missing"),
    ("{1: 1}[3.1]", "missing"),
    ("{1: 1}[true]", "missing"),
    ("{'a': 1}['b']", "missing"),
    ("{1: 1}[dyn(b'')]", "type"),
    ("a.l[dyn('')]", "type"),
    ("a.l[dyn(1.5)]", "type"),
    ("a.l[dyn(true)]", "type"),
    ("a.l[?1.5]", "type"),
    ("a.n[?1]", "type"),
    ("a.n.?x", "type"),
    ("a.z.field", "type"),
    ("a.n.field", "type"),
    ("has(a.n.field)", "type"),
    ("a.?z.field", "type"),
    ("a.?n[0]", "type"),
    ("size(1)", "type"),
    ("size(null)", "type"),
    ("string(null)", "type"),
    ("string([])", "type"),
    ("string(int)", "type"),
    ("string(optional.of(1))", "type"),
    ("string(b'\\xff')", "argument"),
    ("bytes(1)", "type"),
    ("int('x')", "argument"),
    ("int('')", "argument"),
    ("int('1.0')", "argument"),
    ("int(' 1')", "argument"),
    ("int('0x1')", "argument"),
    ("int('1_000')", "argument"),
    ("int('१')", "argument"),
    ("int('9223372036854775808')", "overflow"),
    ("int(18446744073709551615u)", "overflow"),
    ("int(9223372036854775807.0)", "overflow"),
    ("int(-9223372036854775808.0)", "overflow"),
    ("int(1e99)", "overflow"),
    ("int(0.0/0.0)", "overflow"),
    ("int(1.0/0.0)", "overflow"),
    ("int(true)", "type"),
    ("int(null)", "type"),
    ("uint('-1')", "argument"),
    ("uint('+1')", "argument"),
    ("uint(-1)", "overflow"),
    ("uint(-0.5)", "overflow"),
    ("uint(6.022e23)", "overflow"),
    ("uint(18446744073709551616.0)", "overflow"),
    ("uint('18446744073709551616')", "overflow"),
    ("uint(timestamp(0))", "type"),
    ("double('')", "argument"),
    ("double('1e')", "argument"),
    ("double('1_0')", "argument"),
    ("double('nano')", "argument"),
    ("double(' 1')", "argument"),
    ("double('1e400')", "overflow"),
    ("double(true)", "type"),
    ("bool('FaLsE')", "argument"),
    ("bool('yes')", "argument"),
    ("bool(1)", "type"),
    ("json.parse('{')", "argument"),
    ("json.parse('NaN')", "argument"),
    ("json.parse('\"\\\\ud83d\"')", "argument"),
    ("json.parse('{\"\\\\uDC00\": 1}')", "argument"),
    ("json.parse('9223372036854775808')", "overflow"),
    ("json.parse('1e400')", "overflow"),
    ("json.parse(1)", "type"),
    ("json.encode(0.0/0.0)", "overflow"),
    ("json.encode({1: 0, '1': 0})", "argument"),
    ("optional.none().value()", "missing"),
    ("a.n.value()", "type"),
    ("a.n.hasValue()", "type"),
    ("a.n.orValue(1)", "type"),
    ("a.n.or(optional.of(1))", "type"),
    ("optional.none().or(1)", "type"),
    ("[1].unwrapOpt()", "type"),
    ("optional.unwrap(1)", "type"),
    ("base64.decode('a')", "argument"),
    ("base64.decode('aGVsbG8==')", "argument"),
    ("base64.decode('aGVs bG8=')", "argument"),
    ("base64.decode('=')", "argument"),
    ("base64.decode('äääa')", "argument"),
    ("base64.decode(b'')", "type"),
    ("base64.encode('')", "type"),
]


@pytest.mark.parametrize(("text", "code"), FAILURES)
def test_failures(text, code):
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, DATA)
    assert caught.value.code == code, caught.value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 + 'a'", "`+` does not take (int, string)"),
        ("int('x')", "`int`: `x` is not an integer"),
        ("uint(-1)", "`uint`: -1 is out of range"),
        ("base64.decode('a')", "`base64.decode`"),
        ("{1: 2}[3u]", "there is no key 3"),
        ("a.z.field", "`field` is read from a value of type null"),
    ],
)
def test_messages_name_the_function_as_its_author_does(text, words):
    with pytest.raises(EvaluationError, match=re.escape(words)):
        evaluate(text, DATA)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"), (-0.0, "-0"), (123.456, "123.456"), (-4.5e-3, "-0.0045"), (100000.0, "100000"),
        (999999.9, "999999.9"), (1e6, "1e+06"), (1234567.0, "1.234567e+06"), (-1.5e9, "-1.5e+09"),
        (1e-4, "0.0001"), (1e-5, "1e-05"), (-2.5e-7, "-2.5e-07"), (5e-324, "5e-324"),
        (0.1, "0.1"), (1 / 3, "0.3333333333333333"), (1e21, "1e+21"), (1e16, "1e+16"),
    ],
)  # fmt: skip
def test_doubles_print_as_in_go(value, text):
    assert double_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_reads_back_from_its_text(value):
    assert alike(float(double_text(value)), value)


ZERO = ["null", "false", "0", "0u", "0.0", "-0.0", "''", "b''", "[]", "{}", "duration('0s')",
        "timestamp('0001-01-01T00:00:00Z')"]  # fmt: skip
NOT_ZERO = ["true", "1", "1u", "0.1", "0.0/0.0", "' '", "b'\\000'", "[0]", "{'': 0}", "int",
            "duration('-1ns')", "timestamp(0)", "optional.none()"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "has"), [*((zero, False) for zero in ZERO), *((some, True) for some in NOT_ZERO)]
)
def test_of_non_zero_value(text, has):
    assert evaluate(f"optional.ofNonZeroValue({text}).hasValue()") is has


def test_declared_doubles_are_doubles():
    coerce = FUNCTIONS["@double"].call
    assert alike(coerce(3), 3.0)
    for value in (3.5, "3", None, True, Uint(3), [3]):
        assert coerce(value) is value


def parts(type_):
    """Yield the type and all types in it."""
    yield type_
    for name in ("elem", "key", "value", "of"):
        inner = getattr(type_, name, None)
        if isinstance(inner, Type):
            yield from parts(inner)


def test_the_table_is_sound():
    names = [function.name for table in functions._TABLES for function in table]
    assert len(names) == len(set(names))
    assert {"math", "optional", "json", "base64"} <= NAMESPACES
    for name, function in FUNCTIONS.items():
        assert function.name == name
        assert function.doc
        assert function.overloads
        shapes = [(overload.params, overload.method) for overload in function.overloads]
        assert len(shapes) == len(set(map(repr, shapes))), name
        for overload in function.overloads:
            given_ = {p for param in overload.params for p in parts(param) if isinstance(p, Param)}
            made = {p for p in parts(overload.result) if isinstance(p, Param)}
            assert made <= given_ or not overload.params, name


ODD = [None, True, 1, Uint(1), 1.5, "a", b"a", [1], {"a": 1}, Timestamp(1), Duration(1),
       TypeValue("int"), Present(1), NONE, Address(ip_address("::1")), [], "", INT_MIN,
       Network(ip_interface("::1/8")), math.nan, math.inf, 2**64, -(10**400)]  # fmt: skip


CODES = {None, "missing", "type", "overflow", "division_by_zero", "argument", "size", "cost"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_returns_or_raises_an_evaluation_error(name):
    function = FUNCTIONS[name]
    counts = {len(overload.params) for overload in function.overloads}
    for count in counts:
        for at, first in enumerate(ODD):
            for second in ODD if count > 1 else [None]:
                args = [first, second, ODD[at - 1], ODD[at - 2]][:count]
                assert attempt(function.call, *args)[1] in CODES
