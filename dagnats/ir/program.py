"""The program: what the compiler accepts and the machine runs. Frozen data, no behaviour.

Nodes stand in one flat table in document order and refer to each other by index; those of a body
come right behind their container. Every policy is resolved, every expression checked, every bound
proven. Durations are integer milliseconds. Only `ir.codec` knows the serialised form; `ir.verify`
restates what must hold of a Program.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from dagnats.expr.ast import Expr
from dagnats.expr.limits import LIMITS

IR_VERSION = 2


class CodeRetry(Struct, frozen=True):
    """How often and how fast a failed attempt is repeated: fixed, linear, exponential or listed.

    `delays_ms` is there with the strategy `listed` and with no other.
    """

    max_retries: int = 0
    strategy: str = "fixed"
    initial_delay_ms: int = 1_000
    max_delay_ms: int = 3_600_000
    multiplier: float = 2.0
    delays_ms: tuple[int, ...] = ()
    jitter: float = 0.0


class Retry(CodeRetry, frozen=True):
    """A retry policy; `by_code` has other ones for particular error codes, sorted by code.

    All attempts of a step together are at most 1 + the greatest `max_retries` of them.
    """

    non_retryable: tuple[str, ...] = ()
    by_code: tuple[tuple[str, CodeRetry], ...] = ()


class RateLimit(Struct, frozen=True):
    """So many units in a period, for all runs or for each value of `key`."""

    limit: int
    period_ms: int
    key: Expr | None = None
    units: int = 1


class Edge(Struct, frozen=True):
    """A dependency on the node at index `source`, satisfied by the outcomes in `accepts`."""

    source: int
    accepts: tuple[str, ...] = ("completed",)


class NodeBase(Struct, frozen=True, kw_only=True):
    """What every node has.

    `within` is the index of the innermost body it belongs to, None at the top. `input` None means
    Go's rule: what the body is given (at the top, the run's input), the output of the one
    dependency, or all by id. `on_failure` and `compensate` are indexes of nodes that are reached in
    no other way, of the same body or one around it.
    """

    id: str
    within: int | None = None
    edges: tuple[Edge, ...] = ()
    join: str = "all_success"
    when: Expr | None = None
    input: Expr | None = None
    on_failure: int | None = None
    compensate: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class TaskNode(NodeBase, frozen=True, kw_only=True):
    """A task done by a worker; `agent` says that the author calls the worker one.

    `rate_limit` is for all runs together and has no key, `keyed_rate_limit` has one.
    """

    task: str
    timeout_ms: int
    queue_timeout_ms: int
    heartbeat_timeout_ms: int | None = None
    retry: Retry = Retry()
    max_deliveries: int = 5
    agent: bool = False
    worker_group: str | None = None
    rate_limit: RateLimit | None = None
    keyed_rate_limit: RateLimit | None = None
    max_task_concurrency: int | None = None
    required_capabilities: tuple[str, ...] = ()


class Budget(Struct, frozen=True):
    """What may be spent, as workers report it; None is no limit."""

    tokens: int | None = None
    usd: float | None = None
    tool_calls: int | None = None


class AgentLoopNode(TaskNode, frozen=True, kw_only=True):
    """A task repeated until `until` holds; without it, until the worker does not continue."""

    max_iterations: int
    until: Expr | None = None
    initial_state: Expr | None = None
    on_exhausted: str = "fail"
    max_duration_ms: int | None = None
    delay_ms: int = 0
    budget: Budget | None = None


class PlannerNode(TaskNode, frozen=True, kw_only=True):
    """A task whose result is steps, compiled when it is there."""

    max_steps: int
    max_depth: int | None = None
    allowed_tasks: tuple[str, ...] = ()
    allowed_types: tuple[str, ...] = ("normal",)
    max_replans: int = 0


class LoopNode(NodeBase, frozen=True, kw_only=True):
    """A body repeated; `until` is looked at after an iteration, `while_` before one.

    `result` says that `until` sees the body's outputs as `result` (a body of an agent loop).
    """

    body: int
    max_iterations: int
    until: Expr | None = None
    while_: Expr | None = None
    initial_state: Expr | None = None
    state: Expr | None = None
    output: Expr | None = None
    on_exhausted: str = "fail"
    max_duration_ms: int | None = None
    delay_ms: int = 0
    budget: Budget | None = None
    result: bool = False


class MapNode(NodeBase, frozen=True, kw_only=True):
    """A body for each item of a list; `over` None is the input of the node.

    `tolerance_percent` is set where the author wrote percents. `single` says that the body is one
    task whose output is the item's.
    """

    body: int
    max_items: int
    over: Expr | None = None
    max_concurrency: int | None = None
    tolerance: int = 0
    tolerance_percent: float | None = None
    output: Expr | None = None
    single: bool = False


class Case(Struct, frozen=True):
    """One way of a switch: constant `values` of `on`, or a condition."""

    body: int
    values: tuple[Any, ...] = ()
    when: Expr | None = None


class SwitchNode(NodeBase, frozen=True, kw_only=True):
    """The first case that matches; `default` None means that nothing is done."""

    cases: tuple[Case, ...]
    on: Expr | None = None
    default: int | None = None
    output: Expr | None = None


class ApprovalNode(NodeBase, frozen=True, kw_only=True):
    """A decision of people."""

    timeout_ms: int
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    on_timeout: str = "fail"
    on_reject: str = "fail"
    remind_every_ms: int | None = None
    escalation_approvers: tuple[str, ...] = ()
    escalation_timeout_ms: int | None = None
    form: Any = None
    description: Expr | None = None
    subject: str | None = None
    details: Expr | None = None


class WaitForEventNode(NodeBase, frozen=True, kw_only=True):
    """Waits for `count` events of a type that match."""

    event: str
    timeout_ms: int
    match: Expr | None = None
    on_timeout: str = "fail"
    count: int = 1
    look_back_ms: int | None = None


class SleepNode(NodeBase, frozen=True, kw_only=True):
    """Waits for a time, given by one of `duration`, `until` and `cron`, at most so long."""

    max_duration_ms: int
    duration: Expr | None = None
    until: Expr | None = None
    cron: str | None = None
    timezone: str = "UTC"


class SubWorkflowNode(NodeBase, frozen=True, kw_only=True):
    """Another workflow, run as a step."""

    workflow: str
    timeout_ms: int
    version: str | None = None
    detach: bool = False
    on_parent_close: str = "cancel"
    retry: Retry = Retry()


class TransformNode(NodeBase, frozen=True, kw_only=True):
    """A value that the engine works out."""

    value: Expr


class EmitNode(NodeBase, frozen=True, kw_only=True):
    """Publishes an event; `data` None is the input of the node."""

    event: str
    data: Expr | None = None


class RespondNode(NodeBase, frozen=True, kw_only=True):
    """Answers the HTTP request that started the run; `body` None is the input of the node."""

    status: int = 200
    headers: Expr | None = None
    body: Expr | None = None
    content_type: str = "application/json"


class ContinueAsNewNode(NodeBase, frozen=True, kw_only=True):
    """Ends this generation of the run and begins the next one."""

    next_input: Expr
    max_generations: int


class FailNode(NodeBase, frozen=True, kw_only=True):
    """Ends with an error."""

    code: str
    message: Expr | None = None
    details: Expr | None = None


Node = (
    TaskNode
    | AgentLoopNode
    | PlannerNode
    | LoopNode
    | MapNode
    | SwitchNode
    | ApprovalNode
    | WaitForEventNode
    | SleepNode
    | SubWorkflowNode
    | TransformNode
    | EmitNode
    | RespondNode
    | ContinueAsNewNode
    | FailNode
)


class Body(Struct, frozen=True):
    """Nodes that run as one: `count` of the table from `first` on, with those in bodies of theirs.

    `container` is the index of the node whose body it is; None for `finally`. Bodies stand in the
    order of their containers, those of one container as it names them, `finally` last.
    """

    container: int | None
    first: int
    count: int


class Concurrency(Struct, frozen=True):
    """How many runs, for each value of `key`, and steps of a run are active at once."""

    max_runs: int | None = None
    key: Expr | None = None
    max_steps: int | None = None


class Singleton(Struct, frozen=True):
    """At most one run, for each value of `key`; `mode` is `skip` or `cancel`."""

    mode: str
    key: Expr | None = None


class Priority(Struct, frozen=True):
    """Milliseconds by which a run counts as older, by the text of the value of `key`."""

    key: Expr
    rules_ms: tuple[tuple[str, int], ...]
    default_ms: int = 0


class CancelOn(Struct, frozen=True):
    """An event that cancels the run, while it is younger than `timeout_ms`."""

    event: str
    match: Expr | None = None
    timeout_ms: int | None = None


class Admission(Struct, frozen=True):
    """What is decided about a run as a whole, before and beside its steps."""

    concurrency: Concurrency | None = None
    singleton: Singleton | None = None
    priority: Priority | None = None
    idempotency_key: Expr | None = None
    sticky: str | None = None
    cancel_on: tuple[CancelOn, ...] = ()
    budget: Budget | None = None


class Trigger(Struct, frozen=True):
    """What starts runs; `config` is plain JSON with the keys that `docs/ir.md` gives for `kind`."""

    id: str
    kind: str
    config: Mapping[str, Any]
    enabled: bool = True
    match: Expr | None = None
    input: Expr | None = None
    debounce_ms: int | None = None
    debounce_timeout_ms: int | None = None
    debounce_key: Expr | None = None


class ValueLimits(Struct, frozen=True):
    """How large a value may be that expressions go through, where no type says so.

    As large as the largest that a schema of the document declares, and at least what is usual.
    """

    list_items_max: int = LIMITS.list_items_max
    string_chars_max: int = LIMITS.string_chars_max


class Bound(Struct, frozen=True):
    """One worst case: the number, the polynomial behind it, and the step that dominates it."""

    max: int | None
    symbolic: str
    dominant_step: str | None = None


class Certificate(Struct, frozen=True):
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


class Program(Struct, frozen=True):
    """A compiled workflow.

    `finally_body` is the index of the body that runs last. `variables` and `labels` are worked out
    once, in order. `task_inputs` and `task_outputs` have the declared schemas by task, sorted.
    `source_map` maps a node id to (line, column) and is no part of the digest.
    """

    name: str
    nodes: tuple[Node, ...]
    certificate: Certificate
    timeout_ms: int
    bodies: tuple[Body, ...] = ()
    finally_body: int | None = None
    label: str | None = None
    description: str | None = None
    input_schema: Any = None
    output: Expr | None = None
    output_schema: Any = None
    variables: tuple[tuple[str, Expr], ...] = ()
    labels: tuple[tuple[str, Expr], ...] = ()
    secrets: tuple[str, ...] = ()
    task_inputs: tuple[tuple[str, Any], ...] = ()
    task_outputs: tuple[tuple[str, Any], ...] = ()
    admission: Admission = Admission()
    triggers: tuple[Trigger, ...] = ()
    limits: ValueLimits = ValueLimits()
    source_map: Mapping[str, tuple[int, int]] | None = None
    version: int = IR_VERSION
