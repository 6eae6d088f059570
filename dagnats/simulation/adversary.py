"""The worst world: every worker vanishes as often as it may, fails but the last time, and is late.

Loops go to their bound, steps with a handler fail for good, everything else completes: so most of
what is certified comes true. A *busy* adversary answers at once, which makes much happen; it keeps
the last answers of the steps that nothing waits for (`targets.closing`), and cancels a copy of the
run before each of them, for then a request to cancel comes on top of everything. A *slow* one
answers when it is nearly too late, which takes long; copies that are cancelled go on with one, as
what they undo takes longest when much was done. What is there at once is for `gathering`.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dagnats.ir.costs import reminders
from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    LoopNode,
    PlannerNode,
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
    Sleeping,
    Waiting,
    scope_of,
)
from dagnats.machine.ticking import NEVER_MS
from dagnats.simulation.answers import (
    FAILURE,
    LONG_MS,
    SHORT_MS,
    WORKER,
    hear,
    lasting,
    told,
    until,
    voter,
)
from dagnats.simulation.moves import Possible
from dagnats.simulation.targets import closing, leading_to
from dagnats.simulation.world import Open, World, round_limit_ms

FORKS_MAX: Final = 8
"""Copies of one run that are cancelled."""


class Adversary(Struct, frozen=True):
    """How the worst world is.

    `fails` says that steps with a handler fail, unless it is `late`, and the run was cancelled.
    Where nobody `loses` an attempt, it is shorter, and otherwise the same.
    """

    slow: bool = False
    fails: bool = True
    late: bool = False
    loses: bool = True


def worst(program: Prepared) -> tuple[Adversary, ...]:
    """Return the worst worlds for a program: where nothing handles a failure, nothing fails."""
    slow = Adversary(slow=True)
    if any(node.on_failure is not None for node in program.program.nodes):
        return (Adversary(fails=False), Adversary(), slow)
    return (Adversary(fails=False), slow)


def run(
    program: Prepared, value: Any, adversary: Adversary, possible: Possible, *, keeps: bool = False
) -> World:
    """Return a run that has ended in the worst world. Raises world.Violation."""
    world = World(program, keeps=keeps)
    world.start(value)
    return Driver(possible, adversary).finish(world)


def runs(
    program: Prepared, value: Any, adversary: Adversary, possible: Possible, *, keeps: bool = False
) -> list[World]:
    """Return a run that has ended in the worst world, and those that were cancelled before it did.

    Raises world.Violation.
    """
    world = World(program, keeps=keeps)
    world.start(value)
    driver = Driver(possible, adversary, forks=not adversary.slow)
    driver.finish(world)
    if driver.forks is not None and not driver.forks:
        driver.forks += _cancelled_late(world, adversary, possible)
    return [world, *(driver.forks or [])]


def _cancelled_late(world: World, adversary: Adversary, possible: Possible) -> Sequence[World]:
    """Return the same run, cancelled just before the last answer that it was given in time."""
    if world.last_answer is None:
        return ()
    assert world.begun is not None
    again = World(world.program, keeps=world.keeps, trusted=True)
    again.start(world.begun.input)
    for request in world.requests[: world.last_answer]:
        again.do(request)
    again.trusted = False
    return (_cancelled(again, adversary, possible),)


def _cancelled(world: World, adversary: Adversary, possible: Possible) -> World:
    """Cancel a run that had much to do in no time, and let its end take long.

    What is undone, and what runs last, is under no timeout of the run.
    """
    world.do(i.Cancel(world.now, "late"))
    return Driver(possible, replace(adversary, late=True, slow=True)).finish(world)


class Driver:
    """Answers a run until it ends; `forks` are copies of it that were cancelled."""

    def __init__(self, possible: Possible, adversary: Adversary, *, forks: bool = False) -> None:
        self._possible = possible
        self._how = adversary
        self.forks: list[World] | None = [] if forks else None
        self._closing: frozenset[str] = frozenset()
        self._kept: frozenset[str] = frozenset()

    def finish(self, world: World) -> World:
        """Go on to the end. Raises world.Violation."""
        if self.forks is not None:
            self._closing = closing(world.program.program)
            # Nobody can keep a sleep, and others not for ever: what they come after is late, too.
            self._kept = self._closing | leading_to(world.program.program, self._closing)
        while not world.state.ended:
            if not world.settle():
                self._step(world)
        return world

    def _step(self, world: World) -> None:
        status = world.state.status
        if status == "paused" and _is_exhausted(world):
            world.do(i.Resume(world.now))
        elif self._closing and status == "running" and world.state.ending is None:
            self._close(world)
        else:
            self._next(world, world.open)

    def _next(self, world: World, found: Sequence[Open]) -> None:
        """Answer one of some steps, those first that wait for a worker; or let time pass."""
        others: Open | None = None
        for one in found:
            if not isinstance(one.step, Ready):
                others = others or one
            elif world.state.status == "running":
                self.answer(world, one)
                return
        if others is None:
            world.wait()
        else:
            self.answer(world, others)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def _close(self, world: World) -> None:
        """Answer a run so that the steps that close it end last; before that, cancel a copy."""
        kept: list[Open] = []
        free: list[Open] = []
        for one in world.waiting:
            (kept if self._is_kept(world, one) else free).append(one)
        can = {one.key for one in world.open}
        answerable = [one for one in free if one.key in can]
        if answerable:
            self._next(world, answerable)
        elif free or self._passes(world):
            self._stall(world, kept)
        else:
            self._end(world, kept)

    def _stall(self, world: World, kept: Sequence[Open]) -> None:
        """Keep steps from ending as long as can be."""
        for one in kept:
            if not world.is_awake(one):
                world.hold(one.key, until(one))
        over = [one for one in kept if world.held[one.key] <= world.now]
        self._next(world, over)

    def _end(self, world: World, kept: Sequence[Open]) -> None:
        """Let what closes the run end; before each of the last answers, cancel a copy."""
        for one in kept:
            if not isinstance(one.step, Asking):
                world.held.pop(one.key, None)
        can = {one.key for one in world.open}
        urgent = [one for one in kept if one.key in can and not self._closes(world, one)]
        if urgent:
            self._next(world, urgent)
            return
        last = [one for one in kept if one.key in can]
        assert self.forks is not None
        if len(last) == len(kept) and len(self.forks) < FORKS_MAX:
            self.forks.append(_cancelled(world.copy(), self._how, self._possible))
        self._next(world, last)

    def _passes(self, world: World) -> bool:
        """Whether time alone does something, to what does not close the run."""
        for frame in world.state.frames.values():
            for at, step in enumerate(frame.steps):
                if isinstance(step, Waiting):
                    return True
                if isinstance(step, Sleeping):
                    node = scope_of(world.program, world.state, frame).nodes[at]
                    if node.id not in self._closing or not _is_last(world, frame):
                        return True
        return False

    def _is_kept(self, world: World, one: Open) -> bool:
        """Whether a step closes the run, or leads to what does."""
        return self._is_in(world, one, self._kept) and _is_last(world, one.frame)

    @staticmethod
    def _is_in(world: World, one: Open, names: frozenset[str]) -> bool:
        """Whether a step, or something that it is in, has one of these names."""
        name, frame = one.node.id, one.frame
        # Steps of a plan have names of their own.
        while name not in names or frame.plan:
            if frame.parent is None:
                return False
            outer = world.state.frames[frame.parent]
            name = scope_of(world.program, world.state, outer).nodes[frame.at].id
            frame = outer
        return True

    def _closes(self, world: World, one: Open) -> bool:
        """Whether the next answer is the last one of a step that closes the run."""
        if not self._is_in(world, one, self._closing):
            return False
        match one.step, one.node:
            case Running() as step, TaskNode() as node:
                goes_on = isinstance(node, PlannerNode) or (
                    isinstance(node, AgentLoopNode) and step.iteration < node.max_iterations
                )
                lasts = retries_left(node.retry, step.attempt, lasting(node.retry))
                return step.delivery >= node.max_deliveries and not lasts and not goes_on
            case Expecting(events=events), WaitForEventNode(count=count):
                return len(events) + 1 >= count
            case Asking() as step, ApprovalNode() as node:
                escalates = step.round == 1 and node.on_timeout == "escalate"
                return len(step.votes) + 1 >= node.quorum and not escalates
            case Calling() as step, SubWorkflowNode(retry=retry):
                return not retries_left(retry, step.attempt, lasting(retry))
            case _:
                return False

    # ── answers ──────────────────────────────────────────────────────────────────────────────────

    def _is_held(self, world: World, one: Open, limit: int, since: int) -> bool:
        """Leave a step without an answer until it is nearly too late, where that is the way."""
        if not self._how.slow or world.is_awake(one):
            return False
        world.hold(one.key, since + limit)
        return True

    def answer(self, world: World, one: Open) -> None:
        """Give a step the worst answer, or leave it without one for now. Raises Violation."""
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
                    hear(world, one, self._possible.heard(world, one))
            case Asking() as step, ApprovalNode() as node:
                self._decide(world, one, step, node)
            case Calling() as step, SubWorkflowNode() as node:
                if not self._is_held(world, one, node.timeout_ms, step.since):
                    world.do(self._child(world, one, step, node))
            case _:
                raise AssertionError(one)

    def _work(self, world: World, one: Open, step: Running, node: TaskNode) -> i.Input:
        head = (world.now, one.name, step.attempt, step.iteration)
        if self._how.loses and step.delivery < node.max_deliveries:
            return i.ExpireLease(*head, step.delivery)
        code = lasting(node.retry)
        if retries_left(node.retry, step.attempt, code):
            asked = LONG_MS if self._how.slow else SHORT_MS
            return i.Fail(*head, code, "it failed", retry_after_ms=asked)
        is_last = _ends_pass(world, one, step)
        if is_last and self._how.fails and not self._how.late and _is_handled(world, one):
            return i.Fail(*head, FAILURE, "it failed for good", retryable=False)
        if isinstance(node, PlannerNode):
            made = self._possible.plans(node)
            plan = made.deep if step.iteration > node.max_replans else made.refused
            return i.Complete(*head, plan.document, None, plan)
        value = self._possible.results(world, node)[0]
        if isinstance(node, AgentLoopNode) and node.until is None and not is_last:
            return i.Continue(*head, {"seen": True})
        return i.Complete(*head, told(value, is_done=is_last))

    def _decide(self, world: World, one: Open, step: Asking, node: ApprovalNode) -> None:
        by = voter(node, step)
        until = step.since + self._heard_after_ms(node, round_limit_ms(node, step))
        escalates = step.round == 1 and node.on_timeout == "escalate"
        is_last = len(step.votes) + 1 >= node.quorum
        if by is None or (escalates and is_last):
            world.hold(one.key, NEVER_MS)  # time decides
        elif is_last and world.now < until:
            world.hold(one.key, until)
        else:
            world.do(i.Decide(world.now, one.name, "approve", by))

    def _heard_after_ms(self, node: ApprovalNode, limit: int) -> int:
        """Return after which time people decide: when all reminders are out, or at the end."""
        every = node.remind_every_ms
        if self._how.slow or every is None:
            return limit if self._how.slow else 0
        return reminders(limit, every) * every + 1

    @staticmethod
    def _child(world: World, one: Open, step: Calling, node: SubWorkflowNode) -> i.Input:
        head = (world.now, one.name, step.child_run_id)
        code = lasting(node.retry)
        if retries_left(node.retry, step.attempt, code):
            return i.EndChild(*head, "failed", None, {"code": code, "message": "it failed"})
        if node.detach:
            return i.EndChild(*head, "started")
        return i.EndChild(*head, "completed", {})


def _is_exhausted(world: World) -> bool:
    steps = [step for frame in world.state.frames.values() for step in frame.steps]
    return any(isinstance(step, Exhausted) for step in steps)


def _is_handled(world: World, one: Open) -> bool:
    """Whether a step has a handler for its failure."""
    return scope_of(world.program, world.state, one.frame).handlers[one.at][0] is not None


def _ends_pass(world: World, one: Open, step: Running) -> bool:
    """Whether a step is in the last iteration of what repeats it; of none, it is.

    A loop that would pause at its bound is driven there.
    """
    node = one.node
    if isinstance(node, AgentLoopNode):
        return step.iteration >= node.max_iterations and node.on_exhausted != "pause"
    frame = one.frame
    while frame.parent is not None:
        outer = world.state.frames[frame.parent]
        around = scope_of(world.program, world.state, outer).nodes[frame.at]
        if isinstance(around, LoopNode):
            return frame.number >= around.max_iterations and around.on_exhausted != "pause"
        frame = outer
    return True


def _is_last(world: World, frame: Frame) -> bool:
    """Whether all loops around the steps of a frame are in their last iteration."""
    while frame.parent is not None:
        outer = world.state.frames[frame.parent]
        around = scope_of(world.program, world.state, outer).nodes[frame.at]
        if isinstance(around, LoopNode) and frame.number < around.max_iterations:
            return False
        frame = outer
    return True
