"""The one door into the machine.

`advance` takes what the world asks and returns what has now happened and what must follow. It is
the only code that decides anything about a run. It knows no clock, no chance and no I/O: time and
ids arrive as data. An input that speaks of something past yields no event.
"""

from typing import Any, NamedTuple, assert_never

from dagnats.ir.costs import ERROR_MESSAGE_CHARS_MAX
from dagnats.ir.program import AgentLoopNode
from dagnats.machine import inputs as i
from dagnats.machine.commands import Command, Enqueue
from dagnats.machine.events import Event
from dagnats.machine.kinds import agent_loop, task
from dagnats.machine.kinds.task import due_ms
from dagnats.machine.limits import assert_within
from dagnats.machine.payload import TooLargeError, require_fit
from dagnats.machine.prepared import Prepared
from dagnats.machine.ready import close_open_steps, conclude, recall_failure, settle_from
from dagnats.machine.state import Open, Pending, Ready, Running, RunState, StepState
from dagnats.machine.turn import Turn
from dagnats.machine.values import cut, error, no_value, task_input


class Transition(NamedTuple):
    """What an input led to: the state (the one given, changed in place), facts, and intentions."""

    state: RunState
    events: list[Event]
    commands: list[Command]


def start(program: Prepared, request: i.StartRun) -> Transition:
    """Begin a run. One whose input is no payload ends at once, and its history has no input."""
    try:
        require_fit("the input", request.input)
    except TooLargeError as wrong:
        turn = Turn.first(program, request.run_id, None, request.at)
        close_open_steps(turn)
        turn.end_failed(no_value(wrong))
        return _done(turn)
    turn = Turn.first(program, request.run_id, request.input, request.at)
    settle_from(turn, list(range(len(program.nodes))))
    return _done(turn)


def advance(  # noqa: C901, PLR0912 (one case for each input)
    program: Prepared, state: RunState, request: i.Input
) -> Transition:
    """Decide what an input means for a run. After a replay, a Tick comes first."""
    if state.ended:
        return Transition(state, [], [])
    turn = Turn(program, state, request.at)
    match request:
        case i.Complete(step=index, output=output):
            was = _held(state, request)
            if was is not None:
                _returned(turn, index, was, output, asks_more=False)
        case i.Deliver(step=index, worker_id=worker_id):
            ready = state.steps[index]
            if isinstance(ready, Ready):
                turn.start(index, ready, worker_id)
        case i.Continue(step=index, state=loop_state):
            was = _held(state, request)
            if was is not None:
                _returned(turn, index, was, loop_state, asks_more=True)
        case i.Fail(step=index):
            was = _held(state, request)
            if was is not None:
                _failed(turn, index, was, request)
        case i.ExpireLease(step=index, delivery=delivery):
            was = _held(state, request)
            if was is not None and was is state.steps[index] and was.delivery == delivery:
                task.lost(turn, index, was)
        case i.Tick():
            _tick(turn)
        case i.Cancel(reason=reason):
            turn.request_cancel(cut(reason, ERROR_MESSAGE_CHARS_MAX))
            conclude(turn)
        case i.StartRun():
            pass
        case _:
            assert_never(request)
    return _done(turn)


def _done(turn: Turn) -> Transition:
    state, certificate = turn.state, turn.program.program.certificate
    assert_within(certificate, events=state.seq, attempts=state.attempts)
    return Transition(state, turn.events, turn.commands)


def outstanding(program: Prepared, state: RunState) -> list[Enqueue]:
    """Return what waits for a worker, told from the state alone."""
    found = []
    for index, step in enumerate(state.steps):
        if isinstance(step, Ready):
            loop = state.loops.get(index)
            found.append(
                Enqueue(
                    index,
                    step.attempt,
                    step.iteration,
                    step.delivery,
                    task_input(program, state, index, step.iteration),
                    loop.state if loop else None,
                )
            )
    return found


def next_due_ms(program: Prepared, state: RunState) -> int:
    """Return when time alone will change this run next; at the latest, its own timeout."""
    ends = state.started_at + program.program.timeout_ms
    steps = zip(program.nodes, state.steps, strict=True)
    return min([ends, *[due_ms(node, step) for node, step in steps if isinstance(step, Open)]])


def _held(
    state: RunState, claim: i.Complete | i.Continue | i.Fail | i.ExpireLease
) -> Running | None:
    """Return the attempt that an input speaks of, if it has not ended.

    A lost delivery may answer after all, while its attempt waits for another worker.
    """
    step: StepState = state.steps[claim.step]
    if isinstance(step, Ready) and step.delivery > 1:
        step = Running(step.attempt, step.iteration, step.delivery - 1, step.since, "")
    if (
        isinstance(step, Running)
        and step.attempt == claim.attempt
        and step.iteration == claim.iteration
    ):
        return step
    return None


def _returned(turn: Turn, index: int, was: Running, result: Any, *, asks_more: bool) -> None:
    node = turn.program.nodes[index]
    try:
        require_fit("the state" if asks_more else "the output", result)
    except TooLargeError as wrong:
        task.failed(turn, index, was, no_value(wrong, step=node.id, attempt=was.attempt))
        return
    match node:
        case AgentLoopNode():
            agent_loop.returned(turn, index, node, was, result, asks_more=asks_more)
        case _ if asks_more:
            problem = error(
                "not_a_loop",
                "the worker asked for another iteration of a step that is no loop",
                step=node.id,
                attempt=was.attempt,
            )
            task.failed(turn, index, was, problem)
        case _:
            task.completed(turn, index, was, result)


def _failed(turn: Turn, index: int, was: Running, request: i.Fail) -> None:
    problem = error(
        request.code,
        request.message,
        step=turn.program.nodes[index].id,
        attempt=was.attempt,
        retryable=request.retryable,
        details=request.details,
    )
    task.failed(turn, index, was, problem, request.retry_after_ms)


def _tick(turn: Turn) -> None:
    """Finish what was decided before, then let time act: on the run, on its steps.

    A run that ends on the way has neither open nor pending steps left.
    """
    state, program = turn.state, turn.program
    recall_failure(turn)
    conclude(turn)
    if state.ended:
        return
    if turn.at >= state.started_at + program.program.timeout_ms:
        close_open_steps(turn)
        limit = program.program.timeout_ms
        turn.end_failed(error("timeout", f"the run took longer than {limit} ms"))
        return
    for index, step in enumerate(state.steps):
        if isinstance(step, Open) and turn.at >= due_ms(program.nodes[index], step):
            task.overdue(turn, index, step)
    settle_from(turn, [n for n, step in enumerate(state.steps) if type(step) is Pending])
