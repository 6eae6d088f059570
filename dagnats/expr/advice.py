"""How messages name types, and what they advise."""

import difflib
from collections.abc import Iterable

from dagnats.expr.functions import Function
from dagnats.expr.types import (
    Double,
    Enum,
    Int,
    List,
    Map,
    Null,
    Object,
    Optional,
    String,
    Type,
    Union,
    display,
)

_ELSEWHERE = {
    "len": "size(value)",
    "length": "size(value)",
    "count": "size(value)",
    "lower": "text.lowerAscii()",
    "toLowerCase": "text.lowerAscii()",
    "upper": "text.upperAscii()",
    "toUpperCase": "text.upperAscii()",
    "str": "string(value)",
    "toString": "string(value)",
    "float": "double(value)",
    "strip": "text.trim()",
    "startswith": "text.startsWith(prefix)",
    "endswith": "text.endsWith(suffix)",
    "any": "list.exists(item, …)",
    "some": "list.exists(item, …)",
    "every": "list.all(item, …)",
    "default": "value.?field.orValue(other)",
    "coalesce": "value.?field.orValue(other)",
    "defined": "has(value.field)",
    "exist": "list.exists(item, …)",
}
"""What functions of other languages are called here."""

_LISTED_MAX = 8
_OVERLOADS_MAX = 4


def named(type_: Type) -> str:
    """Return a type with its article."""
    shown = display(type_)
    if isinstance(type_, Enum | Union | Null):
        return shown
    return f"an {shown}" if shown[0] in "aeiou" else f"a {shown}"


def near(name: str, known: Iterable[str], listed: str) -> str | None:
    """Say which known name was probably meant, or list what there is."""
    names = list(known)
    if close := difflib.get_close_matches(name, names, 1):
        return f"did you mean `{close[0]}`?"
    if not names:
        return None
    shown = ", ".join(f"`{known}`" for known in sorted(names)[:_LISTED_MAX])
    return f"{listed} {shown}" + (", …" if len(names) > _LISTED_MAX else "")


def as_condition(type_: Type) -> str | None:
    """Say how to make a condition of a value of this type."""
    match type_:
        case String() | Enum():
            return 'compare it, as `value == "text"` or `value != ""`'
        case Int() | Double():
            return "compare it, as `value > 0`"
        case List() | Map() | Object():
            return "ask for its size, as `size(value) > 0`"
        case Optional():
            return "give a default, as `value.orValue(false)`"
        case _:
            return None


def advice(function: Function | None, types: tuple[Type, ...]) -> str | None:
    """Say what a function takes, or how to get it from what it was given."""
    if any(isinstance(type_, Optional) for type_ in types):
        return "give a default, as `value.orValue(other)`"
    if function is None or function.name in {"_==_", "_!=_"}:
        return None
    taken = " or ".join(
        "(" + ", ".join(display(param) for param in overload.params) + ")"
        for overload in function.overloads[:_OVERLOADS_MAX]
    )
    return f"it takes {taken}"


def foreign(name: str) -> str | None:
    """Say how to write what other languages call a function by this name."""
    written = _ELSEWHERE.get(name)
    return None if written is None else f"write `{written}`"
