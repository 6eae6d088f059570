"""What evaluation costs: one table that the static estimate and the run-time counter both read.

The unit is cel-go's, about one operation. A function costs a *formula* over the sizes of its
arguments (characters, bytes, items, entries; 1 for what has no size) and, for some, the size of
its result. Every formula grows with each size, so the formula over the greatest possible sizes is
at least the formula over the real ones: the counter never exceeds the estimate.

What the evaluator charges, beside what `measured` says for calls:

- a literal, whatever its size: 0; a name: `IDENT`;
- `a.b`, `a.?b`, `has(a.b)`, `a[b]`, `a[?b]`: `access(node)`, beside what the operands cost;
- a list display `LIST`, a map display `MAP`, beside their parts;
- `&&`, `||`, `?:` and `@double`: 0, beside the operands that are evaluated;
- any other call: `measured(name)` of the arguments, receiver first, or 1 if that is None; charged
  before the call, so what is too much work is refused and not done;
- a macro: what `LOOPS[macro]` says, beside its range, guard and body as often as they run: `start`
  once, `each` for every pass begun, `taken` for a pass whose guard (or whose predicate, in
  `filter` and `exists_one`) was true, `left` for one where it was false. A macro that needs no
  predicate takes every pass. Leaving a loop early costs nothing more.
- `optMap` and `optFlatMap` make one pass, taken if there is a value. `sortBy` charges
  `sorting(keys)` as well, once it has the keys. `bind` makes one pass.

These constants are what cel-go's expansion of each macro costs. Fractions of costs are exact and
rounded up, and nothing exceeds `UNBOUNDED`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from dagnats.expr.ast import COERCE, INTERPOLATE, Call, Expr, Ident, Select
from dagnats.expr.costing.actual import deep_size, size_of
from dagnats.expr.library.values import STRING_CHARS_MAX

UNBOUNDED: Final = 2**64 - 1
"""Where costs and sizes end: more is the same."""

IDENT: Final = 1
SELECT: Final = 1
LIST: Final = 10
MAP: Final = 30

Measure = Callable[[Sequence[Any]], int]
Formula = Callable[..., int]


class Loop(NamedTuple):
    """What a macro costs beside its parts: once, each pass, a pass taken, a pass left out."""

    start: int
    each: int
    taken: int = 0
    left: int = 0


LOOPS: Final[Mapping[str, Loop]] = {
    "all": Loop(1, 3),
    "exists": Loop(1, 4),
    "exists_one": Loop(2, 0, 2, 1),
    "map": Loop(LIST + 1, 0, 12, 1),
    "filter": Loop(LIST + 1, 0, 13, 1),
    "transformList": Loop(LIST + 1, 0, 12, 1),
    "transformMap": Loop(MAP + 1, 0, 3, 1),
    "transformMapEntry": Loop(MAP + 1, 0, 2, 1),
    "bind": Loop(LIST, 0),
    "optMap": Loop(1, 0, LIST + 2, 1),
    "optFlatMap": Loop(1, 0, LIST + 1, 1),
    "sortBy": Loop(2 * LIST + 3, 0, 12),
}

_PATH: Final = frozenset({"_[_]", "_[?_]"})


def access(node: Expr) -> int:
    """Return what a select or an index costs by itself: more where a path begins at a value."""
    if isinstance(node, Select):
        operand = node.operand
    else:
        assert isinstance(node, Call)
        operand = node.args[0] if node.args else node
    if isinstance(operand, Ident | Select):
        return SELECT
    if isinstance(operand, Call) and operand.function in _PATH:
        return SELECT
    return 2 * SELECT


def bounded(cost: int) -> int:
    """Return a cost or size, or where they end."""
    return min(UNBOUNDED, cost)


def tenth(size: int) -> int:
    """Return what going through so many characters costs."""
    return -(-size // 10)


def quarter(size: int) -> int:
    """Return what a pattern of so many characters costs for each unit of text."""
    return -(-size // 4)


# Formulas. Those that end in `made` take the size of the result last.


def _first(size: int, *_others: int) -> int:
    return tenth(size)


def _second(_size: int, other: int, *_others: int) -> int:
    return tenth(other)


def _shorter(left: int, right: int) -> int:
    return tenth(min(right, left))


def _sum(*sizes: int) -> int:
    return tenth(sum(sizes))


def _read(size: int, *_others: int) -> int:
    return 1 + tenth(size)


def _product(text: int, part: int) -> int:
    return tenth(text) * tenth(part)


def _search(text: int, part: int, *_others: int) -> int:
    return 1 + tenth(text * part)


def _pattern(text: int, pattern: int) -> int:
    return tenth(text + 1) * quarter(pattern)


def _extract(text: int, pattern: int) -> int:
    return 1 + tenth(text + 1) * quarter(pattern + 1) + text


def _extract_all(text: int, pattern: int) -> int:
    return _extract(text, pattern) + LIST


def _pattern_replace(text: int, pattern: int, replacement: int, *_others: int) -> int:
    return _extract(text, pattern) + replacement


def _made_text(*sizes: int) -> int:
    return 1 + tenth(sizes[0]) + sizes[-1]


def _char_at(text: int, *_others: int) -> int:
    return 2 + tenth(text)


def _replace_made(*sizes: int) -> int:
    return 1 + tenth(max(sizes[0], 1) * max(sizes[1], 1)) + sizes[-1]


def _split_made(*sizes: int) -> int:
    return 1 + LIST + tenth(sizes[0] + 1) + sizes[-1]


def _join_made(*sizes: int) -> int:
    return 1 + tenth(sizes[0] + 1) + sizes[-1]


def _made_list(*sizes: int) -> int:
    return 1 + LIST + sizes[-1]


def _sort(items: int, longest: int) -> int:
    return 1 + LIST + 2 * items * max(items.bit_length(), 1) * max(tenth(longest), 1)


def _distinct(items: int, longest: int) -> int:
    return 1 + LIST + 2 * items * max(tenth(longest), 1)


def _both(left: int, right: int) -> int:
    return 1 + left + right


def _twice(size: int) -> int:
    return tenth(2 * size)


def _within_network(_network: int, other: int) -> int:
    return 3 + tenth(other)


def _member(_element: int, items: int) -> int:
    return items


def _extreme(*sizes: int) -> int:
    if len(sizes) == 1:
        return max(sizes[0], 1)
    return 1 if len(sizes) == 2 else 1 + LIST


def _nothing(*_sizes: int) -> int:
    return 0


def _deep_read(size: int) -> int:
    return 1 + tenth(size)


FORMULAS: Final[Mapping[str, Formula]] = {
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _shorter),
    "_+_": _sum,
    "@in": _member,
    "bytes": _first,
    "string": _first,
    "strings.quote": _first,
    "startsWith": _second,
    "endsWith": _second,
    "contains": _product,
    "matches": _pattern,
    "indexOf": _search,
    "lastIndexOf": _search,
    "charAt": _char_at,
    **dict.fromkeys(("lowerAscii", "upperAscii", "trim", "substring"), _made_text),
    "replace": _replace_made,
    "split": _split_made,
    "join": _join_made,
    INTERPOLATE: _sum,
    "regex.extract": _extract,
    "regex.extractAll": _extract_all,
    "regex.replace": _pattern_replace,
    **dict.fromkeys(("slice", "flatten", "lists.range"), _made_list),
    "sort": _sort,
    "distinct": _distinct,
    **dict.fromkeys(("sets.contains", "sets.intersects", "sets.equivalent"), _both),
    **dict.fromkeys(("math.greatest", "math.least"), _extreme),
    **dict.fromkeys(("base64.encode", "base64.decode"), _read),
    **dict.fromkeys(("ip", "cidr", "isIP", "isCIDR"), _first),
    "ip.isCanonical": _twice,
    **dict.fromkeys(("containsIP", "containsCIDR"), _within_network),
    "json.encode": _deep_read,
    "json.parse": _read,
    COERCE: _nothing,
}
"""By function; `reverse` has two, by what it reverses, and is not among them."""

reversed_text: Final[Formula] = _made_text
reversed_list: Final[Formula] = _made_list


# What is measured at run time. Arguments may be of any type here: the call itself refuses them.


TAKES: Final[Mapping[str, tuple[type, ...]]] = {
    "bytes": (str,),
    "strings.quote": (str,),
    "startsWith": (object, str),
    "endsWith": (object, str),
    **dict.fromkeys(("contains", "matches", "indexOf", "lastIndexOf"), (str, str)),
    **dict.fromkeys(("charAt", "lowerAscii", "upperAscii", "trim", "substring"), (str,)),
    "replace": (str, str, str),
    "split": (str, str),
    "join": (list, str),
    **dict.fromkeys(("regex.extract", "regex.extractAll"), (str, str)),
    "regex.replace": (str, str, str),
    **dict.fromkeys(("slice", "sort", "distinct"), (list,)),
    **dict.fromkeys(("sets.contains", "sets.intersects", "sets.equivalent"), (list, list)),
    "base64.encode": (bytes,),
    "base64.decode": (str,),
    "json.parse": (str,),
    **dict.fromkeys(("ip", "cidr", "isIP", "isCIDR", "ip.isCanonical"), (str,)),
    **dict.fromkeys(("containsIP", "containsCIDR"), (object, str)),
}
"""The kinds of those arguments that a formula reads; `object` is what it does not read."""


def _sizes(formula: Formula, takes: Sequence[type] = ()) -> Measure:
    """Return the measure of a formula over the sizes of all arguments.

    A call that is given another kind than it takes fails, and costs 1.
    """

    def measure(args: Sequence[Any]) -> int:
        for value, kind in zip(args, takes, strict=False):
            if kind is not object and type(value) is not kind:
                return 1
        return bounded(formula(*map(size_of, args)))

    return measure


def _compared(args: Sequence[Any]) -> int:
    left, right = args
    return _shorter(size_of(left), size_of(right))


_SPELLED: Final = frozenset({str, bytes})


def _added(args: Sequence[Any]) -> int:
    left, right = args
    if type(left) in _SPELLED and type(right) in _SPELLED:
        return tenth(len(left) + len(right))
    return 1


def _contained(args: Sequence[Any]) -> int:
    return len(args[1]) if type(args[1]) is list else 1


def _spelled(args: Sequence[Any]) -> int:
    kind = type(args[0])
    return tenth(len(args[0])) if kind is bytes else 1


def _encoded(args: Sequence[Any]) -> int:
    return tenth(len(args[0])) if type(args[0]) is str else 1


def _made(made: Measure, formula: Formula) -> Measure:
    """Return the measure of a formula that also takes the size of the result."""
    return lambda args: bounded(formula(*map(size_of, args), made(args)))


def _as_long(args: Sequence[Any]) -> int:
    return size_of(args[0])


def _part(args: Sequence[Any]) -> int:
    """Return how long the part between two indices is; what is outside counts as the end."""
    size = size_of(args[0])
    bounds = [at if isinstance(at, int) and 0 <= at <= size else size for at in args[1:]]
    return max((bounds[1] if len(bounds) > 1 else size) - bounds[0], 0) if bounds else size


def _replaced(args: Sequence[Any]) -> int:
    text, old, new = args[:3]
    if not (type(text) is str and type(old) is str and type(new) is str):
        return 1
    times = text.count(old)
    if len(args) > 3 and type(args[3]) is int and args[3] >= 0:
        times = min(times, args[3])
    return len(text) + times * (len(new) - len(old))


def _pieces(args: Sequence[Any]) -> int:
    text, separator = args[:2]
    if not (type(text) is str and type(separator) is str):
        return 1
    pieces = text.count(separator) + 1 if separator else len(text)
    if len(args) > 2 and type(args[2]) is int and args[2] >= 0:
        pieces = min(pieces, args[2])
    return pieces


def _joined(args: Sequence[Any]) -> int:
    items = args[0] if type(args[0]) is list else []
    gaps = size_of(args[1]) * max(len(items) - 1, 0) if len(args) > 1 else 0
    return sum(map(size_of, items)) + gaps


def formatting(template: int, arguments: int) -> int:
    """Return what formatting arguments of so many characters together costs.

    No text is made that is longer than one may be, whatever there is to put into it.
    """
    return tenth(template + min(arguments, STRING_CHARS_MAX))


def _formatted(args: Sequence[Any]) -> int:
    items = args[1] if len(args) > 1 and type(args[1]) is list else []
    return formatting(size_of(args[0]), sum(map(size_of, items)))


def _flattened(args: Sequence[Any]) -> int:
    items = args[0] if type(args[0]) is list else []
    depth = args[1] if len(args) > 1 and type(args[1]) is int else 1
    stack, total = [(items, depth)], 0
    while stack:
        items, depth = stack.pop()
        for item in items:
            if type(item) is list and depth > 0:
                stack.append((item, depth - 1))
            else:
                total += 1
    return total


def _counted(args: Sequence[Any]) -> int:
    return max(args[0], 0) if type(args[0]) is int else 1


def sorted_cost(count: int, longest: int) -> int:
    """Return what sorting so many keys costs, the longest of this size."""
    return bounded(_sort(count, longest))


def sorting(keys: Sequence[Any]) -> int:
    """Return what sorting by these keys costs."""
    return sorted_cost(len(keys), max(map(size_of, keys), default=0))


def _sorted(args: Sequence[Any]) -> int:
    return sorting(args[0]) if type(args[0]) is list else 1


def _made_distinct(args: Sequence[Any]) -> int:
    items = args[0] if type(args[0]) is list else []
    return bounded(_distinct(len(items), max(map(size_of, items), default=0)))


def _reversed(args: Sequence[Any]) -> int:
    size = size_of(args[0])
    return reversed_list(size) if type(args[0]) is list else reversed_text(size, size)


def _extremes(args: Sequence[Any]) -> int:
    return _extreme(*map(size_of, args))


def _written(args: Sequence[Any]) -> int:
    return _deep_read(deep_size(args[0]))


_MEASURES: Final[Mapping[str, Measure]] = {
    **{
        # Those two take a text or the thing itself.
        name: _sizes(formula, () if name in {"containsIP", "containsCIDR"} else TAKES.get(name, ()))
        for name, formula in FORMULAS.items()
    },
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _compared),
    "_+_": _added,
    "@in": _contained,
    "string": _spelled,
    "bytes": _encoded,
    **{name: _made(_as_long, _made_text) for name in ("lowerAscii", "upperAscii", "trim")},
    "substring": _made(_part, _made_text),
    "replace": _made(_replaced, _replace_made),
    "split": _made(_pieces, _split_made),
    "join": _made(_joined, _join_made),
    "format": _formatted,
    "slice": _made(_part, _made_list),
    "flatten": _made(_flattened, _made_list),
    "lists.range": _made(_counted, _made_list),
    "sort": _sorted,
    "distinct": _made_distinct,
    "reverse": _reversed,
    **dict.fromkeys(("math.greatest", "math.least"), _extremes),
    "json.encode": _written,
}


def measured(name: str) -> Measure | None:
    """Return what computes the cost of a call from its arguments; None if it is always 1."""
    return _MEASURES.get(name)
