"""What a handler gives, as JSON: encoded when it is, refused in words when it is not.

JSON here is what the engine computes with: null, booleans, texts, integers of 64 bits, finite
numbers, lists and objects, `RESULT_LEVELS_MAX` levels of them. The encoder is more generous: it
makes a list of a set and null of a NaN, and nobody would learn that something was lost. Accepted
besides: tuples; dataclasses, structs and pydantic models of these; dates, UUIDs, decimals and
enumerations, as texts.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import msgspec

from dagnats.wire.tasks import RESULT_LEVELS_MAX

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
REFUSED = (set, frozenset, bytes, bytearray, memoryview)
"""What the encoder would take and JSON has no word for."""


class NotJsonError(ValueError):
    """A value is not JSON; the message says which part, and of what type it is."""


def encoded(value: Any) -> bytes:
    """Return a value as JSON. Raises NotJsonError."""
    if type(value) is not str:
        _check(value, RESULT_LEVELS_MAX)
    try:
        return _encode(value)
    except UnicodeEncodeError as wrong:
        half = ascii(wrong.object[wrong.start])
        raise NotJsonError(f"a str with {half}, a lone surrogate that UTF-8 cannot carry") from None
    except NotJsonError:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError) as wrong:
        raise NotJsonError(f"{_a(value)} that cannot be encoded: {wrong}") from None


def _check(value: Any, depth: int) -> None:
    """Raise NotJsonError for what the encoder would bend or break."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int or kind is float:
        _check_number(value)
    elif not depth:
        raise NotJsonError(f"{_a(value)} nested deeper than {RESULT_LEVELS_MAX} levels")
    elif kind is dict:
        for key, part in value.items():
            if type(key) is not str:
                _check_key(key)
            _check(part, depth - 1)
    elif kind is list or kind is tuple:
        for part in value:
            _check(part, depth - 1)
    else:
        _check_other(value, depth)


def _check_number(value: float) -> None:
    if type(value) is int:
        if not INT_MIN <= value <= INT_MAX:
            raise NotJsonError("an int of more than 64 bits")
    elif not math.isfinite(value):
        raise NotJsonError(f"a float that is {value}")


def _check_key(key: Any) -> None:
    if not isinstance(key, str) and type(key) is not int:
        raise NotJsonError(f"an object whose key is {_a(key)}")


def _check_other(value: Any, depth: int) -> None:
    """Check what has no JSON type of its own: subclasses, models, and things unknown."""
    if isinstance(value, REFUSED):
        raise NotJsonError(_a(value))
    parts: dict[Any, Any]
    if isinstance(value, msgspec.Struct):
        parts = {name: getattr(value, name) for name in value.__struct_fields__}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = _fields(value)
    elif isinstance(value, dict):
        parts = dict(value)
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value))
    elif callable(getattr(value, "model_dump", None)) and not isinstance(value, type):
        parts = {"model": _dumped(value)}
    else:
        return  # the encoder knows it, or says that it does not
    _check(parts, depth)


def _fields(value: Any) -> dict[Any, Any]:
    """Return the fields of a dataclass, and see to it that the instance itself has each.

    One that msgspec has made finds its defaults in the class, and would be encoded without them.
    """
    names = [one.name for one in dataclasses.fields(value)]
    fields = {name: getattr(value, name) for name in names if hasattr(value, name)}
    getattr(value, "__dict__", {}).update(fields)
    return fields


def _a(value: Any) -> str:
    """Return the name of a value's type with its article."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _dumped(value: Any) -> Any:
    """Return what a pydantic model says of itself; the encoder asks this of what it cannot do."""
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    if not callable(dump) or isinstance(value, type):
        raise NotJsonError(_a(value))
    return dump(mode="json")


_encode = msgspec.json.Encoder(enc_hook=_dumped).encode
