"""Engines and workers of a simulation, and what happens to them as such: the mischief."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import msgspec

from dagnats.engine.engine import Engine, Ports
from dagnats.engine.host import Host
from dagnats.errors import DagnatsError, FencedError
from dagnats.planning import plan
from dagnats.ports import LogEntry
from dagnats.testing.actors import Worker
from dagnats.testing.checking import Checker
from dagnats.testing.shape import Shape
from dagnats.testing.stores import (
    UnreliableCheckpoints,
    UnreliableLeases,
    UnreliablePayloads,
    UnreliablePrograms,
)
from dagnats.testing.unreliable import (
    UnreliableBus,
    UnreliableClock,
    UnreliableFeed,
    UnreliableLog,
    UnreliableSnapshots,
    check,
)
from dagnats.testing.world import LATENCY_S, Process, World
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
    "keeps failing",
    "damaged",
    "cannot be folded",
    "is gone, and",
)
"""What an operator hears when something is wrong that no fault of the world explains."""
OFTEN, SELDOM = 0.7, 0.5

Do = Callable[[tasks.Task], tasks.Result]
Steer = Callable[[Process], None]


class Part(msgspec.Struct):
    """An engine of one partition, and the connection it has."""

    process: Process
    engine: Engine

    @property
    def is_quiet(self) -> bool:
        """Whether all that was decided is stored: an append may be under way for long."""
        pump = self.engine._pump  # noqa: SLF001 (looked at, not touched)
        return pump is not None and pump.quiet

    @property
    def partition(self) -> Any:
        """Return what the engine has in memory, once it has."""
        pump = self.engine._pump  # noqa: SLF001 (looked at, not touched)
        return pump.partition if pump is not None else None

    @property
    def errands(self) -> int:
        """Return how many errands are under way."""
        errands = self.engine._errands  # noqa: SLF001
        return len(errands) if errands is not None else 0

    @property
    def serves(self) -> bool:
        """Whether it answers."""
        return self.process.alive and self.engine.serving.is_set()


class Node(msgspec.Struct):
    """A process with the engines of the partitions that it serves.

    Where there is one partition it has no host: its engine is all there is.
    """

    process: Process
    parts: dict[int, Part]
    host: Host | None = None


class Fleet:
    """All engines and workers there are and were; `steer` sees each process before it begins."""

    def __init__(
        self, world: World, checker: Checker, do: Do, steer: Steer | None, shape: Shape
    ) -> None:
        self.world = world
        self.checker = checker
        self.nodes: list[Node] = []
        self.workers: list[Worker] = []
        self.names: Sequence[str] = ()
        self.closed = False
        self.shape = shape
        self._rng: Random = world.rng
        self._do = do
        self._steer = steer
        self._workers_made = 0
        self._parts: dict[Process, Part] = {}
        world.on_append = self._on_append

    # ── engines ──────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start all engines that there are to be."""
        for _ in range(self.shape.engines):
            self.start_engine()

    def start_engine(self) -> Node:
        """Start an engine, or a host of several, in a process of its own."""
        if self.shape.partitions > 1:
            return self._start_host()
        node = self._start_alone(0)
        node.process.on_death = self._restart_later
        return node

    def _process(self, name: str) -> Process:
        process = Process(self.world, name)
        process.clock_ms = self.nodes[-1].process.clock_ms if self.nodes else 0
        if self._steer is not None:
            self._steer(process)
        return process

    def _start_alone(self, number: int) -> Node:
        """Start an engine that takes a partition, whoever has it."""
        process = self._process(f"e{len(self.nodes)}")
        part = self._engine(process, number)
        node = Node(process, {number: part})
        self.nodes.append(node)
        self.world.note("engine", process.name)
        process.main = asyncio.ensure_future(self._serve(node, part.engine))
        return node

    def _engine(self, process: Process, number: int) -> Part:
        ports = Ports(
            log=UnreliableLog(process, number),
            snapshots=UnreliableSnapshots(process, number),
            feed=UnreliableFeed(process, number),
            programs=UnreliablePrograms(process),
            checkpoints=UnreliableCheckpoints(process),
            bus=UnreliableBus(process),
            clock=UnreliableClock(process),
            payloads=UnreliablePayloads(process),
        )
        shape = self.shape
        engine = Engine(
            number,
            ports,
            self._say(process),
            planning=plan,
            partitions=shape.partitions,
            keep_ms=shape.keep_ms,
        )
        self._parts[process] = part = Part(process, engine)
        return part

    async def _serve(self, node: Node, engine: Engine) -> None:
        try:
            await engine.run()
        except FencedError:
            self.world.note("fenced", node.process.name)
        except DagnatsError as broken:
            self.checker.fail(f"{node.process.name} has ended: {broken!r}")
        self._over(node)

    def _over(self, node: Node) -> None:
        if node.process.alive:
            for one in (node.process, *node.process.parts):
                one.alive = False
                self.world.drop(one)
            self._restart_later()

    # ── hosts, where there are several partitions ────────────────────────────────────────────────

    def _start_host(self) -> Node:
        process = self._process(f"h{len(self.nodes)}")
        node = Node(process, {})
        host = Host(
            name=self._name(),
            partitions=self.shape.partitions,
            leases=UnreliableLeases(process),
            clock=UnreliableClock(process, steady=True),
            open_engine=lambda number: self._open(node, number),
            say=self._say(process),
        )
        node.host = host
        self.nodes.append(node)
        self.world.note("engine", f"{process.name} as {host.name}")
        process.main = asyncio.ensure_future(self._host(node, host))
        process.on_death = self._restart_later
        return node

    def _name(self) -> str:
        """Return a name that no living host has: perhaps that of one which has died."""
        living = {node.host.name for node in self.hosts if node.host is not None}
        free = [f"host{n}" for n in range(len(living) + 1) if f"host{n}" not in living]
        return free[0] if self._rng.random() < 0.7 else f"host-{len(self.nodes)}"

    async def _open(self, node: Node, number: int) -> tuple[Engine, Callable[[], Awaitable[None]]]:
        """Make an engine on a connection of its own, as a process does."""
        check(node.process, await node.process.before("connect", takes_s=LATENCY_S))
        name = f"{node.process.name}.{number}.{len(node.process.parts)}"
        process = Process(self.world, name, node.process)
        part = node.parts[number] = self._engine(process, number)

        async def close() -> None:
            process.end()

        return part.engine, close

    async def _host(self, node: Node, host: Host) -> None:
        await host.run()
        self._over(node)

    @property
    def hosts(self) -> list[Node]:
        """Return the hosts that are alive."""
        return [node for node in self.nodes if node.host is not None and node.process.alive]

    # ── all of them ──────────────────────────────────────────────────────────────────────────────

    def _restart_later(self) -> None:
        if not self.closed:
            self.world.loop.call_later(0.1 + 2 * self._rng.random(), self.ensure_engine)

    def ensure_engine(self) -> None:
        """Start an engine if there are too few."""
        if self.closed:
            return
        if self.shape.partitions > 1:
            if len(self.hosts) < self.shape.engines:
                self.start_engine()
        elif not any(node.process.alive for node in self.nodes):
            self.start_engine()

    def _say(self, process: Process) -> Callable[[str], None]:
        def say(line: str) -> None:
            self.world.note("says", f"{process.name}: {line}")
            if any(words in line for words in TELLING):
                self.checker.fail(f"{process.name} says: {line}")

        return say

    def serving(self, number: int = 0) -> Part | None:
        """Return the newest engine that serves a partition."""
        for node in reversed(self.nodes):
            part = node.parts.get(number)
            if part is not None and part.serves:
                return part
        return None

    @property
    def now_ms(self) -> int:
        """Return the time of an engine that serves, or of the newest."""
        for number in range(self.shape.partitions):
            part = self.serving(number)
            if part is not None:
                return part.engine._clock.now_ms()  # noqa: SLF001 (looked at, not touched)
        return UnreliableClock(self.nodes[-1].process).now_ms()

    @property
    def earliest_ms(self) -> int:
        """Return the time of the clock that is furthest behind, of engines that are alive."""
        alive = [one.process for one in self.nodes if one.process.alive]
        return min((UnreliableClock(one).now_ms() for one in alive), default=self.now_ms)

    def _on_append(self, entry: LogEntry, process: Process, number: int) -> None:
        if self.closed:
            return
        self.checker.last_at = self.world.loop.time()
        part = self._parts[process]
        if self.world.events is not None and entry.lines:
            self.world.note("commit", f"{process.name} {entry.seq} {_types(entry.lines)}")
        partition = part.partition if part.engine.serving.is_set() else None
        self.checker.append(entry, number, partition, self.world.loop.time())

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
            node = self._victim()
            if world.chance(rates.interruptions * STEP_S):
                self._rng.choice([node.process, *node.process.parts]).interrupt()
            if world.chance(rates.restarts * STEP_S) and not world.down:
                world.restart_broker()
            if world.chance(rates.rivals * STEP_S):
                self._rival(node)
            if world.chance(rates.freezes * STEP_S):
                self._freeze(node)
            if world.chance(rates.clocks * STEP_S):
                self._turn_clock(node)
            if world.chance(rates.dead_workers * STEP_S) and self.workers:
                self.workers.pop(self._rng.randrange(len(self.workers))).die()
                world.loop.call_later(3 * self._rng.random(), self.start_worker)

    def _victim(self) -> Node:
        """Return an engine to which something may happen."""
        if self.shape.partitions > 1:
            return self._rng.choice(self.hosts or self.nodes[-1:])
        serving = [node for node in self.nodes if node.parts[0].serves]
        return serving[-1] if serving else self.nodes[-1]

    def _rival(self, node: Node) -> None:
        """Let an engine take a partition by force; or a host come, or give everything back."""
        self.world.note("rival")
        if self.shape.partitions == 1:
            self.start_engine()
            return
        number = self._rng.randrange(self.shape.partitions + 2)
        if number < self.shape.partitions:
            self._start_alone(number)
        elif number == self.shape.partitions and len(self.hosts) <= self.shape.engines:
            self.start_engine()
        elif node.host is not None:
            self.world.note("leave", node.process.name)
            node.host.stop()

    def _freeze(self, node: Node) -> None:
        """Let an engine stand still or cut it off, and perhaps another take over."""
        world, process = self.world, node.process
        for_s = 0.5 + 15 * self._rng.random()
        if self._rng.random() < 0.5:
            process.freeze(world.loop.time() + for_s)
            world.note("freeze", f"{process.name} for {for_s:.1f} s")
        else:
            process.cut_off(cut=True)
            world.note("cut", f"{process.name} for {for_s:.1f} s")
            world.loop.call_later(for_s, _join, process)
        if self._rng.random() < 0.7:
            world.loop.call_later(for_s * self._rng.random(), self._take_over)

    def _take_over(self) -> None:
        if self.closed:
            return
        if self.shape.partitions > 1:
            self._start_alone(self._rng.randrange(self.shape.partitions))
        else:
            self.start_engine()

    def _turn_clock(self, node: Node) -> None:
        by_ms = int(self._rng.choice((-1, 1)) * 10 ** (1 + 5 * self._rng.random()))
        node.process.turn_clock(by_ms)
        self.world.note("clock", f"{node.process.name} by {by_ms} ms")


def _join(process: Process) -> None:
    process.cut_off(cut=False)


def _types(lines: tuple[bytes, ...]) -> list[str]:
    return [_named(msgspec.json.decode(line)) for line in lines]


def _named(event: dict[str, Any]) -> str:
    run = f"{event.get('run_id', '')}#{event.get('seq', '')}"
    return f"{run} {event['type']} {event.get('step_id', '')}".strip()
