"""What a worker says: results, kept and sent again until they are accepted, and beats.

Everything that finishes in one turn of the event loop leaves as one message, so that under load
hundreds of results cost one send.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from dagnats.wire import subjects
from dagnats.wire.tasks import (
    MESSAGE_BYTES_MAX,
    TASKS_PER_MESSAGE_MAX,
    Beat,
    Bye,
    Held,
    Result,
    Results,
    Task,
)

ENVELOPE_BYTES = 400
"""What a result takes in a message besides its output."""

Key = tuple[str, str, int, int, int]
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
_encode = msgspec.json.Encoder().encode


class Connection(Protocol):
    """What a worker needs of a network; `jetstream.link.Link` is one."""

    async def subscribe(self, subject: str, hear: Callable[[bytes], Awaitable[None]]) -> None:
        """Call `hear` with each message, one at a time."""

    async def publish(self, subject: str, payload: bytes) -> bool:
        """Send; False when that cannot be now."""

    async def request(self, subject: str, payload: bytes, wait_s: float) -> bytes | None:
        """Ask; None when nobody answers in time."""

    async def close(self) -> None:
        """Send what is buffered and disconnect."""


@dataclass(slots=True)
class Finished:
    """A result that the engine has not accepted yet."""

    result: Result
    size_bytes: int
    sent_at: float = 0.0


def key_of(one: Task | Result | Held) -> Key:
    """Return what names an attempt."""
    return (one.run_id, one.step, one.attempt, one.iteration, one.life)


def held_of(one: Task | Result) -> Held:
    """Return what names a delivery."""
    return Held(one.run_id, one.step, one.attempt, one.delivery, one.iteration, one.life)


class Sending:
    """The worker's side of the conversation with the engine of `partition`.

    `finished` holds the results that are not accepted. `spawn` runs a coroutine beside everything.
    """

    def __init__(self, worker_id: str, spawn: Spawn, link: Connection, partition: int) -> None:
        self.finished: dict[Key, Finished] = {}
        self.partition = partition
        self.link = link
        self._worker_id = worker_id
        self._spawn = spawn
        self._unsent: list[Finished] = []
        self._flushing = False

    def add(self, result: Result, key: Key) -> None:
        """Keep a result and send it with all others of this turn of the event loop."""
        size = ENVELOPE_BYTES
        if isinstance(result.output, msgspec.Raw):
            size += len(memoryview(result.output))
        elif result.error is not None:
            size = len(_encode(result))
        finished = self.finished[key] = Finished(result, size)
        self.queue(finished)

    def queue(self, finished: Finished) -> None:
        """Send a result that is kept already, with all others of this turn."""
        self._unsent.append(finished)
        if not self._flushing:
            self._flushing = True
            self._spawn(self._flush())

    async def repeat(self, after_s: float = 0.0) -> None:
        """Send again what was sent so long ago and is not accepted."""
        until = time.monotonic() - after_s
        await self._send([f for f in self.finished.values() if f.sent_at <= until])

    async def beat(self, held: Sequence[Held]) -> None:
        """Say that these are held, and at any rate that there is somebody."""
        for begin in range(0, max(1, len(held)), TASKS_PER_MESSAGE_MAX):
            part = list(held[begin : begin + TASKS_PER_MESSAGE_MAX])
            await self._publish("beat", Beat(self._worker_id, part))

    async def bye(self) -> None:
        """Ask to be sent nothing more."""
        await self._publish("bye", Bye(self._worker_id))

    async def _flush(self) -> None:
        # One more turn of the loop, for everything that finishes now to come along.
        await asyncio.sleep(0)
        self._flushing = False
        unsent, self._unsent = self._unsent, []
        await self._send(unsent)

    async def _send(self, batch: list[Finished]) -> None:
        now = time.monotonic()
        begin, size = 0, 0
        for index, finished in enumerate(batch):
            finished.sent_at = now
            size += finished.size_bytes
            full = index - begin >= TASKS_PER_MESSAGE_MAX or size > MESSAGE_BYTES_MAX
            if full and index > begin:
                await self._send_message(batch[begin:index])
                begin, size = index, finished.size_bytes
        if batch:
            await self._send_message(batch[begin:])

    async def _send_message(self, batch: list[Finished]) -> None:
        await self._publish("results", Results(self._worker_id, [f.result for f in batch]))

    async def _publish(self, operation: str, message: msgspec.Struct) -> None:
        await self.link.publish(subjects.engine(self.partition, operation), _encode(message))
