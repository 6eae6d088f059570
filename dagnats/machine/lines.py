"""What waits for a worker, in order: tickets stand in lines, lines in lanes.

A *lane* is what the same workers can do: a task with a group and capabilities. Within it, a *line*
holds tickets that the same limits hold back, so that when the first one may not go none of them
may. A line is filed in one *pile*: among those of its lane that are to be looked at, or among those
that a limit has parked. Nothing here is ever searched for.
"""

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import msgspec

from dagnats.ir.program import TaskNode

if TYPE_CHECKING:
    from dagnats.machine.permits import Limit, RunPermits, Window

DeliveryKey = tuple[str, str, int, int]
"""Run id, address of the step, iteration, attempt."""

Order = tuple[int, int]
"""When a ticket counts as queued (ms), and a number that no two tickets share. Less goes first."""

GONE_MIN = 100
"""What holds less than this of what is gone is not swept."""


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """One delivery of one attempt, waiting or held.

    `rate_key` is the text of the key of its keyed limit, `offset_ms` by how much it counts as
    older, `max_steps` how many attempts of the run may be held at once.
    """

    run_id: str
    step: str
    iteration: int
    attempt: int
    delivery: int
    node: TaskNode
    input: Any
    loop_state: Any
    queued_at: int
    rate_key: str = ""
    offset_ms: int = 0
    max_steps: int | None = None
    sticky: str | None = None

    @property
    def key(self) -> DeliveryKey:
        """Return what names the attempt."""
        return (self.run_id, self.step, self.iteration, self.attempt)

    @property
    def is_special(self) -> bool:
        """Whether it has part in permits of its run."""
        return self.max_steps is not None or self.sticky is not None


class Entry(msgspec.Struct, gc=False, order=True):
    """A ticket that is here: it waits, or `worker_id` holds it until `until` unless it beats.

    Entries are ordered by `tag` and `seq`. `since` is when it was given, `named` when the worker
    last said that it holds it. One that is `gone` is only passed over where it still stands.
    """

    tag: int
    seq: int
    key: DeliveryKey
    ticket: Ticket
    worker_id: str | None = None
    since: int = 0
    until: int = 0
    named: int = 0
    gone: bool = False

    @property
    def order(self) -> Order:
        """Return its place among all."""
        return (self.tag, self.seq)


Held = dict[DeliveryKey, Entry]
"""What a worker holds, in the order in which it was given."""


class Seat:
    """A worker as the dispatcher sees it."""

    __slots__ = ("capabilities", "concurrency", "groups", "held", "seen_at", "tasks", "worker_id")

    def __init__(self, worker_id: str, concurrency: int, held: Held, now: int) -> None:
        self.worker_id = worker_id
        self.concurrency = concurrency
        self.held = held
        self.seen_at = now
        self.tasks: frozenset[str] = frozenset()
        self.groups: frozenset[str] = frozenset()
        self.capabilities: frozenset[str] = frozenset()

    @property
    def is_free(self) -> bool:
        """Whether it takes more now."""
        return len(self.held) < self.concurrency

    def serves(self, group: str | None, capabilities: tuple[str, ...]) -> bool:
        """Whether it may do what asks for a group and for capabilities."""
        return (group is None or group in self.groups) and self.capabilities.issuperset(
            capabilities
        )


class Line:
    """Tickets that the same limits hold back, in their order; `gone` of them wait no more.

    Most come in order and stand in `queue`; those that are older than its last one are `late`.
    """

    __slots__ = (
        "gone",
        "key",
        "lane",
        "late",
        "order",
        "parked_at",
        "pile",
        "queue",
        "run",
        "sticky",
        "windows",
        "woken_by",
    )

    def __init__(self, lane: "Lane", key: Any) -> None:
        self.lane = lane
        self.key = key
        self.queue: deque[Entry] = deque()
        self.late: list[Entry] = []
        self.gone = 0
        self.run: RunPermits | None = None
        self.sticky: str | None = None
        self.windows: tuple[Window, ...] = ()
        self.pile: Pile | None = None
        self.order: Order = (0, 0)
        self.parked_at: Limit | None = None
        self.woken_by: Limit | None = None

    @property
    def is_free(self) -> bool:
        """Whether no limit but the task's holds these back, and any worker will do."""
        return self.sticky is None and self.run is None and not self.windows

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits here."""
        return len(self.queue) + len(self.late) == self.gone

    def add(self, entry: Entry) -> None:
        """Let a ticket stand where it belongs."""
        queue = self.queue
        if not queue or entry.tag >= queue[-1].tag:
            queue.append(entry)
        else:
            heappush(self.late, entry)

    def first(self) -> Entry | None:
        """Return the first one, also if it is gone."""
        queue, late = self.queue, self.late
        if late and (not queue or late[0] < queue[0]):
            return late[0]
        return queue[0] if queue else None

    def head(self) -> Entry | None:
        """Return the first that waits; what is gone before it is dropped."""
        while (entry := self.first()) is not None and entry.gone:
            self.pop(entry)
            self.gone -= 1
        return entry

    def pop(self, first: Entry) -> None:
        """Drop the first one."""
        if self.late and self.late[0] is first:
            heappop(self.late)
        else:
            self.queue.popleft()

    def pass_over(self, entry: Entry) -> None:
        """Count one more as gone, and sweep when most of what is here is."""
        entry.gone = True
        self.gone += 1
        if self.gone > GONE_MIN and self.gone > (len(self.queue) + len(self.late)) // 2:
            self.queue = deque(one for one in self.queue if not one.gone)
            self.late = [one for one in self.late if not one.gone]
            heapify(self.late)
            self.gone = 0

    def clear(self) -> None:
        """Drop all; nobody waits."""
        self.queue.clear()
        self.late.clear()
        self.gone = 0


class Pile:
    """Lines by the order of their first ticket. What has been filed elsewhere is passed over."""

    __slots__ = ("heap", "live")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Line]] = []
        self.live = 0

    def add(self, line: Line, order: Order) -> None:
        """File a line here and nowhere else."""
        take_out(line)
        line.pile = self
        line.order = order
        self.live += 1
        heappush(self.heap, (*order, line))
        if len(self.heap) > GONE_MIN and len(self.heap) > 2 * self.live:
            live = {line: line.order for _, _, line in self.heap if line.pile is self}
            self.heap = [(*order, line) for line, order in live.items()]
            heapify(self.heap)

    def top(self) -> Line | None:
        """Return the first line."""
        heap = self.heap
        while heap:
            tag, seq, line = heap[0]
            if line.pile is self and line.order == (tag, seq):
                return line
            heappop(heap)
        return None

    def drop_top(self) -> None:
        """Take out the first line, which `top` has just returned."""
        _, _, line = heappop(self.heap)
        line.pile = None
        self.live -= 1


def take_out(line: Line) -> None:
    """Take a line out of where it is filed."""
    pile, limit = line.pile, line.parked_at
    if pile is not None:
        pile.live -= 1
        line.pile = None
    if limit is not None:
        line.parked_at = None
        limit.tidy(line.lane)


class Lane:
    """What the same workers can do: its seats and the lines that are to be looked at.

    While it has both it is among the `active` ones.
    """

    __slots__ = ("active", "capabilities", "group", "lines", "ready", "seats", "task")

    def __init__(
        self,
        task: "Task",
        group: str | None,
        capabilities: tuple[str, ...],
        active: dict["Lane", None],
    ) -> None:
        self.task = task
        self.group = group
        self.capabilities = capabilities
        self.active = active
        self.lines: dict[Any, Line] = {}
        self.ready = Pile()
        self.seats = deque(seat for seat in task.seats if seat.serves(group, capabilities))

    def file(self, line: Line, order: Order) -> None:
        """Let a line be looked at."""
        self.ready.add(line, order)
        if self.seats:
            self.active[self] = None

    def takes(self, seat: Seat) -> bool:
        """Whether the tickets of this lane are for a worker."""
        return self.task.name in seat.tasks and seat.serves(self.group, self.capabilities)

    def free_seat(self) -> Seat | None:
        """Return the seat whose turn it is among those that take more."""
        seats = self.seats
        for _ in range(len(seats)):
            seat = seats[0]
            if len(seat.held) < seat.concurrency:
                return seat
            seats.rotate(-1)
        return None

    def enter(self, seat: Seat) -> None:
        """Let a worker take tickets of this lane."""
        self.seats.append(seat)
        if self.ready.top() is not None:
            self.active[self] = None

    def leave(self, seat: Seat) -> None:
        """Give a worker none of these tickets any more."""
        self.seats.remove(seat)
        if not self.seats:
            self.active.pop(self, None)


class Task:
    """All there is about a task: its workers, its lanes, and how many attempts are held.

    `plain` is the line of tickets that ask for nothing special, `plain_node` a node of such ones.
    `cap` is the least `max_task_concurrency` of its tickets, waiting and held.
    """

    __slots__ = ("cap", "caps", "held", "lanes", "name", "plain", "plain_node", "seats")

    def __init__(self, name: str) -> None:
        self.name = name
        self.seats: dict[Seat, None] = {}
        self.lanes: dict[tuple[str | None, tuple[str, ...]], Lane] = {}
        self.plain: Line | None = None
        self.plain_node: TaskNode | None = None
        self.held = 0
        self.cap: int | None = None
        self.caps: dict[int, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether as many attempts are held as may be."""
        return self.cap is not None and self.held >= self.cap

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to know about it."""
        return not (self.held or self.lanes or self.seats)

    def enter(self, seat: Seat) -> None:
        """Let a worker take part."""
        self.seats[seat] = None
        for lane in self.lanes.values():
            if lane.takes(seat):
                lane.enter(seat)

    def leave(self, seat: Seat) -> None:
        """Give a worker nothing more."""
        del self.seats[seat]
        for lane in self.lanes.values():
            if lane.takes(seat):
                lane.leave(seat)

    def add_cap(self, cap: int) -> None:
        """Note that a ticket that waits or is held has a limit."""
        self.caps[cap] = self.caps.get(cap, 0) + 1
        self.cap = cap if self.cap is None else min(self.cap, cap)

    def drop_cap(self, cap: int) -> None:
        """Note that a ticket with a limit is gone."""
        self.caps[cap] -= 1
        if not self.caps[cap]:
            del self.caps[cap]
            self.cap = min(self.caps, default=None)
