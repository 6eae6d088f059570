"""What more seeds have found: an owner that has been replaced and is late with its checkpoint."""

import asyncio
import contextlib

from dagnats.engine.book import encode_chunk
from dagnats.engine.engine import Engine
from dagnats.errors import UnavailableError
from tests.engine.cluster import Cluster, play

TWO = """\
dagnats: 1
name: two
steps:
  - {id: nap, type: sleep, config: {duration: 1h}}
  - {id: work, task: work.do, depends_on: [nap]}
"""


async def stop(cluster: Cluster) -> Engine:
    """Let the newest engine end, with a last checkpoint."""
    engine, _, running = cluster.newest
    engine.stop()
    await running
    return engine


def test_a_late_checkpoint_of_a_replaced_owner_takes_nothing_back() -> None:
    """It would bring back a mark below the end of a run of which the snapshot is gone."""

    async def test() -> None:
        cluster = Cluster(TWO)
        storage = cluster.storage
        cluster.start_worker()
        cluster.engine()
        await cluster.register()
        await cluster.start("r1")
        replaced = (await stop(cluster))._ports.snapshots
        mark = storage.mark
        assert mark is not None
        assert "r1" in storage.snapshots

        cluster.clock.at_ms += 3_600_000
        cluster.engine()
        await cluster.ended("r1")
        await stop(cluster)
        assert "r1" not in storage.snapshots

        with contextlib.suppress(UnavailableError):
            await replaced.save_closed(0, encode_chunk(0, []))
            await replaced.mark(*mark)
        _, _, running = cluster.engine()
        asked = asyncio.ensure_future(cluster.ended("r1"))
        await asyncio.wait({asked, running}, return_when=asyncio.FIRST_COMPLETED)
        assert asked.done(), running.exception()
        assert asked.result()["status"] == "completed"
        await cluster.close()

    play(test)
