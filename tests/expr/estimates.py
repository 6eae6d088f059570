"""Expressions and their estimates, for the tests of costs."""

from collections.abc import Mapping

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr import types as t
from dagnats.expr.ast import Expr, Ident, walk
from dagnats.expr.costing.estimate import Estimate, estimate
from dagnats.expr.limits import LIMITS, Limits
from dagnats.expr.syntax.parser import Origin, parse_expression

INTS = t.List(t.INT)


def parse(text: str) -> Expr:
    sink = Sink()
    parsed = parse_expression(text, Origin(Position(0, 1, 1), NOWHERE, verbatim=True), sink)
    assert parsed is not None, [diagnostic.message for diagnostic in sink.sorted()]
    return parsed.expr


def typed(expr: Expr, roots: Mapping[str, t.Type]) -> dict[int, t.Type]:
    names = [node for node in walk(expr) if isinstance(node, Ident)]
    return {node.id: roots[node.name] for node in names if node.name in roots}


def estimated(text: str, roots: Mapping[str, t.Type], limits: Limits = LIMITS) -> Estimate:
    expr = parse(text)
    return estimate(expr, typed(expr, roots), limits)


def ints(most: int | None = None) -> t.Type:
    return t.List(t.INT, most)


def chars(most: int | None = None) -> t.Type:
    return t.String(most)
