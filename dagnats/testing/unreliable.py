"""The engine's ports in a simulated world: what `memory` does, and what can go wrong with it.

`tests/ports` holds these, without faults, to the real server.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from dagnats.errors import BrokenError, FencedError, UnavailableError, UncertainError
from dagnats.ports import Handler, LogEntry, Ownership, Snapshot
from dagnats.testing.memory import (
    MESSAGE_BYTES_MAX,
    MemoryFeed,
    MemorySnapshots,
)
from dagnats.testing.world import DISK_S, EPOCH_MS, LATENCY_S, Process

APPEND_WAIT_S = 10.0
SLOW_ONE_IN = 200
SLOW_S = 1.5
TAKEOVER_TRIES_MAX = 5


class UnreliableLog:
    """`ports.EventLog`: loses nothing that it acknowledges, and may not say what it stores."""

    def __init__(self, process: Process, partition: int = 0) -> None:
        self._process = process
        self._world = process.world
        self._partition = partition
        self._disk = process.world.disks[partition]
        self._epoch = 0
        self._seq = 0

    async def take_over(self) -> Ownership:
        """Write an empty entry in a new epoch; whoever has been replaced takes nothing back."""
        before = self._epoch
        for _ in range(TAKEOVER_TRIES_MAX):
            planned = await self._process.before("log.last", takes_s=DISK_S)
            self._check(planned)
            offset, self._epoch, self._seq = 0, 1, 0
            if self._disk.log:
                last, epoch = self._disk.log[-1]
                if 0 < before < epoch:
                    raise FencedError("another engine has taken the partition over")
                self._epoch, self._seq = epoch + 1, last.seq
                offset = last.offset + len(last.lines)
            try:
                seq = await self.append(offset, ())
            except FencedError:
                continue
            self._world.note("takeover", f"{self._process.name} epoch {self._epoch}")
            return Ownership(self._epoch, seq, offset)
        raise FencedError("another engine keeps writing to the log")

    async def verify(self) -> None:
        """Look at the last entry."""
        self._check(await self._process.before("log.last", takes_s=DISK_S))
        log = self._disk.log
        if log and log[-1][1] != self._epoch:
            raise FencedError("another engine has written to the log")

    async def append(self, offset: int, lines: Sequence[bytes]) -> int:
        """Store, unless somebody else has written since."""
        world, faults = self._world, self._world.faults
        takes_s = SLOW_S if world.chance(faults.slow_workers / SLOW_ONE_IN) else DISK_S
        planned = await self._process.before("log.append", takes_s=takes_s)
        if sum(map(len, lines)) + len(lines) > MESSAGE_BYTES_MAX:
            raise BrokenError(f"a commit is larger than {MESSAGE_BYTES_MAX} bytes")
        if planned == "unavailable" or (not planned and world.chance(faults.unavailable)):
            world.note("unavailable", self._process.name)
            raise UnavailableError("the disk is full")
        if not self._process.reaches:
            await asyncio.sleep(APPEND_WAIT_S * world.rng.random())
            raise UncertainError("an append was not acknowledged: there is no connection")
        if planned.startswith("uncertain") or (not planned and world.chance(faults.uncertain)):
            await self._unsure(planned, offset, lines)
        self._seq = self._store(self._seq, offset, lines)
        self._process.after(planned)
        if faults.freezes:
            # The acknowledgement is under way: whoever stands still hears of it much later.
            await asyncio.sleep(DISK_S * world.rng.random())
            await self._process.thawed()
        return self._seq

    async def _unsure(self, planned: str, offset: int, lines: Sequence[bytes]) -> None:
        world = self._world
        how = planned.partition(".")[2] or world.rng.choice(("stored", "lost", "late"))
        world.note("uncertain", f"{self._process.name} {how}")
        if how == "stored":
            self._store(self._seq, offset, lines)
        elif how == "late":
            world.loop.call_later(
                world.rng.random() * 2 * APPEND_WAIT_S,
                self._store_late,
                self._seq,
                offset,
                tuple(lines),
            )
        await asyncio.sleep(APPEND_WAIT_S * world.rng.random())
        raise UncertainError("an append was not acknowledged")

    def _store_late(self, after: int, offset: int, lines: Sequence[bytes]) -> None:
        try:
            self._store(after, offset, lines)
        except FencedError:
            return

    def _store(self, after: int, offset: int, lines: Sequence[bytes]) -> int:
        disk = self._disk
        if disk.log and disk.log[-1][0].seq != after:
            raise FencedError("another engine has written to the log")
        seq = disk.next_seq
        disk.next_seq += 1
        entry = LogEntry(seq, offset, tuple(lines))
        disk.log.append((entry, self._epoch))
        self._world.on_append(entry, self._process, self._partition)
        return seq

    async def locate(self, offset: int) -> int:
        """Look through all entries."""
        self._check(await self._process.before("log.locate", takes_s=LATENCY_S))
        found = 0
        for entry, _ in self._disk.log:
            if entry.offset > offset:
                break
            found = entry.seq - 1
        return found

    async def read(self, after: int) -> AsyncIterator[LogEntry]:
        """Yield the entries of now; the connection may break in between."""
        seen = after
        self._check(await self._process.before("log.read", takes_s=LATENCY_S))
        for number, (entry, _) in enumerate(list(self._disk.log)):
            if entry.seq <= after:
                continue
            if not number % 50:
                self._check(await self._process.before("log.read", takes_s=LATENCY_S))
            seen = entry.seq
            yield entry
        if seen < self._seq:
            raise UncertainError(f"the log ends at {seen}, before our own entry {self._seq}")

    async def trim(self, below: int) -> None:
        """Drop entries."""
        self._check(await self._process.before("log.trim", takes_s=DISK_S), UnavailableError)
        disk = self._disk
        disk.trimmed_to = max(disk.trimmed_to, below)
        disk.log[:] = [one for one in disk.log if one[0].seq >= below]

    def _check(
        self, planned: str, error: type[UncertainError | UnavailableError] = UncertainError
    ) -> None:
        check(self._process, planned, error)


def check(
    process: Process,
    planned: str,
    error: type[UncertainError | UnavailableError] = UncertainError,
) -> None:
    """Fail, perhaps; and if there is nothing to be reached."""
    world = process.world
    if planned == "fail" or (not planned and world.chance(world.faults.stores)):
        world.note("refused", process.name)
        raise error("JetStream does not answer")
    if not process.reaches:
        raise error("there is no connection")


class UnreliableSnapshots(MemorySnapshots):
    """`ports.Snapshots` on a stream that is synced now and then."""

    def __init__(self, process: Process, partition: int = 0) -> None:
        super().__init__(process.world.disks[partition])
        self._process = process
        self._disk = process.world.disks[partition]

    async def load(self, epoch: int = 0) -> Snapshot | None:
        """Return what is stored."""
        check(self._process, await self._process.before("snapshots.load", takes_s=DISK_S))
        return await super().load(epoch)

    def _shut_out(self) -> None:
        self._disk.write(self._process.world.loop.time(), "owner", None, self._epoch)

    async def save_run(self, run_id: str, data: bytes) -> None:
        """Store a run."""
        await self._write("run", run_id, data)

    async def save_closed(self, chunk: int, data: bytes) -> None:
        """Store a chunk."""
        await self._write("closed", chunk, data)

    async def mark(self, seq: int, offset: int) -> None:
        """Store the mark."""
        await self._write("mark", None, (seq, offset))

    async def save_extra(self, name: str, data: bytes) -> None:
        """Store what belongs to no run."""
        await self._write("extra", name, data)

    async def forget_runs(self, run_ids: Sequence[str]) -> None:
        """Drop runs."""
        for run_id in run_ids:
            await self._write("forget", run_id, None)

    async def _write(self, what: str, key: object, data: object) -> None:
        process = self._process
        planned = await process.before(f"snapshots.{what}", takes_s=LATENCY_S)
        check(process, planned, UnavailableError)
        self._check_owner()
        self._disk.write(process.world.loop.time(), what, key, data)
        process.after(planned)


class UnreliableFeed(MemoryFeed):
    """`ports.HistoryFeed`: what is published arrives in order, a little later, or not at all."""

    def __init__(self, process: Process, partition: int = 0) -> None:
        super().__init__(process.world.disks[partition])
        self._process = process
        self._disk = process.world.disks[partition]

    async def last_offset(self) -> int:
        """Read it from the last event's id."""
        check(self._process, await self._process.before("feed.last", takes_s=LATENCY_S))
        return await super().last_offset()

    async def last_event(self, run_id: str) -> bytes | None:
        """Return the newest event."""
        check(self._process, await self._process.before("feed.last_event", takes_s=LATENCY_S))
        return await super().last_event(run_id)

    async def first_event(self, run_id: str) -> bytes | None:
        """Return the oldest event."""
        check(self._process, await self._process.before("feed.first_event", takes_s=LATENCY_S))
        return await super().first_event(run_id)

    async def read_run(self, run_id: str) -> Sequence[bytes]:
        """Return all events."""
        check(self._process, await self._process.before("feed.read", takes_s=LATENCY_S))
        return await super().read_run(run_id)

    async def scan(self, after: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield the events of now; the connection may break in between."""
        number = 0
        check(self._process, await self._process.before("feed.scan", takes_s=LATENCY_S))
        async with aclosing(super().scan(after)) as events:
            async for event in events:
                number += 1
                if not number % 100:
                    planned = await self._process.before("feed.scan", takes_s=LATENCY_S)
                    check(self._process, planned)
                yield event

    async def forget_run(self, run_id: str, upto: int) -> None:
        """Drop events of a run."""
        planned = await self._process.before("feed.forget", takes_s=LATENCY_S)
        check(self._process, planned, UnavailableError)
        await super().forget_run(run_id, upto)
        self._process.after(planned)

    async def publish(self, run_ids: Sequence[str], lines: Sequence[bytes]) -> None:
        """Send one event after the other."""
        process, world = self._process, self._process.world
        planned = await process.before("feed.publish")
        if planned == "fail" or not process.reaches:
            process.interrupt()
            raise UncertainError("events could not be published")
        now = world.loop.time()
        arrives = max(now, process.last_arrival)
        if not process.in_flight or process.last_arrival <= now:
            process.in_flight = []
        for at in range(0, len(lines), 20):
            arrives += LATENCY_S * (0.2 + world.rng.random())
            part = list(zip(run_ids[at : at + 20], lines[at : at + 20], strict=True))
            process.in_flight.append((world.loop.call_at(arrives, self._store, part), arrives))
        process.last_arrival = arrives
        process.after(planned)

    def _store(self, part: list[tuple[str, bytes]]) -> None:
        world = self._process.world
        for run_id, line in part:
            world.shared.stream.keep(run_id, line, world.loop.time())


class UnreliableBus:
    """`ports.Bus` on the network of a world."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self.bytes_max = MESSAGE_BYTES_MAX

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Listen."""
        self._world.subscribe(subject, handler, self._process)

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send; refuse what a server refuses."""
        self._check(subject, payload)
        process = self._process
        planned = await process.before("bus.publish")
        if planned == "fail" or not process.reaches:
            process.interrupt()
            raise UncertainError("a message could not be sent")
        self._world.send(subject, payload)
        process.after(planned)

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Send and wait for an answer."""
        self._check(subject, payload)
        planned = await self._process.before("bus.request")
        if planned == "fail" or not self._process.reaches:
            raise UncertainError("there is no connection")
        answer = await self._world.request(subject, payload, timeout_s)
        await self._process.thawed()
        if not self._process.reaches:
            raise UncertainError("the answer has not arrived")
        return answer

    def _check(self, subject: str, payload: bytes) -> None:
        if len(payload) > self.bytes_max:
            raise BrokenError(f"a message of {len(payload)} bytes is too large")
        if not subject or " " in subject:
            raise BrokenError(f"`{subject}` is not a subject")

    async def lost(self) -> None:
        """Return at an interruption; raise what a handler raised."""
        process = self._process
        await process.interrupted.wait()
        if process.broken is not None:
            broken, process.broken = process.broken, None
            raise broken

    async def ready(self) -> None:
        """Wait until the broker can be reached."""
        process, world = self._process, self._world
        while not process.reaches:
            wait = max(world.down_until, process.connected_at) - world.loop.time()
            await asyncio.sleep(max(wait, 0.1))
        if not process.alive:
            await asyncio.Event().wait()
        process.interrupted.clear()
        process.broken = None


class UnreliableClock:
    """`ports.Clock` that may jump; with `steady` only as a machine's own does."""

    def __init__(self, process: Process, *, steady: bool = False) -> None:
        self._process = process
        self._steady = steady

    def now_ms(self) -> int:
        """Return virtual time, moved by whatever has happened to this clock and to all."""
        world = self._process.world
        now = EPOCH_MS + int(world.loop.time() * 1000) + self._process.clock_ms
        return now if self._steady else now + world.skipped_ms
