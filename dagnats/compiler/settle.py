"""Types as they are kept between expressions: what was worked out counts as declared."""

from msgspec.structs import replace

from dagnats.compiler.fit import leaving
from dagnats.expr.types import (
    DYN,
    FREE,
    Enum,
    List,
    Map,
    Object,
    Poison,
    Type,
    Union,
    join,
    union,
)


def settled(type_: Type) -> Type:
    """Return the type of a value that has left its expression, for those that read it later."""
    return _settled(leaving(type_))


def _settled(type_: Type) -> Type:
    if type_ is FREE:
        return DYN
    match type_:
        case Enum(literal=True):
            return Enum(type_.values)
        case List(elem=elem):
            return List(_settled(elem), type_.items_max)
        case Map(value=value):
            return Map(_settled(value), type_.key, type_.entries_max)
        case Object(fields=fields, made=True):
            kept = {name: (_settled(part), sure) for name, (part, sure) in fields.items()}
            return replace(type_, fields=kept, made=False)
        case Union(members=members):
            return union(_settled(member) for member in members)
        case _:
            return type_


def together(one: Type, other: Type) -> Type:
    """Return the type of a value that is one or the other; objects with the same fields are one."""
    match one, other:
        case Object(closed=True), Object(closed=True) if one.fields.keys() == other.fields.keys():
            fields = {
                name: (together(part, other.fields[name][0]), sure and other.fields[name][1])
                for name, (part, sure) in one.fields.items()
            }
            return replace(one, fields=fields)
        case _:
            return join(one, other)


def is_reported(type_: Type) -> bool:
    """Whether a part of a value is what has been reported."""
    match type_:
        case Poison():
            return True
        case Object(fields=fields):
            return any(is_reported(part) for part, _ in fields.values())
        case List(elem=part) | Map(value=part):
            return is_reported(part)
        case Union(members=members):
            return any(map(is_reported, members))
        case _:
            return False
