"""The worker: takes tasks from the engine, runs their handlers, keeps results until accepted.

Theory. Nothing a worker has finished may be lost, and nothing the engine gave up should go on. A
result stays here, and is sent again, until the engine says it is committed; the engine takes it
twice without harm. Tasks of an older epoch come from an engine that has been replaced and are
dropped. Beats say what is held; what the engine believes held and is not named, it delivers again.

Everything that finishes in one turn of the event loop leaves as one message, so that under load
hundreds of results cost one send.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from dagnats.errors import RefusedError
from dagnats.jetstream.connection import Target, parse_url
from dagnats.jetstream.link import Link
from dagnats.wire import subjects
from dagnats.wire.tasks import (
    MESSAGE_BYTES_MAX,
    TASKS_PER_MESSAGE_MAX,
    Beat,
    Bye,
    Deliver,
    Held,
    Hello,
    Result,
    Results,
    Task,
    TaskError,
    Welcome,
)
from dagnats.worker.context import Context, Continue, NonRetryable, Retryable, RetryAfter
from dagnats.worker.execution import failed, run_async, run_in_thread, run_inline
from dagnats.worker.registry import Registry, load, task

__all__ = [
    "Continue",
    "NonRetryable",
    "RetryAfter",
    "Retryable",
    "Worker",
    "load",
    "task",
]

THREADS_MAX = 256
HELLO_S = 1.0
RESEND_S = 2.0
GRACE_S = 30.0
"""How long a worker that is told to stop waits for what it runs."""
ACCEPT_S = 5.0
"""How long it then waits for its last results to be accepted."""

ENVELOPE_BYTES = 300
"""What a result takes in a message besides its output."""

_NEVER = threading.Event()
"""Handlers that run inline are over before anybody could cancel them."""

Key = tuple[str, str, int, int]
_encode = msgspec.json.Encoder().encode
_decode_deliver = msgspec.json.Decoder(Deliver).decode
_decode_welcome = msgspec.json.Decoder(Welcome).decode


@dataclass(slots=True)
class Execution:
    """A task being done; `doing` is None where it cannot be cancelled from outside."""

    task: Task
    context: Context
    doing: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Finished:
    """A result that the engine has not accepted yet."""

    result: Result
    size_bytes: int
    sent_at: float = 0.0


def key_of(one: Task | Result | Held) -> Key:
    """Return what names an attempt."""
    return (one.run_id, one.step, one.attempt, one.iteration)


class Worker:
    """Serves the handlers of a registry, at most `concurrency` tasks at once.

    `say` hears what an operator should know, a line at a time.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        concurrency: int = 10,
        say: Callable[[str], None] | None = None,
    ) -> None:
        host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
        self.worker_id = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._registry = registry
        self._concurrency = concurrency
        self._say = say or _say
        self._link: Link
        self._running: dict[Key, Execution] = {}
        self._finished: dict[Key, Finished] = {}
        self._unsent: list[Finished] = []
        self._flushing = False
        self._epoch = 0
        self._partition = 0
        self._lease_s = 10.0
        self._draining = False
        self._background: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(min(concurrency, THREADS_MAX), "dagnats-task")

    async def run(self, target: Target, stop: asyncio.Event | None = None) -> None:
        """Serve until `stop` is set, or SIGINT or SIGTERM comes; then finish what is running.

        Raises NoServerError, RefusedError.
        """
        stop = stop or _on_signals()
        self._link = await Link.open(
            target,
            self.worker_id,
            on_disconnect=self._on_disconnect,
            on_reconnect=self._on_reconnect,
        )
        try:
            await self._link.subscribe(subjects.worker(self.worker_id), self._on_deliver)
            joining = asyncio.ensure_future(self._join(target))
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({joining, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not joining.done():
                joining.cancel()
                return
            joining.result()
            self._spawn(self._keep_alive())
            await stopping
            await self._drain()
        finally:
            await self._close()

    async def _join(self, target: Target) -> None:
        await self._hello()
        names = ", ".join(sorted(self._registry))
        self._say(f"worker {self.worker_id} does {names} at {parse_url(target.url).public}")

    async def _close(self) -> None:
        for task_ in (*self._background, *(e.doing for e in self._running.values() if e.doing)):
            task_.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._link.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # ── with the engine ──────────────────────────────────────────────────────────────────────────

    async def _hello(self) -> None:
        """Announce ourselves until an engine answers."""
        while True:
            hello = Hello(
                self.worker_id, sorted(self._registry), self._concurrency, self._holding()
            )
            answer = await self._link.request(subjects.HELLO, _encode(hello), HELLO_S)
            if answer is not None:
                welcome = _decode_welcome(answer)
                if welcome.error:
                    raise RefusedError("invalid", f"the engine refuses us: {welcome.error}")
                self._epoch = max(self._epoch, welcome.epoch)
                self._partition = welcome.partition
                self._lease_s = welcome.lease_ms / 1000
                return
            await asyncio.sleep(0.1)

    async def _on_disconnect(self) -> None:
        if not self._draining:
            self._say("the connection is lost; reconnecting, what is running goes on")

    async def _on_reconnect(self) -> None:
        self._say("connected again")
        self._spawn(self._again())

    async def _again(self) -> None:
        """After a gap: say what we hold, and everything that was not accepted."""
        if not self._draining:
            await self._hello()
        await self._send(list(self._finished.values()))

    async def _keep_alive(self) -> None:
        beat_at = time.monotonic()
        while True:
            await asyncio.sleep(min(RESEND_S / 2, self._lease_s / 3))
            now = time.monotonic()
            late = [f for f in self._finished.values() if now - f.sent_at >= RESEND_S]
            await self._send(late)
            if now - beat_at >= self._lease_s / 3 - RESEND_S / 2:
                beat_at = now
                await self._publish("beat", Beat(self.worker_id, self._holding()))

    def _holding(self) -> list[Held]:
        tasks = [e.task for e in self._running.values()]
        results = [f.result for f in self._finished.values()]
        return [Held(o.run_id, o.step, o.attempt, o.delivery, o.iteration) for o in tasks] + [
            Held(o.run_id, o.step, o.attempt, o.delivery, o.iteration) for o in results
        ]

    async def _on_deliver(self, payload: bytes) -> None:
        message = _decode_deliver(payload)
        if message.epoch < self._epoch:
            return
        self._epoch, self._partition = message.epoch, message.partition
        for held in message.accepted:
            self._finished.pop(key_of(held), None)
        for held in message.cancel:
            self._cancel(held)
        for one in message.tasks:
            self._take(one)
        if message.hello and not self._draining:
            self._spawn(self._hello())

    def _take(self, one: Task) -> None:
        key = key_of(one)
        finished = self._finished.get(key)
        if finished is not None:
            self._queue(finished)  # done already: the engine has not heard, or not stored it
            return
        if key in self._running or self._draining:
            return
        handler = self._registry.get(one.task)
        if handler is None:
            message = f"this worker has no handler for `{one.task}`"
            self._done(failed(one, TaskError("no_handler", message)), key)
            return
        if handler.inline and not handler.is_async:
            wanted = handler.wants_context
            inline = Context(one, self.worker_id, _NEVER) if wanted else None
            self._done(run_inline(handler, one, inline), key)
            return
        context = Context(one, self.worker_id, threading.Event())
        execution = self._running[key] = Execution(one, context)
        if handler.is_async:
            doing = self._execute(key, execution, run_async(handler, one, context))
        else:
            doing = self._execute(
                key, execution, run_in_thread(handler, one, context, self._threads)
            )
        execution.doing = asyncio.create_task(doing)

    async def _execute(
        self, key: Key, execution: Execution, work: Coroutine[Any, Any, Result]
    ) -> None:
        result = await work
        if self._running.get(key) is execution:
            del self._running[key]
            self._done(result, key)

    def _cancel(self, held: Held) -> None:
        """Stop an attempt that the engine has given up; its result counts no more."""
        self._finished.pop(key_of(held), None)
        execution = self._running.pop(key_of(held), None)
        if execution is None:
            return
        execution.context.cancelled.set()
        if execution.doing is not None:
            execution.doing.cancel()

    # ── results ──────────────────────────────────────────────────────────────────────────────────

    def _done(self, result: Result, key: Key) -> None:
        size = ENVELOPE_BYTES
        if isinstance(result.output, msgspec.Raw):
            size += len(bytes(result.output))
        elif result.error is not None:
            size = len(_encode(result))
        finished = self._finished[key] = Finished(result, size)
        self._queue(finished)

    def _queue(self, finished: Finished) -> None:
        self._unsent.append(finished)
        if not self._flushing:
            self._flushing = True
            self._spawn(self._flush())

    async def _flush(self) -> None:
        # One more turn of the loop, for everything that finishes now to come along.
        await asyncio.sleep(0)
        self._flushing = False
        unsent, self._unsent = self._unsent, []
        await self._send(unsent)

    async def _send(self, batch: list[Finished]) -> None:
        now = time.monotonic()
        begin, size = 0, 0
        for index, finished in enumerate(batch):
            finished.sent_at = now
            size += finished.size_bytes
            full = index - begin >= TASKS_PER_MESSAGE_MAX or size > MESSAGE_BYTES_MAX
            if full and index > begin:
                await self._send_message(batch[begin:index])
                begin, size = index, finished.size_bytes
        if batch:
            await self._send_message(batch[begin:])

    async def _send_message(self, batch: list[Finished]) -> None:
        await self._publish("results", Results(self.worker_id, [f.result for f in batch]))

    async def _publish(self, operation: str, message: msgspec.Struct) -> None:
        await self._link.publish(subjects.engine(self._partition, operation), _encode(message))

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    async def _drain(self) -> None:
        self._draining = True
        await self._publish("bye", Bye(self.worker_id))
        if self._running:
            self._say(f"stopping: waiting for {len(self._running)} running tasks")
        await self._until(lambda: not self._running, GRACE_S)
        await self._until(lambda: not self._finished, ACCEPT_S)

    async def _until(self, done: Callable[[], bool], wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while not done() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        spawned = asyncio.ensure_future(work)
        self._background.add(spawned)
        spawned.add_done_callback(self._background.discard)


def _on_signals() -> asyncio.Event:
    """Return what is set by SIGINT and SIGTERM; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(name, interrupted)
    return stop


def _say(line: str) -> None:
    print(f"dagnats: {line}", file=sys.stderr, flush=True)  # noqa: T201 - the operator's channel
