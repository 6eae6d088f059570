"""The loop on virtual time: nobody waits, all comes in its order, and a dead end is told."""

import asyncio
import time

import pytest

from dagnats.testing import virtual


def test_time_jumps_and_nobody_waits() -> None:
    async def main() -> list[tuple[str, float]]:
        said: list[tuple[str, float]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            said.append((name, asyncio.get_running_loop().time()))

        await asyncio.gather(sleeper("year", 31_536_000), sleeper("second", 1), sleeper("now", 0))
        return said

    began = time.monotonic()
    assert virtual.run(main()) == [("now", 0), ("second", 1), ("year", 31_536_000)]
    assert time.monotonic() - began < 1


def test_timers_of_the_same_time_go_in_the_order_of_their_making() -> None:
    async def main() -> list[int]:
        loop, said = asyncio.get_running_loop(), list[int]()
        for number in range(50):
            loop.call_at(1.0, said.append, number)
        await asyncio.sleep(2)
        return said

    assert virtual.run(main()) == list(range(50))


def test_a_timeout_comes_when_its_time_does() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert virtual.run(main()) == 7


def test_waiting_for_what_cannot_come_is_told() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(virtual.DeadlockError):
        virtual.run(main())


def test_what_is_left_over_is_dropped() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(1_000_000)
        finally:
            ended.append("cleaned up")

    async def main() -> asyncio.Task[None]:
        task = asyncio.ensure_future(forever())
        await asyncio.sleep(0)
        return task

    assert virtual.run(main()).cancelled()
    assert ended == ["cleaned up"]
