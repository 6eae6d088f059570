"""Which overloads take arguments of given types, and what they give: type parameters included.

[1, 2].first()    →  list(A).first() -> optional(A) with A = int, so optional(int)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dagnats.expr.signatures import Function, Overload
from dagnats.expr.type_text import cel_type
from dagnats.expr.types import (
    DOUBLE,
    DYN,
    FREE,
    NULL,
    STRING,
    Abstract,
    Bool,
    Bytes,
    Double,
    Duration,
    Dyn,
    Enum,
    Int,
    List,
    Map,
    Null,
    Object,
    Optional,
    Param,
    Poison,
    String,
    Timestamp,
    Type,
    TypeOf,
    Uint,
    Union,
    base,
    join,
    union,
)

PROMOTING = frozenset(
    {"_+_", "_-_", "_*_", "_/_", "_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "@in"}
)
"""Operators that take an int for a double, unless plain CEL is asked for."""

ALTERNATIVES_MAX = 2
"""Results of overloads that are told apart; of more, nothing is known."""

_SIMPLE = frozenset({Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint})
_CACHED_MAX = 4_096


class Resolved(NamedTuple):
    """What a call gives; `loose` when a number of it may come out of JSON as an integer."""

    type: Type
    loose: bool


class _Match(NamedTuple):
    """What one overload gives; an `open` one has type parameters in its result."""

    type: Type
    loose: bool
    open: bool


class Signatures:
    """The overloads of one function, called as a method or not, and what they gave before."""

    __slots__ = ("_memo", "_overloads", "_promotes", "_strict", "_variadic")

    def __init__(self, function: Function, method: bool, strict: bool) -> None:
        self._overloads = tuple(o for o in function.overloads if o.method == method)
        self._variadic = function.variadic
        self._strict = strict
        self._promotes = not strict and function.name in PROMOTING
        self._memo: dict[tuple[type, ...], Resolved] = {}

    def resolve(self, types: Sequence[Type]) -> Resolved | None:
        """Return what a call with arguments of these types gives; None when it takes no such."""
        key = tuple([type(t) for t in types])
        if Enum in key:
            key = tuple([type(base(t)) if type(t) is Enum else type(t) for t in types])
        known = self._memo.get(key)
        if known is not None:
            return known
        if self._variadic and len(types) > 1:
            return self._each(types)
        found = self._candidates(types)
        if not found:
            return None
        type_ = _alternatives([match.type for match in found], self._strict)
        result = Resolved(type_, any(match.loose for match in found))
        # What comes out of a type parameter is more than classes of arguments tell.
        if _SIMPLE.issuperset(key) and (type_ is DYN or not any(match.open for match in found)):
            self._memo[key] = result
        return result

    def _candidates(self, types: Sequence[Type]) -> list[_Match]:
        found = self._matching(types, promote=False)
        if self._promotes and (not found or any(isinstance(t, Dyn | Union | Param) for t in types)):
            return self._matching(types, promote=True)
        return found

    def _matching(self, types: Sequence[Type], *, promote: bool) -> list[_Match]:
        found = []
        for overload in self._overloads:
            bound: dict[str, Type] = {}
            params = overload.params
            if len(params) == len(types) and all(
                fits(t, p, bound, promote, self._strict) for t, p in zip(types, params, strict=True)
            ):
                result = substituted(overload.result, bound)
                found.append(_Match(result, _loose(overload), _is_open(overload.result)))
        return found

    def _each(self, types: Sequence[Type]) -> Resolved | None:
        """Judge arguments of a variadic function one by one: each may be of another overload."""
        results = []
        for type_ in types:
            found = self._matching((type_,), promote=False)
            if not found or isinstance(type_, List):
                return None
            results.append(_alternatives([match.type for match in found], self._strict))
        return Resolved(_alternatives(results, self._strict), False)


_cache: dict[tuple[int, bool, bool], tuple[Function, Signatures]] = {}


def signatures(function: Function, *, method: bool, strict: bool) -> Signatures:
    """Return the prepared overloads of a function."""
    key = (id(function), method, strict)
    known = _cache.get(key)
    if known is None:
        if len(_cache) >= _CACHED_MAX:
            _cache.clear()
        # The function is kept with its entry, so that its id stays its own.
        known = _cache[key] = (function, Signatures(function, method, strict))
    return known[1]


def fits(  # noqa: C901, PLR0912 (one case a kind)
    arg: Type, param: Type, bound: dict[str, Type], promote: bool, strict: bool
) -> bool:
    """Whether a value of `arg` can be one of `param`, binding type parameters.

    `dyn` can be anything, and a union what any member can; but null has to be taken.
    """
    if type(param) is Param:
        return _bind(param.name, arg, bound, strict)
    if arg is param:
        return True
    match arg, param:
        case _, Dyn():
            return True
        case _, Union(members=members):
            return any(fits(arg, member, bound, promote, strict) for member in members)
        case (Dyn() | Poison(), _):
            _bind_all(param, bound)
            return True
        case Param(), _:
            return True
        case Union(members=members), _:
            return _any_fits(members, param, bound, promote, strict)
        case Enum(), _:
            return fits(base(arg), param, bound, promote, strict)
        case List(elem=a), List(elem=b):
            return fits(a, b, bound, promote, strict)
        case Map(value=a, key=c), Map(value=b, key=d):
            return fits(c, d, bound, promote, strict) and fits(a, b, bound, promote, strict)
        case Object(), Map(value=b, key=d):
            held = union([part for part, _ in arg.fields.values()] + ([] if arg.closed else [DYN]))
            held = FREE if arg.made and not arg.fields else held
            return fits(STRING, d, bound, promote, strict) and fits(held, b, bound, promote, strict)
        case Optional(of=a), Optional(of=b):
            return fits(a, b, bound, promote, strict)
        case TypeOf(of=a), TypeOf(of=b):
            return fits(a, b, bound, promote, strict) or True
        case Abstract(params=some), Abstract(params=others):
            same = arg.name == param.name and len(some) == len(others)
            return same and all(
                fits(a, b, bound, promote, strict) for a, b in zip(some, others, strict=True)
            )
        case Int(), Double():
            return promote
        case Null(), (Optional() | Abstract() | Timestamp() | Duration()):
            return strict
        case _:
            return arg == param


def _any_fits(
    members: tuple[Type, ...], param: Type, bound: dict[str, Type], promote: bool, strict: bool
) -> bool:
    # Each member by itself: a parameter is then whatever one of them makes of it.
    found: list[dict[str, Type]] = []
    for member in members:
        trial = dict(bound)
        if fits(member, param, trial, promote, strict):
            found.append(trial)
        elif member is NULL:
            return False
    names = dict.fromkeys(name for trial in found for name in trial)
    bound.update({name: union([t[name] for t in found if name in t]) for name in names})
    return bool(found)


def _bind(name: str, arg: Type, bound: dict[str, Type], strict: bool) -> bool:
    before = bound.get(name)
    if before is None:
        bound[name] = arg
        return True
    if not comparable(before, arg, strict):
        return False
    bound[name] = join(before, arg)
    return True


def _bind_all(param: Type, bound: dict[str, Type]) -> None:
    match param:
        case Param(name=name):
            bound[name] = DYN
        case List(elem=of) | Optional(of=of) | TypeOf(of=of):
            _bind_all(of, bound)
        case Map(value=value, key=key):
            _bind_all(value, bound)
            _bind_all(key, bound)
        case Abstract(params=params):
            for of in params:
                _bind_all(of, bound)
        case _:
            return


def substituted(type_: Type, bound: Mapping[str, Type]) -> Type:
    """Return the type with its parameters replaced; one that nothing bound stays free."""
    match type_:
        case Param(name=name):
            return bound.get(name, FREE)
        case List(elem=elem):
            return List(substituted(elem, bound))
        case Map(value=value, key=key):
            return Map(substituted(value, bound), substituted(key, bound))
        case Optional(of=of):
            return Optional(substituted(of, bound))
        case TypeOf(of=of):
            return TypeOf(substituted(of, bound))
        case Abstract(name=name, params=params) if params:
            return Abstract(name, tuple([substituted(p, bound) for p in params]))
        case _:
            return type_


def _loose(overload: Overload) -> bool:
    """Whether a double of the result may be what JSON wrote as an integer."""
    return isinstance(overload.result, Param) or (
        overload.result is DOUBLE and any(isinstance(p, List | Map | Dyn) for p in overload.params)
    )


def _is_open(type_: Type) -> bool:
    match type_:
        case Param():
            return True
        case List(elem=of) | Optional(of=of) | TypeOf(of=of):
            return _is_open(of)
        case Map(value=value, key=key):
            return _is_open(value) or _is_open(key)
        case Abstract(params=params):
            return any(map(_is_open, params))
        case _:
            return False


def _alternatives(results: list[Type], strict: bool) -> Type:
    first = results[0]
    distinct = [first]
    for result in results[1:]:
        if result not in distinct:
            distinct.append(result)
    if len(distinct) == 1:
        return first
    return DYN if strict or len(distinct) > ALTERNATIVES_MAX else union(distinct)


def comparable(left: Type, right: Type, strict: bool = False) -> bool:
    """Whether two values may ever be equal; `strict` is CEL's own rule."""
    if left is right:
        return True
    if isinstance(left, Dyn | Poison | Param) or isinstance(right, Dyn | Poison | Param):
        return True
    if isinstance(left, Union):
        return any(comparable(member, right, strict) for member in left.members)
    if isinstance(right, Union):
        return any(comparable(left, member, strict) for member in right.members)
    if isinstance(left, Null) or isinstance(right, Null):
        return not strict or left == right or _null_takes(left, right)
    one, other = _kind(left), _kind(right)
    if one is other:
        return not strict or _same(left, right) or _same(right, left)
    return not strict and {one, other} == {Int, Double}


def _null_takes(left: Type, right: Type) -> bool:
    return isinstance(left, Optional | Abstract | Timestamp | Duration | Object) or isinstance(
        right, Optional | Abstract | Timestamp | Duration | Object
    )


def _same(left: Type, right: Type) -> bool:
    """Whether CEL's own checker takes one for the other."""
    return fits(cel_type(left), cel_type(right), {}, promote=False, strict=True)


def _kind(type_: Type) -> object:
    if isinstance(type_, Enum):
        return type(base(type_))
    if isinstance(type_, Object):
        return Map
    return type_.name if isinstance(type_, Abstract) else type(type_)


def joined(types: Iterable[Type]) -> Type:
    """Return the type of the elements of a display; of none, it is free."""
    result: Type = FREE
    for type_ in types:
        wide = base(type_) if isinstance(type_, Enum) else type_
        result = wide if result is FREE else join(result, wide)
    return result
