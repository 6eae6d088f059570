"""The history stream: every event once, in order, one JSON message each on `history.<run_id>`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import nats.errors
from nats.aio.client import Client

from dagnats.errors import BrokenError, UnavailableError, UncertainError
from dagnats.jetstream import direct, pipeline
from dagnats.wire import subjects

ID_PREFIX = b'{"id":"'


class JetStreamHistory:
    """`ports.HistoryFeed` on the stream WORKFLOW_HISTORY; see there for the promises.

    Where several partitions write to it, each leaves a mark behind what it has published, by which
    it finds its own last event again.
    """

    def __init__(self, connection: Client, partition: int = 0, partitions: int = 1) -> None:
        self._connection = connection
        self._partition = partition
        self._partitions = partitions

    async def last_offset(self) -> int:
        """Read it from the id of the last message; of several partitions, of the last own one."""
        if self._partitions == 1:
            last = await direct.last(
                self._connection, subjects.HISTORY_STREAM, subjects.HISTORY_ALL
            )
            return -1 if last is None else _offset(last.data)
        mark = await direct.last(
            self._connection, subjects.HISTORY_STREAM, subjects.history_mark(self._partition)
        )
        found, after = (-1, 0) if mark is None else (int(mark.data), mark.seq)
        own = b"%s%d-" % (ID_PREFIX, self._partition)
        behind = direct.read(
            self._connection, subjects.HISTORY_STREAM, subjects.HISTORY_ALL, after=after
        )
        async with aclosing(behind) as messages:
            async for message in messages:
                if message.data.startswith(own):
                    found = max(found, _offset(message.data))
        return found

    async def publish(self, run_ids: Sequence[str], lines: Sequence[bytes]) -> None:
        """Send without waiting for acknowledgements; what is lost is published after recovery."""
        try:
            await pipeline.publish_all(self._connection, "history.", run_ids, lines)
            if self._partitions > 1 and lines:
                mark = str(_offset(lines[-1])).encode()
                await self._connection.publish(subjects.history_mark(self._partition), mark)
        except nats.errors.Error as lost:
            raise UncertainError(f"events could not be published: {lost!r}") from lost

    async def last_event(self, run_id: str) -> bytes | None:
        """Look the newest event of a run up."""
        last = await direct.last(
            self._connection, subjects.HISTORY_STREAM, subjects.history(run_id)
        )
        return None if last is None else last.data

    async def first_event(self, run_id: str) -> bytes | None:
        """Look the oldest event of a run up."""
        first = await direct.first_from(
            self._connection, subjects.HISTORY_STREAM, 1, subjects.history(run_id)
        )
        return None if first is None else first.data

    async def read_run(self, run_id: str) -> Sequence[bytes]:
        """Read all events of a run; one that two owners have published is read once."""
        found = await direct.collect(
            self._connection, subjects.HISTORY_STREAM, subjects.history(run_id)
        )
        by_offset = {_offset(message.data): message.data for message in found}
        return [by_offset[offset] for offset in sorted(by_offset)]

    async def scan(self, after: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Read the stream; positions are its sequences."""
        stored = direct.read(
            self._connection, subjects.HISTORY_STREAM, subjects.HISTORY_ALL, after=after
        )
        async with aclosing(stored) as messages:
            async for message in messages:
                yield message.seq, message.data

    async def forget_run(self, run_id: str) -> None:
        """Purge the subject of a run."""
        js = self._connection.jetstream()
        subject = subjects.history(run_id)
        try:
            await js.purge_stream(subjects.HISTORY_STREAM, subject=subject)
        except (TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"history was not removed: {failed!r}") from failed


def _offset(line: bytes) -> int:
    """Return the offset in `{"id":"<partition>-<offset>",…`."""
    if not line.startswith(ID_PREFIX):
        raise BrokenError("a message of the history stream was not written by dagnats")
    event_id = line[len(ID_PREFIX) : line.index(b'"', len(ID_PREFIX))]
    return int(event_id.partition(b"-")[2])
