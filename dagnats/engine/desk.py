"""Where people and programs come: decisions, signals, pauses, retries, dead letters.

Each raises RefusedError with the reason when what is asked cannot be done.
"""

from typing import Any

from dagnats.engine import intake
from dagnats.engine.book import Live, encode_state
from dagnats.engine.letters import Letter
from dagnats.engine.partition import Partition
from dagnats.engine.records import LetterAdded, LetterDiscarded
from dagnats.errors import RefusedError
from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine import requests
from dagnats.machine.events import rfc3339
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import STATUS, Exhausted, RunState, locate
from dagnats.machine.turn import Turn


def cancel(partition: Partition, run_id: str, reason: str, now: int) -> str:
    """End a run; returns its status."""
    partition.check_able(run_id)
    live = partition.runs.get(run_id)
    if live is not None:
        partition.apply(live, i.Cancel(at=now, reason=reason))
    status = partition.status_of(run_id)
    if not status:
        raise RefusedError("not_found", f"no run `{run_id}`")
    return status


def pause(partition: Partition, run_id: str, reason: str, now: int) -> str:
    """Let a run start nothing new; returns its status."""
    live = partition.alive(run_id)
    if live.state.status == "pending":
        raise RefusedError("conflict", f"run `{run_id}` has not begun")
    if live.state.ending is not None:
        raise RefusedError("conflict", f"run `{run_id}` is ending")
    partition.apply(live, i.Pause(at=now, reason=reason))
    return live.state.status


def resume(partition: Partition, run_id: str, exhausted: str, now: int) -> str:
    """Let a paused run go on; returns its status."""
    live = partition.alive(run_id)
    if exhausted not in {"complete", "fail"}:
        raise RefusedError("invalid", "`exhausted` is `complete` or `fail`")
    if live.state.status == "paused":
        partition.apply(live, i.Resume(at=now, exhausted=exhausted))
        if run_id in partition.runs:
            partition.arm(live)
    return live.state.status


def is_exhausted(live: Live) -> bool:
    """Whether a loop of the run is at its bound and waits for somebody."""
    return any(
        isinstance(step, Exhausted) for frame in live.state.frames.values() for step in frame.steps
    )


def signal(partition: Partition, run_id: str, event: dict[str, Any], now: int) -> None:
    """Give a run an event of its own."""
    live = partition.alive(run_id)
    partition.apply(live, i.Signal(at=now, event={**event, "at": rfc3339(now)}))


def decide(partition: Partition, run_id: str, request: i.Decide) -> str:
    """Take a decision about a step that waits for one; returns the status of the step."""
    live = partition.alive(run_id)
    found = locate(live.program, live.state, request.step)
    assert found is not None, "the caller has looked"
    why = requests.refusal(Turn(live.program, live.state, request.at), request)
    if why is not None:
        raise RefusedError("denied" if "approvers" in why else "conflict", why)
    partition.apply(live, request)
    frame, at = found
    return STATUS[type(frame.steps[at])]


def retry(partition: Partition, program: Prepared, state: RunState, now: int) -> list[str]:
    """Let a failed run go on; returns the steps that are done again.

    Raises RefusedError `conflict` when the gates of its workflow are shut. `state` was read from
    its history: the partition has forgotten it.
    """
    live, run_id = Live(program, state), state.run_id
    live.note_references(encode_state(state))
    intake.enter_again(partition, program, state, now)
    transition = partition.decide(live, i.RetryRun(at=now))
    partition.closed.remove([run_id])
    partition.letters.remove(run_id)
    partition.add(live, transition)
    if run_id in partition.runs:
        partition.arm(live)
    first = transition.events[0]
    assert isinstance(first, ev.RunRetried)
    return list(first.payload["reset"])


def add_letter(partition: Partition, letter: Letter, now: int) -> None:
    """Keep what could not be taken in."""
    if partition.letters.get(letter.id) is None:
        partition.record(LetterAdded(timestamp=rfc3339(now), payload=as_document(letter)))
        partition.letters.add(letter)


def discard(partition: Partition, letter_id: str, now: int) -> None:
    """Throw a dead letter away."""
    if partition.letters.get(letter_id) is None:
        raise RefusedError("not_found", f"no dead letter `{letter_id}`")
    partition.record(LetterDiscarded(timestamp=rfc3339(now), payload={"id": letter_id}))
    partition.letters.remove(letter_id)


def as_document(letter: Letter) -> dict[str, Any]:
    """Return a letter as records have it."""
    return {
        "id": letter.id,
        "reason": letter.reason,
        "at": letter.at,
        "run_id": letter.run_id,
        "workflow": letter.workflow,
        "error": letter.error,
        "payload": letter.payload,
        "subject": letter.subject,
    }
