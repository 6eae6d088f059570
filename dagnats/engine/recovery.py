"""From the log to a partition in memory: take over, load the checkpoint, fold the rest, catch up.

The order matters. First the takeover record, so that an owner that is still alive is refused from
then on and the log we read no longer grows. Then the fold. Then the history stream is brought up to
the log, before anything new can be published behind it.
"""

import asyncio
from dataclasses import dataclass

from dagnats.engine.book import Closed, Live, decode_closed, decode_state
from dagnats.engine.partition import summary
from dagnats.engine.programs import Programs
from dagnats.errors import BrokenError
from dagnats.machine.events import Event, RunStarted, decode
from dagnats.machine.state import born, evolve
from dagnats.ports import EventLog, HistoryFeed, LogEntry, Ownership, Snapshots

SETTLE_S = 0.2
SETTLE_TRIES_MAX = 10


@dataclass(slots=True)
class Recovered:
    """A partition as its log tells it. `stored` are the runs that have a snapshot.

    `folded` and `republished` count events.
    """

    ownership: Ownership
    runs: dict[str, Live]
    closed: Closed
    stored: set[str]
    closed_total: int
    folded: int
    republished: int


async def recover(
    log: EventLog, snapshots: Snapshots, feed: HistoryFeed, programs: Programs
) -> Recovered:
    """Become the owner and rebuild everything. Raises FencedError, UncertainError, BrokenError."""
    ownership = await log.take_over()
    snapshot = await snapshots.load()
    fold = _Fold(programs)
    after = 0
    if snapshot is not None:
        after = snapshot.seq
        fold.closed = decode_closed(snapshot.closed)
        for run_id, data in snapshot.runs.items():
            if run_id not in fold.closed:
                state = decode_state(data)
                fold.runs[run_id] = live = Live(await programs.pinned(state.digest), state)
                live.dirty = False
    stored = set(snapshot.runs) if snapshot is not None else set()
    closed_total = fold.closed.total
    last_offset = await _settled_offset(feed, ownership)
    begin = after
    if last_offset < ownership.offset - 1:
        begin = min(after, await log.locate(last_offset + 1))
    republished = 0
    async for entry in log.read(begin):
        if entry.seq > after:
            await fold.take(entry)
        republished += await _publish_missing(entry, last_offset, feed)
    return Recovered(
        ownership, fold.runs, fold.closed, stored, closed_total, fold.count, republished
    )


class _Fold:
    """Live runs and ended ones, as entries of the log go by."""

    def __init__(self, programs: Programs) -> None:
        self.runs: dict[str, Live] = {}
        self.closed = Closed()
        self.count = 0
        self._programs = programs

    async def take(self, entry: LogEntry) -> None:
        for line in entry.lines:
            event = decode(line)
            self.count += 1
            live = self.runs.get(event.run_id)
            if live is None:
                await self._first(event)
            elif event.seq > live.state.seq:
                evolve(live.program, live.state, event)
                live.dirty = True
                if live.state.ended:
                    del self.runs[event.run_id]
                    self.closed.add(summary(live))

    async def _first(self, event: Event) -> None:
        if event.run_id in self.closed:
            return
        if not isinstance(event, RunStarted):
            raise BrokenError(f"the log goes on with run {event.run_id}, whose start it lacks")
        program = await self._programs.pinned(event.payload["digest"])
        self.runs[event.run_id] = Live(program, born(program, event))


async def _publish_missing(entry: LogEntry, last_offset: int, feed: HistoryFeed) -> int:
    missing = entry.lines[max(0, last_offset + 1 - entry.offset) :]
    if missing:
        await feed.publish([decode(line).run_id for line in missing], missing)
    return len(missing)


async def _settled_offset(feed: HistoryFeed, ownership: Ownership) -> int:
    """Return history's last offset once what a killed owner left in its socket has arrived."""
    last = await feed.last_offset()
    for _ in range(SETTLE_TRIES_MAX):
        if last >= ownership.offset - 1:
            break
        await asyncio.sleep(SETTLE_S)
        before, last = last, await feed.last_offset()
        if last == before:
            break
    return last
