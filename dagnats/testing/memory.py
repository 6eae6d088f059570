"""The engine's ports in memory, with faults on demand: for tests and simulation only.

A `Storage` outlives engines, as a disk does. Every engine gets ports of its own on it, so that two
owners, a late one, or one that died can be played through.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dagnats.errors import BrokenError, FencedError, UnavailableError, UncertainError
from dagnats.ports import Handler, LogEntry, Ownership, Snapshot

MESSAGE_BYTES_MAX = 1_048_576
"""What a server takes unless it is told otherwise."""

Fault = Callable[[str], None]
"""Called with each operation's name before and after it (`append`, `append.stored`); may raise."""


def no_fault(_operation: str) -> None:
    """Let everything succeed."""


class Stream:
    """The history of all partitions: what was published, in the order of its arrival.

    Positions grow, and stay when others are forgotten. What is published twice is there twice.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[str, bytes]] = []
        self.positions: list[int] = []
        self.times: list[float] = []
        self.next = 1

    def keep(self, run_id: str, line: bytes, at: float = 0.0) -> None:
        """Put an event behind all others."""
        self.entries.append((run_id, line))
        self.positions.append(self.next)
        self.times.append(at)
        self.next += 1

    def forget(self, run_id: str, upto: int) -> None:
        """Take events of a run out: those up to a position."""
        stay = [
            number
            for number, (run, _) in enumerate(self.entries)
            if run != run_id or self.positions[number] > upto
        ]
        self.entries[:] = [self.entries[number] for number in stay]
        self.positions[:] = [self.positions[number] for number in stay]
        self.times[:] = [self.times[number] for number in stay]

    def cut(self, length: int) -> None:
        """Lose all behind so many events."""
        del self.entries[length:], self.positions[length:], self.times[length:]


@dataclass
class Shared:
    """What a disk would hold for all partitions together."""

    stream: Stream = field(default_factory=Stream)
    programs: dict[str, bytes] = field(default_factory=dict)
    aliases: dict[str, bytes] = field(default_factory=dict)
    checkpoints: dict[tuple[str, str], bytes] = field(default_factory=dict)
    leases: dict[str, tuple[str, int]] = field(default_factory=dict)
    leases_written: int = 0
    secret: bytes = b"a secret of tests that nobody has to guess"


@dataclass
class Storage:
    """What a disk would hold of one partition, and what it shares with the others."""

    partition: int = 0
    shared: Shared = field(default_factory=Shared)
    log: list[tuple[LogEntry, int]] = field(default_factory=list)
    snapshots: dict[str, bytes] = field(default_factory=dict)
    closed: dict[int, bytes] = field(default_factory=dict)
    mark: tuple[int, int] | None = None
    saves: int = 0
    """The epoch of the owner that may save checkpoints."""
    next_seq: int = 1

    @property
    def history(self) -> list[tuple[str, bytes]]:
        """Return the events that were published, with their runs."""
        return self.shared.stream.entries

    @property
    def programs(self) -> dict[str, bytes]:
        """Return programs by digest."""
        return self.shared.programs

    @property
    def aliases(self) -> dict[str, bytes]:
        """Return what names stand for."""
        return self.shared.aliases

    @property
    def checkpoints(self) -> dict[tuple[str, str], bytes]:
        """Return what steps keep."""
        return self.shared.checkpoints

    @property
    def secret(self) -> bytes:
        """Return the secret of the installation."""
        return self.shared.secret


class MemoryLog:
    """`ports.EventLog`; one instance per owner."""

    def __init__(self, storage: Storage, fault: Fault = no_fault) -> None:
        self._storage = storage
        self._fault = fault
        self._epoch = 0
        self._seq = 0

    async def take_over(self) -> Ownership:
        """Write an empty entry in a new epoch."""
        offset, before = 0, self._epoch
        self._epoch = 1
        if self._storage.log:
            last, epoch = self._storage.log[-1]
            if 0 < before < epoch:
                raise FencedError("another engine has taken the partition over")
            self._epoch = epoch + 1
            self._seq = last.seq
            offset = last.offset + len(last.lines)
        seq = await self.append(offset, ())
        return Ownership(self._epoch, seq, offset)

    async def verify(self) -> None:
        """Look at the last entry."""
        await self._pause()
        log = self._storage.log
        if log and log[-1][1] != self._epoch:
            raise FencedError("another engine has written to the log")

    async def append(self, offset: int, lines: Sequence[bytes]) -> int:
        """Store, unless somebody else has written since."""
        await self._pause()
        self._fault("append")
        if sum(map(len, lines)) + len(lines) > MESSAGE_BYTES_MAX:
            raise BrokenError(f"a commit is larger than {MESSAGE_BYTES_MAX} bytes")
        log = self._storage.log
        if log and log[-1][0].seq != self._seq:
            raise FencedError("another engine has written to the log")
        self._seq = self._storage.next_seq
        self._storage.next_seq += 1
        log.append((LogEntry(self._seq, offset, tuple(lines)), self._epoch))
        self._fault("append.stored")
        return self._seq

    async def _pause(self) -> None:
        """Take a while; a test may replace this with something that hangs."""
        await asyncio.sleep(0)

    async def locate(self, offset: int) -> int:
        """Look through all entries."""
        found = 0
        for entry, _ in self._storage.log:
            if entry.offset > offset:
                break
            found = entry.seq - 1
        return found

    async def read(self, after: int) -> AsyncIterator[LogEntry]:
        """Yield the entries of now."""
        for entry, _ in list(self._storage.log):
            if entry.seq > after:
                await asyncio.sleep(0)
                yield entry

    async def trim(self, below: int) -> None:
        """Drop entries."""
        self._storage.log[:] = [one for one in self._storage.log if one[0].seq >= below]


class MemorySnapshots:
    """`ports.Snapshots`."""

    def __init__(self, storage: Storage, fault: Fault = no_fault) -> None:
        self._storage = storage
        self._fault = fault
        self._epoch = 0

    async def load(self, epoch: int = 0) -> Snapshot | None:
        """Return what is stored, and shut earlier owners out."""
        if epoch:
            if epoch < self._storage.saves:
                raise FencedError("another engine saves the checkpoints")
            self._epoch = epoch
            self._shut_out()
        if self._storage.mark is None and not self._storage.snapshots and not self._storage.closed:
            return None
        seq, offset = self._storage.mark or (0, 0)
        closed = [self._storage.closed[chunk] for chunk in sorted(self._storage.closed)]
        return Snapshot(seq, offset, dict(self._storage.snapshots), closed)

    def _shut_out(self) -> None:
        self._storage.saves = self._epoch

    def _check_owner(self) -> None:
        if self._epoch < self._storage.saves:
            raise UnavailableError("another engine saves the checkpoints")

    async def save_run(self, run_id: str, data: bytes) -> None:
        """Store a run."""
        await asyncio.sleep(0)
        self._fault("save_run")
        self._check_owner()
        self._storage.snapshots[run_id] = data

    async def save_closed(self, chunk: int, data: bytes) -> None:
        """Store a chunk."""
        await asyncio.sleep(0)
        self._fault("save_closed")
        self._check_owner()
        self._storage.closed[chunk] = data

    async def mark(self, seq: int, offset: int) -> None:
        """Store the mark."""
        await asyncio.sleep(0)
        self._fault("mark")
        self._check_owner()
        self._storage.mark = (seq, offset)

    async def forget_runs(self, run_ids: Sequence[str]) -> None:
        """Drop runs."""
        for run_id in run_ids:
            await asyncio.sleep(0)
            self._fault("forget_run")
            self._check_owner()
            self._storage.snapshots.pop(run_id, None)


class MemoryFeed:
    """`ports.HistoryFeed`."""

    def __init__(self, storage: Storage, fault: Fault = no_fault) -> None:
        self._stream = storage.shared.stream
        self._own = b'{"id":"%d-' % storage.partition
        self._fault = fault

    async def last_offset(self) -> int:
        """Read it from the id of the last own event."""
        for _, line in reversed(self._stream.entries):
            if line.startswith(self._own):
                return offset_of(line)
        return -1

    async def publish(self, run_ids: Sequence[str], lines: Sequence[bytes]) -> None:
        """Store one event after the other: a fault may come in between."""
        for run_id, line in zip(run_ids, lines, strict=True):
            self._fault("publish")
            self._stream.keep(run_id, line)

    async def last_event(self, run_id: str) -> bytes | None:
        """Return the newest event."""
        for run, line in reversed(self._stream.entries):
            if run == run_id:
                return line
        return None

    async def first_event(self, run_id: str) -> bytes | None:
        """Return the oldest event."""
        for run, line in self._stream.entries:
            if run == run_id:
                return line
        return None

    async def read_run(self, run_id: str) -> Sequence[bytes]:
        """Return all events, each once."""
        found = {offset_of(line): line for run, line in self._stream.entries if run == run_id}
        return [found[offset] for offset in sorted(found)]

    async def scan(self, after: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield the events of now."""
        stream = self._stream
        for at, (_, line) in zip(list(stream.positions), list(stream.entries), strict=True):
            if at > after:
                yield at, line

    async def forget_run(self, run_id: str, upto: int) -> None:
        """Drop events of a run."""
        self._fault("forget_history")
        self._stream.forget(run_id, upto)


def offset_of(line: bytes) -> int:
    """Return the offset in the id of an event."""
    return int(line[len(b'{"id":"') :].partition(b'"')[0].partition(b"-")[2])


class MemoryPrograms:
    """`ports.ProgramStore`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def save_program(self, digest: str, data: bytes) -> None:
        """Store a program."""
        self._storage.programs[digest] = data

    async def load_program(self, digest: str) -> bytes | None:
        """Return a program."""
        return self._storage.programs.get(digest)

    async def save_alias(self, name: str, data: bytes) -> None:
        """Store a name."""
        self._storage.aliases[name] = data

    async def load_aliases(self) -> Mapping[str, bytes]:
        """Return all names."""
        return dict(self._storage.aliases)

    async def delete_alias(self, name: str) -> None:
        """Forget a name."""
        self._storage.aliases.pop(name, None)

    async def secret(self) -> bytes:
        """Return what only engines know."""
        return self._storage.secret


class MemoryCheckpoints:
    """`ports.Checkpoints`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def save(self, run_id: str, step: str, data: bytes) -> None:
        """Store what a step keeps."""
        self._storage.checkpoints[run_id, step] = data

    async def load(self, run_id: str, step: str) -> bytes | None:
        """Return what a step keeps."""
        return self._storage.checkpoints.get((run_id, step))

    async def forget(self, run_id: str) -> None:
        """Drop what steps of a run keep."""
        for key in [key for key in self._storage.checkpoints if key[0] == run_id]:
            del self._storage.checkpoints[key]


class MemoryNetwork:
    """Subjects and who listens; engines come and go, clients and workers stay."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[tuple[MemoryBus | None, Handler]]] = {}
        self._inboxes = 0

    def listen(self, subject: str, handler: Handler, bus: "MemoryBus | None" = None) -> None:
        """Let a handler hear a subject; as part of an engine, while that lives."""
        self._handlers.setdefault(subject, []).append((bus, handler))

    async def send(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Deliver to all listeners, one after the other."""
        for bus, handler in list(self._handlers.get(subject, ())):
            if bus is None:
                await handler(payload, reply)
            else:
                await bus.hand_over(handler, payload, reply)

    def inbox(self) -> str:
        """Return a subject of one's own."""
        self._inboxes += 1
        return f"inbox.{self._inboxes}"

    def forget(self, subject: str) -> None:
        """Let nobody hear a subject any more."""
        self._handlers.pop(subject, None)


class MemoryBus:
    """`ports.Bus`; dead once `kill`ed, as a process is."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._lost = asyncio.Event()
        self._broken: BaseException | None = None
        self.bytes_max = MESSAGE_BYTES_MAX
        self.alive = True
        self.stands = asyncio.Event()
        self.stands.set()

    def kill(self) -> None:
        """Say and hear nothing any more."""
        self.alive = False

    def interrupt(self) -> None:
        """Play a connection that breaks and comes back."""
        self._lost.set()

    async def hand_over(self, handler: Handler, payload: bytes, reply: str) -> None:
        """Call a handler of this engine."""
        if not self.alive:
            return
        try:
            await handler(payload, reply)
        except Exception as bug:  # noqa: BLE001 - told to whoever waits for `lost`
            self._broken = bug
            self._lost.set()

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Listen."""
        self._network.listen(subject, handler, self)

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send; refuse what a server refuses."""
        if len(payload) > self.bytes_max:
            raise BrokenError(f"a message of {len(payload)} bytes is too large")
        if not subject or " " in subject:
            raise BrokenError(f"`{subject}` is not a subject")
        if self.alive:
            await self._network.send(subject, payload)

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Send and wait for an answer."""
        if len(payload) > self.bytes_max:
            raise BrokenError(f"a message of {len(payload)} bytes is too large")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def on_answer(data: bytes, _reply: str) -> None:
            if not answer.done():
                answer.set_result(data)

        inbox = self._network.inbox()
        self._network.listen(inbox, on_answer, self)
        try:
            async with asyncio.timeout(timeout_s):
                if self.alive:
                    await self._network.send(subject, payload, inbox)
                return await answer
        except TimeoutError:
            raise UncertainError(f"nobody answers on `{subject}`") from None
        finally:
            self._network.forget(inbox)

    async def ready(self) -> None:
        """Wait until `stands` is set, as it is unless a test clears it."""
        await self.stands.wait()
        self._lost.clear()
        self._broken = None

    async def lost(self) -> None:
        """Return at an interruption; raise what a handler raised."""
        await self._lost.wait()
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken


class ManualClock:
    """`ports.Clock`, moved by hand."""

    def __init__(self, at_ms: int = 1_800_000_000_000) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        """Return what it was set to."""
        return self.at_ms
