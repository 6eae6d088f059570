"""The shape of a document for an editor: its symbols, what folds, what a selection grows to."""

from collections.abc import Callable, Iterator

from lsprotocol import types as lsp

from dagnats.compiler.outline import bodies
from dagnats.diagnostics.diagnostic import Span
from dagnats.lang import tree
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.positions import Lines
from dagnats.lsp.where import locate
from dagnats.source.document import Entry, Mapping, Scalar, Sequence, walk

Kind = lsp.SymbolKind
Ranged = Callable[[int, int], lsp.Range]

_SECTIONS = {
    "input": Kind.Interface,
    "imports": Kind.Module,
    "tasks": Kind.Namespace,
    "events": Kind.Namespace,
    "schemas": Kind.Namespace,
    "vars": Kind.Namespace,
    "triggers": Kind.Event,
    "output": Kind.Property,
}
_INNER = {
    "tasks": Kind.Interface,
    "events": Kind.Event,
    "schemas": Kind.Struct,
    "vars": Kind.Variable,
}
_CONTAINERS = {"map", "loop", "agent_loop", "switch"}


def symbols(analysis: Analysis, ranged: Ranged) -> list[lsp.DocumentSymbol]:
    """Return the symbols of a document, steps with those of their bodies inside."""
    root = analysis.root
    if root is None:
        return []
    found: list[tuple[int, lsp.DocumentSymbol]] = []
    for key, kind in _SECTIONS.items():
        if (entry := root.keys.get(key)) is not None:
            section = _symbol(key, "", kind, entry.key_span, _whole(entry), ranged)
            section.children = list(_inside(entry, _INNER.get(key), ranged)) or None
            found.append((entry.key_span.start.offset, section))
    lists: dict[str, tuple[tree.Step, ...]] = {}
    if isinstance(root, tree.Workflow):
        lists = {"steps": root.steps, "finally": root.finally_}
    for key, steps in lists.items():
        if (entry := root.keys.get(key)) is not None:
            section = _symbol(key, "", Kind.Array, entry.key_span, _whole(entry), ranged)
            section.children = [_step(step, ranged) for step in steps] or None
            found.append((entry.key_span.start.offset, section))
    return [symbol for _, symbol in sorted(found, key=lambda each: each[0])]


def _inside(entry: Entry, kind: Kind | None, ranged: Ranged) -> Iterator[lsp.DocumentSymbol]:
    if kind is not None and isinstance(entry.value, Mapping):
        for inner in entry.value.written:
            yield _symbol(inner.key, "", kind, inner.key_span, _whole(inner), ranged)


def _step(step: tree.Step, ranged: Ranged) -> lsp.DocumentSymbol:
    detail = step.task or step.type or "normal"
    kind = Kind.Class if step.type in _CONTAINERS else Kind.Function
    symbol = _symbol(step.id, detail, kind, step.place("id"), step.span, ranged)
    inner: list[lsp.DocumentSymbol] = []
    for name, steps in bodies(step):
        children = [_step(each, ranged) for each in steps]
        if name == "steps" or not steps:
            inner += children
            continue
        label = "default" if name == "default" else f"case {int(name) + 1}"
        span = Span(steps[0].span.start, steps[-1].span.end)
        group = _symbol(label, "", Kind.Array, steps[0].place("id"), span, ranged)
        group.children = children
        inner.append(group)
    symbol.children = inner or None
    return symbol


def _whole(entry: Entry) -> Span:
    return Span(entry.key_span.start, max(entry.value.span.end, entry.key_span.end))


def _symbol(  # noqa: PLR0913, PLR0917 (the parts of a symbol)
    name: str, detail: str, kind: Kind, own: Span, whole: Span, ranged: Ranged
) -> lsp.DocumentSymbol:
    """Return a symbol; what is selected lies within the whole, or clients refuse it."""
    start = min(whole.start.offset, own.start.offset)
    end = max(whole.end.offset, own.end.offset)
    return lsp.DocumentSymbol(
        name=name or "(no name)",
        detail=detail or None,
        kind=kind,
        range=ranged(start, end),
        selection_range=ranged(own.start.offset, own.end.offset),
    )


def folds(analysis: Analysis, lines: Lines) -> list[lsp.FoldingRange]:
    """Return what folds: entries and items of more than one line."""
    if analysis.document is None:
        return []
    found: dict[int, int] = {}
    for node in walk(analysis.document.root):
        match node:
            case Mapping():
                for entry in node.written:
                    _fold(found, lines, entry.key_span.start.offset, entry.value.span.end.offset)
            case Sequence(items=items):
                for item in items:
                    _fold(found, lines, item.span.start.offset, item.span.end.offset)
            case Scalar():
                pass
    return [lsp.FoldingRange(start, end) for start, end in sorted(found.items())]


def _fold(found: dict[int, int], lines: Lines, start: int, end: int) -> None:
    first, last = lines.number(start), lines.point(end)
    until = last.line - (last.character == 0 and last.line > first)
    if until > first:
        found[first] = max(found.get(first, first), until)


def selections(analysis: Analysis, offset: int, ranged: Ranged) -> lsp.SelectionRange:
    """Return the ranges around an offset, each inside of the next."""
    spans: list[tuple[int, int]] = []
    if analysis.document is not None:
        spans += [(s.start.offset, s.end.offset) for s in locate(analysis.document, offset).around]
        if (typed := analysis.typed_at(offset)) is not None:
            places = typed.embedded.spans
            nodes = (places.get(node.id) for node in (typed.node, *typed.around))
            spans += [(s.start.offset, s.end.offset) for s in nodes if s is not None]
    chain: lsp.SelectionRange | None = None
    last = (0, len(analysis.text) + 1)
    for start, end in sorted(set(spans), key=lambda span: (span[0] - span[1], span[0])):
        if last[0] <= start <= offset <= end <= last[1] and (start, end) != last:
            chain = lsp.SelectionRange(ranged(start, end), chain)
            last = (start, end)
    return chain or lsp.SelectionRange(ranged(offset, offset))
