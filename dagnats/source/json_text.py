"""What makes a text no JSON that is meant as JSON: comments, commas, quotes, numbers.

YAML takes most of JSON's dialects and reads some of them as something else: `1 // one` is a text.
A text is meant as JSON when its file is named so, or when it begins with `{` and a quoted key; in
the second case only what other readers would trip over is a finding.
"""

import json
import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity
from dagnats.diagnostics.places import BOM
from dagnats.source.brackets import OPENERS, is_stray
from dagnats.source.sheet import Sheet

PROBLEMS_MAX = 20
"""Findings of this kind in one text; more would not help."""

SHOWN_CHARS_MAX = 40
"""Characters of a text that a message repeats."""

_LIKE_JSON = re.compile(rf"{BOM}?[ \t\r\n]*\{{[ \t\r\n]*\"")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\r\n]|\\.)*+"?)
    |(?P<single>'(?:[^'\\\r\n]|\\.)*+'?)
    |(?P<comment>//[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|\#[^\r\n]*+)
    |(?P<comma>,)
    |(?P<sign>[\[\]{}:])
    |(?P<word>[^\s,:\[\]{}"'#]++)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?(?:NaN|Infinity|nan|inf)")
_LITERALS = frozenset({"true", "false", "null"})
_CONTROL = re.compile("[\x00-\x1f]")
_RUN_ON = re.compile(r"[:,\[{][ \t]*\"$")
"""How a text ends that runs on to where the next one was to begin."""


class Verdict(Struct, frozen=True):
    """What is found, and the text as YAML is to read it: with blanks for foreign comments."""

    findings: tuple[Diagnostic, ...]
    text: str


def judge(text: str, file: str) -> Verdict:
    """Judge a text that may be meant as JSON; places are those of the text either way."""
    is_named = file.lower().endswith(".json")
    if not (is_named or _LIKE_JSON.match(text)) or _is_json(text):
        return Verdict((), text)
    if not text.removeprefix(BOM).lstrip().startswith(("{", "[")):
        general = _general(text) if text.strip() else None
        return Verdict((general,) if general else (), text)
    scan = _Scan(text, is_named=is_named)
    findings = tuple(scan.findings())
    if is_named and not findings and (general := _general(text)) is not None:
        findings = (general,)
    return Verdict(findings, scan.cleaned())


class _Scan:
    """One reading of a text by its tokens."""

    def __init__(self, text: str, *, is_named: bool) -> None:
        self._text = text
        self._is_named = is_named
        self._sheet = Sheet(text)
        self._foreign: list[tuple[int, int]] = []
        self._open: list[tuple[str, int]] = []

    def cleaned(self) -> str:
        """Return the text with blanks where comments stood that YAML would take for text."""
        parts: list[str] = []
        done = 0
        for start, end in self._foreign:
            blank = re.sub(r"[^\r\n]", " ", self._text[start:end])
            parts += [self._text[done:start], blank]
            done = end
        return "".join([*parts, self._text[done:]])

    def findings(self) -> Iterator[Diagnostic]:
        """Yield the first findings; all comments are seen."""
        left = PROBLEMS_MAX
        comma: int | None = None
        broken = self._broken() if self._is_named else None
        if broken is not None:
            yield broken
            left = 0 if broken.code == "DN1014" else left
        for found in _TOKEN.finditer(self._text, self._text.startswith(BOM)):
            kind, written = found.lastgroup, found.group()
            if kind == "comment" and written[0] == "/":
                self._foreign.append(found.span())
            finding = None
            if kind == "sign" and written in "]}" and comma is not None:
                finding = self._comma(comma)
            elif left:
                finding = self._token(kind, written, found.start())
            if kind != "comment":
                comma = found.start() if kind == "comma" else None
            if finding is not None and left:
                left -= 1
                yield finding

    def _broken(self) -> Diagnostic | None:
        """Return the first quote or bracket without its other one: the rest is guesswork."""
        before: tuple[str, int, int] = ("", 0, 0)
        for found in _TOKEN.finditer(self._text, self._text.startswith(BOM)):
            kind, written, start = found.lastgroup or "", found.group(), found.start()
            if kind == "string" and (len(written) == 1 or not _closes(written)):
                return self._unclosed(start)
            is_glued = kind == "word" and before[0] == "string" and before[2] == start
            if is_glued and _RUN_ON.search(self._text, before[1], before[2]):
                return self._unclosed(before[1])
            if kind == "sign" and written != ":" and (finding := self._bracket(written, start)):
                return finding
            before = kind, start, found.end()
        return self._never_closed() if self._open else None

    def _bracket(self, sign: str, at: int) -> Diagnostic | None:
        opener = OPENERS.get(sign)
        if opener is None:
            self._open.append((sign, at))
            return None
        if self._open and self._open[-1][0] == opener:
            self._open.pop()
            return None
        if self._open and not is_stray(self._text, at, [each for each, _ in self._open]):
            return self._never_closed()
        span = self._sheet.span(at, at + 1)
        help_ = f"put its `{opener}` where it belongs, or remove it"
        return Diagnostic("DN1016", f"`{sign}` closes nothing", span, help=help_)

    def _never_closed(self) -> Diagnostic:
        sign, at = self._open[-1]
        closer = next(each for each, opener in OPENERS.items() if opener == sign)
        span = self._sheet.span(at, at + 1)
        help_ = f"end it with `{closer}`"
        return Diagnostic("DN1016", f"`{sign}` is never closed", span, help=help_)

    def _unclosed(self, at: int) -> Diagnostic:
        span = self._sheet.span(at, at + 1)
        message, help_ = "the quote is not closed on its line", "end the text with a quote"
        return Diagnostic("DN1014", message, span, help=help_)

    def _comma(self, at: int) -> Diagnostic:
        message, help_ = "JSON has no comma behind the last item", "remove it"
        fixes = (Fix("remove it", (Edit(self._sheet.span(at, at + 1), ""),), "safe"),)
        return self._finding(message, (at, at + 1), help_, fixes)

    def _token(self, kind: str | None, token: str, start: int) -> Diagnostic | None:
        place = start, start + len(token)
        if kind == "comment":
            message, help_ = "JSON has no comments", "remove it, or write the document in YAML"
            fixes = (Fix("remove it", (Edit(self._sheet.span(*place), ""),)),)
            return self._finding(message, place, help_, fixes, is_error=token[0] == "/")
        if kind == "word" and token not in _LITERALS and not _NUMBER.fullmatch(token):
            return self._word(token, place)
        if not self._is_named:
            return None
        if kind == "single":
            written = json.dumps(
                token[1:].removesuffix("'").replace("\\'", "'"), ensure_ascii=False
            )
            message = "JSON has no single quotes"
            return self._finding(message, place, "write double ones", self._write(place, written))
        if kind == "string" and (found := _CONTROL.search(token)):
            message = f"the character U+{ord(found.group()):04X} stands in a text of JSON"
            at = start + found.start()
            return self._finding(message, (at, at + 1), "write an escape, as in `\\t`")
        return None

    def _word(self, token: str, place: tuple[int, int]) -> Diagnostic | None:
        shown = token[:SHOWN_CHARS_MAX]
        if _NOT_FINITE.fullmatch(token):
            help_ = f'quote it to mean the text: "{token}"'
            message = f"`{token}` has no JSON value"
            return Diagnostic("DN1010", message, self._sheet.span(*place), help=help_)
        if not self._is_named:
            return None
        if token[0] in "0123456789+-.":
            message = f"`{shown}` is no number of JSON"
            return self._finding(message, place, "write it as in `-0.5e3`, or quote it")
        fixes = self._write(place, json.dumps(token, ensure_ascii=False))
        return self._finding(f"`{shown}` stands without quotes", place, "quote it", fixes)

    def _write(self, place: tuple[int, int], written: str) -> tuple[Fix, ...]:
        title = f"write {written[:SHOWN_CHARS_MAX]}"
        return (Fix(title, (Edit(self._sheet.span(*place), written),), "safe"),)

    def _finding(
        self,
        message: str,
        place: tuple[int, int],
        help_: str,
        fixes: tuple[Fix, ...] = (),
        *,
        is_error: bool = False,
    ) -> Diagnostic:
        severity = Severity.ERROR if is_error or self._is_named else Severity.WARNING
        span = self._sheet.span(*place)
        return Diagnostic("DN1029", message, span, severity, help=help_, fixes=fixes)


def _closes(string: str) -> bool:
    """Whether a text in quotes ends with one that no backslash escapes."""
    inner = string[1:]
    body = inner[:-1]
    return inner.endswith('"') and (len(body) - len(body.rstrip("\\"))) % 2 == 0


def _is_json(text: str) -> bool:
    """Whether a text is JSON as its standard has it; nothing is built."""
    try:
        msgspec.json.decode(text.removeprefix(BOM), type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True


def _general(text: str) -> Diagnostic | None:
    """Return what the standard library has against a text in which no token is wrong."""
    try:
        json.loads(text.removeprefix(BOM), parse_int=float)
    except json.JSONDecodeError as wrong:
        at = min(wrong.pos + text.startswith(BOM), max(len(text) - 1, 0))
        message = f"this is not JSON: {wrong.msg[:1].lower()}{wrong.msg[1:]}"
        help_ = "mend it, or name the file `.yaml`"
        return Diagnostic("DN1029", message, Sheet(text).span(at, at + 1), help=help_)
    except (RecursionError, ValueError):
        return None
    return None
