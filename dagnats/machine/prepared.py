"""A program made ready to run: scopes with adjacency both ways, expressions compiled once.

A *scope* is what runs as one: the top, a body, `finally`, and a handler by itself. Its steps have
positions from 0; handlers have none, as nobody waits for them. A *frame* of the state is one
execution of a scope.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from msgspec import Struct

from dagnats.expr.ast import Comprehension, Expr, Ident, walk
from dagnats.expr.checking.check import references
from dagnats.expr.evaluation.evaluator import prepare as compile_expression
from dagnats.expr.limits import LIMITS, Limits
from dagnats.ir.program import (
    AgentLoopNode,
    ApprovalNode,
    CancelOn,
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
    SwitchNode,
    TaskNode,
    TransformNode,
    WaitForEventNode,
)
from dagnats.machine.counters import Ceilings, ceilings

PARTS_MAX = 8
"""Payloads that may be encoded together, to be measured, without a thought."""

TOP = 0
FRAGMENTS_MAX = 100
"""Plans that are kept ready to run, for each program; older ones are prepared again."""

Evaluate = Callable[[Mapping[str, Any]], Any]


class Evaluates(Protocol):
    """Makes an expression ready to evaluate under the limits of a program."""

    def __call__(self, expr: Expr, *, limits: Limits) -> Evaluate:
        """Return what evaluates it."""


class Formula(Struct, frozen=True):
    """A compiled expression, the steps it reads, and the roots it names.

    `reads` has the steps by id, with their positions in the scope of the expression, or -1. `grows`
    says that its value may hold more than PARTS_MAX values of the run.
    """

    evaluate: Evaluate
    reads: tuple[tuple[str, int], ...]
    roots: frozenset[str]
    grows: bool


class Scope(Struct, frozen=True):
    """What runs as one, indexed by position.

    `tolerated` tells whose failure a dependent accepts, `last` are those nothing depends on,
    `composed` tells whose input is more than one value that the run holds already, `handed` which
    step's output is the input of another as it is, or -1. `formulas` has all but `when` and `input`
    by their keys. `bodies` and `handlers` lead to scopes by number;
    `keeps` says that something in it may have to be undone later.
    """

    kind: str
    nodes: tuple[Node, ...]
    index: dict[str, int]
    dependencies: tuple[int, ...]
    edges: tuple[tuple[tuple[int, tuple[str, ...]], ...], ...]
    dependents: tuple[tuple[int, ...], ...]
    tolerated: tuple[bool, ...]
    last: tuple[int, ...]
    when: tuple[Formula | None, ...]
    inputs: tuple[Formula | None, ...]
    composed: tuple[bool, ...]
    handed: tuple[int, ...]
    maps: tuple[bool, ...]
    formulas: tuple[dict[str, Formula], ...]
    bodies: tuple[tuple[int, ...], ...]
    handlers: tuple[tuple[int | None, int | None], ...]
    keeps: bool


class Listener(Struct, frozen=True):
    """A `cancel_on` of a program."""

    policy: CancelOn
    match: Formula | None


class Prepared(Struct, frozen=True):
    """What the machine needs of a program: `scopes[TOP]`, then the bodies', then the handlers'.

    `finally_scope` is the number of the one that runs last. `handlers` has the ids of all handlers.
    `ceilings` are what its certificate allows. `fragments` remembers plans made ready to run, by
    digest: a cache, and nothing else.
    """

    program: Program
    digest: str
    scopes: tuple[Scope, ...]
    finally_scope: int | None
    handlers: frozenset[str]
    variables: tuple[tuple[str, Formula], ...]
    labels: tuple[tuple[str, Formula], ...]
    cancel_on: tuple[Listener, ...]
    output: Formula | None
    ceilings: Ceilings
    fragments: dict[str, "Prepared"]

    @property
    def is_rated(self) -> bool:
        """Whether a task of it, or of a plan, may have a limit of starts in a period."""
        return any(
            isinstance(node, PlannerNode)
            or (isinstance(node, TaskNode) and bool(node.rate_limit or node.keyed_rate_limit))
            for node in self.program.nodes
        )

    @property
    def tasks(self) -> set[str]:
        """Return the names of the tasks that its own steps do."""
        return {node.task for node in self.program.nodes if isinstance(node, TaskNode)}


_Ready = Callable[[Expr], Evaluate]


def prepare(
    program: Program, digest: str, *, evaluates: Evaluates = compile_expression
) -> Prepared:
    """Compile everything that a run evaluates of a verified program; linear in its size."""
    most = program.limits
    limits = Limits(LIMITS.cost_max, most.list_items_max, most.string_chars_max)
    ready: _Ready = partial(evaluates, limits=limits)
    scopes = _Scopes(program, ready)
    top = scopes.found[TOP].index
    admission = program.admission
    return Prepared(
        program=program,
        digest=digest,
        scopes=tuple(scopes.found),
        finally_scope=None if program.finally_body is None else program.finally_body + 1,
        handlers=frozenset(program.nodes[n].id for n in scopes.handler_scope),
        variables=tuple((name, _need(e, {}, ready)) for name, e in program.variables),
        labels=tuple((name, _need(e, {}, ready)) for name, e in program.labels),
        cancel_on=tuple(Listener(c, _formula(c.match, top, ready)) for c in admission.cancel_on),
        output=_formula(program.output, top, ready),
        ceilings=ceilings(program.certificate),
        fragments={},
    )


class _Scopes:
    """Builds the scopes of a program in the order of their numbers."""

    def __init__(self, program: Program, ready: _Ready) -> None:
        self._program = program
        self._ready = ready
        nodes = program.nodes
        handlers = {n.on_failure for n in nodes} | {n.compensate for n in nodes}
        handlers.discard(None)
        first = 1 + len(program.bodies)
        ordered = sorted(h for h in handlers if h is not None)
        self.handler_scope = {node: first + at for at, node in enumerate(ordered)}
        members: list[list[int]] = [[] for _ in range(first)]
        for at, node in enumerate(nodes):
            if at not in self.handler_scope:
                members[TOP if node.within is None else node.within + 1].append(at)
        self._leading: set[int] = set()
        self._undone = self._count_undone()
        self.found = [self._scope("top", members[TOP], keeps=self._spans(0, len(nodes)))]
        for number, body in enumerate(program.bodies, 1):
            keeps = self._spans(body.first, body.first + body.count)
            self.found.append(self._scope(self._kind(number), members[number], keeps=keeps))
        for node_at in ordered:
            self.found.append(self._scope("handler", [node_at], keeps=node_at in self._leading))

    def _count_undone(self) -> list[int]:
        """Return how many nodes before each may have to be undone, or have a handler that may.

        A handler leads to what is undone when it, or a node in its bodies, does.
        """
        nodes, bodies = self._program.nodes, self._program.bodies
        served: dict[int, list[int]] = {}
        for at, node in enumerate(nodes):
            if node.on_failure is not None:
                served.setdefault(node.on_failure, []).append(at)
        undone: set[int] = set()
        todo = [at for at, node in enumerate(nodes) if node.compensate is not None]
        while todo:
            found = todo.pop()
            if found in undone:
                continue
            undone.add(found)
            around: int | None = found
            while around is not None:
                if around in served:
                    self._leading.add(around)
                    todo += served[around]
                within = nodes[around].within
                around = None if within is None else bodies[within].container
        counts = [0]
        for number in range(len(nodes)):
            counts.append(counts[-1] + (number in undone))
        return counts

    def _spans(self, first: int, end: int) -> bool:
        return self._undone[end] > self._undone[first]

    def _kind(self, number: int) -> str:
        body = self._program.bodies[number - 1]
        if body.container is None:
            return "finally"
        container = self._program.nodes[body.container]
        return "single" if isinstance(container, MapNode) and container.single else "body"

    def _scope(self, kind: str, members: list[int], *, keeps: bool) -> Scope:
        nodes = [self._program.nodes[at] for at in members]
        position = {at: pos for pos, at in enumerate(members)}
        index = {node.id: pos for pos, node in enumerate(nodes)}
        dependents: list[list[int]] = [[] for _ in nodes]
        tolerated = [False] * len(nodes)
        edges = []
        for pos, node in enumerate(nodes):
            own = tuple((position[e.source], e.accepts) for e in node.edges)
            edges.append(own)
            for source, accepts in own:
                dependents[source].append(pos)
                tolerated[source] |= "failed" in accepts or node.join != "all_success"
        ready = self._ready
        return Scope(
            kind=kind,
            nodes=tuple(nodes),
            index=index,
            dependencies=tuple(len(own) for own in edges),
            edges=tuple(edges),
            dependents=tuple(tuple(d) for d in dependents),
            tolerated=tuple(tolerated),
            last=tuple(pos for pos, d in enumerate(dependents) if not d),
            when=tuple(_formula(node.when, index, ready) for node in nodes),
            inputs=tuple(_formula(node.input, index, ready) for node in nodes),
            composed=tuple(
                node.input is not None or len(node.edges) > 1 or isinstance(node, AgentLoopNode)
                for node in nodes
            ),
            handed=tuple(_handed(node, own) for node, own in zip(nodes, edges, strict=True)),
            maps=tuple(isinstance(node, MapNode) for node in nodes),
            formulas=tuple(self._formulas(node, index) for node in nodes),
            bodies=tuple(_bodies(node) for node in nodes),
            handlers=tuple(
                (self._handler(node.on_failure), self._handler(node.compensate)) for node in nodes
            ),
            keeps=keeps,
        )

    def _handler(self, node: int | None) -> int | None:
        return None if node is None else self.handler_scope[node]

    def _formulas(self, node: Node, index: dict[str, int]) -> dict[str, Formula]:
        """Return the expressions of a node; those looked at when a body has ended read that."""
        found: dict[str, Formula] = {}
        for key, expr in _expressions(node):
            home = index
            if key in {"until", "state", "output"} and _bodies(node):
                body = _bodies(node)[0] - 1
                home = self._positions(body) if not isinstance(node, SwitchNode) else {}
            formula = _formula(expr, home, self._ready)
            if formula is not None:
                found[key] = formula
        return found

    def _positions(self, body: int) -> dict[str, int]:
        within = self._program.bodies[body]
        inside = range(within.first, within.first + within.count)
        nodes = self._program.nodes
        direct = [at for at in inside if nodes[at].within == body and at not in self.handler_scope]
        return {nodes[at].id: pos for pos, at in enumerate(direct)}


def _handed(node: Node, edges: tuple[tuple[int, tuple[str, ...]], ...]) -> int:
    """Return the step whose output a task is given and nothing else, or -1."""
    as_it_is = type(node) is TaskNode and node.input is None and node.keyed_rate_limit is None
    return edges[0][0] if as_it_is and len(edges) == 1 else -1


def _bodies(node: Node) -> tuple[int, ...]:
    """Return the scopes of a node's bodies, in the order in which it names them."""
    match node:
        case LoopNode(body=body) | MapNode(body=body):
            return (body + 1,)
        case SwitchNode(cases=cases, default=default):
            ways = tuple(case.body + 1 for case in cases)
            return ways if default is None else (*ways, default + 1)
        case _:
            return ()


def _expressions(  # noqa: C901, PLR0912 (one case for each kind)
    node: Node,
) -> Iterable[tuple[str, Expr | None]]:
    """Yield the expressions of a node beside `when` and `input`, by their keys."""
    if isinstance(node, TaskNode) and node.keyed_rate_limit is not None:
        yield "rate_key", node.keyed_rate_limit.key
    match node:
        case AgentLoopNode():
            yield "until", node.until
            yield "initial_state", node.initial_state
        case LoopNode():
            yield "until", node.until
            yield "while", node.while_
            yield "initial_state", node.initial_state
            yield "state", node.state
            yield "output", node.output
        case MapNode():
            yield "over", node.over
            yield "output", node.output
        case SwitchNode():
            yield "on", node.on
            yield "output", node.output
            for number, case in enumerate(node.cases):
                yield f"case{number}", case.when
        case ApprovalNode():
            yield "description", node.description
            yield "details", node.details
        case WaitForEventNode():
            yield "match", node.match
        case SleepNode():
            yield "duration", node.duration
            yield "until", node.until
        case TransformNode():
            yield "value", node.value
        case EmitNode():
            yield "data", node.data
        case RespondNode():
            yield "headers", node.headers
            yield "body", node.body
        case ContinueAsNewNode():
            yield "next_input", node.next_input
        case FailNode():
            yield "message", node.message
            yield "details", node.details
        case _:
            return


def _need(expression: Expr, index: dict[str, int], ready: _Ready) -> Formula:
    formula = _formula(expression, index, ready)
    assert formula is not None
    return formula


def _formula(expression: Expr | None, index: dict[str, int], ready: _Ready) -> Formula | None:
    if expression is None:
        return None
    reads = sorted({name for name, _ in references(expression)})
    names = [node.name.removeprefix(".") for node in walk(expression) if isinstance(node, Ident)]
    grows = len(names) > PARTS_MAX or any(isinstance(n, Comprehension) for n in walk(expression))
    return Formula(
        ready(expression),
        tuple((name, index.get(name, -1)) for name in reads),
        frozenset(names),
        grows,
    )
