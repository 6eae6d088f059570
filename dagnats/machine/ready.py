"""What follows when a step settles: who becomes ready, who is skipped, when the run ends.

Every decision here can be taken again from the state alone, so one that a crash cut in two is
finished by the next `Tick`.
"""

from heapq import heapify, heappop, heappush

from dagnats.expr.evaluate import EvaluationError
from dagnats.machine.events import StepCompleted, StepQueued
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import STATUS, Ended, Failed, Pending, RunState
from dagnats.machine.turn import Turn
from dagnats.machine.values import error, evaluate, run_output, task_input


def settle_from(turn: Turn, candidates: list[int]) -> None:
    """Decide each candidate whose dependencies are settled, in document order, and what follows."""
    state, program = turn.state, turn.program
    heap = [i for i in candidates if state.unmet[i] == 0 and isinstance(state.steps[i], Pending)]
    heapify(heap)
    while heap:
        index = heappop(heap)
        if state.unmet[index] or not isinstance(state.steps[index], Pending):
            continue
        _decide(turn, index)
        if isinstance(state.steps[index], Ended):
            if is_fatal(program, state, index):
                break
            for dependent in program.dependents[index]:
                if not state.unmet[dependent]:
                    heappush(heap, dependent)
    conclude(turn)


def settled(turn: Turn, index: int) -> None:
    """Go on after the step at `index` has ended."""
    if is_fatal(turn.program, turn.state, index):
        conclude(turn)
        return
    settle_from(turn, list(turn.program.dependents[index]))


def is_fatal(program: Prepared, state: RunState, index: int) -> bool:
    """Whether this step failed and nothing that depends on it accepts that."""
    if not isinstance(state.steps[index], Failed):
        return False
    return not any(
        edge.source == index and "failed" in edge.accepts
        for dependent in program.dependents[index]
        for edge in program.nodes[dependent].edges
    )


def conclude(turn: Turn) -> None:
    """End the run if it is time: a fatal failure, a cancellation, or nothing left open."""
    state = turn.state
    if state.ended:
        return
    if state.cancel_reason is not None:
        close_open_steps(turn)
        reason = state.cancel_reason or "cancelled"
        turn.end_cancelled(error("cancelled", reason))
        return
    fatal = _fatal_failure(turn)
    if fatal is not None:
        close_open_steps(turn)
        turn.end_failed(fatal.error)
        return
    if state.open == 0:
        _finish(turn)


def close_open_steps(turn: Turn) -> None:
    """Cancel whatever has not ended."""
    for index, step in enumerate(turn.state.steps):
        if not isinstance(step, Ended):
            turn.cancel(index)


def _finish(turn: Turn) -> None:
    try:
        turn.end_completed(run_output(turn.program, turn.state))
    except EvaluationError as wrong:
        turn.end_failed(error("expression", f"`output`: {wrong}"))


def _fatal_failure(turn: Turn) -> Failed | None:
    last = turn.events[-1] if turn.events else None
    # Almost every turn ends with a step queued or completed: no failure can be new then.
    if isinstance(last, StepQueued | StepCompleted):
        return None
    for index, step in enumerate(turn.state.steps):
        if isinstance(step, Failed) and is_fatal(turn.program, turn.state, index):
            return step
    return None


def _decide(turn: Turn, index: int) -> None:
    program, state = turn.program, turn.state
    node = program.nodes[index]
    for edge in node.edges:
        if STATUS[type(state.steps[edge.source])] not in edge.accepts:
            turn.skip(index, "dependency")
            return
    when = program.when[index]
    try:
        if when is not None and evaluate(program, state, when) is not True:
            turn.skip(index, "condition")
            return
        first = 1 if index in program.initial_states else 0
        value = task_input(program, state, index, first)
    except EvaluationError as wrong:
        turn.fail(index, None, error("expression", str(wrong), step=node.id))
        return
    turn.queue(index, 1, first, value)
