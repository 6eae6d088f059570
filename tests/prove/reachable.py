"""How much of its certificate a straight program can reach, told from the program alone.

A program without choices reaches all of it, but for what its times do not let come together:

- a request to cancel costs an event. It comes on top only while a step that closes the run
  (`simulation.targets.closing`) lacks its last answer, and all others have done their worst. Where
  no step closes the run, or each of those is over before the others can be, it is one event fewer;
- steps are there at once only if none must be over before another can begin;
- the timeout of a run whose steps are done at once is no timer: it is over with its first turn;
- jitter makes the waits of children shorter, who ask for nothing.

Times here are worked out anew, from the program: the least and the most that each step takes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dagnats.ir.costs import backoff_ms, pauses_ms, reminders, retries
from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    LoopNode,
    MapNode,
    PlannerNode,
    Program,
    SleepNode,
    SubWorkflowNode,
    TaskNode,
    WaitForEventNode,
)
from dagnats.simulation.targets import (
    AT_ONCE,
    Crowd,
    bodies,
    closing,
    crowd,
    members,
    running,
    timed,
)

RETRY_MS_MIN = 1


class Span(NamedTuple):
    """The least and the most time that something takes, or after which it begins or ends."""

    least: int = 0
    most: int = 0

    def then(self, other: "Span") -> "Span":
        """Return one after the other."""
        return Span(self.least + other.least, self.most + other.most)

    def times(self, count: int) -> "Span":
        """Return it so often in a row."""
        return Span(self.least * count, self.most * count)


NONE = Span()


class Reach:
    """What of a straight program's certificate its runs can come to."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._inside = members(program)
        self._takes: dict[int, Span] = {}
        self._starts: dict[int, Span] = {}

    def _start(self, at: int) -> Span:
        if at not in self._starts:
            ends = [self._end(edge.source) for edge in self._program.nodes[at].edges]
            self._starts[at] = _latest(ends)
        return self._starts[at]

    def _end(self, at: int) -> Span:
        if at not in self._takes:
            self._takes[at] = self._duration(at)
        return self._start(at).then(self._takes[at])

    def _whole(self, body: int) -> Span:
        return _latest(self._end(at) for at in self._inside.get(body, ()))

    def _duration(self, at: int) -> Span:
        """Return how long a step takes when all that is counted of it comes to be."""
        node = self._program.nodes[at]
        match node:
            case PlannerNode(max_steps=count, max_replans=replans):
                one, chain = _attempts(node), min(count, node.max_depth or count)
                return Span(one.least * (2 + replans), one.most * (1 + replans + chain))
            case AgentLoopNode(max_iterations=count, delay_ms=delay):
                return _attempts(node).times(count).then(Span(delay, delay).times(count - 1))
            case TaskNode():
                return _attempts(node)
            case SleepNode(max_duration_ms=time):
                return Span(time, time)
            case WaitForEventNode(timeout_ms=limit):
                return Span(0, limit)
            case ApprovalNode(timeout_ms=limit, remind_every_ms=every):
                return Span(reminders(limit, every) * (every or 0), limit)
            case SubWorkflowNode(timeout_ms=limit, retry=retry):
                waits = pauses_ms(retry, asked=False)
                least = int(waits * (1 - retry.jitter))
                return Span(least, (1 + retries(retry)) * limit + waits)
            case LoopNode(max_iterations=count, delay_ms=delay, body=body):
                return self._whole(body).times(count).then(Span(delay, delay).times(count - 1))
            case MapNode(max_items=count, body=body):
                window = min(count, node.max_concurrency or count)
                return self._whole(body).times(-(-count // window))
            case _:
                return NONE

    # ── what is reached ──────────────────────────────────────────────────────────────────────────

    def missing(self) -> dict[str, int]:
        """Return by how much the most that runs reach is less than certified, by measure."""
        found = dict.fromkeys(("attempts", "concurrent_steps"), 0)
        found["events"] = int(not self._closes(None, closing(self._program)))
        found["timers"] = int(self._has_no_timer())
        return found

    def may_miss(self) -> dict[str, int]:
        """Return by how much it may be less where times decide, at most."""
        program = self._program
        return {
            "concurrent_steps": self._apart(crowd(program, running)),
            "timers": self._apart(crowd(program, timed)),
            "duration_ms": self._jitter(),
        }

    def _has_no_timer(self) -> bool:
        """Whether all is done in the first turn, but for what runs last and has no timer either."""
        if crowd(self._program, timed).size:
            return False
        nodes, last = self._program.nodes, self._program.finally_body
        before = [
            node for at, node in enumerate(nodes) if last is None or not self._is_in(at, last)
        ]
        return all(isinstance(node, (LoopNode, MapNode, *AT_ONCE)) for node in before)

    def _is_in(self, at: int, body: int) -> bool:
        """Whether a step stands in a body, or in something that does."""
        within = self._program.nodes[at].within
        if within is None or within == body:
            return within == body
        container = self._program.bodies[within].container
        return container is not None and self._is_in(container, body)

    def _closes(self, body: int | None, names: frozenset[str]) -> bool:
        """Whether some step of these can be the last one of a body to end."""
        numbers = self._inside.get(body, ())
        return any(
            self._end(at).most >= max((self._done(n) for n in numbers if n != at), default=0)
            for at in numbers
            if self._is_closing(at, names)
        )

    def _is_closing(self, at: int, names: frozenset[str]) -> bool:
        node = self._program.nodes[at]
        if node.id in names:
            return True
        if isinstance(node, MapNode):
            return any(self._program.nodes[n].id in names for n in self._inside[node.body])
        return any(self._closes(body, names) for body in bodies(node))

    def _done(self, at: int) -> int:
        """Return when a step has done its worst, but for its end if that is all it lacks."""
        asleep = isinstance(self._program.nodes[at], SleepNode)
        return self._start(at).least if asleep else self._end(at).least

    def _apart(self, found: Crowd) -> int:
        """Return how much of a crowd must be over before another part of it can begin."""
        outer = {
            self._outermost(at) for at, n in enumerate(self._program.nodes) if n.id in found.steps
        }
        first = min((self._end(at).most for at in outer), default=0)
        last = max((self._start(at).least for at in outer), default=0)
        return found.size - 1 if first < last else 0

    def _outermost(self, at: int) -> int:
        within = self._program.nodes[at].within
        container = None if within is None else self._program.bodies[within].container
        return at if container is None else self._outermost(container)

    def _jitter(self) -> int:
        """Return by how much jitter makes the waits of children shorter, at most."""
        return sum(
            int(n.retry.jitter * sum(backoff_ms(n.retry, t + 1) for t in range(retries(n.retry))))
            * self._executions(at)
            + retries(n.retry) * self._executions(at)
            for at, n in enumerate(self._program.nodes)
            if isinstance(n, SubWorkflowNode) and n.retry.jitter
        )

    def _executions(self, at: int) -> int:
        within = self._program.nodes[at].within
        container = None if within is None else self._program.bodies[within].container
        if container is None:
            return 1
        node = self._program.nodes[container]
        times = node.max_items if isinstance(node, MapNode) else 1
        times = node.max_iterations if isinstance(node, LoopNode) else times
        return times * self._executions(container)


def _latest(ends: Iterable[Span]) -> Span:
    found = [NONE, *ends]
    return Span(max(one.least for one in found), max(one.most for one in found))


def _attempts(node: TaskNode) -> Span:
    """Return how long the attempts of a task take: workers may ask for waits as they like."""
    more = retries(node.retry)
    deliveries = (1 + more) * node.max_deliveries
    limit = node.queue_timeout_ms + node.timeout_ms
    return Span(more * RETRY_MS_MIN, deliveries * limit + pauses_ms(node.retry, asked=True))
