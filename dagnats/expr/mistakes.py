"""What an author probably meant where the grammar allows nothing: messages for DN4001."""

from collections.abc import Mapping

from dagnats.expr import _grammar as grammar
from dagnats.expr.builder import SyntaxMistake

_WORDS = {
    "and": "write `&&` for both",
    "or": "write `||` for either",
    "not": "write `!` for not",
    "is": "write `==` to compare",
    "eq": "write `==` to compare",
    "ne": "write `!=` to compare",
    "if": "write `condition ? one : other`",
    "then": "write `condition ? one : other`",
    "else": "write `condition ? one : other`",
}
_SIGNS = {
    "===": "write `==` to compare",
    "!==": "write `!=` to compare",
    "=": "write `==` to compare",
    "&": "write `&&` for both",
    "|": "write `||` for either",
    "<>": "write `!=` to compare",
    "=>": "write `>=` to compare",
    "=<": "write `<=` to compare",
    "**": "there is no power operator",
    "??": "write `value.?field.orValue(other)` for a default",
    "?.": "write `.?` before an optional field",
}
_CLOSERS = {"RPAR": ("(", ")"), "RSQB": ("[", "]"), "RBRACE": ("{", "}")}
_BEGINNINGS = frozenset({"IDENT", "INT", "STRING"})


def explain(  # noqa: PLR0913, PLR0917 (the place, and what the grammar would have taken)
    text: str, start: int, end: int, kind: str, at: int, until: int, row: Mapping[str, int]
) -> SyntaxMistake:
    """Say what is wrong with the token of `kind` at `at`, where the symbols of `row` may stand."""
    if not text[start:end].strip():
        return SyntaxMistake(
            "the expression is empty", start, end, "write a value, as `input.name`"
        )
    if (sign := _sign(text, at, end)) is not None:
        first, sign_text = sign
        found = SyntaxMistake(f"`{sign_text}` is no operator", first, first + len(sign_text))
        found.help = _SIGNS[sign_text]
        return found
    if kind == "$END":
        return _unfinished(text, start, end, row)
    if (word := _word(text, start, at, until)) is not None:
        first, last = word
        name = text[first:last]
        return SyntaxMistake(f"`{name}` is no operator", first, last, _WORDS[name])
    if text[at] in "\"'":
        message = "the string is never closed"
        return SyntaxMistake(message, at, end, f"end it with `{text[at]}`")
    shown = text[at:until]
    if kind == "?":
        return SyntaxMistake(f"`{shown}` has no meaning in an expression", at, until)
    return SyntaxMistake(f"`{shown}` cannot stand here", at, until, _expected(row))


def _sign(text: str, at: int, end: int) -> tuple[int, str] | None:
    """Find a foreign operator that covers `at`, the longest first."""
    for sign in sorted(_SIGNS, key=len, reverse=True):
        for first in range(at, at - len(sign), -1):
            if first >= 0 and first + len(sign) <= end and text.startswith(sign, first):
                return first, sign
    return None


def _word(text: str, start: int, at: int, until: int) -> tuple[int, int] | None:
    """Find a foreign word operator: the token itself, or the name just before it."""
    if text[at:until] in _WORDS:
        return at, until
    before = text[start:at].rstrip()
    name = before.split()[-1] if before else ""
    if name in _WORDS:
        return start + len(before) - len(name), start + len(before)
    return None


def _unfinished(text: str, start: int, end: int, row: Mapping[str, int]) -> SyntaxMistake:
    for symbol, (opening, closing) in _CLOSERS.items():
        if symbol in row:
            at = _last_open(text, start, end, opening, closing)
            return SyntaxMistake(f"`{opening}` is never closed", at, at + 1, f"add `{closing}`")
    last = start + len(text[start:end].rstrip())
    message = "the expression ends where a value is missing"
    return SyntaxMistake(message, last - 1, last, _expected(row))


def _last_open(text: str, start: int, end: int, opening: str, closing: str) -> int:
    depth = 0
    for at in range(end - 1, start - 1, -1):
        depth += (text[at] == closing) - (text[at] == opening)
        if depth < 0:
            return at
    return start


def _expected(row: Mapping[str, int]) -> str | None:
    if row.keys() >= _BEGINNINGS:
        return "a value belongs here"
    signs = [shown for symbol, shown in grammar.SHOWN.items() if symbol in row]
    if "IDENT" in row:
        return "a name belongs here"
    if len(signs) <= 4:
        return "expected " + " or ".join(f"`{sign}`" for sign in signs)
    return "an operator such as `&&` or `==` belongs here, or the end"
