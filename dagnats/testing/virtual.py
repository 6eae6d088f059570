"""An event loop on virtual time: nothing waits, and the same program takes the same turns again.

When all that can run has run, time jumps to the next timer. There are no threads and no sockets in
it, so whatever is asked of it happens in the order in which it was asked for; the order of timers
that are due at once is that of their times, then of their making.
"""

import asyncio
from asyncio import base_events, events
from collections.abc import Coroutine
from heapq import heappush
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlockError(Exception):
    """Something is waited for that can never come: no timer is set, and nothing can run."""


class _Selector:
    """Stands where a loop waits for its sockets, and lets time pass instead."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise DeadlockError("nothing can ever happen again")
        if timeout > 0:
            self._loop.jump()
        return []

    def close(self) -> None:
        """Do nothing."""


class _Timer(events.TimerHandle):
    """A timer that comes after the older ones of its time."""

    __slots__ = ("number",)
    number: int
    _when: float
    _scheduled: bool

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        return (self._when, self.number) < (other._when, other.number)


class VirtualLoop(base_events.BaseEventLoop):
    """An event loop whose time is a number that jumps."""

    _scheduled: list[_Timer]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers = 0
        self._clock_resolution = 1e-6
        self._selector = _Selector(self)

    def time(self) -> float:
        """Return how many seconds have passed."""
        return self._now

    def jump(self) -> None:
        """Let time pass until the next timer."""
        self._now = max(self._now, self._scheduled[0].when())

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> events.TimerHandle:
        """Call back at a time; those of the same time in the order of their asking."""
        self._timers += 1
        timer = _Timer(when, callback, args, self, context)
        timer.number = self._timers
        heappush(self._scheduled, timer)
        timer._scheduled = True  # noqa: SLF001 (as the base does)
        return timer

    def _process_events(self, event_list: list[Any]) -> None:
        """Take what the selector has found: nothing."""

    def _write_to_self(self) -> None:
        """Wake a selector that waits: this one never does."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a virtual loop of its own; what is left over is dropped."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        drop(loop)


def drop(loop: VirtualLoop) -> None:
    """Cancel all that is left and close the loop."""
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
