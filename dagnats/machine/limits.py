"""Attempts against their policy: whether another follows, and when."""

from dagnats.ir.program import Retry

DELAY_MIN_MS = 1
DELAY_MAX_MS = 3_600_000


def delay_ms(retry: Retry, failed_attempt: int) -> int:
    """Return the wait after the attempt numbered `failed_attempt` (from 1), within 1 ms to 1 h."""
    cap = min(retry.max_delay_ms, DELAY_MAX_MS)
    if retry.strategy == "linear":
        wait: float = retry.initial_delay_ms * failed_attempt
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
