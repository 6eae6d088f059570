"""What a step inherits: its own word, else that of `defaults`, else the language's."""

from dataclasses import dataclass
from typing import Any

from dagnats.ir.program import Retry
from dagnats.lang.ast import Defaults, StepCommon, Workflow
from dagnats.lang.ast import Retry as WrittenRetry

TIMEOUT_MS = 5 * 60_000
QUEUE_TIMEOUT_MS = 24 * 3_600_000
RUN_TIMEOUT_MS = 30 * 24 * 3_600_000
MAX_DELIVERIES = 5
"""Workers that may vanish with one attempt before it has failed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What governs the attempts of one step."""

    timeout_ms: int
    queue_timeout_ms: int
    retry: Retry
    max_deliveries: int = MAX_DELIVERIES

    @property
    def attempts(self) -> int:
        """Return how many attempts it allows."""
        return self.retry.max_retries + 1


def policy(step: StepCommon, defaults: Defaults) -> Policy:
    """Return what governs a step; a retry policy is inherited key by key."""
    return Policy(
        timeout_ms=step.timeout_ms or defaults.timeout_ms or TIMEOUT_MS,
        queue_timeout_ms=step.queue_timeout_ms or defaults.queue_timeout_ms or QUEUE_TIMEOUT_MS,
        retry=_retry(step.retry, defaults.retry),
    )


def run_timeout_ms(workflow: Workflow) -> int:
    """Return how long a run may take."""
    return workflow.timeout_ms or RUN_TIMEOUT_MS


def _retry(own: WrittenRetry | None, inherited: WrittenRetry | None) -> Retry:
    base = Retry()

    def first(key: str) -> Any:
        for written in (own, inherited):
            if written is not None and (value := getattr(written, key)) is not None:
                return value
        return getattr(base, key)

    return Retry(
        max_retries=first("max_retries"),
        strategy=first("strategy"),
        initial_delay_ms=first("initial_delay_ms"),
        max_delay_ms=first("max_delay_ms"),
        multiplier=first("multiplier"),
    )
