"""How messages name types, and what they advise."""

import difflib
import json
from collections.abc import Iterable
from typing import Any

from dagnats.expr.signatures import Function
from dagnats.expr.types import (
    Bool,
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
    Uint,
    Union,
    base,
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
_ORDERED = frozenset({"_<_", "_<=_", "_>_", "_>=_"})


def named(type_: Type) -> str:
    """Return a type with its article."""
    shown = display(type_)
    if isinstance(type_, Enum | Union | Null):
        return shown
    return f"an {shown}" if shown[0] in "aeio" else f"a {shown}"


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
        case Enum() if isinstance(base(type_), Int):
            return "compare it, as `value > 0`"
        case String() | Enum():
            return 'compare it, as `value == "text"` or `value != ""`'
        case Int() | Double() | Uint():
            return "compare it, as `value > 0`"
        case List() | Map() | Object():
            return "ask for its size, as `size(value) > 0`"
        case Optional():
            return "give a default, as `value.orValue(false)`"
        case _:
            return None


def advice(function: Function | None, types: tuple[Type, ...], *, method: bool) -> str | None:
    """Say what a function takes, or how to get it from what it was given."""
    if any(isinstance(type_, Optional) for type_ in types):
        return "give a default, as `value.orValue(other)`"
    if function is None or function.name in {"_==_", "_!=_"}:
        return None
    kinds = {type(base(t) if isinstance(t, Enum) else t) for t in types}
    if kinds in ({Int, Uint}, {Double, Uint}):
        return "convert one of them, as `int(value)` or `double(value)`"
    if function.name in _ORDERED:
        return "compare two numbers, two texts or two points in time"
    taken = " or ".join(
        "(" + ", ".join(display(param) for param in overload.params) + ")"
        for overload in _likely(function, types, method=method)
    )
    return f"it takes {taken}" if taken else _style(function)


def _likely(function: Function, types: tuple[Type, ...], *, method: bool) -> list[Any]:
    """Return the overloads to show: of this style, those for the first argument before others."""
    styled = [overload for overload in function.overloads if overload.method == method]
    first = types[0] if types else None
    if isinstance(first, Enum):
        first = base(first)
    close = [o for o in styled if o.params and type(o.params[0]) is type(first)]
    return [*close, *(o for o in styled if o not in close)][:_OVERLOADS_MAX]


def _style(function: Function) -> str | None:
    if not function.overloads:
        return None
    name = function.name.rpartition(".")[2]
    method = function.overloads[0].method
    return f"write it as `value.{name}(…)`" if method else f"write `{function.name}(…)`"


def foreign(name: str) -> str | None:
    """Say how to write what other languages call a function by this name."""
    written = _ELSEWHERE.get(name)
    return None if written is None else f"write `{written}`"


def stand_in(type_: Type, default: Any, *, declared: bool) -> str | None:
    """Return the text of what may stand for a missing value: its default, or an empty one."""
    if declared:
        return written(default)
    match type_:
        case String():
            return '""'
        case Int():
            return "0"
        case Double():
            return "0.0"
        case Bool():
            return "false"
        case List():
            return "[]"
        case Map():
            return "{}"
        case Union(members=members) if any(isinstance(member, Null) for member in members):
            return "null"
        case _:
            return None


def written(value: Any) -> str | None:
    """Return a JSON value as an expression; JSON's spelling is CEL's, too."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return None
