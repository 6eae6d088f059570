"""The counters of a run: counted event by event they are what looking through the state gives."""

import pytest
from msgspec.structs import replace

from dagnats.ir.costs import OUTSIDE
from dagnats.ir.program import Bound
from dagnats.machine import counters as c
from dagnats.machine import events as ev
from dagnats.machine import state as s
from dagnats.machine.counters import Counters, assert_within
from dagnats.machine.evolve import born, evolve
from dagnats.machine.invariants import recount
from tests.compiler.test_certificate_table import HEAD, KINDS, PLAN
from tests.compiler.worst import Worst, compiled


class Recorded(Worst):
    """A run that keeps its history."""

    def _take(self, events, commands):
        self.history = [*getattr(self, "history", []), *events]
        super()._take(events, commands)


@pytest.mark.parametrize("kind", KINDS)
def test_small_steps_come_to_the_same(kind: str) -> None:
    fails = {"b"} if kind == "compensate" else ()
    world = Recorded(compiled(f"{HEAD}  [{KINDS[kind][0]}]"), fails=fails, plan=PLAN).run()
    first, *rest = world.history
    assert isinstance(first, ev.RunStarted)
    state = born(world.program, first)
    for event in rest:
        evolve(world.program, state, event)
        assert (state.counters.running, state.counters.timers) == recount(state)
    assert state.counters == world.state.counters
    within = [one for one in world.history if one.__struct_config__.tag not in OUTSIDE]
    queued = sum(isinstance(event, ev.StepQueued) for event in within)
    assert (state.counters.events, state.counters.attempts) == (len(within), queued)
    assert state.counters.bytes == sum(len(ev.encode(event)) for event in within)


def test_the_names_of_states_and_events_exist() -> None:
    assert all(hasattr(s, name) for name in c.RUNNING | c.TIMED)
    tags = {kind.__struct_config__.tag for kind in ev.Event.__args__}
    assert set(OUTSIDE) <= tags


@pytest.mark.parametrize(
    ("bound", "used", "said"),
    [
        ("events", Counters(events=5), "5 events, certified 4"),
        ("attempts", Counters(attempts=5), "5 attempts, certified 4"),
        ("bytes", Counters(bytes=5), "5 bytes, certified 4"),
        ("concurrent_steps", Counters(running=5), "5 attempts at once, certified 4"),
        ("timers", Counters(timers=5), "5 timers, certified 4"),
    ],
)
def test_a_breach_is_loud(bound: str, used: Counters, said: str) -> None:
    proven = compiled(f"{HEAD}  [{{id: a, task: t}}]").certificate
    least = replace(proven, **{bound: Bound(4, "4")})
    assert_within(proven, Counters(events=4))
    with pytest.raises(AssertionError, match=said):
        assert_within(least, used)
    if bound == "timers":
        assert_within(least, used, paused=True)
