"""Tells which expressions give JSON for JSON, so that nobody has to look through what they give."""

import math
from collections.abc import Mapping
from typing import Any, Final

from dagnats.expr.ast import (
    COERCE,
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    Literal,
    MapOf,
    Select,
    walk,
)
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.names import type_named
from dagnats.expr.signatures import Function

_OPERATORS: Final = frozenset({"_&&_", "_||_", "_?_:_", INTERPOLATE, COERCE})
_FUNCTIONS: Final = frozenset({
    "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "!_", "@in", "_[_]", "-_", "_%_", "size",
    "contains", "startsWith", "endsWith", "matches", "indexOf", "lastIndexOf", "charAt",
    "lowerAscii", "upperAscii", "trim", "substring", "replace", "split", "join", "string",
})  # fmt: skip
_MACROS: Final = frozenset({
    "all", "exists", "exists_one", "map", "filter", "transformList", "sortBy", "bind",
})  # fmt: skip


def keeps_json(expr: Expr, functions: Mapping[str, Function]) -> bool:
    """Whether every part of the expression gives JSON if it is given JSON."""
    return all(_keeps(node, functions) for node in walk(expr))


def _keeps(node: Expr, functions: Mapping[str, Function]) -> bool:
    match node:
        case Literal(value=value):
            return _is_json(value)
        case Ident(name=name):
            return type_named(name.removeprefix(".")) is None
        case Select(optional=optional):
            return not optional
        case Call(function=name):
            if name in _OPERATORS:
                return True
            return name in _FUNCTIONS and functions.get(name) is FUNCTIONS.get(name)
        case MapOf(entries=entries, optional=optional):
            return not optional and all(
                isinstance(key, Literal) and type(key.value) is str for key, _ in entries
            )
        case Comprehension(macro=macro):
            return macro in _MACROS
        case _:
            return not node.optional


def _is_json(value: Any) -> bool:
    match value:
        case None | bool() | str():
            return True
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_json, value))
        case dict():
            return all(map(_is_json, value.values()))
        case _:
            return type(value) is int
