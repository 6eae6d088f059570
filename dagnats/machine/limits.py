"""Attempts against their policy."""

from hashlib import sha256

from dagnats.ir.costs import RETRY_DELAY_MS_MAX
from dagnats.ir.program import CodeRetry, Retry

DELAY_MIN_MS = 1
_PARTS = 2**32


def policy_of(retry: Retry, code: str) -> CodeRetry:
    """Return the policy for attempts that failed with a code."""
    return next((own for known, own in retry.by_code if known == code), retry)


def delay_ms(
    retry: Retry, failed_attempt: int, code: str, ids: str, asked_ms: int | None = None
) -> int:
    """Return the wait after the attempt numbered `failed_attempt` (from 1), within 1 ms to 1 h.

    `asked_ms` is what the worker asked for instead; the policy's `max_delay` holds for it too.
    Jitter makes it shorter, by a part of itself that comes of `ids` and the attempt.
    """
    policy = policy_of(retry, code)
    cap = min(policy.max_delay_ms, RETRY_DELAY_MS_MAX)
    if asked_ms is not None:
        return max(DELAY_MIN_MS, min(asked_ms, cap))
    wait = min(_grown(policy, failed_attempt, cap), cap)
    if policy.jitter:
        drawn = sha256(f"{ids}/{failed_attempt}".encode()).digest()
        wait *= 1 - policy.jitter * int.from_bytes(drawn[:4], "big") / _PARTS
    return max(DELAY_MIN_MS, int(wait))


def _grown(policy: CodeRetry, failed_attempt: int, cap: int) -> float:
    match policy.strategy:
        case "linear":
            return policy.initial_delay_ms * failed_attempt
        case "exponential":
            return _power(policy.initial_delay_ms, policy.multiplier, failed_attempt - 1, cap)
        case "listed":
            delays = policy.delays_ms
            return delays[min(failed_attempt, len(delays)) - 1]
        case _:
            return policy.initial_delay_ms


def _power(initial: int, multiplier: float, times: int, cap: int) -> float:
    """Multiply step by step and stop at the cap: a large power would overflow."""
    wait = float(initial)
    for _ in range(times):
        wait *= multiplier
        if wait >= cap or multiplier <= 1:
            break
    return wait


def retries_left(retry: Retry, failed_attempt: int, code: str) -> bool:
    """Whether the policy allows another attempt: `max_retries` n means n + 1 attempts."""
    if code in retry.non_retryable:
        return False
    return failed_attempt <= policy_of(retry, code).max_retries
