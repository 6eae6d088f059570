"""A connection as a worker sees it: bytes on subjects, and news of coming back."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Self

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from dagnats.jetstream.connection import Callback, Target, connect
from dagnats.jetstream.payloads import JetStreamPayloads

PENDING_BYTES_MAX = 256_000_000


class Link:
    """An open connection to the server of an engine."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls, target: Target, name: str, *, on_disconnect: Callback, on_reconnect: Callback
    ) -> Self:
        """Connect. Raises NoServerError, RefusedError."""
        return cls(
            await connect(
                target.url,
                credentials=target.credentials,
                name=name,
                on_disconnect=on_disconnect,
                on_reconnect=on_reconnect,
            )
        )

    async def subscribe(self, subject: str, hear: Callable[[bytes], Awaitable[None]]) -> None:
        """Call `hear` with each message, one at a time."""

        async def handle(message: Msg) -> None:
            await hear(message.data)

        await self._connection.subscribe(subject, cb=handle, pending_bytes_limit=PENDING_BYTES_MAX)

    async def publish(self, subject: str, payload: bytes) -> bool:
        """Send; False when there is no connection to send on."""
        try:
            await self._connection.publish(subject, payload)
        except nats.errors.Error:
            return False
        return True

    async def request(self, subject: str, payload: bytes, wait_s: float) -> bytes | None:
        """Ask; None when nobody answers in time."""
        try:
            message = await self._connection.request(subject, payload, timeout=wait_s)
        except (TimeoutError, nats.errors.Error):
            return None
        return message.data

    @property
    def payloads(self) -> JetStreamPayloads:
        """Return the store of large values."""
        return JetStreamPayloads(self._connection)

    async def close(self) -> None:
        """Send what is buffered and disconnect."""
        with contextlib.suppress(TimeoutError, nats.errors.Error):
            await self._connection.flush(2)
        await self._connection.close()
