"""Runs that sleep for a day: what each costs in memory, and how long a start with them takes.

    python -m benchmarks.sleepers [--runs N] [--restart N] [--json FILE]

`serve` as it is, fsync always. Memory is what Linux counts as resident (RSS), of the engine and of
its NATS server, idle and once the sleepers are packed. Then `serve` is killed with -9 and started
again, with `--restart` runs and with all. Ends with 1 when a bar is missed.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.processes import nats_server_of, resident
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import connect, locate
from dagnats.wire import api, subjects

WORKFLOW = """dagnats: 1
name: sleeper
timeout: 7d
input: {type: object, required: [customer], properties: {customer: {type: string}}}
steps:
  - {id: nap, type: sleep, config: {duration: 1d}}
  - {id: wake, task: noop, depends_on: [nap], with: {customer: "${{ input.customer }}"}}
"""
IN_FLIGHT = 500
WAIT_S = 600.0
IDLE_S = 8.0
BYTES_PER_RUN_MAX = 4_096
READY_S_MAX = 5.0
IDLE_BYTES_MAX = 150_000_000


class Server:
    """A `dagnats serve` and its NATS server."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dagnats.cli.main", "serve", "--data-dir", str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=(data_dir / "serve.log").open("a"),
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert "dagnats serves" in self.process.stdout.readline()
        self.ready_s = time.perf_counter() - began

    def rss(self) -> tuple[int, int]:
        """Return the resident bytes of the engine and of its NATS server."""
        return resident(self.process.pid), resident(nats_server_of(self.data_dir))

    def status(self) -> dict[str, Any]:
        """Return what `/health` says."""
        url = json.loads((self.data_dir / "serve.json").read_text())["http_url"]
        with urllib.request.urlopen(f"{url}/health") as answer:
            return dict(json.loads(answer.read()))

    def kill(self) -> None:
        """Kill both with -9."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


async def register(data_dir: Path) -> None:
    """Register the workflow."""
    compiled = compile_workflow(WORKFLOW, "sleeper.yaml")
    assert compiled.program is not None, compiled.diagnostics
    async with Client.open(locate(None, data_dir)) as client:
        document = json.loads(codec.encode(compiled.program))
        await client.call("workflow.register", {"program": document})


async def start(data_dir: Path, first: int, count: int) -> None:
    """Start runs, IN_FLIGHT at once."""
    target = locate(None, data_dir)
    connection = await connect(target.url, credentials=target.credentials, name="bench")
    inbox, todo = connection.new_inbox(), iter(range(first, first + count))
    answered, done = 0, asyncio.Event()

    async def one_more() -> None:
        number = next(todo, None)
        if number is None:
            return
        run_id = f"sleeper-{number:08d}"
        request = api.StartRun("sleeper", run_id, input={"customer": f"customer {number}"})
        payload = msgspec.json.encode(request)
        await connection.publish(subjects.api("run.start"), payload, reply=inbox)

    async def on_answer(message: Any) -> None:
        nonlocal answered
        assert b'"error"' not in message.data, message.data
        answered += 1
        if answered == count:
            done.set()
        await one_more()

    await connection.subscribe(inbox, cb=on_answer)
    for _ in range(min(IN_FLIGHT, count)):
        await one_more()
    async with asyncio.timeout(WAIT_S):
        await done.wait()
    await connection.close()


def settled(server: Server) -> tuple[int, int]:
    """Return the resident bytes once they no longer shrink: sleepers are packed by and by."""
    deadline, least, since = time.monotonic() + 240, sum(server.rss()), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < 25:
        time.sleep(1)
        now = sum(server.rss())
        if now < least - 500_000:
            least, since = now, time.monotonic()
    return server.rss()


def measure(data_dir: Path, runs: int, restart: int) -> dict[str, float]:
    """Do all of it."""
    found: dict[str, float] = {}
    server = Server(data_dir)
    try:
        asyncio.run(register(data_dir))
        time.sleep(IDLE_S)
        idle = server.rss()
        found |= {"ready_empty_s": server.ready_s, "idle_engine": idle[0], "idle_nats": idle[1]}
        asyncio.run(start(data_dir, 0, restart))
        server.kill()
        server = Server(data_dir)
        found["ready_some_s"] = server.ready_s
        assert server.status()["runs"] == restart, server.status()
        base = server.rss()
        found["recovered_engine"] = base[0]
        began = time.perf_counter()
        asyncio.run(start(data_dir, restart, runs - restart))
        found["starts_per_s"] = (runs - restart) / (time.perf_counter() - began)
        full = server.rss()
        packed = settled(server)
        assert server.status()["runs"] == runs
        found["full_engine"], found["packed_engine"], found["packed_nats"] = full[0], *packed
        found["bytes_per_run"] = (packed[0] - idle[0]) / runs
        found["nats_bytes_per_run"] = (packed[1] - idle[1]) / runs
        server.kill()
        server = Server(data_dir)
        found["ready_all_s"] = server.ready_s
        assert server.status()["runs"] == runs, server.status()
        found["again_bytes_per_run"] = (settled(server)[0] - idle[0]) / runs
    finally:
        if server.process.poll() is None:
            server.kill()
    return found


def main() -> int:
    """Measure and print; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--restart", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dagnats-sleepers-") as directory:
        found = measure(Path(directory), asked.runs, asked.restart)
    mb = 1e-6
    rows = [
        ("ready, empty", f"{found['ready_empty_s']:.2f} s", ""),
        (
            "idle, engine + NATS",
            f"{found['idle_engine'] * mb:.0f} + {found['idle_nats'] * mb:.0f} MB",
            f"≤ {IDLE_BYTES_MAX * mb:.0f} MB together",
        ),
        (f"ready, {asked.restart:,} live runs", f"{found['ready_some_s']:.2f} s", "≤ 5 s"),
        (f"ready, {asked.runs:,} live runs", f"{found['ready_all_s']:.2f} s", ""),
        ("a sleeping run, engine", f"{found['bytes_per_run']:.0f} bytes", "≤ 4 KB"),
        ("the same after a restart", f"{found['again_bytes_per_run']:.0f} bytes", "≤ 4 KB"),
        ("a sleeping run, NATS", f"{found['nats_bytes_per_run']:.0f} bytes", ""),
        ("starts, fsync always", f"{found['starts_per_s']:.0f} per s", ""),
    ]
    print(f"{asked.runs:,} sleeping runs, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    for what, value, bar in rows:
        print(f"{what:32} {value:>18}  {bar}")
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    fine = (
        max(found["bytes_per_run"], found["again_bytes_per_run"]) <= BYTES_PER_RUN_MAX
        and found["ready_some_s"] <= READY_S_MAX
        and found["idle_engine"] + found["idle_nats"] <= IDLE_BYTES_MAX
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
