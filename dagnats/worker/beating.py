"""Beats for deliveries whose heartbeat timeout is shorter than a lease: at a third of the least."""

import asyncio
import contextlib
import math
import time

from dagnats.wire.tasks import Held
from dagnats.worker.sending import Key

BEAT_S_MIN = 0.01
"""A timeout of less than three of these is not kept up with."""


class Beating:
    """The deliveries that want beats of their own, until their results are accepted."""

    def __init__(self) -> None:
        self._held: dict[Key, tuple[Held, int]] = {}
        self._least_ms: int | None = None
        self._beaten_at = 0.0
        self._hurry = asyncio.Event()

    @property
    def held(self) -> list[Held]:
        """Return them."""
        return [held for held, _ in self._held.values()]

    def begin(self, key: Key, held: Held, timeout_ms: int) -> None:
        """Count a delivery in; whoever sleeps is woken if he would sleep too long."""
        self._held[key] = (held, timeout_ms)
        if self._least_ms is None or timeout_ms < self._least_ms:
            self._least_ms = timeout_ms
            self._hurry.set()

    def end(self, key: Key) -> None:
        """Count a delivery out."""
        ended = self._held.pop(key, None)
        if ended is not None and ended[1] == self._least_ms:
            self._least_ms = min(
                (timeout_ms for _, timeout_ms in self._held.values()), default=None
            )

    def is_due(self) -> bool:
        """Tell whether it is time for a beat."""
        return self._left_s() <= 0

    def beaten(self) -> None:
        """Count from now: a beat of all of them leaves."""
        self._beaten_at = time.monotonic()

    async def sleep(self, most_s: float) -> None:
        """Sleep until the next beat, `most_s` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(most_s, max(0.0, self._left_s()))):
                await self._hurry.wait()
        self._hurry.clear()

    def _left_s(self) -> float:
        if self._least_ms is None:
            return math.inf
        every_s = max(BEAT_S_MIN, self._least_ms / 3000)
        return self._beaten_at + every_s - time.monotonic()
