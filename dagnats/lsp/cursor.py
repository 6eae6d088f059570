"""An expression up to the cursor, however broken it is behind it.

f(steps.a.output.it|      →  the receiver `steps.a.output`, the word `it`, one open parenthesis
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from dagnats.expr.syntax.macros import NAMES as MACROS
from dagnats.expr.syntax.tokens import BLANK, SKIPPED, match_token

OPEN = "OPEN"
"""A text whose closing quote is not there yet."""

_CLOSING = {"LPAR": ")", "LSQB": "]", "LBRACE": "}", "QMARK": " : null"}
_OPENING = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE", "COLON": "QMARK"}
_NAMES = frozenset({"IDENT", "ESCAPED_IDENT"})
_CONSTANTS = frozenset({"STRING", "BYTES", "INT", "UINT", "DOUBLE"})
_COMPARISONS = frozenset({"==", "!="})
_BEFORE_OPTIONAL = frozenset({"DOT", "LSQB", "LBRACE", "COMMA"})
_ESCAPED = {"double": re.compile(r'\\(?=")'), "single": re.compile(r"'(?=')")}


class Token(NamedTuple):
    """A token and where it stands, in offsets of the text that was given."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """The innermost call that is open at the cursor: its function, its receiver, and the argument.

    `start` is where the name begins.
    """

    name: str
    receiver: str | None
    argument: int
    start: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """What stands before the cursor.

    `word` is the name that is being typed, from `start` on. `receiver` is what a dot, a bracket or
    a comparison before it refers to; `kind` says which: `member`, `key`, `value`, or `root` for
    none. `before` is everything in front of the receiver, or of the word where there is none, and
    `closers` what would close its brackets. `dot` is where the dot before the word stands. `quote`
    is the quote that opens the word, if one does. `variables` are those of the macros around.
    """

    kind: str
    word: str
    start: int
    before: str = ""
    receiver: str = ""
    closers: str = ""
    dot: int = -1
    is_optional: bool = False
    quote: str = ""
    variables: tuple[str, ...] = ()
    call: Call | None = None

    @property
    def fillings(self) -> tuple[str, ...]:
        """Expressions in which the receiver has its type, the most telling one first."""
        if not self.receiver:
            return ()
        return (f"{self.before}{self.receiver}{self.closers}", self.receiver)


def plain(text: str, style: str) -> str:
    """Return the source of a scalar with the escapes of quotes undone, each character in place."""
    pattern = _ESCAPED.get(style)
    return text if pattern is None else pattern.sub(" ", text)


def tokens(text: str, start: int, end: int) -> list[Token]:
    """Return the tokens of a range; a text that is not closed is the last one."""
    found: list[Token] = []
    at = start
    while (token := match_token(text, at, end)) is not None:
        kind = token.lastgroup or ""
        begin, at = token.span(kind)
        if kind not in SKIPPED:
            found.append(Token(kind, text[begin:at], begin, at))
    blank = BLANK.match(text, at, end)
    at = blank.end() if blank else at
    if at < end and text[at] in "\"'`":
        found.append(Token(OPEN, text[at:end], at, end))
    return found


def read_cursor(text: str, start: int, offset: int) -> Cursor:
    """Return what stands between the start of an expression and the cursor."""
    found = tokens(text, start, offset)
    stack = _open(found)
    closers = "".join(_CLOSING[found[at].kind] for at in reversed(stack))
    variables, call = _variables(found, stack), _call(text, found, stack)
    end = len(found)
    word, at, quote = "", offset, ""
    if found and (last := found[-1]).end == offset and last.kind in {"IDENT", OPEN}:
        end -= 1
        at = last.start
        word = last.text
        if last.kind == OPEN:
            quote, word = word[0], word[1:]
    whole = _Whole(text, start, found, closers, variables, call)
    return whole.cursor(end, word, at, quote)


class _Whole:
    """The tokens before the cursor, and what is known of all of them."""

    def __init__(  # noqa: PLR0913, PLR0917 (what `read_cursor` has found)
        self,
        text: str,
        start: int,
        found: list[Token],
        closers: str,
        variables: tuple[str, ...],
        call: Call | None,
    ) -> None:
        self._text = text
        self._start = start
        self._found = found
        self._closers = closers
        self._variables = variables
        self._call = call

    def cursor(self, end: int, word: str, at: int, quote: str) -> Cursor:
        found = self._found
        last = found[end - 1] if end else None
        optional = end > 1 and found[end - 1].kind == "QMARK" and found[end - 2].kind == "DOT"
        if last is not None and quote in {"", "`"} and (last.kind == "DOT" or optional):
            dot = end - 2 if optional else end - 1
            return self._with(
                "member", dot, word, at, quote, found[dot].start, is_optional=optional
            )
        if quote not in {"", "`"}:
            if last is not None and last.kind == "LSQB" and _is_index(found, end - 1):
                inner = _closers_without(found, end - 1)
                return self._with("key", end - 1, word, at, quote, closers=inner)
            if last is None or last.text not in _COMPARISONS:
                return self._root("none", word, at, quote)
        if last is not None and last.text in _COMPARISONS:
            return self._with("value", end - 1, word, at, quote)
        return self._root("root", word, at, quote)

    def _root(self, kind: str, word: str, at: int, quote: str) -> Cursor:
        before = self._text[self._start : at]
        return Cursor(
            kind,
            word,
            at,
            before,
            closers=self._closers,
            quote=quote,
            variables=self._variables,
            call=self._call,
        )

    def _with(  # noqa: PLR0913, PLR0917 (the parts of a cursor)
        self,
        kind: str,
        end: int,
        word: str,
        at: int,
        quote: str,
        dot: int = -1,
        *,
        is_optional: bool = False,
        closers: str | None = None,
    ) -> Cursor:
        first = chain_start(self._found, end)
        if first == end:
            return self._root("none" if kind == "member" else "root", word, at, quote)
        start, until = self._found[first].start, self._found[end - 1].end
        return Cursor(
            kind,
            word,
            at,
            self._text[self._start : start],
            self._text[start:until],
            self._closers if closers is None else closers,
            dot,
            is_optional,
            quote,
            self._variables,
            self._call,
        )


def chain_start(found: list[Token], end: int) -> int:
    """Return the number of the first token of the value that ends before the token `end`."""
    at = end
    while at > 0:
        kind = found[at - 1].kind
        if kind in _NAMES or kind in _CONSTANTS:
            at -= 1
        elif kind in {"RPAR", "RSQB", "RBRACE"}:
            opening = _matching(found, at - 1)
            if opening is None:
                return end
            at = opening
            if kind == "RPAR" and at > 0 and found[at - 1].kind in _NAMES:
                at -= 1
            elif kind == "RSQB" and _is_index(found, at):
                continue
        else:
            return end if at == end else at
        if at > 1 and found[at - 1].kind == "QMARK" and found[at - 2].kind == "DOT":
            at -= 2
        elif at > 0 and found[at - 1].kind == "DOT":
            at -= 1
        else:
            return at
    return at


def _is_index(found: list[Token], bracket: int) -> bool:
    """Whether a bracket reads from the value before it, and begins no list."""
    if bracket == 0:
        return False
    before = found[bracket - 1]
    return before.kind in {"RPAR", "RSQB", "RBRACE", *_NAMES, *_CONSTANTS} and before.text != "in"


def _matching(found: list[Token], closing: int) -> int | None:
    depth = 0
    for at in range(closing, -1, -1):
        if found[at].kind in {"RPAR", "RSQB", "RBRACE"}:
            depth += 1
        elif found[at].kind in {"LPAR", "LSQB", "LBRACE"}:
            depth -= 1
            if depth == 0:
                return at
    return None


def _open(found: list[Token]) -> list[int]:
    """Return the tokens that open what nothing has closed."""
    stack: list[int] = []
    for at, token in enumerate(found):
        kind = token.kind
        if kind == "QMARK":
            if at and found[at - 1].kind not in _BEFORE_OPTIONAL:
                stack.append(at)
        elif kind in {"LPAR", "LSQB", "LBRACE"}:
            stack.append(at)
        elif (opening := _OPENING.get(kind)) is not None:
            if kind != "COLON":
                while stack and found[stack[-1]].kind == "QMARK":
                    stack.pop()
            if stack and found[stack[-1]].kind == opening:
                stack.pop()
    return stack


def _closers_without(found: list[Token], end: int) -> str:
    return "".join(_CLOSING[found[at].kind] for at in reversed(_open(found[:end])))


def _variables(found: list[Token], stack: list[int]) -> tuple[str, ...]:
    """Return the variables of the macros that are open."""
    names: list[str] = []
    for at in stack:
        if found[at].kind != "LPAR" or at == 0 or found[at - 1].text not in MACROS:
            continue
        following = found[at + 1 : at + 5]
        kinds = [token.kind for token in following]
        if kinds[:2] == ["IDENT", "COMMA"]:
            names.append(following[0].text)
            if kinds[2:] == ["IDENT", "COMMA"]:
                names.append(following[2].text)
    return tuple(dict.fromkeys(names))


def _call(text: str, found: list[Token], stack: list[int]) -> Call | None:
    for at in reversed(stack):
        if found[at].kind != "LPAR" or at == 0 or found[at - 1].kind != "IDENT":
            continue
        depth, commas = 0, 0
        for token in found[at + 1 :]:
            depth += token.kind in {"LPAR", "LSQB", "LBRACE"}
            depth -= token.kind in {"RPAR", "RSQB", "RBRACE"}
            commas += token.kind == "COMMA" and depth == 0
        name = found[at - 1]
        receiver = None
        if at > 1 and found[at - 2].kind == "DOT":
            first = chain_start(found, at - 2)
            receiver = text[found[first].start : found[at - 2].start]
        return Call(name.text, receiver, commas, name.start)
    return None
