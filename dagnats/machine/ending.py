"""How a run ends: what is open is cancelled, what was done is undone, `finally` runs, then the end.

all done ─────────────────────────────┐
failed, timed out, cancelled ── close ┴→ undo, one by one ─→ finally ─→ completed | failed |
                                         (if it failed)                 cancelled
"""

from typing import Any

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.machine import events as ev
from dagnats.machine.bounds import overdrawn
from dagnats.machine.closing import close_frame
from dagnats.machine.commands import CancelChild, EndRun
from dagnats.machine.errors import Error, error, no_value
from dagnats.machine.prepared import TOP, Scope
from dagnats.machine.state import (
    FINALLY,
    Completed,
    Ending,
    Failed,
    Frame,
    RunState,
    Skipped,
    address,
)
from dagnats.machine.turn import Turn, top
from dagnats.machine.values import run_output

FAILURES_TOLD_MAX = 100
"""Handlers that could not undo something of which the error of a run tells; the first ones."""


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
    if state.status == "pending":
        close_frame(turn, top(turn))
        _end(turn, status, None, wrong)
        return
    if state.status == "paused":
        # What undoes and what runs last must not wait.
        turn.add(ev.RunResumed(*turn.head()))
    # Said before anything is cancelled, so that a crash in between is taken up; a request to
    # cancel says it, too.
    if state.undo or (top(turn).open and status != "cancelled"):
        turn.add(ev.RunFailing(*turn.head(), payload={"status": status, "error": wrong}))
    close_frame(turn, top(turn))
    if state.undo:
        undone(turn)
    else:
        _run_finally(turn, status, None, wrong)


def hold_budget(turn: Turn) -> None:
    """End a run that has spent more than it may."""
    spent = overdrawn(turn.program.program.admission.budget, turn.state.usage)
    if spent is not None:
        close_run(turn, "failed", error("budget", f"the run has spent {spent} (`budget`)"))


def cancelled(reason: str) -> Error:
    """Return the error of a run that somebody has ended."""
    return error("cancelled", reason or "cancelled")


def undone(turn: Turn) -> None:
    """Undo the next step; after the last one go on to `finally`."""
    state = turn.state
    ending = state.ending
    assert ending is not None
    if not state.undo:
        _run_finally(turn, ending.status, None, _with_failures(ending))
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


def _with_failures(ending: Ending) -> Error:
    """Return the error of the run, which tells what could not be undone, too."""
    wrong = ending.error
    assert wrong is not None
    if not ending.failures:
        return wrong
    failed = {"compensation_failed": ending.failures[:FAILURES_TOLD_MAX]}
    details = wrong["details"]
    if isinstance(details, dict):
        details = {**details, **failed}
    else:
        details = failed if details is None else {"details": details, **failed}
    bare = {key: value for key, value in wrong.items() if key != "details"}
    return error(**bare, details=details)


def take_up(turn: Turn) -> None:
    """Go on with the end of a run where a crash has cut it off."""
    state = turn.state
    ending = state.ending
    if ending is None:
        if state.cancel_reason is not None:
            close_run(turn, "cancelled", cancelled(state.cancel_reason))
        elif "error" in state.birth:
            close_run(turn, "failed", state.birth["error"])
        else:
            hold_budget(turn)
        return
    if ending.phase == "undoing" and state.status == "running":
        close_frame(turn, top(turn))
        handler = state.frames.get(ending.handler) if ending.handler else None
        if handler is None or not handler.open:
            undone(turn)


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
    turn.commands.extend(CancelChild(step, child) for step, child in turn.state.detached)
    turn.commands.append(EndRun())


def reset_steps(turn: Turn) -> list[str]:
    """Return the steps that a failed run does again, in document order.

    Those are what failed, ended early or was undone, and whatever depends on one of them.
    """
    frame, scope = top(turn), turn.program.scopes[TOP]
    redo: set[int] = set()
    todo = [at for at in range(len(frame.steps)) if _is_to_redo(scope, frame, at)]
    todo += _undone_at_top(turn)
    while todo:
        at = todo.pop()
        if at not in redo:
            redo.add(at)
            todo.extend(scope.dependents[at])
    return [scope.nodes[at].id for at in sorted(redo)]


def _is_to_redo(scope: Scope, frame: Frame, at: int) -> bool:
    match frame.steps[at]:
        case Completed() | Skipped():
            return False
        case Failed():
            return not scope.tolerated[at]
        case _:
            return True


def _undone_at_top(turn: Turn) -> list[int]:
    """Return the steps at the top that were undone, or have such steps inside."""
    state = turn.state
    kept = {(undo.frame, undo.at) for undo in state.undo}
    found = []
    for frame in state.frames.values():
        for at, step in enumerate(frame.steps):
            undoes = turn.scope(frame).handlers[at][1] is not None
            if undoes and isinstance(step, Completed) and (frame.key, at) not in kept:
                outer = _at_top(state, frame, at)
                if outer >= 0:
                    found.append(outer)
    return found


def _at_top(state: RunState, frame: Frame, at: int) -> int:
    """Return the step at the top that a step is, or is in; below 0 for those of `finally`."""
    while frame.parent is not None:
        at, frame = frame.at, state.frames[frame.parent]
    return at
