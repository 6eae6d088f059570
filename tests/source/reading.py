"""What the tests of documents share: reading, slicing, and doing what a fix says."""

import re

from dagnats.diagnostics.diagnostic import Position, Severity, Sink
from dagnats.source.document import Mapping, Sequence
from dagnats.source.reader import read

BREAK = re.compile(r"\r\n|\r|\n")


def read_text(text):
    """Return the document, or None, and the findings."""
    sink = Sink()
    document = read(text, "a.yaml", sink)
    return document, sink.sorted()


def clean(text):
    """Return the document of a text that draws no finding."""
    document, findings = read_text(text)
    assert findings == ()
    return document


def hinted(text, *codes):
    """Return the document of a text that draws hints at most, and findings of those codes."""
    document, findings = read_text(text)
    assert all(f.severity is Severity.INFO or f.code in codes for f in findings)
    return document


def part(text, span):
    return text[span.start.offset : span.end.offset]


def shown(span):
    """Return a span as `line:column-line:column`."""
    start, end = span.start, span.end
    return f"{start.line}:{start.column}-{end.line}:{end.column}"


def apply(text, fix):
    """Return the text with the edits of a fix made in it, by offset."""
    for edit in sorted(fix.edits, key=lambda e: e.span, reverse=True):
        text = text[: edit.span.start.offset] + edit.text + text[edit.span.end.offset :]
    return text


def position(text, offset):
    """Return the place of an offset, worked out the slow way."""
    before = text[:offset].removeprefix("\ufeff")
    if text[offset - 1 : offset + 1] == "\r\n":
        before = before[:-1]
    lines = BREAK.split(before)
    return Position(offset, len(lines), len(lines[-1]) + 1)


def nodes(node, path="$"):
    """Yield path and span of every key (`$.a:`) and every value (`$.a`) of a tree."""
    yield path, node.span
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield f"{path}.{entry.key}:", entry.key_span
            yield from nodes(entry.value, f"{path}.{entry.key}")
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from nodes(item, f"{path}[{index}]")


def spans(findings):
    """Yield every span that findings hold."""
    for finding in findings:
        yield finding.span
        yield from (label.span for label in finding.labels)
        yield from (edit.span for fix in finding.fixes for edit in fix.edits)
