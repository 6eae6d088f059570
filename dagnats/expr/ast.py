"""Nodes of CEL-JSON/1 expressions. Positions live in a side table keyed by `id`.

Operators are calls of CEL's own function names (`_+_`, `_&&_`, `_?_:_`, `!_`, `-_`, `_[_]`), so
the checker, the evaluator and the IR know one form. A chain of `&&` or `||` is one call with all
its operands. `id` never takes part in equality.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from dagnats.expr.alike import Alike


class _Node(Alike, frozen=True, eq=False):
    remarks: ClassVar[frozenset[str]] = frozenset({"id"})


class Literal(_Node, frozen=True, eq=False):
    """A constant: any JSON value, an unsigned integer or bytes.

    A whole constant subtree of a template counts as one.
    """

    value: Any
    id: int = 0


class Ident(_Node, frozen=True, eq=False):
    """A root or a bound variable; a name that begins with a dot is a root, whatever is bound."""

    name: str
    id: int = 0


class Select(_Node, frozen=True, eq=False):
    """`operand.field`; `optional` is `operand.?field`, `test` is `has(operand.field)`."""

    operand: "Expr"
    field: str
    optional: bool = False
    test: bool = False
    id: int = 0


class Call(_Node, frozen=True, eq=False):
    """A function, operator or method call; `target` is the receiver of a method."""

    function: str
    args: "tuple[Expr, ...]"
    target: "Expr | None" = None
    id: int = 0


class ListOf(_Node, frozen=True, eq=False):
    """A list display; an item whose index is in `optional` is left out when it has no value."""

    items: "tuple[Expr, ...]"
    optional: tuple[int, ...] = ()
    id: int = 0


class MapOf(_Node, frozen=True, eq=False):
    """A map display, entries in written order; those in `optional` are left out without a value."""

    entries: "tuple[tuple[Expr, Expr], ...]"
    optional: tuple[int, ...] = ()
    id: int = 0


class Comprehension(_Node, frozen=True, eq=False):
    """A macro: `body` for each of `over`, with `variable` (and `second`) bound.

    Over a list or map: `all`, `exists`, `exists_one`, `map` (with `guard`), `filter`, `sortBy`.
    With two variables, index and element or key and value: `all`, `exists`, `exists_one`,
    `transformList`, `transformMap` (both with `guard`), `transformMapEntry` (with `guard`).
    Over one value: `bind` (`cel.bind(variable, over, body)`), `optMap`, `optFlatMap`.
    """

    macro: str
    over: "Expr"
    variable: str
    body: "Expr"
    guard: "Expr | None" = None
    second: str | None = None
    id: int = 0


Expr = Literal | Ident | Select | Call | ListOf | MapOf | Comprehension

INTERPOLATE = "@interpolate"
"""Internal function of templates: joins scalars and text to one string."""

COERCE = "@double"
"""Internal function around what is declared a double: JSON may have written it as an integer."""


def children(expr: Expr) -> "tuple[Expr, ...]":
    """Return the direct parts of a node, in written order."""
    match expr:
        case Literal() | Ident():
            return ()
        case Select(operand=operand):
            return (operand,)
        case Call(target=target, args=args):
            return args if target is None else (target, *args)
        case ListOf(items=items):
            return items
        case MapOf(entries=entries):
            return tuple(part for entry in entries for part in entry)
        case Comprehension(over=over, guard=guard, body=body):
            return (over, body) if guard is None else (over, guard, body)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield the node and everything below it, depth first, in written order."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))
