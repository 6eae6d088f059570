"""Expressions that were parsed before: an editor parses the same hundreds at every keystroke.

Trees are immutable and know no places, so that one may stand in many texts.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dagnats.expr.ast import Expr

Key = tuple[str, int, str]
"""A text, the id of its first node, and as what it was read."""

Held = tuple[Expr, Mapping[int, tuple[int, int]]]
"""A tree, and the ranges of its nodes in the text."""


class Memory:
    """What was parsed for the last text, by what it was parsed from; `parsed` counts what was not.

    What a text did not ask for is forgotten with the next one.
    """

    __slots__ = ("_before", "_now", "parsed")

    def __init__(self) -> None:
        self._before: dict[Key, Held] = {}
        self._now: dict[Key, Held] = {}
        self.parsed = 0

    def next_text(self) -> None:
        """Begin a text."""
        self._before, self._now = self._now, {}

    def recall(self, key: Key) -> Held | None:
        """Return what a text was parsed to, if it is known."""
        held = self._now.get(key) or self._before.get(key)
        if held is not None:
            self._now[key] = held
        return held

    def keep(self, key: Key, held: Held) -> None:
        """Remember what a text was parsed to."""
        self.parsed += 1
        self._now[key] = held


_active: list[Memory] = []


def active() -> Memory | None:
    """Return the memory in use, if any."""
    return _active[-1] if _active else None


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Let the parser use a memory for one text; one thread at a time may."""
    memory.next_text()
    _active.append(memory)
    try:
        yield
    finally:
        _active.pop()
