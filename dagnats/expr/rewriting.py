"""Trees with some of their nodes replaced."""

from collections.abc import Callable

from msgspec.structs import replace

from dagnats.expr.ast import Call, Comprehension, Expr, Ident, ListOf, Literal, MapOf, Select


def rewritten(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the tree with every node as `change` gives it, the parts before the whole."""

    def walk(node: Expr) -> Expr:
        return rewritten(node, change)

    match expr:
        case Literal() | Ident():
            return change(expr)
        case Select(operand=operand):
            return change(replace(expr, operand=walk(operand)))
        case Call(args=args, target=target):
            owner = None if target is None else walk(target)
            return change(replace(expr, args=tuple(map(walk, args)), target=owner))
        case ListOf(items=items):
            return change(replace(expr, items=tuple(map(walk, items))))
        case MapOf(entries=entries):
            pairs = tuple((walk(key), walk(value)) for key, value in entries)
            return change(replace(expr, entries=pairs))
        case Comprehension(over=over, guard=guard, body=body):
            kept = None if guard is None else walk(guard)
            return change(replace(expr, over=walk(over), guard=kept, body=walk(body)))
