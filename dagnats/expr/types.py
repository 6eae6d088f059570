"""The types of values and how they relate."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from dagnats.expr.alike import Alike

ENUM_SHOWN_MAX = 6


class _Plain:
    """A type without parts: all of a class are the same. A data class would load slower."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Dyn(_Plain):
    """Anything: nothing is declared, so nothing is refused."""

    __slots__ = ()


class Poison(_Plain):
    """The type of what has already been reported; nothing more is said about it."""

    __slots__ = ()


class Null(_Plain):
    """The type of `null`."""

    __slots__ = ()


class Bool(_Plain):
    """`true` or `false`."""

    __slots__ = ()


class Int(_Plain):
    """An integer of 64 bits."""

    __slots__ = ()


class Double(_Plain):
    """A finite IEEE 754 number."""

    __slots__ = ()


class Uint(_Plain):
    """An unsigned integer of 64 bits."""

    __slots__ = ()


class Bytes(_Plain):
    """A sequence of bytes."""

    __slots__ = ()


class Timestamp(_Plain):
    """A point in time."""

    __slots__ = ()


class Duration(_Plain):
    """A span of time."""

    __slots__ = ()


class TypeOf(Struct, frozen=True):
    """A type as a value."""

    of: "Type"


class Param(Struct, frozen=True):
    """A type parameter of an overload: any type, the same wherever it stands."""

    name: str


class Abstract(Struct, frozen=True):
    """A type that only functions know, as `net.IP`."""

    name: str
    params: "tuple[Type, ...]" = ()


class String(Alike, frozen=True, eq=False):
    """A text of code points, at most so many if that is declared."""

    chars_max: int | None = None
    remarks: ClassVar[frozenset[str]] = frozenset({"chars_max"})


class Enum(Alike, frozen=True, eq=False):
    """One of a few constants, all strings, all ints or all bools.

    A `literal` one is the text of an expression itself, not what somebody declared.
    """

    values: tuple[str | int | bool, ...]
    literal: bool = False

    def __eq__(self, other: object) -> bool:
        # Python takes `True` for 1.
        return (
            type(other) is Enum
            and self.values == other.values
            and type(self.values[0]) is type(other.values[0])
        )

    def __hash__(self) -> int:
        return hash(self.values)


class List(Alike, frozen=True, eq=False):
    """A list of `elem`, at most so many if that is declared."""

    elem: "Type"
    items_max: int | None = None
    remarks: ClassVar[frozenset[str]] = frozenset({"items_max"})


class Map(Alike, frozen=True, eq=False):
    """A map with any keys, each holding `value`; from JSON the keys are strings."""

    value: "Type"
    key: "Type" = String()
    entries_max: int | None = None
    remarks: ClassVar[frozenset[str]] = frozenset({"entries_max"})


class Object(Alike, frozen=True, eq=False):
    """An object with known fields: name to (type, whether it is always there).

    A closed one has no others, those of an open one are `rest`; `name` is how messages call it.
    One that is `made` is a map display of the expression itself, so that to ask for other keys is
    no mistake. `defaults` are what a schema says of fields that are not there.
    """

    fields: "Mapping[str, tuple[Type, bool]]"
    closed: bool = True
    name: str = ""
    rest: "Type" = Dyn()
    made: bool = False
    defaults: "Mapping[str, Any] | None" = None
    remarks: ClassVar[frozenset[str]] = frozenset({"made", "defaults"})


class Union(Struct, frozen=True):
    """One of several types; never nested, never of one."""

    members: "tuple[Type, ...]"


class Optional(Struct, frozen=True):
    """A value of type `of`, or none."""

    of: "Type"


_Scalar = Dyn | Poison | Null | Bool | Int | Uint | Double | String | Bytes | Enum
_Special = Timestamp | Duration | TypeOf | Param | Abstract
Type = _Scalar | _Special | List | Map | Object | Union | Optional

DYN = Dyn()
POISON = Poison()
NULL = Null()
BOOL = Bool()
INT = Int()
DOUBLE = Double()
UINT = Uint()
STRING = String()
BYTES = Bytes()
TIMESTAMP = Timestamp()
DURATION = Duration()
IP = Abstract("net.IP")
CIDR = Abstract("net.CIDR")
FREE = Param("")
"""What may still be any type, as the element of `[]`: whatever it is put together with."""

_BASES: dict[type, Type] = {str: STRING, int: INT, bool: BOOL}


def base(enum: Enum) -> Type:
    """Return what the constants of an enum are."""
    return _BASES[type(enum.values[0])]


def widened(type_: Type) -> Type:
    """Return the type without its knowledge of particular constants."""
    return base(type_) if isinstance(type_, Enum) else type_


def union(types: Iterable[Type]) -> Type:
    """Return the smallest type that holds all of `types`, without repeating any; none is `dyn`."""
    members: list[Type] = []
    free = False
    for type_ in types:
        for member in type_.members if isinstance(type_, Union) else (type_,):
            if isinstance(member, Dyn | Poison):
                return member
            if member is FREE:
                free = True
            elif member in members:
                at = members.index(member)
                members[at] = _roomier(members[at], member)
            else:
                members.append(member)
    members = _merged(members)
    if not members:
        return FREE if free else DYN
    return members[0] if len(members) == 1 else Union(tuple(members))


def _merged(members: list[Type]) -> list[Type]:
    """Make one of all enums of a kind; a whole kind swallows them."""
    merged: dict[Type, Enum] = {}
    rest: list[Type] = []
    for member in members:
        if not isinstance(member, Enum):
            rest.append(member)
            continue
        kind = base(member)
        if kind not in members:
            other = merged.get(kind)
            values = (*other.values, *member.values) if other else member.values
            literal = member.literal and (other is None or other.literal)
            merged[kind] = Enum(tuple(dict.fromkeys(values)), literal)
    return [*merged.values(), *rest] if merged else rest


def _roomier(left: Type, right: Type) -> Type:
    """Return a type that is equal to both and has room for what either has room for."""
    if left is right:
        return left
    match left, right:
        case String(), String():
            return String(_most(left.chars_max, right.chars_max))
        case List(), List():
            return List(_roomier(left.elem, right.elem), _most(left.items_max, right.items_max))
        case Map(), Map():
            room = _most(left.entries_max, right.entries_max)
            return Map(_roomier(left.value, right.value), _roomier(left.key, right.key), room)
        case Optional(), Optional():
            return Optional(_roomier(left.of, right.of))
        case Enum(), Enum():
            return left if right.literal else right
        case Union(), Union():
            return union((*left.members, *right.members))
        case Object(), Object():
            fields = {
                name: (_roomier(part, right.fields[name][0]), sure)
                for name, (part, sure) in left.fields.items()
            }
            return replace(left, fields=fields, rest=_roomier(left.rest, right.rest))
        case _:
            return left


def _most(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else max(left, right)


def join(left: Type, right: Type) -> Type:  # noqa: C901 (one case a kind)
    """Return the type of a value that is one or the other."""
    if left is right:
        return left
    match left, right:
        case (Dyn() | Poison(), _):
            return left
        case (_, Dyn() | Poison()):
            return right
        case (Param(name=""), _):
            return right
        case (_, Param(name="")):
            return left
        case List(), List():
            room = _most(left.items_max, right.items_max)
            return List(join(left.elem, right.elem), room)
        case Map(), Map():
            room = _most(left.entries_max, right.entries_max)
            return Map(join(left.value, right.value), join(left.key, right.key), room)
        case Optional(), Optional():
            return Optional(join(left.of, right.of))
        case TypeOf(), TypeOf():
            return TypeOf(join(left.of, right.of))
        case Abstract(), Abstract() if left.name == right.name:
            return Abstract(left.name, tuple(map(join, left.params, right.params)))
        case _:
            return _roomier(left, right) if left == right else union((left, right))


def nullable(type_: Type) -> bool:
    """Whether `null` is among the values."""
    return NULL in type_.members if isinstance(type_, Union) else isinstance(type_, Null | Dyn)


def without_null(type_: Type) -> Type:
    """Return the type of what is left when it is not null."""
    if isinstance(type_, Union) and NULL in type_.members:
        return union(member for member in type_.members if member is not NULL)
    return type_


def assignable(source: Type, target: Type) -> bool:  # noqa: C901, PLR0912 (one case a pair of kinds)
    """Whether a value of `source` may be used where `target` is wanted; `dyn` fits everywhere."""
    match source, target:
        case (Dyn() | Poison() | Param(), _) | (_, Dyn() | Poison() | Param()):
            return True
        case Union(members=members), _:
            return all(assignable(member, target) for member in members)
        case _, Union(members=members):
            return any(assignable(source, member) for member in members)
        case Enum(values=some), Enum(values=allowed):
            return base(source) is base(target) and set(some) <= set(allowed)
        case Enum(), _:
            return assignable(base(source), target)
        case Int(), Double():
            return True
        case List(elem=a), List(elem=b):
            return assignable(a, b)
        case Map(value=a, key=c), Map(value=b, key=d):
            return assignable(a, b) and assignable(c, d)
        case Optional(of=a), Optional(of=b):
            return assignable(a, b)
        case Object(fields=fields), Map(value=b, key=d):
            return assignable(STRING, d) and all(assignable(a, b) for a, _ in fields.values())
        case Map(value=a), Object(fields=fields):
            return all(not required and assignable(a, b) for b, required in fields.values())
        case Object(), Object():
            return _object_assignable(source, target)
        case TypeOf(), TypeOf():
            return True
        case Abstract(), Abstract():
            return source.name == target.name and all(map(assignable, source.params, target.params))
        case _:
            return source == target


def _object_assignable(source: Object, target: Object) -> bool:
    if target.closed and source.closed and any(f not in target.fields for f in source.fields):
        return False
    for name, (wanted, required) in target.fields.items():
        given = source.fields.get(name)
        if given is None:
            if required and source.closed:
                return False
        elif not assignable(given[0], wanted) or (required and not given[1] and source.closed):
            return False
    return True


def display(type_: Type) -> str:  # noqa: C901 (one case a kind)
    """Return the name of a type as messages show it."""
    match type_:
        case Poison():
            return "error"
        case Enum(values=values):
            shown = " | ".join(_constant(value) for value in values[:ENUM_SHOWN_MAX])
            return shown + (" | …" if len(values) > ENUM_SHOWN_MAX else "")
        case List(elem=elem):
            return f"list({display(elem)})"
        case Map(value=value, key=key):
            return f"map({display(key)}, {display(value)})"
        case Object(name=name):
            return name or "object"
        case Union(members=members):
            return " | ".join(display(member) for member in members)
        case Optional(of=of):
            return f"optional({display(of)})"
        case TypeOf():
            return "type"
        case Param(name=name):
            return name or "dyn"
        case Abstract(name=name, params=params):
            inside = ", ".join(display(param) for param in params)
            return f"{name}({inside})" if params else name
        case _:
            return type(type_).__name__.lower()


def _constant(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def literal_type(value: Any, *, exact: bool = False) -> Type:
    """Return the type of a constant; a text is an enum of itself, when `exact` a number is, too."""
    if value is None:
        return NULL
    kind = type(value)
    if kind is str:
        return Enum((value,), True)
    if kind is bool or kind is int:
        return Enum((value,), True) if exact else _BASES[kind]
    if kind is float:
        return DOUBLE
    if kind is list:
        elem = union(literal_type(item, exact=exact) for item in value) if value else FREE
        return List(elem, len(value))
    if kind is dict:
        fields = {str(key): (literal_type(v, exact=exact), True) for key, v in value.items()}
        return Object(fields, made=True)
    if kind is bytes:
        return BYTES
    return UINT if isinstance(value, int) else DYN
