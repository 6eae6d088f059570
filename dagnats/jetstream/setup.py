"""The streams and buckets of dagnats: created when missing, brought up to date where needed.

Only the log and the large values that it refers to are synced on every write. Snapshots shorten the
log and history is a projection of it; both are rebuilt from the log if a power cut takes their
tail, so the server may sync them when it likes (ADR 0003). How often a stream is kept and how it is
synced is an operator's choice once the stream is there; only what dagnats cannot do without is
changed.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import nats.errors
from nats.aio.client import Client
from nats.js.api import (
    DiscardPolicy,
    KeyValueConfig,
    PersistMode,
    StorageType,
    StoreCompression,
    StreamConfig,
)
from nats.js.client import JetStreamContext
from nats.js.errors import (
    APIError,
    KeyWrongLastSequenceError,
    NotFoundError,
    ServiceUnavailableError,
)

from dagnats.errors import NoServerError, RefusedError
from dagnats.wire import subjects

SUBJECTS_OVERLAP = 10065
NO_JETSTREAM = (10039, 10076)
PARTITIONS = "partitions"
SNAPSHOTS_PER_SUBJECT = 2
PAYLOAD_BYTES_MIN = 1_048_576
"""What a NATS server takes unless told otherwise; the engine's largest messages have 1,002,000."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """A stream: what a new one is like, and the keys of that which every one must have."""

    config: StreamConfig
    needed: tuple[str, ...] = field(default=("subjects", "discard", "allow_direct"))


STREAMS = (
    _Stream(
        StreamConfig(
            name=subjects.LOG_STREAM,
            subjects=["log.*"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            allow_direct=True,
            num_replicas=1,
            description="dagnats: every decision, the truth of all runs",
        )
    ),
    _Stream(
        StreamConfig(
            name=subjects.SNAPSHOT_STREAM,
            subjects=["snapshot.>"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_msgs_per_subject=SNAPSHOTS_PER_SUBJECT,
            allow_direct=True,
            compression=StoreCompression.S2,
            persist_mode=PersistMode.ASYNC,
            num_replicas=1,
            description="dagnats: checkpoints that shorten the reading of the log",
        ),
        ("subjects", "discard", "allow_direct", "max_msgs_per_subject"),
    ),
    _Stream(
        StreamConfig(
            name=subjects.HISTORY_STREAM,
            subjects=[subjects.HISTORY_ALL, subjects.HISTORY_MARKS],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            allow_direct=True,
            persist_mode=PersistMode.ASYNC,
            num_replicas=1,
            description="dagnats: every event of every run, for people and programs to read",
        ),
        ("subjects", "allow_direct"),
    ),
    _Stream(
        StreamConfig(
            name=subjects.PAYLOAD_STREAM,
            subjects=[subjects.PAYLOADS_ALL],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_msgs_per_subject=1,
            allow_direct=True,
            num_replicas=1,
            description="dagnats: large values that runs refer to",
        ),
        ("subjects", "discard", "allow_direct", "max_msgs_per_subject"),
    ),
)


async def ensure(connection: Client, replicas: int = 1) -> None:
    """Make every stream and bucket exist, new ones with so many replicas.

    Raises RefusedError when the server cannot serve dagnats, NoServerError when it is silent.
    """
    if connection.max_payload < PAYLOAD_BYTES_MIN:
        raise RefusedError(
            "invalid",
            f"this NATS server takes messages of {connection.max_payload} bytes, dagnats needs "
            f"{PAYLOAD_BYTES_MIN}\n  help: set `max_payload: 1MB` or more in its configuration",
        )
    js = connection.jetstream()
    for stream in STREAMS:
        with _told(f"stream `{stream.config.name}`"):
            await _ensure_stream(js, stream, replicas)
    for bucket in (
        subjects.WORKFLOWS_BUCKET,
        subjects.PROGRAMS_BUCKET,
        subjects.CHECKPOINTS_BUCKET,
        subjects.ENGINES_BUCKET,
    ):
        with _told(f"bucket `{bucket}`"):
            await _ensure_bucket(js, bucket, replicas)


async def _ensure_stream(js: JetStreamContext, stream: _Stream, replicas: int) -> None:
    try:
        found = (await js.stream_info(stream.config.name or "")).config
    except NotFoundError:
        await js.add_stream(_replicated(stream.config, replicas))
        return
    wanted = {key: getattr(stream.config, key) for key in stream.needed}
    if any(getattr(found, key) != value for key, value in wanted.items()):
        await js.update_stream(replace(found, **wanted))


def _replicated(config: StreamConfig, replicas: int) -> StreamConfig:
    """Return a configuration for so many replicas: those cannot acknowledge before they write.

    They take batches that are stored whole (`jetstream.history`).
    """
    if replicas == 1:
        return config
    return replace(config, num_replicas=replicas, persist_mode=None, allow_atomic=True)


async def _ensure_bucket(js: JetStreamContext, bucket: str, replicas: int) -> None:
    try:
        await js.key_value(bucket)
    except NotFoundError:
        await js.create_key_value(
            KeyValueConfig(bucket=bucket, history=1, replicas=replicas, direct=True)
        )


async def settle_partitions(connection: Client, wanted: int | None) -> int:
    """Return how many partitions this installation has: the first engine says so, for ever.

    Raises RefusedError `conflict` when another number is wanted than there is.
    """
    with _told(f"bucket `{subjects.ENGINES_BUCKET}`"):
        bucket = await connection.jetstream().key_value(subjects.ENGINES_BUCKET)
        with contextlib.suppress(KeyWrongLastSequenceError):
            await bucket.create(PARTITIONS, str(wanted or 1).encode())
        value = (await bucket.get(PARTITIONS)).value
    there = int(value or b"1")
    if wanted is not None and wanted != there:
        raise RefusedError(
            "conflict",
            f"this installation has {there} partitions, not {wanted}: their number is fixed when "
            "it is made",
        )
    return there


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what JetStream refuses as an operator reads it."""
    try:
        yield
    except APIError as refused:
        # Without an answer at all there is no code: nobody listens for JetStream's subjects.
        silent = isinstance(refused, ServiceUnavailableError) and refused.err_code is None
        if silent or refused.err_code in NO_JETSTREAM:
            raise RefusedError(
                "unavailable",
                "this NATS server has no JetStream for this account\n"
                "  help: start it with `-js`, or enable JetStream in its configuration",
            ) from refused
        if refused.err_code == SUBJECTS_OVERLAP:
            raise RefusedError(
                "conflict",
                f"{what} cannot be made: another stream of this NATS account takes its subjects\n"
                "  help: `nats stream ls --subjects` shows which; use another account or server",
            ) from refused
        reason = refused.description or str(refused)
        raise RefusedError("conflict", f"{what} cannot be set up: {reason}") from refused
    except (TimeoutError, nats.errors.Error) as unanswered:
        raise NoServerError(
            f"JetStream does not answer about {what}\n"
            "  help: may these credentials use `$JS.API.>`?"
        ) from unanswered
