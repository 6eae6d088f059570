"""How a run ends: what is open is cancelled, what was done is undone, `finally` runs, then the end.

all done ─────────────────────────────┐
failed, timed out, cancelled ── close ┴→ undo, one by one ─→ finally ─→ completed | failed |
                                         (if it failed)                 cancelled
"""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.machine import events as ev
from dagnats.machine.closing import close_frame
from dagnats.machine.commands import EndRun
from dagnats.machine.errors import Error, error, no_value
from dagnats.machine.prepared import TOP, Scope
from dagnats.machine.state import FINALLY, Completed, Failed, Frame, RunState, Skipped, address
from dagnats.machine.turn import Turn, top
from dagnats.machine.values import run_output


def is_part(state: RunState, frame: Frame) -> bool:
    """Whether what happens in a frame still matters to a run that is ending."""
    ending = state.ending
    assert ending is not None
    inside = frame
    while inside.key != FINALLY and not inside.key.endswith("!"):
        if inside.parent is None:
            return False
        inside = state.frames[inside.parent]
    return inside.key == FINALLY or bool(inside.open)


def all_done(turn: Turn, frame: Frame) -> None:
    """Go on when nothing is open: at the top, or in `finally`."""
    state = turn.state
    if frame.key == FINALLY:
        assert state.ending is not None
        _end(turn, state.ending.status, state.ending.output, state.ending.error)
        return
    if state.ending is not None:
        return
    try:
        output = run_output(turn.program, state)
    except EvaluationError as wrong:
        failed(turn, frame, no_value(wrong))
        return
    _run_finally(turn, "completed", output, None)


def failed(turn: Turn, frame: Frame, wrong: Error) -> None:
    """End the run badly, because of a step at the top or in `finally`."""
    ending = turn.state.ending
    if frame.key != FINALLY:
        close_run(turn, "failed", wrong)
        return
    close_frame(turn, frame)
    assert ending is not None
    if ending.status == "completed":
        _end(turn, "failed", None, wrong)
    else:
        _end(turn, ending.status, None, ending.error)


def close_run(turn: Turn, status: str, wrong: Error) -> None:
    """End a run that is not done: cancel what is open, then undo, then `finally`."""
    state = turn.state
    if state.ending is not None:
        return
    turn.looks.clear()
    turn.containers.clear()
    turn.failed.clear()
    close_frame(turn, top(turn))
    if state.undo:
        turn.add(ev.RunFailing(*turn.head(), payload={"status": status, "error": wrong}))
        undone(turn)
    else:
        _run_finally(turn, status, None, wrong)


def end_pause(turn: Turn) -> None:
    """Let a run go on that is to end: what undoes and what runs last must not wait."""
    if turn.state.status == "paused":
        turn.add(ev.RunResumed(*turn.head()))


def cancelled(reason: str) -> Error:
    """Return the error of a run that somebody has ended."""
    return error("cancelled", reason or "cancelled")


def undone(turn: Turn) -> None:
    """Undo the next step; after the last one go on to `finally`."""
    state = turn.state
    ending = state.ending
    assert ending is not None
    if not state.undo:
        _run_finally(turn, ending.status, None, ending.error)
        return
    undo = state.undo[-1]
    frame = state.frames[undo.frame]
    scope = turn.scope(frame)
    handler = scope.handlers[undo.at][1]
    assert handler is not None
    step = address(scope, frame, undo.at)
    name = f"{step}.{turn.scope_of(frame, handler).nodes[0].id}"
    turn.add(ev.StepCompensating(*turn.head(), step_id=step, payload={"handler": name}))
    turn.look(state.frames[f"{name}!"])


def take_up(turn: Turn) -> None:
    """Go on with the end of a run where a crash has cut it off."""
    state = turn.state
    ending = state.ending
    if ending is None:
        if state.cancel_reason is not None:
            close_run(turn, "cancelled", cancelled(state.cancel_reason))
        return
    if ending.phase == "undoing" and not any(
        frame.key.endswith("!") and frame.open for frame in state.frames.values()
    ):
        undone(turn)
    elif ending.phase == "finally" and not state.frames[FINALLY].open:
        all_done(turn, state.frames[FINALLY])


def _run_finally(turn: Turn, status: str, output: Any, wrong: Error | None) -> None:
    if turn.program.finally_scope is None:
        _end(turn, status, output, wrong)
        return
    payload = {"status": status, "output": output, "error": wrong}
    turn.add(ev.FinallyStarted(*turn.head(), payload=payload))
    turn.look(turn.state.frames[FINALLY])


def _end(turn: Turn, status: str, output: Any, wrong: Error | None) -> None:
    if status == "completed":
        turn.add(ev.RunCompleted(*turn.head(), output))
    else:
        assert wrong is not None
        kind = ev.RunFailed if status == "failed" else ev.RunCancelled
        turn.add(kind(*turn.head(), wrong))
    turn.commands.append(EndRun())


def reset_steps(turn: Turn) -> list[str]:
    """Return the steps that a failed run does again, in document order.

    Those are what failed, ended early or was undone, and whatever depends on one of them.
    """
    frame, scope = top(turn), turn.program.scopes[TOP]
    kept = {undo.at for undo in turn.state.undo if not undo.frame}
    redo: set[int] = set()
    todo = [at for at in range(len(frame.steps)) if _is_to_redo(scope, frame, at, kept)]
    while todo:
        at = todo.pop()
        if at not in redo:
            redo.add(at)
            todo.extend(scope.dependents[at])
    return [scope.nodes[at].id for at in sorted(redo)]


def _is_to_redo(scope: Scope, frame: Frame, at: int, kept: set[int]) -> bool:
    match frame.steps[at]:
        case Completed():
            return scope.handlers[at][1] is not None and at not in kept
        case Failed():
            return not scope.tolerated[at]
        case Skipped():
            return False
        case _:
            return True
