"""The macros: calls that the grammar reads as any other and that mean something of their own.

A call is a macro by its name and its number of arguments, as in CEL: `x.filter(a)` is a method that
somebody may define. `has` is one with any number.
"""

from bisect import bisect_right
from collections.abc import Callable

from msgspec import Struct

from dagnats.expr.ast import Comprehension, Expr, Ident, ListOf, Literal, Select
from dagnats.expr.syntax.builder import Builder, SyntaxMistake, Value

ACCUMULATOR = "__result__"
"""A name that CEL keeps for what a comprehension gathers."""


class _Shape(Struct, frozen=True):
    """How a receiver macro of so many arguments reads: names first, a guard perhaps, the body."""

    macro: str
    variables: int = 1
    guarded: bool = False
    gathers: bool = True


_SHAPES: dict[tuple[str, int], _Shape] = {
    ("all", 2): _Shape("all"),
    ("all", 3): _Shape("all", 2),
    ("exists", 2): _Shape("exists"),
    ("exists", 3): _Shape("exists", 2),
    ("exists_one", 2): _Shape("exists_one"),
    ("exists_one", 3): _Shape("exists_one", 2),
    ("existsOne", 2): _Shape("exists_one"),
    ("existsOne", 3): _Shape("exists_one", 2),
    ("filter", 2): _Shape("filter"),
    ("map", 2): _Shape("map"),
    ("map", 3): _Shape("map", guarded=True),
    ("transformList", 3): _Shape("transformList", 2),
    ("transformList", 4): _Shape("transformList", 2, guarded=True),
    ("transformMap", 3): _Shape("transformMap", 2),
    ("transformMap", 4): _Shape("transformMap", 2, guarded=True),
    ("transformMapEntry", 3): _Shape("transformMapEntry", 2),
    ("transformMapEntry", 4): _Shape("transformMapEntry", 2, guarded=True),
    ("sortBy", 2): _Shape("sortBy"),
    ("optMap", 2): _Shape("optMap", gathers=False),
    ("optFlatMap", 2): _Shape("optFlatMap", gathers=False),
}
_ORDINALS = ("first", "second")


def receiver(b: Builder, over: Value, name: Value, args: list[Value], end: int) -> Expr | None:
    """Return what `over.name(args)` means if it is a macro, else None."""
    if (shape := _SHAPES.get((name[0], len(args)))) is not None:
        return _comprehension(b, over, name[0], shape, args, end)
    if type(over[0]) is Ident and over[0].name == "cel":
        expand = _CEL.get((name[0], len(args)))
        return None if expand is None else expand(b, args, over[1], end)
    return None


def has(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    """Return the test of `has(value.field)`."""
    operand = args[0][0] if len(args) == 1 else None
    if type(operand) is not Select or operand.optional or operand.test:
        message = "`has` takes one field to look for"
        raise SyntaxMistake(message, start, end, "write it as `has(value.field)`")
    return b.add(Select(operand.operand, operand.field, False, True, b.next), start, end)


def _comprehension(  # noqa: PLR0913, PLR0917 (the parts of a call)
    b: Builder, over: Value, name: str, shape: _Shape, args: list[Value], end: int
) -> Expr:
    names = [_variable(name, args, i, shape) for i in range(shape.variables)]
    second = names[1] if shape.variables == 2 else None
    if second == names[0]:
        _, at, until = args[1]
        message = f"`{name}` names both of its variables `{second}`"
        raise SyntaxMistake(message, at, until, "give the second one another name")
    guard = args[-2][0] if shape.guarded else None
    b.ranges[-b.next] = (args[0][1], args[shape.variables - 1][2])
    node = Comprehension(shape.macro, over[0], names[0], args[-1][0], guard, second, b.next)
    return b.add(node, over[1], end)


def _variable(name: str, args: list[Value], index: int, shape: _Shape) -> str:
    node, at, until = args[index]
    which = f"the {_ORDINALS[index]} argument of `{name}`"
    if type(node) is not Ident or node.name.startswith("."):
        written = f".{name}(x, …)" if shape.variables == 1 else f".{name}(i, x, …)"
        raise SyntaxMistake(f"{which} is a new name", at, until, f"write it as `{written}`")
    if shape.gathers and node.name == ACCUMULATOR:
        message = f"{which} cannot be `{ACCUMULATOR}`, which CEL keeps for itself"
        raise SyntaxMistake(message, at, until, "use another name")
    return node.name


def _bind(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    """Make `cel.bind(variable, value, body)`."""
    (variable, at, until), (value, _, _), (body, _, _) = args
    if type(variable) is not Ident or variable.name.startswith("."):
        message, help_ = "the first argument of `cel.bind` is a new name", "cel.bind(x, value, …)"
        raise SyntaxMistake(message, at, until, f"write it as `{help_}`")
    b.ranges[-b.next] = (at, until)
    return b.add(Comprehension("bind", value, variable.name, body, id=b.next), start, end)


def _block(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    """Make `cel.block([value, …], body)`: values that later ones and the body call by number."""
    (listed, at, until), (body, body_start, _) = args
    if type(listed) is not ListOf or listed.optional:
        message = "the first argument of `cel.block` is a list of the values to share"
        raise SyntaxMistake(message, at, until, "write it as `cel.block([…, …], …)`")
    starts = [b.ranges[item.id][0] for item in listed.items]
    while b.indexes and b.indexes[-1][1] >= start:
        number, index_start, index_end = b.indexes.pop()
        inside = index_start < body_start
        known = bisect_right(starts, index_start) - 1 if inside else len(starts)
        if number >= known:
            message = f"`cel.index({number})` refers to no value before it"
            help_ = f"there are {known}, and the first is `cel.index(0)`"
            raise SyntaxMistake(message, index_start, index_end, help_)
    expr: Expr = body
    for number in range(len(starts) - 1, -1, -1):
        value = listed.items[number]
        node = Comprehension("bind", value, f"@index{number}", expr, id=b.next)
        expr = b.add(node, start, end)
    return expr


def _index(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    (number,) = _numbers("cel.index", args)
    b.indexes.append((number, start, end))
    return b.add(Ident(f"@index{number}", b.next), start, end)


def _iteration(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    depth, place = _numbers("cel.iterVar", args)
    return b.add(Ident(f"@it:{depth}:{place}", b.next), start, end)


def _accumulator(b: Builder, args: list[Value], start: int, end: int) -> Expr:
    depth, place = _numbers("cel.accuVar", args)
    return b.add(Ident(f"@ac:{depth}:{place}", b.next), start, end)


def _numbers(name: str, args: list[Value]) -> list[int]:
    for node, at, until in args:
        if type(node) is not Literal or type(node.value) is not int or node.value < 0:
            message = f"`{name}` takes plain numbers from 0"
            example = ", ".join("0" * len(args))
            raise SyntaxMistake(message, at, until, f"write it as `{name}({example})`")
    return [node.value for node, _, _ in args]


_CEL: dict[tuple[str, int], Callable[[Builder, list[Value], int, int], Expr]] = {
    ("bind", 3): _bind,
    ("block", 2): _block,
    ("index", 1): _index,
    ("iterVar", 2): _iteration,
    ("accuVar", 2): _accumulator,
}
NAMES = frozenset(name for name, _ in (*_SHAPES, *_CEL))
"""Names of methods that may be macros."""
