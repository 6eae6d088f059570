"""Where a run is hit the hardest: the steps that close it, and those that can be there at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from dagnats.compiler.cycles import order
from dagnats.compiler.widths import Widths
from dagnats.ir.costs import planned_timers, retries
from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    ContinueAsNewNode,
    EmitNode,
    FailNode,
    LoopNode,
    MapNode,
    Node,
    PlannerNode,
    Program,
    RespondNode,
    SleepNode,
    SubWorkflowNode,
    SwitchNode,
    TaskNode,
    TransformNode,
    WaitForEventNode,
)

AT_ONCE: Final = (TransformNode, EmitNode, RespondNode, ContinueAsNewNode, FailNode)
"""Steps that are done when they begin, and cost one event whether they are done or not."""
LASTING: Final = (SleepNode, WaitForEventNode, ApprovalNode, SubWorkflowNode)
"""Steps that time, people or other runs end."""


Members = Mapping[int | None, Sequence[int]]
"""The numbers of the steps of each body, and of the top, without handlers."""


def members(program: Program) -> Members:
    """Return which steps stand where."""
    nodes = program.nodes
    handlers = {node.on_failure for node in nodes} | {node.compensate for node in nodes}
    found: dict[int | None, list[int]] = {None: []}
    for at, node in enumerate(nodes):
        if at not in handlers:
            found.setdefault(node.within, []).append(at)
    return found


def bodies(node: Node) -> tuple[int, ...]:
    """Return the bodies of a step, by number."""
    match node:
        case LoopNode(body=body) | MapNode(body=body):
            return (body,)
        case SwitchNode(cases=cases, default=default):
            ways = tuple(case.body for case in cases)
            return ways if default is None else (*ways, default)
        case _:
            return ()


def closing(program: Program) -> frozenset[str]:
    """Return the steps that can be the last one to end in a run, by id.

    When only such a step is open, and lacks one answer, a request to cancel costs an event, and
    saves none: what follows is done at once, or not at all, which takes as many events. Items of a
    map are none, as one that is cancelled writes no end.
    """
    return frozenset(program.nodes[at].id for at in _closing(program, members(program), None))


def ends_of(program: Program, names: frozenset[str]) -> frozenset[str]:
    """Return the steps that can end an iteration of the loops of these names, by id."""
    inside = members(program)
    loops = [node for node in program.nodes if isinstance(node, LoopNode) and node.id in names]
    found = [at for loop in loops for at in _closing(program, inside, loop.body)]
    return frozenset(program.nodes[at].id for at in found)


def leading_to(program: Program, names: frozenset[str]) -> frozenset[str]:
    """Return the steps that those of these names wait for, directly or not, by id."""
    nodes = program.nodes
    todo = [node for node in nodes if node.id in names]
    found: set[int] = set()
    while todo:
        for edge in todo.pop().edges:
            if edge.source not in found:
                found.add(edge.source)
                todo.append(nodes[edge.source])
    return frozenset(nodes[at].id for at in found)


def _closing(program: Program, inside: Members, body: int | None) -> Iterator[int]:
    nodes, numbers = program.nodes, inside.get(body, ())
    # What is done at once, and all that follows as well, comes after the end.
    trailing: set[int] = set()
    followers: dict[int, list[int]] = {at: [] for at in numbers}
    for at in numbers:
        for edge in nodes[at].edges:
            followers[edge.source].append(at)
    for at in reversed(_ordered(program, numbers)):
        follows = all(other in trailing for other in followers[at])
        if follows and isinstance(nodes[at], AT_ONCE):
            trailing.add(at)
        elif follows:
            yield from _closing_of(program, inside, at)


def _closing_of(program: Program, inside: Members, at: int) -> Iterator[int]:
    node = program.nodes[at]
    match node:
        case TaskNode() | SleepNode() | WaitForEventNode() | ApprovalNode() | SubWorkflowNode():
            yield at
        case MapNode(single=True, body=body):
            yield from inside[body]
        case LoopNode() | SwitchNode():
            for body in bodies(node):
                yield from _closing(program, inside, body)
        case _:
            return


def _ordered(program: Program, numbers: Sequence[int]) -> list[int]:
    """Return steps of one body so that each comes after those it waits for."""
    place = {number: at for at, number in enumerate(numbers)}
    found = order([[place[e.source] for e in program.nodes[n].edges] for n in numbers])
    assert found is not None, "the program has been verified"
    return [numbers[at] for at in found]


# ── at once ──────────────────────────────────────────────────────────────────────────────────────


class Crowd(Struct, frozen=True):
    """What can be there at once: how much, and the steps that it is made of, by id."""

    size: int = 0
    steps: frozenset[str] = frozenset()


Weigh = Callable[[Node], int]
"""How much a step that is no container has of what is counted."""


def running(node: Node) -> int:
    """Return how many attempts of a step workers hold at once."""
    if isinstance(node, PlannerNode):
        return node.max_steps
    return int(isinstance(node, TaskNode))


def timed(node: Node) -> int:
    """Return how many timers a step has at once, those that guard attempts left aside."""
    if isinstance(node, LASTING):
        return 1
    if isinstance(node, PlannerNode):
        tries = 1 + retries(node.retry)
        return max(int(tries > 1), planned_timers(node.max_steps, tries, node.allowed_types))
    if isinstance(node, TaskNode):
        delays = isinstance(node, AgentLoopNode) and node.max_iterations > 1 and node.delay_ms > 0
        return int(retries(node.retry) > 0 or delays)
    return int(isinstance(node, LoopNode) and node.max_iterations > 1 and node.delay_ms > 0)


def crowd(program: Program, weigh: Weigh) -> Crowd:
    """Return the most that can be there at once of what is counted, before the end or at it."""
    found = _Crowds(program, weigh)
    top = found.of(None)
    last = Crowd() if program.finally_body is None else found.of(program.finally_body)
    return top if top.size >= last.size else last


class _Crowds:
    def __init__(self, program: Program, weigh: Weigh) -> None:
        self._program = program
        self._weigh = weigh
        self._members = members(program)
        sources = [[edge.source for edge in node.edges] for node in program.nodes]
        self._widths = Widths(sources, [node.join for node in program.nodes])

    def of(self, body: int | None) -> Crowd:
        """Return the largest crowd of the steps of a body."""
        numbers = self._members.get(body, ())
        if not numbers:
            return Crowd()
        in_order = _ordered(self._program, numbers)
        each = [self._of_step(at) for at in in_order]
        widest = self._widths.widest(in_order, [one.size for one in each])
        steps = [step for at in widest for step in each[at].steps]
        return Crowd(sum(each[at].size for at in widest), frozenset(steps))

    def _of_step(self, at: int) -> Crowd:
        node = self._program.nodes[at]
        own = self._weigh(node)
        alone = Crowd(own, frozenset({node.id}) if own else frozenset())
        inside = [self.of(body) for body in bodies(node)]
        if not inside:
            return alone
        if isinstance(node, MapNode):
            window = min(node.max_items, node.max_concurrency or node.max_items)
            return Crowd(inside[0].size * window, inside[0].steps)
        largest = max(inside, key=lambda one: one.size)
        if own > largest.size:
            return alone
        return Crowd(largest.size, frozenset().union(*[one.steps for one in inside]))
