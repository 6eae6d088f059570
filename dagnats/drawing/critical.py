"""The critical path: the steps that make a run as long as its certificate says it may be.

The times are those of the certificate: every attempt lost and late, every wait to its end.
"""

from collections.abc import Sequence
from itertools import pairwise

from dagnats.ir import program as p
from dagnats.ir.costs import pauses_ms, retries

Edges = frozenset[tuple[int, int]]


def critical_path(program: p.Program) -> tuple[frozenset[int], Edges]:
    """Return the steps on the longest path, by index, and the edges that it takes.

    Inside of each container on the path its own longest path is meant, and that of `finally`.
    """
    paths = _Paths(program).all()
    steps = frozenset(index for path in paths for index in path)
    return steps, frozenset(pair for path in paths for pair in pairwise(path))


class _Paths:
    def __init__(self, program: p.Program) -> None:
        self._nodes = program.nodes
        self._inside: dict[int | None, list[int]] = {}
        for index, node in enumerate(program.nodes):
            self._inside.setdefault(node.within, []).append(index)
        self._paths: dict[int | None, tuple[int, tuple[int, ...]]] = {}
        self._finally = program.finally_body
        handlers = [(node.on_failure, node.compensate) for node in program.nodes]
        self._handlers = {index for pair in handlers for index in pair}

    def all(self) -> list[tuple[int, ...]]:
        """Return the path of the workflow, and those of the bodies on it."""
        paths = [self._path(None)[1]]
        if self._finally is not None:
            paths.append(self._path(self._finally)[1])
        for path in paths:
            # The list grows by what is inside of its members, and of theirs.
            paths += [self._worst_body(index)[1] for index in path]
        return paths

    def _path(self, body: int | None) -> tuple[int, tuple[int, ...]]:
        """Return how long a body takes, and the steps of it that do not run side by side."""
        if body not in self._paths:
            self._paths[body] = self._longest(body)
        return self._paths[body]

    def _longest(self, body: int | None) -> tuple[int, tuple[int, ...]]:
        members = [index for index in self._inside.get(body, []) if index not in self._handlers]
        ends: dict[int, int] = {}
        before: dict[int, int | None] = {}
        for index in _ordered(self._nodes, members):
            sources = [edge.source for edge in self._nodes[index].edges if edge.source in ends]
            latest = max(sources, key=lambda source: ends[source], default=None)
            before[index] = latest
            ends[index] = self._took(index) + (0 if latest is None else ends[latest])
        # Of equals the last one, so that what takes no time is on the path, too.
        at = max(reversed(ends), key=lambda index: ends[index], default=None)
        if at is None:
            return 0, ()
        total, path = ends[at], []
        while at is not None:
            path.append(at)
            at = before[at]
        return total, tuple(reversed(path))

    def _worst_body(self, index: int) -> tuple[int, tuple[int, ...]]:
        match self._nodes[index]:
            case p.LoopNode(body=body) | p.MapNode(body=body):
                return self._path(body)
            case p.SwitchNode(cases=cases, default=default):
                bodies = [*(case.body for case in cases), *([] if default is None else [default])]
                return max(map(self._path, bodies), key=lambda found: found[0], default=(0, ()))
            case _:
                return 0, ()

    def _took(self, index: int) -> int:
        """Return how long a step takes, what handles its failure included."""
        node = self._nodes[index]
        handler = 0 if node.on_failure is None else self._took(node.on_failure)
        return self._own(node, self._worst_body(index)[0]) + handler

    def _own(self, node: p.Node, body: int) -> int:
        match node:
            case p.AgentLoopNode():
                return _repeated(node, _work(node))
            case p.LoopNode():
                return _repeated(node, body)
            case p.TaskNode():
                return _work(node)
            case p.MapNode():
                window = min(node.max_concurrency or node.max_items, node.max_items) or 1
                return -(-node.max_items // window) * body
            case p.ApprovalNode():
                return node.timeout_ms + (node.escalation_timeout_ms or 0)
            case p.WaitForEventNode():
                return node.timeout_ms
            case p.SleepNode():
                return node.max_duration_ms
            case p.SubWorkflowNode():
                times = 1 + retries(node.retry)
                return times * node.timeout_ms + pauses_ms(node.retry, asked=False)
            case _:
                return body


def _ordered(nodes: Sequence[p.Node], members: list[int]) -> list[int]:
    """Return members of a body so that each stands behind what it depends on."""
    inside, done = set(members), dict[int, None]()
    stack = list(reversed(members))
    while stack:
        index = stack[-1]
        waiting = [
            edge.source
            for edge in nodes[index].edges
            if edge.source in inside and edge.source not in done
        ]
        if waiting and index not in done:
            stack += reversed(waiting)
        else:
            done.setdefault(stack.pop())
    return list(done)


def _work(node: p.TaskNode) -> int:
    delivery = node.queue_timeout_ms + node.timeout_ms
    deliveries = (1 + retries(node.retry)) * node.max_deliveries
    return deliveries * delivery + pauses_ms(node.retry, asked=True)


def _repeated(node: p.AgentLoopNode | p.LoopNode, one: int) -> int:
    whole = node.max_iterations * (one + node.delay_ms)
    if node.max_duration_ms is None:
        return whole
    return min(whole, node.max_duration_ms + one)
