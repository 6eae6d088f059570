"""Whether what is given fits what is wanted, and if not, which part of it does not.

with: {cents: "${{ input.name }}"}   →  DN5003 `cents` must be an int, not a string
"""

import difflib
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from dagnats.expr.ast import Expr, Literal, MapOf
from dagnats.expr.checking.advice import named
from dagnats.expr.types import (
    DYN,
    INT,
    NULL,
    STRING,
    Abstract,
    Bool,
    Bytes,
    Duration,
    Int,
    List,
    Map,
    Object,
    Optional,
    Param,
    Timestamp,
    Type,
    TypeOf,
    Uint,
    Union,
    assignable,
    display,
    literal_type,
    union,
    widened,
)


class Misfit(Struct, frozen=True):
    """A part that does not fit: the node that gives it, and why."""

    node: Expr
    message: str
    help: str | None = None


class Part(Literal, frozen=True, eq=False):
    """A part of a constant, which is one node: `keys` lead to it, with `is_key` to its key."""

    keys: tuple[str, ...] = ()
    is_key: bool = False


WHOLE = "the input"


def misfits(expr: Expr, given: Type, wanted: Type, whole: str = WHOLE) -> Iterator[Misfit]:
    """Yield what keeps the value of `expr`, of type `given`, from being one of `wanted`.

    `whole` is how messages call the value itself.
    """
    for misfit in _misfits(expr, leaving(given), wanted, ""):
        changed = whole != WHOLE and misfit.message.startswith(WHOLE)
        message = whole + misfit.message.removeprefix(WHOLE) if changed else misfit.message
        yield Misfit(misfit.node, message, misfit.help) if changed else misfit


def leaving(type_: Type) -> Type:
    """Return the type of a value outside expressions: an optional is what it holds, or null."""
    match type_:
        case Optional(of=of):
            return union((leaving(of), NULL))
        case List(elem=elem):
            return List(leaving(elem), type_.items_max)
        case Map(value=value):
            return Map(leaving(value), entries_max=type_.entries_max)
        case Union(members=members):
            return union(leaving(member) for member in members)
        case Object(fields=fields):
            left = {name: (leaving(part), sure) for name, (part, sure) in fields.items()}
            same = all(left[name][0] is part for name, (part, _) in fields.items())
            return type_ if same else replace(type_, fields=left)
        case _:
            return _LEAVING.get(type(type_), type_)


_LEAVING: dict[type, Type] = {
    Abstract: STRING,
    Bytes: STRING,
    Duration: STRING,
    Param: DYN,
    Timestamp: STRING,
    TypeOf: STRING,
    Uint: INT,
}
"""What becomes of the types that JSON does not have."""


def _misfits(node: Expr, given: Type, wanted: Type, path: str) -> Iterator[Misfit]:
    given = _exactly(node, given)
    if assignable(given, wanted):
        return
    if isinstance(given, Object) and isinstance(wanted, Object):
        yield from _fields(node, given, wanted, path)
        return
    if isinstance(given, Object) and isinstance(wanted, Map):
        for name, (part, _) in given.fields.items():
            yield from _misfits(_part(node, name), part, wanted.value, _below(path, name))
        return
    unlike, inside = _differing(node, given, wanted, path)
    if inside is not None:
        yield inside
        return
    called = f"`{path}`" if path else "the input"
    yield Misfit(node, f"{called} must be {named(wanted)}, not {named(unlike)}")


def _differing(node: Expr, given: Type, wanted: Type, path: str) -> tuple[Type, Misfit | None]:
    """Return what of `given` is of another kind, and where all of it is of one, what differs.

    object | object, where an object is wanted: which key is missing, or of another type.
    """
    if isinstance(given, Union):
        wrong = [member for member in given.members if not assignable(member, wanted)]
        unlike = [member for member in wrong if not _alike(member, wanted)]
        if unlike:
            return (given if len(unlike) == len(wrong) else union(unlike)), None
        return given, next(_misfits(node, wrong[0], wanted, path), None)
    if isinstance(wanted, Union):
        found = [
            list(_misfits(node, given, member, path))
            for member in wanted.members
            if _alike(given, member)
        ]
        return given, min(found, key=len)[0] if found else None
    match given, wanted:
        case (List(elem=have), List(elem=want)) if _alike(given, wanted):
            return given, next(_misfits(node, have, want, f"{path}[i]"), None)
        case (Map(value=have), Map(value=want)) if _alike(given, wanted):
            return given, next(_misfits(node, have, want, f"{path}[key]"), None)
        case _:
            return given, None


def _alike(given: Type, wanted: Type) -> bool:
    """Whether messages call two types the same, so that they have to say what differs."""
    match given, wanted:
        case _, Union(members=members):
            return any(_alike(given, member) for member in members)
        case Union(members=members), _:
            return any(_alike(member, wanted) for member in members)
        case (List(elem=have), List(elem=want)) | (Map(value=have), Map(value=want)):
            return _alike(have, want)
        case _:
            both = isinstance(given, Object) and isinstance(wanted, Object)
            return both or display(given) == display(wanted)


def _exactly(node: Expr, given: Type) -> Type:
    """Return the type of a constant as itself, where `node` is what gives the value."""
    value = node.value if isinstance(node, Literal) else None
    kinds: tuple[type, ...] = (Int, Bool, List, Object)
    if isinstance(value, bool | int | list | dict) and isinstance(given, kinds):
        exact = literal_type(value, exact=True)
        if type(widened(exact)) is type(given):
            return exact
    return given


def _fields(node: Expr, given: Object, wanted: Object, path: str) -> Iterator[Misfit]:
    owner = f"`{path}`" if path else "the input"
    meant: set[str] = set()
    for name, (part, sure) in given.fields.items():
        if name in wanted.fields:
            yield from _field(_part(node, name), (part, sure), wanted.fields[name], path, name)
        elif wanted.closed and given.closed:
            close = difflib.get_close_matches(name, list(wanted.fields), 1)
            meant.update(close)
            known = ", ".join(f"`{field}`" for field in wanted.fields) or "nothing"
            help_ = f"did you mean `{close[0]}`?" if close else f"it takes {known}"
            yield Misfit(_key(node, name), f"{owner} takes no `{name}`", help_)
    for name, (_, required) in wanted.fields.items():
        if required and given.closed and name not in given.fields and name not in meant:
            yield Misfit(node, f"{owner} lacks `{_below(path, name)}`", f"add `{name}:`")


def _field(
    node: Expr, given: tuple[Type, bool], wanted: tuple[Type, bool], path: str, name: str
) -> Iterator[Misfit]:
    below = _below(path, name)
    yield from _misfits(node, given[0], wanted[0], below)
    if wanted[1] and not given[1]:
        yield Misfit(node, f"`{below}` is needed, and may not exist")


def _part(node: Expr, name: str) -> Expr:
    """Return the node that gives a field: as near as the tree shows it."""
    for key, value in node.entries if isinstance(node, MapOf) else ():
        if isinstance(key, Literal) and key.value == name:
            return value
    if isinstance(node, Literal) and isinstance(node.value, dict) and name in node.value:
        return Part(node.value[name], node.id, _keys(node, name))
    return node


def _key(node: Expr, name: str) -> Expr:
    for key, _ in node.entries if isinstance(node, MapOf) else ():
        if isinstance(key, Literal) and key.value == name:
            return key
    if isinstance(node, Literal) and isinstance(node.value, dict) and name in node.value:
        return Part(name, node.id, _keys(node, name), is_key=True)
    return node


def _keys(node: Expr, name: str) -> tuple[str, ...]:
    return (*(node.keys if isinstance(node, Part) else ()), name)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
