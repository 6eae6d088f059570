"""What the engine asks of the world. Implemented by `jetstream`, and in memory by `testing`."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dagnats.claims import Claim

Handler = Callable[[bytes, str], Awaitable[None]]
"""Takes a message's payload and the subject to answer on (empty if none is wanted)."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """A partition taken over: our epoch, the log's last sequence, and the next event's offset."""

    epoch: int
    seq: int
    offset: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One message of the log: its sequence, the offset of its first event, its events as JSON."""

    seq: int
    offset: int
    lines: tuple[bytes, ...]


class EventLog(Protocol):
    """The truth of one partition: appended by one owner at a time."""

    async def take_over(self) -> Ownership:
        """Become the owner; whoever was before is refused from now on."""
        ...

    async def append(self, offset: int, lines: Sequence[bytes]) -> int:
        """Store events as one message and return its sequence once it is durable.

        Raises FencedError when another owner has written, UnavailableError when nothing was stored
        (retry the same), UncertainError when nobody knows, BrokenError when this can never be
        stored.
        """
        ...

    async def verify(self) -> None:
        """Return if the last entry is our own. Raises FencedError, UncertainError."""
        ...

    async def locate(self, offset: int) -> int:
        """Return a sequence after which every entry with an event at or above `offset` stands."""
        ...

    def read(self, after: int) -> AsyncIterator[LogEntry]:
        """Yield all entries with a sequence above `after`, in order, up to the present end."""
        ...

    async def trim(self, below: int) -> None:
        """Forget entries below a sequence."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a checkpoint holds: log entries above `seq` are to be folded on top.

    `runs` are encoded live runs, each at its own event sequence; `closed` are encoded lists of
    summaries of ended runs, oldest first. A run that stands in both has ended.
    """

    seq: int
    offset: int
    runs: Mapping[str, bytes]
    closed: Sequence[bytes]


class Snapshots(Protocol):
    """Shortens the fold; never the truth.

    What saves raises UnavailableError when it may not be stored; saving again is harmless.
    """

    async def load(self, epoch: int = 0) -> Snapshot | None:
        """Return the newest checkpoint, or None.

        What was saved before there was any mark is one at 0, of which nothing is covered. With the
        epoch of an owner, nothing that an earlier one saves or forgets has any effect from then on,
        however late it arrives. Raises FencedError when a later one has loaded.
        """
        ...

    async def save_run(self, run_id: str, data: bytes) -> None:
        """Store a live run, replacing its older snapshot."""
        ...

    async def save_closed(self, chunk: int, data: bytes) -> None:
        """Store summaries of ended runs; only the newest chunks are kept."""
        ...

    async def mark(self, seq: int, offset: int) -> None:
        """Declare everything saved so far to be the checkpoint at `seq`."""
        ...

    async def forget_runs(self, run_ids: Sequence[str]) -> None:
        """Remove the snapshots of ended runs."""
        ...


class HistoryFeed(Protocol):
    """The projection people tail: every event once, in order, as its own message."""

    async def last_offset(self) -> int:
        """Return the offset of the last event that is stored there, or -1."""
        ...

    async def publish(self, run_ids: Sequence[str], lines: Sequence[bytes]) -> None:
        """Publish events without waiting for them to be stored. Raises UncertainError."""
        ...

    async def last_event(self, run_id: str) -> bytes | None:
        """Return the newest stored event of a run, or None."""
        ...

    def scan(self, after: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield all stored events behind a position, the oldest first, each with its position.

        0 is before all. Positions grow, and stay what they are when events are forgotten.
        """
        ...

    async def forget_run(self, run_id: str, upto: int) -> None:
        """Remove the events of a run up to a position; asking again changes nothing.

        Raises UnavailableError.
        """
        ...

    async def first_event(self, run_id: str) -> bytes | None:
        """Return the oldest stored event of a run, or None."""
        ...

    async def read_run(self, run_id: str) -> Sequence[bytes]:
        """Return all stored events of a run, in order, each once.

        In the moment of a takeover by force two owners may publish the same events.
        """
        ...


class ProgramStore(Protocol):
    """Registered programs: aliases by name, bytes by digest."""

    async def save_program(self, digest: str, data: bytes) -> None:
        """Store a program; storing it again changes nothing."""
        ...

    async def load_program(self, digest: str) -> bytes | None:
        """Return a program's canonical bytes, or None."""
        ...

    async def save_alias(self, name: str, data: bytes) -> None:
        """Point a name at a digest."""
        ...

    async def load_aliases(self) -> Mapping[str, bytes]:
        """Return all names with what they point at."""
        ...

    async def delete_alias(self, name: str) -> None:
        """Forget a name; programs stay, as runs are pinned to them."""
        ...

    async def secret(self) -> bytes:
        """Return the secret of this installation, made when it is first asked for."""
        ...


class Checkpoints(Protocol):
    """What workers keep between attempts and iterations of a step, the last one each."""

    async def save(self, run_id: str, step: str, data: bytes) -> None:
        """Store what a step is to find again."""
        ...

    async def load(self, run_id: str, step: str) -> bytes | None:
        """Return what was stored last, or None."""
        ...

    async def forget(self, run_id: str) -> None:
        """Remove all of a run that has ended."""
        ...


class Payloads(Protocol):
    """Large values that runs refer to, by run and hash. Raises UnavailableError."""

    async def put(self, run_id: str, data: bytes) -> Claim:
        """Store a value of a run, given as JSON; it is durable when this returns.

        Storing it again changes nothing.
        """
        ...

    async def get(self, wanted: Claim) -> bytes | None:
        """Return a value, or None when there is none that has the hash."""
        ...

    async def forget(self, run_id: str) -> None:
        """Remove all values of a run."""
        ...


class Leases(Protocol):
    """What engines tell each other: small values by key, changed by compare-and-set."""

    async def read(self) -> dict[str, tuple[str, int]]:
        """Return every value with its revision, which changes with every write."""
        ...

    async def put(self, key: str, value: str, revision: int) -> int | None:
        """Write a key that is at `revision` (0: not there); None when it is not.

        Returns the new revision. Raises UnavailableError.
        """
        ...

    async def drop(self, key: str) -> None:
        """Remove a key."""
        ...


class Bus(Protocol):
    """Messages to and from workers and clients; nothing here is durable."""

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with each message, one at a time per subscription."""
        ...

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send a message.

        Raises UncertainError while there is no connection, BrokenError for a message that can never
        be sent: too large, or on something that is no subject.
        """
        ...

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Send a message and return the answer to it.

        Raises UncertainError when none comes in time; otherwise as `publish`.
        """
        ...

    @property
    def bytes_max(self) -> int:
        """Return how large the payload of a message may be."""
        ...

    async def lost(self) -> None:
        """Return once the connection breaks; what was sent last may not have arrived."""
        ...

    async def ready(self) -> None:
        """Return once the connection stands (again)."""
        ...


class Clock(Protocol):
    """Time."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        ...
