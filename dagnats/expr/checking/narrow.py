"""What a condition that held, or did not, tells of the places that it reads.

has(input.a) && input.a > 1           `input.a` is there on the right
input.pay.kind == "card" ? …          `input.pay` is the member of its union whose kind is "card"
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dagnats.expr.ast import Call, Expr, Ident, ListOf, Literal, Select
from dagnats.expr.checking.access import Path, look, owner_and_key, path_of
from dagnats.expr.types import (
    BOOL,
    NULL,
    Bool,
    Double,
    Dyn,
    Enum,
    Int,
    List,
    Map,
    Null,
    Object,
    Optional,
    Poison,
    String,
    Type,
    TypeOf,
    Union,
    base,
    join,
    literal_type,
    union,
)

Facts = Mapping[Path, Type]
"""Places of which more is known than was declared, with their types there."""

_UNKNOWN = object()
_CONSTANTS = (str, int, float, bool, type(None))


class Narrowing:
    """Reads conditions whose nodes have their types in `types` already."""

    __slots__ = ("_read", "_types")

    def __init__(self, types: Mapping[int, Type]) -> None:
        self._types = types
        # What conditions told; the facts are kept with it, so that their id stays their own.
        self._read: dict[tuple[int, int, bool], tuple[Facts, Facts | None]] = {}

    def after(self, node: Expr, facts: Facts, holds: bool) -> Facts | None:
        """Return what is known where `node` held, or did not; None where that cannot be."""
        kind = type(node)
        if kind is Call or kind is Select:
            # The same facts twice must be the same object, or nested conditions were read anew
            # for each of the ways to them.
            key = (node.id, id(facts), holds)
            known = self._read.get(key)
            if known is None:
                known = self._read[key] = (facts, self._compound(node, facts, holds))
            return known[1]
        if kind is Ident:
            return self._equal(node, holds, facts, True)
        if kind is Literal:
            value = node.value  # type: ignore[union-attr]
            return None if isinstance(value, bool) and value is not holds else facts
        return facts

    def _not(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        return self.after(node.args[0], facts, not holds)

    def _compound(self, node: Expr, facts: Facts, holds: bool) -> Facts | None:
        match node:
            case Call(function=name):
                read = _READERS.get(name)
                return facts if read is None else read(self, node, facts, holds)
            case Select(test=True):
                return self._has(node, facts, holds)
            case _:
                return self._equal(node, holds, facts, True)

    def _chain(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        """Read the operands of `&&` or `||` in turn, each where those before did not decide."""
        going_on = node.function == "_&&_"
        known: Facts | None = facts
        stopped: list[Facts | None] = []
        for arg in node.args:
            if known is None:
                break
            if holds is not going_on:
                stopped.append(self.after(arg, known, not going_on))
            known = self.after(arg, known, going_on)
        return known if holds is going_on else either(stopped)

    def _conditional(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        condition, one, other = node.args
        ways = []
        for side, branch in ((True, one), (False, other)):
            known = self.after(condition, facts, side)
            ways.append(None if known is None else self.after(branch, known, holds))
        return either(ways)

    def _has(self, node: Expr, facts: Facts, holds: bool) -> Facts | None:
        place = owner_and_key(node)
        if place is None:
            return facts
        owner, name = place
        path = path_of(owner, through=True)
        if path is None:
            return facts
        type_ = self._types.get(owner.id)
        while isinstance(type_, Optional):
            type_ = type_.of
        if type_ is None or isinstance(type_, Dyn | Poison):
            return facts
        if not holds:
            return _kept(facts, path, type_, lambda member: not _always(member, name))
        known = _kept(facts, path, type_, lambda member: look(member, name).type is not None)
        if known is None:
            return None
        found = look(known.get(path, type_), name)
        return facts if found.type is None else {**known, (*path, name): found.type}

    def _has_value(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        target = node.target
        if target is None or not holds:
            return facts
        optional = (isinstance(target, Select) and target.optional) or (
            isinstance(target, Call) and target.function == "_[?_]"
        )
        if not optional:
            return facts
        place = owner_and_key(target)
        if place is not None and not isinstance(place[0], Ident):
            # What lies on the way is there, too.
            before = self._has_value(Call("hasValue", (), place[0]), facts, True)
            facts = facts if before is None else before
        return self._has(target, facts, True)

    def _same(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        return self._comparison(node, facts, holds)

    def _different(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        return self._comparison(node, facts, not holds)

    def _comparison(self, node: Call, facts: Facts, same: bool) -> Facts | None:
        one, other = node.args
        if type(one) is Literal or isinstance(self._types.get(one.id), TypeOf):
            one, other = (one, other) if _type_of(one) is not None else (other, one)
        asked = _type_of(one)
        if asked is not None:
            meant = self._types.get(other.id)
            known = isinstance(meant, TypeOf) and _type_of(other) is None
            return self._is(asked, meant.of, facts, same) if known else facts  # type: ignore[union-attr]
        value = other.value if type(other) is Literal else _UNKNOWN
        if not isinstance(value, _CONSTANTS):
            return facts
        return self._equal(one, value, facts, same)

    def _in(self, node: Call, facts: Facts, holds: bool) -> Facts | None:
        asked, listed = node.args
        values: list[Any] = []
        if type(listed) is ListOf and not listed.optional:
            values = [part.value for part in listed.items if type(part) is Literal]
            if len(values) < len(listed.items):
                return facts
        elif type(listed) is Literal and isinstance(listed.value, list):
            values = listed.value
        else:
            return facts
        if not all(isinstance(value, _CONSTANTS) for value in values):
            return facts
        if holds:
            return either([self._equal(asked, value, facts, True) for value in values])
        known: Facts | None = facts
        for value in values:
            known = None if known is None else self._equal(asked, value, known, False)
        return known

    def _equal(self, node: Expr, value: Any, facts: Facts, same: bool) -> Facts | None:
        """Return what is known where the value of `node` is the constant `value`, or is not."""
        path = path_of(node)
        type_ = self._types.get(node.id)
        if path is None or type_ is None or isinstance(type_, Poison | Dyn):
            return facts
        type_ = facts.get(path, type_)
        if type_ is BOOL or not isinstance(type_, Union | Enum | Null):
            known: Facts | None = facts
        else:
            rest = _equal_to(type_, value) if same else _other_than(type_, value)
            known = None if rest is None else {**facts, path: rest}
        place = owner_and_key(node)
        if known is None or place is None:
            return known
        owner, name = place
        declared = known.get(path[:-1], self._types.get(owner.id))
        if not isinstance(declared, Union):
            return known
        return _kept(known, path[:-1], declared, lambda member: _may(member, name, value, same))

    def _is(self, node: Expr, wanted: Type, facts: Facts, same: bool) -> Facts | None:
        """Return what is known where `type(node)` is that of `wanted`, or is not."""
        path = path_of(node)
        type_ = self._types.get(node.id)
        if path is None or type_ is None:
            return facts
        type_ = facts.get(path, type_)
        if isinstance(type_, Dyn):
            return {**facts, path: wanted} if same else facts
        return _kept(facts, path, type_, lambda member: _of_kind(member, wanted) is same)


_READERS: dict[str, Callable[[Narrowing, Call, Facts, bool], Facts | None]] = {
    "!_": Narrowing._not,  # noqa: SLF001 (its own table)
    "@in": Narrowing._in,  # noqa: SLF001
    "_!=_": Narrowing._different,  # noqa: SLF001
    "_&&_": Narrowing._chain,  # noqa: SLF001
    "_==_": Narrowing._same,  # noqa: SLF001
    "_?_:_": Narrowing._conditional,  # noqa: SLF001
    "_||_": Narrowing._chain,  # noqa: SLF001
    "hasValue": Narrowing._has_value,  # noqa: SLF001
}


def either(ways: Iterable[Facts | None]) -> Facts | None:
    """Return what is known where one of several was the case; None where none can be."""
    possible = [way for way in ways if way is not None]
    if len(possible) < 2:
        return possible[0] if possible else None
    first, *others = possible
    joined: dict[Path, Type] = {}
    for path, type_ in first.items():
        if all(path in other for other in others):
            for other in others:
                type_ = join(type_, other[path])  # noqa: PLW2901 (grows way by way)
            joined[path] = type_
    return joined


def _type_of(node: Expr) -> Expr | None:
    match node:
        case Call(function="type", args=(asked,), target=None):
            return asked
        case _:
            return None


def _kept(facts: Facts, path: Path, type_: Type, keep: Callable[[Type], bool]) -> Facts | None:
    """Leave those members of a union that `keep` wants; None when there are none."""
    members = type_.members if isinstance(type_, Union) else (type_,)
    kept = [member for member in members if keep(member)]
    if not kept:
        return None
    return facts if len(kept) == len(members) else {**facts, path: union(kept)}


def _always(member: Type, name: str) -> bool:
    return isinstance(member, Object) and member.fields.get(name, (NULL, False))[1]


def _equal_to(type_: Type, value: Any) -> Type | None:
    """Return the type of those values that equal a constant."""
    constant = literal_type(value, exact=True)
    left: list[Type] = []
    for member in type_.members if isinstance(type_, Union) else (type_,):
        match member:
            case Enum() if isinstance(constant, Enum):
                if base(member) is base(constant) and value in member.values:
                    left.append(Enum(constant.values))
            case Null():
                left.extend([NULL] if value is None else [])
            case String():
                left.extend([member] if isinstance(value, str) else [])
            case Bool():
                left.extend([member] if isinstance(value, bool) else [])
            case Int() | Double():
                number = isinstance(value, int | float) and not isinstance(value, bool)
                left.extend([member] if number else [])
            case List() | Map() | Object():
                pass
            case _:
                left.append(member)
    return union(left) if left else None


def _other_than(type_: Type, value: Any) -> Type | None:
    """Return the type of those values that do not equal a constant."""
    left: list[Type] = []
    for member in type_.members if isinstance(type_, Union) else (type_,):
        if isinstance(member, Enum):
            rest = tuple(v for v in member.values if type(v) is not type(value) or v != value)
            left.extend([Enum(rest, member.literal)] if rest else [])
        elif not (isinstance(member, Null) and value is None):
            left.append(member)
    return union(left) if left else None


def _may(member: Type, name: str, value: Any, same: bool) -> bool:
    """Whether the field of such an owner may be that constant, or something else."""
    found = look(member, name)
    if found.type is None:
        # A missing field is an error, not a value: the condition would not have held.
        return False
    if isinstance(found.type, Dyn):
        return True
    return (_equal_to if same else _other_than)(found.type, value) is not None


def _of_kind(member: Type, wanted: Type) -> bool:
    match member:
        case Enum():
            return type(base(member)) is type(wanted)
        case Object():
            return isinstance(wanted, Map)
        case _:
            return type(member) is type(wanted)
