"""What simulation has found: several partitions and owners, clocks, old runs that are forgotten."""

import asyncio
from typing import Any

import pytest

from dagnats.engine import partition as partition_module
from dagnats.engine.book import Closed, Summary
from dagnats.engine.engine import Engine, Ports
from dagnats.engine.letters import Letters
from dagnats.engine.mailbox import EVENTS_KEPT_MS, Mailbox
from dagnats.engine.outbox import Group
from dagnats.engine.partition import Contents, Partition
from dagnats.engine.pump import FRESH_S, Pump
from dagnats.engine.purging import Needed, needed_here
from dagnats.engine.recovery import SETTLE_S
from dagnats.errors import DagnatsError, FencedError
from dagnats.planning import plan
from dagnats.runid import run_id
from dagnats.testing.memory import (
    MemoryBus,
    MemoryCheckpoints,
    MemoryFeed,
    MemoryLog,
    MemoryPrograms,
    MemorySnapshots,
    Storage,
)
from dagnats.testing.payloads import MemoryPayloads
from tests.engine.cluster import Cluster, play

ONE = """\
dagnats: 1
name: one
steps: [{id: a, task: work.do}]
"""
SLEEPER = """\
dagnats: 1
name: sleeper
steps: [{id: nap, type: sleep, config: {duration: 1h}}]
"""
EARLY = """\
dagnats: 1
name: early
steps:
  - {id: work, task: work.do}
  - id: heard
    type: wait_for_event
    depends_on: [work]
    config: {event: came, timeout: 1h}
output: ${{ steps.heard.output.data }}
"""
PARTITIONS = 2


def several(cluster: Cluster) -> list["asyncio.Task[None]"]:
    """Start an engine for each of two partitions."""
    running = []
    for number in range(PARTITIONS):
        storage = Storage(number, cluster.storage.shared)
        ports = Ports(
            MemoryLog(storage),
            MemorySnapshots(storage),
            MemoryFeed(storage),
            MemoryPrograms(storage),
            MemoryCheckpoints(storage),
            MemoryBus(cluster.network),
            cluster.clock,
            MemoryPayloads(),
        )
        engine = Engine(number, ports, cluster.said.append, planning=plan, partitions=PARTITIONS)
        running.append(asyncio.ensure_future(engine.run()))
    return running


async def begin(cluster: Cluster, run_ids: list[str]) -> None:
    await cluster.register()
    for one in run_ids:
        await cluster.start(one)


@pytest.mark.parametrize("one", [True, False], ids=["embedded", "several"])
def test_a_chosen_id_is_whole_and_means_no_other_run(one: bool) -> None:
    async def test() -> None:
        cluster = Cluster(SLEEPER)
        running = [cluster.engine()[2]] if one else several(cluster)
        others = [f"order-1{digit}" for digit in range(8)]
        await begin(cluster, ["order-2", *others])
        for unknown in ("order-1", "orde"):
            with pytest.raises(DagnatsError, match="no run"):
                await cluster.call("run.cancel", run_id=unknown, reason="")
        await begin(cluster, ["order-1"])
        done = await cluster.call("run.cancel", run_id="order-1", reason="")
        assert done == {"run_id": "order-1", "status": "cancelled"}
        for other in others:
            assert (await cluster.call("run.get", run_id=other))["status"] == "running"
        for task in running:
            task.cancel()
        await cluster.close()

    play(test)


@pytest.mark.parametrize("one", [True, False], ids=["embedded", "several"])
def test_a_beginning_means_a_run_wherever_it_lives_and_never_two(one: bool) -> None:
    async def test() -> None:
        cluster = Cluster(SLEEPER)
        running = [cluster.engine()[2]] if one else several(cluster)
        minted = [run_id(1_800_000_000_000, chance) for chance in range(1, 9)]
        await begin(cluster, [*minted, run_id(1_900_000_000_000, 1)])
        alone = run_id(1_900_000_000_000, 1)
        assert (await cluster.call("run.get", run_id=alone[:9]))["run_id"] == alone
        with pytest.raises(DagnatsError, match="runs begin with"):
            await cluster.call("run.cancel", run_id=minted[0][:9], reason="")
        for other in minted:
            assert (await cluster.call("run.get", run_id=other))["status"] == "running"
        for task in running:
            task.cancel()
        await cluster.close()

    play(test)


def test_an_event_that_is_too_old_keeps_no_values() -> None:
    event = {"id": "e", "type": "t", "data": {"$payload": claim("r")}, "at": "x"}
    mailbox = Mailbox([(1_000, event)], ["e"])
    assert mailbox.refers == {"e": {"r"}}
    mailbox.expire(1_000 + EVENTS_KEPT_MS)
    assert "e" in mailbox
    mailbox.expire(1_001 + EVENTS_KEPT_MS)
    assert "e" not in mailbox
    assert not mailbox.refers
    assert not mailbox.unspread


def test_a_look_back_costs_what_it_finds() -> None:
    class Counting(dict[str, Any]):
        looks = 0

        def __getitem__(self, key: str) -> Any:
            Counting.looks += 1
            return super().__getitem__(key)

    def looks(others: int) -> int:
        mailbox = Mailbox()
        for number in range(others + 20):
            kind = "mine" if number % (others // 20 + 1) == 0 else "other"
            mailbox.add(number, Counting(id=f"e{number}", type=kind))
        Counting.looks = 0
        found = mailbox.since("mine", 0)
        assert len(found) >= 20
        assert [dict.__getitem__(one, "type") for one in found] == ["mine"] * len(found)
        return Counting.looks

    assert looks(2_000) == looks(4_000) == 0


def test_a_look_back_begins_at_its_time_though_a_clock_went_back() -> None:
    mailbox = Mailbox()
    for at, name in ((10, "a"), (30, "b"), (20, "c"), (40, "d")):
        mailbox.add(at, {"id": name, "type": "t"})
    assert [event["id"] for event in mailbox.since("t", 25)] == ["b", "c", "d"]
    assert mailbox.since("u", 0) == []


def claim(owner: str) -> dict[str, object]:
    return {"run_id": owner, "sha256": "0" * 64, "bytes": 300_000}


def test_what_runs_that_are_kept_refer_to_is_kept() -> None:
    refers = {"old": (), "failed": ("child",), "parent": ("failed",)}
    rows = [Summary(name, "w", "d", "failed", 1, 2, 3, refers=of) for name, of in refers.items()]
    contents = Contents({}, {}, Closed(0, rows), Mailbox(), Letters(), {}, None, [])
    partition = Partition(0, contents, 0, lambda: None, lambda: None)

    def needed(*run_ids: str) -> set[str]:
        return needed_here(partition, Needed(list(run_ids), {}), 0)

    assert needed("child", "old") == {"child"}
    assert needed("child", "failed") == {"child", "failed"}
    assert needed("child", "failed", "parent") == set()


def test_what_is_forgotten_is_not_published_again() -> None:
    async def test() -> None:
        cluster = Cluster(ONE)
        _, bus, running = cluster.engine()
        cluster.start_worker()
        await cluster.register()
        for one in ("r1", "r2"):
            await cluster.start(one)
            await cluster.ended(one)
        purged = await cluster.call("run.purge")
        assert {row["run_id"] for row in purged["runs"]} == {"r1", "r2"}
        await cluster.start("r2")
        await cluster.ended("r2")
        bus.kill()
        running.cancel()
        stream = cluster.storage.shared.stream
        stream.cut(0)  # as a power failure does
        cluster.engine()
        log = [line for entry, _ in cluster.storage.log for line in entry.lines]
        async with asyncio.timeout(10):
            while not stream.entries or stream.entries[-1][1] != log[-1]:
                await asyncio.sleep(0.01)
        assert cluster.history("r1") == []
        assert [event["seq"] for event in cluster.history("r2")] == [1, 2, 3, 4, 5]
        await cluster.close()

    play(test)


async def stop(cluster: Cluster) -> None:
    """Let the newest engine die."""
    _, bus, running = cluster.newest
    bus.kill()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_an_early_event_is_heard_though_the_clock_of_a_new_owner_is_behind() -> None:
    async def test() -> None:
        cluster = Cluster(EARLY)
        cluster.engine()
        await begin(cluster, ["r1"])
        await stop(cluster)
        cluster.clock.at_ms -= 600_000
        cluster.engine()
        await cluster.call("event.publish", type="came", id="e1", data=1)
        cluster.start_worker()
        assert (await cluster.ended("r1"))["output"] == 1
        await cluster.close()

    play(test)


def test_that_also_holds_after_yet_another_takeover() -> None:
    async def test() -> None:
        cluster = Cluster(EARLY)
        cluster.engine()
        await begin(cluster, ["r1"])
        for _ in range(2):
            await stop(cluster)
            cluster.clock.at_ms -= 600_000
            cluster.engine()
            await cluster.call("event.publish", type="came", id="e1", data=1)
        cluster.start_worker()
        assert (await cluster.ended("r1"))["output"] == 1
        await cluster.close()

    play(test)


def test_what_came_in_time_counts_though_nobody_served_until_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        cluster = Cluster(EARLY)
        cluster.engine()
        cluster.start_worker()
        await begin(cluster, ["r1"])
        while (await cluster.call("run.explain", run_id="r1"))["causes"][0]["kind"] != "event":
            await asyncio.sleep(0.01)
        with monkeypatch.context() as patched:
            patched.setattr(partition_module, "HEARD_AT_ONCE_MAX", 0)
            await cluster.call("event.publish", type="came", id="e1", data=1)
            await stop(cluster)
        cluster.clock.at_ms += 7_200_000
        cluster.engine()
        assert (await cluster.ended("r1"))["output"] == 1
        await cluster.close()

    play(test)


def test_an_owner_that_stood_still_looks_before_it_publishes_history() -> None:
    async def test() -> None:
        storage = Storage()
        first, second = MemoryLog(storage), MemoryLog(storage)
        pump = object.__new__(Pump)
        pump._log, pump._feed = first, MemoryFeed(storage)
        group = Group(0)
        group.lines, group.run_ids = [b'{"id":"0-0"}'], ["r1"]
        await first.take_over()
        await first.append(0, group.lines)
        group.begun_at = asyncio.get_running_loop().time()
        await pump._publish(group)
        assert len(storage.history) == 1
        group.begun_at -= 2 * FRESH_S
        await pump._publish(group)
        assert len(storage.history) == 2
        await second.take_over()
        with pytest.raises(FencedError):
            await pump._publish(group)
        assert len(storage.history) == 2
        assert FRESH_S < SETTLE_S

    play(test)
