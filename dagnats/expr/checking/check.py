"""Judges an expression against the types in scope, and finds which steps it refers to."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Sink, Span
from dagnats.expr.ast import (
    COERCE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
    children,
)
from dagnats.expr.checking.calls import call
from dagnats.expr.checking.checker import NOTHING_KNOWN, STEPS, VISITS, Checker
from dagnats.expr.checking.gathering import comprehension
from dagnats.expr.checking.report import Reporter
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.signatures import Function
from dagnats.expr.types import Type

VISITS[Call] = call
VISITS[Comprehension] = comprehension

__all__ = ["STEPS", "Checked", "check", "check_condition", "references"]


class Checked(Struct, frozen=True):
    """An expression with its type, the type of each node by its id, and the tree to evaluate.

    In that tree functions have their full names, and what is declared a double and may be an
    integer in JSON stands inside `COERCE`, which has the id of what it is around.
    """

    type: Type
    types: Mapping[int, Type]
    expr: Expr


def check(  # noqa: PLR0913 (what exists, where, and under which rules)
    expr: Expr,
    spans: Mapping[int, Span],
    scope: Mapping[str, Type],
    sink: Sink,
    *,
    where: str,
    functions: Mapping[str, Function] = FUNCTIONS,
    strict: bool = False,
) -> Checked:
    """Type an expression; a part that has no type is reported once and is `Poison`.

    `scope` maps the roots that exist here to their types, and `where` says where that is, as
    ``in `when` ``. With `strict` nothing is taken that plain CEL does not take. Codes: DN4002
    unknown root or step by computed name, DN4003 unknown function, DN4004 a function or operator
    that takes no such types, DN4006 an optional field that is read as if it were always there,
    DN4012 a constant that its function refuses, DN5002 a field that cannot be there; and as
    warnings and notes DN4007 to DN4011.
    """
    checker = Checker(spans, Reporter(spans, sink, where), scope, functions, strict=strict)
    type_ = checker.visit(expr, scope, NOTHING_KNOWN)
    return Checked(type_, checker.types, _rebuilt(checker, expr))


def check_condition(
    expr: Expr, spans: Mapping[int, Span], scope: Mapping[str, Type], sink: Sink, *, key: str
) -> Checked:
    """Judge the condition that stands at `key`: as `check`, and DN4004 when it cannot be a bool."""
    report = Reporter(spans, sink, f"in `{key}`")
    checker = Checker(spans, report, scope, FUNCTIONS, strict=False)
    type_ = checker.condition(expr, scope, NOTHING_KNOWN, key)
    checker.conclude(expr)
    return Checked(type_, checker.types, _rebuilt(checker, expr))


def _rebuilt(checker: Checker, expr: Expr) -> Expr:
    return _tree(checker, expr) if checker.coerced or checker.renamed else expr


def _tree(c: Checker, node: Expr) -> Expr:
    """Return the node as it is to be evaluated."""
    made = _node(c, c.renamed.get(node.id, node) if c.renamed else node)
    return Call(COERCE, (made,), None, node.id) if node.id in c.coerced else made


def _node(c: Checker, node: Expr) -> Expr:
    match node:
        case Literal() | Ident():
            return node
        case Select():
            operand = _tree(c, node.operand)
            if operand is node.operand:
                return node
            return Select(operand, node.field, node.optional, node.test, node.id)
        case Call():
            args = tuple([_tree(c, arg) for arg in node.args])
            target = None if node.target is None else _tree(c, node.target)
            return Call(node.function, args, target, node.id)
        case ListOf():
            return ListOf(tuple([_tree(c, item) for item in node.items]), node.optional, node.id)
        case MapOf():
            entries = tuple([(_tree(c, key), _tree(c, value)) for key, value in node.entries])
            return MapOf(entries, node.optional, node.id)
        case Comprehension():
            guard = None if node.guard is None else _tree(c, node.guard)
            over, body = _tree(c, node.over), _tree(c, node.body)
            return Comprehension(node.macro, over, node.variable, body, guard, node.second, node.id)


def references(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Yield every step that is referred to by its id, with the node that does, in written order.

    `steps.a`, `steps.?a`, `steps["a"]` and `steps[?"a"]` are references; a variable of a macro
    that is called `steps` hides them.
    """
    stack: list[tuple[Expr, bool]] = [(expr, False)]
    while stack:
        node, hidden = stack.pop()
        kind = type(node)
        if kind is Literal or kind is Ident:
            continue
        if not hidden and (kind is Select or kind is Call) and (step := _step(node)) is not None:
            yield step, node
            if kind is Select:
                continue
        if isinstance(node, Comprehension):
            inside = hidden or STEPS in {node.variable, node.second}
            stack.append((node.body, inside))
            if node.guard is not None:
                stack.append((node.guard, inside))
            stack.append((node.over, hidden))
        else:
            stack.extend((child, hidden) for child in reversed(children(node)))


def _step(node: Expr) -> str | None:
    match node:
        case Select(operand=Ident(name="steps"), field=name):
            return name
        case Call(
            function="_[_]" | "_[?_]", args=(Ident(name="steps"), Literal(value=str() as name))
        ):
            return name
        case _:
            return None
