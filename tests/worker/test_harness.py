"""Handlers without a server, as their authors test them."""

import asyncio
from typing import Any

import msgspec
import pytest

from dagnats import AsyncContext, Context, Continue, NonRetryable, RetryAfter, harness, task
from dagnats.errors import UsageError


class Asked(msgspec.Struct):
    n: int


def twice(asked: Asked) -> int:
    return 2 * asked.n


async def twice_async(asked: Asked, ctx: AsyncContext) -> int:
    await asyncio.sleep(0)
    return 2 * asked.n


@pytest.mark.parametrize("handler", [twice, twice_async])
def test_a_function_or_what_is_registered(handler: Any) -> None:
    task("it")(handler)
    assert harness.run(handler, {"n": 2}).output == 4
    assert harness.run("it", {"n": 2}).output == 4
    assert asyncio.run(harness.arun("it", {"n": 3})).output == 6
    refused = harness.run(handler, {"n": "x"})
    assert refused.error is not None
    assert refused.error.code == "invalid_input"


def test_who_asks_for_the_output_of_a_failure_is_told_why() -> None:
    def handler(value: Any) -> None:
        raise ValueError("odd")

    played = harness.run(handler)
    with pytest.raises(AssertionError, match=r"ValueError: odd\n(.*\n)*.*raise Value"):
        _ = played.output


@pytest.mark.parametrize(
    ("failure", "code", "retryable"),
    [(NonRetryable("x"), "non_retryable", False), (RetryAfter(2), "retry_after", True)],
)
def test_errors_are_those_that_would_be_sent(failure: Any, code: str, retryable: bool) -> None:
    def handler(value: Any) -> None:
        raise failure

    error = harness.run(handler).error
    assert error is not None
    assert (error.code, error.retryable) == (code, retryable)


def test_what_a_handler_told_meanwhile() -> None:
    async def handler(value: Any, ctx: AsyncContext) -> Any:
        ctx.report_usage(tokens=5)
        ctx.stream({"at": 1})
        ctx.heartbeat()
        return [ctx.run_id, ctx.step, ctx.attempt, ctx.workflow, ctx.state]

    played = harness.run(handler, attempt=2, step="fan[1].it", state={"s": 1})
    assert played.output == ["run-1", "fan[1].it", 2, "workflow", {"s": 1}]
    assert (played.usage, played.streamed, played.beats) == ({"tokens": 5}, [{"at": 1}], 1)


def counting(value: Any, ctx: Context) -> Any:
    count = ctx.checkpoint(0) + 1
    ctx.save_checkpoint(count)
    ctx.report_usage(usd=1)
    return ctx.budget if count == 3 else Continue(count)


def test_a_loop_goes_on_until_it_does_not_ask_for_more() -> None:
    bench = harness.Bench(budget={"usd": 3.5})
    played = list(bench.loop(counting))
    assert [one.output for one in played] == [1, 2, {"usd": 0.5}]
    assert [one.continued for one in played] == [True, True, False]
    assert bench.spent == {"usd": 3}
    assert bench.checkpoints == {("run-1", "step"): 3}


def test_a_loop_without_end_is_told() -> None:
    with pytest.raises(AssertionError, match="not done after 4 iterations"):
        list(harness.Bench().loop(lambda value: Continue(), max_iterations=4))


def test_a_plain_handler_within_an_event_loop() -> None:
    async def test() -> None:
        assert (await harness.Bench(budget={"usd": 1}).arun(counting)).output == 1

    asyncio.run(test())


def test_secrets_are_put_in_and_missing_ones_told() -> None:
    bench = harness.Bench(secrets={"TOKEN": "t0ps3cret"})
    seen: list[Any] = []
    assert bench.run(seen.append, {"a": harness.secret("TOKEN")}).error is None
    assert seen == [{"a": "t0ps3cret"}]
    missing = bench.run(seen.append, harness.secret("OTHER")).error
    assert missing is not None
    assert missing.code == "secret_missing"


def test_cancelled() -> None:
    def handler(value: Any, ctx: Context) -> bool:
        return ctx.cancelled.is_set()

    bench = harness.Bench()
    bench.cancelled.set()
    assert bench.run(handler).output is True


def test_who_is_no_handler() -> None:
    with pytest.raises(UsageError, match="no handler is registered for `nobody`"):
        harness.run("nobody")
    with pytest.raises(UsageError, match="must take"):
        harness.run(lambda: None)
