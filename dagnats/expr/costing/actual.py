"""How large values are, as costs count it."""

from collections.abc import Iterable
from typing import Any, Final

from dagnats.expr.kinds import Present


def size_of(value: Any) -> int:
    """Return the size of a value as costs count it: that of what is inside an optional, else 1."""
    kind = type(value)
    if kind is str or kind is list or kind is dict or kind is bytes:
        return len(value)
    if kind is Present:
        return size_of(value.value)
    return 1


def deep_size(value: Any) -> int:
    """Return the number of values inside a value, itself too, and of the characters in them.

    A part that stands in many places counts in each, and is looked at once: work is linear in
    what there is in memory.
    """
    known: dict[int, int] = {}
    stack = [value]
    while stack:
        item = stack[-1]
        below = [part for part in _parts(item) if type(part) in _HOLDING and id(part) not in known]
        if below and id(item) not in known:
            stack.extend(below)
            continue
        stack.pop()
        known[id(item)] = _own_size(item) + sum(
            known[id(part)] if type(part) in _HOLDING else _own_size(part) for part in _parts(item)
        )
    return known[id(value)]


_HOLDING: Final = frozenset({list, dict, Present})


def _parts(value: Any) -> Iterable[Any]:
    kind = type(value)
    if kind is list:
        return list(value)
    if kind is dict:
        return list(value.values())
    return (value.value,) if kind is Present else ()


def _own_size(value: Any) -> int:
    kind = type(value)
    if kind is str or kind is bytes:
        return 1 + len(value)
    if kind is dict:
        return 1 + sum(map(size_of, value))
    return int(kind is not Present)
