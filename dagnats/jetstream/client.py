"""What the command line and programs ask of an engine: requests, and the events of a run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import nats.errors
from nats.aio.client import Client as Connection

from dagnats.errors import NoServerError, RefusedError, UnavailableError, UncertainError
from dagnats.jetstream import direct
from dagnats.jetstream.connection import Target, connect
from dagnats.wire import subjects
from dagnats.wire.api import Answer

ANSWER_S = 5.0
PATIENCE_S = 20.0
"""How long a request is repeated while the engine recovers or is busy."""
RETRY_MIN_S = 0.05
RETRY_MAX_S = 1.0
POLL_S = 0.25
ENDS = ("workflow.completed", "workflow.failed", "workflow.cancelled")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class Client:
    """A connection to an engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, target: Target) -> AsyncIterator["Client"]:
        """Connect until the end of the block. Raises NoServerError, RefusedError."""
        connection = await connect(
            target.url, credentials=target.credentials, name="dagnats-client"
        )
        try:
            yield cls(connection)
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
                    message = await self._connection.request(
                        subjects.api(operation), payload, timeout=ANSWER_S
                    )
                except nats.errors.MaxPayloadError:
                    raise RefusedError("invalid", "the request is larger than a message") from None
                except (TimeoutError, nats.errors.Error):
                    await wait("no dagnats engine answers: is `dagnats serve` running?")
                    continue
                answer = _decode(message.data)
                if answer.error is None:
                    return answer.ok
                if answer.error.code != "busy":
                    raise RefusedError(answer.error.code, answer.error.message)
                await wait(answer.error.message, busy=True)

    async def events(
        self, run_id: str, *, follow: bool, start_seq: int = 1
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of a run from its number `start_seq` on, in order, each once.

        With `follow`, waits for more until the run has ended.
        """
        after, seq = 0, start_seq - 1
        live = await self._connection.subscribe(subjects.history(run_id)) if follow else None
        try:
            while True:
                with contextlib.suppress(UncertainError):
                    found = direct.read(
                        self._connection,
                        subjects.HISTORY_STREAM,
                        subjects.history(run_id),
                        after=after,
                    )
                    async with contextlib.aclosing(found) as messages:
                        async for message in messages:
                            after = message.seq
                            event = msgspec.json.decode(message.data)
                            if event["seq"] <= seq:
                                continue
                            seq = event["seq"]
                            yield event
                            if event["type"] in ENDS:
                                return
                if live is None:
                    return
                # A live message is a reason to look; the stream stays the only source.
                with contextlib.suppress(TimeoutError, nats.errors.TimeoutError):
                    await live.next_msg(timeout=POLL_S)
        finally:
            if live is not None:
                with contextlib.suppress(nats.errors.Error):
                    await live.unsubscribe()


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[Any]:
    """Give a function that waits a little longer each time, until patience ends."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    pause = RETRY_MIN_S

    async def wait(reason: str, *, busy: bool = False) -> None:
        nonlocal pause
        if asyncio.get_running_loop().time() + pause > deadline:
            raise UnavailableError(reason) if busy else NoServerError(reason)
        await asyncio.sleep(pause)
        pause = min(pause * 2, RETRY_MAX_S)

    yield wait
