"""Functions on numbers: what `math.` holds.

Doubles may be infinite or no number here; they are refused where they leave an expression.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from dagnats.expr import types as t
from dagnats.expr.kinds import UINT_MAX, Uint
from dagnats.expr.library.values import INT_MAX, INT_MIN, EvaluationError, no_overload
from dagnats.expr.signatures import Function, over

_BITS: Final = 64
_NUMBERS: Final = frozenset({int, float, Uint})


def _extreme(name: str, better: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def choose(*args: Any) -> Any:
        numbers = args[0] if len(args) == 1 and type(args[0]) is list else args
        if not numbers:
            raise EvaluationError(f"`{name}` of nothing", "argument")
        best = numbers[0]
        for number in numbers:
            if type(number) not in _NUMBERS:
                raise no_overload(name, *args)
            if number != number and len(numbers) > 1:  # noqa: PLR0124 (only NaN is not itself)
                raise EvaluationError(f"`{name}`: NaN has no order", "argument")
            if better(number, best):
                best = number
        return best

    return choose


greatest = _extreme("math.greatest", lambda a, b: bool(a > b))
least = _extreme("math.least", lambda a, b: bool(a < b))


def absolute(value: Any) -> Any:
    """Return a number without its sign."""
    if type(value) is Uint:
        return value
    if type(value) is float:
        return abs(value)
    if type(value) is not int:
        raise no_overload("math.abs", value)
    if value == INT_MIN:
        raise EvaluationError("the result does not fit in a 64-bit integer", "overflow")
    return abs(value)


def sign(value: Any) -> Any:
    """Return -1, 0 or 1 of the number's own type, and NaN of NaN."""
    if type(value) not in _NUMBERS:
        raise no_overload("math.sign", value)
    if type(value) is float and math.isnan(value):
        return value
    return type(value)((value > 0) - (value < 0))


def _double(function: str, value: Any) -> float:
    if type(value) is not float:
        raise no_overload(function, value)
    return value


def _whole(name: str, cut: Callable[[float], int]) -> Callable[[Any], float]:
    def rounded(value: Any) -> float:
        if not math.isfinite(_double(name, value)):
            return float(value)
        # A zero keeps the sign of what it was rounded from.
        return math.copysign(float(cut(value)), value)

    return rounded


def _half_away(value: float) -> int:
    size = abs(value)
    whole = math.floor(size)
    return whole + 1 if size - whole >= 0.5 else whole


ceil = _whole("math.ceil", math.ceil)
floor = _whole("math.floor", math.floor)
trunc = _whole("math.trunc", math.trunc)
round_half = _whole("math.round", _half_away)


def sqrt(value: Any) -> float:
    """Return the square root; NaN of what is negative."""
    if type(value) not in _NUMBERS:
        raise no_overload("math.sqrt", value)
    return math.nan if value < 0 else math.sqrt(value)


def is_nan(value: Any) -> bool:
    """Whether a double is no number."""
    return math.isnan(_double("math.isNaN", value))


def is_inf(value: Any) -> bool:
    """Whether a double is infinite."""
    return math.isinf(_double("math.isInf", value))


def is_finite(value: Any) -> bool:
    """Whether a double is finite."""
    return math.isfinite(_double("math.isFinite", value))


def _bitwise(name: str, combine: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def both(left: Any, right: Any) -> int:
        kind = type(left)
        if kind is not type(right) or (kind is not int and kind is not Uint):
            raise no_overload(name, left, right)
        result = combine(left, right)
        return Uint(result) if kind is Uint else result

    return both


bit_and = _bitwise("math.bitAnd", int.__and__)
bit_or = _bitwise("math.bitOr", int.__or__)
bit_xor = _bitwise("math.bitXor", int.__xor__)


def bit_not(value: Any) -> int:
    """Turn every bit of an int or uint round."""
    if type(value) is Uint:
        return Uint(UINT_MAX ^ value)
    if type(value) is not int:
        raise no_overload("math.bitNot", value)
    return ~value


def _shift(name: str, move: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def shifted(value: Any, by: Any) -> int:
        kind = type(value)
        if type(by) is not int or (kind is not int and kind is not Uint):
            raise no_overload(name, value, by)
        if by < 0:
            raise EvaluationError(f"`{name}` by a negative number of bits", "argument")
        bits = move(value & UINT_MAX, min(by, _BITS)) & UINT_MAX
        if kind is Uint:
            return Uint(bits)
        return bits - UINT_MAX - 1 if bits > INT_MAX else bits

    return shifted


shift_left = _shift("math.bitShiftLeft", int.__lshift__)
shift_right = _shift("math.bitShiftRight", int.__rshift__)


def _table() -> tuple[Function, ...]:
    kinds = (t.INT, t.UINT, t.DOUBLE)
    own = tuple(over(kind, gives=kind) for kind in kinds)
    many = (*own, *(over(t.List(kind), gives=kind) for kind in kinds))
    real = (over(t.DOUBLE, gives=t.DOUBLE),)
    root = tuple(over(kind, gives=t.DOUBLE) for kind in kinds)
    test = (over(t.DOUBLE, gives=t.BOOL),)
    one, two = own[:2], tuple(over(kind, kind, gives=kind) for kind in kinds[:2])
    shift = tuple(over(kind, t.INT, gives=kind) for kind in kinds[:2])
    return (
        Function("math.greatest", "the greatest", greatest, many, variadic=True),
        Function("math.least", "the least", least, many, variadic=True),
        Function("math.abs", "without its sign", absolute, own),
        Function("math.sign", "-1, 0 or 1", sign, own),
        Function("math.ceil", "rounded up", ceil, real),
        Function("math.floor", "rounded down", floor, real),
        Function("math.round", "rounded, halves away from zero", round_half, real),
        Function("math.trunc", "the fraction cut off", trunc, real),
        Function("math.sqrt", "square root", sqrt, root),
        Function("math.isNaN", "whether it is no number", is_nan, test),
        Function("math.isInf", "whether it is infinite", is_inf, test),
        Function("math.isFinite", "whether it is finite", is_finite, test),
        Function("math.bitAnd", "bitwise and", bit_and, two),
        Function("math.bitOr", "bitwise or", bit_or, two),
        Function("math.bitXor", "bitwise exclusive or", bit_xor, two),
        Function("math.bitNot", "bitwise not", bit_not, one),
        Function("math.bitShiftLeft", "the 64 bits moved up, zeros coming in", shift_left, shift),
        Function(
            "math.bitShiftRight", "the 64 bits moved down, zeros coming in", shift_right, shift
        ),
    )


FUNCTIONS: tuple[Function, ...] = _table()
