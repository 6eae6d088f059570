"""Three implementations of the engine's ports: the real server, memory, and the simulation's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from dagnats.jetstream import setup
from dagnats.jetstream.bus import NatsBus
from dagnats.jetstream.connection import connect
from dagnats.jetstream.devserver import DevServer
from dagnats.jetstream.history import JetStreamHistory
from dagnats.jetstream.log import JetStreamLog
from dagnats.jetstream.registry import JetStreamCheckpoints, JetStreamPrograms
from dagnats.jetstream.snapshots import JetStreamSnapshots
from dagnats.ports import Bus, Checkpoints, EventLog, HistoryFeed, ProgramStore, Snapshots
from dagnats.testing.faults import Faults
from dagnats.testing.memory import (
    MemoryBus,
    MemoryCheckpoints,
    MemoryFeed,
    MemoryLog,
    MemoryNetwork,
    MemoryPrograms,
    MemorySnapshots,
    Storage,
)
from dagnats.testing.stores import UnreliablePrograms
from dagnats.testing.unreliable import (
    UnreliableBus,
    UnreliableFeed,
    UnreliableLog,
    UnreliableSnapshots,
)
from dagnats.testing.world import Process
from dagnats.testing.world import World as SimulatedWorld


@dataclass
class World:
    """Makes ports as a fresh process would: several on the same storage.

    `ask` sends a request as a client does, and returns the answer.
    """

    log: Callable[[], EventLog]
    snapshots: Callable[[], Snapshots]
    feed: Callable[[], HistoryFeed]
    programs: Callable[[], ProgramStore]
    checkpoints: Callable[[], Checkpoints]
    bus: Callable[[], Bus]
    ask: Callable[[str, bytes], Awaitable[bytes]]
    connection: Any = None


Make = Callable[[Path], AbstractAsyncContextManager[World]]


@asynccontextmanager
async def jetstream(data_dir: Path) -> AsyncIterator[World]:
    """Give ports on a server of their own."""
    server = await DevServer.start(data_dir, port=0, fsync="interval")
    connection = await connect(server.url, credentials=server.credentials, name="test")
    await setup.ensure(connection)

    def bus() -> Bus:
        made = NatsBus()
        made.bind(connection)
        return made

    async def ask(subject: str, payload: bytes) -> bytes:
        await connection.flush()
        return bytes((await connection.request(subject, payload, timeout=5)).data)

    try:
        yield World(
            lambda: JetStreamLog(connection, 0),
            lambda: JetStreamSnapshots(connection, 0),
            lambda: JetStreamHistory(connection),
            lambda: JetStreamPrograms(connection),
            lambda: JetStreamCheckpoints(connection),
            bus,
            ask,
            connection,
        )
    finally:
        await connection.close()
        await server.stop()


@asynccontextmanager
async def memory(_data_dir: Path) -> AsyncIterator[World]:
    """Give ports in memory."""
    storage, network = Storage(), MemoryNetwork()
    yield World(
        lambda: MemoryLog(storage),
        lambda: MemorySnapshots(storage),
        lambda: MemoryFeed(storage),
        lambda: MemoryPrograms(storage),
        lambda: MemoryCheckpoints(storage),
        lambda: MemoryBus(network),
        lambda subject, payload: MemoryBus(network).request(subject, payload, 5),
    )


@asynccontextmanager
async def simulated(_data_dir: Path) -> AsyncIterator[World]:
    """Give the ports of the simulation, where nothing goes wrong."""
    world = SimulatedWorld(Random(1), Faults())

    def process() -> Process:
        return Process(world, "e")

    yield World(
        lambda: UnreliableLog(process()),
        lambda: UnreliableSnapshots(process()),
        lambda: UnreliableFeed(process()),
        lambda: UnreliablePrograms(process()),
        lambda: MemoryCheckpoints(world.disks[0]),
        lambda: UnreliableBus(process()),
        lambda subject, payload: world.request(subject, payload, 5),
    )


async def settled(feed: HistoryFeed, offset: int) -> None:
    """Wait until history is as far as that."""
    async with asyncio.timeout(10):
        while await feed.last_offset() < offset:
            await asyncio.sleep(0.01)


def event(offset: int, run_id: str = "r") -> bytes:
    """Return an event as the log and history take it: an identity, and a run."""
    return b'{"id":"0-%d","run_id":"%s"}' % (offset, run_id.encode())
