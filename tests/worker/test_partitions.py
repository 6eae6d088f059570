"""A worker of an installation with several partitions, each with an engine that a test plays."""

import asyncio
import threading
from typing import Any

import pytest

from dagnats import task
from dagnats.wire import subjects
from dagnats.wire.api import ApiError
from dagnats.wire.tasks import Task
from dagnats.worker import seats
from dagnats.worker.context import AsyncContext, Context
from dagnats.worker.seats import share
from tests.worker.playing import FakeEngine, Playing, a_task, error_of, held, play, playing, until

SHARES = [
    (10, 1, [10]),
    (0, 1, [0]),
    (8, 4, [2, 2, 2, 2]),
    (10, 4, [2, 2, 3, 3]),
    (4, 4, [1, 1, 1, 1]),
    (2, 4, [1, 1, 1, 1]),
    (0, 4, [0, 0, 0, 0]),
    (-1, 2, [0, 0]),
]


@pytest.mark.parametrize(("room", "partitions", "shares"), SHARES)
@pytest.mark.parametrize("first", [0, 1, 4_000_000_007])
def test_shares_are_as_even_as_they_can_be(
    room: int, partitions: int, shares: list[int], first: int
) -> None:
    given = [share(room, first + number, partitions) for number in range(partitions)]
    assert sorted(given) == shares


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is repeated is repeated soon."""
    monkeypatch.setattr(seats, "RESEND_S", 0.04)
    monkeypatch.setattr(seats, "SILENCE_S", 0.05)
    monkeypatch.setattr(seats, "HELLO_PAUSE_S", 0.01)


def of(partition: int, name: str = "it", **words: Any) -> Task:
    """A delivery of a run that is at home in a partition."""
    return a_task(name, partition, run_id=words.pop("run_id", f"run-{partition}"), **words)


async def say(world: Playing, engine: FakeEngine, **words: Any) -> None:
    await engine.say(world.worker.worker_id, **words)


async def give(world: Playing, engine: FakeEngine, *given: Task, **words: Any) -> None:
    await say(world, engine, tasks=list(given), **words)


class Waiting:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.running: set[str] = set()
        self.most = 0
        task("it")(self.handle)

    async def handle(self, value: Any, ctx: AsyncContext) -> Any:
        self.running.add(ctx.run_id)
        self.most = max(self.most, len(self.running))
        try:
            await self.open.wait()
        finally:
            self.running.discard(ctx.run_id)
        return value


@pytest.mark.parametrize("concurrency", [2, 3, 10])
def test_each_partition_hears_its_share(concurrency: int) -> None:
    task("it")(lambda value: value)

    async def test() -> None:
        async with playing(concurrency, partitions=3) as world:
            said = [[one.concurrency for one in engine.hellos] for engine in world.engines]
            assert all(len(hellos) == 1 for hellos in said)
            rooms = [room for (room,) in said]
            assert sum(rooms) == max(concurrency, 3)
            assert max(rooms) - min(rooms) <= 1
            assert {one.tasks[0] for engine in world.engines for one in engine.hellos} == {"it"}
            # What everybody heard was for finding out how many there are.
            assert [len(engine.rooms) for engine in world.engines] == [1, 1, 1]
            await until(lambda: bool(world.said))
            assert len(world.said) == 1

    play(test)


def test_what_is_of_a_partition_goes_to_it(hasty: None) -> None:
    async def test() -> None:
        waiting = Waiting()
        async with playing(6, partitions=3, accepting=False, lease_ms=90) as world:
            first, second, _ = world.engines
            await give(world, first, of(0), of(0, run_id="other"))
            await give(world, second, of(1))
            await until(lambda: len(waiting.running) == 3)
            for engine in world.engines:
                engine.beats.clear()
            await until(lambda: all(len(engine.beats) > 1 for engine in world.engines))
            beaten = [[one.run_id for one in engine.beats[-1].held] for engine in world.engines]
            assert beaten == [["run-0", "other"], ["run-1"], []]
            # Who asks hears what is held for it, and the others hear nothing of that.
            await say(world, second, hello=True)
            await until(lambda: len(second.hellos) == 2)
            assert second.hellos[1].held == [held(of(1))]
            assert [len(engine.hellos) for engine in world.engines] == [1, 2, 1]
            waiting.open.set()
            await second.done()
            await first.done(2)
            assert {result.output for result in first.results} == {0}
            assert {result.output for result in second.results} == {1}
            # Each is repeated to its own, until that has accepted it.
            first.accepting = True
            count = len(second.results)
            await until(lambda: not world.seat(0).sending.finished)
            await second.done(count + 1)
            assert {result.output for result in second.results} == {1}
            second.accepting = True
            assert not world.engines[2].results

    play(test)


@pytest.mark.parametrize("is_async", [True, False])
def test_checkpoints_and_heartbeats_go_to_whom_the_task_is_from(is_async: bool) -> None:
    @task("async")
    async def awaited(value: Any, ctx: AsyncContext) -> Any:
        ctx.heartbeat()
        await ctx.save_checkpoint(value)
        return await ctx.checkpoint()

    @task("plain")
    def plain(value: Any, ctx: Context) -> Any:
        ctx.heartbeat()
        ctx.save_checkpoint(value)
        return ctx.checkpoint()

    async def test() -> None:
        async with playing(partitions=2) as world:
            one, other = world.engines
            name = "async" if is_async else "plain"
            await give(world, one, of(0, name))
            await give(world, other, of(1, name))
            assert (await one.done())[0].output == 0
            assert (await other.done())[0].output == 1
            assert list(one.checkpoints) == [("run-0", "s")]
            assert list(other.checkpoints) == [("run-1", "s")]
            await until(lambda: bool(one.beats and other.beats))
            assert other.beats[0].held == [held(of(1, name))]
            one.refusal = ApiError("conflict", "this attempt is over")
            await give(world, one, of(0, name, attempt=2))
            error = error_of((await one.done(2))[1])
            assert (error.code, error.retryable) == ("checkpoint_refused", True)

    play(test)


def test_epochs_count_per_partition() -> None:
    task("it")(lambda value: value)

    async def test() -> None:
        async with playing(partitions=2) as world:
            one, other = world.engines
            await give(world, one, of(0), epoch=7)
            await give(world, other, of(1), epoch=2)
            await give(world, one, of(0, run_id="old"), epoch=6)
            await give(world, other, of(1, run_id="new"), epoch=3)
            await give(world, other, of(1, run_id="old"), epoch=2)
            await give(world, one, of(0, run_id="new"), epoch=7)
            one.epoch, other.epoch = 7, 3
            assert [one.run_id for one in await one.done(2)] == ["run-0", "new"]
            assert [one.run_id for one in await other.done(2)] == ["run-1", "new"]
            assert (world.seat(0).epoch, world.seat(1).epoch) == (7, 3)

    play(test)


def test_a_partition_moves_to_another_engine(hasty: None) -> None:
    """The old engine dies with a result that it has not stored, and a task under way."""

    async def test() -> None:
        waiting = Waiting()
        task("quick", inline=True)(lambda value: value)
        async with playing(4, partitions=2, lease_ms=90) as world:
            one, old = world.engines
            old.accepting = False
            await give(world, old, of(1), of(1, "quick", run_id="done"))
            await old.done()
            await until(lambda: waiting.running == {"run-1"})
            old.alive = False
            # The other partition goes on meanwhile.
            await give(world, one, of(0, "quick"))
            await one.done()
            new = FakeEngine(one.network, 1, 2)
            new.epoch = 2
            await until(lambda: bool(new.beats), "a beat that the new engine does not know")
            await say(world, new, hello=True)
            await until(lambda: bool(new.hellos))
            assert new.hellos[0].concurrency == 2
            named = {one.run_id for one in new.hellos[0].held}
            assert "run-1" in named
            assert named <= {"run-1", "done"}
            assert (await new.done())[0].run_id == "done"
            # What the old one still says is dropped.
            await say(world, old, cancel=[held(of(1))])
            assert waiting.running == {"run-1"}
            waiting.open.set()
            assert {one.run_id for one in await new.done(2)} == {"done", "run-1"}
            await until(lambda: not world.seat(1).sending.finished)
            assert len(one.hellos) == 1

    play(test)


@pytest.mark.slow
def test_a_partition_without_an_engine_holds_nobody_up(hasty: None) -> None:
    task("it")(lambda value: value)

    async def test() -> None:
        async with playing(4, partitions=3, dead=[1]) as world:
            await give(world, world.engines[2], of(2))
            await world.engines[2].done()
            await until(lambda: len(world.said) == 2)
            assert world.said[1] == "partition 1 does not answer yet at memory; waiting"
            assert (world.engines[0].hellos, world.engines[1].hellos)[1] == []
            await asyncio.sleep(0.15)
            assert len(world.said) == 2, "told once"
            world.engines[1].alive = True
            await until(lambda: world.seat(1).announced is not None)
            assert world.said[2:] == ["partition 1 answers"]
            await give(world, world.engines[1], of(1))
            await world.engines[1].done()
            rooms = [engine.hellos[-1].concurrency for engine in world.engines]
            assert sum(rooms) == 4

    play(test)


def test_it_leaves_every_partition(hasty: None) -> None:
    async def test() -> None:
        waiting = Waiting()
        async with playing(4, partitions=3, dead=[2]) as world:
            for engine in world.engines[:2]:
                await give(world, engine, of(engine.partition))
            await until(lambda: len(waiting.running) == 2)
            world.stop.set()
            await until(lambda: all(len(engine.byes) == 1 for engine in world.engines[:2]))
            # The third comes now: nobody says hello to it, and it is not waited for.
            world.engines[2].alive = True
            for engine in world.engines:
                await say(world, engine, hello=True)
            waiting.open.set()
            async with asyncio.timeout(5):
                await world.serving
            assert [len(engine.results) for engine in world.engines] == [1, 1, 0]
            assert [len(engine.hellos) for engine in world.engines] == [1, 1, 0]
            assert "stopping: waiting for 2 running tasks" in world.said

    play(test)


def test_more_partitions_than_tasks_at_once() -> None:
    """One task of each runs, in threads too: none waits behind that of another partition."""
    gate, lock = threading.Event(), threading.Lock()
    began: list[str] = []

    @task("it")
    def plain(value: Any, ctx: Context) -> None:
        with lock:
            began.append(ctx.run_id)
        gate.wait(10)

    async def test() -> None:
        async with playing(1, partitions=3) as world:
            try:
                for engine in world.engines:
                    await give(world, engine, of(engine.partition))
                await until(lambda: len(began) == 3)
            finally:
                gate.set()
            for engine in world.engines:
                await engine.done()

    play(test)


def test_cancelled_threads_take_room_from_all(hasty: None) -> None:
    gate = threading.Event()
    began: list[str] = []

    @task("it")
    def plain(value: Any, ctx: Context) -> None:
        began.append(ctx.run_id)
        gate.wait(10)

    async def test() -> None:
        async with playing(4, partitions=2) as world:
            one, other = world.engines
            try:
                for number in range(4):
                    await give(world, one, of(0, run_id=f"r{number}"))
                await until(lambda: len(began) == 4)
                stuck = [held(of(0, run_id=f"r{number}")) for number in range(2)]
                await say(world, one, cancel=stuck)
                await until(lambda: other.hellos[-1].concurrency == 1)
                await until(lambda: one.hellos[-1].concurrency == 1)
                assert len(one.hellos[-1].held) == 2
                more = [held(of(0, run_id=f"r{number}")) for number in range(2, 4)]
                await say(world, one, cancel=more)
                await until(lambda: bool(one.byes and other.byes))
            finally:
                gate.set()
            await until(lambda: [e.hellos[-1].concurrency for e in world.engines] == [2, 2])
            assert world.said[-1] == "what was cancelled has ended: doing 4 tasks at once again"

    play(test)


def test_who_gives_too_much_is_told_again() -> None:
    """An engine may hear the first hello, that was for everybody, after the one for itself."""

    async def test() -> None:
        waiting = Waiting()
        async with playing(4, partitions=2) as world:
            one, other = world.engines
            await give(world, one, of(0, run_id="a"), of(0, run_id="b"))
            await until(lambda: len(waiting.running) == 2)
            assert len(one.hellos) == 1
            await give(world, one, of(0, run_id="c"))
            await until(lambda: len(one.hellos) == 2)
            assert one.hellos[1].concurrency == 2
            assert len(one.hellos[1].held) == 3
            assert len(other.hellos) == 1
            waiting.open.set()
            await one.done(3)

    play(test)


def test_a_new_connection_says_hello_everywhere() -> None:
    async def test() -> None:
        waiting = Waiting()
        async with playing(4, partitions=2, dead=[1]) as world:
            await give(world, world.engine, of(0))
            await until(lambda: bool(waiting.running))
            await world.worker._on_disconnect()
            await world.worker._on_reconnect()
            world.engines[1].alive = True
            await until(lambda: len(world.engine.hellos) == 2 and bool(world.engines[1].hellos))
            assert world.engine.hellos[1].held == [held(of(0))]
            assert len(world.engines[1].hellos) == 1
            waiting.open.set()
            await world.engine.done()

    play(test)


def test_with_one_partition_everything_is_said_to_everybody() -> None:
    """The subject of one partition is not used: an installation of one never needs it."""
    task("it")(lambda value: value)

    async def test() -> None:
        async with playing() as world:
            asked: list[bytes] = []

            async def on_hello(payload: bytes, _reply: str) -> None:
                asked.append(payload)

            world.engine.network.listen(subjects.engine(0, "hello"), on_hello)
            await world.engine.say(world.worker.worker_id, hello=True)
            await until(lambda: len(world.engine.hellos) == 2)
            assert asked == []

    play(test)
