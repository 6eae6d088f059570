"""The closures that nodes become, macros aside: the exact tier, which counts what it does.

Each takes a frame: the roots first, then the cost so far, then one slot for each variable of a
macro. An error gets the id of the innermost node that failed.
"""

import operator
from collections.abc import Callable
from typing import Any, Final

from dagnats.expr.costing import costs
from dagnats.expr.costing.costs import IDENT, LIST, MAP
from dagnats.expr.evaluation.charges import Check, Rules, too_much
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.kinds import NONE, Absent, Present
from dagnats.expr.library import values
from dagnats.expr.library.values import EvaluationError

ROOTS: Final = 0
COST: Final = 1
FIRST: Final = 2

Frame = list[Any]
Run = Callable[[Frame], Any]


class Failure:
    """Stands in a slot for the value that a bound variable does not have."""

    __slots__ = ("error",)

    def __init__(self, error: EvaluationError) -> None:
        self.error = error


UNSET: Final = object()
"""Stands in a slot for the value of a bound variable that nobody has asked for yet."""


def at(error: EvaluationError, node: int) -> EvaluationError:
    """Return the error, told where it happened if it did not know."""
    if error.node is None:
        error.node = node
    return error


def constant(value: Any) -> Run:
    """Return a literal."""
    return lambda _: value


def root(name: str, node: int) -> Run:
    """Return a root."""

    def run(frame: Frame) -> Any:
        frame[COST] += IDENT
        try:
            return frame[ROOTS][name]
        except KeyError:
            raise at(EvaluationError(f"`{name}` does not exist here", "missing"), node) from None

    return run


def path_or(path: Run, first: str, other: Any) -> Run:
    """Return what a name reads, or what else it means where its first part is no root."""

    def run(frame: Frame) -> Any:
        if first in frame[ROOTS]:
            return path(frame)
        frame[COST] += IDENT
        return other

    return run


def variable(slot: int) -> Run:
    """Return the variable of a macro."""

    def run(frame: Frame) -> Any:
        frame[COST] += IDENT
        return frame[slot]

    return run


def lazy(slot: int, over: Run) -> Run:
    """Return the variable of `bind`, worked out when it is first asked for."""

    def run(frame: Frame) -> Any:
        frame[COST] += IDENT
        value = frame[slot]
        if value is UNSET:
            try:
                value = over(frame)
            except EvaluationError as error:
                frame[slot] = Failure(error)
                raise
            frame[slot] = value
        elif type(value) is Failure:
            raise value.error
        return value

    return run


def field(operand: Run, name: str, where: tuple[int, int]) -> Run:
    """Read a field; `where` is the node and what it costs."""
    node, cost = where

    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame[COST] += cost
        if type(value) is dict and name in value:
            return value[name]
        try:
            return values.field(value, name)
        except EvaluationError as error:
            raise at(error, node)  # noqa: B904 (the same error)

    return run


def access(read: Callable[[Any, str], Any], operand: Run, name: str, where: tuple[int, int]) -> Run:
    """Look for a field, or read one that may lack; `where` is the node and what it costs."""
    node, cost = where

    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame[COST] += cost
        try:
            return read(value, name)
        except EvaluationError as error:
            raise at(error, node)  # noqa: B904 (the same error)

    return run


def apply(call: Callable[..., Any], args: list[Run], where: tuple[int, int]) -> Run:
    """Call a function whose cost does not depend on its arguments."""
    node, cost = where

    def run(frame: Frame) -> Any:
        given = [arg(frame) for arg in args]
        frame[COST] += cost
        try:
            return call(*given)
        except EvaluationError as error:
            raise at(error, node)  # noqa: B904 (the same error)

    if len(args) != 2:
        return run
    one, two = args

    def run_two(frame: Frame) -> Any:
        left, right = one(frame), two(frame)
        frame[COST] += cost
        try:
            return call(left, right)
        except EvaluationError as error:
            raise at(error, node)  # noqa: B904 (the same error)

    return run_two


def charge(frame: Frame, cost: int, rules: Rules) -> None:
    """Count; raises past the limit."""
    frame[COST] += cost
    if frame[COST] > rules.limits.cost_max:
        raise too_much(rules.limits)


def measured(
    call: Callable[..., Any], args: list[Run], check: Check | None, of: tuple[int, str, Rules]
) -> Run:
    """Call a function that goes through its arguments: they are checked and charged first."""
    node, name, rules = of
    measure = costs.measured(name)
    assert measure is not None

    def go(frame: Frame, given: list[Any]) -> Any:
        try:
            if check is not None:
                check(given)
            charge(frame, measure(given), rules)
            return call(*given)
        except EvaluationError as error:
            raise at(error, node)  # noqa: B904 (the same error)

    if name in _TESTS and call is FUNCTIONS[name].call:
        return _compared(_TESTS[name], args, go)
    return lambda frame: go(frame, [arg(frame) for arg in args])


_TESTS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "_==_": operator.eq, "_!=_": operator.ne, "_<_": operator.lt, "_<=_": operator.le,
    "_>_": operator.gt, "_>=_": operator.ge,
}  # fmt: skip


def _compared(
    test: Callable[[Any, Any], Any], args: list[Run], go: Callable[[Frame, list[Any]], Any]
) -> Run:
    """Compare; two integers or two doubles cost 1 and are in no way special."""
    one, two = args

    def run(frame: Frame) -> Any:
        left, right = one(frame), two(frame)
        kind = type(left)
        if kind is type(right) and (kind is int or kind is float):
            frame[COST] += 1
            return test(left, right)
        return go(frame, [left, right])

    return run


def unknown(name: str, count: int, node: int) -> Run:
    """Fail: an unchecked expression may call anything."""

    def fail(_: Frame) -> Any:
        message = f"there is no function `{name}` of {count} arguments"
        raise at(EvaluationError(message, "type"), node)

    return fail


def logical(args: tuple[Run, ...], *, decisive: bool, node: int) -> Run:
    """`&&` and `||`: one decisive operand decides, whatever fails beside it."""

    def run(frame: Frame) -> bool:
        failure: EvaluationError | None = None
        for arg in args:
            try:
                value: object = arg(frame)
            except EvaluationError as error:
                if error.code == "cost":
                    raise
                failure = failure or error
                continue
            if value is decisive:
                return decisive
            if type(value) is not bool and failure is None:
                failure = at(values.no_overload("||" if decisive else "&&", value), node)
        if failure is not None:
            raise failure
        return not decisive

    return run


def conditional(condition: Run, one: Run, other: Run, node: int) -> Run:
    """`condition ? one : other`."""

    def run(frame: Frame) -> Any:
        chosen = condition(frame)
        if chosen is True:
            return one(frame)
        if chosen is False:
            return other(frame)
        raise at(values.no_overload("? :", chosen), node)

    return run


def interpolate(*parts: Any) -> str:
    """Put texts and scalars together."""
    texts = [values.text(part) for part in parts]
    values.sized("", sum(map(len, texts)))
    return "".join(texts)


def coerce(value: Any) -> Any:
    """Return an integer as a double, and anything else as it is."""
    return float(value) if type(value) is int else value


def default(held: Run, other: Run, node: int, *, keep: bool) -> Run:
    """`orValue`, and `or` which keeps the optional: the other is worked out only when needed."""

    def run(frame: Frame) -> Any:
        value = held(frame)
        frame[COST] += 1
        if type(value) is Present:
            return value if keep else value.value
        if value is not NONE:
            raise at(values.no_overload("or" if keep else "orValue", value), node)
        second = other(frame)
        if keep and type(second) is not Present and type(second) is not Absent:
            raise at(values.no_overload("or", value, second), node)
        return second

    return run


def list_display(items: list[Run], optional: tuple[int, ...], node: int) -> Run:
    """Make a list: `[a, ?b]`."""

    def plain(frame: Frame) -> list[Any]:
        frame[COST] += LIST
        return [item(frame) for item in items]

    if not optional:
        return plain
    marked = [(item, index in optional) for index, item in enumerate(items)]

    def display(frame: Frame) -> list[Any]:
        frame[COST] += LIST
        result: list[Any] = []
        for item, may_lack in marked:
            value = item(frame)
            if not may_lack:
                result.append(value)
            elif type(value) is Present:
                result.append(value.value)
            elif value is not NONE:
                raise at(values.no_overload("[?_]", value), node)
        return result

    return display


def map_display(entries: list[tuple[Run, Run, bool]], node: int) -> Run:
    """Make a map: `{a: b, ?c: d}`."""

    def display(frame: Frame) -> dict[Any, Any]:
        frame[COST] += MAP
        result: dict[Any, Any] = {}
        for key, part, may_lack in entries:
            name, value = key(frame), part(frame)
            try:
                put(result, name, value, may_lack=may_lack)
            except EvaluationError as error:
                raise at(error, node)  # noqa: B904 (the same error)
        return result

    return display


def put(result: dict[Any, Any], name: Any, value: Any, *, may_lack: bool = False) -> None:
    """Add an entry to a map; raises for what is no key, and for a key that stands there."""
    key = values.to_key(name)
    if key in result:
        raise EvaluationError(f"the key `{values.text(name)}` stands twice", "argument")
    if not may_lack:
        result[key] = value
    elif type(value) is Present:
        result[key] = value.value
    elif value is not NONE:
        raise values.no_overload("{?_: _}", value)
