"""What the world can do next: every answer to every open step, or none, as moves to choose from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    PlannerNode,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.machine import inputs as i
from dagnats.machine.events import rfc3339
from dagnats.machine.state import Asking, Calling, Exhausted, Expecting, Ready, Running
from dagnats.machine.ticking import NEVER_MS
from dagnats.simulation.answers import FAILURE, WORKER, voter, voters
from dagnats.simulation.plans import Plans, plans
from dagnats.simulation.values import Hints, Path, hints_of
from dagnats.simulation.world import Open, World


class Move(Struct, frozen=True):
    """One thing that the world may do: hold a step, wait, or tell the run something.

    `text` says it to people. A move without a request and a key is time that passes.
    """

    text: str
    kind: str
    request: i.Input | None = None
    key: str = ""

    def apply(self, world: World) -> None:
        """Do it. Raises world.Violation."""
        if self.request is not None:
            world.do(self.request)
        elif self.key:
            world.hold(self.key, NEVER_MS)
        else:
            world.wait()


class Outcome(Struct, frozen=True):
    """How a child may end."""

    status: str
    output: Any = None
    error: Mapping[str, Any] | None = None


USUAL: Final = (
    Outcome("completed", {}),
    Outcome("failed", None, {"code": FAILURE, "message": "the child failed"}),
)
WAIT: Final = Move("time passes", "wait")


class Possible:
    """Knows what can happen to runs of one program. `children` are the ends of known workflows."""

    def __init__(
        self, program: Any, children: Mapping[str, Sequence[Outcome]] | None = None
    ) -> None:
        self._program = program
        self._children = children or {}
        self._hints: Hints = hints_of(program.program)
        self._outputs = dict(program.program.task_outputs)
        self._plans: dict[str, Plans] = {}
        self._values: dict[tuple[str, str], list[Any]] = {}

    def inputs(self) -> list[Any]:
        """Return inputs worth trying."""
        schema = self._program.program.input_schema
        return self._hints.options(schema, ("input",), lambda _: None)

    def moves(self, world: World, *, in_turn: bool = True, cancels: bool = False) -> list[Move]:
        """Return what can happen; with `in_turn` only to the step that has waited longest."""
        found: list[Move] = []
        if world.state.status == "paused":
            found += self._resumed(world)
        for one in world.open:
            found += self._of(world, one)
            if found and in_turn and world.state.status != "paused":
                break
        if not found or not in_turn:
            found.append(WAIT)
        if cancels and world.state.cancel_reason is None and world.state.ending is None:
            reason = "the simulation cancels it"
            found.append(Move("the run is cancelled", "cancel", i.Cancel(world.now, reason)))
            found += self._cancel_on(world)
        return found

    def _cancel_on(self, world: World) -> Iterator[Move]:
        for listener in self._program.cancel_on:
            kind = listener.policy.event
            for data in self._data(world, kind)[:1]:
                event = self._event(world, "stop", kind, data)
                yield Move(f"`{kind}` comes, which cancels", "cancel", i.Hear(world.now, event))

    def _resumed(self, world: World) -> Iterator[Move]:
        steps = [step for frame in world.state.frames.values() for step in frame.steps]
        if any(isinstance(step, Exhausted) for step in steps):
            for word in ("complete", "fail"):
                yield Move(f"somebody resumes: {word}", "resume", i.Resume(world.now, word))

    def _of(  # noqa: C901 (one case for each wait)
        self, world: World, one: Open
    ) -> Iterator[Move]:
        if isinstance(one.step, Ready):
            if world.state.status == "running":
                text = f"a worker takes `{one.name}`, attempt {one.step.attempt}"
                yield Move(text, "deliver", i.Deliver(world.now, one.name, WORKER))
                if not world.is_awake(one):
                    yield Move(f"no worker takes `{one.name}`", "starve", None, one.key)
            return
        match one.step, one.node:
            case Running(), TaskNode() as node:
                yield from self._worked(world, one, one.step, node)
            case Asking(), ApprovalNode() as node:
                yield from self._decided(world, one, one.step, node)
            case Expecting(), WaitForEventNode(event=kind):
                text = f"`{kind}` comes for `{one.name}`"
                for request in self.heard(world, one):
                    yield Move(text, "hear", request)
            case Calling(), SubWorkflowNode() as node:
                yield from self._ended(world, one, one.step, node)
                if node.detach:
                    return  # whoever starts it answers at once
            case _:
                return
        if not world.is_awake(one):
            yield Move(f"nothing is heard for `{one.name}`", "silence", None, one.key)

    # ── workers ──────────────────────────────────────────────────────────────────────────────────

    def _worked(self, world: World, one: Open, step: Running, node: TaskNode) -> Iterator[Move]:
        head = (world.now, one.name, step.attempt, step.iteration)
        name = f"`{one.name}`"
        if isinstance(node, PlannerNode):
            for plan in self.plans(node):
                text = f"{name} gives a plan" if plan.program else f"{name} gives no good plan"
                yield Move(text, "complete", i.Complete(*head, plan.document, None, plan))
        else:
            for value in self.results(world, node):
                yield Move(f"{name} completes", "complete", i.Complete(*head, value))
        if isinstance(node, AgentLoopNode) and node.until is None:
            yield Move(f"{name} asks for more", "continue", i.Continue(*head, {"seen": True}))
        for code, retryable in self._failures(node):
            yield Move(
                f"{name} fails with `{code}`, attempt {step.attempt}",
                "fail",
                i.Fail(*head, code, "it failed", retryable),
            )
        text = f"the worker of {name} vanishes, delivery {step.delivery}"
        yield Move(text, "lose", i.ExpireLease(*head, step.delivery))
        if node.heartbeat_timeout_ms is not None:
            yield Move(f"the worker of {name} is silent", "beat", i.MissHeartbeat(*head))

    @staticmethod
    def _failures(node: TaskNode) -> Iterator[tuple[str, bool]]:
        yield FAILURE, True
        if node.retry.max_retries:
            yield FAILURE, False
        for code, _ in node.retry.by_code:
            yield code, True
        for code in node.retry.non_retryable:
            yield code, True

    def plans(self, node: PlannerNode) -> Plans:
        """Return the plans that a planner may give."""
        found = self._plans.get(node.id)
        if found is None:
            found = self._plans[node.id] = plans(node)
        return found

    def results(self, world: World, node: TaskNode) -> list[Any]:
        """Return what a worker may give."""
        schema = self._outputs.get(node.task)
        path = ("result",) if isinstance(node, AgentLoopNode) else ("steps", node.id, "output")
        if path not in self._hints.fields:
            path = ("steps", node.id, "output")
        return self._known(world, schema, path, node.id)

    def _known(self, world: World, schema: Any, path: Path, name: str) -> list[Any]:
        """Return values, worked out once where they depend on nothing of the run."""
        if any(other[: len(path)] == path for other in self._hints.partners):
            return self._hints.options(schema, path, lambda other: _looked_up(world, other))
        found = self._values.get((name, path[0]))
        if found is None:
            found = self._hints.options(schema, path, lambda _: None)
            self._values[name, path[0]] = found
        return found

    def heard(self, world: World, one: Open) -> Iterator[i.Hear]:
        """Yield events that may come for a step that waits for one."""
        assert isinstance(one.node, WaitForEventNode)
        kind = one.node.event
        for data in self._data(world, kind):
            yield i.Hear(world.now, self._event(world, one.key, kind, data), one.name)

    # ── people, events, children ─────────────────────────────────────────────────────────────────

    @staticmethod
    def _decided(world: World, one: Open, step: Asking, node: ApprovalNode) -> Iterator[Move]:
        by = voter(node, step)
        if by is not None:
            request = i.Decide(world.now, one.name, "approve", by)
            yield Move(f"{by} approves `{one.name}`", "approve", request)
        by = voters(node, step)[0]
        yield Move(f"{by} rejects", "reject", i.Decide(world.now, one.name, "reject", by))

    def _data(self, world: World, kind: str) -> list[Any]:
        return self._known(world, None, ("event", "data"), kind)

    @staticmethod
    def _event(world: World, seed: str, kind: str, data: Any) -> dict[str, Any]:
        at = rfc3339(world.now)
        return {"id": f"{seed}/{world.state.seq}", "type": kind, "data": data, "at": at}

    def _ended(
        self, world: World, one: Open, step: Calling, node: SubWorkflowNode
    ) -> Iterator[Move]:
        head = (world.now, one.name, step.child_run_id)
        if node.detach:
            yield Move(f"the child of `{one.name}` starts", "child", i.EndChild(*head, "started"))
            wrong = {"code": "not_found", "message": "no such workflow"}
            request = i.EndChild(*head, "failed", None, wrong)
            yield Move(f"the child of `{one.name}` cannot start", "child_fails", request)
            return
        for end in self._children.get(node.workflow, USUAL):
            error = None if end.error is None else dict(end.error)
            kind = "child" if end.status == "completed" else "child_fails"
            text = f"the child of `{one.name}` has {end.status}"
            yield Move(text, kind, i.EndChild(*head, end.status, end.output, error))


def _looked_up(world: World, path: Path) -> Any:
    """Return what a path into the input of a run leads to, None for any other."""
    value = world.state.input if path[0] == "input" else None
    for name in path[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value
