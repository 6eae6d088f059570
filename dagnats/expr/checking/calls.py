"""Types of calls: operators, functions, methods, indexes and what stands inside a text."""

from collections.abc import Callable
from typing import Any, NamedTuple

from dagnats.expr.ast import INTERPOLATE, Call, Expr, Ident, Literal
from dagnats.expr.checking.access import dotted, path_of
from dagnats.expr.checking.advice import named
from dagnats.expr.checking.checker import STEPS, Checker, Names
from dagnats.expr.checking.constants import PROBES, decided, mistaken
from dagnats.expr.checking.narrow import Facts
from dagnats.expr.checking.report import symbol
from dagnats.expr.checking.unify import comparable, fits, signatures
from dagnats.expr.signatures import Function
from dagnats.expr.types import (
    BOOL,
    DOUBLE,
    DYN,
    FREE,
    INT,
    NULL,
    POISON,
    STRING,
    Dyn,
    Enum,
    Int,
    List,
    Map,
    Object,
    Optional,
    Param,
    Poison,
    Type,
    Union,
    base,
    display,
    union,
    without_null,
)

_ORDERS = frozenset({"_<_", "_<=_", "_>_", "_>=_"})
_NUMERIC = frozenset({"_+_", "_-_", "_*_", "_/_", *_ORDERS})

Reader = Callable[[Checker, Call, Names, Facts], Type]


_MACROS_OF = "cel."
_MACROS = ("cel.bind", "cel.block", "cel.index")
"""The namespace that has macros alone, and what is in it."""


def call(c: Checker, node: Call, names: Names, facts: Facts) -> Type:
    """Return the type of a call."""
    read = _OPERATORS.get(node.function)
    return _function(c, node, names, facts) if read is None else read(c, node, names, facts)


def _function(c: Checker, node: Call, names: Names, facts: Facts) -> Type:
    target, name = node.target, node.function
    if target is not None:
        full = _qualified(c, target, name, names)
        if full is not None:
            c.renamed[node.id] = Call(full, node.args, None, node.id)
            name, target = full, None
    elif name[0] == ".":
        name = name[1:]
        c.renamed[node.id] = Call(name, node.args, None, node.id)
    if target is None and name.startswith(_MACROS_OF) and name not in c.functions:
        # Its arguments may name variables, which only the macro that was meant would bring.
        return c.report.unknown_function(node, name, _MACROS)
    args = node.args if target is None else (target, *node.args)
    types = tuple([c.visit(arg, names, facts) for arg in args])
    if c.truths and name != "_?_:_":
        for arg in args:
            c.truths.pop(arg.id, None)
    function = c.functions.get(name)
    if function is None:
        return c.report.unknown_function(node, name, c.functions)
    return _resolved(c, _Use(node, function, args, types, target is not None))


class _Use(NamedTuple):
    """A call of a function with its arguments, the receiver first."""

    node: Call
    function: Function
    args: tuple[Expr, ...]
    types: tuple[Type, ...]
    method: bool


def _qualified(c: Checker, target: Expr, name: str, names: Names) -> str | None:
    """Return the full name of a function whose namespace stands where a receiver would."""
    owner = target.name if type(target) is Ident else dotted(target)
    if owner is None or owner.split(".")[0] in names:
        return None
    full = f"{owner}.{name}".removeprefix(".")
    if full in c.functions:
        return full
    known = owner.removeprefix(".") + "."
    return (
        full
        if known == _MACROS_OF or any(other.startswith(known) for other in c.functions)
        else None
    )


def _resolved(c: Checker, use: _Use) -> Type:
    if POISON in use.types:
        return POISON
    function = use.function
    found = signatures(function, method=use.method, strict=c.strict).resolve(use.types)
    if found is None:
        return _refused(c, use)
    name = function.name
    if name in _NUMERIC:
        if len(use.args) == 2:
            _numbers(c, use)
    elif name in PROBES and (wrong := mistaken(function, use.args)) is not None:
        return c.report.mistaken(wrong[0], name, wrong[1])
    return c.number(use.node, found.type) if found.loose else found.type


def _refused(c: Checker, use: _Use) -> Type:
    """Report what a function does not take: null, if without it all were fine."""
    plain = tuple(map(without_null, use.types))
    known = signatures(use.function, method=use.method, strict=c.strict)
    if plain != use.types and known.resolve(plain) is not None:
        for at, type_ in enumerate(use.types):
            trial = (*plain[:at], type_, *plain[at + 1 :])
            if trial != plain and known.resolve(trial) is None:
                wanted = f"`{symbol(use.function.name)}` does not take null"
                return c.report.may_be_null(use.args[at], wanted)
    return c.report.no_overload(use.node, use.types, use.function, method=use.method)


def _numbers(c: Checker, use: _Use) -> None:
    args, types = use.args, use.types
    if type(args[0]) is Literal and type(args[1]) is Literal and use.function.name in _ORDERS:
        truth = decided(use.function, args)
        if truth is not None:
            c.truths[use.node.id] = truth
    if types[0] is not types[1]:
        for at, other in ((0, 1), (1, 0)):
            if types[at] is INT and types[other] is DOUBLE and _divides(args[at]):
                c.report.whole_division(args[at])


def _divides(node: Expr) -> bool:
    return type(node) is Call and node.function == "_/_"


def _equality(c: Checker, node: Call, names: Names, facts: Facts) -> Type:
    one, other = node.args
    left, right = c.visit(one, names, facts), c.visit(other, names, facts)
    if c.truths:
        c.truths.pop(one.id, None)
        c.truths.pop(other.id, None)
    if left is right and type(left) is not Enum:
        return _settled(c, node, one, other)
    if POISON in (left, right):
        return BOOL
    if not comparable(left, right, c.strict):
        function = c.functions.get(node.function)
        return c.report.no_overload(node, (left, right), function, method=False)
    if left is DOUBLE or right is DOUBLE:
        for arg, type_ in ((one, left), (other, right)):
            if type_ is INT and _divides(arg):
                c.report.whole_division(arg)
    _possible(c, node, names, (left, right))
    return _settled(c, node, one, other)


def _settled(c: Checker, node: Call, one: Expr, other: Expr) -> Type:
    if type(one) is Literal and type(other) is Literal:
        function = c.functions.get(node.function)
        truth = None if function is None else decided(function, node.args)
        if truth is not None:
            c.truths[node.id] = truth
    return BOOL


def _possible(c: Checker, node: Call, names: Names, types: tuple[Type, Type]) -> None:
    """Report a comparison of values that are never the same."""
    for at, with_ in ((0, 1), (1, 0)):
        constant, other = node.args[at], node.args[with_]
        if type(constant) is not Literal or type(other) is Literal:
            continue
        if constant.value is None:
            if not _may_be_null(types[with_]):
                c.report.undecided(node, f"this is never null: it is {named(types[with_])}")
            return
        _constant(c, node, names, at, types[with_])
        return
    left, right = types
    if not isinstance(left, Enum) or not isinstance(right, Enum) or left.literal or right.literal:
        return
    if not set(left.values) & set(right.values):
        message = f"{named(left)} and {named(right)} have no value in common"
        c.report.undecided(node, message)


def _constant(c: Checker, node: Call, names: Names, at: int, type_: Type) -> None:
    """Judge the comparison of a constant with what may be one of a few constants."""
    constant, other = node.args[at], node.args[1 - at]
    assert isinstance(constant, Literal), "one side is a constant"
    if c.quiet or not _excludes(type_, constant.value):
        return
    declared = c.quietly(other, names)
    if _excludes(declared, constant.value):
        enums = [m for m in _members(declared) if isinstance(m, Enum)]
        allowed = Enum(tuple(value for enum in enums for value in enum.values))
        c.report.never(constant, allowed)
    else:
        c.report.undecided(node, f"this has been ruled out here: it is {named(type_)}")


def _members(type_: Type) -> tuple[Type, ...]:
    return type_.members if isinstance(type_, Union) else (type_,)


def _excludes(type_: Type, value: Any) -> bool:
    """Whether a value out of a few, null aside, is never this constant."""
    members = [member for member in _members(type_) if member is not NULL]
    return bool(members) and all(
        isinstance(m, Enum) and not m.literal and not _holds(m, value) for m in members
    )


def _holds(enum: Enum, value: Any) -> bool:
    return any(type(v) is type(value) and v == value for v in enum.values) or (
        isinstance(value, float) and isinstance(base(enum), Int) and value in enum.values
    )


def _may_be_null(type_: Type) -> bool:
    return any(m is NULL or isinstance(m, Dyn | Poison | Param) for m in _members(type_))


def _in(c: Checker, node: Call, names: Names, facts: Facts) -> Type:
    one, listed = node.args
    types = (c.visit(one, names, facts), c.visit(listed, names, facts))
    if c.truths:
        c.truths.pop(one.id, None)
    if POISON in types:
        return BOOL
    sought, held = types
    members = [_held_in(member) for member in _members(held)]
    known = [member for member in members if member is not None]
    if NULL in _members(held) and known:
        return c.report.may_be_null(listed, "`in` looks into a list or a map")
    mixed = union(known)
    if known and isinstance(mixed, Union) and not comparable(sought, mixed):
        c.report.undecided(node, f"{named(sought)} is never among {display(mixed)}")
    elif not known or not comparable(sought, mixed, c.strict):
        return c.report.no_overload(node, types, c.functions.get("@in"), method=False)
    return BOOL


def _held_in(type_: Type) -> Type | None:
    match type_:
        case List(elem=elem):
            return elem
        case Map(key=key):
            return key
        case Object():
            return STRING
        case Dyn() | Param():
            return DYN
        case _:
            return None


def _index(c: Checker, node: Call, names: Names, facts: Facts) -> Type:
    owner, key = node.args
    optional = node.function == "_[?_]"
    owner_type = c.owner(owner, names, facts)
    key_type = c.visit(key, names, facts)
    if type(owner_type) is Poison or type(key_type) is Poison:
        return POISON
    if type(key) is Literal and type(key.value) is str and _has_fields(owner_type):
        return c.field(node, owner_type, key.value, facts)
    if c.is_steps(owner_type) and owner_type is c.roots.get(STEPS):
        return c.report.computed_step(key)
    if facts and not optional:
        path = path_of(node)
        known = None if path is None else facts.get(path)
        if known is not None:
            return c.number(node, known)
    return _element(c, node, owner_type, key_type, optional=optional)


def _has_fields(type_: Type) -> bool:
    if isinstance(type_, Optional):
        return _has_fields(type_.of)
    return any(isinstance(m, Object) for m in _members(type_))


def _element(c: Checker, node: Call, owner_type: Type, key_type: Type, *, optional: bool) -> Type:
    through = type(owner_type) is Optional
    inner = owner_type
    while type(inner) is Optional:
        inner = inner.of
    if NULL in _members(inner) and type(inner) is Union:
        if not through and not optional:
            return c.report.may_be_null(node.args[0], "null has no elements")
        inner = without_null(inner)
    found = [_at(member, key_type) for member in _members(inner)]
    known = [type_ for type_ in found if type_ is not None]
    if not known:
        return c.report.no_overload(node, (owner_type, key_type), None, method=False)
    type_ = union(known)
    if through or optional:
        return type_ if isinstance(type_, Poison) else Optional(type_)
    return c.number(node, DYN if type_ is FREE else type_)


def _at(owner: Type, key: Type) -> Type | None:
    """Return the element of a list or map that such a key finds; None where none can."""
    match owner:
        case Optional(of=of):
            part = _at(of, key)
            return None if part is None else Optional(DYN if part is FREE else part)
        case Dyn() | Poison() | Param():
            return DYN
        case List(elem=elem):
            return elem if _is(key, INT) else None
        case Map(value=value, key=wanted):
            # Keys of several kinds are `dyn` in CEL, so that any may be looked up.
            fine = isinstance(wanted, Union) or _is(key, wanted)
            return value if fine else None
        case Object():
            if not _is(key, STRING):
                return None
            parts = [part for part, _ in owner.fields.values()]
            return union(parts) if parts and owner.closed else DYN
        case _:
            return None


def _is(given: Type, wanted: Type) -> bool:
    return given is wanted or fits(given, wanted, {}, promote=False, strict=False)


def _interpolate(c: Checker, node: Call, names: Names, facts: Facts) -> Type:
    for part in node.args:
        type_ = c.visit(part, names, facts)
        if not _is_text(type_):
            message = f"{named(type_)} cannot stand inside a text"
            help_ = "write `json.encode(…)` for its JSON, or let the expression stand alone"
            c.report.add("DN4004", part, message, help_)
    return STRING


def _is_text(type_: Type) -> bool:
    """Whether a value can stand inside a text: it is no list and no map, or may be something else.

    Null alone can, but says nothing of what else the value may be.
    """
    if isinstance(type_, Optional):
        return _is_text(type_.of)
    members = [member for member in _members(type_) if member is not NULL]
    return not members or not all(isinstance(m, List | Map | Object) for m in members)


_OPERATORS: dict[str, Reader] = {
    "!_": Checker.invert,
    "@in": _in,
    "_!=_": _equality,
    "_&&_": Checker.both,
    "_==_": _equality,
    "_?_:_": Checker.conditional,
    "_[?_]": _index,
    "_[_]": _index,
    "_||_": Checker.any,
    INTERPOLATE: _interpolate,
}
