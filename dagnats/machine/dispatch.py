"""Which worker gets what next. Pure: time arrives as data.

Waiting deliveries stand in one line per task, first come first served. Workers announce their
tasks and how many they take at once; what they hold is counted here, so credit needs no messages of
its own. Every delivery given out has a lease; a worker's beat extends the leases it names. All of
this is rebuilt from the runs' states at start-up: it is a view, never the truth.
"""

from collections import deque
from typing import Any

import msgspec

DeliveryKey = tuple[str, int, int, int]
"""Run id, step index, iteration, attempt."""

GRACE_MS = 1_500
"""A delivery younger than this may still be on its way to a worker that does not name it."""


GONE_MIN = 100
"""A line is not swept for less than this."""


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """One delivery of one attempt, waiting or held."""

    run_id: str
    step: int
    iteration: int
    attempt: int
    delivery: int
    task: str
    input: Any
    loop_state: Any

    @property
    def key(self) -> DeliveryKey:
        """Return what names the attempt."""
        return (self.run_id, self.step, self.iteration, self.attempt)


class Line:
    """The waiting deliveries of a task; `gone` of them wait no more and are passed over."""

    __slots__ = ("gone", "tickets")

    def __init__(self) -> None:
        self.tickets: deque[Ticket] = deque()
        self.gone = 0


class Lease(msgspec.Struct, gc=False):
    """A delivery held by a worker until `until` (ms) unless it beats."""

    worker_id: str
    delivery: int
    since: int
    until: int


class Seat:
    """A worker as the dispatcher sees it."""

    __slots__ = ("concurrency", "draining", "held", "seen_at", "tasks", "worker_id")

    def __init__(self, worker_id: str, tasks: frozenset[str], concurrency: int, now: int) -> None:
        self.worker_id = worker_id
        self.tasks = tasks
        self.concurrency = concurrency
        self.held: set[DeliveryKey] = set()
        self.seen_at = now
        self.draining = False

    @property
    def credit(self) -> int:
        """Return how many more deliveries it takes now."""
        return 0 if self.draining else self.concurrency - len(self.held)


class Dispatcher:
    """Lines of waiting tickets, seats of workers, and leases between them."""

    def __init__(self, lease_ms: int) -> None:
        self.lease_ms = lease_ms
        self._lines: dict[str, Line] = {}
        self._waiting: dict[DeliveryKey, Ticket] = {}
        self._seats: dict[str, Seat] = {}
        self._by_task: dict[str, deque[Seat]] = {}
        self._leases: dict[DeliveryKey, Lease] = {}

    @property
    def waiting_count(self) -> int:
        """Return how many deliveries wait."""
        return len(self._waiting)

    @property
    def held_count(self) -> int:
        """Return how many deliveries workers hold."""
        return len(self._leases)

    @property
    def worker_count(self) -> int:
        """Return how many workers are known."""
        return len(self._seats)

    def workers_for(self, task: str) -> int:
        """Return how many workers can do a task."""
        return len(self._by_task.get(task, ()))

    def offer(self, ticket: Ticket) -> None:
        """Let a delivery wait; replaces an older delivery of the same attempt."""
        key = ticket.key
        if key in self._leases:
            self._release(key)
        if key in self._waiting:
            self._pass_over(key)
        self._waiting[key] = ticket
        line = self._lines.get(ticket.task)
        if line is None:
            line = self._lines[ticket.task] = Line()
        line.tickets.append(ticket)

    def withdraw(self, key: DeliveryKey) -> str | None:
        """Forget an attempt that has ended or is to end; returns the worker that holds it."""
        if key in self._waiting:
            self._pass_over(key)
        return self._release(key)

    def seat(self, worker_id: str, tasks: frozenset[str], concurrency: int, now: int) -> None:
        """Let a worker take part, or update what it announced."""
        if worker_id in self._seats:
            self.unseat(worker_id)
        seat = Seat(worker_id, tasks, concurrency, now)
        seat.held = {key for key, le in self._leases.items() if le.worker_id == worker_id}
        self._seats[worker_id] = seat
        for task in tasks:
            self._by_task.setdefault(task, deque()).append(seat)

    def unseat(self, worker_id: str) -> None:
        """Send a worker nothing more; what it holds stays leased."""
        seat = self._seats.pop(worker_id, None)
        if seat is None:
            return
        seat.draining = True
        for task in seat.tasks:
            seats = self._by_task[task]
            seats.remove(seat)
            if not seats:
                del self._by_task[task]

    def knows(self, worker_id: str) -> bool:
        """Whether a worker has announced itself."""
        return worker_id in self._seats

    def beat(self, worker_id: str, held: set[DeliveryKey], now: int) -> None:
        """Extend the leases a worker names; those it should hold and does not know run out."""
        seat = self._seats.get(worker_id)
        if seat is not None:
            seat.seen_at = now
        for key in held:
            lease = self._leases.get(key)
            if lease is not None and lease.worker_id == worker_id:
                lease.until = now + self.lease_ms

    def disown(self, worker_id: str, held: set[DeliveryKey], now: int) -> None:
        """End a worker's leases on all but what it says it holds, and what may be on its way."""
        for key, lease in self._leases.items():
            if lease.worker_id == worker_id and key not in held and now - lease.since > GRACE_MS:
                lease.until = now

    def restore(self, key: DeliveryKey, worker_id: str, delivery: int, now: int) -> None:
        """Lease a delivery that a worker held before a takeover; the lease counts from now."""
        self._leases[key] = Lease(worker_id, delivery, now - GRACE_MS - 1, now + self.lease_ms)

    def assign(self, now: int, most: int) -> list[tuple[str, Ticket]]:
        """Give out up to `most` waiting deliveries to workers with credit, in turn."""
        given: list[tuple[str, Ticket]] = []
        for task in list(self._lines):
            seats = self._by_task.get(task)
            if seats is not None:
                self._assign_task(task, seats, now, most, given)
        return given

    def _assign_task(
        self,
        task: str,
        seats: deque[Seat],
        now: int,
        most: int,
        given: list[tuple[str, Ticket]],
    ) -> None:
        line = self._lines[task]
        tickets = line.tickets
        idle = 0
        until = now + self.lease_ms
        while tickets and idle < len(seats) and len(given) < most:
            seat = seats[0]
            if len(seat.held) >= seat.concurrency:
                seats.rotate(-1)
                idle += 1
                continue
            ticket = tickets.popleft()
            key = ticket.key
            if self._waiting.get(key) is not ticket:
                line.gone -= 1
                continue
            del self._waiting[key]
            self._leases[key] = Lease(seat.worker_id, ticket.delivery, now, until)
            seat.held.add(key)
            given.append((seat.worker_id, ticket))
            if len(seats) > 1:
                seats.rotate(-1)
            idle = 0
        if not tickets:
            del self._lines[task]

    def expired(self, now: int) -> list[tuple[DeliveryKey, int]]:
        """Return the deliveries whose lease is over; silent workers lose their seat."""
        for worker_id in [
            w for w, seat in self._seats.items() if now - seat.seen_at > self.lease_ms
        ]:
            self.unseat(worker_id)
        return [(key, le.delivery) for key, le in self._leases.items() if le.until <= now]

    def _pass_over(self, key: DeliveryKey) -> None:
        """Let a ticket wait no more; lines are swept when most of what they hold is gone."""
        task = self._waiting.pop(key).task
        line = self._lines[task]
        line.gone += 1
        if line.gone > GONE_MIN and line.gone > len(line.tickets) // 2:
            waiting = self._waiting
            line.tickets = deque(t for t in line.tickets if waiting.get(t.key) is t)
            line.gone = 0

    def _release(self, key: DeliveryKey) -> str | None:
        lease = self._leases.pop(key, None)
        if lease is None:
            return None
        seat = self._seats.get(lease.worker_id)
        if seat is not None:
            seat.held.discard(key)
        return lease.worker_id
