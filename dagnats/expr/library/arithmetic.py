"""Arithmetic: integers of 64 bits that never wrap, doubles as IEEE 754 has them, time.

An int beside a double becomes a double; no other kinds mix.
"""

import math
from typing import Any, Final

from dagnats.expr.kinds import UINT_MAX, Duration, Timestamp, Uint
from dagnats.expr.library.dates import DURATION_NS_MAX, TIMESTAMP_NS_MAX, TIMESTAMP_NS_MIN
from dagnats.expr.library.failures import EvaluationError, bounded, chunk, no_overload, sized

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

_NUMBERS: Final = frozenset({int, Uint, float})


def checked(value: Any) -> Any:
    """Return a number; raises when it is an integer that left the range of its kind."""
    kind = type(value)
    if kind is int:
        if INT_MIN <= value <= INT_MAX:
            return value
        raise EvaluationError("the integer does not fit in 64 bits", "overflow")
    if kind is Uint and not 0 <= value <= UINT_MAX:
        raise EvaluationError("the unsigned integer does not fit in 64 bits", "overflow")
    return value


def unsigned(value: int) -> Uint:
    """Return an unsigned integer; raises when it is negative or does not fit in 64 bits."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError("the result does not fit in an unsigned 64-bit integer", "overflow")


def span(ns: int) -> Duration:
    """Return a duration; raises when it is longer than about 292 years."""
    if -DURATION_NS_MAX - 1 <= ns <= DURATION_NS_MAX:
        return Duration(ns)
    raise EvaluationError("the duration is longer than 292 years", "overflow")


def moment(ns: int) -> Timestamp:
    """Return a timestamp; raises when it is not in the years 1 to 9999."""
    if TIMESTAMP_NS_MIN <= ns <= TIMESTAMP_NS_MAX:
        return Timestamp(ns)
    raise EvaluationError("the timestamp is outside the years 1 to 9999", "overflow")


def _operands(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Return two numbers of one kind, an int beside a double made one; None when they do not mix.

    Raises when an integer, which data may have brought, is not of 64 bits.
    """
    kind, other = type(left), type(right)
    if kind is other and kind in _NUMBERS:
        return checked(left), checked(right)
    if kind is int and other is float:
        return float(checked(left)), right
    if kind is float and other is int:
        return left, float(checked(right))
    return None


def _number(value: Any, kind: type) -> Any:
    """Return the result of an operation on two numbers of a kind, checked."""
    if kind is Uint:
        return unsigned(value)
    return value if kind is float else checked(value)


def add(left: Any, right: Any) -> Any:
    """`left + right`: numbers, strings, bytes, lists, durations, a duration and a timestamp."""
    if type(left) is int and type(right) is int:  # the commonest by far
        total = left + right
        if INT_MIN <= total <= INT_MAX and INT_MIN <= left <= INT_MAX >= right >= INT_MIN:
            return total
    pair = _operands(left, right)
    if pair is not None:
        return _number(pair[0] + pair[1], type(pair[0]))
    kind, other = type(left), type(right)
    if kind is other:
        if kind is str:
            return sized(left, len(left) + len(right)) + right
        if kind is list:
            bounded(len(left) + len(right))
            return left + right
        if kind is bytes:
            return chunk(left, len(left) + len(right)) + right
        if kind is Duration:
            return span(left.ns + right.ns)
    if (kind is Timestamp and other is Duration) or (kind is Duration and other is Timestamp):
        return moment(left.ns + right.ns)
    raise no_overload("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """`left - right`: numbers, durations, timestamps, a duration from a timestamp."""
    if type(left) is int and type(right) is int:  # the commonest by far
        difference = left - right
        if INT_MIN <= difference <= INT_MAX and INT_MIN <= left <= INT_MAX >= right >= INT_MIN:
            return difference
    pair = _operands(left, right)
    if pair is not None:
        return _number(pair[0] - pair[1], type(pair[0]))
    kind, other = type(left), type(right)
    if other is Duration:
        if kind is Duration:
            return span(left.ns - right.ns)
        if kind is Timestamp:
            return moment(left.ns - right.ns)
    if kind is Timestamp and other is Timestamp:
        return span(left.ns - right.ns)
    raise no_overload("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`."""
    if type(left) is int and type(right) is int:  # the commonest by far
        product = left * right
        if INT_MIN <= product <= INT_MAX and INT_MIN <= left <= INT_MAX >= right >= INT_MIN:
            return product
    pair = _operands(left, right)
    if pair is not None:
        return _number(pair[0] * pair[1], type(pair[0]))
    raise no_overload("*", left, right)


def divide(left: Any, right: Any) -> Any:
    """`left / right`; of two integers the quotient towards zero, of doubles what IEEE 754 says."""
    pair = _operands(left, right)
    if pair is None:
        raise no_overload("/", left, right)
    left, right = pair
    kind = type(left)
    if kind is float:
        return _quotient(left, right)
    if right == 0:
        raise EvaluationError("division by zero", "division_by_zero")
    quotient = abs(left) // abs(right)
    return _number(quotient if (left < 0) == (right < 0) else -quotient, kind)


def _quotient(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def modulo(left: Any, right: Any) -> Any:
    """`left % right` of integers, with the sign of `left`."""
    pair = _operands(left, right)
    if pair is None or type(pair[0]) is float:
        raise no_overload("%", left, right)
    left, right = pair
    if right == 0:
        raise EvaluationError("modulus by zero", "division_by_zero")
    remainder = abs(left) % abs(right)
    return _number(-remainder if left < 0 else remainder, type(left))


def negate(value: Any) -> Any:
    """`-value` of an int or a double."""
    if type(value) is float:
        return -value
    if type(value) is int:
        return checked(-checked(value))
    raise no_overload("-", value)
