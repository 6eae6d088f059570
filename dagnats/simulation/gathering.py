"""Worlds in which as much as can be is there at once: attempts that workers hold, or timers.

The steps of the widest set (`targets.crowd`) are kept as long as nothing else has ended: they wait
for a worker until `queue_timeout`, then run until `timeout`, and so on with every delivery. When
only they are left, all begin, or fail and wait for their next attempt, at the same moment. What is
there then is the most; the rest of the run is of no interest.
"""

from msgspec import Struct

from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    PlannerNode,
    Program,
    SubWorkflowNode,
    TaskNode,
)
from dagnats.machine import inputs as i
from dagnats.machine.limits import retries_left
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    Asking,
    Calling,
    Expecting,
    Ready,
    Running,
    Sleeping,
    Waiting,
    scope_of,
)
from dagnats.machine.ticking import NEVER_MS
from dagnats.simulation.answers import LONG_MS, WORKER, hear, lasting, told, until, voter
from dagnats.simulation.moves import Possible
from dagnats.simulation.targets import Crowd, crowd, ends_of, running, timed
from dagnats.simulation.world import Open, World


class Gatherings(Struct, frozen=True):
    """The crowds of a program: of attempts, and of timers."""

    attempts: Crowd
    timers: Crowd


def gatherings(program: Prepared) -> Gatherings:
    """Return what can be there at once in runs of a program."""
    limit = program.program.admission.concurrency
    attempts = crowd(program.program, running)
    if limit is not None and limit.max_steps is not None:
        attempts = Crowd()  # the dispatcher holds it
    return Gatherings(attempts, crowd(program.program, timed))


def gather(
    program: Prepared, value: object, found: Gatherings, possible: Possible, *, keeps: bool = False
) -> list[World]:
    """Return runs in which as much is there at once as can be. Raises world.Violation."""
    worlds = []
    for one, times in ((found.attempts, False), (found.timers, True)):
        # One alone is there in any run.
        if one.size > 1 or (times and one.size):
            world = World(program, keeps=keeps)
            world.start(value)
            _Gatherer(program.program, possible, one, times=times).gather(world)
            worlds.append(world)
    return worlds


class _Gatherer:
    """Drives a run to the moment at which all is there; `times` says that timers are meant."""

    def __init__(self, program: Program, possible: Possible, meant: Crowd, *, times: bool) -> None:
        self._possible = possible
        self._crowd = meant
        self._steps = meant.steps
        self._times = times
        # A loop that is to wait for its next iteration does so when the last of its steps ends.
        self._ends = ends_of(program, meant.steps) if times else frozenset()

    def gather(self, world: World) -> None:
        """Go on until only what is meant is left, and let that be there at once."""
        while not world.state.ended:
            if world.settle():
                continue
            if world.state.status == "paused":
                world.do(i.Resume(world.now))
                continue
            if world.state.status != "running":
                world.wait()
                continue
            kept = [one for one in world.waiting if self._is_meant(world, one)]
            can = [one for one in world.open if not self._is_meant(world, one)]
            if can:
                self._pass(world, can[0])
            elif self._present(world, kept) < self._crowd.size and self._goes_on(world):
                self._stall(world, kept)
            else:
                self._fire(world, kept)
                return

    def _is_meant(self, world: World, one: Open) -> bool:
        name = one.node.id
        if one.frame.plan:
            planner = world.state.frames[one.frame.plan]
            assert planner.parent is not None
            outer = scope_of(world.program, world.state, world.state.frames[planner.parent])
            name = outer.nodes[planner.at].id
        elif isinstance(one.node, PlannerNode):
            return False
        return name in self._steps or name in self._ends

    def _present(self, world: World, kept: list[Open]) -> int:
        """Return how much of what is meant is there, or can be at once."""
        found = sum(one.node.id not in self._ends for one in kept)
        found += len({one.frame.key for one in kept if one.node.id in self._ends})
        return found + (self._resting(world)[0] if self._times else 0)

    def _goes_on(self, world: World) -> bool:
        """Whether time does something that leads to more."""
        meant, others = self._resting(world)
        return others > 0 or (meant > 0 and not self._times)

    def _resting(self, world: World) -> tuple[int, int]:
        """Return how many steps time alone will change: those that are meant, and others."""
        meant = others = 0
        for frame in world.state.frames.values():
            for at, step in enumerate(frame.steps):
                if isinstance(step, Waiting | Sleeping):
                    name = scope_of(world.program, world.state, frame).nodes[at].id
                    meant += name in self._steps
                    others += name not in self._steps
        return meant, others

    # ── answers ──────────────────────────────────────────────────────────────────────────────────

    def _pass(self, world: World, one: Open) -> None:
        """Answer so that the run goes on at once."""
        match one.step, one.node:
            case Ready(), TaskNode():
                world.do(i.Deliver(world.now, one.name, WORKER))
            case Running(), TaskNode():
                world.do(self._done(world, one))
            case Expecting(), _:
                hear(world, one, self._possible.heard(world, one))
            case Asking() as step, ApprovalNode() as node:
                by = voter(node, step)
                if by is None:
                    world.hold(one.key, NEVER_MS)
                else:
                    world.do(i.Decide(world.now, one.name, "approve", by))
            case Calling() as step, SubWorkflowNode(detach=detach):
                status = "started" if detach else "completed"
                head = (world.now, one.name, step.child_run_id)
                world.do(i.EndChild(*head, status, None if detach else {}))
            case _:
                raise AssertionError(one)

    def _done(self, world: World, one: Open) -> i.Input:
        step, node = one.step, one.node
        assert isinstance(step, Running)
        assert isinstance(node, TaskNode)
        head = (world.now, one.name, step.attempt, step.iteration)
        if isinstance(node, PlannerNode):
            made = self._possible.plans(node)
            plan = made.waiting if self._times else made.wide
            return i.Complete(*head, plan.document, None, plan)
        value = self._possible.results(world, node)[0]
        return i.Complete(*head, told(value, is_done=not self._repeats(world, one)))

    def _repeats(self, world: World, one: Open) -> bool:
        """Whether a step is in a loop that is to go on."""
        frame = one.frame
        while frame.parent is not None and not isinstance(one.node, AgentLoopNode):
            outer = world.state.frames[frame.parent]
            if scope_of(world.program, world.state, outer).nodes[frame.at].id in self._steps:
                return True
            frame = outer
        return False

    def _stall(self, world: World, kept: list[Open]) -> None:
        """Keep what is meant, for as long as it can be."""
        for one in kept:
            if not world.is_awake(one):
                world.hold(one.key, until(one))
        over = next((one for one in kept if world.held[one.key] <= world.now), None)
        match over:
            case None:
                world.wait()
            case Open(step=Ready()):
                world.do(i.Deliver(world.now, over.name, WORKER))
            case Open(step=Running() as step, node=TaskNode() as node):
                head = (world.now, over.name, step.attempt, step.iteration)
                code = lasting(node.retry)
                if step.delivery < node.max_deliveries:
                    world.do(i.ExpireLease(*head, step.delivery))
                elif retries_left(node.retry, step.attempt, code):
                    world.do(i.Fail(*head, code, "it failed", retry_after_ms=LONG_MS))
                else:
                    world.do(self._done(world, over))
            case _:
                self._pass(world, over)

    def _fire(self, world: World, kept: list[Open]) -> None:
        """Let all be there at once."""
        for one in kept:
            world.held.pop(one.key, None)
            if isinstance(one.step, Ready) and one in world.open:
                world.do(i.Deliver(world.now, one.name, WORKER))
            if one.node.id in self._ends:
                self._pass_all(world)
            elif self._times:
                self._rest(world, one)

    def _pass_all(self, world: World) -> None:
        """Let all end that ends an iteration."""
        while not world.state.ended:
            one = next((one for one in world.open if one.node.id in self._ends), None)
            if one is None:
                return
            self._pass(world, one)

    def _rest(self, world: World, one: Open) -> None:
        """Let a step that a worker holds wait for its next attempt, or iteration."""
        step, node = one.frame.steps[one.at], one.node
        if isinstance(step, Running) and isinstance(node, TaskNode):
            world.do(self._rests(world, one, step, node))

    def _rests(self, world: World, one: Open, step: Running, node: TaskNode) -> i.Input:
        head = (world.now, one.name, step.attempt, step.iteration)
        code = lasting(node.retry)
        if retries_left(node.retry, step.attempt, code):
            return i.Fail(*head, code, "it failed", retry_after_ms=LONG_MS)
        if isinstance(node, AgentLoopNode) and node.until is None:
            return i.Continue(*head, {"seen": True})
        value = self._possible.results(world, node)[0]
        return i.Complete(*head, told(value, is_done=False))
