"""Large values of a worker: stored before they are sent, fetched before they are used."""

import asyncio
from typing import Any

import msgspec
import pytest

from dagnats.claims import CLAIM_BYTES, CLAIMED_BYTES_MAX, claim, reference
from dagnats.testing.payloads import MemoryPayloads
from dagnats.wire.tasks import Result
from dagnats.worker import store
from dagnats.worker.context import AsyncContext, Context
from dagnats.worker.registry import task
from dagnats.worker.signals import Continue
from tests.worker.playing import Playing, a_task, error_of, play, playing, until

LARGE = "x" * (CLAIM_BYTES - 1)
"""With its quotes one byte too many."""
FITS = "x" * (CLAIM_BYTES - 2)


def encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)


def referring(value: Any, run_id: str = "r1") -> dict[str, Any]:
    return reference(claim(run_id, encoded(value)))


async def one(world: Playing, **words: Any) -> Result:
    """The result of one delivery."""
    await world.give(a_task("it", **words))
    return (await world.engine.done(1))[0]


def plain(value: Any) -> Any:
    return value


async def awaited(value: Any) -> Any:
    return value


HANDLERS = [(plain, False), (plain, True), (awaited, False)]


@pytest.mark.parametrize(("handler", "inline"), HANDLERS, ids=["thread", "inline", "async"])
def test_a_large_output_is_stored_and_referred_to(handler: Any, inline: bool) -> None:
    task("it", inline=inline)(handler)

    async def test() -> None:
        payloads = MemoryPayloads()
        async with playing(payloads=payloads) as world:
            result = await one(world, value=LARGE)
            assert result.output == referring(LARGE)
            assert list(payloads.stored.values()) == [encoded(LARGE)]

    play(test)


def test_what_fits_goes_as_it_is() -> None:
    task("it")(plain)

    async def test() -> None:
        payloads = MemoryPayloads()
        async with playing(payloads=payloads) as world:
            assert (await one(world, value=FITS)).output == FITS
            assert not payloads.stored

    play(test)


@pytest.mark.parametrize(("handler", "inline"), HANDLERS, ids=["thread", "inline", "async"])
def test_references_are_resolved_before_the_handler_runs(handler: Any, inline: bool) -> None:
    seen: list[Any] = []

    if handler is plain:

        @task("it", inline=inline)
        def look(value: Any, ctx: Context) -> Any:
            seen.append((value, ctx.state))
            return len(value["docs"][0])
    else:

        @task("it")
        async def look_async(value: Any, ctx: AsyncContext) -> Any:
            seen.append((value, ctx.state))
            return len(value["docs"][0])

    async def test() -> None:
        payloads = MemoryPayloads()
        await payloads.put("r1", encoded(LARGE))
        await payloads.put("r0", encoded({"a": LARGE}))
        async with playing(payloads=payloads) as world:
            given = {"docs": [referring(LARGE), referring(LARGE)], "n": 1}
            result = await one(world, value=given, state=referring({"a": LARGE}, "r0"))
            assert result.output == len(LARGE)
            assert seen == [({"docs": [LARGE, LARGE], "n": 1}, {"a": LARGE})]

    play(test)


def test_a_large_state_of_a_loop_is_stored() -> None:
    task("it")(lambda value: Continue({"seen": value}))

    async def test() -> None:
        payloads = MemoryPayloads()
        async with playing(payloads=payloads) as world:
            result = await one(world, value=LARGE, iteration=1)
            assert result.continued
            assert result.output == referring({"seen": LARGE})

    play(test)


def test_duplicates_share_one_object() -> None:
    task("it")(plain)

    async def test() -> None:
        payloads = MemoryPayloads()
        async with playing(payloads=payloads) as world:
            await world.give(a_task("it", LARGE), a_task("it", LARGE, attempt=2))
            first, second = await world.engine.done(2)
            assert first.output == second.output
            assert len(payloads.stored) == 1

    play(test)


@pytest.mark.parametrize("damaged", [None, b'"other"'], ids=["missing", "another"])
def test_a_value_that_is_not_there_fails_the_attempt_which_may_be_tried_again(
    damaged: bytes | None,
) -> None:
    task("it")(plain)

    async def test() -> None:
        payloads = MemoryPayloads()
        wanted = claim("r1", encoded(LARGE))
        if damaged is not None:
            payloads.stored["r1", wanted.sha256] = damaged
        async with playing(payloads=payloads) as world:
            error = error_of(await one(world, value=[reference(wanted)]))
            assert (error.code, error.retryable) == ("payload_missing", True)
            assert "`r1`" in error.message

    play(test)


def test_a_store_that_is_away_is_waited_for_and_the_attempt_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "PAUSE_S", 0.005)
    task("it")(plain)

    async def test() -> None:
        payloads = MemoryPayloads()
        payloads.answers = False
        async with playing(payloads=payloads) as world:
            await world.give(a_task("it", LARGE))
            await until(lambda: bool(world.seat().running))
            await asyncio.sleep(0.05)
            assert world.seat().running, "it is under way until it is stored"
            payloads.answers = True
            (result,) = await world.engine.done(1)
            assert result.output == referring(LARGE)

    play(test)


def test_a_store_that_stays_away_fails_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAUSE_S", 0.005)
    monkeypatch.setattr(store, "STORE_S", 0.02)

    @task("it")
    def handler(value: Any, ctx: Context) -> Any:
        ctx.report_usage(tokens=3)
        return value

    async def test() -> None:
        payloads = MemoryPayloads()
        payloads.answers = False
        async with playing(payloads=payloads) as world:
            result = await one(world, value=LARGE)
            error = error_of(result)
            assert (error.code, error.retryable) == ("payload_unavailable", True)
            assert result.usage == {"tokens": 3}

    play(test)


def test_what_is_given_up_while_it_is_stored_is_not_sent() -> None:
    task("it")(plain)

    async def test() -> None:
        payloads = MemoryPayloads()
        payloads.answers = False
        async with playing(payloads=payloads) as world:
            given = a_task("it", LARGE)
            await world.give(given)
            await until(lambda: bool(world.seat().running))
            await world.cancel(given)
            await until(lambda: not world.seat().running)
            payloads.answers = True
            await world.give(a_task("it", 1, attempt=2))
            (result,) = await world.engine.done(1)
            assert result.attempt == 2

    play(test)


def test_what_is_larger_than_the_store_takes_fails_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "CLAIMED_BYTES_MAX", 1_000_010)
    task("it")(lambda n: "x" * n)

    async def test() -> None:
        async with playing(payloads=MemoryPayloads()) as world:
            error = error_of(await one(world, value=1_000_009))
            assert (error.code, error.retryable) == ("too_large", False)
            assert "1000010 (limit CLAIMED_BYTES_MAX)" in error.message

    play(test)
    assert CLAIMED_BYTES_MAX == 64_000_000


RESERVED: list[Any] = [
    {"$payload": 1},
    [{"a": {"$payload": {"run_id": "r2", "sha256": "0" * 64, "bytes": 3}}}],
    {"$payload": None, "b": LARGE},
]


@pytest.mark.parametrize("output", RESERVED, ids=["alone", "inside", "large"])
def test_nobody_else_may_have_the_key_of_references(output: Any) -> None:
    task("it")(lambda _: output)

    async def test() -> None:
        async with playing(payloads=MemoryPayloads()) as world:
            error = error_of(await one(world))
            assert (error.code, error.retryable) == ("reserved_key", False)
            assert "`$payload`" in error.message

    play(test)


def test_a_text_that_says_so_is_no_key() -> None:
    task("it")(plain)

    async def test() -> None:
        async with playing(payloads=MemoryPayloads()) as world:
            assert (await one(world, value=["$payload"])).output == ["$payload"]

    play(test)


def test_a_large_checkpoint_is_stored_and_comes_back_whole() -> None:
    @task("it")
    def handler(value: Any, ctx: Context) -> Any:
        before = ctx.checkpoint(0)
        ctx.save_checkpoint({"at": LARGE})
        return [before, len(ctx.checkpoint()["at"])]

    async def test() -> None:
        payloads = MemoryPayloads()
        async with playing(payloads=payloads) as world:
            assert (await one(world)).output == [0, len(LARGE)]
            (asked,) = [asked for asked in world.engine.asked if asked.store]
            assert asked.data == referring({"at": LARGE})

    play(test)
