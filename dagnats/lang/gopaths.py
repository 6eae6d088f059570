"""Paths and comparisons as the Go dagnats writes them, as expressions of today.

order.id                                          →  input.order.id
{step_id: check, field: ok, op: "==", value: 1}   →  !(type(steps.check.output) == map && …)
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from dagnats.diagnostics.diagnostic import Sink, Span
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.lang.tree import Embedded

ROOTS = frozenset({"input", "vars", "run", "trigger", "secrets", "steps", "true", "false", "null"})
"""What an expression may begin with where Go has a path; a path that does is one."""

OPERATORS = frozenset({"==", "!=", "<", ">", "<=", ">="})

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    {
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import",
        "in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void",
        "while",
    }
)  # fmt: skip


def generated(text: str, span: Span, first_id: int = 1) -> Embedded:
    """Return an expression of ours that stands for what is at a span."""
    origin = Origin(span.start, span, verbatim=False)
    parsed = parse_expression(text, origin, Sink(), first_id=first_id)
    assert parsed is not None, f"it is well-formed: {text}"
    return Embedded(parsed.expr, span, parsed.spans)


def bare_path(text: str) -> tuple[str, ...] | None:
    """Return the parts of a bare path, None for an expression."""
    parts = text.split(".")
    if _PATH.fullmatch(text) is None or parts[0] in ROOTS:
        return None
    return tuple(parts)


def select(root: str, parts: Sequence[str]) -> str:
    """Return the expression of a field inside of a field."""
    return root + "".join(f".{p}" if _is_name(p) else f"[{json.dumps(p)}]" for p in parts)


def select_optional(root: str, parts: Sequence[str]) -> str:
    """Return the expression of a field that may not be there, which then is an error."""
    inner = "".join(f".?{p}" if _is_name(p) else f"[?{json.dumps(p)}]" for p in parts)
    return f"{root}{inner}.value()"


def field_of_input(schema: Any, parts: Sequence[str]) -> str:
    """Return the expression of a field of the input, by what its schema says of it."""
    return (select_optional if _is_optional(schema, parts) else select)("input", parts)


def _is_optional(schema: Any, parts: Sequence[str]) -> bool:
    """Whether a schema names a field and does not require it."""
    for part in parts:
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(properties, dict) or part not in properties:
            return False
        required = schema.get("required")
        if not isinstance(required, list) or part not in required:
            return True
        schema = properties[part]
    return False


def step_output(step: str, parts: Sequence[str], *, may_miss: bool) -> str:
    """Return the expression of a field of a step's output, which `may_miss` as a whole."""
    owner = select("steps", (step,))
    return (
        select_optional(owner, ("output", *parts))
        if may_miss
        else (select(owner, ("output", *parts)))
    )


def unless_skipped(step: str, output: str, otherwise: str) -> str:
    """Return the expression of one thing, or of another where a step was skipped."""
    return f'{select("steps", (step,))}.status == "completed" ? {output} : {otherwise}'


def event_matches(left: Sequence[str], right: str) -> str:
    """Return the condition that a field of an event is, as text, what an expression gives."""
    present = [
        f"has({select('event.data', left[: at + 1])})"
        if _is_name(part)
        else f"{json.dumps(part)} in {select('event.data', left[:at])}"
        for at, part in enumerate(left)
    ]
    equal = f"string({select('event.data', left)}) == string({right})"
    return " && ".join([*present, equal])


def unless(step: str, field: str, op: str, value: Any, *, may_miss: bool) -> str | None:
    """Return the condition under which Go does not skip a step; None where it never skips.

    A field that is missing, or of another type than the value, skips nothing.
    """
    output = select(select("steps", (step,)), ("output",))
    found = select(output, (field,))
    match value:
        case bool() if op in {"==", "!="}:
            typed = f"type({found}) == bool && "
        case bool():
            return None
        case int() | float():
            typed = f"(type({found}) == int || type({found}) == double) && "
        case str():
            typed = f"type({found}) == string && "
        case _:
            return None
    present = f"has({found})" if _is_name(field) else f"{json.dumps(field)} in {output}"
    status = f'{select("steps", (step,))}.status == "completed" && ' if may_miss else ""
    # What is equal has the same type.
    typed = "" if op == "==" else typed
    written = json.dumps(value, ensure_ascii=False)
    return f"!({status}type({output}) == map && {present} && {typed}{found} {op} {written})"


def _is_name(part: str) -> bool:
    return _NAME.fullmatch(part) is not None and part not in _RESERVED
