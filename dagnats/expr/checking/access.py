"""What a field is, read from a value of a type; and which place of the data an expression reads.

input.steps["a"].b    →  ("input", "steps", "a", "b")
"""

from typing import NamedTuple

from dagnats.expr.ast import Call, Expr, Ident, Literal, Select
from dagnats.expr.types import (
    DYN,
    FREE,
    NULL,
    Dyn,
    Map,
    Object,
    Optional,
    Param,
    Poison,
    Type,
    Union,
    union,
)

Path = tuple[str | int, ...]
"""A root or variable, then names of fields and constant indexes."""


class Field(NamedTuple):
    """What a field is; `type` is None where no value of the owner has it.

    One that is `sure` is always there, and `null` says that the owner may be null.
    """

    type: Type | None
    sure: bool
    null: bool = False


NOTHING = Field(None, False)


def look(owner: Type, name: str) -> Field:
    """Return what the field `name` of a value of type `owner` is; an optional has none itself."""
    match owner:
        case Object():
            known = owner.fields.get(name)
            if known is not None:
                return Field(known[0], known[1])
            return NOTHING if owner.closed else Field(owner.rest, True)
        case Map(value=value):
            return Field(DYN if value is FREE else value, True)
        case Dyn() | Param():
            return Field(DYN, True)
        case Poison():
            return Field(owner, True)
        case Union(members=members):
            return _look_in_any(members, name)
        case _:
            return NOTHING


def _look_in_any(members: tuple[Type, ...], name: str) -> Field:
    found = [_look_in(member, name) for member in members if member is not NULL]
    types = [field.type for field in found if field.type is not None]
    if not types:
        return NOTHING
    sure = len(types) == len(found) and all(field.sure for field in found)
    return Field(union(types), sure, NULL in members)


def _look_in(member: Type, name: str) -> Field:
    """Return what a field of a member of a union is: an optional that is read gives an optional."""
    if not isinstance(member, Optional):
        return look(member, name)
    while isinstance(member, Optional):
        member = member.of
    type_ = look(member, name).type
    return Field(None if type_ is None else Optional(DYN if type_ is FREE else type_), True)


def path_of(node: Expr, *, through: bool = False) -> Path | None:
    """Return the place that a node reads, if it only reads; `through` also past `.?` and `[?]`."""
    steps: list[str | int] = []
    while True:
        if type(node) is Select and not node.test and (through or not node.optional):
            steps.append(node.field)
            node = node.operand
        elif type(node) is Ident:
            steps.append(node.name)
            steps.reverse()
            return tuple(steps)
        elif type(node) is Call and (
            node.function == "_[_]" or (through and node.function == "_[?_]")
        ):
            key = node.args[1]
            if type(key) is not Literal or type(key.value) not in {str, int}:
                return None
            steps.append(key.value)
            node = node.args[0]
        else:
            return None


def owner_and_key(node: Expr) -> tuple[Expr, str] | None:
    """Return what a node reads a field from, and the field."""
    match node:
        case Select(operand=owner, field=name):
            return owner, name
        case Call(function="_[_]" | "_[?_]", args=(owner, Literal(value=str() as name))):
            return owner, name
        case _:
            return None


def dotted(node: Expr) -> str | None:
    """Return the name with dots that a chain of plain selections spells."""
    parts: list[str] = []
    while type(node) is Select and not node.test and not node.optional:
        parts.append(node.field)
        node = node.operand
    if type(node) is not Ident:
        return None
    parts.append(node.name)
    return ".".join(reversed(parts))


def spelled(node: Expr) -> str:
    """Return how a place is written, for messages; `…` stands for what is no place."""
    match node:
        case Ident(name=name):
            return name
        case Select(operand=operand, field=name, optional=optional):
            return f"{spelled(operand)}.{'?' if optional else ''}{escaped(name)}"
        case Call(function="_[_]" | "_[?_]", args=(owner, key)):
            return f"{spelled(owner)}[{spelled(key)}]"
        case Literal(value=str() as text):
            return f'"{text}"'
        case Literal(value=value):
            return str(value)
        case _:
            return "…"


def escaped(name: str) -> str:
    """Return a field's name as it is written after a dot."""
    return name if name.isidentifier() and name.isascii() else f"`{name}`"
