"""Runs that have ended are forgotten, whatever crashes; those that are needed stay."""

import asyncio
from typing import Any

import pytest

from dagnats.engine import checkpoint
from dagnats.engine.book import Closed, Summary, decode_closed, encode_chunk
from dagnats.errors import DagnatsError
from dagnats.testing.memory import Storage
from dagnats.wire import tasks
from tests.engine.cluster import Cluster, Crash, echo, play, result_of

ONE = """\
dagnats: 1
name: one
steps:
  - id: a
    task: work.do
"""
CHILD = """\
dagnats: 1
name: one
steps:
  - id: first
    task: work.do
  - id: call
    after: [first]
    sub_workflow: {workflow: one}
"""


def do(task: tasks.Task) -> tasks.Result | None:
    """Fail or wait when the input says so."""
    match task.input:
        case "fail":
            error = tasks.TaskError("boom", "no", retryable=False)
            return result_of(task, error=error)
        case "wait":
            return None
    return echo(task)


async def cluster_of(*run_ids: str, value: Any = None) -> Cluster:
    """An engine and a worker, and runs that have ended."""
    cluster = Cluster(ONE, do)
    cluster.engine()
    cluster.start_worker()
    await cluster.register()
    for run_id in run_ids:
        await cluster.start(run_id, value)
        await cluster.ended(run_id)
    await settled(cluster)
    return cluster


async def settled(cluster: Cluster) -> None:
    """Wait until history is as far as the log."""
    async with asyncio.timeout(10):
        while cluster.storage.log[-1][0].lines and (
            not cluster.storage.history
            or cluster.storage.history[-1][1] != cluster.storage.log[-1][0].lines[-1]
        ):
            await asyncio.sleep(0.01)


async def purge(cluster: Cluster, **wanted: Any) -> list[str]:
    """Purge batch by batch, and return which runs."""
    found, after = [], 0
    while after is not None:
        answer = await cluster.call("run.purge", **wanted, after=after)
        found += [row["run_id"] for row in answer["runs"]]
        after = answer["next"]
    return found


async def gone(storage: Storage, run_id: str) -> None:
    """Wait until nothing of a run is in the history."""
    async with asyncio.timeout(10):
        while any(run == run_id for run, _ in storage.history):
            await asyncio.sleep(0.01)


async def refused(cluster: Cluster, operation: str, **params: Any) -> str:
    with pytest.raises(DagnatsError) as no:
        await cluster.call(operation, **params)
    return str(no.value)


def test_what_has_ended_is_forgotten_and_what_is_alive_stays() -> None:
    async def test() -> None:
        cluster = await cluster_of("r1", "r2")
        await cluster.payloads.put("r1", b"1")
        await cluster.start("alive", "wait")
        await cluster.start("r3", "fail")
        await cluster.ended("r3")
        await settled(cluster)
        assert await purge(cluster, dry_run=True) == ["r1", "r2", "r3"]
        assert await purge(cluster) == ["r1", "r2", "r3"]
        for run_id in ("r1", "r2", "r3"):
            await gone(cluster.storage, run_id)
            assert "no run" in await refused(cluster, "run.get", run_id=run_id)
        listed = await cluster.call("run.list")
        assert [row["run_id"] for row in listed] == ["alive"]
        assert await cluster.call("dlq.list") == []
        assert not cluster.payloads.stored
        assert {run for run, _ in cluster.storage.history} == {"alive", "_partition"}
        assert await purge(cluster) == []
        await cluster.close()

    play(test)


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"status": "failed"}, ["bad"]),
    ({"status": "completed"}, ["good"]),
    ({"workflow": "other"}, []),
    ({"workflow": "one"}, ["good", "bad"]),
    ({"before": 1}, []),
]


@pytest.mark.parametrize(("wanted", "found"), FILTERS, ids=str)
def test_only_what_fits_is_forgotten(wanted: dict[str, Any], found: list[str]) -> None:
    async def test() -> None:
        cluster = await cluster_of("good")
        await cluster.start("bad", "fail")
        await cluster.ended("bad")
        await settled(cluster)
        assert await purge(cluster, **wanted) == found
        await cluster.close()

    play(test)


def test_a_name_is_free_again_when_all_is_removed() -> None:
    async def test() -> None:
        cluster = await cluster_of("r1")
        await purge(cluster)
        assert (await cluster.start("r1", "again"))["created"]
        assert (await cluster.ended("r1"))["output"] == "again"
        await settled(cluster)
        assert [event["seq"] for event in cluster.history("r1")] == [1, 2, 3, 4, 5][
            : len(cluster.history("r1"))
        ]
        await cluster.close()

    play(test)


def test_a_retried_run_stays_and_can_be_purged_when_it_ends_again() -> None:
    async def test() -> None:
        cluster = Cluster(ONE, do)
        outcomes = iter(["fail", "wait"])
        cluster.worker.work = lambda task: do(tasks.Task(**_as(task, next(outcomes))))
        cluster.engine()
        cluster.start_worker()
        await cluster.register()
        await cluster.start("r1")
        await cluster.ended("r1")
        await settled(cluster)
        await cluster.call("run.retry", run_id="r1")
        await settled(cluster)
        assert await purge(cluster) == []
        assert (await cluster.call("run.get", run_id="r1"))["status"] == "running"
        await cluster.call("run.cancel", run_id="r1")
        await settled(cluster)
        assert await purge(cluster) == ["r1"]
        await cluster.close()

    play(test)


def _as(task: tasks.Task, value: Any) -> dict[str, Any]:
    fields = {name: getattr(task, name) for name in task.__struct_fields__}
    return fields | {"input": value}


CRASHES = ["append", "append.stored", "forget_history", "save_closed", "mark", "publish"]


@pytest.mark.slow
@pytest.mark.parametrize("where", CRASHES)
@pytest.mark.parametrize("checkpointed", [False, True], ids=["log", "checkpoint"])
def test_a_crash_forgets_all_or_nothing(
    where: str, checkpointed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_MS", 20)

    async def test() -> None:
        cluster = Cluster(ONE, do)
        armed = False

        def fault(operation: str) -> None:
            if armed and operation == where:
                raise Crash

        _, bus, running = cluster.engine(fault)
        cluster.start_worker()
        await cluster.register()
        for run_id in ("r1", "r2", "r3"):
            await cluster.start(run_id, run_id)
            await cluster.ended(run_id)
        await settled(cluster)
        if checkpointed:
            async with asyncio.timeout(10):
                while cluster.storage.mark is None or not cluster.storage.closed:
                    await asyncio.sleep(0.01)
        armed = True
        asking = asyncio.ensure_future(purge(cluster))
        await asyncio.sleep(0.3)
        bus.kill()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        cluster.engine()
        await asking
        await purge(cluster)
        for run_id in ("r1", "r2", "r3"):
            await gone(cluster.storage, run_id)
        assert await cluster.call("run.list") == []
        await cluster.start("r2", "anew")
        assert (await cluster.ended("r2"))["output"] == "anew"
        await _restart(cluster)
        assert [row["run_id"] for row in await cluster.call("run.list")] == ["r2"]
        assert (await cluster.ended("r2"))["output"] == "anew"
        await cluster.close()

    play(test)


async def _restart(cluster: Cluster) -> None:
    engine, bus, running = cluster.newest
    engine.stop()
    await running
    bus.kill()
    cluster.engine()


@pytest.mark.slow
def test_a_run_retried_and_purged_since_the_checkpoint_does_not_come_back() -> None:
    async def test() -> None:
        cluster = await cluster_of("r1", value="fail")
        await _restart(cluster)  # takes a checkpoint
        _, bus, running = cluster.newest
        await cluster.call("run.retry", run_id="r1")
        await cluster.ended("r1")
        await settled(cluster)
        assert await purge(cluster) == ["r1"]
        await gone(cluster.storage, "r1")
        bus.kill()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        cluster.engine()
        assert "no run" in await refused(cluster, "run.get", run_id="r1")
        assert await cluster.call("run.list") == []
        await cluster.close()

    play(test)


def reference(run_id: str) -> dict[str, Any]:
    return {"$payload": {"run_id": run_id, "sha256": "0" * 64, "bytes": 300_000}}


@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_live_run_refers_to_is_kept(restarted: bool) -> None:
    async def test() -> None:
        cluster = await cluster_of("r1", "r2")
        work = cluster.worker.work
        cluster.worker.work = lambda task: (
            result_of(task, output=reference("r1")) if task.run_id == "holder" else work(task)
        )
        # A fork takes the reference over, and waits.
        await cluster.start("holder")
        await cluster.ended("holder")
        cluster.worker.work = lambda _: None
        await cluster.call(
            "run.fork",
            run_id="r2",
            new_run_id="fork",
            step="a",
            set_input=True,
            input=[reference("r1")],
        )
        await settled(cluster)
        if restarted:
            await _restart(cluster)
        answer = await cluster.call("run.purge")
        assert sorted(row["run_id"] for row in answer["runs"]) == ["holder", "r2"]
        assert answer["kept"] == ["r1"]
        await cluster.call("run.cancel", run_id="fork")
        await settled(cluster)
        assert sorted(await purge(cluster)) == ["fork", "r1"]
        await cluster.close()

    play(test)


def test_old_runs_are_removed_in_the_background() -> None:
    async def test() -> None:
        cluster = Cluster(ONE, do)
        cluster.keep_ms = 15_000
        cluster.engine()
        cluster.start_worker()
        await cluster.register()
        for run_id in ("r1", "r2"):
            await cluster.start(run_id)
            await cluster.ended(run_id)
        await cluster.call("event.publish", type="a.b", id="e1", data=1)
        cluster.clock.at_ms += 20_000
        await cluster.start("r3")
        await cluster.ended("r3")
        await settled(cluster)
        await _restart(cluster)  # it looks at once
        await gone(cluster.storage, "r1")
        await gone(cluster.storage, "r2")
        assert [row["run_id"] for row in await cluster.call("run.list")] == ["r3"]
        async with asyncio.timeout(10):
            while [event["type"] for event in cluster.history("_partition")] != ["runs.purged"]:
                await asyncio.sleep(0.01)
        await _restart(cluster)
        assert (await cluster.ended("r3"))["status"] == "completed"
        await cluster.close()

    play(test)


def _summary(number: int) -> Summary:
    return Summary(f"r{number}", "w", "d", "completed", number, number, 3)


def test_places_of_removed_runs_line_up_with_their_chunks() -> None:
    closed = Closed()
    for number in range(1_200):
        closed.add(_summary(number))
    stored = dict(closed.chunks_since(0))
    closed.rewritten.clear()
    closed.remove({"r3", "r700"})
    closed.remove({"r3", "r4"})
    assert closed.rewritten == {0, 1}
    stored |= dict(closed.chunks_since(closed.total - 1, closed.rewritten))
    again = decode_closed(encode_chunk(chunk * 500, held) for chunk, held in stored.items())
    assert again.total == 1_200
    assert not {"r3", "r4", "r700"} & {one.run_id for one in again.newest_first()}
    assert sum(1 for _ in again.newest_first()) == 1_197
    again.add(_summary(3))
    again.remove({"r3"})
    assert again.total == 1_201


def test_a_chunk_that_is_no_longer_listed_does_not_bring_its_runs_back() -> None:
    closed = Closed()
    stored: dict[int, list[Summary]] = {}
    for number in range(11_000):
        closed.add(_summary(number))
        if number % 500 == 499:
            stored |= dict(closed.chunks_since(number - 500))
    again = decode_closed(encode_chunk(chunk * 500, held) for chunk, held in stored.items())
    assert len(again) == 10_000
    assert (again.first, again.total) == (1_000, 11_000)
    assert "r5" not in again


@pytest.mark.slow
def test_many_ended_runs_leave_a_bounded_log_and_bounded_snapshots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_MS", 5)

    async def test() -> None:
        cluster = Cluster(ONE, do)

        def held() -> int:
            return sum(len(line) for entry, _ in cluster.storage.log for line in entry.lines)

        monkeypatch.setattr(checkpoint, "_steady_ms", cluster.clock.now_ms)
        cluster.keep_ms = 3_600_000
        cluster.engine()
        cluster.start_worker()
        await cluster.register()
        most = 0
        for round_ in range(12):
            for number in range(40):
                await cluster.start(f"r{round_}-{number}")
            for number in range(40):
                await cluster.ended(f"r{round_}-{number}")
            most = most or 3 * held()  # that of the round before may still be there
            cluster.clock.at_ms += checkpoint.KEEP_LOG_MS
            async with asyncio.timeout(10):
                while held() >= most or len(cluster.storage.snapshots) >= 100:
                    await asyncio.sleep(0.005)
                while len(cluster.storage.closed) > 1:
                    await asyncio.sleep(0.005)
            if round_ == 5:
                await _restart(cluster)
        await cluster.close()

    play(test)
