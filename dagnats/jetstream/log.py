"""The log of a partition on JetStream: group commit, fencing, takeover.

Every message names its writer `<epoch>.<n>` and expects the sequence of the one before it on its
subject. A second writer moves that sequence, so the first one's next append is refused: two owners
can never both decide, and no lock service is needed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import nats.errors
from nats.aio.client import Client

from dagnats.errors import BrokenError, FencedError, UnavailableError, UncertainError
from dagnats.jetstream import direct
from dagnats.ports import LogEntry, Ownership
from dagnats.wire import subjects

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
WRITER = "Dagnats-Writer"
OFFSET = "Dagnats-Offset"
WRONG_LAST_SEQUENCE = 10071
APPEND_WAIT_S = 10.0
AGAIN_S = 2.0
"""An append that is not acknowledged by then is sent again: whoever was to store it may be gone."""
NOBODY_PAUSE_S = 0.2
HEADER_BYTES_MAX = 256
"""What a server counts in besides the payload."""
TAKEOVER_TRIES_MAX = 5


class _NoAnswerError(Exception):
    """Nobody knows whether what was sent is stored."""


class JetStreamLog:
    """`ports.EventLog` on the stream DAGNATS_LOG; see there for what each method promises."""

    def __init__(self, connection: Client, partition: int) -> None:
        self._connection = connection
        self._subject = subjects.log(partition)
        self._epoch = 0
        self._count = 0
        self._seq = 0

    async def take_over(self) -> Ownership:
        """Write an empty record in a new epoch after the last message.

        An owner that finds one of a newer epoch has been replaced, and takes nothing back.
        """
        before = self._epoch
        for _ in range(TAKEOVER_TRIES_MAX):
            last = await direct.last(self._connection, subjects.LOG_STREAM, self._subject)
            epoch, offset, self._seq = 1, 0, 0
            if last is not None:
                entry = _entry(last)
                if 0 < before < _epoch(last):
                    raise FencedError("another engine has taken the partition over")
                epoch = _epoch(last) + 1
                offset = entry.offset + len(entry.lines)
                self._seq = entry.seq
            self._epoch, self._count = epoch, 0
            try:
                seq = await self.append(offset, ())
            except FencedError:
                continue  # somebody wrote in between: look again
            return Ownership(epoch, seq, offset)
        raise FencedError(f"another engine keeps writing to `{self._subject}`")

    async def append(self, offset: int, lines: Sequence[bytes]) -> int:
        """Store events as one message."""
        payload = b"\n".join(lines)
        most = self._connection.max_payload - HEADER_BYTES_MAX
        if len(payload) > most:
            raise _too_large(len(payload), most)
        headers = {
            EXPECTED: str(self._seq),
            WRITER: f"{self._epoch}.{self._count}",
            OFFSET: str(offset),
        }
        self._seq = await self._store(payload, headers)
        self._count += 1
        return self._seq

    async def _store(self, payload: bytes, headers: dict[str, str]) -> int:
        """Send until there is an answer; by what it expects it is stored once at the most."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + APPEND_WAIT_S
        try:
            return await self._ask(payload, headers)
        except _NoAnswerError as unknown:
            doubt = unknown
        while loop.time() < deadline and self._connection.is_connected:
            try:
                return await self._ask(payload, headers)
            except _NoAnswerError as unknown:
                doubt = unknown
            except FencedError:
                return await self._stored_before(headers[WRITER])
            except UnavailableError:  # nobody leads just now
                await asyncio.sleep(NOBODY_PAUSE_S)
        raise UncertainError(f"an append was not acknowledged: {doubt}") from doubt

    async def _ask(self, payload: bytes, headers: dict[str, str]) -> int:
        """Send once. Raises _NoAnswerError, FencedError, UnavailableError, BrokenError."""
        try:
            message = await self._connection.request(
                self._subject, payload, timeout=AGAIN_S, headers=headers
            )
        except nats.errors.MaxPayloadError as large:
            most = self._connection.max_payload - HEADER_BYTES_MAX
            raise _too_large(len(payload), most) from large
        except nats.errors.NoRespondersError as nobody:
            raise UnavailableError("JetStream does not answer") from nobody
        except (TimeoutError, nats.errors.Error) as unknown:
            raise _NoAnswerError(repr(unknown)) from unknown
        return _acknowledged(json.loads(message.data))

    async def _stored_before(self, writer: str) -> int:
        """Return the sequence of an append that was stored and not acknowledged.

        Raises FencedError when it was not stored. Asks the leader: others may lag.
        """
        js = self._connection.jetstream()
        try:
            last = await js.get_last_msg(subjects.LOG_STREAM, self._subject)
        except (TimeoutError, nats.errors.Error) as unknown:
            raise UncertainError(f"an append was not acknowledged: {unknown!r}") from unknown
        if (last.headers or {}).get(WRITER) != writer or last.seq is None:
            raise FencedError("another engine has written to the log")
        return last.seq

    async def verify(self) -> None:
        """Look at the last message."""
        last = await direct.last(self._connection, subjects.LOG_STREAM, self._subject)
        if last is None or last.seq != self._seq:
            # One of our own may be on its way, and then there will be its acknowledgement.
            if last is not None and _epoch(last) == self._epoch:
                return
            raise FencedError("another engine has written to the log")

    async def read(self, after: int) -> AsyncIterator[LogEntry]:
        """Yield entries up to our own takeover record, and check that it was reached."""
        seen = after
        stored = direct.read(self._connection, subjects.LOG_STREAM, self._subject, after=after)
        async with aclosing(stored) as messages:
            async for message in messages:
                seen = message.seq
                yield _entry(message)
        if seen < self._seq:
            raise UncertainError(f"the log ends at {seen}, before our own entry {self._seq}")

    async def locate(self, offset: int) -> int:
        """Search by halving: offsets grow with sequences."""
        low, high = 1, self._seq
        while low < high:
            middle = (low + high + 1) // 2
            found = await direct.first_from(
                self._connection, subjects.LOG_STREAM, middle, self._subject
            )
            if found is not None and _entry(found).offset <= offset:
                low = max(middle, found.seq)
            else:
                high = middle - 1
        return low - 1

    async def trim(self, below: int) -> None:
        """Purge entries below a sequence. Raises UnavailableError."""
        js = self._connection.jetstream()
        try:
            await js.purge_stream(subjects.LOG_STREAM, seq=below, subject=self._subject)
        except (TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"the log was not trimmed: {failed!r}") from failed


def _too_large(size: int, most: int) -> BrokenError:
    return BrokenError(
        f"a commit of {size} bytes is larger than the server takes ({most}): raise its max_payload"
    )


def _acknowledged(answer: dict[str, Any]) -> int:
    problem = answer.get("error")
    if problem is None:
        return int(answer["seq"])
    if problem.get("err_code") == WRONG_LAST_SEQUENCE:
        raise FencedError("another engine has written to the log")
    raise UnavailableError(problem.get("description", "the log refused an append"))


def _entry(message: direct.Stored) -> LogEntry:
    offset = message.headers.get(OFFSET)
    if offset is None:
        raise BrokenError(f"entry {message.seq} of the log was not written by dagnats")
    lines = tuple(message.data.split(b"\n")) if message.data else ()
    return LogEntry(message.seq, int(offset), lines)


def _epoch(message: direct.Stored) -> int:
    return int(message.headers.get(WRITER, "0").partition(".")[0])
