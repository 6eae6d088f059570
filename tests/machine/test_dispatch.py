"""The dispatcher keeps what waits, and nothing of what no longer does; the oldest goes first."""

from typing import Any

import pytest

from dagnats.expr.ast import Literal
from dagnats.ir.program import RateLimit
from dagnats.machine.dispatch import GRACE_MS, TURN_MS, Dispatcher, Ticket
from tests.machine.dispatching import leftovers, node, ticket


def kept(dispatcher: Dispatcher) -> int:
    return sum(
        len(line.queue) + len(line.late)
        for task in dispatcher._backlog.tasks.values()
        for lane in task.lanes.values()
        for line in lane.lines.values()
    )


def given(dispatcher: Dispatcher, now: int = 0, most: int = 10_000) -> list[str]:
    return [one.run_id for _, one in dispatcher.assign(now, most)]


def test_what_is_withdrawn_does_not_gather_where_no_worker_is() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.offer(ticket(-1))
    for run in range(10_000):
        dispatcher.offer(ticket(run))
        dispatcher.withdraw(ticket(run).key)
    assert dispatcher.waiting_count == 1
    assert kept(dispatcher) < 250


def test_what_is_offered_again_does_not_gather_either() -> None:
    dispatcher = Dispatcher(10_000)
    for delivery in range(10_000):
        dispatcher.offer(ticket(0, delivery=delivery))
    assert dispatcher.waiting_count == 1
    assert kept(dispatcher) < 200


@pytest.mark.parametrize("seated", [True, False])
def test_lines_that_come_and_go_do_not_gather(seated: bool) -> None:
    dispatcher = Dispatcher(10_000)
    if seated:
        dispatcher.seat("w", frozenset({"t"}), 0, now=0)
    dispatcher.offer(ticket("first", queued_at=-1, max_steps=1))
    for run in range(2_000):
        dispatcher.offer(ticket(run, max_steps=1, sticky="hard"))
        dispatcher.assign(0, 10)
        dispatcher.withdraw(ticket(run).key)
    lane = next(iter(dispatcher._backlog.tasks["t"].lanes.values()))
    assert len(lane.lines) == 1
    assert len(lane.ready.heap) < 210


def test_a_line_that_was_swept_keeps_its_order() -> None:
    dispatcher = Dispatcher(10_000)
    for run in range(1_000):
        dispatcher.offer(ticket(run))
    for run in range(1_000):
        if run % 10:
            dispatcher.withdraw(ticket(run).key)
    dispatcher.seat("w", frozenset({"t"}), 1_000, now=0)
    assert given(dispatcher) == [f"run{run}" for run in range(0, 1_000, 10)]
    assert (dispatcher.waiting_count, kept(dispatcher)) == (0, 0)


def test_workers_take_turns_up_to_what_they_can_hold() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("a", frozenset({"t"}), 3, now=0)
    dispatcher.seat("b", frozenset({"t"}), 1, now=0)
    for run in range(6):
        dispatcher.offer(ticket(run))
    assert [worker for worker, _ in dispatcher.assign(now=1, most=100)] == ["a", "b", "a", "a"]
    assert (dispatcher.waiting_count, dispatcher.held_count) == (2, 4)
    assert dispatcher.withdraw(ticket(1).key) == "b"
    assert [worker for worker, _ in dispatcher.assign(now=2, most=100)] == ["b"]


# ── order ────────────────────────────────────────────────────────────────────────────────────────


def test_the_oldest_goes_first_whatever_its_task() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("w", frozenset({"a", "b", "c"}), 100, now=0)
    for at, task in [(5, "a"), (1, "b"), (4, "c"), (2, "a"), (3, "b"), (0, "c")]:
        dispatcher.offer(ticket(at, task, queued_at=at))
    assert given(dispatcher) == [f"run{at}" for at in range(6)]


def test_a_priority_is_so_much_of_age() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("w", frozenset({"t"}), 100, now=0)
    for run, at, offset in [(0, 1_000, 0), (1, 1_500, 501), (2, 1_500, 499), (3, 0, -5_000)]:
        dispatcher.offer(ticket(run, queued_at=at, offset_ms=offset))
    assert given(dispatcher) == ["run1", "run0", "run2", "run3"]


def test_runs_of_one_age_take_turns() -> None:
    dispatcher = Dispatcher(10_000)
    for run in "ab":
        for n in range(3):
            dispatcher.offer(ticket(run, step=f"s{n}"))
    dispatcher.seat("w", frozenset({"t"}), 100, now=0)
    assert given(dispatcher) == ["runa", "runb"] * 3


def test_a_run_that_holds_more_gives_way_to_one_of_the_same_age() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("w", frozenset({"t"}), 2, now=0)
    for n in range(2):
        dispatcher.offer(ticket("a", step=f"s{n}"))
    assert given(dispatcher) == ["runa", "runa"]
    dispatcher.offer(ticket("a", step="more", queued_at=5))
    dispatcher.offer(ticket("b", queued_at=5))
    dispatcher.seat("w", frozenset({"t"}), 4, now=0)
    assert given(dispatcher) == ["runb", "runa"]


def test_one_step_does_not_wait_behind_all_of_a_fan_out() -> None:
    dispatcher = Dispatcher(10_000)
    for n in range(1_000):
        dispatcher.offer(ticket("wide", step=f"s[{n}]"))
    dispatcher.offer(ticket("small", queued_at=TURN_MS * 3 + 1))
    dispatcher.seat("w", frozenset({"t"}), 10, now=0)
    assert given(dispatcher).index("runsmall") == 4


def test_nobody_starves_under_a_stream_of_others() -> None:
    # The last of a fan-out of 50 counts 5 s younger; from then on, all that come are younger still.
    dispatcher = Dispatcher(10_000)
    for n in range(50):
        dispatcher.offer(ticket("wide", step=f"s{n}"))
    dispatcher.seat("w", frozenset({"t"}), 1, now=0)
    served = {}
    for now in range(0, 10_000, 10):
        dispatcher.offer(ticket(now, queued_at=now, offset_ms=1_000))
        for _, one in dispatcher.assign(now, 10):
            served.setdefault(one.run_id, []).append(now)
            dispatcher.withdraw(one.key)
    assert len(served["runwide"]) == 50
    assert served["runwide"][-1] <= 50 * TURN_MS + 1_000 + 500


# ── who ──────────────────────────────────────────────────────────────────────────────────────────


def test_groups_and_capabilities_are_asked_of_workers() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("plain", frozenset({"t"}), 9, 0)
    dispatcher.seat("gpu", frozenset({"t"}), 9, 0, frozenset({"g"}), frozenset({"x", "y"}))
    assert dispatcher.workers_for("t") == 2
    assert dispatcher.workers_for("t", "g") == 1
    assert dispatcher.workers_for("t", None, ("x", "y")) == 1
    assert dispatcher.workers_for("t", None, ("z",)) == 0
    assert dispatcher.workers_for("u") == 0
    for n in range(3):
        dispatcher.offer(ticket(n, node(worker_group="g")))
        dispatcher.offer(ticket(n + 10, node(required_capabilities=("y", "x"))))
    assert {who for who, _ in dispatcher.assign(0, 99)} == {"gpu"}


def test_soft_is_preferred_and_never_waited_for() -> None:
    dispatcher = Dispatcher(10_000)
    for who in "ab":
        dispatcher.seat(who, frozenset({"t"}), 2, now=0)
    goes = []
    for n in range(4):
        dispatcher.offer(ticket(0, step=f"s{n}", sticky="soft"))
        goes += [who for who, _ in dispatcher.assign(0, 1)]
    assert goes == ["a", "a", "b", "b"]
    dispatcher.withdraw(ticket(0, step="s0").key)
    dispatcher.unseat("a")
    dispatcher.withdraw(ticket(0, step="s2").key)
    dispatcher.seat("c", frozenset({"t"}), 2, now=0)
    dispatcher.offer(ticket(0, step="s5", sticky="soft"))
    assert [who for who, _ in dispatcher.assign(0, 1)] in (["b"], ["c"])


def test_hard_waits_for_its_worker_even_when_it_is_away() -> None:
    dispatcher = Dispatcher(10_000)
    for who in "ab":
        dispatcher.seat(who, frozenset({"t"}), 1, now=0)
    dispatcher.offer(ticket(0, sticky="hard"))
    assert [who for who, _ in dispatcher.assign(0, 9)] == ["a"]
    dispatcher.offer(ticket(0, step="s1", sticky="hard"))
    assert dispatcher.assign(0, 9) == []
    dispatcher.unseat("a")
    dispatcher.withdraw(ticket(0).key)
    assert dispatcher.assign(10**9, 9) == []
    dispatcher.seat("a", frozenset({"t"}), 1, now=10**9)
    assert [who for who, _ in dispatcher.assign(10**9, 9)] == ["a"]


def test_an_ended_run_is_bound_to_nobody() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("a", frozenset({"t"}), 1, now=0)
    dispatcher.offer(ticket(0, sticky="hard"))
    dispatcher.assign(0, 9)
    dispatcher.forget_run("run0")
    dispatcher.withdraw(ticket(0).key)
    dispatcher.unseat("a")
    assert leftovers(dispatcher) == {}


# ── leases ───────────────────────────────────────────────────────────────────────────────────────


def test_a_lease_runs_out_unless_the_worker_names_it() -> None:
    dispatcher = Dispatcher(1_000)
    dispatcher.seat("w", frozenset({"t"}), 9, now=0)
    for run in range(2):
        dispatcher.offer(ticket(run, delivery=7))
    dispatcher.assign(0, 9)
    dispatcher.beat("w", {ticket(0).key}, 900)
    assert dispatcher.expired(999) == []
    assert dispatcher.expired(1_000) == [(ticket(1).key, 7)]
    assert dispatcher.knows("w")
    assert len(dispatcher.expired(1_901)) == 2
    assert not dispatcher.knows("w")


def test_what_a_worker_does_not_hold_is_given_up_after_a_while() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("w", frozenset({"t"}), 9, now=0)
    dispatcher.restore(ticket("old"), "w", 0)
    dispatcher.offer(ticket("new"))
    dispatcher.assign(0, 9)
    dispatcher.disown("w", set(), 10)
    assert [key[0] for key, _ in dispatcher.expired(10)] == ["runold"]
    dispatcher.disown("w", set(), GRACE_MS + 1)
    assert len(dispatcher.expired(GRACE_MS + 1)) == 2


def test_silence_is_told_where_beats_do_not_name_a_delivery() -> None:
    dispatcher = Dispatcher(1_000)
    dispatcher.seat("w", frozenset({"t"}), 9, now=0)
    watched = node(heartbeat_timeout_ms=300)
    for run in range(3):
        dispatcher.offer(ticket(run, watched if run else "t"))
    dispatcher.assign(0, 9)
    assert dispatcher.silent(300) == []
    dispatcher.beat("w", {ticket(0).key, ticket(1).key}, 300)
    assert dispatcher.silent(301) == [ticket(2).key]
    assert dispatcher.silent(601) == [ticket(1).key, ticket(2).key]
    assert dispatcher.silent(1_000) == [ticket(1).key]  # the lease of the other one is over
    dispatcher.withdraw(ticket(1).key)
    assert dispatcher.silent(900) == [ticket(2).key]


def test_restored_leases_take_permits_again() -> None:
    dispatcher = Dispatcher(1_000)
    capped = node(max_task_concurrency=1)
    dispatcher.restore(ticket(0, capped), "w", now=50)
    dispatcher.seat("w", frozenset({"t"}), 9, now=60)
    dispatcher.offer(ticket(1, capped))
    assert dispatcher.assign(60, 9) == []
    assert dispatcher.expired(1_050) == [(ticket(0).key, 1)]
    assert dispatcher.withdraw(ticket(0).key) == "w"
    assert given(dispatcher) == ["run1"]


# ── why ──────────────────────────────────────────────────────────────────────────────────────────

KEYED = RateLimit(1, 1_000, Literal("k"))
WHY: dict[str, tuple[Any, str]] = {
    "none": (ticket(9, "u"), "a worker for task `u`: none is connected"),
    "group": (
        ticket(9, node(worker_group="g")),
        "a worker for task `t` in group `g`: the one connected is not",
    ),
    "capabilities": (
        ticket(9, node(worker_group="g", required_capabilities=("x", "y"))),
        "a worker for task `t` in group `g` and with `x`, `y`: the one connected is not",
    ),
    "busy": (ticket(9), "a free worker: the only one has for task `t` as much as it takes"),
    "cap": (
        ticket(9, node(max_task_concurrency=1)),
        "one of the attempts of task `t` to end: 2 run, at most 1 may (`max_task_concurrency`)",
    ),
    "steps": (
        ticket(0, step="next", max_steps=1),
        "another attempt of this run to end: 1 run, at most 1 may (`concurrency.max_steps`)",
    ),
    "rate": (
        ticket(9, node(keyed_rate_limit=KEYED), rate_key="k"),
        "the rate limit of task `t` and key `k` (1 in 1,000 ms): 600 ms more at the least",
    ),
    "bound": (
        ticket(1, step="next", sticky="hard"),
        "worker w, to which the run is bound (`sticky: hard`) and which has as much as it takes",
    ),
    "bound and away": (
        ticket("away", sticky="hard"),
        "worker v, to which the run is bound (`sticky: hard`) and which is not connected",
    ),
}


def busy() -> Dispatcher:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("w", frozenset({"t"}), 2, now=0)
    dispatcher.bind("runaway", "v")
    first: list[Ticket] = [
        ticket(0, node(keyed_rate_limit=KEYED), rate_key="k", max_steps=1),
        ticket(1, sticky="hard"),
    ]
    for one in first:
        dispatcher.offer(one)
    assert len(dispatcher.assign(100, 9)) == 2
    return dispatcher


@pytest.mark.parametrize("case", WHY)
def test_why_it_waits(case: str) -> None:
    one, told = WHY[case]
    dispatcher = busy()
    dispatcher.offer(one)
    assert dispatcher.assign(500, 9) == []
    assert dispatcher.why(one.key, 500) == told


def test_why_of_what_does_not_wait() -> None:
    dispatcher = busy()
    assert dispatcher.why(ticket(1).key, 0) == "worker w"
    assert dispatcher.why(ticket(7).key, 0) == "nothing: it is not queued"
