"""How wide a body is: against all sets of steps, and without looking at too many."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.compiler import widths
from dagnats.compiler.widths import EXACT_WORK_MAX, Widths
from tests.compiler.proving import certificate_of

Sources = list[list[int]]


def of(sources: Sources, weights: list[int], joins: Any = None) -> int:
    found = Widths(sources, joins or [None] * len(sources))
    widest = found.widest(range(len(sources)), weights)
    return sum(weights[at] for at in widest)


def brute(sources: Sources, weights: list[int], joins: list[str | None]) -> int:
    """Look at every set of steps of which none is over when another begins."""
    over: list[set[int]] = []
    for own, join in zip(sources, joins, strict=True):
        sets = [over[s] | {s} for s in own]
        every = join != "any_success" or len(own) < 2
        over.append(set.union(*sets) if every and sets else set.intersection(*sets or [set()]))
    best = 0
    for size in range(1, len(sources) + 1):
        for chosen in combinations(range(len(sources)), size):
            if not any(a in over[b] or b in over[a] for a, b in combinations(chosen, 2)):
                best = max(best, sum(weights[at] for at in chosen))
    return best


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Sources, list[int], list[str | None]]:
    count = draw(st.integers(1, 9))
    sources: Sources = [
        sorted(draw(st.sets(st.integers(0, at - 1), max_size=3))) if at else []
        for at in range(count)
    ]
    weights = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    joins = draw(
        st.lists(st.sampled_from([None, None, "any_success"]), min_size=count, max_size=count)
    )
    return sources, weights, joins


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(graphs())
def test_the_width_is_that_of_the_widest_set(drawn: Any) -> None:
    sources, weights, joins = drawn
    assert of(sources, weights, joins) == brute(sources, weights, joins)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True)
@given(graphs())
def test_without_looking_closely_it_is_never_less(drawn: Any) -> None:
    sources, weights, joins = drawn
    found = Widths(sources, joins)
    found.work = EXACT_WORK_MAX
    widest = found.widest(range(len(sources)), weights)
    assert sum(weights[at] for at in widest) >= brute(sources, weights, joins)


def test_greedy_chains_alone_would_be_too_wide() -> None:
    # a → c, d;  b → c: greedily [a, c], [b], [d]; but b and d are all that is beside each other.
    steps = (
        "name: w\nsteps:\n  - {id: a, task: t}\n  - {id: b, task: t, depends_on: [a]}\n"
        "  - {id: c, task: t, depends_on: [a]}\n  - {id: d, task: t, depends_on: [b]}\n"
        "  - {id: e, task: t, depends_on: [b, c]}\n"
    )
    assert certificate_of(steps).concurrent_steps.max == 2


def test_what_goes_on_after_any_of_several_runs_beside_the_others() -> None:
    steps = (
        "name: w\nsteps:\n  - {id: a, task: t}\n  - {id: b, task: t}\n"
        "  - {id: c, task: t, depends_on: [a, b], join: any_success}\n"
        "  - {id: d, task: t, depends_on: [a, b], join: any_success}\n"
    )
    assert certificate_of(steps).concurrent_steps.max == 4


def test_the_work_is_bounded() -> None:
    count = widths.EXACT_STEPS_MAX
    sources: Sources = [
        [other for other in range(at) if (at * 7 + other * 13) % 5 == 0] for at in range(count)
    ]
    found = Widths(sources, [None] * count)
    for _ in range(50):
        found.widest(range(count), [1 + at % 3 for at in range(count)])
    assert found.work <= EXACT_WORK_MAX + 3 * count * count
