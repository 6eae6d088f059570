"""How a process that serves is told to stop."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

INTERRUPTED = 130
INSIST_S = 0.1

T = TypeVar("T")


class Stop:
    """Set by SIGINT, SIGTERM or SIGHUP; the second one ends the process at once, with code 130.

    `code` is the exit code that fits: 130 after SIGINT, 0 after the others. `at_once`, if set, is
    called before the process ends without ceremony.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.code = 0
        self.at_once: Callable[[], None] | None = None

    def listen(self) -> None:
        """Begin to hear signals, on the running loop."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` and shells set some to be ignored, and mean it.
            if signal.getsignal(name) is not signal.SIG_IGN:
                loop.add_signal_handler(name, self._hear, name)

    def ask(self, code: int) -> None:
        """Stop for a reason of our own."""
        self.code = code
        self.asked.set()

    def end_at_once(self) -> None:
        """End the process here and now."""
        if self.at_once is not None:
            self.at_once()
        os._exit(INTERRUPTED)

    def _hear(self, name: signal.Signals) -> None:
        if self.asked.is_set():
            self.end_at_once()
        self.ask(INTERRUPTED if name == signal.SIGINT else 0)


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; SIGINT cancels it. Raises KeyboardInterrupt then.

    asyncio's own handler cancels once, and before Python 3.12 `asyncio.wait_for` swallows a
    cancellation that comes together with what it waits for. This one insists.
    """
    loop = asyncio.get_running_loop()
    working = asyncio.ensure_future(work)

    def interrupt() -> None:
        if not working.done():
            working.cancel()
            loop.call_later(INSIST_S, interrupt)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await working
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
