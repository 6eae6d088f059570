"""What keeps large values, and what forgets old runs: the same promises of all implementations."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dagnats.claims import claim
from dagnats.jetstream.payloads import PART_BYTES_MAX, JetStreamPayloads
from dagnats.ports import Payloads
from dagnats.testing.payloads import MemoryPayloads
from dagnats.wire import subjects
from tests.ports.worlds import World, event, jetstream, memory, settled, simulated

Test = Callable[[World], Awaitable[None]]
Play = Callable[[Test], None]

LARGE = b'"' + b"x" * (2 * PART_BYTES_MAX) + b'"'


@pytest.fixture(
    params=[pytest.param(jetstream, marks=pytest.mark.slow), memory, simulated],
    ids=["jetstream", "memory", "simulated"],
)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Run an async test in a world."""

    def run(test: Test) -> None:
        async def main() -> None:
            async with request.param(tmp_path) as world:
                await test(world)

        asyncio.run(main())

    return run


def payloads_of(world: World) -> Payloads:
    return MemoryPayloads() if world.connection is None else JetStreamPayloads(world.connection)


def test_a_value_is_found_by_run_and_hash(play: Play) -> None:
    async def test(world: World) -> None:
        payloads = payloads_of(world)
        made = await payloads.put("r1", LARGE)
        assert made == claim("r1", LARGE)
        assert await payloads.put("r1", LARGE) == made
        assert await payloads.get(made) == LARGE
        assert await payloads.get(claim("r2", LARGE)) is None
        assert await payloads.get(claim("r1", b"{}")) is None
        await payloads.put("r1", b"{}")
        await payloads.put("r10", b"{}")
        await payloads.forget("r1")
        assert await payloads.get(made) is None
        assert await payloads.get(claim("r10", b"{}")) == b"{}"
        await payloads.forget("r1")

    play(test)


@pytest.mark.slow
def test_duplicates_share_their_parts_and_what_was_cut_short_is_finished(tmp_path: Path) -> None:
    async def main() -> None:
        async with jetstream(tmp_path) as world:
            payloads = JetStreamPayloads(world.connection)
            made = claim("r1", LARGE)
            first = subjects.payload("r1", made.sha256, 0)
            await world.connection.request(first, LARGE[:PART_BYTES_MAX])
            assert await payloads.get(made) is None
            for _ in range(3):
                await payloads.put("r1", LARGE)
            assert await payloads.get(made) == LARGE
            js = world.connection.jetstream()
            state = (await js.stream_info(subjects.PAYLOAD_STREAM)).state
            assert state.messages == 3
            await world.connection.request(first, b"damaged")
            assert await payloads.get(made) is None

    asyncio.run(main())


def test_history_is_read_from_a_position_on_and_runs_are_forgotten(play: Play) -> None:
    async def test(world: World) -> None:
        feed = world.feed()
        runs = ["a", "b", "a", "_partition"]
        await feed.publish(runs, [event(at, run) for at, run in enumerate(runs)])
        await settled(feed, 3)
        found = [one async for one in feed.scan(0)]
        assert [line for _, line in found] == [event(at, run) for at, run in enumerate(runs)]
        assert await feed.first_event("a") == event(0, "a")
        await feed.forget_run("a", found[0][0])
        await feed.forget_run("a", found[0][0])
        await feed.forget_run("nobody", found[3][0])
        assert await feed.first_event("a") == event(2, "a")
        await feed.forget_run("a", found[2][0])
        assert await feed.first_event("a") is None
        assert await feed.last_event("a") is None
        assert await feed.last_offset() == 3
        again = [one async for one in feed.scan(found[0][0])]
        assert again == [found[1], found[3]]

    play(test)
