"""Edits that bring an entry of a document into another form, in the style that it is written in."""

import json
import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from typing import Any

from dagnats.diagnostics.diagnostic import Edit, Fix, Position, Span
from dagnats.lang.wording import flow
from dagnats.source.document import Entry, Mapping

_COMMENT = re.compile(r"(^|\s)#", re.MULTILINE)


def renaming(entry: Entry, name: str) -> Fix:
    """Return the fix that writes another key, in quotes if it stands in quotes."""
    written = f'"{name}"' if is_quoted(entry) else name
    return Fix(f"write `{name}`", (Edit(entry.key_span, written),), "safe")


def is_quoted(entry: Entry) -> bool:
    """Whether a key stands in quotes."""
    return entry.key_span.end.offset - entry.key_span.start.offset > len(entry.key)


def beside(entries: Iterable[Entry], start: Position, write: Callable[[bool], str]) -> Edit | None:
    """Return the edit that writes a key and its value before the last entry of a mapping.

    `start` is where the mapping begins; `write` gives the text, with the key in quotes or without.
    None where nothing of it stands there itself.
    """
    own = [entry for entry in entries if not entry.merged]
    if not own:
        return None
    last = max(own, key=lambda entry: entry.key_span.start.offset)
    first = min(own, key=lambda entry: entry.key_span.start.offset)
    # A block mapping stands at the column of its keys, a flow mapping has its brace before them.
    at = last.key_span.start
    in_braces = start.column != first.key_span.start.column
    between = ", " if in_braces else "\n" + " " * (at.column - 1)
    return Edit(Span(at, at), write(is_quoted(last)) + between)


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

    def insert(self, entry: Entry, key: str, value: Any) -> Edit | None:
        """Return the edit that writes one more key into the mapping of an entry.

        None where that is empty, or is written elsewhere too: merged, or with an anchor or alias.
        """
        node = entry.value
        if not isinstance(node, Mapping) or not self._is_alone(entry):
            return None

        def written(quoted: bool) -> str:
            if quoted:
                return f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
            return f"{key}: {_yaml(value)}"

        return beside(node.written, node.span.start, written)

    def revalue(self, node: Mapping, entry: Entry, value: Any) -> tuple[tuple[Edit, ...], bool]:
        """Return edits that write another value for an entry, and whether they keep all else.

        No edits where it is merged, or has an anchor or alias.
        """
        if entry not in node.written or not self._is_alone(entry):
            return (), False
        span = entry.value.span
        is_kept = not self._has_comment(span)
        return (Edit(span, self.written(value, entry.key_span.start)),), is_kept

    def _is_alone(self, entry: Entry) -> bool:
        """Whether nothing else is written by the value of an entry."""
        start, end = entry.key_span.end.offset, entry.value.span.start.offset
        return not entry.merged and start <= end and "&" not in self._text[start:end]

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
