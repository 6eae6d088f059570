"""What simulation has found: a delivery of the life of a run that was over before it was stored."""

import asyncio

from msgspec.structs import replace

from dagnats.engine.notes import ticket_of
from dagnats.machine.commands import Enqueue
from dagnats.machine.ticking import outstanding
from tests.engine.cluster import REPEAT_S, Cluster, play

ONE = """\
dagnats: 1
name: one
steps: [{id: a, task: work.do}]
"""


def test_no_task_is_sent_for_a_life_that_is_over() -> None:
    """Its result would count for the next generation, whose attempt has the same number."""

    async def main() -> None:
        cluster = Cluster(ONE)
        engine, _, _ = cluster.engine()
        await cluster.register()
        await cluster.start("r1")
        pump = engine._pump
        while pump is None or "r1" not in pump.partition.runs:
            await asyncio.sleep(REPEAT_S)
        live = pump.partition.runs["r1"]
        (command,) = outstanding(live.program, live.state)
        assert isinstance(command, Enqueue)
        ticket = ticket_of(live, command, 0)
        assert [task.step for task in pump._tasks([ticket])] == ["a"]
        assert pump._tasks([replace(ticket, life=ticket.life - 1)]) == []
        await cluster.close()

    play(main)
