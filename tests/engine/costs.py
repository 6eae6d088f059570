"""What a step costs: commits, messages, bytes and decisions, counted, for times are noisy.

    python -m tests.engine.costs

prints the table of benchmarks/README.md. The engine is the real one, on storage in memory behind
ports that count; the worker repeats nothing, so that the counts are the same each time.
"""

import asyncio
import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from dagnats.engine.engine import Engine, Ports
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.commands import Enqueue
from dagnats.machine.prepared import Prepared
from dagnats.planning import plan
from dagnats.testing.memory import (
    Fault,
    MemoryBus,
    MemoryCheckpoints,
    MemoryFeed,
    MemoryLog,
    MemoryPrograms,
    MemorySnapshots,
    no_fault,
)
from dagnats.wire import subjects, tasks
from tests.engine.cluster import Cluster, Worker, play
from tests.machine.world import BEGIN_MS, compiled

STEPS = 10
BODY = "".join(
    f"  - {{id: s{n}, task: work.do{f', depends_on: [s{n - 1}]' if n else ''}}}\n"
    for n in range(STEPS)
)
CHAIN = f"dagnats: 1\nname: chain\nsteps:\n{BODY}"
SLEEPER = "dagnats: 1\nname: sleeper\nsteps: [{id: a, type: sleep, config: {duration: 1h}}]\n"
LONG: dict[str, tuple[str, Any]] = {
    "iterations": (
        "steps: [{id: l, type: agent_loop, task: t, config: {max_iterations: 3000}}]",
        i.Continue,
    ),
    "steps": (
        "steps:\n"
        + "".join(
            f"  - {{id: s{n:04}, task: t{f', depends_on: [s{n - 1:04}]' if n else ''}}}\n"
            for n in range(1_500)
        ),
        i.Complete,
    ),
}


# ── the engine ───────────────────────────────────────────────────────────────────────────────────


class Counted:
    """A port whose calls are counted, by its name and theirs."""

    def __init__(self, port: Any, name: str, calls: Counter[str]) -> None:
        self._port, self._name, self._calls = port, name, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **named: Any) -> Any:
            self._calls[f"{self._name}.{name}"] += 1
            return found(*args, **named)

        return call


class Once(Worker):
    """A worker that says hello once and repeats nothing; what it hears and says is counted."""

    heard = 0
    heard_bytes = 0
    said = 0

    async def live(self) -> None:
        """Say hello."""
        hello = tasks.Hello("w1", self.names, 10_000)
        inbox = self.network.inbox()
        self.network.listen(inbox, self.on_welcome)
        await self.network.send(subjects.HELLO, msgspec.json.encode(hello), inbox)

    async def on_deliver(self, payload: bytes, reply: str) -> None:
        """Count a message."""
        self.heard += 1
        self.heard_bytes += len(payload)
        await super().on_deliver(payload, reply)

    async def send(self) -> None:
        """Send what there is, once."""
        if self.unanswered:
            self.said += 1
            results = tasks.Results("w1", list(self.unanswered.values()))
            self.unanswered.clear()
            await self.network.send(subjects.engine(0, "results"), msgspec.json.encode(results))


class CountedCluster(Cluster):
    """A cluster whose ports count their calls."""

    def __init__(self, workflow: str) -> None:
        super().__init__(workflow)
        self.calls: Counter[str] = Counter()
        self.worker: Once = Once(self.network, sorted(self.prepared.tasks))
        self.network.forget(subjects.worker("w1"))
        self.network.listen(subjects.worker("w1"), self.worker.on_deliver)

    def engine(self, fault: Fault = no_fault) -> tuple[Engine, MemoryBus, "asyncio.Task[None]"]:
        """Start an engine."""
        bus = MemoryBus(self.network)
        ports = {
            "log": MemoryLog(self.storage, fault),
            "snapshots": MemorySnapshots(self.storage, fault),
            "feed": MemoryFeed(self.storage, fault),
            "programs": MemoryPrograms(self.storage),
            "checkpoints": MemoryCheckpoints(self.storage),
            "bus": bus,
            "clock": self.clock,
            "payloads": self.payloads,
        }
        counted = {name: Counted(port, name, self.calls) for name, port in ports.items()}
        engine = Engine(0, Ports(**counted), self.said.append, planning=plan)  # type: ignore[arg-type]
        running = asyncio.ensure_future(engine.run())
        self._engines.append((engine, bus, running))
        return engine, bus, running

    async def serve(self) -> None:
        """Start an engine and the worker."""
        self.engine()
        await self.register()
        await self.worker.live()

    async def finish(self, names: list[str]) -> None:
        """Start these runs at once, and wait until the last has told its end; ask for nothing."""
        over = asyncio.Event()
        left = set(names)

        async def hear(payload: bytes, _reply: str) -> None:
            for ended in msgspec.json.decode(payload):
                left.discard(ended["run_id"])
            if not left:
                over.set()

        inbox = self.network.inbox()
        self.network.listen(inbox, hear)
        for name in names:
            params = {"workflow": self.name, "run_id": name, "input": {"n": 1}, "notify": inbox}
            await self.network.send(subjects.api("run.start"), msgspec.json.encode(params), "")
        async with asyncio.timeout(20):
            await over.wait()
            while self.newest[0].status()["pending_events"] or not self._is_published():
                await asyncio.sleep(0)

    def _is_published(self) -> bool:
        return len(self.storage.history) == sum(len(e.lines) for e, _ in self.storage.log)


@dataclass(frozen=True)
class Cost:
    """What runs have cost together; `ports` counts the calls of ports, without those of clocks."""

    runs: int
    events: int
    bytes: int
    commits: int
    published: int
    to_worker: int
    to_worker_bytes: int
    from_worker: int
    ports: Counter[str]


def cost_of(runs: int, asleep: int = 0) -> Cost:
    """Return what it costs to play runs of ten steps at once, beside some that sleep."""
    found: list[Cost] = []

    async def test() -> None:
        cluster = CountedCluster(CHAIN)
        await cluster.serve()
        if asleep:
            await _lull(cluster, asleep)
        await asyncio.sleep(0.01)
        log, published = len(cluster.storage.log), len(cluster.storage.history)
        cluster.calls.clear()
        await cluster.finish([f"r{n}" for n in range(runs)])
        entries = [entry for entry, _ in cluster.storage.log[log:]]
        lines = [line for entry in entries for line in entry.lines]
        calls = Counter({k: n for k, n in cluster.calls.items() if not k.startswith("clock")})
        found.append(
            Cost(
                runs,
                len(lines),
                sum(map(len, lines)),
                len(entries),
                len(cluster.storage.history) - published,
                cluster.worker.heard,
                cluster.worker.heard_bytes,
                cluster.worker.said,
                calls,
            )
        )
        await cluster.close()

    play(test)
    return found[0]


async def _lull(cluster: CountedCluster, count: int) -> None:
    """Let runs of another workflow go to sleep."""
    other = Cluster(SLEEPER)
    await cluster.call("workflow.register", program=msgspec.Raw(other.document))
    for n in range(count):
        await cluster.call("run.start", workflow="sleeper", run_id=f"sleeper{n}")


# ── the machine ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Share:
    """What one decision has cost, on average over a part of a run."""

    bytes: float
    """Encoded events."""
    kept_blocks: float
    """Blocks of memory that are still there afterwards."""
    peak_bytes: float
    """What was in use at the most beyond what was there before, for the whole part."""
    lines: float
    """Lines of the machine that were executed."""


class Long:
    """A run of many steps or iterations: a delivery is a decision, and its result is another."""

    def __init__(self, document: str, kind: type[i.Complete] | type[i.Continue]) -> None:
        self.prepared: Prepared = compiled(document)
        self.kind = kind
        self.state, _, self.todo, _ = start(
            self.prepared, i.StartRun(BEGIN_MS, "r", "sha256:test", None)
        )
        self.at = BEGIN_MS
        self.bytes = 0

    def decide(self, count: int) -> None:
        """Take so many decisions."""
        for _ in range(count // 2):
            (command,) = [one for one in self.todo if isinstance(one, Enqueue)]
            self.at += 1
            self._take(i.Deliver(self.at, command.step, "w"))
            head = (self.at, command.step, command.attempt, command.iteration)
            self.todo = self._take(self.kind(*head, {"n": 1}, None)).commands

    def _take(self, request: i.Input) -> Any:
        found = advance(self.prepared, self.state, request)
        self.bytes += sum(map(len, found.lines))
        return found


def shares(kind: str, between: int = 1_000, count: int = 200) -> tuple[Share, Share]:
    """Return what a decision costs early in a run, and late, after `between` more."""
    for _ in range(2):  # what is allocated once for all, as caches are, is there the second time
        run = Long(*LONG[kind])
        run.decide(count)
        early = _share(run, count)
        run.decide(between)
        late = _share(run, count)
    return early, late


def _share(run: Long, count: int) -> Share:
    gc.collect()
    blocks, size = sys.getallocatedblocks(), run.bytes
    run.decide(count)
    gc.collect()
    kept = sys.getallocatedblocks() - blocks
    encoded = run.bytes - size
    tracemalloc.start()
    try:
        run.decide(count)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    lines = lines_of(lambda: run.decide(count))
    return Share(encoded / count, kept / count, peak, lines / count)


def lines_of(work: Callable[[], Any]) -> int:
    """Run something and count the lines of the machine that it executes."""
    from tests.machine.test_growth import lines_of as counted

    return counted(work)


def main() -> None:
    """Print what a step costs."""
    print("| runs at once | events | bytes an event | commits a run | messages to the worker |")
    print("|---|---|---|---|---|")
    for runs in (1, 50, 200):
        cost = cost_of(runs)
        each = cost.events // runs, round(cost.bytes / cost.events)
        print(f"| {runs} | {each[0]} a run | {each[1]} | {cost.commits / runs:g} | "
              f"{cost.to_worker / runs:g} a run |")  # fmt: skip
    print("\n| a decision | bytes | blocks kept | lines |\n|---|---|---|---|")
    for kind in LONG:
        for when, one in zip(("early", "late"), shares(kind), strict=True):
            print(f"| {when} in a run of many {kind} | {one.bytes:.0f} | "
                  f"{one.kept_blocks:.2f} | {one.lines:.0f} |")  # fmt: skip


if __name__ == "__main__":
    main()
