"""Anchors and aliases of one text: which stand for what, which are never used, which are missing.

The span of a value leaves out its anchor: what is said about a value is said behind `&name`.
"""

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Span
from dagnats.source.sheet import Sheet
from dagnats.source.spelling import guess_word

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+(?:\s|(?<=\s)#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9_][\w-]*")
_NOTHING = re.compile(r"[ \t]*[,\]}:]")

Value = TypeVar("Value")


class Anchors(Generic[Value]):
    """The anchors that were read so far; of two with one name, aliases mean the nearest above."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._values: dict[str, Value | None] = {}
        self._starts: dict[str, int] = {}
        self._idle: dict[str, int] = {}
        self._never_used: list[tuple[str, int]] = []

    def begin(self, name: str, start: int) -> None:
        """Take note of an anchor at, or a little behind, an offset; its value follows."""
        if name in self._idle:
            self._never_used.append((name, self._idle.pop(name)))
        self._values[name] = None
        at = max(self._sheet.text.find(f"&{name}", start), start)
        self._starts[name] = self._idle[name] = at

    def end(self, name: str, value: Value) -> None:
        """Take note of the value of an anchor."""
        self._values[name] = value

    def use(self, name: str) -> Value | None:
        """Return what an alias stands for; None when there is no such anchor around or above."""
        self._idle.pop(name, None)
        return self._values.get(name)

    def is_open(self, name: str) -> bool:
        """Whether the value of an anchor is still being read."""
        return name in self._values

    def place(self, name: str) -> Span:
        """Return where the anchor of a name stands."""
        return self._span(name, self._starts[name])

    def missing(self, name: str, span: Span) -> Diagnostic:
        """Return the finding about an alias that stands for nothing."""
        if name in self._values:
            message = f"the anchor `{name}` stands inside itself"
            labels = (Label(self.place(name), "the anchor"),)
            help_ = "a value cannot hold itself: write the part out"
            return Diagnostic("DN1006", message, span, labels=labels, help=help_)
        message = f"the anchor `{name}` is not defined"
        text = self._sheet.text
        below = re.compile(rf"(?<![^\s\[{{,])&{re.escape(name)}(?![^\s,\[\]{{}}])")
        if found := below.search(text, span.end.offset):
            labels = (Label(self._sheet.span(*found.span()), "it is defined only here"),)
            help_ = "move the anchor above its alias"
            return Diagnostic("DN1006", message, span, labels=labels, help=help_)
        guess = guess_word(name, list(self._values))
        if guess is None:
            help_ = f"write `&{name}` before a value above this line"
            return Diagnostic("DN1006", message, span, help=help_)
        fix = Fix(f"write `*{guess.word}`", (Edit(span, f"*{guess.word}"),))
        labels = (Label(self.place(guess.word), "a similar one"),)
        help_ = f"did you mean `*{guess.word}`?"
        return Diagnostic("DN1006", message, span, labels=labels, help=help_, fixes=(fix,))

    def unused(self) -> Iterator[Diagnostic]:
        """Yield a hint for each anchor that no alias uses."""
        for name, start in (*self._never_used, *self._idle.items()):
            span = self._span(name, start)
            message, help_ = f"no alias uses the anchor `{name}`", "remove it"
            fixes: tuple[Fix, ...] = ()
            text, end = self._sheet.text, span.end.offset
            if _NOTHING.match(text, end) is None:
                end += text.startswith(" ", end)
                fixes = (Fix("remove it", (Edit(self._sheet.span(start, end), ""),), "safe"),)
            yield Diagnostic("DN1026", message, span, Severity.INFO, help=help_, fixes=fixes)

    def _span(self, name: str, start: int) -> Span:
        return self._sheet.span(start, start + 1 + len(name))


def is_name(name: str) -> bool:
    """Whether a name looks like one that somebody gave to an anchor."""
    return _NAME.fullmatch(name) is not None


def content_start(text: str, start: int) -> int:
    """Return where a node begins, behind its anchor."""
    found = _ANCHOR.match(text, start)
    return found.end() if found else start
