"""The load generator: keeps a number of runs in flight and measures each from start to end.

    python -m benchmarks.load URL USER PASSWORD prototype|dagnats RUNS IN_FLIGHT

Prints one JSON object: runs per second, and the median and 99th percentile in milliseconds.
"""

import asyncio
import json
import sys
import time

import msgspec
import nats
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import prototype
from dagnats.wire import api, subjects
from dagnats.wire.ids import new_run_id

WORKFLOW = "bench"
RUN_S = 300
"""A measurement that takes longer has lost something."""


class Load:
    """Runs in flight, and what they took."""

    def __init__(self, connection: Client, dialect: str, runs: int, in_flight: int) -> None:
        self.connection = connection
        self.dialect = dialect
        self.left_to_start = runs
        self.left_to_end = runs
        self.in_flight = in_flight
        self.began: dict[str, float] = {}
        self.took: list[float] = []
        self.refused = 0
        self.done = asyncio.Event()
        self.notify = connection.new_inbox()
        self.answers = connection.new_inbox()

    async def run(self) -> dict[str, float]:
        """Start, wait, and sum up."""
        await self.connection.subscribe(self.notify, cb=self.on_end)
        await self.connection.subscribe(self.answers, cb=self.on_answer)
        began = time.perf_counter()
        for _ in range(min(self.in_flight, self.left_to_start)):
            await self.start()
        async with asyncio.timeout(RUN_S):
            await self.done.wait()
        seconds = time.perf_counter() - began
        took = sorted(self.took)
        return {
            "runs_per_s": len(took) / seconds,
            "p50_ms": took[len(took) // 2] * 1000,
            "p99_ms": took[min(len(took) - 1, int(len(took) * 0.99))] * 1000,
        }

    async def start(self) -> None:
        """Begin one more run."""
        run_id = new_run_id()
        self.left_to_start -= 1
        self.began[run_id] = time.perf_counter()
        if self.dialect == "prototype":
            payload = msgspec.json.encode((run_id, self.notify))
            await self.connection.publish(prototype.START, payload)
            return
        request = api.StartRun(WORKFLOW, run_id, input=None, notify=self.notify)
        payload = msgspec.json.encode(request)
        await self.connection.publish(subjects.api("run.start"), payload, reply=self.answers)

    async def on_end(self, message: Msg) -> None:
        """Note ends, and start as many."""
        now = time.perf_counter()
        for ended in msgspec.json.decode(message.data):
            run_id = ended if self.dialect == "prototype" else ended["run_id"]
            assert self.dialect == "prototype" or ended["status"] == "completed", ended
            self.took.append(now - self.began.pop(run_id))
            self.left_to_end -= 1
            if self.left_to_start:
                await self.start()
        if self.left_to_end == 0:
            self.done.set()

    async def on_answer(self, message: Msg) -> None:
        """Fail on any refusal: a benchmark that drops work measures nothing."""
        if b'"error"' in message.data:
            print(message.data.decode(), file=sys.stderr, flush=True)
            sys.exit(1)


async def main() -> None:
    """Generate the load of one measurement."""
    url, user, password, dialect, runs, in_flight = sys.argv[1:7]
    connection = await nats.connect(url, user=user, password=password)
    load = Load(connection, dialect, int(runs), int(in_flight))
    print(json.dumps(await load.run()), flush=True)
    await connection.close()


if __name__ == "__main__":
    uvloop.run(main())
