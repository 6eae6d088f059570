"""What an author probably meant where the grammar allows nothing: messages for DN4001.

Each `_find_…` looks for one kind of mistake at the token where reading stopped; the first that
knows what happened speaks. What none of them knows is told by what could have stood there.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from dagnats.expr.syntax import _grammar as grammar
from dagnats.expr.syntax import habits
from dagnats.expr.syntax.builder import SyntaxMistake
from dagnats.expr.syntax.tokens import SKIPPED, match_token

_OPENERS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}
_CLOSERS = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}
_PARTNERS = {"(": ")", "[": "]", "{": "}"}
_BEGINNINGS = frozenset({"IDENT", "INT", "STRING"})
_COMMENT = re.compile(r"//[^\n]*")
_STATEMENT = re.compile(r"\s*+(if|for|let|var|const|return|lambda|function)\s")
_PREFIX = re.compile(r"(?:(?<![a-zA-Z0-9_])(?:[bB][rR]?|[rR]))?\Z")


class _Stop(Struct, frozen=True):
    """Where reading stopped: the token of `kind` from `at` to `until` in a window of the text.

    `row` has the symbols that could have stood there.
    """

    text: str
    start: int
    end: int
    kind: str
    at: int
    until: int
    row: Mapping[str, int]

    @property
    def shown(self) -> str:
        return self.text[self.at : self.until]

    @property
    def before(self) -> str:
        """What was read, without the blanks at its end."""
        return self.text[self.start : self.at].rstrip()

    @property
    def takes_value(self) -> bool:
        """Whether a value could have stood there."""
        return self.row.keys() >= _BEGINNINGS

    def here(self, message: str, help_: str | None) -> SyntaxMistake:
        return SyntaxMistake(message, self.at, self.until, help_)

    def open_brackets(self) -> list[int]:
        """Return where the brackets stand that are open before the token."""
        found: list[int] = []
        at = self.start
        while at < self.at and (token := match_token(self.text, at, self.at)) is not None:
            kind = token.lastgroup or ""
            if kind in _OPENERS:
                found.append(token.start(kind))
            elif kind in _CLOSERS and found:
                found.pop()
            at = token.end()
        return found


def explain(  # noqa: PLR0913, PLR0917 (the place, and what the grammar would have taken)
    text: str, start: int, end: int, kind: str, at: int, until: int, row: Mapping[str, int]
) -> SyntaxMistake:
    """Say what is wrong with the token of `kind` at `at`, where the symbols of `row` may stand."""
    stop = _Stop(text, start, end, kind, at, until, row)
    for find in _FINDERS:
        if (found := find(stop)) is not None:
            return found
    return stop.here(f"`{stop.shown}` cannot stand here", _expected(row))


def _find_empty(stop: _Stop) -> SyntaxMistake | None:
    if stop.kind == "$END" and not _COMMENT.sub("", stop.text[stop.start : stop.end]).strip():
        message, help_ = "the expression is empty", "write a value, as `input.name`"
        return SyntaxMistake(message, stop.start, stop.end, help_)
    return None


def _find_braces(stop: _Stop) -> SyntaxMistake | None:
    """Find `${{ a }}` or `{{ a }}` where the whole text is an expression already."""
    text, window = stop.text, stop.text[stop.start : stop.end].lstrip()
    first = stop.end - len(window)
    if text.startswith("$", stop.at):
        if text.startswith("${{", stop.at):
            help_ = "this is an expression already: leave out `${{` and `}}`"
            message = "`${{` has no meaning inside an expression"
            return SyntaxMistake(message, stop.at, stop.at + 3, help_)
        return stop.here("`$` has no meaning in an expression", "leave it out, as `input.name`")
    if window.startswith("{{") and stop.at > first:
        help_ = "this is an expression already: leave out `{{` and `}}`"
        return SyntaxMistake("`{{` begins a map inside a map", first, first + 2, help_)
    return None


def _find_sign(stop: _Stop) -> SyntaxMistake | None:
    """Find a foreign operator that covers the token, the longest first."""
    if stop.shown in {"&&", "||"}:
        return None
    for sign in habits.SIGNS_BY_LENGTH:
        for first in range(stop.at, stop.at - len(sign), -1):
            if first >= stop.start and stop.text.startswith(sign, first, stop.end):
                message = f"`{sign}` is no operator"
                return SyntaxMistake(message, first, first + len(sign), habits.SIGNS[sign])
    return None


def _find_conditional(stop: _Stop) -> SyntaxMistake | None:
    """Find a `?` whose `:` never comes, often half of an operator of another language."""
    if not ("COLON" in stop.row and "QMARK" not in stop.row and "COMMA" not in stop.row):
        return None
    waiting: list[tuple[int, int]] = []
    at, depth, last = stop.start, 0, ""
    while at < stop.at and (token := match_token(stop.text, at, stop.at)) is not None:
        kind, at = token.lastgroup or "", token.end()
        depth += (kind in _OPENERS) - (kind in _CLOSERS)
        if kind == "QMARK" and last not in {"DOT", "COMMA", *_OPENERS}:
            waiting.append((depth, token.start(kind)))
        elif kind == "COLON" and waiting and waiting[-1][0] == depth:
            waiting.pop()
        last = last if kind in SKIPPED else kind
    if not waiting or waiting[-1][0] != depth:
        return None
    at = waiting[-1][1]
    if stop.text.startswith("?.", at):
        return SyntaxMistake("`?.` is no operator", at, at + 2, habits.SIGNS["?."])
    message, help_ = "the `?` has no `:`", "write `condition ? one : other`"
    return SyntaxMistake(message, at, at + 1, help_)


def _find_word(stop: _Stop) -> SyntaxMistake | None:
    """Find a foreign word operator: the token itself, or the name just before it."""
    if stop.kind == "IDENT" and stop.shown in habits.WORDS:
        return stop.here(f"`{stop.shown}` is no operator", habits.WORDS[stop.shown])
    if (opening := _STATEMENT.match(stop.text, stop.start, stop.at)) is not None:
        name, at = opening.group(1), opening.start(1)
        return SyntaxMistake(f"`{name}` is no operator", at, at + len(name), habits.WORDS[name])
    until = stop.start + len(stop.before)
    at = _run_start(stop.text, stop.start, until)
    name = stop.text[at:until]
    is_field = stop.text.endswith(".", stop.start, at)
    if name not in habits.WORDS or is_field or stop.kind in {"$END", *_CLOSERS}:
        return None
    return SyntaxMistake(f"`{name}` is no operator", at, until, habits.WORDS[name])


def _find_reserved_field(stop: _Stop) -> SyntaxMistake | None:
    """Find `a.in`, `a.true`: words that even a field cannot have as its name."""
    if "ESCAPED_IDENT" in stop.row and stop.kind in grammar.WORDS.values():
        message = f"`{stop.shown}` is a word of the language, not a field"
        return stop.here(message, f'write it as `["{stop.shown}"]` without the dot')
    if stop.kind == "IN":
        return stop.here("`in` stands between a value and a list", "write `value in list`")
    return None


def _find_number(stop: _Stop) -> SyntaxMistake | None:
    """Find `10min`, `1_000`, `1.`, `a.0`: what looks like a number and is none."""
    text, at = stop.text, stop.at
    before = stop.before
    if before.endswith(".") and stop.kind != "IDENT":
        until = stop.start + len(before)
        first = _run_start(text, stop.start, until - 1)
        digits = text[first : until - 1]
        if digits.isdigit() and digits.isascii():
            return SyntaxMistake(f"`{digits}.` is no number", first, until, f"write `{digits}.0`")
    if stop.kind not in {"IDENT", "INT", "UINT", "DOUBLE", "?"}:
        return None
    first = _run_start(text, stop.start, at, ".")
    last = _run_end(text, stop.until, stop.end)
    whole = text[first:last]
    if first < at and whole.lstrip(".")[:1].isdigit() and not stop.takes_value:
        if stop.kind == "?" and last == stop.until and not text[at].isalnum():
            return None
        return SyntaxMistake(f"`{whole}` is no number", first, last, habits.number(whole))
    if stop.kind == "DOUBLE" and text[at] == "." and not stop.takes_value:
        help_ = f"write `[{text[at + 1 : stop.until]}]`"
        return stop.here("an element is taken with brackets", help_)
    return None


def _run_start(text: str, start: int, at: int, more: str = "") -> int:
    """Return where the letters, digits and signs of `more` begin that end before `at`."""
    while at > start and (text[at - 1].isalnum() or text[at - 1] == "_" or text[at - 1] in more):
        at -= 1
    return at


def _run_end(text: str, at: int, end: int) -> int:
    while at < end and (text[at].isalnum() or text[at] == "_"):
        at += 1
    return at


def _find_string(stop: _Stop) -> SyntaxMistake | None:
    """Find a string that is never closed, has a foreign prefix, or stands where a field belongs."""
    text, at = stop.text, stop.at
    if stop.kind in {"STRING", "BYTES"}:
        first = _run_start(text, stop.start, at)
        if first < at:
            name = text[first:at]
            message = f"`{name}` is no prefix of a string"
            help_ = habits.PREFIXES.get(name.lower(), "put an operator between them")
            return SyntaxMistake(message, first, at, help_)
        if "ESCAPED_IDENT" in stop.row:
            return stop.here("a field is named without quotes", f"write `[{stop.shown}]`")
        return None
    if stop.kind != "?" or text[at] not in "\"'":
        return None
    quote = text[at] * 3 if text.startswith(text[at] * 3, at, stop.end) else text[at]
    # The letters before a quote were read as a name.
    prefix = _PREFIX.search(text, stop.start, at)
    first = at if prefix is None else prefix.start()
    line = re.compile(r"[\r\n]").search(text, at, stop.end)
    if len(quote) == 3 or line is None:
        return SyntaxMistake(
            "the string is never closed", first, stop.end, f"end it with `{quote}`"
        )
    help_ = f"end it with `{quote}`; one of several lines begins and ends with `{quote * 3}`"
    message = "the string is not closed on its line"
    return SyntaxMistake(message, first, line.start(), help_)


def _find_backtick(stop: _Stop) -> SyntaxMistake | None:
    if stop.kind == "ESCAPED_IDENT":
        help_ = f"write it after a dot; a text stands in quotes: `'{stop.shown[1:-1]}'`"
        return stop.here("backticks are for names of fields", help_)
    if stop.kind != "?" or stop.text[stop.at] != "`":
        return None
    close = stop.text.find("`", stop.at + 1, stop.end)
    if close < 0:
        return SyntaxMistake(
            "the name is never closed", stop.at, stop.end, "end it with a backtick"
        )
    name = stop.text[stop.at + 1 : close]
    message = "in backticks are only letters a to z, digits, `_`, `.`, `-`, `/` and blanks"
    return SyntaxMistake(message, stop.at, close + 1, f'write `["{name}"]` without the dot')


def _find_character(stop: _Stop) -> SyntaxMistake | None:
    """Find a character that begins no token."""
    if stop.kind != "?":
        return None
    char = stop.text[stop.at]
    if char in habits.CHARACTERS:
        what, help_ = habits.CHARACTERS[char]
        return stop.here(f"`{char}` {what}", help_)
    if char.isalnum():
        first = _run_start(stop.text, stop.start, stop.at)
        last = _run_end(stop.text, stop.until, stop.end)
        name = stop.text[first:last]
        help_ = f'write `["{name}"]` for a field, or quotes for a text'
        return SyntaxMistake("names have only letters a to z, digits and `_`", first, last, help_)
    if char.isprintable():
        return stop.here(f"`{char}` has no meaning in an expression", "remove it")
    message = f"the character U+{ord(char):04X} has no meaning in an expression"
    return stop.here(message, "remove it, or write a plain blank")


def _find_bracket(stop: _Stop) -> SyntaxMistake | None:
    """Find brackets that are not closed, closed by another, or closed though never opened."""
    if stop.kind == "$END":
        if stop.takes_value and not stop.before.endswith(tuple(_PARTNERS)):
            return None
        if not (brackets := stop.open_brackets()):
            return None
        at = brackets[-1]
        opening = stop.text[at]
        help_ = f"add `{_PARTNERS[opening]}`"
        return SyntaxMistake(f"`{opening}` is never closed", at, at + 1, help_)
    if stop.kind not in _CLOSERS or stop.takes_value:
        return None
    if not (brackets := stop.open_brackets()):
        return stop.here(f"`{stop.shown}` closes nothing", "remove it")
    opening = stop.text[brackets[-1]]
    if _PARTNERS[opening] == stop.shown:
        return None
    message = f"`{opening}` is not closed by `{stop.shown}`"
    return stop.here(message, f"add `{_PARTNERS[opening]}` before it")


def _find_comma(stop: _Stop) -> SyntaxMistake | None:
    if stop.kind == "RPAR" and stop.before.endswith(","):
        at = stop.start + len(stop.before) - 1
        return SyntaxMistake("the last comma is one too many", at, at + 1, "remove it")
    return None


def _find_collection(stop: _Stop) -> SyntaxMistake | None:
    """Find sets and slices of other languages."""
    if stop.kind not in {"COMMA", "RBRACE", "COLON"} or stop.takes_value:
        return None
    brackets = stop.open_brackets()
    opening = stop.text[brackets[-1]] if brackets else ""
    if opening == "{" and stop.kind != "COLON" and "COLON" in stop.row:
        help_ = "write `{key: value}`, or `[…]` for a list"
        return stop.here("a map has a value for each key", help_)
    if opening == "[" and stop.kind == "COLON":
        help_ = "write `list.slice(from, until)` or `text.substring(from, until)`"
        return stop.here("there are no slices in brackets", help_)
    return None


def _find_end(stop: _Stop) -> SyntaxMistake | None:
    if stop.kind != "$END":
        return None
    last = stop.start + len(stop.before)
    message = "the expression ends where a value is missing"
    if "ESCAPED_IDENT" in stop.row:
        message = "the expression ends where a name is missing"
    return SyntaxMistake(message, last - 1, last, _expected(stop.row))


_FINDERS: tuple[Callable[[_Stop], SyntaxMistake | None], ...] = (
    _find_empty,
    _find_braces,
    _find_number,
    _find_sign,
    _find_string,
    _find_backtick,
    _find_word,
    _find_reserved_field,
    _find_character,
    _find_conditional,
    _find_comma,
    _find_collection,
    _find_bracket,
    _find_end,
)


def _expected(row: Mapping[str, int]) -> str:
    if row.keys() >= _BEGINNINGS:
        return "a value belongs here"
    if "IDENT" in row:
        return "a name belongs here"
    signs = [shown for symbol, shown in grammar.SHOWN.items() if symbol in row]
    if not signs:
        return "an expression is one value; several stand in a list, `[…, …]`"
    if len(signs) <= 4:
        return "expected " + " or ".join(f"`{sign}`" for sign in signs)
    return "an operator such as `&&` or `==` belongs here, or the end"
