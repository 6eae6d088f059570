"""A workflow as its author wrote it: typed nodes with spans, no judgement.

Durations are integer milliseconds. Expressions are parsed; `None` where the author wrote nothing
or where the text did not parse (the finding is already in the sink).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dagnats.diagnostics.diagnostic import Span
from dagnats.expr.ast import Expr


@dataclass(frozen=True, slots=True)
class Embedded:
    """An expression or template: its tree, where it stands, and where each node stands."""

    expr: Expr
    span: Span
    spans: Mapping[int, Span]


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of `depends_on`; `accepts` lists the outcomes that satisfy it."""

    step: str
    span: Span
    accepts: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy as written; None means: inherit."""

    span: Span
    max_retries: int | None = None
    strategy: str | None = None
    initial_delay_ms: int | None = None
    max_delay_ms: int | None = None
    multiplier: float | None = None


@dataclass(frozen=True, slots=True)
class TaskContract:
    """What a task takes and gives: JSON Schemas, or None where undeclared."""

    name: str
    span: Span
    input: Any = None
    output: Any = None
    idempotent: bool = False


@dataclass(frozen=True, slots=True)
class StepCommon:
    """What every step type has."""

    id: str
    id_span: Span
    span: Span
    depends_on: tuple[Dependency, ...] = ()
    when: Embedded | None = None
    with_: Embedded | None = None
    description: str | None = None
    timeout_ms: int | None = None
    queue_timeout_ms: int | None = None
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class TaskStep:
    """`type: normal`: one task, done by a worker."""

    common: StepCommon
    task: str
    task_span: Span


@dataclass(frozen=True, slots=True)
class AgentLoopStep:
    """`type: agent_loop`: a task repeated until it is done, bounded."""

    common: StepCommon
    task: str
    task_span: Span
    config_span: Span
    max_iterations: int | None = None
    until: Embedded | None = None
    initial_state: Any = None
    on_exhausted: str = "fail"
    max_duration_ms: int | None = None


Step = TaskStep | AgentLoopStep


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values that steps inherit."""

    timeout_ms: int | None = None
    queue_timeout_ms: int | None = None
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole document."""

    name: str
    span: Span
    steps: tuple[Step, ...]
    label: str | None = None
    description: str | None = None
    timeout_ms: int | None = None
    input_schema: Any = None
    tasks: Mapping[str, TaskContract] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    output: Embedded | None = None
