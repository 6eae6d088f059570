"""How runs begin on a partition: once for each id and idempotency key, when gates let them.

asked ── known id or key ─→ the run that is there
  │
  ├─ `at` in the future ─→ pending until then ─┐
  └────────────────────────────────────────────┴→ gates ─→ running, or pending until one leaves
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from dagnats.engine.book import Live
from dagnats.engine.faults import in_words
from dagnats.engine.notes import extra_of
from dagnats.engine.partition import Contents, Partition
from dagnats.errors import BrokenError, RefusedError
from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.machine import inputs as i
from dagnats.machine.admission import Admission, Door
from dagnats.machine.advance import start
from dagnats.machine.gates import Admitted, Exists, Replaces, Verdict, Waits
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState
from dagnats.machine.ticking import next_due_ms

KEY_KEPT_MS = 86_400_000
"""So long a start with the same idempotency key gives the same run."""
KEYS_KEPT_MAX = 100_000


class Begun(NamedTuple):
    """The run that a start gives, and whether it is a new one."""

    run_id: str
    created: bool


def begin(
    partition: Partition, program: Prepared, door: Door, request: i.StartRun, notify: str
) -> Begun:
    """Begin a run, or return the one that is there.

    Raises RefusedError `conflict` when a run of this id is one of another workflow, `invalid` when
    a key has no value; BrokenError when the machine fails, and then nothing has happened.
    """
    partition.now = request.at
    known = _known(partition, program, request.run_id, notify)
    if known is not None:
        return known
    asked = _ask_door(door, request)
    found = _by_key(partition, program, asked, request.at)
    if found is not None:
        return Begun(found, created=False)
    scheduled = request.start_at is not None and request.start_at > request.at
    verdict: Verdict = Admitted()
    if not scheduled:
        verdict = ask_gates(partition, program, request.run_id, asked, request.at)
    if isinstance(verdict, Exists):
        return Begun(verdict.run_id, created=False)
    waits = scheduled or not isinstance(verdict, Admitted)
    wanted = replace(request, digest=program.digest, gate=waits, extra=extra_of(asked))
    try:
        transition = start(program, wanted)
    except Exception as bug:
        partition.let_in(partition.gates.leave(request.run_id))
        raise BrokenError(f"run `{request.run_id}` cannot be started: {in_words(bug)}") from bug
    live = Live(program, transition.state)
    live.notify = notify
    remember(partition, transition.state)
    partition.add(live, transition)
    if scheduled and request.start_at is not None:
        partition.arm_at(request.run_id, request.start_at)
    if isinstance(verdict, Replaces):
        _replace(partition, verdict.run_ids, request)
    return Begun(request.run_id, created=True)


def _known(partition: Partition, program: Prepared, run_id: str, notify: str) -> Begun | None:
    require_free(partition, run_id)
    live = partition.runs.get(run_id)
    if live is not None:
        check_same(run_id, live.state.workflow, program)
        live.notify = notify or live.notify
        return Begun(run_id, created=False)
    listed = partition.closed.get(run_id) or partition.aside.get(run_id)
    if listed is None:
        return None
    check_same(run_id, listed.workflow, program)
    return Begun(run_id, created=False)


def require_free(partition: Partition, run_id: str) -> None:
    """Raise RefusedError `busy` while what is left of a forgotten run of this name is removed."""
    if run_id in partition.purging:
        raise RefusedError("busy", f"what is left of an older run `{run_id}` is being removed")


def check_same(run_id: str, workflow: str, program: Prepared) -> None:
    """Raise RefusedError `conflict` when a run's workflow is not the one that was asked for."""
    if workflow != program.program.name:
        raise RefusedError("conflict", f"run `{run_id}` is one of workflow `{workflow}`")


def _ask_door(door: Door, request: i.StartRun) -> Admission:
    try:
        return door.ask(request.input, request.trigger)
    except EvaluationError as wrong:
        raise RefusedError("invalid", str(wrong)) from None


def _by_key(partition: Partition, program: Prepared, asked: Admission, now: int) -> str | None:
    """Return the run that was started with the same idempotency key, a day ago at the most."""
    if asked.idempotency_key is None:
        return None
    found = partition.keys.get((program.program.name, asked.idempotency_key))
    return found[0] if found is not None and now - found[1] < KEY_KEPT_MS else None


def remember(contents: Contents | Partition, state: RunState) -> None:
    """Let further starts with the idempotency key of a run give it; the oldest key may go."""
    key = (state.birth.get("extra") or {}).get("idempotency_key")
    if key is None:
        return
    keys = contents.keys
    keys.pop((state.workflow, key), None)
    keys[state.workflow, key] = (state.run_id, state.started_at)
    if len(keys) > KEYS_KEPT_MAX:
        del keys[next(iter(keys))]


def ask_gates(
    partition: Partition, program: Prepared, run_id: str, asked: Admission, now: int
) -> Verdict:
    """Ask whether a run may begin."""
    if not asked.is_gated:
        return Admitted()
    return partition.gates.ask(
        run_id,
        program.program.name,
        now,
        max_runs=asked.max_runs,
        runs_key=asked.runs_key,
        singleton=asked.singleton,
        singleton_key=asked.singleton_key,
        offset_ms=asked.offset_ms,
    )


def enter_again(partition: Partition, program: Prepared, state: RunState, now: int) -> None:
    """Let a run that has ended pass its gates once more. Raises RefusedError `conflict`."""
    asked = admitted_of(state)
    if not asked.is_gated:
        return
    is_open = partition.gates.is_open(
        state.workflow,
        max_runs=asked.max_runs,
        runs_key=asked.runs_key,
        singleton=asked.singleton,
        singleton_key=asked.singleton_key,
    )
    if not is_open:
        what = "`concurrency.max_runs` or `singleton` of its workflow"
        raise RefusedError("conflict", f"run `{state.run_id}` cannot go on now: {what}")
    ask_gates(partition, program, state.run_id, asked, now)


def _replace(partition: Partition, run_ids: tuple[str, ...], request: i.StartRun) -> None:
    """Cancel the runs that a singleton replaces; when they have ended the new one is let in."""
    for run_id in run_ids:
        live = partition.runs.get(run_id)
        if live is not None:
            reason = f"replaced by run `{request.run_id}` (`singleton`)"
            partition.apply(live, i.Cancel(at=request.at, reason=reason))


def admitted_of(state: RunState) -> Admission:
    """Return what a run was let in with, as kept with it."""
    extra: dict[str, Any] = state.birth.get("extra") or {}
    return Admission(**extra)


def is_scheduled(state: RunState, now: int) -> bool:
    """Whether a run waits for its time, and not yet for a gate."""
    start_at = state.birth.get("start_at")
    return state.status == "pending" and start_at is not None and start_at > now


def knock(partition: Partition, live: Live, now: int) -> None:
    """Let a scheduled run whose time has come ask the gates."""
    state = live.state
    asked = admitted_of(state)
    due = max(state.started_at, state.birth.get("start_at") or 0)
    verdict = ask_gates(partition, live.program, state.run_id, asked, due)
    match verdict:
        case Admitted():
            partition.apply(live, i.Admit(at=now))
        case Exists(run_id=other):
            reason = f"run `{other}` is there (`singleton`)"
            partition.apply(live, i.Cancel(at=now, reason=reason))
        case Replaces(run_ids=run_ids):
            request = i.StartRun(at=now, run_id=state.run_id, digest=state.digest)
            _replace(partition, run_ids, request)
        case Waits():
            pass


def tick(partition: Partition, now: int) -> None:
    """Act on runs whose time has come."""
    partition.now = now
    for run_id in partition.timers.pop_due(now):
        live = partition.runs.get(run_id)
        if live is None:
            continue
        start_at = live.state.birth.get("start_at")
        due = start_at is not None and start_at <= now
        if live.state.status == "pending" and due and not partition.gates.knows(run_id):
            knock(partition, live, now)
        held_until = partition.held_until
        if run_id in partition.runs and next_due_ms(live.program, live.state, held_until) <= now:
            partition.apply(live, i.Tick(at=now, held_until=held_until))
        if run_id in partition.runs:
            partition.arm(live)
