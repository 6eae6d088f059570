"""Data that are equal when they say the same, whatever is remarked about them besides."""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from msgspec import Struct


class Alike(Struct, frozen=True, eq=False):
    """Frozen data; fields named in `remarks` take part neither in equality nor in the hash."""

    remarks: ClassVar[frozenset[str]] = frozenset()

    def __eq__(self, other: object) -> bool:
        kind = type(self)
        if type(other) is not kind:
            return NotImplemented
        said = _said(kind)
        return bool(said(self) == said(other))

    def __ne__(self, other: object) -> bool:
        # A struct has one of its own, which does not ask the other.
        return not self == other

    def __hash__(self) -> int:
        return hash(_said(type(self))(self))


@cache
def _said(kind: type[Alike]) -> Callable[[Any], Any]:
    """Return what gives a tuple of all that counts: the class is in it, so it is never empty."""
    names = [name for name in kind.__struct_fields__ if name not in kind.remarks]
    return attrgetter("__class__", *names)
