"""Engines and workers of a simulation, and what happens to them as such: the mischief."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from dagnats.engine.engine import Engine, Ports
from dagnats.errors import DagnatsError, FencedError
from dagnats.planning import plan
from dagnats.ports import LogEntry
from dagnats.testing.actors import Worker
from dagnats.testing.checking import Checker
from dagnats.testing.memory import MemoryCheckpoints
from dagnats.testing.payloads import MemoryPayloads
from dagnats.testing.unreliable import (
    UnreliableBus,
    UnreliableClock,
    UnreliableFeed,
    UnreliableLog,
    UnreliablePrograms,
    UnreliableSnapshots,
)
from dagnats.testing.world import Process, World
from dagnats.wire import tasks

STEP_S = 0.25
"""What happens now and then is drawn as often."""
TELLING = (
    "a fault of the engine",
    "without what failed",
    "are set aside",
    "cannot be done",
    "cannot send",
    "cannot answer",
)
"""What an operator hears when something is wrong that no fault of the world explains."""
OFTEN, SELDOM = 0.7, 0.5

Do = Callable[[tasks.Task], tasks.Result]
Steer = Callable[[Process], None]


class Node(msgspec.Struct):
    """An engine and the process it runs in."""

    process: Process
    engine: Engine

    @property
    def partition(self) -> Any:
        """Return what the engine has in memory, once it has."""
        pump = self.engine._pump  # noqa: SLF001 (looked at, not touched)
        return pump.partition if pump is not None else None

    @property
    def now_ms(self) -> int:
        """Return what the engine takes the time to be."""
        return self.engine._clock.now_ms()  # noqa: SLF001


class Fleet:
    """All engines and workers there are and were; `steer` sees each process before it begins."""

    def __init__(self, world: World, checker: Checker, do: Do, steer: Steer | None) -> None:
        self.world = world
        self.checker = checker
        self.nodes: list[Node] = []
        self.workers: list[Worker] = []
        self.names: Sequence[str] = ()
        self.closed = False
        self._rng: Random = world.rng
        self._do = do
        self._steer = steer
        self._workers_made = 0
        world.on_append = self._on_append

    # ── engines ──────────────────────────────────────────────────────────────────────────────────

    def start_engine(self) -> Node:
        """Start an engine in a process of its own."""
        process = Process(self.world, f"e{len(self.nodes)}")
        process.clock_ms = self.nodes[-1].process.clock_ms if self.nodes else 0
        if self._steer is not None:
            self._steer(process)
        ports = Ports(
            log=UnreliableLog(process),
            snapshots=UnreliableSnapshots(process),
            feed=UnreliableFeed(process),
            programs=UnreliablePrograms(process),
            checkpoints=MemoryCheckpoints(self.world.disk),
            bus=UnreliableBus(process),
            clock=UnreliableClock(process),
            payloads=MemoryPayloads(),
        )
        engine = Engine(0, ports, self._say(process), planning=plan)
        node = Node(process, engine)
        self.nodes.append(node)
        self.world.note("engine", process.name)
        process.main = asyncio.ensure_future(self._serve(node))
        process.on_death = self._restart_later
        return node

    async def _serve(self, node: Node) -> None:
        try:
            await node.engine.run()
        except FencedError:
            self.world.note("fenced", node.process.name)
        except DagnatsError as broken:
            self.checker.fail(f"{node.process.name} has ended: {broken!r}")
        if node.process.alive:
            node.process.alive = False
            self.world.drop(node.process)
            self._restart_later()

    def _restart_later(self) -> None:
        if not self.closed:
            self.world.loop.call_later(0.1 + 2 * self._rng.random(), self.ensure_engine)

    def ensure_engine(self) -> None:
        """Start an engine if there is none."""
        if not self.closed and not any(node.process.alive for node in self.nodes):
            self.start_engine()

    def _say(self, process: Process) -> Callable[[str], None]:
        def say(line: str) -> None:
            self.world.note("says", f"{process.name}: {line}")
            if any(words in line for words in TELLING):
                self.checker.fail(f"{process.name} says: {line}")

        return say

    @property
    def serving(self) -> Node | None:
        """Return the newest engine that serves."""
        alive = [node for node in self.nodes if node.process.alive]
        serving = [node for node in alive if node.engine.serving.is_set()]
        return serving[-1] if serving else None

    @property
    def now_ms(self) -> int:
        """Return the time of the engine that serves, or of the newest."""
        return (self.serving or self.nodes[-1]).now_ms

    def _on_append(self, entry: LogEntry, process: Process) -> None:
        if self.closed:
            return
        self.checker.last_at = self.world.loop.time()
        node = next(node for node in reversed(self.nodes) if node.process is process)
        serving = node.engine.serving.is_set()
        if self.world.events is not None and entry.lines:
            self.world.note("commit", f"{process.name} {entry.seq} {_types(entry.lines)}")
        partition = node.partition if serving else None
        self.checker.append(entry, partition, self.world.loop.time())

    # ── workers ──────────────────────────────────────────────────────────────────────────────────

    def start_worker(self) -> None:
        """Let another worker take part."""
        self._workers_made += 1
        name = f"w{self._workers_made}"
        worker = Worker(self.world, self.checker, name, list(self.names), self._do)
        self.workers.append(worker)

    # ── mischief ─────────────────────────────────────────────────────────────────────────────────

    async def mischief(self) -> None:
        """Do, now and then, what happens to engines, workers and the broker as such."""
        while True:
            await asyncio.sleep(STEP_S)
            world, rates = self.world, self.world.faults
            node = self.serving or self.nodes[-1]
            if world.chance(rates.interruptions * STEP_S):
                node.process.interrupt()
            if world.chance(rates.restarts * STEP_S) and not world.down:
                world.restart_broker()
            if world.chance(rates.rivals * STEP_S):
                world.note("rival")
                self.start_engine()
            if world.chance(rates.freezes * STEP_S):
                self._freeze(node)
            if world.chance(rates.clocks * STEP_S):
                self._turn_clock(node)
            if world.chance(rates.dead_workers * STEP_S) and self.workers:
                self.workers.pop(self._rng.randrange(len(self.workers))).die()
                world.loop.call_later(3 * self._rng.random(), self.start_worker)

    def _freeze(self, node: Node) -> None:
        """Let an engine stand still or cut it off, and perhaps another take over."""
        world, process = self.world, node.process
        for_s = 0.5 + 15 * self._rng.random()
        if self._rng.random() < 0.5:
            process.frozen_until = world.loop.time() + for_s
            world.note("freeze", f"{process.name} for {for_s:.1f} s")
        else:
            process.cut = True
            process.interrupt()
            world.note("cut", f"{process.name} for {for_s:.1f} s")
            world.loop.call_later(for_s, _join, process)
        if self._rng.random() < 0.7:
            world.loop.call_later(for_s * self._rng.random(), self._take_over)

    def _take_over(self) -> None:
        if not self.closed:
            self.start_engine()

    def _turn_clock(self, node: Node) -> None:
        by_ms = int(self._rng.choice((-1, 1)) * 10 ** (1 + 5 * self._rng.random()))
        node.process.clock_ms += by_ms
        self.world.note("clock", f"{node.process.name} by {by_ms} ms")


def _join(process: Process) -> None:
    process.cut = False


def _types(lines: tuple[bytes, ...]) -> list[str]:
    return [_named(msgspec.json.decode(line)) for line in lines]


def _named(event: dict[str, Any]) -> str:
    run = f"{event.get('run_id', '')}#{event.get('seq', '')}"
    return f"{run} {event['type']} {event.get('step_id', '')}".strip()
