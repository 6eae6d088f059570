"""All rate limits that anything is known of, and when each is to be looked at again."""

from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import Any

from dagnats.ir.program import TaskNode
from dagnats.machine.permits import Window, WindowKey


class Windows:
    """The windows by task and key; an alarm opens each when an attempt may start again."""

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
