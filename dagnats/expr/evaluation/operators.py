"""Writes operators as Python's where both mean the same, and as calls where they may not.

Python takes True for 1, mixes what CEL does not, knows no 64 bits, rounds quotients down and
counts indexes from the end; so each operator is written for the kinds for which that makes no
difference, and everything else goes to the function that the exact tier uses.
"""

from collections.abc import Callable
from typing import Any, Final

from dagnats.expr.ast import Literal
from dagnats.expr.costing import costs
from dagnats.expr.costing.actual import size_of
from dagnats.expr.evaluation.writing import KIND_OF, Application, Operand, Writing
from dagnats.expr.library.values import INT_MAX, INT_MIN, STRING_CHARS_MAX

Write = Callable[[Writing, list[Operand], Application], str]

CHARS_FREE: Final = 100
"""Texts up to this are not charged by their length but as if they had it."""

_EXACT: Final = 2**53
_NUMERIC: Final = frozenset({"int", "float"})
_LIGHT: Final = (
    "contains", "startsWith", "endsWith", "matches", "lowerAscii", "upperAscii", "trim",
)  # fmt: skip


def _chars(w: Writing, operands: list[Operand]) -> int:
    """Return how long texts may be to be neither charged by length nor too large."""
    bounds = [operand.bound[1] for operand in operands if operand.bound is not None]
    return min([*bounds, CHARS_FREE if w.counts else STRING_CHARS_MAX])


def _comparison(symbol: str) -> Write:
    def write(w: Writing, operands: list[Operand], call: Application) -> str:
        left, right = operands
        text = f"{left.name} {symbol} {right.name}"
        for one, other in ((right, left), (left, right)):
            if isinstance(one.node, Literal) and call.check is None:
                return _beside_literal(w, symbol, operands, other, one.node.value, call)
        if left.kind is None or right.kind is None:
            return _unknown(w, text, operands, call)
        if left.kind == right.kind and left.kind in _NUMERIC:
            call.spend(1)
            return w.out.once(text, "bool")
        if left.kind == right.kind == "str":
            return _texts(w, text, operands, call, "")
        return w.out.once(call.full(left.name, right.name), "bool")

    return write


def _beside_literal(  # noqa: PLR0913, PLR0917 (the parts of a comparison)
    w: Writing, symbol: str, operands: list[Operand], other: Operand, value: Any, call: Application
) -> str:
    """Write a comparison with a constant, whose size bounds the cost."""
    left, right = operands
    text, slow = f"{left.name} {symbol} {right.name}", f"{call.raw}({left.name}, {right.name})"
    call.spend(max(costs.tenth(size_of(value)), 1))
    equality = symbol in {"==", "!="}
    if equality and value is None:
        is_null = "is" if symbol == "==" else "is not"
        return w.out.once(f"{left.name} {is_null} {right.name}", "bool")
    kind = KIND_OF.get(type(value))
    if kind not in {"int", "float", "str", "bool"} or other.kind not in {None, kind}:
        return w.out.once(slow, "bool")
    if other.kind == kind:
        return w.out.once(text, "bool")
    test = w.is_kind(other.name, kind)
    if not equality and kind in _NUMERIC and abs(value) < _EXACT:
        # Far from where 64 bits end, integers and doubles compare in Python as in CEL.
        test = f"{w.is_kind(other.name, 'int')} or {w.is_kind(other.name, 'float')}"
    return w.out.once(f"{text} if {test} else {slow}", "bool")


def _texts(
    w: Writing, text: str, operands: list[Operand], call: Application, condition: str
) -> str:
    """Write a comparison of texts that need not be charged by length."""
    left, right = operands
    most = _chars(w, operands)
    call.spend(max(costs.tenth(most), 1) if w.counts else 1)
    short = f"{w.len}({left.name}) <= {w.out.bind(most)}"
    slow = call.full(left.name, right.name)
    return w.out.once(f"{text} if {condition}{short} else {slow}", "bool")


def _unknown(w: Writing, text: str, operands: list[Operand], call: Application) -> str:
    """Write a comparison of which a kind is not known."""
    left, right = operands
    known = left.kind or right.kind
    if known is not None:
        other = right if right.kind is None else left
        if known == "str":
            return _texts(w, text, operands, call, f"{w.is_kind(other.name, known)} and ")
        slow = call.full(left.name, right.name)
        if known not in _NUMERIC:
            return w.out.once(slow, "bool")
        call.spend(1)
        return w.out.once(f"{text} if {w.is_kind(other.name, known)} else {slow}", "bool")
    most = _chars(w, operands)
    call.spend(max(costs.tenth(most), 1) if w.counts else 1)
    kind = w.out.once(f"{w.type}({left.name})")
    short = f"{kind} is {w.python['str']} and {w.len}({left.name}) <= {w.out.bind(most)}"
    simple = f"({kind} is {w.python['int']} or {kind} is {w.python['float']} or {short})"
    slow = call.full(left.name, right.name)
    same = f"{kind} is {w.type}({right.name})"
    return w.out.once(f"{text} if {same} and {simple} else {slow}", "bool")


def _in_range(w: Writing, name: str) -> None:
    """Write a guard that an integer is of 64 bits, unless that is known."""
    if not w.out.in_range(name):
        w.give_up_unless(f"{w.out.bind(INT_MIN)} <= {name} <= {w.out.bind(INT_MAX)}")
        w.out.learn_range(name)


def _arithmetic(symbol: str) -> Write:
    def write(w: Writing, operands: list[Operand], call: Application) -> str:
        left, right = operands
        kinds = [left.kind, right.kind]
        text = f"{left.name} {symbol} {right.name}"
        if symbol == "+" and "str" in kinds:
            return _concatenation(w, operands, call)
        call.spend(1)
        if kinds == ["int", "int"]:
            return _integers(w, text, operands)
        if set(kinds) <= _NUMERIC:
            for operand in operands:
                if operand.kind == "int":
                    _in_range(w, operand.name)
            return w.out.once(text, "float")
        slow = call.full(left.name, right.name)
        if not set(kinds) <= {"int", "float", None}:
            return w.out.once(slow)
        if "float" in kinds:
            other = right if right.kind is None else left
            return w.out.once(f"{text} if {w.is_kind(other.name, 'float')} else {slow}")
        result = w.out.fresh("t")
        test = " and ".join(w.is_kind(o.name, "int") for o in operands if o.kind is None)
        with w.out.block(f"if {test}:"):
            w.out.line(f"{result} = {_integers(w, text, operands)}")
        with w.out.block("else:"):
            w.out.line(f"{result} = {slow}")
        return result

    return write


def _integers(w: Writing, text: str, operands: list[Operand]) -> str:
    for operand in operands:
        _in_range(w, operand.name)
    result = w.out.once(text, "int")
    _in_range(w, result)
    return result


def _concatenation(w: Writing, operands: list[Operand], call: Application) -> str:
    left, right = operands
    for operand in operands:
        w.expect(operand.name, "str")
    most = _chars(w, operands)
    call.spend(costs.tenth(most) if w.counts else 1)
    short = f"{w.len}({left.name}) + {w.len}({right.name}) <= {w.out.bind(most)}"
    slow = call.full(left.name, right.name)
    return w.out.once(f"{left.name} + {right.name} if {short} else {slow}", "str")


def _division(symbol: str) -> Write:
    def write(w: Writing, operands: list[Operand], call: Application) -> str:
        left, right = operands
        slow = call.full(left.name, right.name)
        kinds = [left.kind, right.kind]
        if kinds == ["float", "float"] and symbol == "//":
            return w.out.once(f"{left.name} / {right.name}", "float")
        if kinds != ["int", "int"]:
            return w.out.once(slow)
        most = w.out.bind(INT_MAX)
        usual = f"0 <= {left.name} <= {most} and 0 < {right.name} <= {most}"
        result = w.out.once(f"{left.name} {symbol} {right.name} if {usual} else {slow}", "int")
        w.out.learn_range(result)
        return result

    return write


def _negation(w: Writing, operands: list[Operand], call: Application) -> str:
    (operand,) = operands
    if operand.kind == "float":
        return w.out.once(f"-{operand.name}", "float")
    if operand.kind != "int":
        return w.out.once(call.full(operand.name))
    _in_range(w, operand.name)
    result = w.out.once(f"-{operand.name}", "int")
    _in_range(w, result)
    return result


def _inversion(w: Writing, operands: list[Operand], _: Application) -> str:
    (operand,) = operands
    w.expect(operand.name, "bool")
    return w.out.once(f"not {operand.name}", "bool")


def _index(w: Writing, operands: list[Operand], call: Application) -> str:
    whole, key = operands
    text, slow = f"{whole.name}[{key.name}]", call.full(whole.name, key.name)
    tests = []
    for kind, key_kind in (("list", "int"), ("dict", "str")):
        if whole.kind not in {None, kind} or key.kind not in {None, key_kind}:
            continue
        parts = []
        if whole.kind is None:
            parts.append(w.is_kind(whole.name, kind))
        if key.kind is None:
            parts.append(w.is_kind(key.name, key_kind))
        if kind == "list":
            parts.append(f"{key.name} >= 0")
        tests.append(" and ".join(parts))
    if not tests:
        return w.out.once(slow)
    if "" in tests:
        return w.out.once(text)
    return w.out.once(f"{text} if {' or '.join(tests)} else {slow}")


def _size(w: Writing, operands: list[Operand], call: Application) -> str:
    (operand,) = operands
    text = f"{w.len}({operand.name})"
    if operand.kind in {"list", "dict", "str", "bytes"}:
        return w.out.once(text, "int")
    if operand.kind is not None:
        return w.out.once(call.full(operand.name), "int")
    kinds = " or ".join(w.is_kind(operand.name, kind) for kind in ("list", "str", "dict"))
    return w.out.once(f"{text} if {kinds} else {call.full(operand.name)}", "int")


def _membership(w: Writing, operands: list[Operand], call: Application) -> str:
    item, container = operands
    slow = call.full(item.name, container.name)
    call.spend(1)
    if container.kind not in {None, "dict"} or item.kind not in {None, "str"}:
        return w.out.once(slow, "bool")
    tests = " and ".join(
        w.is_kind(operand.name, kind)
        for operand, kind in ((container, "dict"), (item, "str"))
        if operand.kind is None
    )
    text = f"{item.name} in {container.name}"
    return w.out.once(f"{text} if {tests} else {slow}" if tests else text, "bool")


def _light(name: str) -> Write:
    """Write a function of a text and constants, for a text that need not be charged by length."""

    def write(w: Writing, operands: list[Operand], call: Application) -> str:
        names = [operand.name for operand in operands]
        text, *others = operands
        slow = call.full(*names)
        kind = "str" if name in {"lowerAscii", "upperAscii", "trim"} else "bool"
        if not all(other.literal for other in others) or text.kind not in {None, "str"}:
            return w.out.once(slow, kind)
        most = _chars(w, operands)
        assert call.measure is not None
        constants = [other.node.value for other in others if isinstance(other.node, Literal)]
        call.spend(call.measure(("x" * min(most, CHARS_FREE), *constants)))
        usual = f"{w.len}({text.name}) <= {w.out.bind(most)}"
        if text.kind is None:
            usual = f"{w.is_kind(text.name, 'str')} and {usual}"
        return w.out.once(f"{call.raw}({', '.join(names)}) if {usual} else {slow}", kind)

    return write


OPERATORS: Final[dict[str, Write]] = {
    **{f"_{symbol}_": _comparison(symbol) for symbol in ("==", "!=", "<", "<=", ">", ">=")},
    **{f"_{symbol}_": _arithmetic(symbol) for symbol in ("+", "-", "*")},
    "_/_": _division("//"),
    "_%_": _division("%"),
    "-_": _negation,
    "!_": _inversion,
    "_[_]": _index,
    "@in": _membership,
    "size": _size,
    **{name: _light(name) for name in _LIGHT},
}
"""How the builtins are written that are more than a call; the rest are calls."""
