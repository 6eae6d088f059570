"""Operations on runs: start, look at, end, pause, signal, retry, fork."""

from collections import Counter
from secrets import token_hex
from typing import Any

import msgspec

from dagnats.claims import found_in
from dagnats.engine import (
    desk,
    errands,
    explaining,
    finding,
    homes,
    ingress,
    intake,
    purging,
    views,
)
from dagnats.engine.ingress import decoded
from dagnats.engine.partition import Partition
from dagnats.engine.programs import Loaded
from dagnats.engine.service import Operation, Service
from dagnats.errors import RefusedError
from dagnats.machine import inputs as i
from dagnats.machine.prepared import TOP, Prepared
from dagnats.machine.state import Completed, Failed, RunState, Skipped
from dagnats.wire import api, subjects

LIST_MAX = 1_000
ANSWER_BYTES = 1_000
"""What an answer has around its document, at the most."""
NONCE_BYTES = 16

_encode = msgspec.json.Encoder().encode
_decode_start = msgspec.json.Decoder(api.StartRun).decode
_decode_get = msgspec.json.Decoder(api.GetRun).decode
_decode_list = msgspec.json.Decoder(api.ListRuns).decode
_decode_cancel = msgspec.json.Decoder(api.CancelRun).decode
_decode_resume = msgspec.json.Decoder(api.ResumeRun).decode
_decode_signal = msgspec.json.Decoder(api.SignalRun).decode
_decode_retry = msgspec.json.Decoder(api.RetryRun).decode
_decode_purge = msgspec.json.Decoder(api.PurgeRuns).decode
_decode_answer = msgspec.json.Decoder(api.Answer).decode
_decode_fork = msgspec.json.Decoder(api.ForkRun).decode


async def start(service: Service, payload: bytes, reply: str) -> None:
    """Begin a run."""
    request = decoded(_decode_start, payload)
    partition = service.owned()
    if partition.busy:
        raise RefusedError("busy", partition.busy)
    loaded = service.programs.known(request.workflow, request.version)
    if loaded is None:
        loaded = await service.programs.find(request.workflow, request.version)
        partition = service.owned()
    homes.require_home(service, loaded.prepared.program, request.run_id)
    _check_start(loaded, request, payload)
    if not partition.closed.complete:
        if await _ended_long_ago(service, partition, request.run_id, loaded.prepared):
            await service.say(reply, {"run_id": request.run_id, "created": False})
            return
        partition = service.owned()
    begun = intake.begin(
        partition, loaded.prepared, loaded.door, _as_input(service, loaded, request), request.notify
    )
    status = partition.status_of(begun.run_id)
    document = {"run_id": begun.run_id, "status": status, "created": begun.created}
    service.answer(partition, reply, document)


def _as_input(service: Service, loaded: Loaded, request: api.StartRun) -> i.StartRun:
    secrets = loaded.prepared.program.secrets
    return i.StartRun(
        at=service.clock.now_ms(),
        run_id=request.run_id,
        digest=loaded.prepared.digest,
        input=request.input,
        trigger=request.trigger,
        parent=request.parent,
        nonce=token_hex(NONCE_BYTES) if secrets else "",
        start_at=request.at,
    )


def _check_start(loaded: Loaded, request: api.StartRun, payload: bytes) -> None:
    ingress.check_run_id(request.run_id)
    ingress.check_notify(request.notify)
    ingress.check_input(request.input, payload)
    check_shape(loaded, request.input)


def check_shape(loaded: Loaded, value: Any) -> None:
    """Raise RefusedError `invalid` for an input that the workflow's schema refuses.

    One that refers to stored values cannot be held against it.
    """
    wrong = loaded.complaints(value)
    if wrong and next(found_in(value), None) is None:
        name = loaded.prepared.program.name
        raise RefusedError("invalid", f"input of `{name}`: " + "; ".join(wrong))


async def _ended_long_ago(
    service: Service, partition: Partition, run_id: str, program: Prepared
) -> bool:
    """Whether a run ended before all that the partition lists."""
    intake.require_free(partition, run_id)
    if partition.status_of(run_id) or finding.is_younger(partition, run_id):
        return False
    last = await service.feed.last_event(run_id)
    if last is None:
        return False
    workflow = finding.read_events(run_id, [last])[0].workflow
    intake.check_same(run_id, workflow, program)
    return True


async def get(service: Service, payload: bytes, reply: str) -> None:
    """Give everything about a run."""
    request = decoded(_decode_get, payload)
    partition, run_id = await homes.find_here(service, request.run_id)
    partition.check_able(run_id)
    live = partition.runs.get(run_id)
    if live is not None:
        waits = explaining.waits(partition, live, service.clock.now_ms())
        document = views.run_document(live.program, live.state, waits)
        document["approvals"] = views.asked(live)
        service.answer(partition, reply, fitted(service, document))
        return
    program, state = await finding.closed_state(partition, service.programs, service.feed, run_id)
    document = {**views.run_document(program, state, {}), "approvals": []}
    await service.say(reply, fitted(service, document))


def fitted(service: Service, document: dict[str, Any]) -> dict[str, Any]:
    """Return a run as a document that a message holds: if need be, without outputs of steps.

    Those are in its history; `outputs_left_out` says so.
    """
    if len(_encode(document)) + ANSWER_BYTES < service.bus.bytes_max:
        return document
    steps = [{k: v for k, v in step.items() if k != "output"} for step in document["steps"]]
    return {**document, "steps": steps, "outputs_left_out": True}


async def explain(service: Service, payload: bytes, reply: str) -> None:
    """Say what a run waits for."""
    request = decoded(_decode_get, payload)
    partition, run_id = await homes.find_here(service, request.run_id)
    aside = partition.aside.get(run_id)
    if aside is not None:
        what = f"it cannot go on: {aside.reason}"
        cause = {"step": None, "kind": "aside", "what": what, "since": None, "until": None}
        causes = [{**cause, "who": "an operator: mend what is said, and restart the engine"}]
        await service.say(reply, {"run_id": run_id, "status": "running", "causes": causes})
        return
    live = partition.runs.get(run_id)
    if live is not None:
        document = explaining.explain(partition, live, service.clock.now_ms())
        service.answer(partition, reply, document)
        return
    _, state = await finding.closed_state(partition, service.programs, service.feed, run_id)
    await service.say(reply, {"run_id": run_id, "status": state.status, "causes": []})


async def list_some(service: Service, payload: bytes, reply: str) -> None:
    """Give a page of rows."""
    request = decoded(_decode_list, payload or b"{}")
    partition = service.open()
    service.answer(partition, reply, finding.page(partition, request, LIST_MAX))


async def count(service: Service, payload: bytes, reply: str) -> None:
    """Count the runs that are listed, by status."""
    request = decoded(_decode_list, payload or b"{}")
    partition = service.open()
    by_status = Counter(row["status"] for row in finding.rows(partition, request))
    document = {"count": by_status.total(), "by_status": dict(sorted(by_status.items()))}
    service.answer(partition, reply, document)


async def cancel(service: Service, payload: bytes, reply: str) -> None:
    """End a run."""
    request = decoded(_decode_cancel, payload)
    partition, run_id = await homes.find_here(service, request.run_id)
    status = desk.cancel(partition, run_id, request.reason, service.clock.now_ms())
    service.answer(partition, reply, {"run_id": run_id, "status": status})


async def pause(service: Service, payload: bytes, reply: str) -> None:
    """Let a run start nothing new."""
    request = decoded(_decode_cancel, payload)
    partition, run_id = await homes.find_here(service, request.run_id)
    status = desk.pause(partition, run_id, request.reason, service.clock.now_ms())
    service.answer(partition, reply, {"run_id": run_id, "status": status})


async def resume(service: Service, payload: bytes, reply: str) -> None:
    """Let a paused run go on."""
    request = decoded(_decode_resume, payload)
    partition, run_id = await homes.find_here(service, request.run_id)
    status = desk.resume(partition, run_id, request.exhausted, service.clock.now_ms())
    service.answer(partition, reply, {"run_id": run_id, "status": status})


async def signal(service: Service, payload: bytes, reply: str) -> None:
    """Give a run an event of its own."""
    request = decoded(_decode_signal, payload)
    ingress.check_event(request.name, request.id, request.data)
    partition, run_id = await homes.find_here(service, request.run_id)
    event = {"id": request.id, "type": request.name, "data": request.data}
    desk.signal(partition, run_id, event, service.clock.now_ms())
    service.answer(partition, reply, {"run_id": run_id, "event_id": request.id})


async def retry(service: Service, payload: bytes, reply: str) -> None:
    """Let a failed run go on where it failed."""
    request = decoded(_decode_retry, payload)
    partition, run_id = await homes.find_here(service, request.run_id)
    partition, document = await retried(service, run_id)
    service.answer(partition, reply, document)


async def retried(service: Service, run_id: str) -> tuple[Partition, dict[str, Any]]:
    """Let a failed run go on; returns what is answered after the commit."""
    partition = service.open()
    partition.check_able(run_id)
    if run_id in partition.runs:
        return partition, {"run_id": run_id, "status": partition.status_of(run_id), "reset": []}
    since = finding.reading(partition)
    program, state = await finding.closed_state(partition, service.programs, service.feed, run_id)
    partition = service.open()
    finding.require_unpurged(partition, since)
    if run_id in partition.runs:  # somebody else was faster
        return partition, {"run_id": run_id, "status": partition.status_of(run_id), "reset": []}
    if state.status != "failed":
        raise RefusedError("conflict", f"run `{run_id}` has not failed: {state.status}")
    if partition.busy:
        raise RefusedError("busy", partition.busy)
    reset = desk.retry(partition, program, state, service.clock.now_ms())
    status = partition.status_of(run_id)
    return partition, {"run_id": run_id, "status": status, "reset": reset}


async def fork(service: Service, payload: bytes, reply: str) -> None:
    """Begin a new run that takes over what came before a step of another."""
    request = decoded(_decode_fork, payload)
    ingress.check_run_id(request.new_run_id)
    partition, run_id = await homes.find_here(service, request.run_id)
    partition.check_able(run_id)
    live, since = partition.runs.get(run_id), finding.reading(partition)
    if live is not None:
        program, state = live.program, live.state
    else:
        program, state = await finding.closed_state(
            partition, service.programs, service.feed, run_id
        )
    loaded = await _target(service, program, request.version)
    start_run = _forked(service, loaded, program, state, request)
    check_shape(loaded, start_run.input)
    partition = service.open()
    finding.require_unpurged(partition, since)
    if partition.busy:
        raise RefusedError("busy", partition.busy)
    home = homes.home_of(loaded.prepared.program, request.new_run_id, service.partitions)
    if home != partition.number:
        answer = await peers_begin(service, home, start_run, loaded)
        await service.say(reply, answer)
        return
    begun = intake.begin(partition, loaded.prepared, loaded.door, start_run, "")
    service.answer(partition, reply, {"run_id": begun.run_id, "created": begun.created})


async def peers_begin(
    service: Service, home: int, start_run: i.StartRun, loaded: Loaded
) -> dict[str, Any]:
    """Let a run begin on another partition. Raises RefusedError, UncertainError."""
    told = Adopt(
        start_run.run_id,
        loaded.prepared.digest,
        start_run.input,
        start_run.trigger,
        start_run.carried or {},
    )
    answer = _decode_answer(
        await errands.request(service.bus, subjects.engine(home, "adopt"), told)
    )
    if answer.error is not None:
        raise RefusedError(answer.error.code, answer.error.message)
    return dict(answer.ok)


class Adopt(msgspec.Struct, frozen=True):
    """One partition asks another to begin a fork."""

    run_id: str
    digest: str
    input: Any
    trigger: Any
    carried: dict[str, Any]


async def adopt(service: Service, payload: bytes, reply: str) -> None:
    """Begin a fork that another partition has put together."""
    request = decoded(_decode_adopt, payload)
    loaded = await service.programs.find(request.digest)
    partition = service.open()
    if partition.busy:
        raise RefusedError("busy", partition.busy)
    start_run = i.StartRun(
        at=service.clock.now_ms(),
        run_id=request.run_id,
        digest=request.digest,
        input=request.input,
        trigger=request.trigger,
        carried=request.carried,
        nonce=token_hex(NONCE_BYTES) if loaded.prepared.program.secrets else "",
    )
    begun = intake.begin(partition, loaded.prepared, loaded.door, start_run, "")
    service.answer(partition, reply, {"run_id": begun.run_id, "created": begun.created})


_decode_adopt = msgspec.json.Decoder(Adopt).decode


async def _target(service: Service, program: Prepared, version: str) -> Loaded:
    """Return the program of a fork: the run's own, or another version of its workflow."""
    if not version:
        return await service.programs.find(program.digest)
    return await service.programs.find(program.program.name, version)


def _forked(
    service: Service, loaded: Loaded, program: Prepared, state: RunState, request: api.ForkRun
) -> i.StartRun:
    """Return the start of a fork. Raises RefusedError `invalid` for what cannot be taken over."""
    source, target = program.scopes[TOP], loaded.prepared.scopes[TOP]
    if request.step not in source.index or request.step not in target.index:
        raise RefusedError("invalid", f"`{request.step}` is no step at the top of the workflow")
    again = _downstream(loaded.prepared, request.step)
    carried: dict[str, Any] = {}
    for node_id, at in source.index.items():
        outcome = _outcome(state, at)
        if node_id not in again and node_id in target.index and outcome is not None:
            carried[node_id] = outcome
    for node_id, output in request.outputs.items():
        if node_id not in carried:
            raise RefusedError("invalid", f"step `{node_id}` is not taken over, so has no output")
        carried[node_id] = {"output": output}
    return i.StartRun(
        at=service.clock.now_ms(),
        run_id=request.new_run_id,
        digest=loaded.prepared.digest,
        input=request.input if request.set_input else state.input,
        trigger=state.birth.get("trigger"),
        carried=carried,
        nonce=token_hex(NONCE_BYTES) if loaded.prepared.program.secrets else "",
    )


def _downstream(program: Prepared, step: str) -> set[str]:
    """Return a step and all that depends on it."""
    scope = program.scopes[TOP]
    found: set[int] = set()
    todo = [scope.index[step]]
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo.extend(scope.dependents[at])
    return {scope.nodes[at].id for at in found}


def _outcome(state: RunState, at: int) -> dict[str, Any] | None:
    match state.frames[""].steps[at]:
        case Completed(output=output):
            return {"output": output}
        case Skipped(reason=reason):
            return {"skipped": reason}
        case Failed(error=error):
            return {"error": error}
        case _:
            return None


async def purge(service: Service, payload: bytes, reply: str) -> None:
    """Forget a batch of runs that have ended."""
    request = decoded(_decode_purge, payload or b"{}")
    batch = await purging.purge_some(service, request)
    document = {"runs": batch.rows, "next": batch.next, "kept": batch.kept}
    service.answer(service.open(), reply, document)


async def show_status(service: Service, _payload: bytes, reply: str) -> None:
    """Tell how the engine is."""
    await service.say(reply, service.status())


OPERATIONS: list[tuple[str, Operation, bool]] = [
    (subjects.api("run.start"), start, True),
    (subjects.api("run.get"), get, False),
    (subjects.api("run.explain"), explain, False),
    (subjects.api("run.list"), list_some, False),
    (subjects.api("run.count"), count, False),
    (subjects.api("run.cancel"), cancel, True),
    (subjects.api("run.pause"), pause, True),
    (subjects.api("run.resume"), resume, True),
    (subjects.api("run.signal"), signal, True),
    (subjects.api("run.retry"), retry, True),
    (subjects.api("run.fork"), fork, True),
    (subjects.api("run.purge"), purge, True),
    (subjects.api("status"), show_status, False),
]
