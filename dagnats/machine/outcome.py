"""How a step ends for good: completed, failed, or saved by its handler."""

from typing import Any

from dagnats.machine.closing import close_below
from dagnats.machine.errors import Error
from dagnats.machine.state import Completed, Frame, Recovering
from dagnats.machine.turn import Turn

Usage = dict[str, float] | None


def succeed(  # noqa: PLR0913, PLR0917 (an outcome)
    turn: Turn, frame: Frame, at: int, output: Any, wrong: Error | None = None, usage: Usage = None
) -> None:
    """End a step well, and go on with what follows."""
    turn.complete(frame, at, output, error=wrong, usage=usage)
    turn.settled(frame, at)


def give_up(turn: Turn, frame: Frame, at: int, wrong: Error, usage: Usage = None) -> None:
    """End a step badly for good: its handler runs if it has one, else it has failed."""
    close_below(turn, frame, at)
    turn.withdraw(frame, at)
    handler = turn.scope(frame).handlers[at][0]
    if handler is None:
        turn.fail(frame, at, wrong, usage)
        turn.settled(frame, at)
        return
    step = turn.name(frame, at)
    name = turn.scope_of(frame, handler).nodes[0].id
    address = f"{step}.{name}"
    turn.fail(frame, at, wrong | {"handler": address}, usage)
    turn.look(turn.state.frames[f"{address}!"])


def recovered(turn: Turn, frame: Frame, outer: Frame) -> None:
    """End a step as its handler has ended: `frame` is that of the handler."""
    was, ended = outer.steps[frame.at], frame.steps[0]
    assert isinstance(was, Recovering)
    if isinstance(ended, Completed):
        succeed(turn, outer, frame.at, ended.output)
        return
    turn.fail(outer, frame.at, was.error)
    turn.settled(outer, frame.at)
