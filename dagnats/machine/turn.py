"""One decision in the making: collects events, folds each at once, and notes what must follow."""

from collections.abc import Iterable
from typing import Any

from dagnats.ir.program import Node, TaskNode
from dagnats.machine import events as ev
from dagnats.machine.commands import Command, Enqueue, Withdraw
from dagnats.machine.errors import Error
from dagnats.machine.evolve import born, evolve, evolve_step
from dagnats.machine.prepared import TOP, Prepared, Scope
from dagnats.machine.state import (
    Failed,
    Frame,
    Ready,
    Running,
    RunState,
    StepState,
    address,
    program_of,
    scope_of,
)
from dagnats.machine.values import rate_key

EVENTS_PER_TURN_MAX = 2_000
"""A decision that comes to more events stops between two steps or items, and goes on soon."""

Head = tuple[int, str, str, int, str]


class Turn:
    """The events and commands of one `advance`; `state` is always the fold of all events so far."""

    __slots__ = (
        "at",
        "commands",
        "containers",
        "events",
        "failed",
        "lines",
        "looks",
        "program",
        "state",
        "timestamp",
    )

    def __init__(self, program: Prepared, state: RunState, at: int) -> None:
        self.program = program
        self.state = state
        # A clock that steps back must not reorder a run: event time never does.
        self.at = max(at, state.at)
        self.timestamp = ev.rfc3339(self.at)
        self.events: list[ev.Event] = []
        self.lines: list[bytes] = []
        self.commands: list[Command] = []
        # What is still to be decided: steps of frames, containers, and frames that have failed.
        self.looks: dict[str, list[int]] = {}
        self.containers: dict[tuple[str, int], None] = {}
        self.failed: dict[str, Error] = {}

    @classmethod
    def first(
        cls, program: Prepared, run_id: str, birth: dict[str, Any], at: int, *, pending: bool
    ) -> "Turn":
        """Open the turn that begins a run, which waits for a gate when it is `pending`."""
        kind = ev.RunPending if pending else ev.RunStarted
        started = kind(
            seq=1,
            run_id=run_id,
            workflow=program.program.name,
            generation=1,
            timestamp=ev.rfc3339(at),
            payload=birth,
        )
        line = ev.encode(started)
        turn = cls(program, born(program, started, len(line)), at)
        turn.events.append(started)
        turn.lines.append(line)
        return turn

    @property
    def full(self) -> bool:
        """Whether the decision is to stop where it can be taken up again."""
        return len(self.events) >= EVENTS_PER_TURN_MAX

    def look(self, frame: Frame, steps: Iterable[int] | None = None) -> None:
        """Decide these steps of a frame, or all, soon; and whether the frame has ended."""
        more = range(len(frame.steps)) if steps is None else steps
        todo = self.looks.get(frame.key)
        if todo is None:
            self.looks[frame.key] = list(more)
        else:
            todo.extend(more)

    def look_at(self, frame: Frame, at: int) -> None:
        """Let a container go on soon."""
        self.containers[frame.key, at] = None

    def settled(self, frame: Frame, at: int) -> None:
        """Go on soon with what follows from the end of a step."""
        scope, ended = self.scope(frame), frame.steps[at]
        if scope.kind == "single":
            assert frame.parent is not None
            self.look_at(self.state.frames[frame.parent], frame.at)
        elif type(ended) is Failed and not scope.tolerated[at]:
            self.failed.setdefault(frame.key, ended.error)
        else:
            self.look(frame, scope.dependents[at])

    def head(self) -> Head:
        """Return the envelope of the next event."""
        state = self.state
        return (state.seq + 1, state.run_id, state.workflow, state.generation, self.timestamp)

    def add(self, event: ev.Event) -> None:
        """Record that something has happened."""
        line = ev.encode(event)
        self.events.append(event)
        self.lines.append(line)
        evolve(self.program, self.state, event, len(line))

    def add_of(self, frame: Frame, at: int, event: ev.Event) -> None:
        """Record that something has happened to a step that is there."""
        line = ev.encode(event)
        self.events.append(event)
        self.lines.append(line)
        evolve_step(self.program, self.state, frame, at, event, len(line))

    def scope(self, frame: Frame) -> Scope:
        """Return the scope that a frame executes."""
        if not frame.plan:
            return self.program.scopes[frame.scope]
        return scope_of(self.program, self.state, frame)

    def scope_of(self, frame: Frame, number: int) -> Scope:
        """Return a scope of the program that a frame's steps are of."""
        return program_of(self.program, self.state, frame).scopes[number]

    def name(self, frame: Frame, at: int) -> str:
        """Return the address of a step."""
        if not frame.key:
            return self.program.scopes[TOP].nodes[at].id
        return address(self.scope(frame), frame, at)

    def queue(  # noqa: PLR0913, PLR0917 (an attempt, and what it is given)
        self,
        frame: Frame,
        at: int,
        attempt: int,
        iteration: int,
        task_input: Any,
        loop_state: Any = None,
    ) -> None:
        """Let an attempt wait for a worker; `loop_state` is what a loop begins with."""
        step, node = self.name(frame, at), self.scope(frame).nodes[at]
        begins = None if loop_state is None else {"state": loop_state}
        state = self.state
        queued = ev.StepQueued(
            state.seq + 1,
            state.run_id,
            state.workflow,
            state.generation,
            self.timestamp,
            step,
            attempt,
            iteration,
            begins,
        )
        self.add_of(frame, at, queued)
        ready = frame.steps[at]
        assert isinstance(ready, Ready)
        self._offer(frame, at, step, node, ready, task_input)

    def offer(self, frame: Frame, at: int, ready: Ready, task_input: Any) -> None:
        """Command that a waiting delivery be dispatched."""
        step, node = self.name(frame, at), self.scope(frame).nodes[at]
        self._offer(frame, at, step, node, ready, task_input)

    def _offer(  # noqa: PLR0913, PLR0917 (a step, and what its attempt is given)
        self, frame: Frame, at: int, step: str, node: Node, ready: Ready, task_input: Any
    ) -> None:
        assert isinstance(node, TaskNode)
        iteration, carried, counted_by = ready.iteration, None, ""
        if iteration:
            carried = self.state.loops[step].state
        if node.keyed_rate_limit is not None:
            loop = {"iteration": iteration, "state": carried} if iteration else None
            counted_by = rate_key(self.program, self.state, frame, at, loop)
        self.commands.append(
            Enqueue(
                step,
                ready.attempt,
                iteration,
                ready.delivery,
                task_input,
                carried,
                node,
                counted_by,
            )
        )

    def complete(
        self,
        frame: Frame,
        at: int,
        output: Any,
        *,
        error: dict[str, Any] | None = None,
        usage: dict[str, float] | None = None,
    ) -> None:
        """End a step well."""
        was = frame.steps[at]
        if type(was) is Running:  # nearly always
            step, attempt, iteration = self.name(frame, at), was.attempt, was.iteration
        else:
            step, attempt, iteration = self._spoken_of(frame, at)
        state = self.state
        ended = ev.StepCompleted(
            state.seq + 1,
            state.run_id,
            state.workflow,
            state.generation,
            self.timestamp,
            step,
            attempt,
            iteration,
            output,
            error,
            usage,
        )
        self.add_of(frame, at, ended)

    def fail(
        self,
        frame: Frame,
        at: int,
        error: dict[str, Any],
        usage: dict[str, float] | None = None,
    ) -> None:
        """End an attempt badly; `retry_at` or `handler` in the error say what follows."""
        step, attempt, iteration = self._spoken_of(frame, at)
        failed = ev.StepFailed(
            *self.head(),
            step_id=step,
            attempt_number=attempt,
            iteration=iteration,
            payload=error,
            usage=usage,
        )
        self.add_of(frame, at, failed)

    def skip(self, frame: Frame, at: int, reason: str) -> None:
        """Pass a step over."""
        step, attempt, iteration = self._spoken_of(frame, at)
        skipped = ev.StepSkipped(
            *self.head(),
            step_id=step,
            attempt_number=attempt,
            iteration=iteration,
            payload={"reason": reason},
        )
        self.add_of(frame, at, skipped)

    def cancel(self, frame: Frame, at: int) -> None:
        """End a step with what it belongs to."""
        step, attempt, iteration = self._spoken_of(frame, at)
        self.withdraw(frame, at)
        self.add_of(frame, at, ev.StepCancelled(*self.head(), step, attempt, iteration))

    def withdraw(self, frame: Frame, at: int) -> None:
        """Take an attempt back from queue or worker, if there is one."""
        was = frame.steps[at]
        if isinstance(was, Ready | Running):
            self.commands.append(
                Withdraw(self.name(frame, at), was.attempt, was.iteration, self.state.life)
            )

    def _spoken_of(self, frame: Frame, at: int) -> tuple[str, int, int]:
        was: StepState = frame.steps[at]
        step = self.name(frame, at)
        return step, getattr(was, "attempt", 0), getattr(was, "iteration", 0)


def top(turn: Turn) -> Frame:
    """Return the frame of the steps at the top."""
    assert TOP == 0
    return turn.state.frames[""]
