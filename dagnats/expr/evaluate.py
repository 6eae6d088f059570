"""Turns a tree into a Python function, once; calling it is all an evaluation costs.

Every node becomes a closure over a frame: the roots first, then the cost so far, then one slot
for each variable of a macro. Nothing here reads a clock, draws lots or waits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from dagnats.expr import values
from dagnats.expr.ast import (
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
    walk,
)
from dagnats.expr.functions import FUNCTIONS, NAMESPACES, Function
from dagnats.expr.values import NONE, EvaluationError, Present, equal

__all__ = ["COST_MAX", "EvaluationError", "prepare"]

COST_MAX = 1_000_000
"""Steps an evaluation may take: nodes run, and what functions go through."""

_ROOTS, _COST, _FIRST = 0, 1, 2

Frame = list[Any]
Run = Callable[[Frame], Any]


def prepare(expr: Expr) -> Callable[[Mapping[str, Any]], Any]:
    """Compile an expression; the result takes the roots' JSON values and returns a JSON value.

    It raises EvaluationError and nothing else. An optional leaves as what it holds, or null.
    """
    compiler = _Compiler(sum(isinstance(n, Comprehension) for n in walk(expr)))
    run = compiler.compile(expr, {})
    blank = [None] * compiler.slots
    leaving = values.leaving if _may_be_optional(expr) else None

    def evaluate(roots: Mapping[str, Any]) -> Any:
        try:
            value = run([roots, 0, *blank])
            return value if leaving is None else leaving(value)
        except RecursionError:
            raise EvaluationError("the value is nested too deep", "size") from None

    return evaluate


def _may_be_optional(expr: Expr) -> bool:
    for node in walk(expr):
        match node:
            case Select(optional=True) | Call(function="_[?_]" | "first" | "last"):
                return True
            case Call(target=Ident(name="optional")):
                return True
            case _:
                pass
    return False


def _charge(frame: Frame, cost: int) -> None:
    frame[_COST] += cost
    if frame[_COST] > COST_MAX:
        raise EvaluationError(f"the expression takes more than {COST_MAX} steps", "cost")


@dataclass(slots=True)
class _Compiler:
    slots: int
    used: int = 0

    def compile(self, expr: Expr, bound: Mapping[str, int]) -> Run:
        match expr:
            case Literal(value=value):
                return lambda _: value
            case Ident(name=name):
                return _variable(bound[name]) if name in bound else _root(name)
            case Select():
                return self._select(expr, bound)
            case Call():
                return self._call(expr, bound)
            case ListOf():
                return self._list(expr, bound)
            case MapOf():
                return self._map(expr, bound)
            case Comprehension():
                return self._comprehension(expr, bound)
            case _:
                assert_never(expr)

    def _select(self, node: Select, bound: Mapping[str, int]) -> Run:
        operand, name = self.compile(node.operand, bound), node.field
        if node.test:
            return lambda frame: values.has_field(operand(frame), name)
        if node.optional:
            return lambda frame: values.optional_field(operand(frame), name)
        read = values.field
        root = node.operand.name if isinstance(node.operand, Ident) else ""
        if root and root not in bound:
            return _root_field(root, name)

        def select(frame: Frame) -> Any:
            value = operand(frame)
            if type(value) is dict and name in value:
                return value[name]
            return read(value, name)

        return select

    def _call(self, node: Call, bound: Mapping[str, int]) -> Run:
        name, target = node.function, node.target
        args = [self.compile(arg, bound) for arg in node.args]
        if name in {"_&&_", "_||_"}:
            return _logical(tuple(args), decisive=name == "_||_")
        if name == "_?_:_":
            return _conditional(*args)
        if name == INTERPOLATE:
            return _interpolate(args)
        if isinstance(target, Ident) and target.name not in bound and target.name in NAMESPACES:
            name = f"{target.name}.{name}"
        elif target is not None:
            args = [self.compile(target, bound), *args]
        if name in {"orValue", "or"} and len(args) == 2:
            return _default(args[0], args[1], FUNCTIONS[name].call)
        function = FUNCTIONS.get(name)
        if function is None or not _arity(function, len(args)):
            return _unknown(name, len(args))
        return _apply(function, args)

    def _list(self, node: ListOf, bound: Mapping[str, int]) -> Run:
        items = [self.compile(item, bound) for item in node.items]
        if not node.optional:
            return lambda frame: [item(frame) for item in items]
        marked = [(item, index in node.optional) for index, item in enumerate(items)]

        def display(frame: Frame) -> list[Any]:
            result: list[Any] = []
            for item, optional in marked:
                value = item(frame)
                if not optional:
                    result.append(value)
                elif type(value) is Present:
                    result.append(value.value)
                elif value is not NONE:
                    raise values.no_overload("[?_]", value)
            return result

        return display

    def _map(self, node: MapOf, bound: Mapping[str, int]) -> Run:
        entries = [
            (self.compile(key, bound), self.compile(value, bound), index in node.optional)
            for index, (key, value) in enumerate(node.entries)
        ]

        def display(frame: Frame) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for key, part, optional in entries:
                name, value = key(frame), part(frame)
                if type(name) is not str:
                    message = f"a key is a string, not a {values.name_of(name)}"
                    raise EvaluationError(message, "type")
                if name in result:
                    raise EvaluationError(f"the key `{name}` stands twice", "argument")
                if not optional:
                    result[name] = value
                elif type(value) is Present:
                    result[name] = value.value
                elif value is not NONE:
                    raise values.no_overload("{?_: _}", value)
            return result

        return display

    def _comprehension(self, node: Comprehension, bound: Mapping[str, int]) -> Run:
        over = self.compile(node.over, bound)
        slot = _FIRST + self.used
        self.used += 1
        inside = {**bound, node.variable: slot}
        body = self.compile(node.body, inside)
        guard = None if node.guard is None else self.compile(node.guard, inside)
        cost = 1 + sum(1 for _ in walk(node.body))
        cost += 0 if node.guard is None else sum(1 for _ in walk(node.guard))
        elements = _elements(node.macro, over, slot, cost)
        match node.macro:
            case "all":
                return _quantified(elements, body, decisive=False)
            case "exists":
                return _quantified(elements, body, decisive=True)
            case "exists_one":
                return lambda frame: sum(_true(body, frame) for _ in elements(frame)) == 1
            case "filter":
                return lambda frame: [item for item in elements(frame) if _true(body, frame)]
            case _ if guard is not None:
                test = guard
                return lambda frame: [body(frame) for _ in elements(frame) if _true(test, frame)]
            case _:
                return lambda frame: [body(frame) for _ in elements(frame)]


def _root(name: str) -> Run:
    def root(frame: Frame) -> Any:
        try:
            return frame[_ROOTS][name]
        except KeyError:
            raise EvaluationError(f"`{name}` does not exist here", "missing") from None

    return root


def _root_field(root: str, name: str) -> Run:
    """Read `root.name` at once: the commonest of all expressions."""
    whole = _root(root)
    read = values.field

    def select(frame: Frame) -> Any:
        try:
            value = frame[_ROOTS][root]
            if type(value) is dict:
                return value[name]
        except KeyError:
            pass
        return read(whole(frame), name)

    return select


def _variable(slot: int) -> Run:
    return lambda frame: frame[slot]


def _arity(function: Function, count: int) -> bool:
    return function.variadic or any(len(o.params) == count for o in function.overloads)


def _unknown(name: str, count: int) -> Run:
    def fail(_: Frame) -> Any:
        raise EvaluationError(f"there is no function `{name}` of {count} arguments", "type")

    return fail


def _apply(function: Function, args: list[Run]) -> Run:
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
                _charge(frame, len(value))
            elif kind is str and len(value) > 100:
                _charge(frame, len(value) // 100)
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
            _charge(frame, _weight(one))
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


def _ordering(name: str, test: Callable[[Any, Any], bool]) -> Callable[[Run, Run], Run]:
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
    "_<_": _ordering("_<_", lambda a, b: bool(a < b)),
    "_<=_": _ordering("_<=_", lambda a, b: bool(a <= b)),
    "_>_": _ordering("_>_", lambda a, b: bool(a > b)),
    "_>=_": _ordering("_>=_", lambda a, b: bool(a >= b)),
}


def _logical(args: tuple[Run, ...], *, decisive: bool) -> Run:
    """`&&` and `||`: one decisive operand decides, whatever fails beside it."""

    def run(frame: Frame) -> bool:
        failure: EvaluationError | None = None
        for arg in args:
            try:
                value = arg(frame)
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


def _conditional(condition: Run, one: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        chosen = condition(frame)
        if chosen is True:
            return one(frame)
        if chosen is False:
            return other(frame)
        raise values.no_overload("? :", chosen)

    return run


def _interpolate(parts: list[Run]) -> Run:
    def run(frame: Frame) -> str:
        texts = [values.text(part(frame)) for part in parts]
        values.sized("", sum(map(len, texts)))
        return "".join(texts)

    return run


def _default(held: Run, other: Run, call: Callable[..., Any]) -> Run:
    """`orValue` and `or`: the other is worked out only when it is needed."""

    def run(frame: Frame) -> Any:
        value = held(frame)
        if type(value) is Present:
            return call(value, value if call is FUNCTIONS["or"].call else None)
        return call(value, other(frame))

    return run


def _elements(macro: str, over: Run, slot: int, cost: int) -> Callable[[Frame], Any]:
    """Return what puts each element in its slot in turn, and charges for the body."""

    def elements(frame: Frame) -> Any:
        container = over(frame)
        if type(container) is not list and type(container) is not dict:
            raise values.no_overload(macro, container)
        for element in container:
            frame[_COST] += cost
            if frame[_COST] > COST_MAX:
                _charge(frame, 0)
            frame[slot] = element
            yield element

    return elements


def _true(body: Run, frame: Frame) -> bool:
    value = body(frame)
    if type(value) is not bool:
        message = f"a condition gave a {values.name_of(value)}, not a bool"
        raise EvaluationError(message, "type")
    return value


def _quantified(elements: Callable[[Frame], Any], body: Run, *, decisive: bool) -> Run:
    """`exists` is `||` over the elements and `all` is `&&`, errors absorbed alike."""

    def run(frame: Frame) -> bool:
        failure: EvaluationError | None = None
        for _ in elements(frame):
            try:
                value = _true(body, frame)
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
