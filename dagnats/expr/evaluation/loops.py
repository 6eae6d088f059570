"""Writes macros as loops of Python."""

from typing import Any

from dagnats.expr.ast import Comprehension, Expr
from dagnats.expr.costing import costs
from dagnats.expr.evaluation.comprehensions import merge
from dagnats.expr.evaluation.writing import Abandoned, Writing, charging
from dagnats.expr.kinds import NONE, Present
from dagnats.expr.library import lists, values


def write_macro(w: Writing, node: Comprehension) -> str:
    """Write a macro; return the name that holds its value."""
    outer = w.variables
    w.variables = dict(outer)
    if node.macro == "bind":
        result = _bind(w, node)
    elif node.macro in {"optMap", "optFlatMap"}:
        result = _optional(w, node)
    else:
        result = _loop(w, node)
    w.variables = outer
    return result


def _bind(w: Writing, node: Comprehension) -> str:
    w.cost += costs.LOOPS["bind"].start
    w.variables[node.variable] = w.value(node.over)
    return w.value(node.body)


def _optional(w: Writing, node: Comprehension) -> str:
    out, loop = w.out, costs.LOOPS[node.macro]
    held = w.value(node.over)
    w.cost += loop.start + max(loop.taken, loop.left)
    result, variable = out.fresh("t"), out.fresh("v")
    present, none = out.bind(Present), out.bind(NONE)
    with out.block(f"if {w.type}({held}) is {present}:"):
        out.line(f"{variable} = {held}.value")
        w.variables[node.variable] = variable
        value = w.value(node.body)
        if node.macro == "optMap":
            value = f"{present}({value})"
        else:
            w.give_up_unless(f"{w.type}({value}) is {present} or {value} is {none}")
        out.line(f"{result} = {value}")
    with out.block(f"elif {held} is {none}:"):
        out.line(f"{result} = {none}")
    with out.block("else:"):
        w.give_up()
    return result


def _loop(w: Writing, node: Comprehension) -> str:
    out, loop = w.out, costs.LOOPS[node.macro]
    over = w.operand(node.over)
    w.cost += loop.start
    is_list = over.kind == "list"
    items = over.name
    variable, second = out.fresh("v"), None
    if node.second is not None:
        second = out.fresh("v")
        w.variables[node.second] = second
        pairs = f"{out.bind(_pairs)}({items})"
        test = w.is_kind(items, "list")
        head = f"{out.bind(enumerate)}({items})"
        head = head if is_list else f"{head} if {test} else {pairs}"
        head = f"for {variable}, {second} in {head}:"
    else:
        if not is_list:
            keys = f"{out.bind(_keys)}({items})"
            items = out.once(f"{items} if {w.is_kind(items, 'list')} else {keys}", "list")
        head = f"for {variable} in {items}:"
    w.variables[node.variable] = variable
    each = _entry(w, items, over.bound)
    result = out.fresh("t")
    out.line(f"{result} = {_BEGINNINGS.get(node.macro, '[]')}")
    before, w.cost = w.cost, 0
    with out.block(head):
        if node.second is not None and is_list:
            out.learn(variable, "int")
            out.learn_range(variable)
        _pass(w, node, variable, result)
    out.tell(each, w.cost + loop.each + max(loop.taken, loop.left))
    w.cost = before
    return _ending(w, node, items, result)


def _entry(w: Writing, items: str, bound: tuple[int, int] | None) -> str:
    """Write how large the range may be and what all passes may cost; return that of one's name."""
    out = w.out
    each = out.late()
    if bound is None and not w.counts:
        return each
    size = out.once(f"{w.len}({items})", "int")
    if bound is not None:
        w.give_up_unless(f"{size} <= {out.bind(bound[0])}")
    if w.counts:
        w.charges = True
        out.line(f"k[0] += {size} * {each}")
        w.give_up_unless(f"k[0] <= {out.bind(w.rules.limits.cost_max)}")
    return each


_BEGINNINGS = {
    "all": "True", "exists": "False", "exists_one": "0", "transformMap": "{}",
    "transformMapEntry": "{}",
}  # fmt: skip


def _pass(w: Writing, node: Comprehension, variable: str, result: str) -> None:
    """Write the body of the loop."""
    out = w.out
    match node.macro:
        case "all" | "exists":
            decisive = "not " if node.macro == "all" else ""
            with out.block(f"if {decisive}{_condition(w, node.body)}:"):
                out.line(f"{result} = {node.macro == 'exists'}")
                out.line("break")
        case "exists_one":
            with out.block(f"if {_condition(w, node.body)}:"):
                out.line(f"{result} += 1")
        case "filter":
            with out.block(f"if {_condition(w, node.body)}:"):
                out.line(f"{result}.append({variable})")
        case _ if node.guard is not None:
            with out.block(f"if {_condition(w, node.guard)}:"):
                _gather(w, node, variable, result)
        case _:
            _gather(w, node, variable, result)


def _condition(w: Writing, node: Expr) -> str:
    name = w.value(node)
    w.expect(name, "bool")
    return name


def _gather(w: Writing, node: Comprehension, variable: str, result: str) -> None:
    value = w.value(node.body)
    match node.macro:
        case "transformMap":
            key = variable if w.out.kind(variable) == "int" else None
            key = key or f"{w.out.bind(values.to_key)}({variable})"
            w.out.line(f"{result}[{key}] = {value}")
        case "transformMapEntry":
            w.out.line(f"{w.out.bind(merge)}({result}, {value})")
        case _:
            w.out.line(f"{result}.append({value})")


def _ending(w: Writing, node: Comprehension, items: str, result: str) -> str:
    out = w.out
    match node.macro:
        case "exists_one":
            return out.once(f"{result} == 1", "bool")
        case "sortBy" if w.counts:
            most = w.rules.limits.cost_max
            charged = charging(lists.sort_by, None, lambda args: costs.sorting(args[1]), most)
            return out.once(f"{out.bind(charged)}(k, {items}, {result})", "list")
        case "sortBy":
            return out.once(f"{out.bind(lists.sort_by)}({items}, {result})", "list")
        case "all" | "exists":
            out.learn(result, "bool")
        case "transformMap" | "transformMapEntry":
            out.learn(result, "dict")
        case _:
            out.learn(result, "list")
    return result


def _keys(container: Any) -> list[Any]:
    """Return the keys of a map as values."""
    if type(container) is not dict:
        raise Abandoned
    return [values.from_key(key) for key in container]


def _pairs(container: Any) -> list[tuple[Any, Any]]:
    """Return the keys of a map as values, each with what it holds."""
    if type(container) is not dict:
        raise Abandoned
    return [(values.from_key(key), value) for key, value in container.items()]
