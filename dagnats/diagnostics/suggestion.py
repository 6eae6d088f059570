"""A fix as it is shown: the lines that it changes, before and after."""

from itertools import groupby, takewhile

from dagnats.diagnostics.diagnostic import Edit, Fix
from dagnats.diagnostics.drawing import BLUE, BREAK, GREEN, RED, Paint, shown
from dagnats.diagnostics.places import Places

LINES_MAX = 8
"""Lines that are shown of one stretch of a change; further ones are counted."""


class Suggestion:
    """What a fix would change in a text, stretch by stretch."""

    def __init__(self, fix: Fix, text: str, places: Places) -> None:
        self._stretches: list[tuple[int, list[str], list[str], int]] = []
        for edits in _neighbours(sorted(fix.edits, key=lambda edit: edit.span)):
            first, last = edits[0].span.start.line, max(edit.span.end.line for edit in edits)
            start, end = places.line_start(first), places.line_start(last + 1)
            before, after = text[start:end], _changed(text, edits, start, end)
            column = edits[0].span.start.column - 1
            self._stretches.append((first, _lines(before), _lines(after), column))

    @property
    def last_line(self) -> int:
        """Return the greatest line number that is shown, 0 when nothing is."""
        return max((f + max(len(b), len(a)) - 1 for f, b, a, _ in self._stretches), default=0)

    def rows(self, width: int, paint: Paint, columns: int) -> list[str]:
        """Return the lines, `-` before and `+` after; line numbers take `width` columns."""
        rows = [paint(" " * width + " |", BLUE)] if self._stretches else []
        for first, before, after, column in self._stretches:
            same = _same_at_end(before, after)
            for sign, style, whole in (("-", RED, before), ("+", GREEN, after)):
                lines = whole[: len(whole) - same]
                for number, line in enumerate(lines[:LINES_MAX], first):
                    text = shown(line, min(column, len(line)), columns).text
                    changed = paint(f"{sign} {text}".rstrip(), style)
                    rows.append(f"{paint(f'{number:>{width}}', BLUE)} {changed}")
                if len(lines) > LINES_MAX:
                    more = f"{sign} … {len(lines) - LINES_MAX} more lines"
                    rows.append(f"{' ' * width} {paint(more, style)}")
        return rows


def _same_at_end(before: list[str], after: list[str]) -> int:
    """Return how many lines at the end a change leaves as they are."""
    pairs = zip(reversed(before), reversed(after), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _neighbours(edits: list[Edit]) -> list[list[Edit]]:
    """Return edits in groups: those on the same lines together."""
    groups: list[int] = []
    group, reached = 0, 0
    for edit in edits:
        group += edit.span.start.line > reached
        reached = max(reached, edit.span.end.line)
        groups.append(group)
    pairs = zip(groups, edits, strict=True)
    return [[edit for _, edit in run] for _, run in groupby(pairs, key=lambda pair: pair[0])]


def _changed(text: str, edits: list[Edit], start: int, end: int) -> str:
    parts = []
    for edit in edits:
        parts += [text[start : edit.span.start.offset], edit.text]
        start = max(edit.span.end.offset, start)
    return "".join([*parts, text[start:end]])


def _lines(text: str) -> list[str]:
    """Return the lines of a stretch; a last line break ends a line and begins none."""
    lines = BREAK.split(text)
    return lines[:-1] if lines[-1] == "" else lines
