"""Matches patterns in time linear in the text, whatever the pattern.

The sets of states that are met while reading are remembered as a deterministic automaton, built
as far as texts need it.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from dagnats.expr.pattern import PATTERN_CHARS_MAX, Parser, State, bad
from dagnats.expr.values import EvaluationError

WORK_MAX = 5_000_000
"""States visited in one search, remembered or not: the same search always ends the same way."""
REMEMBERED_MAX = 2_000
"""Sets of states kept of one pattern; beyond, they are forgotten and built again."""


def search(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text.

    Raises EvaluationError (`argument`) when it is no pattern.
    """
    return _compiled(pattern).search(text)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> "_Automaton":
    if len(pattern) > PATTERN_CHARS_MAX:
        raise bad(pattern[:20] + "…", f"longer than {PATTERN_CHARS_MAX} characters")
    parser = Parser(pattern)
    start = parser.state()
    end = parser.alternatives(start)
    if parser.at < len(pattern):
        raise bad(pattern, "`)` closes nothing")
    return _Automaton(parser.states, start, end)


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


_PLACES: dict[str, Callable[[str, str], bool]] = {
    "^": lambda before, _: before == "",
    "$": lambda _, after: after == "",
    "^m": lambda before, _: before in {"", "\n"},
    "$m": lambda _, after: after in {"", "\n"},
    "b": lambda before, after: _is_word(before) != _is_word(after),
    "B": lambda before, after: _is_word(before) == _is_word(after),
}


class _Automaton:
    """Sets of states, and which set each pair of neighbouring characters leads to."""

    def __init__(self, states: list[State], start: int, end: int) -> None:
        self.states = states
        self.start = start
        self.end = end
        self.known: dict[tuple[frozenset[int], str, str], frozenset[int] | None] = {}
        # Without places, what follows a character does not matter, and fewer sets are met.
        self.placeless = not any(state.place for state in states)

    def search(self, text: str) -> bool:
        """Whether the end is reached anywhere; raises EvaluationError (`cost`) past WORK_MAX."""
        current: frozenset[int] = frozenset()
        before = ""
        work = 0
        for after in (*text, ""):
            reached = self._step(current, before, after)
            if reached is None:
                return True
            work += len(reached) + 1
            if work > WORK_MAX:
                raise EvaluationError("matching the pattern takes too many steps", "cost")
            current, before = reached, after if not self.placeless else ""
        return False

    def _step(self, current: frozenset[int], before: str, after: str) -> frozenset[int] | None:
        """Return the states after reading `after`; None once the end is among those before it."""
        key = (current, before, after)
        if key in self.known:
            return self.known[key]
        if len(self.known) >= REMEMBERED_MAX:
            self.known.clear()
        found = self.known[key] = self._read(current, before, after)
        return found

    def _read(self, current: frozenset[int], before: str, after: str) -> frozenset[int] | None:
        reached = self._closure((self.start, *current), before, after)
        if self.end in reached:
            return None
        if after == "":
            return frozenset()
        code = ord(after)
        return frozenset(
            target
            for number in reached
            for target in self.states[number].to
            if any(low <= code <= high for low, high in self.states[number].ranges or ())
        )

    def _closure(self, numbers: Iterable[int], before: str, after: str) -> set[int]:
        """Return every state reached without reading."""
        reached: set[int] = set()
        stack = list(numbers)
        while stack:
            number = stack.pop()
            if number in reached:
                continue
            reached.add(number)
            state = self.states[number]
            if state.ranges is None and (not state.place or _PLACES[state.place](before, after)):
                stack.extend(state.to)
        return reached
