"""Brackets that do not match: which of two is wrong, the one that is open or the one that closes.

`{a: [b], c]}` has a `]` too many, and in `[{a: b]` a `}` is missing. Both are tried, and the one
after which more of the text fits together is believed.
"""

import re
from collections.abc import Sequence

OPENERS = {"]": "[", "}": "{"}

AHEAD_MAX = 20_000
"""Characters behind the place that are looked at."""

_TOKEN = re.compile(r"\"(?:[^\"\\\r\n]|\\.)*\"|'[^'\r\n]*'|[\[\]{}]")


def is_stray(text: str, at: int, open_: Sequence[str]) -> bool:
    """Whether the bracket at `at`, which does not match the last that is open, closes nothing."""
    opener = OPENERS[text[at]]
    stray = _cost(text, at, list(open_))
    last = max((n for n, each in enumerate(open_) if each == opener), default=len(open_) - 1)
    left = list(open_[: max(last, 0)])
    return stray < _cost(text, at, left)


def _cost(text: str, at: int, open_: list[str]) -> int:
    """Return how many of the brackets that follow have no other."""
    wrong = 0
    for found in _TOKEN.finditer(text, at + 1, at + 1 + AHEAD_MAX):
        sign = found.group()
        if sign in "[{":
            open_.append(sign)
        elif sign in OPENERS:
            if open_ and open_[-1] == OPENERS[sign]:
                open_.pop()
            else:
                wrong += 1
    return wrong + (len(open_) if len(text) <= at + 1 + AHEAD_MAX else 0)
