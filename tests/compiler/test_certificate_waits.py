"""Waits between attempts, as the certificate counts them, against those of the machine."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.ir.costs import PAUSES_SUMMED_MAX, backoff_ms, pauses_ms, retries
from dagnats.ir.program import CodeRetry, Retry
from dagnats.machine.limits import delay_ms, retries_left

STRATEGIES = ("fixed", "linear", "exponential", "listed")


@st.composite
def policies(draw: st.DrawFn, jitter: float = 0.0) -> CodeRetry:
    strategy = draw(st.sampled_from(STRATEGIES))
    delays = tuple(draw(st.lists(st.integers(0, 5_000), min_size=1, max_size=3)))
    return CodeRetry(
        max_retries=draw(st.integers(0, 6)),
        strategy=strategy,
        initial_delay_ms=draw(st.integers(0, 2_000)),
        max_delay_ms=draw(st.sampled_from([1, 900, 10_000, 7_200_000])),
        multiplier=draw(st.sampled_from([0.5, 1.0, 1.7, 2.0])),
        delays_ms=delays if strategy == "listed" else (),
        jitter=jitter,
    )


@st.composite
def whole(draw: st.DrawFn) -> Retry:
    base = draw(policies())
    codes = draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=3))
    parts = {name: getattr(base, name) for name in CodeRetry.__struct_fields__}
    never = draw(st.sampled_from([(), ("a",)]))
    by_code = tuple((code, draw(policies())) for code in sorted(codes))
    return Retry(**parts, non_retryable=never, by_code=by_code)


def longest_way(retry: Retry, asked: int | None) -> tuple[int, int]:
    """Return how many attempts can follow and how long is waited, choosing the worst each time."""
    codes = ["other", *[code for code, _ in retry.by_code]]
    waited, failed = 0, 1
    while True:
        waits = [
            delay_ms(retry, failed, code, "ids", asked)
            for code in codes
            if retries_left(retry, failed, code)
        ]
        if not waits:
            return failed - 1, waited
        waited, failed = waited + max(waits), failed + 1


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(whole())
def test_waits_are_the_longest_that_the_machine_has(retry: Retry) -> None:
    assert longest_way(retry, None) == (retries(retry), pauses_ms(retry, asked=False))
    assert longest_way(retry, 10**12) == (retries(retry), pauses_ms(retry, asked=True))


@given(policies(), st.integers(1, 8))
def test_a_wait_is_the_one_of_the_machine(policy: CodeRetry, failed: int) -> None:
    retry = Retry(**{name: getattr(policy, name) for name in CodeRetry.__struct_fields__})
    assert max(1, int(backoff_ms(policy, failed))) == delay_ms(retry, failed, "x", "ids")


@given(policies(jitter=0.5), st.integers(1, 8))
def test_jitter_makes_waits_shorter(policy: CodeRetry, failed: int) -> None:
    retry = Retry(**{name: getattr(policy, name) for name in CodeRetry.__struct_fields__})
    assert delay_ms(retry, failed, "x", "ids") <= max(1, backoff_ms(policy, failed))


def test_many_waits_count_as_the_longest() -> None:
    many = Retry(max_retries=PAUSES_SUMMED_MAX + 1, strategy="linear", initial_delay_ms=1)
    assert pauses_ms(many, asked=False) == (PAUSES_SUMMED_MAX + 1) * 3_600_000
