"""What partitions ask of each other, and how an engine runs its errands.

parent ── child.start ─→ child's partition      answered with how far the child is
child  ── child.ended ─→ parent's partition     answered when the parent has taken it
event  ── event ───────→ every other partition  answered when it is stored there
"""

from secrets import token_hex
from typing import Any

import msgspec

from dagnats.engine import desk, errands, finding, homes, intake, purging
from dagnats.engine.book import Live
from dagnats.engine.ingress import decoded
from dagnats.engine.mailbox import EVENTS_KEPT_MS
from dagnats.engine.operations import runs, workflows
from dagnats.engine.operations.people import token_of
from dagnats.engine.operations.runs import NONCE_BYTES, check_shape
from dagnats.engine.partition import Partition
from dagnats.engine.service import Operation, Service
from dagnats.errors import RefusedError
from dagnats.machine import inputs as i
from dagnats.machine.events import milliseconds
from dagnats.machine.state import Calling, locate
from dagnats.wire import api, subjects

CHILD_DEPTH_MAX = 20
"""Sub-workflows inside of each other; a deeper one is refused with code `too_deep`."""

LATER = frozenset({"busy", "unavailable"})
"""Codes of answers after which it is asked again."""

_encode = msgspec.json.Encoder().encode
_decode_spawn = msgspec.json.Decoder(errands.SpawnChild).decode
_decode_ended = msgspec.json.Decoder(errands.TellParent).decode
_decode_stop = msgspec.json.Decoder(errands.StopChild).decode
_decode_ask = msgspec.json.Decoder(errands.AskParent).decode
_decode_get = msgspec.json.Decoder(api.GetRun).decode
_decode_event = msgspec.json.Decoder(errands.SpreadEvent).decode
_decode_needed = msgspec.json.Decoder(purging.Needed).decode
_decode_answer = msgspec.json.Decoder(api.Answer).decode


# ── asked by others ──────────────────────────────────────────────────────────────────────────────


async def start_child(service: Service, payload: bytes, reply: str) -> None:
    """Start a child, or tell how far it is."""
    request = decoded(_decode_spawn, payload)
    partition = service.open()
    known = partition.status_of(request.child_run_id)
    if not known:
        if partition.busy:
            raise RefusedError("busy", partition.busy)
        partition = await _begin_child(service, request)
        known = partition.status_of(request.child_run_id)
    live = partition.runs.get(request.child_run_id)
    if live is not None or request.detached:
        service.answer(partition, reply, {"status": known})
        return
    _, state = await finding.closed_state(
        partition, service.programs, service.feed, request.child_run_id
    )
    document = {"status": state.status, "output": state.output, "error": state.error}
    await service.say(reply, document)


async def _begin_child(service: Service, request: errands.SpawnChild) -> Partition:
    if request.depth > CHILD_DEPTH_MAX:
        raise RefusedError(
            "invalid", f"{request.depth} workflows inside each other (CHILD_DEPTH_MAX)"
        )
    loaded = await service.programs.find(request.workflow, request.version or "")
    check_shape(loaded, request.input)
    partition = service.open()
    start = i.StartRun(
        at=service.clock.now_ms(),
        run_id=request.child_run_id,
        digest=loaded.prepared.digest,
        input=request.input,
        parent={
            "run_id": request.run_id,
            "step": request.step,
            "depth": request.depth,
            "partition": request.partition,
            "ends_with": request.ends_with,
        },
        nonce=token_hex(NONCE_BYTES) if loaded.prepared.program.secrets else "",
    )
    begun = intake.begin(partition, loaded.prepared, loaded.door, start, "")
    if begun.run_id != request.child_run_id:
        raise RefusedError("conflict", f"run `{begun.run_id}` is there instead")
    return partition


async def child_ended(service: Service, payload: bytes, reply: str) -> None:
    """Let a parent take the end of its child."""
    request = decoded(_decode_ended, payload)
    partition = service.open()
    end_child(service, partition, request)
    service.answer(partition, reply, {"run_id": request.run_id})


def end_child(service: Service, partition: Partition, request: errands.TellParent) -> None:
    """Tell the run that a child has ended, if it is alive."""
    live = partition.runs.get(request.run_id)
    if live is None:
        return
    ended = i.EndChild(
        at=service.clock.now_ms(),
        step=request.step,
        child_run_id=request.child_run_id,
        status=request.status,
        output=request.output,
        error=request.error,
    )
    partition.apply(live, ended)


async def stop_child(service: Service, payload: bytes, reply: str) -> None:
    """Cancel a child, if it is alive."""
    request = decoded(_decode_stop, payload)
    partition = service.open()
    if request.child_run_id in partition.runs:
        desk.cancel(partition, request.child_run_id, request.reason, service.clock.now_ms())
    service.answer(partition, reply, {})


async def wants_child(service: Service, payload: bytes, reply: str) -> None:
    """Say whether a run still waits for a child, or has set it off to end with it."""
    request = decoded(_decode_ask, payload)
    partition = service.open()
    partition.check_able(request.run_id)
    live = partition.runs.get(request.run_id)
    wanted = live is not None and _waits_for(live, request)
    service.answer(partition, reply, {"wanted": wanted})


def _waits_for(live: Live, request: errands.AskParent) -> bool:
    child = request.child_run_id
    if any(child == one for _, one in live.state.detached):
        return True
    found = locate(live.program, live.state, request.step)
    step = None if found is None else found[0].steps[found[1]]
    return isinstance(step, Calling) and step.child_run_id == child


async def knows(service: Service, payload: bytes, reply: str) -> None:
    """Say whether a run is on this partition, and which begin so: two are as good as many."""
    request = decoded(_decode_get, payload)
    partition = service.open()
    like = finding.beginning(partition, request.run_id)[:2]
    known = finding.is_listed(partition, request.run_id)
    await service.say(reply, {"known": known, "like": like})


async def take_event(service: Service, payload: bytes, reply: str) -> None:
    """Store an event that was published on another partition."""
    request = decoded(_decode_event, payload)
    partition = service.open()
    partition.now = service.clock.now_ms()
    if milliseconds(request.event["at"]) > partition.now - EVENTS_KEPT_MS:
        # An older one is told again by who does not know that it was told: we have forgotten it.
        partition.take_event(request.event, spread=False)
    service.answer(partition, reply, {})


async def tell_needed(service: Service, payload: bytes, reply: str) -> None:
    """Tell which runs are needed here, of those that another partition would forget."""
    request = decoded(_decode_needed, payload)
    partition = service.open()
    needed = purging.needed_here(partition, request, service.clock.now_ms())
    service.answer(partition, reply, sorted(needed))


def operations(number: int) -> list[tuple[str, Operation, bool]]:
    """Return the operations of a partition."""
    return [
        (subjects.engine(number, "child.start"), start_child, True),
        (subjects.engine(number, "child.ended"), child_ended, True),
        (subjects.engine(number, "child.stop"), stop_child, True),
        (subjects.engine(number, "child.wanted"), wants_child, False),
        (subjects.engine(number, "knows"), knows, False),
        (subjects.engine(number, "event"), take_event, True),
        (subjects.engine(number, "adopt"), runs.adopt, True),
        (subjects.engine(number, "names"), workflows.read_names, False),
        (subjects.engine(number, "needed"), tell_needed, False),
    ]


# ── asking others ────────────────────────────────────────────────────────────────────────────────


async def perform(service: Service, errand: errands.Errand) -> bool:
    """Do an errand; False when it is to be tried again. Raises UncertainError, BrokenError."""
    match errand:
        case errands.SpawnChild():
            return await _spawn(service, errand)
        case errands.AskParent():
            return await _ask_parent(service, errand)
        case errands.TellParent(partition=partition):
            return await _tell(service, partition, "child.ended", errand)
        case errands.StopChild():
            told = [
                await _tell(service, number, "child.stop", errand)
                for number in range(service.partitions)
            ]
            return all(told)
        case errands.SpreadEvent():
            return await _spread(service, errand)
        case errands.ShowApproval():
            await _show(service, errand)
            return True
        case errands.ForgetRun(run_id=run_id):
            await service.checkpoints.forget(run_id)
            return True
        case errands.RemoveRuns():
            return await purging.remove(service, errand)
        case errands.AnswerHttp(run_id=run_id):
            await service.bus.publish(subjects.response(run_id), _encode(errand))
            return True


async def _ask(service: Service, partition: int, op: str, document: Any) -> api.Answer:
    answer = await errands.request(service.bus, subjects.engine(partition, op), document)
    return _decode_answer(answer)


async def _tell(service: Service, partition: int, op: str, errand: errands.Errand) -> bool:
    answer = await _ask(service, partition, op, errand)
    return answer.error is None or answer.error.code not in LATER


async def _ask_parent(service: Service, errand: errands.AskParent) -> bool:
    """End a child that nobody waits for: its parent may have had no time to say so."""
    answer = await _ask(service, errand.partition, "child.wanted", errand)
    if answer.error is not None:
        return True  # asked again on the next round
    partition = service.partition
    if partition is not None and not answer.ok["wanted"] and errand.child_run_id in partition.runs:
        reason = f"its parent `{errand.run_id}` waits no more"
        desk.cancel(partition, errand.child_run_id, reason, service.clock.now_ms())
    return True


async def _spawn(service: Service, errand: errands.SpawnChild) -> bool:
    refused: api.ApiError | None = None
    answer = api.Answer()
    try:
        there = await _home_of_child(service, errand)
        answer = await _ask(service, there, "child.start", errand)
        refused = answer.error
    except RefusedError as no:
        refused = api.ApiError(no.code, str(no))
    partition = service.partition
    if partition is None:
        return True  # what reads the log again asks again
    if refused is not None:
        if refused.code in LATER:
            return False
        error = {"code": f"child_{refused.code}", "message": refused.message}
        _take(service, partition, errand, "failed", None, error)
    elif errand.detached:
        _take(service, partition, errand, "started", None, None)
    elif answer.ok["status"] in {"completed", "failed", "cancelled"}:
        _take(
            service,
            partition,
            errand,
            answer.ok["status"],
            answer.ok.get("output"),
            answer.ok.get("error"),
        )
    return True


async def _home_of_child(service: Service, errand: errands.SpawnChild) -> int:
    """Return the partition of a child. Raises RefusedError when there is no such workflow."""
    if service.partitions == 1:
        return 0
    loaded = await service.programs.find(errand.workflow, errand.version or "")
    return homes.home_of(loaded.prepared.program, errand.child_run_id, service.partitions)


def _take(  # noqa: PLR0913, PLR0917 (what became of a child)
    service: Service,
    partition: Partition,
    errand: errands.SpawnChild,
    status: str,
    output: Any,
    error: Any,
) -> None:
    told = errands.TellParent(
        errand.run_id, errand.step, errand.child_run_id, errand.partition, status, output, error
    )
    end_child(service, partition, told)


async def _spread(service: Service, errand: errands.SpreadEvent) -> bool:
    """Tell all others; who reads the log again tells them again of what some may have missed."""
    partition = service.partition
    if partition is None:
        return True
    for number in range(service.partitions):
        if number != partition.number:
            answer = await _ask(service, number, "event", errand)
            if answer.error is not None and answer.error.code in LATER:
                return False
    partition.mailbox.unspread.pop(errand.event["id"], None)
    return True


async def _show(service: Service, errand: errands.ShowApproval) -> None:
    """Publish what is to be decided, with the token that decides it, for whoever listens."""
    if not errand.document:
        return
    token = token_of(service.secret, errand.run_id, errand.step, errand.round)
    message = _encode({**errand.document, "reminder": errand.reminder, "token": token})
    await service.bus.publish(subjects.approval(errand.run_id), message)
    if errand.subject:
        await service.bus.publish(errand.subject, message)
