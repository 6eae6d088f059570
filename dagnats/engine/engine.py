"""The life of an engine: recover, serve, and on any doubt drop everything and recover again.

There is one way to handle a lost connection, an append of unknown outcome or a bug in here: forget
the partition in memory and read it again from the log. Only fencing ends the engine: somebody else
owns the partition now, and two owners that took turns would serve nobody.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dagnats.engine.checkpoint import Checkpointer
from dagnats.engine.partition import Partition
from dagnats.engine.programs import Programs
from dagnats.engine.pump import Pump
from dagnats.engine.recovery import Recovered, recover
from dagnats.engine.service import Service
from dagnats.errors import UnavailableError, UncertainError
from dagnats.ports import Bus, Clock, EventLog, HistoryFeed, ProgramStore, Snapshots

RECOVER_WAIT_MIN_S = 0.05
RECOVER_WAIT_MAX_S = 2.0
DRAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The world as one engine sees it."""

    log: EventLog
    snapshots: Snapshots
    feed: HistoryFeed
    programs: ProgramStore
    bus: Bus
    clock: Clock


class Engine:
    """Owns one partition. `say` hears what an operator should know, a line at a time."""

    def __init__(self, number: int, ports: Ports, say: Callable[[str], None]) -> None:
        self.number = number
        self.serving = asyncio.Event()
        self._ports = ports
        self._say = say
        self._programs = Programs(ports.programs)
        self._pump: Pump | None = None
        self._recoveries = 0
        self._stopping = asyncio.Event()
        self._service = Service(
            programs=self._programs,
            feed=ports.feed,
            bus=ports.bus,
            clock=ports.clock,
            status=self.status,
        )

    async def run(self) -> None:
        """Serve until `stop`. Raises FencedError when another engine has taken the partition."""
        await self._service.listen(self.number)
        wait = RECOVER_WAIT_MIN_S
        while not self._stopping.is_set():
            try:
                await self._ports.bus.ready()
                began = time.monotonic()
                await self._serve_once(began)
                wait = RECOVER_WAIT_MIN_S
            except (UncertainError, UnavailableError) as doubt:
                self._say(f"reading the log again: {doubt}")
                await self._pause(wait)
                wait = min(wait * 2, RECOVER_WAIT_MAX_S)

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
                "workers": partition.dispatcher.worker_count,
                "waiting": partition.dispatcher.waiting_count,
                "held": partition.dispatcher.held_count,
                "pending_events": partition.outbox.pending_events,
                "commits": pump.commits,
                "events": pump.events,
            }
        return document

    async def _pause(self, wait: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._stopping.wait()

    async def _serve_once(self, began: float) -> None:
        ports = self._ports
        await self._programs.open()
        found = await recover(ports.log, ports.snapshots, ports.feed, self._programs)
        wake, rearm = asyncio.Event(), asyncio.Event()
        partition = Partition(
            self.number, found.runs, found.closed, found.ownership.offset, wake.set, rearm.set
        )
        checkpointer = Checkpointer(
            snapshots=ports.snapshots,
            log=ports.log,
            feed=ports.feed,
            clock=ports.clock,
            say=self._say,
        )
        self._begin(checkpointer, found)
        partition.resume(ports.clock.now_ms())
        pump = self._pump = Pump(
            partition,
            found.ownership.epoch,
            log=ports.log,
            feed=ports.feed,
            bus=ports.bus,
            clock=ports.clock,
            checkpointer=checkpointer,
            wake=wake,
            rearm=rearm,
            say=self._say,
        )
        self._tell(found, time.monotonic() - began)
        self._service.attach(partition, pump.epoch)
        self.serving.set()
        try:
            await self._until_over(pump)
        finally:
            self.serving.clear()
            self._service.detach()
            await checkpointer.close()
        await checkpointer.save_now(partition)

    async def _until_over(self, pump: Pump) -> None:
        """Return on `stop` once all decisions are committed; raise what ends the partition."""
        committing = asyncio.create_task(pump.commit_forever())
        working: list[asyncio.Task[None]] = [
            committing,
            asyncio.create_task(pump.keep_time()),
            asyncio.create_task(self._lose_connection()),
        ]
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not any(task.done() for task in working):
                self._service.detach()
                await self._drain(pump, committing)
            for task in working:
                if task.done():
                    task.result()
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
        if not (found.ownership.offset or self._recoveries > 1):
            return
        self._say(
            f"recovered {len(found.runs)} live runs in {took_s * 1000:.0f} ms: "
            f"{found.folded} events folded, {found.republished} published again"
        )
