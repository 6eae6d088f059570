"""The life of an engine: recover, serve, and on any doubt drop everything and recover again.

There is one way to handle a lost connection, an append of unknown outcome or a bug in here: forget
the partition in memory and read it again from the log. Runs that a bug belongs to are set aside
then, and the rest is served. Fencing ends the engine: somebody else owns the partition now, and two
owners that took turns would serve nobody. So does a log that cannot be read, and a bug that comes
again and again and belongs to no run.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dagnats.engine import purging
from dagnats.engine.checkpoint import Checkpointer
from dagnats.engine.errands import Errand, Errands
from dagnats.engine.faults import RequestFaultError, RunFaultError, in_words
from dagnats.engine.operations import peers, people, runs, workers, workflows
from dagnats.engine.partition import Partition
from dagnats.engine.programs import Programs
from dagnats.engine.pump import Pump
from dagnats.engine.recovery import Recovered, recover
from dagnats.engine.resuming import resume
from dagnats.engine.service import Service
from dagnats.engine.shop import Planning
from dagnats.engine.timers import Steady
from dagnats.errors import BrokenError, FencedError, UnavailableError, UncertainError
from dagnats.ports import (
    Bus,
    Checkpoints,
    Clock,
    EventLog,
    HistoryFeed,
    Payloads,
    ProgramStore,
    Snapshots,
)

RECOVER_WAIT_MIN_S = 0.05
RECOVER_WAIT_MAX_S = 2.0
HEALTHY_S = 30.0
"""After serving this long, a failure is the first of its kind again."""
FAULTS_MAX = 10
"""This many bugs in a row that belong to no run end the engine."""
DRAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The world as one engine sees it."""

    log: EventLog
    snapshots: Snapshots
    feed: HistoryFeed
    programs: ProgramStore
    checkpoints: Checkpoints
    bus: Bus
    clock: Clock
    payloads: Payloads


class Engine:
    """Owns one of so many partitions. `say` hears what an operator should know, line by line.

    `planning` compiles what planners give. Runs that ended longer ago than `keep_ms` are forgotten.
    """

    def __init__(  # noqa: PLR0913 (the rest by name)
        self,
        number: int,
        ports: Ports,
        say: Callable[[str], None],
        *,
        planning: Planning,
        partitions: int = 1,
        keep_ms: int | None = None,
    ) -> None:
        self.number = number
        self.serving = asyncio.Event()
        self._ports = ports
        self._clock = Steady(ports.clock)
        self._say = say
        self._programs = Programs(ports.programs)
        self._pump: Pump | None = None
        self._errands: Errands | None = None
        self._served = False
        self._recoveries = 0
        self._wait_s = RECOVER_WAIT_MIN_S
        self._faults = 0
        self._parked: dict[str, str] = {}
        self._told: set[str] = set()
        self._stopping = asyncio.Event()
        self._keep_ms = keep_ms
        self._service = Service(
            programs=self._programs,
            feed=ports.feed,
            bus=ports.bus,
            clock=self._clock,
            checkpoints=ports.checkpoints,
            payloads=ports.payloads,
            planning=planning,
            partitions=partitions,
            status=self.status,
            verify=ports.log.verify,
            say=say,
        )

    async def run(self) -> None:
        """Serve until `stop`.

        Raises FencedError when another engine has taken the partition, BrokenError when what is
        stored cannot be read or a bug comes again and again.
        """
        await self._service.listen(
            [
                *workflows.OPERATIONS,
                *runs.OPERATIONS,
                *people.OPERATIONS,
                *workers.operations(self.number),
                *peers.operations(self.number),
            ]
        )
        while await self._connected():
            began = asyncio.get_running_loop().time()
            try:
                await self._serve_once(began)
            except FencedError:
                raise
            except (UncertainError, UnavailableError, TimeoutError, OSError) as doubt:
                self._say(f"reading the log again: {str(doubt) or in_words(doubt)}")
            except RunFaultError as fault:
                self._parked |= fault.reasons
                self._say(f"reading the log again without what failed: {fault}")
            except RequestFaultError as fault:
                self._say(f"reading the log again: {fault}")
            except Exception as bug:  # noqa: BLE001 - told, and counted
                self._count(bug)
            if asyncio.get_running_loop().time() - began > HEALTHY_S:
                self._wait_s, self._faults = RECOVER_WAIT_MIN_S, 0
            await self._pause()

    async def _connected(self) -> bool:
        """Wait for a connection; returns False when the engine is to stop."""
        ready = asyncio.ensure_future(self._ports.bus.ready())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({ready, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            stopping.cancel()
        return not self._stopping.is_set()

    def _count(self, bug: Exception) -> None:
        """Let a bug pass that may not come again. Raises BrokenError."""
        self._faults += 1
        if isinstance(bug, BrokenError) and not self._served:
            raise bug  # what is stored will not be another the next time
        if self._faults > FAULTS_MAX:
            raise BrokenError(f"the engine keeps failing: {in_words(bug)}") from bug
        self._say(f"reading the log again after a fault of the engine: {in_words(bug)}")

    def stop(self) -> None:
        """End `run` soon, with a last checkpoint."""
        self._stopping.set()

    def status(self) -> dict[str, Any]:
        """Return what health checks and `doctor` show."""
        document: dict[str, Any] = {
            "status": "serving" if self.serving.is_set() else "recovering",
            "partition": self.number,
            "recoveries": self._recoveries,
        }
        pump = self._pump
        if pump is not None and self.serving.is_set():
            partition = pump.partition
            document |= {
                "epoch": pump.epoch,
                "runs": len(partition.runs),
                "aside": len(partition.aside),
                "workers": partition.dispatcher.worker_count,
                "waiting": partition.dispatcher.waiting_count,
                "held": partition.dispatcher.held_count,
                "gates": partition.gates.held_count + partition.gates.pending_count,
                "timers": len(partition.timers),
                "listeners": partition.listener_count,
                "mailbox": len(partition.mailbox),
                "errands": len(self._errands) if self._errands is not None else 0,
                "pending_events": partition.outbox.pending_events,
                "commits": pump.commits,
                "events": pump.events,
            }
        return document

    async def _pause(self) -> None:
        """Wait before the next try, each time longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                await self._stopping.wait()
        self._wait_s = min(self._wait_s * 2, RECOVER_WAIT_MAX_S)

    async def _serve_once(self, began: float) -> None:
        ports = self._ports
        self._served = False
        await self._programs.open()
        secret = await ports.programs.secret()
        found = await recover(ports.log, ports.snapshots, ports.feed, self._programs, self._parked)
        self._errands = errands = Errands(self._perform, self._say)
        pump, checkpointer = self._prepare(found, errands)
        self._tell(found, asyncio.get_running_loop().time() - began)
        self._service.attach(pump.partition, pump.epoch, secret)
        self._served = True
        self.serving.set()
        quiet = False
        try:
            quiet = await self._until_over(pump)
        finally:
            self.serving.clear()
            self._service.detach()
            await errands.close()
            await checkpointer.close()
        if quiet:
            await checkpointer.save_now(pump.partition)

    async def _perform(self, errand: Errand) -> bool:
        return await peers.perform(self._service, errand)

    def _prepare(self, found: Recovered, errands: Errands) -> tuple[Pump, Checkpointer]:
        """Put together what serves a recovered partition. Raises RunFaultError."""
        ports, clock, ownership = self._ports, self._clock, found.ownership
        wake, rearm = asyncio.Event(), asyncio.Event()
        partition = Partition(self.number, found.contents, ownership.offset, wake.set, rearm.set)
        checkpointer = Checkpointer(
            snapshots=ports.snapshots, log=ports.log, feed=ports.feed, clock=clock, say=self._say
        )
        self._begin(checkpointer, found)
        resume(partition, clock.now_ms())
        self._pump = Pump(
            partition,
            ownership.epoch,
            log=ports.log,
            feed=ports.feed,
            bus=ports.bus,
            clock=clock,
            checkpointer=checkpointer,
            errands=errands,
            wake=wake,
            rearm=rearm,
            say=self._say,
        )
        return self._pump, checkpointer

    async def _until_over(self, pump: Pump) -> bool:
        """Return on `stop`, with whether all decisions are committed; raise what ends it before."""
        committing = asyncio.create_task(pump.commit_forever())
        working: list[asyncio.Task[None]] = [
            committing,
            asyncio.create_task(pump.keep_time()),
            asyncio.create_task(self._lose_connection()),
        ]
        if self._keep_ms is not None:
            working.append(asyncio.create_task(purging.keep(self._service, self._keep_ms)))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not any(task.done() for task in working):
                self._service.detach()
                await self._drain(pump, committing)
            for task in working:
                if task.done():
                    task.result()
            return pump.quiet
        finally:
            for waiting in (*working, stopping):
                waiting.cancel()
            await asyncio.gather(*working, stopping, return_exceptions=True)

    async def _drain(self, pump: Pump, committing: "asyncio.Task[None]") -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while not pump.quiet and not committing.done():
                    await asyncio.sleep(0.01)

    async def _lose_connection(self) -> None:
        await self._ports.bus.lost()
        raise UncertainError("the connection to NATS was interrupted")

    def _begin(self, checkpointer: Checkpointer, found: Recovered) -> None:
        ownership = found.ownership
        checkpointer.begin(ownership.seq, ownership.offset, found.closed_total, found.stored)
        if found.folded:
            # What was folded now need not be folded again at the next start.
            checkpointer.advanced(ownership.seq, found.folded, ownership.offset)

    def _tell(self, found: Recovered, took_s: float) -> None:
        self._recoveries += 1
        self._parked = {r: why for r, why in self._parked.items() if r in found.contents.aside}
        reasons = Counter(aside.reason for aside in found.contents.aside.values())
        for reason, count in reasons.items():
            if reason not in self._told:
                self._told.add(reason)
                self._say(f"{count} runs are set aside, the rest is served: {reason}")
        if not (found.ownership.offset or self._recoveries > 1):
            return
        self._say(
            f"recovered {len(found.contents.runs)} live runs in {took_s * 1000:.0f} ms: "
            f"{found.folded} events folded, {found.republished} published again"
        )
