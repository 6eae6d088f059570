"""What a condition has found out, carried to what comes after it.

when: has(input.times)      then `input.times` is there in `with`, and in the steps of a body
"""

from collections.abc import Mapping

from msgspec.structs import replace

from dagnats.compiler.remembered import active
from dagnats.expr.ast import Expr
from dagnats.expr.checking.access import Path
from dagnats.expr.checking.check import Checked
from dagnats.expr.checking.narrow import Facts, Narrowing
from dagnats.expr.types import Object, Type

NOTHING: Facts = {}


def after(expr: Expr, checked: Checked, before: Facts) -> Facts | None:
    """Return what is known where a condition holds; None where it never does."""
    notes = None if before else active()
    if notes is None:
        return Narrowing(checked.types).after(expr, before, True)
    key = (after, id(expr), id(checked))
    found: Facts | None = notes.recall(key)
    if found is None:
        found = Narrowing(checked.types).after(expr, NOTHING, True)
        notes.keep(key, (expr, checked), found)
    return found


def without(facts: Facts, roots: tuple[str, ...]) -> Facts:
    """Return what is still known where these roots mean something else."""
    return {path: type_ for path, type_ in facts.items() if path[0] not in roots}


def narrowed(scope: Mapping[str, Type], facts: Facts) -> Mapping[str, Type]:
    """Return the types in scope, as exact as the facts make them."""
    if not facts:
        return scope
    found = dict(scope)
    for path, type_ in facts.items():
        root = found.get(str(path[0]))
        if root is not None:
            found[str(path[0])] = _with(root, path[1:], type_)
    return found


def _with(owner: Type, path: Path, type_: Type) -> Type:
    if not path:
        return type_
    field = path[0]
    if not isinstance(owner, Object) or not isinstance(field, str):
        return owner
    declared = owner.fields.get(field)
    if declared is None:
        return owner
    part = _with(declared[0], path[1:], type_)
    sure = declared[1] or len(path) == 1
    if part is declared[0] and sure == declared[1]:
        return owner
    return replace(owner, fields={**owner.fields, field: (part, sure)})
