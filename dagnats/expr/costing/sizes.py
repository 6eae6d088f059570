"""How large a value may be, before there is one: ranges of sizes, with what is inside.

A size is a range: characters, bytes, items or entries, and 1 for what has no size. What comes from
outside is as large as its type declares, else as the limits say; the inside of it is worked out
from the type when it is asked for. What an expression makes has its parts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dagnats.expr import types as t
from dagnats.expr.costing.costs import UNBOUNDED
from dagnats.expr.kinds import Uint
from dagnats.expr.limits import Limits

SCALAR: Final = 1
TEXT: Final = 2
BYTES: Final = 4
LIST: Final = 8
MAP: Final = 16
SPELLED: Final = TEXT | BYTES
HELD: Final = LIST | MAP
ANY: Final = SCALAR | SPELLED | HELD


class Size:
    """The sizes a value may have, for each kind of value that it may be.

    `outside` says that nothing but a check at run time keeps the value within `high`; `open` says
    that no schema declared a bound. `total` is the range of the sum of the sizes of the elements,
    where it is known better than the elements alone tell.
    """

    __slots__ = (
        "chars",
        "elem",
        "high",
        "items",
        "key",
        "kind",
        "low",
        "open",
        "outside",
        "parts",
        "total",
        "type",
    )

    def __init__(  # noqa: PLR0913 (a record, written out because it is made often)
        self,
        kind: int,
        low: int,
        chars: int = 0,
        items: int = 0,
        *,
        outside: bool = False,
        open_: bool = False,
        elem: "Size | None" = None,
        key: "Size | None" = None,
        type_: t.Type | None = None,
        parts: "tuple[Size, ...]" = (),
    ) -> None:
        self.kind = kind
        self.low = low
        self.chars = chars
        self.items = items
        self.high = max(chars, items, kind & SCALAR)
        self.outside = outside
        self.open = open_
        self.elem = elem
        self.key = key
        self.type = type_
        self.parts = parts
        self.total: tuple[int, int] | None = None

    def most(self, kinds: int) -> int:
        """Return the greatest size of the value if it is a scalar or of one of these kinds."""
        if kinds & HELD:
            return self.high if kinds & SPELLED else max(self.items, self.kind & SCALAR)
        return max(self.chars, self.kind & SCALAR)

    @property
    def unchecked(self) -> int:
        """The greatest size of the value where nothing checks it at run time."""
        return UNBOUNDED if self.outside and self.open else self.high


ONE: Final = Size(SCALAR, 1)


def text(low: int, high: int) -> Size:
    """Return the size of a text that an expression makes."""
    return Size(TEXT, low, high)


def octets(low: int, high: int) -> Size:
    """Return the size of bytes that an expression makes."""
    return Size(BYTES, low, high)


def items(low: int, high: int, elem: Size | None) -> Size:
    """Return the size of a list that an expression makes."""
    return Size(LIST, low, 0, high, elem=elem)


def entries(low: int, high: int, key: Size | None, value: Size | None) -> Size:
    """Return the size of a map that an expression makes."""
    return Size(MAP, low, 0, high, elem=value, key=key)


def either(sizes: Iterable[Size]) -> Size:
    """Return the size of a value that is one of several; of none it is a scalar's."""
    several = list({id(size): size for size in sizes}.values())
    if len(several) == 1:
        return several[0]
    if not several:
        return ONE
    kind, outside, open_ = 0, False, False
    for size in several:
        kind |= size.kind
        outside |= size.outside
        open_ |= size.open
    if kind == SCALAR:
        return ONE
    return Size(
        kind,
        min(size.low for size in several),
        max(size.chars for size in several),
        max(size.items for size in several),
        outside=outside,
        open_=open_,
        parts=tuple(size for size in several if size.kind & HELD),
    )


def perhaps(size: Size) -> Size:
    """Return the size of an optional: that of what it holds, or 1 for none."""
    if size.kind & SCALAR and size.low <= 1:
        return size
    return Size(
        size.kind | SCALAR,
        min(size.low, 1),
        size.chars,
        size.items,
        outside=size.outside,
        open_=size.open,
        parts=(size,),
    )


class Sizer:
    """Sizes by type, and of what is inside, under limits; one serves one estimate."""

    def __init__(self, limits: Limits) -> None:
        self._items = limits.list_items_max
        self._chars = limits.string_chars_max
        self._known: dict[int, Size] = {}
        self.any = Size(ANY, 0, self._chars, self._items, outside=True, open_=True, type_=t.DYN)

    def of(self, type_: t.Type) -> Size:
        """Return the size of a value of a type that comes from outside."""
        known = self._known.get(id(type_))
        if known is None:
            known = self._known[id(type_)] = self._of(type_)
        return known

    def _of(self, type_: t.Type) -> Size:
        match type_:
            case t.Dyn() | t.Poison() | t.Param():
                return self.any
            case t.String(chars_max=most):
                return self._outside(TEXT, type_, most, self._chars)
            case t.Bytes():
                return self._outside(BYTES, type_, None, self._chars)
            case t.Enum(values=values):
                lengths = [len(value) if isinstance(value, str) else 1 for value in values]
                kind = TEXT if any(isinstance(value, str) for value in values) else SCALAR
                size = Size(kind, min(lengths, default=0), max(lengths, default=0), outside=True)
                return size if kind == TEXT else ONE
            case t.List(items_max=most):
                return self._outside(LIST, type_, most, self._items)
            case t.Map(entries_max=most):
                return self._outside(MAP, type_, most, self._items)
            case t.Object(fields=fields, closed=closed):
                return self._outside(MAP, type_, len(fields) if closed else None, self._items)
            case t.Optional(of=of):
                return perhaps(self.of(of))
            case t.Union(members=members):
                return either(map(self.of, members))
            case _:
                return ONE

    @staticmethod
    def _outside(kind: int, type_: t.Type, most: int | None, default: int) -> Size:
        high = default if most is None else most
        chars, count = (high, 0) if kind & SPELLED else (0, high)
        return Size(kind, 0, chars, count, outside=True, open_=most is None, type_=type_)

    def elem(self, size: Size) -> Size:
        """Return the size of an element of a list or a value of a map."""
        found = size.elem
        if found is None:
            found = size.elem = self._inside(size, self.elem, self._typed_elem)
        return found

    def key(self, size: Size) -> Size:
        """Return the size of a key of a map."""
        found = size.key
        if found is None:
            found = size.key = self._inside(size, self.key, self._typed_key)
        return found

    def field(self, size: Size, name: str) -> Size:
        """Return the size of what a map holds under a name."""
        if size.parts:
            return either([self.field(part, name) for part in size.parts])
        if isinstance(size.type, t.Object):
            field = size.type.fields.get(name)
            return self.any if field is None else self.of(field[0])
        return self.elem(size)

    def _inside(self, size: Size, of_part: Any, of_type: Any) -> Size:
        if size.parts:
            return either([of_part(part) for part in size.parts])
        found: Size = self.any if size.type is None else of_type(size.type)
        return found

    def _typed_elem(self, type_: t.Type) -> Size:
        match type_:
            case t.List(elem=elem):
                return self.of(elem)
            case t.Map(value=value):
                return self.of(value)
            case t.Object(fields=fields, closed=True):
                return either([self.of(field) for field, _ in fields.values()])
            case _:
                return self.any

    def _typed_key(self, type_: t.Type) -> Size:
        match type_:
            case t.Map(key=key):
                return self.of(key)
            case t.Object(fields=fields, closed=True):
                return text(0, max(map(len, fields), default=0))
            case t.Object():
                return self.of(t.STRING)
            case _:
                return self.any

    def of_literal(self, value: Any) -> Size:
        """Return the size of a constant."""
        if isinstance(value, str):
            return text(len(value), len(value))
        if isinstance(value, bytes):
            return octets(len(value), len(value))
        if isinstance(value, list):
            return items(len(value), len(value), either(map(self.of_literal, value)))
        if isinstance(value, Mapping):
            keys = either(map(self.of_literal, value))
            return entries(
                len(value), len(value), keys, either(map(self.of_literal, value.values()))
            )
        assert value is None or isinstance(value, bool | int | float | Uint)
        return ONE
