"""A simulated world: a broker with its disk, a network, and engines as processes that can die.

Everything happens on one virtual loop and is drawn from one source of chance. What a process does
goes through `Process.before` and `Process.after`, which is where it waits, fails, stands still and
dies. `Died` is no `Exception`: a dead process catches nothing and cleans nothing up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from random import Random
from typing import Any

from dagnats.errors import UncertainError
from dagnats.ports import LogEntry
from dagnats.testing.faults import Faults
from dagnats.testing.memory import Shared, Storage
from dagnats.testing.payloads import MemoryPayloads

EPOCH_MS = 1_800_000_000_000
LATENCY_S = 0.0005
LATE_S = 4.0
DISK_S = 0.002
SYNC_S = 120.0
"""The broker syncs what need not sync after this long."""
SNAPSHOTS_KEPT = 2_000

Receive = Callable[[bytes, str], Awaitable[None] | None]


class Died(BaseException):
    """The process has been killed: nothing in it goes on."""


class Disk(Storage):
    """What the broker has stored, and how much of it a power failure would take.

    `journal` has what was written to the snapshots, in order, as (when, what, key, data).
    """

    def __init__(self, partition: int, shared: Shared) -> None:
        super().__init__(partition, shared)
        self.journal: deque[tuple[float, str, Any, Any]] = deque()
        self.base: tuple[dict[str, bytes], dict[int, bytes], tuple[int, int] | None, int] = (
            {},
            {},
            None,
            0,
        )
        self.trimmed_to = 0

    def write(self, at: float, what: str, key: Any, data: Any) -> None:
        """Write to the snapshots."""
        self.journal.append((at, what, key, data))
        _play((self.snapshots, self.closed), self, what, key, data)
        while len(self.journal) > SNAPSHOTS_KEPT:
            self._settle()

    def _settle(self) -> None:
        _, what, key, data = self.journal.popleft()
        runs, closed, mark, saves = self.base
        if what == "mark":
            mark = data
        elif what == "owner":
            saves = data
        else:
            _play((runs, closed), None, what, key, data)
        self.base = (runs, closed, mark, saves)

    def lose_tail(self, now: float, rng: Random) -> None:
        """Forget some of what is not synced of the snapshots."""
        while self.journal and self.journal[0][0] <= now - SYNC_S:
            self._settle()
        # The record of an owner stays if what stands before it does.
        kept = rng.randint(0, sum(what != "owner" for _, what, _, _ in self.journal))
        left = []
        for one in self.journal:
            saved = one[1] != "owner"
            if saved and not kept:
                break
            kept -= saved
            left.append(one)
        runs, closed, mark, self.saves = self.base
        self.snapshots, self.closed, self.mark = dict(runs), dict(closed), mark
        self.journal = deque(left)
        for _, what, key, data in left:
            _play((self.snapshots, self.closed), self, what, key, data)


def lose_history(shared: Shared, now: float, rng: Random) -> int:
    """Forget some of the history that is not synced; returns how many events are gone."""
    stream = shared.stream
    synced = sum(at <= now - SYNC_S for at in stream.times)
    whole = len(stream.entries)
    stays = rng.randint(max(synced, whole - 200), whole) if whole else 0
    stream.cut(stays)
    return whole - stays


def _play(
    stores: tuple[dict[str, bytes], dict[int, bytes]],
    disk: Disk | None,
    what: str,
    key: Any,
    data: Any,
) -> None:
    runs, closed = stores
    match what:
        case "run":
            runs[key] = data
        case "closed":
            closed[key] = data
        case "forget":
            runs.pop(key, None)
        case "mark" if disk is not None:
            disk.mark = data
        case "owner" if disk is not None:
            disk.saves = data


class Subscription:
    """Somebody who hears a subject: one message at a time, in the order of their arrival."""

    __slots__ = ("_busy", "_queue", "_receive", "process")

    def __init__(self, receive: Receive, process: "Process | None") -> None:
        self._receive = receive
        self._queue: deque[tuple[bytes, str]] = deque()
        self._busy = False
        self.process = process

    def arrive(self, payload: bytes, reply: str) -> None:
        """Take a message."""
        process = self.process
        if process is None:
            self._receive(payload, reply)
            return
        if not process.hears:
            return
        self._queue.append((payload, reply))
        if not self._busy:
            self._busy = True
            process.spawn(self._drain(process))

    async def _drain(self, process: "Process") -> None:
        try:
            while self._queue:
                await process.thawed()
                payload, reply = self._queue.popleft()
                await self._hand_over(process, payload, reply)
        finally:
            self._busy = False

    async def _hand_over(self, process: "Process", payload: bytes, reply: str) -> None:
        try:
            done = self._receive(payload, reply)
            if done is not None:
                await done
        except Exception as bug:  # noqa: BLE001 - told to whoever waits for `lost`
            process.break_with(bug)


class World:
    """Disk, network and processes; `note` hears of everything that happens."""

    def __init__(self, rng: Random, faults: Faults, partitions: int = 1) -> None:
        self.rng = rng
        self.faults = faults
        self.loop = asyncio.get_running_loop()
        self.partitions = partitions
        self.shared = Shared()
        self.disks = [Disk(number, self.shared) for number in range(partitions)]
        self.payloads = MemoryPayloads()
        self.skipped_ms = 0
        self.down_until = 0.0
        self.processes: list[Process] = []
        self.events: list[str] | None = None
        self.on_append: Callable[[LogEntry, Process, int], None] = _ignore
        self.operations = 0
        self.messages = 0
        self.counts: dict[str, int] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._inboxes = 0

    @property
    def alive(self) -> int:
        """Return how many processes there are."""
        return sum(process.alive for process in self.processes)

    @property
    def down(self) -> bool:
        """Whether the broker is not there."""
        return self.loop.time() < self.down_until

    def note(self, kind: str, what: str = "") -> None:
        """Tell what happens, for a trace; and count it."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.events is not None:
            self.events.append(f"{self.loop.time():10.4f} {kind} {what}")

    def chance(self, probability: float) -> bool:
        """Draw."""
        return probability > 0 and self.rng.random() < probability

    # ── messages ─────────────────────────────────────────────────────────────────────────────────

    def subscribe(
        self, subject: str, receive: Receive, process: "Process | None" = None
    ) -> Subscription:
        """Hear a subject."""
        subscription = Subscription(receive, process)
        self._subscriptions.setdefault(subject, []).append(subscription)
        return subscription

    def unsubscribe(self, subject: str) -> None:
        """Hear a subject no more: for inboxes."""
        self._subscriptions.pop(subject, None)

    def drop(self, process: "Process") -> None:
        """Forget what a process heard."""
        for subject, found in list(self._subscriptions.items()):
            left = [one for one in found if one.process is not process]
            if left:
                self._subscriptions[subject] = left
            else:
                del self._subscriptions[subject]

    def inbox(self) -> str:
        """Return a subject of one's own."""
        self._inboxes += 1
        return f"_INBOX.{self._inboxes}"

    def send(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Let a message go to all who hear its subject; it may be lost, late, or come twice."""
        self.messages += 1
        if self.down:
            self.note("lost", subject)
            return
        faults = self.faults
        for one in self._subscriptions.get(subject, ()):
            if self.chance(faults.loss):
                self.note("lost", subject)
                continue
            delay = LATENCY_S
            if self.chance(faults.delays):
                delay += self.rng.random() ** 3 * LATE_S
                self.note("late", subject)
            self.loop.call_later(delay, one.arrive, payload, reply)
            if self.chance(faults.duplicates):
                self.note("twice", subject)
                again = delay + self.rng.random() ** 3 * LATE_S
                self.loop.call_later(again, one.arrive, payload, reply)

    async def gather(
        self, subject: str, payload: bytes, timeout_s: float
    ) -> AsyncGenerator[bytes, None]:
        """Send and yield answers until somebody has enough. Raises UncertainError."""
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        def on_answer(data: bytes, _reply: str) -> None:
            answers.put_nowait(data)

        inbox = self.inbox()
        self.subscribe(inbox, on_answer)
        self.send(subject, payload, inbox)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    yield await answers.get()
        except TimeoutError:
            raise UncertainError(f"not everybody answers on `{subject}`") from None
        finally:
            self.unsubscribe(inbox)

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Send and wait for an answer. Raises UncertainError when none comes."""
        answer: asyncio.Future[bytes] = self.loop.create_future()

        def on_answer(data: bytes, _reply: str) -> None:
            if not answer.done():
                answer.set_result(data)

        inbox = self.inbox()
        self.subscribe(inbox, on_answer)
        timer = self.loop.call_later(timeout_s, _give_up, answer, subject)
        self.send(subject, payload, inbox)
        try:
            return await answer
        finally:
            timer.cancel()
            self.unsubscribe(inbox)

    # ── the broker ───────────────────────────────────────────────────────────────────────────────

    def restart_broker(self) -> None:
        """Stop and start the broker: connections break, and what was not synced may be gone."""
        self.down_until = self.loop.time() + 0.2 + 2 * self.rng.random()
        for process in self.processes:
            process.lose_in_flight()
        for disk in self.disks:
            disk.lose_tail(self.loop.time(), self.rng)
        gone = lose_history(self.shared, self.loop.time(), self.rng)
        self.note("restart", f"of the broker, {gone} events of history are lost")
        for process in self.processes:
            process.interrupt()

    async def up(self) -> None:
        """Return when the broker is there."""
        while self.down:
            await asyncio.sleep(self.down_until - self.loop.time())


def _ignore(_entry: LogEntry, _process: "Process", _partition: int) -> None:
    """Nobody looks."""


def _give_up(answer: "asyncio.Future[bytes]", subject: str) -> None:
    if not answer.done():
        answer.set_exception(UncertainError(f"nobody answers on `{subject}`"))


class Process:
    """One engine as its machine sees it: it waits for disks, stands still, loses its way, dies.

    Of a process that serves several partitions each has a connection of its own: that is a `part`,
    which lives, stands still and dies with the `whole`.
    """

    def __init__(self, world: World, name: str, whole: "Process | None" = None) -> None:
        self.world = world
        self.name = name
        self.whole = whole
        self.parts: list[Process] = []
        self.alive = True
        self.cut = False
        self.frozen_until = 0.0
        self.clock_ms = 0
        if whole is not None:
            whole.parts.append(self)
            self.alive, self.cut = whole.alive, whole.cut
            self.frozen_until, self.clock_ms = whole.frozen_until, whole.clock_ms
        self.broken: BaseException | None = None
        self.interrupted = asyncio.Event()
        self.connected_at = 0.0
        self.on_death: Callable[[], None] = _nothing
        self.in_flight: list[tuple[asyncio.TimerHandle, float]] = []
        self.last_arrival = 0.0
        self.main: asyncio.Task[Any] | None = None
        self.plan: Callable[[str, int], str] | None = None
        """For tests: what becomes of an operation (its name, its number), or nothing."""
        self.operations = 0
        self._tasks: dict[asyncio.Task[Any], None] = {}
        world.processes.append(self)

    @property
    def hears(self) -> bool:
        """Whether messages reach it."""
        return self.alive and not self.cut and self.world.loop.time() >= self.connected_at

    def spawn(self, work: Any) -> None:
        """Run something as a part of it."""
        task = self.world.loop.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)
        if not task.cancelled():
            task.exception()

    def kill(self) -> None:
        """End it at once, as kill -9 does: nothing it has not sent will ever be sent."""
        if self.whole is not None:
            self.whole.kill()
            return
        if not self.alive:
            return
        self.world.note("crash", self.name)
        for one in (self, *self.parts):
            one.end()
        self.on_death()

    def end(self) -> None:
        """Let nothing of it go on: what is under way may be lost, or not."""
        if not self.alive:
            return
        self.alive = False
        self.lose_in_flight()
        self.world.drop(self)
        for task in (*self._tasks, *([self.main] if self.main is not None else ())):
            task.cancel()

    def freeze(self, until: float) -> None:
        """Let it stand still."""
        for one in (self, *self.parts):
            one.frozen_until = until

    def cut_off(self, *, cut: bool) -> None:
        """Let nobody reach it and it nobody, or let that be over."""
        for one in (self, *self.parts):
            one.cut = cut
            if cut:
                one.interrupt()

    def turn_clock(self, by_ms: int) -> None:
        """Let its clock jump."""
        for one in (self, *self.parts):
            one.clock_ms += by_ms

    def interrupt(self) -> None:
        """Break its connection, for a while."""
        if not self.alive:
            return
        self.world.note("interrupt", self.name)
        self.connected_at = self.world.loop.time() + self.world.rng.random()
        self.lose_in_flight()
        self.interrupted.set()

    def break_with(self, bug: BaseException) -> None:
        """Let whoever waits for the connection hear of a bug."""
        self.broken = bug
        self.interrupted.set()

    def lose_in_flight(self) -> None:
        """Lose what is under way to the history, from some point on; the rest arrives at once."""
        left = [timer for timer, at in self.in_flight if at > self.world.loop.time()]
        stays = self.world.rng.randint(0, len(left))
        for number, timer in enumerate(left):
            if number < stays:
                timer._run()  # noqa: SLF001 (now, not at its time)  # type: ignore[attr-defined]
            timer.cancel()
        self.in_flight = []

    async def thawed(self) -> None:
        """Wait while it stands still."""
        while self.world.loop.time() < self.frozen_until:
            await asyncio.sleep(self.frozen_until - self.world.loop.time())
        if not self.alive:
            raise Died

    async def before(self, operation: str, *, takes_s: float = 0.0) -> str:
        """Come to an operation, in which the process may die; returns what a test has planned."""
        world = self.world
        if not self.alive:
            raise Died
        self.operations += 1
        world.operations += 1
        planned = ""
        if self.plan is not None:
            planned = self.plan(operation, self.operations)
            if planned == "crash":
                self.kill()
        elif world.chance(world.faults.crashes):
            self.kill()
        if not self.alive:
            raise Died
        if takes_s:
            await asyncio.sleep(takes_s * (0.5 + world.rng.random()))
        if self.frozen_until > world.loop.time():
            await self.thawed()
        if not self.alive:
            raise Died
        return planned

    def after(self, planned: str = "") -> None:
        """Have done an operation: the process may die before it knows."""
        crashes = self.world.faults.crashes
        if planned == "crash.after" or (not planned and self.world.chance(crashes)):
            self.kill()
        if not self.alive:
            raise Died

    @property
    def reaches(self) -> bool:
        """Whether the broker can be reached."""
        world = self.world
        return not (world.down or self.cut or world.loop.time() < self.connected_at)


def _nothing() -> None:
    """Nobody cares."""
