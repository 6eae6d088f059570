"""What waits for a worker, in order, and what holds it back: tickets in lines, lines in lanes.

A *lane* is what the same workers can do: a task with a group and capabilities. Within it, a *line*
holds tickets that the same limits hold back, so that when the first one may not go none of them
may. A line is filed in one *pile*: among those of its lane that are to be looked at, or among those
that a limit has parked. Nothing here is ever searched for.

A limit parks the lines whose first ticket it does not let go. When it opens it wakes, in each lane,
the oldest line that it has parked; the next one follows when that one has been looked at and the
limit is still open. So what a limit holds back costs nothing until it opens.
"""

from collections import deque
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from dagnats.ir.program import RateLimit, TaskNode
from dagnats.machine.rates import Starts
from dagnats.machine.tickets import Entry, Order, Seat

WindowKey = tuple[str, str | None]
"""A task, and the value of the key of a limit by key."""

GONE_MIN = 100
"""What holds less than this of what is gone is not swept."""


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

    `plain` is the line of the tickets that ask for nothing special.
    `cap` is the least `max_task_concurrency` of its tickets, waiting and held.
    """

    __slots__ = ("cap", "caps", "held", "lanes", "name", "plain", "seats")

    def __init__(self, name: str) -> None:
        self.name = name
        self.seats: dict[Seat, None] = {}
        self.lanes: dict[tuple[str | None, tuple[str, ...]], Lane] = {}
        self.plain: Line | None = None
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


class Limit:
    """Lines that it holds back, by lane, and the one it has woken in each."""

    __slots__ = ("parked", "woken")

    def __init__(self) -> None:
        self.parked: dict[Lane, Pile] = {}
        self.woken: dict[Lane, Line] = {}

    def opens(self, lane: Lane) -> bool:
        """Whether a ticket of this lane may go now, or it is worth a look."""
        raise AssertionError(lane)

    def park(self, line: Line, order: Order) -> None:
        """Hold a line back until this opens."""
        pile = self.parked.get(line.lane)
        if pile is None:
            pile = self.parked[line.lane] = Pile()
        pile.add(line, order)
        line.parked_at = self

    def tidy(self, lane: Lane) -> None:
        """Forget a lane in which nothing is held back any more."""
        pile = self.parked.get(lane)
        if pile is not None and not pile.live:
            del self.parked[lane]

    def wake(self) -> None:
        """Let one line of each lane be looked at, where this is open."""
        for lane in list(self.parked):
            self.wake_in(lane)

    def wake_in(self, lane: Lane) -> None:
        """Let the oldest line of a lane be looked at, unless an older one is about to be."""
        pile = self.parked.get(lane)
        if pile is None or not self.opens(lane):
            return
        line = pile.top()
        assert line is not None, "a pile that is kept has a line"
        before = self.woken.get(lane)
        if before is not None and before.pile is lane.ready and before.order <= line.order:
            return
        self.woken[lane] = line
        line.woken_by = self
        lane.file(line, line.order)


def pass_on(line: Line) -> None:
    """Let what woke a line wake the next one: this one has been looked at."""
    limit, line.woken_by = line.woken_by, None
    if limit is not None:
        if limit.woken.get(line.lane) is line:
            del limit.woken[line.lane]
        limit.wake_in(line.lane)
        limit.tidy(line.lane)


class RunPermits(Limit):
    """How many attempts of a run are held, at most how many may be, and its worker.

    `tickets` counts those that wait and are held.
    """

    __slots__ = ("held", "most", "tickets", "worker_id")

    def __init__(self) -> None:
        super().__init__()
        self.most: int | None = None
        self.held = 0
        self.tickets = 0
        self.worker_id: str | None = None

    @property
    def is_full(self) -> bool:
        """Whether as many attempts are held as may be."""
        return self.most is not None and self.held >= self.most

    def opens(self, lane: Lane) -> bool:  # noqa: ARG002 - the same in every lane
        """Whether another attempt of the run may be held."""
        return not self.is_full


class Tether(Limit):
    """A worker that runs are bound to, here or gone; known while it holds anything back."""

    __slots__ = ("_all", "seat", "worker_id")

    def __init__(self, worker_id: str, seat: Seat | None, tethers: dict[str, "Tether"]) -> None:
        super().__init__()
        self.worker_id = worker_id
        self.seat = seat
        self._all = tethers
        tethers[worker_id] = self

    def opens(self, lane: Lane) -> bool:
        """Whether the worker is there, takes more, and may do this."""
        return self.seat is not None and self.seat.is_free and lane.takes(self.seat)

    def tidy(self, lane: Lane) -> None:
        """Forget a lane in which nothing is held back any more, and this with the last one."""
        super().tidy(lane)
        if not self.parked and not self.woken:
            self._all.pop(self.worker_id, None)


class Watch(Protocol):
    """What looks at windows when their time has come."""

    def ring_at(self, at: int, window: "Window") -> None:
        """Open a window at a time."""

    def fade(self, window: "Window") -> None:
        """Forget a window once all that it remembers is past and no line is subject to it."""


class Window(Limit):
    """The rate limit of a task, or of a task with a key.

    Every attempt that has such a limit is counted, and each keeps to the one it has itself. While
    one waits for it, those behind do, too: what takes many units is not overtaken for ever by what
    takes few. `lines` counts those of the dispatcher that are subject to it.
    """

    __slots__ = ("closed_by", "closed_until", "fades", "key", "lines", "starts", "windows")

    def __init__(self, key: WindowKey, windows: Watch) -> None:
        super().__init__()
        self.key = key
        self.windows = windows
        self.starts = Starts()
        self.closed_until: int | None = None
        self.closed_by: Order = (0, 0)
        self.lines = 0
        self.fades = False

    def opens(self, lane: Lane) -> bool:  # noqa: ARG002 - the same in every lane
        """Whether it is worth a look."""
        return self.closed_until is None

    def expect(self, node: TaskNode) -> None:
        """Remember starts for as long as an attempt of a node will ask for them."""
        self.starts.longest = max(self.starts.longest, self.rate(node).period_ms)

    def rate(self, node: TaskNode) -> RateLimit:
        """Return the limit of an attempt of a node."""
        found = node.rate_limit if self.key[1] is None else node.keyed_rate_limit
        assert found is not None, self.key
        return found

    def admits(self, entry: Entry, now: int) -> bool:
        """Whether an attempt may start now; if not, this is closed until it may."""
        order = entry.order
        if self.closed_until is not None and order > self.closed_by:
            return False
        at = self.starts.free_at(now, self.rate(entry.ticket.node))
        if at <= now:
            return True
        self.closed_by = order
        if at != self.closed_until:
            self.closed_until = at
            self.windows.ring_at(at, self)
        return False

    def take(self, at: int, node: TaskNode) -> None:
        """Count the start of an attempt."""
        self.starts.take(at, self.rate(node))
        self.windows.fade(self)

    def open(self) -> None:
        """Let those be looked at that wait."""
        self.closed_until = None
        self.wake()
