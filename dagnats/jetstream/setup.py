"""The streams and buckets of dagnats: created when missing, brought up to date when they differ.

Only the log is synced on every write. Snapshots shorten the log and history is a projection of it;
both are rebuilt from the log if a power cut takes their tail, so the server may sync them when it
likes (ADR 0003).
"""

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
from nats.js.errors import BadRequestError, NotFoundError

from dagnats.wire import subjects

NAME_IN_USE = 10058
SNAPSHOTS_PER_SUBJECT = 2


def _streams(replicas: int) -> list[StreamConfig]:
    persist = PersistMode.ASYNC if replicas == 1 else None
    return [
        StreamConfig(
            name=subjects.LOG_STREAM,
            subjects=["log.*"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            allow_direct=True,
            num_replicas=replicas,
            description="dagnats: every decision, the truth of all runs",
        ),
        StreamConfig(
            name=subjects.SNAPSHOT_STREAM,
            subjects=["snapshot.>"],
            storage=StorageType.FILE,
            max_msgs_per_subject=SNAPSHOTS_PER_SUBJECT,
            allow_direct=True,
            compression=StoreCompression.S2,
            persist_mode=persist,
            num_replicas=replicas,
            description="dagnats: checkpoints that shorten the reading of the log",
        ),
        StreamConfig(
            name=subjects.HISTORY_STREAM,
            subjects=[subjects.HISTORY_ALL],
            storage=StorageType.FILE,
            allow_direct=True,
            persist_mode=persist,
            num_replicas=replicas,
            description="dagnats: every event of every run, for people and programs to read",
        ),
    ]


async def ensure(connection: Client, *, replicas: int = 1) -> None:
    """Make every stream and bucket exist."""
    js = connection.jetstream()
    for config in _streams(replicas):
        await _ensure_stream(js, config)
    for bucket in (subjects.WORKFLOWS_BUCKET, subjects.PROGRAMS_BUCKET):
        try:
            await js.key_value(bucket)
        except NotFoundError:
            await js.create_key_value(
                KeyValueConfig(bucket=bucket, history=1, replicas=replicas, direct=True)
            )


async def _ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError as refused:
        if refused.err_code != NAME_IN_USE:
            raise
        await js.update_stream(config)
