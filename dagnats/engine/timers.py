"""Time: what the engine takes it to be, and when which run is to be looked at again.

One armed time per run; the machine knows what is due.

Arming is cheap and lazy in one direction only: an armed time is never later than what is due, so a
look may come too early (and arms again) but never too late.
"""

from heapq import heapify, heappop, heappush

from dagnats.ports import Clock

STALE_MIN = 1_000
"""Entries of ended runs are swept out once there are more than this, and more than live ones."""


class Steady:
    """`ports.Clock` that goes on when the one it reads steps back, from where that was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0
        self._last = 0

    def now_ms(self) -> int:
        """Return milliseconds since the epoch, never less than before."""
        now = self._clock.now_ms() + self._ahead
        if now < self._last:
            self._ahead += self._last - now
            now = self._last
        self._last = now
        return now


class Timers:
    """A heap of due times by run, in milliseconds since the epoch."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._armed: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, run_id: str, due: int) -> bool:
        """Look at a run at `due` or before; returns whether this is now the earliest of all."""
        armed = self._armed.get(run_id)
        if armed is not None and armed <= due:
            return False
        self._armed[run_id] = due
        heappush(self._heap, (due, run_id))
        return self._heap[0][0] == due

    def forget(self, run_id: str) -> None:
        """Drop a run that has ended."""
        self._armed.pop(run_id, None)
        stale = len(self._heap) - len(self._armed)
        if stale > STALE_MIN and stale > len(self._armed):
            self._heap = [(due, run) for run, due in self._armed.items()]
            heapify(self._heap)

    def next_due(self) -> int | None:
        """Return the earliest armed time, or None."""
        heap = self._heap
        while heap and self._armed.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: int) -> list[str]:
        """Take all runs armed for `now` or before; each is to be armed again or forgotten."""
        found = []
        while (due := self.next_due()) is not None and due <= now:
            _, run_id = heappop(self._heap)
            del self._armed[run_id]
            found.append(run_id)
        return found
