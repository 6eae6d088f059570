"""One decision in the making: collects events, folds each at once, and notes what must follow."""

from typing import Any

from dagnats.machine import events as ev
from dagnats.machine.commands import Command, EndRun, Enqueue, Withdraw
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    Attempt,
    Completed,
    Open,
    Ready,
    Running,
    RunState,
    born,
    evolve,
)


class Turn:
    """The events and commands of one `advance`; `state` is always the fold of all events so far.

    `fatal` is the error of a step that failed for good and that no dependent accepts.
    """

    __slots__ = ("at", "commands", "events", "fatal", "program", "state", "timestamp")

    def __init__(self, program: Prepared, state: RunState, at: int) -> None:
        self.program = program
        self.state = state
        # A clock that steps back must not reorder a run: event time never does.
        self.at = max(at, state.at)
        self.timestamp = ev.rfc3339(self.at)
        self.events: list[ev.Event] = []
        self.commands: list[Command] = []
        self.fatal: dict[str, Any] | None = None

    @classmethod
    def first(cls, program: Prepared, run_id: str, run_input: Any, at: int) -> "Turn":
        """Open the turn that begins a run."""
        started = ev.RunStarted(
            seq=1,
            run_id=run_id,
            workflow=program.program.name,
            generation=1,
            timestamp=ev.rfc3339(at),
            payload={"digest": program.digest, "input": run_input},
        )
        turn = cls(program, born(program, started), at)
        turn.events.append(started)
        return turn

    def _add(self, event: ev.Event) -> None:
        self.events.append(event)
        evolve(self.program, self.state, event)

    def queue(self, index: int, attempt: int, iteration: int, task_input: Any) -> None:
        """Let an attempt wait for a worker."""
        state = self.state
        self._add(
            ev.StepQueued(
                state.seq + 1,
                state.run_id,
                state.workflow,
                state.generation,
                self.timestamp,
                self.program.nodes[index].id,
                attempt,
                iteration,
            )
        )
        self.offer(index, attempt, iteration, 1, task_input)

    def offer(
        self, index: int, attempt: int, iteration: int, delivery: int, task_input: Any
    ) -> None:
        """Command that a waiting delivery be dispatched."""
        loop_state = self.state.loops[index].state if iteration else None
        self.commands.append(Enqueue(index, attempt, iteration, delivery, task_input, loop_state))

    def start(self, index: int, ready: Ready, worker_id: str) -> None:
        """Record that a delivery goes to a worker."""
        state = self.state
        self._add(
            ev.StepStarted(
                state.seq + 1,
                state.run_id,
                state.workflow,
                state.generation,
                self.timestamp,
                self.program.nodes[index].id,
                ready.attempt,
                ready.iteration,
                worker_id,
                ready.delivery,
            )
        )

    def complete(self, index: int, was: Running, output: Any) -> None:
        """End a step well."""
        state = self.state
        self._add(
            ev.StepCompleted(
                state.seq + 1,
                state.run_id,
                state.workflow,
                state.generation,
                self.timestamp,
                self.program.nodes[index].id,
                was.attempt,
                was.iteration,
                output,
            )
        )

    def go_on(self, index: int, was: Running, loop_state: Any) -> None:
        """End an iteration of a loop that has another before it."""
        self._add(
            ev.StepContinued(
                *self._head(),
                self.program.nodes[index].id,
                was.attempt,
                was.iteration,
                loop_state,
            )
        )

    def fail(self, index: int, was: Attempt | None, error: dict[str, Any]) -> None:
        """End an attempt badly; `error["retry_at"]` says when the next one follows, if one does."""
        self._add(
            ev.StepFailed(
                *self._head(),
                step_id=self.program.nodes[index].id,
                attempt_number=was.attempt if was else 0,
                iteration=was.iteration if was else 0,
                payload=error,
            )
        )
        if "retry_at" not in error and not self.program.tolerated[index]:
            self.fatal = error

    def lose(self, index: int, was: Running) -> None:
        """Record that a worker vanished with a delivery."""
        self._add(
            ev.StepLost(
                *self._head(),
                self.program.nodes[index].id,
                was.attempt,
                was.iteration,
                was.worker_id,
                was.delivery,
            )
        )

    def skip(self, index: int, reason: str) -> None:
        """Pass a step over."""
        self._add(
            ev.StepSkipped(
                *self._head(), step_id=self.program.nodes[index].id, payload={"reason": reason}
            )
        )

    def cancel(self, index: int) -> None:
        """End an open step with its run."""
        was = self.state.steps[index]
        attempt, iteration = 0, 0
        if isinstance(was, Open):
            attempt, iteration = was.attempt, was.iteration
            self.withdraw(index)
        self._add(ev.StepCancelled(*self._head(), self.program.nodes[index].id, attempt, iteration))

    def withdraw(self, index: int) -> None:
        """Take an attempt back from queue or worker, if there is one."""
        was = self.state.steps[index]
        if isinstance(was, Ready | Running):
            self.commands.append(Withdraw(index, was.attempt, was.iteration))

    def request_cancel(self, reason: str) -> None:
        """Record that the run is to end."""
        self._add(ev.CancelRequested(*self._head(), payload={"reason": reason}))

    def end_completed(self, output: Any) -> None:
        """End the run well."""
        self._add(ev.RunCompleted(*self._head(), output))
        self.commands.append(EndRun())

    def end_failed(self, error: dict[str, Any]) -> None:
        """End the run badly."""
        self._add(ev.RunFailed(*self._head(), error))
        self.commands.append(EndRun())

    def end_cancelled(self, error: dict[str, Any]) -> None:
        """End the run on request."""
        self._add(ev.RunCancelled(*self._head(), error))
        self.commands.append(EndRun())

    def output_of(self, index: int) -> Any:
        """Return the output of a step; null unless it completed."""
        ended = self.state.steps[index]
        return ended.output if isinstance(ended, Completed) else None

    def _head(self) -> tuple[int, str, str, int, str]:
        state = self.state
        return (state.seq + 1, state.run_id, state.workflow, state.generation, self.timestamp)
