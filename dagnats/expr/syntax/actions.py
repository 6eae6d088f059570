"""What the grammar's actions do: one function for each alias in `expression.lark`."""

import math
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from dagnats.expr.ast import Call, Comprehension, Expr, Ident, ListOf, Literal, MapOf, Select
from dagnats.expr.kinds import UINT_MAX, Uint
from dagnats.expr.syntax import macros
from dagnats.expr.syntax.builder import Builder, SyntaxMistake, Value
from dagnats.expr.syntax.literals import INT_MAX, INT_MIN, LiteralError, integer, octets, string

Action = Callable[[Builder, list[Value]], Any]

RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "namespace", "package", "return", "var", "void", "while",
})  # fmt: skip
"""Names that CEL keeps for itself, but for `loop`, which is a root here."""

_DIGITS_MAX = 400
"""Digits of a number literal; Python refuses to read integers of thousands."""


def _binary(b: Builder, v: list[Value]) -> Value:
    (left, start, _), (operator, _, _), (right, _, end) = v
    function = "@in" if operator == "in" else f"_{operator}_"
    return b.add(Call(function, (left, right), None, b.next), start, end), start, end


def _chain(function: str) -> Action:
    def build(b: Builder, v: list[Value]) -> Value:
        operands, start, end = v[0]
        nodes = tuple([operand[0] for operand in operands])
        return b.add(Call(function, nodes, None, b.next), start, end), start, end

    return build


def _pair(_: Builder, v: list[Value]) -> Value:
    return [v[0], v[2]], v[0][1], v[2][2]


def _conditional(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[4][2]
    node = Call("_?_:_", (v[0][0], v[2][0], v[4][0]), None, b.next)
    return b.add(node, start, end), start, end


def _not(b: Builder, v: list[Value]) -> Value:
    (_, start, _), (operand, _, end) = v
    return b.add(Call("!_", (operand,), None, b.next), start, end), start, end


def _negative(b: Builder, v: list[Value]) -> Value:
    (_, start, _), (operand, at, end) = v
    if (signed := _signed(b, operand, start, at)) is not None:
        return signed, start, end
    return b.add(Call("-_", (operand,), None, b.next), start, end), start, end


def _signed(b: Builder, node: Expr, start: int, at: int) -> Expr | None:
    """Give the minus at `start` to the number that `node` begins with at `at`, if it does.

    The sign is part of a number literal in CEL, although no token can say so: `1-1` is two.
    """
    spine: list[Expr] = []
    while type(node) is not Literal:
        spine.append(node)
        first = _first_part(node)
        if first is None or b.ranges[first.id][0] != at:
            return None
        node = first
    if type(node.value) not in {int, float} or b.ranges[node.id][0] != at:
        return None
    if math.copysign(1, node.value) < 0:
        return None
    b.ranges[node.id] = (start, b.ranges[node.id][1])
    signed: Expr = replace(node, value=-node.value)
    for outer in reversed(spine):
        b.ranges[outer.id] = (start, b.ranges[outer.id][1])
        signed = _with_first_part(outer, signed)
    return signed


def _first_part(node: Expr) -> Expr | None:
    """Return what stands left of a dot or a bracket."""
    match node:
        case Select():
            return node.operand
        case Comprehension():
            return node.over
        case Call(target=None, function="_[_]" | "_[?_]"):
            return node.args[0]
        case Call():
            return node.target
        case _:
            return None


def _with_first_part(node: Expr, part: Expr) -> Expr:
    match node:
        case Select():
            return replace(node, operand=part)
        case Comprehension():
            return replace(node, over=part)
        case Call(target=None):
            return replace(node, args=(part, *node.args[1:]))
        case Call():
            return replace(node, target=part)
        case _:
            return node


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
    name, start, end = v[0]
    if name in RESERVED:
        raise _reserved(name, start, end)
    return b.add(Ident(name, b.next), start, end), start, end


def _root_ident(b: Builder, v: list[Value]) -> Value:
    (_, start, _), (name, at, end) = v
    if name in RESERVED:
        raise _reserved(name, at, end)
    return b.add(Ident(f".{name}", b.next), start, end), start, end


_INSTEAD = {
    "if": "write `condition ? one : other`",
    "else": "write `condition ? one : other`",
    "for": "write `list.map(x, …)` or `list.filter(x, …)`",
    "while": "write `list.map(x, …)` or `list.filter(x, …)`",
    "let": "write `cel.bind(name, value, …)`",
    "var": "write `cel.bind(name, value, …)`",
    "const": "write `cel.bind(name, value, …)`",
    "return": "leave it out: an expression is its value",
}


def _reserved(name: str, start: int, end: int) -> SyntaxMistake:
    help_ = "use another name"
    if name in _INSTEAD:
        help_ = f"{_INSTEAD[name]}, or use another name"
    return SyntaxMistake(f"`{name}` is a reserved word", start, end, help_)


def _call(b: Builder, v: list[Value]) -> Value:
    name, start, name_end = v[0]
    args = _arguments(v)
    end = v[-1][2]
    if name == "has" and b.macros:
        return macros.has(b, args, start, end), start, end
    if name in RESERVED:
        raise _reserved(name, start, name_end)
    nodes = tuple([arg[0] for arg in args])
    return b.add(Call(name, nodes, None, b.next), start, end), start, end


def _root_call(b: Builder, v: list[Value]) -> Value:
    start, (name, at, name_end), end = v[0][1], v[1], v[-1][2]
    if name in RESERVED:
        raise _reserved(name, at, name_end)
    nodes = tuple([arg[0] for arg in _arguments(v)])
    return b.add(Call(f".{name}", nodes, None, b.next), start, end), start, end


def _method(b: Builder, v: list[Value]) -> Value:
    target, start, _ = v[0]
    name = v[2][0]
    args = _arguments(v)
    end = v[-1][2]
    if name in macros.NAMES and b.macros:
        expanded = macros.receiver(b, v[0], v[2], args, end)
        if expanded is not None:
            return expanded, start, end
    nodes = tuple([arg[0] for arg in args])
    return b.add(Call(name, nodes, target, b.next), start, end), start, end


def _arguments(v: list[Value]) -> list[Value]:
    return v[-2][0] if isinstance(v[-2][0], list) else []


def _message(b: Builder, v: list[Value]) -> Value:
    start, at = v[0][1], v[1][1]
    name = _qualified(v[0][0])
    if name is None or b.ranges[v[0][0].id][0] != start:
        message = "`{` cannot stand here"
        help_ = "an operator such as `&&` or `==` belongs here, or the end"
        raise SyntaxMistake(message, at, at + 1, help_)
    message = f"`{name}{{…}}` would make a message, and JSON has no message types"
    raise SyntaxMistake(message, start, v[-1][2], "write a map, as `{'field': value}`")


def _qualified(node: Expr) -> str | None:
    """Return a name with dots as it was written, None for anything else."""
    names: list[str] = []
    while type(node) is Select and not node.optional and not node.test:
        names.append(node.field)
        node = node.operand
    return ".".join((node.name, *reversed(names))) if type(node) is Ident else None


def _group(_: Builder, v: list[Value]) -> Value:
    return v[1][0], v[0][1], v[2][2]


def _list(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[-1][2]
    items: list[Value] = v[1][0] if isinstance(v[1][0], list) else []
    nodes = tuple([item[0][0] for item in items])
    optional = tuple([i for i, item in enumerate(items) if item[0][1]])
    return b.add(ListOf(nodes, optional, b.next), start, end), start, end


def _map(b: Builder, v: list[Value]) -> Value:
    start, end = v[0][1], v[-1][2]
    entries: list[Value] = v[1][0] if isinstance(v[1][0], list) else []
    nodes = tuple([entry[0][0] for entry in entries])
    optional = tuple([i for i, entry in enumerate(entries) if entry[0][1]])
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
    _short(text, start, end)
    # 2**63 has no place of its own but after a minus, which comes later: see `verify_integer`.
    return b.literal(integer(text), start, end), start, end


def _uint(b: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    _short(text, start, end)
    value = integer(text[:-1])
    if value > UINT_MAX:
        message = f"the integer `{text}` does not fit in 64 bits"
        help_ = f"`uint` ends at `{UINT_MAX}u`; write a double, `{value}.0`"
        raise SyntaxMistake(message, start, end, help_)
    return b.literal(Uint(value), start, end), start, end


def _short(text: str, start: int, end: int) -> None:
    if len(text) > _DIGITS_MAX:
        raise SyntaxMistake("the number is too long", start, end, "use fewer digits")


def verify_integer(node: Literal, b: Builder) -> None:
    """Refuse an integer that does not fit in 64 bits."""
    value: int = node.value
    if not INT_MIN <= value <= INT_MAX:
        start, end = b.ranges[node.id]
        message = f"the integer `{value}` does not fit in 64 bits"
        help_ = f"write it as a double, `{value}.0`"
        if INT_MAX < value <= UINT_MAX:
            help_ += f", or as a uint, `{value}u`"
        raise SyntaxMistake(message, start, end, help_)


def _double(b: Builder, v: list[Value]) -> Value:
    text, start, end = v[0]
    value = float(text)
    if not math.isfinite(value):
        help_ = "the largest double is about `1.8e308`"
        raise SyntaxMistake("the number is too large for a double", start, end, help_)
    return b.literal(value, start, end), start, end


def _text(read: Callable[[str], str | bytes]) -> Action:
    def build(b: Builder, v: list[Value]) -> Value:
        text, start, end = v[0]
        try:
            value = read(text)
        except LiteralError as error:
            at = start + error.at
            raise SyntaxMistake(str(error), at, at + error.size, error.help) from error
        return b.literal(value, start, end), start, end

    return build


def _constant(value: bool | None) -> Action:
    def build(b: Builder, v: list[Value]) -> Value:
        _, start, end = v[0]
        return b.literal(value, start, end), start, end

    return build


ACTIONS: dict[str, Action] = {
    "all_of": _chain("_&&_"),
    "any_of": _chain("_||_"),
    "binary": _binary,
    "bytes": _text(octets),
    "call": _call,
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
    "message": _message,
    "method": _method,
    "more": _more,
    "negative": _negative,
    "not": _not,
    "null": _constant(None),
    "optional_entry": _entry,
    "optional_index": _index,
    "optional_item": _item,
    "optional_select": _select,
    "pair": _pair,
    "root_call": _root_call,
    "root_ident": _root_ident,
    "select": _select,
    "string": _text(string),
    "true": _constant(True),
    "uint": _uint,
}
