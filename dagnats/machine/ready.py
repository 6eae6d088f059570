"""What follows when a step settles: who becomes ready, who is skipped, when the run ends.

Every decision here can be taken again from the state alone, so one that a crash cut in two is
finished by the next `Tick`.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from dagnats.expr.evaluation.evaluator import EvaluationError
from dagnats.machine.state import STATUS, Ended, Failed, Pending
from dagnats.machine.turn import Turn
from dagnats.machine.values import attempt_input, error, no_value, run_output, when_holds


def settle_from(turn: Turn, candidates: Iterable[int]) -> None:
    """Decide each candidate whose dependencies are settled, in document order, and what follows."""
    state, program = turn.state, turn.program
    steps, unmet = state.steps, state.unmet
    heap = [i for i in candidates if not unmet[i]]
    heapify(heap)
    while heap:
        index = heappop(heap)
        if not isinstance(steps[index], Pending):
            continue
        _decide(turn, index)
        if isinstance(steps[index], Ended):
            if turn.fatal is not None:
                break
            for dependent in program.dependents[index]:
                if not unmet[dependent]:
                    heappush(heap, dependent)
    conclude(turn)


def settled(turn: Turn, index: int) -> None:
    """Go on after the step at `index` has ended."""
    if turn.fatal is not None:
        conclude(turn)
        return
    settle_from(turn, turn.program.dependents[index])


def recall_failure(turn: Turn) -> None:
    """Find a fatal failure of an earlier turn, whose consequences a crash has cut off."""
    tolerated = turn.program.tolerated
    for index, step in enumerate(turn.state.steps):
        if type(step) is Failed and not tolerated[index]:
            turn.fatal = step.error
            return


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
    if turn.fatal is not None:
        close_open_steps(turn)
        turn.end_failed(turn.fatal)
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
        turn.end_failed(no_value(wrong, where="`output`: "))


def _decide(turn: Turn, index: int) -> None:
    program, state = turn.program, turn.state
    node = program.nodes[index]
    steps = state.steps
    for edge in node.edges:
        if STATUS[type(steps[edge.source])] not in edge.accepts:
            turn.skip(index, "dependency")
            return
    when = program.when[index]
    where = "`when`: "
    try:
        if when is not None and not when_holds(program, state, when):
            turn.skip(index, "condition")
            return
        where = "`with`: "
        first = 1 if index in program.initial_states else 0
        value = attempt_input(program, state, index, first)
    except EvaluationError as wrong:
        turn.fail(index, None, no_value(wrong, where=where, step=node.id))
        return
    turn.queue(index, 1, first, value)
