"""The history stream: every event once, in order, one JSON message each on `history.<run_id>`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from dagnats.errors import BrokenError, UnavailableError, UncertainError
from dagnats.jetstream import direct, pipeline
from dagnats.wire import subjects

ID_PREFIX = b'{"id":"'


class JetStreamHistory:
    """`ports.HistoryFeed` on the stream WORKFLOW_HISTORY; see there for the promises.

    Where several partitions write to it, each leaves a mark behind what it has published, by which
    it finds its own last event again.

    A single server stores what one connection sends, or loses that connection: then everything is
    looked at again. In a cluster the leader of the stream may die and the connection stand, so
    there each commit is published as batches that are acknowledged as a whole, marks with them.
    """

    def __init__(self, connection: Client, partition: int = 0, partitions: int = 1) -> None:
        self._connection = connection
        self._partition = partition
        self._partitions = partitions
        self._acknowledged: bool | None = None

    async def last_offset(self) -> int:
        """Read it from the id of the last message; of several partitions, of the last own one."""
        if await self._is_acknowledged():
            return await self._acknowledged_offset()
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
        """Send; on one server without waiting for it, as a loss shows in the connection."""
        if await self._is_acknowledged():
            await self._publish_whole(run_ids, lines)
            return
        try:
            await pipeline.publish_all(self._connection, "history.", run_ids, lines)
            if self._partitions > 1 and lines:
                mark = str(_offset(lines[-1])).encode()
                await self._connection.publish(subjects.history_mark(self._partition), mark)
        except nats.errors.Error as lost:
            raise UncertainError(f"events could not be published: {lost!r}") from lost

    async def _publish_whole(self, run_ids: Sequence[str], lines: Sequence[bytes]) -> None:
        names = [subjects.history(run_id) for run_id in run_ids]
        payloads = list(lines)
        if self._partitions > 1 and lines:
            names.append(subjects.history_mark(self._partition))
            payloads.append(str(_offset(lines[-1])).encode())
        await pipeline.publish_batches(self._connection, names, payloads)

    async def _is_acknowledged(self) -> bool:
        """Whether the stream has replicas and takes batches. Raises UncertainError."""
        if self._acknowledged is None:
            js = self._connection.jetstream()
            try:
                config = (await js.stream_info(subjects.HISTORY_STREAM)).config
            except (TimeoutError, nats.errors.Error) as silent:
                raise UncertainError(f"no answer about the history: {silent!r}") from silent
            self._acknowledged = (config.num_replicas or 1) > 1 and bool(config.allow_atomic)
        return self._acknowledged

    async def _acknowledged_offset(self) -> int:
        """Ask the leader: others may lag."""
        one = self._partitions == 1
        subject = subjects.HISTORY_ALL if one else subjects.history_mark(self._partition)
        js = self._connection.jetstream()
        try:
            last = await js.get_last_msg(subjects.HISTORY_STREAM, subject)
        except NotFoundError:
            return -1
        except (TimeoutError, nats.errors.Error) as silent:
            raise UncertainError(f"no answer about the history: {silent!r}") from silent
        data = last.data or b""
        return _offset(data) if one else int(data)

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

    async def forget_run(self, run_id: str, upto: int) -> None:
        """Purge the subject of a run."""
        js = self._connection.jetstream()
        subject = subjects.history(run_id)
        try:
            await js.purge_stream(subjects.HISTORY_STREAM, seq=upto + 1, subject=subject)
        except (TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"history was not removed: {failed!r}") from failed


def _offset(line: bytes) -> int:
    """Return the offset in `{"id":"<partition>-<offset>",…`."""
    if not line.startswith(ID_PREFIX):
        raise BrokenError("a message of the history stream was not written by dagnats")
    event_id = line[len(ID_PREFIX) : line.index(b'"', len(ID_PREFIX))]
    return int(event_id.partition(b"-")[2])
