"""From the log to a partition in memory: take over, load the checkpoint, fold the rest, catch up.

The order matters. First the takeover record, so that an owner that is still alive is refused from
then on and the log we read no longer grows. Then the fold. Then the history stream is brought up to
the log, before anything new can be published behind it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dagnats.engine.aside import Aside, decode_aside, is_aside, is_end
from dagnats.engine.book import TOMBSTONE, Closed, Live, decode_closed, decode_state
from dagnats.engine.faults import RunFaultError, in_words
from dagnats.engine.partition import summary
from dagnats.engine.programs import Programs
from dagnats.errors import BrokenError
from dagnats.machine.events import Event, RunStarted, decode, milliseconds
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState, born, evolve
from dagnats.ports import EventLog, HistoryFeed, LogEntry, Ownership, Snapshot, Snapshots

SETTLE_S = 0.2
SETTLE_TRIES_MAX = 10


@dataclass(slots=True)
class Recovered:
    """A partition as its log tells it. `stored` are the runs that have a snapshot.

    `folded` and `republished` count events.
    """

    ownership: Ownership
    runs: dict[str, Live]
    aside: dict[str, Aside]
    closed: Closed
    stored: set[str]
    closed_total: int
    folded: int
    republished: int


async def recover(
    log: EventLog,
    snapshots: Snapshots,
    feed: HistoryFeed,
    programs: Programs,
    parked: Mapping[str, str],
) -> Recovered:
    """Become the owner and rebuild everything.

    A run whose program cannot be had, and one that stands in `parked` (with the reason), is set
    aside. Raises FencedError, UncertainError, BrokenError, and RunFaultError for a run whose events
    cannot be folded.
    """
    ownership = await log.take_over()
    snapshot = await snapshots.load()
    fold = _Fold(programs, parked)
    after = 0
    if snapshot is not None:
        after = snapshot.seq
        await fold.load(snapshot)
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
        ownership,
        fold.runs,
        fold.aside,
        fold.closed,
        stored,
        closed_total,
        fold.count,
        republished,
    )


class _Fold:
    """Live runs, ended ones and those set aside, as entries of the log go by."""

    def __init__(self, programs: Programs, parked: Mapping[str, str]) -> None:
        self.runs: dict[str, Live] = {}
        self.aside: dict[str, Aside] = {}
        self.closed = Closed()
        self.count = 0
        self._forgotten: set[str] = set()
        self._programs = programs
        self._parked = parked

    async def load(self, snapshot: Snapshot) -> None:
        self.closed = decode_closed(snapshot.closed)
        for run_id, data in snapshot.runs.items():
            if data == TOMBSTONE:
                self._forgotten.add(run_id)
            elif run_id not in self.closed:
                try:
                    state, lines = (
                        decode_aside(data) if is_aside(data) else (decode_state(data), [])
                    )
                except msgspec.DecodeError as wrong:
                    raise BrokenError(
                        f"the snapshot of run `{run_id}` is damaged: {wrong}"
                    ) from wrong
                await self._restore(state, lines)

    async def take(self, entry: LogEntry) -> None:
        for line in entry.lines:
            event = decode(line)
            self.count += 1
            live = self.runs.get(event.run_id)
            if live is None:
                await self._take_other(event, line)
            elif event.seq > live.state.seq:
                self._fold(live, event)

    def _fold(self, live: Live, event: Event) -> None:
        try:
            evolve(live.program, live.state, event)
        except Exception as bug:
            raise RunFaultError({event.run_id: in_words(bug)}) from bug
        live.dirty = True
        if live.state.ended:
            del self.runs[event.run_id]
            self.closed.add(summary(live))

    async def _take_other(self, event: Event, line: bytes) -> None:
        """Take an event of a run that is not alive here: its first one, or of one past or aside."""
        run_id = event.run_id
        aside = self.aside.get(run_id)
        if aside is not None:
            aside.take(event, line)
            if is_end(event):
                del self.aside[run_id]
                self.closed.add(aside.summary(event))
        elif run_id in self._forgotten:
            if is_end(event):
                self.closed.forget(run_id, milliseconds(event.timestamp))
        elif run_id not in self.closed:
            await self._begin(event, line)

    async def _begin(self, event: Event, line: bytes) -> None:
        if not isinstance(event, RunStarted):
            raise BrokenError(f"the log goes on with run {event.run_id}, whose start it lacks")
        program = await self._program(event.run_id, event.payload["digest"])
        if isinstance(program, str):
            self.aside[event.run_id] = Aside.begun(program, event, line)
        else:
            self.runs[event.run_id] = Live(program, born(program, event))

    async def _restore(self, state: RunState | None, lines: list[bytes]) -> None:
        """Take a run from its snapshot; events after the state come from when it was set aside."""
        if state is None:
            first = decode(lines[0])
            await self._begin(first, lines[0])
            lines, run_id = lines[1:], first.run_id
        else:
            run_id = state.run_id
            program = await self._program(run_id, state.digest)
            if isinstance(program, str):
                self.aside[run_id] = Aside(program, state)
            else:
                self.runs[run_id] = Live(program, state)
                self.runs[run_id].dirty = False
        for line in lines:
            await self.take(LogEntry(0, 0, (line,)))

    async def _program(self, run_id: str, digest: str) -> Prepared | str:
        """Return a run's program, or why the run is to be set aside."""
        why = self._parked.get(run_id)
        if why is not None:
            return why
        try:
            return await self._programs.pinned(digest)
        except BrokenError as missing:
            return str(missing)


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
