"""The operators and conversions of CEL's standard library, and JSON.

Each function checks its own arguments. Times have a module of their own.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from dagnats.expr.ast import COERCE, INTERPOLATE
from dagnats.expr.kinds import (
    Absent,
    Address,
    Duration,
    Network,
    Present,
    Timestamp,
    TypeValue,
    Uint,
)
from dagnats.expr.library import values
from dagnats.expr.library.values import (
    EvaluationError,
    double_text,
    equal,
    no_overload,
    sized,
    want,
)
from dagnats.expr.signatures import Function, Overload, method, over
from dagnats.expr.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    IP,
    STRING,
    TIMESTAMP,
    UINT,
    List,
    Map,
    Optional,
    Param,
    Type,
    TypeOf,
)

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DOUBLE = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)",
    re.ASCII | re.IGNORECASE,
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS_MAX: Final = 400
"""The longest text that a number is read from."""
_TRUE: Final = frozenset({"true", "TRUE", "True", "t", "T", "1"})
_FALSE: Final = frozenset({"false", "FALSE", "False", "f", "F", "0"})

_TYPES: Final[dict[type, str]] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    TypeValue: "type",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    Present: "optional_type",
    Absent: "optional_type",
    Address: "net.IP",
    Network: "net.CIDR",
}


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
    """Return the number of characters, bytes, items or entries."""
    if type(value) in {str, bytes, list, dict}:
        return len(value)
    raise no_overload("size", value)


def same(value: Any) -> Any:
    """Return the value itself."""
    return value


def type_of(value: Any) -> TypeValue:
    """Return the type of a value."""
    name = _TYPES.get(type(value))
    if name is None:
        raise no_overload("type", value)
    return TypeValue(name)


def coerce(value: Any) -> Any:
    """Return an int as the double that it was declared to be; all else as it is."""
    return float(values.checked(value)) if type(value) is int else value


def interpolate(*parts: Any) -> str:
    """Put texts and scalars together."""
    texts = [values.text(part) for part in parts]
    sized("", sum(map(len, texts)))
    return "".join(texts)


def to_string(value: Any) -> str:
    """Return a scalar as text, bytes as the UTF-8 they hold."""
    if type(value) is bytes:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise EvaluationError("`string`: the bytes are not UTF-8", "argument") from None
    if value is None or type(value) in {list, dict, TypeValue, Present, Absent}:
        raise no_overload("string", value)
    return double_text(value) if type(value) is float else values.text(value)


def to_bytes(value: Any) -> bytes:
    """Return a text as UTF-8; bytes as they are."""
    if type(value) is bytes:
        return value
    if type(value) is str:
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError:
            message = "`bytes`: the text has half a surrogate pair, which is no character"
            raise EvaluationError(message, "argument") from None
    raise no_overload("bytes", value)


def _whole(function: str, value: Any, pattern: str) -> int:
    """Return the integer that a number is, cut towards zero, or that a text spells."""
    if type(value) is str:
        if _INTEGER.fullmatch(value) and value[0] not in pattern:
            return int(value) if len(value) <= _DIGITS_MAX else values.UINT_MAX + 1
        raise EvaluationError(f"`{function}`: `{_shown(value)}` is not an integer", "argument")
    if type(value) is float:
        if math.isfinite(value):
            return int(value)
        raise _out_of_range(function, value)
    if type(value) in {int, Uint}:
        return int(value)
    raise no_overload(function, value)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _out_of_range(function: str, value: Any) -> EvaluationError:
    shown = _shown(value if type(value) is str else repr(value))
    return EvaluationError(f"`{function}`: {shown} is out of range", "overflow")


def to_int(value: Any) -> int:
    """Return a number as an integer, cut towards zero.

    Of a timestamp these are its seconds since 1970, of a duration its nanoseconds.
    """
    if type(value) is int:
        return int(values.checked(value))
    if type(value) is Timestamp:
        return int(value.ns // 1_000_000_000)
    if type(value) is Duration:
        return int(value.ns)
    whole = _whole("int", value, "")
    # Just inside the range a double cannot tell whether it was cut: cel-go refuses both ends
    if type(value) is float and not -(2.0**63) < value < 2.0**63:
        raise _out_of_range("int", value)
    if values.INT_MIN <= whole <= values.INT_MAX:
        return whole
    raise _out_of_range("int", value)


def to_uint(value: Any) -> Uint:
    """Return a number as an unsigned integer, cut towards zero."""
    whole = _whole("uint", value, "+-")
    if 0 <= whole <= values.UINT_MAX and not (type(value) is float and value < 0):
        return Uint(whole)
    raise _out_of_range("uint", value)


def to_double(value: Any) -> float:
    """Return a number, or the number a text spells, as a double."""
    if type(value) is str:
        if len(value) > _DIGITS_MAX or not _DOUBLE.fullmatch(value):
            raise EvaluationError(f"`double`: `{_shown(value)}` is not a number", "argument")
        number = float(value)
        if math.isinf(number) and value[-1].isdigit():
            raise _out_of_range("double", value)
        return number
    if values.is_number(value):
        return float(values.checked(value))
    raise no_overload("double", value)


def to_bool(value: Any) -> bool:
    """Return a bool, or the one a text spells."""
    if type(value) is bool:
        return value
    if type(value) is str:
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        message = f"`bool`: `{_shown(value)}` is neither true nor false"
        raise EvaluationError(message, "argument")
    raise no_overload("bool", value)


def json_encode(value: Any) -> str:
    """Return the value as compact JSON text, as it would leave the expression."""
    left = values.leaving(value)
    _spread(left)
    try:
        text = json.dumps(left, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise EvaluationError("`json.encode`: the value is nested too deep", "size") from None
    return sized(text, len(text))


def _spread(value: Any) -> None:
    """Raise when the text of a value would be too long.

    Parts that stand in many places are counted in each but looked through once.
    """
    counts: dict[int, int] = {}

    def count(part: Any) -> int:
        kind = type(part)
        if kind is not list and kind is not dict:
            return len(part) if kind is str else 1
        if id(part) not in counts:
            inner = part if kind is list else part.values()
            counts[id(part)] = 2 + sum(map(count, inner))
        sized("", counts[id(part)])
        return counts[id(part)]

    count(value)


def json_parse(text: Any) -> Any:
    """Return the value that a JSON text spells; numbers must be in range."""
    want("json.parse", (text, str))
    try:
        value = json.loads(
            text,
            parse_int=_json_int,
            parse_float=_json_double,
            parse_constant=_no_constant,
        )
        if _SURROGATE.search(text):  # Python reads halves of pairs, which nothing can write again
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        message = "`json.parse`: a text in it has half a surrogate pair, which is no character"
        raise EvaluationError(message, "argument") from None
    except ValueError as error:
        message = f"`json.parse`: the text is not JSON: {error}"
        raise EvaluationError(message, "argument") from None
    except RecursionError:
        raise EvaluationError("`json.parse`: the text is nested too deep", "size") from None
    return value


def _json_int(digits: str) -> int:
    whole = _whole("json.parse", digits, "")
    if values.INT_MIN <= whole <= values.INT_MAX:
        return whole
    raise _out_of_range("json.parse", digits)


def _json_double(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _out_of_range("json.parse", digits)
    return number


def _no_constant(name: str) -> Any:
    raise EvaluationError(f"`json.parse`: the text is not JSON: it has no {name}", "argument")


A, B = Param("A"), Param("B")
_LIST, _MAP = List(A), Map(B, key=A)


def _alike(*kinds: Type, gives: Type | None = None) -> tuple[Overload, ...]:
    """Return the overloads of two operands of one kind."""
    return tuple(over(kind, kind, gives=gives or kind) for kind in kinds)


def _operators() -> Iterator[Function]:
    numbers = _alike(INT, UINT, DOUBLE)
    instant = (
        over(TIMESTAMP, DURATION, gives=TIMESTAMP),
        over(DURATION, TIMESTAMP, gives=TIMESTAMP),
    )
    together = _alike(STRING, BYTES, _LIST, DURATION)
    yield Function("_+_", "add, or put together", values.add, (*numbers, *together, *instant))
    apart = (over(DURATION, DURATION, gives=DURATION), over(TIMESTAMP, TIMESTAMP, gives=DURATION))
    taken = (*numbers, *apart, instant[0])
    yield Function("_-_", "subtract", values.subtract, taken)
    yield Function("_*_", "multiply", values.multiply, numbers)
    yield Function("_/_", "divide; of integers, the whole part", values.divide, numbers)
    yield Function("_%_", "remainder of integers", values.modulo, numbers[:2])
    signed = (over(INT, gives=INT), over(DOUBLE, gives=DOUBLE))
    yield Function("-_", "negate", values.negate, signed)
    yield Function("!_", "not", invert, (over(BOOL, gives=BOOL),))
    yield Function("_==_", "equal", equal, _alike(A, gives=BOOL))
    yield Function("_!=_", "not equal", unequal, _alike(A, gives=BOOL))
    order = _alike(INT, UINT, DOUBLE, BOOL, STRING, BYTES, TIMESTAMP, DURATION, gives=BOOL)
    mixed = tuple(
        over(one, other, gives=BOOL)
        for one in (INT, UINT, DOUBLE)
        for other in (INT, UINT, DOUBLE)
        if one is not other
    )
    yield Function("_<_", "less", less, (*order, *mixed))
    yield Function("_<=_", "at most", at_most, (*order, *mixed))
    yield Function("_>_", "greater", greater, (*order, *mixed))
    yield Function("_>=_", "at least", at_least, (*order, *mixed))
    held = (over(A, _LIST, gives=BOOL), over(A, _MAP, gives=BOOL))
    yield Function("@in", "an element of a list, or a key of a map", values.contains, held)
    maybe = (
        over(Optional(_LIST), INT, gives=Optional(A)),
        over(Optional(_MAP), A, gives=Optional(B)),
    )
    at = (over(_LIST, INT, gives=A), over(_MAP, A, gives=B), *maybe)
    yield Function("_[_]", "the element at an index, the value of a key", values.item, at)
    found = (over(_LIST, INT, gives=Optional(A)), over(_MAP, A, gives=Optional(B)), *maybe)
    yield Function("_[?_]", "the element or nothing", values.optional_field, found)


def _conversions() -> Iterator[Function]:
    def convert(name: str, doc: str, call: Any, gives: Type, *kinds: Type) -> Function:
        return Function(name, doc, call, tuple(over(kind, gives=gives) for kind in kinds))

    sized_kinds = (STRING, BYTES, _LIST, _MAP)
    sizes = (over, method)
    each = tuple(make(kind, gives=INT) for kind in sized_kinds for make in sizes)
    yield Function("size", "characters, bytes, items or entries", size, each)
    scalars = (STRING, BOOL, INT, UINT, DOUBLE, BYTES, TIMESTAMP, DURATION, IP, CIDR)
    yield convert("string", "as a text", to_string, STRING, *scalars)
    yield convert("bytes", "as bytes, of a text in UTF-8", to_bytes, BYTES, BYTES, STRING)
    whole = (INT, UINT, DOUBLE, STRING, TIMESTAMP, DURATION)
    yield convert("int", "as an integer, the fraction cut off", to_int, INT, *whole)
    numbers = (UINT, INT, DOUBLE, STRING)
    yield convert("uint", "as an unsigned integer, the fraction cut off", to_uint, UINT, *numbers)
    yield convert("double", "as a double", to_double, DOUBLE, *numbers)
    yield convert("bool", "as a bool", to_bool, BOOL, BOOL, STRING)
    yield Function("type", "the type of a value", type_of, (over(A, gives=TypeOf(A)),))
    yield convert("dyn", "the same, unchecked", same, DYN, A)
    yield convert("json.encode", "as JSON text", json_encode, STRING, DYN)
    yield convert("json.parse", "the value of JSON text", json_parse, DYN, STRING)
    yield Function(COERCE, "as the double it is declared", coerce, (over(A, gives=A),))
    joined = (over(DYN, gives=STRING),)
    yield Function(INTERPOLATE, "texts and scalars in one", interpolate, joined, variadic=True)


FUNCTIONS: Final = (*_operators(), *_conversions())
