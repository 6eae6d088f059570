"""Checkpoints on JetStream: one subject per part of a run, per chunk of ended runs, and the mark.

A run larger than a message is stored in parts. The stream keeps the two newest messages of each
subject, so while a new version is being written the older one is still whole; `load` takes, for
each run, its newest version of which all parts are there.

Whoever loads as an owner leaves a record. All it saves expects that this is still the newest of its
kind, and it removes nothing that came after what it has saved itself: what a replaced owner has
under way, however late, is refused.
"""

import json
from collections.abc import Sequence
from contextlib import aclosing

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from dagnats.errors import FencedError, UnavailableError, UncertainError
from dagnats.jetstream import direct
from dagnats.jetstream.log import EXPECTED
from dagnats.ports import Snapshot
from dagnats.wire import subjects

PART_BYTES_MAX = 900_000
CHUNK_SUBJECTS = 24
"""Chunks of ended runs are stored round robin on this many subjects."""

PART = "Dagnats-Part"
EXPECTED_OF = f"{EXPECTED}-Subject"
"""The subject whose last sequence is expected, if not that of the message."""
WAIT_S = 10.0


class JetStreamSnapshots:
    """`ports.Snapshots` on the stream DAGNATS_SNAPSHOTS; see there for the promises."""

    def __init__(self, connection: Client, partition: int) -> None:
        self._connection = connection
        self._partition = partition
        self._versions: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        self._torn: set[str] = set()
        self._owner = 0
        """The sequence of our own record as the owner; 0 before there is one."""
        self._newest = 0
        """The sequence of the newest message of our own."""

    async def load(self, epoch: int = 0) -> Snapshot | None:
        """Read the whole stream once and put it together. Raises UncertainError, FencedError."""
        if epoch:
            await self._shut_out(epoch)
        everything = subjects.snapshot_all(self._partition)
        mark: tuple[int, int] | None = None
        closed: dict[str, bytes] = {}
        runs: dict[str, _Versions] = {}
        stored = direct.read(self._connection, subjects.SNAPSHOT_STREAM, everything)
        async with aclosing(stored) as messages:
            async for message in messages:
                kind, run_id = subjects.parse_snapshot(message.subject)
                if kind == "mark":
                    values = json.loads(message.data)
                    mark = (values["seq"], values["offset"])
                elif kind == "closed":
                    closed[message.subject] = message.data
                elif kind == "run":
                    runs.setdefault(run_id, _Versions()).add(message)
        await self._drop_torn(runs)
        whole = {run_id: data for run_id, found in runs.items() if (data := found.newest())}
        if mark is None and not whole and not closed:
            return None
        seq, offset = mark or (0, 0)
        return Snapshot(seq, offset, whole, list(closed.values()))

    async def _shut_out(self, epoch: int) -> None:
        """Write our record as the owner over that of an earlier one."""
        subject = subjects.snapshot_owner(self._partition)
        last = await direct.last(self._connection, subjects.SNAPSHOT_STREAM, subject)
        if last is not None and int(last.data) > epoch:
            raise FencedError("another engine has taken the partition over")
        expected = last.seq if last is not None else 0
        self._owner = 0
        # Refused if somebody wrote in between: then this is tried again, or found to be over.
        await self._store(subject, b"%d" % epoch, {EXPECTED: str(expected)})
        self._owner = self._newest

    async def save_run(self, run_id: str, data: bytes) -> None:
        """Store a run under a new version number, in as many parts as it needs."""
        if run_id in self._torn:
            await self._mend(run_id)
        version = self._versions[run_id] = self._versions.get(run_id, 0) + 1
        parts = [data[at : at + PART_BYTES_MAX] for at in range(0, len(data), PART_BYTES_MAX)]
        self._parts[run_id] = max(len(parts), self._parts.get(run_id, 0))
        self._torn.add(run_id)
        for number, part in enumerate(parts):
            subject = subjects.snapshot_run(self._partition, run_id, number)
            await self._store(subject, part, {PART: f"{version} {len(parts)}"})
        self._torn.discard(run_id)

    async def _mend(self, run_id: str) -> None:
        """Remove what a failed save has left, lest the next one pushes out the older, whole one."""
        version = str(self._versions[run_id])
        js = self._connection.jetstream()
        try:
            for number in range(self._parts[run_id]):
                subject = subjects.snapshot_run(self._partition, run_id, number)
                last = await direct.last(self._connection, subjects.SNAPSHOT_STREAM, subject)
                if last is not None and self._is_own(last, version):
                    await js.delete_msg(subjects.SNAPSHOT_STREAM, last.seq)
        except (UncertainError, TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"a torn snapshot was not removed: {failed!r}") from failed
        self._torn.discard(run_id)

    def _is_own(self, part: direct.Stored, version: str) -> bool:
        """Whether we have stored a part, and not whoever counts versions as we do."""
        expected = part.headers.get(EXPECTED, "0")
        return part.headers[PART].split()[0] == version and expected == str(self._owner)

    async def save_closed(self, chunk: int, data: bytes) -> None:
        """Store a chunk where the one a full round older was."""
        await self._store(subjects.snapshot_closed(self._partition, chunk % CHUNK_SUBJECTS), data)

    async def mark(self, seq: int, offset: int) -> None:
        """Store the mark."""
        data = json.dumps({"seq": seq, "offset": offset}).encode()
        await self._store(subjects.snapshot_mark(self._partition), data)

    async def forget_runs(self, run_ids: Sequence[str]) -> None:
        """Purge the subjects of ended runs, but for what came after all that we have saved."""
        js = self._connection.jetstream()
        for run_id in run_ids:
            for number in range(self._parts.get(run_id, 1)):
                subject = subjects.snapshot_run(self._partition, run_id, number)
                try:
                    await js.purge_stream(
                        subjects.SNAPSHOT_STREAM, seq=self._newest + 1, subject=subject
                    )
                except (TimeoutError, nats.errors.Error) as failed:
                    raise UnavailableError(f"a snapshot was not removed: {failed!r}") from failed
            self._versions.pop(run_id, None)
            self._parts.pop(run_id, None)
            self._torn.discard(run_id)

    async def _drop_torn(self, runs: "dict[str, _Versions]") -> None:
        """Remove newer versions that are not whole, lest later ones push out the one that is."""
        js = self._connection.jetstream()
        for run_id, found in runs.items():
            self._versions[run_id] = found.latest
            self._parts[run_id] = found.parts
            for seq in found.torn():
                if 0 < self._owner < seq:
                    continue  # of whoever has replaced us, and not torn but under way
                try:
                    await js.delete_msg(subjects.SNAPSHOT_STREAM, seq)
                except NotFoundError:
                    continue
                except (TimeoutError, nats.errors.Error) as failed:
                    raise UncertainError(f"a torn snapshot was not removed: {failed!r}") from failed

    async def _store(
        self, subject: str, data: bytes, headers: dict[str, str] | None = None
    ) -> None:
        headers = dict(headers or {})
        if self._owner:
            headers[EXPECTED] = str(self._owner)
            headers[EXPECTED_OF] = subjects.snapshot_owner(self._partition)
        try:
            message = await self._connection.request(
                subject, data, timeout=WAIT_S, headers=headers or None
            )
        except (TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"a snapshot was not acknowledged: {failed!r}") from failed
        answer = json.loads(message.data)
        problem = answer.get("error")
        if problem is not None:
            raise UnavailableError(problem.get("description", "a snapshot was refused"))
        self._newest = max(self._newest, answer["seq"])


class _Versions:
    """All stored parts of one run's snapshots."""

    def __init__(self) -> None:
        self._found: dict[int, dict[str, direct.Stored]] = {}
        self._sizes: dict[int, int] = {}

    def add(self, message: direct.Stored) -> None:
        version, size = (int(word) for word in message.headers[PART].split())
        self._sizes[version] = size
        self._found.setdefault(version, {})[message.subject] = message

    @property
    def latest(self) -> int:
        return max(self._found)

    @property
    def parts(self) -> int:
        return max(self._sizes.values())

    def newest(self) -> bytes:
        """Return the newest whole version, or nothing."""
        version = self._newest_whole()
        parts = self._found.get(version, {})
        ordered = sorted(parts.values(), key=lambda m: subjects.snapshot_part(m.subject))
        return b"".join(message.data for message in ordered)

    def torn(self) -> list[int]:
        """Return the sequences of parts of versions that are newer than the newest whole one."""
        whole = self._newest_whole()
        return [
            message.seq
            for version, parts in self._found.items()
            if version > whole
            for message in parts.values()
        ]

    def _newest_whole(self) -> int:
        whole = [v for v, parts in self._found.items() if len(parts) == self._sizes[v]]
        return max(whole, default=0)
