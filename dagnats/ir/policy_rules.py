"""What must hold of policies, of admission and of triggers."""

from collections.abc import Iterator
from typing import Any, Final

from dagnats.expr.ast import Expr
from dagnats.ir.program import (
    Admission,
    Budget,
    CodeRetry,
    Program,
    RateLimit,
    Retry,
    Trigger,
)
from dagnats.ir.rules import (
    ID,
    ID_CHARS,
    REPEATS_MAX,
    STRATEGIES,
    finite,
    is_text,
    maybe_text,
    maybe_within,
    named,
    not_json,
    one_of,
    shown,
    texts,
    within,
)
from dagnats.timespec import DURATION_MS_MAX

CONFIGS: Final = {
    "cron": (
        ("expression", "timezone", "backfill", "backfill_max", "overlap"),
        ("jitter_ms",),
    ),
    "subject": (("subject",), ()),
    "event": (("event",), ()),
    "webhook": (("path",), ("secret", "secret_value")),
    "http": (
        ("path", "method"),
        (
            *("timeout_ms", "max_body_bytes", "secret", "secret_value", "idempotency_header"),
            "authentication",
        ),
    ),
    "external": (("kind",), ("config",)),
    "run_terminal": (("workflow", "statuses"), ()),
}
"""By the kind of a trigger: the keys that its `config` must have, and those that it may have."""

DELAYS_MAX = 100
NUMBER_MAX = 10**15
OFFSET_MS_MAX = 600_000


def retry(policy: Retry) -> Iterator[str]:
    """Tell what is wrong with a retry policy."""
    yield from _code_retry("", policy)
    yield from texts("non_retryable", policy.non_retryable)
    codes = [code for code, _ in policy.by_code]
    if codes != sorted(set(codes)) or not all(map(is_text, codes)):
        yield "`by_code` is not in the order of its codes, each once"
    for code, own in policy.by_code:
        yield from _code_retry(f"by_code.{ascii(code)[1:-1]}.", own)


def _code_retry(before: str, policy: CodeRetry) -> Iterator[str]:
    yield from within(f"{before}max_retries", policy.max_retries, 0, REPEATS_MAX)
    yield from one_of(f"{before}strategy", policy.strategy, STRATEGIES)
    first, longest = policy.initial_delay_ms, policy.max_delay_ms
    yield from within(f"{before}initial_delay_ms", first, 0, DURATION_MS_MAX)
    yield from within(f"{before}max_delay_ms", longest, 0, DURATION_MS_MAX)
    yield from finite(f"{before}multiplier", policy.multiplier)
    yield from finite(f"{before}jitter", policy.jitter, 1)
    if bool(policy.delays_ms) != (policy.strategy == "listed"):
        yield f"`{before}delays_ms` goes with the strategy `listed`, and that with it"
    yield from within(f"{before}delays_ms", len(policy.delays_ms), 0, DELAYS_MAX)
    for delay in policy.delays_ms:
        yield from within(f"{before}delays_ms", delay, 0, DURATION_MS_MAX)


def rate_limit(key: str, limit: RateLimit | None, *, keyed: bool) -> Iterator[str]:
    """Tell what is wrong with a rate limit."""
    if limit is None:
        return
    yield from within(f"{key}.limit", limit.limit, 1, NUMBER_MAX)
    yield from within(f"{key}.period_ms", limit.period_ms, 1, DURATION_MS_MAX)
    yield from within(f"{key}.units", limit.units, 1, NUMBER_MAX)
    if (limit.key is not None) != keyed:
        yield f"`{key}` has no `key`" if keyed else f"`{key}` has a `key`: see `keyed_rate_limit`"


def budget(limit: Budget | None) -> Iterator[str]:
    """Tell what is wrong with a budget."""
    if limit is None:
        return
    yield from maybe_within("budget.tokens", limit.tokens, 1, NUMBER_MAX)
    yield from maybe_within("budget.tool_calls", limit.tool_calls, 1, NUMBER_MAX)
    if limit.usd is not None:
        yield from finite("budget.usd", limit.usd)


def admission(part: Admission) -> Iterator[str]:
    """Tell what is wrong with what is decided about a run as a whole, expressions left aside."""
    if part.concurrency is not None:
        runs, steps = part.concurrency.max_runs, part.concurrency.max_steps
        yield from maybe_within("concurrency.max_runs", runs, 1, NUMBER_MAX)
        yield from maybe_within("concurrency.max_steps", steps, 1, NUMBER_MAX)
    if part.singleton is not None:
        yield from one_of("singleton.mode", part.singleton.mode, ("skip", "cancel"))
    if part.priority is not None:
        values = [value for value, _ in part.priority.rules_ms]
        if values != sorted(set(values)) or not all(map(is_text, values)):
            yield "`priority.rules_ms` is not in the order of its values, each once"
        for offset in (*(ms for _, ms in part.priority.rules_ms), part.priority.default_ms):
            yield from within("priority", offset, -OFFSET_MS_MAX, OFFSET_MS_MAX)
    if part.sticky is not None:
        yield from one_of("sticky", part.sticky, ("soft", "hard"))
    for number, cancel in enumerate(part.cancel_on):
        yield from named(f"cancel_on[{number}].event", cancel.event)
        limit = cancel.timeout_ms
        yield from maybe_within(f"cancel_on[{number}].timeout_ms", limit, 1, DURATION_MS_MAX)
    yield from budget(part.budget)


def triggers(found: tuple[Trigger, ...]) -> Iterator[str]:
    """Tell what is wrong with triggers, expressions left aside."""
    seen: set[str] = set()
    for number, trigger in enumerate(found):
        for fault in _trigger(trigger):
            yield f"trigger {number} {shown(trigger.id)}: {fault}"
        if trigger.id in seen:
            yield f"trigger {number}: the id {shown(trigger.id)} stands twice"
        seen.add(trigger.id)


def _trigger(trigger: Trigger) -> Iterator[str]:
    if not ID.fullmatch(trigger.id):
        yield f"the id is {shown(trigger.id)}: {ID_CHARS}"
    wrong = not_json(dict(trigger.config))
    if wrong is not None:
        yield f"`config` {wrong}"
    yield from one_of("kind", trigger.kind, CONFIGS)
    must, may = CONFIGS.get(trigger.kind, ((), tuple(trigger.config)))
    for key in must:
        if key not in trigger.config:
            yield f"`config` has no `{key}`"
    for key in sorted(trigger.config.keys() - {*must, *may}):
        yield f"`config` has {shown(key)}, which `{trigger.kind}` does not know"
    if trigger.match is not None and trigger.kind != "event":
        yield "`match` goes with events only"
    yield from maybe_within("debounce_ms", trigger.debounce_ms, 1, DURATION_MS_MAX)
    limit = trigger.debounce_timeout_ms
    yield from maybe_within("debounce_timeout_ms", limit, 1, DURATION_MS_MAX)
    if trigger.debounce_ms is None and (limit is not None or trigger.debounce_key is not None):
        yield "`debounce_timeout_ms` and `debounce_key` go with `debounce_ms` only"


_INPUT, _BEFORE = frozenset({"input", "trigger"}), frozenset({"input", "run", "trigger"})
_WITH_VARS = _BEFORE | {"vars"}
_DURING = _WITH_VARS | {"steps", "event"}


def outer_spots(program: Program) -> Iterator[tuple[str, Expr, frozenset[str]]]:
    """Yield the expressions that belong to no node: where they stand, and the roots they see."""
    for name, value in program.variables:
        yield f"variables.{name}", value, _WITH_VARS
    for name, value in program.labels:
        yield f"labels.{name}", value, _WITH_VARS
    part = program.admission
    keys: list[tuple[str, Any]] = [
        ("concurrency.key", part.concurrency and part.concurrency.key),
        ("singleton.key", part.singleton and part.singleton.key),
        ("priority.key", part.priority and part.priority.key),
        ("idempotency_key", part.idempotency_key),
    ]
    for key, expr in keys:
        if expr is not None:
            yield key, expr, _INPUT
    for number, cancel in enumerate(part.cancel_on):
        if cancel.match is not None:
            yield f"cancel_on[{number}].match", cancel.match, _DURING
    for trigger in program.triggers:
        for key, expr, roots in (
            ("match", trigger.match, frozenset({"event", "trigger"})),
            ("input", trigger.input, frozenset({"trigger"})),
            ("debounce_key", trigger.debounce_key, frozenset({"trigger"})),
        ):
            if expr is not None:
                yield f"triggers.{trigger.id}.{key}", expr, roots


def named_values(program: Program) -> Iterator[str]:
    """Tell what is wrong with the names of variables, labels, secrets and tasks with schemas."""
    for what, pairs in (("variables", program.variables), ("labels", program.labels)):
        names = [name for name, _ in pairs]
        for name in names:
            yield from named(what, name, ID)
        if len(set(names)) < len(names):
            yield f"`{what}` has a name twice"
    yield from texts("secrets", program.secrets)
    for key, schemas in (
        ("task_inputs", program.task_inputs),
        ("task_outputs", program.task_outputs),
    ):
        tasks = [task for task, _ in schemas]
        if tasks != sorted(set(tasks)):
            yield f"`{key}` is not in the order of its tasks, each once"
        for task in tasks:
            yield from named(key, task)
    yield from maybe_text("label", program.label)
    yield from maybe_text("description", program.description)
