"""Builds nodes for the grammar's actions: one function for each alias in `expression.lark`."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

from dagnats.expr.ast import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.literals import LiteralError, integer, string

Value = tuple[Any, int, int]
"""A token's text or a node, and the half-open range of the text it stands for."""

MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "namespace", "package", "return", "var", "void", "while",
})  # fmt: skip
"""Names that CEL keeps for itself, but for `loop`, which is a root here."""

_Node = TypeVar("_Node", bound=Expr)
_DIGITS_MAX = 400
"""Digits of a number literal; Python refuses to read integers of thousands."""


class SyntaxMistake(Exception):  # noqa: N818 (an author's mistake, on its way to a diagnostic)
    """Text that is no expression: the message, the range to mark, and what to write instead."""

    def __init__(self, message: str, start: int, end: int, help_: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.help = help_


class Builder:
    """Numbers nodes and remembers their ranges."""

    __slots__ = ("next", "ranges")

    def __init__(self, first_id: int) -> None:
        self.next = first_id
        self.ranges: dict[int, tuple[int, int]] = {}

    def add(self, node: _Node, start: int, end: int) -> _Node:
        """Record a node that was made with the id `next`."""
        self.ranges[self.next] = (start, end)
        self.next += 1
        return node

    def literal(self, value: Any, start: int, end: int) -> Literal:
        """Make a constant."""
        return self.add(Literal(value, self.next), start, end)


Action = Callable[[Builder, list[Value]], Any]


def _binary(b: Builder, v: list[Value]) -> Value:
    (left, start, _), (operator, _, _), (right, _, end) = v
    function = "@in" if operator == "in" else f"_{operator}_"
    return b.add(Call(function, (left, right), None, b.next), start, end), start, end


def _chain(b: Builder, v: list[Value]) -> Value:
    (left, start, left_end), (operator, _, _), (right, _, end) = v
    function = f"_{operator}_"
    operands: tuple[Expr, ...] = (left,)
    # `(a && b) && c` keeps its parentheses: the range then begins before the node's own.
    if isinstance(left, Call) and left.function == function:
        operands = left.args if b.ranges[left.id] == (start, left_end) else operands
    return b.add(Call(function, (*operands, right), None, b.next), start, end), start, end


def _conditional(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[4][2]
    return (
        b.add(Call("_?_:_", (v[0][0], v[2][0], v[4][0]), None, b.next), start, end),
        start,
        end,
    )


def _unary(b: Builder, v: list[Value]) -> Value:
    (operator, start, at), (operand, operand_start, end) = v
    if operator == "-" and isinstance(operand, Literal) and operand_start == at:
        value = operand.value
        if type(value) in {int, float} and str(value)[0] != "-":
            return b.literal(-value, start, end), start, end
    return b.add(Call(f"{operator}_", (operand,), None, b.next), start, end), start, end


def _select(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[-1][2]
    node = Select(v[0][0], v[-1][0], len(v) == 4, False, b.next)
    return b.add(node, start, end), start, end


def _index(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[-1][2]
    function = "_[_]" if len(v) == 4 else "_[?_]"
    return b.add(Call(function, (v[0][0], v[-2][0]), None, b.next), start, end), start, end


def _field(_: Builder, v: list[Value]) -> Value:
    return v[0]


def _escaped_field(_: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    return text[1:-1], start, end


def _ident(b: Builder, v: list[Value]) -> Value:
    name, _, end = v[-1]
    start = v[0][1]
    if name in RESERVED:
        raise SyntaxMistake(f"`{name}` is a reserved word", start, end, "use another name")
    return b.add(Ident(name, b.next), start, end), start, end


def _call(b: Builder, v: list[Value]) -> Value:
    name, start, name_end = v[0]
    args = _arguments(v)
    end = v[-1][2]
    if name == "has":
        return _has(b, args, start, end), start, end
    if name in RESERVED:
        raise SyntaxMistake(f"`{name}` is a reserved word", start, name_end, "use another name")
    nodes = tuple(arg[0] for arg in args)
    return b.add(Call(name, nodes, None, b.next), start, end), start, end


def _method(b: Builder, v: list[Value]) -> Value:
    target, start, _ = v[0]
    name = v[2][0]
    args = _arguments(v)
    end = v[-1][2]
    if name in MACROS and len(args) in {2, 3}:
        return _comprehension(b, v, args), start, end
    nodes = tuple(arg[0] for arg in args)
    return b.add(Call(name, nodes, target, b.next), start, end), start, end


def _arguments(v: list[Value]) -> list[Value]:
    return v[-2][0] if isinstance(v[-2][0], list) else []


def _has(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    operand = args[0][0] if len(args) == 1 else None
    if not isinstance(operand, Select) or operand.optional or operand.test:
        message = "`has` takes one field to look for"
        raise SyntaxMistake(message, start, end, "write it as `has(value.field)`")
    return b.add(Select(operand.operand, operand.field, False, True, b.next), start, end)


def _comprehension(b: Builder, v: list[Value], args: list[Value]) -> Expr:
    (over, start, _), macro, end = v[0], v[2][0], v[-1][2]
    variable, at, until = args[0]
    if len(args) == 3 and macro != "map":
        message = f"`{macro}` takes a variable and one expression"
        raise SyntaxMistake(message, v[2][1], end, f"write it as `.{macro}(x, …)`")
    if not isinstance(variable, Ident):
        message = f"the first argument of `{macro}` is a new name"
        raise SyntaxMistake(message, at, until, f"write it as `.{macro}(x, …)`")
    guard = args[1][0] if len(args) == 3 else None
    macro = "exists_one" if macro == "existsOne" else macro
    node = Comprehension(macro, over, variable.name, args[-1][0], guard, b.next)
    return b.add(node, start, end)


def _group(_: Builder, v: list[Value]) -> Value:
    return v[1][0], v[0][1], v[2][2]


def _list(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[-1][2]
    items: list[Value] = v[1][0] if len(v) > 2 else []
    nodes = tuple(item[0][0] for item in items)
    optional = tuple(i for i, item in enumerate(items) if item[0][1])
    return b.add(ListOf(nodes, optional, b.next), start, end), start, end


def _map(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[-1][2]
    entries: list[Value] = v[1][0] if len(v) > 2 else []
    nodes = tuple(entry[0][0] for entry in entries)
    optional = tuple(i for i, entry in enumerate(entries) if entry[0][1])
    return b.add(MapOf(nodes, optional, b.next), start, end), start, end


def _first(_: Builder, v: list[Value]) -> Value:
    return [v[0]], v[0][1], v[0][2]


def _more(_: Builder, v: list[Value]) -> Value:
    v[0][0].append(v[2])
    return v[0][0], v[0][1], v[2][2]


def _item(_: Builder, v: list[Value]) -> Value:
    return (v[-1][0], len(v) == 2), v[0][1], v[-1][2]


def _entry(_: Builder, v: list[Value]) -> Value:
    return ((v[-3][0], v[-1][0]), len(v) == 4), v[0][1], v[-1][2]


def _int(b: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    if len(text) > _DIGITS_MAX:
        raise SyntaxMistake("the number is too long", start, end, "use fewer digits")
    return b.literal(integer(text), start, end), start, end


def _double(b: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    value = float(text)
    if not math.isfinite(value):
        raise SyntaxMistake("the number is too large for a double", start, end)
    return b.literal(value, start, end), start, end


def _string(b: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    try:
        value = string(text)
    except LiteralError as error:
        at = start + error.at
        help_ = "write a backslash itself as `\\\\`"
        raise SyntaxMistake(str(error), at, min(at + 2, end), help_) from error
    return b.literal(value, start, end), start, end


def _uint(_: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    message = "there are no unsigned numbers: JSON has none"
    raise SyntaxMistake(message, start, end, f"write `{text[:-1]}`")


def _bytes(_: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    message = "there are no bytes: JSON has none"
    raise SyntaxMistake(message, start, end, f"write a string, `{text[1:]}`")


def _constant(value: bool | None) -> Action:
    def build(b: Builder, v: list[Value]) -> Value:
        _, start, end = v[0]
        return b.literal(value, start, end), start, end

    return build


ACTIONS: dict[str, Action] = {
    "binary": _binary,
    "bytes": _bytes,
    "call": _call,
    "chain": _chain,
    "conditional": _conditional,
    "double": _double,
    "entry": _entry,
    "escaped_field": _escaped_field,
    "false": _constant(False),
    "field": _field,
    "first": _first,
    "group": _group,
    "ident": _ident,
    "index": _index,
    "int": _int,
    "item": _item,
    "list": _list,
    "map": _map,
    "method": _method,
    "more": _more,
    "null": _constant(None),
    "optional_entry": _entry,
    "optional_index": _index,
    "optional_item": _item,
    "optional_select": _select,
    "root_ident": _ident,
    "select": _select,
    "string": _string,
    "true": _constant(True),
    "uint": _uint,
    "unary": _unary,
}
