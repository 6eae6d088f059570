"""Large values of a worker: put into the store before they are sent, fetched before they are used.

The engine sees references (`dagnats.claims`). A value is stored before the result that refers to it
is sent: should the worker die in between, nobody refers to it, and it goes with its run.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec

from dagnats.claims import (
    CLAIM_BYTES,
    CLAIMED_BYTES_MAX,
    Claim,
    filled,
    found_in,
    has_key,
    may_refer,
    reference,
)
from dagnats.errors import UnavailableError
from dagnats.wire.tasks import PAYLOAD_BYTES_MAX, Result, Task
from dagnats.worker.signals import NonRetryable, Retryable

STORE_S = 30.0
"""How long a value waits for the store: longer than a server takes to come back."""
PAUSE_S = 0.2

T = TypeVar("T")
_decode = msgspec.json.Decoder().decode


class Payloads(Protocol):
    """What a worker needs of the store; `jetstream.payloads.JetStreamPayloads` is one."""

    async def put(self, run_id: str, data: bytes) -> Claim:
        """Store a value. Raises UnavailableError."""

    async def get(self, wanted: Claim) -> bytes | None:
        """Return a value, or None when there is no such. Raises UnavailableError."""


class Store:
    """What values are put into; without `payloads` there is none, and large ones are refused."""

    def __init__(self, payloads: Payloads | None = None) -> None:
        self._payloads = payloads

    @property
    def most(self) -> int:
        """Return how many bytes of JSON an output, a state or a checkpoint may have."""
        return PAYLOAD_BYTES_MAX if self._payloads is None else CLAIMED_BYTES_MAX

    def wants(self, value: Any) -> bool:
        """Whether a value, encoded, is to be stored."""
        if self._payloads is None or not isinstance(value, msgspec.Raw):
            return False
        return len(memoryview(value)) > CLAIM_BYTES

    async def stored(self, run_id: str, value: Any) -> Any:
        """Return a value, or the reference to it once it is stored. Raises Retryable."""
        payloads = self._payloads
        if payloads is None or not self.wants(value):
            return value
        data = bytes(memoryview(value))
        return reference(await _patiently(lambda: payloads.put(run_id, data)))

    async def with_reference(self, result: Result) -> Result:
        """Return a result whose output is stored if it is large. Raises Retryable."""
        output = await self.stored(result.run_id, result.output)
        return msgspec.structs.replace(result, output=output)

    async def whole(self, task: Task) -> Task:
        """Return a task with the values that its input and state refer to. Raises Retryable."""
        input_, state = await self.filled([task.input, task.state])
        return msgspec.structs.replace(task, input=input_, state=state)

    async def filled(self, value: Any) -> Any:
        """Return a value with those that it refers to, wherever in it. Raises Retryable."""
        wanted = dict.fromkeys(found_in(value))
        if not wanted:
            return value
        return filled(value, {one: await self._fetched(one) for one in wanted})

    async def _fetched(self, wanted: Claim) -> Any:
        payloads = self._payloads
        data = None
        if payloads is not None:
            data = await _patiently(lambda: payloads.get(wanted))
        if data is None:
            raise Retryable(
                f"a stored value of run `{wanted.run_id}` ({wanted.bytes:,} bytes) is not there: "
                "it may have been purged with its run",
                code="payload_missing",
                details=reference(wanted),
            )
        return _decode(data)


def has_references(task: Task) -> bool:
    """Whether a task has references."""
    return any(True for _ in found_in([task.input, task.state]))


def check_reserved(data: bytes) -> None:
    """Raise NonRetryable for JSON that could be taken for a reference, or has one inside."""
    if may_refer(data) and has_key(_decode(data)):
        raise NonRetryable(
            "an object with the key `$payload`, which dagnats keeps for itself",
            code="reserved_key",
        )


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do what may not be possible now, until it is. Raises Retryable."""
    until = time.monotonic() + STORE_S
    while True:
        try:
            return await work()
        except UnavailableError as away:
            if time.monotonic() >= until:
                message = f"the store of large values has not answered for {STORE_S:g} s: {away}"
                raise Retryable(message, code="payload_unavailable") from None
        await asyncio.sleep(PAUSE_S)
