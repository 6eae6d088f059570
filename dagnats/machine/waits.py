"""What a delivery waits for, in words: the first thing that would have to change.

Limits are named before busy workers: when a worker is free the limit is still there.
"""

from collections.abc import Mapping

from dagnats.ir.program import RateLimit
from dagnats.machine.permits import Lane, Line, RunPermits, Window
from dagnats.machine.tickets import Entry, Seat


def reason(
    line: Line, entry: Entry, run: RunPermits | None, seats: Mapping[str, Seat], now: int
) -> str:
    """Return what a waiting delivery waits for."""
    lane, ticket = line.lane, entry.ticket
    able = [seat for seat in lane.task.seats if lane.takes(seat)]
    bound = run.worker_id if run is not None and ticket.sticky == "hard" else None
    if bound is None and not able:
        return _nobody(lane)
    if bound is not None and (found := _bound(lane, bound, seats.get(bound))) is not None:
        return found
    if lane.task.is_full:
        return (
            f"one of the attempts of task `{lane.task.name}` to end: {lane.task.held} run, at most "
            f"{lane.task.cap} may (`max_task_concurrency`)"
        )
    if run is not None and run.is_full:
        return (
            f"another attempt of this run to end: {run.held} run, at most {run.most} may "
            "(`concurrency.max_steps`)"
        )
    for window in line.windows:
        found = _rate(window, window.rate(ticket.node), entry, now)
        if found is not None:
            return found
    if not any(seat.is_free for seat in able):
        return f"a free worker: {_all(len(able))} for task `{lane.task.name}` as much as it takes"
    return "its turn, which is next"


def _all(count: int) -> str:
    return "the only one has" if count == 1 else f"each of the {count} has"


def _nobody(lane: Lane) -> str:
    name, known = lane.task.name, len(lane.task.seats)
    if not known:
        return f"a worker for task `{name}`: none is connected"
    wanted = []
    if lane.group is not None:
        wanted.append(f"in group `{lane.group}`")
    if lane.capabilities:
        wanted.append("with " + ", ".join(f"`{one}`" for one in lane.capabilities))
    who = "the one connected is not" if known == 1 else f"none of the {known} connected is"
    return f"a worker for task `{name}` {' and '.join(wanted)}: {who}"


def _bound(lane: Lane, worker_id: str, seat: Seat | None) -> str | None:
    about = f"worker {worker_id}, to which the run is bound (`sticky: hard`)"
    if seat is None:
        return f"{about} and which is not connected"
    if not lane.takes(seat):
        return f"{about} and which does not do task `{lane.task.name}`"
    return None if seat.is_free else f"{about} and which has as much as it takes"


def _rate(window: Window, rate: RateLimit, entry: Entry, now: int) -> str | None:
    at = window.starts.free_at(now, rate)
    task, key = window.key
    whose = f"task `{task}`" if key is None else f"task `{task}` and key `{key}`"
    what = f"the rate limit of {whose} ({rate.limit:,} in {rate.period_ms:,} ms)"
    if at > now:
        return f"{what}: {at - now:,} ms more at the least"
    if window.closed_until is not None and window.closed_by < entry.order:
        return f"{what}: an older attempt goes first"
    return None
