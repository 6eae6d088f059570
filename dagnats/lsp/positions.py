r"""Between offsets of a text, which are ours, and places as editors count them.

An editor counts lines from 0 and, within a line, units of the encoding that was agreed on: an emoji
takes two units of UTF-16, four of UTF-8, and one offset. Only `\r\n`, `\r` and `\n` end lines.
"""

from bisect import bisect_right
from typing import NamedTuple

from dagnats.diagnostics.places import LINE_BREAK

UTF_8, UTF_16, UTF_32 = "utf-8", "utf-16", "utf-32"


class Point(NamedTuple):
    """A place as an editor says it."""

    line: int
    character: int


class Lines:
    """The lines of a text."""

    def __init__(self, text: str, encoding: str = UTF_16) -> None:
        self._text = text
        self._encoding = encoding
        self._starts = [0]
        self._ends: list[int] = []
        for found in LINE_BREAK.finditer(text):
            self._ends.append(found.start())
            self._starts.append(found.end())
        self._ends.append(len(text))
        self._is_plain = text.isascii()

    @property
    def count(self) -> int:
        """How many lines there are; an empty text has one."""
        return len(self._starts)

    def point(self, offset: int) -> Point:
        """Return the place of an offset; one outside of the text counts as its nearest end."""
        offset = max(0, min(offset, len(self._text)))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        # Between `\r` and `\n` there is no place for an editor.
        return Point(line, self._units(start, min(offset, self._ends[line])))

    def offset(self, line: int, character: int) -> int:
        """Return the offset of a place; one behind the end of its line counts as that end."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self._text)
        start, end = self._starts[line], self._ends[line]
        if self._is_plain or self._encoding == UTF_32:
            return min(start + max(character, 0), end)
        left = character
        for at in range(start, end):
            left -= self._units(at, at + 1)
            if left < 0:
                return at
        return end

    def line(self, number: int) -> str:
        """Return a line without its end."""
        return self._text[self._starts[number] : self._ends[number]]

    def start(self, number: int) -> int:
        """Return the offset at which a line begins."""
        return self._starts[number]

    def number(self, offset: int) -> int:
        """Return the number of the line that an offset is on."""
        return self.point(offset).line

    def _units(self, start: int, end: int) -> int:
        if self._is_plain or self._encoding == UTF_32:
            return end - start
        part = self._text[start:end]
        if self._encoding == UTF_8:
            return len(part.encode("utf-8", "surrogatepass"))
        return len(part.encode("utf-16-le", "surrogatepass")) // 2
