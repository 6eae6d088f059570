"""Race dagnats against its prototype: ten-step runs at 1, 20 and 200 in flight, in one sitting.

Engine, worker, load generator and NATS server are processes of their own, every commit is fsynced
and every event is published. The prototype (`benchmarks/prototype.py`) is the same loop with
nothing in it. Both meet the same server binary in a fresh data directory, point after point in
turn, so that a noisy machine disturbs both. `--rounds` repeats everything and reports medians.
What each process uses is told per run, for on a noisy machine that says more than the time it took.

    python -m benchmarks.run [--rounds N] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import RUN_S
from benchmarks.processes import cpu_s, nats_server_of
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import locate
from dagnats.jetstream.devserver import DevServer

POINTS = {1: 100, 20: 4_000, 200: 20_000}
"""In flight: how many runs are measured."""
WARM_UP = {1: 10, 20: 200, 200: 2_000}
STEPS = 10
READY_S = 30
SETTLE_S = 2


@dataclass(frozen=True)
class Contender:
    """A system that accepts load, and its processes by what they do."""

    name: str
    url: str
    user: str
    password: str
    processes: dict[str, int]


def workflow() -> str:
    """Return ten steps in a row."""
    lines = ["dagnats: 1", "name: bench", "steps:"]
    for step in range(STEPS):
        after = f", depends_on: [s{step - 1}]" if step else ""
        lines.append(f"  - {{id: s{step}, type: normal, task: noop{after}}}")
    return "\n".join(lines) + "\n"


@contextmanager
def process(*arguments: str, say: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a process until the end of the block; wait for its first line on stdout."""
    child = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if say else None,
        text=True,
    )
    try:
        assert child.stdout is not None
        if not child.stdout.readline():
            raise SystemExit(f"{' '.join(arguments)} did not start")
        yield child
    finally:
        child.terminate()
        child.wait(READY_S)


@contextmanager
def quiet_process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that says nothing on stdout until the end of the block."""
    child = subprocess.Popen([sys.executable, *arguments])
    try:
        yield child
    finally:
        child.terminate()
        child.wait(READY_S)


@contextmanager
def dagnats(stack: ExitStack) -> Iterator[Contender]:
    """Serve with the product, register the workflow, attach a worker."""
    data_dir = stack.enter_context(tempfile.TemporaryDirectory(prefix="dagnats-bench-"))
    with (
        process(
            "-m", "dagnats.cli.main", "serve", "--data-dir", data_dir, "--nats-port", "0"
        ) as engine,
        quiet_process(
            "-m",
            "dagnats.cli.main",
            "worker",
            "run",
            str(Path(__file__).with_name("noop.py")),
            "--data-dir",
            data_dir,
            "--concurrency",
            "1000",
        ) as worker,
    ):
        target = locate(None, Path(data_dir))
        asyncio.run(register(target))
        yield contender("dagnats", target.url, Path(data_dir), engine.pid, worker.pid)


async def register(target: Any) -> None:
    """Register the ten steps and wait until one run has ended."""
    compiled = compile_workflow(workflow(), "bench.yaml")
    assert compiled.program is not None, compiled.diagnostics
    async with Client.open(target) as client:
        document = json.loads(codec.encode(compiled.program))
        await client.call("workflow.register", {"program": document})
        await client.call("run.start", {"workflow": "bench", "run_id": "warm"})
        async for _ in client.events("warm", follow=True):
            pass


@contextmanager
def prototype(stack: ExitStack) -> Iterator[Contender]:
    """Serve with the bare loop on the same kind of server."""
    data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prototype-bench-")))
    with process("-m", "benchmarks.run", "--only-server", str(data_dir)) as server:
        url = json.loads((data_dir / "url.json").read_text())
        known = json.loads((data_dir / "credentials.json").read_text())
        words = (url, known["user"], known["password"])
        with (
            process("-m", "benchmarks.prototype", "engine", *words) as engine,
            process("-m", "benchmarks.prototype", "worker", *words) as worker,
        ):
            assert server.poll() is None
            yield contender("prototype", url, data_dir, engine.pid, worker.pid)


async def serve_only(data_dir: Path) -> None:
    """Run nothing but the NATS server, as `dagnats serve` would."""
    server = await DevServer.start(data_dir, port=0, fsync="always")
    (data_dir / "url.json").write_text(json.dumps(server.url))
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


def contender(name: str, url: str, data_dir: Path, engine: int, worker: int) -> Contender:
    """Return a contender whose NATS server keeps its data and credentials there."""
    known = json.loads((data_dir / "credentials.json").read_text())
    processes = {"engine": engine, "worker": worker, "nats": nats_server_of(data_dir)}
    return Contender(name, url, known["user"], known["password"], processes)


def settle() -> None:
    """Wait until the other one's server has written what it kept in memory, and the disk has it."""
    time.sleep(SETTLE_S)
    os.sync()


def measure(who: Contender, runs: int, in_flight: int) -> dict[str, float]:
    """Run the load generator once; `cpu_…_ms` is what a process used for each run."""
    before = {role: cpu_s(pid) for role, pid in who.processes.items()}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.load",
            who.url,
            who.user,
            who.password,
            who.name,
            str(runs),
            str(in_flight),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=2 * RUN_S,
    )
    used = {
        f"cpu_{role}_ms": (cpu_s(pid) - before[role]) * 1000 / runs
        for role, pid in who.processes.items()
    }
    return {**json.loads(done.stdout), **used}


def race(rounds: int) -> dict[str, dict[int, dict[str, float]]]:
    """Return medians by contender and load."""
    seen: dict[str, dict[int, list[dict[str, float]]]] = {}
    for _ in range(rounds):
        with ExitStack() as stack:
            contenders = [
                stack.enter_context(prototype(stack)),
                stack.enter_context(dagnats(stack)),
            ]
            for in_flight, runs in POINTS.items():
                for who in contenders:
                    settle()
                    measure(who, WARM_UP[in_flight], in_flight)
                    found = measure(who, runs, in_flight)
                    seen.setdefault(who.name, {}).setdefault(in_flight, []).append(found)
                    print(line(who.name, in_flight, found), file=sys.stderr, flush=True)
    return {
        name: {
            in_flight: {key: statistics.median(f[key] for f in found) for key in found[0]}
            for in_flight, found in points.items()
        }
        for name, points in seen.items()
    }


def line(name: str, in_flight: int, found: dict[str, float]) -> str:
    """Return one measurement as a row."""
    return (
        f"{name:9} {in_flight:9} {found['runs_per_s']:10.0f} "
        f"{found['p50_ms']:8.1f} {found['p99_ms']:8.1f} "
        f"{found['cpu_engine_ms']:8.3f} {found['cpu_worker_ms']:8.3f} {found['cpu_nats_ms']:8.3f}"
    )


def main() -> int:
    """Race and print; exit 1 when dagnats is below half of its prototype at any point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only-server", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_server is not None:
        asyncio.run(serve_only(options.only_server))
        return 0
    medians = race(options.rounds)
    print(f"ten-step runs, fsync always, history on · {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'':48} {'processor time of a run, ms':>26}")
    print(
        f"{'':9} {'in flight':>9} {'runs/s':>10} {'p50 ms':>8} {'p99 ms':>8} "
        f"{'engine':>8} {'worker':>8} {'nats':>8}"
    )
    for name, points in medians.items():
        for in_flight, found in points.items():
            print(line(name, in_flight, found))
    enough = True
    for in_flight in POINTS:
        share = (
            medians["dagnats"][in_flight]["runs_per_s"]
            / medians["prototype"][in_flight]["runs_per_s"]
        )
        enough = enough and share >= 0.5
        print(f"at {in_flight} in flight: {share:.0%} of the prototype")
    if options.json is not None:
        options.json.write_text(json.dumps(medians, indent=2) + "\n")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
