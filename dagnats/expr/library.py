"""What operators, conversions and optionals do. Each checks its own arguments."""

import json
import math
import re
from typing import Any

from dagnats.expr import values
from dagnats.expr.values import (
    NONE,
    Absent,
    EvaluationError,
    Present,
    equal,
    is_number,
    no_overload,
    sized,
    want,
)

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_TRUE = frozenset({"true", "TRUE", "True", "t", "1"})
_FALSE = frozenset({"false", "FALSE", "False", "f", "0"})


def invert(value: Any) -> bool:
    """`!value`."""
    if type(value) is not bool:
        raise no_overload("!", value)
    return not value


def unequal(left: Any, right: Any) -> bool:
    """`left != right`."""
    return not equal(left, right)


def less(left: Any, right: Any) -> bool:
    """`left < right`."""
    one, two = values.ordered("<", left, right)
    return bool(one < two)


def at_most(left: Any, right: Any) -> bool:
    """`left <= right`."""
    one, two = values.ordered("<=", left, right)
    return bool(one <= two)


def greater(left: Any, right: Any) -> bool:
    """`left > right`."""
    one, two = values.ordered(">", left, right)
    return bool(one > two)


def at_least(left: Any, right: Any) -> bool:
    """`left >= right`."""
    one, two = values.ordered(">=", left, right)
    return bool(one >= two)


def size(value: Any) -> int:
    """Return the number of characters, items or entries."""
    if type(value) in {str, list, dict}:
        return len(value)
    raise no_overload("size", value)


def same(value: Any) -> Any:
    """Return the value itself."""
    return value


def to_string(value: Any) -> str:
    """Return a scalar as text."""
    if type(value) is str or type(value) is bool or is_number(value):
        return values.text(value)
    raise no_overload("string", value)


def to_int(value: Any) -> int:
    """Return a number, or the number a text spells, as an integer, cut towards zero."""
    if type(value) is int:
        return value
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(values.checked(int(value)))
    if type(value) is float and math.isfinite(value) and -(2.0**63) < value < 2.0**63:
        return int(value)
    if type(value) in {str, float}:
        raise EvaluationError(f"`{value}` is not an integer of 64 bits", "argument")
    raise no_overload("int", value)


def to_double(value: Any) -> float:
    """Return a number, or the number a text spells, as a double."""
    if is_number(value):
        return float(value)
    if type(value) is str:
        if _DOUBLE.fullmatch(value):
            return float(values.checked(float(value)))
        raise EvaluationError(f"`{value}` is not a number", "argument")
    raise no_overload("double", value)


def to_bool(value: Any) -> bool:
    """Return a bool, or the one a text spells."""
    if type(value) is bool:
        return value
    if type(value) is str:
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise EvaluationError(f"`{value}` is neither true nor false", "argument")
    raise no_overload("bool", value)


def json_encode(value: Any) -> str:
    """Return the value as compact JSON text."""
    text = json.dumps(values.leaving(value), ensure_ascii=False, separators=(",", ":"))
    return sized(text, len(text))


def json_parse(text: Any) -> Any:
    """Return the value that a JSON text spells; numbers must be in range."""
    want("json.parse", (text, str))
    try:
        return json.loads(
            text,
            parse_int=lambda digits: values.checked(to_int(digits)),
            parse_float=lambda digits: values.checked(float(digits)),
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"the text is not JSON: {error}", "argument") from None


def _no_constant(name: str) -> Any:
    raise EvaluationError(f"the text is not JSON: it has no {name}", "argument")


def none() -> Absent:
    """Return the optional without a value."""
    return NONE


def of_non_zero(value: Any) -> Present | Absent:
    """Return an optional, without a value for null, false, zero and what is empty."""
    return Present(value) if value else NONE


def has_value(value: Any) -> bool:
    """Whether an optional has a value."""
    if isinstance(value, Present | Absent):
        return value is not NONE
    raise no_overload("hasValue", value)


def value(held: Any) -> Any:
    """Return the value of an optional."""
    if type(held) is Present:
        return held.value
    if held is NONE:
        raise EvaluationError("the optional has no value", "missing")
    raise no_overload("value", held)


def or_value(held: Any, other: Any) -> Any:
    """Return the value of an optional, or another."""
    if type(held) is Present:
        return held.value
    if held is NONE:
        return other
    raise no_overload("orValue", held, other)


def or_optional(held: Any, other: Any) -> Any:
    """Return an optional if it has a value, or else the other."""
    if isinstance(held, Present | Absent) and isinstance(other, Present | Absent):
        return other if held is NONE else held
    raise no_overload("or", held, other)
