"""The bounds of loops: iterations, time, budgets; and what becomes of a loop that reaches one."""

from typing import Any

from dagnats.ir.program import AgentLoopNode, Budget, LoopNode
from dagnats.machine import events as ev
from dagnats.machine.closing import withdraw_all
from dagnats.machine.errors import error
from dagnats.machine.outcome import Usage, give_up, succeed
from dagnats.machine.state import Exhausted, Frame
from dagnats.machine.turn import Turn

Repeating = AgentLoopNode | LoopNode


def reached(
    turn: Turn, step: str, node: Repeating, iteration: int, usage: Usage = None
) -> dict[str, Any] | None:
    """Return which bound a loop has reached after an iteration, in words and as data; or None."""
    loop = turn.state.loops[step]
    if iteration >= node.max_iterations:
        message = f"not done after {iteration} iterations (`max_iterations`)"
        return {"message": message, "bound": "max_iterations", "iterations": iteration}
    lasted, limit = turn.at - loop.started_at, node.max_duration_ms
    if limit is not None and lasted >= limit:
        message = f"not done after {lasted} ms, allowed are {limit} ms (`max_duration`)"
        return {"message": message, "bound": "max_duration", "iterations": iteration}
    spent = overspent(node.budget, loop.usage, usage)
    if spent is not None:
        message = f"not done after spending {spent} (`budget`)"
        return {"message": message, "bound": "budget", "iterations": iteration}
    return None


def left(budget: Budget, usage: dict[str, float]) -> dict[str, float]:
    """Return what may still be spent, of each unit that has a limit."""
    limits = {unit: getattr(budget, unit) for unit in ("tokens", "usd", "tool_calls")}
    return {
        unit: max(0, limit - usage.get(unit, 0))
        for unit, limit in limits.items()
        if limit is not None
    }


def overspent(budget: Budget | None, *usages: Usage) -> str | None:
    """Return in words what of a budget is used up, or None."""
    if budget is None:
        return None
    for unit in ("tokens", "usd", "tool_calls"):
        limit = getattr(budget, unit)
        if limit is None:
            continue
        spent = sum((usage or {}).get(unit, 0) for usage in usages)
        if spent >= limit and spent:
            return f"{spent:g} of {limit:g} {unit}"
    return None


def overdrawn(budget: Budget | None, usage: dict[str, float]) -> str | None:
    """Return in words what a run has spent beyond its budget, or None."""
    if budget is None:
        return None
    for unit in ("tokens", "usd", "tool_calls"):
        limit = getattr(budget, unit)
        if limit is not None and usage.get(unit, 0) > limit:
            return f"{usage[unit]:g} of {limit:g} {unit}"
    return None


def exhausted(  # noqa: PLR0913, PLR0917 (a loop, and what it has come to)
    turn: Turn,
    frame: Frame,
    at: int,
    node: Repeating,
    bound: dict[str, Any],
    output: Any,
    usage: Usage = None,
) -> None:
    """End a loop that is not done at its bound, or let somebody decide."""
    details = {key: value for key, value in bound.items() if key != "message"}
    wrong = error("exhausted", bound["message"], step=turn.name(frame, at), details=details)
    match node.on_exhausted:
        case "complete":
            succeed(turn, frame, at, output, usage=usage)
        case "pause" if turn.state.ending is None:
            payload = {"output": output, "error": wrong}
            step = turn.name(frame, at)
            turn.add(ev.StepExhausted(*turn.head(), step_id=step, payload=payload, usage=usage))
            withdraw_all(turn)
        case _:
            give_up(turn, frame, at, wrong, usage)


def resume(turn: Turn, frame: Frame, at: int, step: Exhausted, *, fails: bool) -> None:
    """End a loop that somebody has decided about."""
    if fails:
        give_up(turn, frame, at, step.error)
    else:
        succeed(turn, frame, at, step.output)
