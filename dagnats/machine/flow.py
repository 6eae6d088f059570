"""What follows when a step settles: who begins, who is skipped, what ends with it.

Theory. A turn keeps what is still to be decided in `looks`, `containers` and `failed`, and `settle`
works through it, frame by frame, in the order in which it came. Inside a frame steps are decided in
document order, and what follows from one before the next; a body begins after the steps beside its
container. So the depth of the stack does not grow with iterations or items, and a decision can
stop anywhere: all of it can be found again in the state (`recall`), after a crash as after a slice.
"""

from heapq import heapify, heappop, heappush

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import LoopNode, MapNode, PlannerNode, SwitchNode
from dagnats.machine import ending
from dagnats.machine.closing import close_frame
from dagnats.machine.commands import GoOn
from dagnats.machine.errors import Error
from dagnats.machine.kinds import begin, each, loop, planner, switch, wait
from dagnats.machine.outcome import give_up, recovered
from dagnats.machine.prepared import Scope
from dagnats.machine.state import (
    STATUS,
    Cancelled,
    Completed,
    Expecting,
    Failed,
    Frame,
    Looping,
    Mapping,
    Pending,
    Recovering,
    is_alive,
)
from dagnats.machine.turn import EVENTS_PER_TURN_MAX, Turn
from dagnats.machine.values import holds, problem


def settle(turn: Turn) -> None:
    """Decide everything that is to be decided now, or as much as one decision may hold."""
    state = turn.state
    while (turn.looks or turn.failed or turn.containers) and state.status == "running":
        if turn.full:
            turn.commands.append(GoOn())
            return
        if turn.failed:
            key = next(iter(turn.failed))
            _frame_failed(turn, key, turn.failed.pop(key))
        elif turn.looks:
            key = next(iter(turn.looks))
            todo = turn.looks.pop(key)
            frame = state.frames.get(key)
            if frame is not None and is_alive(state, frame):
                _decide_all(turn, frame, todo)
        else:
            key, at = next(iter(turn.containers))
            del turn.containers[key, at]
            _go_on(turn, key, at)


def recall(turn: Turn) -> None:
    """Find everything that is to be decided: what a crash, a slice or a pause has cut off."""
    state = turn.state
    if state.status != "running":
        return
    for frame in list(state.frames.values()):
        if not is_alive(state, frame):
            continue
        scope = turn.scope(frame)
        for at, step in enumerate(frame.steps):
            if isinstance(step, Failed) and not scope.tolerated[at]:
                turn.failed.setdefault(frame.key, step.error)
            elif isinstance(step, Mapping) or (isinstance(step, Looping) and not step.iteration):
                turn.look_at(frame, at)
            elif isinstance(step, Expecting) and state.signals:
                wait.recall(turn, frame, at)
        # What has cancelled a step goes on with that, for a reason that is found again, too.
        if not any(isinstance(step, Cancelled) for step in frame.steps):
            turn.look(frame)


def _decide_all(turn: Turn, frame: Frame, todo: list[int]) -> None:
    """Decide each step whose dependencies allow it, and what follows; then whether all is done."""
    scope, steps, state, key = turn.scope(frame), frame.steps, turn.state, frame.key
    looks, events, unmet = turn.looks, turn.events, frame.unmet
    heapify(todo)
    while todo and len(events) < EVENTS_PER_TURN_MAX:
        at = heappop(todo)
        if type(steps[at]) is not Pending or (unmet[at] and scope.nodes[at].join in _WAITS_FOR_ALL):
            continue
        _decide(turn, frame, scope, at)
        if state.frames.get(key) is not frame or state.status != "running":
            return  # the next generation of the run has begun, or the run has ended
        if key in looks:
            # What settled at once goes before what stands further down.
            for dependent in looks.pop(key):
                heappush(todo, dependent)
        if key in turn.failed:
            return
    if todo:
        turn.look(frame, todo)
    elif not frame.open and state.frames.get(key) is frame:
        _frame_done(turn, frame, scope.kind)


_WAITS_FOR_ALL = frozenset({"all_success", "all_done"})


def _decide(turn: Turn, frame: Frame, scope: Scope, at: int) -> None:
    verdict = _joined(frame, scope, at)
    if verdict is None:
        return
    if not verdict:
        turn.skip(frame, at, "dependency")
        turn.settled(frame, at)
        return
    when = scope.when[at]
    try:
        if when is not None and not holds(turn.program, turn.state, frame, when, "when"):
            turn.skip(frame, at, "condition")
            turn.settled(frame, at)
            return
        begin.begin(turn, frame, at, scope.nodes[at])
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, turn.name(frame, at)))


def _joined(frame: Frame, scope: Scope, at: int) -> bool | None:
    """Whether a step goes on (True), is skipped (False), or waits for others (None)."""
    edges = scope.edges[at]
    if not edges:
        return True
    steps = frame.steps
    match scope.nodes[at].join:
        case "any_success":
            if any(isinstance(steps[source], Completed) for source, _ in edges):
                return True
            return None if frame.unmet[at] else False
        case "all_done":
            return None if frame.unmet[at] else True
        case _:
            if frame.unmet[at]:
                return None
            for source, accepts in edges:  # noqa: SIM110 (a generator takes as long as all else)
                if STATUS[type(steps[source])] not in accepts:
                    return False
            return True


def _frame_done(turn: Turn, frame: Frame, kind: str) -> None:
    """Go on after the last step of a frame has ended."""
    if frame.parent is None or kind == "finally":
        ending.all_done(turn, frame)
        return
    outer = turn.state.frames[frame.parent]
    if kind == "handler":
        _handler_done(turn, frame, outer)
        return
    match turn.scope(outer).nodes[frame.at]:
        case LoopNode() as node:
            loop.pass_done(turn, outer, frame.at, node, frame)
        case MapNode():
            each.item_done(turn, outer, frame.at, frame)
        case SwitchNode():
            switch.branch_done(turn, outer, frame.at, frame)
        case PlannerNode():
            planner.plan_done(turn, outer, frame.at, frame)
        case node:
            raise AssertionError(node)


def _handler_done(turn: Turn, frame: Frame, outer: Frame) -> None:
    if isinstance(outer.steps[frame.at], Recovering):
        recovered(turn, frame, outer)
    else:
        ending.undone(turn)


def _frame_failed(turn: Turn, key: str, wrong: Error) -> None:
    """End a frame of which a step has failed, and what it belongs to with it."""
    frame = turn.state.frames.get(key)
    if frame is None or not is_alive(turn.state, frame):
        return
    turn.looks.pop(key, None)
    scope = turn.scope(frame)
    if frame.parent is None or scope.kind == "finally":
        ending.failed(turn, frame, wrong)
        return
    close_frame(turn, frame)
    outer = turn.state.frames[frame.parent]
    if scope.kind == "handler":
        _handler_done(turn, frame, outer)
        return
    match turn.scope(outer).nodes[frame.at]:
        case MapNode():
            each.item_failed(turn, outer, frame.at, frame, wrong)
        case _:
            # The error of a container is that of the step which failed in it; nobody retries it.
            give_up(turn, outer, frame.at, wrong | {"retryable": False})


def _go_on(turn: Turn, key: str, at: int) -> None:
    """Let a container begin what it may begin now."""
    frame = turn.state.frames.get(key)
    if frame is None:
        return
    node = turn.scope(frame).nodes[at]
    match frame.steps[at], node:
        case Mapping(), MapNode():
            each.progress(turn, frame, at, node)
        case Looping(), LoopNode():
            loop.next_pass(turn, frame, at)
        case _:
            return
