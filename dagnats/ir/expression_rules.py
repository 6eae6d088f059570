"""What must hold of an expression: what it names exists where it stands, and can be called."""

from collections.abc import Callable, Iterator
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
    children,
)
from dagnats.expr.functions import FUNCTIONS, NAMESPACES
from dagnats.expr.kinds import UINT_MAX, Uint
from dagnats.expr.names import dotted
from dagnats.expr.type_text import VALUES
from dagnats.ir.expressions import EXPRESSION_LEVELS_MAX
from dagnats.ir.macros import GUARDED, MACROS, VARIABLE
from dagnats.ir.rules import is_text, not_json, shown

_OPERANDS: Final = {
    "_&&_": (2, None),
    "_||_": (2, None),
    "_?_:_": (3, 3),
    INTERPOLATE: (1, None),
    COERCE: (1, 1),
}
"""What the evaluator knows by itself: fewest and most operands."""


_TYPE_ENDS: Final = frozenset(name.rpartition(".")[2] for name in VALUES if "." in name)


class Place(Struct, frozen=True):
    """What exists where an expression stands.

    `sees` says what is wrong with reading a step by its id. `fields` are those of roots whose
    fields are declared: `vars`, `secrets`.
    """

    roots: frozenset[str]
    sees: Callable[[str], str | None]
    fields: dict[str, frozenset[str]]


class _Scope(Struct, frozen=True):
    """What names mean at one place of an expression: `variables` hide roots."""

    roots: frozenset[str]
    variables: frozenset[str] = frozenset()

    def bind(self, names: list[str]) -> "_Scope":
        return _Scope(self.roots, self.variables.union(names))

    def root(self, name: str) -> str | None:
        """Return which root a name means, if it means one; one with a dot in front always does."""
        bare = name.removeprefix(".")
        return bare if bare in self.roots and name not in self.variables else None

    def exists(self, name: str) -> bool:
        bare = name.removeprefix(".")
        return name in self.variables or bare in self.roots or bare in VALUES


def expression(expr: Expr, place: Place) -> Iterator[str]:
    """Judge an expression where it stands."""
    stack = [(expr, _Scope(place.roots), 1)]
    while stack:
        node, scope, level = stack.pop()
        if level > EXPRESSION_LEVELS_MAX:
            yield f"more than {EXPRESSION_LEVELS_MAX} levels (EXPRESSION_LEVELS_MAX)"
            return
        fault = _fault(node, scope, place)
        if fault is not None:
            yield fault
        step = _step(node, scope)
        if step is not None:
            fault = place.sees(step)
            if fault is not None:
                yield fault
        elif not _names_type(node, scope):
            below = level + 1
            for part, inner in _parts(node, scope):
                stack.append((part, inner, below))


def _step(node: Expr, scope: _Scope) -> str | None:
    """Return the id of the step that a node reads, as `expr.check.references` finds them."""
    if isinstance(node, Select):
        name, operand = node.field, node.operand
    elif isinstance(node, Call) and node.function in {"_[_]", "_[?_]"} and len(node.args) == 2:
        operand, key = node.args
        if not isinstance(key, Literal) or not isinstance(key.value, str):
            return None
        name = key.value
    else:
        return None
    is_root = isinstance(operand, Ident) and operand.name == "steps" == scope.root("steps")
    return name if is_root else None


def _parts(node: Expr, scope: _Scope) -> list[tuple[Expr, _Scope]]:
    """Return what is below a node, last first, with what names mean there."""
    if isinstance(node, Comprehension):
        inside = scope.bind(_variables(node))
        guard = [] if node.guard is None else [(node.guard, inside)]
        return [(node.body, inside), *guard, (node.over, scope)]
    if isinstance(node, Literal | Ident):
        return []
    below = node.args if isinstance(node, Call) and _namespace(node, scope) else children(node)
    return [(part, scope) for part in reversed(below)]


def _variables(node: Comprehension) -> list[str]:
    return [node.variable] if node.second is None else [node.variable, node.second]


def _names_type(node: Expr, scope: _Scope) -> bool:
    """Whether selections spell the name of a type, as `google.protobuf.Timestamp`."""
    if not isinstance(node, Select) or node.field not in _TYPE_ENDS:
        return False
    name = dotted(node, scope.variables)
    return name is not None and name in VALUES and name.partition(".")[0] not in scope.roots


def _fault(node: Expr, scope: _Scope, place: Place) -> str | None:
    """Return what is wrong with a node itself."""
    match node:
        case Literal(value=value):
            return _literal_fault(value)
        case Ident(name=name):
            if scope.root(name) == "steps":
                return "`steps` is no value by itself: a step is read by its constant id"
            return None if scope.exists(name) else f"{shown(name)} does not exist here"
        case Select():
            return _select_fault(node, scope, place)
        case Call():
            return _call_fault(node, scope)
        case ListOf(items=parts, optional=optional) | MapOf(entries=parts, optional=optional):
            return None if _indexes(optional, len(parts)) else _OPTIONAL
        case Comprehension():
            return _macro_fault(node)
        case _:
            assert_never(node)


def _literal_fault(value: Any) -> str | None:
    if type(value) is bytes:
        return None
    if type(value) is Uint:
        return None if 0 <= value <= UINT_MAX else "a uint of more than 64 bits"
    wrong = not_json(value)
    return None if wrong is None else f"a literal {wrong}"


def _select_fault(node: Select, scope: _Scope, place: Place) -> str | None:
    if not is_text(node.field):
        return "a field's name is no Unicode text"
    if node.optional or node.test:
        return "a `select` both optional and test" if node.optional and node.test else None
    if isinstance(node.operand, Ident):
        root = scope.root(node.operand.name) or ""
        if node.field not in place.fields.get(root, {node.field}):
            return f"reads {shown(f'{root}.{node.field}')}, which is not there yet or never"
    return None


_OPTIONAL = "`optional` is not ascending indexes of its parts"


def _indexes(optional: tuple[int, ...], count: int) -> bool:
    return list(optional) == sorted(set(optional)) and all(0 <= i < count for i in optional)


def _namespace(node: Call, scope: _Scope) -> str | None:
    """Return the namespace that a call names where others have a receiver."""
    if node.target is None:
        return None
    name = dotted(node.target, scope.variables)
    return name if name in NAMESPACES and name.partition(".")[0] not in scope.roots else None


def _call_fault(node: Call, scope: _Scope) -> str | None:
    name, count, method = node.function, len(node.args), node.target is not None
    if name in _OPERANDS:
        fewest, most = _OPERANDS[name]
        fits = not method and fewest <= count and (most is None or count <= most)
        return None if fits else f"`{name}` does not take {count} operands"
    if namespace := _namespace(node, scope):
        name, method = f"{namespace}.{name}", False
    elif not method:
        name = name.removeprefix(".")
    function = FUNCTIONS.get(name)
    if function is None:
        return f"there is no function {shown(name)}"
    takes = [len(o.params) - method for o in function.overloads if o.method == method]
    if count in takes or (function.variadic and takes and count):
        return None
    as_what = "as a method " if method else ""
    return f"`{name}` does not take {count} arguments {as_what}".rstrip()


def _macro_fault(node: Comprehension) -> str | None:
    if node.macro not in MACROS:
        return f"there is no macro {shown(node.macro)}"
    names = _variables(node)
    if len(names) not in MACROS[node.macro]:
        return f"`{node.macro}` does not take {len(names)} variables"
    if len(set(names)) < len(names):
        return f"`{node.macro}` names both of its variables {shown(node.variable)}"
    if node.guard is not None and node.macro not in GUARDED:
        return f"`{node.macro}` has no guard"
    wrong = next((name for name in names if not VARIABLE.fullmatch(name)), None)
    return None if wrong is None else f"{shown(wrong)} is no name of a variable"
