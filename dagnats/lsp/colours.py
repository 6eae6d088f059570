"""Semantic tokens of expressions: YAML colours them as plain text."""

from collections.abc import Iterator

from dagnats.expr.ast import Call, Comprehension, Expr, Ident, Literal, Select, walk
from dagnats.lang.tree import Embedded
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.positions import Lines

LEGEND = ("variable", "property", "function", "string", "number", "keyword")
_NUMBERS = {kind: number for number, kind in enumerate(LEGEND)}
_QUOTES = frozenset({'"', "'"})


def semantic_tokens(analysis: Analysis, lines: Lines) -> list[int]:
    """Return the tokens as the protocol packs them: each relative to the one before."""
    found: set[tuple[int, int, int, int]] = set()
    for spot in analysis.expressions:
        for start, end, kind in _tokens(analysis.text, spot.embedded):
            first, last = lines.point(start), lines.point(end)
            if first.line == last.line and first.character < last.character:
                length = last.character - first.character
                found.add((first.line, first.character, length, _NUMBERS[kind]))
    packed: list[int] = []
    line = character = 0
    reached = (0, 0)
    for at_line, at, length, kind_number in sorted(found):
        if (at_line, at) < reached:
            continue  # clients refuse tokens that overlap
        packed += [
            at_line - line,
            at - (character if at_line == line else 0),
            length,
            kind_number,
            0,
        ]
        line, character, reached = at_line, at, (at_line, at + length)
    return packed


def _tokens(text: str, embedded: Embedded) -> Iterator[tuple[int, int, str]]:
    if isinstance(embedded.expr, Literal):
        return
    for node in walk(embedded.expr):
        span = embedded.spans.get(node.id)
        if span is None or (span == embedded.span and isinstance(node, Literal)):
            continue
        start, end = span.start.offset, span.end.offset
        match node:
            case Ident():
                yield start, end, "variable"
            case Select(operand=operand, field=name):
                yield from _named(text, name, _end(embedded, operand, start), end, "property")
            case Call(function=name, target=target) if name[:1].isalpha():
                behind = start if target is None else _end(embedded, target, start)
                yield from _named(text, name, behind, end, "function")
            case Comprehension(macro=name, over=over):
                behind = start if name == "bind" else _end(embedded, over, start)
                yield from _named(text, name, behind, end, "function")
            case Literal(value=value):
                yield from _constant(text, value, start, end)
            case _:
                pass


def _end(embedded: Embedded, node: Expr, otherwise: int) -> int:
    span = embedded.spans.get(node.id)
    return otherwise if span is None else span.end.offset


def _named(text: str, name: str, start: int, end: int, kind: str) -> Iterator[tuple[int, int, str]]:
    at = text.find(name, start, end)
    if at >= 0:
        yield at, at + len(name), kind


def _constant(text: str, value: object, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield a constant of an expression; what a template holds around is no part of one."""
    written = text[start:end]
    if isinstance(value, str):
        if len(written) > 1 and written[0] in _QUOTES and written[-1] == written[0]:
            yield start, end, "string"
    elif isinstance(value, bool) or value is None:
        if written in {"true", "false", "null"}:
            yield start, end, "keyword"
    elif written[:1].isdigit() or written[:1] in {"-", "."}:
        yield start, end, "number"
