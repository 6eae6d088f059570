"""Workflow to program: policies resolved, names turned into indexes, text forgotten.

depends_on: [a]      →  edges: [{source: 0, accepts: [completed]}]
"""

from dataclasses import replace

from dagnats.compiler.graph import Graph
from dagnats.compiler.policies import policy, run_timeout_ms
from dagnats.expr.ast import Call, Comprehension, Expr, ListOf, Literal, MapOf, Select
from dagnats.ir.program import AgentLoopNode, Certificate, Edge, Node, Program, TaskNode
from dagnats.ir.verify import OUTCOMES
from dagnats.lang.ast import AgentLoopStep, Defaults, Embedded, Step, Workflow


def lower(workflow: Workflow, graph: Graph, certificate: Certificate) -> Program:
    """Return the program of a workflow in which no pass has found an error."""
    nodes = tuple(
        _node(
            step, tuple(Edge(e.source, _outcomes(e.accepts)) for e in incoming), workflow.defaults
        )
        for step, incoming in zip(workflow.steps, graph.edges, strict=True)
    )
    return Program(
        name=workflow.name,
        nodes=nodes,
        certificate=certificate,
        timeout_ms=run_timeout_ms(workflow),
        label=workflow.label,
        description=workflow.description,
        input_schema=workflow.input_schema,
        output=_expr(workflow.output),
        source_map={
            step.common.id: (step.common.id_span.start.line, step.common.id_span.start.column)
            for step in workflow.steps
        },
    )


def _outcomes(accepted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(outcome for outcome in OUTCOMES if outcome in accepted)


def _node(step: Step, edges: tuple[Edge, ...], defaults: Defaults) -> Node:
    governing = policy(step.common, defaults)
    node = TaskNode(
        id=step.common.id,
        task=step.task,
        timeout_ms=governing.timeout_ms,
        queue_timeout_ms=governing.queue_timeout_ms,
        edges=edges,
        when=_expr(step.common.when),
        input=_expr(step.common.with_),
        retry=governing.retry,
        max_deliveries=governing.max_deliveries,
    )
    if not isinstance(step, AgentLoopStep):
        return node
    assert step.max_iterations is not None, "bounds has refused it"
    return AgentLoopNode(
        id=node.id,
        task=node.task,
        timeout_ms=node.timeout_ms,
        queue_timeout_ms=node.queue_timeout_ms,
        max_iterations=step.max_iterations,
        edges=edges,
        when=node.when,
        input=node.input,
        retry=node.retry,
        max_deliveries=node.max_deliveries,
        until=_expr(step.until),
        initial_state=step.initial_state,
        on_exhausted=step.on_exhausted,
        max_duration_ms=step.max_duration_ms,
    )


def _expr(embedded: Embedded | None) -> Expr | None:
    return None if embedded is None else canonical(embedded.expr)


def canonical(expr: Expr) -> Expr:
    """Return the tree with the entries of maps sorted by their keys, where these are constant.

    The order of keys means nothing in JSON, so it must not reach the digest.
    """
    match expr:
        case MapOf(entries=entries, optional=optional):
            parts = [(canonical(key), canonical(value)) for key, value in entries]
            order = _by_key(parts)
            return replace(
                expr,
                entries=tuple(parts[n] for n in order),
                optional=tuple(at for at, n in enumerate(order) if n in optional),
            )
        case ListOf(items=items):
            return replace(expr, items=tuple(map(canonical, items)))
        case Call(target=target, args=args):
            owner = None if target is None else canonical(target)
            return replace(expr, target=owner, args=tuple(map(canonical, args)))
        case Select(operand=operand):
            return replace(expr, operand=canonical(operand))
        case Comprehension(over=over, body=body, guard=guard):
            kept = None if guard is None else canonical(guard)
            return replace(expr, over=canonical(over), body=canonical(body), guard=kept)
        case _:
            return expr


def _by_key(entries: list[tuple[Expr, Expr]]) -> list[int]:
    keys = [key.value for key, _ in entries if isinstance(key, Literal)]
    if len(keys) < len(entries) or not all(isinstance(key, str) for key in keys):
        return list(range(len(entries)))
    return sorted(range(len(entries)), key=lambda n: str(keys[n]))
