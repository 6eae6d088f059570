"""Text to tree: bare CEL, and strings with `${{ … }}` in them.

The tables come from `grammar/expression.lark`; this module drives them over the tokens, builds
the nodes, and says in an author's words what is wrong where.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Diagnostic, Position, Sink, Span
from dagnats.expr.ast import INTERPOLATE, Call, Expr, Ident, Literal, children
from dagnats.expr.syntax import _grammar as grammar
from dagnats.expr.syntax.actions import ACTIONS, verify_integer
from dagnats.expr.syntax.builder import Builder, SyntaxMistake, Value
from dagnats.expr.syntax.memory import Key, active
from dagnats.expr.syntax.tokens import BLANK, SKIPPED, match_token

EXPRESSION_CHARS_MAX = 16_384
EXPRESSION_DEPTH_MAX = 96
MISTAKES_MAX = 16
"""Mistakes in the expressions of one text, beyond which its rest is not looked at."""

_Reduction = tuple[str, int, Callable[[Builder, list[Value]], Any] | None]
_REDUCTIONS: tuple[_Reduction, ...] = tuple(
    (symbol, length, ACTIONS[action] if action else None)
    for symbol, length, action in grammar.RULES
)
_landings: tuple[dict[str, dict[str, int]], ...] = tuple({} for _ in grammar.STATES)
"""By state, symbol that follows it and next token: see `_land`; filled as texts need it."""

_OPEN = re.compile(r"\$?\$\{\{")


class Origin(Struct, frozen=True):
    """Where a text stands in its file.

    `position` is the place of its first character. When the text does not stand there character
    by character (`verbatim` false), `locate` says where a range of it stands; without it
    everything is placed at `span`.
    """

    position: Position
    span: Span
    verbatim: bool
    locate: Callable[[int, int], Span] | None = None


class Parsed(Struct, frozen=True):
    """An expression, and where each of its nodes stands.

    `spans[-id]` is where a comprehension names its variables, if it is one that was written.
    """

    expr: Expr
    spans: Mapping[int, Span]


class Places(Mapping[int, Span]):
    """Spans of nodes, worked out when asked for: most are never looked at."""

    __slots__ = ("_lines", "_origin", "_ranges", "_text")

    def __init__(self, text: str, origin: Origin, ranges: Mapping[int, tuple[int, int]]) -> None:
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
        origin = self._origin
        if not origin.verbatim:
            return origin.span if origin.locate is None else origin.locate(start, end)
        return Span(self._position(start), self._position(end))

    def _position(self, index: int) -> Position:
        if self._lines is None:
            self._lines = [found.end() for found in re.finditer("\n", self._text)]
        base = self._origin.position
        line = bisect_right(self._lines, index)
        column = index - self._lines[line - 1] + 1 if line else base.column + index
        return Position(base.offset + index, base.line + line, column)


def parse_expression(
    text: str, origin: Origin, sink: Sink, *, first_id: int = 1, macros: bool = True
) -> Parsed | None:
    """Parse bare CEL; None when it does not parse, and then the sink has DN4001.

    Node ids count up from `first_id`. Without `macros` every call is an ordinary one.
    """
    key = (text, first_id, "expression" if macros else "calls")
    if (known := _recalled(key, origin)) is not None:
        return known
    builder = Builder(first_id, macros=macros)
    places = Places(text, origin, builder.ranges)
    expr = _parse(text, 0, len(text), builder, places, sink)
    return None if expr is None else _kept(key, expr, places, builder)


def parse_template_text(
    text: str, origin: Origin, sink: Sink, *, first_id: int = 1
) -> Parsed | None:
    """Parse a string that may hold `${{ … }}`; None when one does not parse (DN4001, DN4005).

    One expression alone keeps its type, in a text it becomes text, and `$${{` stands for `${{`.
    Without an expression the result is a Literal.
    """
    key = (text, first_id, "template")
    if (known := _recalled(key, origin)) is not None:
        return known
    builder = Builder(first_id)
    places = Places(text, origin, builder.ranges)
    parts = _Parts(builder)
    at = mistakes = 0
    while opening := _OPEN.search(text, at):
        parts.write(text[at : opening.start()], at)
        if opening.group() == "$${{":
            parts.write("${{", opening.start())
            at = opening.end()
            continue
        start = opening.end()
        end = _closing(text, start)
        if end < 0:
            sink.add(_unclosed(places, opening.start(), len(text)))
            return None
        expr = _parse(text, start, end, builder, places, sink)
        if expr is None:
            mistakes += 1
            if mistakes >= MISTAKES_MAX:
                return None
        else:
            parts.add(expr, opening.start())
        at = end + 2
    if mistakes:
        return None
    parts.write(text[at:], at)
    return _kept(key, parts.finish(len(text)), places, builder)


def _recalled(key: Key, origin: Origin) -> Parsed | None:
    """Return what a text was parsed to before, at its place of today."""
    memory = active()
    known = None if memory is None else memory.recall(key)
    return None if known is None else Parsed(known[0], Places(key[0], origin, known[1]))


def _kept(key: Key, expr: Expr, places: Places, builder: Builder) -> Parsed:
    memory = active()
    if memory is not None:
        memory.keep(key, (expr, builder.ranges))
    return Parsed(expr, places)


class _Parts:
    """Gathers what a template consists of: expressions, and the text between them."""

    __slots__ = ("_builder", "_parts", "_start", "_words")

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._parts: list[Expr] = []
        self._words: list[str] = []
        self._start = 0

    def write(self, words: str, at: int) -> None:
        if not words:
            return
        if not self._words:
            self._start = at
        self._words.append(words)

    def add(self, expr: Expr, at: int) -> None:
        self._flush(at)
        self._parts.append(expr)

    def finish(self, end: int) -> Expr:
        if not self._parts:
            return self._builder.literal("".join(self._words), 0, end)
        self._flush(end)
        if len(self._parts) == 1:
            return self._parts[0]
        whole = Call(INTERPOLATE, tuple(self._parts), None, self._builder.next)
        return self._builder.add(whole, 0, end)

    def _flush(self, end: int) -> None:
        if self._words:
            words = self._builder.literal("".join(self._words), self._start, end)
            self._parts.append(words)
            self._words.clear()


def _closing(text: str, start: int) -> int:
    """Find the `}}` that closes the expression at `start`: strings, maps and the like aside.

    A comment does not hide it. After a mistake inside, such as a quote left open, it is a guess; -1
    when there is none.
    """
    at, depth = start, 0
    limit = min(len(text), start + EXPRESSION_CHARS_MAX + 2)
    while (token := match_token(text, at, limit)) is not None:
        kind = token.lastgroup or ""
        at = token.end()
        if kind == "LBRACE":
            depth += 1
        elif kind == "RBRACE":
            begin = token.start(kind)
            if depth == 0 and text.startswith("}}", begin):
                return begin
            depth = max(depth - 1, 0)
        elif kind == "COMMENT" and depth == 0:
            found = text.find("}}", token.start(kind), at)
            if found >= 0:
                return found
    blank = BLANK.match(text, at)
    stopped = blank.end() if blank else at
    if not text.startswith("${{", stopped) and (found := text.find("}}", stopped)) >= 0:
        return found
    return text.find("}}", start)


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
    try:
        _limit_size(start, end)
        expr = _drive(text, start, end, builder)
        builder.finish()
        _verify(expr, builder)
    except SyntaxMistake as mistake:
        span = places.span(mistake.start, mistake.end)
        sink.add(Diagnostic("DN4001", mistake.message, span, help=mistake.help))
        return None
    return expr


def _limit_size(start: int, end: int) -> None:
    if end - start > EXPRESSION_CHARS_MAX:
        message = f"the expression is longer than {EXPRESSION_CHARS_MAX} characters"
        help_ = "split it over several steps"
        raise SyntaxMistake(f"{message} (EXPRESSION_CHARS_MAX)", start, end, help_)


def _drive(text: str, start: int, end: int, builder: Builder) -> Expr:
    """Run the tables over the tokens; raises SyntaxMistake."""
    rows, words, landings, reductions = grammar.STATES, grammar.WORDS, _landings, _REDUCTIONS
    state = grammar.START
    states = [state]
    values: list[Value] = []
    at = start
    while True:
        token = match_token(text, at, end)
        if token is None:
            kind, token_start, at = _no_token(text, at, end)
        else:
            kind = token.lastgroup or ""
            token_start, at = token.span(kind)
            if kind == "IDENT":
                kind = words.get(text[token_start:at], kind)
            elif kind in SKIPPED:
                continue
        while (action := rows[state].get(kind, _NO_ACTION)) < 0:
            if action == _NO_ACTION:
                from dagnats.expr.syntax.mistakes import explain

                raise explain(text, start, end, kind, token_start, at, rows[state])
            symbol, length, build = reductions[-1 - action]
            if build is not None:
                built = build(builder, values[-length:])
                del values[-length:], states[-length:]
                values.append(built)
            else:
                del states[-1]
            below = states[-1]
            try:
                state = landings[below][symbol][kind]
            except KeyError:
                state = _land(below, symbol, kind)
            if state == grammar.END:
                expr: Expr = values[-1][0]
                return expr
            states.append(state)
        values.append((text[token_start:at], token_start, at))
        states.append(action)
        state = action


_NO_ACTION = -len(grammar.RULES) - 1


def _land(below: int, symbol: str, kind: str) -> int:
    """Return the state after `symbol` on top of `below`, before a token of `kind`.

    Rules without an action only rename what is there, and a name takes ten of them to become an
    expression: they are followed once, and where they lead is kept.
    """
    state = grammar.STATES[below][symbol]
    while state != grammar.END:
        action = grammar.STATES[state].get(kind, 0)
        if action >= 0:
            break
        renamed, _, build = _REDUCTIONS[-1 - action]
        if build is not None:
            break
        state = grammar.STATES[below][renamed]
    _landings[below].setdefault(symbol, {})[kind] = state
    return state


def _no_token(text: str, at: int, end: int) -> tuple[str, int, int]:
    """Return the end of the text as a token, or `?`, a character that begins none."""
    blank = BLANK.match(text, at, end)
    at = blank.end() if blank else at
    return ("?", at, at + 1) if at < end else ("$END", end, end)


def _verify(expr: Expr, builder: Builder) -> None:
    """Refuse what the grammar cannot: too deep a tree, numbers out of range."""
    level: list[Expr] = [expr]
    depth = 0
    while level:
        depth += 1
        if depth > EXPRESSION_DEPTH_MAX:
            start, end = builder.ranges[level[0].id]
            message = f"the expression is nested deeper than {EXPRESSION_DEPTH_MAX} levels"
            raise SyntaxMistake(
                f"{message} (EXPRESSION_DEPTH_MAX)", start, end, "split it over several steps"
            )
        below: list[Expr] = []
        for node in level:
            if type(node) is Literal:
                if type(node.value) is int:
                    verify_integer(node, builder)
            elif type(node) is not Ident:
                below += children(node)
        level = below
