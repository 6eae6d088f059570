"""A real worker and the real engines of several partitions, with nothing but memory in between."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dagnats import task
from dagnats.engine.engine import Engine, Ports
from dagnats.engine.homes import partition_of
from dagnats.planning import plan
from dagnats.testing.memory import (
    MemoryBus,
    MemoryCheckpoints,
    MemoryFeed,
    MemoryLog,
    MemoryPrograms,
    MemorySnapshots,
    Storage,
)
from dagnats.worker import registry as registering
from dagnats.worker.context import AsyncContext
from dagnats.worker.worker import Worker
from tests.engine.cluster import Cluster, play
from tests.worker.playing import MemoryLink, until

PARTITIONS = 3
RUNS = 30
ONE = """
dagnats: 1
name: one
steps: [{id: a, task: it}]
output: "${{ steps.a.output }}"
"""


class World:
    """Engines of one workflow, one for each partition, and a worker of all of them."""

    def __init__(self, concurrency: int) -> None:
        self.cluster = Cluster(ONE)
        shared = self.cluster.storage.shared
        self.storages = [Storage(number, shared) for number in range(PARTITIONS)]
        self.engines: dict[int, tuple[Engine, MemoryBus, asyncio.Task[None]]] = {}
        self.said: list[str] = []
        self.worker = Worker(
            dict(registering._registry), concurrency=concurrency, say=self.said.append
        )
        self.stop = asyncio.Event()

    def begin(self, number: int) -> None:
        """Let an engine own a partition."""
        bus, storage = MemoryBus(self.cluster.network), self.storages[number]
        ports = Ports(
            MemoryLog(storage),
            MemorySnapshots(storage),
            MemoryFeed(storage),
            MemoryPrograms(storage),
            MemoryCheckpoints(storage),
            bus,
            self.cluster.clock,
            self.cluster.payloads,
        )
        say = self.cluster.said.append
        engine = Engine(number, ports, say, planning=plan, partitions=PARTITIONS)
        self.engines[number] = (engine, bus, asyncio.ensure_future(engine.run()))

    async def kill(self, number: int) -> None:
        """Let an engine die."""
        _, bus, running = self.engines.pop(number)
        bus.kill()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def end(self) -> None:
        """Stop what there is."""
        for engine, _, _ in self.engines.values():
            engine.stop()
        await asyncio.gather(*[running for _, _, running in self.engines.values()])


@asynccontextmanager
async def world(concurrency: int) -> AsyncIterator[World]:
    world = World(concurrency)
    for number in range(PARTITIONS):
        world.begin(number)
    await world.cluster.register()
    link = MemoryLink(world.cluster.network)
    serving = asyncio.ensure_future(world.worker.serve(link, world.stop, "memory"))
    try:
        # Nothing waits before: what the first hello makes an engine believe does not matter then.
        await until(lambda: bool(world.said), "the first welcome")
        await until(lambda: all(seat.announced is not None for seat in world.worker._seats))
        yield world
    finally:
        world.stop.set()
        await serving
        await world.end()
        await world.cluster.close()


class Counting:
    """A handler that counts what runs at once."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.done: list[str] = []
        self.running = 0
        self.most = 0
        task("it")(self.handle)

    async def handle(self, value: Any, ctx: AsyncContext) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.002)
        await ctx.save_checkpoint(value)
        await self.open.wait()
        self.running -= 1
        self.done.append(ctx.run_id)
        return await ctx.checkpoint()


def home(run_id: str) -> int:
    return partition_of(run_id, PARTITIONS)


@pytest.mark.parametrize("concurrency", [2, 7])
def test_runs_of_all_partitions_are_done(concurrency: int) -> None:
    async def test() -> None:
        counting = Counting()
        async with world(concurrency) as here:
            runs = {f"r{number}": number for number in range(RUNS)}
            assert set(map(home, runs)) == set(range(PARTITIONS))
            for run_id, number in runs.items():
                await here.cluster.start(run_id, number)
            for run_id, number in runs.items():
                assert (await here.cluster.ended(run_id))["output"] == number
            assert sorted(counting.done) == sorted(runs)
            assert counting.most <= concurrency + PARTITIONS - 1

    play(test)


@pytest.mark.slow
def test_an_engine_dies_and_another_takes_over() -> None:
    async def test() -> None:
        counting = Counting()
        async with world(9) as here:
            runs = [f"r{number}" for number in range(RUNS)]
            counting.open.clear()
            for run_id in runs[:15]:
                await here.cluster.start(run_id, run_id)
            of_it = here.worker._seats.at(1)
            await until(lambda: len(of_it.running) == 3)
            await here.kill(1)
            counting.open.set()
            # What is of the others is done while nobody is there for the one.
            for run_id in runs[15:]:
                if home(run_id) != 1:
                    await here.cluster.start(run_id, run_id)
            for run_id in runs:
                if home(run_id) != 1:
                    assert (await here.cluster.ended(run_id))["output"] == run_id
            here.begin(1)
            for run_id in runs[15:]:
                if home(run_id) == 1:
                    await here.cluster.start(run_id, run_id)
            for run_id in runs:
                assert (await here.cluster.ended(run_id))["output"] == run_id
            # The worker held its own over the change: nothing was begun twice.
            assert Counter(counting.done) == dict.fromkeys(runs, 1)
            history = [line for one in here.storages for _, line in one.history]
            assert not [line for line in history if b"step.lost" in line]
            assert counting.most <= 9 + PARTITIONS - 1

    play(test)
