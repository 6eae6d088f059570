"""One suite for both implementations of the engine's ports: the real server, and memory.

What the tests and the simulation believe of the doubles is thereby true of JetStream.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagnats.errors import FencedError
from dagnats.jetstream import setup
from dagnats.jetstream.connection import connect
from dagnats.jetstream.devserver import DevServer
from dagnats.jetstream.history import JetStreamHistory
from dagnats.jetstream.log import JetStreamLog
from dagnats.jetstream.registry import JetStreamPrograms
from dagnats.jetstream.snapshots import PART_BYTES_MAX, JetStreamSnapshots
from dagnats.ports import EventLog, HistoryFeed, ProgramStore, Snapshots
from dagnats.testing.memory import (
    MemoryFeed,
    MemoryLog,
    MemoryPrograms,
    MemorySnapshots,
    Storage,
)
from dagnats.wire import subjects


@dataclass
class World:
    """Makes ports as a fresh process would: several on the same storage."""

    log: Callable[[], EventLog]
    snapshots: Callable[[], Snapshots]
    feed: Callable[[], HistoryFeed]
    programs: Callable[[], ProgramStore]
    connection: Any = None


@asynccontextmanager
async def jetstream(data_dir: Path) -> AsyncIterator[World]:
    server = await DevServer.start(data_dir, port=0, fsync="interval")
    connection = await connect(server.url, credentials=server.credentials, name="test")
    await setup.ensure(connection)
    try:
        yield World(
            lambda: JetStreamLog(connection, 0),
            lambda: JetStreamSnapshots(connection, 0),
            lambda: JetStreamHistory(connection),
            lambda: JetStreamPrograms(connection),
            connection,
        )
    finally:
        await connection.close()
        await server.stop()


@asynccontextmanager
async def memory(_data_dir: Path) -> AsyncIterator[World]:
    storage = Storage()
    yield World(
        lambda: MemoryLog(storage),
        lambda: MemorySnapshots(storage),
        lambda: MemoryFeed(storage),
        lambda: MemoryPrograms(storage),
    )


Test = Callable[[World], Awaitable[None]]


@pytest.fixture(params=[jetstream, memory], ids=["jetstream", "memory"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Test], None]:
    """Run an async test in a world."""

    def run(test: Test) -> None:
        async def main() -> None:
            async with request.param(tmp_path) as world:
                await test(world)

        asyncio.run(main())

    return run


Play = Callable[[Test], None]


def event(offset: int, run_id: str = "r") -> bytes:
    return b'{"id":"0-%d","run_id":"%s"}' % (offset, run_id.encode())


async def entries(log: EventLog, after: int = 0) -> list[tuple[int, tuple[bytes, ...]]]:
    return [(entry.offset, entry.lines) async for entry in log.read(after)]


def test_what_is_appended_is_read_in_order(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        owned = await log.take_over()
        assert (owned.epoch, owned.offset) == (1, 0)
        first = await log.append(0, [event(0), event(1)])
        await log.append(2, [event(2)])
        assert await entries(log) == [(0, ()), (0, (event(0), event(1))), (2, (event(2),))]
        assert await entries(log, first) == [(2, (event(2),))]

    play(test)


def test_a_new_owner_fences_the_old_one(play: Play) -> None:
    async def test(world: World) -> None:
        old, new = world.log(), world.log()
        await old.take_over()
        await old.append(0, [event(0)])
        owned = await new.take_over()
        assert (owned.epoch, owned.offset) == (2, 1)
        with pytest.raises(FencedError):
            await old.append(1, [event(1)])
        await new.append(1, [event(1)])
        with pytest.raises(FencedError):
            await old.append(1, [event(1)])
        assert [lines for _, lines in await entries(new) if lines] == [(event(0),), (event(1),)]

    play(test)


def test_an_offset_is_found_again(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        offset = 0
        for size in (3, 1, 5, 2, 2, 7):
            await log.append(offset, [event(offset + n) for n in range(size)])
            offset += size
        for wanted in range(offset):
            after = await log.locate(wanted)
            found = await entries(log, after)
            start, lines = next(entry for entry in found if entry[1])
            assert start <= wanted < start + len(lines)

    play(test)


def test_a_trimmed_log_begins_where_it_was_cut(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        seqs = [await log.append(n, [event(n)]) for n in range(5)]
        await log.trim(seqs[3])
        assert [lines for _, lines in await entries(log)] == [(event(3),), (event(4),)]
        again = await world.log().take_over()
        assert (again.epoch, again.offset) == (2, 5)

    play(test)


def test_many_entries_are_read_in_batches(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        for n in range(1_100):
            await log.append(n, [event(n)])
        assert [lines[0] for _, lines in await entries(log) if lines] == [
            event(n) for n in range(1_100)
        ]

    play(test)


def test_history_knows_how_far_it_is(play: Play) -> None:
    async def test(world: World) -> None:
        feed = world.feed()
        assert await feed.last_offset() == -1
        await feed.publish(["a", "b", "a"], [event(0, "a"), event(1, "b"), event(2, "a")])
        await settled(feed, 2)
        assert await feed.read_run("a") == [event(0, "a"), event(2, "a")]
        assert await feed.last_event("b") == event(1, "b")
        assert await feed.last_event("c") is None
        assert list(await feed.read_run("c")) == []

    play(test)


async def settled(feed: HistoryFeed, offset: int) -> None:
    async with asyncio.timeout(10):
        while await feed.last_offset() < offset:
            await asyncio.sleep(0.01)


def test_a_checkpoint_is_loaded_as_it_was_saved(play: Play) -> None:
    async def test(world: World) -> None:
        assert await world.snapshots().load() is None
        snapshots = world.snapshots()
        large = b"x" * (2 * PART_BYTES_MAX + 17)
        await snapshots.save_run("small", b"one")
        await snapshots.save_run("large", large)
        await snapshots.save_closed(0, b"c0")
        await snapshots.save_closed(0, b"c0 again")
        await snapshots.mark(7, 70)
        found = await world.snapshots().load()
        assert found is not None
        assert (found.seq, found.offset) == (7, 70)
        assert found.runs == {"small": b"one", "large": large}
        assert list(found.closed) == [b"c0 again"]

    play(test)


def test_the_newest_version_of_a_run_counts_and_ended_runs_go(play: Play) -> None:
    async def test(world: World) -> None:
        snapshots = world.snapshots()
        for version in range(5):
            await snapshots.save_run("r", b"version %d" % version)
        await snapshots.save_run("gone", b"y" * (PART_BYTES_MAX + 1))
        await snapshots.mark(1, 1)
        await snapshots.forget_runs(["gone"])
        found = await world.snapshots().load()
        assert found is not None
        assert found.runs == {"r": b"version 4"}
        # A later process goes on counting versions where this one stopped.
        later = world.snapshots()
        await later.load()
        await later.save_run("r", b"later")
        again = await world.snapshots().load()
        assert again is not None
        assert again.runs == {"r": b"later"}

    play(test)


def test_a_version_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    async def main() -> None:
        async with jetstream(tmp_path) as world:
            whole = b"w" * (PART_BYTES_MAX + 1)
            snapshots = world.snapshots()
            await snapshots.save_run("r", whole)
            await snapshots.mark(1, 1)
            for version in range(2, 6):
                await world.connection.request(
                    subjects.snapshot_run(0, "r", 0),
                    b"torn",
                    headers={"Dagnats-Part": f"{version} 2"},
                )
                found = await world.snapshots().load()
                assert found is not None
                assert found.runs == {"r": whole}

    asyncio.run(main())


def test_programs_and_names(play: Play) -> None:
    async def test(world: World) -> None:
        programs = world.programs()
        assert await programs.load_program("sha256:aa") is None
        assert await programs.load_aliases() == {}
        await programs.save_program("sha256:aa", b"one")
        await programs.save_program("sha256:aa", b"one")
        await programs.save_alias("hello", b"1")
        await programs.save_alias("world", b"1")
        await programs.save_alias("hello", b"2")
        assert await world.programs().load_program("sha256:aa") == b"one"
        assert await world.programs().load_aliases() == {"hello": b"2", "world": b"1"}

    play(test)
