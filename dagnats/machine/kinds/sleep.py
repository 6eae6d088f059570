"""`sleep`: a time to wait for, worked out when the step begins."""

from datetime import datetime
from typing import Any

from dagnats.ir.program import SleepNode
from dagnats.machine import events as ev
from dagnats.machine.calendar import next_fit_ms
from dagnats.machine.errors import error
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.state import Frame
from dagnats.machine.turn import Turn
from dagnats.machine.values import evaluate
from dagnats.timespec import parse_duration_ms


def begin(turn: Turn, frame: Frame, at: int, node: SleepNode) -> None:
    """Begin to sleep; a time that is over ends it at once. Raises EvaluationError."""
    step = turn.name(frame, at)
    wake_at = _wake_at(turn, frame, at, node)
    if isinstance(wake_at, str):
        give_up(turn, frame, at, error("expression", wake_at, step=step))
        return
    if wake_at - turn.at > node.max_duration_ms:
        what = f"a sleep of {wake_at - turn.at} ms, allowed are {node.max_duration_ms} ms"
        give_up(turn, frame, at, error("too_long", f"{what} (`max_duration`)", step=step))
        return
    if wake_at <= turn.at:
        succeed(turn, frame, at, None)
        return
    turn.add(ev.SleepStarted(*turn.head(), step_id=step, payload={"wake_at": wake_at}))


def over(turn: Turn, frame: Frame, at: int) -> None:
    """Wake up."""
    succeed(turn, frame, at, None)


def _wake_at(turn: Turn, frame: Frame, at: int, node: SleepNode) -> int | str:
    """Return when the sleep is over (ms), or what is wrong."""
    formulas = turn.scope(frame).formulas[at]
    if node.cron is not None:
        fit = next_fit_ms(node.cron, node.timezone, turn.at)
        return f"`{node.cron}` fits no date" if fit is None else fit
    if "duration" in formulas:
        value = evaluate(turn.program, turn.state, frame, formulas["duration"], "duration")
        lasts = parse_duration_ms(value) if isinstance(value, str | int) else None
        if lasts is None:
            return f"`duration` gives {value!r:.80}, which is no duration"
        return turn.at + lasts
    value = evaluate(turn.program, turn.state, frame, formulas["until"], "until")
    return _moment(value, turn.at)


def _moment(value: Any, now: int) -> int | str:
    """Return a point in time: RFC 3339, or milliseconds from now."""
    if type(value) is int:
        return now + value
    if type(value) is str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if moment.tzinfo is not None:
                return int(moment.timestamp() * 1000)
    return f"`until` gives {value!r:.80}, which is no point in time"
