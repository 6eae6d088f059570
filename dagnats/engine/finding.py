"""Runs by id, by prefix, by what they are: live, set aside, ended, or known from history alone."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import msgspec

from dagnats.engine import ingress, records
from dagnats.engine.aside import Aside
from dagnats.engine.book import Live, Summary
from dagnats.engine.partition import Partition
from dagnats.engine.programs import Programs
from dagnats.engine.views import Document, aside_row, closed_row, live_row
from dagnats.errors import BrokenError, RefusedError
from dagnats.machine.events import Event, RunPending, RunStarted, milliseconds
from dagnats.machine.evolve import replay
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState
from dagnats.ports import HistoryFeed
from dagnats.runid import minted_at_ms
from dagnats.wire.api import ListRuns

PREFIX_MIN = 4
"""A run may be named by the beginning of its id, from this length on."""


def beginning(partition: Partition, prefix: str) -> list[str]:
    """Return the ids of the listed runs that begin so, of those that were minted.

    An id that somebody has chosen is whole, and means nobody else: `order-1` is not `order-12`,
    wherever that lives, and whether or not it is known.
    """
    if len(prefix) < PREFIX_MIN or minted_at_ms(prefix) is not None:
        return []
    closed = (one.run_id for one in partition.closed.newest_first())
    ids = chain(partition.runs, partition.aside, closed)
    return [run_id for run_id in ids if run_id.startswith(prefix) and minted_at_ms(run_id)]


def is_listed(partition: Partition, run_id: str) -> bool:
    """Whether a run is alive here, set aside, or has ended here not long ago."""
    return bool(partition.status_of(run_id))


def is_younger(partition: Partition, run_id: str) -> bool:
    """Whether a run id was minted after all that is no longer listed was minted and ended."""
    minted = minted_at_ms(run_id)
    return minted is not None and minted > partition.closed.forgotten_until


def rows(partition: Partition, request: ListRuns) -> Iterator[Document]:
    """Yield runs as rows, the one that began last first, whether alive, set aside or ended."""
    live = sorted(partition.runs.values(), key=_began, reverse=True)
    aside = sorted(partition.aside.values(), key=_began, reverse=True)
    ended = sorted(partition.closed.newest_first(), key=_began, reverse=True)
    everything: Iterable[tuple[int, Live | Aside | Summary]] = merge(
        *(((one.started_at, one) for one in part) for part in (live, aside, ended)),
        key=itemgetter(0),
        reverse=True,
    )
    found: Iterator[Document] = (_row(one) for _, one in everything)
    if request.before:
        found = _after(found, request.before)
    return (row for row in found if _matches(row, request))


def _row(one: Live | Aside | Summary) -> Document:
    match one:
        case Live():
            return live_row(one)
        case Aside():
            return aside_row(one)
        case Summary():
            return closed_row(one)


def _began(one: Live | Aside | Summary) -> int:
    return one.started_at


def page(partition: Partition, request: ListRuns, most: int) -> list[Document]:
    """Return the first rows that match."""
    return list(islice(rows(partition, request), min(request.limit, most)))


def _after(everything: Iterator[Document], run_id: str) -> Iterator[Document]:
    for row in everything:
        if row["run_id"] == run_id:
            break
    yield from everything


def _matches(row: Document, request: ListRuns) -> bool:
    if request.workflow and row["workflow"] != request.workflow:
        return False
    if request.status and row["status"] != request.status:
        return False
    if any(row["labels"].get(key) != value for key, value in request.labels.items()):
        return False
    if request.since is None and request.until is None:
        return True
    began = milliseconds(row["started_at"])
    after = request.since is None or began >= request.since
    return after and (request.until is None or began <= request.until)


async def closed_state(
    partition: Partition, programs: Programs, feed: HistoryFeed, run_id: str
) -> tuple[Prepared, RunState]:
    """Return an ended run with its program, folded from its history.

    Raises RefusedError `not_found`, and `busy` while its history is being written.
    """
    if run_id in partition.purging:
        raise RefusedError("not_found", f"no run `{run_id}`")
    known = partition.closed.get(run_id)
    lines = await feed.read_run(run_id) if ingress.RUN_ID.fullmatch(run_id) else ()
    if not lines and known is None:
        raise RefusedError("not_found", f"no run `{run_id}`")
    events = read_events(run_id, list(lines))
    if not events or (known is not None and events[-1].seq < known.seq):
        raise RefusedError("busy", f"the history of `{run_id}` is still being written")
    return await fold(programs, run_id, events)


def reading(partition: Partition) -> tuple[Partition, int]:
    """Return what tells, later, whether runs were forgotten since."""
    return partition, partition.purges


def require_unpurged(partition: Partition, since: tuple[Partition, int]) -> None:
    """Raise RefusedError `busy` if runs were forgotten since `reading`: what was read may be."""
    if reading(partition) != since:
        raise RefusedError("busy", "runs are being removed; ask again")


def read_events(run_id: str, lines: list[bytes]) -> list[Event]:
    """Return the events of a run, each once. Raises BrokenError when one cannot be read.

    In the moment of a takeover by force two owners may publish the same events.
    """
    try:
        by_seq: dict[int, Any] = {}
        for event in map(records.decode, lines):
            by_seq.setdefault(event.seq, event)
    except msgspec.DecodeError as wrong:
        raise BrokenError(f"the history of `{run_id}` is damaged: {wrong}") from wrong
    return [by_seq[seq] for seq in sorted(by_seq)]


async def fold(programs: Programs, run_id: str, events: list[Event]) -> tuple[Prepared, RunState]:
    """Return the state that a whole history makes. Raises BrokenError when it is not whole."""
    first = events[0]
    whole = all(event.seq == seq for seq, event in enumerate(events, 1))
    if not whole or not isinstance(first, RunStarted | RunPending):
        raise BrokenError(f"the history of `{run_id}` has gaps or repeats: it cannot be folded")
    program = await programs.pinned(first.payload["digest"])
    return program, replay(program, events)
