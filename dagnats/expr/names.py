"""What names mean that are no variables: types as values, and functions with their namespace."""

from collections.abc import Container, Mapping
from typing import Final

from msgspec import Struct

from dagnats.expr.ast import Call, Expr, Ident, Select
from dagnats.expr.kinds import TypeValue
from dagnats.expr.signatures import Function

TYPE_NAMES: Final = frozenset({
    "int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type",
    "optional_type", "google.protobuf.Timestamp", "google.protobuf.Duration", "net.IP", "net.CIDR",
})  # fmt: skip
_SHORT: Final = {
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}


def type_named(name: str) -> TypeValue | None:
    """Return the type that a name stands for where no root has that name."""
    name = _SHORT.get(name, name)
    return TypeValue(name) if name in TYPE_NAMES else None


def type_of_path(node: Select, bound: Container[str]) -> tuple[str, TypeValue] | None:
    """Return the type that `google.protobuf.Timestamp` spells, and the root that could hide it."""
    if node.optional or node.test:
        return None
    name = dotted(node, bound)
    type_ = None if name is None else type_named(name)
    return None if name is None or type_ is None else (name.partition(".")[0], type_)


def dotted(node: Expr, bound: Container[str]) -> str | None:
    """Return the name that `a.b.c` spells, if it begins with no variable."""
    parts: list[str] = []
    while isinstance(node, Select) and not node.optional and not node.test:
        parts.append(node.field)
        node = node.operand
    if not isinstance(node, Ident) or node.name in bound:
        return None
    return ".".join([node.name.removeprefix("."), *reversed(parts)])


class Called(Struct, frozen=True):
    """What a call means: the function, if there is one, and what it takes, the receiver first."""

    name: str
    args: tuple[Expr, ...]
    function: Function | None


def called(node: Call, bound: Container[str], functions: Mapping[str, Function]) -> Called:
    """Find the function of a call; `math.greatest(…)` may still look like a method of `math`."""
    name, args, method = node.function, node.args, False
    if node.target is not None:
        owner = dotted(node.target, bound)
        if owner is not None and f"{owner}.{name}" in functions:
            name = f"{owner}.{name}"
        else:
            args, method = (node.target, *args), True
    name = name.removeprefix(".")
    function = functions.get(name)
    if function is not None and not _takes(function, len(args), method=method):
        function = None
    return Called(name, args, function)


def _takes(function: Function, count: int, *, method: bool) -> bool:
    if function.variadic:
        return count > 0 and any(overload.method == method for overload in function.overloads)
    return any(len(o.params) == count and o.method == method for o in function.overloads)
