"""What calls cost over ranges of sizes, and how large their results are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from dagnats.expr import types as t
from dagnats.expr.ast import COERCE, INTERPOLATE, Call, Expr, Literal
from dagnats.expr.costing import costs
from dagnats.expr.costing import sizes as s
from dagnats.expr.costing.costs import tenth
from dagnats.expr.costing.sizes import BYTES, HELD, LIST, ONE, SCALAR, SPELLED, TEXT, Size
from dagnats.expr.library.values import LIST_ITEMS_MAX, STRING_CHARS_MAX
from dagnats.expr.signatures import Function

SCALARS: Final = frozenset({"_-_", "_*_", "_/_", "_%_", "-_", "!_", "size", "type"})
"""Functions that cost 1 and give what has no size."""

LAZY: Final = frozenset({"or", "orValue"})
"""Functions that may leave their second argument unevaluated."""

COMPARISONS: Final = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})

WRITTEN_MAX: Final = 48
"""Characters that a number, time, span, address or bool has at most as a text."""

FIXED_MAX: Final = 1_400
"""Characters of one number in `format`: 309 digits, a precision of 1,000, sign and exponent."""


FLATTENED_MAX: Final = 16
"""Levels of lists that an estimate follows; below them there may be any number of elements."""


class Estimator(Protocol):
    """What estimates call for: sizes from types, and a note of what was relied on."""

    sizer: s.Sizer
    types: Mapping[int, t.Type]
    functions: Mapping[str, Function]

    def rely(self, node: Expr, size: Size, kinds: int) -> int:
        """Return how large a value of one of these kinds is, and have that checked."""


class Called(NamedTuple):
    """A call with the sizes of its arguments, the receiver first."""

    estimator: Estimator
    node: Call
    name: str
    args: Sequence[Expr]
    sizes: Sequence[Size]

    def most(self, index: int, kinds: int) -> int:
        """Return how large an argument may be, having it checked."""
        return self.estimator.rely(self.args[index], self.sizes[index], kinds)


Found = tuple[int, int, Size]

_KINDS: Final = {str: TEXT, list: LIST, bytes: BYTES, object: 0}
_TAKES: Final[Mapping[str, tuple[int, ...]]] = {
    name: tuple(_KINDS[kind] for kind in kinds) for name, kinds in costs.TAKES.items()
}


def call(called: Called) -> Found:
    """Return what a call costs beside its arguments, at least and most, and its result's size."""
    name = called.name
    if name in COMPARISONS and len(called.sizes) == 2:
        return _compared(called)
    special = _SPECIAL.get(name)
    if special is not None and (called.sizes or special is _none):
        return special(called)
    formula = costs.FORMULAS.get(name)
    if formula is None:
        return 1, 1, _result(called)
    takes = _TAKES.get(name, ())
    if len(called.sizes) < len(takes):
        return 1, costs.UNBOUNDED, called.estimator.sizer.any
    lows, highs = [], []
    for index, kinds in enumerate(takes):
        lows.append(called.sizes[index].low if kinds else 0)
        highs.append(called.most(index, kinds) if kinds else 1)
    made = _MADE.get(name)
    result = _result(called) if made is None else made(called, highs)
    if name in _COUNTED:
        lows.append(result.low)
        highs.append(result.high)
    return costs.bounded(formula(*lows)), costs.bounded(formula(*highs)), result


def _compared(called: Called) -> Found:
    left, right = called.sizes
    shorter = 0 if left.high < right.high or (left.high == right.high and not left.outside) else 1
    most = called.most(shorter, s.ANY)
    return tenth(min(left.low, right.low)), tenth(most), ONE


def _result(called: Called) -> Size:
    """Return the size of a result that only its type tells."""
    type_ = called.estimator.types.get(called.node.id)
    if type_ is not None and not isinstance(type_, t.Dyn):
        return called.estimator.sizer.of(type_)
    function = called.estimator.functions.get(called.name)
    if function is None:
        return called.estimator.sizer.any
    return called.estimator.sizer.of(t.union(overload.result for overload in function.overloads))


def _added(called: Called) -> Found:
    if len(called.sizes) != 2:
        return 1, costs.UNBOUNDED, called.estimator.sizer.any
    left, right = called.sizes
    kind = left.kind & right.kind
    if not kind & ~SCALAR:
        return 1, 1, ONE
    low, high = (1, 1) if kind & (SCALAR | LIST) else (costs.UNBOUNDED, 0)
    chars = items = 0
    if kind & SPELLED:
        chars = called.most(0, SPELLED) + called.most(1, SPELLED)
        low, high = min(low, tenth(left.low + right.low)), max(high, tenth(chars))
    if kind & HELD:
        items = min(left.items + right.items, LIST_ITEMS_MAX)
    parts = tuple(size for size in called.sizes if size.kind & HELD)
    least = min(1, left.low + right.low) if kind & SCALAR else left.low + right.low
    chars = min(chars, STRING_CHARS_MAX)
    outside = bool(kind & HELD) and (left.outside or right.outside)
    open_ = left.open or right.open
    result = Size(kind, least, chars, items, outside=outside, open_=open_, parts=parts)
    return low, high, result


def _held(called: Called) -> Found:
    """`value in list` goes through the list; `key in map` looks it up."""
    if len(called.sizes) != 2:
        return 1, costs.UNBOUNDED, ONE
    size = called.sizes[1]
    if not size.kind & LIST:
        return 1, 1, ONE
    if size.kind == LIST:
        return size.low, called.most(1, LIST), ONE
    return min(size.low, 1), max(called.most(1, LIST), 1), ONE


def _converted(called: Called) -> Found:
    """`string(value)`: bytes are decoded, a text stays, scalars are short."""
    size = called.sizes[0]
    if not size.kind & SPELLED:
        return 1, 1, s.text(1, WRITTEN_MAX)
    low, high = (1, 1) if size.kind & ~BYTES else (costs.UNBOUNDED, 0)
    if size.kind & BYTES:
        low, high = min(low, tenth(size.low)), max(high, tenth(called.most(0, SPELLED)))
    least = (
        size.low // 4 if size.kind & BYTES else min(size.low, 1 if size.kind & SCALAR else size.low)
    )
    most = max(size.most(SPELLED), WRITTEN_MAX if size.kind & SCALAR else 0)
    outside = size.outside and not size.kind & BYTES
    return low, high, Size(TEXT, least, most, outside=outside, open_=size.open)


def _encoded(called: Called) -> Found:
    """`bytes(value)`: a text has up to four bytes a character."""
    size = called.sizes[0]
    if not size.kind & TEXT:
        return 1, 1, size
    low, high = tenth(size.low), tenth(called.most(0, SPELLED))
    if size.kind & ~TEXT:
        low, high = min(low, 1), max(high, 1)
    return low, high, s.octets(size.low, 4 * size.most(SPELLED))


def _sum_of_elements(called: Called, index: int) -> tuple[int, int]:
    """Return how large the elements of a list are together."""
    size = called.sizes[index]
    most = called.most(index, LIST)
    if size.total is not None:
        return size.total
    return 0, most * called.estimator.sizer.elem(size).unchecked


def _formatted(called: Called) -> Found:
    if len(called.sizes) != 2:
        return 1, costs.UNBOUNDED, called.estimator.sizer.any
    template = called.most(0, TEXT)
    low, high = _sum_of_elements(called, 1)
    clauses = called.sizes[1].most(LIST)
    shape = called.args[0]
    plain = isinstance(shape, Literal) and "x" not in str(shape.value).lower()
    made = template + high * (1 if plain else 8) + FIXED_MAX * clauses
    elem = called.estimator.sizer.elem(called.sizes[1])
    if elem.kind & HELD:
        made = STRING_CHARS_MAX
    result = s.text(0, min(made, STRING_CHARS_MAX))
    cost = costs.formatting
    return cost(called.sizes[0].low, low), cost(template, high), result


def _interpolated(called: Called) -> Found:
    low, high, least, most = 0, 0, 0, 0
    for index, size in enumerate(called.sizes):
        own = called.most(index, s.ANY)
        low += size.low
        high += own
        least += size.low if size.kind & TEXT and not size.kind & SCALAR else 0
        most += max(own if size.kind & TEXT else 0, WRITTEN_MAX if size.kind & SCALAR else 0)
    return tenth(low), tenth(high), s.text(least, min(most, STRING_CHARS_MAX))


def _joined(called: Called) -> Found:
    low, high = _sum_of_elements(called, 0)
    least, most = called.sizes[0].low, called.sizes[0].most(LIST)
    if len(called.sizes) > 1:
        high += called.most(1, TEXT) * max(most - 1, 0)
        low += called.sizes[1].low * max(least - 1, 0)
    result = s.text(low, min(high, STRING_CHARS_MAX))
    formula = costs.FORMULAS["join"]
    return formula(least, low), formula(most, result.high), result


def _reversed(called: Called) -> Found:
    size = called.sizes[0]
    lows: list[int] = []
    highs: list[int] = []
    most = called.most(0, TEXT | LIST)
    if size.kind & LIST:
        lows.append(costs.reversed_list(size.low))
        highs.append(costs.reversed_list(most))
    if size.kind & ~LIST:
        lows.append(costs.reversed_text(size.low, size.low))
        highs.append(costs.reversed_text(most, most))
    kind = size.kind & (TEXT | LIST) or LIST
    parts = (size,) if kind & LIST else ()
    return min(lows), max(highs), Size(kind, size.low, most, most, parts=parts)


def _ordered(called: Called) -> Found:
    """`sort` and `distinct`, which look at every element and compare."""
    size = called.sizes[0]
    most = called.most(0, LIST)
    elem = called.estimator.sizer.elem(size)
    least = size.low if size.kind == LIST else 0
    if called.name == "sort":
        low, high = costs.sorted_cost(least, elem.low), costs.sorted_cost(most, elem.unchecked)
        return low, high, s.items(least, most, elem)
    formula = costs.FORMULAS["distinct"]
    low, high = formula(least, elem.low), formula(most, elem.unchecked)
    return low, costs.bounded(high), s.items(min(least, 1), most, elem)


def _flattened(called: Called) -> Found:
    size = called.sizes[0]
    most = called.most(0, LIST)
    depth = 1
    if len(called.args) > 1:
        depth_node = called.args[1]
        if not isinstance(depth_node, Literal) or type(depth_node.value) is not int:
            elem = called.estimator.sizer.any
            return 1 + costs.LIST, _list_cost(LIST_ITEMS_MAX), s.items(0, LIST_ITEMS_MAX, elem)
        depth = depth_node.value
    elem = called.estimator.sizer.elem(size)
    for level in range(depth):
        if not elem.kind & LIST or most >= LIST_ITEMS_MAX:
            break
        inner = called.estimator.sizer.elem(elem)
        if inner is elem or level > FLATTENED_MAX:
            most = LIST_ITEMS_MAX
            break
        most *= max(elem.unchecked, 1)
        elem = inner if elem.kind == LIST else s.either((elem, inner))
    most = min(most, LIST_ITEMS_MAX)
    return _list_cost(0), _list_cost(most), s.items(0, most, elem)


def _list_cost(made: int) -> int:
    return costs.reversed_list(made)


def _counted(called: Called) -> Found:
    """`lists.range(n)`, where only a constant tells how long."""
    node = called.args[0]
    if isinstance(node, Literal) and type(node.value) is int:
        count = max(node.value, 0)
        return _list_cost(count), _list_cost(count), s.items(count, count, ONE)
    result = Size(LIST, 0, 0, LIST_ITEMS_MAX, elem=ONE)
    return _list_cost(0), _list_cost(LIST_ITEMS_MAX), result


def _extreme(called: Called) -> Found:
    if len(called.sizes) > 1:
        cost = costs.FORMULAS["math.greatest"](*(1 for _ in called.sizes))
        return cost, cost, ONE
    return 1, max(called.most(0, LIST), 1), ONE


def _written(called: Called) -> Found:
    """`json.encode(value)`: as long as what it reads, and no longer than a text may be."""
    size = called.sizes[0]
    if size.kind & HELD:
        return 1, 1 + tenth(STRING_CHARS_MAX), s.text(1, STRING_CHARS_MAX)
    most = min(1 + called.most(0, SPELLED | SCALAR), STRING_CHARS_MAX)
    result = s.text(1, min(6 * most + WRITTEN_MAX, STRING_CHARS_MAX))
    return 1 + tenth(1 if size.kind & SCALAR else 1 + size.low), 1 + tenth(max(most, 2)), result


def _passed_on(called: Called) -> Found:
    """Estimate what gives back one of its arguments, or what an optional among them holds."""
    result = s.either(called.sizes)
    if called.name.startswith("optional."):
        result = s.perhaps(result)
    return 1, 1, result


def _end(called: Called) -> Found:
    """`first` and `last`."""
    return 1, 1, s.perhaps(called.estimator.sizer.elem(called.sizes[0]))


def _none(_called: Called) -> Found:
    return 1, 1, ONE


def _unchanged(called: Called) -> Found:
    return 0, 0, called.sizes[0]


_SPECIAL: Final[Mapping[str, Callable[[Called], Found]]] = {
    "_+_": _added,
    "@in": _held,
    "string": _converted,
    "bytes": _encoded,
    "format": _formatted,
    INTERPOLATE: _interpolated,
    "join": _joined,
    "reverse": _reversed,
    "sort": _ordered,
    "distinct": _ordered,
    "flatten": _flattened,
    "lists.range": _counted,
    "math.greatest": _extreme,
    "math.least": _extreme,
    "json.encode": _written,
    **dict.fromkeys(("dyn", "or", "orValue", "value"), _passed_on),
    **dict.fromkeys(("optional.of", "optional.ofNonZeroValue"), _passed_on),
    "optional.none": _none,
    "first": _end,
    "last": _end,
    COERCE: _unchanged,
}

_Made = Callable[[Called, list[int]], Size]
"""What makes the size of a result of a call and the greatest sizes of what it reads."""


def _index(called: Called, number: int, default: int) -> int:
    """Return the value of an index that is a constant."""
    node = called.args[number] if number < len(called.args) else None
    if isinstance(node, Literal) and type(node.value) is int:
        return max(node.value, 0)
    return default


def _exactly(called: Called) -> bool:
    """Whether all indices of a part are constants."""
    return all(isinstance(arg, Literal) for arg in called.args[1:])


def _substring(called: Called, highs: list[int]) -> Size:
    end = min(_index(called, 2, highs[0]), highs[0])
    return s.text(0, max(end - _index(called, 1, 0), 0))


def _slice(called: Called, highs: list[int]) -> Size:
    start, end = _index(called, 1, 0), _index(called, 2, highs[0])
    most = max(min(end, highs[0]) - start, 0)
    least = min(max(end - start, 0), most) if _exactly(called) else 0
    return s.items(least, most, called.estimator.sizer.elem(called.sizes[0]))


def _replaced(_called: Called, highs: list[int]) -> Size:
    most = highs[0] + (highs[0] + 1) * highs[2]
    return s.text(0, min(most, STRING_CHARS_MAX))


def _pattern_replaced(_called: Called, highs: list[int]) -> Size:
    most = highs[0] + (highs[0] + 1) * highs[2] + highs[0] * (highs[2] // 2)
    return s.text(0, min(most, STRING_CHARS_MAX))


def _split(_called: Called, highs: list[int]) -> Size:
    return s.items(0, min(highs[0] + 1, LIST_ITEMS_MAX), s.text(0, highs[0]))


def _parsed(_called: Called, highs: list[int]) -> Size:
    """Whatever is in a text of JSON is no larger than the text, at any depth."""
    result = Size(s.ANY, 0, highs[0], highs[0])
    result.elem = result.key = result
    return result


_MADE: Final[Mapping[str, _Made]] = {
    **dict.fromkeys(
        ("lowerAscii", "upperAscii"), lambda called, highs: s.text(called.sizes[0].low, highs[0])
    ),
    "trim": lambda _, highs: s.text(0, highs[0]),
    "regex.extract": lambda _, highs: s.perhaps(s.text(0, highs[0])),
    "charAt": lambda *_: s.text(0, 1),
    "substring": _substring,
    "replace": _replaced,
    "regex.replace": _pattern_replaced,
    "split": _split,
    "regex.extractAll": _split,
    "strings.quote": lambda _, highs: s.text(2, 2 * highs[0] + 2),
    "slice": _slice,
    "base64.encode": lambda _, highs: s.text(0, 4 * -(-highs[0] // 3)),
    "base64.decode": lambda _, highs: s.octets(0, -(-3 * highs[0] // 4)),
    "json.parse": _parsed,
}

_COUNTED: Final = frozenset({
    "lowerAscii", "upperAscii", "trim", "substring", "replace", "split", "slice",
})  # fmt: skip
"""Functions whose formula ends in the size of the result."""
