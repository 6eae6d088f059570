"""Which worker gets what next. Pure: time arrives as data.

Of all that waits, the oldest goes first that has a free worker and that no limit holds back. What a
worker holds is counted here, so credit needs no messages of its own. Every delivery given out has a
lease; a worker's beat extends the leases it names. All of this is rebuilt from the runs' states at
start-up: it is a view, never the truth (but for the starts that rates count: `buckets`).

*Age.* A ticket is as old as `queued_at` says, and its offset more. It stands as if it were
`TURN_MS` younger for each attempt that its run already has here, waiting or held, when it comes: so
runs that fan out take turns with others of the same age instead of going before them. The place of
a ticket never changes after that, and every later one is younger in the end: nobody starves.

*Sticky.* The first lease binds a run to its worker. `soft`: that one is preferred while it takes
more, else anybody goes at once; when it has left, the next one takes its place. `hard`: only that
one, also when it is away, until the run ends: its timeouts end the wait.
"""

from heapq import heapify, heappop, heapreplace
from itertools import chain
from typing import Any

from dagnats.ir.program import TaskNode
from dagnats.machine.backlog import TURN_MS, Backlog
from dagnats.machine.permits import Lane, Limit, Line, RunPermits, Tether, pass_on
from dagnats.machine.tickets import DeliveryKey, Entry, Held, Order, Seat, Ticket
from dagnats.machine.waits import reason

__all__ = ["GRACE_MS", "TURN_MS", "DeliveryKey", "Dispatcher", "Ticket"]

GRACE_MS = 1_500
"""A delivery younger than this may still be on its way to a worker that does not name it."""

LAST: Order = (2**62, 0)


class Dispatcher:
    """Waiting tickets, seats of workers, and leases between them."""

    def __init__(self, lease_ms: int) -> None:
        self.lease_ms = lease_ms
        self._backlog = Backlog()
        self._entries: dict[DeliveryKey, Entry] = {}  # what waits and what is held
        self._seats: dict[str, Seat] = {}
        self._left: dict[str, Held] = {}  # what workers hold that have no seat
        self._tethers: dict[str, Tether] = {}
        self._watched: Held = {}  # what has a heartbeat timeout

    @property
    def waiting_count(self) -> int:
        """Return how many deliveries wait."""
        return self._backlog.waiting

    @property
    def held_count(self) -> int:
        """Return how many deliveries workers hold."""
        return len(self._entries) - self._backlog.waiting

    @property
    def worker_count(self) -> int:
        """Return how many workers are known."""
        return len(self._seats)

    def workers_for(
        self, task: str, group: str | None = None, capabilities: tuple[str, ...] = ()
    ) -> int:
        """Return how many workers can do a task."""
        known = self._backlog.tasks.get(task)
        seats = known.seats if known is not None else ()
        return sum(seat.serves(group, capabilities) for seat in seats)

    # ── tickets ──────────────────────────────────────────────────────────────────────────────────

    def offer(self, ticket: Ticket) -> None:
        """Let a delivery wait; replaces an older delivery of the same attempt."""
        key = (ticket.run_id, ticket.step, ticket.iteration, ticket.attempt)
        if key in self._entries:
            self.withdraw(key)
        self._entries[key] = self._backlog.put(ticket, key)

    def withdraw(self, key: DeliveryKey) -> str | None:
        """Forget an attempt that has ended or is to end; returns the worker that holds it."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        worker_id, ticket = entry.worker_id, entry.ticket
        if worker_id is None:
            self._backlog.take_away(entry)
            return None
        seat = self._seats.get(worker_id)
        if seat is not None:
            del seat.held[key]
        else:
            del self._left[worker_id][key]
            if not self._left[worker_id]:
                del self._left[worker_id]
        if ticket.node.heartbeat_timeout_ms is not None:
            self._watched.pop(key, None)
        self._backlog.give_back(ticket)
        if self._tethers:
            tether = self._tethers.get(worker_id)
            if tether is not None:
                tether.wake()
        return worker_id

    def forget_run(self, run_id: str) -> None:
        """Let an ended run be bound to no worker any more."""
        self._backlog.forget_run(run_id)

    def bind(self, run_id: str, worker_id: str) -> None:
        """Bind a sticky run to the worker that it had before a takeover."""
        self._backlog.runs.setdefault(run_id, RunPermits()).worker_id = worker_id

    # ── workers ──────────────────────────────────────────────────────────────────────────────────

    def seat(  # noqa: PLR0913, PLR0917
        self,
        worker_id: str,
        tasks: frozenset[str],
        concurrency: int,
        now: int,
        groups: frozenset[str] = frozenset(),
        capabilities: frozenset[str] = frozenset(),
    ) -> None:
        """Let a worker take part, or update what it announced."""
        self.unseat(worker_id)
        seat = Seat(worker_id, concurrency, self._left.pop(worker_id, {}), now)
        seat.tasks, seat.groups, seat.capabilities = tasks, groups, capabilities
        self._seats[worker_id] = seat
        for name in sorted(tasks):
            self._backlog.task(name).enter(seat)
        tether = self._tethers.get(worker_id)
        if tether is not None:
            tether.seat = seat
            tether.wake()

    def unseat(self, worker_id: str) -> None:
        """Send a worker nothing more; what it holds stays leased."""
        seat = self._seats.pop(worker_id, None)
        if seat is None:
            return
        if seat.held:
            self._left[worker_id] = seat.held
        for name in sorted(seat.tasks):
            task = self._backlog.task(name)
            task.leave(seat)
            if not task.seats:
                self._backlog.tidy(task)
        tether = self._tethers.get(worker_id)
        if tether is not None:
            tether.seat = None

    def knows(self, worker_id: str) -> bool:
        """Whether a worker has announced itself."""
        return worker_id in self._seats

    def beat(self, worker_id: str, held: set[DeliveryKey], now: int) -> None:
        """Extend the leases a worker names; those it should hold and does not know run out."""
        seat = self._seats.get(worker_id)
        if seat is not None:
            seat.seen_at = now
        for key in held:
            entry = self._entries.get(key)
            if entry is not None and entry.worker_id == worker_id:
                entry.until = now + self.lease_ms
                entry.named = now

    def disown(self, worker_id: str, held: set[DeliveryKey], now: int) -> None:
        """End a worker's leases on all but what it says it holds, and what may be on its way."""
        for key, entry in self._held_by(worker_id).items():
            if key not in held and now - entry.since > GRACE_MS:
                entry.until = now

    def restore(self, ticket: Ticket, worker_id: str, now: int) -> None:
        """Lease a delivery that a worker held before a takeover; the lease counts from now."""
        self.withdraw(ticket.key)
        entry = self._entries[ticket.key] = self._backlog.put_held(ticket)
        held = self._held_by(worker_id)
        if worker_id not in self._seats:
            self._left[worker_id] = held
        self._lease(entry, worker_id, held, now)
        entry.since = now - GRACE_MS - 1

    def _held_by(self, worker_id: str) -> Held:
        seat = self._seats.get(worker_id)
        return self._left.get(worker_id, {}) if seat is None else seat.held

    def _lease(self, entry: Entry, worker_id: str, held: Held, now: int) -> None:
        """Let a worker hold a ticket."""
        ticket = entry.ticket
        entry.worker_id = worker_id
        entry.since = entry.named = now
        entry.until = now + self.lease_ms
        held[entry.key] = entry
        if ticket.node.heartbeat_timeout_ms is not None:
            self._watched[entry.key] = entry
        self._backlog.task(ticket.node.task).held += 1
        if ticket.is_special:
            run = self._backlog.runs[ticket.run_id]
            run.held += 1
            if ticket.sticky is not None and run.worker_id is None:
                run.worker_id = worker_id

    def expired(self, now: int) -> list[tuple[DeliveryKey, int]]:
        """Return the deliveries whose lease is over; silent workers lose their seat."""
        for worker_id in [
            w for w, seat in self._seats.items() if now - seat.seen_at > self.lease_ms
        ]:
            self.unseat(worker_id)
        return [
            (key, entry.ticket.delivery)
            for held in chain((seat.held for seat in self._seats.values()), self._left.values())
            for key, entry in held.items()
            if entry.until <= now
        ]

    def silent(self, now: int) -> list[DeliveryKey]:
        """Return what is held under a good lease and has not been named for too long."""
        return [
            key
            for key, entry in self._watched.items()
            if entry.until > now > entry.named + (entry.ticket.node.heartbeat_timeout_ms or 0)
        ]

    # ── who gets what ────────────────────────────────────────────────────────────────────────────

    def assign(self, now: int, most: int) -> list[tuple[str, Ticket]]:
        """Give out up to `most` waiting deliveries to workers that take more, oldest first."""
        backlog = self._backlog
        backlog.windows.ring(now)
        given: list[tuple[str, Ticket]] = []
        heads: list[tuple[int, int, Lane]] = []
        for lane in list(backlog.active):
            line = lane.ready.top()
            if line is None:
                del backlog.active[lane]
            else:
                heads.append((*line.order, lane))
        heapify(heads)
        while heads and len(given) < most:
            lane = heads[0][2]
            bound = min(heads[1:3])[:2] if len(heads) > 1 else LAST
            order = self._serve(lane, bound, now, most, given)
            if order is None:
                heappop(heads)
            else:
                heapreplace(heads, (*order, lane))
        backlog.waiting -= len(given)
        return given

    def _serve(
        self, lane: Lane, bound: Order, now: int, most: int, given: list[tuple[str, Ticket]]
    ) -> Order | None:
        """Give out from a lane what is older than `bound`.

        Returns the order of its next one, or None when there is nothing more to be had from it now.
        """
        ready = lane.ready
        while len(given) < most:
            line = ready.top()
            if line is None:
                return None
            if line.order > bound:
                return line.order
            if lane.task.is_full or lane.free_seat() is None:
                return None
            ready.drop_top()
            if line.is_free:
                next_line = ready.top()
                until = bound if next_line is None else min(bound, next_line.order)
                self._give_all(line, until, now, most, given)
            else:
                self._give_one(line, now, given)
        return None

    def _give_all(
        self, line: Line, bound: Order, now: int, most: int, given: list[tuple[str, Ticket]]
    ) -> None:
        """Give out from a line without limits of its own what is older than `bound`."""
        seats, task, queue, late = line.lane.seats, line.lane.task, line.queue, line.late
        until = now + self.lease_ms
        left, full, taken = most - len(given), 0, 0
        if task.cap is not None:
            left = min(left, task.cap - task.held)
        while taken < left and full < len(seats):
            seat = seats[0]
            if len(seat.held) >= seat.concurrency:
                seats.rotate(-1)
                full += 1
                continue
            entry = line.first() if late else queue[0] if queue else None
            if entry is None:
                break
            if entry.gone:
                line.pop(entry)
                line.gone -= 1
                continue
            if entry.tag >= bound[0] and (entry.tag, entry.seq) > bound:
                break
            if late:
                line.pop(entry)
            else:
                queue.popleft()
            entry.worker_id = seat.worker_id
            entry.since = entry.named = now
            entry.until = until
            seat.held[entry.key] = entry
            ticket = entry.ticket
            if ticket.node.heartbeat_timeout_ms is not None:
                self._watched[entry.key] = entry
            given.append((seat.worker_id, ticket))
            taken += 1
            if len(seats) > 1:
                seats.rotate(-1)
            full = 0
        task.held += taken
        self._backlog.refile(line)

    def _give_one(self, line: Line, now: int, given: list[tuple[str, Ticket]]) -> None:
        """Give out the first of a line, or park the line at what holds it back."""
        entry = line.head()
        if entry is None:
            self._backlog.drop(line)
            return
        if line.order != entry.order:
            line.lane.file(line, entry.order)
            pass_on(line)
            return
        blocker = self._blocker(line, entry, now)
        if blocker is not None:
            blocker.park(line, entry.order)
            pass_on(line)
            return
        seat = self._seat_for(line, entry.ticket)
        line.pop(entry)
        self._lease(entry, seat.worker_id, seat.held, now)
        for window in line.windows:
            window.take(now, entry.ticket.node)
        given.append((seat.worker_id, entry.ticket))
        self._backlog.refile(line)
        pass_on(line)

    def _blocker(self, line: Line, entry: Entry, now: int) -> Limit | None:
        """Return the limit that does not let the first of a line go."""
        run = line.run
        if run is not None:
            if run.is_full:
                return run
            if line.sticky == "hard" and run.worker_id is not None:
                seat = self._seats.get(run.worker_id)
                if seat is None or not seat.is_free or not line.lane.takes(seat):
                    tether = self._tethers.get(run.worker_id)
                    return tether or Tether(run.worker_id, seat, self._tethers)
        for window in line.windows:
            if not window.admits(entry, now):
                return window
        return None

    def _seat_for(self, line: Line, ticket: Ticket) -> Seat:
        """Return the seat that a ticket goes to: the one it is bound to, or whose turn it is."""
        lane = line.lane
        if ticket.sticky is not None:
            run = self._backlog.runs[ticket.run_id]
            seat = self._seats.get(run.worker_id) if run.worker_id is not None else None
            if seat is None:
                run.worker_id = None
            elif seat.is_free and lane.takes(seat):
                return seat
        seat = lane.free_seat()
        assert seat is not None, lane.task.name
        lane.seats.rotate(-1)
        return seat

    def due_ms(self) -> int | None:
        """Return when a waiting delivery may go by time alone, or None."""
        return self._backlog.windows.due_ms()

    # ── what is told, and kept ───────────────────────────────────────────────────────────────────

    def why(self, key: DeliveryKey, now: int) -> str:
        """Return what a delivery waits for, in words that follow "waits for"."""
        entry = self._entries.get(key)
        if entry is None:
            return "nothing: it is not queued"
        if entry.worker_id is not None:
            return f"worker {entry.worker_id}"
        run = self._backlog.runs.get(key[0])
        return reason(self._backlog.line(entry.ticket), entry, run, self._seats, now)

    def buckets(self) -> list[Any]:
        """Return the starts that rate limits count, as JSON."""
        return self._backlog.windows.dump()

    def load_buckets(self, data: Any) -> None:
        """Take up what `buckets` has returned."""
        self._backlog.windows.load(data or [])

    def count_started(self, node: TaskNode, rate_key: str, at: int) -> None:
        """Count an attempt that was started and has no ticket here."""
        self._backlog.windows.count(node, rate_key, at)
