"""Functions on lists taken as sets: order and repetition do not count."""

from typing import Any

from dagnats.expr import types as t
from dagnats.expr.library.lists import Identities
from dagnats.expr.library.values import want
from dagnats.expr.signatures import Function, over


def _both(function: str, left: Any, right: Any) -> tuple[set[Any], set[Any]]:
    want(function, (left, list), (right, list))
    identities = Identities()
    return set(identities.all(left)), set(identities.all(right))


def contains(items: Any, others: Any) -> bool:
    """Whether every one of `others` is among `items`."""
    left, right = _both("sets.contains", items, others)
    return left >= right


def equivalent(items: Any, others: Any) -> bool:
    """Whether each list has all of the other."""
    left, right = _both("sets.equivalent", items, others)
    return left == right


def intersects(items: Any, others: Any) -> bool:
    """Whether any element is in both."""
    left, right = _both("sets.intersects", items, others)
    return not left.isdisjoint(right)


_LISTS = t.List(t.Param("T"))
_PAIR = (over(_LISTS, _LISTS, gives=t.BOOL),)

FUNCTIONS: tuple[Function, ...] = (
    Function("sets.contains", "whether all of the second are in the first", contains, _PAIR),
    Function("sets.equivalent", "whether each is in the other", equivalent, _PAIR),
    Function("sets.intersects", "whether any is in both", intersects, _PAIR),
)
