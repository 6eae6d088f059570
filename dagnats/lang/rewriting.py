"""Edits that bring an entry of a document into another form, in the style that it is written in."""

import json
import re
from collections.abc import Mapping as AnyMapping
from typing import Any

from dagnats.diagnostics.diagnostic import Edit, Fix, Position, Span
from dagnats.lang.wording import flow
from dagnats.source.document import Entry, Mapping

_COMMENT = re.compile(r"(^|\s)#", re.MULTILINE)


class Rewriting:
    """Makes fixes of one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def replace(
        self, node: Mapping, entry: Entry, pairs: AnyMapping[str, Any]
    ) -> tuple[tuple[Edit, ...], bool]:
        """Return edits that write other keys for an entry, and whether they keep all else.

        Without `pairs` the entry is taken out. No edits where it came by a merge, or is alone.
        """
        if entry.merged or entry not in node.written:
            return (), False
        whole = Span(entry.key_span.start, entry.value.span.end)
        if not pairs:
            return self._taken_out(node, entry)
        is_kept = not self._has_comment(whole)
        return (Edit(whole, self._pairs(node, entry, pairs)),), is_kept

    def fix(
        self, title: str, node: Mapping, entry: Entry, pairs: AnyMapping[str, Any]
    ) -> tuple[Fix, ...]:
        """Return the fix that does so, if there is one."""
        edits, is_kept = self.replace(node, entry, pairs)
        return (Fix(title, edits, "safe" if is_kept else "unsafe"),) if edits else ()

    def written(self, value: Any, at: Position) -> str:
        """Return a value as it is written beside what stands at a position."""
        is_json = self._text[at.offset] == '"'
        return json.dumps(value, ensure_ascii=False) if is_json else _yaml(value)

    def is_flow(self, node: Mapping) -> bool:
        """Whether a mapping is written in braces."""
        return self._text[node.span.start.offset : node.span.start.offset + 1] == "{"

    def _pairs(self, node: Mapping, entry: Entry, pairs: AnyMapping[str, Any]) -> str:
        at = entry.key_span.start
        if self._text[at.offset] == '"':
            parts = [
                f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in pairs.items()
            ]
        else:
            parts = [f"{key}: {_yaml(value)}" for key, value in pairs.items()]
        comma = "," if self.is_flow(node) else ""
        begins = self._text[max(at.offset - at.column + 1, 0) : at.offset]
        if comma and not begins.isspace() and at.column > 1:
            return ", ".join(parts)
        return f"{comma}\n{' ' * (at.column - 1)}".join(parts)

    def _taken_out(self, node: Mapping, entry: Entry) -> tuple[tuple[Edit, ...], bool]:
        entries = node.written
        at = next(number for number, each in enumerate(entries) if each is entry)
        if at + 1 < len(entries):
            span = Span(entry.key_span.start, entries[at + 1].key_span.start)
        elif at > 0:
            span = Span(entries[at - 1].value.span.end, entry.value.span.end)
        else:
            return (), False
        if span.end.offset < span.start.offset:
            return (), False  # an alias stands where it was defined
        return (Edit(span, ""),), not self._has_comment(span)

    def _has_comment(self, span: Span) -> bool:
        part = self._text[span.start.offset : span.end.offset]
        return _COMMENT.search(part) is not None


def _yaml(value: Any) -> str:
    if isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return flow(value)
