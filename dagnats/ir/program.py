"""The program: what the compiler accepts and the machine runs. Frozen data, no behaviour.

Nodes stand in a flat table in document order and refer to each other by index. Every policy is
resolved, every expression checked, every bound proven. Durations are integer milliseconds.
Only `ir.codec` knows the serialised form; `ir.verify` restates what must hold of a Program.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagnats.expr.ast import Expr

IR_VERSION = 1


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how fast a failed attempt is repeated: fixed, linear or exponential."""

    max_retries: int = 0
    strategy: str = "fixed"
    initial_delay_ms: int = 1_000
    max_delay_ms: int = 3_600_000
    multiplier: float = 2.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency on the node at index `source`, satisfied by the outcomes in `accepts`."""

    source: int
    accepts: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class TaskNode:
    """A task done by a worker.

    `input` None means Go's rule: the run's input, the output of the one dependency, or all by id.
    """

    id: str
    task: str
    timeout_ms: int
    queue_timeout_ms: int
    edges: tuple[Edge, ...] = ()
    when: Expr | None = None
    input: Expr | None = None
    retry: Retry = Retry()
    max_deliveries: int = 5


@dataclass(frozen=True, slots=True)
class AgentLoopNode:
    """A task repeated until `until` holds; without it, until the worker does not continue."""

    id: str
    task: str
    timeout_ms: int
    queue_timeout_ms: int
    max_iterations: int
    edges: tuple[Edge, ...] = ()
    when: Expr | None = None
    input: Expr | None = None
    retry: Retry = Retry()
    max_deliveries: int = 5
    until: Expr | None = None
    initial_state: Any = None
    on_exhausted: str = "fail"
    max_duration_ms: int | None = None


Node = TaskNode | AgentLoopNode


@dataclass(frozen=True, slots=True)
class Bound:
    """One worst case: the number, the polynomial behind it, and the step that dominates it."""

    max: int | None
    symbolic: str
    dominant_step: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """The proven worst case of a run (design: bounds)."""

    attempts: Bound
    events: Bound
    bytes: Bound
    concurrent_steps: Bound
    timers: Bound
    duration_ms: Bound
    expression_cost: Bound
    tokens: Bound
    usd: Bound


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled workflow.

    `source_map` maps a node id to (line, column) and is no part of the digest.
    """

    name: str
    nodes: tuple[Node, ...]
    certificate: Certificate
    timeout_ms: int
    label: str | None = None
    description: str | None = None
    input_schema: Any = None
    output: Expr | None = None
    source_map: Mapping[str, tuple[int, int]] | None = None
    version: int = IR_VERSION
