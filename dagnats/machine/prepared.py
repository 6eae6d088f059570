"""A program made ready to run: adjacency both ways, names to indexes, expressions compiled once."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from dagnats.expr.ast import Comprehension, Expr, Ident, Literal, walk
from dagnats.expr.checking.check import references
from dagnats.expr.evaluation.evaluator import prepare as compile_expression
from dagnats.expr.limits import LIMITS, Limits
from dagnats.ir.program import AgentLoopNode, Program, TaskNode
from dagnats.machine.unsupported import runnable

PARTS_MAX = 8
"""Payloads that may be encoded together, to be measured, without a thought."""

Evaluate = Callable[[Mapping[str, Any]], Any]


class Formula(Struct, frozen=True):
    """A compiled expression, the indexes of the steps it reads, and whether it may read `run`.

    `grows` says that its value may hold more than PARTS_MAX values of the run.
    """

    evaluate: Evaluate
    reads: tuple[int, ...]
    reads_run: bool
    grows: bool


class Prepared(Struct, frozen=True):
    """What the machine needs of a program, indexed by node.

    `tolerated` tells whose failure a dependent accepts, `last` are those nothing depends on,
    `composed` tells whose input is more than one value that the run holds already.
    """

    program: Program
    digest: str
    nodes: tuple[TaskNode, ...]
    index: dict[str, int]
    dependencies: tuple[int, ...]
    dependents: tuple[tuple[int, ...], ...]
    tolerated: tuple[bool, ...]
    last: tuple[int, ...]
    when: tuple[Formula | None, ...]
    inputs: tuple[Formula | None, ...]
    composed: tuple[bool, ...]
    until: dict[int, Formula]
    initial_states: dict[int, Any]
    output: Formula | None


def prepare(program: Program, digest: str) -> Prepared:
    """Compile everything that a run evaluates of a verified program; linear in its size.

    `unsupported` has nothing to say about it.
    """
    nodes = runnable(program)
    most = program.limits
    limits = Limits(LIMITS.cost_max, most.list_items_max, most.string_chars_max)
    index = {node.id: i for i, node in enumerate(nodes)}
    dependents: list[list[int]] = [[] for _ in nodes]
    tolerated = [False] * len(nodes)
    for i, node in enumerate(nodes):
        for edge in node.edges:
            dependents[edge.source].append(i)
            tolerated[edge.source] |= "failed" in edge.accepts
    loops = {i: n for i, n in enumerate(nodes) if isinstance(n, AgentLoopNode)}
    return Prepared(
        program=program,
        digest=digest,
        nodes=nodes,
        index=index,
        dependencies=tuple(len(node.edges) for node in nodes),
        dependents=tuple(tuple(d) for d in dependents),
        tolerated=tuple(tolerated),
        last=tuple(i for i, d in enumerate(dependents) if not d),
        when=tuple(_formula(node.when, index, limits) for node in nodes),
        inputs=tuple(_formula(node.input, index, limits) for node in nodes),
        composed=tuple(
            node.input is not None or len(node.edges) > 1 or i in loops
            for i, node in enumerate(nodes)
        ),
        until={
            i: formula
            for i, n in loops.items()
            if (formula := _formula(n.until, index, limits)) is not None
        },
        initial_states={i: _constant(n.initial_state) for i, n in loops.items()},
        output=_formula(program.output, index, limits),
    )


def _constant(expression: Expr | None) -> Any:
    return expression.value if isinstance(expression, Literal) else None


def _formula(expression: Expr | None, index: dict[str, int], limits: Limits) -> Formula | None:
    if expression is None:
        return None
    reads = sorted({index[name] for name, _ in references(expression)})
    names = [node.name for node in walk(expression) if isinstance(node, Ident)]
    grows = len(names) > PARTS_MAX or any(isinstance(n, Comprehension) for n in walk(expression))
    evaluate = compile_expression(expression, limits=limits)
    return Formula(evaluate, tuple(reads), "run" in names, grows)
