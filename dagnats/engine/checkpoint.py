"""Checkpoints: what shortens the fold at start-up, taken at commit boundaries, never the truth.

When a commit takes everything that was decided, the runs in memory are exactly what the log will
hold once it is stored. That is the moment to encode the runs that have changed; they are saved in
the background, then the mark says up to where the log is covered. Runs saved before their mark are
newer than it and that is fine: a run's own sequence says which events it has already.

The mark may pass a run only when the run is saved as it is now. So whatever was encoded counts as
unsaved until the mark that follows it is stored, and is encoded again by the next checkpoint. And a
run that has ended and is no longer listed is overwritten with a tombstone before anything else: its
old snapshot would come back to life if a crash came between the mark and its removal.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dagnats.engine.book import CHUNK_SIZE, TOMBSTONE, encode_chunk
from dagnats.engine.faults import in_words
from dagnats.engine.partition import Partition
from dagnats.engine.records import PARTITION
from dagnats.engine.rest import encode_rest
from dagnats.ports import Clock, EventLog, HistoryFeed, Snapshots

EVENTS_PER_CHECKPOINT = 250_000
"""As many are folded in half a second; a checkpoint costs a request for each run that changed."""
CHECKPOINT_MS = 5_000
"""After this long with anything new, a checkpoint is taken."""

KEEP_LOG_MS = 600_000
"""The log stays this long beyond a checkpoint: history is synced much later than the log."""


@dataclass(slots=True)
class Checkpoint:
    """What one checkpoint will hold, encoded."""

    offset: int
    rest: bytes
    forgotten: list[str] = field(default_factory=list)
    runs: list[tuple[str, bytes]] = field(default_factory=list)
    chunks: list[tuple[int, bytes]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    total: int = 0


class Checkpointer:
    """Decides when a checkpoint is due, encodes it, saves it in the background, trims the log."""

    def __init__(
        self,
        *,
        snapshots: Snapshots,
        log: EventLog,
        feed: HistoryFeed,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._snapshots = snapshots
        self._log = log
        self._feed = feed
        self._clock = clock
        self._say = say
        self._saving: asyncio.Task[None] | None = None
        self._seq = 0
        self._offset = 0
        self._new_events = 0
        self._last_at = clock.now_ms()
        self._closed_total = 0
        self._stored: set[str] = set()
        self._unsaved: set[str] = set()
        self._rewritten: set[int] = set()
        self._marks: deque[tuple[int, int, int]] = deque()

    def begin(self, seq: int, offset: int, closed_total: int, stored: set[str]) -> None:
        """Start from a recovered partition: what is stored already, and the log's end."""
        self._seq, self._offset = seq, offset
        # The newest chunk once more: it carries what the fold has forgotten.
        self._closed_total = max(0, closed_total - 1)
        self._stored = stored

    @property
    def overdue_in_s(self) -> float:
        """Return how long a quiet partition waits before its checkpoint; 0 if none is needed."""
        if not self._new_events:
            return 0.0
        left = self._last_at + CHECKPOINT_MS - self._clock.now_ms()
        return max(0.01, left / 1000)

    def advanced(self, seq: int, events: int, offset: int) -> None:
        """Note a commit."""
        self._seq, self._offset = seq, offset
        self._new_events += events

    def capture(self, partition: Partition) -> Checkpoint | None:
        """Encode a checkpoint if one is due and everything decided is in the commit being made."""
        if not self._due() or not partition.outbox.drained or partition.fault is not None:
            return None
        return self._encode(partition)

    async def save_idle(self, partition: Partition) -> None:
        """Take a checkpoint of a quiet partition: everything decided is committed."""
        if partition.fault is not None or not partition.outbox.drained:
            return
        if self._new_events and self._idle():
            self.save(self._encode(partition), self._seq)

    def save(self, checkpoint: Checkpoint, seq: int) -> None:
        """Store a checkpoint as of the log's sequence `seq`, in the background."""
        self._saving = asyncio.create_task(self._save(checkpoint, seq))

    async def close(self) -> None:
        """Stop saving."""
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)

    async def save_now(self, partition: Partition) -> None:
        """Take a last checkpoint of a partition whose pump has stopped with nothing uncommitted."""
        await self.close()
        unsaved = self._new_events or self._unsaved
        if unsaved and partition.outbox.drained and partition.fault is None:
            await self._save(self._encode(partition), self._seq)

    def _idle(self) -> bool:
        return self._saving is None or self._saving.done()

    def _due(self) -> bool:
        if not self._idle() or not self._new_events:
            return False
        waited = self._clock.now_ms() - self._last_at
        return self._new_events >= EVENTS_PER_CHECKPOINT or waited >= CHECKPOINT_MS

    def _encode(self, partition: Partition) -> Checkpoint:
        checkpoint = Checkpoint(
            partition.outbox.offset, encode_rest(partition), total=partition.closed.total
        )
        for run_id, live in partition.runs.items():
            if live.dirty or run_id in self._unsaved:
                live.dirty = False
                checkpoint.runs.append((run_id, live.encoded()))
        for run_id, aside in partition.aside.items():
            if aside.dirty or run_id in self._unsaved:
                aside.dirty = False
                checkpoint.runs.append((run_id, aside.encode()))
        self._unsaved = {run_id for run_id, _ in checkpoint.runs}
        closed = partition.closed
        self._rewritten |= closed.rewritten
        closed.rewritten.clear()
        for chunk, summaries in closed.chunks_since(self._closed_total, self._rewritten):
            first = max(chunk * CHUNK_SIZE, closed.first)
            forgotten_until = closed.forgotten_until
            checkpoint.chunks.append((chunk, encode_chunk(first, summaries, forgotten_until)))
        alive = self._stored.difference(partition.runs, partition.aside)
        checkpoint.ended = sorted(alive - {PARTITION})
        checkpoint.forgotten = [r for r in checkpoint.ended if r not in partition.closed]
        self._new_events = 0
        self._last_at = self._clock.now_ms()
        return checkpoint

    async def _save(self, checkpoint: Checkpoint, seq: int) -> None:
        try:
            await self._store(checkpoint, seq)
        except Exception as failed:  # noqa: BLE001 - told, and tried again, whatever it was
            # The log holds everything; only the next start would take longer.
            self._say(f"cannot store a checkpoint, will try again: {in_words(failed)}")
            self._new_events += 1
            return
        try:
            await self._snapshots.forget_runs(checkpoint.ended)
            self._stored.difference_update(checkpoint.ended)
            await self._trim()
        except Exception as failed:  # noqa: BLE001 - the next checkpoint does it
            self._say(f"cannot clear up after a checkpoint, will try again: {in_words(failed)}")

    async def _store(self, checkpoint: Checkpoint, seq: int) -> None:
        # The rest first: the fold passes over runs that have ended, and what they left is in there.
        self._stored.add(PARTITION)
        await self._snapshots.save_run(PARTITION, checkpoint.rest)
        for run_id in checkpoint.forgotten:
            await self._snapshots.save_run(run_id, TOMBSTONE)
        for chunk, data in checkpoint.chunks:
            await self._snapshots.save_closed(chunk, data)
        for run_id, data in checkpoint.runs:
            self._stored.add(run_id)  # before: one that was not acknowledged may be there
            await self._snapshots.save_run(run_id, data)
        await self._snapshots.mark(seq, checkpoint.offset)
        self._unsaved = set()
        self._rewritten = set()
        self._closed_total = checkpoint.total
        self._marks.append((_steady_ms(), seq, checkpoint.offset))

    async def _trim(self) -> None:
        """Drop the log below the newest checkpoint that is old enough, if history has it."""
        old = _steady_ms() - KEEP_LOG_MS
        below = None
        while self._marks and self._marks[0][0] <= old:
            below = self._marks.popleft()
        if below is None:
            return
        _, seq, offset = below
        self._marks.appendleft(below)
        if await self._feed.last_offset() >= offset - 1:
            await self._log.trim(seq)
            self._marks.popleft()


def _steady_ms() -> int:
    """Return milliseconds of a clock that nobody sets: a log is not trimmed because one was."""
    return int(asyncio.get_running_loop().time() * 1000)
