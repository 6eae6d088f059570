"""A partition takes up its runs after a takeover: cut decisions, queue, leases, gates, timers."""

from dagnats.engine import errands, housekeeping, intake
from dagnats.engine.book import Live
from dagnats.engine.faults import RunFaultError, in_words
from dagnats.engine.notes import ticket_of
from dagnats.engine.partition import LEASE_MS, Partition
from dagnats.ir.program import TaskNode
from dagnats.machine import inputs as i
from dagnats.machine.commands import Enqueue, Listen
from dagnats.machine.dispatch import Ticket
from dagnats.machine.kinds.task import loop_root
from dagnats.machine.state import Running
from dagnats.machine.ticking import next_due_ms, open_steps, outstanding
from dagnats.machine.turn import Turn
from dagnats.machine.values import rate_key, step_input


def resume(partition: Partition, now: int) -> None:
    """Take up all runs.

    Raises RunFaultError with all runs that cannot be taken up.
    """
    partition.now = now
    partition.held_until = now + LEASE_MS
    partition.mailbox.expire(now)
    _finish_purges(partition)
    for event in partition.mailbox.to_spread():
        partition.send(errands.SpreadEvent(event))
    reasons = _restore_gates(partition, now)
    for live in list(partition.runs.values()):
        if live.run_id in reasons:
            continue
        try:
            _take_up(partition, live, now)
            housekeeping.rest(live)
        except Exception as bug:  # noqa: BLE001 - told, and the run is set aside
            partition.fault = None  # look at the others, too: one recovery sets all aside
            reasons[live.state.run_id] = in_words(bug.__cause__ or bug)
    if not reasons:
        _reopen_gates(partition, now)
    if reasons:
        partition.fault = RunFaultError(reasons)
        raise partition.fault


def _finish_purges(partition: Partition) -> None:
    """Remove what may still be stored of runs that are forgotten."""
    if partition.purging:
        partition.send(errands.RemoveRuns(dict(partition.purging), partition.outbox.offset - 1))


def _restore_gates(partition: Partition, now: int) -> dict[str, str]:
    """Let the gates know who is in and who waits; returns for which runs that fails, and why."""
    reasons: dict[str, str] = {}
    for live in list(partition.runs.values()):
        admission = live.program.program.admission
        if admission.concurrency is None and admission.singleton is None:
            continue
        try:
            _restore_gate(partition, live, now)
        except Exception as bug:  # noqa: BLE001 - told, and the run is set aside
            reasons[live.run_id] = in_words(bug)
    return reasons


def _reopen_gates(partition: Partition, now: int) -> None:
    """Finish what a crash has cut off at the gates: runs to be replaced, and runs to be let in."""
    for run_id in partition.gates.replaced():
        live = partition.runs.get(run_id)
        if live is not None:
            reason = "replaced by a later run (`singleton`)"
            partition.apply(live, i.Cancel(at=now, reason=reason))
    for run_id in partition.gates.due():
        live = partition.runs.get(run_id)
        if live is not None:
            partition.apply(live, i.Admit(at=now))


def _restore_gate(partition: Partition, live: Live, now: int) -> None:
    state = live.state
    asked = intake.admitted_of(state)
    if asked.is_gated and not intake.is_scheduled(state, now):
        partition.gates.restore(
            state.run_id,
            state.workflow,
            max(state.started_at, state.birth.get("start_at") or 0),
            max_runs=asked.max_runs,
            runs_key=asked.runs_key,
            singleton=asked.singleton,
            singleton_key=asked.singleton_key,
            offset_ms=asked.offset_ms,
            admitted=state.status != "pending",
        )


def _take_up(partition: Partition, live: Live, now: int) -> None:
    """Finish what a crash has cut off in a run, and rebuild queue, leases, listeners and timers."""
    run_id = live.state.run_id
    live.keeps_checkpoints = True  # nobody knows any more whether it does
    partition.restore_listeners(live)
    if next_due_ms(live.program, live.state) <= now:
        _hear_first(partition, live, now)
    if run_id in partition.runs:
        partition.apply(live, i.Tick(at=now, held_until=partition.held_until))
    if run_id not in partition.runs:
        return
    if live.state.worker_id:
        partition.dispatcher.bind(run_id, live.state.worker_id)
    for ticket, worker_id in _held(live):
        partition.dispatcher.restore(ticket, worker_id, now)
    partition.perform(live, outstanding(live.program, live.state))
    partition.arm(live)


def _hear_first(partition: Partition, live: Live, now: int) -> None:
    """Let a run hear of what came while nobody served, before its time is over because of that."""
    for command in list(outstanding(live.program, live.state)):
        if not isinstance(command, Listen):
            continue
        for event in partition.mailbox.since(command.event, command.since):
            if live.run_id in partition.runs:
                partition.apply(live, i.Hear(at=now, event=event, step=command.step))


def _held(live: Live) -> list[tuple[Ticket, str]]:
    """Return the deliveries that workers held before the takeover."""
    found = []
    turn = Turn(live.program, live.state, 0)
    for frame, at, node, step in open_steps(live.program, live.state):
        if isinstance(step, Running) and isinstance(node, TaskNode):
            name = turn.name(frame, at)
            loop = loop_root(turn, name, step.iteration)
            value = step_input(live.program, live.state, frame, at, loop)
            carried = live.state.loops[name].state if step.iteration else None
            key = rate_key(live.program, live.state, frame, at, loop)
            command = Enqueue(
                name, step.attempt, step.iteration, step.delivery, value, carried, node, key
            )
            found.append((ticket_of(live, command, step.since), step.worker_id))
    return found
