"""Recorded runs decided again: the same by their own program, and told where not by another."""

from random import Random
from typing import Any

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.errors import BrokenError
from dagnats.machine import inputs as i
from dagnats.machine.events import Event, decode, encode
from dagnats.machine.prepared import Prepared, prepare
from dagnats.simulation.generator import generate
from dagnats.simulation.moves import Possible
from dagnats.simulation.replaying import replay
from dagnats.simulation.world import World
from tests.simulation.test_world import prepared

STEPS_MAX = 3_000


def recorded(program: Prepared, seed: int, value: Any) -> list[Event]:
    """The history of a run in which chance decides, as it is stored."""
    rng, possible = Random(seed), Possible(program)
    world = World(program, keeps=True)
    world.start(value)
    steps = 0
    while not world.state.ended:
        if world.settle():
            continue
        steps += 1
        cancels = rng.random() < 0.02
        moves = possible.moves(world, in_turn=steps > STEPS_MAX, cancels=cancels)
        if steps < STEPS_MAX and rng.random() < 0.01 and world.state.status == "running":
            world.do(i.Pause(world.now, "wait"))
            world.do(i.Resume(world.now))
            continue
        rng.choice(moves).apply(world)
    return [decode(encode(event)) for event in world.events]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 100, 20))
def test_a_run_is_decided_the_same_again(first: int) -> None:
    for seed in range(first, first + 20):
        compiled = compile_workflow(generate(seed, 1 + seed % 9))
        assert compiled.program is not None
        program = prepare(compiled.program, "sha256:0")
        events = recorded(program, seed, Possible(program).inputs()[0])
        assert replay(program, events) == [], seed


TEXT = """
name: hello
input: {type: object, required: [go], properties: {go: {type: boolean}}}
steps:
  - {id: a, task: t, retry: {max_retries: 1, initial_delay: 1s}}
  - {id: b, task: t, when: input.go, depends_on: [a]}
"""


def history() -> list[Event]:
    world = World(prepared(TEXT), keeps=True)
    world.start({"go": True})
    now = world.now
    world.do(i.Deliver(now, "a", "w"))
    world.do(i.Fail(now, "a", 1, 0, "boom", "it failed"))
    world.wait()
    world.do(i.Deliver(world.now, "a", "w"))
    world.do(i.Complete(world.now, "a", 2, 0, {"n": 1}))
    world.do(i.Deliver(world.now, "b", "w"))
    world.do(i.Complete(world.now, "b", 1, 0, 2))
    assert world.state.status == "completed"
    return world.events


def test_layout_and_unrelated_changes_make_no_difference() -> None:
    changed = prepared(TEXT.replace("name: hello", "name: hello\ntimeout: 2d"))
    assert replay(prepared(TEXT), history(), changed) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "asked"),
    [
        ("initial_delay: 1s", "initial_delay: 2s", "step.failed", "Fail"),
        ("max_retries: 1", "max_retries: 0", "step.failed", "Fail"),
        ("when: input.go", "when: '!input.go'", "step.queued", "Complete"),
    ],
)
def test_the_first_other_decision_is_named(old: str, new: str, kind: str, asked: str) -> None:
    differences = replay(prepared(TEXT), history(), prepared(TEXT.replace(old, new)))
    first = differences[0]
    assert first.recorded is not None
    assert (first.recorded["type"], first.request) == (kind, asked)
    assert first.replayed != first.recorded


def test_a_history_that_was_changed_is_found_out() -> None:
    events = history()
    del events[3]
    assert replay(prepared(TEXT), events)


def test_what_has_no_beginning_is_refused() -> None:
    with pytest.raises(BrokenError):
        replay(prepared(TEXT), history()[1:])
