"""Types of macros: what their variables are, and what they make of the body."""

from collections.abc import Callable

from dagnats.expr.ast import Comprehension, Expr, Ident, children
from dagnats.expr.checking.advice import named
from dagnats.expr.checking.checker import Checker, Names
from dagnats.expr.checking.narrow import Facts
from dagnats.expr.types import (
    BOOL,
    DYN,
    FREE,
    INT,
    NULL,
    STRING,
    Bool,
    Bytes,
    Double,
    Duration,
    Dyn,
    Enum,
    Int,
    List,
    Map,
    Object,
    Optional,
    Param,
    Poison,
    String,
    Timestamp,
    Type,
    Uint,
    Union,
    union,
    widened,
)

_ORDERED = (Bool, Bytes, Double, Duration, Enum, Int, String, Timestamp, Uint)
_TESTS = frozenset({"all", "exists", "exists_one"})


def comprehension(c: Checker, node: Comprehension, names: Names, facts: Facts) -> Type:
    """Return the type of a macro."""
    over = c.visit(node.over, names, facts)
    bound = _bound(c, node, over)
    for name in bound:
        if name in names and name[0] not in "@_":
            place = Ident(name, -node.id if -node.id in c.spans else node.id)
            c.report.hidden(place, name)
    inside = {**names, **bound}
    known = facts
    if facts:
        known = {path: type_ for path, type_ in facts.items() if path[0] not in bound}
    if node.guard is not None:
        c.condition(node.guard, inside, known, node.macro)
        c.conclude(node.guard)
        known = c.after(node.guard, known, True)
    if node.macro in _TESTS or node.macro == "filter":
        c.condition(node.body, inside, known, node.macro)
        c.conclude(node.body)
        return BOOL if node.macro in _TESTS else _filtered(over, bound[node.variable])
    body = c.visit(node.body, inside, known)
    if c.truths:
        c.truths.pop(node.body.id, None)
    return _RESULTS[node.macro](c, node, over, body)


def _bound(c: Checker, node: Comprehension, over: Type) -> dict[str, Type]:
    """Return the types of the variables."""
    match node.macro:
        case "bind":
            if node.variable[0] not in "@_" and not _reads(node.body, node.variable):
                place = Ident(node.variable, -node.id if -node.id in c.spans else node.id)
                c.report.unused(place, node.variable)
            return {node.variable: over}
        case "optMap" | "optFlatMap":
            return {node.variable: _held(c, node, over)}
        case _:
            key, value = _parts(c, node, over)
            if node.second is not None:
                return {node.variable: key, node.second: value}
            return {node.variable: value if _is_list(over) else key}


def _is_list(over: Type) -> bool:
    if isinstance(over, Union):
        return any(map(_is_list, over.members))
    return isinstance(over, List)


def _held(c: Checker, node: Comprehension, over: Type) -> Type:
    match over:
        case Optional(of=of):
            return DYN if of is FREE else of
        case Dyn() | Poison() | Param():
            return DYN if over is FREE else over
        case _:
            message = f"`{node.macro}` wants an optional, not {named(over)}"
            return c.report.add("DN4004", node.over, message, "make one, as `optional.of(value)`")


def _parts(c: Checker, node: Comprehension, over: Type) -> tuple[Type, Type]:
    """Return the types of index and element, or of key and value."""
    match over:
        case List(elem=elem):
            return INT, elem
        case Map(value=value, key=key):
            return key, value
        case Object():
            parts = [part for part, _ in over.fields.values()]
            return STRING, union(parts) if over.closed else DYN
        case Dyn() | Poison() | Param():
            type_ = DYN if over is FREE else over
            return type_, type_
        case Union(members=members):
            if NULL in members:
                poison = c.report.may_be_null(node.over, f"`{node.macro}` goes over a list or map")
                return poison, poison
            pairs = [_parts(c, node, m) for m in members if isinstance(m, List | Map | Object)]
            if pairs and not _is_list(over):
                return union([key for key, _ in pairs]), union([value for _, value in pairs])
            if pairs:
                # The variable is an element of a list, and a key of a map.
                gone = [m for m in members if isinstance(m, List | Map | Object)]
                elements = [
                    value if isinstance(m, List) else key
                    for m, (key, value) in zip(gone, pairs, strict=True)
                ]
                return union([key for key, _ in pairs]), union(elements)
        case _:
            pass
    message = f"`{node.macro}` goes over a list or a map, not over {named(over)}"
    poison = c.report.add("DN4004", node.over, message)
    return poison, poison


def _filtered(over: Type, element: Type) -> Type:
    most = over.items_max if isinstance(over, List) else None
    return List(element, most)


def _mapped(_c: Checker, _node: Comprehension, over: Type, body: Type) -> Type:
    return List(widened(body), over.items_max if isinstance(over, List) else None)


def _sorted(c: Checker, node: Comprehension, over: Type, body: Type) -> Type:
    wide = body.members if isinstance(body, Union) else (body,)
    if not any(isinstance(m, (*_ORDERED, Dyn, Poison, Param)) for m in wide):
        message = f"`sortBy` cannot order by {named(body)}"
        return c.report.add("DN4004", node.body, message, "sort by a number, a text or a time")
    return over if isinstance(over, List) else DYN


def _map(_c: Checker, _node: Comprehension, over: Type, body: Type) -> Type:
    match over:
        case Map(key=key):
            return Map(widened(body), key, over.entries_max)
        case Object():
            return Map(widened(body), STRING)
        case List():
            return Map(widened(body), INT, over.items_max)
        case _:
            return Map(widened(body), DYN)


def _entry(c: Checker, node: Comprehension, _over: Type, body: Type) -> Type:
    match body:
        case Map(value=value, key=key):
            return Map(value, key)
        case Object():
            parts = [widened(part) for part, _ in body.fields.values()]
            return Map(union(parts) if parts else FREE, STRING)
        case Dyn() | Poison() | Param():
            return Map(DYN, DYN)
        case _:
            message = f"`{node.macro}` makes entries of maps, not of {named(body)}"
            return c.report.add("DN4004", node.body, message, "write an entry as `{key: value}`")


def _bind(_c: Checker, _node: Comprehension, _over: Type, body: Type) -> Type:
    return body


def _opt_map(_c: Checker, _node: Comprehension, _over: Type, body: Type) -> Type:
    return body if isinstance(body, Poison) else Optional(body)


def _opt_flat_map(c: Checker, node: Comprehension, _over: Type, body: Type) -> Type:
    if isinstance(body, Optional | Poison):
        return body
    if isinstance(body, Dyn | Param):
        return Optional(DYN)
    message = f"`optFlatMap` makes an optional, not {named(body)}"
    return c.report.add("DN4004", node.body, message, "use `optMap`")


_RESULTS: dict[str, Callable[[Checker, Comprehension, Type, Type], Type]] = {
    "bind": _bind,
    "map": _mapped,
    "optFlatMap": _opt_flat_map,
    "optMap": _opt_map,
    "sortBy": _sorted,
    "transformList": _mapped,
    "transformMap": _map,
    "transformMapEntry": _entry,
}


def _reads(node: Expr, name: str) -> bool:
    """Whether a variable is read, and not another of its name."""
    if isinstance(node, Ident):
        return node.name == name
    if isinstance(node, Comprehension) and name in {node.variable, node.second}:
        return _reads(node.over, name)
    return any(_reads(part, name) for part in children(node))
