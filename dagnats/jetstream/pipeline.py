"""Publishing many messages at once: the history of a commit is hundreds of them.

nats-py's `publish` costs 2.2 µs a message, most of it in awaits and checks that say the same each
time; a batch handed to the client as one buffer costs 0.4 µs a message (benchmarks/README.md).
That takes two methods of the client that are not public; where they are missing, `publish` serves.
"""

from collections.abc import Sequence

from nats.aio.client import Client

from dagnats.errors import UncertainError

BUFFER_BYTES = 256_000


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
