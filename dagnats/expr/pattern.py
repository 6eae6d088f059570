"""Reads a pattern of RE2's syntax into the states of a nondeterministic automaton.

There are no back references and no look around: with them nobody can promise an end.
"""

from dataclasses import dataclass, field
from typing import Final

from dagnats.expr.values import EvaluationError

PATTERN_CHARS_MAX = 1_000
REPEAT_MAX = 1_000
STATES_MAX = 5_000

_DIGITS = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 10), (12, 13), (32, 32))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_POSIX = {
    "alpha": ((65, 90), (97, 122)), "digit": _DIGITS, "alnum": (*_DIGITS, (65, 90), (97, 122)),
    "upper": ((65, 90),), "lower": ((97, 122),), "space": ((9, 13), (32, 32)), "word": _WORD,
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)), "xdigit": (*_DIGITS, (65, 70), (97, 102)),
}  # fmt: skip
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_LAST: Final = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class State:
    """Reads a character in `ranges`, or holds a place: `^`, `$`, `b`, `B`; or goes on at once."""

    ranges: Ranges | None = None
    place: str = ""
    to: list[int] = field(default_factory=list)


def bad(pattern: str, why: str) -> EvaluationError:
    """Return the error of a text that is no pattern."""
    return EvaluationError(f"`{pattern}` is no pattern: {why}", "argument")


class Parser:
    """Recursive descent; every method builds states from a start and returns the end."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.states: list[State] = []
        self.fold = self.multi = self.dot_all = False
        self.depth = 0

    def state(self, ranges: Ranges | None = None, place: str = "") -> int:
        """Add a state and return its number."""
        if len(self.states) >= STATES_MAX:
            raise bad(self.pattern, "it is too large")
        self.states.append(State(ranges, place))
        return len(self.states) - 1

    def alternatives(self, start: int) -> int:
        """Read branches up to the end or a `)`."""
        self.depth += 1
        if self.depth > 50:
            raise bad(self.pattern, "it is nested too deep")
        flags = self.fold, self.multi, self.dot_all
        end = self.state()
        while True:
            branch = self.state()
            self.states[start].to.append(branch)
            self.states[self._sequence(branch)].to.append(end)
            if not self._take("|"):
                break
        self.fold, self.multi, self.dot_all = flags
        self.depth -= 1
        return end

    def _sequence(self, start: int) -> int:
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            start = self._repeated(start)
        return start

    def _repeated(self, start: int) -> int:
        begin, flags = self.at, (self.fold, self.multi, self.dot_all)
        first = self.state()
        self.states[start].to.append(first)
        end = self._atom(first)
        after = self.at
        least, most = self._counts()
        if self.at == after:
            return end
        if self.at < len(self.pattern) and self.pattern[self.at] in "*+":
            raise bad(self.pattern, f"`{self.pattern[after : self.at + 1]}` repeats a repetition")
        return self._copies(start, begin, after, least, most, flags)

    def _copies(  # noqa: PLR0913, PLR0917 (where the repeated part stands, and how often)
        self,
        start: int,
        begin: int,
        after: int,
        least: int,
        most: int | None,
        flags: tuple[bool, bool, bool],
    ) -> int:
        """Read the repeated part again for each copy: the first reading only found its end."""
        self.states[start].to.pop()
        resume = self.at
        current = start
        ends: list[int] = []
        for number in range(max(least, most or 0, 1) + (most is None and least > 0)):
            if number >= least:
                ends.append(current)
            first = self.state()
            self.states[current].to.append(first)
            self.at, (self.fold, self.multi, self.dot_all) = begin, flags
            last = self._atom(first)
            if most is None and number >= least:
                self.states[last].to.append(first)
            current = self.state()
            self.states[last].to.append(current)
        if most == 0:
            current = self.state()
            self.states[start].to = [current]
            ends = []
        for end in ends:
            self.states[end].to.append(current)
        assert after <= resume
        self.at = resume
        return current

    def _counts(self) -> tuple[int, int | None]:
        sign = self.pattern[self.at : self.at + 1]
        counts: tuple[int, int | None] = (1, 1)
        if sign and sign in "*+?":
            self.at += 1
            counts = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        elif sign == "{" and (braces := self._braces()) is not None:
            counts = braces
        else:
            return counts
        self._take("?")  # whether greedy does not change if there is a match
        return counts

    def _braces(self) -> tuple[int, int | None] | None:
        close = self.pattern.find("}", self.at)
        low, comma, high = self.pattern[self.at + 1 : close].partition(",")
        if close < 0 or not _digits(low) or (high and not _digits(high)):
            return None
        least = int(low)
        most = int(high) if high else None if comma else least
        if max(least, most or 0) > REPEAT_MAX or (most is not None and most < least):
            raise bad(self.pattern, f"a part is repeated at most {REPEAT_MAX} times")
        self.at = close + 1
        return least, most

    def _take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _atom(self, start: int) -> int:
        char = self.pattern[self.at]
        self.at += 1
        if char == "(":
            return self._group(start)
        if char in "*+?":
            raise bad(self.pattern, f"`{char}` repeats nothing")
        if char in "^$":
            return self._add(start, place=(char if not self.multi else char + "m"))
        if char == ".":
            return self._add(start, ((0, _LAST),) if self.dot_all else ((0, 9), (11, _LAST)))
        if char == "[":
            return self._add(start, self._class())
        if char == "\\":
            return self._escape(start)
        return self._add(start, ((ord(char), ord(char)),))

    def _add(self, start: int, ranges: Ranges | None = None, place: str = "") -> int:
        state = self.states[start]
        state.ranges = None if ranges is None else self._folded(ranges)
        state.place = place
        end = self.state()
        state.to.append(end)
        return end

    def _folded(self, ranges: Ranges) -> Ranges:
        if not self.fold:
            return ranges
        more = []
        for low, high in ranges:
            for first, by in ((65, 32), (97, -32)):
                one, other = max(low, first), min(high, first + 25)
                if one <= other:
                    more.append((one + by, other + by))
        return (*ranges, *more)

    def _group(self, start: int) -> int:
        if self._take("?"):
            if self._take("P<") or self._take("<"):
                close = self.pattern.find(">", self.at)
                if close < 0 or not self.pattern[self.at : close].isidentifier():
                    raise bad(self.pattern, "look around is not supported")
                self.at = close + 1
            elif not self._flags():
                return start
        end = self.alternatives(start)
        if not self._take(")"):
            raise bad(self.pattern, "`(` is never closed")
        return end

    def _flags(self) -> bool:
        """Read `i`, `m`, `s` up to `:` (True: a group follows) or `)`."""
        on = True
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            self.at += 1
            if char in ":)":
                return char == ":"
            if char == "-":
                on = False
            elif char == "i":
                self.fold = on
            elif char == "m":
                self.multi = on
            elif char == "s":
                self.dot_all = on
            elif char != "U":
                break
        raise bad(self.pattern, "look around and such groups are not supported")

    def _escape(self, start: int) -> int:
        char = self.pattern[self.at : self.at + 1]
        if char and char in "bBAz":
            self.at += 1
            return self._add(start, place={"A": "^", "z": "$"}.get(char, char))
        return self._add(start, self._escaped())

    def _escaped(self) -> Ranges:
        """Read what follows a backslash: a class or one character."""
        char = self.pattern[self.at : self.at + 1]
        self.at += 1
        if char and char in "dwsDWS":
            ranges = _CLASSES[char.lower()]
            return ranges if char.islower() else _inverted(ranges)
        if char == "x":
            return self._hexadecimal()
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if not char or char.isalnum():
            raise bad(self.pattern, f"there is no escape `\\{char}`")
        return ((ord(char), ord(char)),)

    def _hexadecimal(self) -> Ranges:
        if self._take("{"):
            close = max(self.pattern.find("}", self.at), self.at)
            digits, self.at = self.pattern[self.at : close], close + 1
        else:
            digits, self.at = self.pattern[self.at : self.at + 2], self.at + 2
        try:
            code = int(digits, 16)
        except ValueError:
            raise bad(self.pattern, "`\\x` wants hexadecimal digits") from None
        return ((code, code),)

    def _class(self) -> Ranges:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise bad(self.pattern, "`[` is never closed")
            first = False
            low = self._member()
            if len(low) == 1 and low[0][0] == low[0][1] and self._is_range():
                self.at += 1
                high = self._member()
                if high[0][0] < low[0][0] or len(high) > 1:
                    raise bad(self.pattern, "a range of characters ends before it begins")
                low = ((low[0][0], high[0][1]),)
            ranges.extend(low)
        self.at += 1
        found = self._folded(tuple(ranges))
        return _inverted(found) if negated else found

    def _is_range(self) -> bool:
        rest = self.pattern[self.at : self.at + 2]
        return len(rest) == 2 and rest[0] == "-" and rest[1] != "]"

    def _member(self) -> Ranges:
        if self._take("[:"):
            close = self.pattern.find(":]", self.at)
            name = self.pattern[self.at : max(close, self.at)]
            ranges = _POSIX.get(name.removeprefix("^"))
            if ranges is None:
                raise bad(self.pattern, f"there is no class `[:{name}:]`")
            self.at = close + 2
            return _inverted(ranges) if name.startswith("^") else ranges
        char = self.pattern[self.at]
        self.at += 1
        return self._escaped() if char == "\\" else ((ord(char), ord(char)),)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5


def _inverted(ranges: Ranges) -> Ranges:
    result, low = [], 0
    for first, last in sorted(ranges):
        if first > low:
            result.append((low, first - 1))
        low = max(low, last + 1)
    if low <= _LAST:
        result.append((low, _LAST))
    return tuple(result)
