"""The commit loop of a partition: one append in flight, effects after its acknowledgement.

While an append is on its way, inputs go on being applied and gather for the next one: the slower
the disk, the larger the commits. After the acknowledgement answers and tasks leave at once; the
history of a commit is published while the next one is in flight, for people can wait and workers
should not.
"""

import asyncio
from collections.abc import Callable

import msgspec

from dagnats.engine import housekeeping, intake, shop
from dagnats.engine.book import Live
from dagnats.engine.checkpoint import Checkpointer
from dagnats.engine.errands import Errands
from dagnats.engine.faults import RunFaultError
from dagnats.engine.outbox import Group
from dagnats.engine.partition import Partition
from dagnats.errors import BrokenError, UnavailableError
from dagnats.ir.program import AgentLoopNode
from dagnats.machine.bounds import left
from dagnats.machine.dispatch import Ticket
from dagnats.machine.values import marker
from dagnats.ports import Bus, Clock, EventLog, HistoryFeed
from dagnats.wire import subjects
from dagnats.wire.api import Ended
from dagnats.wire.tasks import (
    MESSAGE_BYTES_MAX,
    TASKS_PER_MESSAGE_MAX,
    Deliver,
    Held,
    Task,
)

SWEEP_MS = 500
FRESH_S = 0.15
"""History is published so soon after its commit: who takes over waits for it longer (SETTLE_S)."""
REFILL_MIN_MS = 5
"""Deliveries that wait for a rate limit are looked at no more often."""
RETRY_MIN_S = 0.1
RETRY_MAX_S = 5.0

_encode = msgspec.json.Encoder().encode


class Pump:
    """Commits what a partition decides and sends what follows, until it fails or is cancelled."""

    def __init__(  # noqa: PLR0913 (a partition and its ports)
        self,
        partition: Partition,
        epoch: int,
        *,
        log: EventLog,
        feed: HistoryFeed,
        bus: Bus,
        clock: Clock,
        checkpointer: Checkpointer,
        errands: Errands,
        wake: asyncio.Event,
        rearm: asyncio.Event,
        say: Callable[[str], None],
    ) -> None:
        self.partition = partition
        self.epoch = epoch
        self.quiet = False
        """Whether everything that was taken is stored and said."""
        self.commits = 0
        self.events = 0
        self._log = log
        self._feed = feed
        self._bus = bus
        self._clock = clock
        self._checkpointer = checkpointer
        self._errands = errands
        self._wake = wake
        self._rearm = rearm
        self._say = say

    async def commit_forever(self) -> None:
        """Commit group after group. Raises FencedError, UncertainError, RunFaultError."""
        unpublished: Group | None = None
        while True:
            # Let everything that has arrived by now be applied first: larger commits.
            await asyncio.sleep(0)
            now = self._clock.now_ms()
            put_off = self.partition.go_on(now)
            shop.assign(self.partition, now)
            if self.partition.fault is not None:
                raise self.partition.fault
            group = self.partition.outbox.take()
            if group is None:
                if unpublished is not None:
                    await self._publish(unpublished)
                    unpublished = None
                    continue
                if put_off:
                    continue
                self._wake.clear()
                self.quiet = True
                await self._wait()
                self.quiet = False
                continue
            unpublished = await self._commit(group, unpublished)

    async def keep_time(self) -> None:
        """Act on timers when they are due, and on leases twice a second."""
        sweep_at = self._clock.now_ms() + SWEEP_MS
        while True:
            now = self._clock.now_ms()
            if now >= sweep_at:
                shop.sweep(self.partition, now)
                housekeeping.tidy(self.partition, now)
                sweep_at = now + SWEEP_MS
            intake.tick(self.partition, now)
            due = self._next_due(now)
            until = sweep_at if due is None else min(due, sweep_at)
            self._rearm.clear()
            try:
                async with asyncio.timeout(max(0, until - self._clock.now_ms()) / 1000):
                    await self._rearm.wait()
            except TimeoutError:
                continue

    def _next_due(self, now: int) -> int | None:
        """Return when time has something to do: for a run, or for a delivery that waits."""
        partition = self.partition
        refill = partition.dispatcher.due_ms()
        if refill is not None and refill <= now:
            partition.wake()
            refill = now + REFILL_MIN_MS
        due = partition.timers.next_due()
        return refill if due is None else due if refill is None else min(due, refill)

    async def _wait(self) -> None:
        """Sleep until there is work; meanwhile a checkpoint may fall due."""
        if not self._checkpointer.overdue_in_s:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(self._checkpointer.overdue_in_s):
                await self._wake.wait()
        except TimeoutError:
            await self._checkpointer.save_idle(self.partition)

    async def _commit(self, group: Group, unpublished: Group | None) -> Group | None:
        if not group.lines:
            if group.answers:
                # What is said rests on no append: it is true only if nobody has replaced us.
                await self._log.verify()
            await self._release(group)
            return unpublished
        checkpoint = self._checkpointer.capture(self.partition)
        group.begun_at = self._now_s()
        append = asyncio.ensure_future(self._append(group))
        try:
            if unpublished is not None:
                await self._publish(unpublished)
            seq = await append
        finally:
            append.cancel()
        self.commits += 1
        self.events += len(group.lines)
        self._checkpointer.advanced(seq, len(group.lines), group.offset + len(group.lines))
        await self._release(group)
        if checkpoint is not None:
            self._checkpointer.save(checkpoint, seq)
        return group

    async def _publish(self, group: Group) -> None:
        """Publish the history of a group that is stored: at once, or as the owner we still are.

        Whoever was frozen since may have been replaced, and who replaced it has published this.
        Raises FencedError, UncertainError.
        """
        if self._now_s() - group.begun_at > FRESH_S:
            await self._log.verify()
        await self._feed.publish(group.run_ids, group.lines)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def _append(self, group: Group) -> int:
        """Store a group, however long it takes.

        Raises RunFaultError for the run whose decision no message can hold.
        """
        wait = RETRY_MIN_S
        while True:
            try:
                return await self._log.append(group.offset, group.lines)
            except UnavailableError as full:
                # Nothing was stored and nothing is lost: all that was decided waits here.
                self._say(f"cannot write the log, trying again: {full}")
                await asyncio.sleep(wait)
                wait = min(wait * 2, RETRY_MAX_S)
            except BrokenError as large:
                if len(set(group.run_ids)) > 1:
                    raise
                raise RunFaultError({group.run_ids[0]: str(large)}) from large

    async def _release(self, group: Group) -> None:
        for subject, payload in group.answers:
            await self._send(subject, payload)
        if group.deliveries or group.accepted or group.cancels:
            await self._release_to_workers(group)
        for errand in group.errands:
            self._errands.send(errand)
        for subject, ended in group.ended.items():
            for payload in _notices(ended):
                await self._send(subject, payload)

    async def _send(self, subject: str, payload: bytes) -> None:
        """Send, unless that is never possible: one message must not stop all others."""
        try:
            await self._bus.publish(subject, payload)
        except BrokenError as wrong:
            self._say(f"cannot send: {wrong}")

    async def _release_to_workers(self, group: Group) -> None:
        for worker_id in {**group.deliveries, **group.accepted, **group.cancels}:
            subject = subjects.worker(worker_id)
            tasks = self._tasks(group.deliveries.get(worker_id, ()))
            accepted = list(group.accepted.get(worker_id, ()))
            cancels = group.cancels.get(worker_id, [])
            for payload in self._messages(tasks, accepted, cancels):
                await self._send(subject, payload)

    def _tasks(self, tickets: list[Ticket] | tuple[()]) -> list[Task]:
        runs = self.partition.runs
        tasks = []
        for ticket in tickets:
            live = runs.get(ticket.run_id)
            # Else it has ended while this was stored, or has begun anew: nobody waits for a result.
            if live is not None and live.state.life == ticket.life:
                tasks.append(_task(live, ticket))
        return tasks

    def _messages(
        self, tasks: list[Task], accepted: list[Held], cancels: list[Held]
    ) -> list[bytes]:
        """Return what a worker is to hear in as few messages as it takes.

        Receipts and cancellations first: a task may be the next delivery of what is cancelled.
        """
        most, head = TASKS_PER_MESSAGE_MAX, (self.partition.number, self.epoch)
        if max(len(tasks), len(accepted), len(cancels)) <= most:
            whole = _encode(Deliver(*head, tasks, accepted, cancels))
            if len(whole) <= MESSAGE_BYTES_MAX:
                return [whole]
        receipts = [
            _encode(Deliver(*head, [], accepted[at : at + most], cancels[at : at + most]))
            for at in range(0, max(len(accepted), len(cancels)), most)
        ]
        return receipts + self._task_messages(tasks)

    def _task_messages(self, tasks: list[Task]) -> list[bytes]:
        if len(tasks) <= TASKS_PER_MESSAGE_MAX:
            whole = _encode(Deliver(self.partition.number, self.epoch, tasks))
            if len(whole) <= MESSAGE_BYTES_MAX or len(tasks) == 1:
                return [whole] if tasks else []
        half = len(tasks) // 2
        return self._task_messages(tasks[:half]) + self._task_messages(tasks[half:])


def _task(live: Live, ticket: Ticket) -> Task:
    node, state = ticket.node, live.state
    secrets: dict[str, str] = {}
    nonce = state.birth.get("nonce")
    if nonce:
        secrets = {name: marker(nonce, name) for name in live.program.program.secrets}
    budget: dict[str, float] = {}
    if ticket.iteration and isinstance(node, AgentLoopNode) and node.budget is not None:
        loop = state.loops.get(ticket.step)
        budget = left(node.budget, loop.usage if loop is not None else {})
    return Task(
        ticket.run_id,
        ticket.step,
        ticket.attempt,
        node.task,
        state.workflow,
        node.timeout_ms,
        ticket.delivery,
        ticket.iteration,
        ticket.input,
        ticket.loop_state,
        node.heartbeat_timeout_ms,
        secrets,
        budget,
        state.life,
        state.generation,
    )


def _notices(ended: list[Ended]) -> list[bytes]:
    """Return the ends of runs in as few messages as it takes."""
    whole = _encode(ended)
    if len(whole) <= MESSAGE_BYTES_MAX or len(ended) == 1:
        return [whole]
    half = len(ended) // 2
    return _notices(ended[:half]) + _notices(ended[half:])
