"""Engines on shared storage in memory; worker and client repeat what is not answered."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from dagnats.compiler.pipeline import compile_workflow
from dagnats.engine.engine import Engine, Ports
from dagnats.engine.records import PARTITION, decode
from dagnats.errors import DagnatsError
from dagnats.ir import codec
from dagnats.machine.prepared import Prepared, prepare
from dagnats.machine.state import END_STATUSES
from dagnats.planning import plan
from dagnats.testing.memory import (
    Fault,
    ManualClock,
    MemoryBus,
    MemoryCheckpoints,
    MemoryFeed,
    MemoryLog,
    MemoryNetwork,
    MemoryPrograms,
    MemorySnapshots,
    Storage,
    no_fault,
)
from dagnats.testing.payloads import MemoryPayloads
from dagnats.wire import subjects, tasks

REPEAT_S = 0.02
END_S = 20.0

Work = Callable[[tasks.Task], tasks.Result | None]


class Crash(BaseException):
    """A power switch: nothing in the engine may catch it."""


def echo(task: tasks.Task) -> tasks.Result:
    """Answer a task with its input."""
    return result_of(task, output=task.input)


def result_of(task: tasks.Task, **more: Any) -> tasks.Result:
    """Return the end of a delivery."""
    return tasks.Result(
        task.run_id,
        task.step,
        task.attempt,
        task.delivery,
        task.iteration,
        life=task.life,
        **more,
    )


class RealClock(ManualClock):
    """Time as it passes, plus what a test adds."""

    def __init__(self) -> None:
        super().__init__(0)

    def now_ms(self) -> int:
        """Return real time moved by `at_ms`."""
        return time.time_ns() // 1_000_000 + self.at_ms


class Worker:
    """The worker's side of the native lane: keeps results until they are accepted."""

    def __init__(self, network: MemoryNetwork, names: list[str], work: Work = echo) -> None:
        self.network = network
        self.names = names
        self.work = work
        self.unanswered: dict[tuple[str, str, int, int], tasks.Result] = {}
        self.epoch = 0
        self.executed: list[str] = []
        network.listen(subjects.worker("w1"), self.on_deliver)

    async def live(self) -> None:
        """Say hello and repeat results, until cancelled."""
        inbox = self.network.inbox()
        self.network.listen(inbox, self.on_welcome)
        while True:
            held = [
                tasks.Held(r.run_id, r.step, r.attempt, r.delivery, r.iteration, r.life)
                for r in self.unanswered.values()
            ]
            hello = tasks.Hello("w1", self.names, 100, held)
            await self.network.send(subjects.HELLO, msgspec.json.encode(hello), inbox)
            await self.send()
            await asyncio.sleep(REPEAT_S)

    async def on_welcome(self, payload: bytes, _reply: str) -> None:
        """Learn the epoch."""
        self.epoch = max(self.epoch, msgspec.json.decode(payload, type=tasks.Welcome).epoch)

    async def on_deliver(self, payload: bytes, _reply: str) -> None:
        """Do the tasks at once, unless they come from an engine of the past."""
        message = msgspec.json.decode(payload, type=tasks.Deliver)
        if message.epoch < self.epoch:
            return
        self.epoch = message.epoch
        for held in message.accepted:
            self.unanswered.pop((held.run_id, held.step, held.attempt, held.iteration), None)
        for task in message.tasks:
            self.executed.append(f"{task.run_id}/{task.step}/{task.attempt}/{task.delivery}")
            result = self.work(task)
            if result is not None:
                key = (task.run_id, task.step, task.attempt, task.iteration)
                self.unanswered[key] = result
        if message.tasks:
            asyncio.get_running_loop().call_soon(self._send_soon)

    def _send_soon(self) -> None:
        self.sending = asyncio.ensure_future(self.send())

    async def send(self) -> None:
        """Send everything that was not accepted."""
        if self.unanswered:
            results = tasks.Results("w1", list(self.unanswered.values()))
            await self.network.send(subjects.engine(0, "results"), msgspec.json.encode(results))


class Cluster:
    """Storage, a network, and engines that come and go."""

    def __init__(self, workflow: str, work: Work = echo) -> None:
        self.storage = Storage()
        self.network = MemoryNetwork()
        self.clock = RealClock()
        self.payloads = MemoryPayloads()
        self.keep_ms: int | None = None
        compiled = compile_workflow(workflow, "test.yaml")
        assert compiled.program is not None, compiled.diagnostics
        self.document = codec.encode(compiled.program)
        self.digest = codec.digest(compiled.program)
        self.name = compiled.program.name
        self.prepared: Prepared = prepare(compiled.program, self.digest)
        names = sorted(self.prepared.tasks)
        self.worker = Worker(self.network, names, work)
        self.said: list[str] = []
        self._engines: list[tuple[Engine, MemoryBus, asyncio.Task[None]]] = []
        self.working: asyncio.Task[None] | None = None

    def engine(self, fault: Fault = no_fault) -> tuple[Engine, MemoryBus, "asyncio.Task[None]"]:
        """Start an engine."""
        bus = MemoryBus(self.network)
        ports = Ports(
            MemoryLog(self.storage, fault),
            MemorySnapshots(self.storage, fault),
            MemoryFeed(self.storage, fault),
            MemoryPrograms(self.storage),
            MemoryCheckpoints(self.storage),
            bus,
            self.clock,
            self.payloads,
        )
        engine = Engine(0, ports, self.said.append, planning=plan, keep_ms=self.keep_ms)
        running = asyncio.ensure_future(engine.run())
        self._engines.append((engine, bus, running))
        return engine, bus, running

    @property
    def newest(self) -> tuple[Engine, MemoryBus, "asyncio.Task[None]"]:
        """Return what was started last."""
        return self._engines[-1]

    def start_worker(self) -> None:
        """Let the worker take part."""
        self.working = asyncio.ensure_future(self.worker.live())

    async def call(self, operation: str, **params: Any) -> Any:
        """Ask until somebody answers; raises DagnatsError on a refusal that is not `busy`."""
        answers: asyncio.Queue[Any] = asyncio.Queue()

        async def on_answer(payload: bytes, _reply: str) -> None:
            answers.put_nowait(msgspec.json.decode(payload))

        inbox = self.network.inbox()
        self.network.listen(inbox, on_answer)
        while True:
            await self.network.send(subjects.api(operation), msgspec.json.encode(params), inbox)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPEAT_S):
                    answer = await answers.get()
                    if "error" not in answer:
                        return answer.get("ok")
                    if answer["error"]["code"] != "busy":
                        raise DagnatsError(answer["error"]["message"])
                    await asyncio.sleep(REPEAT_S)

    async def register(self) -> None:
        """Register the workflow."""
        await self.call("workflow.register", program=msgspec.Raw(self.document))

    async def start(self, run_id: str, value: Any = None) -> Any:
        """Start a run."""
        return await self.call("run.start", workflow=self.name, run_id=run_id, input=value)

    async def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run and return it."""
        async with asyncio.timeout(END_S):
            while True:
                found = await self.call("run.get", run_id=run_id)
                if found["status"] in END_STATUSES:
                    return dict(found)
                await asyncio.sleep(REPEAT_S / 4)

    async def close(self) -> None:
        """End everything."""
        running = [task for _, _, task in self._engines]
        if self.working is not None:
            running.append(self.working)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def history(self, run_id: str) -> list[dict[str, Any]]:
        """Return the published events of a run."""
        return [msgspec.json.decode(line) for run, line in self.storage.history if run == run_id]

    def check_history(self) -> None:
        """Each event once, in order, as in the log; each run without a gap; replay fits."""
        published = [line for _, line in self.storage.history]
        logged = [line for entry, _ in self.storage.log for line in entry.lines]
        assert published == logged[-len(published) :] if published else not logged
        offsets = [int(msgspec.json.decode(line)["id"].partition("-")[2]) for line in published]
        assert offsets == list(range(len(offsets)))
        by_run: dict[str, list[int]] = {}
        for line in published:
            event = decode(line)
            if event.run_id == PARTITION:
                continue
            by_run.setdefault(event.run_id, []).append(event.seq)
        for seqs in by_run.values():
            assert seqs == list(range(1, len(seqs) + 1))


def play(test: Callable[[], Awaitable[None]]) -> None:
    """Run an async test."""
    asyncio.run(_bounded(test))


async def _bounded(test: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(60):
        await test()
