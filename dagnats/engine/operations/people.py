"""Operations for people: approvals, dead letters, events."""

import hmac
from hashlib import sha256
from itertools import islice

import msgspec

from dagnats.engine import desk, homes, ingress, views
from dagnats.engine.book import Live
from dagnats.engine.ingress import decoded
from dagnats.engine.letters import Letter
from dagnats.engine.operations.runs import retried
from dagnats.engine.partition import Partition
from dagnats.engine.service import Operation, Service
from dagnats.errors import RefusedError
from dagnats.ir.program import ApprovalNode
from dagnats.machine import inputs as i
from dagnats.machine.state import Asking, locate
from dagnats.machine.turn import Turn
from dagnats.source.shape import check_value
from dagnats.wire import api, subjects

_decode_approvals = msgspec.json.Decoder(api.ListApprovals).decode
_decode_decide = msgspec.json.Decoder(api.Decide).decode
_decode_letters = msgspec.json.Decoder(api.ListDeadLetters).decode
_decode_letter = msgspec.json.Decoder(api.DeadLetterId).decode
_decode_publish = msgspec.json.Decoder(api.PublishEvent).decode

LIST_MAX = 1_000


async def list_approvals(service: Service, payload: bytes, reply: str) -> None:
    """Give what waits for a decision, oldest first."""
    request = decoded(_decode_approvals, payload or b"{}")
    partition = service.open()
    if request.run_id:
        partition, run_id = await homes.find_here(service, request.run_id)
        runs = [partition.alive(run_id)]
    else:
        runs = [live for live in partition.runs.values() if live.asks]
    found = [row for live in runs for row in views.asked(live)]
    found.sort(key=lambda row: row["since"])
    service.answer(partition, reply, found[: min(request.limit, LIST_MAX)])


def token_of(secret: bytes, run_id: str, step: str, round_: int) -> str:
    """Return the token that decides one round of an approval; it is derived, and never stored."""
    return hmac.new(secret, f"{run_id}/{step}/{round_}".encode(), sha256).hexdigest()


async def decide(service: Service, payload: bytes, reply: str) -> None:
    """Take a decision about an approval."""
    request = decoded(_decode_decide, payload)
    if request.decision not in {"approve", "reject"}:
        raise RefusedError("invalid", "`decision` is `approve` or `reject`")
    partition, run_id = await homes.find_here(service, request.run_id)
    live = partition.alive(run_id)
    node, asking = _approval(live, request.step)
    by, by_token = request.by, False
    if request.token:
        right = token_of(service.secret, run_id, request.step, asking.round)
        if not hmac.compare_digest(right.encode(), request.token.encode()):
            raise RefusedError("denied", "this token does not decide this approval")
        by, by_token = request.by or "token", True
    if not by:
        raise RefusedError("invalid", "who decides? `by` is missing")
    _check_form(node, request)
    groups = tuple(node.approvers) if by_token else tuple(request.groups)
    decision = i.Decide(
        at=service.clock.now_ms(),
        step=request.step,
        decision=request.decision,
        by=by,
        groups=groups,
        comment=request.comment,
        form=request.form,
    )
    status = desk.decide(partition, run_id, decision)
    service.answer(partition, reply, {"run_id": run_id, "step": request.step, "status": status})


def _approval(live: Live, step: str) -> tuple[ApprovalNode, Asking]:
    found = locate(live.program, live.state, step)
    if found is None:
        raise RefusedError("not_found", f"run `{live.state.run_id}` has no step `{step}` now")
    frame, at = found
    node = Turn(live.program, live.state, 0).scope(frame).nodes[at]
    if not isinstance(node, ApprovalNode):
        raise RefusedError("invalid", f"step `{step}` is no approval")
    asking = frame.steps[at]
    if not isinstance(asking, Asking):
        raise RefusedError("conflict", f"step `{step}` waits for no decision")
    return node, asking


def _check_form(node: ApprovalNode, request: api.Decide) -> None:
    ingress.check_value("the form", request.form)
    ingress.check_value("the comment", request.comment)
    if request.decision == "approve" and node.form not in (None, True):
        wrong = check_value(node.form, request.form)
        if wrong:
            raise RefusedError("invalid", "the form: " + "; ".join(wrong))


async def list_letters(service: Service, payload: bytes, reply: str) -> None:
    """Give dead letters, newest first."""
    request = decoded(_decode_letters, payload or b"{}")
    partition = service.open()
    wanted = (
        views.letter_row(letter)
        for letter in partition.letters.newest_first()
        if not request.workflow or letter.workflow == request.workflow
    )
    rows = list(islice(wanted, min(request.limit, LIST_MAX)))
    service.answer(partition, reply, rows)


async def show_letter(service: Service, payload: bytes, reply: str) -> None:
    """Give everything about a dead letter."""
    request = decoded(_decode_letter, payload)
    partition, letter = await _letter(service, request.id)
    service.answer(partition, reply, views.letter_document(letter))


async def replay_letter(service: Service, payload: bytes, reply: str) -> None:
    """Let the run of a dead letter go on."""
    request = decoded(_decode_letter, payload)
    partition, letter = await _letter(service, request.id)
    if not letter.run_id:
        raise RefusedError("invalid", "this is a message nobody could read: it can be discarded")
    partition, document = await retried(service, letter.run_id)
    service.answer(partition, reply, {"id": letter.id, **document})


async def discard_letter(service: Service, payload: bytes, reply: str) -> None:
    """Throw a dead letter away."""
    request = decoded(_decode_letter, payload)
    partition, letter = await _letter(service, request.id)
    desk.discard(partition, letter.id, service.clock.now_ms())
    service.answer(partition, reply, {"id": letter.id})


async def _letter(service: Service, letter_id: str) -> tuple[Partition, Letter]:
    """Return a dead letter by its id. Raises RefusedError `not_found`, ElsewhereError."""
    partition = service.open()
    found = partition.letters.get(letter_id)
    if found is None:
        partition, run_id = await homes.find_here(service, letter_id)
        found = partition.letters.get(run_id)
    if found is None:
        raise RefusedError("not_found", f"no dead letter `{letter_id}`")
    return partition, found


async def publish(service: Service, payload: bytes, reply: str) -> None:
    """Publish an event."""
    request = decoded(_decode_publish, payload)
    homes.require_first(service, request.id)
    partition = service.open()
    if partition.busy:
        raise RefusedError("busy", partition.busy)
    ingress.check_event(request.type, request.id, request.data)
    partition.now = service.clock.now_ms()
    created = partition.publish(request.id, request.type, request.data)
    service.answer(partition, reply, {"id": request.id, "created": created})


OPERATIONS: list[tuple[str, Operation, bool]] = [
    (subjects.api("approval.list"), list_approvals, False),
    (subjects.api("approval.decide"), decide, True),
    (subjects.api("dlq.list"), list_letters, False),
    (subjects.api("dlq.show"), show_letter, False),
    (subjects.api("dlq.replay"), replay_letter, True),
    (subjects.api("dlq.discard"), discard_letter, True),
    (subjects.api("event.publish"), publish, True),
]
