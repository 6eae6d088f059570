import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.kinds import Uint
from dagnats.expr.library import numbers
from dagnats.expr.library.values import EvaluationError

CALLS = {function.name.removeprefix("math."): function.call for function in numbers.FUNCTIONS}
INF, NAN = math.inf, math.nan
LEAST, GREATEST = -(2**63), 2**63 - 1
U_MAX = 2**64 - 1


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("greatest", (-5,), -5),
        ("greatest", (1, 1.0, Uint(1)), 1),
        ("greatest", (Uint(1), 1, 1.0), Uint(1)),
        ("greatest", (5.4, 10, Uint(3), -5.0), 10),
        ("greatest", (5.4, Uint(U_MAX), 10), Uint(U_MAX)),
        ("greatest", ([-42.0, -21.5, -100.0],), -21.5),
        ("greatest", (1, INF), INF),
        ("least", (1, 1.0), 1),
        ("least", (1.0, 1), 1.0),
        ("least", (5.4, 10, Uint(3), -5.0), -5.0),
        ("least", ([Uint(2), 3, 1.5],), 1.5),
        ("least", (LEAST, -INF), -INF),
        ("abs", (-11,), 11),
        ("abs", (Uint(3),), Uint(3)),
        ("abs", (-1.5,), 1.5),
        ("abs", (-INF,), INF),
        ("abs", (GREATEST,), GREATEST),
        ("sign", (Uint(100),), Uint(1)),
        ("sign", (Uint(0),), Uint(0)),
        ("sign", (-11,), -1),
        ("sign", (0,), 0),
        ("sign", (-32.5,), -1.0),
        ("sign", (-0.0,), 0.0),
        ("ceil", (1.2,), 2.0),
        ("ceil", (-1.2,), -1.0),
        ("ceil", (-0.5,), -0.0),
        ("floor", (1.2,), 1.0),
        ("floor", (-1.2,), -2.0),
        ("round", (1.5,), 2.0),
        ("round", (-1.5,), -2.0),
        ("round", (2.5,), 3.0),
        ("round", (0.49999999999999994,), 0.0),
        ("round", (-0.2,), -0.0),
        ("round", (4503599627370497.5,), 4503599627370498.0),
        ("trunc", (-1.7,), -1.0),
        ("trunc", (1e300,), 1e300),
        ("ceil", (INF,), INF),
        ("trunc", (-INF,), -INF),
        ("sqrt", (81,), 9.0),
        ("sqrt", (Uint(16),), 4.0),
        ("sqrt", (985.25,), 31.388692231439016),
        ("sqrt", (INF,), INF),
        ("isNaN", (NAN,), True),
        ("isNaN", (INF,), False),
        ("isInf", (-INF,), True),
        ("isInf", (NAN,), False),
        ("isFinite", (1.0,), True),
        ("isFinite", (INF,), False),
        ("isFinite", (NAN,), False),
        ("bitAnd", (-3, -5), -7),
        ("bitAnd", (Uint(3), Uint(2)), Uint(2)),
        ("bitOr", (4, -2), -2),
        ("bitOr", (Uint(1), Uint(4)), Uint(5)),
        ("bitXor", (4, -2), -6),
        ("bitXor", (Uint(3), Uint(5)), Uint(6)),
        ("bitNot", (1,), -2),
        ("bitNot", (Uint(0),), Uint(U_MAX)),
        ("bitShiftLeft", (1, 2), 4),
        ("bitShiftLeft", (-1, 2), -4),
        ("bitShiftLeft", (1, 63), LEAST),
        ("bitShiftLeft", (3, 63), LEAST),
        ("bitShiftLeft", (-1, 200), 0),
        ("bitShiftLeft", (-1, 0), -1),
        ("bitShiftLeft", (Uint(1), 63), Uint(2**63)),
        ("bitShiftLeft", (Uint(1), GREATEST), Uint(0)),
        ("bitShiftRight", (1024, 2), 256),
        ("bitShiftRight", (-1024, 3), 2305843009213693824),
        ("bitShiftRight", (-1024, 0), -1024),
        ("bitShiftRight", (-1024, 64), 0),
        ("bitShiftRight", (Uint(1024), 2), Uint(256)),
    ],
)
def test_functions_on_numbers(name, args, result):
    found = CALLS[name](*args)
    assert (found, type(found)) == (result, type(result))
    assert type(found) is not float or math.copysign(1, found) == math.copysign(1, result)


@pytest.mark.parametrize(
    ("name", "args"),
    [("sqrt", (-15.0,)), ("sqrt", (-1,)), ("round", (NAN,)), ("floor", (NAN,)), ("abs", (NAN,)),
     ("sign", (NAN,)), ("greatest", (NAN,)), ("least", ([NAN],))],
)  # fmt: skip
def test_what_is_no_number(name, args):
    assert math.isnan(CALLS[name](*args))


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("greatest", ([],), "argument"),
        ("greatest", ("a",), "type"),
        ("greatest", (1, True), "type"),
        ("greatest", ([1], [2]), "type"),
        ("greatest", ([1, "a"],), "type"),
        ("greatest", (NAN, 1.0), "argument"),
        ("least", ([1, NAN],), "argument"),
        ("least", (None, 1), "type"),
        ("abs", (LEAST,), "overflow"),
        ("abs", ("a",), "type"),
        ("sign", (True,), "type"),
        ("ceil", (1,), "type"),
        ("round", (Uint(1),), "type"),
        ("sqrt", ("4",), "type"),
        ("isNaN", (1,), "type"),
        ("bitAnd", (Uint(2), 1), "type"),
        ("bitAnd", (Uint(2), ""), "type"),
        ("bitOr", (1.2, 1), "type"),
        ("bitXor", ([], [1]), "type"),
        ("bitNot", (True,), "type"),
        ("bitShiftLeft", (1, -1), "argument"),
        ("bitShiftLeft", (1, Uint(1)), "type"),
        ("bitShiftRight", (Uint(1), -1), "argument"),
        ("bitShiftRight", (b"123", 1), "type"),
    ],
)
def test_what_they_refuse(name, args, code):
    with pytest.raises(EvaluationError) as raised:
        CALLS[name](*args)
    assert raised.value.code == code


@given(st.integers(LEAST, GREATEST), st.integers(0, 70))
def test_a_shift_is_a_product_in_64_bits(value, by):
    up = CALLS["bitShiftLeft"](value, by)
    assert LEAST <= up <= GREATEST
    assert (up - (value << by)) % 2**64 == 0
    assert CALLS["bitShiftRight"](Uint(value % 2**64), by) == (value % 2**64) >> by


@given(st.floats(-1e15, 1e15))
def test_rounding_stays_within_one(value):
    down, up, cut, near = (CALLS[name](value) for name in ("floor", "ceil", "trunc", "round"))
    assert value - 1 <= down <= value <= up <= value + 1
    assert cut == (down if value >= 0 else up)
    assert abs(near - value) <= 0.5
