"""What an evaluation may be charged and how large its values may be: the rules of both tiers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dagnats.expr.ast import COERCE, Call, Comprehension, Expr, ListOf, Literal, MapOf
from dagnats.expr.costing import costs
from dagnats.expr.costing.actual import size_of
from dagnats.expr.library.values import EvaluationError, name_of
from dagnats.expr.limits import Limits
from dagnats.expr.names import Called
from dagnats.expr.signatures import Function
from dagnats.expr.types import Type

COMPARISONS: Final = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
"""They go no further than the shorter of two values, so only both can be too large."""

_FREE: Final = frozenset({"_&&_", "_||_", "_?_:_", COERCE})
_INDEX: Final = frozenset({"_[_]", "_[?_]"})
_SPELLED_ONLY: Final = frozenset({"_+_", "string", "bytes"})
"""They go through texts and bytes, and take a list as it is."""

_HANDING_ON: Final = frozenset({
    "_[_]", "_[?_]", "_?_:_", "orValue", "or", "value", "first", "last", "dyn", "json.parse",
    "parse", COERCE,
})  # fmt: skip
"""Calls that give what was given to them, or a part of it."""

_DISPLAYED: Final = (Literal, ListOf, MapOf)


class Rules(Struct, frozen=True):
    """What an expression is evaluated by.

    `sizes` tells for nodes how large a value the estimate of cost relied on; without an estimate
    whatever comes from outside and is gone through has the defaults of `limits`. `types` are
    hints: data that breaks them costs time and never gives another answer.
    """

    functions: Mapping[str, Function]
    limits: Limits
    types: Mapping[int, Type]
    sizes: Mapping[int, int] | None = None

    def bound(self, node: Expr) -> tuple[int, int] | None:
        """Return the most items and characters of a value to go through; None if any will do."""
        if isinstance(node, _DISPLAYED):
            return None
        if self.sizes is not None:
            size = self.sizes.get(node.id)
            return None if size is None else (size, size)
        if not _from_outside(node):
            return None
        return self.limits.list_items_max, self.limits.string_chars_max


def _from_outside(node: Expr) -> bool:
    """Whether a value may be one that came in; what is made is as large as its parts allow."""
    match node:
        case Call(function=name):
            return name in _HANDING_ON
        case Comprehension(macro="bind", body=body):
            return _from_outside(body)
        case Comprehension():
            return False
        case _:
            return True


def call_cost(name: str, node: Call) -> int | None:
    """Return what a call of a function costs by itself; None if its arguments tell."""
    if name in _FREE:
        return 0
    if name in _INDEX:
        return costs.access(node)
    return None if costs.measured(name) else 1


def too_much(limits: Limits) -> EvaluationError:
    """Return the error of an evaluation that costs more than it may."""
    return EvaluationError(f"the expression costs more than {limits.cost_max}", "cost")


def size_within(value: Any, bound: tuple[int, int], limits: Limits) -> None:
    """Raise when a list, map, text or bytes is larger than it may be."""
    kind = type(value)
    if kind is list or kind is dict:
        most, name, usual = bound[0], "list_items_max", limits.list_items_max
    elif kind is str or kind is bytes:
        most, name, usual = bound[1], "string_chars_max", limits.string_chars_max
    else:
        return
    if len(value) <= most:
        return
    limit = f"`{name}`" if most == usual else "what its schema allows"
    what = f"a {name_of(value)} of {len(value)} is larger than {limit}: {most}"
    raise EvaluationError(what, "size")


Check = Callable[[Sequence[Any]], None]


def check_of(call: Called, rules: Rules) -> Check | None:
    """Return what refuses arguments that are too large, or None if nothing can be."""
    limits = rules.limits
    bounds = [rules.bound(arg) for arg in call.args]
    if call.name in COMPARISONS:
        return _check_shorter(call, bounds, limits)
    if call.name in _SPELLED_ONLY:
        bounds = [bound and (costs.UNBOUNDED, bound[1]) for bound in bounds]
    checks = [(index, bound) for index, bound in enumerate(bounds) if bound is not None]
    if not checks:
        return None

    def check(args: Sequence[Any]) -> None:
        for index, bound in checks:
            size_within(args[index], bound, limits)

    def check_list(args: Sequence[Any]) -> None:
        if type(args[1]) is list and bounds[1] is not None:
            size_within(args[1], bounds[1], limits)

    return check_list if call.name == "@in" else check


def _check_shorter(
    call: Called, bounds: list[tuple[int, int] | None], limits: Limits
) -> Check | None:
    known = [bound for bound in bounds if bound is not None]
    written = [size for arg in call.args if (size := _written_size(arg)) is not None]
    if not known or (written and min(written) <= min(map(min, known))):
        return None
    items, chars = (min(*column, *written, costs.UNBOUNDED) for column in zip(*known, strict=True))

    def check(args: Sequence[Any]) -> None:
        left, right = args
        shorter = left if size_of(left) <= size_of(right) else right
        size_within(shorter, (items, chars), limits)

    return check


def _written_size(node: Expr) -> int | None:
    return size_of(node.value) if isinstance(node, Literal) else None
