"""Limits hold, nothing leaks, nobody is left waiting who could go, and what is blocked is free."""

import random
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.expr.ast import Literal
from dagnats.ir.program import RateLimit
from dagnats.machine.dispatch import Dispatcher, Ticket
from dagnats.machine.rates import GRAINS, Starts
from tests.machine.dispatching import LEASE_MS, Model, Worker, leftovers, node, ticket

KEY = Literal("k")
TENTH = RateLimit(2, 100)
KEYED = RateLimit(1, 70, KEY)

NODES = [
    node("a"),
    node("a", max_task_concurrency=3),
    node("a", max_task_concurrency=2),
    node("b", rate_limit=TENTH),
    node("b"),
    node("c", keyed_rate_limit=KEYED),
    node("c", worker_group="g"),
    node("c", required_capabilities=("x", "y")),
    node("d", rate_limit=TENTH, keyed_rate_limit=KEYED, worker_group="g"),
    node("d", keyed_rate_limit=KEYED, max_task_concurrency=4),
]
WORKERS = ["w0", "w1", "w2"]


class Traffic:
    """What tickets are drawn from: sometimes everything, sometimes little, over and over."""

    def __init__(self, draw: random.Random) -> None:
        self.nodes = draw.sample(NODES, draw.choice([1, 2, 3, len(NODES)]))
        self.steps = draw.choice([2, 4, 12])
        self.keys = draw.choice(["k", "kl", "klmnopqr"])
        self.offsets = draw.choice([(0,), (0, 300, -300), range(-500, 500)])
        self.most = [draw.choice([None, 1, 2, 3]) for _ in range(6)]
        self.sticky = [draw.choice([None, "soft", "hard"]) for _ in range(6)]

    def ticket(self, draw: random.Random, now: int) -> Ticket:
        run = draw.randrange(6)
        return ticket(
            run,
            draw.choice(self.nodes),
            step=f"s{draw.randrange(self.steps)}",
            queued_at=now - draw.choice([0, 0, 5, 250]),
            rate_key=draw.choice(self.keys),
            offset_ms=draw.choice(self.offsets),
            max_steps=self.most[run],
            sticky=self.sticky[run],
        )


def any_worker(draw: random.Random) -> Worker:
    return Worker(
        frozenset(one for one in "abcd" if draw.random() < 0.8),
        draw.randrange(5),
        frozenset("g" if draw.random() < 0.6 else ""),
        frozenset("xy" if draw.random() < 0.6 else "x"),
    )


class Both:
    """A dispatcher and its model, told the same."""

    def __init__(self, draw: random.Random) -> None:
        self.real, self.model, self.now = Dispatcher(LEASE_MS), Model(), 0
        self.traffic = Traffic(draw)

    def step(self, draw: random.Random) -> None:
        kind = draw.random()
        keys = [*self.model.waiting, *self.model.held]
        if kind < 0.35:
            one = self.traffic.ticket(draw, self.now)
            self.real.offer(one)
            self.model.offer(one)
        elif kind < 0.5 and keys:
            key = draw.choice(keys)
            holder = self.model.held.get(key, (None, None))[0]
            assert self.real.withdraw(key) == holder
            self.model.withdraw(key)
        elif kind < 0.6:
            self.seat(draw.choice(WORKERS), any_worker(draw))
        elif kind < 0.65:
            who = draw.choice(WORKERS)
            self.real.unseat(who)
            self.model.workers.pop(who, None)
        elif kind < 0.7:
            one, who = self.traffic.ticket(draw, self.now), draw.choice(WORKERS)
            self.real.restore(one, who, self.now)
            self.model.withdraw(one.key)
            self.model.lease(one, who)
        elif kind < 0.72:
            self.take_over()
        elif kind < 0.74:
            run_id = f"run{draw.randrange(6)}"
            for key in [one for one in keys if one[0] == run_id]:
                self.real.withdraw(key)
                self.model.withdraw(key)
            self.real.forget_run(run_id)
            self.model.bound.pop(run_id, None)
        else:
            self.now += draw.choice([0, 1, 10, 30, 100])
            self.assign(draw.choice([1, 2, 100, 100]))
        self.check()

    def seat(self, who: str, worker: Worker) -> None:
        self.real.seat(
            who, worker.tasks, worker.concurrency, self.now, worker.groups, worker.capabilities
        )
        self.model.workers[who] = worker

    def take_over(self) -> None:
        """Build it again, as from states and a checkpoint."""
        old, self.real = self.real, Dispatcher(LEASE_MS)
        self.real.load_buckets(old.buckets())
        for run_id, who in self.model.bound.items():
            self.real.bind(run_id, who)
        for who, one in list(self.model.held.values()):
            self.real.restore(one, who, self.now)
        waiting = [one for _, _, one in self.model.waiting.values()]
        self.model.waiting.clear()
        for one in waiting:
            self.real.offer(one)
            self.model.offer(one)
        for who, worker in self.model.workers.items():
            self.seat(who, worker)

    def assign(self, most: int) -> None:
        """What is given is, one by one, the oldest that can go; and nothing that can is left."""
        given = self.real.assign(self.now, most)
        for who, one in given:
            wanted = self.model.next(self.now)
            assert wanted is not None, one
            assert one.key == wanted.key
            assert who in self.model.who(one)
            self.model.start(one, who, self.now)
        if len(given) == most:
            return
        assert self.model.next(self.now) is None
        due = self.real.due_ms()
        assert due is None or due > self.now
        assert self.model.next(10**9 if due is None else due - 1) is None or due is not None
        if due is not None:
            assert self.model.next(due - 1) is None

    def check(self) -> None:
        """What is counted is what can be counted again from the leases."""
        real, model = self.real, self.model
        assert real.waiting_count == len(model.waiting)
        assert real.held_count == len(model.held)
        for key in model.waiting:
            assert real.why(key, self.now)
        backlog = real._backlog
        tickets = [one for _, _, one in model.waiting.values()]
        held = [one for _, one in model.held.values()]
        assert backlog._load == Counter(one.run_id for one in [*tickets, *held])
        by_task = Counter(one.node.task for one in held)
        assert {n: t.held for n, t in backlog.tasks.items() if t.held} == by_task
        for run_id, run in backlog.runs.items():
            assert run.held == sum(one.run_id == run_id for one in held)
            assert run.worker_id == model.bound.get(run_id)

    def end(self) -> None:
        """When all have gone, nothing is known any more."""
        for key in [*self.model.waiting, *self.model.held]:
            self.real.withdraw(key)
        for run in range(6):
            self.real.forget_run(f"run{run}")
        for who in WORKERS:
            self.real.unseat(who)
        self.real.assign(self.now + 10_000, 1)
        assert leftovers(self.real) == {}
        assert self.real.buckets() == []
        assert self.real.due_ms() is None


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_it_does_what_looking_at_everything_would(seed: int, steps: int) -> None:
    draw = random.Random(seed)
    both = Both(draw)
    for _ in range(steps):
        both.step(draw)
    both.end()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_it_does_so_for_long(seed: int) -> None:
    draw = random.Random(seed)
    both = Both(draw)
    for who in WORKERS:
        both.seat(who, any_worker(draw))
    for _ in range(600):
        both.step(draw)
    both.end()


# ── a table: limit, situation, what goes ─────────────────────────────────────────────────────────

CAP = node(max_task_concurrency=2)
RATE = node(rate_limit=RateLimit(2, 100))
BY_KEY = node(keyed_rate_limit=RateLimit(1, 100, KEY))
UNITS = node(keyed_rate_limit=RateLimit(5, 100, KEY, units=2))

TABLE: dict[str, tuple[list[Ticket], int]] = {
    "no limit": ([ticket(r) for r in range(5)], 5),
    "cap over runs": ([ticket(r, CAP) for r in range(5)], 2),
    "cap counts what has none": ([ticket(r, CAP if r == 4 else "t") for r in range(5)], 2),
    "the least cap holds": (
        [ticket(r, node(max_task_concurrency=3 - r)) for r in range(3)],
        1,
    ),
    "rate over runs": ([ticket(r, RATE) for r in range(5)], 2),
    "no rate, not held back": ([ticket(r, RATE if r < 3 else "t") for r in range(5)], 4),
    "rate by key": ([ticket(r, BY_KEY, rate_key=str(r % 3)) for r in range(6)], 3),
    "units": ([ticket(r, UNITS, rate_key="k") for r in range(6)], 2),
    "more units than the limit": (
        [ticket(r, node(rate_limit=RateLimit(2, 100, units=9))) for r in range(3)],
        1,
    ),
    "steps of a run": ([ticket(0, step=f"s{n}", max_steps=2) for n in range(5)], 2),
    "steps, each run by itself": ([ticket(n % 2, step=f"s{n}", max_steps=2) for n in range(6)], 4),
    "group without workers": ([ticket(0, node(worker_group="gpu"))], 0),
    "capability without workers": ([ticket(0, node(required_capabilities=("x",)))], 0),
    "blocked ones block nobody": (
        [*(ticket(r, BY_KEY, rate_key="k") for r in range(4)), ticket(9)],
        2,
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_goes(case: str) -> None:
    tickets, goes = TABLE[case]
    dispatcher = Dispatcher(LEASE_MS)
    dispatcher.seat("w", frozenset({"t"}), 100, now=0)
    for one in tickets:
        dispatcher.offer(one)
    assert len(dispatcher.assign(0, 100)) == goes
    assert dispatcher.assign(1, 100) == []


# ── rates ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 6),
    st.integers(1, 5_000),
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 4)), max_size=60),
)
def test_no_stretch_of_a_period_has_more_than_the_limit(
    limit: int, period: int, asks: list[tuple[int, int]]
) -> None:
    starts, now, taken = Starts(), 0, list[tuple[int, int]]()
    for later, units in asks:
        now += later
        rate = RateLimit(limit, period, None, units)
        at = starts.free_at(now, rate)
        fits = sum(u for t, u in taken if t > now - period) + min(units, limit) <= limit
        if at <= now:
            assert fits
            starts.take(now, rate)
            taken.append((now, min(units, limit)))
        elif fits:  # a start may count a grain longer than a period
            assert sum(u for t, u in taken if t > now - period - period // GRAINS - 1)
    for at, _ in taken:
        assert sum(u for t, u in taken if at <= t < at + period) <= limit


@pytest.mark.parametrize("seed", range(20))
def test_two_rates_that_share_a_window_both_hold(seed: int) -> None:
    draw, starts = random.Random(seed), Starts()
    rates = [RateLimit(3, 40), RateLimit(5, 100)]
    now, taken = 0, list[int]()
    starts.longest = 100
    for _ in range(200):
        now += draw.choice([0, 1, 10, 20])
        rate = draw.choice(rates)
        fits = sum(at > now - rate.period_ms for at in taken) < rate.limit
        at = starts.free_at(now, rate)
        assert (at <= now) == fits
        if fits:
            starts.take(now, rate)
            taken.append(now)
        else:
            assert sum(one > at - rate.period_ms for one in taken) < rate.limit
            assert sum(one > at - 1 - rate.period_ms for one in taken) >= rate.limit


def test_what_a_window_remembers_is_bounded() -> None:
    starts, rate = Starts(), RateLimit(10_000_000, 86_400_000)
    for at in range(0, 86_400_000, 2_000):
        starts.take(at, rate)
    assert len(starts.grains) <= GRAINS + 1
    assert starts.total == 43_200


def test_a_clock_that_was_ahead_holds_nobody_up_for_longer_than_a_period() -> None:
    starts, rate = Starts(), RateLimit(2, 1_000)
    for at in (300_000, 334_000):
        starts.take(at, rate)
    assert starts.free_at(5_000, rate) == 6_000
    starts.take(6_000, rate)
    assert starts.free_at(6_000, rate) == 6_000


def test_each_keeps_to_its_own_rate_and_all_are_counted() -> None:
    dispatcher = Dispatcher(LEASE_MS)
    dispatcher.seat("w", frozenset({"t"}), 100, now=0)
    few, many = node(rate_limit=RateLimit(2, 100)), node(rate_limit=RateLimit(4, 200))
    for run, which in enumerate([few, few, few, many, many, many]):
        dispatcher.offer(ticket(run, which))
    assert [one.run_id for _, one in dispatcher.assign(0, 10)] == ["run0", "run1"]
    assert dispatcher.due_ms() == 100
    # run2 is the oldest; of run3 … there may be four with it in 200 ms
    assert [one.run_id for _, one in dispatcher.assign(100, 10)] == ["run2", "run3"]
    assert [one.run_id for _, one in dispatcher.assign(200, 10)] == ["run4", "run5"]


def test_many_units_are_not_overtaken_for_ever() -> None:
    dispatcher = Dispatcher(LEASE_MS)
    dispatcher.seat("w", frozenset({"t"}), 1_000, now=0)
    one_unit = node(rate_limit=RateLimit(4, 100))
    four_units = node(rate_limit=RateLimit(4, 100, units=4))
    seen = []
    for now in range(0, 500, 5):
        dispatcher.offer(ticket(now, one_unit, queued_at=now))
        if now == 20:
            dispatcher.offer(ticket("big", four_units, queued_at=now))
        seen += [(now, one.run_id) for _, one in dispatcher.assign(now, 10)]
    # It comes behind the one of 20 ms, which goes at 100; those after it wait until it has gone.
    assert [one for one in seen if one[0] <= 300][3:] == [
        *[(15, "run15"), (100, "run20"), (200, "runbig")],
        *[(300, f"run{at}") for at in (25, 30, 35, 40)],
    ]


@pytest.mark.parametrize("seed", range(20))
def test_units_of_all_sizes_go_in_order_and_all_go(seed: int) -> None:
    draw, asked = random.Random(seed), 0
    both = Both(draw)
    both.seat("w0", Worker(frozenset("a"), 10**6, frozenset(), frozenset()))
    sizes = [node("a", rate_limit=RateLimit(6, 100, units=units)) for units in (1, 1, 3, 6, 9)]
    while asked < 60 or both.real.waiting_count:
        for _ in range(draw.randrange(4) if asked < 60 else 0):
            asked += 1
            offset = draw.choice([0, 0, 200])
            one = ticket(asked, draw.choice(sizes), queued_at=both.now, offset_ms=offset)
            both.real.offer(one)
            both.model.offer(one)
        if both.model.waiting and draw.random() < 0.2:
            gone = min(both.model.waiting.values())[2].key
            both.real.withdraw(gone)
            both.model.withdraw(gone)
        for who, one in both.real.assign(both.now, 100):
            assert one.key == min(both.model.waiting.values())[2].key
            both.model.start(one, who, both.now)
        starts = both.model.starts.get(("a", None), [])
        assert sum(units for at, units in starts if at > both.now - 100) <= 6
        if both.model.waiting:
            assert not both.model.fits(min(both.model.waiting.values())[2], both.now)
        due = both.real.due_ms()
        assert (due is not None) == bool(both.model.waiting)
        both.now = both.now + draw.randrange(1, 60) if due is None or asked < 60 else due


def test_starts_are_kept_over_a_checkpoint_and_what_came_after_it_is_counted() -> None:
    first = Dispatcher(LEASE_MS)
    first.seat("w", frozenset({"t"}), 100, now=0)
    rated = node(rate_limit=RateLimit(3, 100))
    first.offer(ticket(0, rated))
    assert len(first.assign(1_000, 10)) == 1
    second = Dispatcher(LEASE_MS)
    second.load_buckets(first.buckets())
    second.count_started(rated, "", 1_010)
    second.seat("w", frozenset({"t"}), 100, now=0)
    for run in range(5):
        second.offer(ticket(run, rated))
    assert len(second.assign(1_020, 10)) == 1
    assert second.due_ms() == 1_100
    assert len(second.assign(1_100, 10)) == 1
    assert second.due_ms() == 1_110


def test_a_restored_lease_takes_no_units_again() -> None:
    dispatcher = Dispatcher(LEASE_MS)
    dispatcher.seat("w", frozenset({"t"}), 100, now=0)
    rated = node(rate_limit=RateLimit(1, 100))
    dispatcher.restore(ticket(0, rated), "w", 0)
    dispatcher.offer(ticket(1, rated))
    assert len(dispatcher.assign(0, 10)) == 1


# ── what is blocked costs nothing ────────────────────────────────────────────────────────────────


def calls(dispatcher: Dispatcher, now: int) -> int:
    """How many calls an `assign` makes: a measure that no busy machine changes."""
    count = 0

    def tally(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(tally)
    try:
        dispatcher.assign(now, 100)
    finally:
        sys.setprofile(None)
    return count


BLOCKED: dict[str, Any] = {
    "one line, rate": lambda n: ticket(n, node(rate_limit=RateLimit(1, 10**9))),
    "one line, cap": lambda n: ticket(n, node(max_task_concurrency=1)),
    "a line each, keys": lambda n: ticket(
        n, node(keyed_rate_limit=RateLimit(1, 10**9, KEY)), rate_key=str(n // 2)
    ),
    "a line each, rate": lambda n: ticket(n, node(rate_limit=RateLimit(1, 10**9)), max_steps=1),
    "a line each, steps": lambda n: ticket(
        0,
        node(keyed_rate_limit=RateLimit(10, 10**9, KEY)),
        step=f"s{n}",
        rate_key=str(n),
        max_steps=1,
    ),
    "one line, steps": lambda n: ticket(0, step=f"s{n}", max_steps=1),
    "bound to a full worker": lambda n: ticket(n % 100, step=f"s{n}", sticky="hard"),
    "bound to one that left": lambda n: ticket(f"gone{n}", sticky="hard"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BLOCKED)
def test_ten_thousand_that_are_blocked_are_not_looked_at(case: str) -> None:
    dispatcher = Dispatcher(10**12)
    dispatcher.seat("w", frozenset({"t"}), 10_000, now=0)
    for n in range(10_000):
        one = BLOCKED[case](n)
        if case == "bound to one that left":
            dispatcher.bind(one.run_id, "gone")
        dispatcher.offer(one)
    if case == "bound to a full worker":
        dispatcher.seat("w", frozenset({"t"}), 100, now=0)
        dispatcher.assign(0, 100)
        dispatcher.seat("v", frozenset({"t"}), 100, now=0)
    while dispatcher.assign(1, 1_000):
        pass
    assert dispatcher.waiting_count >= 5_000 - 1
    assert calls(dispatcher, 2) < 60
    dispatcher.offer(ticket("free"))
    if "cap" not in case:
        assert calls(dispatcher, 3) < 100
        assert dispatcher.why(ticket("free").key, 3) != "its turn, which is next"


@pytest.mark.slow
@pytest.mark.parametrize("case", ["a line each, steps", "one line, steps", "one line, cap"])
def test_what_a_permit_lets_go_costs_no_scan_either(case: str) -> None:
    dispatcher = Dispatcher(10**12)
    dispatcher.seat("w", frozenset({"t"}), 100, now=0)
    for n in range(10_000):
        dispatcher.offer(BLOCKED[case](n))
    ((_, held),) = dispatcher.assign(0, 100)
    for n in range(50):
        dispatcher.withdraw(held.key)
        before = dispatcher.waiting_count
        assert calls(dispatcher, n) < 120
        assert dispatcher.waiting_count == before - 1
        (held,) = (e.ticket for e in dispatcher._seats["w"].held.values())
