"""A comparison as a person reads it: what came, what went, what is other, and what follows."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from dagnats.comparison.compare import BoundChange, Comparison, FieldChange, PartChange
from dagnats.comparison.fields import MISSING
from dagnats.timespec import format_duration

ONE_LINE_MAX = 72
"""Characters of an old and a new value that still stand on one line."""

VALUE_SHOWN_MAX = 200
FIELDS_SHOWN = frozenset({"depends_on", "when", "with", "inside", "over", "on", "until", "task"})
"""Fields of an added or removed step that are told: what it does, and when."""

_SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": ">"}

Paint = Callable[[str, str], str]
"""Colours a text by what it means: added, removed, changed, title, quiet, bad or good."""


def render(comparison: Comparison, paint: Paint) -> str:
    """Return the report, its verdict on the last line."""
    sections = [
        ("Steps", list(_parts(comparison.steps, paint))),
        ("Workflow", [line for f in comparison.workflow for line in _field(f, "  ", paint)]),
        ("Triggers", list(_parts(comparison.triggers, paint))),
        ("Bounds", list(_bounds(comparison.bounds, paint))),
        ("Callers", [f"  {paint('!', 'bad')} {r.message}" for r in comparison.reasons]),
        ("Before it runs", [f"  {paint('*', 'changed')} {note}" for note in comparison.notes]),
    ]
    lines: list[str] = []
    for title, found in sections:
        if found:
            lines += [paint(title, "title"), *found, ""]
    return "\n".join([*lines, verdict(comparison, paint)]) + "\n"


def verdict(comparison: Comparison, paint: Paint) -> str:
    """Return the one line that says whether callers have to care."""
    if comparison.is_identical:
        return paint("no difference", "good")
    if not comparison.reasons:
        return paint("compatible", "good")
    first, *others = comparison.reasons
    more = f" (and {len(others)} more)" if others else ""
    return f"{paint('breaking', 'bad')} because {first.message}{more}"


def _parts(parts: Iterable[PartChange], paint: Paint) -> Iterable[str]:
    for part in parts:
        meaning = "changed" if part.change == "renamed" else part.change
        was = f" (was {part.old_id})" if part.old_id else ""
        sign = paint(f"{_SIGNS[part.change]} {part.id}", meaning)
        yield f"  {sign}{was}  {paint(part.kind, 'quiet')}"
        for field in part.fields:
            if part.change in {"added", "removed"} and not _is_told(field.path):
                continue
            yield from _field(field, "      ", paint)


def _is_told(path: str) -> bool:
    return path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0] in FIELDS_SHOWN


def _field(change: FieldChange, indent: str, paint: Paint) -> Iterable[str]:
    path, old, new = change.path, shown(change.old), shown(change.new)
    if change.old is MISSING:
        yield f"{indent}{paint(f'+ {path}: {new}', 'added')}"
    elif change.new is MISSING:
        yield f"{indent}{paint(f'- {path}: {old}', 'removed')}"
    elif len(path) + len(old) + len(new) <= ONE_LINE_MAX:
        before, after = paint(old, "removed"), paint(new, "added")
        yield f"{indent}{paint('~', 'changed')} {path}: {before} → {after}"
    else:
        yield f"{indent}{paint('~', 'changed')} {path}:"
        yield f"{indent}    {paint(f'- {old}', 'removed')}"
        yield f"{indent}    {paint(f'+ {new}', 'added')}"


def shown(value: Any) -> str:
    """Return a value on one line: a string as it is if that is plain, all else as JSON."""
    if isinstance(value, str) and value.isprintable() and value.strip() == value and value:
        text = value
    elif value is MISSING:
        return ""
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_SHOWN_MAX else f"{text[: VALUE_SHOWN_MAX - 1]}…"


def _bounds(bounds: Iterable[BoundChange], paint: Paint) -> Iterable[str]:
    rows = [
        (change, _amount(change.bound, change.old.max), _amount(change.bound, change.new.max))
        for change in bounds
    ]
    width = max((len(change.bound.removesuffix("_ms")) for change, _, _ in rows), default=0)
    for change, old, new in rows:
        name = change.bound.removesuffix("_ms").ljust(width)
        step = f", most of it from `{change.new.dominant_step}`" if change.new.dominant_step else ""
        yield f"  {name}  {old} → {new}{_growth(change, paint)}{paint(step, 'quiet')}"


def _amount(bound: str, value: int | None) -> str:
    if value is None:
        return "not bounded"
    return format_duration(value) if bound == "duration_ms" else f"{value:,}"


def _growth(change: BoundChange, paint: Paint) -> str:
    old, new = change.old.max, change.new.max
    if not old or new is None:
        return ""
    percent = round(100 * (new - old) / old)
    return f" ({paint(f'{percent:+d} %', 'bad' if percent > 0 else 'good')})"
