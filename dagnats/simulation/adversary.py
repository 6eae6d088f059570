"""The worst world: every worker vanishes as often as it may, fails but the last time, and is late.

Loops go to their bound, steps with a handler fail for good, everything else completes: so most of
what is certified comes true. A *busy* adversary answers at once, which makes much happen; a *slow*
one answers when it is nearly too late, which takes long.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    LoopNode,
    NodeBase,
    PlannerNode,
    Retry,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.machine import inputs as i
from dagnats.machine.limits import retries_left
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    Asking,
    Calling,
    Exhausted,
    Expecting,
    Frame,
    Ready,
    Running,
    locate,
)
from dagnats.machine.turn import Turn
from dagnats.simulation.moves import FAILURE, WORKER, Possible
from dagnats.simulation.world import Open, World, round_limit_ms

LONG_MS: Final = 2**40


class Adversary(Struct, frozen=True):
    """How the worst world is.

    `fails` says that steps with a handler fail, `late` that the run is ending, and none does.
    """

    slow: bool = False
    fails: bool = True
    late: bool = False


def run(
    program: Prepared, value: Any, adversary: Adversary, possible: Possible, *, keeps: bool = False
) -> World:
    """Return a run that has ended in the worst world. Raises world.Violation."""
    world = World(program, keeps=keeps)
    world.start(value)
    return finish(world, adversary, possible)


def finish(world: World, adversary: Adversary, possible: Possible) -> World:
    """Go on with a run to its end in the worst world. Raises world.Violation."""
    return _Driver(possible, adversary).finish(world)


def cancelled_late(world: World, adversary: Adversary, possible: Possible) -> World:
    """Return the same run, cancelled just before the last answer that it was given in time."""
    assert world.begun is not None
    again = World(world.program, keeps=world.keeps)
    again.start(world.begun.input)
    latest = again.copy()
    for request in world.requests:
        if isinstance(request, _ANSWERS) and again.state.ending is None and not again.goes_on:
            latest = again.copy()
        again.do(request)
    if not latest.state.ended:
        latest.do(i.Cancel(latest.now, "late"))
    return _Driver(possible, replace(adversary, late=True)).finish(latest)


_ANSWERS = (i.Complete, i.Continue, i.Fail, i.Hear, i.Decide, i.EndChild, i.Tick, i.Resume)


class _Driver:
    def __init__(self, possible: Possible, adversary: Adversary) -> None:
        self._possible = possible
        self._how = adversary

    def finish(self, world: World) -> World:
        while not world.state.ended:
            if not world.settle():
                self._step(world)
        return world

    def _step(self, world: World) -> None:
        if world.state.status == "paused" and _is_exhausted(world):
            world.do(i.Resume(world.now))
            return
        queued = [one for one in world.open if isinstance(one.step, Ready)]
        if world.state.status != "running":
            queued = []
        others = [one for one in world.open if not isinstance(one.step, Ready)]
        for one in queued[:1] or others[:1]:
            self._answer(world, one)
        if not queued and not others:
            world.wait()

    def _is_held(self, world: World, one: Open, limit: int, since: int) -> bool:
        """Leave a step without an answer until it is nearly too late, where that is the way."""
        until = since + limit - 1
        if not self._how.slow or world.now >= until or world.is_awake(one):
            return False
        world.hold(one.key, until)
        return True

    def _answer(self, world: World, one: Open) -> None:
        match one.step, one.node:
            case Ready() as step, TaskNode(queue_timeout_ms=limit):
                if not self._is_held(world, one, limit, step.since):
                    world.do(i.Deliver(world.now, one.name, WORKER))
            case Running() as step, TaskNode() as node:
                if not self._is_held(world, one, node.timeout_ms, step.since):
                    world.do(self._work(world, one, step, node))
            case Expecting() as step, WaitForEventNode() as node:
                is_last = len(step.events) + 1 >= node.count
                if not is_last or not self._is_held(world, one, node.timeout_ms, step.since):
                    self._hear(world, one, node)
            case Asking() as step, ApprovalNode() as node:
                self._decide(world, one, step, node)
            case Calling() as step, SubWorkflowNode() as node:
                if node.detach or not self._is_held(world, one, node.timeout_ms, step.since):
                    world.do(self._child(world, one, step, node))
            case _:
                raise AssertionError(one)

    # ── workers ──────────────────────────────────────────────────────────────────────────────────

    def _work(self, world: World, one: Open, step: Running, node: TaskNode) -> i.Input:
        head = (world.now, one.name, step.attempt, step.iteration)
        if step.delivery < node.max_deliveries:
            return i.ExpireLease(*head, step.delivery)
        code = _lasting(node.retry)
        if retries_left(node.retry, step.attempt, code):
            return i.Fail(*head, code, "it failed", retry_after_ms=LONG_MS)
        is_last = _is_last(world, one, step)
        if is_last and self._how.fails and _handler(world, one) and not self._how.late:
            return i.Fail(*head, FAILURE, "it failed for good", retryable=False)
        if isinstance(node, PlannerNode):
            made = self._possible.plans(node)
            plan = made[-1] if step.iteration <= node.max_replans else made[0]
            return i.Complete(*head, plan.document, None, plan)
        value = self._possible.results(world, node)[0]
        if isinstance(node, AgentLoopNode) and node.until is None and not is_last:
            return i.Continue(*head, {"seen": True})
        return i.Complete(*head, _told(value, is_done=is_last))

    # ── others ───────────────────────────────────────────────────────────────────────────────────

    def _hear(self, world: World, one: Open, node: WaitForEventNode) -> None:
        before = world.state.seq
        for move in self._possible.moves(world, in_turn=False):
            request = move.request
            if isinstance(request, i.Hear) and request.step == one.name:
                world.do(request)
                if world.state.seq > before:
                    return
        world.hold(one.key, one.step.since + node.timeout_ms)  # type: ignore[union-attr]

    def _decide(self, world: World, one: Open, step: Asking, node: ApprovalNode) -> None:
        allowed = node.approvers if step.round == 1 else node.escalation_approvers
        voted = {vote["by"] for vote in step.votes}
        names = allowed or tuple(f"person-{number}" for number in range(node.quorum))
        by = next((name for name in names if name not in voted), None)
        escalates = step.round == 1 and node.on_timeout == "escalate"
        is_last = len(step.votes) + 1 >= node.quorum
        limit = round_limit_ms(node, step)
        if by is None or (escalates and is_last):
            world.hold(one.key, step.since + limit)
        elif (
            is_last
            and (self._how.slow or node.remind_every_ms)
            and world.now < (until := step.since + limit - 1)
        ):
            world.hold(one.key, until)
        else:
            world.do(i.Decide(world.now, one.name, "approve", by))

    @staticmethod
    def _child(world: World, one: Open, step: Calling, node: SubWorkflowNode) -> i.Input:
        head = (world.now, one.name, step.child_run_id)
        code = _lasting(node.retry)
        if retries_left(node.retry, step.attempt, code):
            return i.EndChild(*head, "failed", None, {"code": code, "message": "it failed"})
        if node.detach:
            return i.EndChild(*head, "started")
        return i.EndChild(*head, "completed", {})


def _is_exhausted(world: World) -> bool:
    steps = [step for frame in world.state.frames.values() for step in frame.steps]
    return any(isinstance(step, Exhausted) for step in steps)


def _lasting(retry: Retry) -> str:
    """Return the code of the failure that is repeated most."""
    codes = [(own.max_retries, code) for code, own in retry.by_code]
    return max([(retry.max_retries, FAILURE), *codes])[1]


def _where(world: World, one: Open) -> tuple[Frame, int]:
    found = locate(world.program, world.state, one.name)
    assert found is not None
    return found


def _handler(world: World, one: Open) -> bool:
    """Whether the step, or something around it, has a handler for its failure."""
    frame, at = _where(world, one)
    return Turn(world.program, world.state, 0).scope(frame).handlers[at][0] is not None


def _is_last(world: World, one: Open, step: Running) -> bool:
    """Whether a step is in the last iteration of what repeats it; of none, it is.

    A loop that would pause at its bound is driven there.
    """
    if isinstance(one.node, AgentLoopNode):
        return step.iteration >= one.node.max_iterations and one.node.on_exhausted != "pause"
    turn = Turn(world.program, world.state, 0)
    frame, _ = _where(world, one)
    while frame.parent is not None:
        outer = world.state.frames[frame.parent]
        node: NodeBase = turn.scope(outer).nodes[frame.at]
        if isinstance(node, LoopNode):
            return frame.number >= node.max_iterations and node.on_exhausted != "pause"
        frame = outer
    return True


def _told(value: Any, *, is_done: bool) -> Any:
    """Return a result whose flags say whether it is the last one."""
    if isinstance(value, bool):
        return is_done
    if isinstance(value, dict):
        return {key: _told(part, is_done=is_done) for key, part in value.items()}
    return value
