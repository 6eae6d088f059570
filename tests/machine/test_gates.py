"""Gates let in as many runs as may be, in order; they follow from states, and leak nothing."""

import random
from typing import Any

import pytest

from dagnats.machine.gates import Admitted, Exists, Gates, Replaces, Waits


def ask(gates: Gates, run_id: str, now: int = 0, workflow: str = "w", **more: Any) -> Any:
    return gates.ask(run_id, workflow, now, **(DEFAULTS | more))


DEFAULTS: dict[str, Any] = {
    "max_runs": None,
    "runs_key": "",
    "singleton": None,
    "singleton_key": "",
    "offset_ms": 0,
}


def test_what_has_no_gate_is_let_in_and_not_remembered() -> None:
    gates = Gates()
    assert ask(gates, "a", offset_ms=5) == Admitted()
    assert not gates.knows("a")
    assert gates.leave("a") == []


def test_as_many_as_may_be_are_in_and_the_oldest_comes_next() -> None:
    gates = Gates()
    got = [ask(gates, f"r{n}", n, max_runs=2) for n in range(5)]
    assert got == [Admitted(), Admitted(), Waits(), Waits(), Waits()]
    assert (gates.held_count, gates.pending_count, gates.holders("w")) == (2, 3, 2)
    assert gates.leave("r3") == []
    assert gates.leave("r1") == ["r2"]
    assert gates.leave("r0") == ["r4"]
    assert [gates.leave(run) for run in ("r2", "r4")] == [[], []]
    assert (gates.held_count, gates.pending_count) == (0, 0)


def test_keys_and_workflows_count_by_themselves() -> None:
    gates = Gates()
    assert ask(gates, "a", max_runs=1, runs_key="x") == Admitted()
    assert ask(gates, "b", max_runs=1, runs_key="y") == Admitted()
    assert ask(gates, "c", max_runs=1, runs_key="x", workflow="v") == Admitted()
    assert ask(gates, "d", max_runs=1, runs_key="x") == Waits()
    assert gates.leave("b") == []
    assert gates.leave("a") == ["d"]


def test_priority_is_so_much_of_age() -> None:
    gates = Gates()
    ask(gates, "in", 0, max_runs=1)
    for run, now, offset in [("a", 100, 0), ("b", 150, 60), ("c", 150, 40), ("d", 0, -500)]:
        assert ask(gates, run, now, max_runs=1, offset_ms=offset) == Waits()
    order = gates.leave("in")
    while order[-1] != "d":
        order += gates.leave(order[-1])
    assert order == ["b", "a", "c", "d"]


def test_a_second_one_is_the_first_one() -> None:
    gates = Gates()
    assert ask(gates, "a", singleton="skip", singleton_key="k") == Admitted()
    assert ask(gates, "b", 1, singleton="skip", singleton_key="k") == Exists("a")
    assert ask(gates, "c", 1, singleton="skip", singleton_key="l") == Admitted()
    assert not gates.knows("b")
    gates.leave("a")
    assert ask(gates, "b", 2, singleton="skip", singleton_key="k") == Admitted()


def test_a_pending_one_is_there_too() -> None:
    gates = Gates()
    ask(gates, "a", singleton="skip", singleton_key="a", max_runs=1)
    assert ask(gates, "b", singleton="skip", singleton_key="b", max_runs=1) == Waits()
    assert ask(gates, "c", singleton="skip", singleton_key="b", max_runs=1) == Exists("b")


def test_the_last_one_replaces_all_and_waits_until_they_have_ended() -> None:
    gates = Gates()
    assert ask(gates, "a", 0, singleton="cancel") == Admitted()
    assert ask(gates, "b", 1, singleton="cancel") == Replaces(("a",))
    assert ask(gates, "c", 2, singleton="cancel") == Replaces(("a", "b"))
    assert gates.why("c") == "the end of `a`, `b` (`singleton`)"
    assert gates.leave("a") == []
    assert gates.leave("b") == ["c"]


def test_who_waits_for_its_lock_holds_nobody_up() -> None:
    gates = Gates()
    ask(gates, "a", 0, singleton="cancel", singleton_key="x", max_runs=2)
    ask(gates, "b", 1, singleton="cancel", singleton_key="x", max_runs=2)
    assert ask(gates, "c", 2, singleton="cancel", singleton_key="y", max_runs=2) == Admitted()
    assert ask(gates, "d", 3, singleton="cancel", singleton_key="z", max_runs=2) == Waits()
    assert gates.leave("c") == ["d"]
    assert gates.leave("a") == ["b"]


def test_one_that_has_asked_gets_what_holds_now() -> None:
    gates = Gates()
    ask(gates, "a", max_runs=1)
    ask(gates, "b", max_runs=1)
    assert ask(gates, "a", 9, max_runs=1) == Admitted()
    assert ask(gates, "b", 9, max_runs=1) == Waits()
    gates.leave("a")
    assert ask(gates, "b", 9, max_runs=1) == Admitted()


WHY = {
    "in": "nothing: it is let in",
    "next": "one of 1 active runs to end for key `eu`: at most 1 may be "
    "(`concurrency.max_runs`), and is the next one",
    "later": "one of 1 active runs to end for key `eu`: at most 1 may be "
    "(`concurrency.max_runs`), 1 before it",
    "unknown": "nothing: it is let in",
}


@pytest.mark.parametrize("run_id", WHY)
def test_why_it_waits(run_id: str) -> None:
    gates = Gates()
    for n, name in enumerate(["in", "next", "later"]):
        ask(gates, name, n, max_runs=1, runs_key="eu")
    assert gates.why(run_id) == WHY[run_id]


# ── after a crash ────────────────────────────────────────────────────────────────────────────────


def test_what_a_crash_has_kept_back_is_let_in() -> None:
    gates = Gates()
    for n, admitted in enumerate([True, False, False, False]):
        gates.restore(f"r{n}", "w", n, **(DEFAULTS | {"max_runs": 3}), admitted=admitted)
    assert gates.due() == ["r1", "r2"]
    assert gates.due() == []
    assert gates.leave("r0") == ["r3"]


def test_what_a_crash_has_kept_from_being_cancelled_is_told() -> None:
    gates = Gates()
    asked = DEFAULTS | {"singleton": "cancel"}
    for n, admitted in [(2, False), (0, True), (1, False)]:
        gates.restore(f"r{n}", "w", n, **asked, admitted=admitted)
    assert gates.due() == []
    assert gates.replaced() == ["r0", "r1"]
    assert [gates.leave(run) for run in ("r0", "r1")] == [[], ["r2"]]


# ── any history ──────────────────────────────────────────────────────────────────────────────────


def seen(gates: Gates) -> dict[str, Any]:
    """All that decides, in a form that can be compared."""
    return {
        "runs": {one.run_id: (one.turn, one.slot, one.lock, one.admitted) for one in guests(gates)},
        "slots": {
            place: (slots.inside, set(slots.waiting)) for place, slots in gates._slots.items()
        },
        "locks": {place: set(lock) for place, lock in gates._locks.items()},
        "counts": (gates.held_count, gates.pending_count),
    }


def guests(gates: Gates) -> list[Any]:
    return list(gates._guests.values())


def rebuilt(draw: random.Random, gates: Gates, asked: dict[str, Any]) -> Gates:
    """The same from states alone, in any order."""
    other = Gates()
    for one in draw.sample(guests(gates), len(gates._guests)):
        other.restore(one.run_id, "w", one.asked_at, **asked[one.run_id], admitted=one.admitted)
    return other


def check(gates: Gates) -> None:
    """No limit is exceeded, and nobody waits who may go or behind one who is younger."""
    for lock in gates._locks.values():
        assert sum(gates._guests[one].admitted for one in lock) <= 1
    for one in guests(gates):
        peers = [other for other in guests(gates) if other.slot == one.slot]
        inside = sum(other.admitted for other in peers)
        alone = one.lock is None or set(gates._locks[one.lock]) == {one.run_id}
        if one.slot is not None and one.admitted:
            assert inside <= one.max_runs
        if not one.admitted and alone:
            assert one.slot is not None
            assert inside >= one.max_runs
        if not one.admitted:
            assert gates.why(one.run_id).endswith(("(`singleton`)", "one", "it"))


@pytest.mark.parametrize("seed", range(60))
def test_gates_are_what_states_tell(seed: int) -> None:
    draw, gates, now = random.Random(seed), Gates(), 0
    asked: dict[str, Any] = {}
    for n in range(120):
        now += draw.choice([0, 1, 50])
        if draw.random() < 0.55:
            run_id = f"r{n:04}"
            asked[run_id] = {
                "max_runs": draw.choice([None, 2]),
                "runs_key": draw.choice("ab"),
                "singleton": draw.choice([None, "skip", "cancel"]),
                "singleton_key": draw.choice("abcd"),
                "offset_ms": draw.choice([0, 0, 100, -100]),
            }
            gates.ask(run_id, "w", now, **asked[run_id])
        elif gates._guests:
            waiting = [one for one in guests(gates) if not one.admitted]
            let_in = gates.leave(draw.choice(guests(gates)).run_id)
            assert set(let_in) <= {one.run_id for one in waiting}
        check(gates)
        other = rebuilt(draw, gates, asked)
        assert seen(other) == seen(gates)
        if draw.random() < 0.1:
            assert other.due() == []
            gates = other
    for one in guests(gates):
        gates.leave(one.run_id)
    assert (gates._guests, gates._slots, gates._locks) == ({}, {}, {})
    assert (gates.held_count, gates.pending_count) == (0, 0)


def test_a_long_queue_that_is_cancelled_does_not_gather() -> None:
    gates = Gates()
    ask(gates, "in", max_runs=1)
    for n in range(3_000):
        ask(gates, f"r{n}", n, max_runs=1)
        gates.leave(f"r{n}")
    assert len(gates._slots["w", ""].queue) <= 101
