"""Who an engine has to do with in a simulated world: workers, who are honest, and clients."""

import asyncio
import zlib
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec.structs import replace

from dagnats.claims import CLAIM_BYTES, claim, reference
from dagnats.errors import RefusedError, UncertainError
from dagnats.testing.checking import Checker
from dagnats.testing.world import World
from dagnats.wire import subjects, tasks

BEAT_S = 3.3
RESEND_S = 1.0
ASK_S = 1.0
CREDIT = 20
DEAF = 0.3
"""The share of tasks that go on although they are cancelled."""
OF_ALL = frozenset({"run.list", "approval.list"})
"""What every partition answers for its own runs."""

Key = tuple[str, int, str, int, int]
"""Run, life, step, attempt, iteration."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_welcome = msgspec.json.Decoder(tasks.Welcome).decode
_decode_deliver = msgspec.json.Decoder(tasks.Deliver).decode


def drawn(*what: object) -> float:
    """Return a number from 0 to 1 that is always the same for the same things."""
    text = "/".join(map(str, what))
    return zlib.crc32(text.encode()) / 2**32


class Worker:
    """A worker of the native lane; it keeps results until they are accepted."""

    def __init__(
        self,
        world: World,
        checker: Checker,
        worker_id: str,
        names: list[str],
        do: "Callable[[tasks.Task], tasks.Result]",
    ) -> None:
        self.world = world
        self.do = do
        self.checker = checker
        self.worker_id = worker_id
        self.names = names
        self.alive = True
        self.epochs: dict[int, int] = {}
        self.held: dict[Key, tasks.Task] = {}
        self.results: dict[Key, tasks.Result] = {}
        self._of: dict[Key, int] = {}
        self._muted_until = 0.0
        self._sending = False
        self._inbox = world.inbox()
        world.subscribe(subjects.worker(worker_id), self._on_deliver)
        world.subscribe(self._inbox, self._on_welcome)
        self._greet()
        self._beat()
        self._resend()

    def die(self) -> None:
        """Vanish with everything."""
        self.alive = False
        self.world.unsubscribe(subjects.worker(self.worker_id))
        self.world.unsubscribe(self._inbox)
        self.world.note("worker.dead", f"{self.worker_id} with {len(self.held)}")

    def recover(self) -> None:
        """Give signs of life again."""
        self._muted_until = 0.0
        self._greet()

    # ── what it says ─────────────────────────────────────────────────────────────────────────────

    def _greet(self) -> None:
        for number in range(self.world.partitions):
            self._greet_one(number)

    def _greet_one(self, number: int) -> None:
        if not self.alive:
            return
        several = self.world.partitions > 1
        subject = subjects.engine(number, "hello") if several else subjects.HELLO
        credit = CREDIT // self.world.partitions
        hello = tasks.Hello(self.worker_id, self.names, credit, self._holds(number))
        self.world.send(subject, _encode(hello), self._inbox)
        if not self.epochs.get(number):
            self.world.loop.call_later(RESEND_S, self._greet_again, number)

    def _greet_again(self, number: int) -> None:
        if not self.epochs.get(number):
            self._greet_one(number)

    def _holds(self, number: int) -> list[tasks.Held]:
        of = self._of
        held = [_held(task) for key, task in self.held.items() if of[key] == number]
        return held + [_held(one) for key, one in self.results.items() if of[key] == number]

    def _beat(self) -> None:
        if not self.alive:
            return
        if self.world.loop.time() >= self._muted_until:
            for number in range(self.world.partitions):
                beat = tasks.Beat(self.worker_id, self._holds(number))
                self.world.send(subjects.engine(number, "beat"), _encode(beat))
        self.world.loop.call_later(BEAT_S, self._beat)

    def _resend(self) -> None:
        if self.alive:
            self._send()
            self.world.loop.call_later(RESEND_S, self._resend)

    def _send_soon(self) -> None:
        if not self._sending:
            self._sending = True
            self.world.loop.call_soon(self._send)

    def _send(self) -> None:
        self._sending = False
        if not self.alive or not self.results:
            return
        for number in range(self.world.partitions):
            own = [one for key, one in self.results.items() if self._of[key] == number]
            if own:
                message = tasks.Results(self.worker_id, own)
                self.world.send(subjects.engine(number, "results"), _encode(message))

    # ── what it hears ────────────────────────────────────────────────────────────────────────────

    def _on_welcome(self, payload: bytes, _reply: str) -> None:
        welcome = _decode_welcome(payload)
        number = welcome.partition
        self.epochs[number] = max(self.epochs.get(number, 0), welcome.epoch)

    def _on_deliver(self, payload: bytes, _reply: str) -> None:
        message = _decode_deliver(payload)
        number, epoch = message.partition, self.epochs.get(message.partition, 0)
        for task in message.tasks:
            self.checker.delivered(self.worker_id, task)
        if message.epoch < epoch:
            return
        if message.epoch > epoch:
            self.epochs[number] = message.epoch
            self._greet_one(number)
        for held in message.accepted:
            self.checker.accepted(self.worker_id, held)
            self.results.pop(_key(held), None)
        for held in message.cancel:
            # Some do not hear it in time, and come with a result that nobody wants any more.
            if drawn(*_key(held), "deaf") >= DEAF:
                self.held.pop(_key(held), None)
            self.results.pop(_key(held), None)
        for task in message.tasks:
            self._take(task, number)
        if message.hello:
            self._greet_one(number)

    def _take(self, task: tasks.Task, number: int) -> None:
        key = _key(task)
        known = self.held.get(key)
        if known is not None and known.delivery >= task.delivery:
            return
        self.results.pop(key, None)
        self.held[key] = task
        self._of[key] = number
        self.world.loop.call_later(self._takes_s(task), self._finish, key, task)

    def _takes_s(self, task: tasks.Task) -> float:
        world = self.world
        kind = task.task.rpartition(".")[2]
        takes = 0.002 + 0.05 * world.rng.random()
        if kind in {"slow", "scarce"}:
            takes += 2 * world.rng.random()
        if kind == "stuck" and drawn(task.run_id, task.attempt) < 0.6:
            takes += 4 + 4 * world.rng.random()
        if world.chance(world.faults.slow_workers):
            takes += 30 * world.rng.random()
            if world.chance(0.5):
                self._muted_until = world.loop.time() + takes
        return takes

    def _finish(self, key: Key, task: tasks.Task) -> None:
        if not self.alive or self.held.get(key) is not task:
            return
        result = replace(self.do(task), life=task.life)
        large = large_of(task)
        if large is not None and result.error is None:
            world = self.world
            if world.down or world.chance(world.faults.stores):
                world.loop.call_later(RESEND_S, self._finish, key, task)
                return
            world.payloads.keep(task.run_id, large)
            # A worker may vanish with the value stored and its result never sent.
            world.loop.call_later(0.05 * world.rng.random(), self._return, key, task, result)
            return
        self._return(key, task, result)

    def _return(self, key: Key, task: tasks.Task, result: tasks.Result) -> None:
        if not self.alive or self.held.get(key) is not task:
            return
        del self.held[key]
        self.results[key] = result
        self.checker.returned(result)
        self._send_soon()


def _held(one: tasks.Task | tasks.Result) -> tasks.Held:
    return tasks.Held(one.run_id, one.step, one.attempt, one.delivery, one.iteration, one.life)


def _key(one: tasks.Task | tasks.Held) -> Key:
    return (one.run_id, one.life, one.step, one.attempt, one.iteration)


# ── what workers do ──────────────────────────────────────────────────────────────────────────────


def outcome(task: tasks.Task) -> tasks.Result:  # noqa: C901 (one case for each task)
    """Do a task: the same attempt always comes to the same."""
    chance = drawn(task.run_id, task.step, task.attempt, task.iteration)
    match task.task:
        case "t.big":
            large = large_of(task)
            assert large is not None
            return _result(task, {"text": reference(claim(task.run_id, large)), "n": 1})
        case "t.echo" | "t.slow" | "t.scarce":
            return _result(task, task.input)
        case "t.stuck":
            return _result(task, {"attempt": task.attempt})
        case "t.flaky":
            if task.attempt <= 4 and chance < 0.6:
                return _error(task, "flaky", retryable=True)
            return _result(task, task.input)
        case "t.broken":
            return _error(task, "broken", retryable=chance < 0.7)
        case "t.half":
            if chance < 0.5:
                return _error(task, "half", retryable=False)
            return _result(task, task.input)
        case "t.again":
            return _result(task, {"n": task.iteration}, continued=chance < 0.7)
        case "t.always":
            return _result(task, {"n": task.iteration}, continued=True)
        case "t.plan" | "plan.make":
            return _result(task, _plan(task, chance))
        case _:
            return _work(task, chance)


def large_of(task: tasks.Task) -> bytes | None:
    """Return the large value that a task comes to, as JSON, if it comes to one."""
    if task.task != "t.big":
        return None
    head = f"{task.run_id}/{task.step}"
    return f'"{head}{"x" * CLAIM_BYTES}"'.encode()


def _work(task: tasks.Task, chance: float) -> tasks.Result:
    if chance < 0.15:
        codes = ("sold_out", "rate_limited", "oops")
        return _error(task, codes[int(chance * 20)], retryable=chance > 0.03)
    kinds = ("red", "green", "blue")
    done = {
        "done": chance > 0.6,
        "kind": kinds[int(chance * 3)],
        "count": int(chance * 5),
        "items": [1, 2, 3][: int(chance * 4)],
    }
    usage = {"tokens": 60.0} if chance > 0.5 else None
    continued = bool(task.iteration) and chance > 0.8
    return replace(_result(task, done, continued=continued), usage=usage)


def _plan(task: tasks.Task, chance: float) -> Any:
    name = "t.echo" if task.task == "t.plan" else "free.a"
    if chance < 0.2:
        return [{"id": "x", "task": "not.allowed"}]
    steps = [{"id": "p1", "task": name}, {"id": "p2", "task": name, "depends_on": ["p1"]}]
    return steps[: 1 + int(chance * 2)]


def _result(task: tasks.Task, output: Any, *, continued: bool = False) -> tasks.Result:
    return tasks.Result(
        task.run_id,
        task.step,
        task.attempt,
        task.delivery,
        task.iteration,
        output,
        continued,
    )


def _error(task: tasks.Task, code: str, *, retryable: bool) -> tasks.Result:
    error = tasks.TaskError(code, "as drawn", retryable=retryable)
    head = (task.run_id, task.step, task.attempt, task.delivery, task.iteration)
    return tasks.Result(*head, error=error)


# ── clients ──────────────────────────────────────────────────────────────────────────────────────


class Client:
    """Asks until it is answered, and holds every answer against the log."""

    def __init__(self, world: World, checker: Checker) -> None:
        self.world = world
        self.checker = checker
        self.answers = 0

    async def call(self, operation: str, **params: Any) -> Any:
        """Return the answer. Raises RefusedError for a refusal that asking again cannot change."""
        world, subject, payload = self.world, subjects.api(operation), _encode(params)
        while True:
            try:
                answer = await self._ask(operation, subject, payload)
            except UncertainError:
                await asyncio.sleep(0.3 * world.rng.random())
                continue
            error = answer.get("error")
            if error is None:
                self.answers += 1
                self.checker.answered(operation, params, answer.get("ok"))
                return answer.get("ok")
            if error["code"] not in {"busy", "unavailable"}:
                raise RefusedError(error["code"], error["message"])
            if "fault of the engine" in error["message"] or "cannot go on" in error["message"]:
                self.checker.fail(f"`{operation}` {params}: {error['message']}")
            await asyncio.sleep(0.5 * world.rng.random())

    async def _ask(self, operation: str, subject: str, payload: bytes) -> dict[str, Any]:
        """Ask once; what all partitions answer is put together."""
        partitions = self.world.partitions
        if partitions == 1 or operation not in OF_ALL:
            answer: dict[str, Any] = _decode(await self.world.request(subject, payload, ASK_S))
            return answer
        found: dict[int, list[Any]] = {}
        async with aclosing(self.world.gather(subject, payload, ASK_S)) as answers:
            async for data in answers:
                answer = _decode(data)
                if answer.get("error") is not None:
                    return answer
                found[answer.get("partition", 0)] = answer["ok"]
                if len(found) == partitions:
                    break
        return {"ok": [row for number in sorted(found) for row in found[number]]}

    async def try_to(self, operation: str, **params: Any) -> Any:
        """Return the answer, or None when it was refused."""
        try:
            return await self.call(operation, **params)
        except RefusedError as no:
            run = self.checker.runs.get(params.get("run_id", ""))
            forgotten = str(no).startswith("no run") and run is not None and not run.ended
            if forgotten or no.code not in {"conflict", "not_found", "denied"}:
                self.checker.fail(f"`{operation}` {params} was refused: {no.code} {no}")
            return None
