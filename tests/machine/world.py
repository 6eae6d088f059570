"""A world for the machine: one run in virtual time, every promise checked after each turn.

A run is written as a document, with what becomes of its steps beside it:

    World(document, {"pay": [Fails(), "paid"]}).start({"n": 1}).run()

`fates` says by address what the worker of a step, or a child, comes to: one for each attempt (each
iteration, in a loop), the last one for all that follow. What people do is a script: `on` happens
when a line stands in the history, `idle` when the run does nothing by itself; else time passes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr.ast import Expr
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.ir import codec
from dagnats.ir.program import (
    AgentLoopNode,
    Bound,
    Certificate,
    Edge,
    Program,
    Retry,
    TaskNode,
)
from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine.advance import Transition, advance, start
from dagnats.machine.commands import (
    Ask,
    CancelChild,
    Enqueue,
    GoOn,
    Listen,
    Publish,
    Respond,
    StartChild,
    Withdraw,
)
from dagnats.machine.evolve import born, evolve, replay
from dagnats.machine.invariants import violations
from dagnats.machine.prepared import Prepared, prepare
from dagnats.machine.state import (
    Asking,
    Calling,
    Expecting,
    Running,
    RunState,
    address,
    locate,
    scope_of,
)
from dagnats.machine.ticking import next_due_ms, outstanding

BEGIN_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
NOTHING = Bound(None, "")
CERTIFICATE = Certificate(*[NOTHING] * 9)
RETRY_TWICE = Retry(max_retries=2, strategy="exponential", initial_delay_ms=100)
TURNS_MAX = 20_000

# ── what becomes of a task ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Fails:
    """The worker fails; of a child: it has failed."""

    code: str = "boom"
    retryable: bool = True
    after: int | None = None
    message: str = "it failed"
    details: Any = None
    usage: Any = None


@dataclass(frozen=True)
class Again:
    """The worker of a loop asks for another iteration."""

    state: Any = None
    usage: Any = None


@dataclass(frozen=True)
class Spends:
    """The worker returns, and says what it has spent."""

    output: Any = "ok"
    usage: Any = None


@dataclass(frozen=True)
class Vanishes:
    """The workers of the first deliveries die; the next one does what `then` says."""

    times: int = 1
    then: Any = "ok"


@dataclass(frozen=True)
class Sleeps:
    """The worker, or the child, never answers, but stays alive."""


@dataclass(frozen=True)
class Silent:
    """The worker gives no sign of life for too long."""


@dataclass(frozen=True)
class Ignored:
    """No worker takes the task."""


@dataclass(frozen=True)
class Cancelled:
    """Of a child: somebody has cancelled it."""


@dataclass(frozen=True)
class Plans:
    """The planner returns steps, which compile, or `problems`."""

    steps: str = ""
    problems: tuple[str, ...] = ()
    usage: Any = None


Fate = Any
"""One of the above, or what the worker returns; or a function of the command that gives it."""

# ── what people do ───────────────────────────────────────────────────────────────────────────────

Action = Callable[["World"], None]


def cancel(reason: str = "enough") -> Action:
    return lambda world: world.do(i.Cancel(world.now, reason))


def pause(reason: str = "wait") -> Action:
    return lambda world: world.do(i.Pause(world.now, reason))


def resume(exhausted: str = "complete") -> Action:
    return lambda world: world.do(i.Resume(world.now, exhausted))


def retry() -> Action:
    return lambda world: world.do(i.RetryRun(world.now))


def admit() -> Action:
    return lambda world: world.do(i.Admit(world.now))


def passes(ms: int) -> Action:
    """Time passes: the run sees it."""

    def act(world: "World") -> None:
        world.now += ms
        world.do(i.Tick(world.now))

    return act


def decides(step: str, decision: str = "approve", by: str = "ann", **more: Any) -> Action:
    return lambda world: world.do(i.Decide(world.now, step, decision, by, **more))


def event(kind: str, data: Any = None, name: str = "e1", ago: int = 0) -> Action:
    return lambda world: world.publish(kind, data, name, ago)


def signal(kind: str, data: Any = None, name: str = "s1") -> Action:
    def act(world: "World") -> None:
        world.do(i.Signal(world.now, world.event(kind, data, name)))

    return act


# ── programs ─────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1000)
def compiled(document: str) -> Prepared:
    """Return the program of a document, which must compile; it is written without its head."""
    found = compile_workflow(f"dagnats: 1\nname: test\n{document}", "test.yaml")
    assert found.program is not None, found.diagnostics
    return prepare(codec.load(codec.encode(found.program)), "sha256:test")


@lru_cache(maxsize=1000)
def planned(steps: str) -> i.Plan:
    """Return a plan of these steps, as an engine compiles it."""
    found = compile_workflow(f"dagnats: 1\nname: plan\nsteps:\n{steps}", "plan.yaml")
    assert found.program is not None, found.diagnostics
    encoded = codec.encode(found.program)
    return i.Plan(found.program, codec.digest(found.program), msgspec.json.decode(encoded))


def uncertified(prepared: Prepared) -> Prepared:
    """Return a program of which nothing is certified."""
    bare: Program = msgspec.structs.replace(prepared.program, certificate=CERTIFICATE)
    return msgspec.structs.replace(prepared, program=bare)


def task(
    name: str, *depends_on: int, accepts: tuple[str, ...] = ("completed",), **more: Any
) -> Any:
    """Return a task node that depends on the nodes at these indexes."""
    edges = tuple(Edge(index, accepts) for index in depends_on)
    kind = AgentLoopNode if "max_iterations" in more else TaskNode
    defaults = {"timeout_ms": 300_000, "queue_timeout_ms": 24 * HOUR_MS}
    return kind(id=name, task=name, edges=edges, **(defaults | more))


def program(*nodes: Any, **more: Any) -> Prepared:
    """Return a prepared program of these nodes, of which nothing is certified."""
    defaults = {"name": "test", "certificate": CERTIFICATE, "timeout_ms": 720 * HOUR_MS}
    return prepare(Program(nodes=nodes, **(defaults | more)), "sha256:test")


def expression(source: str) -> Expr:
    """Return an expression, unchecked: of the types of what it reads nothing is known."""
    sink = Sink()
    start = Position(0, 1, 1)
    parsed = parse_expression(source, Origin(start, Span(start, start), verbatim=False), sink)
    assert parsed is not None, sink
    return parsed.expr


# ── the world ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Script:
    """What people do; `done` has, by action, how long the history was after it."""

    on: list[tuple[str, Action]] = field(default_factory=list)
    idle: list[Action] = field(default_factory=list)
    done: dict[int, int] = field(default_factory=dict)


class World:
    """One run: its state, its history, and a shadow that folds the history as bytes."""

    def __init__(
        self,
        program: str | Prepared,
        fates: dict[str, Fate] | Callable[[Any], Fate] | None = None,
        *,
        on: list[tuple[str, Action]] | None = None,
        idle: list[Action] | None = None,
    ) -> None:
        self.program = compiled(program) if isinstance(program, str) else program
        self.fates = fates or {}
        self.script = Script(list(on or []), list(idle or []))
        self.now = BEGIN_MS
        self.history: list[ev.Event] = []
        self.bytes: list[bytes] = []
        self.lines: list[str] = []
        self.waiting: dict[tuple[str, int, int], Enqueue] = {}
        self.children: dict[str, StartChild] = {}
        self.listening: dict[str, Listen] = {}
        self.asked: set[Ask] = set()
        self.published: list[tuple[int, dict[str, Any], int]] = []
        self.emitted: list[Publish] = []
        self.responses: list[Respond] = []
        self.closed: list[str] = []
        self.goes_on = False
        self.state: RunState
        self._shadow: RunState
        self._acting = False

    def start(self, run_input: Any = None, **more: Any) -> "World":
        """Begin the run."""
        request = i.StartRun(self.now, "run1", "sha256:test", run_input, **more)
        self._take(start(self.program, request))
        return self

    def run(self) -> "World":
        """Work until the run has ended, and the script is done."""
        for _ in range(TURNS_MAX):
            if self.state.ended and not self._act_idle():
                return self
            if not self.state.ended:
                self.turn()
        raise AssertionError(f"the run does not end: {self.lines[-20:]}")

    def turn(self) -> None:
        """Let one thing happen: a decision go on, a task, a child, a person; or time pass."""
        if self.goes_on:
            self.goes_on = False
            self.do(i.Tick(self.now))
        elif self._work() or self._raise_child() or self._act_idle():
            return
        else:
            self.now = max(self.now, next_due_ms(self.program, self.state))
            assert self.now < BEGIN_MS + 10**12, "nothing will ever happen"
            self.do(i.Tick(self.now))

    def do(self, request: i.Input) -> list[ev.Event]:
        """Apply an input and check everything that must hold afterwards."""
        transition = advance(self.program, self.state, request)
        self._take(transition)
        return transition.events

    # ── workers and children ──

    def _work(self) -> bool:
        for key, offered in self.waiting.items():
            fate = self._fate(offered.step, offered)
            if fate != Ignored():
                del self.waiting[key]
                self.deliver(offered, fate)
                return True
        return False

    def _fate(self, step: str, command: Any) -> Fate:
        if callable(self.fates):
            return self.fates(command)
        fates = self.fates.get(step, "ok")
        if isinstance(fates, list):
            attempt = command.attempt if isinstance(command, Enqueue) else self._attempt(step)
            number = getattr(command, "iteration", 0) or attempt
            fates = fates[min(number, len(fates)) - 1]
        return fates(command) if callable(fates) else fates

    def _attempt(self, step: str) -> int:
        found = locate(self.program, self.state, step)
        assert found is not None
        return found[0].steps[found[1]].attempt

    def deliver(self, offered: Enqueue, fate: Fate) -> None:
        """Give a task to a worker, and apply what comes of it."""
        if self.do(i.Deliver(self.now, offered.step, f"w{offered.delivery}")):
            self.answer(offered, fate)

    def answer(self, offered: Enqueue, fate: Fate) -> list[ev.Event]:
        """Apply what a worker comes to."""
        head = (self.now, offered.step, offered.attempt, offered.iteration)
        match fate:
            case Fails(code, retryable, after, message, details, usage):
                return self.do(i.Fail(*head, code, message, retryable, after, details, usage))
            case Again(state, usage):
                return self.do(i.Continue(*head, state, usage))
            case Spends(output, usage):
                return self.do(i.Complete(*head, output, usage))
            case Vanishes(times, then):
                if offered.delivery > times:
                    return self.answer(offered, then)
                return self.do(i.ExpireLease(*head, offered.delivery))
            case Sleeps():
                return []
            case Silent():
                return self.do(i.MissHeartbeat(*head))
            case Plans(steps, problems, usage):
                plan = i.Plan(problems=problems) if problems else planned(steps)
                return self.do(i.Complete(*head, {"steps": steps}, usage, plan))
            case _:
                return self.do(i.Complete(*head, fate))

    def _raise_child(self) -> bool:
        for step, child in self.children.items():
            fate = self._fate(step, child)
            if fate == Sleeps():
                continue
            del self.children[step]
            self.do(self._ended(child, fate))
            return True
        return False

    def _ended(self, child: StartChild, fate: Fate) -> i.EndChild:
        head = (self.now, child.step, child.child_run_id)
        match fate:
            case Fails(code, message=message):
                return i.EndChild(*head, "failed", error={"code": code, "message": message})
            case Cancelled():
                return i.EndChild(*head, "cancelled")
            case _:
                return i.EndChild(*head, "started" if child.detached else "completed", fate)

    # ── events and people ──

    def event(self, kind: str, data: Any, name: str) -> dict[str, Any]:
        return {"id": name, "type": kind, "data": data, "at": ev.rfc3339(self.now)}

    def publish(self, kind: str, data: Any, name: str, ago: int = 0) -> None:
        """Publish an event: whoever listens is told, now and later."""
        at, told = self.now - ago, self.event(kind, data, name)
        self.published.append((at, told, len(self.history)))
        self.do(i.Hear(self.now, told))
        for step, listen in list(self.listening.items()):
            self._tell(step, listen, at, told)

    def _tell(self, step: str, listen: Listen, at: int, told: dict[str, Any]) -> None:
        if at >= listen.since and told["type"] == listen.event:
            self.do(i.Hear(self.now, told, step))

    def _act_idle(self) -> bool:
        first = len(self.script.on)
        for number, action in enumerate(self.script.idle, first):
            if number not in self.script.done:
                self.script.done[number] = 0
                action(self)
                self.script.done[number] = len(self.history)
                return True
        return False

    def _act_on(self) -> None:
        for number, (line, action) in enumerate(self.script.on):
            if number not in self.script.done and line in self.lines:
                self.script.done[number] = 0
                action(self)
                self.script.done[number] = len(self.history)

    # ── what is checked ──

    def _take(self, transition: Transition) -> None:
        self.state = transition.state
        for one in transition.events:
            self._record(one)
        assert as_bytes(self.state) == as_bytes(self._shadow), "replay differs from live"
        sliced = GoOn() in transition.commands
        assert violations(self.program, self.state, sliced=sliced) == [], self.lines[-10:]
        fresh = [self._note(command) for command in transition.commands]
        if not self.state.ended:
            self._check_outstanding(transition.commands)
        for listen in fresh:
            if listen is not None:
                for at, told, _ in list(self.published):
                    self._tell(listen.step, listen, at, told)
        if not self._acting:
            self._acting = True
            self._act_on()
            self._acting = False

    def _note(self, command: Any) -> Listen | None:
        match command:
            case Enqueue():
                self.waiting[command.step, command.iteration, command.attempt] = command
            case Withdraw():
                self.waiting.pop((command.step, command.iteration, command.attempt), None)
            case StartChild():
                self.children[command.step] = command
            case CancelChild():
                self.closed.append(command.step)
            case Listen():
                self.listening[command.step] = command
                return command
            case Ask():
                self.asked.add(command)
            case Publish():
                self.emitted.append(command)
            case Respond():
                self.responses.append(command)
            case GoOn():
                self.goes_on = True
            case _:
                pass
        return None

    def _record(self, one: ev.Event) -> None:
        line = ev.encode(one)
        stored = ev.decode(line)
        if not self.history:
            assert isinstance(stored, ev.RunStarted | ev.RunPending)
            self._shadow = born(self.program, stored)
        else:
            assert stored.seq == self.history[-1].seq + 1, "a gap"
            assert stored.timestamp >= self.history[-1].timestamp, "time steps back"
            evolve(self.program, self._shadow, stored)
        self.history.append(one)
        self.bytes.append(line)
        said = told(one)
        if said:
            self.lines.append(said)

    def _check_outstanding(self, commands: list[Any]) -> None:
        """What commands asked for can be told from the state alone."""
        told_now = outstanding(self.program, self.state)
        tasks = {(c.step, c.iteration, c.attempt): c for c in told_now if isinstance(c, Enqueue)}
        held = {key for key in self.waiting if isinstance(self._step(key[0]), Running)}
        assert tasks == {k: c for k, c in self.waiting.items() if k not in held}
        for command in told_now:
            match command:
                case Listen():
                    assert self.listening[command.step] == command
                case Ask():
                    assert command in self.asked
                case StartChild() if command.step in self.children:
                    assert self.children[command.step] == command
                case _:
                    pass
        for command in commands:
            if isinstance(command, Listen | Ask | StartChild):
                still = isinstance(self._step(command.step), Expecting | Asking | Calling)
                assert command in told_now or not still
        for step in list(self.children):
            if not isinstance(self._step(step), Calling):
                del self.children[step]
        for step in list(self.listening):
            if not isinstance(self._step(step), Expecting):
                del self.listening[step]

    def _step(self, step: str) -> Any:
        found = locate(self.program, self.state, step)
        return None if found is None else found[0].steps[found[1]]


def told(one: ev.Event) -> str:
    """Return an event as a line: what happened, to whom, `#attempt` from 2, `(iteration)`."""
    kind = type(one).__struct_config__.tag.removeprefix("step.")
    payload = getattr(one, "payload", None)
    if isinstance(one, ev.StepStarted):
        return ""
    if not isinstance(one, ev.OfStep):
        words = ["run", kind.removeprefix("workflow.")]
        if isinstance(one, ev.RunFailed):
            words.append(one.payload["code"])
        return " ".join(words)
    words = [kind.removeprefix("workflow."), one.step_id]
    if one.attempt_number > 1:
        words.append(f"#{one.attempt_number}")
    if one.iteration or isinstance(one, ev.ItemStarted | ev.ItemCompleted | ev.ItemFailed):
        words.append(f"({one.iteration})")
    match one:
        case ev.StepFailed() | ev.ItemFailed():
            words.append(payload["code"])
            words += [word for word in ("retry_at", "handler") if word in payload]
        case ev.StepSkipped():
            words.append(payload["reason"])
        case _:
            pass
    return " ".join(words)


def as_bytes(state: RunState) -> bytes:
    """Return a state as bytes, to compare two bit for bit."""
    return msgspec.json.encode(state)


def replayed(world: World, count: int) -> RunState:
    """Return the state after the first events of a history, as read back from bytes."""
    return replay(world.program, [ev.decode(line) for line in world.bytes[:count]])


def taken_up(world: World, cut: int) -> World:
    """Return a world in which a crash left only the first events, and an engine took up the run.

    Workers are dead, children live on; who got no answer asks again.
    """
    again = World(world.program, world.fates)
    again.script = Script(
        world.script.on,
        world.script.idle,
        {number: length for number, length in world.script.done.items() if length <= cut},
    )
    again.state, again._shadow = replayed(world, cut), replayed(world, cut)
    again.history, again.bytes = world.history[:cut], world.bytes[:cut]
    again.lines = [line for one in again.history if (line := told(one))]
    again.now = again.state.at
    again.published = [one for one in world.published if one[2] <= cut]
    if not again.state.ended:
        _take_up(again)
    again._act_on()
    return again


def _take_up(again: World) -> None:
    """Look at the run once, as an engine does; whoever held a task is gone."""
    again._acting = True
    for command in outstanding(again.program, again.state):
        again._note(command)
    again.do(i.Tick(again.now))
    for listen in list(again.listening.values()):
        for at, one, _ in again.published:
            again._tell(listen.step, listen, at, one)
    for frame in list(again.state.frames.values()):
        for at, step in enumerate(frame.steps):
            if isinstance(step, Running) and again.state.frames.get(frame.key) is frame:
                scope = scope_of(again.program, again.state, frame)
                head = (again.now, address(scope, frame, at), step.attempt, step.iteration)
                again.do(i.ExpireLease(*head, step.delivery))
    again._acting = False
