"""A workflow as its author wrote it: typed nodes with spans, no judgement.

One class for each block of `dagnats.lang.definitions`, one field for each key; a test holds them
together. Durations are integer milliseconds, expressions are parsed. A field is None (or empty)
where the author wrote nothing, or where what was written has no meaning: the finding is then in
the sink, and `keys` still shows that something was there.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Source, Span
from dagnats.expr.ast import Expr
from dagnats.source.document import Entry, Node


class Embedded(Struct, frozen=True):
    """An expression or template: its tree, where it stands, and where each node stands.

    `constants` are the parts of a template without expressions, by the number of their node.
    """

    expr: Expr
    span: Span
    spans: Mapping[int, Span]
    constants: Mapping[int, Node] = {}


class Block(Struct, frozen=True, kw_only=True):
    """Where a block stands, and the entries that it was read from, by key as it is spelt now.

    `file` is the imported file in which it stands, None for the document itself.
    """

    span: Span
    keys: Mapping[str, Entry]
    file: Source | None = None

    def place(self, key: str) -> Span:
        """Return where the value of a key stands; the block itself where it has no such key."""
        return self.keys[key].value.span if key in self.keys else self.span

    def key_place(self, key: str) -> Span:
        """Return where a key stands; the block itself where it has no such key."""
        return self.keys[key].key_span if key in self.keys else self.span


class Dependency(Block, frozen=True, kw_only=True):
    """One entry of `depends_on`; `allow` lists outcomes that satisfy it beside `completed`."""

    step: str
    allow: tuple[str, ...] = ()


class CodeRetry(Block, frozen=True, kw_only=True):
    """How failures with one code are retried; None means: inherit."""

    max_retries: int | None = None
    strategy: str | None = None
    initial_delay: int | None = None
    max_delay: int | None = None
    multiplier: float | None = None
    delays: tuple[int, ...] = ()
    jitter: float | None = None


class Retry(CodeRetry, frozen=True, kw_only=True):
    """A retry policy as written; None means: inherit."""

    non_retryable: tuple[str, ...] = ()
    by_code: Mapping[str, CodeRetry] = {}


class RateLimit(Block, frozen=True, kw_only=True):
    """So many attempts of a task in a period."""

    limit: int
    period: int


class KeyedRateLimit(Block, frozen=True, kw_only=True):
    """So many units in a period for each value of a key."""

    key: Embedded
    limit: int
    period: int
    units: int | None = None


class Budget(Block, frozen=True, kw_only=True):
    """What may be spent."""

    tokens: int | None = None
    usd: float | None = None
    tool_calls: int | None = None


class Concurrency(Block, frozen=True, kw_only=True):
    """How much may be active at once; 0 and None are no limit."""

    max_runs: int | None = None
    key: Embedded | None = None
    max_steps: int | None = None


class Singleton(Block, frozen=True, kw_only=True):
    """At most one run at a time."""

    mode: str
    key: Embedded | None = None


class Priority(Block, frozen=True, kw_only=True):
    """Seconds by which a run counts as older."""

    key: Embedded
    rules: Mapping[str, int]
    default_offset: int | None = None


class GoMatch(Block, frozen=True, kw_only=True):
    """A match as the Go dagnats writes it."""

    left: str
    op: str
    right: str


class CancelOn(Block, frozen=True, kw_only=True):
    """An event that cancels the run."""

    event: str
    match: Embedded | GoMatch | None = None
    timeout: int | None = None


class SkipIf(Block, frozen=True, kw_only=True):
    """A condition as the Go dagnats writes it."""

    step_id: str
    field: str
    op: str
    value: Any = None


class Contract(Block, frozen=True, kw_only=True):
    """What a task takes and gives: JSON Schemas, or None where undeclared."""

    description: str | None = None
    input: Any = None
    output: Any = None
    idempotent: bool | None = None


class AgentLoop(Block, frozen=True, kw_only=True):
    """`config` of an `agent_loop`."""

    max_iterations: int | None = None
    until: Embedded | None = None
    initial_state: Embedded | None = None
    max_duration: int | None = None
    delay: int | None = None
    budget: Budget | None = None
    on_exhausted: str | None = None
    steps: "tuple[Step, ...]" = ()
    budget_warn_at: int | None = None
    budget_force_at: int | None = None


class Loop(Block, frozen=True, kw_only=True):
    """`config` of a `loop`."""

    max_iterations: int | None = None
    until: Embedded | None = None
    while_: Embedded | None = None
    initial_state: Embedded | None = None
    state: Embedded | None = None
    output: Embedded | None = None
    max_duration: int | None = None
    delay: int | None = None
    on_exhausted: str | None = None
    steps: "tuple[Step, ...]"


class Map(Block, frozen=True, kw_only=True):
    """`config` of a `map`."""

    over: Embedded | None = None
    max_items: int | None = None
    max_concurrency: int | None = None
    tolerance: int | str | None = None
    steps: "tuple[Step, ...]" = ()
    output: Embedded | None = None


class Case(Block, frozen=True, kw_only=True):
    """One way of a switch."""

    steps: "tuple[Step, ...]"
    values: tuple[Embedded, ...] = ()
    when: Embedded | None = None


class Switch(Block, frozen=True, kw_only=True):
    """`config` of a `switch`; `default` None is no default."""

    cases: tuple[Case, ...]
    on: Embedded | None = None
    default: "tuple[Step, ...] | None" = None
    output: Embedded | None = None


class Planner(Block, frozen=True, kw_only=True):
    """`config` of a `planner`."""

    max_steps: int | None = None
    max_depth: int | None = None
    allowed_tasks: tuple[str, ...] = ()
    allowed_types: tuple[str, ...] = ()
    max_replans: int | None = None


class Escalation(Block, frozen=True, kw_only=True):
    """The second round of an approval."""

    approvers: tuple[str, ...]
    timeout: int


class Approval(Block, frozen=True, kw_only=True):
    """`config` of an `approval`."""

    timeout: int | None = None
    approvers: tuple[str, ...] = ()
    quorum: int | None = None
    on_timeout: str | None = None
    on_reject: str | None = None
    remind_every: int | None = None
    escalation: Escalation | None = None
    form: Any = None
    description: Embedded | None = None
    subject: str | None = None
    metadata: Mapping[str, Embedded] = {}


class WaitForEvent(Block, frozen=True, kw_only=True):
    """`config` of a `wait_for_event`."""

    event: str
    match: Embedded | GoMatch | None = None
    timeout: int | None = None
    on_timeout: str | None = None
    count: int | None = None
    look_back: int | None = None


class Sleep(Block, frozen=True, kw_only=True):
    """`config` of a `sleep`."""

    duration: Embedded | None = None
    until: Embedded | None = None
    cron: str | None = None
    timezone: str | None = None
    max_duration: int | None = None
    until_input_path: str | None = None


class SubWorkflow(Block, frozen=True, kw_only=True):
    """`config` of a `sub_workflow`."""

    workflow: str
    version: str | None = None
    detach: bool | None = None
    on_parent_close: str | None = None


class Transform(Block, frozen=True, kw_only=True):
    """`config` of a `transform`."""

    value: Embedded


class Emit(Block, frozen=True, kw_only=True):
    """`config` of an `emit`."""

    event: str
    data: Embedded | None = None


class Respond(Block, frozen=True, kw_only=True):
    """`config` of a `respond`."""

    status: int | None = None
    headers: Mapping[str, Embedded] = {}
    body: Embedded | None = None
    content_type: str | None = None
    body_from: str | None = None


class ContinueAsNew(Block, frozen=True, kw_only=True):
    """`config` of a `continue_as_new`."""

    input: Embedded
    max_generations: int | None = None


class Fail(Block, frozen=True, kw_only=True):
    """`config` of a `fail`."""

    code: str
    message: Embedded | None = None
    details: Embedded | None = None


Config = (
    AgentLoop
    | Loop
    | Map
    | Switch
    | Planner
    | Approval
    | WaitForEvent
    | Sleep
    | SubWorkflow
    | Transform
    | Emit
    | Respond
    | ContinueAsNew
    | Fail
)


class Step(Block, frozen=True, kw_only=True):
    """One step; `config` is None for types that have nothing to configure, or where it is wrong."""

    id: str
    type: str | None = None
    task: str | None = None
    description: str | None = None
    depends_on: tuple[Dependency, ...] = ()
    when: Embedded | None = None
    join: str | None = None
    with_: Embedded | None = None
    timeout: int | None = None
    queue_timeout: int | None = None
    heartbeat_timeout: int | None = None
    retry: Retry | None = None
    on_failure: str | None = None
    compensate: str | None = None
    worker_group: str | None = None
    rate_limit: RateLimit | None = None
    keyed_rate_limit: KeyedRateLimit | None = None
    max_task_concurrency: int | None = None
    required_capabilities: tuple[str, ...] = ()
    config: Config | None = None
    metadata: Mapping[str, Any] = {}
    skip_if: SkipIf | None = None
    retries: int | None = None
    singleton: bool | None = None


class Defaults(Block, frozen=True, kw_only=True):
    """Values that steps inherit."""

    timeout: int | None = None
    queue_timeout: int | None = None
    heartbeat_timeout: int | None = None
    wait_timeout: int | None = None
    retry: Retry | None = None
    max_iterations: int | None = None
    max_items: int | None = None
    max_steps: int | None = None
    max_generations: int | None = None
    worker_group: str | None = None


class CronTrigger(Block, frozen=True, kw_only=True):
    """Times at which runs start."""

    expression: str
    timezone: str | None = None
    backfill: bool | None = None
    backfill_max: int | None = None
    overlap: str | None = None
    jitter: int | None = None


class SubjectTrigger(Block, frozen=True, kw_only=True):
    """A NATS subject whose messages start runs."""

    subject: str


class EventTrigger(Block, frozen=True, kw_only=True):
    """An event that starts a run."""

    event: str
    match: Embedded | None = None


class WebhookTrigger(Block, frozen=True, kw_only=True):
    """A path that starts a run and answers at once."""

    path: str
    secret: str | None = None
    secret_value: str | None = None


class HttpTrigger(WebhookTrigger, frozen=True, kw_only=True):
    """An endpoint that starts a run and waits for its `respond`."""

    method: str | None = None
    timeout: int | None = None
    timeout_ms: int | None = None
    max_body_bytes: int | None = None
    idempotency_header: str | None = None
    authentication: Mapping[str, Any] = {}


class ExternalTrigger(Block, frozen=True, kw_only=True):
    """A trigger that a worker provides."""

    kind: str
    config: Any = None


class RunTerminalTrigger(Block, frozen=True, kw_only=True):
    """The end of a run of another workflow; no `statuses` are all of them."""

    workflow: str
    statuses: tuple[str, ...] = ()


class Debounce(Block, frozen=True, kw_only=True):
    """Many triggers in a short time become one run."""

    period: int
    timeout: int | None = None
    key: Embedded | None = None


class Trigger(Block, frozen=True, kw_only=True):
    """What starts runs by itself."""

    id: str
    description: str | None = None
    enabled: bool | None = None
    cron: CronTrigger | None = None
    subject: SubjectTrigger | None = None
    event: EventTrigger | None = None
    webhook: WebhookTrigger | None = None
    http: HttpTrigger | None = None
    external: ExternalTrigger | None = None
    run_terminal: RunTerminalTrigger | None = None
    input: Embedded | None = None
    debounce: Debounce | None = None
    workflow_id: str | None = None
    source: str | None = None


class Library(Block, frozen=True, kw_only=True):
    """Definitions for workflows to import."""

    schema_: str | None = None
    dagnats: int | None = None
    imports: tuple[str, ...] = ()
    tasks: Mapping[str, Contract] = {}
    events: Mapping[str, Any] = {}
    schemas: Mapping[str, Any] = {}
    defaults: Defaults | None = None


class Workflow(Library, frozen=True, kw_only=True):
    """A whole document."""

    name: str
    steps: tuple[Step, ...]
    version: str | None = None
    description: str | None = None
    timeout: int | None = None
    input: Any = None
    vars: Mapping[str, Embedded] = {}
    secrets: tuple[str, ...] = ()
    labels: Mapping[str, Embedded] = {}
    finally_: tuple[Step, ...] = ()
    output: Embedded | None = None
    output_schema: Any = None
    triggers: tuple[Trigger, ...] = ()
    concurrency: Concurrency | None = None
    singleton: Singleton | None = None
    idempotency_key: Embedded | None = None
    priority: Priority | None = None
    sticky: str | None = None
    cancel_on: tuple[CancelOn, ...] = ()
    budget: Budget | None = None
    default_retry: Retry | None = None
    aux_steps: Mapping[str, bool] = {}
