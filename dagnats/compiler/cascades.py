"""What is not said beside an error: findings that only follow from what could not be understood.

That a variable is never read, that no run completes or that a step does not exist is concluded from
the whole document. Where part of it is not what its author meant, such a conclusion is about the
mistake, which has been told already.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Span
from dagnats.lang.keys import GO_STEP_PATTERN
from dagnats.source.document import Document, Mapping, Node, Scalar, walk
from dagnats.source.document import Sequence as List

_CONCLUDED = frozenset(
    {
        "DN1026", "DN3020", "DN3021", "DN3022", "DN3023", "DN3024", "DN3025", "DN3026", "DN3027",
        "DN5011", "DN7011", "DN9020", "DN9021", "DN9022", "DN9023", "DN9024", "DN9025", "DN9026",
        "DN9027",
    }
)  # fmt: skip
"""Codes of what is concluded from everything that is there."""

_NOT_UNDERSTOOD = ("DN1", "DN2", "DN3", "DN4", "DN5")
_ID = re.compile(GO_STEP_PATTERN.removesuffix("$") + r"\Z")
"""Of an id with dots it is known who it is, even where it may not have them."""
_LISTS = frozenset({"steps", "finally", "default"})


def without_cascades(
    findings: Sequence[Diagnostic], document: Document | None
) -> tuple[Diagnostic, ...]:
    """Return the findings without those that an error among them explains."""
    if not any(map(_is_not_understood, findings)):
        return tuple(findings)
    hidden = _CONCLUDED
    if document is not None and _has_unread_steps(document.root):
        hidden = hidden | {"DN3002"}
    if document is not None and _has_unread_schemas(document.root):
        hidden = hidden | {"DN2016"}
    kept = tuple(_once(found for found in findings if found.code not in hidden))
    # A step that does not exist is an error by itself.
    return kept if any(map(_is_not_understood, kept)) else tuple(findings)


def _once(findings: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield findings; one about a schema that aliases repeat only for the first that has it."""
    told: set[tuple[str, Span]] = set()
    for found in findings:
        place = found.code, found.span
        if found.code == "DN2009" and found.file is None and place in told:
            continue
        told.add(place)
        yield found


def _is_not_understood(found: Diagnostic) -> bool:
    return found.severity is Severity.ERROR and found.code.startswith(_NOT_UNDERSTOOD)


def _has_unread_steps(root: Node) -> bool:
    """Whether a step is there whose id cannot be read: nobody knows who it is."""
    for node in walk(root):
        for entry in node.entries if isinstance(node, Mapping) else ():
            if entry.key in _LISTS and isinstance(entry.value, List):
                items = entry.value.items
                if not all(map(_is_known, items)) or (entry.key == "steps" and not items):
                    return True
    return False


def _has_unread_schemas(root: Node) -> bool:
    """Whether schemas are there that cannot be read: nobody knows what a reference leads to."""
    schemas = root.get("schemas") if isinstance(root, Mapping) else None
    return schemas is not None and not isinstance(schemas, Mapping)


def _is_known(step: Node) -> bool:
    held = step.get("id") if isinstance(step, Mapping) else None
    value = held.value if isinstance(held, Scalar) else None
    return isinstance(value, str) and _ID.match(value) is not None
