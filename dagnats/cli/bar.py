"""A progress bar on a terminal, for what takes long enough to wonder about."""

import shutil
import time
from types import TracebackType
from typing import Self, TextIO

QUIET_S = 0.3
REDRAW_S = 0.05
_FULL, _EMPTY = "█", "░"
_BAR_COLUMNS = 30
_CLEAR = "\r\x1b[K"


class Bar:
    """Says on a terminal how many of `total` are done; on anything else it says nothing."""

    def __init__(self, total: int, what: str, stream: TextIO) -> None:
        self._total = total
        self._what = what
        self._stream = stream
        self._wanted = stream.isatty()
        self._next = time.monotonic() + QUIET_S
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def tell(self, done: int) -> None:
        """Draw the bar anew, unless it is too early."""
        if not self._wanted or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + REDRAW_S
        self._drawn = True
        columns = shutil.get_terminal_size().columns
        self._stream.write(_CLEAR + line(done, self._total, self._what, columns))
        self._stream.flush()


def line(done: int, total: int, what: str, columns: int) -> str:
    """Return the bar as it is drawn in a terminal of so many columns, never wider."""
    counts = f" {done}/{total} {what}"
    room = min(_BAR_COLUMNS, columns - len(counts) - 1)
    if room < 4:
        return counts.strip()[: max(columns - 1, 0)]
    full = room * done // max(total, 1)
    return _FULL * full + _EMPTY * (room - full) + counts
