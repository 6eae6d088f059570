"""What must hold of the table: bodies, edges and handlers, and who sees whom.

Theory. Bodies are ranges of the table that nest as brackets do, each right behind its container.
So one walk with a stack of open bodies tells the innermost one of every node, and every rule about
where a thing may stand is a rule about that walk. Edges and handlers go in no circles: Kahn's
algorithm settles what can be settled, and what remains is a circle.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dagnats.ir.costs import BODIES_DEPTH_MAX
from dagnats.ir.program import (
    Body,
    ContinueAsNewNode,
    Edge,
    LoopNode,
    MapNode,
    Node,
    Program,
    RespondNode,
    SwitchNode,
    TaskNode,
)
from dagnats.ir.rules import OUTCOMES

EACH = "each"
"""What a map's only task is called, behind the id of the map and a dot."""

_ACCEPTS = f"`completed` and any of the others, each once, in the order {', '.join(OUTCOMES)}"


def bodies_of(node: Node) -> tuple[int, ...]:
    """Return the indexes of the bodies of a node, in their order."""
    match node:
        case LoopNode(body=body) | MapNode(body=body):
            return (body,)
        case SwitchNode(cases=cases, default=default):
            found = tuple(case.body for case in cases)
            return found if default is None else (*found, default)
        case _:
            return ()


def handlers_of(node: Node) -> tuple[int, ...]:
    """Return the indexes of the nodes that only this one, and others like it, can reach."""
    return tuple(i for i in (node.on_failure, node.compensate) if i is not None)


class Table(Struct, frozen=True):
    """A sound table, and who sees whom in it."""

    nodes: tuple[Node, ...]
    bodies: tuple[Body, ...]
    finally_body: int | None
    index: dict[str, int]
    handlers: frozenset[int]
    sources: tuple[frozenset[int], ...]

    def around(self, at: int) -> Iterator[tuple[int, int | None]]:
        """Yield a node and its containers, innermost first, each with the body it stands in."""
        step: int | None = at
        while step is not None:
            body = self.nodes[step].within
            yield step, body
            step = None if body is None else self.bodies[body].container

    def reading_fault(self, at: int, own: tuple[int, ...], target: int) -> str | None:
        """Return what is wrong when the node `at` reads the node `target`.

        `own` are bodies of the node whose nodes the expression sees, because they have ended.
        Handlers and what is in `finally` wait for nothing, and see what has ended by then.
        """
        stands, name = self.nodes[target].within, self.nodes[target].id
        if stands is not None and stands in own:
            return None
        waits = True
        for step, body in self.around(at):
            waits = waits and step not in self.handlers
            if body == stands:
                seen = target in self.sources[step] or (not waits and step != target)
                return None if seen else f"reads `{name}` without an edge from it"
            if body is not None and body == self.finally_body:
                waits = False
                if stands is None:
                    return None
        return f"reads `{name}`, which is not seen from here"


def structure(program: Program) -> Iterator[str]:
    """Tell what is wrong with the table; when nothing is, `table` may be asked."""
    faults = list(_bodies(program))
    yield from faults
    if not faults:
        for i, node in enumerate(program.nodes):
            for fault in (*_edges(program.nodes, i), *_placed(program, i)):
                yield f"node {i} `{node.id}`: {fault}"
        found = list(_circles(program))
        yield from found or _begins(program)


def table(program: Program, index: dict[str, int]) -> Table:
    """Return the table of a program of which `structure` tells nothing."""
    nodes = program.nodes
    return Table(
        nodes=nodes,
        bodies=program.bodies,
        finally_body=program.finally_body,
        index=index,
        handlers=frozenset(handler for node in nodes for handler in handlers_of(node)),
        sources=tuple([frozenset([edge.source for edge in node.edges]) for node in nodes]),
    )


def _bodies(program: Program) -> Iterator[str]:
    """Walk the table with a stack of open bodies, as (index, end, how deep they are)."""
    nodes, bodies = program.nodes, program.bodies
    last = program.finally_body
    if last is not None and not 0 <= last == len(bodies) - 1:
        yield f"`finally_body` is {last}, not the last of {len(bodies)} bodies"
        return
    open_: list[tuple[int, int, int]] = []
    expected = begun = 0
    for i, node in enumerate(nodes):
        while open_ and open_[-1][1] <= i:
            open_.pop()
        if not open_ and last is not None and bodies[last] == Body(None, i, len(nodes) - i):
            open_.append((last, len(nodes), 0))
            begun = 1
        inside, end, depth = open_[-1] if open_ else (None, len(nodes), 0)
        wrong = "" if node.within == inside else f"`within` is {node.within}, it is in {inside}"
        own = bodies_of(node)
        if own and not wrong:
            wrong = _misplaced(bodies, own, i, expected, end)
        if own and depth == BODIES_DEPTH_MAX:
            wrong = f"bodies of more than {depth} levels (BODIES_DEPTH_MAX)"
        if wrong:
            yield f"node {i} `{node.id}`: {wrong}"
            return
        open_ += [(b, bodies[b].first + bodies[b].count, depth + 1) for b in reversed(own)]
        expected += len(own)
    if expected + begun != len(bodies) or begun != (last is not None):
        yield f"there are {len(bodies)} bodies, and {expected + begun} of them belong somewhere"


def _misplaced(
    bodies: Sequence[Body], own: tuple[int, ...], at: int, expected: int, end: int
) -> str:
    """Say what is wrong with the bodies of the node at an index, which are to end by `end`."""
    first = at + 1
    for number, body in enumerate(own, expected):
        if body != number or body >= len(bodies):
            return f"its body is {body}, and the next one is {number} of {len(bodies)}"
        part = bodies[body]
        if part.container != at or part.first != first:
            return f"its body {body} is at {part.first} and of {part.container}, not at {first}"
        if part.count < 0 or first + part.count > end:
            return f"its body {body} has {part.count} nodes, and there is room for {end - first}"
        first += part.count
    return ""


def _begins_finally(program: Program, at: int, expected: int) -> bool:
    """Whether the node at an index is the first one of `finally`, which lasts to the end."""
    last = len(program.bodies) - 1
    if last < 0 or expected != last or program.finally_body != last:
        return False
    body = program.bodies[last]
    return body == Body(None, at, len(program.nodes) - at)


def _edges(nodes: tuple[Node, ...], at: int) -> Iterator[str]:
    before = -1
    for edge in nodes[at].edges:
        if not 0 <= edge.source < len(nodes) or edge.source == at:
            yield f"an edge from {edge.source}, which is no other node"
        elif edge.source <= before:
            yield f"the edge from {edge.source} is not in ascending order"
        elif nodes[edge.source].within != nodes[at].within:
            yield f"the edge from {edge.source} comes from another body"
        before = max(before, edge.source)
        yield from _accepts(edge)


def _accepts(edge: Edge) -> Iterator[str]:
    # One order only: the same set must not have two digests.
    wanted = tuple(outcome for outcome in OUTCOMES if outcome in edge.accepts)
    if "completed" not in edge.accepts or edge.accepts != wanted:
        listed = ", ".join(edge.accepts) or "nothing"
        yield f"the edge from {edge.source} accepts {listed}: {_ACCEPTS}"


def _placed(program: Program, at: int) -> Iterator[str]:
    """Tell of a node that stands where its kind may not."""
    node = program.nodes[at]
    if isinstance(node, LoopNode | MapNode) and not program.bodies[node.body].count:
        yield "its body is empty"
    elif isinstance(node, MapNode) and node.single:
        yield from _single(program, node)
    if not isinstance(node, ContinueAsNewNode | RespondNode) or node.within is None:
        return
    body: Body | None = program.bodies[node.within]
    while body is not None:
        container = body.container
        if container is None:
            if isinstance(node, ContinueAsNewNode):
                yield "it continues the run in `finally`, when the run has ended"
            return
        outer = program.nodes[container]
        if not isinstance(outer, SwitchNode):
            yield f"it stands in `{outer.id}`, which may come to it many times"
            return
        body = None if outer.within is None else program.bodies[outer.within]


def _single(program: Program, node: MapNode) -> Iterator[str]:
    body = program.bodies[node.body]
    task = program.nodes[body.first]
    plain = type(task) is TaskNode and task.when is None and not task.edges
    if body.count != 1 or not plain or handlers_of(task) or task.join != "all_success":
        yield "it is `single`, and its body is not one plain task"
    elif task.id != f"{node.id}.{EACH}":
        yield f"its only task is called `{task.id}`, not `{node.id}.{EACH}`"


def _circles(program: Program) -> Iterator[str]:
    nodes, count = program.nodes, len(program.nodes)
    waits = [[e.source for e in node.edges if 0 <= e.source < count] for node in nodes]
    stuck = _unsettled(waits)
    if stuck:
        yield f"{len(stuck)} steps can never start: a cycle, with or before `{nodes[stuck[0]].id}`"
    faults = list(_handlers(program))
    yield from faults
    reached = frozenset(handler for node in nodes for handler in handlers_of(node))
    if faults or not reached:
        return
    reach: list[list[int]] = [[] for _ in nodes]
    for i, node in enumerate(nodes):
        for handler in handlers_of(node):
            reach[handler].append(i)
        container = None if node.within is None else program.bodies[node.within].container
        if container is not None:
            reach[i].append(container)
    stuck = _unsettled(reach)
    if stuck:
        yield f"`{nodes[stuck[0]].id}` is a handler of itself, or of what is around it"


def _begins(program: Program) -> Iterator[str]:
    reached = {handler for node in program.nodes for handler in handlers_of(node)}
    nodes = program.nodes
    if nodes and all(node.within is not None or i in reached for i, node in enumerate(nodes)):
        yield "no step begins a run: all at the top are handlers"


def _handlers(program: Program) -> Iterator[str]:
    """Tell what is wrong with the mention of a handler."""
    nodes = program.nodes
    if all(node.on_failure is None and node.compensate is None for node in nodes):
        return
    edged = {edge.source for node in nodes for edge in node.edges}
    for i, node in enumerate(nodes):
        for key, at in (("on_failure", node.on_failure), ("compensate", node.compensate)):
            if at is not None:
                fault = _handler_fault(program, i, at, at in edged)
                if fault:
                    yield f"node {i} `{node.id}`: `{key}` {fault}"
        if node.on_failure is not None and node.on_failure == node.compensate:
            yield f"node {i} `{node.id}`: `on_failure` and `compensate` are the same node"


def _handler_fault(program: Program, at: int, handler: int, is_source: bool) -> str:
    nodes, bodies = program.nodes, program.bodies
    if not 0 <= handler < len(nodes) or handler == at:
        return f"is {handler}, which is no other node"
    if nodes[handler].edges or is_source:
        return f"is `{nodes[handler].id}`, which has edges: a handler waits for nothing"
    body = nodes[at].within
    while body is not None and nodes[handler].within != body:
        container = bodies[body].container
        body = None if container is None else nodes[container].within
    if nodes[handler].within != body:
        return f"is `{nodes[handler].id}`, which is not seen from here"
    return ""


def _unsettled(needs: Sequence[Sequence[int]]) -> list[int]:
    """Settle what needs only what is settled; return what goes in circles, or needs what does."""
    unmet = [len(set(before)) for before in needs]
    dependents: list[list[int]] = [[] for _ in needs]
    for i, before in enumerate(needs):
        for source in set(before):
            dependents[source].append(i)
    settled = [i for i, number in enumerate(unmet) if number == 0]
    for i in settled:
        for dependent in dependents[i]:
            unmet[dependent] -= 1
            if unmet[dependent] == 0:
                settled.append(dependent)
    return [i for i, number in enumerate(unmet) if number]
