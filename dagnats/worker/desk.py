"""What contexts ask of the worker they run in, from its event loop or from threads."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from dagnats.wire import subjects
from dagnats.wire.api import ApiError
from dagnats.wire.tasks import Checkpoint, Checkpointed, Held
from dagnats.worker.sending import Sending, Spawn
from dagnats.worker.signals import NonRetryable, Retryable
from dagnats.worker.store import Store

PIECES_WAITING_MAX = 10_000
"""Pieces of all streams that are not sent yet; more are dropped."""
PIECES_TOGETHER = 100
ASK_S = 2.0
ASK_PAUSE_S = 0.1
LATER = frozenset({"busy", "unavailable"})
"""Codes of an engine that may take it when it is asked again."""
CHECKPOINT_S = 30.0
"""How long a checkpoint waits for an engine: longer than one takes to come back."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Checkpointed).decode


class Desk:
    """`context.Host` of a worker. `open` comes before everything else, on the event loop."""

    def __init__(self, sending: Sending, spawn: Spawn, store: Store) -> None:
        self._sending = sending
        self._store = store
        self._spawn = spawn
        self._loop: asyncio.AbstractEventLoop
        self._thread = 0
        self._lock = threading.Lock()
        self._pieces: deque[tuple[str, bytes]] = deque()
        self._flushing = False

    def open(self) -> None:
        """Learn on which event loop everything is sent."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def checkpoint_bytes_max(self) -> int:
        """Return how large a checkpoint may be."""
        return self._store.most

    def stream(self, subject: str, payload: bytes) -> bool:
        """Send soon; False when too much waits to be sent."""
        with self._lock:
            if len(self._pieces) >= PIECES_WAITING_MAX:
                return False
            self._pieces.append((subject, payload))
            begin, self._flushing = not self._flushing, True
        if begin:
            self._soon(self._flush)
        return True

    def beat(self, held: Held) -> None:
        """Say soon that a delivery is alive."""
        self._soon(lambda: self._sending.beat([held]))

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait in a thread for what is done on the event loop. Raises RuntimeError on the loop."""
        if threading.get_ident() == self._thread:
            work.close()
            raise RuntimeError("this would wait for the event loop on the event loop")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def checkpoint(self, asked: Checkpoint, cancelled: threading.Event) -> Any:
        """Ask until an engine answers; what it stored twice is the same. Raises Retryable."""
        if asked.store:
            data = await self._store.stored(asked.run_id, asked.data)
            asked = msgspec.structs.replace(asked, data=data)
        payload = _encode(asked)
        until = time.monotonic() + CHECKPOINT_S
        while not cancelled.is_set():
            subject = subjects.engine(self._sending.partition, "checkpoint")
            answer = await self._sending.link.request(subject, payload, ASK_S)
            if answer is not None:
                told = _decode(answer)
                if told.error is None:
                    return None if asked.store else await self._store.filled(told.data)
                if told.error.code not in LATER:
                    raise _refusal(told.error)
            if time.monotonic() >= until:
                message = f"no engine took or gave a checkpoint for {CHECKPOINT_S:g} s"
                raise Retryable(message, code="checkpoint_unavailable")
            await asyncio.sleep(ASK_PAUSE_S)
        raise Retryable("the attempt was given up", code="cancelled")

    def _soon(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def begin() -> None:
            self._spawn(work())

        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError:  # the loop is closed: an abandoned thread outlives the worker
            return

    async def _flush(self) -> None:
        while True:
            with self._lock:
                count = min(len(self._pieces), PIECES_TOGETHER)
                if not count:
                    self._flushing = False
                    return
                pieces = [self._pieces.popleft() for _ in range(count)]
            for subject, payload in pieces:
                await self._sending.link.publish(subject, payload)
            await asyncio.sleep(0)  # results and beats come first


def _refusal(error: ApiError) -> Retryable:
    """Return what to raise for a checkpoint that an engine does not take."""
    kind = NonRetryable if error.code == "invalid" else Retryable
    return kind(f"{error.code}: {error.message}", code="checkpoint_refused")
