"""Times and numbers that contradict each other: what they ask for never comes, or always does.

timeout: 1m, heartbeat_timeout: 5m      →  DN7002 no worker is ever missed
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from dagnats.compiler.ground import Ground
from dagnats.compiler.resolved import Policies, works
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Source, Span
from dagnats.ir.costs import RETRY_DELAY_MS_MAX
from dagnats.ir.program import CodeRetry, Retry
from dagnats.lang import tree
from dagnats.lang.tree import Block, Step, Workflow
from dagnats.timespec import format_duration

POLICIES_CACHED_MAX: Final = 1_024
_DELAY_MIN_MS: Final = 1


def check_liveness(ground: Ground, sink: Sink) -> None:
    """Report DN7002 to DN7011 but DN7005, and DN6004, for what contradicts itself."""
    checker = _Checker(ground, sink)
    checker.document(ground.workflow)
    for step in ground.outline.steps:
        checker.step(step)


class _Checker:
    def __init__(self, ground: Ground, sink: Sink) -> None:
        self._policies: Policies = ground.policies
        self._workflow = ground.workflow
        self._sink = sink
        self._told: set[tuple[str, Span, str | None]] = set()

    def _warn(
        self,
        code: str,
        span: Span,
        message: str,
        help_: str,
        *labels: Label,
        file: Source | None = None,
    ) -> None:
        """Report a warning, once at each place: what is inherited has one."""
        place = code, span, file and file.name
        if place not in self._told:
            self._told.add(place)
            warning = Severity.WARNING
            self._sink.add(Diagnostic(code, message, span, warning, labels, help_, file=file))

    def _written(self, step: Step, key: str) -> Block | None:
        """Return the step, or the `defaults`, which may be imported, that has a key."""
        blocks = (step, self._workflow.defaults)
        return next((block for block in blocks if block is not None and key in block.keys), None)

    def _origin(self, step: Step, key: str) -> tuple[Span, Source | None]:
        """Return where a key is written that holds for a step, or where the step is."""
        block = self._written(step, key)
        return (step.place("id"), None) if block is None else (block.place(key), block.file)

    def document(self, workflow: Workflow) -> None:
        defaults = workflow.defaults
        if workflow.sticky and defaults is not None and defaults.worker_group is not None:
            message = "`defaults` name a group of workers, and `sticky` is for one worker"
            span, help_ = defaults.key_place("worker_group"), "remove one of them"
            self._sink.add(Diagnostic("DN2019", message, span, help=help_, file=defaults.file))
        if (priority := workflow.priority) is not None:
            other = priority.default_offset or 0
            if all(offset == other for offset in priority.rules.values()):
                message = "every value of `key` gives the same priority"
                help_ = "give the `rules` different seconds, or remove `priority`"
                self._warn("DN7011", workflow.key_place("priority"), message, help_)

    def step(self, step: Step) -> None:
        if works(step):
            self._work(step)
        self._against_run(step)
        match step.config:
            case tree.Approval() as approval:
                self._approval(step, approval)
            case tree.Map() as each:
                self._map(step, each)
            case tree.AgentLoop(budget=budget) if budget is not None:
                self._budget(step, budget)
            case _:
                pass

    def _work(self, step: Step) -> None:
        work = self._policies.work(step)
        beat, limit = work.heartbeat_timeout_ms, work.timeout_ms
        if beat is not None and beat >= limit:
            span, file = self._origin(step, "heartbeat_timeout")
            message = (
                f"a worker may be silent for {format_duration(beat)}, and an attempt ends after "
                f"{format_duration(limit)}"
            )
            help_ = "make `heartbeat_timeout` shorter than `timeout`: a third of it is a good start"
            self._warn("DN7002", span, message, help_, file=file)
        self._retries(step, work.retry)
        match step.config:
            case tree.AgentLoop(max_duration=longest) as loop if longest is not None:
                written = self._written(step, "timeout")
                if written is not None and longest < limit:
                    message = (
                        f"one attempt may take {format_duration(limit)}, longer than all "
                        f"iterations together ({format_duration(longest)})"
                    )
                    help_ = "make `timeout` shorter, or `max_duration` longer"
                    label = Label(written.place("timeout"), "one attempt", written.file)
                    self._warn("DN7006", loop.place("max_duration"), message, help_, label)
            case _:
                pass

    def _retries(self, step: Step, retry: Retry) -> None:
        limit = self._policies.run_timeout_ms
        longest = max([span_ms(retry), *[span_ms(own) for _, own in retry.by_code]])
        if longest < limit:
            return
        span, file = self._origin(step, "retry")
        message = (
            f"the delays between the retries add up to {format_duration(longest)}, and the run "
            f"ends after {format_duration(limit)}"
        )
        help_ = "retry less often or sooner, or give the workflow a longer `timeout`"
        self._warn("DN7004", span, message, help_, file=file)

    def _against_run(self, step: Step) -> None:
        """Report DN7003 for limits that the run's own one comes before."""
        limit = self._policies.run_timeout_ms
        for block, key, value in _limits(step, self._workflow):
            if value > limit:
                message = (
                    f"`{key}` is {format_duration(value)}, and the run ends after "
                    f"{format_duration(limit)}"
                )
                help_ = f"write a shorter `{key}`, or give the workflow a longer `timeout`"
                labels: tuple[Label, ...] = ()
                # A label of a finding about an imported file is about that file.
                if self._workflow.timeout is not None and block.file is None:
                    labels = (Label(self._workflow.place("timeout"), "the run ends"),)
                self._warn("DN7003", block.place(key), message, help_, *labels, file=block.file)

    def _approval(self, step: Step, approval: tree.Approval) -> None:
        quorum, count = approval.quorum or 1, len(approval.approvers)
        if count and quorum > count:
            message = f"{quorum} must approve, and {count} may"
            help_ = "list more `approvers`, or lower `quorum`"
            self._warn("DN7007", approval.place("quorum"), message, help_)
        if approval.on_timeout == "escalate" and "escalation" not in approval.keys:
            message = f"the approval `{step.id}` escalates, and nobody is there to escalate to"
            help_ = "add `escalation: {approvers: [managers], timeout: 8h}` to its `config`"
            span = approval.place("on_timeout")
            self._sink.add(Diagnostic("DN7008", message, span, help=help_))
        wait, every = self._policies.wait_ms(step), approval.remind_every
        if wait is not None and every is not None and every >= wait:
            message = (
                f"the first reminder comes after {format_duration(every)}, when the decision is "
                f"due after {format_duration(wait)}"
            )
            help_ = "make `remind_every` shorter than the `timeout`"
            self._warn("DN7010", approval.place("remind_every"), message, help_)

    def _map(self, step: Step, each: tree.Map) -> None:
        count, tolerance = self._policies.bound(step), each.tolerance
        if count is not None and isinstance(tolerance, int) and tolerance >= count:
            message = f"{tolerance} items may fail, and there are {count} at the most"
            help_ = "lower `tolerance`, or write it in percent: `10%`"
            self._warn("DN7009", each.place("tolerance"), message, help_)

    def _budget(self, step: Step, own: tree.Budget) -> None:
        whole = self._workflow.budget
        for key in ("tokens", "usd", "tool_calls"):
            inner, outer = getattr(own, key), whole and getattr(whole, key)
            if inner is not None and outer is not None and inner > outer:
                message = f"`{step.id}` may spend more `{key}` than the whole run: {inner:,}"
                help_ = f"the run's budget is {outer:,}: lower this one, or raise that one"
                label = Label(whole.place(key), "the whole run") if whole else None
                self._warn("DN6004", own.place(key), message, help_, *([label] if label else []))


def _limits(step: Step, workflow: Workflow) -> Iterator[tuple[Block, str, int]]:
    """Yield the limits of a step that are written: the block and key, and how long."""
    config, defaults = step.config, workflow.defaults
    waits = isinstance(config, tree.Approval | tree.WaitForEvent)
    blocks: list[tuple[Block | None, str, int | None]] = []
    if isinstance(config, tree.Approval | tree.WaitForEvent):
        blocks.append((config, "timeout", config.timeout))
    if waits or works(step) or isinstance(config, tree.SubWorkflow):
        blocks.append((step, "timeout", step.timeout))
    if isinstance(config, tree.AgentLoop | tree.Loop):
        blocks.append((config, "max_duration", config.max_duration))
    if defaults is not None:
        key = "wait_timeout" if waits else "timeout"
        if waits or works(step):
            blocks.append((defaults, key, getattr(defaults, key)))
    seen: set[str] = set()
    for block, key, value in blocks:
        # The nearest one holds.
        name = "timeout" if key == "wait_timeout" else key
        if block is not None and value is not None and name not in seen:
            seen.add(name)
            yield block, key, value


@lru_cache(maxsize=POLICIES_CACHED_MAX)
def span_ms(policy: CodeRetry) -> int:
    """Return how long all delays of a policy take together, at the least."""
    count, cap = policy.max_retries, min(policy.max_delay_ms, RETRY_DELAY_MS_MAX)
    first = max(_DELAY_MIN_MS, min(policy.initial_delay_ms, cap))
    if policy.strategy == "listed":
        delays = [max(_DELAY_MIN_MS, min(delay, cap)) for delay in policy.delays_ms]
        found = sum(delays[:count]) + max(0, count - len(delays)) * delays[-1]
    elif policy.strategy == "linear":
        growing = min(count, cap // first)
        found = first * growing * (growing + 1) // 2 + (count - growing) * cap
    elif policy.strategy == "exponential":
        found = _grown(first, policy.multiplier, count, cap)
    else:
        found = count * first
    return int(found * (1 - policy.jitter))


def _grown(first: int, multiplier: float, count: int, cap: int) -> int:
    """Return the sum of delays that grow by a factor until they reach the cap."""
    if multiplier <= 1:
        # The machine does not multiply again what does not grow.
        return first + (count - 1) * max(_DELAY_MIN_MS, int(first * multiplier)) if count else 0
    growing = min(count, math.ceil(math.log(cap / first) / math.log(multiplier)))
    grown = first * (multiplier**growing - 1) / (multiplier - 1)
    return int(grown) + (count - growing) * cap
