"""The worker in conversation with an engine: results, epochs, beats, cancellation, the end."""

import asyncio
import threading
from typing import Any

import msgspec
import pytest

from dagnats import task
from dagnats.errors import RefusedError
from dagnats.testing.memory import MemoryNetwork
from dagnats.wire import subjects
from dagnats.wire.tasks import MESSAGE_BYTES_MAX, TASKS_PER_MESSAGE_MAX, Welcome
from dagnats.worker import registry as registering
from dagnats.worker import seats
from dagnats.worker import worker as working
from dagnats.worker.context import Context
from dagnats.worker.worker import Worker
from tests.worker.playing import MemoryLink, a_task, error_of, held, play, playing, until


class Gate:
    """Handlers that wait until they are let go, and a record of them."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.began: list[str] = []
        self.cancelled: list[str] = []
        self.running = 0
        self.most = 0
        self.lock = threading.Lock()
        task("plain")(self.plain)
        task("async")(self.awaited)

    def plain(self, value: Any, ctx: Context) -> Any:
        with self.lock:
            self.began.append(ctx.run_id)
            self.running += 1
            self.most = max(self.most, self.running)
        self.open.wait(10)
        if ctx.cancelled.is_set():
            self.cancelled.append(ctx.run_id)
        with self.lock:
            self.running -= 1
        return value

    async def awaited(self, value: Any, ctx: Context) -> Any:
        self.began.append(ctx.run_id)
        try:
            while not self.open.is_set():
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            assert ctx.cancelled.is_set()
            self.cancelled.append(ctx.run_id)
            raise
        return value


@pytest.fixture
def gate() -> Any:
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is repeated is repeated soon."""
    monkeypatch.setattr(seats, "RESEND_S", 0.04)
    monkeypatch.setattr(seats, "SILENCE_S", 0.05)


def tasks_of(name: str, count: int, first: int = 0) -> list[Any]:
    return [a_task(name, n, run_id=f"r{n}") for n in range(first, first + count)]


def test_it_announces_what_it_can(gate: Gate) -> None:
    async def test() -> None:
        async with playing(concurrency=7) as world:
            (hello,) = world.engine.hellos
            assert (hello.tasks, hello.concurrency, hello.held) == (["async", "plain"], 7, [])
            await until(lambda: bool(world.said))
            worker_id = world.worker.worker_id
            assert world.said == [f"worker {worker_id} does async, plain at memory"]

    play(test)


def test_an_unknown_task_is_given_to_another() -> None:
    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("nobody"))
            error = error_of((await world.engine.done())[0])
            assert (error.code, error.retryable) == ("no_handler", True)
            assert error.message == "this worker has no handler for `nobody`"

    play(test)


@pytest.mark.parametrize("inline", [True, False])
def test_what_finishes_together_leaves_together(inline: bool) -> None:
    task("echo", inline=inline)(lambda value: value)

    async def test() -> None:
        async with playing(concurrency=2_000) as world:
            await world.give(*tasks_of("echo", 1_200))
            results = await world.engine.done(1_200)
            assert sorted(result.output for result in results) == list(range(1_200))
            sizes = [len(message.results) for message in world.engine.messages]
            assert max(sizes) <= TASKS_PER_MESSAGE_MAX
            if inline:
                assert sizes == [500, 500, 200]

    play(test)


def test_large_results_leave_in_messages_that_fit() -> None:
    task("large", inline=True)(lambda value: "x" * value)

    async def test() -> None:
        async with playing() as world:
            sizes: list[int] = []

            async def on_results(payload: bytes, _reply: str) -> None:
                sizes.append(len(payload))

            world.engine.network.listen(subjects.engine(0, "results"), on_results)
            await world.give(
                *[a_task("large", 400_000, run_id=f"r{n}") for n in range(5)],
                a_task("large", 999_998, run_id="largest"),
            )
            await world.engine.done(6)
            assert len(sizes) == 4
            assert max(sizes) <= MESSAGE_BYTES_MAX + 1_000

    play(test)


@pytest.mark.slow
def test_results_are_repeated_until_they_are_accepted(hasty: None) -> None:
    task("echo")(lambda value: value)

    async def test() -> None:
        async with playing(accepting=False) as world:
            await world.give(a_task("echo", 1))
            results = await world.engine.done(3)
            assert len(set(map(held, results))) == 1
            assert len(world.seat().sending.finished) == 1
            world.engine.accepting = True
            await until(lambda: not world.seat().sending.finished)
            count = len(world.engine.results)
            await asyncio.sleep(0.1)
            assert len(world.engine.results) == count

    play(test)


@pytest.mark.slow
def test_a_delivery_of_what_is_done_is_answered_from_memory(gate: Gate) -> None:
    gate.open.set()

    async def test() -> None:
        async with playing(accepting=False) as world:
            await world.give(a_task("plain", 1))
            await world.engine.done(1)
            await world.give(a_task("plain", 1, delivery=2))
            await world.engine.done(2)
            assert gate.began == ["r1"]
            world.engine.accepting = True

    play(test)


@pytest.mark.parametrize("name", ["plain", "async"])
def test_a_delivery_of_what_runs_is_not_run_twice(gate: Gate, name: str) -> None:
    async def test() -> None:
        async with playing() as world:
            await world.give(a_task(name, 1), a_task(name, 1))
            await world.give(a_task(name, 1, delivery=2))
            await until(lambda: bool(gate.began))
            gate.open.set()
            await world.engine.done()
            assert gate.began == ["r1"]
            # Another attempt, iteration or life of the run is another matter.
            others: list[dict[str, Any]] = [{"attempt": 2}, {"iteration": 1}, {"life": 2}]
            await world.give(*[a_task(name, 1, **other) for other in others])
            results = await world.engine.done(4)
            assert len(gate.began) == 4
            assert sorted(result.life for result in results) == [1, 1, 1, 2]

    play(test)


@pytest.mark.slow
def test_an_older_epoch_is_dropped(gate: Gate) -> None:
    gate.open.set()

    async def test() -> None:
        async with playing(epoch=5) as world:
            await world.give(a_task("plain", run_id="old"), epoch=4)
            await world.give(a_task("plain", run_id="new"), epoch=6)
            await world.give(a_task("plain", run_id="late"), epoch=5)
            await world.engine.done(1)
            world.engine.epoch = 6
            assert gate.began == ["new"]

    play(test)


def test_the_number_of_threads_is_the_concurrency(gate: Gate) -> None:
    async def test() -> None:
        async with playing(concurrency=3) as world:
            await world.give(*tasks_of("plain", 9))
            await until(lambda: len(gate.began) == 3)
            gate.open.set()
            await world.engine.done(9)
            assert gate.most <= 3

    play(test)


@pytest.mark.parametrize("name", ["plain", "async"])
def test_cancellation_reaches_the_handler(gate: Gate, name: str) -> None:
    async def test() -> None:
        async with playing() as world:
            one = a_task(name)
            await world.give(one)
            await until(lambda: gate.began == ["r1"])
            await world.cancel(one)
            if name == "plain":
                gate.open.set()
            await until(lambda: gate.cancelled == ["r1"])
            await until(lambda: world.worker.stuck == 0)
        assert world.engine.results == []

    play(test)


def test_what_is_cancelled_before_it_began_never_begins(gate: Gate) -> None:
    async def test() -> None:
        async with playing(concurrency=1) as world:
            first, second, third = tasks_of("plain", 3)
            await world.give(first, second, third)
            await until(lambda: gate.began == ["r0"])
            await world.cancel(second)
            gate.open.set()
            await world.engine.done(2)
            assert gate.began == ["r0", "r2"]

    play(test)


def test_a_cancelled_thread_takes_room_and_delays_nobody(gate: Gate, hasty: None) -> None:
    async def test() -> None:
        async with playing(concurrency=3) as world:
            one, two, three, four = tasks_of("plain", 4)
            await world.give(one, two)
            await until(lambda: len(gate.began) == 2)
            await world.cancel(one)
            await until(lambda: world.engine.hellos[-1].concurrency == 2)
            assert world.engine.hellos[-1].held == [held(two)]
            # What is given by then starts at once: a thread has been added for the stuck one.
            await world.give(three, four)
            await until(lambda: len(gate.began) == 4)
            gate.open.set()
            await world.engine.done(3)
            await until(lambda: world.engine.hellos[-1].concurrency == 3)
            assert gate.cancelled == ["r0"]
            assert world.said[1:] == [
                "1 cancelled tasks do not stop: doing 2 at once until then",
                "what was cancelled has ended: doing 3 tasks at once again",
            ]

    play(test)


def test_a_worker_full_of_cancelled_threads_takes_nothing(gate: Gate, hasty: None) -> None:
    async def test() -> None:
        async with playing(concurrency=2) as world:
            stuck = tasks_of("plain", 2)
            await world.give(*stuck)
            await until(lambda: len(gate.began) == 2)
            for one in stuck:
                await world.cancel(one)
            await until(lambda: len(world.engine.byes) == 1)
            # The engine, which knows it no longer, asks; it is not welcomed for that.
            await world.engine.say(world.worker.worker_id, hello=True)
            await until(lambda: len(world.engine.byes) == 2)
            assert len(world.engine.hellos) == 1
            gate.open.set()
            await until(lambda: len(world.engine.hellos) == 2)
            assert world.engine.hellos[-1].concurrency == 2

    play(test)


def test_an_async_handler_that_will_not_stop_takes_room(hasty: None) -> None:
    let_go, began = threading.Event(), threading.Event()

    @task("stubborn")
    async def stubborn(value: Any) -> None:
        began.set()
        while not let_go.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    async def test() -> None:
        async with playing(concurrency=2) as world:
            one = a_task("stubborn")
            await world.give(one)
            await until(began.is_set)
            await world.cancel(one)
            await until(lambda: world.engine.hellos[-1].concurrency == 1)
            assert world.worker.stuck == 1
            let_go.set()
            await until(lambda: world.engine.hellos[-1].concurrency == 2)
        assert world.engine.results == []

    play(test)


def test_beats_name_what_is_held(gate: Gate, hasty: None) -> None:
    async def test() -> None:
        async with playing(accepting=False, lease_ms=90) as world:
            first, second = a_task("plain", run_id="r1"), a_task("async", run_id="r2", iteration=2)
            await world.give(first, second)
            both = [held(first), held(second)]
            await until(lambda: bool(world.engine.beats) and world.engine.beats[-1].held == both)
            gate.open.set()
            await world.engine.done(2)
            # A result is held until it is accepted.
            world.engine.beats.clear()
            await until(lambda: bool(world.engine.beats))
            assert sorted(world.engine.beats[-1].held, key=str) == sorted(both, key=str)
            world.engine.accepting = True
            await until(lambda: world.engine.beats[-1].held == [])

    play(test)


def test_beats_and_hellos_fit_in_messages(gate: Gate, hasty: None) -> None:
    count = 2 * TASKS_PER_MESSAGE_MAX + 1

    async def test() -> None:
        async with playing(concurrency=10_000, lease_ms=90) as world:
            await world.give(*tasks_of("async", count))
            await until(lambda: len(world.engine.beats) >= 6)
            world.engine.beats.clear()
            await until(lambda: len(world.engine.beats) >= 3)
            begin = next(i for i, b in enumerate(world.engine.beats) if len(b.held) == 1) + 1
            await until(lambda: len(world.engine.beats) >= begin + 3)
            parts = [beat.held for beat in world.engine.beats[begin : begin + 3]]
            assert [len(part) for part in parts] == [500, 500, 1]
            assert len({one.run_id for part in parts for one in part}) == count
            # A hello names as many, and beats the rest right after it.
            world.engine.beats.clear()
            await world.engine.say(world.worker.worker_id, hello=True)
            await until(lambda: len(world.engine.hellos) == 2 and len(world.engine.beats) >= 2)
            named = [world.engine.hellos[1].held, *(beat.held for beat in world.engine.beats)]
            assert len({one.run_id for part in named for one in part}) == count
            gate.open.set()

    play(test)


def test_an_engine_that_asks_hears_hello_with_what_is_held(gate: Gate) -> None:
    async def test() -> None:
        async with playing() as world:
            one = a_task("async")
            await world.give(one)
            await world.engine.say(world.worker.worker_id, hello=True)
            await until(lambda: len(world.engine.hellos) == 2)
            assert world.engine.hellos[1].held == [held(one)]
            gate.open.set()

    play(test)


@pytest.mark.slow
def test_stopping_finishes_what_runs_and_what_was_on_its_way(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "SETTLE_S", 0.2)

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("plain", 1))
            await until(lambda: gate.began == ["r1"])
            world.stop.set()
            await until(lambda: len(world.engine.byes) == 1)
            # Sent before the engine heard of it. That it goes on sending deserves a second word.
            await world.give(a_task("plain", 2, run_id="r2"))
            await until(lambda: len(world.engine.byes) == 2)
            # Whoever says goodbye does not say hello.
            await world.engine.say(world.worker.worker_id, hello=True)
            gate.open.set()
            async with asyncio.timeout(5):
                await world.serving
            assert sorted(result.output for result in world.engine.results) == [1, 2]
            assert len(world.engine.hellos) == 1
            assert world.said[1:] == ["stopping: waiting for 1 running tasks"]
            assert world.link.closed

    play(test)


@pytest.mark.parametrize("name", ["plain", "async"])
def test_after_the_grace_it_leaves(gate: Gate, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(working, "GRACE_S", 0.1)

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task(name))
            await until(lambda: gate.began == ["r1"])
            await world.end()
            assert world.said[-1] == "leaving 1 tasks unfinished: they will be done again"
            assert world.engine.results == []
            assert world.worker.stuck == (name == "plain")
            assert not world.seat().running
            gate.open.set()

    play(test)


def test_results_that_nobody_accepts_do_not_keep_it(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "ACCEPT_S", 0.1)
    gate.open.set()

    async def test() -> None:
        async with playing(accepting=False) as world:
            await world.give(a_task("plain"))
            await world.engine.done()
            await world.end()

    play(test)


@pytest.mark.slow
def test_waiting_for_an_engine_is_told_once(gate: Gate, hasty: None) -> None:
    async def test() -> None:
        said: list[str] = []
        network, stop = MemoryNetwork(), asyncio.Event()
        worker = Worker(dict(registering._registry), say=said.append)
        serving = asyncio.ensure_future(worker.serve(MemoryLink(network), stop, "nats://x:4222"))
        await until(lambda: bool(said))
        await asyncio.sleep(0.3)
        assert said == ["no engine answers yet at nats://x:4222; waiting"]

        async def on_hello(payload: bytes, reply: str) -> None:
            await network.send(reply, msgspec.json.encode(Welcome(0, 1, 10_000)))

        network.listen(subjects.HELLO, on_hello)
        await until(lambda: len(said) == 2)
        assert said[1] == f"worker {worker.worker_id} does async, plain at nats://x:4222"
        stop.set()
        await serving

    play(test)


def test_nobody_waits_for_an_engine_that_never_came(gate: Gate) -> None:
    async def test() -> None:
        stop = asyncio.Event()
        worker = Worker(dict(registering._registry), say=lambda _: None)
        serving = asyncio.ensure_future(worker.serve(MemoryLink(MemoryNetwork()), stop, "x"))
        await asyncio.sleep(0.05)
        stop.set()
        async with asyncio.timeout(2):
            await serving

    play(test)


def test_a_refusal_ends_it(gate: Gate) -> None:
    async def test() -> None:
        network = MemoryNetwork()

        async def on_hello(payload: bytes, reply: str) -> None:
            await network.send(reply, msgspec.json.encode(Welcome(0, 1, 10_000, "malformed")))

        network.listen(subjects.HELLO, on_hello)
        worker = Worker(dict(registering._registry), say=lambda _: None)
        with pytest.raises(RefusedError, match="the engine refuses us: malformed"):
            async with asyncio.timeout(2):
                await worker.serve(MemoryLink(network), asyncio.Event(), "x")

    play(test)


@pytest.mark.slow
def test_after_a_break_everything_is_said_again(gate: Gate) -> None:
    async def test() -> None:
        async with playing(accepting=False) as world:
            gate.open.set()
            await world.give(a_task("plain"))
            await world.engine.done()
            await world.worker._on_disconnect()
            await world.worker._on_reconnect()
            await world.engine.done(2)
            assert world.engine.hellos[1].held == [held(a_task("plain"))]
            assert world.said[1:] == [
                "the connection is lost; reconnecting, what is running goes on",
                "connected again",
            ]
            world.engine.accepting = True

    play(test)
