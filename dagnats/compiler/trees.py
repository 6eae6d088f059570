"""Expressions as a program has them: the same meaning is the same tree.

{b: 1, a: "${{ x }}"}     →  {a: x, b: 1}
"""

from dagnats.expr.ast import Call, Comprehension, Expr, Ident, ListOf, Literal, MapOf, Select


def canonical(expr: Expr) -> Expr:
    """Return the tree with the entries of maps sorted by their keys, where these are constant.

    The order of keys means nothing in JSON, so it must not reach the digest. In the IR a namespace
    stands where a receiver does.
    """
    match expr:
        case Literal() | Ident():
            return expr
        case Select(operand=operand):
            inner = canonical(operand)
            if inner is operand:
                return expr
            return Select(inner, expr.field, expr.optional, expr.test, expr.id)
        case Call(function=name, target=None, args=args) if "." in name.removeprefix("."):
            namespace, _, bare = name.rpartition(".")
            return Call(bare, tuple([canonical(arg) for arg in args]), Ident(namespace), expr.id)
        case Call(target=target, args=args):
            owner = None if target is None else canonical(target)
            return Call(expr.function, tuple([canonical(arg) for arg in args]), owner, expr.id)
        case ListOf(items=items):
            return ListOf(tuple([canonical(item) for item in items]), expr.optional, expr.id)
        case MapOf(entries=entries):
            parts = [(canonical(key), canonical(value)) for key, value in entries]
            return mapping(parts, expr.optional, expr.id)
        case Comprehension(over=over, body=body, guard=guard):
            kept = None if guard is None else canonical(guard)
            return Comprehension(
                expr.macro,
                canonical(over),
                expr.variable,
                canonical(body),
                kept,
                expr.second,
                expr.id,
            )


def mapping(
    entries: list[tuple[Expr, Expr]], optional: tuple[int, ...] = (), id_: int = 0
) -> MapOf:
    """Return a map display of parts that are canonical.

    Where a key is worked out, the order stays: it is that of the evaluation.
    """
    order = _by_key(entries)
    moved = tuple(at for at, n in enumerate(order) if n in optional) if optional else ()
    return MapOf(tuple([entries[n] for n in order]), moved, id_)


def _by_key(entries: list[tuple[Expr, Expr]]) -> list[int]:
    keys = [key.value for key, _ in entries if isinstance(key, Literal)]
    if len(keys) < len(entries) or not all(type(key) is str for key in keys):
        return list(range(len(entries)))
    return sorted(range(len(entries)), key=lambda n: str(keys[n]))
