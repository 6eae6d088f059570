"""What the worst worlds have in common: which answers a step can be given, and until when."""

from collections.abc import Iterable
from typing import Any, Final

from dagnats.ir.program import (
    ApprovalNode,
    Retry,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.machine import inputs as i
from dagnats.machine.state import Asking, Calling, Expecting, Ready, Running
from dagnats.machine.ticking import NEVER_MS
from dagnats.simulation.world import Open, World, round_limit_ms

FAILURE: Final = "failed"
WORKER: Final = "simulated"
LONG_MS: Final = 2**40
"""A wait before the next attempt that a worker asks for: longer than any that it is given."""
SHORT_MS: Final = 1


def until(one: Open) -> int:
    """Return until when a step may be left without an answer."""
    match one.step, one.node:
        case Ready(since=since), TaskNode(queue_timeout_ms=limit):
            return since + limit
        case Running(since=since), TaskNode(timeout_ms=limit):
            return since + limit
        case Expecting(since=since), WaitForEventNode(timeout_ms=limit):
            return since + limit
        case Asking() as step, ApprovalNode() as node:
            return step.since + round_limit_ms(node, step)
        case Calling(since=since), SubWorkflowNode(timeout_ms=limit):
            return since + limit
        case _:
            raise AssertionError(one)


def lasting(retry: Retry) -> str:
    """Return the code of the failure that is repeated most."""
    if not retry.by_code:
        return FAILURE
    codes = [(own.max_retries, code) for code, own in retry.by_code]
    return max([(retry.max_retries, FAILURE), *codes])[1]


def told(value: Any, *, is_done: bool) -> Any:
    """Return a result whose flags say whether it is the last one."""
    if isinstance(value, bool):
        return is_done
    if isinstance(value, dict):
        return {key: told(part, is_done=is_done) for key, part in value.items()}
    return value


def hear(world: World, one: Open, events: Iterable[i.Hear]) -> None:
    """Let one of these events come, the first that a step takes; if it takes none, time decides."""
    before = world.state.seq
    for request in events:
        world.do(request)
        if world.state.seq > before:
            return
    world.hold(one.key, NEVER_MS)


def voters(node: ApprovalNode, asking: Asking) -> tuple[str, ...]:
    """Return who may vote for an approval in this round; enough people where anybody may."""
    allowed = node.approvers if asking.round == 1 else node.escalation_approvers
    return allowed or tuple(f"person-{number}" for number in range(node.quorum))


def voter(node: ApprovalNode, asking: Asking) -> str | None:
    """Return who can still vote for an approval; None if everybody has."""
    voted = {vote["by"] for vote in asking.votes}
    return next((name for name in voters(node, asking) if name not in voted), None)
