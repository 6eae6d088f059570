"""Attempts against their policy, and a run against its certificate."""

from dagnats.ir.costs import RETRY_DELAY_MS_MAX
from dagnats.ir.program import Certificate, Retry

DELAY_MIN_MS = 1


def delay_ms(retry: Retry, failed_attempt: int, asked_ms: int | None = None) -> int:
    """Return the wait after the attempt numbered `failed_attempt` (from 1), within 1 ms to 1 h.

    `asked_ms` is what the worker asked for instead; the policy's `max_delay` holds for it too.
    """
    cap = min(retry.max_delay_ms, RETRY_DELAY_MS_MAX)
    if asked_ms is not None:
        wait: float = asked_ms
    elif retry.strategy == "linear":
        wait = retry.initial_delay_ms * failed_attempt
    elif retry.strategy == "exponential":
        wait = _grown(retry.initial_delay_ms, retry.multiplier, failed_attempt - 1, cap)
    else:
        wait = retry.initial_delay_ms
    return max(DELAY_MIN_MS, min(int(wait), cap))


def _grown(initial: int, multiplier: float, times: int, cap: int) -> float:
    """Multiply step by step and stop at the cap: a large power would overflow."""
    wait = float(initial)
    for _ in range(times):
        wait *= multiplier
        if wait >= cap or multiplier <= 1:
            break
    return wait


def retries_left(retry: Retry, failed_attempt: int) -> bool:
    """Whether the policy allows another attempt: `max_retries` n means n + 1 attempts."""
    return failed_attempt <= retry.max_retries


def assert_within(certificate: Certificate, *, events: int, attempts: int) -> None:
    """Hold what a run has used against what was proven; a breach is a bug of ours."""
    proven = certificate.events.max
    assert proven is None or events <= proven, f"{events} events, certified {proven}"
    proven = certificate.attempts.max
    assert proven is None or attempts <= proven, f"{attempts} attempts, certified {proven}"
