"""One partition: every input is applied here, to the runs in memory, and nowhere else.

Synchronous and without I/O. The pump (`engine.pump`) commits what gathers in the outbox and sends
what follows; the service (`engine.service`) turns messages into calls of what works on a partition:
`intake` (runs begin), `shop` (workers), `desk` (people and events). Whatever is decided here counts
only once it is committed: after any failure the whole partition is thrown away and built again from
the log.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from dagnats.engine import errands
from dagnats.engine.aside import Aside
from dagnats.engine.book import REFERENCE, Closed, Live
from dagnats.engine.faults import RunFaultError, in_words
from dagnats.engine.letters import Letters
from dagnats.engine.listeners import Listeners
from dagnats.engine.mailbox import Mailbox
from dagnats.engine.notes import letter_of, summary, tell_parent, ticket_of
from dagnats.engine.outbox import (
    PENDING_ANSWERS_MAX,
    PENDING_BYTES_MAX,
    PENDING_EVENTS_MAX,
    Outbox,
)
from dagnats.engine.records import PARTITION, EventPublished, Record
from dagnats.engine.timers import Timers
from dagnats.engine.views import approval_row
from dagnats.errors import RefusedError
from dagnats.ir.program import TaskNode
from dagnats.machine import commands as c
from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine.advance import Transition, advance
from dagnats.machine.dispatch import DeliveryKey, Dispatcher
from dagnats.machine.gates import Gates
from dagnats.machine.state import locate
from dagnats.machine.ticking import due_ms, next_due_ms
from dagnats.machine.turn import Turn
from dagnats.wire.api import Ended
from dagnats.wire.tasks import Held

LEASE_MS = 10_000

LIVE_RUNS_MAX = 250_000
"""With more runs than this alive, new ones are answered `busy`."""

HEARD_AT_ONCE_MAX = 500
"""Runs that hear of an event, or go on, before an append of that may begin."""

_TIMED: Final = frozenset(
    {
        ev.StepContinued,
        ev.StepFailed,
        ev.SleepStarted,
        ev.WaitStarted,
        ev.ApprovalRequested,
        ev.ApprovalReminded,
        ev.ChildSpawned,
        ev.PlanRefused,
    }
)
"""Events after which time has something to do; those of attempts are armed as they are dealt."""


@dataclass(slots=True)
class Rounds:
    """Where the last look at all runs has stopped."""

    todo: list[str]
    next_at: int = 0
    count: int = 0


@dataclass(slots=True)
class Contents:
    """What recovery has put together."""

    runs: dict[str, Live]
    aside: dict[str, Aside]
    closed: Closed
    mailbox: Mailbox
    letters: Letters
    keys: dict[tuple[str, str], tuple[str, int]]
    """Idempotency keys: workflow and key, with the run and when it began (ms)."""
    buckets: Any
    """Levels of rate limits, as the dispatcher keeps them."""
    starts: list[tuple[TaskNode, str, int]]
    """Starts since then that count against a rate limit: of which task, by which key, when (ms)."""
    purging: dict[str, int] = field(default_factory=dict)
    """Forgotten runs of which something may be stored; in the history up to this position."""
    latest: int = 0
    """The latest time that any event has (ms): the clocks of owners differ."""


class Partition:
    """Runs, their waiting tasks, their timers, and what is to be committed.

    `wake` is called when something waits in the outbox, `rearm` when the earliest timer changed.
    Once `fault` is set nothing more is decided here: the partition is to be dropped.
    """

    def __init__(
        self,
        number: int,
        contents: Contents,
        offset: int,
        wake: Callable[[], None],
        rearm: Callable[[], None],
    ) -> None:
        self.number = number
        self.runs = contents.runs
        self.aside = contents.aside
        self.closed = contents.closed
        self.mailbox = contents.mailbox
        self.letters = contents.letters
        self.keys = contents.keys
        self.purging = contents.purging
        self.purges = 0
        """How often runs were forgotten here: whoever read one before that has read too early."""
        self.outbox = Outbox(number, offset)
        self.timers = Timers()
        self.dispatcher = Dispatcher(LEASE_MS)
        self.held_until = 0
        """Until then no attempt is over that a worker held before the takeover: it has a lease to
        bring what it has come to while nobody served."""
        if contents.buckets is not None:
            self.dispatcher.load_buckets(contents.buckets)
        for node, key, at in contents.starts:
            self.dispatcher.count_started(node, key, at)
        self.gates = Gates()
        self.fault: RunFaultError | None = None
        self.now = 0
        self.latest = contents.latest
        """No event that comes here counts as older than what has happened before it."""
        self.rounds = Rounds([])
        self.going_on: deque[str] = deque()
        self.hearing: deque[tuple[str, str, dict[str, Any]]] = deque()
        self.listeners = Listeners()
        self.wake = wake
        self._rearm = rearm

    # ── limits ───────────────────────────────────────────────────────────────────────────────────

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
    def listener_count(self) -> int:
        """Return how many steps and runs hear of events."""
        return len(self.listeners)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

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

    def alive(self, run_id: str) -> Live:
        """Return a live run. Raises RefusedError `not_found`, `conflict` for one that has ended."""
        self.check_able(run_id)
        live = self.runs.get(run_id)
        if live is not None:
            return live
        status = self.status_of(run_id)
        if not status:
            raise RefusedError("not_found", f"no run `{run_id}`")
        raise RefusedError("conflict", f"run `{run_id}` has ended: {status}")

    def answer(self, subject: str, payload: bytes) -> None:
        """Send an answer once everything decided so far is committed."""
        self.outbox.answer(subject, payload)
        self.wake()

    def add(self, live: Live, transition: Transition) -> None:
        """Take in a run that has just begun."""
        state = transition.state
        self.runs[state.run_id] = live
        self.listeners.add_run(live)
        self.follow(live, transition)
        if state.run_id in self.runs:
            self.arm_at(state.run_id, state.timeout_from + live.program.program.timeout_ms)

    def apply(self, live: Live, request: i.Input) -> None:
        """Decide what an input means for a run, and do what follows. Raises RunFaultError."""
        self.follow(live, self.decide(live, request))

    def decide(self, live: Live, request: i.Input) -> Transition:
        """Ask the machine. Raises RunFaultError."""
        if self.fault is not None:
            raise self.fault
        self.now = request.at
        try:
            return advance(live.program, live.state, request)
        except Exception as bug:
            raise self._failed(live, bug) from bug

    def follow(self, live: Live, transition: Transition) -> None:
        """Record the events of a decision, then do what it commands once they are committed."""
        try:
            self._record(live, transition)
        except RunFaultError:
            raise
        except Exception as bug:
            raise self._failed(live, bug) from bug

    def _failed(self, live: Live, bug: Exception) -> RunFaultError:
        """Note that the state of a run, or what waits in the outbox, is not whole any more."""
        self.fault = RunFaultError({live.state.run_id: in_words(bug)})
        return self.fault

    def _record(self, live: Live, transition: Transition) -> None:
        events, commands, lines = transition.events, transition.commands, transition.lines
        if not events:
            return
        state = transition.state
        live.dirty = True
        if state.at > self.latest:  # noqa: PLR1730 (for every decision)
            self.latest = state.at
        for command in commands:
            if type(command) is c.Publish:
                # Before the events that rest on it: a crash in between repeats the step, not loses.
                self.publish(command.event_id, command.event, command.data)
        self.outbox.record(state.run_id, lines)
        for line in lines:
            if REFERENCE in line:
                live.note_references(line)
        if not _TIMED.isdisjoint(map(type, events)):
            self._arm_steps(live, events)
        if commands:
            self.perform(live, commands)
        self.wake()

    def _arm_steps(self, live: Live, events: Iterable[ev.Event]) -> None:
        for event in events:
            if isinstance(event, ev.OfStep) and type(event) in _TIMED:
                self._arm_step(live, event.step_id)

    def perform(  # noqa: C901 (one case for each command)
        self, live: Live, commands: Iterable[c.Command]
    ) -> None:
        """Do what the machine commands, or let it be done after the commit."""
        for command in commands:
            match command:
                case c.Enqueue():
                    self._enqueue(live, command)
                case c.Withdraw():
                    key = (live.run_id, command.step, command.iteration, command.attempt)
                    self.stop(key, command.life)
                case c.EndRun():
                    self._close(live)
                case c.Publish():
                    pass
                case c.Listen():
                    self._listen(live, command)
                case c.GoOn():
                    self.going_on.append(live.run_id)
                case c.StartChild():
                    self.spawn(live, command)
                case c.CancelChild():
                    reason = f"its parent `{live.run_id}` waits no more"
                    self.send(errands.StopChild(command.child_run_id, reason))
                case c.Ask():
                    self._ask(live, command)
                case c.Respond():
                    self.send(
                        errands.AnswerHttp(
                            live.run_id,
                            command.status,
                            command.headers,
                            command.body,
                            command.content_type,
                        )
                    )

    def send(self, errand: errands.Errand) -> None:
        """Let an errand be done after the commit."""
        self.outbox.current.errands.append(errand)
        self.wake()

    def record(self, record: Record) -> None:
        """Write a fact about the partition itself."""
        self.outbox.record(PARTITION, [ev.encode(record)])
        self.wake()

    # ── attempts ─────────────────────────────────────────────────────────────────────────────────

    def _enqueue(self, live: Live, command: c.Enqueue) -> None:
        node = command.node
        ticket = ticket_of(live, command, self.now)
        self.dispatcher.offer(ticket)
        if node.queue_timeout_ms < live.program.program.timeout_ms:
            self.arm_at(ticket.run_id, live.state.at + node.queue_timeout_ms)

    def stop(self, key: DeliveryKey, life: int) -> None:
        """Take an attempt back, and tell the worker that holds it."""
        holder = self.dispatcher.withdraw(key)
        if holder is not None:
            run_id, step, iteration, attempt = key
            held = Held(run_id, step, attempt, 1, iteration, life)
            self.outbox.current.cancels.setdefault(holder, []).append(held)

    # ── what waits ───────────────────────────────────────────────────────────────────────────────

    def spawn(self, live: Live, command: c.StartChild) -> None:
        """Ask for a child, or how far it is."""
        if live.calls is None:
            live.calls = {}
        live.calls[command.step] = command
        parent = live.state.birth.get("parent") or {}
        self.send(
            errands.SpawnChild(
                live.state.run_id,
                command.step,
                command.child_run_id,
                command.workflow,
                command.version,
                command.input,
                command.detached,
                parent.get("depth", 0) + 1,
                self.number,
                command.ends_with,
            )
        )

    def _ask(self, live: Live, command: c.Ask) -> None:
        if live.asks is None:
            live.asks = {}
        live.asks[command.step] = None
        node, document = approval_row(live, command.step)
        self.send(
            errands.ShowApproval(
                live.state.run_id,
                command.step,
                command.round,
                command.reminder,
                node,
                document,
            )
        )

    def _listen(self, live: Live, command: c.Listen) -> None:
        self.listeners.add(live, command.step, command.event)
        self.mailbox.expire(self.now)
        for event in self.mailbox.since(command.event, command.since):
            self.hearing.append((live.run_id, command.step, event))

    def publish(self, event_id: str, kind: str, data: object) -> bool:
        """Store an event and let everybody hear of it; False when it is known already."""
        event = {"id": event_id, "type": kind, "data": data, "at": ev.rfc3339(self.now)}
        return self.take_event(event, spread=True)

    def take_event(self, event: dict[str, Any], *, spread: bool) -> bool:
        """Store an event that came from here or from another partition."""
        if event["id"] in self.mailbox:
            return False
        at = self.latest = max(self.now, self.latest)
        self.record(EventPublished(timestamp=ev.rfc3339(at), payload=event))
        self.mailbox.add(at, event)
        kind = str(event["type"])
        for run_id, step in self.listeners.of(kind):
            self.hearing.append((run_id, step, event))
        if spread:
            self.mailbox.unspread[event["id"]] = None
            self.send(errands.SpreadEvent(event))
        return True

    def go_on(self, now: int) -> bool:
        """Do a bounded part of what has been put off; returns whether anything was."""
        done = 0
        while self.hearing and done < HEARD_AT_ONCE_MAX:
            run_id, step, event = self.hearing.popleft()
            live = self.runs.get(run_id)
            if live is not None:
                self.apply(live, i.Hear(at=now, event=event, step=step))
            done += 1
        while self.going_on and done < HEARD_AT_ONCE_MAX:
            live = self.runs.get(self.going_on.popleft())
            if live is not None:
                self.apply(live, i.Tick(at=now, held_until=self.held_until))
            done += 1
        return done > 0

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def arm(self, live: Live) -> None:
        """Arm the next time that a run is to be looked at."""
        state = live.state
        due = next_due_ms(live.program, state, self.held_until)
        start_at = state.birth.get("start_at")
        if state.status == "pending" and start_at is not None:
            # One that waits at a gate has been there, and must not be looked at again and again.
            due = due if self.gates.knows(state.run_id) else min(due, start_at)
        self.arm_at(state.run_id, due)

    def arm_at(self, run_id: str, due: int) -> None:
        """Look at a run at `due` (ms) or before."""
        if self.timers.arm(run_id, due):
            self._rearm()

    def _arm_step(self, live: Live, step: str) -> None:
        found = locate(live.program, live.state, step)
        if found is None:
            return
        frame, at = found
        node = Turn(live.program, live.state, 0).scope(frame).nodes[at]
        due = due_ms(node, frame.steps[at], self.held_until)
        if due is not None:
            self.arm_at(live.state.run_id, due)

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────

    def _close(self, live: Live) -> None:
        state = live.state
        run_id = state.run_id
        del self.runs[run_id]
        self.timers.forget(run_id)
        self.dispatcher.forget_run(run_id)
        self.listeners.remove(live)
        self.closed.add(summary(live))
        if state.status == "failed":
            self.letters.add(letter_of(state))
        if live.notify:
            ended = Ended(run_id, state.status, state.output, state.error)
            self.outbox.current.ended.setdefault(live.notify, []).append(ended)
        if live.keeps_checkpoints:
            self.send(errands.ForgetRun(run_id))
        parent = state.birth.get("parent")
        if parent is not None:
            self.send(tell_parent(state, parent))
        self.let_in(self.gates.leave(run_id))

    def let_in(self, run_ids: Iterable[str]) -> None:
        """Let pending runs go that the gates have admitted."""
        for run_id in run_ids:
            waiting = self.runs.get(run_id)
            if waiting is not None:
                self.apply(waiting, i.Admit(at=self.now))

    def restore_listeners(self, live: Live) -> None:
        """Let a run hear again of what may cancel it; and of what it has missed."""
        self.listeners.add_run(live)
        for listener in live.program.cancel_on:
            for event in self.mailbox.since(listener.policy.event, live.state.started_at):
                self.hearing.append((live.state.run_id, "", event))
