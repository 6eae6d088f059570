"""What is noted of a run for others: deliveries, rows, dead letters, news for parents."""

from typing import Any

from dagnats.engine import errands
from dagnats.engine.book import Live, Summary
from dagnats.engine.letters import Letter
from dagnats.machine import commands as c
from dagnats.machine.admission import Admission
from dagnats.machine.dispatch import Ticket
from dagnats.machine.state import RunState


def ticket_of(live: Live, command: c.Enqueue, now: int) -> Ticket:
    """Return a delivery as the dispatcher takes it."""
    state, admission = live.state, live.program.program.admission
    concurrency, extra = admission.concurrency, state.birth.get("extra")
    return Ticket(
        state.run_id,
        command.step,
        command.iteration,
        command.attempt,
        command.delivery,
        command.node,
        command.input,
        command.loop_state,
        now,
        command.rate_key,
        extra.get("offset_ms", 0) if extra else 0,
        concurrency.max_steps if concurrency is not None else None,
        admission.sticky,
        state.life,
    )


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
        labels=state.birth.get("labels") or {},
        parent=state.birth.get("parent"),
        refers=tuple(sorted(live.refers or ())),
    )


def letter_of(state: RunState) -> Letter:
    """Return the dead letter of a run that failed."""
    return Letter(
        id=state.run_id,
        reason="failed",
        at=state.at,
        run_id=state.run_id,
        workflow=state.workflow,
        error=state.error,
    )


def tell_parent(state: RunState, parent: dict[str, Any]) -> errands.TellParent:
    """Return the errand that tells a parent of an end."""
    return errands.TellParent(
        str(parent["run_id"]),
        str(parent["step"]),
        state.run_id,
        int(parent["partition"]),
        state.status,
        state.output,
        state.error,
    )


def extra_of(asked: Admission) -> dict[str, Any] | None:
    """Return what is kept of an admission with the run, to be asked again after a crash."""
    if asked == Admission():
        return None
    kept = {
        "max_runs": asked.max_runs,
        "runs_key": asked.runs_key,
        "singleton": asked.singleton,
        "singleton_key": asked.singleton_key,
        "offset_ms": asked.offset_ms,
        "idempotency_key": asked.idempotency_key,
    }
    return {key: value for key, value in kept.items() if value not in {None, "", 0}}
