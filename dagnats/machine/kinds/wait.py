"""`wait_for_event`: events of a type that match, of now, of a while ago, or signals to the run.

Events come from outside as they are published. Those since the run began, or since `look_back`
before the wait, count too, so that none is lost that came early; but what another wait of the run
has taken before this one began is past. All are told again after a crash, so one may come twice and
counts once, by its id.
"""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import WaitForEventNode
from dagnats.machine import events as ev
from dagnats.machine.commands import Listen
from dagnats.machine.errors import error
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.payload import require_fit
from dagnats.machine.state import Expecting, Frame, RunState
from dagnats.machine.turn import Turn
from dagnats.machine.values import holds, problem


def begin(turn: Turn, frame: Frame, at: int, node: WaitForEventNode) -> None:
    """Begin to wait; a signal that has come before counts."""
    step = turn.name(frame, at)
    turn.add(ev.WaitStarted(*turn.head(), step))
    turn.commands.append(listen(turn.state, step, node, turn.at))
    recall(turn, frame, at)


def recall(turn: Turn, frame: Frame, at: int) -> None:
    """Take the signals that came before the wait."""
    node = turn.scope(frame).nodes[at]
    assert isinstance(node, WaitForEventNode)
    for signal in list(turn.state.signals):
        hear(turn, frame, at, node, signal)


def listen(state: RunState, step: str, node: WaitForEventNode, since: int) -> Listen:
    """Return the command that brings events to a step which waits since then."""
    back = node.look_back_ms
    return Listen(step, node.event, state.started_at if back is None else since - back)


def hear(turn: Turn, frame: Frame, at: int, node: WaitForEventNode, event: dict[str, Any]) -> bool:
    """Take an event if it is one that the step waits for."""
    waiting = frame.steps[at]
    if not isinstance(waiting, Expecting) or event["type"] != node.event:
        return False
    if any(known["id"] == event["id"] for known in waiting.events):
        return False
    if event["at"] < ev.rfc3339(waiting.since) and event["id"] in turn.state.taken:
        return False
    step = turn.name(frame, at)
    match = turn.scope(frame).formulas[at].get("match")
    try:
        if match is not None and not holds(
            turn.program, turn.state, frame, match, "match", event=event
        ):
            return False
    except EvaluationError:
        return False  # what cannot be told of an event is not what was waited for
    if len(waiting.events) + 1 < node.count:
        turn.add(ev.WaitMatched(*turn.head(), step_id=step, payload=event))
        return True
    output = [*waiting.events, event] if node.count > 1 else event
    try:
        require_fit("the output", output)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, step))
        return True
    succeed(turn, frame, at, output)
    return True


def over(turn: Turn, frame: Frame, at: int, node: WaitForEventNode) -> None:
    """End a wait for which nothing came in time."""
    match node.on_timeout:
        case "skip":
            turn.skip(frame, at, "timeout")
            turn.settled(frame, at)
        case "complete":
            succeed(turn, frame, at, {"timeout": True})
        case _:
            message = f"no `{node.event}` within {node.timeout_ms} ms"
            give_up(turn, frame, at, error("timeout", message, step=turn.name(frame, at)))


def signalled(turn: Turn, event: dict[str, Any]) -> None:
    """Give a signal to the first step that waits for one, or keep it."""
    state = turn.state
    if event["id"] in state.taken:
        return
    for frame in list(state.frames.values()):
        nodes = turn.scope(frame).nodes
        for at, step in enumerate(frame.steps):
            node = nodes[at]
            if not isinstance(step, Expecting) or not isinstance(node, WaitForEventNode):
                continue
            if hear(turn, frame, at, node, event):
                return
    known = {signal["id"] for signal in state.signals} | set(state.taken)
    if event["id"] not in known:
        turn.add(ev.Signalled(*turn.head(), payload=event))
