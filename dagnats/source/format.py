"""The formatter of documents: same meaning, same comments, one way to write it.

It works on the text, with the places that our own reader gives. The other way, a library that
loads a document with its comments and dumps it again, was measured with ruamel.yaml's round trip:
it loses the comments within brackets, leaves others at the indentation that they had, joins the
lines of plain and quoted scalars, rewrites escapes, and takes thrice as long. Here scalars are
copied as they stand, unless a rule says otherwise, and only what is between them is written anew:

    text ─ reader ─▶ Document ─ parse ─▶ Page ─ (sort_keys) ─ write ─▶ text
                                                                  └─ reader ─▶ must be the same

The last step makes mistakes of the others harmless: a result that reads differently or has other
comments is not handed out.
"""

import json
import re

from msgspec import Struct

from dagnats.collection import uncollected
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink
from dagnats.diagnostics.places import Places
from dagnats.source.document import Document, Scalar, to_json
from dagnats.source.formatting.parse import PuzzledError, parse
from dagnats.source.formatting.write import tidy, write_yaml
from dagnats.source.formatting.write_json import write_json
from dagnats.source.reader import read

_BOM = "\ufeff"
_BREAK = re.compile(r"\r\n?")


class Formatted(Struct, frozen=True):
    """A text as it should be; None when it is left alone, and then one of the others says why.

    `findings` are what the reader refuses, with places in the text that was given. `problem` is a
    failure of the formatter: a result that would not have meant the same.
    """

    text: str | None
    findings: tuple[Diagnostic, ...] = ()
    problem: str | None = None


def format_text(text: str, file: str = "<text>", *, sort_keys: bool = False) -> Formatted:
    """Format a document, as JSON if it is JSON, else as YAML; never raises, whatever the text is.

    `file` is how findings call it; one that ends in `.json` has to hold JSON. `sort_keys` brings
    the keys of the top level and of steps into the order of the language's reference.
    """
    with uncollected():
        return _formatted(text, file, sort_keys=sort_keys)


def _formatted(text: str, file: str, *, sort_keys: bool) -> Formatted:
    sink = Sink()
    original = read(text, file, sink)
    errors = tuple(f for f in sink.sorted() if f.severity is Severity.ERROR)
    if original is None or errors:
        return Formatted(None, errors)
    if isinstance(original.root, Scalar):
        return Formatted(text)  # no workflow, and nothing that would have a form
    plain = _BREAK.sub("\n", text.removeprefix(_BOM))
    try:
        document = original if plain == text else _read(plain, file)
        page = parse(document)
        if sort_keys:
            from dagnats.source.formatting.order import sort_keys as sort

            sort(page)
        comments = [tidy(comment.text) for comment in page.comments]
        after = write_json(page) if _is_json(plain) else write_yaml(page)
        if after != text:
            _check(original, comments, after, sort_keys=sort_keys)
    except PuzzledError as puzzle:
        if _BOM in plain:  # the parsers do not agree on where such a text begins and ends
            return Formatted(None, (_stray_mark(text),))
        return Formatted(None, problem=str(puzzle))
    return Formatted(after)


def _read(text: str, file: str) -> Document:
    sink = Sink()
    document = read(text, file, sink)
    if document is None or sink.has_errors:
        raise PuzzledError("the result cannot be read")
    return document


def _check(original: Document, comments: list[str], after: str, *, sort_keys: bool) -> None:
    """Raise PuzzledError unless a result says what the original does."""
    document = _read(after, original.file)
    if _value(document, sort_keys=sort_keys) != _value(original, sort_keys=sort_keys):
        raise PuzzledError("the result would not mean the same")
    kept = [comment.text for comment in parse(document).comments]
    if sort_keys:
        kept, comments = sorted(kept), sorted(comments)
    if kept != comments:
        raise PuzzledError("a comment would be lost or moved")


def _value(document: Document, *, sort_keys: bool) -> str:
    """Return a value as JSON text, in which 1 is not 1.0; order of keys counts unless sorted."""
    return json.dumps(to_json(document.root), sort_keys=sort_keys)


def _is_json(text: str) -> bool:
    """Whether a text is JSON as its standard has it."""
    try:
        json.loads(text, parse_constant=_no_number)
    except (RecursionError, ValueError):
        return False
    return True


def _no_number(name: str) -> None:
    raise ValueError(f"`{name}` is not a number of JSON")


def _stray_mark(text: str) -> Diagnostic:
    at = text.index(_BOM, 1)
    message = "a byte order mark stands within the text"
    return Diagnostic("DN1002", message, Places(text).span(at, at + 1), help="remove it")
