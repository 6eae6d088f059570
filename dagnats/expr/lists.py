"""What the builtins on lists do."""

from itertools import pairwise
from typing import Any

from dagnats.expr import values
from dagnats.expr.values import (
    NONE,
    Absent,
    EvaluationError,
    Present,
    equal,
    is_number,
    no_overload,
    want,
    within,
)


def distinct(items: Any) -> list[Any]:
    """Return each element once, where it first stands."""
    want("distinct", (items, list))
    found: list[Any] = []
    seen: set[tuple[type, Any]] = set()
    for item in items:
        if type(item) in {str, bool} or is_number(item):
            key = (type(item), item) if type(item) in {str, bool} else (float, item)
            if key not in seen:
                seen.add(key)
                found.append(item)
        elif not any(equal(item, other) for other in found):
            found.append(item)
    return found


def reverse(value: Any) -> Any:
    """Return a list or text the other way round."""
    if type(value) in {list, str}:
        return value[::-1]
    raise no_overload("reverse", value)


def sort(items: Any) -> list[Any]:
    """Return the elements in ascending order; all must compare with each other."""
    want("sort", (items, list))
    for left, right in pairwise(items):
        values.ordered("sort", left, right)
    return sorted(items)


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
    while depth > 0 and any(type(item) is list for item in items):
        items = [e for item in items for e in (item if type(item) is list else (item,))]
        values.bounded(len(items))
        depth -= 1
    return list(items)


def count(end: Any) -> list[int]:
    """Return the integers from 0 up to `end`."""
    want("lists.range", (end, int))
    values.bounded(end)
    return list(range(end))


def first(items: Any) -> Present | Absent:
    """Return the first element or nothing."""
    want("first", (items, list))
    return Present(items[0]) if items else NONE


def last(items: Any) -> Present | Absent:
    """Return the last element or nothing."""
    want("last", (items, list))
    return Present(items[-1]) if items else NONE


def set_contains(items: Any, others: Any) -> bool:
    """Whether every one of `others` is among `items`."""
    want("sets.contains", (items, list), (others, list))
    return all(values.contains(other, items) for other in others)


def set_equal(items: Any, others: Any) -> bool:
    """Whether each list has all of the other."""
    return set_contains(items, others) and set_contains(others, items)


def set_meets(items: Any, others: Any) -> bool:
    """Whether any element is in both."""
    want("sets.intersects", (items, list), (others, list))
    return any(values.contains(other, items) for other in others)
