"""Findings as text for people and as JSON for programs. Nothing is printed or read here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from dagnats.diagnostics.diagnostic import (
    Diagnostic,
    Fix,
    Label,
    Position,
    Severity,
    Source,
    Span,
)
from dagnats.diagnostics.drawing import (
    BLUE,
    BOLD,
    BREAK,
    COLUMNS_MAX,
    STYLES,
    Drawing,
    Paint,
    visible,
)
from dagnats.diagnostics.places import BOM, Places
from dagnats.diagnostics.suggestion import Suggestion

JSON_VERSION = 1
PAGE = "docs/diagnostics.md"

COLUMNS_WRAPPED_MIN = 40
"""On a terminal that is narrower, what is said is left to the terminal to wrap."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACED = "\ufffd"


def render_full(
    diagnostics: Sequence[Diagnostic],
    text: str,
    name: str,
    *,
    colour: bool,
    columns: int | None = None,
) -> str:
    """Return the findings about `text` with the source lines they are about, marked.

    In the order given, an empty line between two; ANSI colours only with `colour`; made to fit
    `columns`, when they are known. The result ends with a line break, or is empty when there are no
    findings.
    """
    paint = _coloured if colour else _plain
    pages: dict[Source, _Page] = {}
    blocks = []
    for diagnostic in diagnostics:
        source = diagnostic.file or Source(name, text)
        if source not in pages:
            pages[source] = _Page(source.text, source.name, paint, columns)
        blocks.append(pages[source].block(diagnostic, source))
    return "\n\n".join(blocks) + "\n" if blocks else ""


class _Page:
    """A document that findings are shown in."""

    def __init__(self, text: str, name: str, paint: Paint, columns: int | None) -> None:
        self._text = text
        self._name = name
        self._paint = paint
        self._columns = columns
        self._lines = BREAK.split(text.removeprefix(BOM))
        self._places = Places(text)

    def block(self, diagnostic: Diagnostic, source: Source) -> str:
        """Return one finding: what it is, where, the marked source, and what to do."""
        paint = self._paint
        elsewhere = [label for label in diagnostic.labels if label.file not in {None, source}]
        if elsewhere:
            here = tuple(label for label in diagnostic.labels if label not in elsewhere)
            diagnostic = replace(diagnostic, labels=here)
        suggestions = [Suggestion(fix, self._text, self._places) for fix in diagnostic.fixes]
        drawing = Drawing(diagnostic, self._lines, paint, COLUMNS_MAX)
        last = max(drawing.last_line, *(s.last_line for s in suggestions), 0)
        width = len(str(last))
        room = COLUMNS_MAX
        if self._columns is not None:
            room = min(room, self._columns - width - 4)  # the gutter, and the mark of a cut
            drawing = Drawing(diagnostic, self._lines, paint, room)
        first, *more = self._wrapped(
            f"{diagnostic.severity}[{diagnostic.code}]: {visible(diagnostic.message)}", 2
        )
        kind = f"{diagnostic.severity}[{diagnostic.code}]"
        rows = [paint(kind, STYLES[diagnostic.severity]) + paint(first[len(kind) :], BOLD)]
        rows += [paint(row, BOLD) for row in more]
        rows.append(f"{paint(' ' * width + '-->', BLUE)} {_place(self._name, diagnostic.span)}")
        bar = paint(" " * width + " |", BLUE)
        rows += [bar, *drawing.rows(width)]
        notes = []
        for label in elsewhere:
            name = label.file.name if label.file else self._name
            notes += self._note("note", f"{label.message}: {_place(name, label.span)}", width)
        notes += self._notes(diagnostic, suggestions, width, room)
        return "\n".join([*rows, *([bar] if notes else []), *notes])

    def _notes(
        self, diagnostic: Diagnostic, suggestions: list[Suggestion], width: int, room: int
    ) -> list[str]:
        """Return what to do: the help, unless a fix says the same, and the fixes."""
        rows: list[str] = []
        if diagnostic.help and diagnostic.help not in {fix.title for fix in diagnostic.fixes}:
            rows += self._note("help", diagnostic.help, width)
        for fix, suggestion in zip(diagnostic.fixes, suggestions, strict=True):
            unsafe = "" if fix.applicability == "safe" else " (unsafe)"
            rows += self._note("fix", f"{fix.title}{unsafe}", width)
            rows += suggestion.rows(width, self._paint, room)
        return rows

    def _note(self, kind: str, words: str, width: int) -> list[str]:
        sign = f"{' ' * width} = "
        first, *more = self._wrapped(f"{sign}{kind}: {visible(words)}", len(sign) + len(kind) + 2)
        said = first[len(sign) + len(kind) + 1 :]
        mark = self._paint(sign.rstrip(), BLUE)
        return [f"{mark} {self._paint(f'{kind}:', BOLD)}{said}", *more]

    def _wrapped(self, line: str, indent: int) -> list[str]:
        """Return a line in as many as the terminal needs."""
        columns = self._columns
        if columns is None or len(line) <= columns or columns < COLUMNS_WRAPPED_MIN:
            return [line]
        import textwrap

        start = len(line) - len(line.lstrip())
        rows = textwrap.wrap(
            line[start:],
            columns,
            initial_indent=" " * start,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return rows or [line]


def render_concise(diagnostics: Sequence[Diagnostic], text: str, name: str) -> str:  # noqa: ARG001
    """Return one line for each finding: `file:line:column: error[DN3002] message`.

    `text` is taken so that all that render findings are called alike.
    """
    return "".join(
        f"{_place(d.file.name if d.file else name, d.span)}: "
        f"{d.severity}[{d.code}] {visible(d.message)}\n"
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
    name = diagnostic.file.name if diagnostic.file else name
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": encodable(diagnostic.message),
        "file": encodable(name),
        "range": _range(diagnostic.span),
        "labels": [_label(label, name) for label in diagnostic.labels],
        "help": None if diagnostic.help is None else encodable(diagnostic.help),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
        "url": url_of(diagnostic.code),
    }


def _label(label: Label, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {"range": _range(label.span), "message": encodable(label.message)}
    if label.file is not None and label.file.name != name:
        told["file"] = encodable(label.file.name)
    return told


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": encodable(fix.title),
        "applicability": fix.applicability,
        "edits": [{"range": _range(edit.span), "text": encodable(edit.text)} for edit in fix.edits],
    }


def encodable(text: str) -> str:
    """Return a text without lone surrogates: names of files and escapes in YAML may hold some."""
    return text if text.isascii() else _SURROGATE.sub(_REPLACED, text)


def _range(span: Span) -> dict[str, Any]:
    return {"start": _position(span.start), "end": _position(span.end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column, "offset": position.offset}


def url_of(code: str) -> str:
    """Return the link to what the page says about a code."""
    # Most documents are clean, and need no catalogue.
    from dagnats.diagnostics.catalog import CATALOG

    return f"{PAGE}#{code.lower()}-{CATALOG[code].name}"


def _place(name: str, span: Span) -> str:
    return f"{visible(name)}:{span.start.line}:{span.start.column}"


def _plain(text: str, _: str) -> str:
    return text


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text
