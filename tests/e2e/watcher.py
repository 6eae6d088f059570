"""A foreign subscriber: nats-py alone, the documented credentials, and nothing of dagnats.

    python watcher.py DATA_DIR OUT_FILE

Follows `history.>` with a JetStream consumer that goes on after the last stream sequence it has
seen, whenever the server comes back; appends every event as a line to OUT_FILE.
"""

import asyncio
import json
import sys
from pathlib import Path

import nats
import nats.errors
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy


async def follow(data_dir: Path, out: Path) -> None:
    """Read on from wherever the last connection ended, forever."""
    seen = 0
    while True:
        try:
            seen = await read(data_dir, out, seen)
        except (OSError, ValueError, nats.errors.Error, nats.js.errors.Error):
            await asyncio.sleep(0.1)


async def read(data_dir: Path, out: Path, seen: int) -> int:
    """Read until something breaks; return the last stream sequence seen."""
    where = json.loads((data_dir / "serve.json").read_text())
    known = json.loads(Path(where["credentials"]).read_text())
    connection = await nats.connect(
        where["nats_url"],
        user=known["user"],
        password=known["password"],
        allow_reconnect=False,
        connect_timeout=1,
    )
    try:
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=seen + 1,
        )
        subscription = await connection.jetstream().subscribe("history.>", config=config)
        while not connection.is_closed:
            try:
                message = await subscription.next_msg(timeout=0.2)
            except nats.errors.TimeoutError:
                continue
            seen = message.metadata.sequence.stream
            with out.open("ab") as file:
                file.write(message.data + b"\n")
    except (OSError, nats.errors.Error, nats.js.errors.Error):
        pass
    finally:
        if not connection.is_closed:
            await connection.close()
    return seen


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), Path(sys.argv[2])))
