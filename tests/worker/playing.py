"""A real worker on the in-memory network, and engines that do what a test says."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import msgspec

from dagnats.testing.memory import MemoryNetwork
from dagnats.testing.payloads import MemoryPayloads
from dagnats.wire import subjects
from dagnats.wire.api import ApiError
from dagnats.wire.tasks import (
    Beat,
    Bye,
    Checkpoint,
    Checkpointed,
    Deliver,
    Held,
    Hello,
    Result,
    Results,
    Task,
    TaskError,
    Welcome,
)
from dagnats.worker import registry as registering
from dagnats.worker.context import AsyncContext, Context
from dagnats.worker.execution import run_async, run_plain
from dagnats.worker.registry import task
from dagnats.worker.seats import Seat
from dagnats.worker.worker import Worker

WAIT_S = 10.0
LEASE_MS = 10_000


class MemoryLink:
    """`worker.sending.Connection` on the in-memory network."""

    def __init__(self, network: MemoryNetwork) -> None:
        self.network = network
        self.closed = False

    async def subscribe(self, subject: str, hear: Callable[[bytes], Awaitable[None]]) -> None:
        async def handle(payload: bytes, _reply: str) -> None:
            if not self.closed:
                await hear(payload)

        self.network.listen(subject, handle)

    async def publish(self, subject: str, payload: bytes) -> bool:
        await self.network.send(subject, payload)
        return True

    async def request(self, subject: str, payload: bytes, wait_s: float) -> bytes | None:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def on_answer(payload: bytes, _reply: str) -> None:
            if not answer.done():
                answer.set_result(payload)

        inbox = self.network.inbox()
        self.network.listen(inbox, on_answer)
        await self.network.send(subject, payload, inbox)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(wait_s, 0.05)):
                return await answer
        return None

    async def close(self) -> None:
        self.closed = True


class FakeEngine:
    """Welcomes workers and writes down what they say; accepts results when `accepting`.

    `rooms` has what was announced to everybody, `hellos` what was said to this one.
    """

    def __init__(self, network: MemoryNetwork, partition: int = 0, partitions: int = 1) -> None:
        self.network = network
        self.partition = partition
        self.partitions = partitions
        self.alive = True
        self.rooms: list[Hello] = []
        self.epoch = 1
        self.lease_ms = LEASE_MS
        self.accepting = True
        self.hellos: list[Hello] = []
        self.messages: list[Results] = []
        self.beats: list[Beat] = []
        self.byes: list[Bye] = []
        self.asked: list[Checkpoint] = []
        self.checkpoints: dict[tuple[str, str], Any] = {}
        self.refusal: ApiError | None = None
        self.answering = True
        self._listen(subjects.HELLO, self._hello if partitions == 1 else self._asked)
        for operation, hear in [
            ("hello", self._hello),
            ("results", self._results),
            ("beat", self._beat),
            ("bye", self._bye),
            ("checkpoint", self._checkpoint),
        ]:
            self._listen(subjects.engine(partition, operation), hear)

    def _listen(self, subject: str, hear: Callable[[bytes, str], Awaitable[None]]) -> None:
        async def hear_alive(payload: bytes, reply: str) -> None:
            if self.alive:
                await hear(payload, reply)

        self.network.listen(subject, hear_alive)

    @property
    def results(self) -> list[Result]:
        return [result for message in self.messages for result in message.results]

    async def _hello(self, payload: bytes, reply: str) -> None:
        self.hellos.append(msgspec.json.decode(payload, type=Hello))
        await self._welcome(reply)

    async def _asked(self, payload: bytes, reply: str) -> None:
        self.rooms.append(msgspec.json.decode(payload, type=Hello))
        await self._welcome(reply)

    async def _welcome(self, reply: str) -> None:
        welcome = Welcome(self.partition, self.epoch, self.lease_ms, partitions=self.partitions)
        await self.network.send(reply, msgspec.json.encode(welcome))

    async def _results(self, payload: bytes, _reply: str) -> None:
        message = msgspec.json.decode(payload, type=Results)
        self.messages.append(message)
        if self.accepting:
            accepted = [held(result) for result in message.results]
            await self.say(message.worker_id, accepted=accepted)

    async def _beat(self, payload: bytes, _reply: str) -> None:
        self.beats.append(msgspec.json.decode(payload, type=Beat))

    async def _bye(self, payload: bytes, _reply: str) -> None:
        self.byes.append(msgspec.json.decode(payload, type=Bye))

    async def _checkpoint(self, payload: bytes, reply: str) -> None:
        asked = msgspec.json.decode(payload, type=Checkpoint)
        self.asked.append(asked)
        if not self.answering:
            return
        place = (asked.run_id, asked.step)
        if asked.store and not self.refusal:
            self.checkpoints[place] = asked.data
        answer = Checkpointed(self.checkpoints.get(place), self.refusal)
        await self.network.send(reply, msgspec.json.encode(answer))

    async def say(self, worker_id: str, *, epoch: int = 0, **words: Any) -> None:
        """Send a message to a worker."""
        message = Deliver(self.partition, epoch or self.epoch, **words)
        await self.network.send(subjects.worker(worker_id), msgspec.json.encode(message))

    async def done(self, count: int = 1) -> list[Result]:
        """Wait for so many results, and return them."""
        await until(lambda: len(self.results) >= count, f"{count} results")
        return self.results


class Playing:
    """A worker that is being served, by whom, and what it told its operator."""

    def __init__(self, worker: Worker, engines: list[FakeEngine], said: list[str]) -> None:
        self.worker = worker
        self.engines = engines
        self.engine = engine = engines[0]
        self.said = said
        self.stop = asyncio.Event()
        self.link = MemoryLink(engine.network)
        self.serving: asyncio.Task[None]

    @property
    def welcome(self) -> bool:
        """Whether every engine that is alive has welcomed the worker."""
        return bool(hasattr(self.worker, "_seats") and self.worker._seats.partitions) and all(
            self.seat(one.partition).announced is not None for one in self.engines if one.alive
        )

    def seat(self, partition: int = 0) -> Seat:
        """The worker's place at a partition."""
        return self.worker._seats.at(partition)

    async def give(self, *tasks: Task, **words: Any) -> None:
        """Deliver tasks."""
        await self.engine.say(self.worker.worker_id, tasks=list(tasks), **words)

    async def cancel(self, one: Task) -> None:
        """Give an attempt up."""
        await self.engine.say(self.worker.worker_id, cancel=[held(one)])

    async def end(self) -> None:
        """Ask it to stop and wait until it has."""
        self.stop.set()
        async with asyncio.timeout(WAIT_S):
            await self.serving


@contextlib.asynccontextmanager
async def playing(
    concurrency: int = 10,
    of_worker: dict[str, Any] | None = None,
    partitions: int = 1,
    dead: Collection[int] = (),
    payloads: MemoryPayloads | None = None,
    **words: Any,
) -> AsyncIterator[Playing]:
    """Serve the registered handlers until the end of the block."""
    said: list[str] = []
    worker = Worker(concurrency=concurrency, say=said.append, **(of_worker or {}))
    network = MemoryNetwork()
    play = Playing(worker, [FakeEngine(network, n, partitions) for n in range(partitions)], said)
    for engine in play.engines:
        engine.alive = engine.partition not in dead
        for name, value in words.items():
            setattr(engine, name, value)
    serving = play.worker.serve(play.link, play.stop, "memory", payloads)
    play.serving = asyncio.ensure_future(serving)
    try:
        await until(lambda: play.welcome, "the welcome")
        yield play
    finally:
        if not play.serving.done():
            await play.end()


async def until(what: Callable[[], bool], why: str = "it") -> None:
    """Wait until something holds."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not what():
        assert asyncio.get_running_loop().time() < deadline, f"{why} never came"
        await asyncio.sleep(0.002)


def play(test: Callable[[], Awaitable[None]]) -> None:
    """Run an async test, and do not wait for it for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


def held(one: Task | Result) -> Held:
    return Held(one.run_id, one.step, one.attempt, one.delivery, one.iteration, one.life)


def a_task(name: str, value: Any = None, *, run_id: str = "r1", **words: Any) -> Task:
    """A delivery of the first attempt of step `s`."""
    return Task(run_id, "s", words.pop("attempt", 1), name, "w", 10_000, input=value, **words)


def outcome(handler: Any, value: Any = None, **words: Any) -> Result:
    """What a handler comes to, as it arrives at the engine."""
    registering._registry.pop("it", None)
    task("it")(handler)
    known = registering._registry["it"]
    asked = a_task("it", value, **words)
    if known.is_async:
        awaited = AsyncContext(asked, "w1", threading.Event())
        result = asyncio.run(run_async(known, asked, awaited))
    else:
        result = run_plain(known, asked, Context(asked, "w1", threading.Event()))
    return msgspec.json.decode(msgspec.json.encode(result), type=Result)


def error_of(result: Result) -> TaskError:
    """The error of a result that failed."""
    assert result.error is not None, result
    return result.error
