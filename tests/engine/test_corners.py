"""The corners of the commit loop, one test each, on storage in memory with faults on demand."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from dagnats.engine import checkpoint, partition
from dagnats.errors import DagnatsError, FencedError, UnavailableError, UncertainError
from dagnats.wire import tasks
from tests.engine.cluster import Cluster, Crash, echo, play

CHAIN = """
dagnats: 1
name: chain
steps:
  - {id: a, type: normal, task: t}
  - {id: b, type: normal, task: t, depends_on: [a]}
  - {id: c, type: normal, task: t, depends_on: [a]}
  - {id: d, type: normal, task: t, depends_on: [b, c]}
"""
DECIDED_ONCE = ("workflow.started", "step.queued", "step.completed", "workflow.completed")


def check_decided_once(events: list[dict[str, Any]]) -> None:
    counted = Counter((e["type"], e.get("step_id")) for e in events if e["type"] in DECIDED_ONCE)
    assert set(counted.values()) == {1}
    assert len(counted) == 2 + 2 * 4


async def serving(cluster: Cluster) -> None:
    cluster.engine()
    await cluster.register()
    cluster.start_worker()


def test_a_run_is_played_to_its_end() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        started = await cluster.start("r1", {"n": 1})
        assert started == {"run_id": "r1", "status": "running", "created": True}
        found = await cluster.ended("r1")
        assert found["status"] == "completed"
        assert found["output"] == {"b": {"n": 1}, "c": {"n": 1}}
        await cluster.close()
        cluster.check_history()
        check_decided_once(cluster.history("r1"))

    play(test)


def test_the_same_start_twice_is_one_run() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        first = await cluster.start("r1")
        again = await cluster.start("r1")
        await cluster.ended("r1")
        after = await cluster.start("r1")
        assert [one["created"] for one in (first, again, after)] == [True, False, False]
        await cluster.close()
        assert sum(e["type"] == "workflow.started" for e in cluster.history("r1")) == 1

    play(test)


class CrashAt:
    """Switches the power off at the n-th operation."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.crashed = asyncio.Event()

    def __call__(self, _operation: str) -> None:
        if self.crashed.is_set():
            raise Crash
        self.left -= 1
        if self.left == 0:
            self.crashed.set()
            raise Crash


@pytest.mark.slow
@pytest.mark.parametrize("every_commit_a_checkpoint", [False, True])
def test_a_crash_at_any_operation_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, every_commit_a_checkpoint: bool
) -> None:
    if every_commit_a_checkpoint:
        monkeypatch.setattr(checkpoint, "EVENTS_PER_CHECKPOINT", 1)

    async def crash_at(n: int) -> bool:
        cluster = Cluster(CHAIN)
        fault = CrashAt(n)
        _, bus, running = cluster.engine(fault)
        starting = asyncio.ensure_future(start(cluster))
        crashing = asyncio.ensure_future(fault.crashed.wait())
        ended = asyncio.ensure_future(end(cluster, starting))
        await asyncio.wait({crashing, ended}, return_when=asyncio.FIRST_COMPLETED)
        if fault.crashed.is_set():
            bus.kill()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            cluster.engine()
        crashing.cancel()
        found = await ended
        await cluster.close()
        assert found["status"] == "completed", n
        cluster.check_history()
        check_decided_once(cluster.history("r1"))
        return fault.crashed.is_set()

    async def start(cluster: Cluster) -> None:
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")

    async def end(cluster: Cluster, starting: "asyncio.Task[None]") -> dict[str, Any]:
        await starting
        return await cluster.ended("r1")

    async def test() -> None:
        n = 1
        while await crash_at(n):
            n += 1
        assert n > 20

    play(test)


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["append", "append.stored"])
def test_an_append_of_unknown_outcome_is_looked_up(operation: str) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        doubts = 0

        def fault(name: str) -> None:
            nonlocal doubts
            if name == operation and cluster.storage.next_seq % 3 == 0 and doubts < 4:
                doubts += 1
                raise UncertainError("no acknowledgement")

        cluster.engine(fault)
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        assert doubts > 0
        cluster.check_history()
        check_decided_once(cluster.history("r1"))

    play(test)


@pytest.mark.slow
def test_a_full_disk_is_told_and_waited_out() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        full = False
        refused = 0

        def fault(name: str) -> None:
            nonlocal refused
            if name == "append" and full:
                refused += 1
                raise UnavailableError("no space left")

        cluster.engine(fault)
        await cluster.register()
        cluster.start_worker()
        full = True
        starting = asyncio.ensure_future(cluster.start("r1"))
        while refused < 2:
            await asyncio.sleep(0.01)
        assert not starting.done()
        assert any("no space left" in line for line in cluster.said)
        full = False
        await starting
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()

    play(test)


@pytest.mark.slow
def test_an_owner_that_was_overtaken_steps_down() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        _, _, old = cluster.engine()
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")
        cluster.engine()
        await asyncio.sleep(0.05)
        await cluster.start("r2")
        with pytest.raises(FencedError):
            await old
        for run_id in ("r1", "r2"):
            assert (await cluster.ended(run_id))["status"] == "completed"
        await cluster.close()
        cluster.check_history()
        check_decided_once(cluster.history("r1"))

    play(test)


def test_a_broken_connection_is_a_recovery() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        engine, bus, _ = cluster.engine()
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")
        bus.interrupt()
        assert (await cluster.ended("r1"))["status"] == "completed"
        while engine.status()["recoveries"] < 2:
            await asyncio.sleep(0.01)
        await cluster.close()
        cluster.check_history()

    play(test)


def test_tasks_of_an_older_epoch_are_dropped_by_the_worker() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        cluster.worker.epoch = 7
        stale = tasks.Deliver(0, 3, [tasks.Task("r", "a", 1, "t", "chain", 1000)])
        import msgspec

        await cluster.worker.on_deliver(msgspec.json.encode(stale), "")
        assert cluster.worker.executed == []

    play(test)


def test_a_worker_that_outlives_the_engine_keeps_its_task() -> None:
    async def test() -> None:
        held: list[tasks.Task] = []

        def slow(task: tasks.Task) -> tasks.Result | None:
            held.append(task)
            return None if len(held) == 1 else echo(task)

        cluster = Cluster(CHAIN, slow)
        _, bus, running = cluster.engine()
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")
        while not held:
            await asyncio.sleep(0.005)
        bus.kill()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        cluster.engine()
        done = echo(held[0])
        cluster.worker.unanswered[done.run_id, done.step, done.attempt, done.iteration] = done
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        assert cluster.worker.executed.count("r1/a/1/1") == 1
        assert not any(e["type"] == "step.lost" for e in cluster.history("r1"))

    play(test)


def test_more_runs_than_allowed_are_refused_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition, "LIVE_RUNS_MAX", 3)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        await asyncio.gather(*(cluster.start(f"r{n}") for n in range(12)))
        for n in range(12):
            assert (await cluster.ended(f"r{n}"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()

    play(test)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"workflow": "nope", "run_id": "r1"}, "no workflow `nope`"),
        ({"workflow": "chain", "run_id": "a.b"}, "not a run id"),
        ({"workflow": "chain"}, "malformed request"),
    ],
)
def test_a_bad_start_is_refused_in_words(params: dict[str, Any], words: str) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        with pytest.raises(DagnatsError, match=words):
            await cluster.call("run.start", **params)
        await cluster.close()

    play(test)


def test_ended_runs_are_told_from_their_history_after_a_restart() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        engine, _, running = cluster.engine()
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1", 5)
        before = await cluster.ended("r1")
        engine.stop()
        await running
        cluster.engine()
        after = await cluster.ended("r1")
        assert after == before
        rows = await cluster.call("run.list")
        assert [row["run_id"] for row in rows] == ["r1"]
        await cluster.close()

    play(test)


def test_a_run_that_is_cancelled_ends_and_stays_so() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN, lambda _task: None)
        await serving(cluster)
        await cluster.start("r1")
        answer = await cluster.call("run.cancel", run_id="r1", reason="enough")
        assert answer == {"run_id": "r1", "status": "cancelled"}
        assert (await cluster.ended("r1"))["error"]["message"] == "enough"
        assert (await cluster.call("run.cancel", run_id="r1"))["status"] == "cancelled"
        with pytest.raises(DagnatsError, match="no run"):
            await cluster.call("run.cancel", run_id="other")
        await cluster.close()

    play(test)
