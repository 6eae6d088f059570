"""Reading stored messages of a stream in order, many per request (batched direct gets)."""

import contextlib
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from dagnats.errors import UncertainError

BATCH_MESSAGES = 500
BATCH_BYTES = 4_000_000
WAIT_S = 5.0

SEQUENCE = "Nats-Sequence"
SUBJECT = "Nats-Subject"
STATUS = "Status"
END_OF_BATCH = "204"
NOT_FOUND = "404"


class Stored(NamedTuple):
    """A message as a stream holds it."""

    seq: int
    subject: str
    headers: dict[str, str]
    data: bytes


async def last(connection: Client, stream: str, subject: str) -> Stored | None:
    """Return the newest message of a subject (wildcards allowed), or None."""
    return await _get_one(connection, stream, {"last_by_subj": subject})


async def first_from(connection: Client, stream: str, seq: int, subject: str) -> Stored | None:
    """Return the first message at or after `seq` of a subject, or None."""
    return await _get_one(connection, stream, {"seq": max(1, seq), "next_by_subj": subject})


async def read(
    connection: Client, stream: str, subject: str, *, after: int = 0
) -> AsyncGenerator[Stored, None]:
    """Yield all messages of a subject (wildcards allowed) above sequence `after`, in order.

    Ends with what the stream holds when its end is reached. Raises UncertainError when the server
    stops answering.
    """
    inbox = connection.new_inbox()
    with _doubt(stream):
        subscription = await connection.subscribe(inbox)
    try:
        while True:
            request = {
                "seq": after + 1,
                "next_by_subj": subject,
                "batch": BATCH_MESSAGES,
                "max_bytes": BATCH_BYTES,
            }
            with _doubt(stream):
                await connection.publish(
                    f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox
                )
            found = 0
            while True:
                with _doubt(stream):
                    message = await subscription.next_msg(timeout=WAIT_S)
                stored = _stored(message)
                if stored is None:
                    break
                found += 1
                after = stored.seq
                yield stored
            if not found:
                return
    finally:
        await _unsubscribe(subscription)


async def collect(connection: Client, stream: str, subject: str) -> list[Stored]:
    """Return all messages of a subject."""
    async with aclosing(read(connection, stream, subject)) as messages:
        return [message async for message in messages]


async def _unsubscribe(subscription: Subscription) -> None:
    # A connection that is lost or closed has closed it already, and twice is an error.
    with contextlib.suppress(nats.errors.Error):
        await subscription.unsubscribe()


async def _get_one(connection: Client, stream: str, request: dict[str, object]) -> Stored | None:
    with _doubt(stream):
        message = await connection.request(
            f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), timeout=WAIT_S
        )
    return _stored(message)


@contextmanager
def _doubt(stream: str) -> Iterator[None]:
    """Say what NATS raises in our words."""
    try:
        yield
    except (TimeoutError, nats.errors.Error) as silent:
        raise UncertainError(f"no answer while reading {stream}: {silent!r}") from silent


def _stored(message: Msg) -> Stored | None:
    headers = message.headers or {}
    status = headers.get(STATUS)
    if status in (END_OF_BATCH, NOT_FOUND):
        return None
    if status is not None:
        reason = headers.get("Description", "")
        raise UncertainError(f"reading was refused: {status} {reason}")
    return Stored(int(headers[SEQUENCE]), headers[SUBJECT], headers, message.data)
