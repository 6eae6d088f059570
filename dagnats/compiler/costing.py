"""What an evaluation of an expression costs at the most, and who should know.

    when: input.items.all(x, input.items.exists(y, y.id == x.id))   →  DN6003, unless `maxItems`

An evaluation that costs too much fails while it runs, so no estimate has to refuse anything but
what fails whatever the data. What a schema declares is taken as meant: data as large as that are
to be expected. Where nothing is declared only loops inside loops are worth a word; others become
too expensive with data that few workflows see.
"""

from collections.abc import Iterator

from dagnats.compiler.remembered import once
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink
from dagnats.expr.ast import Call, Comprehension, Expr, Ident, Literal, Select, children
from dagnats.expr.checking.check import Checked
from dagnats.expr.costing.estimate import Estimate, estimate
from dagnats.expr.limits import LIMITS, Limits
from dagnats.expr.types import Poison
from dagnats.lang.tree import Embedded

COST_MAX = LIMITS.cost_max

_ONCE = frozenset({"bind", "optMap", "optFlatMap"})


def cost(embedded: Embedded | None, checked: Checked | None, limits: Limits, sink: Sink) -> int:
    """Return what an evaluation costs at the most; reports DN6002 and DN6003.

    `limits` are those that the engine evaluates with.
    """
    if embedded is None or checked is None:
        return 0
    if isinstance(checked.expr, Literal):
        return 0
    found = once(_estimated, checked, limits)
    if found.cost.max <= COST_MAX:
        return found.cost.max
    if not any(isinstance(type_, Poison) for type_ in checked.types.values()):
        _judge(embedded, checked.expr, found, sink)
    return COST_MAX


def _estimated(checked: Checked, limits: Limits) -> Estimate:
    return estimate(checked.expr, checked.types, limits)


def _judge(embedded: Embedded, expr: Expr, found: Estimate, sink: Sink) -> None:
    span = embedded.spans.get(found.dominant, embedded.span)
    if found.cost.min > COST_MAX:
        message = (
            f"the expression costs {found.cost.min:,} at least, more than {COST_MAX:,} "
            "(limit COST_MAX)"
        )
        help_ = "an evaluation of it always fails: go through less"
        sink.add(Diagnostic("DN6002", message, span, help=help_))
        return
    ranges = [node.over for node in _nested(expr)]
    missing = [node for node in ranges if node.id in found.undeclared]
    if found.undeclared and not missing:
        return
    message = f"the expression may cost {found.cost.max:,}, more than {COST_MAX:,}, and then fails"
    help_ = "declare less in the schemas, or go through less"
    if missing:
        span = embedded.spans.get(missing[0].id, span)
        named = " and ".join(dict.fromkeys(f"`{_path(node)}`" for node in missing))
        help_ = f"declare how long {named} may be: `maxItems` in the schema"
    sink.add(Diagnostic("DN6003", message, span, Severity.WARNING, help=help_))


def _nested(expr: Expr) -> Iterator[Comprehension]:
    """Yield the loops that stand in a loop or have one inside."""
    stack: list[tuple[Expr, Comprehension | None]] = [(expr, None)]
    while stack:
        node, around = stack.pop()
        inside = around
        if isinstance(node, Comprehension) and node.macro not in _ONCE:
            if around is not None:
                yield around
                yield node
            inside = node
        over = node.over if isinstance(node, Comprehension) else None
        stack.extend((part, around if part is over else inside) for part in children(node))


def _path(node: Expr) -> str:
    """Return a value as an author would call it."""
    match node:
        case Ident(name=name):
            return name
        case Select(operand=operand, field=field):
            return f"{_path(operand)}.{field}"
        case Call(function=function):
            return f"{function.removeprefix('@')}(…)" if function.isidentifier() else "…"
        case _:
            return "…"
