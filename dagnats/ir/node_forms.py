"""Serialised forms of nodes, bodies and the program; `kind` says which node it is.

A key without a default is always written. UNSET, `[]`, `{}` and False are left out.
"""

from typing import Any

from msgspec import UNSET, UnsetType, field

from dagnats.ir.expressions import ExprForm
from dagnats.ir.policy_forms import (
    AdmissionForm,
    BudgetForm,
    CertificateForm,
    Form,
    RateLimitForm,
    RetryForm,
    Schema,
    TriggerForm,
    ValueLimitsForm,
)


class EdgeForm(Form, kw_only=True):
    """A dependency."""

    source: int
    accepts: list[str]


class BaseForm(Form, kw_only=True):
    """What every node has."""

    id: str
    within: int | UnsetType = UNSET
    edges: list[EdgeForm]
    join: str
    when: ExprForm | UnsetType = UNSET
    input: ExprForm | UnsetType = UNSET
    on_failure: int | UnsetType = UNSET
    compensate: int | UnsetType = UNSET
    metadata: dict[str, Any] = field(default_factory=dict)


class WorkForm(BaseForm, kw_only=True):
    """What every node has whose task workers do."""

    task: str
    timeout_ms: int
    queue_timeout_ms: int
    heartbeat_timeout_ms: int | UnsetType = UNSET
    retry: RetryForm
    max_deliveries: int
    agent: bool = False
    worker_group: str | UnsetType = UNSET
    rate_limit: RateLimitForm | UnsetType = UNSET
    keyed_rate_limit: RateLimitForm | UnsetType = UNSET
    max_task_concurrency: int | UnsetType = UNSET
    required_capabilities: list[str] = field(default_factory=list)


class TaskForm(WorkForm, tag_field="kind", tag="task", kw_only=True):
    """A task."""


class AgentLoopForm(WorkForm, tag_field="kind", tag="agent_loop", kw_only=True):
    """A task repeated."""

    max_iterations: int
    until: ExprForm | UnsetType = UNSET
    initial_state: ExprForm | UnsetType = UNSET
    on_exhausted: str
    max_duration_ms: int | UnsetType = UNSET
    delay_ms: int
    budget: BudgetForm | UnsetType = UNSET


class PlannerForm(WorkForm, tag_field="kind", tag="planner", kw_only=True):
    """A task whose result is steps."""

    max_steps: int
    max_depth: int | UnsetType = UNSET
    allowed_tasks: list[str] = field(default_factory=list)
    allowed_types: list[str]
    max_replans: int


class LoopForm(BaseForm, tag_field="kind", tag="loop", kw_only=True):
    """A body repeated."""

    body: int
    max_iterations: int
    until: ExprForm | UnsetType = UNSET
    while_: ExprForm | UnsetType = field(default=UNSET, name="while")
    initial_state: ExprForm | UnsetType = UNSET
    state: ExprForm | UnsetType = UNSET
    output: ExprForm | UnsetType = UNSET
    on_exhausted: str
    max_duration_ms: int | UnsetType = UNSET
    delay_ms: int
    budget: BudgetForm | UnsetType = UNSET
    result: bool = False


class MapForm(BaseForm, tag_field="kind", tag="map", kw_only=True):
    """A body for each item."""

    body: int
    max_items: int
    over: ExprForm | UnsetType = UNSET
    max_concurrency: int | UnsetType = UNSET
    tolerance: int
    tolerance_percent: float | UnsetType = UNSET
    output: ExprForm | UnsetType = UNSET
    single: bool = False


class CaseForm(Form, kw_only=True):
    """One way of a switch."""

    body: int
    values: list[Any] = field(default_factory=list)
    when: ExprForm | UnsetType = UNSET


class SwitchForm(BaseForm, tag_field="kind", tag="switch", kw_only=True):
    """One of several bodies."""

    cases: list[CaseForm]
    on: ExprForm | UnsetType = UNSET
    default: int | UnsetType = UNSET
    output: ExprForm | UnsetType = UNSET


class ApprovalForm(BaseForm, tag_field="kind", tag="approval", kw_only=True):
    """A decision of people."""

    timeout_ms: int
    approvers: list[str] = field(default_factory=list)
    quorum: int
    on_timeout: str
    on_reject: str
    remind_every_ms: int | UnsetType = UNSET
    escalation_approvers: list[str] = field(default_factory=list)
    escalation_timeout_ms: int | UnsetType = UNSET
    form: Schema | UnsetType = UNSET
    description: ExprForm | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    details: ExprForm | UnsetType = UNSET


class WaitForEventForm(BaseForm, tag_field="kind", tag="wait_for_event", kw_only=True):
    """A wait for events."""

    event: str
    timeout_ms: int
    match: ExprForm | UnsetType = UNSET
    on_timeout: str
    count: int
    look_back_ms: int | UnsetType = UNSET


class SleepForm(BaseForm, tag_field="kind", tag="sleep", kw_only=True):
    """A wait for a time."""

    max_duration_ms: int
    duration: ExprForm | UnsetType = UNSET
    until: ExprForm | UnsetType = UNSET
    cron: str | UnsetType = UNSET
    timezone: str


class SubWorkflowForm(BaseForm, tag_field="kind", tag="sub_workflow", kw_only=True):
    """Another workflow."""

    workflow: str
    timeout_ms: int
    version: str | UnsetType = UNSET
    detach: bool = False
    on_parent_close: str
    retry: RetryForm


class TransformForm(BaseForm, tag_field="kind", tag="transform", kw_only=True):
    """A value."""

    value: ExprForm


class EmitForm(BaseForm, tag_field="kind", tag="emit", kw_only=True):
    """An event."""

    event: str
    data: ExprForm | UnsetType = UNSET


class RespondForm(BaseForm, tag_field="kind", tag="respond", kw_only=True):
    """An answer."""

    status: int
    headers: ExprForm | UnsetType = UNSET
    body: ExprForm | UnsetType = UNSET
    content_type: str


class ContinueAsNewForm(BaseForm, tag_field="kind", tag="continue_as_new", kw_only=True):
    """The next generation."""

    next_input: ExprForm
    max_generations: int


class FailForm(BaseForm, tag_field="kind", tag="fail", kw_only=True):
    """An error."""

    code: str
    message: ExprForm | UnsetType = UNSET
    details: ExprForm | UnsetType = UNSET


NodeForm = (
    TaskForm
    | AgentLoopForm
    | PlannerForm
    | LoopForm
    | MapForm
    | SwitchForm
    | ApprovalForm
    | WaitForEventForm
    | SleepForm
    | SubWorkflowForm
    | TransformForm
    | EmitForm
    | RespondForm
    | ContinueAsNewForm
    | FailForm
)


class BodyForm(Form, kw_only=True):
    """Nodes that run as one."""

    container: int | UnsetType = UNSET
    first: int
    count: int


class NamedForm(Form, kw_only=True):
    """An expression with a name."""

    name: str
    value: ExprForm


class ProgramForm(Form, kw_only=True):
    """A program."""

    dagnats_ir: int
    name: str
    label: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    timeout_ms: int
    input_schema: Schema | UnsetType = UNSET
    variables: list[NamedForm] = field(default_factory=list)
    labels: list[NamedForm] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    task_inputs: dict[str, Schema] = field(default_factory=dict)
    task_outputs: dict[str, Schema] = field(default_factory=dict)
    nodes: list[NodeForm]
    bodies: list[BodyForm] = field(default_factory=list)
    finally_body: int | UnsetType = UNSET
    output: ExprForm | UnsetType = UNSET
    output_schema: Schema | UnsetType = UNSET
    admission: AdmissionForm | UnsetType = UNSET
    triggers: list[TriggerForm] = field(default_factory=list)
    limits: ValueLimitsForm | UnsetType = UNSET
    certificate: CertificateForm
    source_map: dict[str, tuple[int, int]] | UnsetType = UNSET
