"""Words and ranges that the rules of a program share, and how a breach of them is told."""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

REPEATS_MAX: Final = 100_000
"""Retries, iterations, deliveries and generations, each."""

TASK_CHARS_MAX: Final = 128
ITEMS_MAX: Final = 10_000
PLAN_STEPS_MAX: Final = 100
EVENTS_MAX: Final = 1_000
"""Events that one step waits for."""

VALUE_LEVELS_MAX: Final = 100
OUTCOMES: Final = ("completed", "skipped", "failed")
JOINS: Final = ("all_success", "all_done", "any_success")
STRATEGIES: Final = ("fixed", "linear", "exponential", "listed")
ON_EXHAUSTED: Final = ("fail", "complete", "pause")

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
DOTTED_ID = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""The id of a node at the top that comes from a document of the Go dagnats."""
ID_CHARS: Final = "letters, digits, `_` and `-`, at most 64"
TASK = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


Faults = tuple[str, ...]
"""What is wrong, in words; mostly nothing, and then it costs nothing."""


def within(what: str, value: Any, least: int, most: int | None) -> Faults:
    """Tell of a number that is no integer of this range."""
    if type(value) is int and value >= least and (most is None or value <= most):
        return ()
    upto = "or more" if most is None else f"to {most}"
    return (f"`{what}` is {value}, not {least} {upto}",)


def maybe_within(what: str, value: Any, least: int, most: int | None) -> Faults:
    """Tell of a number that is there and no integer of this range."""
    return () if value is None else within(what, value, least, most)


def finite(what: str, value: Any, most: float | None = None) -> Faults:
    """Tell of a double that is below 0, above `most` or not finite."""
    if math.isfinite(value) and value >= 0 and (most is None or value <= most):
        return ()
    upto = "finite and at least 0" if most is None else f"0 to {most}"
    return (f"`{what}` is {value}, not {upto}",)


def one_of(what: str, value: str, known: Collection[str]) -> Faults:
    """Tell of a word that is not one of those known."""
    if value in known:
        return ()
    return (f"`{what}` is {shown(value)}, not one of {', '.join(known)}",)


def named(what: str, value: str, pattern: re.Pattern[str] = TASK) -> Faults:
    """Tell of a name of an event, a task or an error code that is none."""
    if len(value) <= TASK_CHARS_MAX and pattern.fullmatch(value):
        return ()
    return (f"`{what}` is {shown(value)}, which is no name of one",)


def maybe_text(what: str, value: str | None) -> Faults:
    """Tell of a text that is there and not Unicode."""
    return () if value is None or is_text(value) else (f"`{what}` is no Unicode text",)


def texts(what: str, values: Iterable[str]) -> Iterator[str]:
    """Tell of texts that are not Unicode, or stand twice."""
    seen: set[str] = set()
    for value in values:
        if not is_text(value):
            yield f"`{what}` holds what is no Unicode text"
        elif value in seen:
            yield f"`{what}` holds {shown(value)} twice"
        seen.add(value)


def not_json(value: Any) -> str | None:
    """Return why something is no JSON value that dagnats carries, or None."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > VALUE_LEVELS_MAX:
            return f"has more than {VALUE_LEVELS_MAX} levels (VALUE_LEVELS_MAX)"
        below: list[Any] = []
        for part in level:
            wrong = _not_json_itself(part)
            if wrong is not None:
                return wrong
            if type(part) is list:
                below.extend(part)
            elif type(part) is dict:
                below.extend(part.values())
        level = below
    return None


def _not_json_itself(value: Any) -> str | None:
    kind = type(value)
    if value is None or kind is bool or kind is list:
        return None
    if kind is str:
        return None if is_text(value) else "holds a text that is not Unicode"
    if kind is int:
        return None if _INT_MIN <= value <= _INT_MAX else "holds an integer of more than 64 bits"
    if kind is float:
        return None if math.isfinite(value) else "holds a number that is not finite"
    if kind is dict:
        fits = all(type(key) is str and is_text(key) for key in value)
        return None if fits else "holds a key that is no text"
    return f"holds a value of type {kind.__name__}"


def is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8: half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> str:
    """Return a name of any length and content so that it can stand in a message."""
    return f"`{ascii(text[:40])[1:-1]}`"
