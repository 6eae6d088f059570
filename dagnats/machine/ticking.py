"""What time does to a run, when it will do so next, and all that a run waits for."""

from collections.abc import Iterator

from dagnats.ir.program import (
    ApprovalNode,
    LoopNode,
    Node,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.machine import ending, flow
from dagnats.machine.commands import Ask, Command, Enqueue
from dagnats.machine.errors import error
from dagnats.machine.kinds import approval, at_once, child, loop, sleep, task, wait
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    Asking,
    Calling,
    Expecting,
    Frame,
    Ready,
    Running,
    RunState,
    Sleeping,
    StepState,
    Waiting,
)
from dagnats.machine.turn import Turn
from dagnats.machine.values import rate_key, step_input


def tick(turn: Turn, held_until: int = 0) -> None:
    """Finish what was decided before, then let time act: on the run, on its steps.

    Attempts that workers hold are not over before `held_until`.
    """
    state = turn.state
    flow.recall(turn)
    at_once.take_up(turn)
    ending.take_up(turn)
    flow.settle(turn)
    if state.ended:
        return
    limit = turn.program.program.timeout_ms
    if turn.at >= state.timeout_from + limit and state.ending is None:
        ending.close_run(turn, "failed", error("timeout", f"the run took longer than {limit} ms"))
        return
    for frame, at, node, step in open_steps(turn.program, state):
        if frame.steps[at] is step and state.status != "pending":
            due = due_ms(node, step, held_until)
            if due is not None and turn.at >= due:
                _overdue(turn, frame, at, node, step)


def open_steps(program: Prepared, state: RunState) -> list[tuple[Frame, int, Node, StepState]]:
    """Return the steps that something is waited for, frame by frame."""
    turn = Turn(program, state, 0)
    return [
        (frame, at, node, step)
        for frame in state.frames.values()
        for at, (node, step) in enumerate(zip(turn.scope(frame).nodes, frame.steps, strict=True))
        if isinstance(step, WAITING_FOR)
    ]


WAITING_FOR = (Ready, Running, Waiting, Sleeping, Expecting, Asking, Calling)


def due_ms(node: Node, step: StepState, held_until: int = 0) -> int | None:
    """Return when time alone will change a step, or None; one that is held, not before then."""
    match step, node:
        case Waiting(until=until), _:
            return until
        case Running(), TaskNode():
            return max(task.due_ms(node, step), held_until)
        case Ready(), TaskNode():
            return task.due_ms(node, step)
        case Sleeping(until=until), _:
            return until
        case Expecting(since=since), WaitForEventNode(timeout_ms=limit):
            return since + limit
        case Asking(), ApprovalNode():
            return approval.due_ms(node, step)
        case Calling(since=since), SubWorkflowNode(timeout_ms=limit):
            return since + limit
        case _:
            return None


def next_due_ms(program: Prepared, state: RunState, held_until: int = 0) -> int:
    """Return when time alone will change this run next; at the latest, its own timeout.

    A run that is ending has had that, and a paused one begins nothing. Attempts that workers hold
    are not over before `held_until`.
    """
    paused = state.status == "paused"
    found = [
        due
        for _, _, node, step in open_steps(program, state)
        if not (paused and isinstance(step, Waiting | Ready))
        if (due := due_ms(node, step, held_until)) is not None
    ]
    if state.ending is None:
        found.append(state.timeout_from + program.program.timeout_ms)
    return min(found, default=NEVER_MS)


NEVER_MS = 2**62


def _overdue(turn: Turn, frame: Frame, at: int, node: Node, step: StepState) -> None:
    paused = turn.state.status == "paused"
    match step, node:
        case ((Ready() | Waiting()), TaskNode()) if not paused:
            task.overdue(turn, frame, at, step)
        case Running(), TaskNode():
            task.overdue(turn, frame, at, step)
        case Waiting(), LoopNode() if not paused:
            loop.next_pass(turn, frame, at)
        case Waiting(), SubWorkflowNode() if not paused:
            child.again(turn, frame, at, node, step)
        case Sleeping(), _:
            sleep.over(turn, frame, at)
        case Expecting(), WaitForEventNode():
            wait.over(turn, frame, at, node)
        case Asking(), ApprovalNode():
            approval.over(turn, frame, at, node, step)
        case Calling(), SubWorkflowNode():
            child.over(turn, frame, at, node, step)
        case _:
            return


def offer_all(turn: Turn) -> None:
    """Command that everything be dispatched that waits for a worker."""
    turn.commands.extend(
        command for command in outstanding(turn.program, turn.state) if isinstance(command, Enqueue)
    )


def outstanding(program: Prepared, state: RunState) -> list[Command]:
    """Return what is to be done for a run, told from its state alone."""
    return list(_outstanding(Turn(program, state, state.at)))


def _outstanding(turn: Turn) -> Iterator[Command]:
    state = turn.state
    for frame, at, node, step in open_steps(turn.program, state):
        name = turn.name(frame, at)
        match step, node:
            case Ready(), TaskNode() if state.status == "running":
                yield _enqueue(turn, frame, at, node, step)
            case Expecting(since=since), WaitForEventNode():
                yield wait.listen(state, name, node, since)
            case Calling(), SubWorkflowNode():
                yield child.command(name, node, step)
            case Asking(), ApprovalNode():
                yield Ask(name, step.round, step.reminders)
            case _:
                continue


def _enqueue(turn: Turn, frame: Frame, at: int, node: TaskNode, ready: Ready) -> Enqueue:
    name = turn.name(frame, at)
    loop = task.loop_root(turn, name, ready.iteration)
    value = step_input(turn.program, turn.state, frame, at, loop)
    carried = turn.state.loops[name].state if ready.iteration else None
    key = rate_key(turn.program, turn.state, frame, at, loop)
    return Enqueue(name, ready.attempt, ready.iteration, ready.delivery, value, carried, node, key)
