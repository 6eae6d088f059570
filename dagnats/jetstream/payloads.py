"""Large values on JetStream: one subject for each part of a value, below that of its run.

The name of a value has the hash of its bytes, so storing it twice stores the same, and one that is
cut short by a crash is finished by whoever stores it again. Parts are written in order: where the
last one is, all are. The stream syncs as the log does, for the log refers to what is in here.
"""

import json

import nats.errors
from nats.aio.client import Client

from dagnats.claims import Claim, claim, is_claimed
from dagnats.errors import UnavailableError, UncertainError
from dagnats.jetstream import direct
from dagnats.wire import subjects

PART_BYTES_MAX = 900_000
WAIT_S = 10.0


class JetStreamPayloads:
    """`ports.Payloads` on the stream DAGNATS_PAYLOADS; see there for the promises."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def put(self, run_id: str, data: bytes) -> Claim:
        """Store the parts that are not there, one after the other."""
        made = claim(run_id, data)
        count = _parts(made)
        if await self._has(subjects.payload(run_id, made.sha256, count - 1)):
            return made
        for number in range(count):
            part = data[number * PART_BYTES_MAX : (number + 1) * PART_BYTES_MAX]
            await self._store(subjects.payload(run_id, made.sha256, number), part)
        return made

    async def get(self, wanted: Claim) -> bytes | None:
        """Read the parts and put them together."""
        parts = []
        for number in range(_parts(wanted)):
            subject = subjects.payload(wanted.run_id, wanted.sha256, number)
            try:
                found = await direct.last(self._connection, subjects.PAYLOAD_STREAM, subject)
            except UncertainError as silent:
                raise UnavailableError(str(silent)) from silent
            if found is None:
                return None
            parts.append(found.data)
        data = b"".join(parts)
        return data if is_claimed(wanted, data) else None

    async def forget(self, run_id: str) -> None:
        """Purge the subjects of a run."""
        js = self._connection.jetstream()
        subject = subjects.payloads_of(run_id)
        try:
            await js.purge_stream(subjects.PAYLOAD_STREAM, subject=subject)
        except (TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"payloads were not removed: {failed!r}") from failed

    async def _has(self, subject: str) -> bool:
        try:
            return await direct.last(self._connection, subjects.PAYLOAD_STREAM, subject) is not None
        except UncertainError as silent:
            raise UnavailableError(str(silent)) from silent

    async def _store(self, subject: str, part: bytes) -> None:
        try:
            message = await self._connection.request(subject, part, timeout=WAIT_S)
        except (TimeoutError, nats.errors.Error) as failed:
            raise UnavailableError(f"a payload was not acknowledged: {failed!r}") from failed
        problem = json.loads(message.data).get("error")
        if problem is not None:
            raise UnavailableError(problem.get("description", "a payload was refused"))


def _parts(of: Claim) -> int:
    """Return in how many parts a value is stored."""
    return max(1, -(-of.bytes // PART_BYTES_MAX))
