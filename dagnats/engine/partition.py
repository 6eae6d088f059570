"""One partition: every input is applied here, to the runs in memory, and nowhere else.

Synchronous and without I/O. The pump (`engine.pump`) commits what gathers in the outbox and sends
what follows; the service (`engine.service`) turns messages into the calls below. Whatever is
decided here counts only once it is committed: after any failure the whole partition is thrown away
and built again from the log.
"""

from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any

from dagnats.engine.aside import Aside
from dagnats.engine.book import Closed, Live, Summary
from dagnats.engine.faults import RunFaultError, in_words
from dagnats.engine.outbox import (
    PENDING_ANSWERS_MAX,
    PENDING_BYTES_MAX,
    PENDING_EVENTS_MAX,
    Outbox,
)
from dagnats.engine.timers import Timers
from dagnats.engine.views import Document, aside_row, closed_row, live_row
from dagnats.errors import BrokenError, RefusedError
from dagnats.machine import inputs as i
from dagnats.machine.advance import Transition, advance, next_due_ms, outstanding, start
from dagnats.machine.commands import Command, EndRun, Enqueue, Withdraw
from dagnats.machine.dispatch import DeliveryKey, Dispatcher, Ticket
from dagnats.machine.events import StepFailed, StepStarted
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import Running
from dagnats.wire.api import Ended
from dagnats.runid import minted_at_ms
from dagnats.wire.tasks import Held, Result

LEASE_MS = 10_000
ASSIGN_MAX = 1_000
"""Deliveries given out between two commits."""

LIVE_RUNS_MAX = 100_000
"""With more runs than this alive, new ones are answered `busy`."""


PREFIX_MIN = 4
"""A run may be named by the beginning of its id, from this length on."""


class Partition:
    """Runs, their waiting tasks, their timers, and what is to be committed.

    `wake` is called when something waits in the outbox, `rearm` when the earliest timer changed.
    Once `fault` is set nothing more is decided here: the partition is to be dropped.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (what recovery has put together)
        self,
        number: int,
        runs: dict[str, Live],
        aside: dict[str, Aside],
        closed: Closed,
        offset: int,
        wake: Callable[[], None],
        rearm: Callable[[], None],
    ) -> None:
        self.number = number
        self.runs = runs
        self.aside = aside
        self.closed = closed
        self.outbox = Outbox(number, offset)
        self.timers = Timers()
        self.dispatcher = Dispatcher(LEASE_MS)
        self.fault: RunFaultError | None = None
        self._wake = wake
        self._rearm = rearm

    @property
    def busy(self) -> str:
        """Return which limit keeps new runs out now, or nothing."""
        if self.outbox.pending_events > PENDING_EVENTS_MAX:
            return f"more than {PENDING_EVENTS_MAX} events wait to be stored (PENDING_EVENTS_MAX)"
        if len(self.runs) >= LIVE_RUNS_MAX:
            return f"{LIVE_RUNS_MAX} runs are alive (LIVE_RUNS_MAX)"
        return self.full

    @property
    def full(self) -> str:
        """Return which limit keeps all requests out now, or nothing."""
        if self.outbox.pending_bytes > PENDING_BYTES_MAX:
            return f"more than {PENDING_BYTES_MAX} bytes wait to be stored (PENDING_BYTES_MAX)"
        if self.outbox.pending_answers > PENDING_ANSWERS_MAX:
            return f"more than {PENDING_ANSWERS_MAX} answers wait (PENDING_ANSWERS_MAX)"
        return ""

    @property
    def remembers_all(self) -> bool:
        """Whether a run that is not listed here never was."""
        return self.closed.complete

    def is_younger(self, run_id: str) -> bool:
        """Whether a run id was minted after all that is no longer listed was minted and ended."""
        minted = minted_at_ms(run_id)
        return minted is not None and minted > self.closed.forgotten_until

    def find(self, prefix: str) -> str:
        """Return the id of the one listed run that begins so, or what was given.

        Raises RefusedError `invalid` when several do.
        """
        if prefix in self.runs or prefix in self.closed or len(prefix) < PREFIX_MIN:
            return prefix
        found = [run_id for run_id in chain(self.runs, self.aside) if run_id.startswith(prefix)]
        found += [s.run_id for s in self.closed.newest_first() if s.run_id.startswith(prefix)]
        if len(found) > 1:
            raise RefusedError("invalid", f"{len(found)} runs begin with `{prefix}`")
        return found[0] if found else prefix

    def status_of(self, run_id: str) -> str:
        """Return the status of a listed run, or nothing."""
        live = self.runs.get(run_id)
        if live is not None:
            return live.state.status
        if run_id in self.aside:
            return "running"
        known = self.closed.get(run_id)
        return known.status if known is not None else ""

    def check_able(self, run_id: str) -> None:
        """Raise RefusedError `unavailable` for a run that is set aside."""
        aside = self.aside.get(run_id)
        if aside is not None:
            raise RefusedError("unavailable", f"run `{run_id}` cannot go on: {aside.reason}")

    def workers(self, program: Prepared) -> dict[str, int]:
        """Return how many workers each task of a program has now."""
        return {node.task: self.dispatcher.workers_for(node.task) for node in program.nodes}

    def rows(self, workflow: str, status: str, limit: int) -> list[Document]:
        """Return up to `limit` runs as rows, newest first: the live ones, then the ended ones."""
        live = (live_row(one.state) for one in reversed(self.runs.values()))
        aside = (aside_row(one) for one in reversed(self.aside.values()))
        ended = (closed_row(one) for one in self.closed.newest_first())
        matching = (
            row
            for row in chain(live, aside, ended)
            if (not workflow or row["workflow"] == workflow)
            and (not status or row["status"] == status)
        )
        return list(islice(matching, limit))

    def answer(self, subject: str, payload: bytes) -> None:
        """Send an answer once everything decided so far is committed."""
        self.outbox.answer(subject, payload)
        self._wake()

    def resume(self, now: int) -> None:
        """Take up all runs after a takeover: finish cut decisions, queue, lease, arm.

        Raises RunFaultError with all runs that cannot be taken up.
        """
        reasons: dict[str, str] = {}
        for live in list(self.runs.values()):
            try:
                self._apply(live, i.Tick(at=now))
                if not live.state.ended:
                    self._take_up(live, now)
            except Exception as bug:  # noqa: BLE001 - told, and the run is set aside
                self.fault = None  # look at the others, too: one recovery sets all aside
                reasons[live.state.run_id] = in_words(bug.__cause__ or bug)
        if reasons:
            self.fault = RunFaultError(reasons)
            raise self.fault

    def _take_up(self, live: Live, now: int) -> None:
        """Rebuild queue, leases and timers of a run from its state."""
        run_id = live.state.run_id
        self._perform(live, outstanding(live.program, live.state))
        for index, step in enumerate(live.state.steps):
            if isinstance(step, Running):
                key = (run_id, index, step.iteration, step.attempt)
                self.dispatcher.restore(key, step.worker_id, step.delivery, now)
        self._arm(live)

    def start(self, program: Prepared, request: i.StartRun, notify: str) -> bool:
        """Begin a run; False when one of this id is known already.

        Raises RefusedError `conflict` when the known one is of another workflow, BrokenError when
        the machine fails, and then nothing has happened.
        """
        run_id = request.run_id
        known = self.runs.get(run_id)
        if known is not None:
            check_same(run_id, known.state.workflow, program)
            known.notify = notify or known.notify
            return False
        listed = self.closed.get(run_id) or self.aside.get(run_id)
        if listed is not None:
            check_same(run_id, listed.workflow, program)
            return False
        try:
            transition = start(program, request)
        except Exception as bug:
            raise BrokenError(f"run `{run_id}` cannot be started: {in_words(bug)}") from bug
        live = Live(program, transition.state)
        live.notify = notify
        self.runs[run_id] = live
        self._follow(live, transition)
        if not transition.state.ended:
            due = transition.state.started_at + program.program.timeout_ms
            self._arm_at(run_id, due)
        return True

    def cancel(self, run_id: str, reason: str, now: int) -> bool:
        """End a run; False when no such run is alive."""
        live = self.runs.get(run_id)
        if live is None:
            return False
        self._apply(live, i.Cancel(at=now, reason=reason))
        return True

    def take_results(self, worker_id: str, results: Iterable[Result], now: int) -> None:
        """Apply what a worker returned; each is accepted, also if it is of the past.

        One of a run that is set aside is the worker's to keep.
        """
        for result in results:
            if result.run_id in self.aside:
                continue
            self._take_result(worker_id, result, now)
            held = Held(
                result.run_id, result.step, result.attempt, result.delivery, result.iteration
            )
            # Its group may be sealed by now: a later one is as true, and later is never too early.
            self.outbox.current.accepted.setdefault(worker_id, {})[held] = None
        self._wake()

    def _take_result(self, worker_id: str, result: Result, now: int) -> None:
        live = self.runs.get(result.run_id)
        if live is None:
            return
        index = live.program.index.get(result.step)
        if index is None:
            return
        attempt, iteration = result.attempt, result.iteration
        transition = self._decide(live, _as_input(index, result, now))
        if not transition.events:
            return
        holder = self.dispatcher.withdraw((result.run_id, index, iteration, attempt))
        if holder is not None and holder != worker_id:
            self._stop(holder, live, index, attempt, iteration)
        self._follow(live, transition)

    def say_hello(
        self, worker_id: str, tasks: list[str], concurrency: int, held: list[Held], now: int
    ) -> None:
        """Let a worker take part; what it does not hold is delivered again."""
        self.dispatcher.seat(worker_id, frozenset(tasks), concurrency, now)
        keys = self._keys(held)
        self.dispatcher.beat(worker_id, keys, now)
        self.dispatcher.disown(worker_id, keys, now)
        self._wake()

    def beat(self, worker_id: str, held: list[Held], now: int) -> bool:
        """Extend leases; False when the worker is not known and should say hello."""
        self.dispatcher.beat(worker_id, self._keys(held), now)
        return self.dispatcher.knows(worker_id)

    def assign(self, now: int) -> None:
        """Give waiting deliveries to workers with room."""
        if not self.dispatcher.waiting_count:
            return
        for worker_id, ticket in self.dispatcher.assign(now, ASSIGN_MAX):
            live = self.runs[ticket.run_id]
            transition = self._decide(
                live, i.Deliver(at=now, step=ticket.step, worker_id=worker_id)
            )
            self._follow(live, transition)
            # Not before the event of the delivery: if that sealed the group, ride with the next.
            deliveries = self.outbox.current.deliveries
            deliveries.setdefault(worker_id, []).append(ticket)

    def sweep(self, now: int) -> None:
        """Act on leases that have run out."""
        for (run_id, index, iteration, attempt), delivery in self.dispatcher.expired(now):
            live = self.runs.get(run_id)
            if live is None:
                self.dispatcher.withdraw((run_id, index, iteration, attempt))
                continue
            expire = i.ExpireLease(
                at=now, step=index, attempt=attempt, iteration=iteration, delivery=delivery
            )
            transition = self._decide(live, expire)
            holder = self.dispatcher.withdraw((run_id, index, iteration, attempt))
            if holder is not None:
                self._stop(holder, live, index, attempt, iteration)
            self._follow(live, transition)
        self._wake()

    def tick(self, now: int) -> None:
        """Act on runs whose time has come."""
        for run_id in self.timers.pop_due(now):
            live = self.runs.get(run_id)
            if live is None:
                continue
            if next_due_ms(live.program, live.state) <= now:
                self._apply(live, i.Tick(at=now))
            if not live.state.ended:
                self._arm(live)

    def _decide(self, live: Live, request: i.Input) -> Transition:
        """Ask the machine. Raises RunFaultError."""
        if self.fault is not None:
            raise self.fault
        try:
            return advance(live.program, live.state, request)
        except Exception as bug:
            raise self._failed(live, bug) from bug

    def _failed(self, live: Live, bug: Exception) -> RunFaultError:
        """Note that the state of a run, or what waits in the outbox, is not whole any more."""
        self.fault = RunFaultError({live.state.run_id: in_words(bug)})
        return self.fault

    def _apply(self, live: Live, request: i.Input) -> None:
        self._follow(live, self._decide(live, request))

    def _follow(self, live: Live, transition: Transition) -> None:
        """Record the events of a decision, then do what it commands once they are committed."""
        try:
            self._record(live, transition)
        except Exception as bug:
            raise self._failed(live, bug) from bug

    def _record(self, live: Live, transition: Transition) -> None:
        state, events, commands = transition
        if not events:
            return
        live.dirty = True
        self.outbox.record(state.run_id, events)
        for event in events:
            if isinstance(event, StepStarted):
                index = live.program.index[event.step_id]
                self._arm_at(state.run_id, state.at + live.program.nodes[index].timeout_ms)
            elif isinstance(event, StepFailed):
                due = event.payload.get("retry_at")
                if due is not None:
                    self._arm_at(state.run_id, due)
        if commands:
            self._perform(live, commands)
        self._wake()

    def _perform(self, live: Live, commands: Iterable[Command]) -> None:
        run_id, program = live.state.run_id, live.program
        for command in commands:
            match command:
                case Enqueue():
                    node = program.nodes[command.step]
                    self.dispatcher.offer(
                        Ticket(
                            run_id,
                            command.step,
                            command.iteration,
                            command.attempt,
                            command.delivery,
                            node.task,
                            command.input,
                            command.loop_state,
                        )
                    )
                    if node.queue_timeout_ms < program.program.timeout_ms:
                        self._arm_at(run_id, live.state.at + node.queue_timeout_ms)
                case Withdraw():
                    key = (run_id, command.step, command.iteration, command.attempt)
                    holder = self.dispatcher.withdraw(key)
                    if holder is not None:
                        self._stop(holder, live, command.step, command.attempt, command.iteration)
                case EndRun():
                    self._close(live)

    def _close(self, live: Live) -> None:
        state = live.state
        del self.runs[state.run_id]
        self.timers.forget(state.run_id)
        self.closed.add(summary(live))
        if live.notify:
            ended = Ended(state.run_id, state.status, state.output, state.error)
            self.outbox.current.ended.setdefault(live.notify, []).append(ended)

    def _stop(self, worker_id: str, live: Live, index: int, attempt: int, iteration: int) -> None:
        held = Held(live.state.run_id, live.program.nodes[index].id, attempt, 1, iteration)
        self.outbox.current.cancels.setdefault(worker_id, []).append(held)

    def _keys(self, held: list[Held]) -> set[DeliveryKey]:
        keys = set()
        for one in held:
            live = self.runs.get(one.run_id)
            index = live.program.index.get(one.step) if live else None
            if index is not None:
                keys.add((one.run_id, index, one.iteration, one.attempt))
        return keys

    def _arm(self, live: Live) -> None:
        self._arm_at(live.state.run_id, next_due_ms(live.program, live.state))

    def _arm_at(self, run_id: str, due: int) -> None:
        if self.timers.arm(run_id, due):
            self._rearm()


def check_same(run_id: str, workflow: str, program: Prepared) -> None:
    """Raise RefusedError `conflict` when a run's workflow is not the one that was asked for."""
    if workflow != program.program.name:
        raise RefusedError("conflict", f"run `{run_id}` is one of workflow `{workflow}`")


def summary(live: Live) -> Summary:
    """Return what is kept in the list of an ended run."""
    state = live.state
    return Summary(
        run_id=state.run_id,
        workflow=state.workflow,
        digest=state.digest,
        status=state.status,
        started_at=state.started_at,
        ended_at=state.at,
        seq=state.seq,
    )


def _as_input(index: int, result: Result, now: int) -> i.Complete | i.Continue | i.Fail:
    problem: Any = result.error
    if problem is not None:
        return i.Fail(
            at=now,
            step=index,
            attempt=result.attempt,
            iteration=result.iteration,
            code=problem.code,
            message=problem.message,
            retryable=problem.retryable,
            retry_after_ms=problem.retry_after_ms,
            details=problem.details,
        )
    make = i.Continue if result.continued else i.Complete
    return make(now, index, result.attempt, result.iteration, result.output)
