"""What characters a text may hold, and how bytes become one.

Refused are control characters, halves of surrogate pairs, and the line breaks of YAML 1.1 that are
text in 1.2. Warned of are characters that nobody sees: they reorder a line on the screen, or take
no room in it. A byte order mark and every kind of line end read alike, so they are no finding.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Iterator

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Edit, Fix, Severity, Sink, Span
from dagnats.diagnostics.places import BOM, Places

TEXT_BYTES_MAX = 4_194_304
INVISIBLE_SHOWN_MAX = 20
"""Invisible characters of one text that are reported."""

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
INVISIBLE = re.compile("[\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff]")
"""Zero-width blanks, and what changes the direction of writing; joiners of emoji are not here."""

_FOREIGN_BREAK = re.compile("[\x85\u2028\u2029]")
_DIRECTIVE = re.compile("(?:^|(?<=[\r\ufeff]))%[^\r\n]*", re.MULTILINE)
_OTHER_ENCODINGS = (
    (BOM_UTF32_LE, "UTF-32"),
    (BOM_UTF32_BE, "UTF-32"),
    (BOM_UTF16_LE, "UTF-16"),
    (BOM_UTF16_BE, "UTF-16"),
)
_SAVE = "save the file as UTF-8"


def decode(data: bytes, sink: Sink) -> str | None:
    """Return the text of a file; None when it is too large or no UTF-8, and the sink says where."""
    if len(data) > TEXT_BYTES_MAX:
        sink.add(_too_large(len(data)))
        return None
    for mark, name in _OTHER_ENCODINGS:
        if data.startswith(mark):
            message = f"the text is written in {name}, not in UTF-8"
            sink.add(Diagnostic("DN1002", message, NOWHERE, help=_SAVE))
            return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        before = data[: wrong.start].decode("utf-8")
        at = Places(before).position(len(before))
        end = at._replace(offset=at.offset + 1, column=at.column + 1)
        shown = " ".join(f"0x{byte:02X}" for byte in data[wrong.start : wrong.end])
        message = f"byte {wrong.start} is no UTF-8: {shown}"
        sink.add(Diagnostic("DN1002", message, Span(at, end), help=_SAVE))
        return None


def refusal(text: str) -> Diagnostic | None:
    """Return why a text is not even looked at, or None: its size, a character, a directive."""
    # A code point takes four bytes at most: most texts need not be encoded to know.
    if len(text) * 4 > TEXT_BYTES_MAX:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > TEXT_BYTES_MAX:
            return _too_large(size)
    if found := FORBIDDEN.search(text) or _FOREIGN_BREAK.search(text):
        at, code = found.start(), f"{ord(found.group()):04X}"
        message, help_ = f"the character U+{code} is not allowed", "remove it"
        if _FOREIGN_BREAK.match(text, at):
            help_ += f', or write it as an escape in double quotes: "\\u{code}"'
        return Diagnostic("DN1002", message, Places(text).span(at, at + 1), help=help_)
    if found := _DIRECTIVE.search(text):
        place = Places(text).span(*found.span())
        message, help_ = "a line cannot begin with `%`", "remove the directive, or indent the line"
        return Diagnostic("DN1001", message, place, help=help_)
    return None


def invisible(text: str) -> Iterator[Diagnostic]:
    """Yield a warning for each of the first characters of a text that nobody sees."""
    start = len(BOM) if text.startswith(BOM) else 0
    if INVISIBLE.search(text, start) is None:
        return
    places = Places(text)
    for number, found in enumerate(INVISIBLE.finditer(text, start)):
        if number == INVISIBLE_SHOWN_MAX:
            return
        span = places.span(*found.span())
        fix = Fix("remove it", (Edit(span, ""),), "unsafe")
        yield unseen(found.group(), span, fix)


def unseen(character: str, span: Span, *fixes: Fix) -> Diagnostic:
    """Return the warning of a character that nobody sees."""
    message = f"the invisible character U+{ord(character):04X} stands here"
    help_ = "remove it: what is read is not what is seen"
    return Diagnostic("DN1028", message, span, Severity.WARNING, help=help_, fixes=fixes)


def _too_large(size: int) -> Diagnostic:
    message = f"the document has {size} bytes, more than {TEXT_BYTES_MAX}"
    return Diagnostic("DN1011", message, NOWHERE, help="split it into several workflows")
