"""What builds trees: the numbering of nodes, the ranges they stand at, and an author's mistakes."""

from typing import Any, TypeVar

from dagnats.expr.ast import Expr, Literal

Value = tuple[Any, int, int]
"""A token's text or a node, and the half-open range of the text it stands for."""

_Node = TypeVar("_Node", bound=Expr)


class SyntaxMistake(Exception):  # noqa: N818 (an author's mistake, on its way to a diagnostic)
    """Text that is no expression: the message, the range to mark, and what to write instead."""

    def __init__(self, message: str, start: int, end: int, help_: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.help = help_


class Builder:
    """Numbers nodes and remembers their ranges.

    `ranges[id]` is where a node stands; `ranges[-id]` where the variables of a macro are named.
    `indexes` are the `cel.index(n)` whose `cel.block` has not come yet. With `macros` false every
    call is an ordinary one.
    """

    __slots__ = ("indexes", "macros", "next", "ranges")

    def __init__(self, first_id: int, *, macros: bool = True) -> None:
        self.next = first_id
        self.ranges: dict[int, tuple[int, int]] = {}
        self.indexes: list[tuple[int, int, int]] = []
        self.macros = macros

    def add(self, node: _Node, start: int, end: int) -> _Node:
        """Record a node that was made with the id `next`."""
        self.ranges[self.next] = (start, end)
        self.next += 1
        return node

    def literal(self, value: Any, start: int, end: int) -> Literal:
        """Make a constant."""
        return self.add(Literal(value, self.next), start, end)

    def finish(self) -> None:
        """Refuse what only the whole text shows to be wrong."""
        if self.indexes:
            number, start, end = self.indexes[0]
            message = f"`cel.index({number})` stands outside a `cel.block`"
            help_ = "write it inside `cel.block([…], …)`, or use `cel.bind(name, value, …)`"
            raise SyntaxMistake(message, start, end, help_)
