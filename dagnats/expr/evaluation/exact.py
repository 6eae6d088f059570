"""Turns a tree into closures: the tier that counts, places errors, and defines what is right."""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from msgspec import Struct

from dagnats.expr.ast import (
    COERCE,
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.costing import costs
from dagnats.expr.evaluation import closures
from dagnats.expr.evaluation.charges import Rules, call_cost, check_of, too_much
from dagnats.expr.evaluation.closures import COST, FIRST, Frame, Run
from dagnats.expr.evaluation.comprehensions import Macro, comprehension
from dagnats.expr.library import values
from dagnats.expr.library.values import EvaluationError
from dagnats.expr.names import called, type_named, type_of_path

INTERNAL: Final[Mapping[str, Callable[..., Any]]] = {
    INTERPOLATE: closures.interpolate,
    COERCE: closures.coerce,
}

Exact = Callable[[Mapping[str, Any]], tuple[Any, int]]


def compile_exact(expr: Expr, rules: Rules) -> Exact:
    """Return what evaluates the tree: the value and what it cost, or EvaluationError."""
    try:
        compiler = _Compiler(rules)
        run = compiler.compile(expr, {})
    except RecursionError:
        return _too_deep
    blank = [None] * compiler.used
    most = rules.limits.cost_max

    def evaluate(roots: Mapping[str, Any]) -> tuple[Any, int]:
        frame: Frame = [roots, 0, *blank]
        try:
            value = run(frame)
        except EvaluationError:
            if frame[COST] > most:
                raise closures.at(too_much(rules.limits), expr.id) from None
            raise
        except RecursionError:
            raise EvaluationError("the value is nested too deep", "size") from None
        if frame[COST] > most:
            raise closures.at(too_much(rules.limits), expr.id)
        return value, frame[COST]

    return evaluate


def _too_deep(_: Mapping[str, Any]) -> tuple[Any, int]:
    raise EvaluationError("the expression is nested too deep", "size")


class _Compiler(Struct):
    """Compiles nodes; `bound` is what reads each variable that a macro binds."""

    rules: Rules
    used: int = 0

    def compile(self, expr: Expr, bound: Mapping[str, Run]) -> Run:
        match expr:
            case Literal(value=value):
                return closures.constant(value)
            case Ident(name=name):
                return self._ident(name, expr.id, bound)
            case Select():
                return self._select(expr, bound)
            case Call():
                return self._call(expr, bound)
            case ListOf(items=items):
                parts = [self.compile(item, bound) for item in items]
                return closures.list_display(parts, expr.optional, expr.id)
            case MapOf():
                return self._map(expr, bound)
            case Comprehension():
                return self._comprehension(expr, bound)
            case _:
                assert_never(expr)

    def _ident(self, name: str, node: int, bound: Mapping[str, Run]) -> Run:
        if name in bound:
            return bound[name]
        name = name.removeprefix(".")
        type_ = type_named(name)
        run = closures.root(name, node)
        return run if type_ is None else closures.path_or(run, name, type_)

    def _select(self, node: Select, bound: Mapping[str, Run]) -> Run:
        operand = self.compile(node.operand, bound)
        where = node.id, costs.access(node)
        if node.test or node.optional:
            read = values.has_field if node.test else values.optional_field
            return closures.access(read, operand, node.field, where)
        run = closures.field(operand, node.field, where)
        type_ = type_of_path(node, bound)
        return run if type_ is None else closures.path_or(run, *type_)

    def _call(self, node: Call, bound: Mapping[str, Run]) -> Run:
        call = called(node, bound, self.rules.functions)
        args = [self.compile(arg, bound) for arg in call.args]
        if call.name in {"_&&_", "_||_"}:
            return closures.logical(tuple(args), decisive=call.name == "_||_", node=node.id)
        if call.name == "_?_:_":
            return closures.conditional(args[0], args[1], args[2], node.id)
        implementation = INTERNAL.get(call.name)
        if implementation is None:
            if call.function is None:
                return closures.unknown(call.name, len(args), node.id)
            implementation = call.function.call
        if call.name in {"orValue", "or"}:
            return closures.default(args[0], args[1], node.id, keep=call.name == "or")
        cost = call_cost(call.name, node)
        if cost is not None:
            return closures.apply(implementation, args, (node.id, cost))
        check = check_of(call, self.rules)
        return closures.measured(implementation, args, check, (node.id, call.name, self.rules))

    def _map(self, node: MapOf, bound: Mapping[str, Run]) -> Run:
        entries = [
            (self.compile(key, bound), self.compile(value, bound), index in node.optional)
            for index, (key, value) in enumerate(node.entries)
        ]
        return closures.map_display(entries, node.id)

    def _comprehension(self, node: Comprehension, bound: Mapping[str, Run]) -> Run:
        over = self.compile(node.over, bound)
        slot = self._slot()
        read = closures.lazy(slot, over) if node.macro == "bind" else closures.variable(slot)
        inside = {**bound, node.variable: read}
        second = None
        if node.second is not None:
            second = self._slot()
            inside[node.second] = closures.variable(second)
        return comprehension(
            Macro(
                name=node.macro,
                node=node.id,
                over=over,
                slot=slot,
                second=second,
                guard=None if node.guard is None else self.compile(node.guard, inside),
                body=self.compile(node.body, inside),
                bound=self.rules.bound(node.over),
                rules=self.rules,
            )
        )

    def _slot(self) -> int:
        self.used += 1
        return FIRST + self.used - 1
