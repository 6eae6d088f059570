"""What holds of every program and every fate: drawn at random, checked after each event."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.ir.program import Retry
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, outstanding
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import Running
from tests.machine.world import (
    Again,
    Fails,
    Vanishes,
    World,
    as_bytes,
    program,
    replayed,
    task,
)

ACCEPTS = [("completed",), ("completed", "skipped"), ("completed", "failed"), ("failed",)]


@st.composite
def programs(draw: st.DrawFn) -> Prepared:
    nodes = []
    for index in range(draw(st.integers(1, 7))):
        sources = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        more: dict[str, Any] = {"accepts": draw(st.sampled_from(ACCEPTS))}
        more["retry"] = Retry(max_retries=draw(st.integers(0, 2)), initial_delay_ms=10)
        more["max_deliveries"] = draw(st.integers(1, 3))
        if draw(st.booleans()):
            more["max_iterations"] = draw(st.integers(1, 3))
        nodes.append(task(f"s{index}", *sorted(sources), **more))
    return program(*nodes)


def fate(data: st.DataObject) -> Any:
    results = st.sampled_from(["ok", Fails(), Fails(retryable=False), Again(1), Vanishes()])
    return lambda *_: data.draw(results)


@settings(max_examples=60, deadline=None)
@given(programs(), st.data())
def test_every_run_ends_and_replays_bit_for_bit(prepared: Prepared, data: st.DataObject) -> None:
    world = World(prepared, fate(data)).start({"n": 1})
    state = world.run()
    assert state.ended
    assert as_bytes(replayed(world, len(world.lines))) == as_bytes(state)
    assert [event.seq for event in world.history] == list(range(1, len(world.history) + 1))


@settings(max_examples=60, deadline=None)
@given(programs(), st.data())
def test_a_history_cut_anywhere_is_taken_up_again(prepared: Prepared, data: st.DataObject) -> None:
    world = World(prepared, fate(data)).start({"n": 1})
    world.run()
    cut = data.draw(st.integers(1, len(world.lines)))
    again = World(prepared, lambda *_: "ok")
    again.now = world.now
    again.state = replayed(world, cut)
    again._shadow = replayed(world, cut)
    again.history = world.history[:cut]
    again.lines = world.lines[:cut]
    take_up(again)
    assert again.run().ended


def take_up(world: World) -> None:
    """Do what an engine does after a crash: look at the run once, and expect its workers dead."""
    transition = advance(world.program, world.state, i.Tick(at=world.now))
    world.waiting = {
        (c.step, c.iteration, c.attempt): c for c in outstanding(world.program, world.state)
    }
    world._take(transition)
    for index, step in enumerate(world.state.steps):
        if isinstance(step, Running):
            head = (world.now, index, step.attempt, step.iteration)
            world.do(i.ExpireLease(*head, step.delivery))


@settings(max_examples=60, deadline=None)
@given(programs(), st.data())
def test_every_input_twice_is_every_input_once(prepared: Prepared, data: st.DataObject) -> None:
    world = World(prepared, fate(data)).start()
    once = world.answer

    def twice(offered: Any, result: Any) -> Any:
        events = once(offered, result)
        before = len(world.history)
        if not isinstance(result, Vanishes):
            once(offered, result)
        assert len(world.history) == before
        return events

    world.answer = twice  # type: ignore[method-assign]
    assert world.run().ended
