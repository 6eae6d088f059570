"""Names of steps that nobody has: the first ones get a guess, however many there are."""

import difflib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from dagnats.compiler.naming import CANDIDATES_MAX, GUESSES_MAX, SLIP_MAX
from dagnats.compiler.pipeline import check_workflow
from dagnats.diagnostics.diagnostic import Diagnostic
from dagnats.lang.definitions.table import BLOCKS

GROWTH_MAX = 2.3


def document(steps: int, unknown: Callable[[int], str]) -> str:
    rows = [f"  - {{id: step-{n:04}, task: t, depends_on: [{unknown(n)}]}}\n" for n in range(steps)]
    return "name: n\nsteps:\n" + "".join(rows)


def unknown_names(text: str) -> list[Diagnostic]:
    return [each for each in check_workflow(text).diagnostics if each.code == "DN3002"]


def comparisons(text: str) -> int:
    """Return how often two names are compared while a document is judged."""
    compared, count = difflib.SequenceMatcher.real_quick_ratio.__code__, 0

    def tell(frame: FrameType, event: str, _arg: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code is compared

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        check_workflow(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("steps", [CANDIDATES_MAX, GUESSES_MAX // 2, GUESSES_MAX])
def test_twice_the_unknown_names_are_twice_the_comparisons(steps: int) -> None:
    once, twice = (
        comparisons(document(count, lambda n: f"stpe-{n:04}")) for count in (steps, 2 * steps)
    )
    assert once > 0
    assert twice <= GROWTH_MAX * once


@pytest.mark.slow
def test_the_comparisons_of_a_document_are_bounded() -> None:
    each = CANDIDATES_MAX * (2 * SLIP_MAX + 1)
    text = document(2 * GUESSES_MAX, lambda n: f"stpe-{n:04}")
    assert comparisons(text) <= GUESSES_MAX * each


@pytest.mark.slow
def test_the_first_ones_keep_their_guess_and_all_are_reported() -> None:
    found = unknown_names(document(GUESSES_MAX + 50, lambda n: f"stpe-{n:04}"))
    assert len(found) == GUESSES_MAX + 50
    for at, finding in enumerate(found):
        is_guessed = at < GUESSES_MAX
        start = "did you mean `step-" if is_guessed else "the steps are `step-"
        assert finding.help is not None
        assert finding.help.startswith(start), at
        assert bool(finding.fixes) == is_guessed


def test_the_same_slip_again_is_one_guess() -> None:
    found = unknown_names(document(GUESSES_MAX + 50, lambda _: "stpe-0001"))
    assert len(found) == GUESSES_MAX + 50
    (help_,) = {finding.help for finding in found}
    assert help_ is not None
    assert help_.startswith("did you mean `step-")


def misspelt(steps: int, key: Callable[[int], str]) -> str:
    rows = [f"  - {{id: step-{n:04}, tsak: t, {key(n)}: 1s}}\n" for n in range(steps)]
    return "dagnats: 1\nname: n\nsteps:\n" + "".join(rows)


@pytest.mark.slow
def test_a_key_that_is_misspelt_again_is_compared_once() -> None:
    few, many = (comparisons(misspelt(n, lambda _: "tmieout")) for n in (10, 200))
    assert many <= few


@pytest.mark.slow
def test_keys_are_compared_once_although_a_document_is_read_twice() -> None:
    keys = len(BLOCKS["step"].keys)
    spelt = misspelt(100, lambda n: f"tmie{n:04}out")
    assert 100 < comparisons(spelt) <= 101 * keys
