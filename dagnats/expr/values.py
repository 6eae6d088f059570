"""What values do at run time: equality, order, arithmetic, access, and how they fail.

Values are JSON as Python has it. `bool` is never a number here, whatever Python thinks, and an
integer that leaves 64 bits or a double that leaves the finite numbers is an error.
"""

import math
from typing import Any, Final

from dagnats.errors import DagnatsError

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
STRING_CHARS_MAX = 1_000_000
LIST_ITEMS_MAX = 1_000_000


class EvaluationError(DagnatsError):
    """An expression has no value.

    `code` is `missing`, `type`, `overflow`, `division_by_zero`, `argument`, `size` or `cost`.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Absent:
    """The optional without a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "optional.none()"


NONE = Absent()


class Present:
    """An optional with a value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    dict: "map",
    Present: "optional",
    Absent: "optional",
}


def name_of(value: Any) -> str:
    """Return the name of a value's type."""
    return _NAMES.get(type(value), type(value).__name__)


def is_number(value: Any) -> bool:
    """Whether the value is an int or a double."""
    return type(value) is int or type(value) is float


def no_overload(function: str, *values: Any) -> EvaluationError:
    """Return the error of a function that takes no such values."""
    shown = ", ".join(name_of(value) for value in values)
    return EvaluationError(f"`{function}` does not take ({shown})", "type")


def want(function: str, *pairs: tuple[Any, type]) -> None:
    """Raise unless every value is of its type."""
    for value, type_ in pairs:
        if type(value) is not type_:
            raise no_overload(function, *(value for value, _ in pairs))


def within(function: str, at: int, size_: int) -> None:
    """Raise unless an index is from 0 up to `size_`."""
    if not 0 <= at <= size_:
        raise EvaluationError(f"`{function}`: index {at} is outside 0 to {size_}", "argument")


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal; values of different kinds never are, and never fail."""
    kind = type(left)
    if kind is type(right) and (kind is str or kind is int or kind is bool or kind is float):
        return bool(left == right)
    if kind is list:
        return type(right) is list and len(left) == len(right) and all(map(equal, left, right))
    if kind is dict:
        return (
            type(right) is dict
            and len(left) == len(right)
            and all(key in right and equal(value, right[key]) for key, value in left.items())
        )
    if kind is bool or type(right) is bool:
        return False
    if kind is Present:
        return type(right) is Present and equal(left.value, right.value)
    if is_number(left):
        return is_number(right) and bool(left == right)
    return kind is type(right)


def ordered(operator: str, left: Any, right: Any) -> tuple[Any, Any]:
    """Return two values that Python orders as CEL does; raises when they have no order."""
    kind, other = type(left), type(right)
    if kind is other and kind in {str, bool, int, float}:
        return left, right
    if is_number(left) and is_number(right):
        return float(left), float(right)
    raise no_overload(operator, left, right)


def checked(value: Any) -> Any:
    """Return a number that stayed in its range; raises on overflow."""
    if type(value) is int:
        if INT_MIN <= value <= INT_MAX:
            return value
        raise EvaluationError("the result does not fit in a 64-bit integer", "overflow")
    if math.isfinite(value):
        return value
    raise EvaluationError("the result is not a finite number", "overflow")


def add(left: Any, right: Any) -> Any:
    """`left + right`: numbers, strings, lists."""
    if is_number(left) and is_number(right):
        return checked(left + right)
    kind = type(left)
    if kind is type(right):
        if kind is str:
            return sized(left, len(left) + len(right)) + right
        if kind is list:
            bounded(len(left) + len(right))
            return left + right
    raise no_overload("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """`left - right`."""
    if is_number(left) and is_number(right):
        return checked(left - right)
    raise no_overload("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`."""
    if is_number(left) and is_number(right):
        return checked(left * right)
    raise no_overload("*", left, right)


def divide(left: Any, right: Any) -> Any:
    """`left / right`; of two integers the quotient towards zero."""
    if not (is_number(left) and is_number(right)):
        raise no_overload("/", left, right)
    if right == 0:
        raise EvaluationError("division by zero", "division_by_zero")
    if type(left) is float or type(right) is float:
        return checked(left / right)
    quotient = abs(left) // abs(right)
    return checked(quotient if (left < 0) == (right < 0) else -quotient)


def modulo(left: Any, right: Any) -> Any:
    """`left % right` of integers, with the sign of `left`."""
    if type(left) is not int or type(right) is not int:
        raise no_overload("%", left, right)
    if right == 0:
        raise EvaluationError("modulus by zero", "division_by_zero")
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


def negate(value: Any) -> Any:
    """`-value`."""
    if is_number(value):
        return checked(-value)
    raise no_overload("-", value)


def contains(item: Any, container: Any) -> bool:
    """`item in container`: an element of a list, a key of a map."""
    if type(container) is list:
        return any(equal(item, element) for element in container)
    if type(container) is dict:
        return type(item) is str and item in container
    raise no_overload("in", item, container)


def field(operand: Any, name: str) -> Any:
    """Return a field of an object; raises when it has none."""
    if type(operand) is dict:
        try:
            return operand[name]
        except KeyError:
            raise EvaluationError(f"there is no field `{name}`", "missing") from None
    if isinstance(operand, Present | Absent):
        return optional_field(operand, name)
    message = f"`{name}` is read from a value of type {name_of(operand)}, which has no fields"
    raise EvaluationError(message, "type")


def optional_field(operand: Any, name: Any) -> Present | Absent:
    """`operand.?name` and `operand[?name]`."""
    if isinstance(operand, Absent):
        return operand
    if isinstance(operand, Present):
        operand = operand.value
    if type(operand) is dict:
        return Present(operand[name]) if type(name) is str and name in operand else NONE
    if type(operand) is list:
        at = _position(name)
        return Present(operand[at]) if 0 <= at < len(operand) else NONE
    if operand is None and type(name) is str:
        return NONE
    raise no_overload("[?_]", operand, name)


def has_field(operand: Any, name: str) -> bool:
    """`has(operand.name)`."""
    if type(operand) is dict:
        return name in operand
    if isinstance(operand, Present | Absent):
        return optional_field(operand, name) is not NONE
    message = f"`{name}` is looked for in a value of type {name_of(operand)}, which has no fields"
    raise EvaluationError(message, "type")


def item(operand: Any, key: Any) -> Any:
    """`operand[key]`."""
    if type(operand) is dict:
        if type(key) is not str:
            raise no_overload("[_]", operand, key)
        return field(operand, key)
    if type(operand) is list:
        at = _position(key)
        if 0 <= at < len(operand):
            return operand[at]
        message = f"index {at} is outside a list of {len(operand)}"
        raise EvaluationError(message, "missing")
    if isinstance(operand, Present | Absent):
        return optional_field(operand, key)
    raise no_overload("[_]", operand, key)


def _position(key: Any) -> int:
    if type(key) is int:
        return key
    if type(key) is float and key.is_integer():
        return int(key)
    raise no_overload("[_]", [], key)


def sized(text: str, size: int) -> str:
    """Return the text, or raise when the one to be made of it would be too long."""
    if size > STRING_CHARS_MAX:
        message = f"the text would be longer than {STRING_CHARS_MAX} characters"
        raise EvaluationError(message, "size")
    return text


def bounded(size: int) -> None:
    """Raise when a list of this size would be too long."""
    if size > LIST_ITEMS_MAX:
        message = f"the list would be longer than {LIST_ITEMS_MAX} items"
        raise EvaluationError(message, "size")


def double_text(value: float) -> str:
    """Return a double as text: the shortest that reads back, without a needless `.0`."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def text(value: Any) -> str:
    """Return a scalar as the text it has inside a template; raises for lists and maps."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            return double_text(value)
        case Present(value=inner):
            return text(inner)
        case Absent():
            return "null"
        case _:
            message = f"a {name_of(value)} cannot stand inside a text"
            raise EvaluationError(message, "type")


def leaving(value: Any) -> Any:
    """Return the value as JSON: an optional as what it holds, none as null.

    Raises EvaluationError for a double that is not finite.
    """
    kind = type(value)
    if kind is float:
        return checked(value)
    if kind is list:
        return [leaving(element) for element in value] if _needs(value) else value
    if kind is dict:
        return {k: leaving(v) for k, v in value.items()} if _needs(value.values()) else value
    if kind is Present:
        return leaving(value.value)
    return None if kind is Absent else value


_PLAIN = frozenset({str, int, bool, type(None)})


def _needs(values: Any) -> bool:
    return any(type(value) not in _PLAIN for value in values)
