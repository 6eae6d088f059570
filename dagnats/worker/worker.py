"""The worker: takes tasks from the engine, runs their handlers, keeps results until accepted.

Theory. Nothing a worker has finished may be lost, and nothing the engine gave up should go on. A
result stays here, and is sent again, until the engine says it is committed; the engine takes it
twice without harm. Tasks of an older epoch come from an engine that has been replaced and are
dropped. Beats say what is held; what the engine believes held and is not named, it delivers again.
All of that is between a worker and one partition, at a seat of its own (`seats`); threads, and how
much can be done at once, are the worker's.

What the engine gave up may go on all the same: a thread cannot be stopped, and a coroutine may not
want to. It takes room until it ends, so the worker announces that much less.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from secrets import token_hex
from typing import Any

import msgspec

from dagnats.claims import may_refer
from dagnats.jetstream.connection import Target, locate, parse_url
from dagnats.jetstream.link import Link
from dagnats.wire import subjects
from dagnats.wire.tasks import Deliver, Held, Result, Task, TaskError
from dagnats.worker.context import AsyncContext, Context
from dagnats.worker.execution import clipped, failed, raised, run_async, run_plain
from dagnats.worker.registry import (
    Handler,
    Registry,
    capability_names,
    group_names,
    registered,
)
from dagnats.worker.seats import Execution, Member, Seat, Seats
from dagnats.worker.sending import Connection, Key, held_of, key_of
from dagnats.worker.store import Payloads, Store, has_references
from dagnats.worker.threads import Threads
from dagnats.worker.vault import Resolver, from_environment

THREADS_MAX = 256
GRACE_S = 30.0
"""How long a worker that is told to stop waits for what it runs."""
SETTLE_S = 0.25
"""How long it waits at least: tasks may be on their way that were sent before its `bye` came."""
ACCEPT_S = 5.0
"""How long it then waits for its last results to be accepted."""
POLL_S = 0.01

_NEVER = threading.Event()
"""Handlers that run inline are over before anybody could cancel them."""

_decode_deliver = msgspec.json.Decoder(Deliver).decode


class Worker:
    """Serves handlers, all registered ones unless told which, at most `concurrency` tasks at once.

    Where there are more partitions than that, it is one of each.
    It is in `groups` and has `capabilities`, besides those of its handlers. `secrets` returns the
    value of a secret by its name, in the environment if none is given; it is called in threads, but
    for inline handlers. `say` hears what an operator should know, a line at a time. Raises
    UsageError for names that are none.
    """

    def __init__(  # noqa: PLR0913 (each but the first by name)
        self,
        registry: Registry | None = None,
        *,
        concurrency: int = 10,
        groups: Iterable[str] = (),
        capabilities: Iterable[str] = (),
        secrets: Resolver = from_environment,
        say: Callable[[str], None] | None = None,
    ) -> None:
        host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
        self.worker_id = f"{host}-{os.getpid()}-{token_hex(3)}"
        self._registry = registered() if registry is None else registry
        handlers = self._registry.values()
        self._groups = group_names([*groups, *(g for one in handlers for g in one.groups)])
        self._capabilities = capability_names(
            [*capabilities, *(c for one in handlers for c in one.capabilities)]
        )
        self._secrets = secrets
        self._concurrency = concurrency
        self._say = say or _say
        self._seats: Seats
        self._store = Store()
        self._threads: Threads[Result] = Threads(min(concurrency, THREADS_MAX))
        self._ending: set[asyncio.Task[None]] = set()
        self._told_room = concurrency
        self._leaving = False
        self._background: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None]

    @property
    def stuck(self) -> int:
        """Return how many handlers go on although nobody waits for them any more.

        After `run` those are the ones that a process has to be ended under.
        """
        return self._threads.abandoned + len(self._ending)

    async def run(self, target: Target | None = None, stop: asyncio.Event | None = None) -> None:
        """Serve until `stop` is set, or SIGINT or SIGTERM comes; then finish what is running.

        The server is that of `DAGNATS_NATS_URL` or of the data directory, unless `target` is
        another. Raises NoServerError, RefusedError.
        """
        target = target or locate(None, None)
        stop = stop or _on_signals()
        link = await Link.open(
            target,
            self.worker_id,
            on_disconnect=self._on_disconnect,
            on_reconnect=self._on_reconnect,
        )
        await self.serve(link, stop, parse_url(target.url).public, link.payloads)

    async def serve(
        self, link: Connection, stop: asyncio.Event, where: str, payloads: Payloads | None = None
    ) -> None:
        """Serve on an open connection until `stop` is set, and close it. Raises RefusedError.

        `where` is its address, for people. Without `payloads` there are no large values.
        """
        self._store = Store(payloads)
        member = Member(
            self.worker_id,
            sorted(self._registry),
            list(self._groups),
            list(self._capabilities),
            self._room,
            self._tell_room,
            self._say,
            self._spawn,
            self._store,
        )
        self._seats = Seats(member, link, where)
        self._broken = asyncio.get_running_loop().create_future()
        stopping = asyncio.ensure_future(stop.wait())
        ends: list[asyncio.Future[Any]] = [stopping, self._broken]
        try:
            await link.subscribe(subjects.worker(self.worker_id), self._on_deliver)
            opening = self._spawn(self._open())
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not self._broken.done():
                opening.cancel()  # or an engine that comes now would count on us
                await self._drain()
        finally:
            stopping.cancel()
            await self._close()
            if self._broken.done():
                self._broken.result()

    async def _open(self) -> None:
        """Find the engines, and be at every partition from then on."""
        await self._seats.open()
        self._threads.limit = min(max(self._concurrency, self._seats.partitions), THREADS_MAX)
        names = ", ".join(sorted(self._registry))
        self._say(f"worker {self.worker_id} does {names} at {self._seats.where}")
        self._seats.attend()

    async def _close(self) -> None:
        self._leaving = True
        for seat in self._seats:
            for key in list(seat.running):
                self._give_up(seat, key)
        for one in self._background:
            one.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._seats.link.close()
        self._threads.close()

    # ── with the engine ──────────────────────────────────────────────────────────────────────────

    async def _on_disconnect(self) -> None:
        if not self._leaving:
            self._say("the connection is lost; reconnecting, what is running goes on")

    async def _on_reconnect(self) -> None:
        self._say("connected again")
        self._seats.again()

    def _room(self) -> int:
        """Return how many tasks we can do at once, as long as nothing of the past ends."""
        if self._threads.abandoned >= self._threads.limit:
            return 0
        return max(0, self._concurrency - self.stuck)

    def _tell_room(self, room: int) -> None:
        if room == self._told_room:
            return
        self._told_room = room
        if room == self._concurrency:
            self._say(f"what was cancelled has ended: doing {room} tasks at once again")
        else:
            self._say(f"{self.stuck} cancelled tasks do not stop: doing {room} at once until then")

    async def _on_deliver(self, payload: bytes) -> None:
        message = _decode_deliver(payload)
        seat = self._seats.at(message.partition)
        if not seat.is_current(message):
            return
        for held in message.accepted:
            seat.forget(key_of(held))
        for held in message.cancel:
            self._cancel(seat, held)
        refer = bool(message.tasks) and may_refer(payload)
        for one in message.tasks:
            self._take(seat, one, refers=refer and has_references(one))
        if message.hello or (message.tasks and seat.is_crowded):
            self._seats.greet(seat)
        if message.tasks and self._seats.leaving:
            self._spawn(seat.sending.bye())  # it has not heard the first one yet, or never will

    # ── tasks ────────────────────────────────────────────────────────────────────────────────────

    def _take(self, seat: Seat, one: Task, *, refers: bool) -> None:
        key = key_of(one)
        finished = seat.sending.finished.get(key)
        if finished is not None:
            seat.sending.queue(finished)  # the engine has not heard of it, or not stored it
            return
        if key in seat.running or self._leaving:
            return
        handler = self._registry.get(one.task)
        if handler is None:
            message = clipped(f"this worker has no handler for `{one.task}`")
            seat.sending.add(failed(one, TaskError("no_handler", message)), key)
            return
        inline = handler.inline and not handler.is_async
        if inline and not refers:
            result = self._run_inline(seat, handler, one)
            if not self._store.wants(result.output):
                seat.sending.add(result, key)
                return
        if one.heartbeat_timeout_ms is not None:
            seat.beating.begin(key, held_of(one), one.heartbeat_timeout_ms)
        kind = AsyncContext if handler.is_async else Context
        context = kind(one, self.worker_id, threading.Event(), seat.desk)
        execution = seat.running[key] = Execution(one, context)
        if refers:
            execution.doing = asyncio.create_task(self._fetch(seat, handler, key, execution))
        elif inline:
            self._done(seat, key, execution, result)
        else:
            self._begin(seat, handler, key, execution)

    def _run_inline(self, seat: Seat, handler: Handler, one: Task) -> Result:
        wanted = handler.wants_context
        context = Context(one, self.worker_id, _NEVER, seat.desk) if wanted else None
        return run_plain(handler, one, context, self._secrets, self._store.most)

    async def _fetch(self, seat: Seat, handler: Handler, key: Key, execution: Execution) -> None:
        """Begin with the values that a task refers to, once they are here."""
        try:
            one = await self._store.whole(execution.task)
        except Exception as missing:  # noqa: BLE001 - whatever it was, the attempt has to end
            self._done(seat, key, execution, raised(execution.task, missing))
            return
        execution.doing = None
        kind, cancelled = type(execution.context), execution.context.cancelled
        execution.context = kind(one, self.worker_id, cancelled, seat.desk)
        execution.task = one
        if handler.inline and not handler.is_async:
            self._done(seat, key, execution, self._run_inline(seat, handler, one))
        else:
            self._begin(seat, handler, key, execution)

    def _begin(self, seat: Seat, handler: Handler, key: Key, execution: Execution) -> None:
        context, task = execution.context, execution.task
        if isinstance(context, AsyncContext):
            doing = self._await(seat, handler, key, execution, context)
            execution.doing = asyncio.create_task(doing)
            return
        assert isinstance(context, Context)
        execution.job = self._threads.start(
            partial(run_plain, handler, task, context, self._secrets, self._store.most),
            partial(self._done, seat, key, execution),
        )

    async def _await(
        self, seat: Seat, handler: Handler, key: Key, execution: Execution, context: AsyncContext
    ) -> None:
        most = self._store.most
        try:
            result = await run_async(handler, execution.task, context, self._secrets, most)
        except BaseException:
            self._free(seat, key, execution)
            raise
        self._done(seat, key, execution, result)

    def _done(self, seat: Seat, key: Key, execution: Execution, result: Result) -> None:
        if self._store.wants(result.output) and seat.running.get(key) is execution:
            execution.job = None
            execution.doing = asyncio.create_task(self._put(seat, key, execution, result))
        elif self._free(seat, key, execution):
            seat.sending.add(result, key)

    async def _put(self, seat: Seat, key: Key, execution: Execution, result: Result) -> None:
        """Send a result once its output is stored; until then the attempt is under way."""
        try:
            result = await self._store.with_reference(result)
        except Exception as away:  # noqa: BLE001 - whatever it was, the attempt has to end
            usage = result.usage
            result = msgspec.structs.replace(raised(execution.task, away), usage=usage)
        if self._free(seat, key, execution):
            seat.sending.add(result, key)

    def _free(self, seat: Seat, key: Key, execution: Execution) -> bool:
        """Forget that an attempt runs; False when it is not this execution that counts."""
        counts = seat.running.get(key) is execution
        if counts:
            del seat.running[key]
        return counts

    def _cancel(self, seat: Seat, held: Held) -> None:
        """Stop an attempt that the engine has given up; its result counts no more."""
        seat.forget(key_of(held))
        self._give_up(seat, key_of(held))

    def _give_up(self, seat: Seat, key: Key) -> None:
        """Wait for an attempt no longer, and let its handler know."""
        execution = seat.running.pop(key, None)
        if execution is None:
            return
        seat.beating.end(key)
        execution.context.cancelled.set()
        if execution.job is not None:
            self._threads.abandon(execution.job)
        if execution.doing is not None:
            execution.doing.cancel()
            self._ending.add(execution.doing)
            execution.doing.add_done_callback(self._ending.discard)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    async def _drain(self) -> None:
        """Take nothing more but what is on its way, and finish what we have."""
        seats = self._seats
        seats.leaving = True
        if not seats.partitions:
            return
        for seat in seats:
            await seat.leave()
        if seats.running:
            self._say(f"stopping: waiting for {seats.running} running tasks")
        settled_at = time.monotonic() + SETTLE_S
        await self._until(lambda: not seats.running and time.monotonic() >= settled_at, GRACE_S)
        self._leaving = True
        if seats.running:
            self._say(f"leaving {seats.running} tasks unfinished: they will be done again")
        await self._until(lambda: not seats.finished, ACCEPT_S)

    async def _until(self, done: Callable[[], bool], wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while not done() and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside everything; what fails there ends the worker rather than half of it."""
        spawned = asyncio.ensure_future(work)
        self._background.add(spawned)
        spawned.add_done_callback(self._spawned_ended)
        return spawned

    def _spawned_ended(self, spawned: asyncio.Task[None]) -> None:
        self._background.discard(spawned)
        if spawned.cancelled():
            return
        problem = spawned.exception()
        if problem is not None and not self._broken.done():
            self._broken.set_exception(problem)


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
