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
_IN_CONTEXT = (
    ("quoted scalar", "end of stream", Advice("the quote is never closed", "close it", True)),
    ("quoted scalar", "document separator", Advice("the quote is never closed", "close it", True)),
    ("flow sequence", "", Advice("`[` is never closed", "separate items with `,`, end with `]`", True)),
    ("flow mapping", "", Advice("`{` is never closed", "separate entries with `,`, end with `}`", True)),
)
_PROBLEMS = (
    (
        "mapping values are not allowed",
        Advice("`:` cannot stand here", "quote the value that holds it, or start a new line"),
    ),
    ("escape", Advice("the escape is not one of YAML's", "double the backslash, or use single quotes")),
    ("expected key", Advice("a key belongs here", "indent it like the keys above, or quote it")),
    ("expected <block end>", Advice("this does not line up", "indent it like its neighbours")),
    ("'-' indicator", Advice("a list item belongs here", "begin the line with `- `")),
    ("expected ':'", Advice("the key has no `:`", "write `key: value`", True)),
    ("sequence entries are not allowed", Advice("`-` cannot stand here", "start a new line")),
    ("anchor", Advice("the anchor has no valid name", "use letters, digits, `_` and `-`")),
    ("alias", Advice("the alias has no valid name", "use letters, digits, `_` and `-`")),
    ("duplicate", Advice("this is written twice", "remove one")),
    ("directive", Advice("the directive is not understood", "remove the line")),
    ("document start", Advice("the document ends before this", "indent it like the lines above")),
    ("tab", _UNSTARTABLE["\t"]),
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
