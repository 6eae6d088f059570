"""Applying fixes: as edits of the text, so that comments and formatting stay as they are.

Fixes may overlap, and one may uncover another; so a text is mended in passes: in each, as many as
stand apart, then it is judged again. A fix after which a text cannot be read, or does not compile
any more, is taken back.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from itertools import pairwise

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Diagnostic, Fix, Severity

PASSES_MAX = 20

SAFE = "safe"

Judge = Callable[[str], Sequence[Diagnostic]]
"""Returns the findings of a text that are wanted; errors always are."""

_Change = tuple[int, int, str]


class Mended(Struct, frozen=True):
    """A text after its fixes, how many there were, and what is still found in it."""

    text: str
    fixed: int
    findings: Sequence[Diagnostic]


def usable(finding: Diagnostic, *, unsafe: bool) -> Fix | None:
    """Return the fix that would be applied for a finding: the first safe one, else the first.

    None for a finding about another file than the text.
    """
    if finding.file is not None:
        return None
    safe = next((fix for fix in finding.fixes if fix.applicability == SAFE), None)
    return safe or (finding.fixes[0] if unsafe and finding.fixes else None)


def mend(text: str, judge: Judge, *, unsafe: bool) -> Mended:
    """Apply the fixes of a text until none is left, in at most `PASSES_MAX` passes."""
    findings = judge(text)
    fixed = 0
    seen = {text}
    for _ in range(PASSES_MAX):
        _, apart = apply(text, _wanted(findings, unsafe=unsafe))
        good = _harmless(text, apart, findings, judge) if apart else []
        after, _ = apply(text, good)
        if after in seen:
            break
        seen.add(after)
        text, findings = after, judge(after)
        fixed += len(good)
    return Mended(text, fixed, findings)


def _wanted(findings: Sequence[Diagnostic], *, unsafe: bool) -> list[Fix]:
    return [fix for finding in findings if (fix := usable(finding, unsafe=unsafe)) and fix.edits]


def _harmless(
    text: str, wanted: list[Fix], findings: Sequence[Diagnostic], judge: Judge
) -> list[Fix]:
    """Return the fixes of some that stand apart which do no harm; harmful ones are rare."""
    if not _is_worse(findings, judge(apply(text, wanted)[0])):
        return wanted
    if len(wanted) == 1:
        return []
    half = len(wanted) // 2
    first = _harmless(text, wanted[:half], findings, judge)
    both = [*first, *_harmless(text, wanted[half:], findings, judge)]
    harm = both and _is_worse(findings, judge(apply(text, both)[0]))
    return first if harm else both


def apply(text: str, wanted: Sequence[Fix]) -> tuple[str, list[Fix]]:
    """Return a text with those fixes applied that do not touch an earlier one, and which."""
    applied: list[Fix] = []
    taken: list[_Change] = []
    for fix in sorted(wanted, key=_first):
        edits = sorted((e.span.start.offset, e.span.end.offset, e.text) for e in fix.edits)
        # Side by side they may not fit together, unless they belong to one fix.
        inner = all(a[1] <= b[0] for a, b in pairwise(edits))
        if inner and all(_is_apart(edit, taken) for edit in edits):
            applied.append(fix)
            for edit in edits:
                insort(taken, edit)
    parts: list[str] = []
    done = 0
    for start, end, written in taken:
        parts += [text[done:start], written]
        done = end
    return "".join([*parts, text[done:]]), applied


def _first(fix: Fix) -> int:
    return min((edit.span.start.offset for edit in fix.edits), default=0)


def _is_apart(edit: _Change, taken: list[_Change]) -> bool:
    """Whether an edit touches none of those that are taken, which are in order and apart."""
    at = bisect_left(taken, edit)
    behind = at == len(taken) or edit[1] < taken[at][0]
    return behind and (at == 0 or taken[at - 1][1] < edit[0])


def _is_worse(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> bool:
    """Whether a text cannot be read any more, or has become one that does not compile."""
    compiled = not any(finding.severity is Severity.ERROR for finding in before)
    compiles = not any(finding.severity is Severity.ERROR for finding in after)
    return (compiled and not compiles) or _unread(after) > _unread(before)


def _unread(findings: Sequence[Diagnostic]) -> int:
    return sum(f.code.startswith("DN1") and f.severity is Severity.ERROR for f in findings)
