"""How values leave an expression: as JSON, or as text inside a template."""

import base64
import math
from collections.abc import Callable
from typing import Any, Final

from dagnats.expr.kinds import (
    Absent,
    Address,
    BoolKey,
    Duration,
    Network,
    Present,
    Sealed,
    Timestamp,
    TypeValue,
    Uint,
)
from dagnats.expr.library.arithmetic import INT_MAX, INT_MIN, checked
from dagnats.expr.library.dates import duration_text, timestamp_text
from dagnats.expr.library.failures import EvaluationError, name_of

DEPTH_MAX: Final = 250
"""How deep a value that leaves may be nested."""

_FREE: Final = frozenset({str, bool, type(None), Sealed})
"""Kinds that leave as they are, whatever their value."""

_Seen = dict[tuple[int, int], Any]


def leaving(value: Any) -> Any:
    """Return the value as JSON; what is JSON already is returned itself, parts included.

    An optional leaves as what it holds or null, a uint as a number, bytes as base64, a timestamp
    as RFC 3339, a duration in seconds, a type as its name, an address as its text, and the keys of
    a map as text. Raises EvaluationError for a number that JSON does not have or that is not of 64
    bits, for two keys with one text, and past `DEPTH_MAX`.
    """
    kind = type(value)
    if kind in _FREE or (kind is int and INT_MIN <= value <= INT_MAX):
        return value
    return _leaving(value, kind, {}, DEPTH_MAX)


def _leaving(value: Any, kind: type, seen: _Seen, depth: int) -> Any:
    if kind is list or kind is dict or kind is Present:
        if depth == 0:
            raise EvaluationError(f"the value is nested deeper than {DEPTH_MAX} levels", "size")
        return _PARTED[kind](value, seen, depth - 1)
    if kind is int or kind is Uint:
        return checked(int(value))
    if kind is float:
        if math.isfinite(value):
            return value
        raise EvaluationError(f"{double_text(value)} is not a number that JSON has", "overflow")
    if kind is Absent:
        return None
    return value if kind in _FREE else text(value)


def _held(value: Present, seen: _Seen, depth: int) -> Any:
    return _leaving(value.value, type(value.value), seen, depth)


def _list(items: list[Any], seen: _Seen, depth: int) -> Any:
    kinds = set(map(type, items))
    if kinds <= _FREE:
        return items
    if kinds == {int}:
        checked(min(items))
        checked(max(items))
        return items
    # A value that stands in many places is looked through once at each depth, not at each place
    place = (id(items), depth)
    if place in seen:
        return seen[place]
    changed: list[Any] | None = None
    for at, element in enumerate(items):
        kind = type(element)
        if kind in _FREE:
            continue
        left = _leaving(element, kind, seen, depth)
        if left is not element:
            changed = list(items) if changed is None else changed
            changed[at] = left
    left = seen[place] = items if changed is None else changed
    return left


def _map(entries: dict[Any, Any], seen: _Seen, depth: int) -> Any:
    place = (id(entries), depth)
    if place in seen:
        return seen[place]
    changed: dict[str, Any] = {}
    named = True
    for key, element in entries.items():
        named = named and type(key) is str
        kind = type(element)
        if (
            kind in _FREE
            or (kind is int and INT_MIN <= element <= INT_MAX)
            or (kind is float and -math.inf < element < math.inf)
        ):
            continue
        left = _leaving(element, kind, seen, depth)
        if left is not element:
            changed[key] = left
    left = {**entries, **changed} if changed else entries
    seen[place] = left if named else _renamed(left)
    return seen[place]


def _renamed(entries: dict[Any, Any]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, element in entries.items():
        name = key if type(key) is str else _key_text(key)
        if name in renamed:
            raise EvaluationError(f"two keys of a map have the text `{name}`", "argument")
        renamed[name] = element
    return renamed


_PARTED: Final[dict[type, Callable[[Any, _Seen, int], Any]]] = {
    list: _list,
    dict: _map,
    Present: _held,
}


def _key_text(key: Any) -> str:
    return text(key.value if type(key) is BoolKey else key)


def text(value: Any) -> str:
    """Return a scalar as the text it has inside a template; raises for lists and maps.

    A double is spelled as in JSON, without a needless `.0`: a million is `1000000`.
    """
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is Present:
        return text(value.value)
    spell = _SPELLED.get(kind)
    if spell is None:
        raise EvaluationError(f"a {name_of(value)} cannot stand inside a text", "type")
    return spell(value)


def double_text(value: float) -> str:
    """Return a double as cel-go prints it: its shortest digits, `1e+06` from a million on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    shortest = repr(value).removesuffix(".0")
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return shortest
    mantissa, _, power = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).strip("0")
    exponent = int(power or 0) + len(whole) - 1
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{'-' if value < 0 else ''}{digits[0]}{point}e{exponent:+03}"


def _plain_text(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if math.isfinite(value) else double_text(value)


_SPELLED: Final[dict[type, Callable[[Any], str]]] = {
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
    Absent: lambda _: "null",
    int: lambda value: str(checked(value)),
    Uint: lambda value: str(int(value)),
    float: _plain_text,
    bytes: lambda value: base64.b64encode(value).decode("ascii"),
    Timestamp: lambda value: timestamp_text(value.ns),
    Duration: lambda value: duration_text(value.ns),
    TypeValue: lambda value: str(value.name),
    Address: lambda value: str(value.ip),
    Network: lambda value: str(value.interface),
}
"""How each kind of scalar is spelled, beside strings."""
