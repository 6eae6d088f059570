"""How an evaluation fails, and the tests that functions make of what they are given."""

from typing import Any, Final

from dagnats.errors import DagnatsError
from dagnats.expr.kinds import (
    Absent,
    Address,
    Duration,
    Network,
    Present,
    Sealed,
    Timestamp,
    TypeValue,
    Uint,
)

STRING_CHARS_MAX: Final = 1_000_000
LIST_ITEMS_MAX: Final = 1_000_000


class EvaluationError(DagnatsError):
    """An expression has no value.

    `code` is `missing`, `type`, `overflow`, `division_by_zero`, `argument`, `size` or `cost`;
    `node` is the id of the innermost node that failed, when it is known.
    """

    def __init__(self, message: str, code: str, node: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.node = node


_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Present: "optional",
    Absent: "optional",
    Timestamp: "timestamp",
    Duration: "duration",
    TypeValue: "type",
    Address: "IP address",
    Network: "CIDR range",
    Sealed: "sealed value",
}


def name_of(value: Any) -> str:
    """Return the name of a value's type, as messages show it."""
    return _NAMES.get(type(value), type(value).__name__)


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


def sized(text: str, size: int) -> str:
    """Return the text, or raise when the one to be made of it would be too long."""
    if size > STRING_CHARS_MAX:
        message = f"the text would be longer than {STRING_CHARS_MAX} characters"
        raise EvaluationError(message, "size")
    return text


def chunk(data: bytes, size: int) -> bytes:
    """Return the bytes, or raise when those to be made of them would be too many."""
    if size > STRING_CHARS_MAX:
        message = f"there would be more than {STRING_CHARS_MAX} bytes"
        raise EvaluationError(message, "size")
    return data


def bounded(size: int) -> None:
    """Raise when a list of this size would be too long."""
    if size > LIST_ITEMS_MAX:
        message = f"the list would be longer than {LIST_ITEMS_MAX} items"
        raise EvaluationError(message, "size")
