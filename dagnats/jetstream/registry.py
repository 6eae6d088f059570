"""Registered programs in JetStream key-value buckets: `workflows` by name, `programs` by digest."""

from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from secrets import token_bytes

import nats.errors
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from dagnats.errors import UnavailableError
from dagnats.jetstream import direct
from dagnats.wire import subjects

OPERATION = "KV-Operation"
INSTALLATION = "installation"
INSTALLATION_BYTES = 32


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

    async def delete_alias(self, name: str) -> None:
        """Delete what a name stands for."""
        with _answered():
            bucket = await self._bucket(subjects.WORKFLOWS_BUCKET)
            await bucket.delete(name)

    async def secret(self) -> bytes:
        """Get the secret of this installation; whoever comes first makes it."""
        with _answered():
            bucket = await self._bucket(subjects.PROGRAMS_BUCKET)
            with suppress(KeyWrongLastSequenceError):  # it is there
                await bucket.create(INSTALLATION, token_bytes(INSTALLATION_BYTES))
            value = (await bucket.get(INSTALLATION)).value
        assert value is not None
        return value

    async def _bucket(self, name: str) -> KeyValue:
        return await self._connection.jetstream().key_value(name)


class JetStreamCheckpoints:
    """`ports.Checkpoints` on a bucket; keys are the run and the step, as a key may have them."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def save(self, run_id: str, step: str, data: bytes) -> None:
        """Put the bytes."""
        with _answered():
            await (await self._bucket()).put(_step_key(run_id, step), data)

    async def load(self, run_id: str, step: str) -> bytes | None:
        """Get the bytes."""
        with _answered():
            try:
                return (await (await self._bucket()).get(_step_key(run_id, step))).value
            except KeyNotFoundError:
                return None

    async def forget(self, run_id: str) -> None:
        """Purge the subjects of a run."""
        with _answered():
            js = self._connection.jetstream()
            bucket = subjects.CHECKPOINTS_BUCKET
            await js.purge_stream(f"KV_{bucket}", subject=f"$KV.{bucket}.{run_id}.>")

    async def _bucket(self) -> KeyValue:
        return await self._connection.jetstream().key_value(subjects.CHECKPOINTS_BUCKET)


def _step_key(run_id: str, step: str) -> str:
    """Return a run and an address as a key: brackets are not allowed in one."""
    return f"{run_id}.{step.replace('[', '/').replace(']', '=')}"


def _key(digest: str) -> str:
    """Return a digest as a key: a colon is not allowed in one."""
    return digest.replace(":", "-")
