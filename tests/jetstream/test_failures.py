"""What the adapters make of a server that refuses, or is gone: our errors, never those of NATS."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dagnats.errors import BrokenError, UnavailableError, UncertainError
from dagnats.jetstream.bus import NatsBus
from dagnats.jetstream.history import JetStreamHistory
from dagnats.jetstream.log import JetStreamLog
from dagnats.jetstream.snapshots import PART_BYTES_MAX, JetStreamSnapshots
from tests.ports.worlds import World, event, jetstream

Test = Callable[[World], Awaitable[None]]


def play(data_dir: Path, test: Test) -> None:
    async def main() -> None:
        async with jetstream(data_dir) as world:
            await test(world)

    asyncio.run(main())


def test_what_is_too_large_is_never_a_matter_of_doubt(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        most = world.connection.max_payload
        log, bus = JetStreamLog(world.connection, 0), NatsBus()
        bus.bind(world.connection)
        await log.take_over()
        # With the last of these the payload alone would fit, and the server would hang up.
        for size in (2 * most, most + 1, most - 10):
            with pytest.raises(BrokenError, match="max_payload"):
                await log.append(0, [b"x" * size])
        assert await log.append(0, [b"x" * (most - 300)])
        assert bus.bytes_max == most
        with pytest.raises(BrokenError, match="larger than the server takes"):
            await bus.publish("somewhere", b"x" * (most + 1))
        await bus.publish("somewhere", b"x" * most)
        for subject in ("bad subject", ""):
            with pytest.raises(BrokenError, match="not a subject"):
                await bus.publish(subject, b"x")
        assert await log.append(1, [event(1)])

    play(tmp_path, test)


def test_a_closed_connection_is_told_in_our_words(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        connection = world.connection
        log, bus = JetStreamLog(connection, 0), NatsBus()
        snapshots, feed = JetStreamSnapshots(connection, 0), JetStreamHistory(connection)
        bus.bind(connection)
        await log.take_over()
        await snapshots.save_run("r", b"one")
        await connection.close()
        doubtful: list[Awaitable[Any]] = [
            log.append(0, [event(0)]),
            log.take_over(),
            snapshots.load(),
            feed.publish(["r"], [event(0)]),
            feed.last_offset(),
            feed.read_run("r"),
            bus.publish("somewhere", b""),
        ]
        for doubt in doubtful:
            with pytest.raises(UncertainError):
                await doubt
        refused: list[Awaitable[Any]] = [
            log.trim(1),
            snapshots.save_run("r", b"two"),
            snapshots.save_run("r", b"after a torn one"),
            snapshots.save_closed(0, b"c"),
            snapshots.mark(1, 1),
            snapshots.forget_runs(["r"]),
        ]
        for refusal in refused:
            with pytest.raises(UnavailableError):
                await refusal

    play(tmp_path, test)


def test_saves_that_fail_half_way_leave_the_older_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(world: World) -> None:
        snapshots = JetStreamSnapshots(world.connection, 0)
        whole = b"w" * (2 * PART_BYTES_MAX)
        await snapshots.save_run("r", whole)
        await snapshots.mark(1, 1)
        store = JetStreamSnapshots._store

        async def store_the_first(
            self: Any, subject: str, data: bytes, headers: Any = None
        ) -> None:
            await store(self, subject, data, headers)
            if subject.endswith(".1"):
                raise UnavailableError("not acknowledged")

        with monkeypatch.context() as patched:
            patched.setattr(JetStreamSnapshots, "_store", store_the_first)
            for size in (3, 4, 3):
                with pytest.raises(UnavailableError):
                    await snapshots.save_run("r", b"n" * size * PART_BYTES_MAX)
                found = await world.snapshots().load()
                assert found is not None
                assert found.runs == {"r": whole}
        await snapshots.save_run("r", b"newest")
        found = await world.snapshots().load()
        assert found is not None
        assert found.runs == {"r": b"newest"}
        await snapshots.forget_runs(["r"])
        found = await world.snapshots().load()
        assert found is not None
        assert found.runs == {}

    play(tmp_path, test)
