"""Messages in: guarded, decoded by the operations, and answered.

Whatever is answered about runs goes through the outbox, so that it is said only once the events it
rests on are stored.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from dagnats.engine.faults import ElsewhereError, RequestFaultError, RunFaultError, in_words
from dagnats.engine.partition import Partition
from dagnats.engine.programs import Programs
from dagnats.engine.shop import Planning
from dagnats.errors import BrokenError, FencedError, RefusedError, UnavailableError, UncertainError
from dagnats.ports import Bus, Checkpoints, Clock, HistoryFeed, Payloads
from dagnats.wire import api

_encode = msgspec.json.Encoder().encode

RESTS_ON_STATE = frozenset({"not_found", "conflict", "denied"})
"""Refusals that say something about runs, and not about the request."""

Handle = Callable[[bytes, str], Awaitable[None]]
Operation = Callable[["Service", bytes, str], Awaitable[None]]


class Service:
    """What operations work with; each message is handled while its partition stands.

    What cannot be handled is refused, and told to the operator. When nobody knows what has been
    done of it, the handler raises besides, and the partition is to be read again.
    """

    def __init__(  # noqa: PLR0913 (each by name)
        self,
        *,
        programs: Programs,
        feed: HistoryFeed,
        bus: Bus,
        clock: Clock,
        checkpoints: Checkpoints,
        payloads: Payloads,
        planning: Planning,
        partitions: int,
        status: Callable[[], dict[str, Any]],
        verify: Callable[[], Awaitable[None]],
        say: Callable[[str], None],
    ) -> None:
        self.programs = programs
        self.feed = feed
        self.bus = bus
        self.clock = clock
        self.checkpoints = checkpoints
        self.payloads = payloads
        self.planning = planning
        self.partitions = partitions
        self.status = status
        self.epoch = 0
        self.secret = b""
        self.partition: Partition | None = None
        self.verify = verify
        self._tell_operator = say
        self._told = ""

    def attach(self, partition: Partition, epoch: int, secret: bytes) -> None:
        """Serve a recovered partition."""
        self.partition, self.epoch, self.secret = partition, epoch, secret

    def detach(self) -> None:
        """Answer `busy` until a partition is there again."""
        self.partition = None

    async def listen(self, operations: list[tuple[str, Operation, bool]]) -> None:
        """Subscribe to operations: subject, what handles it, and whether that decides."""
        for subject, operation, changes in operations:
            await self.bus.subscribe(subject, self._guarded(subject, operation, changes=changes))

    def _guarded(self, subject: str, operation: Operation, *, changes: bool) -> Handle:
        """Return `operation` with its failures answered."""

        async def guarded(payload: bytes, reply: str) -> None:
            try:
                await operation(self, payload, reply)
            except ElsewhereError:
                return
            except RefusedError as no:
                await self._refuse_truly(reply, no)
            except (UncertainError, UnavailableError, TimeoutError) as silent:
                await self.refuse(reply, "busy", f"JetStream does not answer: {silent}")
            except BrokenError as broken:
                await self.refuse(reply, "unavailable", str(broken))
                self.tell(f"cannot answer `{subject}`: {broken}")
            except Exception as bug:  # noqa: BLE001 - a request must not end the engine
                await self._fail(subject, reply, bug, changes=changes)

        return guarded

    def tell(self, line: str) -> None:
        """Tell the operator, and not each time that the same is asked again."""
        if line != self._told:
            self._told = line
            self._tell_operator(line)

    async def _fail(self, subject: str, reply: str, bug: Exception, *, changes: bool) -> None:
        """Refuse what failed in a way nobody foresaw."""
        words = f"a fault of the engine on `{subject}`: {in_words(bug)}"
        if not changes:
            self.tell(words)
            await self.refuse(reply, "unavailable", words)
            return
        # Nothing more may be decided on what is perhaps half done.
        self.detach()
        with contextlib.suppress(Exception):
            await self.refuse(reply, "unavailable", words)
        raise bug if isinstance(bug, RunFaultError) else RequestFaultError(words) from bug

    async def _refuse_truly(self, reply: str, no: RefusedError) -> None:
        """Refuse for a reason in what we know: that counts only if nobody has replaced us."""
        if no.code in RESTS_ON_STATE and self.partition is not None:
            try:
                await self.verify()
            except (UncertainError, TimeoutError):
                await self.refuse(reply, "busy", "JetStream does not answer")
                return
            except FencedError:
                self.detach()
                raise
        await self.refuse(reply, no.code, str(no))

    async def refuse(self, reply: str, code: str, message: str, details: Any = None) -> None:
        """Answer that something is not done, and why."""
        if not reply:
            return
        answer = api.Answer(error=api.ApiError(code, message, details))
        try:
            await self.bus.publish(reply, _encode(answer))
        except BrokenError as wrong:
            self.tell(f"cannot refuse: {wrong}")

    async def say(self, reply: str, document: Any) -> None:
        """Answer at once: for what does not rest on uncommitted events."""
        if reply:
            await self.bus.publish(reply, self._fitting(document))

    def answer(self, partition: Partition, reply: str, document: Any) -> None:
        """Answer after the commit of all that has been decided so far."""
        if reply:
            partition.answer(reply, self._fitting(document))

    def _fitting(self, document: Any) -> bytes:
        """Return an answer, encoded. Raises RefusedError `invalid` when no message can hold it."""
        number = self.partition.number if self.partition is not None else 0
        answer = _encode(api.Answer(document, None, number, self.partitions))
        if len(answer) > self.bus.bytes_max:
            raise RefusedError(
                "invalid",
                f"the answer has {len(answer)} bytes, a message holds {self.bus.bytes_max}"
                " (the server's max_payload)",
            )
        return answer

    def owned(self) -> Partition:
        """Return the partition. Raises RefusedError `busy`."""
        if self.partition is None:
            raise RefusedError("busy", "the engine is reading its log; ask again")
        return self.partition

    def open(self) -> Partition:
        """Return the partition if it has room for another answer. Raises RefusedError `busy`."""
        partition = self.owned()
        if partition.full:
            raise RefusedError("busy", partition.full)
        return partition
