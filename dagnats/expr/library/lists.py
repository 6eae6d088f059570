"""Functions on lists."""

import math
from collections.abc import Sequence
from typing import Any, Final

from dagnats.expr import types as t
from dagnats.expr.kinds import (
    FALSE_KEY,
    NONE,
    TRUE_KEY,
    Absent,
    Duration,
    Present,
    Timestamp,
    Uint,
)
from dagnats.expr.library.values import EvaluationError, bounded, name_of, no_overload, want, within
from dagnats.expr.signatures import Function, method, over

_ORDERED: Final = frozenset({int, float, Uint, bool, str, bytes, Timestamp, Duration})


class Identities:
    """Gives values that CEL holds equal the same identity, to be looked up in a set.

    Linear in what is in memory: a list that stands in many places is looked at once.
    """

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}
        self._same: dict[tuple[Any, ...], object] = {}

    def of(self, value: Any) -> Any:
        """Return something hashable that equals that of every equal value and of no other."""
        kind = type(value)
        if kind is str or kind is int or kind is Uint or value is None:
            return value
        if kind is float:
            return object() if math.isnan(value) else value
        if kind is bool:
            return TRUE_KEY if value else FALSE_KEY
        if kind is bytes:
            return (bytes, value)
        if kind is list or kind is dict or kind is Present:
            return self._whole(value)
        return value

    def _whole(self, value: Any) -> object:
        known = self._seen.get(id(value))
        if known is not None:
            return known
        parts: tuple[Any, ...]
        if type(value) is list:
            parts = (list, *[self.of(item) for item in value])
        elif type(value) is dict:
            parts = (dict, frozenset([(key, self.of(item)) for key, item in value.items()]))
        else:
            parts = (Present, self.of(value.value))
        same = self._same.setdefault(parts, object())
        self._seen[id(value)] = same
        return same

    def all(self, values: Sequence[Any]) -> list[Any]:
        """Return the identities of some values; raises EvaluationError when nested too deep."""
        try:
            return [self.of(value) for value in values]
        except RecursionError:
            raise EvaluationError("lists are nested too deep to compare", "size") from None


def distinct(items: Any) -> list[Any]:
    """Return each element once, where it first stands."""
    want("distinct", (items, list))
    first: dict[Any, Any] = {}
    for identity, item in zip(Identities().all(items), items, strict=True):
        first.setdefault(identity, item)
    return list(first.values())


def reverse(value: Any) -> Any:
    """Return a list or text the other way round."""
    if type(value) in {list, str}:
        return value[::-1]
    raise no_overload("reverse", value)


def sort(items: Any) -> list[Any]:
    """Return the elements in ascending order; all must compare with each other."""
    want("sort", (items, list))
    _sortable("sort", items)
    return sorted(items)


def sort_by(items: Any, keys: list[Any]) -> list[Any]:
    """Return the elements in ascending order of their keys; equal ones keep their order."""
    want("sortBy", (items, list))
    _sortable("sortBy", keys)
    return [items[at] for at in sorted(range(len(items)), key=keys.__getitem__)]


def _sortable(function: str, keys: list[Any]) -> None:
    """Raise unless all are of one type that has an order; ints go with doubles, as with `<`."""
    kinds = set(map(type, keys))
    for kind in kinds - _ORDERED:
        shown = name_of(next(key for key in keys if type(key) is kind))
        raise EvaluationError(f"`{function}`: a {shown} has no order", "type")
    if len(kinds) > 1 and kinds != {int, float}:
        shown = ", ".join(sorted({name_of(key) for key in keys}))
        raise EvaluationError(f"`{function}`: {shown} do not compare with each other", "type")
    if float in kinds and any(key != key for key in keys):  # noqa: PLR0124 (only NaN is not itself)
        raise EvaluationError(f"`{function}`: NaN has no order", "argument")


def slice_list(items: Any, start: Any, end: Any) -> list[Any]:
    """Return the elements from an index up to another."""
    want("slice", (items, list), (start, int), (end, int))
    within("slice", end, len(items))
    within("slice", start, end)
    return list(items[start:end])


def flatten(items: Any, depth: Any = 1) -> list[Any]:
    """Return the elements of the lists in a list, down to a depth."""
    want("flatten", (items, list), (depth, int))
    if depth < 0:
        raise EvaluationError("`flatten` to a negative depth", "argument")
    found: list[Any] = []
    visited = 0
    levels = [iter(items)]
    while levels:
        for item in levels[-1]:
            # Lists count too: empty ones give nothing, however many there are.
            visited += 1
            bounded(visited)
            if type(item) is list and len(levels) <= depth:
                levels.append(iter(item))
                break
            found.append(item)
        else:
            levels.pop()
    return found


def count(end: Any) -> list[int]:
    """Return the integers from 0 up to `end`."""
    want("lists.range", (end, int))
    if end < 0:
        raise EvaluationError(f"`lists.range` of a negative number: {end}", "argument")
    bounded(end)
    return list(range(end))


def first(items: Any) -> Present | Absent:
    """Return the first element or nothing."""
    want("first", (items, list))
    return Present(items[0]) if items else NONE


def last(items: Any) -> Present | Absent:
    """Return the last element or nothing."""
    want("last", (items, list))
    return Present(items[-1]) if items else NONE


def _table() -> tuple[Function, ...]:
    elem = t.Param("T")
    items = t.List(elem)
    comparable = (
        t.INT, t.UINT, t.DOUBLE, t.BOOL, t.DURATION, t.TIMESTAMP, t.STRING, t.BYTES,
    )  # fmt: skip
    same = method(items, gives=items)
    sorts = tuple(method(t.List(kind), gives=t.List(kind)) for kind in comparable)
    flat = (
        method(t.List(items), gives=items),
        method(t.List(t.DYN), t.INT, gives=t.List(t.DYN)),
    )
    end = (method(items, gives=t.Optional(elem)),)
    part = (method(items, t.INT, t.INT, gives=items),)
    return (
        Function("distinct", "each element once", distinct, (same,)),
        Function(
            "reverse", "the other way round", reverse, (same, method(t.STRING, gives=t.STRING))
        ),
        Function("sort", "in ascending order", sort, sorts),
        Function("slice", "from an index up to another", slice_list, part),
        Function("flatten", "the elements of its lists", flatten, flat),
        Function(
            "lists.range",
            "the integers from 0 up to one",
            count,
            (over(t.INT, gives=t.List(t.INT)),),
        ),
        Function("first", "the first element or nothing", first, end),
        Function("last", "the last element or nothing", last, end),
    )


FUNCTIONS: tuple[Function, ...] = _table()
