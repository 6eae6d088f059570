"""What the YAML parser complains about, said in an author's words.

Both parsers of ruamel.yaml (libyaml and the one in Python) are covered: their messages differ only
in detail, so a phrase of each is enough to know what happened. `recovery` looks at the text around
the place first; what is here is what can be said without.
"""

from msgspec import Struct


class Advice(Struct, frozen=True):
    """A message, what to do about it, and whether it belongs where the construct began."""

    code: str
    message: str
    help: str
    at_context: bool = False
    at_backslash: bool = False


_TAB = Advice("DN1017", "a tab cannot indent", "indent with spaces")
_UNSTARTABLE = {
    "\t": _TAB,
    "@": Advice("DN1013", "`@` cannot begin a value", "quote the value"),
    "`": Advice("DN1013", "a backtick cannot begin a value", "quote the value"),
    "%": Advice("DN1013", "`%` cannot begin a value", "quote the value"),
}
_UNEXPECTED = {
    ",": Advice("DN1013", "`,` cannot begin a value", "quote the value"),
    "]": Advice("DN1016", "`]` closes nothing", "remove it, or quote the value that holds it"),
    "}": Advice("DN1016", "`}` closes nothing", "remove it, or quote the value that holds it"),
}
_QUOTE = Advice(
    "DN1014", "the quote is never closed", "end the text with the same quote", at_context=True
)
_BRACKET = Advice(
    "DN1016", "`[` is never closed", "separate items with `,` and end with `]`", at_context=True
)
_BRACE = Advice(
    "DN1016", "`{` is never closed", "separate entries with `,` and end with `}`", at_context=True
)
_TAG = Advice("DN1013", "`!` cannot begin a value", "quote the value", at_context=True)
_BLOCK = Advice(
    "DN1013",
    "a block of text begins here, with its text on the next line",
    "quote the value if the sign belongs to it",
    at_context=True,
)
_COLON = Advice(
    "DN1015", "`:` cannot stand here", "quote the value that holds it, or start a new line"
)
_ESCAPE = Advice(
    "DN1001",
    "YAML has no such escape",
    "double the backslash, or use single quotes",
    at_backslash=True,
)
_KEY = Advice("DN1001", "a key belongs here", "indent it like the keys above, or quote it")
_DASH = Advice("DN1001", "a list item belongs here", "begin the line with `- `")
_NO_COLON = Advice("DN1001", "the key has no `:`", "write `key: value`", at_context=True)
_ITEM = Advice("DN1001", "`-` cannot stand here", "start the list on a new line")
_NAME = Advice(
    "DN1013",
    "the name of the anchor or alias is missing",
    "use letters, digits, `_` and `-`, or quote the value",
)
_OUTSIDE = Advice("DN1001", "the document has ended before this", "indent it like the lines above")
_IN_CONTEXT = (
    ("quoted scalar", "end of stream", _QUOTE),
    ("quoted scalar", "document", _QUOTE),
    ("quoted scalar", "hexdecimal", _ESCAPE),
    ("flow sequence", "", _BRACKET),
    ("flow mapping", "", _BRACE),
    ("a tag", "", _TAG),
    ("block scalar", "comment or", _BLOCK),
    ("block scalar", "chomping", _BLOCK),
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
_GENERAL = Advice(
    "DN1001", "this is not valid YAML", "check indentation, quotes and brackets around here"
)


def advise(problem: str, context: str, character: str) -> Advice:
    """Say what is wrong where the parser stopped, at `character`."""
    if "cannot start any token" in problem and character in _UNSTARTABLE:
        return _UNSTARTABLE[character]
    for where, what, advice in _IN_CONTEXT:
        if where in context and what in problem and advice not in {_KEY, _DASH}:
            return advice
    if character in _UNEXPECTED:
        return _UNEXPECTED[character]
    for where, what, advice in _IN_CONTEXT:
        if where in context and what in problem:
            return advice
    return next((advice for phrase, advice in _PROBLEMS if phrase in problem), _GENERAL)
