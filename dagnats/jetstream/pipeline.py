"""Publishing many messages at once: the history of a commit is hundreds of them.

nats-py's `publish` costs 2.2 µs a message, most of it in awaits and checks that say the same each
time; a batch handed to the client as one buffer costs 0.4 µs a message (benchmarks/README.md).
That takes two methods of the client that are not public; where they are missing, `publish` serves.
"""

import json
from collections.abc import Sequence
from secrets import token_hex

import nats.errors
from nats.aio.client import Client

from dagnats.errors import UncertainError

BUFFER_BYTES = 256_000
BATCH_MESSAGES = 500
"""A server takes 1,000 messages that are stored together or not at all."""
BATCH_WAIT_S = 5.0
BATCH_ID = "Nats-Batch-Id"
BATCH_SEQUENCE = "Nats-Batch-Sequence"
BATCH_COMMIT = "Nats-Batch-Commit"


async def publish_all(
    connection: Client, prefix: str, names: Sequence[str], payloads: Sequence[bytes]
) -> None:
    """Publish each payload on `prefix` + its name, in order. UncertainError while offline."""
    send = getattr(connection, "_send_command", None)
    flush = getattr(connection, "_flush_pending", None)
    if send is None or flush is None:
        for name, payload in zip(names, payloads, strict=True):
            await connection.publish(prefix + name, payload)
        return
    if not connection.is_connected:
        raise UncertainError("the connection to NATS was interrupted")
    head = b"PUB " + prefix.encode()
    parts: list[bytes] = []
    size = 0
    for name, payload in zip(names, payloads, strict=True):
        parts.append(b"%s%s %d\r\n%s\r\n" % (head, name.encode(), len(payload), payload))
        size += len(payload)
        if size > BUFFER_BYTES:
            await send(b"".join(parts))
            await flush()
            parts.clear()
            size = 0
    if parts:
        await send(b"".join(parts))
        await flush()


async def publish_batches(
    connection: Client, subjects: Sequence[str], payloads: Sequence[bytes]
) -> None:
    """Publish in order, so many together or not at all, until all are acknowledged.

    Raises UncertainError when one batch is not.
    """
    for begin in range(0, len(payloads), BATCH_MESSAGES):
        end = min(begin + BATCH_MESSAGES, len(payloads))
        await _publish_batch(connection, subjects[begin:end], payloads[begin:end])


async def _publish_batch(
    connection: Client, subjects: Sequence[str], payloads: Sequence[bytes]
) -> None:
    batch = token_hex(12)
    last = len(payloads)
    try:
        for number, (subject, payload) in enumerate(zip(subjects, payloads, strict=True), 1):
            headers = {BATCH_ID: batch, BATCH_SEQUENCE: str(number)}
            if number < last:
                await connection.publish(subject, payload, headers=headers)
                continue
            headers[BATCH_COMMIT] = "1"
            answer = await connection.request(subject, payload, BATCH_WAIT_S, headers=headers)
            problem = json.loads(answer.data).get("error")
            if problem is not None:
                raise UncertainError(f"events were not stored: {problem.get('description')}")
    except (TimeoutError, nats.errors.Error) as unknown:
        raise UncertainError(f"events were not acknowledged: {unknown!r}") from unknown
