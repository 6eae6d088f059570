"""Messages in: what clients and workers ask of a partition, decoded and answered.

Whatever is answered about runs goes through the outbox, so that it is said only once the events it
rests on are stored.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from dagnats.engine import ingress, views
from dagnats.engine.faults import RequestFaultError, RunFaultError, in_words
from dagnats.engine.ingress import decoded
from dagnats.engine.partition import LEASE_MS, Partition, check_same
from dagnats.engine.programs import Loaded, Programs
from dagnats.errors import BrokenError, RefusedError, UnavailableError, UncertainError
from dagnats.machine import inputs as i
from dagnats.machine.events import RunStarted, decode
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState, replay
from dagnats.ports import Bus, Clock, HistoryFeed
from dagnats.wire import api, subjects, tasks

LIST_MAX = 1_000
RESULTS_AT_ONCE = 100
"""Of a larger message, so many results are decided before an append of them may begin."""
TURNS_TO_APPEND = 4
"""Turns of the event loop from a decision to the append that stores it."""

_encode = msgspec.json.Encoder().encode
_decode_register = msgspec.json.Decoder(api.RegisterWorkflow).decode
_decode_show = msgspec.json.Decoder(api.ShowWorkflow).decode
_decode_start = msgspec.json.Decoder(api.StartRun).decode
_decode_get = msgspec.json.Decoder(api.GetRun).decode
_decode_list = msgspec.json.Decoder(api.ListRuns).decode
_decode_cancel = msgspec.json.Decoder(api.CancelRun).decode
_decode_beat = msgspec.json.Decoder(tasks.Beat).decode
_decode_hello = msgspec.json.Decoder(tasks.Hello).decode
_decode_bye = msgspec.json.Decoder(tasks.Bye).decode

Operation = Callable[[bytes, str], Awaitable[None]]


class Service:
    """Handles every message while its partition stands; `busy` before and after.

    What cannot be handled is refused, and told to the operator. When nobody knows what has been
    done of it, the handler raises besides, and the partition is to be read again.
    """

    def __init__(  # noqa: PLR0913 (each by name)
        self,
        *,
        programs: Programs,
        feed: HistoryFeed,
        bus: Bus,
        clock: Clock,
        status: Callable[[], dict[str, Any]],
        say: Callable[[str], None],
    ) -> None:
        self._programs = programs
        self._feed = feed
        self._bus = bus
        self._clock = clock
        self._status = status
        self._tell_operator = say
        self._told = ""
        self._partition: Partition | None = None
        self._epoch = 0

    def attach(self, partition: Partition, epoch: int) -> None:
        """Serve a recovered partition."""
        self._partition, self._epoch = partition, epoch

    def detach(self) -> None:
        """Answer `busy` until a partition is there again."""
        self._partition = None

    async def listen(self, number: int) -> None:
        """Subscribe to everything that concerns the engine and partition `number`."""
        operations: list[tuple[str, Operation, bool]] = [
            (subjects.api("workflow.register"), self._register, False),
            (subjects.api("workflow.list"), self._list_workflows, False),
            (subjects.api("workflow.show"), self._show_workflow, False),
            (subjects.api("run.start"), self._start, True),
            (subjects.api("run.get"), self._get, False),
            (subjects.api("run.list"), self._list_runs, False),
            (subjects.api("run.cancel"), self._cancel, True),
            (subjects.api("status"), self._show_status, False),
            (subjects.engine(number, "results"), self._results, True),
            (subjects.engine(number, "beat"), self._beat, True),
            (subjects.engine(number, "bye"), self._bye, True),
            (subjects.HELLO, self._hello, True),
        ]
        for subject, operation, changes in operations:
            await self._bus.subscribe(subject, self._guarded(subject, operation, changes=changes))

    def _guarded(self, subject: str, operation: Operation, *, changes: bool) -> Operation:
        """Return `operation` with its failures answered; `changes` says whether it decides."""

        async def guarded(payload: bytes, reply: str) -> None:
            try:
                await operation(payload, reply)
            except RefusedError as no:
                await self._refuse(reply, no.code, str(no))
            except (UncertainError, UnavailableError, TimeoutError) as silent:
                await self._refuse(reply, "busy", f"JetStream does not answer: {silent}")
            except BrokenError as broken:
                await self._refuse(reply, "unavailable", str(broken))
                self._tell(f"cannot answer `{subject}`: {broken}")
            except Exception as bug:  # noqa: BLE001 - a request must not end the engine
                await self._fail(subject, reply, bug, changes=changes)

        return guarded

    def _tell(self, line: str) -> None:
        """Tell the operator, and not each time that the same is asked again."""
        if line != self._told:
            self._told = line
            self._tell_operator(line)

    async def _fail(self, subject: str, reply: str, bug: Exception, *, changes: bool) -> None:
        """Refuse what failed in a way nobody foresaw."""
        words = f"a fault of the engine on `{subject}`: {in_words(bug)}"
        if not changes:
            self._tell(words)
            await self._refuse(reply, "unavailable", words)
            return
        # Nothing more may be decided on what is perhaps half done.
        self.detach()
        with contextlib.suppress(Exception):
            await self._refuse(reply, "unavailable", words)
        raise bug if isinstance(bug, RunFaultError) else RequestFaultError(words) from bug

    async def _refuse(self, reply: str, code: str, message: str, details: Any = None) -> None:
        if not reply:
            return
        answer = api.Answer(error=api.ApiError(code, message, details))
        try:
            await self._bus.publish(reply, _encode(answer))
        except BrokenError as wrong:
            self._tell(f"cannot refuse: {wrong}")

    async def _say(self, reply: str, document: Any) -> None:
        """Answer at once: for what does not rest on uncommitted events."""
        if reply:
            await self._bus.publish(reply, self._fitting(document))

    def _answer(self, partition: Partition, reply: str, document: Any) -> None:
        """Answer after the commit of all that has been decided so far."""
        if reply:
            partition.answer(reply, self._fitting(document))

    def _fitting(self, document: Any) -> bytes:
        """Return an answer, encoded. Raises RefusedError `invalid` when no message can hold it."""
        answer = _encode(api.Answer(ok=document))
        if len(answer) > self._bus.bytes_max:
            raise RefusedError(
                "invalid",
                f"the answer has {len(answer)} bytes, a message holds {self._bus.bytes_max}"
                " (the server's max_payload)",
            )
        return answer

    def _owned(self) -> Partition:
        if self._partition is None:
            raise RefusedError("busy", "the engine is reading its log; ask again")
        return self._partition

    def _open(self) -> Partition:
        """Return the partition if it has room for another answer."""
        partition = self._owned()
        if partition.full:
            raise RefusedError("busy", partition.full)
        return partition

    # ── workflows ────────────────────────────────────────────────────────────────────────────────

    async def _register(self, payload: bytes, reply: str) -> None:
        request = decoded(_decode_register, payload)
        alias, created = await self._programs.register(bytes(request.program), self._clock.now_ms())
        await self._say(reply, {"name": alias.name, "digest": alias.digest, "created": created})

    async def _list_workflows(self, _payload: bytes, reply: str) -> None:
        await self._say(reply, [msgspec.to_builtins(a) for a in self._programs.aliases()])

    async def _show_workflow(self, payload: bytes, reply: str) -> None:
        request = decoded(_decode_show, payload)
        loaded = await self._programs.find(request.name)
        program = loaded.prepared
        await self._say(
            reply,
            {
                "name": program.program.name,
                "digest": program.digest,
                "program": msgspec.Raw(loaded.data),
            },
        )

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    async def _start(self, payload: bytes, reply: str) -> None:
        request = decoded(_decode_start, payload)
        partition = self._owned()
        if partition.busy:
            raise RefusedError("busy", partition.busy)
        loaded = self._programs.known(request.workflow)
        if loaded is None:
            loaded = await self._programs.find(request.workflow)
            partition = self._owned()
        _check_start(loaded, request, payload)
        program = loaded.prepared
        if not partition.remembers_all:
            if await self._ended_long_ago(partition, request.run_id, program):
                await self._say(reply, {"run_id": request.run_id, "created": False})
                return
            partition = self._owned()
        start = i.StartRun(
            at=self._clock.now_ms(),
            run_id=request.run_id,
            digest=program.digest,
            input=request.input,
        )
        created = partition.start(program, start, request.notify)
        status = partition.status_of(request.run_id)
        document = {"run_id": request.run_id, "status": status, "created": created}
        self._answer(partition, reply, document)

    async def _ended_long_ago(self, partition: Partition, run_id: str, program: Prepared) -> bool:
        """Whether a run ended before all that the partition lists."""
        if partition.status_of(run_id) or partition.is_younger(run_id):
            return False
        last = await self._feed.last_event(run_id)
        if last is None:
            return False
        check_same(run_id, decode(last).workflow, program)
        return True

    async def _get(self, payload: bytes, reply: str) -> None:
        request = decoded(_decode_get, payload)
        partition = self._open()
        run_id = partition.find(request.run_id)
        partition.check_able(run_id)
        live = partition.runs.get(run_id)
        if live is not None:
            workers = partition.workers(live.program)
            self._answer(partition, reply, views.run_document(live.program, live.state, workers))
            return
        program, state = await self._closed_state(partition, run_id)
        await self._say(reply, views.run_document(program, state, {}))

    async def _closed_state(self, partition: Partition, run_id: str) -> tuple[Prepared, RunState]:
        """Return an ended run with its program, folded from its history."""
        known = partition.closed.get(run_id)
        lines = await self._feed.read_run(run_id) if ingress.RUN_ID.fullmatch(run_id) else ()
        if not lines and known is None:
            raise RefusedError("not_found", f"no run `{run_id}`")
        try:
            events = [decode(line) for line in lines]
        except msgspec.DecodeError as wrong:
            raise BrokenError(f"the history of `{run_id}` is damaged: {wrong}") from wrong
        if not events or (known is not None and events[-1].seq < known.seq):
            raise RefusedError("busy", f"the history of `{run_id}` is still being written")
        first = events[0]
        whole = all(event.seq == seq for seq, event in enumerate(events, 1))
        if not whole or not isinstance(first, RunStarted):
            raise BrokenError(f"the history of `{run_id}` has gaps or repeats: it cannot be folded")
        program = await self._programs.pinned(first.payload["digest"])
        return program, replay(program, events)

    async def _list_runs(self, payload: bytes, reply: str) -> None:
        request = decoded(_decode_list, payload or b"{}")
        partition = self._open()
        limit = min(request.limit, LIST_MAX)
        self._answer(partition, reply, partition.rows(request.workflow, request.status, limit))

    async def _cancel(self, payload: bytes, reply: str) -> None:
        request = decoded(_decode_cancel, payload)
        partition = self._open()
        run_id = partition.find(request.run_id)
        partition.check_able(run_id)
        partition.cancel(run_id, request.reason, self._clock.now_ms())
        status = partition.status_of(run_id)
        if not status:
            raise RefusedError("not_found", f"no run `{run_id}`")
        self._answer(partition, reply, {"run_id": run_id, "status": status})

    async def _show_status(self, _payload: bytes, reply: str) -> None:
        await self._say(reply, self._status())

    # ── workers ──────────────────────────────────────────────────────────────────────────────────

    async def _hello(self, payload: bytes, reply: str) -> None:
        partition = self._partition
        if partition is None or not reply:
            return  # the worker asks again
        try:
            hello = decoded(_decode_hello, payload)
            problem = ingress.hello_problem(hello)
        except RefusedError as wrong:
            problem = str(wrong)
        if problem:
            refusal = tasks.Welcome(partition.number, self._epoch, LEASE_MS, problem)
            await self._bus.publish(reply, _encode(refusal))
            return
        concurrency = max(1, min(hello.concurrency, tasks.CREDIT_MAX))
        # The answer first: nothing may be delivered to a worker that does not know the epoch yet.
        welcome = tasks.Welcome(partition.number, self._epoch, LEASE_MS)
        await self._bus.publish(reply, _encode(welcome))
        now = self._clock.now_ms()
        partition.say_hello(hello.worker_id, hello.tasks, concurrency, hello.held, now)

    async def _results(self, payload: bytes, _reply: str) -> None:
        if self._partition is None:
            return  # the worker sends them again
        message = ingress.decode_results(payload)
        if message is None:
            return  # not a worker of ours; what it holds will be delivered again
        for begin in range(0, len(message.results), RESULTS_AT_ONCE):
            if begin:
                await _let_append_begin()
            part = message.results[begin : begin + RESULTS_AT_ONCE]
            self._take_results(message.worker_id, part)

    def _take_results(self, worker_id: str, results: list[tasks.Result]) -> None:
        if self._partition is not None:  # otherwise the worker sends them again
            self._partition.take_results(worker_id, results, self._clock.now_ms())

    async def _beat(self, payload: bytes, _reply: str) -> None:
        partition = self._partition
        if partition is None:
            return
        message = decoded(_decode_beat, payload)
        if not ingress.is_subject(message.worker_id):
            return
        if not partition.beat(message.worker_id, message.held, self._clock.now_ms()):
            ask = tasks.Deliver(partition.number, self._epoch, hello=True)
            await self._bus.publish(subjects.worker(message.worker_id), _encode(ask))

    async def _bye(self, payload: bytes, _reply: str) -> None:
        if self._partition is not None:
            self._partition.dispatcher.unseat(decoded(_decode_bye, payload).worker_id)


def _check_start(loaded: Loaded, request: api.StartRun, payload: bytes) -> None:
    ingress.check_run_id(request.run_id)
    ingress.check_notify(request.notify)
    ingress.check_input(request.input, payload)
    wrong = loaded.complaints(request.input)
    if wrong:
        name = loaded.prepared.program.name
        raise RefusedError("invalid", f"input of `{name}`: " + "; ".join(wrong))


async def _let_append_begin() -> None:
    """Let what is decided so far be on its way to the log while the rest is decided.

    Otherwise many runs in step would take turns with the disk instead of sharing their time: 13 %
    more runs per second at 200 in flight (benchmarks/README.md).
    """
    for _ in range(TURNS_TO_APPEND):
        await asyncio.sleep(0)
