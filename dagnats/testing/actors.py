"""Who an engine has to do with in a simulated world: workers, who are honest, and clients."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from dagnats.errors import RefusedError, UncertainError
from dagnats.testing.checking import Checker
from dagnats.testing.world import World
from dagnats.wire import subjects, tasks

BEAT_S = 3.3
RESEND_S = 1.0
ASK_S = 1.0
CREDIT = 20

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
        self.epoch = 0
        self.held: dict[Key, tasks.Task] = {}
        self.results: dict[Key, tasks.Result] = {}
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
        if not self.alive:
            return
        held = [_held(task) for task in self.held.values()]
        held += [_held(result) for result in self.results.values()]
        hello = tasks.Hello(self.worker_id, self.names, CREDIT, held)
        self.world.send(subjects.HELLO, _encode(hello), self._inbox)
        if not self.epoch:
            self.world.loop.call_later(RESEND_S, self._greet_again)

    def _greet_again(self) -> None:
        if not self.epoch:
            self._greet()

    def _beat(self) -> None:
        if not self.alive:
            return
        if self.world.loop.time() >= self._muted_until:
            held = [_held(task) for task in self.held.values()]
            held += [_held(result) for result in self.results.values()]
            beat = tasks.Beat(self.worker_id, held)
            self.world.send(subjects.engine(0, "beat"), _encode(beat))
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
        if self.alive and self.results:
            message = tasks.Results(self.worker_id, list(self.results.values()))
            self.world.send(subjects.engine(0, "results"), _encode(message))

    # ── what it hears ────────────────────────────────────────────────────────────────────────────

    def _on_welcome(self, payload: bytes, _reply: str) -> None:
        self.epoch = max(self.epoch, _decode_welcome(payload).epoch)

    def _on_deliver(self, payload: bytes, _reply: str) -> None:
        message = _decode_deliver(payload)
        for task in message.tasks:
            self.checker.delivered(self.worker_id, task)
        if message.epoch < self.epoch:
            return
        if message.epoch > self.epoch:
            self.epoch = message.epoch
            self._greet()
        for held in message.accepted:
            self.checker.accepted(self.worker_id, held)
            self.results.pop(_key(held), None)
        for held in message.cancel:
            self.held.pop(_key(held), None)
            self.results.pop(_key(held), None)
        for task in message.tasks:
            self._take(task)
        if message.hello:
            self._greet()

    def _take(self, task: tasks.Task) -> None:
        key = _key(task)
        if key in self.held:
            return
        self.results.pop(key, None)
        self.held[key] = task
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
        del self.held[key]
        result = self.results[key] = replace(self.do(task), life=task.life)
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
                data = await world.request(subject, payload, ASK_S)
            except UncertainError:
                await asyncio.sleep(0.3 * world.rng.random())
                continue
            answer = _decode(data)
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
