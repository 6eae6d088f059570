"""What can be read and yet may not say what its author meant: words, numbers and `#` of YAML.

A trap that keeps its meaning in YAML 1.2 is a hint; one that loses something (a zero, the end of a
line) is a warning. Dates, and times in any text, are no traps: both readers of YAML give the same.
"""

import re
from collections.abc import Iterator

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Span
from dagnats.source.document import Entry, Scalar, Sequence
from dagnats.source.quoting import quoted
from dagnats.source.sheet import Sheet

EXPRESSION_KEYS = frozenset({"when", "skip_if", "until", "while", "over", "match", "key", "on"})
"""Keys whose value is an expression: a sign that begins one was meant as an operator."""

_TRUE = ("yes", "Yes", "YES", "on", "On", "ON")
_FALSE = ("no", "No", "NO", "off", "Off", "OFF")
AMBIGUOUS = {**dict.fromkeys(_TRUE, "true"), **dict.fromkeys(_FALSE, "false"), "~": "null"}
"""Words that readers of YAML 1.1 take for others: for which.

`y` and `n` are not here: 1.1 has them, but none of its readers that are in use, and a name may well
be one letter.
"""

_OCTAL = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_UNDERSCORES = re.compile(r"[-+]?[0-9][0-9]*(?:_[0-9]+)+(?:\.[0-9_]*)?", re.ASCII)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?", re.ASCII)
_BINARY = re.compile(r"[-+]?0b[01_]+", re.ASCII)
_VERSIONED = re.compile(
    r"(?:^|[_-])(?:version|release|tag|revision|python|node|go|golang|ruby|java|php|ubuntu|debian"
    r"|alpine)(?:[_-]|$)",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?<![CFJAcfja\s#&])#(?=[ \t]+[^\s#])")
_GLUED_NUMBER = re.compile(r"(?:[-+]?[0-9][0-9.]*[a-z]{0,2}|true|false|null)(?=#)", re.ASCII)
_COMMENT = re.compile(r"[ \t]+(#[^\r\n]*)")
_NUMBERED = re.compile(r"#[0-9]+\b")
_NO_BLANK = re.compile(r"[A-Za-z_][\w-]*:(?=[^\s/:])", re.ASCII)
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def doubtful_word(text: str, span: Span) -> Diagnostic:
    """Return the hint about one of the ambiguous words."""
    meant = AMBIGUOUS[text]
    if meant == "null":
        fix = Fix("write `null`", (Edit(span, meant),), "safe")
        return _hint("`~` is null", span, "write `null`, or quote it", fix)
    message = f"`{text}` is the text `{text}`, not {meant} as in YAML 1.1"
    return _hint(message, span, f"quote it, or write `{meant}`", _quote(text, span))


def doubtful_number(text: str, value: object, span: Span) -> Diagnostic | None:
    """Return the finding about a plain scalar that begins like a number."""
    if type(value) is int:
        if _OCTAL.fullmatch(text) is None:
            return None
        decimal = Fix(f"write `{value}`", (Edit(span, str(value)),))
        fixes = (decimal, Fix("quote it", (Edit(span, quoted(text)),)))
        message = f"`{text}` is the number {value}, without its zero"
        help_ = f"quote it to keep the zero, or write `{value}`; YAML 1.1 reads an octal number"
        return Diagnostic("DN1023", message, span, Severity.WARNING, help=help_, fixes=fixes)
    if not isinstance(value, str):
        return None
    if _UNDERSCORES.fullmatch(text):
        message = f"`{text}` is a text: numbers have no `_`"
        number = text.replace("_", "")
        fix = Fix(f"write `{number}`", (Edit(span, number),))
        help_ = f"write `{number}`, or quote it"
        return _hint(message, span, help_, _quote(text, span), fix)
    if _SEXAGESIMAL.fullmatch(text) or _BINARY.fullmatch(text):
        message = f"`{text}` is a text, not a number as in YAML 1.1"
        return _hint(message, span, "quote it", _quote(text, span))
    return None


def lost_zeros(entry: Entry) -> Iterator[Diagnostic]:
    """Yield a warning for each version under a key which YAML reads as a number it is not."""
    value = entry.value
    nodes = value.items if isinstance(value, Sequence) else (value,)
    for node in nodes:
        if not isinstance(node, Scalar) or type(node.value) is not float:
            continue
        if not _VERSIONED.search(entry.key) or node.written in {"", str(node.value)}:
            continue
        text = node.written
        message = f"`{text}` is the number {node.value}"
        fix = Fix("quote it", (Edit(node.span, quoted(text)),))
        help_ = f"quote it if it is a version: {quoted(text)}"
        severity = Severity.WARNING
        yield Diagnostic("DN1024", message, node.span, severity, help=help_, fixes=(fix,))


class Signs:
    """Looks for `#` and `:` that mean something else than they look like."""

    def __init__(self, sheet: Sheet) -> None:
        self._text = sheet.text
        self._sheet = sheet

    def cut(self, written: str, end: int) -> Diagnostic | None:
        """Return the warning about a comment that cuts a plain scalar short."""
        found = _COMMENT.match(self._text, end)
        if found is None:
            return None
        if not (is_open(written) or (" " in written and _NUMBERED.match(found[1]))):
            return None
        span = self._sheet.span(*found.span(1))
        message = "a comment begins here and cuts the value off"
        help_ = "quote the whole value if the `#` belongs to it"
        fixes: tuple[Fix, ...] = ()
        if "\n" not in written and "\r" not in written:
            start = end - len(written)
            whole = self._text[start : found.end()].rstrip()
            place = self._sheet.span(start, start + len(whole))
            fixes = (Fix("quote the whole value", (Edit(place, quoted(whole)),)),)
        return Diagnostic("DN1021", message, span, Severity.WARNING, help=help_, fixes=fixes)

    def glued_in(self, written: str, start: int) -> Diagnostic | None:
        """Return the warning about a `#` in a plain scalar that looks like a comment."""
        number = _GLUED_NUMBER.match(written)
        found = _GLUED.search(written)
        if number is None and found is None:
            return None
        at = start + (number.end() if number else found.start() if found else 0)
        return self._glued(at, "`#` begins no comment here, and belongs to the value", "unsafe")

    def glued_behind(self, end: int) -> Diagnostic:
        """Return the warning about a comment that touches what stands before it."""
        return self._glued(end, "a blank is missing before this comment", "safe")

    def blanks(self, written: str, start: int) -> Diagnostic | None:
        """Return the warning about lines of a plain scalar that were meant as keys."""
        lines = written.split("\n")
        found = _NO_BLANK.match(written)
        if found is None or not all(_NO_BLANK.match(line.strip()) for line in lines):
            return None
        return self.blank(start + found.end() - 1, Severity.WARNING)

    def blank(self, colon: int, severity: Severity) -> Diagnostic:
        """Return the finding about a colon that no blank follows."""
        span = self._sheet.span(colon, colon + 1)
        behind = self._sheet.span(colon + 1, colon + 1)
        fix = Fix("put a blank behind it", (Edit(behind, " "),), "unsafe")
        message, help_ = "a blank is missing behind this `:`", "write `key: value`"
        return Diagnostic("DN1019", message, span, severity, help=help_, fixes=(fix,))

    def _glued(self, at: int, message: str, applicability: str) -> Diagnostic:
        span, before = self._sheet.span(at, at + 1), self._sheet.span(at, at)
        fix = Fix("put a blank before it", (Edit(before, " "),), applicability)
        help_ = "put a blank before the `#`; quote the value if the `#` belongs to it"
        return Diagnostic("DN1020", message, span, Severity.WARNING, help=help_, fixes=(fix,))


def has_no_blank(key: str) -> int | None:
    """Return where the colon of `key:value` stands that was read as one word, or None."""
    found = _NO_BLANK.match(key)
    return found.end() - 1 if found else None


def is_open(written: str) -> bool:
    """Whether a plain text ends within quotes or brackets that it opened: it was cut off."""
    stack: list[str] = []
    quote = ""
    for at, char in enumerate(written):
        if quote:
            quote = "" if char == quote and written[at - 1] != "\\" else quote
        elif char == '"' or (char == "'" and not written[at - 1 : at].isalnum()):
            quote = char
        elif char in _PAIRS:
            stack.append(_PAIRS[char])
        elif stack and char == stack[-1]:
            stack.pop()
    return bool(quote or stack)


def _quote(text: str, span: Span) -> Fix:
    return Fix("quote it", (Edit(span, quoted(text)),), "safe")


def _hint(message: str, span: Span, help_: str, *fixes: Fix) -> Diagnostic:
    return Diagnostic("DN1022", message, span, Severity.INFO, help=help_, fixes=fixes)
