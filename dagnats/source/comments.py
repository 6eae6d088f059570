"""The comments of a document that mean to silence findings, and the lines that each is about.

The parsers drop comments; so they are looked for in the text, outside of what keys and values hold.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from dagnats.diagnostics.places import Places
from dagnats.diagnostics.suppressions import DIRECTIVE, Comment
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence

Range = tuple[int, int]

COMMENTS_MAX = 10_000
"""Comments of one document that are heard; what further ones ignore is told."""


def comments(document: Document) -> tuple[Comment, ...]:
    """Return the comments of a document that mean to silence findings.

    One behind something is about its line, and about the whole text that begins or ends there: none
    can stand inside. One on a line of its own is about the entry or item that begins on the next
    line, with all that belongs to it, such as a step.
    """
    text = document.text
    found = list(islice(DIRECTIVE.finditer(text), COMMENTS_MAX))
    if not found:
        return ()
    page = _Page(document)
    return tuple(
        comment for each in found if (comment := page.comment(each.start(), each.end())) is not None
    )


class _Page:
    """A text by its lines, and what of it is content."""

    def __init__(self, document: Document) -> None:
        self._text = document.text
        self._places = Places(document.text)
        self._lines = document.text.count("\n") + document.text.count("\r") + 1
        self._parts: dict[int, int] = {}
        contents: set[Range] = set()
        self._long: dict[int, Range] = {}
        self._below: dict[int, int] = {}
        for node, entry in _walk(document.root):
            if entry is not None:
                contents.add((entry.key_span.start.offset, entry.key_span.end.offset))
            if isinstance(node, Scalar):
                contents.add(self._content(node))
                if node.span.start.line != node.span.end.line:
                    self._keep_long(node.span.start.line, node.span.end.line)
            first = (entry.key_span if entry else node.span).start.line
            self._parts[first] = max(self._parts.get(first, first), _last_line(node))
        self._contents = sorted(contents)

    def comment(self, start: int, end: int) -> Comment | None:
        """Return the comment at a place, or None if it is none: if the place is inside a text."""
        line = self._places.position(start).line
        begin = self._places.line_start(line)
        before = self._text[begin:start]
        at = bisect_right(self._contents, (start, len(self._text))) - 1
        inside = at >= 0 and start < self._contents[at][1]
        if inside or (before and not before[-1].isspace()) or before.lstrip().startswith("#"):
            return None
        end = start + len(self._text[start:end].rstrip())
        alone = not before.strip("\ufeff \t")
        first, last = self._after(line) if alone else self._on(line)
        whole = (
            (begin, self._places.line_start(line + 1))
            if alone
            else (begin + len(before.rstrip()), end)
        )
        return Comment(self._places.span(start, end), self._places.span(*whole), first, last)

    def _keep_long(self, first: int, last: int) -> None:
        """Remember a text of many lines by those on which a comment may stand."""
        for line in (first, last):
            before = self._long.get(line, (first, last))
            self._long[line] = min(first, before[0]), max(last, before[1])

    def _content(self, node: Scalar) -> Range:
        """Return where the text of a scalar stands; a block begins below its `|`."""
        start = node.span.start
        if node.style in {"literal", "folded"}:
            return self._places.line_start(start.line + 1), node.span.end.offset
        return start.offset, node.span.end.offset

    def _after(self, line: int) -> Range:
        """Return the lines of what begins below a line, behind blanks and other comments."""
        below = self._content_below(line)
        if below > self._lines:
            return line, line
        return line + 1, max(self._parts.get(below, below), below)

    def _content_below(self, line: int) -> int:
        """Return the line of the next content; each line is looked at once, however many ask."""
        number = line + 1
        while number <= self._lines and number not in self._below:
            content = self._line(number).strip()
            if content not in {"", "-"} and not content.startswith("#"):
                break
            number += 1
        found = self._below.get(number, number)
        self._below.update(dict.fromkeys(range(line + 1, number), found))
        return found

    def _on(self, line: int) -> Range:
        """Return a line, and the lines of the texts that begin or end on it."""
        return self._long.get(line, (line, line))

    def _line(self, number: int) -> str:
        start, end = self._places.line_start(number), self._places.line_start(number + 1)
        return self._text[start:end]


def _walk(root: Node) -> Iterator[tuple[Node, Entry | None]]:
    """Yield every value below the root with the entry that holds it; items have none."""
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            stack += [entry.value for entry in node.entries]
            yield from ((entry.value, entry) for entry in node.entries)
        elif isinstance(node, Sequence):
            stack += node.items
            yield from ((item, None) for item in node.items)


def _last_line(node: Node) -> int:
    end = node.span.end
    return end.line - (end.column == 1 and end.line > node.span.start.line)
