"""Serialised forms of what stands around nodes: policies, admission, triggers, the certificate.

A key without a default is always written. UNSET, `[]`, `{}` and False are left out.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from dagnats.ir.expressions import ExprForm

Schema = dict[str, Any] | bool
"""A JSON Schema."""


class Form(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Whatever has keys."""


class CodeRetryForm(Form, kw_only=True):
    """A retry policy of one error code."""

    max_retries: int
    strategy: str
    initial_delay_ms: int
    max_delay_ms: int
    multiplier: float
    delays_ms: list[int] = field(default_factory=list)
    jitter: float


class RetryForm(CodeRetryForm, kw_only=True):
    """A retry policy."""

    non_retryable: list[str] = field(default_factory=list)
    by_code: dict[str, CodeRetryForm] = field(default_factory=dict)


class RateLimitForm(Form, kw_only=True):
    """Units in a period."""

    limit: int
    period_ms: int
    key: ExprForm | UnsetType = UNSET
    units: int


class BudgetForm(Form, kw_only=True):
    """What may be spent."""

    tokens: int | UnsetType = UNSET
    usd: float | UnsetType = UNSET
    tool_calls: int | UnsetType = UNSET


class ConcurrencyForm(Form, kw_only=True):
    """Runs and steps at once."""

    max_runs: int | UnsetType = UNSET
    key: ExprForm | UnsetType = UNSET
    max_steps: int | UnsetType = UNSET


class SingletonForm(Form, kw_only=True):
    """One run at a time."""

    mode: str
    key: ExprForm | UnsetType = UNSET


class PriorityForm(Form, kw_only=True):
    """Which runs go first."""

    key: ExprForm
    rules_ms: dict[str, int]
    default_ms: int


class CancelOnForm(Form, kw_only=True):
    """An event that cancels."""

    event: str
    match: ExprForm | UnsetType = UNSET
    timeout_ms: int | UnsetType = UNSET


class AdmissionForm(Form, kw_only=True):
    """What is decided about a run as a whole."""

    concurrency: ConcurrencyForm | UnsetType = UNSET
    singleton: SingletonForm | UnsetType = UNSET
    priority: PriorityForm | UnsetType = UNSET
    idempotency_key: ExprForm | UnsetType = UNSET
    sticky: str | UnsetType = UNSET
    cancel_on: list[CancelOnForm] = field(default_factory=list)
    budget: BudgetForm | UnsetType = UNSET


class TriggerForm(Form, kw_only=True):
    """What starts runs."""

    id: str
    kind: str
    config: dict[str, Any]
    enabled: bool
    match: ExprForm | UnsetType = UNSET
    input: ExprForm | UnsetType = UNSET
    debounce_ms: int | UnsetType = UNSET
    debounce_timeout_ms: int | UnsetType = UNSET
    debounce_key: ExprForm | UnsetType = UNSET


class ValueLimitsForm(Form, kw_only=True):
    """How large values may be."""

    list_items_max: int
    string_chars_max: int


class BoundForm(Form, kw_only=True):
    """One worst case; `max` is null when there is no bound."""

    max: int | None
    symbolic: str
    dominant_step: str | UnsetType = UNSET


class CertificateForm(Form, kw_only=True):
    """The proven worst case of a run."""

    attempts: BoundForm
    events: BoundForm
    bytes: BoundForm
    concurrent_steps: BoundForm
    timers: BoundForm
    duration_ms: BoundForm
    expression_cost: BoundForm
    tokens: BoundForm
    usd: BoundForm
