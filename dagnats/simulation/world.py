"""A run in a world that does as it is told: the real machine, virtual time, an answer to each step.

A world is what the machine knows and what the world owes it: which steps are left without an answer
(`held`), and whether more is to be decided. Everything else is told from the state of the run, so a
world can be copied, and gone on with in many ways.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from dagnats.ir.program import ApprovalNode, Node
from dagnats.machine import inputs as i
from dagnats.machine.advance import Transition, advance, start
from dagnats.machine.commands import GoOn
from dagnats.machine.events import Event
from dagnats.machine.invariants import violations
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    Asking,
    Calling,
    Expecting,
    Frame,
    Ready,
    Running,
    RunState,
    Sleeping,
    StepState,
    Waiting,
    address,
    scope_of,
)
from dagnats.machine.ticking import NEVER_MS, next_due_ms, open_steps
from dagnats.simulation.measures import Observed
from dagnats.simulation.metering import spent

BEGIN_MS: Final = 1_800_000_000_000
ANSWERS_MAX: Final = 100_000
"""Requests of one run; a run that takes more is told to have no end."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RunState)


class Open(Struct, frozen=True, eq=False):
    """A step that waits for the world: `key` names this very wait."""

    name: str
    key: str
    node: Node
    step: StepState
    frame: Frame
    at: int


_ANSWERS: Final = (
    i.Complete, i.Continue, i.Fail, i.Hear, i.Decide, i.EndChild, i.Tick, i.Resume,
)  # fmt: skip
_Known = dict[tuple[str, int], Open]


class Violation(Exception):  # noqa: N818 (what it is called everywhere else)
    """The run of a world has done what no run may do."""

    def __init__(self, world: "World", wrong: str) -> None:
        super().__init__(wrong)
        self.world = world


class World:
    """One run at one moment.

    `keeps` says that it remembers its events, `trusted` that what it does has been done before and
    was looked at then. `last_answer` is the request, by number, before which a run that has ended
    could last be cancelled.
    """

    __slots__ = (
        "_known", "_open", "begun", "events", "goes_on", "held", "keeps", "last_answer", "now",
        "observed", "program", "requests", "state", "trusted",
    )  # fmt: skip

    def __init__(self, program: Prepared, *, keeps: bool = False, trusted: bool = False) -> None:
        self.program = program
        self.keeps = keeps
        self.trusted = trusted
        self.last_answer: int | None = None
        self.now = BEGIN_MS
        self.held: dict[str, int] = {}
        self.goes_on = False
        self.requests: list[i.Input] = []
        self.events: list[Event] = []
        self.observed = Observed()
        self.begun: i.StartRun | None = None
        self.state: RunState
        self._open: list[Open] | None = None
        self._known: _Known = {}

    def start(self, value: Any, *, run_id: str = "simulated", trigger: Any = None) -> None:
        """Begin the run. Raises Violation."""
        request = i.StartRun(self.now, run_id, self.program.digest, value, trigger, nonce="n")
        self.begun = request
        spent()
        try:
            done = start(self.program, request)
        except AssertionError as wrong:
            raise Violation(self, f"an assertion of the machine failed: {wrong}") from wrong
        self.state = done.state
        self._take(done, request)

    def do(self, request: i.Input) -> list[Event]:
        """Let the run hear of something. Raises Violation."""
        if isinstance(request, _ANSWERS) and self.state.ending is None and not self.goes_on:
            self.last_answer = len(self.requests)
        self.requests.append(request)
        self.now = max(self.now, request.at)
        spent()
        try:
            done = advance(self.program, self.state, request)
        except AssertionError as wrong:
            raise Violation(self, f"an assertion of the machine failed: {wrong}") from wrong
        self._take(done, request)
        if len(self.requests) > ANSWERS_MAX:
            raise Violation(self, f"the run has not ended after {ANSWERS_MAX:,} requests")
        return done.events

    def hold(self, key: str, until: int) -> None:
        """Leave a step without an answer until then."""
        self.held[key] = until

    def wait(self) -> None:
        """Let time pass until something happens by itself, or a held step is to be answered."""
        due = next_due_ms(self.program, self.state)
        first = min((at for at in self.held.values() if at > self.now), default=NEVER_MS)
        # An answer that comes in the very last millisecond still counts.
        if first <= due and first < NEVER_MS:
            self.now = first
            return
        if due >= NEVER_MS:
            raise Violation(self, "the run is alive, and nothing can ever happen to it")
        self.do(i.Tick(max(self.now, due)))

    def settle(self) -> bool:
        """Do what needs no choice; whether anything was done."""
        if self.goes_on:
            self.do(i.Tick(self.now))
            return True
        if self.state.status == "pending":
            self.do(i.Admit(self.now))
            return True
        return False

    @property
    def open(self) -> list[Open]:
        """Return the steps that the world can answer, the held ones left out."""
        found = self.waiting
        limit = self.program.program.admission.concurrency
        if limit is not None and limit.max_steps is not None:
            running = sum(isinstance(one.step, Running) for one in found)
            if running >= limit.max_steps:
                found = [one for one in found if not isinstance(one.step, Ready)]
        if not self.held:
            return found
        return [one for one in found if self.held.get(one.key, 0) <= self.now]

    @property
    def waiting(self) -> list[Open]:
        """Return the steps that wait for an answer, the held ones as well."""
        if self._open is None:
            before, self._known = self._known, {}
            self._open = [
                one
                for frame, at, node, step in open_steps(self.program, self.state)
                if not isinstance(step, Sleeping | Waiting)
                and (one := self._one(before, frame, at, node, step)) is not None
            ]
            if self.held:
                alive = {one.key for one in self._open}
                self.held = {key: until for key, until in self.held.items() if key in alive}
        return self._open

    def _one(
        self, before: _Known, frame: Frame, at: int, node: Node, step: StepState
    ) -> Open | None:
        """Return an open step; what is known of it, as long as it stays the same."""
        place = frame.key, at
        found = before.get(place)
        if found is None or found.step is not step:
            name = address(scope_of(self.program, self.state, frame), frame, at)
            key = _key(name, step)
            if key is None:
                return None
            found = Open(name, key, node, step, frame, at)
        self._known[place] = found
        return found

    def is_awake(self, one: Open) -> bool:
        """Whether a step has been held already, and its time has come."""
        return one.key in self.held

    def _take(self, done: Transition, request: i.Input) -> None:
        self._open = None
        self.state = done.state
        self.goes_on = any(isinstance(command, GoOn) for command in done.commands)
        if self.keeps:
            self.events += done.events
        # An event that nobody waited for costs the engine, and is no part of the run; when somebody
        # resumes it, what waits for a worker is offered anew, as often as people like.
        cost, counts = spent(), done.events and not isinstance(request, i.Resume)
        self.observed.take(self.program, done, cost if counts else 0, goes_on=self.goes_on)
        if self.trusted:
            return
        wrong = violations(self.program, self.state, sliced=self.goes_on)
        if wrong:
            raise Violation(self, wrong[0])
        excess = self.observed.excess(self.program.program.certificate)
        if excess is not None:
            raise Violation(self, excess)

    # ── many worlds ──────────────────────────────────────────────────────────────────────────────

    def copy(self) -> "World":
        """Return a world that goes on from here by itself."""
        other = World(self.program, keeps=self.keeps)
        other.begun, other.now, other.goes_on = self.begun, self.now, self.goes_on
        other.state = _decoder.decode(_encoder.encode(self.state))
        other.held = dict(self.held)
        other.requests = list(self.requests)
        other.events = list(self.events)
        other.observed = self.observed.copy()
        other.last_answer = self.last_answer
        return other

    def mark(self) -> bytes:
        """Return what is the same for worlds in which the same can happen."""
        _ = self.waiting  # forgets what is held no more
        return _encoder.encode((self.now, sorted(self.held.items()), self.state))


def round_limit_ms(node: ApprovalNode, asking: Asking) -> int:
    """Return how long a round of an approval lasts."""
    if asking.round == 1:
        return node.timeout_ms
    return node.escalation_timeout_ms or node.timeout_ms


def _key(name: str, step: StepState) -> str | None:
    match step:
        case Ready(attempt, iteration, delivery, since):
            return f"{name}/q/{iteration}/{attempt}/{delivery}/{since}"
        case Running(attempt, iteration, delivery, since):
            return f"{name}/r/{iteration}/{attempt}/{delivery}/{since}"
        case Expecting():
            return f"{name}/e/{len(step.events)}/{step.since}"
        case Asking():
            return f"{name}/a/{step.round}/{len(step.votes)}/{step.since}"
        case Calling():
            return f"{name}/c/{step.attempt}/{step.since}"
        case _:
            return None
