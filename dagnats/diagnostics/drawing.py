"""Source lines with marks: carets under what a finding is about, a bracket where that is long.

What comes from an author (source lines, messages, file names) reaches no terminal raw: characters
that would move the cursor, change colours or reorder a line are shown by a symbol instead. Tabs are
drawn as blanks, wide characters take two columns, long lines are cut to what is around the mark.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import groupby

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Span

COLUMNS_MAX = 100
"""Columns that are shown of a source line; of a longer one, the part around the mark."""

COLUMNS_MIN = 20
TAB_COLUMNS = 4

REACH_LINES_MAX = 8
"""Lines that are shown whole of a mark over several; of more, the first and the last."""

REACHES_MAX = 3
"""Brackets side by side; further marks over several lines only say where they end."""

BOLD, BLUE, RED, GREEN = "1", "1;34", "31", "32"
STYLES = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}

BREAK = re.compile(r"\r\n|\r|\n")
_CUT = "…"
_REPLACED = "\ufffd"
_DELETE = "\x7f"
_JOINERS = "\u200c\u200d"
_CONTROL_PICTURES = 0x2400
"""Where Unicode has symbols for the characters below U+0020, in their order."""

Paint = Callable[[str, str], str]


class Shown(Struct, frozen=True):
    """What is shown of a source line: from the code point `first`, one column for each edge."""

    text: str
    first: int
    edges: list[int]

    def column(self, index: int) -> int:
        """Return the column at which a code point begins; what is cut off stands in the cut."""
        if index < self.first:
            return 0
        return self.edges[min(index - self.first, len(self.edges) - 1)]

    def columns(self, mark: "_Mark") -> tuple[int, int]:
        """Return the columns that a mark covers, at least one."""
        start = self.column(mark.start)
        return start, max(self.column(mark.end), start + 1)


class _Mark(Struct, frozen=True):
    """A stretch of one line, in code points from 0, and how it is marked."""

    line: int
    start: int
    end: int
    sign: str
    style: str
    words: str


class _Reach(Struct, frozen=True):
    """A stretch over lines, drawn as a bracket in the margin, in the `slot`th place from the left.

    `starts_line` says whether only blanks stand before it: then the bracket opens beside the line.
    """

    first: int
    start: int
    last: int
    end: int
    sign: str
    style: str
    words: str
    slot: int
    starts_line: bool

    def lines(self) -> set[int]:
        """Return the lines to show of it."""
        numbers = range(self.first, self.last + 1)
        if len(numbers) <= REACH_LINES_MAX:
            return set(numbers)
        return {*numbers[:2], *numbers[-2:]}


class _Row:
    """A line under construction: characters with their styles, by column."""

    def __init__(self) -> None:
        self._chars: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._chars)

    def put(self, column: int, text: str, style: str) -> None:
        """Write a text, over what stands there."""
        self._chars += [(" ", "")] * (column - len(self._chars))
        self._chars[column : column + len(text)] = [(char, style) for char in text]

    def trimmed(self) -> "_Row":
        """Return the row itself, without blanks at its end."""
        while self._chars and self._chars[-1][0] == " ":
            self._chars.pop()
        return self

    def painted(self, paint: Paint) -> str:
        """Return the line."""
        runs = groupby(self._chars, key=lambda cell: cell[1])
        return "".join(paint("".join(char for char, _ in run), style) for style, run in runs)


class Drawing:
    """The marked source lines of one finding."""

    def __init__(
        self, diagnostic: Diagnostic, lines: Sequence[str], paint: Paint, columns: int
    ) -> None:
        self._lines = lines
        self._paint = paint
        self._marks: list[_Mark] = []
        self._reaches: list[_Reach] = []
        self._add(diagnostic.span, "^", STYLES[diagnostic.severity], "")
        for label in diagnostic.labels:
            self._add(label.span, "-", BLUE, label.message)
        self._margin = 2 * len(self._reaches)
        self._columns = max(columns - self._margin, COLUMNS_MIN)

    @property
    def last_line(self) -> int:
        """Return the greatest line number that is shown."""
        return max(self._numbers())

    def rows(self, width: int) -> list[str]:
        """Return the lines that hold marks, each with its marks below, and hints at the gaps.

        Line numbers take `width` columns.
        """
        rows: list[str] = []
        numbers = sorted(self._numbers())
        for before, number in zip([None, *numbers], numbers, strict=False):
            if before is not None and number == before + 2:
                rows += self._source(before + 1, width)
            elif before is not None and number > before + 2:
                inside = self._cross(_Row(), number, _is_inside)
                dots = self._paint(f"{'...':{width + 3}}" if len(inside) else "...", BLUE)
                rows.append(dots + inside.painted(self._paint))
            rows += self._source(number, width)
            bar = self._paint(" " * width + " |", BLUE)
            below = [row.trimmed().painted(self._paint) for row in self._below(number)]
            rows += [f"{bar} {row}" for row in below]
        return rows

    def _add(self, span: Span, sign: str, style: str, message: str) -> None:
        source = line_of(self._lines, span.start.line)
        start = min(span.start.column - 1, len(source))
        words = visible(message)
        last = span.end.line - (span.end.column == 1)
        if last <= span.start.line:
            end = span.end.column - 1 if span.end.line == span.start.line else len(source)
            mark = _Mark(span.start.line, start, min(end, len(source)), sign, style, words)
            self._marks.append(mark)
        elif len(self._reaches) < REACHES_MAX and last <= len(self._lines):
            closing = line_of(self._lines, last)
            end = span.end.column - 1 if span.end.line == last else len(closing.rstrip())
            starts_line = not source[:start].strip()
            slot = len(self._reaches)
            self._reaches.append(
                _Reach(
                    span.start.line, start, last, max(min(end, len(closing)), 1),
                    sign, style, words, slot, starts_line,
                )
            )  # fmt: skip
        else:
            on = f"… to line {last}"
            words = f"{on}: {words}" if words else on
            mark = _Mark(span.start.line, start, len(source.rstrip()), sign, style, words)
            self._marks.append(mark)

    def _numbers(self) -> set[int]:
        return {mark.line for mark in self._marks}.union(*(r.lines() for r in self._reaches))

    def _cross(self, row: _Row, number: int, crosses: Callable[[_Reach, int], bool]) -> _Row:
        """Draw into the margin of a row a bar for each bracket that crosses it, and return it."""
        for reach in self._reaches:
            if crosses(reach, number):
                row.put(2 * reach.slot, "|", reach.style)
        return row

    def _source(self, number: int, width: int) -> list[str]:
        row = self._cross(_Row(), number, _is_inside)
        for reach in self._reaches:
            if reach.starts_line and reach.first == number:
                row.put(2 * reach.slot, "/", reach.style)
        row.put(self._margin, "", "")
        bar = self._paint(f"{number:>{width}} |", BLUE)
        return [f"{bar} {row.painted(self._paint)}{self._shown(number).text}".rstrip()]

    def _shown(self, number: int) -> Shown:
        anchors = [mark.start for mark in self._marks if mark.line == number]
        anchors += [reach.start for reach in self._reaches if reach.first == number]
        anchors += [reach.end - 1 for reach in self._reaches if reach.last == number]
        return shown(line_of(self._lines, number), anchors[0] if anchors else 0, self._columns)

    def _below(self, number: int) -> list[_Row]:
        """Return the lines below a source line: its marks, and where brackets open and close."""
        here = [mark for mark in self._marks if mark.line == number]
        source = self._shown(number)
        rows = _worded(here, source, self._margin) if here else []
        for row in rows:
            self._cross(row, number, _goes_on)
        for reach in self._reaches:
            if reach.first == number and not reach.starts_line:
                rows.append(self._corner(reach, number, source.column(reach.start)))
        for reach in reversed(self._reaches):
            if reach.last == number:
                row = self._corner(reach, number, source.column(reach.end) - 1)
                row.put(2 * reach.slot, "|", reach.style)
                if reach.words:
                    row.put(len(row) + 1, reach.words, reach.style)
                rows.append(row)
        return rows

    def _corner(self, reach: _Reach, number: int, column: int) -> _Row:
        """Return a line from a bracket to where it opens or closes."""
        row = self._cross(
            _Row(),
            number,
            lambda other, at: (
                other.first < at < other.last
                or (other.slot < reach.slot and other.first < at <= other.last)
                or (other.first == at and other.starts_line)
            ),
        )
        at = self._margin + max(column, 0)
        row.put(2 * reach.slot, " ", "")
        row.put(2 * reach.slot + 1, "_" * (at - 2 * reach.slot - 1), reach.style)
        row.put(at, reach.sign, reach.style)
        return row


def _worded(marks: list[_Mark], source: Shown, margin: int) -> list[_Row]:
    """Return the marks below a source line, then the words that do not fit beside them."""
    signs = _Row()
    for mark in reversed(marks):
        start, end = source.columns(mark)
        signs.put(margin + start, mark.sign * (end - start), mark.style)
    worded = sorted((m for m in marks if m.words), key=lambda m: -source.column(m.start))
    if worded and margin + source.columns(worded[0])[1] == len(signs):
        beside = worded.pop(0)
        signs.put(len(signs) + 1, beside.words, beside.style)
    rows = [signs]
    if worded:
        rows.append(_bars(worded, source, margin))
    for index, mark in enumerate(worded, 1):
        row = _bars(worded[index:], source, margin)
        row.put(margin + source.column(mark.start), mark.words, mark.style)
        rows.append(row)
    return rows


def _bars(marks: list[_Mark], source: Shown, margin: int) -> _Row:
    """Return a line that leads from marks down to their words."""
    row = _Row()
    for mark in reversed(marks):
        row.put(margin + source.column(mark.start), "|", mark.style)
    return row


def _is_inside(reach: _Reach, at: int) -> bool:
    """Whether a bracket stands beside a line that is not its first."""
    return reach.first < at <= reach.last


def _goes_on(reach: _Reach, at: int) -> bool:
    """Whether a bracket crosses the marks below a line."""
    return reach.first < at <= reach.last or (reach.first == at and reach.starts_line)


def line_of(lines: Sequence[str], number: int) -> str:
    """Return a line by its number; behind the last one, an empty one."""
    return lines[number - 1] if number <= len(lines) else ""


def shown(source: str, anchor: int, columns: int = COLUMNS_MAX) -> Shown:
    """Return a source line as it is shown, cut to what is around `anchor` where it is too long."""
    first = max(anchor - columns, 0)
    cells, edges = _cells(source[first : anchor + columns])
    is_whole = len(cells) == len(source)
    if is_whole and edges[-1] <= columns:
        return Shown("".join(cells), 0, edges)
    # A third before the anchor and two behind it, unless the line begins or ends nearer.
    wanted = edges[anchor - first] - columns // 3
    if first + len(cells) == len(source):
        wanted = min(wanted, edges[-1] - columns)
    begin = bisect_left(edges, max(wanted, 0))
    end = bisect_right(edges, edges[begin] + columns) - 1
    before = _CUT if first + begin else ""
    behind = _CUT if first + end < len(source) else ""
    kept = [len(before) + edge - edges[begin] for edge in edges[begin : end + 1]]
    return Shown(f"{before}{''.join(cells[begin:end])}{behind}", first + begin, kept)


def _cells(source: str) -> tuple[list[str], list[int]]:
    """Return how each code point is shown, and the columns at which they begin, and the end."""
    cells: list[str] = []
    edges = [0]
    for char in source:
        at = edges[-1]
        cell = " " * (TAB_COLUMNS - at % TAB_COLUMNS) if char == "\t" else _symbol(char)
        cells.append(cell)
        edges.append(at + sum(map(_columns_of, cell)))
    return cells, edges


def _columns_of(char: str) -> int:
    """Return how many columns of a terminal a visible character takes."""
    if char in _JOINERS or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def visible(text: str) -> str:
    """Return a text as it can be shown on one line."""
    return text if text.isascii() and text.isprintable() else "".join(map(_symbol, text))


def _symbol(char: str) -> str:
    """Return a character, or what stands for one that a terminal would obey instead of show."""
    if char < " ":
        return chr(_CONTROL_PICTURES + ord(char))
    if char == _DELETE:
        return "\u2421"
    is_hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return _REPLACED if is_hidden and char not in _JOINERS else char
