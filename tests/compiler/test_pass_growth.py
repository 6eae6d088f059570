"""Every pass from text to IR and back: twice the steps are twice the work, counted in calls."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.compiler import document, passes

STEPS = 100
RATIO_MAX = 2.1


def calls(work: Callable[[], Any]) -> int:
    """Count the calls of functions, those of C too."""
    count = 0

    def tell(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    work()  # what is prepared once counts for nothing
    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


ONCE = passes(document(STEPS))
TWICE = passes(document(2 * STEPS))


@pytest.mark.parametrize("name", ONCE)
def test_twice_the_steps_are_twice_the_work_of_a_pass(name: str) -> None:
    once = calls(ONCE[name])
    assert once >= STEPS
    assert calls(TWICE[name]) <= RATIO_MAX * once
