"""A world for the machine: virtual time, workers as functions, every promise checked each turn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr.ast import Expr
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.ir.program import (
    AgentLoopNode,
    Bound,
    Certificate,
    Edge,
    Program,
    Retry,
    TaskNode,
)
from dagnats.machine import inputs as i
from dagnats.machine.advance import Transition, advance, next_due_ms, outstanding, start
from dagnats.machine.commands import Enqueue, Withdraw
from dagnats.machine.events import Event, decode, encode
from dagnats.machine.invariants import violations
from dagnats.machine.prepared import Prepared, prepare
from dagnats.machine.state import Running, RunState, born, evolve, replay

BEGIN_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
NOTHING = Bound(None, "")
CERTIFICATE = Certificate(*[NOTHING] * 9)


@dataclass(frozen=True)
class Fails:
    """What a worker function returns to fail."""

    code: str = "boom"
    retryable: bool = True
    retry_after_ms: int | None = None
    message: str = "it failed"
    details: Any = None


@dataclass(frozen=True)
class Again:
    """What a worker function returns to continue a loop."""

    state: Any


@dataclass(frozen=True)
class Vanishes:
    """What a worker function returns to die with its task."""


@dataclass(frozen=True)
class Sleeps:
    """What a worker function returns never to answer, but to stay alive."""


Work = Callable[[str, Any, int], Any]
"""Takes step id, input and attempt."""


def task(
    name: str, *depends_on: int, accepts: tuple[str, ...] = ("completed",), **more: Any
) -> Any:
    """Return a task node that depends on the nodes at these indexes."""
    edges = tuple(Edge(index, accepts) for index in depends_on)
    kind = AgentLoopNode if "max_iterations" in more else TaskNode
    defaults = {"timeout_ms": 300_000, "queue_timeout_ms": 24 * HOUR_MS}
    return kind(id=name, task=name, edges=edges, **(defaults | more))


def program(*nodes: Any, **more: Any) -> Prepared:
    """Return a prepared program of these nodes."""
    defaults = {"name": "test", "certificate": CERTIFICATE, "timeout_ms": 720 * HOUR_MS}
    return prepare(Program(nodes=nodes, **(defaults | more)), "sha256:test")


RETRY_TWICE = Retry(max_retries=2, strategy="exponential", initial_delay_ms=100)


def expression(source: str) -> Expr:
    """Return an expression, unchecked: of the types of what it reads nothing is known."""
    sink = Sink()
    start = Position(0, 1, 1)
    parsed = parse_expression(source, Origin(start, Span(start, start), verbatim=False), sink)
    assert parsed is not None, sink
    return parsed.expr


class World:
    """One run: its state, its history, and a shadow that folds the history as bytes."""

    def __init__(self, prepared: Prepared, work: Work) -> None:
        self.program = prepared
        self.work = work
        self.now = BEGIN_MS
        self.history: list[Event] = []
        self.lines: list[bytes] = []
        self.waiting: dict[tuple[int, int, int], Enqueue] = {}
        self.state: RunState
        self._shadow: RunState

    def start(self, run_input: Any = None) -> "World":
        """Begin the run."""
        request = i.StartRun(at=self.now, run_id="run1", digest="sha256:test", input=run_input)
        self._take(start(self.program, request))
        return self

    def do(self, request: i.Input) -> list[Event]:
        """Apply an input and check everything that must hold afterwards."""
        transition = advance(self.program, self.state, request)
        self._take(transition)
        return transition.events

    def run(self, turns_max: int = 10_000) -> RunState:
        """Work until the run ends."""
        for _ in range(turns_max):
            if self.state.ended:
                return self.state
            self.turn()
        raise AssertionError("the run does not end")

    def turn(self) -> None:
        """Let one task be done, or time pass to whatever is due."""
        if self.waiting:
            key = next(iter(self.waiting))
            self.deliver(self.waiting.pop(key))
            return
        self.now = max(self.now, next_due_ms(self.program, self.state))
        self.do(i.Tick(at=self.now))

    def deliver(self, offered: Enqueue) -> None:
        """Give a task to a worker and apply what comes of it."""
        self.do(i.Deliver(at=self.now, step=offered.step, worker_id="w1"))
        step_id = self.program.nodes[offered.step].id
        self.answer(offered, self.work(step_id, offered.input, offered.attempt))

    def answer(self, offered: Enqueue, result: Any) -> list[Event]:
        """Apply what a worker returned."""
        head = (self.now, offered.step, offered.attempt, offered.iteration)
        match result:
            case Fails(code=code, retryable=retryable, retry_after_ms=after):
                problem = (code, result.message, retryable, after, result.details)
                return self.do(i.Fail(*head, *problem))
            case Again(state=state):
                return self.do(i.Continue(*head, state))
            case Vanishes():
                self.now += 10_000
                return self.do(i.ExpireLease(*head, offered.delivery))
            case Sleeps():
                return []
            case _:
                return self.do(i.Complete(*head, result))

    def types(self) -> list[str]:
        """Return the history as words: `type step` (type without its prefix)."""
        return [
            " ".join(
                word
                for word in (
                    msgspec.json.decode(line)["type"].removeprefix("step."),
                    getattr(event, "step_id", ""),
                )
                if word
            )
            for event, line in zip(self.history, self.lines, strict=True)
        ]

    def _take(self, transition: Transition) -> None:
        self.state = transition.state
        for event in transition.events:
            self._record(event)
        assert as_bytes(self.state) == as_bytes(self._shadow), "replay differs from live"
        assert violations(self.program, self.state) == []
        for command in transition.commands:
            if isinstance(command, Enqueue):
                self.waiting[command.step, command.iteration, command.attempt] = command
            elif isinstance(command, Withdraw):
                self.waiting.pop((command.step, command.iteration, command.attempt), None)
        if not self.state.ended:
            self._check_outstanding()

    def _record(self, event: Event) -> None:
        line = encode(event)
        stored = decode(line)
        if not self.history:
            self._shadow = born(self.program, stored)  # type: ignore[arg-type]
        else:
            evolve(self.program, self._shadow, stored)
        self.history.append(event)
        self.lines.append(line)

    def _check_outstanding(self) -> None:
        """What commands asked for can be told from the state alone."""
        told = {(c.step, c.iteration, c.attempt): c for c in outstanding(self.program, self.state)}
        held = {key for key in self.waiting if isinstance(self.state.steps[key[0]], Running)}
        assert told == {k: c for k, c in self.waiting.items() if k not in held}


def as_bytes(state: RunState) -> bytes:
    """Return a state as bytes, to compare two bit for bit."""
    return msgspec.json.encode(state)


def replayed(world: World, events: int) -> RunState:
    """Return the state after the first events of a history, as read back from bytes."""
    return replay(world.program, [decode(line) for line in world.lines[:events]])
