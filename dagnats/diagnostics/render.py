"""Findings as text for people and as JSON for programs. Nothing is printed or read here.

What comes from an author (source lines, messages, file names) reaches no terminal raw: characters
that would move the cursor, change colours or reorder a line are shown by a symbol instead.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dagnats.diagnostics.diagnostic import Diagnostic, Fix, Position, Severity, Span

JSON_VERSION = 1
PAGE = "docs/diagnostics.md"

SOURCE_COLUMNS_MAX = 100
"""Columns that are shown of a source line; of a longer one, the part around the mark."""

TAB_COLUMNS = 4

_BOM = "\ufeff"
_BREAK = re.compile(r"\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CUT = "…"
_REPLACED = "\ufffd"
_DELETE = "\x7f"
_JOINERS = "\u200c\u200d"
_CONTROL_PICTURES = 0x2400
"""Where Unicode has symbols for the characters below U+0020, in their order."""

_BOLD, _BLUE = "1", "1;34"
_STYLES = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}

_Paint = Callable[[str, str], str]


def render_full(diagnostics: Sequence[Diagnostic], text: str, name: str, *, colour: bool) -> str:
    """Return the findings about `text` with the source lines they are about, marked.

    In the order given, an empty line between two; ANSI colours only with `colour`. The result
    ends with a line break, or is empty when there are no findings.
    """
    paint = _coloured if colour else _plain
    lines = _BREAK.split(text.removeprefix(_BOM))
    blocks = [_block(diagnostic, lines, name, paint) for diagnostic in diagnostics]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def render_concise(diagnostics: Sequence[Diagnostic], text: str, name: str) -> str:  # noqa: ARG001
    """Return one line for each finding: `file:line:column: error[DN3002] message`.

    `text` is taken so that all that render findings are called alike.
    """
    return "".join(
        f"{_place(name, d.span)}: {d.severity}[{d.code}] {_visible(d.message)}\n"
        for d in diagnostics
    )


def render_json(found: Mapping[str, Sequence[Diagnostic]]) -> dict[str, Any]:
    """Return the findings of several files, by name, as docs/diagnostics.md describes."""
    severities = [d.severity for diagnostics in found.values() for d in diagnostics]
    return {
        "version": JSON_VERSION,
        "files": len(found),
        "summary": {f"{severity}s": severities.count(severity) for severity in Severity},
        "diagnostics": [_finding(d, name) for name, findings in found.items() for d in findings],
    }


def _finding(diagnostic: Diagnostic, name: str) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": _encodable(diagnostic.message),
        "file": _encodable(name),
        "range": _range(diagnostic.span),
        "labels": [
            {"range": _range(label.span), "message": _encodable(label.message)}
            for label in diagnostic.labels
        ],
        "help": None if diagnostic.help is None else _encodable(diagnostic.help),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
        "url": _url(diagnostic.code),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": _encodable(fix.title),
        "applicability": fix.applicability,
        "edits": [
            {"range": _range(edit.span), "text": _encodable(edit.text)} for edit in fix.edits
        ],
    }


def _encodable(text: str) -> str:
    """Return a text without lone surrogates: names of files and escapes in YAML may hold some."""
    return text if text.isascii() else _SURROGATE.sub(_REPLACED, text)


def _range(span: Span) -> dict[str, Any]:
    return {"start": _position(span.start), "end": _position(span.end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column, "offset": position.offset}


def _url(code: str) -> str:
    """Return the link to what the page says about a code."""
    # Most documents are clean, and need no catalogue.
    from dagnats.diagnostics.catalog import CATALOG

    return f"{PAGE}#{code.lower()}-{CATALOG[code].name}"


def _place(name: str, span: Span) -> str:
    return f"{_visible(name)}:{span.start.line}:{span.start.column}"


@dataclass(frozen=True, slots=True)
class _Mark:
    """A stretch of one line, in code points from 0, and how it is marked."""

    line: int
    start: int
    end: int
    sign: str
    style: str
    words: str


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of a source line: from the code point `first`, one column for each edge."""

    text: str
    first: int
    edges: list[int]

    def column(self, index: int) -> int:
        """Return the column at which a code point begins; what is cut off stands in the cut."""
        if index < self.first:
            return 0
        return self.edges[min(index - self.first, len(self.edges) - 1)]

    def columns(self, mark: _Mark) -> tuple[int, int]:
        """Return the columns that a mark covers, at least one."""
        start = self.column(mark.start)
        return start, max(self.column(mark.end), start + 1)


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

    def painted(self, paint: _Paint) -> str:
        """Return the line."""
        runs = groupby(self._chars, key=lambda cell: cell[1])
        return "".join(paint("".join(char for char, _ in run), style) for style, run in runs)


def _block(diagnostic: Diagnostic, lines: list[str], name: str, paint: _Paint) -> str:
    marks = _marks(diagnostic, lines)
    width = len(str(max(mark.line for mark in marks)))
    title = paint(f"{diagnostic.severity}[{diagnostic.code}]", _STYLES[diagnostic.severity])
    message = paint(f": {_visible(diagnostic.message)}", _BOLD)
    arrow = paint(" " * width + "-->", _BLUE)
    block = [f"{title}{message}", f"{arrow} {_place(name, diagnostic.span)}"]
    bar = paint(" " * width + " |", _BLUE)
    block += [bar, *_snippet(marks, lines, width, paint)]
    notes = _notes(diagnostic)
    if notes:
        block.append(bar)
    sign = paint(" " * width + " =", _BLUE)
    block += [f"{sign} {paint(f'{kind}:', _BOLD)} {words}" for kind, words in notes]
    return "\n".join(block)


def _notes(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    """Return what to do: the help, unless a fix says the same, and the fixes."""
    notes = []
    if diagnostic.help and diagnostic.help not in {fix.title for fix in diagnostic.fixes}:
        notes.append(("help", _visible(diagnostic.help)))
    for fix in diagnostic.fixes:
        unsafe = "" if fix.applicability == "safe" else " (unsafe)"
        notes.append(("fix", f"{_visible(fix.title)}{unsafe}"))
    return notes


def _marks(diagnostic: Diagnostic, lines: list[str]) -> list[_Mark]:
    """Return what is marked, the place of the finding first."""
    style = _STYLES[diagnostic.severity]
    return [
        _mark(diagnostic.span, lines, "^", style, ""),
        *(_mark(label.span, lines, "-", _BLUE, label.message) for label in diagnostic.labels),
    ]


def _mark(span: Span, lines: list[str], sign: str, style: str, message: str) -> _Mark:
    source = _line(lines, span.start.line)
    start = min(span.start.column - 1, len(source))
    last = span.end.line - (span.end.column == 1)
    if last > span.start.line:
        on = f"… to line {last}"
        words = f"{on}: {_visible(message)}" if message else on
        return _Mark(span.start.line, start, len(source.rstrip()), sign, style, words)
    end = span.end.column - 1 if span.end.line == span.start.line else len(source)
    return _Mark(span.start.line, start, min(end, len(source)), sign, style, _visible(message))


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if number <= len(lines) else ""


def _snippet(marks: list[_Mark], lines: list[str], width: int, paint: _Paint) -> list[str]:
    """Return the lines that hold marks, each with its marks below, and hints at what is between."""
    snippet: list[str] = []
    numbers = sorted({mark.line for mark in marks})
    for before, number in zip([None, *numbers], numbers, strict=False):
        if before is not None and number == before + 2:
            snippet.append(_numbered(before + 1, _shown(_line(lines, before + 1), 0), width, paint))
        elif before is not None and number > before + 2:
            snippet.append(paint("...", _BLUE))
        here = [mark for mark in marks if mark.line == number]
        shown = _shown(_line(lines, number), here[0].start)
        snippet.append(_numbered(number, shown, width, paint))
        bar = paint(" " * width + " |", _BLUE)
        snippet += [f"{bar} {row.painted(paint)}" for row in _rows(here, shown)]
    return snippet


def _numbered(number: int, shown: _Shown, width: int, paint: _Paint) -> str:
    bar = paint(f"{number:>{width}} |", _BLUE)
    return f"{bar} {shown.text}".rstrip()


def _rows(marks: list[_Mark], shown: _Shown) -> list[_Row]:
    """Return the lines below a source line: its marks, then the words that do not fit beside."""
    signs = _Row()
    for mark in reversed(marks):
        start, end = shown.columns(mark)
        signs.put(start, mark.sign * (end - start), mark.style)
    worded = sorted((m for m in marks if m.words), key=lambda m: -shown.column(m.start))
    if worded and shown.columns(worded[0])[1] == len(signs):
        beside = worded.pop(0)
        signs.put(len(signs) + 1, beside.words, beside.style)
    rows = [signs]
    if worded:
        rows.append(_bars(worded, shown))
    for index, mark in enumerate(worded, 1):
        row = _bars(worded[index:], shown)
        row.put(shown.column(mark.start), mark.words, mark.style)
        rows.append(row)
    return rows


def _bars(marks: list[_Mark], shown: _Shown) -> _Row:
    """Return a line that leads from marks down to their words."""
    row = _Row()
    for mark in reversed(marks):
        row.put(shown.column(mark.start), "|", mark.style)
    return row


def _shown(source: str, anchor: int) -> _Shown:
    """Return a source line as it is shown, cut to what is around `anchor` where it is too long."""
    first = max(anchor - SOURCE_COLUMNS_MAX, 0)
    cells, edges = _cells(source[first : anchor + SOURCE_COLUMNS_MAX])
    is_whole = len(cells) == len(source)
    if is_whole and edges[-1] <= SOURCE_COLUMNS_MAX:
        return _Shown("".join(cells), 0, edges)
    # A third before the anchor and two behind it, unless the line begins or ends nearer.
    wanted = edges[anchor - first] - SOURCE_COLUMNS_MAX // 3
    if first + len(cells) == len(source):
        wanted = min(wanted, edges[-1] - SOURCE_COLUMNS_MAX)
    begin = bisect_left(edges, max(wanted, 0))
    end = bisect_right(edges, edges[begin] + SOURCE_COLUMNS_MAX) - 1
    before = _CUT if first + begin else ""
    behind = _CUT if first + end < len(source) else ""
    kept = [len(before) + edge - edges[begin] for edge in edges[begin : end + 1]]
    return _Shown(f"{before}{''.join(cells[begin:end])}{behind}", first + begin, kept)


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


def _visible(text: str) -> str:
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


def _plain(text: str, _: str) -> str:
    return text


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style else text
