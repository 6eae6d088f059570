"""What holds of every program and every fate: drawn at random, checked after each turn."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.machine import inputs as i
from dagnats.machine.commands import Enqueue, StartChild
from dagnats.machine.prepared import Prepared, prepare
from dagnats.simulation.generator import generate
from tests.machine.behaviour.case import end_of
from tests.machine.world import (
    Action,
    Again,
    Cancelled,
    Fails,
    Plans,
    Silent,
    Sleeps,
    Spends,
    Vanishes,
    World,
    as_bytes,
    cancel,
    decides,
    event,
    pause,
    replayed,
    resume,
    retry,
    signal,
    taken_up,
)

RUNS = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
MORE = settings(RUNS, max_examples=250)
SEEDS = st.integers(0, 10_000)
PEOPLE: list[Action] = [
    cancel(),
    pause(),
    resume(),
    resume("fail"),
    retry(),
    event("stop.now", {"kind": "red"}, "e1"),
    event("order.paid", {"kind": "red"}, "e2"),
    signal("order.paid", {"kind": "red"}, "s1"),
]


def a_program(seed: int, size: int = 8) -> Prepared | None:
    found = compile_workflow(generate(seed, size), "random.yaml")
    if found.program is None:
        return None
    return prepare(codec.load(codec.encode(found.program)), "sha256:test")


def an_input(rng: Random, prepared: Prepared) -> Any:
    """Return an input that is of the right shape, more or less."""
    schema = prepared.program.input_schema or {}
    fields = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return {name: a_value(rng, one) for name, one in fields.items()}


def a_value(rng: Random, schema: Any) -> Any:
    if "enum" in schema:
        return rng.choice(schema["enum"])
    match schema.get("type"):
        case "array":
            items = schema.get("items", {})
            return [a_value(rng, items) for _ in range(rng.randint(0, schema.get("maxItems", 3)))]
        case "boolean":
            return rng.random() < 0.5
        case "object":
            return {k: a_value(rng, one) for k, one in schema.get("properties", {}).items()}
        case "string":
            return "red"
        case _:
            return rng.randint(0, 5)


def fate_of(seed: int, kindness: float) -> Any:
    """Return fates that depend on nothing but what is asked for, so that a run can be repeated."""

    def fate(command: Any) -> Any:
        rng = Random(f"{seed}/{command.step}/{getattr(command, 'attempt', 0)}/{_pass(command)}")
        good = {
            "done": rng.random() < 0.6,
            "kind": rng.choice(["red", "green"]),
            "count": rng.randint(0, 5),
            "items": [1, 2][: rng.randint(0, 2)],
        }
        if isinstance(command, StartChild):
            return good if rng.random() < kindness else rng.choice([Fails(), Cancelled(), Sleeps()])
        if type(command.node).__name__ == "PlannerNode":
            tasks = command.node.allowed_tasks or ("work.do",)
            plan = f"- {{id: x, task: {tasks[0]}}}\n- {{id: y, task: {tasks[0]}, depends_on: [x]}}"
            return Plans(plan) if rng.random() < kindness else Plans(problems=("no",))
        if rng.random() < kindness:
            return rng.choice([good, good, Spends(good, {"tokens": 30}), Again(good)])
        bad = [Fails(), Fails("other", retryable=False), Vanishes(1, good), Silent(), Sleeps()]
        return rng.choice([*bad, Fails("slow", after=5)])

    return fate


def _pass(command: Any) -> int:
    return command.iteration if isinstance(command, Enqueue) else 0


def a_script(rng: Random, prepared: Prepared) -> list[Action]:
    gates = [n.id for n in prepared.program.nodes if type(n).__name__ == "ApprovalNode"]
    people = [*PEOPLE, *(decides(gate, rng.choice(["approve", "reject"])) for gate in gates)]
    return [rng.choice(people) for _ in range(rng.randint(0, 4))]


def a_world(seed: int, data: Any = None, *, people: bool = True) -> World | None:
    """Return a run that is about to start, told by its seed alone."""
    prepared = a_program(seed)
    if prepared is None:
        return None
    rng = Random(seed)
    script = a_script(rng, prepared) if people else []
    world = World(prepared, fate_of(seed, rng.choice([0.5, 0.8, 0.97])), idle=script)
    world.given = an_input(rng, prepared)  # type: ignore[attr-defined]
    return world


def played(seed: int, **more: Any) -> World | None:
    world = a_world(seed, **more)
    if world is None:
        return None
    return world.start(world.given).run()  # type: ignore[attr-defined]


def ends_and_replays(seed: int) -> None:
    world = played(seed)
    if world is not None:
        assert world.state.ended
        assert as_bytes(replayed(world, len(world.bytes))) == as_bytes(world.state)


def can_be_cut_anywhere(seed: int, where: Random, cuts: int) -> None:
    whole = played(seed)
    if whole is None:
        return
    for cut in {where.randint(1, len(whole.history)) for _ in range(cuts)}:
        again = taken_up(whole, cut).run()
        assert again.state.ended, cut


def twice_is_once(seed: int, where: Random) -> None:
    """Every input is asked again, at once and much later; nothing comes of it."""
    world = a_world(seed)
    if world is None:
        return
    asked: dict[int, list[i.Input]] = {}
    once = world.do

    def twice(request: i.Input) -> Any:
        base = world.state.base_seq
        events = once(request)
        if isinstance(request, i.Pause | i.Resume | i.RetryRun | i.Tick):
            return events
        assert not once(request), request
        # Attempts count anew in each generation, and when a run is retried.
        known = asked.setdefault(base, [])
        known.append(request)
        late = where.choice(known)
        if isinstance(late, SPOKEN) and world.state.base_seq == base:
            assert not once(late), late
        return events

    world.do = twice  # type: ignore[method-assign]
    assert world.start(world.given).run().state.ended  # type: ignore[attr-defined]


SPOKEN = (i.Complete, i.Continue, i.Fail, i.ExpireLease, i.MissHeartbeat, i.EndChild, i.Decide)


def order_is_free(seed: int) -> None:
    """Whoever is served first, a run without people and clocks comes to the same outcome."""
    first = played(seed, people=False)
    if first is None or any(n.join == "any_success" for n in first.program.program.nodes):
        return
    world = a_world(seed, people=False)
    assert world is not None
    rng = Random(seed + 1)
    work = world._work

    def any_order() -> bool:
        keys = list(world.waiting)
        rng.shuffle(keys)
        world.waiting = {key: world.waiting[key] for key in keys}
        return work()

    world._work = any_order  # type: ignore[method-assign]
    world.start(world.given).run()  # type: ignore[attr-defined]
    if first.state.status == "completed":
        assert (end_of(world), world.state.output) == (end_of(first), first.state.output)


@RUNS
@given(SEEDS)
def test_every_run_ends_and_replays_bit_for_bit(seed: int) -> None:
    ends_and_replays(seed)


@RUNS
@given(SEEDS, st.randoms(use_true_random=False))
def test_a_history_cut_anywhere_is_taken_up_again(seed: int, where: Random) -> None:
    can_be_cut_anywhere(seed, where, 3)


@RUNS
@given(SEEDS, st.randoms(use_true_random=False))
def test_every_input_twice_is_every_input_once(seed: int, where: Random) -> None:
    twice_is_once(seed, where)


@RUNS
@given(SEEDS)
def test_the_order_of_independent_inputs_is_free(seed: int) -> None:
    order_is_free(seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@MORE
@given(SEEDS, st.randoms(use_true_random=False))
def test_all_of_it_at_length(seed: int, where: Random) -> None:
    ends_and_replays(seed)
    can_be_cut_anywhere(seed, where, 10)
    twice_is_once(seed, where)
    order_is_free(seed)
