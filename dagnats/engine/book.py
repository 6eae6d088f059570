"""The runs of a partition: the live ones as state, the ended ones as a bounded list."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from dagnats.claims import KEY, found_in
from dagnats.machine.commands import StartChild
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState
from dagnats.runid import minted_at_ms

CLOSED_MAX = 10_000
"""This many ended runs are listed; older ones live on in their history."""

CHUNK_SIZE = 500
"""Summaries per stored chunk."""


class Summary(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An ended run, without its outputs: those are in its history. Times in ms since the epoch."""

    run_id: str
    workflow: str
    digest: str
    status: str
    started_at: int
    ended_at: int
    seq: int
    labels: dict[str, str] = {}
    parent: dict[str, Any] | None = None
    refers: tuple[str, ...] = ()
    """The other runs whose stored values it may refer to."""


class Live:
    """A live run: its state and program; who hears of its end; whether a snapshot is older.

    A run that sleeps is packed into bytes, and unpacked by whoever looks at its state. `asks`,
    `hears` and `calls` are the steps that wait for people, events and children, as far as known:
    one may have ended. `refers` are the other runs whose stored values it may refer to.
    """

    __slots__ = (
        "_facts",
        "_packed",
        "_state",
        "asks",
        "calls",
        "dirty",
        "hears",
        "keeps_checkpoints",
        "notify",
        "parent",
        "program",
        "refers",
        "started_at",
    )

    def __init__(self, program: Prepared, state: RunState) -> None:
        self.program = program
        self.notify = ""
        self.dirty = True
        self.keeps_checkpoints = False
        self.asks: dict[str, None] | None = None
        self.calls: dict[str, StartChild] | None = None
        self.hears: dict[str, str] | None = None
        self.refers: set[str] | None = None
        self._state: RunState | None = state
        self._packed: bytes | None = None
        self._facts: tuple[str, str, dict[str, str]] = ("", "running", {})
        self.started_at = state.started_at
        self.parent: dict[str, Any] | None = state.birth.get("parent")

    @property
    def state(self) -> RunState:
        """Return the state; the same object until the run is packed."""
        if self._state is None:
            assert self._packed is not None
            self._state, self._packed = decode_state(self._packed), None
        return self._state

    @property
    def run_id(self) -> str:
        """Return the id."""
        return self.facts[0]

    @property
    def life(self) -> int:
        """Return which life of the run this is; one that is packed has nothing under way."""
        return self._state.life if self._state is not None else 0

    @property
    def facts(self) -> tuple[str, str, dict[str, str]]:
        """Return the id, the status and the labels, without unpacking the run."""
        state = self._state
        if state is None:
            return self._facts
        return state.run_id, state.status, state.birth.get("labels") or {}

    def note_references(self, data: bytes) -> None:
        """Note of which other runs something of this one, as JSON, has references."""
        if REFERENCE in data:
            found = {one.run_id for one in found_in(msgspec.json.decode(data))}
            found.discard(self.run_id)
            self.refers = (self.refers or set()) | found

    @property
    def is_packed(self) -> bool:
        """Whether the state is held as bytes."""
        return self._state is None

    def pack(self, data: bytes | None = None) -> None:
        """Hold the state as bytes until somebody looks at it; `data` is the state, if known."""
        if self._state is not None:
            self._facts = self.facts
            self._packed, self._state = data or encode_state(self._state), None

    def encoded(self) -> bytes:
        """Return the state as `encode_state` does, without unpacking it."""
        return encode_state(self._state) if self._state is not None else self._packed or b""


class Closed:
    """The newest ended runs, oldest first, numbered without gaps so that chunks of them line up.

    `first` is the number of the oldest one that is still listed. No run that has been dropped from
    the list ended, or has an id minted, after `forgotten_until` (ms): an asker's clock may be ahead
    of ours.
    """

    def __init__(
        self, first: int = 0, summaries: Iterable[Summary] = (), forgotten_until: int = 0
    ) -> None:
        listed = list(summaries)
        # A run that was retried may stand here twice: it has ended as the later one says.
        last = {one.run_id: number for number, one in enumerate(listed, first)}
        self._runs: OrderedDict[str, Summary] = OrderedDict(
            (one.run_id, one)
            if one.run_id and last[one.run_id] == number
            else (f"@{number}", replace(one, run_id=""))
            for number, one in enumerate(listed, first)
        )
        self.rewritten: set[int] = set()
        """Chunks that are no longer what they were when they were stored."""
        self.first = first
        self.forgotten_until = forgotten_until
        oldest = next(iter(self._runs.values()), None)
        if first and oldest is not None:
            self.forgotten_until = max(forgotten_until, oldest.ended_at)

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def get(self, run_id: str) -> Summary | None:
        """Return the summary of an ended run that is still listed."""
        return self._runs.get(run_id)

    def newest_first(self) -> Iterator[Summary]:
        """Yield all summaries."""
        return (one for one in reversed(self._runs.values()) if one.run_id)

    @property
    def total(self) -> int:
        """Return how many runs have ever ended here: the number of the next summary."""
        return self.first + len(self._runs)

    @property
    def complete(self) -> bool:
        """Whether no summary was ever dropped: an unlisted run has not ended."""
        return not self.forgotten_until

    def add(self, summary: Summary) -> None:
        """List an ended run; the oldest beyond `CLOSED_MAX` is dropped."""
        if summary.run_id in self._runs:
            return
        self._runs[summary.run_id] = summary
        self.shorten()

    def shorten(self) -> None:
        """Drop the oldest beyond `CLOSED_MAX`."""
        while len(self._runs) > CLOSED_MAX:
            _, oldest = self._runs.popitem(last=False)
            if oldest.run_id:
                self.forget(oldest.run_id, oldest.ended_at)
            self.first += 1

    def remove(self, run_ids: Collection[str]) -> None:
        """Take runs off the list that are alive again, or gone: their places are left empty."""
        gone = {run_id for run_id in run_ids if run_id in self._runs}
        if not gone:
            return
        left: OrderedDict[str, Summary] = OrderedDict()
        for number, (key, one) in enumerate(self._runs.items(), self.first):
            if key in gone:
                self.rewritten.add(number // CHUNK_SIZE)
                left[f"@{number}"] = Summary("", "", "", "", one.started_at, one.ended_at, one.seq)
            else:
                left[key] = one
        self._runs = left

    def forget(self, run_id: str, ended_at: int) -> None:
        """Note a run that has ended and is not listed."""
        self.forgotten_until = max(self.forgotten_until, ended_at, minted_at_ms(run_id) or 0)

    def chunks_since(
        self, total: int, besides: AbstractSet[int] = frozenset()
    ) -> Iterator[tuple[int, list[Summary]]]:
        """Yield every chunk, by number, that holds a summary numbered `total` or above.

        And those of `besides` that hold any. The oldest chunk may lack summaries that are no longer
        listed.
        """
        new = max(total, self.first) // CHUNK_SIZE
        for chunk in range(self.first // CHUNK_SIZE, -(-self.total // CHUNK_SIZE)):
            if chunk < new and chunk not in besides:
                continue
            start = max(chunk * CHUNK_SIZE, self.first)
            stop = min((chunk + 1) * CHUNK_SIZE, self.total)
            held = islice(self._runs.values(), start - self.first, stop - self.first)
            yield chunk, list(held)


class _Chunk(msgspec.Struct, frozen=True, array_like=True):
    first: int
    summaries: list[Summary]
    forgotten_until: int = 0


REFERENCE = f'"{KEY}"'.encode()
"""What JSON has in it that refers to a stored value."""

TOMBSTONE = b"null"
"""The snapshot of a run that has ended and is not listed: it must not come back to life."""

_encode = msgspec.json.Encoder().encode
_decode_state = msgspec.json.Decoder(RunState).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def encode_state(state: RunState) -> bytes:
    """Return a live run as bytes; `decode_state` gives the same state back, bit for bit."""
    return _encode(state)


def decode_state(data: bytes) -> RunState:
    """Return a live run from its snapshot."""
    return _decode_state(data)


def encode_chunk(first: int, summaries: list[Summary], forgotten_until: int = 0) -> bytes:
    """Return summaries as bytes, with the number of the first and what `Closed` has forgotten."""
    return _encode(_Chunk(first, summaries, forgotten_until))


def decode_closed(chunks: Iterable[bytes]) -> Closed:
    """Return the list of ended runs from its chunks, oldest first; a gap drops what is before."""
    first, forgotten_until = 0, 0
    summaries, dropped = list[Summary](), list[Summary]()
    for chunk in sorted((_decode_chunk(data) for data in chunks), key=_start):
        if chunk.first != first + len(summaries):
            dropped += summaries
            first, summaries = chunk.first, []
        summaries += chunk.summaries
        forgotten_until = max(forgotten_until, chunk.forgotten_until)
    closed = Closed(first, summaries, forgotten_until)
    for one in dropped:
        closed.forget(one.run_id, one.ended_at)
    # An old chunk stays stored until a newer one takes its place.
    closed.shorten()
    return closed


def _start(chunk: _Chunk) -> int:
    return chunk.first
