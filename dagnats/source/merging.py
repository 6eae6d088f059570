"""Merge keys: `<<` puts the entries of other mappings where it stands.

A key that is written in the mapping itself wins; of several merged mappings the first that has the
key does. Merged entries keep the place where they were written, and remember their `<<`, so that a
finding about one is told with the merges that brought it.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence

KEY = "<<"
ORIGINS_MAX = 8
"""Merges through which one entry came that are remembered, nearest first."""

LABELS_MAX = 3
"""Merges of one written value that a finding about it names."""


def is_merge(key: Scalar) -> bool:
    """Whether a key merges: in quotes, `<<` is a key like others."""
    return key.style == "plain" and key.value == KEY


def merged(written: Iterable[Entry], merge: Entry, sink: Sink) -> tuple[Entry, ...]:
    """Return the entries of a mapping with those that its merge brings, in their order."""
    own = list(written)
    taken = {entry.key for entry in own if entry is not merge}
    found: dict[str, Entry] = {}
    for source in _sources(merge, sink):
        for entry in source.entries:
            if entry.key in taken:
                continue
            if (first := found.get(entry.key)) is not None:
                if first.value is not entry.value:
                    sink.add(_twice(first, entry, merge))
                continue
            origins = (merge.key_span, *entry.merged[: ORIGINS_MAX - 1])
            found[entry.key] = Entry(entry.key, entry.key_span, entry.value, origins)
    entries: list[Entry] = []
    for entry in own:
        entries += found.values() if entry is merge else [entry]
    return tuple(entries)


def label_merges(findings: Iterable[Diagnostic], document: Document) -> tuple[Diagnostic, ...]:
    """Return the findings; each about a merged entry says in a label where it was merged."""
    kept = list(findings)
    brought = _brought(document.root) if kept and KEY in document.text else {}
    if not brought:
        return tuple(kept)
    # Places of entries lie apart or within each other: those that hold a place are a stack.
    waiting = sorted(brought, key=lambda span: (span.start, -span.end.offset), reverse=True)
    around: list[Span] = []
    for number in sorted(range(len(kept)), key=lambda n: kept[n].span):
        start, end = kept[number].span
        while waiting and waiting[-1].start <= start:
            span = waiting.pop()
            while around and around[-1].end <= span.start:
                around.pop()
            around.append(span)
        holding = [span for span in around if start < span.end and end <= span.end]
        origins = {origin for span in holding for origin in brought[span]}
        kept[number] = _labelled(kept[number], origins)
    return tuple(kept)


def _labelled(finding: Diagnostic, origins: set[Span]) -> Diagnostic:
    there = {label.span for label in finding.labels} | {finding.span}
    labels = [Label(origin, "merged here") for origin in sorted(origins - there)[:LABELS_MAX]]
    return replace(finding, labels=(*finding.labels, *labels)) if labels else finding


def _brought(root: Node) -> dict[Span, set[Span]]:
    """Return where merged keys and values were written, each with the `<<` by which they came."""
    found: dict[Span, set[Span]] = {}
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Sequence):
            stack += node.items
        elif isinstance(node, Mapping):
            for entry in node.entries:
                stack.append(entry.value)
                for place in (entry.key_span, entry.value.span) if entry.merged else ():
                    found.setdefault(place, set()).update(entry.merged)
    return found


def _sources(merge: Entry, sink: Sink) -> list[Mapping]:
    """Return the mappings that a merge names; the sink says what is none."""
    value = merge.value
    nodes = value.items if isinstance(value, Sequence) else (value,)
    found = [node for node in nodes if isinstance(node, Mapping)]
    if len(found) < len(nodes) or not nodes:
        message = "`<<` merges mappings, and this is none"
        help_ = "write `<<: *name`, where `&name` stands before a mapping, or a list of these"
        labels = tuple(
            Label(node.span, "this is no mapping")
            for node in nodes
            if not isinstance(node, Mapping)
        )
        sink.add(Diagnostic("DN1007", message, merge.key_span, labels=labels, help=help_))
    return found


def _twice(first: Entry, second: Entry, merge: Entry) -> Diagnostic:
    labels = (
        Label(first.key_span, "this one counts"),
        Label(second.key_span, "this one does not"),
    )
    message = f"two of the merged mappings have the key `{first.key}`"
    help_ = f"write `{first.key}` beside the `<<`, or remove one of them"
    return Diagnostic(
        "DN1025", message, merge.key_span, Severity.WARNING, labels=labels, help=help_
    )
