"""Which key or word an author probably meant."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

CUTOFF = 0.7
"""How alike two words must be (difflib's ratio) for one to be taken for the other."""

_RENAMED = {
    "after": ("depends_on",),
    "needs": ("depends_on",),
    "requires": ("depends_on",),
    "dependencies": ("depends_on",),
    "upstream": ("depends_on",),
    "if": ("when",),
    "condition": ("when",),
    "uses": ("task",),
    "activity": ("task",),
    "handler": ("task",),
    "key": ("id",),
    "doc": ("description",),
    "attempts": ("max_retries",),
    "retries": ("max_retries",),
    "backoff": ("strategy",),
    "backoff_coefficient": ("multiplier",),
    "factor": ("multiplier",),
    "delay": ("initial_delay",),
    "interval": ("initial_delay",),
    "initial_interval": ("initial_delay",),
    "max_interval": ("max_delay",),
    "parameters": ("with", "input"),
    "params": ("with", "input"),
    "args": ("with",),
    "arguments": ("with",),
    "with_": ("with",),
    "inputs": ("with", "input"),
    "input": ("with",),
    "outputs": ("output",),
    "result": ("output",),
    "max_loops": ("max_iterations",),
    "iterations": ("max_iterations",),
    "limit": ("max_iterations",),
    "while": ("until",),
    "state": ("initial_state",),
    "step_id": ("step", "id"),
    "accept": ("allow",),
    "accepts": ("allow",),
}
"""What other languages call our keys; the first that is a key there is meant."""

_UNSAFE = frozenset({"while", "uses", "retries", "attempts", "backoff", "limit", "key"})
"""Names whose values mean something else elsewhere: a change of the key alone may not be enough."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A word that was probably meant; `safe` when writing it instead keeps the meaning."""

    word: str
    safe: bool = True


def guess_key(key: str, allowed: Iterable[str]) -> Guess | None:
    """Return the key of `allowed` that was probably meant by `key`."""
    names = list(allowed)
    plain = _plain(key)
    for name in names:
        if _plain(name) == plain:
            return Guess(name)
    written = key.replace("-", "_").lower()
    for name in _RENAMED.get(written, ()):
        if name in names:
            return Guess(name, safe=written not in _UNSAFE)
    return guess_word(key, names)


def guess_word(word: str, allowed: Iterable[str]) -> Guess | None:
    """Return the word of `allowed` that is nearest to `word`, if any is near."""
    found = difflib.get_close_matches(word.lower(), list(allowed), n=1, cutoff=CUTOFF)
    return Guess(found[0]) if found else None


def _plain(key: str) -> str:
    """Return a key without what styles differ in: case, `_` and `-`."""
    return key.replace("_", "").replace("-", "").lower()
