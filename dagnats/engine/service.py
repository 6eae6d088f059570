"""Messages in: what clients and workers ask of a partition, decoded and answered.

Whatever is answered about runs goes through the outbox, so that it is said only once the events it
rests on are stored.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from dagnats.engine import views
from dagnats.engine.partition import LEASE_MS, Partition
from dagnats.engine.programs import Loaded, Programs
from dagnats.errors import RefusedError
from dagnats.machine import inputs as i
from dagnats.machine.events import RunStarted, decode
from dagnats.machine.state import RunState, replay
from dagnats.ports import Bus, Clock, HistoryFeed
from dagnats.wire import api, subjects, tasks

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
LIST_MAX = 1_000
INPUT_BYTES_MAX = 1_000_000

_encode = msgspec.json.Encoder().encode
_start_decoder = msgspec.json.Decoder(api.StartRun)
_results_decoder = msgspec.json.Decoder(tasks.Results)
_beat_decoder = msgspec.json.Decoder(tasks.Beat)
_hello_decoder = msgspec.json.Decoder(tasks.Hello)
_bye_decoder = msgspec.json.Decoder(tasks.Bye)

Operation = Callable[[bytes, str], Awaitable[None]]


class Service:
    """Handles every message while its partition stands; `busy` before and after."""

    def __init__(
        self,
        *,
        programs: Programs,
        feed: HistoryFeed,
        bus: Bus,
        clock: Clock,
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._programs = programs
        self._feed = feed
        self._bus = bus
        self._clock = clock
        self._status = status
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
        operations: dict[str, Operation] = {
            "workflow.register": self._register,
            "workflow.list": self._list_workflows,
            "workflow.show": self._show_workflow,
            "run.start": self._start,
            "run.get": self._get,
            "run.list": self._list_runs,
            "run.cancel": self._cancel,
            "status": self._show_status,
        }
        for name, operation in operations.items():
            await self._bus.subscribe(subjects.api(name), self._guarded(operation))
        await self._bus.subscribe(subjects.engine(number, "results"), self._results)
        await self._bus.subscribe(subjects.engine(number, "beat"), self._beat)
        await self._bus.subscribe(subjects.engine(number, "bye"), self._bye)
        await self._bus.subscribe(subjects.HELLO, self._hello)

    def _guarded(self, operation: Operation) -> Operation:
        async def guarded(payload: bytes, reply: str) -> None:
            try:
                await operation(payload, reply)
            except RefusedError as no:
                await self._refuse(reply, no.code, str(no))
            except msgspec.ValidationError as wrong:
                await self._refuse(reply, "invalid", f"malformed request: {wrong}")
            except msgspec.DecodeError as wrong:
                await self._refuse(reply, "invalid", f"the request is not JSON: {wrong}")

        return guarded

    async def _refuse(self, reply: str, code: str, message: str, details: Any = None) -> None:
        if reply:
            answer = api.Answer(error=api.ApiError(code, message, details))
            await self._bus.publish(reply, _encode(answer))

    async def _say(self, reply: str, document: Any) -> None:
        """Answer at once: for what does not rest on uncommitted events."""
        if reply:
            await self._bus.publish(reply, _encode(api.Answer(ok=document)))

    def _answer(self, partition: Partition, reply: str, document: Any) -> None:
        """Answer after the commit of all that has been decided so far."""
        if reply:
            partition.answer(reply, _encode(api.Answer(ok=document)))

    def _owned(self) -> Partition:
        if self._partition is None:
            raise RefusedError("busy", "the engine is reading its log; ask again")
        return self._partition

    # ── workflows ────────────────────────────────────────────────────────────────────────────────

    async def _register(self, payload: bytes, reply: str) -> None:
        request = msgspec.json.decode(payload, type=api.RegisterWorkflow)
        alias, created = await self._programs.register(bytes(request.program), self._clock.now_ms())
        await self._say(reply, {"name": alias.name, "digest": alias.digest, "created": created})

    async def _list_workflows(self, _payload: bytes, reply: str) -> None:
        await self._say(reply, [msgspec.to_builtins(a) for a in self._programs.aliases()])

    async def _show_workflow(self, payload: bytes, reply: str) -> None:
        request = msgspec.json.decode(payload, type=api.ShowWorkflow)
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
        request = _start_decoder.decode(payload)
        partition = self._owned()
        if partition.busy:
            raise RefusedError("busy", partition.busy)
        loaded = self._programs.known(request.workflow)
        if loaded is None:
            loaded = await self._programs.find(request.workflow)
            partition = self._owned()
        if not partition.remembers_all and await self._ended_long_ago(partition, request.run_id):
            await self._say(reply, {"run_id": request.run_id, "created": False})
            return
        self._check_start(loaded, request, len(payload))
        start = i.StartRun(
            at=self._clock.now_ms(),
            run_id=request.run_id,
            digest=loaded.prepared.digest,
            input=request.input,
        )
        created = partition.start(loaded.prepared, start, request.notify)
        self._answer(
            partition,
            reply,
            {
                "run_id": request.run_id,
                "status": partition.status_of(request.run_id),
                "created": created,
            },
        )

    def _check_start(self, loaded: Loaded, request: api.StartRun, size: int) -> None:
        if RUN_ID.fullmatch(request.run_id) is None:
            raise RefusedError(
                "invalid",
                f"`{request.run_id}` is not a run id: up to 128 letters, digits, `-` and `_`",
            )
        if size > INPUT_BYTES_MAX:
            raise RefusedError(
                "invalid", f"the input is larger than {INPUT_BYTES_MAX} bytes (INPUT_BYTES_MAX)"
            )
        wrong = loaded.complaints(request.input)
        if wrong:
            name = loaded.prepared.program.name
            raise RefusedError("invalid", f"input of `{name}`: " + "; ".join(wrong))

    async def _ended_long_ago(self, partition: Partition, run_id: str) -> bool:
        """Whether a run ended before all that the partition lists."""
        if partition.status_of(run_id) or partition.is_younger(run_id):
            return False
        return await self._feed.last_event(run_id) is not None

    async def _get(self, payload: bytes, reply: str) -> None:
        request = msgspec.json.decode(payload, type=api.GetRun)
        partition = self._owned()
        run_id = partition.find(request.run_id)
        live = partition.runs.get(run_id)
        if live is not None:
            workers = partition.workers(live.program)
            self._answer(partition, reply, views.run_document(live.program, live.state, workers))
            return
        state = await self._closed_state(partition, run_id)
        program = await self._programs.pinned(state.digest)
        await self._say(reply, views.run_document(program, state, {}))

    async def _closed_state(self, partition: Partition, run_id: str) -> RunState:
        """Return the state of an ended run, folded from its history."""
        known = partition.closed.get(run_id)
        lines = await self._feed.read_run(run_id)
        if not lines and known is None:
            raise RefusedError("not_found", f"no run `{run_id}`")
        if not lines or (known is not None and decode(lines[-1]).seq < known.seq):
            raise RefusedError("busy", f"the history of `{run_id}` is still being written")
        events = [decode(line) for line in lines]
        first = events[0]
        assert isinstance(first, RunStarted), run_id
        return replay(await self._programs.pinned(first.payload["digest"]), events)

    async def _list_runs(self, payload: bytes, reply: str) -> None:
        request = msgspec.json.decode(payload or b"{}", type=api.ListRuns)
        partition = self._owned()
        limit = min(request.limit, LIST_MAX)
        self._answer(partition, reply, partition.rows(request.workflow, request.status, limit))

    async def _cancel(self, payload: bytes, reply: str) -> None:
        request = msgspec.json.decode(payload, type=api.CancelRun)
        partition = self._owned()
        run_id = partition.find(request.run_id)
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
            hello = _hello_decoder.decode(payload)
        except msgspec.DecodeError as wrong:
            refusal = tasks.Welcome(partition.number, self._epoch, LEASE_MS, f"malformed: {wrong}")
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
        try:
            message = _results_decoder.decode(payload)
        except msgspec.DecodeError:
            return  # not a worker of ours; what it holds will be delivered again
        self._partition.take_results(message.worker_id, message.results, self._clock.now_ms())

    async def _beat(self, payload: bytes, _reply: str) -> None:
        partition = self._partition
        if partition is None:
            return
        try:
            message = _beat_decoder.decode(payload)
        except msgspec.DecodeError:
            return
        if not partition.beat(message.worker_id, message.held, self._clock.now_ms()):
            ask = tasks.Deliver(partition.number, self._epoch, hello=True)
            await self._bus.publish(subjects.worker(message.worker_id), _encode(ask))

    async def _bye(self, payload: bytes, _reply: str) -> None:
        if self._partition is None:
            return
        try:
            self._partition.dispatcher.unseat(_bye_decoder.decode(payload).worker_id)
        except msgspec.DecodeError:
            return
