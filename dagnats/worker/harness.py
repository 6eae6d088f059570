"""Handlers without a server: run one with an input, and look at what came of it.

    bench = harness.Bench(secrets={"TOKEN": "t0ps3cret"})
    played = bench.run(fetch, {"token": harness.secret("TOKEN")})
    assert played.output == {"status": 200}

Everything goes through what a worker does: the input is converted and secrets are put in, results
and errors are those that would be sent. Checkpoints and usage stay on the bench from run to run.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dagnats.claims import CLAIMED_BYTES_MAX
from dagnats.errors import UsageError
from dagnats.wire.tasks import Checkpoint, Held, Piece, Result, Task, TaskError
from dagnats.worker.context import AsyncContext, Context
from dagnats.worker.execution import run_async, run_plain
from dagnats.worker.payload import encoded
from dagnats.worker.registry import Handler, handler_of, registered

__all__ = ["Bench", "Played", "arun", "run", "secret"]

ITERATIONS_MAX = 100
_MARKER = re.compile(r"\$\{secret:harness:([A-Za-z_][A-Za-z0-9_]*)\}")


def secret(name: str) -> str:
    """Return the text that stands for a secret in an input."""
    return f"${{secret:harness:{name}}}"


@dataclass(frozen=True)
class Played:
    """One attempt: its result as an engine would get it, and what it told meanwhile."""

    result: Result
    streamed: list[Any] = field(default_factory=list)
    beats: int = 0

    @property
    def output(self) -> Any:
        """Return what the handler returned, or the state it goes on with.

        Raises AssertionError if it failed.
        """
        if self.result.error is not None:
            error = self.result.error
            trace = error.details.get("trace", []) if isinstance(error.details, dict) else []
            raise AssertionError("\n".join([f"{error.code}: {error.message}", *map(str, trace)]))
        return self.result.output

    @property
    def continued(self) -> bool:
        """Tell whether it asked for another iteration."""
        return self.result.continued

    @property
    def error(self) -> TaskError | None:
        """Return why it failed, None if it did not."""
        return self.result.error

    @property
    def usage(self) -> dict[str, float]:
        """Return what it reported to have spent."""
        return self.result.usage or {}


class Bench:
    """What stands in for worker and engine.

    `secrets` are those that there are, `budget` what all runs together may spend. `checkpoints`
    has, by run and step, what was stored. Set `cancelled` to see what a handler does then.
    """

    def __init__(
        self, *, secrets: Mapping[str, str] | None = None, budget: Mapping[str, float] | None = None
    ) -> None:
        self.checkpoints: dict[tuple[str, str], Any] = {}
        self.cancelled = threading.Event()
        self.spent: dict[str, float] = {}
        self._secrets = dict(secrets or {})
        self._budget = dict(budget or {})

    def run(self, handler: str | Callable[..., Any], value: Any = None, **of_task: Any) -> Played:
        """Run a handler, by its task's name or itself, with an input.

        The rest are fields of the task: `attempt`, `iteration`, `state`, `step`, `run_id` and so
        on. Raises UsageError for a handler that is none.
        """
        known, task, stage = self._prepared(handler, value, of_task)
        if known.is_async:
            context = AsyncContext(task, "harness", self.cancelled, stage)
            running = run_async(known, task, context, self._resolve, CLAIMED_BYTES_MAX)
            return self._played(asyncio.run(running), stage)
        plain = Context(task, "harness", self.cancelled, stage)
        return self._played(run_plain(known, task, plain, self._resolve, CLAIMED_BYTES_MAX), stage)

    async def arun(
        self, handler: str | Callable[..., Any], value: Any = None, **of_task: Any
    ) -> Played:
        """Do what `run` does, within an event loop."""
        known, task, stage = self._prepared(handler, value, of_task)
        if known.is_async:
            context = AsyncContext(task, "harness", self.cancelled, stage)
            running = run_async(known, task, context, self._resolve, CLAIMED_BYTES_MAX)
            return self._played(await running, stage)
        plain = Context(task, "harness", self.cancelled, stage)
        result = await asyncio.to_thread(
            run_plain, known, task, plain, self._resolve, CLAIMED_BYTES_MAX
        )
        return self._played(result, stage)

    def loop(
        self,
        handler: str | Callable[..., Any],
        value: Any = None,
        *,
        max_iterations: int = ITERATIONS_MAX,
        **of_task: Any,
    ) -> Iterator[Played]:
        """Run a handler again and again, as `agent_loop` does, until it does not ask for more.

        Raises AssertionError if it asks for more than `max_iterations`.
        """
        state = of_task.pop("state", None)
        for iteration in range(1, max_iterations + 1):
            played = self.run(handler, value, iteration=iteration, state=state, **of_task)
            yield played
            if not played.continued:
                return
            state = played.output
        raise AssertionError(f"not done after {max_iterations} iterations")

    def _prepared(
        self, handler: str | Callable[..., Any], value: Any, of_task: dict[str, Any]
    ) -> tuple[Handler, Task, "Stage"]:
        known = _known(handler)
        data = encoded(value)
        words: dict[str, Any] = {
            "run_id": "run-1",
            "step": "step",
            "attempt": 1,
            "workflow": "workflow",
        }
        words |= {"timeout_ms": 60_000, "input": msgspec.json.decode(data)}
        words |= {"secrets": {name: secret(name) for name in _MARKER.findall(data.decode())}}
        words |= {"budget": self._left()}
        return known, Task(task=known.name, **(words | of_task)), Stage(self.checkpoints)

    def _left(self) -> dict[str, float]:
        return {unit: max(0, most - self.spent.get(unit, 0)) for unit, most in self._budget.items()}

    def _resolve(self, name: str) -> str | None:
        return self._secrets.get(name)

    def _played(self, result: Result, stage: "Stage") -> Played:
        for unit, more in (result.usage or {}).items():
            self.spent[unit] = self.spent.get(unit, 0) + more
        sent = msgspec.json.decode(msgspec.json.encode(result), type=Result)
        return Played(sent, stage.streamed, stage.beats)


def run(handler: str | Callable[..., Any], value: Any = None, **of_task: Any) -> Played:
    """Run a handler on a bench of its own."""
    return Bench().run(handler, value, **of_task)


async def arun(handler: str | Callable[..., Any], value: Any = None, **of_task: Any) -> Played:
    """Run a handler on a bench of its own, within an event loop."""
    return await Bench().arun(handler, value, **of_task)


class Stage:
    """`context.Host` of one attempt on a bench."""

    def __init__(self, checkpoints: dict[tuple[str, str], Any]) -> None:
        self.streamed: list[Any] = []
        self.beats = 0
        self._checkpoints = checkpoints

    @property
    def checkpoint_bytes_max(self) -> int:
        """Return how large a checkpoint may be."""
        return CLAIMED_BYTES_MAX

    def stream(self, subject: str, payload: bytes) -> bool:  # noqa: ARG002 (the protocol's)
        """Keep a piece."""
        self.streamed.append(msgspec.json.decode(payload, type=Piece).data)
        return True

    def beat(self, held: Held) -> None:  # noqa: ARG002 (the protocol's)
        """Count it."""
        self.beats += 1

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what comes of work that waits for nothing."""
        try:
            work.send(None)
        except StopIteration as ended:
            return ended.value
        raise AssertionError("a bench waits for nothing")

    async def checkpoint(self, asked: Checkpoint, cancelled: threading.Event) -> Any:  # noqa: ARG002
        """Store and return what was stored last."""
        place = (asked.run_id, asked.step)
        if asked.store:
            self._checkpoints[place] = msgspec.json.decode(msgspec.json.encode(asked.data))
        return self._checkpoints.get(place)


def _known(handler: str | Callable[..., Any]) -> Handler:
    """Return a registered handler by its name or function, or make one of a function."""
    known = registered()
    if isinstance(handler, str):
        if handler not in known:
            raise UsageError(f"no handler is registered for `{handler}`")
        return known[handler]
    for one in known.values():
        if one.call is handler:
            return one
    return handler_of(getattr(handler, "__name__", "handler"), handler)
