"""How long what matters to one run takes on an idle server, and how soon all goes on after a crash.

    python -m benchmarks.latency [--json FILE]

*Next dispatch*: from when a worker sends a result to when it has the task that follows, the commit
in between. *Fan-out*: one run of 100 steps that wait for nothing, done by a worker process, from
its start to its end. *Recovery*: runs sleep while `serve` and its NATS server are killed with -9;
the time from the start of the next `serve` until the last of them has ended, a task of a worker
included, though all had to go on at once. Ends with 1 when a bar is missed.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.run import quiet_process
from benchmarks.sleepers import Server
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import connect, locate
from dagnats.wire import api, subjects, tasks
from dagnats.wire.ids import new_run_id

STEPS, CHAINS = 10, 40
BRANCHES, FANS = 100, 40
SLEEPERS, ASLEEP_S = 500, 2
WORKER = "bench-worker"
WAIT_S = 60.0

CHAIN = "dagnats: 1\nname: chain\nsteps:\n" + "".join(
    f"  - {{id: s{n}, task: timed{f', depends_on: [s{n - 1}]' if n else ''}}}\n"
    for n in range(STEPS)
)
FAN = "dagnats: 1\nname: fan\nsteps:\n" + "".join(
    f"  - {{id: s{n}, task: noop}}\n" for n in range(BRANCHES)
)
NAP = f"""dagnats: 1
name: nap
steps:
  - {{id: nap, type: sleep, config: {{duration: {ASLEEP_S}s}}}}
  - {{id: work, task: noop, depends_on: [nap]}}
"""
BARS = {
    "next dispatch p50": 3.0,
    "next dispatch p99": 10.0,
    "fan-out p50": 30.0,
    "recovery": 5_000.0,
}


async def register(data_dir: Path) -> None:
    async with Client.open(locate(None, data_dir)) as client:
        for source in (CHAIN, FAN, NAP):
            compiled = compile_workflow(source, "bench.yaml")
            assert compiled.program is not None, compiled.diagnostics
            document = json.loads(codec.encode(compiled.program))
            await client.call("workflow.register", {"program": document})


class Runs:
    """Starts runs, and knows when each has ended."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.notify, self.answers = connection.new_inbox(), connection.new_inbox()
        self.ended: dict[str, asyncio.Future[float]] = {}
        self.answered = 0

    async def open(self) -> None:
        await self.connection.subscribe(self.notify, cb=self._on_end)
        await self.connection.subscribe(self.answers, cb=self._on_answer)

    async def start(self, workflow: str) -> asyncio.Future[float]:
        """Start a run; what is returned gives the time at which it has ended."""
        run_id = new_run_id()
        ended = self.ended[run_id] = asyncio.get_running_loop().create_future()
        request = msgspec.json.encode(api.StartRun(workflow, run_id, notify=self.notify))
        await self.connection.publish(subjects.api("run.start"), request, reply=self.answers)
        return ended

    async def _on_end(self, message: Any) -> None:
        now = time.perf_counter()
        for one in msgspec.json.decode(message.data):
            assert one["status"] == "completed", one
            self.ended.pop(one["run_id"]).set_result(now)

    async def _on_answer(self, message: Any) -> None:
        assert b'"error"' not in message.data, message.data
        self.answered += 1


async def next_dispatch(connection: Any, runs: Runs) -> list[float]:
    """Be the worker of a chain, and time each result until what follows is there, in ms."""
    took: list[float] = []
    sent_at: dict[str, float] = {}

    async def on_deliver(message: Any) -> None:
        now = time.perf_counter()
        told = msgspec.json.decode(message.data, type=tasks.Deliver)
        for one in told.tasks:
            if one.run_id in sent_at:
                took.append((now - sent_at.pop(one.run_id)) * 1000)
            result = tasks.Result(one.run_id, one.step, one.attempt, one.delivery, life=one.life)
            sent_at[one.run_id] = time.perf_counter()
            payload = msgspec.json.encode(tasks.Results(WORKER, [result]))
            await connection.publish(subjects.engine(0, "results"), payload)

    await connection.subscribe(subjects.worker(WORKER), cb=on_deliver)
    hello = msgspec.json.encode(tasks.Hello(WORKER, ["timed"], 10))
    await connection.request(subjects.HELLO, hello, timeout=5)
    for _ in range(CHAINS):
        await asyncio.wait_for(await runs.start("chain"), WAIT_S)
    await connection.publish(subjects.engine(0, "bye"), msgspec.json.encode(tasks.Bye(WORKER)))
    return took[STEPS:]


async def fan_out(runs: Runs) -> list[float]:
    """Time runs of many steps at once, one run after the other, in ms."""
    took = []
    for _ in range(FANS):
        began = time.perf_counter()
        ended = await asyncio.wait_for(await runs.start("fan"), WAIT_S)
        took.append((ended - began) * 1000)
    return took[FANS // 10 :]


async def idle_figures(data_dir: Path) -> dict[str, float]:
    target = locate(None, data_dir)
    connection = await connect(target.url, credentials=target.credentials, name="bench")
    runs = Runs(connection)
    await runs.open()
    try:
        fans, dispatches = (
            sorted(await fan_out(runs)),
            sorted(await next_dispatch(connection, runs)),
        )
    finally:
        await connection.close()
    return {
        "next dispatch p50": dispatches[len(dispatches) // 2],
        "next dispatch p99": dispatches[int(len(dispatches) * 0.99)],
        "fan-out p50": fans[len(fans) // 2],
        "fan-out p99": fans[int(len(fans) * 0.99)],
    }


async def put_to_sleep(data_dir: Path) -> None:
    """Start runs that sleep, and wait until all are accepted."""
    target = locate(None, data_dir)
    connection = await connect(target.url, credentials=target.credentials, name="bench")
    runs = Runs(connection)
    await runs.open()
    for _ in range(SLEEPERS):
        await runs.start("nap")
    async with asyncio.timeout(WAIT_S):
        while runs.answered < SLEEPERS:
            await asyncio.sleep(0.01)
    await connection.close()


async def all_ended(data_dir: Path) -> None:
    """Return once no run is alive."""
    async with Client.open(locate(None, data_dir)) as client, asyncio.timeout(WAIT_S):
        while (found := await client.call("run.count", {"workflow": "nap"}))["count"]:
            alive = found["count"] - found["by_status"].get("completed", 0)
            if not alive:
                assert found["count"] == SLEEPERS, found
                return
            await asyncio.sleep(0.02)


def worker(data_dir: Path) -> Any:
    noop = str(Path(__file__).with_name("noop.py"))
    words = ("worker", "run", noop, "--data-dir", str(data_dir), "--concurrency", "1000")
    return quiet_process("-m", "dagnats.cli.main", *words)


def measure(data_dir: Path) -> dict[str, float]:
    server = Server(data_dir)
    try:
        asyncio.run(register(data_dir))
        with ExitStack() as stack:
            stack.enter_context(worker(data_dir))
            found = asyncio.run(idle_figures(data_dir))
        asyncio.run(put_to_sleep(data_dir))
        server.kill()
        time.sleep(ASLEEP_S)
        began = time.perf_counter()
        server = Server(data_dir)
        with worker(data_dir):
            asyncio.run(all_ended(data_dir))
            found["recovery"] = (time.perf_counter() - began) * 1000
    finally:
        server.kill()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dagnats-latency-") as data_dir:
        found = measure(Path(data_dir))
    for what, took_ms in found.items():
        bar = f", bar {BARS[what]:,.0f}" if what in BARS else ""
        print(f"{what}: {took_ms:,.1f} ms{bar}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(found[what] > bar for what, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
