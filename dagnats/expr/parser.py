"""Text to tree: bare CEL, and strings with `${{ … }}` in them.

The tables come from `grammar/expression.lark`; this module drives them over the tokens, builds
the nodes, and says in an author's words what is wrong where.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagnats.diagnostics.diagnostic import Diagnostic, Position, Sink, Span
from dagnats.expr import _grammar as grammar
from dagnats.expr.ast import INTERPOLATE, Call, Expr, Literal, children
from dagnats.expr.builder import ACTIONS, Builder, SyntaxMistake, Value
from dagnats.expr.mistakes import explain

EXPRESSION_CHARS_MAX = 16_384
EXPRESSION_DEPTH_MAX = 96

INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_match_token = re.compile(grammar.TOKENS).match
_REDUCTIONS: tuple[tuple[str, int, Callable[[Builder, list[Value]], Any] | None], ...] = tuple(
    (symbol, length, ACTIONS[action] if action else None)
    for symbol, length, action in grammar.RULES
)
_SKIPPED = frozenset({"WHITESPACE", "COMMENT"})
_OPEN = re.compile(r"\$?\$\{\{")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text stands in its file.

    `position` is the place of its first character. When the text does not stand there character
    by character (`verbatim` false), everything in it is placed at `span`.
    """

    position: Position
    span: Span
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression, and where each of its nodes stands."""

    expr: Expr
    spans: Mapping[int, Span]


class Places(Mapping[int, Span]):
    """Spans of nodes, worked out when asked for: most are never looked at."""

    __slots__ = ("_lines", "_origin", "_ranges", "_text")

    def __init__(self, text: str, origin: Origin, ranges: dict[int, tuple[int, int]]) -> None:
        self._text = text
        self._origin = origin
        self._ranges = ranges
        self._lines: list[int] | None = None

    def __getitem__(self, key: int) -> Span:
        return self.span(*self._ranges[key])

    def __iter__(self) -> Iterator[int]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` up to `end` of the text stand."""
        if not self._origin.verbatim:
            return self._origin.span
        return Span(self._position(start), self._position(end))

    def _position(self, index: int) -> Position:
        if self._lines is None:
            self._lines = [i + 1 for i, char in enumerate(self._text) if char == "\n"]
        base = self._origin.position
        line = bisect_right(self._lines, index)
        column = index - self._lines[line - 1] + 1 if line else base.column + index
        return Position(base.offset + index, base.line + line, column)


def parse_expression(text: str, origin: Origin, sink: Sink, *, first_id: int = 1) -> Parsed | None:
    """Parse bare CEL; None when it does not parse, and then the sink has DN4001.

    Node ids count up from `first_id`.
    """
    builder = Builder(first_id)
    places = Places(text, origin, builder.ranges)
    expr = _parse(text, 0, len(text), builder, places, sink)
    return None if expr is None else Parsed(expr, places)


def parse_template_text(
    text: str, origin: Origin, sink: Sink, *, first_id: int = 1
) -> Parsed | None:
    """Parse a string that may hold `${{ … }}`; None when one does not parse (DN4001, DN4005).

    One expression alone keeps its type, in a text it becomes text, and `$${{` stands for `${{`.
    Without an expression the result is a Literal.
    """
    builder = Builder(first_id)
    places = Places(text, origin, builder.ranges)
    parts: list[Expr] = []
    words = ""
    at = 0
    failed = False
    while opening := _OPEN.search(text, at):
        words += text[at : opening.start()]
        if opening.group() == "$${{":
            words += "${{"
            at = opening.end()
            continue
        end = _closing(text, opening.end())
        if end is None:
            sink.add(_unclosed(places, opening.start(), len(text)))
            return None
        expr = _parse(text, opening.end(), end, builder, places, sink)
        failed = failed or expr is None
        if words:
            parts.append(builder.literal(words, at, opening.start()))
            words = ""
        if expr is not None:
            parts.append(expr)
        at = end + 2
    if failed:
        return None
    words += text[at:]
    if not parts:
        return Parsed(builder.literal(words, 0, len(text)), places)
    if words:
        parts.append(builder.literal(words, at, len(text)))
    if len(parts) == 1:
        return Parsed(parts[0], places)
    whole = Call(INTERPOLATE, tuple(parts), None, builder.next)
    return Parsed(builder.add(whole, 0, len(text)), places)


def _closing(text: str, start: int) -> int | None:
    """Return where `}}` closes the expression that begins at `start`, strings and braces aside."""
    at, depth = start, 0
    while at < len(text):
        if text.startswith("}}", at) and depth == 0:
            return at
        token = _match_token(text, at)
        if token is None:
            at += 1
            continue
        depth += {"LBRACE": 1, "RBRACE": -1}.get(token.lastgroup or "", 0)
        depth = max(depth, 0)
        at = token.end()
    # A mistake inside, such as a quote left open, may have hidden the end.
    found = text.find("}}", start)
    return None if found < 0 else found


def _unclosed(places: Places, start: int, end: int) -> Diagnostic:
    return Diagnostic(
        "DN4005",
        "`${{` is never closed",
        places.span(start, end),
        help="end the expression with `}}`, or write `$${{` for the characters themselves",
    )


def _parse(  # noqa: PLR0913, PLR0917 (a window of a text, and where things go)
    text: str, start: int, end: int, builder: Builder, places: Places, sink: Sink
) -> Expr | None:
    if end - start > EXPRESSION_CHARS_MAX:
        message = f"the expression is longer than {EXPRESSION_CHARS_MAX} characters"
        mistake = SyntaxMistake(message, start, end, "split it over several steps")
    else:
        try:
            expr = _drive(text, start, end, builder)
            _verify(expr, builder)
        except SyntaxMistake as caught:
            mistake = caught
        else:
            return expr
    span = places.span(mistake.start, mistake.end)
    sink.add(Diagnostic("DN4001", mistake.message, span, help=mistake.help))
    return None


def _drive(text: str, start: int, end: int, builder: Builder) -> Expr:
    """Run the tables over the tokens; raises SyntaxMistake."""
    rows, words = grammar.STATES, grammar.WORDS
    states = [grammar.START]
    values: list[Value] = []
    row = rows[states[0]]
    at = start
    while True:
        kind, token_start, at = _next_token(text, at, end)
        if kind == "IDENT":
            word = text[token_start:at]
            kind = words.get(word, kind)
        while True:
            action = row.get(kind)
            if action is None:
                raise explain(text, start, end, kind, token_start, at, row)
            if action >= 0:
                break
            symbol, length, build = _REDUCTIONS[-1 - action]
            if build is not None:
                built = build(builder, values[-length:])
                del values[-length:], states[-length:]
                values.append(built)
            else:
                del states[-1]
            state = rows[states[-1]][symbol]
            if state == grammar.END:
                expr: Expr = values[-1][0]
                return expr
            states.append(state)
            row = rows[state]
        values.append((text[token_start:at], token_start, at))
        states.append(action)
        row = rows[action]


def _next_token(text: str, at: int, end: int) -> tuple[str, int, int]:
    """Return the kind, start and end of the next token; kind `?` is no token at all."""
    while at < end:
        token = _match_token(text, at, end)
        if token is None:
            return "?", at, at + 1
        kind = token.lastgroup or ""
        if kind not in _SKIPPED:
            return kind, at, token.end()
        at = token.end()
    return "$END", end, end


def _verify(expr: Expr, builder: Builder) -> None:
    """Refuse what the grammar cannot: too deep a tree, numbers out of range."""
    level: list[Expr] = [expr]
    depth = 0
    while level:
        depth += 1
        if depth > EXPRESSION_DEPTH_MAX:
            start, end = builder.ranges[level[0].id]
            message = f"the expression is nested deeper than {EXPRESSION_DEPTH_MAX} levels"
            raise SyntaxMistake(message, start, end, "split it over several steps")
        for node in level:
            if type(node) is Literal and type(node.value) is int:
                _verify_integer(node, builder)
        level = [child for node in level for child in children(node)]


def _verify_integer(node: Literal, builder: Builder) -> None:
    if not INT_MIN <= node.value <= INT_MAX:
        start, end = builder.ranges[node.id]
        message = f"the integer `{node.value}` does not fit in 64 bits"
        raise SyntaxMistake(message, start, end, f"write it as a double, `{node.value}.0`")
