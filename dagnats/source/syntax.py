"""What the YAML parser complains about, said in an author's words.

Both parsers of ruamel.yaml (libyaml and the one in Python) are covered: their messages differ only
in detail, so a phrase of each is enough to know what happened.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """A message, what to do about it, and whether it belongs where the construct began."""

    message: str
    help: str
    at_context: bool = False
    at_backslash: bool = False


_TAB = Advice("a tab cannot indent", "indent with spaces")
_UNSTARTABLE = {
    "\t": _TAB,
    "@": Advice("`@` cannot begin a value", "quote the value"),
    "`": Advice("a backtick cannot begin a value", "quote the value"),
    "%": Advice("`%` cannot begin a value", "quote the value"),
}
_QUOTE = Advice("the quote is never closed", "end the text with the same quote", at_context=True)
_BRACKET = Advice(
    "`[` is never closed", "separate items with `,` and end with `]`", at_context=True
)
_BRACE = Advice(
    "`{` is never closed", "separate entries with `,` and end with `}`", at_context=True
)
_TAG = Advice("`!` cannot begin a value", "quote the value", at_context=True)
_COLON = Advice("`:` cannot stand here", "quote the value that holds it, or start a new line")
_ESCAPE = Advice(
    "YAML has no such escape", "double the backslash, or use single quotes", at_backslash=True
)
_KEY = Advice("a key belongs here", "indent it like the keys above, or quote it")
_DASH = Advice("a list item belongs here", "begin the line with `- `")
_NO_COLON = Advice("the key has no `:`", "write `key: value`", at_context=True)
_ITEM = Advice("`-` cannot stand here", "start the list on a new line")
_NAME = Advice("the name of the anchor or alias is missing", "use letters, digits, `_` and `-`")
_OUTSIDE = Advice("the document has ended before this", "indent it like the lines above")
_IN_CONTEXT = (
    ("quoted scalar", "end of stream", _QUOTE),
    ("quoted scalar", "document", _QUOTE),
    ("quoted scalar", "hexdecimal", _ESCAPE),
    ("flow sequence", "", _BRACKET),
    ("flow mapping", "", _BRACE),
    ("a tag", "", _TAG),
    ("block mapping", "expected <block end>", _KEY),
    ("block collection", "expected <block end>", _DASH),
)
_PROBLEMS = (
    ("tab character", _TAB),
    ("mapping values are not allowed", _COLON),
    ("escape", _ESCAPE),
    ("expected key", _KEY),
    ("'-' indicator", _DASH),
    ("expected ':'", _NO_COLON),
    ("sequence entries are not allowed", _ITEM),
    ("expected alphabetic", _NAME),
    ("document start", _OUTSIDE),
)
_GENERAL = Advice("this is not valid YAML", "check indentation, quotes and brackets around here")


def advise(problem: str, context: str, character: str) -> Advice:
    """Say what is wrong where the parser stopped, at `character`."""
    if "cannot start any token" in problem and character in _UNSTARTABLE:
        return _UNSTARTABLE[character]
    for where, what, advice in _IN_CONTEXT:
        if where in context and what in problem:
            return advice
    return next((advice for phrase, advice in _PROBLEMS if phrase in problem), _GENERAL)
