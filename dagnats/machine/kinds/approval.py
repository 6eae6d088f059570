"""`approval`: a decision of people, in one round or two; so many must approve, one may reject.

Who may decide is told by names: `by` and the groups that whoever asks for the decision vouches for.
"""

from typing import Any

from dagnats.ir.program import ApprovalNode
from dagnats.machine import events as ev
from dagnats.machine.commands import Ask
from dagnats.machine.errors import error
from dagnats.machine.inputs import Decide
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.state import Asking, Frame
from dagnats.machine.turn import Turn
from dagnats.machine.values import fitting

FIRST, SECOND = 1, 2


def begin(turn: Turn, frame: Frame, at: int) -> None:
    """Ask people; raises EvaluationError."""
    formulas = turn.scope(frame).formulas[at]
    payload: dict[str, Any] = {
        key: fitting(turn.program, turn.state, frame, formulas[key], key)
        for key in ("description", "details")
        if key in formulas
    }
    _ask(turn, frame, at, FIRST, payload)


def _ask(turn: Turn, frame: Frame, at: int, round_: int, payload: dict[str, Any]) -> None:
    step = turn.name(frame, at)
    turn.add(ev.ApprovalRequested(*turn.head(), step, 0, round_, payload or None))
    turn.commands.append(Ask(step, round_, 0))


def approvers(node: ApprovalNode, asking: Asking) -> tuple[str, ...]:
    """Return who may decide now; nobody in particular when there are none."""
    return node.approvers if asking.round == FIRST else node.escalation_approvers


def refusal(node: ApprovalNode, asking: Asking, request: Decide) -> str | None:
    """Return why a decision does not count, or None: for whoever answers the one who decides."""
    allowed = approvers(node, asking)
    if allowed and not {request.by, *request.groups} & set(allowed):
        return f"`{request.by}` is none of the approvers: {', '.join(allowed)}"
    if request.decision == "approve" and any(vote["by"] == request.by for vote in asking.votes):
        return f"`{request.by}` has approved already"
    return None


def decide(turn: Turn, frame: Frame, at: int, node: ApprovalNode, request: Decide) -> None:
    """Take a decision of somebody who may decide; one that does not count changes nothing."""
    asking = frame.steps[at]
    if not isinstance(asking, Asking) or refusal(node, asking, request) is not None:
        return
    vote = {
        "decision": "approved" if request.decision == "approve" else "rejected",
        "by": request.by,
        "at": turn.timestamp,
        "comment": request.comment,
        "form": request.form,
    }
    if request.decision != "approve":
        _rejected(turn, frame, at, node, vote)
    elif len(asking.votes) + 1 < node.quorum:
        step = turn.name(frame, at)
        turn.add(ev.ApprovalGranted(*turn.head(), step_id=step, payload=vote))
    else:
        succeed(turn, frame, at, vote)


def due_ms(node: ApprovalNode, asking: Asking) -> int:
    """Return when time alone will change the step: a reminder, or the end of the round."""
    ends = asking.since + _limit_ms(node, asking)
    if node.remind_every_ms is None:
        return ends
    return min(ends, asking.since + (asking.reminders + 1) * node.remind_every_ms)


def over(turn: Turn, frame: Frame, at: int, node: ApprovalNode, asking: Asking) -> None:
    """Remind people, ask others, or do what was said for the case that nobody decides."""
    if turn.at < asking.since + _limit_ms(node, asking):
        step = turn.name(frame, at)
        turn.add(ev.ApprovalReminded(*turn.head(), step))
        turn.commands.append(Ask(step, asking.round, asking.reminders + 1))
        return
    on_timeout = node.on_timeout if asking.round == FIRST else "fail"
    decision = {"by": "timeout", "at": turn.timestamp, "comment": "", "form": None}
    match on_timeout:
        case "approve":
            succeed(turn, frame, at, {"decision": "approved", **decision})
        case "reject":
            _rejected(turn, frame, at, node, {"decision": "rejected", **decision})
        case "escalate":
            payload = {"description": asking.description, "details": asking.details}
            told = {key: value for key, value in payload.items() if value is not None}
            _ask(turn, frame, at, SECOND, told)
        case _:
            message = f"nobody decided within {_limit_ms(node, asking)} ms"
            give_up(turn, frame, at, error("timeout", message, step=turn.name(frame, at)))


def _limit_ms(node: ApprovalNode, asking: Asking) -> int:
    if asking.round == FIRST:
        return node.timeout_ms
    return node.escalation_timeout_ms or node.timeout_ms


def _rejected(turn: Turn, frame: Frame, at: int, node: ApprovalNode, vote: dict[str, Any]) -> None:
    if node.on_reject == "complete":
        succeed(turn, frame, at, vote)
        return
    message = f"rejected by {vote['by']}"
    if vote["comment"]:
        message += f": {vote['comment']}"
    wrong = error("rejected", message, step=turn.name(frame, at), details=vote)
    give_up(turn, frame, at, wrong)
