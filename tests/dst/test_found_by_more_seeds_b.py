"""What more seeds have found: what a replaced owner saves late, and keys of forgotten runs."""

import asyncio
import contextlib

from dagnats.engine.book import TOMBSTONE
from dagnats.engine.checkpoint import Checkpoint, Checkpointer
from dagnats.engine.partition import Partition
from dagnats.engine.programs import Programs
from dagnats.engine.records import PARTITION
from dagnats.engine.recovery import recover
from dagnats.errors import FencedError, UnavailableError
from dagnats.testing.memory import (
    MemoryFeed,
    MemoryLog,
    MemoryPrograms,
    MemorySnapshots,
    Storage,
)
from tests.engine.cluster import Cluster, RealClock, play

KEYED = """\
dagnats: 1
name: keyed
idempotency_key: string(input.order)
steps: [{id: a, task: work.do}]
"""


class Owner:
    """A partition that was read from its log, and what stores it: each step when a test says."""

    partition: Partition
    checkpointer: Checkpointer

    def __init__(self, storage: Storage) -> None:
        self.log, self.feed = MemoryLog(storage), MemoryFeed(storage)
        self.snapshots = MemorySnapshots(storage)
        self.programs = Programs(MemoryPrograms(storage))
        self.seq = 0

    async def take_over(self) -> None:
        """Become the owner, and read everything."""
        found = await recover(self.log, self.snapshots, self.feed, self.programs, {})
        owned, contents = found.ownership, found.contents
        self.seq = owned.seq
        self.partition = Partition(0, contents, owned.offset, lambda: None, lambda: None)
        self.checkpointer = Checkpointer(
            snapshots=self.snapshots,
            log=self.log,
            feed=self.feed,
            clock=RealClock(),
            say=lambda _: None,
        )
        self.checkpointer.begin(owned.seq, owned.offset, found.closed_total, found.stored)

    async def publish(self, event_id: str) -> bool:
        """Publish an event, and commit it; returns whether it was news."""
        self.partition.now = RealClock().now_ms()
        news = self.partition.publish(event_id, "came", None)
        group = self.partition.outbox.take()
        if group is not None:
            self.seq = await self.log.append(group.offset, group.lines)
            await self.feed.publish(group.run_ids, group.lines)
        return news

    def captured(self) -> Checkpoint:
        """Return a checkpoint of now."""
        return self.checkpointer._encode(self.partition)

    async def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint."""
        await self.checkpointer._store(checkpoint, self.seq)


def test_what_a_replaced_owner_saves_late_does_not_undo_a_checkpoint() -> None:
    async def test() -> None:
        storage = Storage()
        old, new, next_one = Owner(storage), Owner(storage), Owner(storage)
        await old.take_over()
        late = old.captured()  # and then its machine stands still
        await new.take_over()
        assert await new.publish("e1")
        await new.save(new.captured())
        with contextlib.suppress(FencedError, UnavailableError):
            await old.snapshots.save_run(PARTITION, late.rest)  # and then it is told, and ends
        await next_one.take_over()
        assert not await next_one.publish("e1")

    play(test)


def test_neither_does_it_save_or_remove_runs() -> None:
    async def test() -> None:
        storage = Storage()
        old, new = Owner(storage), Owner(storage)
        await old.take_over()
        await new.take_over()
        await new.snapshots.save_run("r1", TOMBSTONE)
        for late in (
            old.snapshots.save_run("r1", b"as it was"),
            old.snapshots.save_run("r2", b"as it was"),
            old.snapshots.save_closed(0, b"as they were"),
            old.snapshots.mark(1, 0),
            old.snapshots.forget_runs(["r1"]),
        ):
            with contextlib.suppress(FencedError, UnavailableError):
                await late
        assert storage.snapshots == {"r1": TOMBSTONE}
        assert not storage.closed
        assert storage.mark is None

    play(test)


def test_a_forgotten_run_takes_its_idempotency_key_along() -> None:
    async def test() -> None:
        cluster = Cluster(KEYED)
        cluster.engine()
        cluster.start_worker()
        await cluster.register()
        order = {"order": 7}
        assert (await cluster.start("r1", order))["run_id"] == "r1"
        await cluster.ended("r1")
        assert (await cluster.start("r2", order))["run_id"] == "r1"
        async with asyncio.timeout(10):
            while not (await cluster.call("run.purge"))["runs"]:
                await asyncio.sleep(0.01)  # until its end is in the history
        assert (await cluster.start("r2", order))["run_id"] == "r2"
        await cluster.close()

    play(test)
