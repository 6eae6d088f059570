"""What the command line and programs ask of an engine: requests, and the events of a run."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import msgspec
import nats.errors
from nats.aio.client import NO_RESPONDERS_STATUS
from nats.aio.client import Client as Connection

from dagnats.claims import Claim
from dagnats.errors import NoServerError, RefusedError, UnavailableError, UncertainError
from dagnats.jetstream import direct
from dagnats.jetstream.connection import Target, connect
from dagnats.jetstream.gathering import merge_of
from dagnats.jetstream.payloads import JetStreamPayloads
from dagnats.wire import subjects
from dagnats.wire.api import Answer

ANSWER_S = 5.0
PATIENCE_S = 20.0
"""How long a request is repeated while the engine recovers or is busy."""
RETRY_MIN_S = 0.05
RETRY_MAX_S = 1.0
POLL_S = 0.25
QUIET_S = 10.0
"""After so long without an event the engine is asked for a sign of life."""
LOST_S = 60.0
"""How long a follower waits for a server that is gone."""
ENDS = ("workflow.completed", "workflow.failed", "workflow.cancelled")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


def _silent(_line: str) -> None:
    """Nobody wants to know."""


class Client:
    """A connection to an engine. `say` hears when the server is gone, and when it is back."""

    def __init__(self, connection: Connection, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._say = say

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, target: Target, say: Callable[[str], None] = _silent
    ) -> AsyncIterator["Client"]:
        """Connect until the end of the block. Raises NoServerError, RefusedError."""
        connection = await connect(
            target.url, credentials=target.credentials, name="dagnats-client"
        )
        try:
            yield cls(connection, say)
        finally:
            await connection.close()

    async def call(self, operation: str, params: Any) -> Any:
        """Ask for an operation (see `wire.api`) and return its document.

        Every operation may be repeated safely, and is, while nobody answers or the engine is busy.
        Raises RefusedError with the engine's reason, NoServerError when no engine answers.
        """
        payload = _encode(params)
        async with _patience() as wait:
            while True:
                try:
                    answer = await self._ask(operation, payload, params)
                except nats.errors.MaxPayloadError:
                    raise RefusedError("invalid", "the request is larger than a message") from None
                except (TimeoutError, nats.errors.Error):
                    await wait("no dagnats engine answers: is `dagnats serve` running?")
                    continue
                if answer.error is None:
                    return answer.ok
                if answer.error.code != "busy":
                    raise RefusedError(answer.error.code, answer.error.message)
                await wait(answer.error.message, busy=True)

    async def _ask(self, operation: str, payload: bytes, params: Any) -> Answer:
        """Ask once; where every partition answers, wait for all and put them together."""
        subject = subjects.api(operation)
        merge = merge_of(operation)
        if merge is None:
            return _decode(
                (await self._connection.request(subject, payload, timeout=ANSWER_S)).data
            )
        inbox = self._connection.new_inbox()
        hearing = await self._connection.subscribe(inbox)
        found: dict[int, Answer] = {}
        try:
            await self._connection.publish(subject, payload, reply=inbox)
            while True:
                message = await hearing.next_msg(timeout=ANSWER_S)
                if (message.headers or {}).get(direct.STATUS) == NO_RESPONDERS_STATUS:
                    raise nats.errors.NoRespondersError
                answer = _decode(message.data)
                if answer.error is not None:
                    return answer
                found[answer.partition] = answer
                if len(found) >= answer.of:
                    break
        finally:
            with contextlib.suppress(nats.errors.Error):
                await hearing.unsubscribe()
        return Answer(merge([found[number].ok for number in sorted(found)], params))

    async def payload(self, wanted: Claim) -> Any:
        """Return a large value that a run refers to.

        Raises RefusedError `not_found` when there is no such, NoServerError.
        """
        async with _patience() as wait:
            while True:
                try:
                    data = await JetStreamPayloads(self._connection).get(wanted)
                    break
                except UnavailableError as silent:
                    await wait(f"the server stopped answering: {silent}")
        if data is None:
            raise RefusedError(
                "not_found",
                f"a stored value of run `{wanted.run_id}` ({wanted.bytes:,} bytes) is not there "
                "any more",
            )
        return msgspec.json.decode(data)

    async def events(
        self, run_id: str, *, follow: bool, start_seq: int = 1
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the events of a run from its number `start_seq` on, in order, each once.

        With `follow`, waits for more until the run has ended. Raises NoServerError when the server
        does not answer; with `follow` only after LOST_S without it.
        """
        reading = _Reading(self._connection, run_id, start_seq - 1)
        if follow:
            async with contextlib.aclosing(self._follow(reading)) as events:
                async for event in events:
                    yield event
            return
        try:
            async with contextlib.aclosing(reading.on()) as events:
                async for event in events:
                    yield event
        except UncertainError as silent:
            raise NoServerError(f"the server stopped answering: {silent}") from silent

    async def _follow(self, reading: "_Reading") -> AsyncGenerator[dict[str, Any], None]:
        # A live message is a reason to look; the stream stays the only source.
        live = await self._connection.subscribe(subjects.history(reading.run_id))
        vigil = _Vigil(self._connection, self._say)
        try:
            while True:
                try:
                    async with contextlib.aclosing(reading.on()) as events:
                        async for event in events:
                            vigil.fine()
                            yield event
                            if event["type"] in ENDS:
                                return
                except (UncertainError, nats.errors.Error):
                    vigil.missed()
                await vigil.look()
                with contextlib.suppress(TimeoutError, nats.errors.Error):
                    await live.next_msg(timeout=POLL_S)
        finally:
            with contextlib.suppress(nats.errors.Error):
                await live.unsubscribe()


class _Reading:
    """The stored events of a run, read as far as `seq`."""

    def __init__(self, connection: Connection, run_id: str, seq: int) -> None:
        self.run_id = run_id
        self._connection = connection
        self._after = 0
        self._seq = seq

    async def on(self) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what is there and was not read yet. Raises UncertainError."""
        if not self._connection.is_connected:
            raise UncertainError("the connection is lost")
        subject = subjects.history(self.run_id)
        found = direct.read(self._connection, subjects.HISTORY_STREAM, subject, after=self._after)
        async with contextlib.aclosing(found) as messages:
            async for message in messages:
                self._after = message.seq
                event = msgspec.json.decode(message.data)
                if event["seq"] > self._seq:
                    self._seq = event["seq"]
                    yield event


class _Vigil:
    """Notices that the server is gone, says so, and gives up after LOST_S."""

    def __init__(self, connection: Connection, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._say = say
        self._lost_at: float | None = None
        self._sign_at = self._now()

    def fine(self) -> None:
        """Note a sign of life."""
        if self._lost_at is not None:
            self._say("the server is back")
        self._lost_at = None
        self._sign_at = self._now()

    def missed(self) -> None:
        """Note that there was no answer. Raises NoServerError when that has lasted too long."""
        if self._lost_at is None:
            self._lost_at = self._now()
            self._say(f"the server is gone; waiting for it, at most {LOST_S:.0f} s")
        elif self._now() - self._lost_at > LOST_S:
            raise NoServerError(
                f"the server has been gone for {LOST_S:.0f} s; the run goes on when it is back\n"
                "  help: then `dagnats run watch` follows it from its first event again"
            )

    async def look(self) -> None:
        """Ask the engine for a sign of life, when it is thought lost or has been quiet long."""
        if self._lost_at is None and self._now() - self._sign_at < QUIET_S:
            return
        if not self._connection.is_connected:
            self.missed()
            await asyncio.sleep(POLL_S)
            return
        try:
            await self._connection.request(subjects.api("status"), b"{}", timeout=ANSWER_S)
        except (TimeoutError, nats.errors.Error):
            self.missed()
        else:
            self.fine()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[Any]:
    """Give a function that waits a little longer each time, until patience ends."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    pause = RETRY_MIN_S

    async def wait(reason: str, *, busy: bool = False) -> None:
        nonlocal pause
        if asyncio.get_running_loop().time() + pause > deadline:
            raise RefusedError("busy", reason) if busy else NoServerError(reason)
        await asyncio.sleep(pause)
        pause = min(pause * 2, RETRY_MAX_S)

    yield wait
