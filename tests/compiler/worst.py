"""Runs that go as badly as they can: everything fails, vanishes and comes late as often as it may.

Attempts are lost with all deliveries but the last, and fail until the policy allows no other; loops
use all their iterations, waits all their events, planners all their questions. What fails in the
end is only what has a handler, what `fails` names, and what nobody can make succeed.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.ir.costs import retries
from dagnats.ir.program import AgentLoopNode, Bound, PlannerNode, Program, TaskNode
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.commands import (
    Ask,
    Command,
    Enqueue,
    GoOn,
    Listen,
    StartChild,
    Withdraw,
)
from dagnats.machine.counters import Counters, assert_within, begin, wrote
from dagnats.machine.events import Event, RunContinued, RunRetried
from dagnats.machine.invariants import recount
from dagnats.machine.prepared import Prepared, prepare
from dagnats.machine.state import Exhausted, RunState, locate
from dagnats.machine.ticking import next_due_ms

BEGIN_MS = 1_800_000_000_000
TURNS_MAX = 200_000
NOTHING = Bound(None, "")


def compiled(text: str) -> Program:
    found = compile_workflow(text, "w.yaml")
    assert found.program is not None, found.diagnostics
    return found.program


class Worst:
    """One run of a program; `fails` are steps that fail for good, `plan` what planners answer."""

    def __init__(
        self,
        program: Program,
        run_input: Any = None,
        *,
        fails: Collection[str] = (),
        plan: str = "",
    ) -> None:
        self.certificate = program.certificate
        # What is held against the certificate is held by these counters.
        free = replace(program.certificate, events=NOTHING, attempts=NOTHING)
        self.program: Prepared = prepare(replace(program, certificate=free), "sha256:test")
        self.fails = fails
        self.plan = compiled(plan) if plan else None
        self.now = BEGIN_MS
        self.types: Counter[str] = Counter()
        self.counters = Counters()
        self.busiest = self.timers = 0
        self.commands: list[Command] = []
        self.heard = 0
        self.state: RunState
        request = i.StartRun(self.now, "run1", "sha256:test", run_input)
        self.state, events, commands, _ = start(self.program, request)
        self._take(events, commands)

    def run(self) -> "Worst":
        """Go on to the end."""
        for _ in range(TURNS_MAX):
            if self.state.ended:
                return self
            self.step()
        raise AssertionError("the run does not end")

    def step(self) -> None:
        """Do one thing that is to be done, or let time pass."""
        if self.commands:
            self._answer(self.commands.pop(0))
        elif self.state.status == "paused":
            self.do(i.Resume(self.now))
        else:
            self.now = max(self.now, next_due_ms(self.program, self.state))
            self.do(i.Tick(self.now))

    def do(self, request: i.Input) -> None:
        self.state, events, commands, _ = advance(self.program, self.state, request)
        self._take(events, commands)

    def _take(self, events: list[Event], commands: list[Command]) -> None:
        for event in events:
            if isinstance(event, RunContinued | RunRetried):
                begin(self.counters)
            wrote(self.counters, event)
            self.types[event.__struct_config__.tag] += 1  # type: ignore[index]
        self.counters.running, self.counters.timers = recount(self.state)
        assert_within(self.certificate, self.counters, paused=self.state.status == "paused")
        self.busiest = max(self.busiest, self.counters.running)
        self.timers = max(self.timers, self.counters.timers + (self.state.ending is None))
        # What waits for a worker is let run all at once, before anything ends.
        self.commands += commands
        self.commands.sort(key=lambda command: not isinstance(command, Enqueue | GoOn))

    def _answer(self, command: Command) -> None:
        match command:
            case Enqueue():
                if locate(self.program, self.state, command.step) is not None:
                    self.do(i.Deliver(self.now, command.step, "w"))
                    self._deliver_all()
                    self._end(command)
            case GoOn():
                self.do(i.Tick(self.now))
            case Listen(step=step, event=name):
                for _ in range(100):
                    self.heard += 1
                    event = {"id": f"e{self.heard}", "type": name, "data": None, "at": ""}
                    self.do(i.Hear(self.now, event, step))
            case Ask(step=step, reminder=0):
                found = locate(self.program, self.state, step)
                assert found is not None
                node = self.program.scopes[found[0].scope].nodes[found[1]]
                for voter in range(node.quorum - 1):
                    groups = (*node.approvers, *node.escalation_approvers)
                    self.do(i.Decide(self.now, step, "approve", f"p{voter}", groups))
            case StartChild(step=step, child_run_id=child):
                self._child(step, child)
            case Withdraw() | _:
                pass

    def _deliver_all(self) -> None:
        """Let every attempt that waits run before the first one ends."""
        for command in self.commands:
            if isinstance(command, Enqueue) and locate(self.program, self.state, command.step):
                self.do(i.Deliver(self.now, command.step, "w"))

    def _end(self, command: Enqueue) -> None:
        node = command.node
        head = (self.now, command.step, command.attempt, command.iteration)
        if command.delivery < node.max_deliveries:
            self.do(i.ExpireLease(*head, command.delivery))
        elif command.attempt <= retries(node.retry):
            self.do(i.Fail(*head, self._code(node, command.attempt), "it failed"))
        elif node.on_failure is not None or node.id in self.fails:
            self.do(i.Fail(*head, "bad", "it failed", retryable=False))
        elif isinstance(node, AgentLoopNode):
            self.do(i.Continue(*head, command.iteration))
        elif isinstance(node, PlannerNode):
            self.do(i.Complete(*head, {}, None, self._planned(node, command.iteration)))
        else:
            self.do(i.Complete(*head, "ok"))

    def _code(self, node: TaskNode, attempt: int) -> str:
        """Return an error with which another attempt is allowed."""
        if attempt <= node.retry.max_retries:
            return "boom"
        return next(c for c, own in node.retry.by_code if attempt <= own.max_retries)

    def _planned(self, node: PlannerNode, asked: int) -> i.Plan:
        if asked <= node.max_replans:
            return i.Plan(problems=("no",))
        assert self.plan is not None
        return i.Plan(self.plan, "sha256:plan", msgspec.json.decode(codec.encode(self.plan)))

    def _child(self, step: str, child: str) -> None:
        found = locate(self.program, self.state, step)
        assert found is not None
        node, calling = (
            self.program.scopes[found[0].scope].nodes[found[1]],
            found[0].steps[found[1]],
        )
        if calling.attempt <= retries(node.retry):
            self.do(i.EndChild(self.now, step, child, "failed", None, {"code": "x", "message": ""}))
        else:
            self.do(i.EndChild(self.now, step, child, "completed", "ok"))

    @property
    def exhausted(self) -> bool:
        return any(isinstance(s, Exhausted) for f in self.state.frames.values() for s in f.steps)
