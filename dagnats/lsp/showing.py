"""Findings as an editor shows them: with tags, places that belong to them, a page on the code."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from lsprotocol import types as lsp

from dagnats.diagnostics.catalog import CATALOG, Entry
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Source
from dagnats.lsp.desk import CHARS_MAX, Open
from dagnats.lsp.positions import Lines
from dagnats.source.document import Document, Mapping, Scalar, Sequence

SOURCE = "dagnats"
_LEVELS = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}
_UNNECESSARY = ("unused", "unreachable", "never", "without-effect", "repeated", "idle", "redundant")
_DEPRECATED = ("old-", "deprecated", "legacy")


class Pages:
    """Explanations of codes as files to link to, written when they are first needed."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._known: dict[str, str | None] = {}

    def link(self, code: str) -> str | None:
        """Return the address of the page of a code; None where there is none."""
        if code not in self._known:
            self._known[code] = self._write(code)
        return self._known[code]

    def _write(self, code: str) -> str | None:
        entry = CATALOG.get(code)
        if entry is None:
            return None
        try:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="dagnats-explain-"))
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            page = self._folder / f"{code}.md"
            page.write_text(explanation(code, entry), encoding="utf-8")
        except OSError:
            return None
        return page.as_uri()


def explanation(code: str, entry: Entry) -> str:
    """Return the page of a code."""
    return (
        f"# {code} {entry.name}\n\n{entry.title}\n\n{entry.explanation.strip()}\n\n"
        f"Found in:\n\n```yaml\n{entry.bad.strip()}\n```\n\n"
        f"Mended:\n\n```yaml\n{entry.good.strip()}\n```\n"
    )


def ranged(lines: Lines, start: int, end: int) -> lsp.Range:
    """Return a range as the editor counts."""
    return lsp.Range(lsp.Position(*lines.point(start)), lsp.Position(*lines.point(end)))


def shown(  # noqa: PLR0913, PLR0917 (a finding, and where)
    finding: Diagnostic,
    uri: str,
    path: str,
    lines: Lines,
    document: Document | None,
    pages: Pages,
) -> lsp.Diagnostic:
    """Return a finding; one about an imported file stands at its import, and leads there."""
    related = [
        _related(
            label.message, label.span.start.offset, label.span.end.offset, uri, lines, label.file
        )
        for label in finding.labels
    ]
    span = finding.span
    start, end = span.start.offset, span.end.offset
    message = finding.message
    if finding.file is not None:
        related.insert(0, _related("here", start, end, uri, lines, finding.file))
        message = f"{os.path.relpath(finding.file.name, Path(path).parent)}: {message}"
        start, end = _import(document, finding.file.name, path)
    if finding.help:
        message = f"{message}\nhelp: {finding.help}"
    link = pages.link(finding.code)
    return lsp.Diagnostic(
        range=ranged(lines, start, end),
        message=message,
        severity=_LEVELS[finding.severity],
        code=finding.code,
        code_description=None if link is None else lsp.CodeDescription(link),
        source=SOURCE,
        tags=_tags(finding.code),
        related_information=related or None,
    )


def notices(document: Open, left_out: int) -> list[lsp.Diagnostic]:
    """Return what is told of a document beside its findings."""
    start = ranged(document.lines, 0, 0)
    told = []
    if document.is_huge:
        told.append(
            f"not judged while it is edited: it has {len(document.text):,} characters, more than "
            f"{CHARS_MAX:,}; run `dagnats lint`"
        )
    if left_out:
        told.append(f"{left_out} more findings are not shown")
    information = lsp.DiagnosticSeverity.Information
    return [lsp.Diagnostic(start, text, information, source=SOURCE) for text in told]


def _related(  # noqa: PLR0913, PLR0917 (a label, and where)
    message: str, start: int, end: int, uri: str, lines: Lines, file: Source | None
) -> lsp.DiagnosticRelatedInformation:
    if file is not None:
        uri, lines = Path(file.name).absolute().as_uri(), Lines(file.text)
    return lsp.DiagnosticRelatedInformation(lsp.Location(uri, ranged(lines, start, end)), message)


def _tags(code: str) -> list[lsp.DiagnosticTag] | None:
    entry = CATALOG.get(code)
    if entry is None or entry.severity is Severity.ERROR:
        return None
    if any(word in entry.name for word in _DEPRECATED):
        return [lsp.DiagnosticTag.Deprecated]
    if any(word in entry.name for word in _UNNECESSARY):
        return [lsp.DiagnosticTag.Unnecessary]
    return None


def _import(document: Document | None, name: str, path: str) -> tuple[int, int]:
    """Return where a file is imported: its own item, or the list where another one imports it."""
    root = None if document is None else document.root
    held = root.get("imports") if isinstance(root, Mapping) else None
    if not isinstance(held, Sequence):
        return 0, 0
    for item in held.items:
        if isinstance(item, Scalar) and _same(str(item.value), path, name):
            return item.span.start.offset, item.span.end.offset
    return held.span.start.offset, held.span.end.offset


def _same(written: str, path: str, name: str) -> bool:
    return os.path.normpath(Path(path).parent / written) == os.path.normpath(name)
