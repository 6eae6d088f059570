"""`map`: a body, or one task, for each item of a list; so many at once, so many may fail."""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.ir.program import MapNode
from dagnats.machine import events as ev
from dagnats.machine.closing import close_frame
from dagnats.machine.errors import Error, error
from dagnats.machine.frames import open_item
from dagnats.machine.kinds import task
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.payload import require_fit
from dagnats.machine.sealing import named
from dagnats.machine.state import Frame, Mapping
from dagnats.machine.turn import Turn
from dagnats.machine.values import fitting, outputs, problem, step_input

FAILURES_TOLD_MAX = 100
"""Failures of items that an error tells of; the first ones."""


def begin(turn: Turn, frame: Frame, at: int, node: MapNode) -> None:
    """Work out the list and begin the first items; raises EvaluationError."""
    formula = turn.scope(frame).formulas[at].get("over")
    step = turn.name(frame, at)
    if formula is None:
        items = step_input(turn.program, turn.state, frame, at)
    else:
        items = fitting(turn.program, turn.state, frame, formula, "over")
    if type(items) is not list:
        what = f"`over` gives {named(items)}, not a list"
        give_up(turn, frame, at, error("type", what, step=step))
        return
    if len(items) > node.max_items:
        what = f"{len(items):,} items, allowed are {node.max_items:,} (`max_items`)"
        give_up(turn, frame, at, error("too_many_items", what, step=step))
        return
    turn.add(ev.MapStarted(*turn.head(), step_id=step, payload={"items": items}))
    progress(turn, frame, at, node)


def progress(turn: Turn, frame: Frame, at: int, node: MapNode) -> None:
    """Begin the items that there is room for, or end the map."""
    mapping = frame.steps[at]
    assert isinstance(mapping, Mapping)
    count = len(mapping.items)
    tolerated, room = _tolerated(node, count), node.max_concurrency or count
    while mapping.next < count and mapping.active < room and mapping.failed <= tolerated:
        if turn.full:
            turn.look_at(frame, at)
            return
        _begin_item(turn, frame, at, node, mapping.next)
    if mapping.failed > tolerated:
        give_up(turn, frame, at, _failures(turn.name(frame, at), mapping))
    elif mapping.next == count and not mapping.active:
        _end(turn, frame, at, mapping)


def item_done(turn: Turn, frame: Frame, at: int, body: Frame) -> None:
    """Take what the body of an item has come to."""
    step = turn.name(frame, at)
    formula = turn.scope(frame).formulas[at].get("output")
    try:
        if formula is not None:
            value = fitting(turn.program, turn.state, body, formula, "output")
        else:
            value = outputs(turn.scope(body), body)
            require_fit("the output", value, grown=True)
    except EvaluationError as wrong:
        item_failed(turn, frame, at, body, problem(wrong, step))
        return
    turn.add(ev.ItemCompleted(*turn.head(), step, 0, body.number, value))
    turn.look_at(frame, at)


def item_failed(turn: Turn, frame: Frame, at: int, body: Frame, wrong: Error) -> None:
    """Take the failure of an item."""
    close_frame(turn, body)
    step = turn.name(frame, at)
    turn.add(ev.ItemFailed(*turn.head(), step_id=step, iteration=body.number, payload=wrong))
    turn.look_at(frame, at)


def _begin_item(turn: Turn, frame: Frame, at: int, node: MapNode, number: int) -> None:
    step = turn.name(frame, at)
    if not node.single:
        turn.add(ev.ItemStarted(*turn.head(), step, 0, number))
        turn.look(turn.state.frames[f"{step}[{number}]"])
        return
    # As the fold does it: the first event of the item's task comes next.
    body = open_item(turn.program, turn.state, frame, at, step, number)
    try:
        task.begin(turn, body, 0)
    except EvaluationError as wrong:
        give_up(turn, body, 0, problem(wrong, body.key))


def _tolerated(node: MapNode, count: int) -> int:
    if node.tolerance_percent is None:
        return node.tolerance
    return int(count * node.tolerance_percent / 100)


def _end(turn: Turn, frame: Frame, at: int, mapping: Mapping) -> None:
    step = turn.name(frame, at)
    try:
        require_fit("the output", mapping.outputs, grown=True)
    except EvaluationError as wrong:
        give_up(turn, frame, at, problem(wrong, step))
        return
    wrong_items = _failures(step, mapping) if mapping.failed else None
    succeed(turn, frame, at, list(mapping.outputs), wrong_items)


def _failures(step: str, mapping: Mapping) -> dict[str, Any]:
    """Return the error that tells which items failed, and why."""
    told = sorted(mapping.failures, key=lambda one: one["index"])[:FAILURES_TOLD_MAX]
    first = told[0]["error"]
    message = f"{mapping.failed} of {len(mapping.items)} items failed: {first['message']}"
    return error("items_failed", message, step=step, details=told)
