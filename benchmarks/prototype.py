"""The prototype: the commit loop of dagnats with nothing in it, to race the product against.

One log message per batch of decisions, fsynced; tasks and ends leave after its acknowledgement;
every event is published on a stream that need not sync. No expressions, schemas, retries, timers,
leases, recovery: a step is a counter. Whatever dagnats adds, it pays for; this says how much.

As it was first measured: stock nats-py on asyncio's own event loop.

    python -m benchmarks.prototype engine|worker URL USER PASSWORD
"""

import asyncio
import json
import sys
import time
from collections import defaultdict

import nats
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import PersistMode, StreamConfig

STEPS = 10
START = "prototype.start"
RESULTS = "prototype.results"
TASKS = "prototype.tasks"


class Loop:
    """Decisions gather while one append is in flight."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.steps: dict[str, int] = {}
        self.notify: dict[str, str] = {}
        self.events: list[tuple[str, str, int]] = []
        self.messages: dict[str, list[object]] = defaultdict(list)
        self.seq = 0
        self.busy = False

    def decide(self, events: list[tuple[str, str, int]], subject: str, message: object) -> None:
        """Note what has happened and what is to be said once that is stored."""
        self.events += events
        self.messages[subject].append(message)
        if not self.busy:
            self.busy = True
            self.task = asyncio.ensure_future(self.flush())

    async def flush(self) -> None:
        """Append batch after batch until nothing waits."""
        publish = self.connection.publish
        while self.events:
            await asyncio.sleep(0)
            events, self.events = self.events, []
            messages, self.messages = self.messages, defaultdict(list)
            answer = await self.connection.request(
                "prototype.log",
                orjson.dumps(events),
                timeout=10,
                headers={"Nats-Expected-Last-Subject-Sequence": str(self.seq)},
            )
            self.seq = orjson.loads(answer.data)["seq"]
            for subject, items in messages.items():
                await publish(subject, orjson.dumps(items))
            for kind, run_id, step in events:
                event = {"type": kind, "run_id": run_id, "step_id": step, "at": time.time()}
                await publish("prototypehistory." + run_id, orjson.dumps(event))
        self.busy = False

    async def on_start(self, message: Msg) -> None:
        """Begin a run: the payload is its id and who hears of its end."""
        run_id, notify = orjson.loads(message.data)
        self.steps[run_id] = 0
        self.notify[run_id] = notify
        self.decide([("started", run_id, 0), ("queued", run_id, 0)], TASKS, (run_id, 0))

    async def on_results(self, message: Msg) -> None:
        """Go on with every run a worker has answered for."""
        for run_id, step in orjson.loads(message.data):
            if self.steps.get(run_id) != step:
                continue
            done = ("completed", run_id, step)
            if step + 1 < STEPS:
                self.steps[run_id] = step + 1
                self.decide([done, ("queued", run_id, step + 1)], TASKS, (run_id, step + 1))
            else:
                del self.steps[run_id]
                self.decide([done, ("ended", run_id, step)], self.notify.pop(run_id), run_id)


async def engine(connection: Client) -> None:
    """Own the log."""
    js = connection.jetstream()
    await js.add_stream(StreamConfig(name="PROTOTYPE_LOG", subjects=["prototype.log"]))
    await js.add_stream(
        StreamConfig(
            name="PROTOTYPE_HISTORY",
            subjects=["prototypehistory.>"],
            persist_mode=PersistMode.ASYNC,
        )
    )
    loop = Loop(connection)
    await connection.subscribe(START, cb=loop.on_start)
    await connection.subscribe(RESULTS, cb=loop.on_results)


async def worker(connection: Client) -> None:
    """Answer each batch of tasks with one message."""

    async def on_tasks(message: Msg) -> None:
        await connection.publish(RESULTS, message.data)

    await connection.subscribe(TASKS, cb=on_tasks)


async def main() -> None:
    """Play one role until killed."""
    role, url, user, password = sys.argv[1:5]
    connection = await nats.connect(url, user=user, password=password)
    await {"engine": engine, "worker": worker}[role](connection)
    await connection.flush()
    print(json.dumps({"ready": role}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
