"""Turns a tree into a Python function, once; calling it is all an evaluation costs.

Every node becomes a closure. Nothing here reads a clock, draws lots or waits.
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
from dagnats.expr.closures import (
    COST_MAX,
    FIRST,
    Frame,
    Run,
    apply,
    arity,
    conditional,
    default,
    elements,
    interpolate,
    logical,
    quantified,
    root,
    root_field,
    true,
    unknown,
    variable,
)
from dagnats.expr.functions import FUNCTIONS, NAMESPACES
from dagnats.expr.values import NONE, EvaluationError, Present

__all__ = ["COST_MAX", "EvaluationError", "prepare"]


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


@dataclass(slots=True)
class _Compiler:
    slots: int
    used: int = 0

    def compile(self, expr: Expr, bound: Mapping[str, int]) -> Run:
        match expr:
            case Literal(value=value):
                return lambda _: value
            case Ident(name=name):
                return variable(bound[name]) if name in bound else root(name)
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
            return root_field(root, name)

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
            return logical(tuple(args), decisive=name == "_||_")
        if name == "_?_:_":
            return conditional(*args)
        if name == INTERPOLATE:
            return interpolate(args)
        if isinstance(target, Ident) and target.name not in bound and target.name in NAMESPACES:
            name = f"{target.name}.{name}"
        elif target is not None:
            args = [self.compile(target, bound), *args]
        if name in {"orValue", "or"} and len(args) == 2:
            return default(args[0], args[1], FUNCTIONS[name].call)
        function = FUNCTIONS.get(name)
        if function is None or not arity(function, len(args)):
            return unknown(name, len(args))
        return apply(function, args)

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
        slot = FIRST + self.used
        self.used += 1
        inside = {**bound, node.variable: slot}
        body = self.compile(node.body, inside)
        guard = None if node.guard is None else self.compile(node.guard, inside)
        cost = 1 + sum(1 for _ in walk(node.body))
        cost += 0 if node.guard is None else sum(1 for _ in walk(node.guard))
        each = elements(node.macro, over, slot, cost)
        match node.macro:
            case "all":
                return quantified(each, body, decisive=False)
            case "exists":
                return quantified(each, body, decisive=True)
            case "exists_one":
                return lambda frame: sum(true(body, frame) for _ in each(frame)) == 1
            case "filter":
                return lambda frame: [item for item in each(frame) if true(body, frame)]
            case _ if guard is not None:
                test = guard
                return lambda frame: [body(frame) for _ in each(frame) if true(test, frame)]
            case _:
                return lambda frame: [body(frame) for _ in each(frame)]
