"""From offsets of a text to positions in it."""

import re
from array import array
from bisect import bisect_right

from dagnats.diagnostics.diagnostic import Position, Span

BOM = "\ufeff"
"""A byte order mark: it takes an offset but no column."""

LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Places:
    """Turns offsets of a text into positions."""

    def __init__(self, text: str) -> None:
        first = len(BOM) if text.startswith(BOM) else 0
        # Of numbers as such, four million would take 150 MiB.
        self._starts = array("L", (first,))
        self._starts.extend(found.end() for found in LINE_BREAK.finditer(text))
        self._limit = len(text)

    def position(self, offset: int) -> Position:
        """Return the position of an offset; behind the text, that of its end."""
        offset = min(offset, self._limit)
        line = max(bisect_right(self._starts, offset), 1)
        return Position(offset, line, max(offset - self._starts[line - 1], 0) + 1)

    def span(self, start: int, end: int) -> Span:
        """Return the range between two offsets."""
        return Span(self.position(start), self.position(end))

    def line_start(self, line: int) -> int:
        """Return the offset at which a line begins; behind the last one, where the text ends."""
        return self._starts[line - 1] if line <= len(self._starts) else self._limit
