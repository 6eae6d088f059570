"""Why a text broke off: the parser's complaint, and what stands around the place, as one finding.

A parser stops where it cannot go on, which is often behind the mistake: at the colon of a line that
is indented too far, or at the end of the text when a quote was left open. What is looked for here
is the mistake itself, so that its place, its words and its fix are those of the mistake.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Span
from dagnats.source.brackets import OPENERS, is_stray
from dagnats.source.quoting import quoted
from dagnats.source.sheet import Sheet
from dagnats.source.syntax import advise
from dagnats.source.traps import EXPRESSION_KEYS, Signs

_KEY = re.compile(
    r"(?P<lead>[ \t]*(?:- +)*)(?P<key>[^\s:#'\"{\[,&*!|>%@`][^:\r\n]*):(?=[ \t\r\n]|$)"
)
_NO_BLANK = re.compile(r"[ \t]*(?:-[ ]+)*[A-Za-z_][\w-]*:(?=[^ \t\r\n/:])", re.ASCII)
_WORD = re.compile(r"[^\s:,\[\]{}#]+")
_TEMPLATE = re.compile(r"\$?\{\{[^\r\n]*?\}\}")
_VALUE_ENDS = re.compile(r"[ \t]*(?:[,\]}#\r\n]|$)")
_BLOCK_PROBLEMS = ("block end", "indicator", "key")
_NAMING = re.compile(r"an? (?:anchor|alias|tag)")
_WITHIN = re.compile(r"[{,][ \t]*([a-z_]+):[ \t]+[!&*]")
_BREAK = re.compile(r"[\r\n]")
_HALF = re.compile(r"\\u([dD][89a-fA-F][0-9a-fA-F]{2})")
_QUOTES = frozenset({"single", "double"})
_RUN_ON = re.compile(r"[:,\[{][ \t]*$")
"""How a quoted text ends that runs on to where the next one was to begin."""

_KEY_WITHIN = re.compile(r"[\r\n][ \t]*(?:-[ ]+)*[\w-]+:(?:[ \t]|[\r\n]|$)")


class Trouble(Struct, frozen=True):
    """Where and why a parser stopped; `began` is where the construct began, `last` what it read.

    `open` are the places of the brackets that are open.
    """

    problem: str
    context: str
    at: int
    began: int | None = None
    last: tuple[int, int, str] | None = None
    open: tuple[int, ...] = ()


def explain(trouble: Trouble, sheet: Sheet) -> Diagnostic:
    """Return the finding about a text that cannot be read further."""
    page = _Page(sheet, trouble)
    return next((found for found in page.guesses() if found is not None), None) or page.general()


def begun_sign(sheet: Sheet, span: Span, *, is_certain: bool) -> Diagnostic:
    """Return the finding about a value that begins with a sign of YAML."""
    at = span.start.offset
    sign = sheet.text[at : at + 1]
    fixes = _quote_rest(sheet, at, is_certain=is_certain)
    meanings = {"!": "a tag", "&": "an anchor", "*": "an alias"}
    message = f"`{sign}` begins {meanings.get(sign, 'something else')} here, and no value"
    return Diagnostic("DN1013", message, span, help="quote the value", fixes=fixes)


def braces(sheet: Sheet, at: int) -> Diagnostic:
    """Return the finding about `{{ … }}` or `${{ … }}` that YAML takes for brackets."""
    text = sheet.text
    found = _TEMPLATE.match(text, at)
    span = sheet.span(at, found.end() if found else min(at + 2, len(text)))
    written = text[at : span.end.offset]
    template = written if written.startswith("$") else f"${written}"
    fixes: tuple[Fix, ...] = ()
    if found and _VALUE_ENDS.match(text, found.end()):
        fixes = (Fix("quote it", (Edit(span, quoted(template)),)),)
    message = f"YAML takes the braces of `{_cut(written)}` for a mapping"
    help_ = f"write {_cut(quoted(template))}"
    return Diagnostic("DN1018", message, span, help=help_, fixes=fixes)


class _Page:
    """A text and the place where reading it stopped."""

    def __init__(self, sheet: Sheet, trouble: Trouble) -> None:
        self._text = sheet.text
        self._sheet = sheet
        self._trouble = trouble
        self._at = trouble.at
        self._line_start = sheet.line_start(self._at)

    def guesses(self) -> Iterator[Diagnostic | None]:
        """Yield what may be the mistake, the likeliest first."""
        yield self._half()
        yield self._template()
        yield self._sign()
        yield self._run_on()
        yield self._stray()
        yield self._quote()
        yield self._blank()
        yield self._comma()
        yield self._indentation()

    def general(self) -> Diagnostic:
        """Return what the complaint of the parser alone tells."""
        trouble, at = self._trouble, self._at
        advice = advise(trouble.problem, trouble.context, self._text[at : at + 1])
        labels: tuple[Label, ...] = ()
        end = at + 1
        if advice.at_context and trouble.began is not None:
            labels = (Label(self._sheet.span(at, end), "reading stopped here"),)
            at = trouble.began
            end = at + 1
        elif advice.at_backslash:
            at = max(self._text.rfind("\\", 0, end), 0)
            end = at + 2
        fixes: tuple[Fix, ...] = ()
        if advice.code == "DN1013" and self._text[at : at + 1] in set("@`%!>|,"):
            fixes = _quote_rest(self._sheet, at, is_certain=False)
        elif advice.code == "DN1015":
            fixes = self._quote_value()
        span = self._sheet.span(at, end)
        return Diagnostic(
            advice.code, advice.message, span, labels=labels, help=advice.help, fixes=fixes
        )

    def _half(self) -> Diagnostic | None:
        """Return that an escape stands for half of a surrogate pair."""
        start = max(self._text.rfind("\\", 0, self._at + 1), 0)
        found = _HALF.match(self._text, start)
        if found is None or "escape" not in self._trouble.problem:
            return None
        message = f"the character U+{found[1].upper()} is not allowed: it is half of one"
        help_ = "write both halves, or the character itself"
        return Diagnostic("DN1002", message, self._sheet.span(*found.span()), help=help_)

    def _template(self) -> Diagnostic | None:
        """Return that the braces of a template stand within brackets."""
        before = self._text[self._line_start : self._at + 2]
        start = before.rfind("${{")
        is_here = start >= 0 and self._line_start + start in {self._at - 1, self._at - 2, self._at}
        if "flow" in self._trouble.context and is_here:
            return braces(self._sheet, self._line_start + start)
        return None

    def _run_on(self) -> Diagnostic | None:
        """Return that a text lacks its quote, and ended where the next one was to begin."""
        place = self._quoted_before()
        if place is None:
            return None
        start, end = place
        if self._text[end : end + 1] in set(" \t\r\n,:]}#"):
            return None
        within = self._text[start + 1 : end - 1]
        if _RUN_ON.search(within) is None and _KEY_WITHIN.search(within) is None:
            return None
        label = Label(self._sheet.span(end - 1, end), "this quote ends it")
        message, help_ = "the quote is not closed before the next one", "end the text with a quote"
        span = self._sheet.span(start, start + 1)
        return Diagnostic("DN1014", message, span, labels=(label,), help=help_)

    def _quoted_before(self) -> tuple[int, int] | None:
        """Return where the quoted text stands that ends where reading stopped."""
        last, text = self._trouble.last, self._text
        if last is None:
            return None
        if last[1] == self._at:
            return (last[0], last[1]) if last[2] in _QUOTES else None
        # What stands behind it could not even be scanned: then it was not told of either.
        quote = text[self._at - 1 : self._at]
        start = last[1] + len(text[last[1] :]) - len(text[last[1] :].lstrip(": \t"))
        is_it = quote in {"'", '"'} and text.startswith(quote, start) and start < self._at - 1
        return (start, self._at) if is_it else None

    def _stray(self) -> Diagnostic | None:
        """Return that a bracket closes nothing, and those that are open are closed behind it."""
        sign = self._text[self._at : self._at + 1]
        opener = OPENERS.get(sign)
        if opener is None or "flow" not in self._trouble.context or not self._trouble.open:
            return None
        if not is_stray(self._text, self._at, [self._text[place] for place in self._trouble.open]):
            return None
        innermost = self._trouble.open[-1]
        label = Label(self._sheet.span(innermost, innermost + 1), "these brackets are open here")
        span = self._sheet.span(self._at, self._at + 1)
        help_ = f"put its `{opener}` where it belongs, or remove it"
        return Diagnostic("DN1016", f"`{sign}` closes nothing", span, labels=(label,), help=help_)

    def _quote(self) -> Diagnostic | None:
        """Return that a text goes on behind its quote, or that a quote closes one far above."""
        last = self._trouble.last
        if last is None or last[2] not in _QUOTES or "flow" in self._trouble.context:
            return None
        start, end, _ = last
        between = self._text[end : self._at]
        if between.strip(" \t") or self._text[self._at : self._at + 1] in set(":\r\n#]}"):
            return None
        quote = self._text[start]
        here = self._sheet.span(self._at, self._at + 1)
        if "\n" in self._text[start:end] or "\r" in self._text[start:end]:
            label = Label(self._sheet.span(end - 1, end), "and ends here, lines below")
            message, help_ = "the quote is not closed on its line", "end the text with a quote"
            span = self._sheet.span(start, start + 1)
            return Diagnostic("DN1014", message, span, labels=(label,), help=help_)
        label = Label(self._sheet.span(start, end), "the quoted text")
        double = "double each quote within" if quote == "'" else 'write \\" for quotes within'
        message = "a text goes on behind its closing quote"
        help_ = f"{double}, or quote the whole with the other kind"
        return Diagnostic("DN1014", message, here, labels=(label,), help=help_)

    def _blank(self) -> Diagnostic | None:
        """Return that a colon has no blank behind it, so that no key is seen."""
        trouble = self._trouble
        if "expected ':'" in trouble.problem and trouble.began is not None:
            found = _NO_BLANK.match(self._text, trouble.began)
        elif "mapping values" in trouble.problem:
            found = _NO_BLANK.match(self._text, self._begin_of_value())
        else:
            return None
        if found is None:
            return None
        return Signs(self._sheet).blank(found.end() - 1, Severity.ERROR)

    def _comma(self) -> Diagnostic | None:
        """Return that two items in brackets stand side by side."""
        trouble = self._trouble
        is_flow = "flow mapping" in trouble.context or "flow sequence" in trouble.context
        if not is_flow or trouble.last is None or trouble.began is None:
            return None
        here = self._text[self._at : self._at + 1]
        between = self._text[trouble.last[1] : self._at]
        if here in set("]}\r\n,?") or not here or between.strip(" \t"):
            return None
        if _BREAK.search(self._text, trouble.last[0], self._at):
            return None
        found = _WORD.match(self._text, self._at)
        span = self._sheet.span(self._at, found.end() if found else self._at + 1)
        bracket = self._text[trouble.began]
        label = Label(self._sheet.span(trouble.began, trouble.began + 1), "these brackets")
        if here == ":":
            span = self._sheet.span(self._at, self._at + 1)
            message, help_ = "`:` cannot stand here", "put a `,` before its key, or quote the value"
            return Diagnostic("DN1015", message, span, labels=(label,), help=help_)
        what = "`,` or `:`" if bracket == "{" else "`,`"
        message, help_ = f"a {what} is missing before this", "separate what stands in brackets"
        return Diagnostic("DN1016", message, span, labels=(label,), help=help_)

    def _indentation(self) -> Diagnostic | None:
        """Return that a line begins further left or right than the lines that it belongs to."""
        problem = self._trouble.problem
        begin = self._line_start + _width(self._text, self._line_start)
        is_value = "mapping values" in problem
        if is_value:
            line = _KEY.match(self._text, self._line_start)
            if line is None or line.end("key") != self._at:
                return None
        elif begin != self._at or not any(word in problem for word in _BLOCK_PROBLEMS):
            return None
        above = self._line_above()
        own = begin - self._line_start
        if above is None or own == above[0] or (is_value and own < above[0]):
            return None
        column, place = above
        found = _WORD.match(self._text, begin)
        span = self._sheet.span(begin, found.end() if found else begin + 1)
        where = "further right than" if own > above[0] else "neither below nor beside"
        message = f"this line begins {where} the line above it"
        label = Label(place, f"this begins in column {column + 1}, not {own + 1}")
        indent = self._sheet.span(self._line_start, begin)
        fix = Fix("indent it like the line above", (Edit(indent, " " * column),))
        help_ = "indent it like the lines that it belongs to"
        return Diagnostic("DN1017", message, span, labels=(label,), help=help_, fixes=(fix,))

    def _sign(self) -> Diagnostic | None:
        """Return that a value begins with a sign that YAML takes for an anchor, alias or tag."""
        trouble = self._trouble
        start, key = self._value_start()
        if within := self._expression_within():
            message = f"`{self._text[within.start.offset]}` cannot begin a value"
            return Diagnostic("DN1013", message, within, help="quote the value")
        is_naming = "alphabetic" in trouble.problem or _NAMING.search(trouble.context) is not None
        if not is_naming and key not in EXPRESSION_KEYS:
            return None
        if self._text[start : start + 1] not in set("!&*") or start > self._at:
            return None
        span = self._sheet.span(start, start + 1)
        return begun_sign(self._sheet, span, is_certain=key in EXPRESSION_KEYS)

    def _expression_within(self) -> Span | None:
        """Return the sign of YAML that begins the last expression before, within brackets."""
        all_ = list(_WITHIN.finditer(self._text, self._line_start, self._at + 1))
        found = all_[-1] if all_ else None
        if found is None:
            return None
        if found[1] not in EXPRESSION_KEYS or "," in self._text[found.end() : self._at]:
            return None
        return self._sheet.span(found.end() - 1, found.end())

    def _line_above(self) -> tuple[int, Span] | None:
        """Return at which column the key of the nearest line above begins, and where it stands."""
        end = self._line_start
        while end > 0:
            end -= 2 if self._text.startswith("\r\n", end - 2) else 1
            start = self._sheet.line_start(end)
            line = self._text[start:end]
            if line.strip() and not line.lstrip().startswith("#"):
                found = _KEY.match(line)
                if found is None:
                    return None
                column = found.start("key")
                return column, self._sheet.span(start + column, start + found.end("key"))
            end = start
        return None

    def _begin_of_value(self) -> int:
        """Return where the line begins that is above the one where reading stopped."""
        return self._sheet.line_start(max(self._line_start - 1, 0))

    def _value_start(self) -> tuple[int, str]:
        """Return where the value of the first key of the line begins, and the key."""
        line = _KEY.match(self._text, self._line_start)
        if line is None:
            start = self._line_start + _width(self._text, self._line_start)
            return start, ""
        return line.end() + _width(self._text, line.end()), line["key"]

    def _quote_value(self) -> tuple[Fix, ...]:
        """Return the fix that quotes a plain value with the `: ` in it."""
        start, key = self._value_start()
        if not key or start >= self._at:
            return ()
        return _quote_rest(self._sheet, start, is_certain=False)


def _quote_rest(sheet: Sheet, at: int, *, is_certain: bool) -> tuple[Fix, ...]:
    """Return the fix that quotes what stands up to the end of the line, or its comment."""
    text = sheet.text
    end = len(text)
    for sign in ("\n", "\r", " #", "\t#"):
        found = text.find(sign, at, end)
        end = found if found >= 0 else end
    line = sheet.line_start(at)
    written = text[at:end].rstrip()
    if not written or any(sign in text[line:at] for sign in "{["):
        return ()
    edit = Edit(sheet.span(at, at + len(written)), quoted(written))
    return (Fix("quote the value", (edit,), "safe" if is_certain else "unsafe"),)


def _width(text: str, start: int) -> int:
    """Return how many blanks a line begins with."""
    at = start
    while text.startswith((" ", "\t"), at):
        at += 1
    return at - start


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
