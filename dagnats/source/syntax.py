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


_UNSTARTABLE = {
    "\t": Advice("a tab cannot indent", "indent with spaces"),
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
_IN_CONTEXT = (
    ("quoted scalar", "end of stream", _QUOTE),
    ("quoted scalar", "document separator", _QUOTE),
    ("flow sequence", "", _BRACKET),
    ("flow mapping", "", _BRACE),
)
_COLON = Advice("`:` cannot stand here", "quote the value that holds it, or start a new line")
_ESCAPE = Advice("YAML has no such escape", "double the backslash, or use single quotes")
_KEY = Advice("a key belongs here", "indent it like the keys above, or quote it")
_BLOCK = Advice("this does not line up", "indent it like its neighbours")
_DASH = Advice("a list item belongs here", "begin the line with `- `")
_NO_COLON = Advice("the key has no `:`", "write `key: value`", at_context=True)
_ITEM = Advice("`-` cannot stand here", "start the list on a new line")
_NAME = Advice("the name of the anchor or alias is missing", "use letters, digits, `_` and `-`")
_DIRECTIVE = Advice("the directive is not understood", "remove the line")
_OUTSIDE = Advice("the document has ended before this", "indent it like the lines above")
_PROBLEMS = (
    ("mapping values are not allowed", _COLON),
    ("escape", _ESCAPE),
    ("expected key", _KEY),
    ("expected <block end>", _BLOCK),
    ("'-' indicator", _DASH),
    ("expected ':'", _NO_COLON),
    ("sequence entries are not allowed", _ITEM),
    ("expected alphabetic", _NAME),
    ("directive", _DIRECTIVE),
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
