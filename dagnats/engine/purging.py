"""Forgetting runs that have ended: which, whether somebody needs them still, and in what order.

    history, oldest first ─→ ended, long enough ago ─→ asked of all partitions ─→ `runs.purged`
                                                                                     │ committed,
    history, checkpoints, payloads removed  ←──────────────────────────────────────┘ published

The record comes first: from it on the run is not listed, cannot go on, and its name is not given
again before all is removed (`Partition.purging`), which is done again after a crash. It stands in
the history behind everything of the runs, so what is removed is never the newest message there,
by which history finds its own end. And what is removed ends where the run did: should an owner that
has been replaced still be at it, a new run of the same name keeps its events.

A run is needed while its parent waits to hear of its end, and while another run, or an event that
is kept, refers to one of its stored values: a run that is alive, or one that is listed and is not
forgotten at the same time. Such runs are passed over.
"""

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dagnats.engine import errands
from dagnats.engine.faults import in_words
from dagnats.engine.partition import Contents, Partition
from dagnats.engine.records import PARTITION, RunsPurged
from dagnats.engine.service import Service
from dagnats.errors import BrokenError, FencedError, RefusedError, UnavailableError, UncertainError
from dagnats.machine.events import milliseconds, rfc3339
from dagnats.ports import HistoryFeed
from dagnats.wire import api, subjects

BATCH_MAX = 200
"""So many runs are forgotten with one record."""
LOOKED_AT_MAX = 20_000
LOOK_S = 2.0
"""So many events are looked at for one batch, for so long: whoever asks waits for an answer."""
YOUNGER_MAX = 500
"""After so many events in a row that are too young, all others are: clocks are set back rarely."""
ROUNDS_PER_AGE = 20
ROUND_MIN_MS, ROUND_MAX_MS = 10_000, 3_600_000
"""With `keep`, it is looked so many times within that age, between these limits."""
PAUSE_S = 0.05
YIELD_AFTER = 200

ENDS = {
    "workflow.completed": "completed",
    "workflow.failed": "failed",
    "workflow.cancelled": "cancelled",
}

Row = dict[str, Any]


class _Head(msgspec.Struct):
    """What is looked at of an event."""

    id: str
    type: str
    timestamp: str
    run_id: str = PARTITION
    seq: int = 0
    workflow: str = ""


class _Birth(msgspec.Struct):
    payload: dict[str, Any] = {}


class Needed(msgspec.Struct, frozen=True):
    """One partition asks another which of these runs it needs."""

    run_ids: list[str]
    parents: dict[str, str]
    """Of those that have one."""


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_birth = msgspec.json.Decoder(_Birth).decode
_decode_answer = msgspec.json.Decoder(api.Answer).decode


@dataclass(slots=True)
class Batch:
    """Runs that can be forgotten, those that are needed still, and where to go on, if at all."""

    rows: list[Row]
    ends: dict[str, int] = field(default_factory=dict)
    """Where in the history the ends of these runs stand."""
    next: int | None = None
    kept: list[str] = field(default_factory=list)
    old: int = 0
    """The last event that is old enough: where it stands in the history."""
    younger: bool = False
    """Whether there are younger ones behind it."""


# ── which ────────────────────────────────────────────────────────────────────────────────────────


async def purge_some(service: Service, wanted: api.PurgeRuns) -> Batch:
    """Forget one batch of the runs that are wanted; with `dry_run` only say which.

    It is stored when the partition has committed. Raises RefusedError, UncertainError.
    """
    partition = service.open()
    batch = await _find(service, partition, wanted)
    parents = await _parents(service.feed, partition, batch.rows)
    asked = Needed([row["run_id"] for row in batch.rows], parents)
    needed: set[str] = set()
    for number in range(service.partitions if batch.rows else 0):
        if number != partition.number:
            needed |= await _ask(service, number, asked)
    if service.open() is not partition:
        raise RefusedError("busy", "the engine has read its log again; ask again")
    # From here on nothing happens in between.
    needed |= needed_here(partition, asked, service.clock.now_ms())
    rows = [
        row
        for row in batch.rows
        if row["run_id"] not in needed and not _is_there(partition, row["run_id"])
    ]
    going = {row["run_id"] for row in rows}
    batch.kept = [row["run_id"] for row in batch.rows if row["run_id"] not in going]
    batch.rows = rows
    if rows and not wanted.dry_run:
        ends = {row["run_id"]: batch.ends[row["run_id"]] for row in rows}
        forget(partition, ends, service.clock.now_ms())
    return batch


async def _find(service: Service, partition: Partition, wanted: api.PurgeRuns) -> Batch:
    """Look through history for ends that fit, from a position on."""
    before = service.clock.now_ms() if wanted.before is None else wanted.before
    own, batch, at = f"{partition.number}-", Batch([]), wanted.after
    until, seen, younger = asyncio.get_running_loop().time() + LOOK_S, 0, 0
    async with aclosing(service.feed.scan(wanted.after)) as events:
        async for at, line in events:
            seen += 1
            if not seen % YIELD_AFTER:
                await asyncio.sleep(0)  # others want to go on, too
            head = _head(line)
            younger = younger + 1 if milliseconds(head.timestamp) >= before else 0
            if not younger:
                batch.old = at
            batch.younger = younger > 0
            if younger >= YOUNGER_MAX:
                return batch
            if not younger and head.id.startswith(own) and _fits(partition, head, wanted):
                last = await service.feed.last_event(head.run_id)
                if last is not None and _head(last).seq == head.seq:
                    batch.rows.append(_row(head))
                    batch.ends[head.run_id] = at
            late = asyncio.get_running_loop().time() > until
            if len(batch.rows) >= BATCH_MAX or seen >= LOOKED_AT_MAX or late:
                batch.next = at
                return batch
    return batch


def _fits(partition: Partition, head: _Head, wanted: api.PurgeRuns) -> bool:
    status = ENDS.get(head.type)
    if status is None or _is_there(partition, head.run_id):
        return False
    known = partition.closed.get(head.run_id)
    if known is not None and known.seq != head.seq:
        return False
    return wanted.status in {"", status} and wanted.workflow in {"", head.workflow}


def _is_there(partition: Partition, run_id: str) -> bool:
    """Whether a run is alive, or set aside, or is being removed already."""
    return run_id in partition.runs or run_id in partition.aside or run_id in partition.purging


def _head(line: bytes) -> _Head:
    try:
        return _decode_head(line)
    except msgspec.DecodeError as wrong:
        raise BrokenError(f"an event of the history is damaged: {wrong}") from wrong


def _row(head: _Head) -> Row:
    return {
        "run_id": head.run_id,
        "workflow": head.workflow,
        "status": ENDS[head.type],
        "ended_at": head.timestamp,
    }


# ── who needs them ───────────────────────────────────────────────────────────────────────────────


async def _parents(feed: HistoryFeed, partition: Partition, rows: list[Row]) -> dict[str, str]:
    """Return the parents of the runs that have one."""
    found: dict[str, str] = {}
    for row in rows:
        run_id = row["run_id"]
        known = partition.closed.get(run_id)
        if known is not None:
            parent = known.parent
        else:
            first = await feed.first_event(run_id)
            parent = _decode_birth(first).payload.get("parent") if first is not None else None
        if parent is not None:
            found[run_id] = str(parent["run_id"])
    return found


def needed_here(partition: Partition, asked: Needed, now: int) -> set[str]:
    """Return which of these runs this partition needs."""
    partition.mailbox.expire(now)
    wanted = set(asked.run_ids)
    needed = {
        run_id for run_id, parent in asked.parents.items() if _is_awaited(partition, run_id, parent)
    }
    for live in partition.runs.values():
        if live.refers:
            needed |= wanted & live.refers
    for refers in partition.mailbox.refers.values():
        needed |= wanted & refers
    for aside in partition.aside.values():
        needed |= wanted & aside.refers()
    return needed | _referred(partition, wanted, needed)


def _referred(partition: Partition, wanted: set[str], needed: set[str]) -> set[str]:
    """Return which runs others refer to that have ended and are kept.

    People look at these, and a failed one can go on. Two on different partitions that refer to each
    other are kept until one of them is no longer listed.
    """
    keeping = [one for one in partition.closed.newest_first() if one.refers]
    found = set(needed)
    while True:
        more = {
            run_id
            for one in keeping
            if one.run_id not in wanted or one.run_id in found
            for run_id in one.refers
        }
        more = (more & wanted) - found
        if not more:
            return found
        found |= more


def _is_awaited(partition: Partition, run_id: str, parent: str) -> bool:
    """Whether a parent waits for the end of a run, as far as known."""
    live = partition.runs.get(parent)
    if live is None:
        return parent in partition.aside
    return any(asked.child_run_id == run_id for asked in (live.calls or {}).values())


async def _ask(service: Service, number: int, asked: Needed) -> set[str]:
    """Ask another partition. Raises RefusedError, UncertainError: then nothing is forgotten."""
    payload = await errands.request(service.bus, subjects.engine(number, "needed"), asked)
    answer = _decode_answer(payload)
    if answer.error is not None:
        raise RefusedError(answer.error.code, answer.error.message)
    return set(answer.ok)


# ── in what order ────────────────────────────────────────────────────────────────────────────────


def forget(partition: Partition, runs: dict[str, int], now: int) -> None:
    """Forget runs, and let what is stored of them be removed after the commit.

    By id, where their ends stand in the history.
    """
    partition.record(RunsPurged(timestamp=rfc3339(now), payload={"runs": runs}))
    forget_rows(partition, runs)
    partition.purges += 1
    partition.purging |= runs
    partition.send(errands.RemoveRuns(runs, partition.outbox.offset - 1))


def forget_rows(partition: Partition | Contents, run_ids: Collection[str]) -> None:
    """Forget the rows of runs, their dead letters, and the keys that lead to them."""
    gone = set(run_ids)
    partition.closed.remove(gone)
    partition.letters.remove_runs(gone)
    for key in [key for key, (run_id, _) in partition.keys.items() if run_id in gone]:
        del partition.keys[key]


async def remove(service: Service, errand: errands.RemoveRuns) -> bool:
    """Remove what is stored of runs; False while history does not have their record yet."""
    if await service.feed.last_offset() < errand.offset:
        return False
    try:
        await service.verify()
    except FencedError:
        return True  # whoever has replaced us does it
    for run_id, upto in errand.runs.items():
        await service.payloads.forget(run_id)
        await service.checkpoints.forget(run_id)
        await service.feed.forget_run(run_id, upto)
    partition = service.partition
    if partition is not None:
        for run_id in errand.runs:
            partition.purging.pop(run_id, None)
    return True


async def keep(service: Service, keep_ms: int) -> None:
    """Forget, for ever, what has ended longer ago than that."""
    pause_s = min(max(keep_ms // ROUNDS_PER_AGE, ROUND_MIN_MS), ROUND_MAX_MS) / 1000
    while True:
        try:
            await _keep_once(service, keep_ms)
        except RefusedError:
            pass  # busy, or another partition does not serve: later
        except (UncertainError, UnavailableError, TimeoutError, BrokenError) as doubt:
            service.tell(f"old runs are not removed now: {str(doubt) or in_words(doubt)}")
        await asyncio.sleep(pause_s)


async def _keep_once(service: Service, keep_ms: int) -> None:
    after: int | None = 0
    before = service.clock.now_ms() - keep_ms
    while after is not None:
        batch = await purge_some(service, api.PurgeRuns(before=before, after=after))
        after = batch.next
        await asyncio.sleep(PAUSE_S)
    if service.partitions == 1 and batch.younger:
        # What was noted of the partition itself; with several, one of these may be the newest
        # event of one of them, by which it finds the end of its history.
        await service.feed.forget_run(PARTITION, batch.old)
