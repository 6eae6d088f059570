"""Signs of life and leases of engines, in one key-value bucket; changed by compare-and-set."""

from contextlib import aclosing

import nats.errors
from nats.aio.client import Client
from nats.js.errors import APIError, KeyWrongLastSequenceError

from dagnats.errors import UnavailableError
from dagnats.jetstream import direct
from dagnats.wire import subjects

OPERATION = "KV-Operation"


class JetStreamLeases:
    """`ports.Leases` on the bucket `engines`; see there for the promises."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def read(self) -> dict[str, tuple[str, int]]:
        """Read the newest value of every key, with its revision."""
        bucket = subjects.ENGINES_BUCKET
        found: dict[str, tuple[str, int]] = {}
        stored = direct.read(self._connection, f"KV_{bucket}", f"$KV.{bucket}.>")
        async with aclosing(stored) as messages:
            async for message in messages:
                key = message.subject.removeprefix(f"$KV.{bucket}.")
                if OPERATION in message.headers:
                    found.pop(key, None)
                else:
                    found[key] = (message.data.decode(), message.seq)
        return found

    async def put(self, key: str, value: str, revision: int) -> int | None:
        """Write a key if it is still at a revision."""
        try:
            bucket = await self._connection.jetstream().key_value(subjects.ENGINES_BUCKET)
            return await bucket.update(key, value.encode(), last=revision)
        except KeyWrongLastSequenceError:
            return None
        except (APIError, TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"leases cannot be written: {failed!r}") from failed

    async def drop(self, key: str) -> None:
        """Delete a key."""
        try:
            bucket = await self._connection.jetstream().key_value(subjects.ENGINES_BUCKET)
            await bucket.delete(key)
        except (APIError, TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"leases cannot be written: {failed!r}") from failed
