"""A comparison as data, for other programs; `docs/graphs.md` says what is in it."""

from typing import Any

from dagnats.comparison.compare import Comparison, FieldChange, PartChange
from dagnats.comparison.fields import MISSING

VERSION = 1


def to_document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON."""
    return {
        "version": VERSION,
        "identical": comparison.is_identical,
        "compatible": not comparison.reasons,
        "reasons": [
            {"where": reason.where, "path": reason.path, "message": reason.message}
            for reason in comparison.reasons
        ],
        "notes": list(comparison.notes),
        "steps": [_part(step) for step in comparison.steps],
        "workflow": [_field(change) for change in comparison.workflow],
        "triggers": [_part(trigger) for trigger in comparison.triggers],
        "bounds": [
            {
                "bound": change.bound,
                "old": change.old.max,
                "new": change.new.max,
                "dominant_step": change.new.dominant_step,
            }
            for change in comparison.bounds
        ],
    }


def _part(part: PartChange) -> dict[str, Any]:
    found: dict[str, Any] = {"id": part.id, "change": part.change, "kind": part.kind}
    if part.old_id is not None:
        found["old_id"] = part.old_id
    return found | {"fields": [_field(change) for change in part.fields]}


def _field(change: FieldChange) -> dict[str, Any]:
    found: dict[str, Any] = {"path": change.path}
    if change.old is not MISSING:
        found["old"] = change.old
    if change.new is not MISSING:
        found["new"] = change.new
    return found
