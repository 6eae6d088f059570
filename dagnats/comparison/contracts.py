"""What callers of a workflow rely on: the input that it takes, the output that it gives."""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from dagnats.comparison.schemas import Narrowing, narrowings
from dagnats.expr.ast import Expr, Literal, MapOf
from dagnats.ir.program import Program

VALUE_SHOWN_MAX = 60


class Reason(Struct, frozen=True):
    """Why a caller would notice: in the `input` or the `output`, and at which path."""

    where: str
    path: str
    message: str


def input_reasons(old: Program, new: Program) -> Iterator[Reason]:
    """Yield where the new program refuses an input that the old one takes."""
    for found in narrowings(_schema(old.input_schema), _schema(new.input_schema)):
        yield Reason("input", found.path, _refused(found))


def output_reasons(old: Program, new: Program) -> Iterator[Reason]:
    """Yield where the new program may give what the old one does not: fields gone, new values."""
    told: set[str] = set()
    lost = _lost_fields(old.output_schema, new.output_schema)
    if old.output_schema is None or new.output_schema is None:
        lost = [*lost, *_lost_entries(old.output, new.output, "")]
    for path in lost:
        told.add(path)
        yield Reason("output", path, f"{_place('output', path)} is gone")
    if old.output_schema is None:
        return
    for found in narrowings(_schema(new.output_schema), old.output_schema):
        if found.path not in told and found.kind != "closed":
            yield Reason("output", found.path, _given(found))


def _schema(schema: Any) -> Any:
    return True if schema is None else schema


def _place(where: str, path: str) -> str:
    return f"`{where}.{path}`" if path else f"`{where}`"


def _refused(found: Narrowing) -> str:
    place = _place("input", found.path)
    match found.kind:
        case "required":
            return f"{place} is now required"
        case "type":
            return f"{place} must now be {found.after}, not {found.before}"
        case "values":
            return f"{place} must now be one of {_shown(found.after)}, not {_shown(found.before)}"
        case "closed" if found.after == "nothing":
            return f"{place} is no longer taken"
        case "closed":
            return f"{place} no longer takes fields that are not declared"
        case _:
            return f"{place} has a narrower rule: {found.after}, and had {found.before}"


def _given(found: Narrowing) -> str:
    """Say what an output may be now; `before` is of the new program here."""
    place = _place("output", found.path)
    match found.kind:
        case "required":
            return f"{place} may now be missing"
        case "type":
            return f"{place} may now be {found.before}, and was {found.after}"
        case "values":
            return f"{place} may now be {_shown(found.before)}, besides {_shown(found.after)}"
        case _:
            return f"{place} has a wider rule: {found.before}, and had {found.after}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = ", ".join(json.dumps(item, ensure_ascii=False) for item in value)
    return text if len(text) <= VALUE_SHOWN_MAX else f"{text[: VALUE_SHOWN_MAX - 1]}…"


def _lost_fields(old: Any, new: Any, path: str = "") -> list[str]:
    """Return the fields that an old output schema declares and a new one does not."""
    before, after = _declared(old), _declared(new)
    if not after:
        return []
    lost = []
    for name, part in before.items():
        below = f"{path}.{name}" if path else name
        if name not in after:
            lost.append(below)
        else:
            lost += _lost_fields(part, after[name], below)
    return lost


def _declared(schema: Any) -> dict[str, Any]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def _lost_entries(old: Expr | None, new: Expr | None, path: str) -> list[str]:
    """Return the fields that the output had by its expression and no longer has."""
    before, after = _entries(old), _entries(new)
    if not path and old is not None and new is None:
        return [""]
    if before is None or after is None:
        return []
    lost = []
    for name, part in before.items():
        below = f"{path}.{name}" if path else name
        if name not in after:
            lost.append(below)
        else:
            lost += _lost_entries(part, after[name], below)
    return lost


def _entries(expr: Expr | None) -> dict[str, Expr] | None:
    match expr:
        case MapOf(entries=entries):
            return {str(k.value): part for k, part in entries if isinstance(k, Literal)}
        case Literal(value=dict() as value):
            return {str(key): Literal(part) for key, part in value.items()}
        case _:
            return None
