"""From the log to a partition in memory: take over, load the checkpoint, fold the rest, catch up.

The order matters. First the takeover record, so that an owner that is still alive is refused from
then on and the log we read no longer grows. Then the checkpoint, which whoever was the owner before
changes no more either, however late. Then the fold. Then the history stream is brought up to the
log, before anything new can be published behind it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dagnats.engine.aside import Aside, decode_aside, is_aside, is_end
from dagnats.engine.book import TOMBSTONE, Closed, Live, decode_closed, decode_state, encode_state
from dagnats.engine.faults import RunFaultError, in_words
from dagnats.engine.finding import fold, read_events
from dagnats.engine.intake import remember
from dagnats.engine.letters import Letter, Letters
from dagnats.engine.mailbox import Mailbox
from dagnats.engine.notes import letter_of, summary
from dagnats.engine.partition import Contents
from dagnats.engine.programs import Programs
from dagnats.engine.purging import forget_rows
from dagnats.engine.records import (
    PARTITION,
    EventPublished,
    LetterAdded,
    LetterDiscarded,
    Record,
    RunsPurged,
    decode,
)
from dagnats.engine.rest import decode_rest
from dagnats.errors import BrokenError
from dagnats.ir.program import TaskNode
from dagnats.machine.events import (
    Event,
    RunPending,
    RunRetried,
    RunStarted,
    StepStarted,
    milliseconds,
)
from dagnats.machine.evolve import born, evolve
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState, locate, scope_of
from dagnats.machine.values import rate_key
from dagnats.ports import EventLog, HistoryFeed, LogEntry, Ownership, Snapshot, Snapshots

SETTLE_S = 0.2
SETTLE_TRIES_MAX = 10
HEAD_BYTES = 80
"""The id and the type of an event stand at its beginning."""
_PURGED = b'"type":"runs.purged"'


@dataclass(slots=True)
class Recovered:
    """A partition as its log tells it. `stored` are the runs that have a snapshot.

    `folded` and `republished` count events.
    """

    ownership: Ownership
    contents: Contents
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
    snapshot = await snapshots.load(ownership.epoch)
    fold = _Fold(programs, parked, feed)
    after = 0
    if snapshot is not None:
        after = snapshot.seq
        await fold.load(snapshot)
    stored = set(snapshot.runs) if snapshot is not None else set()
    closed_total = fold.contents.closed.total
    last_offset = await _settled_offset(feed, ownership)
    begin, gone = after, dict[str, int]()
    if last_offset < ownership.offset - 1:
        # What is missing is published by the owner only: whoever has been replaced finds out here.
        seq = await log.append(ownership.offset, ())
        ownership = Ownership(ownership.epoch, seq, ownership.offset)
        missing_from = await log.locate(last_offset + 1)
        gone = await _forgotten(log, missing_from)
        begin = min(after, missing_from)
    republished = 0
    async for entry in log.read(begin):
        if entry.seq > after:
            await fold.take(entry)
        republished += await _publish_missing(entry, last_offset, gone, feed)
    fold.finish()
    return Recovered(
        ownership,
        fold.contents,
        stored,
        closed_total,
        fold.count,
        republished,
    )


class _Fold:
    """Live runs, ended ones and those set aside, as entries of the log go by."""

    def __init__(self, programs: Programs, parked: Mapping[str, str], feed: HistoryFeed) -> None:
        self.contents = Contents({}, {}, Closed(), Mailbox(), Letters(), {}, None, [])
        self.count = 0
        self._forgotten: set[str] = set()
        self._unread: set[str] = set()
        """Runs that went on, and whose history is not whole: they were forgotten later on."""
        self._latest = ""
        self._programs = programs
        self._parked = parked
        self._feed = feed

    async def load(self, snapshot: Snapshot) -> None:
        self.contents.closed = decode_closed(snapshot.closed)
        for run_id, data in snapshot.runs.items():
            if data == TOMBSTONE:
                self._forgotten.add(run_id)
            elif run_id == PARTITION:
                self._load_rest(data)
            else:
                await self._load_run(run_id, data)

    def _load_rest(self, data: bytes) -> None:
        try:
            decode_rest(data, self.contents)
        except msgspec.DecodeError as wrong:
            raise BrokenError(f"the snapshot of the partition is damaged: {wrong}") from wrong

    async def _load_run(self, run_id: str, data: bytes) -> None:
        try:
            state, lines = decode_aside(data) if is_aside(data) else (decode_state(data), [])
        except msgspec.DecodeError as wrong:
            raise BrokenError(f"the snapshot of run `{run_id}` is damaged: {wrong}") from wrong
        known = self.contents.closed.get(run_id)
        if known is None:
            await self._restore(state, lines)
        elif state is not None and state.seq > known.seq:  # retried since it ended
            self.contents.closed.remove([run_id])
            await self._restore(state, lines)
        live = self.contents.runs.get(run_id)
        if live is not None:
            live.note_references(data)
            if state is not None and not lines:
                live.pack(data)  # else all of them would be in memory at once

    async def take(self, entry: LogEntry) -> None:
        for line in entry.lines:
            event = decode(line)
            self.count += 1
            if event.timestamp > self._latest:  # noqa: PLR1730 (for every event)
                self._latest = event.timestamp
            if isinstance(event, Record):
                self._take_record(event)
                continue
            live = self.contents.runs.get(event.run_id)
            if live is None:
                await self._take_other(event, line)
            elif event.seq > live.state.seq:
                live.note_references(line)
                self._fold(live, event, _size(line))

    def _take_record(self, record: Record) -> None:
        at = milliseconds(record.timestamp)
        match record:
            case EventPublished(payload=event):
                if event["id"] not in self.contents.mailbox:
                    self.contents.mailbox.add(at, event)
                    # Nobody knows whether it was spread: once more does no harm.
                    self.contents.mailbox.unspread[event["id"]] = None
            case LetterAdded(payload=letter):
                self.contents.letters.add(Letter(**letter))
            case LetterDiscarded(payload=gone):
                self.contents.letters.remove(gone["id"])
            case RunsPurged(payload=purged):
                self._forget_runs(purged["runs"])

    def _forget_runs(self, runs: dict[str, int]) -> None:
        """Forget runs; one that is alive has begun anew since, and its snapshot is newer."""
        contents = self.contents
        gone = {
            run_id: upto
            for run_id, upto in runs.items()
            if run_id not in contents.runs and run_id not in contents.aside
        }
        forget_rows(contents, gone)
        self._forgotten.difference_update(gone)
        self._unread.difference_update(gone)
        contents.purging |= gone

    def finish(self) -> None:
        """Note when the last event was. Raises BrokenError for what is gone and not forgotten."""
        if self._latest:
            self.contents.latest = max(self.contents.latest, milliseconds(self._latest))
        if self._unread:
            raise BrokenError(
                f"the history of `{min(self._unread)}` is not whole, and the run goes on"
            )

    def _fold(self, live: Live, event: Event, size: int | None = None) -> None:
        try:
            evolve(live.program, live.state, event, size)
        except Exception as bug:
            raise RunFaultError({event.run_id: in_words(bug)}) from bug
        live.dirty = True
        state = live.state
        if isinstance(event, StepStarted) and live.program.is_rated:
            self._count(live, event)
        if state.ended:
            del self.contents.runs[event.run_id]
            self.contents.closed.add(summary(live))
            if state.status == "failed":
                self.contents.letters.add(letter_of(state))

    def _count(self, live: Live, event: StepStarted) -> None:
        """Note a start that counts against a rate limit: the dispatcher has not seen it."""
        program, state = live.program, live.state
        found = locate(program, state, event.step_id)
        assert found is not None, "it has just been folded"
        frame, at = found
        node = scope_of(program, state, frame).nodes[at]
        if isinstance(node, TaskNode) and (node.rate_limit or node.keyed_rate_limit):
            loop = state.loops.get(event.step_id)
            root = None if loop is None else {"iteration": event.iteration, "state": loop.state}
            key = rate_key(program, state, frame, at, root)
            self.contents.starts.append((node, key, state.at))

    async def _take_other(self, event: Event, line: bytes) -> None:
        """Take an event of a run that is not alive here: its first one, or of one past or aside."""
        run_id, closed = event.run_id, self.contents.closed
        aside = self.contents.aside.get(run_id)
        if aside is not None:
            aside.take(event, line)
            if is_end(event):
                del self.contents.aside[run_id]
                closed.add(aside.summary(event))
        elif isinstance(event, RunRetried):
            await self._revive(event)
        elif run_id in self._unread:
            return
        elif run_id in self._forgotten:
            if is_end(event):
                closed.forget(run_id, milliseconds(event.timestamp))
        elif run_id not in closed:
            await self._begin(event, line)

    async def _revive(self, event: RunRetried) -> None:
        """Take up a run that had ended: what it was stands in its history."""
        run_id = event.run_id
        known = self.contents.closed.get(run_id)
        if known is not None and known.seq > event.seq:
            return  # it has ended again before the checkpoint
        events = [e for e in read_events(run_id, await self._history(event)) if e.seq < event.seq]
        if [one.seq for one in events] != list(range(1, event.seq)):
            # Forgotten, and perhaps published again in part after the history had lost its end.
            self._unread.add(run_id)
            return
        program, state = await fold(self._programs, run_id, events)
        self.contents.closed.remove([run_id])
        self.contents.letters.remove(run_id)
        self._forgotten.discard(run_id)
        live = self.contents.runs[run_id] = Live(program, state)
        live.note_references(encode_state(state))
        self._fold(live, event)

    async def _history(self, event: RunRetried) -> list[bytes]:
        """Return the history of a run up to an event; what was just published may be on its way."""
        lines: list[bytes] = []
        for _ in range(SETTLE_TRIES_MAX):
            lines = list(await self._feed.read_run(event.run_id))
            if len(lines) >= event.seq - 1:
                break
            await asyncio.sleep(SETTLE_S)
        return lines

    async def _begin(self, event: Event, line: bytes) -> None:
        if not isinstance(event, RunStarted | RunPending):
            raise BrokenError(f"the log goes on with run {event.run_id}, whose start it lacks")
        # No run begins under the name of another before that one is removed.
        self.contents.purging.pop(event.run_id, None)
        program = await self._program(event.run_id, event.payload["digest"])
        if isinstance(program, str):
            self.contents.aside[event.run_id] = Aside.begun(program, event, line)
            return
        live = self.contents.runs[event.run_id] = Live(program, born(program, event, _size(line)))
        live.note_references(line)
        remember(self.contents, live.state)

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
                self.contents.aside[run_id] = Aside(program, state)
            else:
                live = self.contents.runs[run_id] = Live(program, state)
                live.dirty = False
                remember(self.contents, state)
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


def _size(line: bytes) -> int:
    """Return the size of an event without the `{"id":"…",` that the log puts in front."""
    return len(line) - line.index(b",")


async def _publish_missing(
    entry: LogEntry, last_offset: int, gone: Mapping[str, int], feed: HistoryFeed
) -> int:
    """Publish what the history lacks of an entry, but for runs that are forgotten later on.

    What was removed of these would be there again, in part.
    """
    run_ids, missing = list[str](), list[bytes]()
    begin = max(entry.offset, last_offset + 1)
    for offset, line in enumerate(entry.lines[begin - entry.offset :], begin):
        run_id = decode(line).run_id
        if offset > gone.get(run_id, -1):
            run_ids.append(run_id)
            missing.append(line)
    if missing:
        await feed.publish(run_ids, missing)
    return len(missing)


async def _forgotten(log: EventLog, after: int) -> dict[str, int]:
    """Return the runs that are forgotten behind a sequence of the log, with the offsets of that."""
    found: dict[str, int] = {}
    async for entry in log.read(after):
        for offset, line in enumerate(entry.lines, entry.offset):
            if line.find(_PURGED, 0, HEAD_BYTES) >= 0:
                record = decode(line)
                assert isinstance(record, RunsPurged)
                found |= dict.fromkeys(record.payload["runs"], offset)
    return found


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
