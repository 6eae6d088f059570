"""The certificate: what a run can cost at the worst, proven before it starts.

Theory. A run is a graph of steps without cycles; a step is a bounded number of attempts, times its
iterations if it is a loop. So attempts, events, bytes and the cost of expressions are sums over
steps; time is the longest path, cut by the run's timeout; and what is open at once is at most the
number of chains that the graph can be laid into. `ir.costs` says what a transition writes, and the
machine asserts its counters against these numbers, so that proof and count cannot drift apart.

    a: {task: t, retry: {max_retries: 3}}     →  attempts ≤ 4, events ≤ 47
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dagnats.compiler.graph import Graph
from dagnats.compiler.policies import Policy, policy, run_timeout_ms
from dagnats.diagnostics.diagnostic import Diagnostic, Sink
from dagnats.expr.ast import Call, Comprehension, Expr, Ident, walk
from dagnats.expr.evaluate import COST_MAX
from dagnats.expr.functions import FUNCTIONS, NAMESPACES
from dagnats.ir.costs import (
    EVENT_ENVELOPE_BYTES_MAX,
    EVENTS_PER_RUN,
    PAYLOAD_BYTES_MAX,
    RETRY_DELAY_MS_MAX,
    RUN_EVENTS_MAX,
    STEPS_MAX,
    events_per_attempt,
)
from dagnats.ir.program import Bound, Certificate
from dagnats.lang.ast import AgentLoopStep, Embedded, Step, Workflow

TERMS_SHOWN_MAX = 6
"""Loops that a polynomial names; the others go into its constant."""

NOT_DECLARED = Bound(None, "not declared")


@dataclass(frozen=True, slots=True)
class _Load:
    """What one iteration of a step costs at the worst, and how many there are."""

    id: str
    iterations: int
    is_loop: bool
    attempts: int
    events: int
    bytes: int
    expression_cost: int
    once_cost: int
    duration_ms: int
    can_wait: bool


def bound(workflow: Workflow, graph: Graph, sink: Sink) -> Certificate | None:
    """Return the certificate; None, and DN6001 or DN6002, for what has no bound or a too high one.

    None without a finding where there is a cycle, which is reported elsewhere.
    """
    unbounded = [step for step in workflow.steps if _is_unbounded(step)]
    for step in unbounded:
        sink.add(_no_bound(step))
    if unbounded or graph.order is None:
        return None
    loads = [_load(step, policy(step.common, workflow.defaults)) for step in workflow.steps]
    certificate = _certificate(workflow, graph, loads)
    return certificate if _is_within(workflow, certificate, sink) else None


def _is_unbounded(step: Step) -> bool:
    return isinstance(step, AgentLoopStep) and step.max_iterations is None


def _no_bound(step: Step) -> Diagnostic:
    assert isinstance(step, AgentLoopStep)
    message = f"the loop `{step.common.id}` has no bound"
    help_ = "add `max_iterations: 10` to its `config`"
    return Diagnostic("DN6001", message, step.config_span, help=help_)


def _load(step: Step, governing: Policy) -> _Load:
    is_loop = isinstance(step, AgentLoopStep)
    iterations = (step.max_iterations or 1) if isinstance(step, AgentLoopStep) else 1
    attempts, deliveries = governing.attempts, governing.max_deliveries
    events = attempts * events_per_attempt(deliveries)
    until = step.until if isinstance(step, AgentLoopStep) else None
    return _Load(
        id=step.common.id,
        iterations=iterations,
        is_loop=is_loop,
        attempts=attempts,
        events=events,
        bytes=events * EVENT_ENVELOPE_BYTES_MAX + attempts * PAYLOAD_BYTES_MAX,
        expression_cost=_cost(step.common.with_) * attempts * deliveries + _cost(until),
        once_cost=_cost(step.common.when),
        duration_ms=_duration_ms(step, governing, iterations),
        can_wait=governing.retry.max_retries > 0,
    )


def _duration_ms(step: Step, governing: Policy, iterations: int) -> int:
    """Return how long a step takes when every worker vanishes or comes late, and all fails."""
    delivery = governing.queue_timeout_ms + governing.timeout_ms
    pause = min(governing.retry.max_delay_ms, RETRY_DELAY_MS_MAX)
    one = governing.attempts * governing.max_deliveries * delivery
    one += governing.retry.max_retries * max(pause, 1)
    whole = iterations * one
    if isinstance(step, AgentLoopStep) and step.max_duration_ms is not None:
        # The limit is looked at when an iteration ends.
        return min(whole, step.max_duration_ms + one)
    return whole


def _cost(embedded: Embedded | None) -> int:
    """Return the steps one evaluation may take: all nodes, or the run-time limit where it loops."""
    if embedded is None:
        return 0
    nodes = list(walk(embedded.expr))
    return COST_MAX if any(map(_goes_through, nodes)) else len(nodes)


def _goes_through(node: Expr) -> bool:
    """Whether the cost of a node depends on the size of a value."""
    if isinstance(node, Comprehension):
        return True
    if not isinstance(node, Call):
        return False
    name = node.function
    if isinstance(node.target, Ident) and node.target.name in NAMESPACES:
        name = f"{node.target.name}.{name}"
    function = FUNCTIONS.get(name)
    return function is not None and function.traverses


def _certificate(workflow: Workflow, graph: Graph, loads: Sequence[_Load]) -> Certificate:
    chains = _chains(graph)
    waiting = {chain for chain, load in zip(chains, loads, strict=True) if load.can_wait}
    fixed = 2 * PAYLOAD_BYTES_MAX + EVENTS_PER_RUN * EVENT_ENVELOPE_BYTES_MAX
    return Certificate(
        attempts=_sum(loads, lambda load: load.attempts),
        events=_sum(loads, lambda load: load.events, EVENTS_PER_RUN),
        bytes=_sum(loads, lambda load: load.bytes, fixed),
        concurrent_steps=_plain(len(set(chains))),
        timers=_plain(1 + len(waiting)),
        duration_ms=_longest(workflow, graph, loads),
        expression_cost=_sum(
            loads,
            lambda load: load.expression_cost,
            _cost(workflow.output) + sum(load.once_cost for load in loads),
        ),
        tokens=NOT_DECLARED,
        usd=NOT_DECLARED,
    )


def _plain(number: int) -> Bound:
    return Bound(number, str(number))


def _sum(loads: Sequence[_Load], part: Callable[[_Load], int], fixed: int = 0) -> Bound:
    """Return a sum over all steps, as a number and as a polynomial in the bounds of the loops."""
    shares = [load.iterations * part(load) for load in loads]
    loops = [n for n, load in enumerate(loads) if load.is_loop and shares[n]]
    named = sorted(sorted(loops, key=lambda n: -shares[n])[:TERMS_SHOWN_MAX])
    constant = fixed + sum(share for n, share in enumerate(shares) if n not in set(named))
    terms = [f"{part(loads[n])}·{loads[n].id}.max_iterations" for n in named]
    symbolic = " + ".join([str(constant), *terms] if constant or not terms else terms)
    dominant = max(range(len(loads)), key=lambda n: shares[n])
    return Bound(fixed + sum(shares), symbolic, loads[dominant].id if shares[dominant] else None)


def _chains(graph: Graph) -> list[int]:
    """Lay the steps into chains, greedily; steps that can run at once are in different ones.

    So the number of chains is at least the width of the graph; for fans it is the width.
    """
    assert graph.order is not None
    chain_of = [-1] * len(graph.edges)
    is_tail = [False] * len(graph.edges)
    chains = 0
    for number in graph.order:
        before = next((e.source for e in graph.edges[number] if is_tail[e.source]), None)
        if before is None:
            chain_of[number] = chains
            chains += 1
        else:
            chain_of[number] = chain_of[before]
            is_tail[before] = False
        is_tail[number] = True
    return chain_of


def _longest(workflow: Workflow, graph: Graph, loads: Sequence[_Load]) -> Bound:
    """Return the longest path, cut by the timeout of the run, while an engine is there."""
    assert graph.order is not None
    ends = [0] * len(loads)
    came_from: list[int | None] = [None] * len(loads)
    for number in graph.order:
        sources = [edge.source for edge in graph.edges[number]]
        latest = max(sources, key=lambda source: ends[source], default=None)
        came_from[number] = latest
        ends[number] = loads[number].duration_ms + (0 if latest is None else ends[latest])
    last = max(range(len(loads)), key=lambda n: ends[n])
    limit = run_timeout_ms(workflow)
    if ends[last] >= limit:
        return Bound(limit, "timeout")
    path = [last]
    while (before := came_from[path[-1]]) is not None:
        path.append(before)
    dominant = max(reversed(path), key=lambda n: loads[n].duration_ms)
    return Bound(ends[last], str(ends[last]), loads[dominant].id)


def _is_within(workflow: Workflow, certificate: Certificate, sink: Sink) -> bool:
    """Whether the engine can carry the certificate; otherwise DN6002 at what dominates it."""
    steps = len(workflow.steps)
    if steps > STEPS_MAX:
        message = f"the workflow has {steps:,} steps, more than {STEPS_MAX:,} (limit STEPS_MAX)"
        help_ = "split it into several workflows"
        sink.add(Diagnostic("DN6002", message, workflow.span, help=help_))
        return False
    events = certificate.events
    if events.max is not None and events.max > RUN_EVENTS_MAX:
        dominant = next(s.common for s in workflow.steps if s.common.id == events.dominant_step)
        message = (
            f"a run may write {events.max:,} events, more than {RUN_EVENTS_MAX:,} "
            f"(limit RUN_EVENTS_MAX): {events.symbolic}"
        )
        help_ = f"most come from `{dominant.id}`: lower its `max_iterations` or `max_retries`"
        sink.add(Diagnostic("DN6002", message, dominant.id_span, help=help_))
        return False
    return True
