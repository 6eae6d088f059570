"""What a step costs is a number that no machine changes: commits, messages, bytes, decisions."""

import asyncio
from collections import Counter

import pytest

from dagnats.engine import partition
from dagnats.machine.advance import advance
from tests.engine.cluster import play
from tests.engine.costs import CHAIN, LONG, STEPS, Cost, CountedCluster, cost_of, shares

EVENTS = 2 + 3 * STEPS
"""The run has started and completed; each step was queued, was started, has completed."""

WAVES = 1 + STEPS
"""The start, which queues the first step; each result, which queues the next, or ends the run."""

EVENT_BYTES_MAX = 190
"""On average, with ids, times and two digits of input; the Go dagnats says 500."""


def test_what_a_chain_costs() -> None:
    cost = cost_of(1)
    assert (cost.events, cost.published) == (EVENTS, EVENTS)
    assert cost.bytes <= EVENT_BYTES_MAX * EVENTS
    # One commit for each wave: an end and what follows from it are never two.
    assert cost.commits == WAVES
    # A task and the receipt of the result before it are one message; the last receipt is alone.
    assert (cost.to_worker, cost.from_worker) == (STEPS + 1, STEPS)
    # The log once and the history once for each commit, and the end is told; nothing is read.
    assert cost.ports == Counter(
        {"log.append": WAVES, "feed.publish": WAVES, "bus.publish": STEPS + 1 + 1}
    )


def test_what_many_runs_at_once_cost() -> None:
    cost = cost_of(50)
    assert cost.events == 50 * EVENTS
    assert cost.bytes <= EVENT_BYTES_MAX * cost.events
    # All that has arrived is one commit and one message: 50 runs cost as many as one.
    assert cost.commits == WAVES
    assert (cost.to_worker, cost.from_worker) == (STEPS + 1, STEPS)
    assert cost.ports == cost_of(1).ports
    assert cost.to_worker_bytes <= 170 * 50 * STEPS


def test_other_runs_cost_a_run_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = 0

    def counted(*args: object) -> object:
        nonlocal decisions
        decisions += 1
        return advance(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(partition, "advance", counted)

    def decided(asleep: int) -> tuple[Cost, int]:
        before = decisions
        cost = cost_of(1, asleep)
        return cost, decisions - before

    alone, few = decided(0)
    beside, many = decided(100)
    assert (beside.ports, beside.commits) == (alone.ports, alone.commits)
    assert (few, many) == (2 * STEPS, 2 * STEPS)  # each delivery and each result


def test_to_look_at_a_live_run_reads_nothing_of_it() -> None:
    async def test() -> None:
        cluster = CountedCluster(CHAIN)
        cluster.engine()
        await cluster.register()
        await cluster.start("r1")  # no worker: it stays alive
        await asyncio.sleep(0.01)
        cluster.calls.clear()
        for _ in range(10):
            found = await cluster.call("run.get", run_id="r1")
            assert found["status"] == "running"
        asked = {name for name in cluster.calls if not name.startswith("clock")}
        # Whether this engine is still the owner is asked: nothing else in the answer is read.
        assert asked == {"log.verify", "bus.publish"}
        assert cluster.calls["log.verify"] == 10
        await cluster.close()

    play(test)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_a_late_decision_costs_what_an_early_one_does(kind: str) -> None:
    early, late = shares(kind)
    assert late.lines == early.lines <= 180
    # Numbers of events and iterations have more digits; nothing else grows.
    assert late.bytes <= early.bytes + 10 <= 350
    # What a step leaves behind is its output; an iteration leaves nothing.
    assert abs(late.kept_blocks - early.kept_blocks) <= 0.2
    assert late.kept_blocks <= {"steps": 2, "iterations": 0.2}[kind]
    assert late.peak_bytes <= 1.2 * early.peak_bytes + 4_000
