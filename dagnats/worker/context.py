"""What a handler may know and do: its context.

Plain handlers get a `Context`, whose calls wait; async ones an `AsyncContext`, whose calls are
awaited where there is something to wait for. The worker around them is a `Host`; in tests without
a server it is the harness.
"""

import logging
import math
import threading
import time
from collections.abc import Coroutine
from typing import Any, Protocol

import msgspec

from dagnats.wire import subjects
from dagnats.wire.tasks import (
    PIECE_BYTES_MAX,
    Checkpoint,
    Held,
    Piece,
    Task,
)
from dagnats.worker.payload import NotJsonError, encoded
from dagnats.worker.signals import Continue, NonRetryable
from dagnats.worker.store import check_reserved
from dagnats.worker.vault import NOTHING, Hiding

PIECES_MAX = 1_000
"""So many pieces of a stream at once, and as many again in each second; or about so many KB."""
PIECE_SHARE_BYTES = 1_000
"""A piece of more counts as several."""
BEAT_S_MIN = 0.05
"""A handler's own heartbeats are sent no oftener."""

_encode = msgspec.json.Encoder().encode


class Host(Protocol):
    """What contexts need of the worker around them; to be called from any thread."""

    @property
    def checkpoint_bytes_max(self) -> int:
        """Return how large a checkpoint may be."""

    def stream(self, subject: str, payload: bytes) -> bool:
        """Send soon; False when too much waits to be sent."""

    def beat(self, held: Held) -> None:
        """Say soon that a delivery is alive."""

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait in a thread for what is done on the event loop. Raises RuntimeError on the loop."""

    async def checkpoint(self, asked: Checkpoint, cancelled: threading.Event) -> Any:
        """Return what the engine has for a step, after storing what is to be stored.

        Raises Retryable.
        """


class BaseContext:
    """One delivery of one attempt, as its handler sees it."""

    __slots__ = (
        "_beat_at",
        "_hiding",
        "_host",
        "_lock",
        "_meter",
        "_seq",
        "_task",
        "_usage",
        "cancelled",
        "worker_id",
    )

    def __init__(
        self, task: Task, worker_id: str, cancelled: threading.Event, host: Host | None = None
    ) -> None:
        self._task = task
        self._host = host
        self._hiding = NOTHING
        self._lock = threading.Lock()
        self._usage: dict[str, float] = {}
        self._seq = 0
        self._meter: Meter | None = None
        self._beat_at = 0.0
        self.worker_id = worker_id
        self.cancelled = cancelled
        """Set when the engine has given the attempt up; a long handler should look now and then."""

    @property
    def run_id(self) -> str:
        """Return the id of the run."""
        return self._task.run_id

    @property
    def workflow(self) -> str:
        """Return the name of the workflow."""
        return self._task.workflow

    @property
    def step(self) -> str:
        """Return the address of the step: its id, with what it is within, `fan[3].fetch`."""
        return self._task.step

    @property
    def attempt(self) -> int:
        """Return the number of the attempt, from 1."""
        return self._task.attempt

    @property
    def delivery(self) -> int:
        """Return how often this attempt was given to a worker, from 1."""
        return self._task.delivery

    @property
    def iteration(self) -> int:
        """Return the iteration of a loop, from 1; 0 outside loops."""
        return self._task.iteration

    @property
    def state(self) -> Any:
        """Return `loop.state`: what the last iteration left."""
        return self._task.state

    @property
    def step_key(self) -> str:
        """Return `run/step`, with `[iteration]` in loops: the same for every attempt.

        From the second generation of a run on, `run~generation` stands for the run.
        """
        task = self._task
        run = task.run_id if task.generation == 1 else f"{task.run_id}~{task.generation}"
        loop = f"[{task.iteration}]" if task.iteration else ""
        return f"{run}/{task.step}{loop}"

    @property
    def idempotency_key(self) -> str:
        """Return `run/step/attempt`: the same for every delivery of an attempt.

        Attempts of a run that was retried as a whole are called `attempt.retries`.
        """
        task = self._task
        retries = task.life - task.generation
        return f"{self.step_key}/{task.attempt}" + (f".{retries}" if retries > 0 else "")

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Return a logger whose records name the attempt."""
        return logging.LoggerAdapter(
            logging.getLogger(f"dagnats.task.{self._task.task}"), {"attempt": self.idempotency_key}
        )

    def continue_(self, state: Any = None) -> Continue:
        """Return what a handler returns to go on with another iteration."""
        return Continue(state)

    # ── what was spent ───────────────────────────────────────────────────────────────────────────

    def report_usage(self, *, tokens: float = 0, usd: float = 0, tool_calls: float = 0) -> None:
        """Add to what this attempt has spent; it is sent with the result, a failure's too.

        Raises ValueError for what is negative or not finite.
        """
        with self._lock:
            spent = dict(self._usage)
            for unit, more in (("tokens", tokens), ("usd", usd), ("tool_calls", tool_calls)):
                total = spent.get(unit, 0) + more
                if not (math.isfinite(total) and more >= 0):
                    raise ValueError(f"an attempt spends {unit} from 0 on, not {more}")
                if more:
                    spent[unit] = total
            self._usage = spent

    @property
    def usage(self) -> dict[str, float]:
        """Return what was reported so far."""
        return dict(self._usage)

    @property
    def budget(self) -> dict[str, float]:
        """Return what a loop may still spend, by unit, after what was reported; empty if all."""
        spent = self._usage
        return {unit: max(0, left - spent.get(unit, 0)) for unit, left in self._task.budget.items()}

    # ── signs of life ────────────────────────────────────────────────────────────────────────────

    def heartbeat(self) -> None:
        """Say now that the attempt is alive. The worker does so by itself: this is besides."""
        now = time.monotonic()
        if self._host is not None and now - self._beat_at >= BEAT_S_MIN:
            self._beat_at = now
            task = self._task
            self._host.beat(
                Held(task.run_id, task.step, task.attempt, task.delivery, task.iteration, task.life)
            )

    def stream(self, data: Any) -> bool:
        """Tell whoever listens now of something; nothing keeps it, and nobody may be there.

        False if it was dropped: there was too much of it, or nobody waits for the attempt any more.
        Raises ValueError for what is not JSON or has more than PIECE_BYTES_MAX.
        """
        payload = self._hiding.json(encoded(data))
        if len(payload) > PIECE_BYTES_MAX:
            raise ValueError(
                f"a piece of {len(payload)} bytes, more than {PIECE_BYTES_MAX} "
                "(limit PIECE_BYTES_MAX)"
            )
        with self._lock:
            self._seq += 1
            seq = self._seq
            if self._meter is None:
                self._meter = Meter(time.monotonic())
            allowed = self._meter.take(time.monotonic(), len(payload))
        if self._host is None or not allowed or self.cancelled.is_set():
            return False
        task = self._task
        piece = Piece(seq, msgspec.Raw(payload), task.attempt, task.delivery, task.iteration)
        return self._host.stream(subjects.stream(task.run_id, task.step), _encode(piece))

    # ── what is left behind ──────────────────────────────────────────────────────────────────────

    def _served(self) -> Host:
        if self._host is None:
            raise RuntimeError("a context without a worker has no checkpoints")
        return self._host

    def _asking(self, *, store: bool = False, data: Any = None) -> Coroutine[Any, Any, Any]:
        task = self._task
        asked = Checkpoint(
            task.run_id,
            task.step,
            store,
            data,
            task.attempt,
            task.delivery,
            task.iteration,
            life=self._task.life,
        )
        return self._served().checkpoint(asked, self.cancelled)

    def _storing(self, data: Any) -> Coroutine[Any, Any, Any]:
        try:
            payload = self._hiding.json(encoded(data))
        except NotJsonError as wrong:
            message = f"a checkpoint that is not JSON: {wrong}"
            raise NonRetryable(message, code="not_json") from wrong
        most = self._served().checkpoint_bytes_max
        if len(payload) > most:
            message = f"a checkpoint of {len(payload)} bytes, more than {most}"
            raise NonRetryable(message, code="too_large")
        check_reserved(payload)
        return self._asking(store=True, data=msgspec.Raw(payload))

    def hide(self, hiding: Hiding) -> None:
        """Keep the values of secrets out of whatever this context sends."""
        self._hiding = hiding


class Context(BaseContext):
    """What a plain handler sees: its checkpoints wait for the engine."""

    __slots__ = ()

    def checkpoint(self, default: Any = None) -> Any:
        """Return what this step stored last, in whatever attempt, iteration or worker.

        Raises Retryable when no engine answers.
        """
        found = self._served().wait(self._asking())
        return default if found is None else found

    def save_checkpoint(self, data: Any) -> None:
        """Store JSON for the next attempt or iteration; it is stored when this returns.

        Raises NonRetryable for what is not JSON or too large, Retryable when no engine answers.
        """
        self._served().wait(self._storing(data))


class AsyncContext(BaseContext):
    """What an async handler sees: its checkpoints are awaited."""

    __slots__ = ()

    async def checkpoint(self, default: Any = None) -> Any:
        """Return what this step stored last, in whatever attempt, iteration or worker.

        Raises Retryable when no engine answers.
        """
        found = await self._asking()
        return default if found is None else found

    async def save_checkpoint(self, data: Any) -> None:
        """Store JSON for the next attempt or iteration; it is stored when this returns.

        Raises NonRetryable for what is not JSON or too large, Retryable when no engine answers.
        """
        await self._storing(data)


class Meter:
    """How much of a stream may be sent: a bucket that fills with time."""

    __slots__ = ("_at", "_room")

    def __init__(self, now: float) -> None:
        self._at = now
        self._room = float(PIECES_MAX)

    def take(self, now: float, size: int) -> bool:
        """Tell whether a piece of so many bytes may be sent now, and count it if so."""
        self._room = min(PIECES_MAX, self._room + (now - self._at) * PIECES_MAX)
        self._at = now
        share = max(1.0, size / PIECE_SHARE_BYTES)
        if share > self._room:
            return False
        self._room -= share
        return True
