"""What each expression reads: roots, and the fields of them that it names.

"${{ input.user.name }} of ${{ secrets.TOKEN }}"   →  input.user.name, secrets.TOKEN
"""

from collections.abc import Iterator

from msgspec import Struct

from dagnats.compiler.outline import Outline
from dagnats.compiler.remembered import once
from dagnats.compiler.spots import Spot
from dagnats.expr.ast import (
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
    children,
)

ALONE, IN_TEXT, COMPUTED = "alone", "in text", "computed"
"""What becomes of a value: it goes on as it is, inside of a text, or into an operator."""


class Read(Struct, frozen=True):
    """A root, the fields that are named of it, the node that does, and what becomes of the value.

    `into` is the place of the template where it ends up: keys and indexes.
    """

    root: str
    path: tuple[str, ...]
    node: Expr
    use: str
    into: tuple[str, ...] = ()


class Reads(Struct, frozen=True):
    """Side table: what is read at each spot of each step, and at each spot of the document."""

    of_step: tuple[tuple[tuple[Read, ...], ...], ...]
    of_document: tuple[tuple[Read, ...], ...]

    def all(self) -> Iterator[Read]:
        """Yield everything that anything reads."""
        for step in self.of_step:
            for spot in step:
                yield from spot
        for spot in self.of_document:
            yield from spot


def read_all(outline: Outline, document: tuple[Spot, ...]) -> Reads:
    """Return the side table; each node of each expression is visited once."""
    return Reads(
        tuple(
            tuple(once(_read, spot.embedded.expr) for spot in outline.spots(number))
            for number in range(len(outline.steps))
        ),
        tuple(once(_read, spot.embedded.expr) for spot in document),
    )


def _read(expr: Expr) -> tuple[Read, ...]:
    return tuple(reads(expr))


_Way = tuple[Expr, frozenset[str], str, tuple[str, ...]]


def reads(expr: Expr) -> Iterator[Read]:
    """Yield what an expression reads, in written order; variables of macros are no roots."""
    stack: list[_Way] = [(expr, frozenset(), ALONE, ())]
    while stack:
        node, hidden, use, into = stack.pop()
        if isinstance(node, Literal):
            continue
        if (found := _chain(node)) is not None:
            name, path, rest = found
            bare = name.removeprefix(".")
            if bare is not name or name not in hidden:
                yield Read(bare, path, node, use, into)
            stack.extend((part, hidden, COMPUTED, into) for part in rest)
            continue
        stack.extend(reversed(list(_parts(node, hidden, use, into))))


def _chain(node: Expr) -> tuple[str, tuple[str, ...], list[Expr]] | None:
    """Return the root and the fields that a chain of selections names, and computed keys of it.

    What comes behind a computed key belongs to no named field.
    """
    path: list[str] = []
    rest: list[Expr] = []
    while True:
        match node:
            case Ident(name=name):
                return name, tuple(reversed(path)), rest[::-1]
            case Select(operand=operand, field=field):
                path.append(field)
                node = operand
            case Call(function="_[_]" | "_[?_]", args=(owner, Literal(value=str() as field))):
                path.append(field)
                node = owner
            case Call(function="_[_]" | "_[?_]", args=(owner, key)):
                path.clear()
                if not isinstance(key, Literal):
                    rest.append(key)
                node = owner
            case _:
                return None


def _parts(  # noqa: C901 (one case a kind)
    node: Expr, hidden: frozenset[str], use: str, into: tuple[str, ...]
) -> Iterator[_Way]:
    match node:
        case MapOf(entries=entries):
            for key, value in entries:
                named = str(key.value) if isinstance(key, Literal) else "…"
                yield key, hidden, COMPUTED, into
                yield value, hidden, use, (*into, named)
        case ListOf(items=items):
            for number, item in enumerate(items):
                yield item, hidden, use, (*into, str(number))
        case Call(function=function, args=args) if function == INTERPOLATE:
            for arg in args:
                yield arg, hidden, IN_TEXT if use == ALONE else use, into
        case Call(function="_?_:_", args=(condition, one, other)):
            yield condition, hidden, COMPUTED, into
            yield one, hidden, use, into
            yield other, hidden, use, into
        case Comprehension(over=over, guard=guard, body=body):
            inside = hidden | {node.variable, *([node.second] if node.second else [])}
            yield over, hidden, COMPUTED, into
            if guard is not None:
                yield guard, inside, COMPUTED, into
            yield body, inside, COMPUTED, into
        case _:
            for part in children(node):
                yield part, hidden, COMPUTED, into
