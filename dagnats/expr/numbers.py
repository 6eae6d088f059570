"""What the builtins on numbers do."""

import math
from collections.abc import Callable
from typing import Any, Final

from dagnats.expr import values
from dagnats.expr.values import EvaluationError, is_number, no_overload, want

_BITS: Final = 64


def _number(function: str, value: Any) -> Any:
    if not is_number(value):
        raise no_overload(function, value)
    return value


def _extreme(function: str, choose: Callable[[Any, Any], bool], args: tuple[Any, ...]) -> Any:
    numbers = args[0] if len(args) == 1 and type(args[0]) is list else args
    if not numbers:
        raise EvaluationError(f"`{function}` of nothing", "argument")
    best = _number(function, numbers[0])
    for number in numbers:
        if choose(_number(function, number), best):
            best = number
    return best


def greatest(*args: Any) -> Any:
    """Return the greatest of some numbers, or of a list."""
    return _extreme("math.greatest", lambda a, b: a > b, args)


def least(*args: Any) -> Any:
    """Return the least of some numbers, or of a list."""
    return _extreme("math.least", lambda a, b: a < b, args)


def absolute(value: Any) -> Any:
    """Return a number without its sign."""
    return values.checked(abs(_number("math.abs", value)))


def sign(value: Any) -> Any:
    """Return -1, 0 or 1 of the number's own type."""
    _number("math.sign", value)
    return type(value)((value > 0) - (value < 0))


def _double(function: str, value: Any) -> float:
    if type(value) is not float:
        raise no_overload(function, value)
    return value


def ceil(value: Any) -> float:
    """Return the least whole double that is not less."""
    return float(math.ceil(_double("math.ceil", value)))


def floor(value: Any) -> float:
    """Return the greatest whole double that is not greater."""
    return float(math.floor(_double("math.floor", value)))


def trunc(value: Any) -> float:
    """Return the double without its fraction."""
    return float(math.trunc(_double("math.trunc", value)))


def round_half(value: Any) -> float:
    """Return the nearest whole double, halves away from zero."""
    whole = math.floor(abs(_double("math.round", value)))
    if abs(value) - whole >= 0.5:
        whole += 1
    return math.copysign(float(whole), value)


def sqrt(value: Any) -> float:
    """Return the square root of a number that is not negative."""
    if _number("math.sqrt", value) < 0:
        raise EvaluationError("square root of a negative number", "argument")
    return math.sqrt(value)


def is_nan(value: Any) -> bool:
    """Whether a double is no number."""
    return math.isnan(_double("math.isNaN", value))


def is_inf(value: Any) -> bool:
    """Whether a double is infinite."""
    return math.isinf(_double("math.isInf", value))


def is_finite(value: Any) -> bool:
    """Whether a double is finite."""
    return math.isfinite(_double("math.isFinite", value))


def bit_and(left: Any, right: Any) -> int:
    """Bitwise and."""
    want("math.bitAnd", (left, int), (right, int))
    return int(left & right)


def bit_or(left: Any, right: Any) -> int:
    """Bitwise or."""
    want("math.bitOr", (left, int), (right, int))
    return int(left | right)


def bit_xor(left: Any, right: Any) -> int:
    """Bitwise exclusive or."""
    want("math.bitXor", (left, int), (right, int))
    return int(left ^ right)


def bit_not(value: Any) -> int:
    """Bitwise not."""
    want("math.bitNot", (value, int))
    return int(~value)


def _shift(function: str, value: Any, by: Any) -> int:
    want(function, (value, int), (by, int))
    if by < 0:
        raise EvaluationError(f"`{function}` by a negative number of bits", "argument")
    return min(int(by), _BITS)


def shift_left(value: Any, by: Any) -> int:
    """Move the 64 bits up; those that leave are lost."""
    bits = (value << _shift("math.bitShiftLeft", value, by)) & (2**_BITS - 1)
    return int(bits - 2**_BITS if bits >> (_BITS - 1) else bits)


def shift_right(value: Any, by: Any) -> int:
    """Move the 64 bits down, zeros coming in."""
    by = _shift("math.bitShiftRight", value, by)
    return int(value if by == 0 else (value & (2**_BITS - 1)) >> by)
