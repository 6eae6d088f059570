"""The real clock."""

import time


class SystemClock:
    """`ports.Clock`: the wall clock as it was at the start, moved on by the monotonic one.

    Timers and leases are told in this time. A wall clock that is set back would stop all of them
    for as long as the step, one that is set forward would end all of them at once. So steps of the
    wall clock count only from the next start, and within a process time never goes back.
    """

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return (self._ahead_ns + time.monotonic_ns()) // 1_000_000
