"""What a handler may do besides returning: usage, checkpoints, streams, heartbeats."""

import asyncio
import threading
from typing import Any

import msgspec
import pytest

from dagnats import AsyncContext, Context, Continue, NonRetryable, Retryable, task
from dagnats.errors import UsageError
from dagnats.testing.memory import MemoryNetwork
from dagnats.wire import subjects
from dagnats.wire.api import ApiError
from dagnats.wire.tasks import PAYLOAD_BYTES_MAX, PIECE_BYTES_MAX, Held, Piece
from dagnats.worker import context as contexts
from dagnats.worker import desk, seats
from dagnats.worker.beating import Beating
from dagnats.worker.worker import Worker
from tests.worker.playing import a_task, error_of, held, outcome, play, playing, until

# ── usage and budget ─────────────────────────────────────────────────────────────────────────────


def spending(end: Any) -> Any:
    def handler(value: Any, ctx: Context) -> Any:
        ctx.report_usage(tokens=100, usd=0.25)
        ctx.report_usage(tokens=20, tool_calls=1)
        if isinstance(end, BaseException):
            raise end
        return end

    return handler


ENDS = [1, Continue(2), ValueError("x"), NonRetryable("x"), SystemExit(1), {3}]


@pytest.mark.parametrize("end", ENDS, ids=lambda one: type(one).__name__)
def test_usage_travels_with_every_result(end: Any) -> None:
    result = outcome(spending(end))
    assert result.usage == {"tokens": 120, "usd": 0.25, "tool_calls": 1}
    assert (result.error is not None) == isinstance(end, BaseException | set)

    async def awaited(value: Any, ctx: AsyncContext) -> Any:
        return spending(end)(value, ctx)

    assert outcome(awaited).usage == result.usage


def test_nothing_spent_is_not_spoken_of() -> None:
    assert outcome(lambda value, ctx: ctx.report_usage(tokens=0)).usage is None


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), float("-inf")])
def test_usage_that_is_none_is_refused_whole(wrong: float) -> None:
    def handler(value: Any, ctx: Context) -> Any:
        ctx.report_usage(usd=1)
        with pytest.raises(ValueError, match="an attempt spends tokens from 0 on, not"):
            ctx.report_usage(usd=1, tokens=wrong)
        return ctx.usage

    assert outcome(handler).output == {"usd": 1}


def test_usage_of_many_threads_adds_up() -> None:
    def handler(value: Any, ctx: Context) -> Any:
        def spend() -> None:
            for _ in range(500):
                ctx.report_usage(tokens=1)

        threads = [threading.Thread(target=spend) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    assert outcome(handler).usage == {"tokens": 2000}


def test_a_budget_is_what_is_left() -> None:
    def handler(value: Any, ctx: Context) -> Any:
        before = ctx.budget
        ctx.report_usage(usd=0.25, tokens=5)
        return [before, ctx.budget]

    left = {"tokens": 3, "usd": 1.0}
    assert outcome(handler, budget=left).output == [left, {"tokens": 0, "usd": 0.75}]
    assert outcome(handler).output == [{}, {}]


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


def plain(value: Any, ctx: Context) -> Any:
    before = ctx.checkpoint("none")
    ctx.save_checkpoint({"of": ctx.attempt})
    return [before, ctx.checkpoint()]


async def awaited(value: Any, ctx: AsyncContext) -> Any:
    before = await ctx.checkpoint("none")
    await ctx.save_checkpoint({"of": ctx.attempt})
    return [before, await ctx.checkpoint()]


@pytest.mark.parametrize("handler", [plain, awaited])
def test_checkpoints_outlive_attempts_and_workers(handler: Any) -> None:
    task("it")(handler)

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("it"))
            (first,) = await world.engine.done(1)
            await world.give(a_task("it", attempt=2, delivery=3, iteration=4))
            second = (await world.engine.done(2))[1]
            await world.give(a_task("it", run_id="r2"))
            third = (await world.engine.done(3))[2]
            assert first.output == third.output == ["none", {"of": 1}]
            assert second.output == [{"of": 1}, {"of": 2}]
            asked = world.engine.asked[4]
            assert (asked.run_id, asked.step, asked.store) == ("r1", "s", True)
            assert (asked.attempt, asked.delivery, asked.iteration) == (2, 3, 4)

    play(test)


NOT_STORED: list[tuple[Any, str]] = [
    ({1}, "not_json"),
    (float("nan"), "not_json"),
    ("x" * PAYLOAD_BYTES_MAX, "too_large"),
]


@pytest.mark.parametrize(("data", "code"), NOT_STORED, ids=["set", "nan", "large"])
def test_what_cannot_be_stored_is_no_use_again(data: Any, code: str) -> None:
    @task("it")
    async def handler(value: Any, ctx: AsyncContext) -> None:
        await ctx.save_checkpoint(data)

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("it"))
            (result,) = await world.engine.done()
            error = error_of(result)
            assert (error.code, error.retryable) == (code, False)
            assert not world.engine.asked

    play(test)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "ASK_S", 0.02)
    monkeypatch.setattr(desk, "ASK_PAUSE_S", 0.005)
    monkeypatch.setattr(desk, "CHECKPOINT_S", 0.1)
    monkeypatch.setattr(seats, "RESEND_S", 0.04)


def test_an_engine_that_comes_back_is_asked_again(
    hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "CHECKPOINT_S", 10)
    task("it")(plain)

    async def test() -> None:
        async with playing(answering=False) as world:
            await world.give(a_task("it"))
            await until(lambda: len(world.engine.asked) >= 2)
            world.engine.answering = True
            (result,) = await world.engine.done()
            assert result.output == ["none", {"of": 1}]

    play(test)


def test_an_engine_that_is_busy_is_asked_again(
    hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "CHECKPOINT_S", 10)
    task("it")(awaited)

    async def test() -> None:
        async with playing(refusal=ApiError("busy", "the engine is reading its log")) as world:
            await world.give(a_task("it"))
            await until(lambda: len(world.engine.asked) >= 2)
            world.engine.refusal = None
            (result,) = await world.engine.done()
            assert result.output == ["none", {"of": 1}]

    play(test)


@pytest.mark.parametrize("handler", [plain, awaited])
def test_without_an_engine_the_attempt_may_be_tried_again(hasty: None, handler: Any) -> None:
    task("it")(handler)

    async def test() -> None:
        async with playing(answering=False) as world:
            await world.give(a_task("it"))
            result, *_ = await world.engine.done()  # it is sent again while nobody answers
            error = error_of(result)
            assert (error.code, error.retryable) == ("checkpoint_unavailable", True)

    play(test)


@pytest.mark.parametrize(("code", "retryable"), [("not_found", True), ("invalid", False)])
def test_a_refusal_is_told(code: str, retryable: bool) -> None:
    task("it")(plain)

    async def test() -> None:
        async with playing(refusal=ApiError(code, "no such run")) as world:
            await world.give(a_task("it"))
            (result,) = await world.engine.done()
            error = error_of(result)
            assert (error.code, error.message) == ("checkpoint_refused", f"{code}: no such run")
            assert error.retryable is retryable

    play(test)


def test_a_cancelled_attempt_asks_no_more(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "CHECKPOINT_S", 60)
    ended = []

    @task("it")
    def handler(value: Any, ctx: Context) -> None:
        try:
            ctx.checkpoint()
        except Retryable as told:
            ended.append(told.code)

    async def test() -> None:
        async with playing(answering=False) as world:
            await world.give(a_task("it"))
            await until(lambda: bool(world.engine.asked))
            await world.cancel(a_task("it"))
            await until(lambda: ended == ["cancelled"])

    play(test)


def test_an_inline_handler_cannot_wait() -> None:
    task("it", inline=True)(plain)

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("it"))
            (result,) = await world.engine.done()
            error = error_of(result)
            assert error.code == "RuntimeError"
            assert "would wait for the event loop on the event loop" in error.message

    play(test)


def test_a_context_without_a_worker_says_so() -> None:
    assert "without a worker" in error_of(outcome(plain)).message
    assert "without a worker" in error_of(outcome(awaited)).message


# ── streams ──────────────────────────────────────────────────────────────────────────────────────


def listening(network: MemoryNetwork, run_id: str, step: str) -> list[Piece]:
    heard: list[Piece] = []

    async def hear(payload: bytes, _reply: str) -> None:
        heard.append(msgspec.json.decode(payload, type=Piece))

    network.listen(f"stream.{run_id}.{step}", hear)
    return heard


@pytest.mark.parametrize("asynchronous", [False, True], ids=["plain", "async"])
def test_a_stream_is_heard_in_order(asynchronous: bool) -> None:
    def said(value: Any, ctx: Any) -> Any:
        return [ctx.stream({"n": n}) for n in range(5)]

    async def said_async(value: Any, ctx: AsyncContext) -> Any:
        return said(value, ctx)

    task("it")(said_async if asynchronous else said)

    async def test() -> None:
        async with playing() as world:
            heard = listening(world.engine.network, "r1", "s")
            await world.give(a_task("it", attempt=2, iteration=3))
            (result,) = await world.engine.done()
            assert result.output == [True] * 5
            await until(lambda: len(heard) == 5)
            assert [(one.seq, one.data) for one in heard] == [(n + 1, {"n": n}) for n in range(5)]
            assert (heard[0].attempt, heard[0].delivery, heard[0].iteration) == (2, 1, 3)

    play(test)


def test_the_subject_has_the_address_of_the_step() -> None:
    assert subjects.stream("r1", "fan[3].fetch") == "stream.r1.fan[3].fetch"


def test_too_much_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "PIECES_MAX", 50)

    @task("it")
    async def handler(value: Any, ctx: AsyncContext) -> Any:
        sent = [ctx.stream(n) for n in range(200)]
        while not ctx.stream("later"):
            await asyncio.sleep(0.01)
        return sent

    async def test() -> None:
        async with playing() as world:
            heard = listening(world.engine.network, "r1", "s")
            await world.give(a_task("it"))
            (result,) = await world.engine.done()
            assert result.output == [True] * 50 + [False] * 150
            await until(lambda: len(heard) == 51)
            assert [one.data for one in heard] == [*range(50), "later"]
            assert heard[50].seq > 200

    play(test)


def test_a_worker_keeps_few_that_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PIECES_WAITING_MAX", 2)

    @task("it")
    async def handler(value: Any, ctx: AsyncContext) -> Any:
        return [ctx.stream(n) for n in range(5)]

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("it"))
            (result,) = await world.engine.done()
            assert result.output == [True, True, False, False, False]

    play(test)


def test_large_pieces_count_for_more() -> None:
    meter = contexts.Meter(0.0)
    assert [meter.take(0.0, 500_000) for _ in range(3)] == [True, True, False]
    assert [meter.take(0.5, 500_000) for _ in range(2)] == [True, False]
    assert [meter.take(100.0, 1_000_000), meter.take(100.0, 1)] == [True, False]


@pytest.mark.parametrize(
    "data", [{1}, "x" * PIECE_BYTES_MAX, "\ud800"], ids=["set", "large", "half"]
)
def test_a_piece_that_is_none_is_refused(data: Any) -> None:
    error = error_of(outcome(lambda value, ctx: ctx.stream(data)))
    assert error.code in {"ValueError", "NotJsonError"}


def test_nobody_hears_a_cancelled_attempt() -> None:
    said: list[bool] = []
    running = threading.Event()

    @task("it")
    def handler(value: Any, ctx: Context) -> None:
        running.set()
        ctx.cancelled.wait(10)
        said.append(ctx.stream("x"))

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("it"))
            await until(running.is_set)
            await world.cancel(a_task("it"))
            await until(lambda: said == [False])

    play(test)


# ── heartbeats ───────────────────────────────────────────────────────────────────────────────────


def test_a_short_heartbeat_timeout_is_kept() -> None:
    gate = threading.Event()
    task("it")(lambda value: gate.wait(10))

    async def test() -> None:
        async with playing(accepting=False) as world:
            slow, quick = a_task("it"), a_task("it", run_id="r2", heartbeat_timeout_ms=60)
            try:
                await world.give(slow)
                await until(lambda: len(world.seat().running) == 1)
                await world.give(quick)
                await until(lambda: len(world.engine.beats) >= 4, "beats within 20 ms each")
                assert all(beat.held == [held(quick)] for beat in world.engine.beats)
            finally:
                gate.set()
            # Until its result is accepted: it may be lost, and sent again later.
            await world.engine.done(2)
            world.engine.beats.clear()
            await until(lambda: len(world.engine.beats) >= 2)
            world.engine.accepting = True
            await world.engine.say(world.worker.worker_id, accepted=[held(quick), held(slow)])
            await until(lambda: not world.seat().sending.finished)
            assert world.seat().beating.held == []

    play(test)


def test_the_least_timeout_sets_the_pace() -> None:
    def key(n: int) -> Any:
        return (f"r{n}", "s", 1, 0, 1)

    async def waited(beating: Beating, most_s: float) -> float:
        began = asyncio.get_running_loop().time()
        await beating.sleep(most_s)
        return asyncio.get_running_loop().time() - began

    async def test() -> None:
        beating = Beating()
        assert not beating.is_due()
        beating.begin(key(1), Held("r1", "s", 1), 600_000)
        beating.begin(key(2), Held("r2", "s", 1), 30)
        assert beating.is_due()
        beating.beaten()
        assert not beating.is_due()
        await beating.sleep(0)  # it was woken by `begin` before
        assert await waited(beating, 10) < 5
        assert beating.is_due()
        beating.end(key(2))
        beating.beaten()
        assert await waited(beating, 0.01) < 5
        assert not beating.is_due()
        beating.end(key(1))
        beating.end(key(1))
        assert beating.held == []

    play(test)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["plain", "async"])
def test_a_handler_may_say_that_it_lives(asynchronous: bool) -> None:
    def said(value: Any, ctx: Any) -> None:
        for _ in range(100):
            ctx.heartbeat()

    async def said_async(value: Any, ctx: AsyncContext) -> None:
        said(value, ctx)

    task("it")(said_async if asynchronous else said)

    async def test() -> None:
        async with playing() as world:
            one = a_task("it", iteration=2)
            await world.give(one)
            await world.engine.done()
            await until(lambda: bool(world.engine.beats))
            assert world.engine.beats[0].held == [held(one)]
            assert len(world.engine.beats) < 10

    play(test)


# ── groups and capabilities ──────────────────────────────────────────────────────────────────────


def test_groups_and_capabilities_are_announced() -> None:
    task("a", groups=["eu"], capabilities=["gpu"])(lambda value: value)
    task("b", capabilities=["gpu", "docker"])(lambda value: value)
    of_worker = {"groups": ["batch", "eu"], "capabilities": {"big memory"}}

    async def test() -> None:
        async with playing(of_worker=of_worker) as world:
            hello = world.engine.hellos[0]
            assert hello.groups == ["batch", "eu"]
            assert hello.capabilities == ["big memory", "docker", "gpu"]

    play(test)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 65, "ä"])
def test_a_group_is_an_id(name: str) -> None:
    with pytest.raises(UsageError, match="is no group of workers"):
        Worker({}, groups=[name])
    with pytest.raises(UsageError, match="is no group of workers"):
        task("a", groups=[name])


@pytest.mark.parametrize("name", ["", "a\n", "x" * 65])
def test_a_capability_is_a_short_text(name: str) -> None:
    with pytest.raises(UsageError, match="is no capability"):
        Worker({}, capabilities=[name])
