"""A child that nobody waits for any more ends, also when who was to end it has crashed."""

import asyncio

import pytest

from dagnats.engine import housekeeping
from tests.engine.cluster import Cluster, play
from tests.engine.test_nodes import CHILD, PARENT, crash, serving


@pytest.mark.slow
def test_an_orphan_asks_and_is_ended(monkeypatch) -> None:
    monkeypatch.setattr(housekeeping, "ROUND_MS", 50)
    monkeypatch.setattr(housekeeping, "PACK_AFTER_MS", 0)

    async def test() -> None:
        cluster = Cluster(PARENT, lambda _: None)
        await serving(cluster, CHILD)
        await cluster.start("p1")
        async with asyncio.timeout(20):
            while not (rows := await cluster.call("run.list", workflow="child")):
                await asyncio.sleep(0.01)
        child = rows[0]["run_id"]
        engine, _, _ = cluster.newest
        partition = engine._pump.partition
        monkeypatch.setattr(partition, "send", lambda _errand: None)  # what it wants told is lost
        await cluster.call("run.cancel", run_id="p1")
        assert (await cluster.ended("p1"))["status"] == "cancelled"
        await crash(cluster)
        assert (await cluster.ended(child))["status"] == "cancelled"
        await cluster.close()

    play(test)
