"""How much of its certificate a straight program can reach, told from the program alone.

A program without choices reaches all of it, but for what its times do not let come together:

- steps are there at once only if none must be over before another can begin;
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
    Crowd,
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

    def may_miss(self) -> dict[str, int]:
        """Return by how much less than certified may be reached, by measure: at most."""
        program = self._program
        return {
            "concurrent_steps": self._apart(crowd(program, running)),
            "timers": self._apart(crowd(program, timed)),
            "duration_ms": self._jitter(),
        }

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
