"""Where each character of a scalar stands in its document, in every style that YAML has.

The parsers tell only the value and the range of a scalar. What they did between the two (folding
lines, leaving out indentation, reading escapes) is done here once more, with positions, and only
when somebody asks.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from dagnats.diagnostics.diagnostic import Position, Span

_BREAK = re.compile(r"\r\n|\r|\n")
_BLANK = re.compile(r"(?=[ \t\r\n])[ \t]*+((?:\r\n|\r|\n)[ \t]*+)*+")
_EMPTY = re.compile(r"[ \t]*(\r\n|\r|\n)")
_ESCAPE = re.compile(
    r"\\(?:(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|(\r\n|\r|\n)|(.))", re.DOTALL
)
_LOW_HALF = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_NAMED = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip


class Placement:
    """The places of one value; `written` is what stands in the document at `span`."""

    __slots__ = ("_breaks", "_chars", "_read", "_span", "_style", "_value", "_written")

    def __init__(self, value: str, written: str, style: str, span: Span) -> None:
        self._value = value
        self._written = written
        self._style = style
        self._span = span
        self._read = False
        self._chars: list[tuple[int, int]] | None = None
        self._breaks: list[int] = []

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` up to `end` of the value stand.

        That is the whole scalar if the parser read it in a way that is not known here.
        """
        if not self._read:
            self._read = True
            self._chars = _chars(self._value, self._written, self._style)
            self._breaks = [found.end() for found in _BREAK.finditer(self._written)]
        if self._chars is None:
            return self._span
        first = self._chars[start][0]
        last = self._chars[end - 1][1] if end > start else first
        return Span(self._position(first), self._position(last))

    def _position(self, offset: int) -> Position:
        base = self._span.start
        line = bisect_right(self._breaks, offset)
        column = offset - self._breaks[line - 1] + 1 if line else base.column + offset
        return Position(base.offset + offset, base.line + line, column)


class _Reading:
    """Characters read so far, each with the range it was written at."""

    __slots__ = ("chars", "places")

    def __init__(self) -> None:
        self.chars: list[str] = []
        self.places: list[tuple[int, int]] = []

    def add(self, char: str, start: int, end: int) -> None:
        self.chars.append(char)
        self.places.append((start, end))

    def copy(self, written: str, start: int, end: int) -> None:
        """Add what stands there character by character."""
        self.chars.append(written[start:end])
        self.places.extend((at, at + 1) for at in range(start, end))


def _chars(value: str, written: str, style: str) -> list[tuple[int, int]] | None:
    """Return the range of each character, and an empty one at the end; None when not known."""
    reading = _Reading()
    _READERS[style](reading, value, written)
    read = "".join(reading.chars)
    # Line ends behind the last line belong to no character that is looked at.
    rest = value[len(read) :]
    if not value.startswith(read) or rest.strip():
        return None
    end = len(written) - (style in {"single", "double"})
    return [*reading.places, *[(end, end)] * (len(rest) + 1)]


def _plain(reading: _Reading, _: str, written: str) -> None:
    _flow(reading, written, 0, len(written), None)


def _single(reading: _Reading, _: str, written: str) -> None:
    _flow(reading, written, 1, len(written) - 1, _doubled_quote)


def _double(reading: _Reading, _: str, written: str) -> None:
    _flow(reading, written, 1, len(written) - 1, _escape)


def _doubled_quote(reading: _Reading, written: str, at: int) -> int:
    """Read `''`; returns where reading goes on, `at` when there is none."""
    if not written.startswith("''", at):
        return at
    reading.add("'", at, at + 2)
    return at + 2


def _escape(reading: _Reading, written: str, at: int) -> int:
    found = _ESCAPE.match(written, at)
    if found is None:
        return at
    x, short, long, line_end, name = found.groups()
    end = found.end()
    if line_end is not None:
        # The line goes on in the next, whose indentation is left out; empty lines stay.
        while (fold := _EMPTY.match(written, end)) is not None:
            reading.add("\n", fold.start(1), fold.end())
            end = fold.end()
        while written.startswith((" ", "\t"), end):
            end += 1
        return end
    if name is not None:
        reading.add(_NAMED.get(name, "\0"), at, end)
        return end
    code = int(x or short or long, 16)
    if 0xD800 <= code <= 0xDBFF and (low := _LOW_HALF.match(written, end)) is not None:
        code = 0x10000 + ((code - 0xD800) << 10) + (int(low.group(1), 16) - 0xDC00)
        end = low.end()
    reading.add(chr(min(code, 0x10FFFF)), at, end)
    return end


def _flow(
    reading: _Reading,
    written: str,
    at: int,
    end: int,
    special: Callable[[_Reading, str, int], int] | None,
) -> None:
    """Read a scalar whose lines are folded, whatever their indentation."""
    while at < end:
        char = written[at]
        if special is not None and char in "'\\":
            further = special(reading, written, at)
            if further > at:
                at = further
                continue
        if (blank := _BLANK.match(written, at, end)) is not None:
            if blank.lastindex is None:
                reading.copy(written, at, blank.end())
                at = blank.end()
                continue
            breaks = [found.span() for found in _BREAK.finditer(written, at, blank.end())]
            if len(breaks) == 1:
                reading.add(" ", *breaks[0])
            for start, until in breaks[1:]:
                reading.add("\n", start, until)
            at = blank.end()
            continue
        reading.add(char, at, at + 1)
        at += 1


def _literal(reading: _Reading, value: str, written: str) -> None:
    for start, end, line_end in _lines(value, written):
        reading.copy(written, start, end)
        if line_end > end:
            reading.add("\n", end, line_end)


def _folded(reading: _Reading, value: str, written: str) -> None:
    """Join lines that are not indented further than the first; keep the others."""
    pending: list[tuple[int, int]] = []
    was_indented = True
    is_first = True
    for start, end, line_end in _lines(value, written):
        if start < end:
            is_indented = written[start] in " \t"
            if pending and not is_first and not was_indented and not is_indented:
                joins, *pending = pending
                if not pending:
                    reading.add(" ", *joins)
            for place in pending:
                reading.add("\n", *place)
            pending = []
            reading.copy(written, start, end)
            was_indented, is_first = is_indented, False
        if line_end > end:
            pending.append((end, line_end))


def _lines(value: str, written: str) -> list[tuple[int, int, int]]:
    """Return each line behind the header: where its content begins and ends, and its line ends."""
    ends = [found.span() for found in _BREAK.finditer(written)]
    spans = [
        (begin, end, after)
        for (_, begin), (end, after) in zip(
            ends, [*ends[1:], (len(written), len(written))], strict=False
        )
    ]
    indent = _indent(value, [written[begin:end] for begin, end, _ in spans])
    lines = []
    for begin, end, after in spans:
        start = begin
        while start < end and start - begin < indent and written[start] == " ":
            start += 1
        lines.append((start, end, after))
    return lines


def _indent(value: str, lines: list[str]) -> int:
    """Return what the first line with text is indented by, beyond what its value is."""
    for line in lines:
        if text := line.lstrip(" "):
            kept = next((own for own in value.split("\n") if own.strip(" ")), "")
            return len(line) - len(text) - (len(kept) - len(kept.lstrip(" ")))
    return 0


_READERS: dict[str, Callable[[_Reading, str, str], None]] = {
    "plain": _plain,
    "single": _single,
    "double": _double,
    "literal": _literal,
    "folded": _folded,
}
