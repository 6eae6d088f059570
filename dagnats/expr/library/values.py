"""What values do at run time: equality, order, keys and access; and all that stands beside them.

A value is JSON as Python has it or of one of the `kinds`. `bool` is never a number here, whatever
Python thinks; a subclass of a kind is another kind, so tests are on `type(value)`.
"""

from typing import Any, Final

from dagnats.expr.kinds import (
    FALSE_KEY,
    NONE,
    TRUE_KEY,
    UINT_MAX,
    Absent,
    BoolKey,
    Duration,
    Present,
    Timestamp,
    Uint,
)
from dagnats.expr.library.arithmetic import (
    INT_MAX,
    INT_MIN,
    add,
    checked,
    divide,
    modulo,
    moment,
    multiply,
    negate,
    span,
    subtract,
    unsigned,
)
from dagnats.expr.library.failures import (
    LIST_ITEMS_MAX,
    STRING_CHARS_MAX,
    EvaluationError,
    bounded,
    chunk,
    name_of,
    no_overload,
    sized,
    want,
    within,
)
from dagnats.expr.library.leaving import double_text, leaving, text

__all__ = [
    "INT_MAX",
    "INT_MIN",
    "LIST_ITEMS_MAX",
    "NONE",
    "STRING_CHARS_MAX",
    "UINT_MAX",
    "Absent",
    "EvaluationError",
    "Present",
    "add",
    "bounded",
    "checked",
    "chunk",
    "contains",
    "divide",
    "double_text",
    "equal",
    "field",
    "from_key",
    "has_field",
    "is_number",
    "item",
    "leaving",
    "modulo",
    "moment",
    "multiply",
    "name_of",
    "negate",
    "no_overload",
    "optional_field",
    "ordered",
    "sized",
    "span",
    "subtract",
    "text",
    "to_key",
    "unsigned",
    "want",
    "within",
]

_NUMBERS: Final = frozenset({int, Uint, float})
_INTEGERS: Final = frozenset({int, Uint})
_ORDERED: Final = frozenset({int, Uint, float, str, bytes, bool, Timestamp, Duration})
_SIMPLE: Final = frozenset({int, float, str, bool, Uint, bytes, type(None), Timestamp, Duration})
"""Kinds whose equality is Python's."""
_KEYS: Final = frozenset({str, int, Uint, bool, float})
_MISSING: Final = object()

_Pairs = set[tuple[int, int]]


def is_number(value: Any) -> bool:
    """Whether the value is an int, a uint or a double."""
    return type(value) in _NUMBERS


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal; values of different kinds never are, and never fail.

    Numbers are equal when they are the same number, whatever their kinds; NaN equals nothing.
    """
    kind, other = type(left), type(right)
    if kind is other:
        if kind in _SIMPLE:
            return bool(left == right)
        return _equal_inside(left, right, set())
    return kind in _NUMBERS and other in _NUMBERS and bool(left == right)


def _equal_inside(left: Any, right: Any, known: _Pairs) -> bool:
    """Compare two values; `known` are the pairs of lists and maps that are equal."""
    kind = type(left)
    if kind is not type(right):
        return kind in _NUMBERS and type(right) in _NUMBERS and bool(left == right)
    if kind is list:
        return len(left) == len(right) and _equal_lists(left, right, known)
    if kind is dict:
        return len(left) == len(right) and _equal_maps(left, right, known)
    if kind is Present:
        return _equal_inside(left.value, right.value, known)
    return bool(left == right)


def _equal_lists(left: list[Any], right: list[Any], known: _Pairs) -> bool:
    # Values that stand in many places are compared once, not in each
    pair = (id(left), id(right))
    if pair in known:
        return True
    for one, other in zip(left, right, strict=True):
        kind = type(one)
        if kind is type(other) and kind in _SIMPLE:
            if one != other:
                return False
        elif not _equal_inside(one, other, known):
            return False
    known.add(pair)
    return True


def _equal_maps(left: dict[Any, Any], right: dict[Any, Any], known: _Pairs) -> bool:
    pair = (id(left), id(right))
    if pair in known:
        return True
    for key, one in left.items():
        other = right.get(key, _MISSING)
        kind = type(one)
        if kind is type(other) and kind in _SIMPLE:
            if one != other:
                return False
        elif other is _MISSING or not _equal_inside(one, other, known):
            return False
    known.add(pair)
    return True


def ordered(operator: str, left: Any, right: Any) -> tuple[Any, Any]:
    """Return two values that Python orders as CEL does; raises when they have no order.

    Numbers compare exactly, whatever their kinds, with one exception that the specification's
    suite asks for: the double just above the range of an integer counts as its greatest. Nothing
    is less or greater than NaN.
    """
    kind, other = type(left), type(right)
    if kind is other:
        if kind in _ORDERED:
            return left, right
    elif kind in _NUMBERS and other in _NUMBERS:
        if kind is float:
            return _saturated(left, other), right
        return left, _saturated(right, kind) if other is float else right
    raise no_overload(operator, left, right)


def _saturated(value: float, kind: type) -> float | int:
    if kind is int:
        return INT_MAX if value == 2.0**63 else value
    return UINT_MAX if value == 2.0**64 else value


def to_key(value: Any) -> Any:
    """Return a value as a key of a map: a string, an integer or a bool."""
    kind = type(value)
    if kind is str or kind in _INTEGERS:
        return value
    if kind is bool:
        return TRUE_KEY if value else FALSE_KEY
    message = f"a {name_of(value)} cannot be a key of a map, only string, int, uint and bool can"
    raise EvaluationError(message, "type")


def from_key(key: Any) -> Any:
    """Return the value that a key of a map stands for."""
    return key.value if type(key) is BoolKey else key


def _find(entries: dict[Any, Any], key: Any) -> Any:
    """Return the value of a key, or `_MISSING`; a whole double finds the integer it equals."""
    kind = type(key)
    if kind is str or kind in _INTEGERS:
        return entries.get(key, _MISSING)
    if kind is bool:
        return entries.get(TRUE_KEY if key else FALSE_KEY, _MISSING)
    if kind is float and key.is_integer():
        return entries.get(int(key), _MISSING)
    return _MISSING


def contains(item: Any, container: Any) -> bool:
    """`item in container`: an element of a list, a key of a map."""
    if type(container) is list:
        kind = type(item)
        if kind is str:
            return item in container
        if kind in _NUMBERS and item not in container:  # Python finds more, as true for 1
            return False
        return any(equal(item, element) for element in container)
    if type(container) is dict:
        return _find(container, item) is not _MISSING
    raise no_overload("in", item, container)


def field(operand: Any, name: str) -> Any:
    """Return a field of an object; raises when it has none.

    A field of an optional is an optional.
    """
    if type(operand) is dict:
        try:
            return operand[name]
        except KeyError:
            raise EvaluationError(f"there is no field `{name}`", "missing") from None
    if operand is NONE:
        return operand
    if type(operand) is Present and type(operand.value) in {dict, Present, Absent}:
        return optional_field(operand.value, name)
    held = operand.value if type(operand) is Present else operand
    message = f"`{name}` is read from a value of type {name_of(held)}, which has no fields"
    raise EvaluationError(message, "type")


def optional_field(operand: Any, key: Any) -> Present | Absent:
    """`operand.?key` and `operand[?key]`; of null there is nothing."""
    while type(operand) is Present:
        operand = operand.value
    if operand is NONE or operand is None:
        return NONE
    if type(operand) is dict:
        found = _find(operand, key)
        return NONE if found is _MISSING else Present(found)
    if type(operand) is list:
        at = _position("[?_]", operand, key)
        return Present(operand[at]) if 0 <= at < len(operand) else NONE
    raise no_overload("[?_]", operand, key)


def has_field(operand: Any, name: str) -> bool:
    """`has(operand.name)`; null has no fields."""
    if type(operand) is dict:
        return name in operand
    held = operand
    while type(held) is Present:
        held = held.value
    if held is NONE or held is None:
        return False
    if type(held) is dict:
        return name in held
    message = f"`{name}` is looked for in a value of type {name_of(held)}, which has no fields"
    raise EvaluationError(message, "type")


def item(operand: Any, key: Any) -> Any:
    """`operand[key]`; an item of an optional is an optional."""
    kind = type(operand)
    if kind is dict:
        found = _find(operand, key)
        if found is not _MISSING:
            return found
        if type(key) in _KEYS:
            shown = f"`{key}`" if type(key) is str else text(key)
            raise EvaluationError(f"there is no key {shown}", "missing")
    elif kind is list:
        at = _position("[_]", operand, key)
        if 0 <= at < len(operand):
            return operand[at]
        message = f"index {at} is outside a list of {len(operand)}"
        raise EvaluationError(message, "missing")
    elif operand is NONE or (kind is Present and type(operand.value) in {list, dict}):
        return optional_field(operand, key)
    raise no_overload("[_]", operand, key)


def _position(operator: str, operand: Any, key: Any) -> int:
    if type(key) in _INTEGERS or (type(key) is float and key.is_integer()):
        return int(key)
    raise no_overload(operator, operand, key)
