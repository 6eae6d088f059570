"""What makes, tests and opens optionals."""

from typing import Any, Final

from dagnats.expr.kinds import NONE, Absent, Duration, Present, Timestamp, Uint
from dagnats.expr.library.dates import TIMESTAMP_NS_MIN
from dagnats.expr.library.values import EvaluationError, no_overload, want
from dagnats.expr.signatures import Function, method, over
from dagnats.expr.types import BOOL, List, Optional, Param

_EMPTY: Final = frozenset({bool, int, Uint, float, str, bytes, list, dict})


def none() -> Absent:
    """Return the optional without a value."""
    return NONE


def of_non_zero(value: Any) -> Present | Absent:
    """Return an optional, without a value for null, false, zero and what is empty.

    The zero of timestamps is the beginning of the year 1, as in cel-go.
    """
    kind = type(value)
    if value is None or (kind in _EMPTY and not value):
        return NONE
    zero = (kind is Duration and value.ns == 0) or (
        kind is Timestamp and value.ns == TIMESTAMP_NS_MIN
    )
    return NONE if zero else Present(value)


def has_value(held: Any) -> bool:
    """Whether an optional has a value."""
    if type(held) is Present or held is NONE:
        return held is not NONE
    raise no_overload("hasValue", held)


def value(held: Any) -> Any:
    """Return the value of an optional."""
    if type(held) is Present:
        return held.value
    if held is NONE:
        raise EvaluationError("`value`: the optional has no value", "missing")
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
    if type(held) is Present:
        return held
    if held is NONE and (type(other) is Present or other is NONE):
        return other
    raise no_overload("or", held, other)


def _unwrapped(function: str, items: Any) -> list[Any]:
    want(function, (items, list))
    for held in items:
        if type(held) is not Present and held is not NONE:
            raise no_overload(function, held)
    return [held.value for held in items if held is not NONE]


def unwrap(items: Any) -> list[Any]:
    """Return the values of those of a list of optionals that have one."""
    return _unwrapped("optional.unwrap", items)


def unwrap_method(items: Any) -> list[Any]:
    """Do as `unwrap` does, as a method."""
    return _unwrapped("unwrapOpt", items)


_V = Param("V")
_HELD: Final = Optional(_V)

FUNCTIONS: Final = (
    Function("optional.of", "an optional with a value", Present, (over(_V, gives=_HELD),)),
    Function(
        "optional.ofNonZeroValue",
        "an optional, without a value for zero or what is empty",
        of_non_zero,
        (over(_V, gives=_HELD),),
    ),
    Function("optional.none", "an optional without a value", none, (over(gives=_HELD),)),
    Function("hasValue", "whether there is a value", has_value, (method(_HELD, gives=BOOL),)),
    Function("value", "the value, or an error", value, (method(_HELD, gives=_V),)),
    Function("orValue", "the value, or another", or_value, (method(_HELD, _V, gives=_V),)),
    Function("or", "this optional, or another", or_optional, (method(_HELD, _HELD, gives=_HELD),)),
    Function(
        "optional.unwrap",
        "the values of a list of optionals, those that have one",
        unwrap,
        (over(List(_HELD), gives=List(_V)),),
    ),
    Function(
        "unwrapOpt",
        "the values of a list of optionals, those that have one",
        unwrap_method,
        (method(List(_HELD), gives=List(_V)),),
    ),
)
