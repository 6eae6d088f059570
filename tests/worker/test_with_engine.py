"""A real worker and a real engine, with nothing but memory in between."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dagnats import Continue, NonRetryable, Retryable, RetryAfter, task
from dagnats.wire.tasks import PAYLOAD_BYTES_MAX
from dagnats.worker import registry as registering
from dagnats.worker import seats
from dagnats.worker.context import Context
from dagnats.worker.worker import Worker
from tests.engine.cluster import Cluster, play
from tests.worker.playing import MemoryLink, until

ONE = """
dagnats: 1
name: one
steps:
  - id: a
    task: it
    retry: {max_retries: 3, initial_delay: 10ms}
output: "${{ steps.a.output }}"
"""
TIMED = """
dagnats: 1
name: timed
steps:
  - {id: a, task: it, timeout: 1s}
  - {id: b, task: other}
"""


class World:
    """An engine of one workflow and its worker."""

    def __init__(self, workflow: str, concurrency: int) -> None:
        self.cluster = Cluster(workflow)
        self.said: list[str] = []
        self.worker = Worker(
            dict(registering._registry), concurrency=concurrency, say=self.said.append
        )
        self.stop = asyncio.Event()

    async def run(self, value: Any = None) -> dict[str, Any]:
        """Start a run and return how it ended."""
        await self.cluster.start("r1", value)
        return await self.cluster.ended("r1")


@asynccontextmanager
async def world(workflow: str, concurrency: int = 4) -> AsyncIterator[World]:
    world = World(workflow, concurrency)
    world.cluster.engine()
    await world.cluster.register()
    link = MemoryLink(world.cluster.network)
    serving = asyncio.ensure_future(world.worker.serve(link, world.stop, "memory"))
    try:
        yield world
    finally:
        world.stop.set()
        await serving
        await world.cluster.close()
    world.cluster.check_history()


@pytest.mark.parametrize(
    ("failure", "attempts", "code"),
    [
        (Retryable("no", code="mine"), 4, "mine"),
        (RetryAfter(0.001, "no"), 4, "retry_after"),
        (ValueError("no"), 4, "ValueError"),
        (SystemExit(1), 4, "SystemExit"),
        (ValueError("x" * 9_000_000), 4, "ValueError"),
        (ValueError("\ud800"), 4, "ValueError"),
        (NonRetryable("no", details={"a": 1}), 1, "non_retryable"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_failures_and_their_retries(failure: BaseException, attempts: int, code: str) -> None:
    tried: list[int] = []

    @task("it")
    def handler(value: Any, ctx: Context) -> None:
        tried.append(ctx.attempt)
        raise failure

    async def test() -> None:
        async with world(ONE) as here:
            ended = await here.run()
            assert ended["status"] == "failed"
            assert ended["error"]["code"] == code
            assert tried == list(range(1, attempts + 1))

    play(test)


@pytest.mark.parametrize(
    ("output", "code"),
    [({1}, "not_json"), ("x" * PAYLOAD_BYTES_MAX, "too_large"), ("\ud800", "not_json")],
    ids=["set", "large", "surrogate"],
)
def test_outputs_that_are_none_are_not_tried_again(output: Any, code: str) -> None:
    tried: list[int] = []

    @task("it")
    async def handler(value: Any, ctx: Context) -> Any:
        tried.append(ctx.attempt)
        return output

    async def test() -> None:
        async with world(ONE) as here:
            ended = await here.run()
            assert (ended["status"], ended["error"]["code"]) == ("failed", code)
            assert tried == [1]

    play(test)


def test_the_largest_output_comes_through() -> None:
    task("it")(lambda _: "x" * (PAYLOAD_BYTES_MAX - 2))

    async def test() -> None:
        async with world(ONE) as here:
            ended = await here.run()
            assert ended["status"] == "completed"
            assert len(ended["output"]) == PAYLOAD_BYTES_MAX - 2

    play(test)


def test_a_loop_goes_on_as_long_as_it_is_asked() -> None:
    @task("it")
    def handler(value: Any, ctx: Context) -> Any:
        count = (ctx.state or 0) + 1
        return Continue(count) if count < 3 else [count, ctx.iteration]

    loop = """
dagnats: 1
name: loop
steps:
  - {id: a, type: agent_loop, task: it, config: {max_iterations: 5}}
output: "${{ steps.a.output }}"
"""

    async def test() -> None:
        async with world(loop) as here:
            ended = await here.run()
            assert (ended["status"], ended["output"]) == ("completed", [3, 3])

    play(test)


def test_attempts_of_a_run_that_is_retried_are_new_ones() -> None:
    tried: list[str] = []

    @task("it")
    def handler(value: Any, ctx: Context) -> Any:
        tried.append(ctx.idempotency_key)
        if len(tried) == 1:
            raise NonRetryable("not yet")
        return value

    async def test() -> None:
        async with world(ONE) as here:
            assert (await here.run("fine"))["status"] == "failed"
            await here.cluster.call("run.retry", run_id="r1")
            ended = await here.cluster.ended("r1")
            assert (ended["status"], ended["output"]) == ("completed", "fine")
            assert len(tried) == 2

    play(test)


def test_cancelling_a_run_stops_its_handlers() -> None:
    began: list[str] = []
    heard: list[str] = []

    @task("it")
    async def awaited(value: Any) -> None:
        began.append("it")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("it")
            raise

    @task("other")
    def plain(value: Any, ctx: Context) -> None:
        began.append("other")
        ctx.cancelled.wait(10)
        heard.append("other")

    async def test() -> None:
        async with world(TIMED.replace("timeout: 1s", "timeout: 1m")) as here:
            await here.cluster.start("r1")
            await until(lambda: len(began) == 2)
            await here.cluster.call("run.cancel", run_id="r1", reason="enough")
            await until(lambda: sorted(heard) == ["it", "other"])
            assert (await here.cluster.ended("r1"))["status"] == "cancelled"

    play(test)


@pytest.mark.slow
def test_a_stuck_handler_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of two threads hang in attempts that have timed out; a third run is done all the same."""
    monkeypatch.setattr(seats, "RESEND_S", 0.1)
    let_go = threading.Event()
    task("it")(lambda value: let_go.wait(20) if value == "stuck" else value)

    async def test() -> None:
        async with world(
            ONE.replace("retry: {max_retries: 3, initial_delay: 10ms}", "timeout: 1s"), 2
        ) as here:
            for run_id in ("s1", "s2"):
                await here.cluster.start(run_id, "stuck")
            for run_id in ("s1", "s2"):
                assert (await here.cluster.ended(run_id))["error"]["code"] == "timeout"
            await here.cluster.start("r1", "fine")
            await until(lambda: "2 cancelled tasks" in here.said[-1])
            assert (await here.cluster.call("run.get", run_id="r1"))["status"] != "failed"
            let_go.set()
            assert (await here.cluster.ended("r1"))["output"] == "fine"

    play(test)


def test_stopping_loses_no_delivery() -> None:
    """A worker that is stopped in the midst of a stream of tasks finishes each that it was sent."""
    count = 60
    done: list[str] = []

    @task("it")
    async def handler(value: Any, ctx: Context) -> Any:
        await asyncio.sleep(0.002)
        done.append(ctx.run_id)
        return value

    async def test() -> None:
        async with world(ONE) as here:
            for number in range(count):
                await here.cluster.start(f"r{number}", number)
            await until(lambda: len(done) > 5)
            here.stop.set()
            await until(lambda: here.worker._leaving)
            second = Worker(dict(registering._registry), say=lambda _: None)
            link, stop = MemoryLink(here.cluster.network), asyncio.Event()
            serving = asyncio.ensure_future(second.serve(link, stop, "memory"))
            for number in range(count):
                ended = await here.cluster.ended(f"r{number}")
                assert ended["output"] == number
            stop.set()
            await serving
            assert sorted(done) == sorted(f"r{number}" for number in range(count))
            lost = [line for _, line in here.cluster.storage.history if b"step.lost" in line]
            assert not lost

    play(test)
