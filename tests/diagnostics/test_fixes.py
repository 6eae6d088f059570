"""Fixes are edits: they overlap, uncover each other, and never break what could be read."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.compiler.pipeline import check_workflow
from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Span
from dagnats.diagnostics.fixes import PASSES_MAX, apply, mend, usable
from dagnats.diagnostics.places import Places


def fix(text: str, *edits: tuple[int, int, str], applicability: str = "safe") -> Fix:
    places = Places(text)
    return Fix("do", tuple(Edit(places.span(a, b), new) for a, b, new in edits), applicability)


def finding(where: Span, *fixes: Fix, code: str = "DN9001") -> Diagnostic:
    return Diagnostic(code, "old", where, Severity.INFO, fixes=fixes)


def at(text: str, offset: int) -> Span:
    return Places(text).span(offset, offset + 1)


def replacing(old: str, new: str, applicability: str = "safe"):
    """A judge that finds the first of a text and would replace it."""

    def judge(text: str) -> Sequence[Diagnostic]:
        where = text.find(old)
        if where < 0:
            return ()
        change = fix(text, (where, where + len(old), new), applicability=applicability)
        return (finding(at(text, where), change),)

    return judge


def test_all_that_stand_apart_are_applied_at_once() -> None:
    text = "a b c"
    wanted = [fix(text, (4, 5, "C")), fix(text, (0, 1, "AA"), (2, 3, "B"))]
    assert apply(text, wanted)[0] == "AA B C"


@pytest.mark.parametrize(
    "second",
    [(1, 3, "x"), (0, 2, "x"), (2, 2, "x"), (2, 4, "x")],
    ids=["overlapping", "the-same", "inserted-at-the-end", "side-by-side"],
)
def test_of_two_that_touch_the_first_is_applied(second: tuple[int, int, str]) -> None:
    text = "abcdef"
    first = fix(text, (0, 2, "AB"))
    assert apply(text, [first, fix(text, second)]) == ("ABcdef", [first])


def test_a_fix_is_applied_whole_or_not() -> None:
    text = "abcdef"
    first = fix(text, (0, 2, "AB"))
    torn = fix(text, (1, 2, "x"), (5, 6, "F"))
    assert apply(text, [first, torn])[0] == "ABcdef"


EDITS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 5), st.sampled_from(["", "x", "日"])), max_size=8
)


@given(EDITS)
def test_what_is_applied_is_apart_and_the_rest_of_the_text_stays(edits) -> None:
    text = "0123456789abcdefghijklmno"
    wanted = [fix(text, (start, start + length, new)) for start, length, new in edits]
    after, applied = apply(text, wanted)
    places = sorted((f.edits[0].span.start.offset, f.edits[0].span.end.offset) for f in applied)
    assert all(before[1] < behind[0] for before, behind in pairwise(places))
    kept = [char for n, char in enumerate(text) if not any(a <= n < b for a, b in places)]
    assert [char for char in after if char not in "x日"] == kept
    assert bool(applied) == bool(wanted)


def test_one_fix_after_the_other_until_none_is_left() -> None:
    mended = mend("aaaa", replacing("a", "b"), unsafe=False)
    assert (mended.text, mended.fixed, list(mended.findings)) == ("bbbb", 4, [])


def test_fixes_that_undo_each_other_end() -> None:
    def judge(text: str) -> Sequence[Diagnostic]:
        return replacing("a", "b")(text) or replacing("b", "a")(text)

    assert mend("a", judge, unsafe=False).fixed <= 2


def test_fixes_that_never_end_end() -> None:
    mended = mend("a", replacing("a", "aa"), unsafe=False)
    assert mended.fixed == PASSES_MAX


def test_unsafe_ones_are_applied_only_when_wanted() -> None:
    judge = replacing("a", "b", "unsafe")
    assert mend("a", judge, unsafe=False).text == "a"
    assert mend("a", judge, unsafe=True).text == "b"


def test_a_safe_fix_goes_before_an_unsafe_one() -> None:
    unsafe, safe = fix("a", (0, 1, "u"), applicability="unsafe"), fix("a", (0, 1, "s"))
    both = finding(at("a", 0), unsafe, safe)
    assert usable(both, unsafe=True) == usable(both, unsafe=False) == safe
    assert usable(finding(at("a", 0), unsafe), unsafe=False) is None


@pytest.mark.parametrize("error", ["DN1001", "DN2003"])
def test_a_fix_that_breaks_the_document_is_taken_back(error: str) -> None:
    def judge(text: str) -> Sequence[Diagnostic]:
        found = [
            finding(at(text, n), fix(text, (n, n + 1, "!" if char == "x" else "Y")))
            for n, char in enumerate(text)
            if char in "xy"
        ]
        broken = [Diagnostic(error, "broken", at(text, 0))] if "!" in text else []
        return [*broken, *found]

    mended = mend("y.x.y.y", judge, unsafe=False)
    assert (mended.text, mended.fixed) == ("Y.x.Y.Y", 3)


OLD = """\
# Head
name: old   # kept
timeout:   30000000000
input_schema: {type: object}  # "this" too
steps:

  - id: a
    task: t
    retry: {max_attempts: 3,   strategy: fixed, initial_delay: 1s}
"""


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_comments_and_formatting_stay(line_break: str, mark: str) -> None:
    text = mark + OLD.replace("\n", line_break)
    mended = mend(text, lambda t: check_workflow(t).diagnostics, unsafe=False)
    assert mended.fixed == 3
    assert not mended.findings
    before, after = text.split(line_break), mended.text.split(line_break)
    changed = [number for number, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert changed == [2, 3, 8]
    assert after[3] == 'input: {type: object}  # "this" too'
    assert after[8] == "    retry: {max_retries: 3,   strategy: fixed, initial_delay: 1s}"


def test_many_fixes_are_made_in_one_run() -> None:
    steps = "".join(f"  - {{id: s{n}, task: t, timeout: 1000000000}}\n" for n in range(400))
    text = f"name: many\nsteps:\n{steps}"
    mended = mend(text, lambda t: check_workflow(t).diagnostics, unsafe=False)
    assert (mended.fixed, list(mended.findings)) == (400, [])
