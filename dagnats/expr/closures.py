"""The closures that nodes become.

Each takes a frame: the roots first, then the cost so far, then one slot for each variable of a
macro.
"""

import operator
from collections.abc import Callable
from typing import Any

from dagnats.expr import values
from dagnats.expr.functions import FUNCTIONS, Function
from dagnats.expr.values import EvaluationError, Present, equal

COST_MAX = 1_000_000
"""Steps an evaluation may take: nodes run, and what functions go through."""

_ROOTS, _COST, FIRST = 0, 1, 2

Frame = list[Any]
Run = Callable[[Frame], Any]


def charge(frame: Frame, cost: int) -> None:
    """Count steps; raises past COST_MAX."""
    frame[_COST] += cost
    if frame[_COST] > COST_MAX:
        raise EvaluationError(f"the expression takes more than {COST_MAX} steps", "cost")


def root(name: str) -> Run:
    """Return a root."""

    def root(frame: Frame) -> Any:
        try:
            return frame[_ROOTS][name]
        except KeyError:
            raise EvaluationError(f"`{name}` does not exist here", "missing") from None

    return root


def root_field(owner: str, name: str) -> Run:
    """Read `owner.name` at once: the commonest of all expressions."""
    whole = root(owner)
    read = values.field

    def select(frame: Frame) -> Any:
        try:
            value = frame[_ROOTS][owner]
            if type(value) is dict:
                return value[name]
        except KeyError:
            pass
        return read(whole(frame), name)

    return select


def variable(slot: int) -> Run:
    """Return the variable of a macro."""
    return lambda frame: frame[slot]


def arity(function: Function, count: int) -> bool:
    """Whether the function can take that many arguments."""
    return function.variadic or any(len(o.params) == count for o in function.overloads)


def unknown(name: str, count: int) -> Run:
    """Fail: an unchecked expression may call anything."""

    def fail(_: Frame) -> Any:
        raise EvaluationError(f"there is no function `{name}` of {count} arguments", "type")

    return fail


def apply(function: Function, args: list[Run]) -> Run:
    """Call a function with its arguments."""
    call = function.call
    if function.traverses:
        return _traversing(call, args)
    match args:
        case [one]:
            return lambda frame: call(one(frame))
        case [one, two]:
            fast = _FAST.get(function.name)
            return fast(one, two) if fast else (lambda frame: call(one(frame), two(frame)))
        case _:
            return lambda frame: call(*[arg(frame) for arg in args])


def _traversing(call: Callable[..., Any], args: list[Run]) -> Run:
    """Charge for the length of what goes in; what comes out is bounded by its own limits."""

    def run(frame: Frame) -> Any:
        given = [arg(frame) for arg in args]
        for value in given:
            kind = type(value)
            if kind is list or kind is dict:
                charge(frame, len(value))
            elif kind is str and len(value) > 100:
                charge(frame, len(value) // 100)
        return call(*given)

    if call is not equal:
        return run
    left, right = args

    def compare(frame: Frame) -> bool:
        one, two = left(frame), right(frame)
        kind = type(one)
        if kind is type(two) and (kind is int or kind is str or kind is bool):
            return bool(one == two)
        if kind is list or kind is dict:
            charge(frame, _weight(one))
        return equal(one, two)

    return compare


def _weight(value: Any) -> int:
    """Return how many values are in a value."""
    total, stack = 0, [value]
    while stack and total <= COST_MAX:
        inner = stack.pop()
        total += 1
        if type(inner) is list:
            stack.extend(inner)
        elif type(inner) is dict:
            stack.extend(inner.values())
    return total


def _ordering(name: str, test: Callable[[Any, Any], Any]) -> Callable[[Run, Run], Run]:
    """Compare two integers or texts without asking further."""
    call = FUNCTIONS[name].call

    def make(left: Run, right: Run) -> Run:
        def compare(frame: Frame) -> Any:
            one, two = left(frame), right(frame)
            kind = type(one)
            if kind is type(two) and (kind is int or kind is str):
                return test(one, two)
            return call(one, two)

        return compare

    return make


_FAST: dict[str, Callable[[Run, Run], Run]] = {
    "_<_": _ordering("_<_", operator.lt),
    "_<=_": _ordering("_<=_", operator.le),
    "_>_": _ordering("_>_", operator.gt),
    "_>=_": _ordering("_>=_", operator.ge),
}


def logical(args: tuple[Run, ...], *, decisive: bool) -> Run:
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
            if type(value) is not bool:
                failure = failure or values.no_overload("||" if decisive else "&&", value)
        if failure is not None:
            raise failure
        return not decisive

    return run


def conditional(condition: Run, one: Run, other: Run) -> Run:
    """`condition ? one : other`."""

    def run(frame: Frame) -> Any:
        chosen = condition(frame)
        if chosen is True:
            return one(frame)
        if chosen is False:
            return other(frame)
        raise values.no_overload("? :", chosen)

    return run


def interpolate(parts: list[Run]) -> Run:
    """Put texts and scalars together."""

    def run(frame: Frame) -> str:
        texts = [values.text(part(frame)) for part in parts]
        values.sized("", sum(map(len, texts)))
        return "".join(texts)

    return run


def default(held: Run, other: Run, call: Callable[..., Any]) -> Run:
    """`orValue` and `or`: the other is worked out only when it is needed."""

    def run(frame: Frame) -> Any:
        value = held(frame)
        if type(value) is Present:
            return call(value, value if call is FUNCTIONS["or"].call else None)
        return call(value, other(frame))

    return run


def elements(macro: str, over: Run, slot: int, cost: int) -> Callable[[Frame], Any]:
    """Return what puts each element in its slot in turn, and charges for the body."""

    def elements(frame: Frame) -> Any:
        container = over(frame)
        if type(container) is not list and type(container) is not dict:
            raise values.no_overload(macro, container)
        for element in container:
            frame[_COST] += cost
            if frame[_COST] > COST_MAX:
                charge(frame, 0)
            frame[slot] = element
            yield element

    return elements


def true(body: Run, frame: Frame) -> bool:
    """Return what a condition says; raises when it is no bool."""
    value = body(frame)
    if type(value) is not bool:
        message = f"a condition gave a {values.name_of(value)}, not a bool"
        raise EvaluationError(message, "type")
    return value


def quantified(elements: Callable[[Frame], Any], body: Run, *, decisive: bool) -> Run:
    """`exists` is `||` over the elements and `all` is `&&`, errors absorbed alike."""

    def run(frame: Frame) -> bool:
        failure: EvaluationError | None = None
        for _ in elements(frame):
            try:
                value = true(body, frame)
            except EvaluationError as error:
                if error.code == "cost":
                    raise
                failure = failure or error
                continue
            if value is decisive:
                return decisive
        if failure is not None:
            raise failure
        return not decisive

    return run
