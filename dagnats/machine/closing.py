"""Cancelling what is open: a step, what is below it, a frame, everything."""

from dagnats.ir.program import SubWorkflowNode
from dagnats.machine.commands import CancelChild
from dagnats.machine.state import Calling, Ended, Frame, Ready
from dagnats.machine.turn import Turn


def close_frame(turn: Turn, frame: Frame) -> None:
    """Cancel every open step of a frame, and what is below each, in document order."""
    if not frame.open:
        return
    for at, step in enumerate(frame.steps):
        if not isinstance(step, Ended):
            close_step(turn, frame, at)


def close_step(turn: Turn, frame: Frame, at: int) -> None:
    """Cancel an open step, and before it what is below."""
    close_below(turn, frame, at)
    end_child(turn, frame, at)
    turn.cancel(frame, at)


def close_below(turn: Turn, frame: Frame, at: int) -> None:
    """Cancel what is open in the frames of a step."""
    if not frame.below:
        return
    for key in [key for key, of in frame.below.items() if of == at]:
        below = turn.state.frames.get(key)
        if below is not None:
            close_frame(turn, below)


def withdraw_all(turn: Turn) -> None:
    """Take back what waits for a worker: a run that is paused begins nothing."""
    for frame in turn.state.frames.values():
        for at, step in enumerate(frame.steps):
            if isinstance(step, Ready):
                turn.withdraw(frame, at)


def end_child(turn: Turn, frame: Frame, at: int) -> None:
    """Cancel the child of a step that waits for it no more, unless it is to live on."""
    step = frame.steps[at]
    node = turn.scope(frame).nodes[at]
    closes = isinstance(node, SubWorkflowNode) and node.on_parent_close == "cancel"
    if isinstance(step, Calling) and closes:
        turn.commands.append(CancelChild(turn.name(frame, at), step.child_run_id))
