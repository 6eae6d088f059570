"""Functions on texts and patterns, by RE2: linear in the text, whatever the pattern.

There are no back references and no look around: with them nobody can promise an end.
"""

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

from dagnats.expr import types as t
from dagnats.expr.kinds import NONE, Absent, Present
from dagnats.expr.library.texts import sound
from dagnats.expr.library.values import EvaluationError, bounded, sized, want
from dagnats.expr.signatures import Function, method, over

PATTERN_CHARS_MAX: Final = 4_096
PATTERN_BYTES_MAX: Final = 1 << 20
"""Memory of one pattern; RE2 forgets states beyond it, and takes no pattern that needs more."""
PATTERNS_MAX: Final = 64
"""Patterns kept ready."""
WORK_MAX: Final = 500_000_000
"""What searching may be in the worst case: of a pattern that needs many steps a character, and of
the searches for all matches, each of which may go through all that is left.
"""
STEPS_FREE: Final = 16
"""Size of the patterns that are taken for one step a character."""

_REASONS: Final = {
    "missing )": "`(` is never closed",
    "unexpected )": "`)` closes nothing",
    "missing ]": "`[` is never closed",
    "trailing \\": "`\\` at the end escapes nothing",
    "no argument for repetition operator": "nothing to repeat before `{}`",
    "bad repetition operator": "`{}` repeats a repetition",
    "invalid perl operator": "there is no `{}`; nothing looks ahead or behind",
    "invalid escape sequence": "there is no escape `{}`",
    "invalid repetition size": "`{}` repeats too often",
    "invalid character class range": "there are no such characters: `{}`",
    "invalid named capture group": "`{}` does not name a group",
    "duplicate capture group name": "two groups have the name `{}`",
    "pattern too large - compile failed": "it is too large",
}
_SHOWN_MAX = 60
_ONE_BYTE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\C|\\.", re.DOTALL)


def check_pattern(pattern: str) -> str | None:
    """Return why a text is no pattern, or None when it is one."""
    try:
        _compiled(pattern, captures=True)
    except EvaluationError as error:
        return str(error)
    return None


@functools.lru_cache(maxsize=PATTERNS_MAX)
def _compiled(pattern: str, *, captures: bool) -> Any:
    """Return the pattern of RE2; one without captures is found faster."""
    import re2  # type: ignore[import-untyped]

    if len(pattern) > PATTERN_CHARS_MAX:
        raise _bad(pattern, f"it is longer than {PATTERN_CHARS_MAX} characters")
    if any(found.group() == r"\C" for found in _ONE_BYTE.finditer(pattern)):
        raise _bad(pattern, r"there is no escape `\C`")  # it would take characters apart
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    options.never_capture = not captures
    try:
        return re2.compile(sound(pattern), options)
    except re2.error as error:
        why, _, what = error.args[0].decode(errors="replace").partition(": ")
        raise _bad(pattern, _REASONS.get(why, f"{why} `{{}}`").format(what)) from None


def _bad(pattern: str, why: str) -> EvaluationError:
    shown = pattern if len(pattern) <= _SHOWN_MAX else pattern[:_SHOWN_MAX] + "…"
    return EvaluationError(f"`{shown}` is no pattern: {why}", "argument")


def matches(text: Any, pattern: Any) -> bool:
    """Whether a pattern is found anywhere in the text."""
    want("matches", (text, str), (pattern, str))
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        octets = sound(text).encode()
    regexp = _compiled(pattern, captures=False)
    _worked(regexp, len(octets))
    return regexp.search(octets) is not None


def _worked(regexp: Any, characters: int) -> None:
    """Raise when going through so many characters may take too many steps.

    What counts is the size of the pattern and not its length: `(ab){500}` is large.
    """
    if characters * (1 + regexp.programsize // STEPS_FREE) > WORK_MAX:
        raise EvaluationError("finding the pattern may take too many steps", "cost")


def _all(regexp: Any, text: str) -> Iterator[Any]:
    """Yield all matches that do not overlap; an empty one does not follow another at once."""
    end = -1
    passed = len(text)
    _worked(regexp, passed)
    for match in regexp.finditer(text):
        passed += len(text) - match.start()
        _worked(regexp, passed)
        if not match.start() == match.end() == end:
            yield match
        end = match.end()


def _one_group(pattern: str) -> Any:
    regexp = _compiled(pattern, captures=True)
    if regexp.groups > 1:
        raise EvaluationError(f"`{pattern}` has more than one group to extract", "argument")
    return regexp


def extract(text: Any, pattern: Any) -> Present | Absent:
    """Return the first match, or its group if the pattern has one; an empty group is nothing."""
    want("regex.extract", (text, str), (pattern, str))
    regexp = _one_group(pattern)
    _worked(regexp, len(text))
    match = regexp.search(sound(text))
    if match is None:
        return NONE
    found = match.group(regexp.groups)
    return Present(found) if found or not regexp.groups else NONE


def extract_all(text: Any, pattern: Any) -> list[str]:
    """Return every match, or its group if the pattern has one and it is not empty."""
    want("regex.extractAll", (text, str), (pattern, str))
    regexp = _one_group(pattern)
    found: list[str] = []
    for match in _all(regexp, sound(text)):
        part = match.group(regexp.groups)
        if part or not regexp.groups:
            bounded(len(found) + 1)
            found.append(part)
    return found


def replace(text: Any, pattern: Any, new: Any, limit: Any = -1) -> str:
    r"""Return the text with `new` for each match, at most `limit` times unless negative.

    `\1` in `new` is the first group, `\0` the match, `\\` a backslash.
    """
    want("regex.replace", (text, str), (pattern, str), (new, str), (limit, int))
    if limit == 0:
        return str(text)
    regexp = _compiled(pattern, captures=True)
    text = sound(text)
    pieces: list[str] = []
    size = end = 0
    for match in itertools.islice(_all(regexp, text), limit if limit > 0 else None):
        for piece in (text[end : match.start()], *_expanded(new, match, regexp.groups)):
            size += len(piece)
            sized("", size)
            pieces.append(piece)
        end = match.end()
    sized("", size + len(text) - end)
    return "".join((*pieces, text[end:]))


def _expanded(new: str, match: Any, groups: int) -> Iterator[str]:
    for at, part in enumerate(_template(new)):
        if at % 2 == 0 or part == "\\":
            yield part
        elif int(part) > groups:
            message = f"`{new}` has a group {part}, the pattern has {groups}"
            raise EvaluationError(message, "argument")
        else:
            yield match.group(int(part)) or ""


@functools.lru_cache(maxsize=PATTERNS_MAX)
def _template(new: str) -> tuple[str, ...]:
    """Return the texts of a replacement with what is escaped between them."""
    parts = re.split(r"\\(.|\Z)", new, flags=re.DOTALL)
    for escaped in parts[1::2]:
        if not escaped or escaped not in "0123456789\\":
            message = f"`{new}`: after `\\` stands a digit or another `\\`"
            raise EvaluationError(message, "argument")
    return tuple(parts)


_TEXT = t.STRING
_TEST = (method(_TEXT, _TEXT, gives=t.BOOL), over(_TEXT, _TEXT, gives=t.BOOL))
_FIRST = (over(_TEXT, _TEXT, gives=t.Optional(_TEXT)),)
_EVERY = (over(_TEXT, _TEXT, gives=t.List(_TEXT)),)
_SWAP = (over(_TEXT, _TEXT, _TEXT, gives=_TEXT), over(_TEXT, _TEXT, _TEXT, t.INT, gives=_TEXT))

FUNCTIONS: tuple[Function, ...] = (
    Function("matches", "whether a pattern (RE2) is found in it", matches, _TEST),
    Function("regex.extract", "the first match of a pattern, or nothing", extract, _FIRST),
    Function("regex.extractAll", "all matches of a pattern", extract_all, _EVERY),
    Function("regex.replace", "with a text for the matches of a pattern", replace, _SWAP),
)
