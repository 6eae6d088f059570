"""What an expression costs at least and at most, before it runs.

    input.items.exists(x, x.id == 999)      at most 1,000 items  →  cost 3 to 7,003

The model is cel-go's static estimator over the table in `costs`, which the run-time counter reads
as well: an evaluation with a value costs at least `cost.min` and at most `cost.max`. Sizes of what
comes from outside are those its type declares (`maxItems`, `maxLength`), else those of `limits`;
sizes of what the expression makes follow from its parts. `sizes` tells the evaluator which values
have to be checked for that to hold. One visit a node: linear in the tree.

Where the figures differ from cel-go's, they are the sound ones:

- The minimum of `all` and `exists` is that of one pass, for a loop may end with its first; cel-go
  counts every pass. The minimum of `&&` and `||` is the least of an operand, not the first's: an
  error absorbed cuts the first one short. What `cel.bind` binds and what `orValue` falls back to
  may not be evaluated, so neither is in a minimum.
- `a.b` costs 1 for a `dyn` too, as it does at run time; cel-go's estimate leaves it out.
- A map or list that a macro gathers is as large as what it goes through, and so are its elements,
  in all macros; texts made of numbers and times have a bound.
- `optMap` evaluates its optional once, and costs it once.
- Sorting is n·log n, `distinct` and `sets.…` are linear, as they run; cel-go charges n² or n·m.
- `format`, `json.encode` and `json.parse` cost what they read; cel-go leaves the arguments of the
  first out and has no bound for the others.
- Fractions of costs are rounded up exactly; in floating point 70 characters cost 8.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from dagnats.expr import types as t
from dagnats.expr.ast import Call, Comprehension, Expr, Ident, ListOf, Literal, MapOf, Select
from dagnats.expr.costing import sizes as s
from dagnats.expr.costing.costs import (
    IDENT,
    LIST,
    LOOPS,
    MAP,
    UNBOUNDED,
    access,
    bounded,
    sorted_cost,
)
from dagnats.expr.costing.results import LAZY, SCALARS, Called, call
from dagnats.expr.costing.sizes import ONE, Size
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.limits import LIMITS, Limits
from dagnats.expr.names import called
from dagnats.expr.signatures import Function


class Cost(NamedTuple):
    """The least and the most something costs."""

    min: int
    max: int


class Estimate(Struct, frozen=True):
    """What an expression costs, and what that relies on.

    `sizes` has, by node, how large a value may be at the most for `cost.max` to hold. `undeclared`
    are those nodes whose bound no schema declared, in the order of the text; `dominant` is the node
    that most of the maximum comes from.
    """

    cost: Cost
    sizes: Mapping[int, int]
    undeclared: tuple[int, ...]
    dominant: int


def estimate(
    expr: Expr,
    types: Mapping[int, t.Type] | None = None,
    limits: Limits = LIMITS,
    functions: Mapping[str, Function] = FUNCTIONS,
) -> Estimate:
    """Return the cost of an expression; nodes without a type are `dyn`."""
    estimator = _Estimator(types or {}, limits, functions, expr.id)
    low, high, _ = estimator.visit(expr)
    cost = Cost(bounded(low), bounded(high))
    return Estimate(cost, estimator.sizes, tuple(estimator.undeclared), estimator.dominant)


_Found = tuple[int, int, Size]


class _Estimator:
    """Visits a tree; `bound` has the sizes of the variables of the macros around."""

    def __init__(
        self,
        types: Mapping[int, t.Type],
        limits: Limits,
        functions: Mapping[str, Function],
        root: int,
    ) -> None:
        self.types = types
        self.functions = functions
        self.sizer = s.Sizer(limits)
        self.sizes: dict[int, int] = {}
        self.undeclared: dict[int, None] = {}
        self.bound: dict[str, Size] = {}
        self.dominant = root
        self._most = 0

    def visit(self, node: Expr) -> _Found:
        """Return what a node costs at least and at most, and the size of its value."""
        return _VISITS[type(node)](self, node)

    def rely(self, node: Expr, size: Size, kinds: int) -> int:
        """Return how large a value of one of these kinds is, and have that checked."""
        most = size.most(kinds)
        if size.outside:
            known = self.sizes.get(node.id)
            self.sizes[node.id] = most if known is None else min(known, most)
            if size.open:
                self.undeclared[node.id] = None
        return most

    def weigh(self, node: Expr, cost: int) -> None:
        """Remember the node that costs most."""
        if cost > self._most:
            self._most, self.dominant = cost, node.id

    def literal(self, node: Literal) -> _Found:
        return 0, 0, self.sizer.of_literal(node.value)

    def ident(self, node: Ident) -> _Found:
        size = self.bound.get(node.name)
        if size is None:
            type_ = self.types.get(node.id)
            size = self.sizer.any if type_ is None else self.sizer.of(type_)
        return IDENT, IDENT, size

    def select(self, node: Select) -> _Found:
        low, high, size = _VISITS[type(node.operand)](self, node.operand)
        cost = access(node)
        if node.test:
            return low + cost, high + cost, ONE
        inside = self.sizer.field(size, node.field)
        if node.optional or size.kind & s.SCALAR:
            inside = s.perhaps(inside)
        return low + cost, high + cost, inside

    def list_of(self, node: ListOf) -> _Found:
        low = high = LIST
        parts: list[Size] = []
        for item in node.items:
            least, most, size = _VISITS[type(item)](self, item)
            low += least
            high += most
            parts.append(size)
        count = len(parts)
        size = s.items(count - len(node.optional), count, s.either(parts))
        if not node.optional:
            size.total = sum(part.low for part in parts), sum(part.unchecked for part in parts)
        return low, high, size

    def map_of(self, node: MapOf) -> _Found:
        low = high = MAP
        keys: list[Size] = []
        values: list[Size] = []
        for entry in node.entries:
            for part, into in zip(entry, (keys, values), strict=True):
                least, most, size = _VISITS[type(part)](self, part)
                low += least
                high += most
                into.append(size)
        count = len(keys)
        least = count - len(node.optional)
        return low, high, s.entries(least, count, s.either(keys), s.either(values))

    def call(self, node: Call) -> _Found:
        name = node.function
        if name in _BRANCHES:
            return _BRANCHES[name](self, node)
        meant = called(node, self.bound, self.functions)
        name, args = meant.name, meant.args
        low = high = 0
        sizes: list[Size] = []
        for number, arg in enumerate(args):
            least, most, size = _VISITS[type(arg)](self, arg)
            if not (number and name in LAZY):
                low += least
            high += most
            sizes.append(size)
        if meant.function is None:
            return low, bounded(high + 1), self.sizer.any
        if name in SCALARS:
            return low + 1, high + 1, ONE
        if name in _INDEXES:
            cost = access(node)
            return low + cost, high + cost, self._indexed(name, args, sizes)
        least, most, size = call(Called(self, node, name, args, sizes))
        self.weigh(node, most)
        return low + least, bounded(high + most), size

    def _indexed(self, name: str, args: tuple[Expr, ...], sizes: list[Size]) -> Size:
        if len(args) != 2:
            return self.sizer.any
        key = args[1]
        if type(key) is Literal and type(key.value) is str:
            inside = self.sizer.field(sizes[0], key.value)
        else:
            inside = self.sizer.elem(sizes[0])
        return s.perhaps(inside) if name == "_[?_]" or sizes[0].kind & s.SCALAR else inside

    def logical(self, node: Call) -> _Found:
        least, total = UNBOUNDED, 0
        for arg in node.args:
            low, high, _ = _VISITS[type(arg)](self, arg)
            least = min(low, least)
            total += high
        return least if node.args else 0, total, ONE

    def conditional(self, node: Call) -> _Found:
        (low, high, _), *branches = [_VISITS[type(arg)](self, arg) for arg in node.args]
        least = min((branch[0] for branch in branches), default=0)
        most = max((branch[1] for branch in branches), default=0)
        return low + least, high + most, s.either([branch[2] for branch in branches])

    def comprehension(self, node: Comprehension) -> _Found:
        low, high, over = _VISITS[type(node.over)](self, node.over)
        outer, outside, before = dict(self.bound), self._most, self.dominant
        self._most = 0
        first, second, least, most = self._range(node, over)
        self.bound[node.variable] = first
        if node.second is not None:
            self.bound[node.second] = second
        guard = (0, 0, ONE) if node.guard is None else self.visit(node.guard)
        body = self.visit(node.body)
        self.bound = outer
        passes = _Passes(node, least, most, first, guard, body)
        once, every, size = self._passed(passes)
        inner, self._most = bounded(self._most * most), outside
        if inner > outside:
            self._most = inner
        else:
            self.dominant = before
        loop = LOOPS[node.macro]
        self.weigh(node, bounded(most * (loop.each + loop.taken) + loop.start))
        return (0 if node.macro == "bind" else low) + once, bounded(high + every), size

    def _range(self, node: Comprehension, over: Size) -> tuple[Size, Size, int, int]:
        """Return the sizes of both variables and how many passes there are, at least and most."""
        if node.macro == "bind":
            return over, ONE, 1, 1
        if node.macro in {"optMap", "optFlatMap"}:
            return over, ONE, 0, 1
        most = self.rely(node.over, over, s.HELD)
        lists, maps = over.kind & s.LIST, over.kind & s.MAP
        elem = self.sizer.elem(over) if lists or node.second is not None else ONE
        if not maps:
            first = elem if node.second is None else ONE
        else:
            key = self.sizer.key(over)
            other = elem if node.second is None else ONE
            first = s.either((other, key)) if lists else key
        return first, elem, over.low if over.kind & s.HELD == over.kind else 0, most

    def _passed(self, passes: "_Passes") -> _Found:
        """Return what a macro costs beside its range, and the size of what it gives."""
        macro, least, most = passes.node.macro, passes.least, passes.most
        start, each, taken, left = LOOPS[macro]
        (guard_low, guard_high, _), (low, high, size) = passes.guard, passes.body
        if macro in {"all", "exists"}:
            return start + (each + low if least else 0), start + most * (each + high), ONE
        if macro in {"filter", "exists_one"}:
            once, every = low + min(taken, left), high + max(taken, left)
            gathered = ONE if macro == "exists_one" else s.items(0, most, passes.first)
            return start + least * once, start + most * every, gathered
        if macro in {"optMap", "optFlatMap"}:
            return start + min(left, taken + low), start + max(left, taken + high), s.perhaps(size)
        guarded = passes.node.guard is not None
        once = guard_low + (min(left, taken + low) if guarded else taken + low)
        once, every = start + least * once, start + most * (guard_high + max(taken + high, left))
        least = 0 if guarded else least
        if macro == "sortBy":
            once += sorted_cost(least, size.low)
            every += sorted_cost(most, size.unchecked)
            return once, every, s.items(least, most, passes.first)
        if macro == "transformMap":
            return once, every, s.entries(least, most, passes.first, size)
        if macro == "transformMapEntry":
            inside = s.entries(
                0, bounded(most * size.items), self.sizer.key(size), self.sizer.elem(size)
            )
            inside.outside, inside.open = size.outside, size.open
            return once, every, inside
        return once, every, size if macro == "bind" else s.items(least, most, size)


class _Passes(NamedTuple):
    """The passes of a macro: how many, its first variable, what guard and body cost."""

    node: Comprehension
    least: int
    most: int
    first: Size
    guard: _Found
    body: _Found


_INDEXES: Final = frozenset({"_[_]", "_[?_]"})
_BRANCHES: Final[Mapping[str, Callable[[_Estimator, Call], _Found]]] = {
    "_&&_": _Estimator.logical,
    "_||_": _Estimator.logical,
    "_?_:_": _Estimator.conditional,
}
_VISITS: Final[Mapping[type, Callable[[_Estimator, Any], _Found]]] = {
    Literal: _Estimator.literal,
    Ident: _Estimator.ident,
    Select: _Estimator.select,
    Call: _Estimator.call,
    ListOf: _Estimator.list_of,
    MapOf: _Estimator.map_of,
    Comprehension: _Estimator.comprehension,
}
