"""Whatever a handler does, a result comes of it that can be sent, and the worker goes on."""

import asyncio
import dataclasses
import enum
import sys
import uuid
from typing import Any

import msgspec
import pytest

from dagnats import Continue, NonRetryable, Retryable, task
from dagnats.wire.tasks import (
    ERROR_CODE_CHARS_MAX,
    ERROR_DETAILS_BYTES_MAX,
    ERROR_MESSAGE_CHARS_MAX,
    PAYLOAD_BYTES_MAX,
    RESULT_LEVELS_MAX,
)
from tests.worker.playing import a_task, error_of, outcome, play, playing, until


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def endless() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


@dataclasses.dataclass
class Holder:
    value: Any


class Struct(msgspec.Struct):
    value: Any


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no")


async def coroutine() -> None:
    pass


NOT_JSON: dict[str, tuple[Any, str]] = {
    "set": ({1, 2}, "a set"),
    "frozenset": ({"a": frozenset()}, "a frozenset"),
    "bytes": ([b"x"], "a bytes"),
    "nan": ({"a": [float("nan")]}, "a float that is nan"),
    "inf": (float("-inf"), "a float that is -inf"),
    "in a dataclass": (Holder(float("nan")), "a float that is nan"),
    "in a struct": (Struct({1}), "a set"),
    "big": (2**63, "an int of more than 64 bits"),
    "very big": ([-(10**30)], "an int of more than 64 bits"),
    "object": (object(), "an object"),
    "odd": ([Odd()], "an Odd"),
    "class": (int, "a type"),
    "exception": (ValueError("x"), "a ValueError"),
    "function": (nested, "a function"),
    "complex": (1j, "a complex"),
    "key": ({None: 1}, "an object whose key is a NoneType"),
    "tuple key": ({(1, 2): 1}, "an object whose key is a tuple"),
    "deep": (nested(RESULT_LEVELS_MAX + 1), f"nested deeper than {RESULT_LEVELS_MAX} levels"),
    "very deep": (nested(50_000), f"nested deeper than {RESULT_LEVELS_MAX} levels"),
    "endless": (endless(), f"nested deeper than {RESULT_LEVELS_MAX} levels"),
    "surrogate": ("a\ud800", "a str with '\\ud800', a lone surrogate that UTF-8 cannot carry"),
    "surrogate within": ({"a": ["\udfff"]}, "a str with '\\udfff'"),
    "surrogate key": ({"\ud800": 1}, "a str with '\\ud800'"),
    "state": (Continue({1}), "a set"),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_named(name: str) -> None:
    value, expected = NOT_JSON[name]
    error = error_of(outcome(lambda _: value))
    assert (error.code, error.retryable) == ("not_json", False)
    assert error.message.startswith("`it` returned what is not JSON: ")
    assert expected in error.message


def test_an_async_function_behind_a_plain_one_is_named() -> None:
    value = coroutine()
    assert "a coroutine" in error_of(outcome(lambda _: value)).message
    value.close()


class Colour(enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


IDENTITY = uuid.UUID(int=1)
JSON: list[tuple[Any, Any]] = [
    (None, None),
    (False, False),
    (0, 0),
    (2**63 - 1, 2**63 - 1),
    (-(2**63), -(2**63)),
    (-0.5, -0.5),
    ("ü😀\x00", "ü😀\x00"),
    ((1, (2,)), [1, [2]]),
    ({1: 2}, {"1": 2}),
    (Colour.RED, "red"),
    (IDENTITY, str(IDENTITY)),
    (Holder([Struct(1)]), {"value": [{"value": 1}]}),
    (nested(RESULT_LEVELS_MAX), nested(RESULT_LEVELS_MAX)),
]


@pytest.mark.parametrize(("value", "expected"), JSON, ids=lambda value: ascii(value)[:30])
def test_what_is_json_arrives(value: Any, expected: Any) -> None:
    result = outcome(lambda _: value)
    assert result.error is None
    assert result.output == expected


def test_a_result_may_fill_a_payload_and_no_more() -> None:
    largest = "x" * (PAYLOAD_BYTES_MAX - 2)
    assert outcome(lambda _: largest).output == largest
    error = error_of(outcome(lambda _: f"{largest}x"))
    assert (error.code, error.retryable) == ("too_large", False)
    assert error.message == (
        "`it` returned 1000001 bytes, more than 1000000 (limit PAYLOAD_BYTES_MAX)"
    )


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class NeverInitialised(Retryable):
    def __init__(self) -> None:
        pass


class NeverRetried(NonRetryable):
    def __init__(self) -> None:
        pass


def raising(failure: BaseException) -> Any:
    def handler(value: Any) -> Any:
        raise failure

    return handler


HUGE = 9_000_000
EXCEPTIONS: dict[str, tuple[BaseException, str, str]] = {
    "huge": (ValueError("x" * HUGE), "ValueError", "xxx"),
    "huge, not ASCII": (ValueError("ü" * HUGE), "ValueError", "üüü"),
    "huge and ours": (Retryable("x" * HUGE), "retryable", "xxx"),
    "huge code": (Retryable("m", code="x" * HUGE), "xxx", "m"),
    "strange code": (Retryable("m", code=None), "None", "m"),  # type: ignore[arg-type]
    "huge details": (Retryable("m", details="x" * HUGE), "retryable", "m"),
    "strange details": (Retryable("m", details={float("nan"), "x" * HUGE}), "retryable", "m"),
    "surrogate": (ValueError("a\ud800b"), "ValueError", "a\\ud800b"),
    "surrogate of ours": (NonRetryable("\udc00", code="\udc00"), "\\udc00", "\\udc00"),
    "mute": (MuteError(), "MuteError", "asking it why raised RuntimeError"),
    "odd details": (Retryable("m", details=Odd()), "Retryable", "asking it why raised "),
    "no init": (NeverInitialised(), "retryable", "NeverInitialised"),
    "no init, final": (NeverRetried(), "non_retryable", "NeverRetried"),
    "exit": (SystemExit(3), "SystemExit", "3"),
    "interrupt": (KeyboardInterrupt(), "KeyboardInterrupt", "raised without a message"),
    "cancelled": (asyncio.CancelledError(), "CancelledError", "raised without a message"),
    "group": (ExceptionGroup("g", [ValueError("x")] * 50), "ExceptionGroup", "g"),
    "base": (BaseException("b"), "BaseException", "b"),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("name", EXCEPTIONS)
def test_any_exception_is_a_small_result(name: str, asynchronous: bool) -> None:
    failure, code, message = EXCEPTIONS[name]

    async def awaited(value: Any) -> Any:
        await asyncio.sleep(0)
        raise failure

    result = outcome(awaited if asynchronous else raising(failure))
    error = error_of(result)
    assert error.code.startswith(code)
    assert error.message.startswith(message)
    assert len(error.code) <= ERROR_CODE_CHARS_MAX
    assert len(error.message) <= ERROR_MESSAGE_CHARS_MAX
    assert len(msgspec.json.encode(error.details)) <= ERROR_DETAILS_BYTES_MAX
    assert len(msgspec.json.encode(result)) <= ERROR_DETAILS_BYTES_MAX + 30_000
    assert error.retryable is not isinstance(failure, NonRetryable)


def test_details_that_are_left_out_say_so() -> None:
    error = error_of(outcome(raising(Retryable("m", details="x" * HUGE))))
    assert error.details == "9000002 bytes of details, left out (limit ERROR_DETAILS_BYTES_MAX)"


def test_a_cut_message_says_so() -> None:
    error = error_of(outcome(raising(ValueError("x" * HUGE))))
    assert len(error.message) == ERROR_MESSAGE_CHARS_MAX
    assert error.message.endswith("x…")


def test_recursion_without_end_is_a_failed_attempt() -> None:
    def handler(value: Any) -> Any:
        return handler(value)

    error = error_of(outcome(handler))
    assert error.code == "RecursionError"
    assert error.message.startswith("maximum recursion depth")


ENDS = {
    "exit": lambda: sys.exit(1),
    "interrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
    "cancelled": lambda: (_ for _ in ()).throw(asyncio.CancelledError()),
    "set": lambda: {1},
    "huge": lambda: "x" * 2_000_000,
    "surrogate": lambda: "\ud800",
    "error": lambda: (_ for _ in ()).throw(ValueError("\ud800" * HUGE)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", ["thread", "async", "inline"])
def test_the_worker_goes_on(kind: str, end: str) -> None:
    handler: Any
    if kind == "async":

        async def handler(value: Any) -> Any:
            await asyncio.sleep(0)
            return ENDS[end]()

    else:

        def handler(value: Any) -> Any:
            return ENDS[end]()

    task("bad", inline=kind == "inline")(handler)
    task("good")(lambda value: value)

    async def test() -> None:
        async with playing(concurrency=1) as world:
            bad, good = a_task("bad"), a_task("good", 7, run_id="r2")
            await world.give(bad)
            await world.engine.done(1)
            await world.give(good)
            first, second = await world.engine.done(2)
            assert first.error is not None
            assert second.output == 7
            assert not world.seat().running
            await until(lambda: not world.seat().sending.finished)

    play(test)


def test_a_handler_that_cancels_itself_has_failed() -> None:
    @task("self")
    async def handler(value: Any) -> None:
        doing = asyncio.current_task()
        assert doing is not None
        doing.cancel()
        await asyncio.sleep(1)

    async def test() -> None:
        async with playing() as world:
            await world.give(a_task("self"))
            (result,) = await world.engine.done()
            assert error_of(result).code == "CancelledError"
            assert not world.seat().running

    play(test)
