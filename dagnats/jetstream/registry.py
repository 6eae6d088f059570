"""Registered programs in JetStream key-value buckets: `workflows` by name, `programs` by digest."""

from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager

import nats.errors
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from dagnats.errors import UnavailableError
from dagnats.jetstream import direct
from dagnats.wire import subjects

OPERATION = "KV-Operation"


@contextmanager
def _answered() -> Iterator[None]:
    """Raise UnavailableError for whatever a bucket does not do."""
    try:
        yield
    except (TimeoutError, nats.errors.Error) as failed:
        raise UnavailableError(f"the registry does not answer: {failed!r}") from failed


class JetStreamPrograms:
    """`ports.ProgramStore` on two buckets; see there for what each method promises."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def save_program(self, digest: str, data: bytes) -> None:
        """Put the bytes under the digest."""
        with _answered():
            bucket = await self._bucket(subjects.PROGRAMS_BUCKET)
            await bucket.put(_key(digest), data)

    async def load_program(self, digest: str) -> bytes | None:
        """Get the bytes under the digest."""
        with _answered():
            bucket = await self._bucket(subjects.PROGRAMS_BUCKET)
            try:
                return (await bucket.get(_key(digest))).value
            except KeyNotFoundError:
                return None

    async def save_alias(self, name: str, data: bytes) -> None:
        """Put what a name stands for."""
        with _answered():
            bucket = await self._bucket(subjects.WORKFLOWS_BUCKET)
            await bucket.put(name, data)

    async def load_aliases(self) -> Mapping[str, bytes]:
        """Read the whole bucket in order; a later put replaces an earlier one."""
        bucket = subjects.WORKFLOWS_BUCKET
        found: dict[str, bytes] = {}
        stored = direct.read(self._connection, f"KV_{bucket}", f"$KV.{bucket}.>")
        async with aclosing(stored) as messages:
            async for message in messages:
                name = message.subject.removeprefix(f"$KV.{bucket}.")
                if OPERATION in message.headers:
                    found.pop(name, None)
                else:
                    found[name] = message.data
        return found

    async def _bucket(self, name: str) -> KeyValue:
        return await self._connection.jetstream().key_value(name)


def _key(digest: str) -> str:
    """Return a digest as a key: a colon is not allowed in one."""
    return digest.replace(":", "-")
