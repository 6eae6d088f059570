"""What an expression says by itself: conditions that are decided, constants that cannot be right.

true || input.x           →  always true
timestamp("yesterday")    →  never a timestamp
"""

from collections.abc import Callable, Sequence
from typing import Any

from dagnats.expr.ast import Expr, Literal
from dagnats.expr.kinds import Timestamp
from dagnats.expr.library.values import EvaluationError
from dagnats.expr.signatures import Function

_FIRST: tuple[int, Callable[[str], tuple[Any, ...]]] = (0, lambda text: (text,))
_PATTERN: tuple[int, Callable[[str], tuple[Any, ...]]] = (1, lambda text: ("", text))
_ZONE: tuple[int, Callable[[str], tuple[Any, ...]]] = (1, lambda text: (Timestamp(0), text))

PROBES: dict[str, tuple[int, Callable[[str], tuple[Any, ...]]]] = {
    "cidr": _FIRST,
    "duration": _FIRST,
    "ip": _FIRST,
    "timestamp": _FIRST,
    "matches": _PATTERN,
    "regex.extract": _PATTERN,
    "regex.extractAll": _PATTERN,
    "regex.replace": (1, lambda text: ("", text, "")),
    "getDate": _ZONE,
    "getDayOfMonth": _ZONE,
    "getDayOfWeek": _ZONE,
    "getDayOfYear": _ZONE,
    "getFullYear": _ZONE,
    "getHours": _ZONE,
    "getMilliseconds": _ZONE,
    "getMinutes": _ZONE,
    "getMonth": _ZONE,
    "getSeconds": _ZONE,
}
"""Functions that refuse some texts: which argument that is, and how to try one."""


def mistaken(function: Function, args: Sequence[Expr]) -> tuple[Expr, str] | None:
    """Return the constant argument that a function always refuses, and why."""
    at, arguments = PROBES[function.name]
    if at >= len(args):
        return None
    node = args[at]
    if type(node) is not Literal or type(node.value) is not str:
        return None
    try:
        function.call(*arguments(node.value))
    except EvaluationError as error:
        return node, str(error)
    return None


def decided(function: Function, args: Sequence[Expr]) -> bool | None:
    """Return what a comparison of constants always gives; None where it is not of constants."""
    values = [node.value for node in args if type(node) is Literal]
    if len(values) < len(args):
        return None
    try:
        result = function.call(*values)
    except EvaluationError:
        return None
    return result if isinstance(result, bool) else None
