"""The real clock."""

import time


class SystemClock:
    """`ports.Clock`: the machine's wall clock; it may step, event time does not follow it back."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000
