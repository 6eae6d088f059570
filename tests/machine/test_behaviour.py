"""What happens to each type of step, whatever comes; and that a crash anywhere changes nothing."""

import pytest

from tests.machine.behaviour import at_once, bodies, runs, waits, work
from tests.machine.behaviour.case import ANYTHING, Case, end_of, split
from tests.machine.world import as_bytes, replayed, taken_up

CASES = [*work.CASES, *bodies.CASES, *waits.CASES, *at_once.CASES, *runs.CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_history(case: Case) -> None:
    world = case.run()
    assert world.lines == split(case.lines)
    assert end_of(world) == case.end
    assert case.output is ANYTHING or world.state.output == case.output


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_crash_anywhere_leads_to_the_same_end(case: Case) -> None:
    whole = case.run()
    for cut in range(1, len(whole.history) + 1):
        again = taken_up(whole, cut).run()
        assert end_of(again) == case.end, (cut, again.lines)
        if case.exact:
            found, expected = again.state, whole.state
            assert (found.output, found.error) == (expected.output, expected.error), cut


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_history_is_a_state(case: Case) -> None:
    world = case.run()
    assert as_bytes(replayed(world, len(world.bytes))) == as_bytes(world.state)


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
