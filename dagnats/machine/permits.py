"""What holds attempts back that a worker could take: limits, and who waits for each.

A limit parks the lines whose first ticket it does not let go. When it opens it wakes, in each lane,
the oldest line that it has parked; the next one follows when that one has been looked at and the
limit is still open. So what a limit holds back costs nothing until it opens.

Rates are exact: a window remembers every start of the last period, so no stretch of time of the
length of a period ever has more units than the limit. (A bucket that refills as time goes by would
let twice as many go around the moment it is full.)
"""

from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import Any

from dagnats.ir.program import RateLimit, TaskNode
from dagnats.machine.lines import Entry, Lane, Line, Order, Pile, Seat

GRAINS = 1_024
"""Starts closer together than this part of a period are remembered as one, as of the last one."""

WindowKey = tuple[str, str | None]
"""A task, and the value of the key of a limit by key."""


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


class Starts:
    """The starts of the longest period asked for: grains of [first, last, units]."""

    __slots__ = ("grains", "longest", "total")

    def __init__(self) -> None:
        self.grains: deque[list[int]] = deque()
        self.total = 0
        self.longest = 0

    def free_at(self, now: int, rate: RateLimit) -> int:
        """Return when an attempt may start: `now`, or the time at which enough has gone by.

        One that takes more than the limit takes all of it.
        """
        period = rate.period_ms
        self.longest = max(self.longest, period)
        over = min(rate.units, rate.limit) - rate.limit
        grains = self.grains
        self._forget(now)
        if period == self.longest:
            over += self.total
            counted = iter(grains)
        else:
            young = [grain for grain in grains if grain[1] > now - period]
            over += sum(units for _, _, units in young)
            counted = iter(young)
        if over <= 0:
            return now
        for _, last, units in counted:
            over -= units
            if over <= 0:
                return last + period
        raise AssertionError(over)

    def take(self, at: int, rate: RateLimit) -> None:
        """Count a start; one that comes late counts as of the last one."""
        units = min(rate.units, rate.limit)
        grains = self.grains
        if grains:
            at = max(at, grains[-1][1])
        self.longest = max(self.longest, rate.period_ms)
        self.total += units
        if grains and at - grains[-1][0] <= self.longest // GRAINS:
            grains[-1][1] = at
            grains[-1][2] += units
        else:
            grains.append([at, at, units])

    @property
    def over_at(self) -> int:
        """Return when all of it is past."""
        return self.grains[-1][1] + self.longest if self.grains else 0

    def _forget(self, now: int) -> None:
        grains = self.grains
        while grains and grains[0][1] + self.longest <= now:
            self.total -= grains.popleft()[2]


class Window(Limit):
    """The rate limit of a task, or of a task with a key.

    Every attempt that has such a limit is counted, and each keeps to the one it has itself. While
    one waits for it, those behind do, too: what takes many units is not overtaken for ever by what
    takes few. `lines` counts those of the dispatcher that are subject to it.
    """

    __slots__ = ("closed_by", "closed_until", "fades", "key", "lines", "starts", "windows")

    def __init__(self, key: WindowKey, windows: "Windows") -> None:
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


class Windows:
    """All rate limits that anything is known of, and when each is to be looked at again."""

    def __init__(self) -> None:
        self._windows: dict[WindowKey, Window] = {}
        self._alarms: list[tuple[int, int, Window]] = []
        self._fading: list[tuple[int, int, Window]] = []
        self._numbers = count()
        self._now = 0

    def __len__(self) -> int:
        return len(self._windows)

    def get(self, key: WindowKey) -> Window:
        """Return the window of a task and key."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(key, self)
        return window

    def ring_at(self, at: int, window: Window) -> None:
        """Open a window at a time."""
        heappush(self._alarms, (at, next(self._numbers), window))

    def fade(self, window: Window) -> None:
        """Forget a window once all that it remembers is past and no line is subject to it."""
        if not window.fades:
            window.fades = True
            heappush(self._fading, (window.starts.over_at, next(self._numbers), window))

    def ring(self, now: int) -> None:
        """Open the windows whose time has come; forget those that nobody needs."""
        self._now = max(now, self._now)
        while self._alarms and self._alarms[0][0] <= now:
            at, _, window = heappop(self._alarms)
            if window.closed_until == at:
                window.open()
        while self._fading and self._fading[0][0] <= now:
            window = heappop(self._fading)[2]
            window.fades = False
            if window.starts.over_at > now:
                self.fade(window)
            elif not window.lines:
                del self._windows[window.key]

    def due_ms(self) -> int | None:
        """Return when a window opens next."""
        alarms = self._alarms
        while alarms and alarms[0][2].closed_until != alarms[0][0]:
            heappop(alarms)
        return alarms[0][0] if alarms else None

    def count(self, node: TaskNode, rate_key: str, at: int) -> None:
        """Count the start of an attempt that has no ticket here."""
        for key in window_keys(node, rate_key):
            self.get(key).take(at, node)

    def dump(self) -> list[Any]:
        """Return what is remembered of starts as JSON."""
        return [
            [*key, window.starts.longest, [list(grain) for grain in window.starts.grains]]
            for key, window in self._windows.items()
            if window.starts.over_at > self._now
        ]

    def load(self, data: list[Any]) -> None:
        """Take up what `dump` has returned."""
        for task, key, longest, grains in data:
            window = self.get((task, key))
            window.starts.longest = longest
            window.starts.grains = deque(list(grain) for grain in grains)
            window.starts.total = sum(grain[2] for grain in grains)
            self.fade(window)


def window_keys(node: TaskNode, rate_key: str) -> list[WindowKey]:
    """Return the windows that an attempt of a node is counted in."""
    keys: list[WindowKey] = []
    if node.rate_limit is not None:
        keys.append((node.task, None))
    if node.keyed_rate_limit is not None:
        keys.append((node.task, rate_key))
    return keys
