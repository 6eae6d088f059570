"""What an editor can do about findings: their fixes, all safe fixes, a comment that ignores one."""

import re
from collections.abc import Callable, Iterator

from lsprotocol import types as lsp

from dagnats.diagnostics.diagnostic import Diagnostic, Severity
from dagnats.diagnostics.fixes import SAFE, mend, usable
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.positions import Lines
from dagnats.source.document import Mapping, Sequence, walk

Edited = Callable[[list[tuple[int, int, str]]], lsp.WorkspaceEdit]

FIX_ALL = "source.fixAll.dagnats"
_JSON = re.compile(r"\ufeff?\s*[{\[]")


def quick_fixes(
    analysis: Analysis,
    start: int,
    end: int,
    edited: Edited,
    shown: Callable[[Diagnostic], lsp.Diagnostic],
) -> Iterator[lsp.CodeAction]:
    """Yield the fixes of the findings that touch a range, safe ones first and preferred."""
    for finding in touching(analysis, start, end):
        preferred = usable(finding, unsafe=False)
        for fix in sorted(finding.fixes, key=lambda each: each.applicability != SAFE):
            edits = [(e.span.start.offset, e.span.end.offset, e.text) for e in fix.edits]
            if edits:
                yield lsp.CodeAction(
                    title=fix.title if fix.applicability == SAFE else f"{fix.title} (unsafe)",
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[shown(finding)],
                    is_preferred=fix is preferred,
                    edit=edited(edits),
                )


def ignoring(
    analysis: Analysis,
    start: int,
    end: int,
    edited: Edited,
    shown: Callable[[Diagnostic], lsp.Diagnostic],
) -> Iterator[lsp.CodeAction]:
    """Yield comments that ignore the findings that touch a range; JSON has none, errors stay."""
    if _JSON.match(analysis.text):
        return
    lines = Lines(analysis.text)
    seen: set[tuple[str, int]] = set()
    for finding in touching(analysis, start, end):
        at = _entry_line(analysis, lines, finding)
        if finding.severity is Severity.ERROR or (finding.code, at) in seen:
            continue
        seen.add((finding.code, at))
        line = lines.line(at)
        indent = line[: len(line) - len(line.lstrip())]
        offset = lines.start(at) + analysis.text.startswith("\ufeff", lines.start(at))
        comment = f"{indent}# dagnats: ignore[{finding.code}]{line_break(analysis.text)}"
        yield lsp.CodeAction(
            title=f"ignore {finding.code} here",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[shown(finding)],
            edit=edited([(offset, offset, comment)]),
        )


def touching(analysis: Analysis, start: int, end: int) -> Iterator[Diagnostic]:
    """Yield the findings about this text that touch a range."""
    for finding in analysis.findings:
        span = finding.span
        if finding.file is None and span.start.offset <= end and start <= span.end.offset:
            yield finding


def _entry_line(analysis: Analysis, lines: Lines, finding: Diagnostic) -> int:
    """Return the last line up to a finding on which an entry or item begins."""
    wanted = lines.number(finding.span.start.offset)
    best = 0
    if analysis.document is None:
        return wanted
    for node in walk(analysis.document.root):
        starts: list[int] = []
        if isinstance(node, Mapping):
            starts = [entry.key_span.start.offset for entry in node.written]
        elif isinstance(node, Sequence):
            starts = [item.span.start.offset for item in node.items]
        for offset in starts:
            number = lines.number(offset)
            before = analysis.text[lines.start(number) : offset]
            if best < number <= wanted and not before.strip("\ufeff \t-"):
                best = number
    return best


def fixed(analysis: Analysis, judge: Callable[[str], tuple[Diagnostic, ...]]) -> str | None:
    """Return the text with every safe fix applied, None where that changes nothing."""
    if not any(usable(finding, unsafe=False) for finding in analysis.findings):
        return None
    mended = mend(analysis.text, judge, unsafe=False)
    return mended.text if mended.text != analysis.text else None


def change(before: str, after: str) -> list[tuple[int, int, str]]:
    """Return the one edit that makes a text another one, as small as it can be."""
    if before == after:
        return []
    limit = min(len(before), len(after))
    start = next((at for at in range(limit) if before[at] != after[at]), limit)
    tail = 0
    while tail < limit - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    # Not between the two characters of a line break: an editor has no place there.
    while start > 0 and before[start - 1 : start] == "\r":
        start -= 1
    while tail > 0 and before[len(before) - tail] == "\n":
        tail -= 1
    return [(start, len(before) - tail, after[start : len(after) - tail])]


def line_break(text: str) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"
