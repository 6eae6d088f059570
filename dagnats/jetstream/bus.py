"""Core NATS for the engine: messages to workers and clients, and the connection's state."""

import asyncio

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from dagnats.errors import BrokenError, UncertainError
from dagnats.ports import Handler

PENDING_MESSAGES_MAX = 100_000
PENDING_BYTES_MAX = 256_000_000


class NatsBus:
    """`ports.Bus`. Give its `on_…` methods to `connect`, then `bind` the connection."""

    def __init__(self) -> None:
        self._connection: Client | None = None
        self._lost = asyncio.Event()
        self._ready = asyncio.Event()
        self._broken: BaseException | None = None

    def bind(self, connection: Client) -> None:
        """Use a connection that stands."""
        self._connection = connection
        self._ready.set()

    async def on_disconnect(self) -> None:
        """Note that what was sent last may not have arrived."""
        self._ready.clear()
        self._lost.set()

    async def on_reconnect(self) -> None:
        """Note that the connection stands again."""
        self._ready.set()

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` for each message; if it raises, `lost` raises the same."""

        async def handle(message: Msg) -> None:
            try:
                await handler(message.data, message.reply)
            except Exception as bug:  # noqa: BLE001 - told to whoever waits for `lost`
                self._broken = bug
                self._lost.set()

        await self.connection.subscribe(
            subject,
            cb=handle,
            pending_msgs_limit=PENDING_MESSAGES_MAX,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send a message."""
        try:
            await self.connection.publish(subject, payload)
        except nats.errors.MaxPayloadError:
            raise BrokenError(
                f"a message of {len(payload)} bytes on `{subject}` is larger than the server takes"
                f" ({self.bytes_max})"
            ) from None
        except nats.errors.BadSubjectError:
            raise BrokenError(f"`{subject}` is not a subject") from None
        except nats.errors.Error as lost:
            raise UncertainError(f"a message could not be sent: {lost!r}") from lost

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """Ask; nobody there is as good as no answer in time."""
        try:
            message = await self.connection.request(subject, payload, timeout=timeout_s)
        except nats.errors.MaxPayloadError:
            raise BrokenError(f"a request on `{subject}` is larger than the server takes") from None
        except (TimeoutError, nats.errors.Error) as silent:
            raise UncertainError(f"no answer on `{subject}`: {silent!r}") from silent
        return message.data

    @property
    def bytes_max(self) -> int:
        """Return what the server said when we connected."""
        return self.connection.max_payload

    async def ready(self) -> None:
        """Return once the connection stands; from then on `lost` speaks of what comes after."""
        await self._ready.wait()
        self._lost.clear()
        self._broken = None

    async def lost(self) -> None:
        """Return at the next interruption; raise what a handler raised."""
        await self._lost.wait()
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken

    @property
    def connection(self) -> Client:
        """Return the connection that this bus is bound to."""
        assert self._connection is not None
        return self._connection
