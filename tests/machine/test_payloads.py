"""No value leaves the machine that a message cannot hold, whatever workers and expressions make."""

import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.expr.ast import Literal
from dagnats.ir.costs import (
    ERROR_CODE_CHARS_MAX,
    ERROR_DETAILS_BYTES_MAX,
    ERROR_MESSAGE_CHARS_MAX,
    EVENT_ENVELOPE_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    PAYLOAD_LEVELS_MAX,
)
from dagnats.machine import inputs as i
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import Failed
from tests.machine.world import RETRY_TWICE, Again, Fails, World, expression, program, task

BIG = "x" * 950_000
FULL = "x" * (PAYLOAD_BYTES_MAX - 2)
OVER = "x" * (PAYLOAD_BYTES_MAX - 1)


def nested(levels: int, innermost: Any = 0) -> Any:
    value = innermost
    for _ in range(levels):
        value = [value]
    return value


DEEP = nested(PAYLOAD_LEVELS_MAX + 1)
BOTTOMLESS = nested(20_000)


def failed_with(world: World, index: int = 0) -> dict[str, Any]:
    """The error of a step that failed for good."""
    step = world.state.frames[""].steps[index]
    assert isinstance(step, Failed), step
    return step.error


def test_outputs_that_do_not_fit_together_fail_the_run() -> None:
    world = World(program(*[task(f"s{n}") for n in range(10)]), lambda *_: BIG).start()
    assert world.run().state.status == "failed"
    assert world.state.error is not None
    assert world.state.error["code"] == "too_large"
    assert "bytes" in world.state.error["message"]
    assert f"{PAYLOAD_BYTES_MAX:,} (PAYLOAD_BYTES_MAX)" in world.state.error["message"]


def test_a_written_output_that_is_too_large_fails_the_run() -> None:
    prepared = program(task("a"), output=expression("[steps.a.output, steps.a.output]"))
    state = World(prepared, lambda *_: BIG).start().run().state
    assert state.error is not None
    assert state.error["code"] == "too_large"
    assert "takes 1,900,007 bytes" in state.error["message"]


@pytest.mark.parametrize("source", ["input", "steps.a.output", "[input, steps.a.output]"])
def test_what_just_fits_is_taken(source: str) -> None:
    half = "x" * (PAYLOAD_BYTES_MAX // 2 - 10)
    prepared = program(task("a"), task("b", 0, input=expression(source)))
    state = World(prepared, lambda *_: half).start(half).run().state
    assert state.status == "completed"


def test_the_limit_is_exact() -> None:
    assert World(program(task("a")), lambda *_: FULL).start().run().state.output == FULL
    world = World(program(task("a")), lambda *_: OVER).start()
    assert world.run().state.status == "failed"
    assert "1,000,001 bytes" in failed_with(world)["message"]


@pytest.mark.parametrize(
    "output", [OVER, [BIG, BIG], {"a": BIG, "b": BIG}, {BIG: BIG}, "\x00" * 200_000, DEEP]
)
def test_an_output_that_is_too_large_fails_the_attempt_for_good(output: Any) -> None:
    world = World(program(task("a", retry=RETRY_TWICE)), lambda *_: output).start()
    assert world.run().state.status == "failed"
    problem = failed_with(world)
    assert (problem["code"], problem["retryable"], problem["attempt"]) == ("too_large", False, 1)
    assert world.lines.count("queued a") == 1


def test_the_input_of_a_join_that_is_too_large_fails_the_step() -> None:
    prepared = program(task("a"), task("b"), task("c", 0, 1), task("d", 2, accepts=("failed",)))
    world = World(prepared, lambda c: "fine" if c.step == "d" else BIG).start()
    assert world.run().state.output == "fine"
    assert failed_with(world, 2)["code"] == "too_large"
    assert "input" in failed_with(world, 2)["message"]


def test_a_written_input_that_is_too_large_fails_the_step() -> None:
    prepared = program(task("a", input=expression("[input, input]"), retry=RETRY_TWICE))
    world = World(prepared, lambda *_: "never").start(BIG)
    assert world.state.status == "failed"
    assert (failed_with(world)["code"], failed_with(world)["retryable"]) == ("too_large", False)


@pytest.mark.parametrize(
    "source",
    [
        "lists.range(250).map(a, lists.range(250).map(b, input))",
        "lists.range(60000).map(a, input)",
        "{'a': lists.range(1000).map(a, input), 'b': 1}",
    ],
)
def test_what_repeats_a_value_is_measured_without_being_built(source: str) -> None:
    world = World(program(task("a", input=expression(source))), lambda *_: "never").start(BIG)
    assert failed_with(world)["code"] == "too_large"
    assert "at least" in failed_with(world)["message"]


def test_input_and_loop_state_travel_together() -> None:
    prepared = program(task("a", max_iterations=3))
    part = "x" * 600_000
    world = World(prepared, lambda *_: Again(part)).start()
    assert world.run().state.status == "failed"
    assert failed_with(world)["code"] == "too_large"
    assert "`loop.state`" in failed_with(world)["message"]
    alone = program(task("a", max_iterations=3, input=expression("input"), on_exhausted="complete"))
    assert World(alone, lambda *_: Again(part)).start().run().state.output == part


def test_the_first_state_of_a_loop_counts() -> None:
    prepared = program(task("a", max_iterations=3, initial_state=Literal("x" * 600_000)))
    world = World(prepared, lambda *_: "never").start("x" * 600_000)
    assert failed_with(world)["code"] == "too_large"


@pytest.mark.parametrize("state", [OVER, [BIG, BIG], DEEP, BOTTOMLESS])
def test_a_loop_state_that_is_too_large_fails_the_attempt(state: Any) -> None:
    world = World(program(task("a", max_iterations=3)), lambda *_: Again(state)).start()
    assert world.run().state.status == "failed"
    assert failed_with(world)["code"] == "too_large"


@pytest.mark.parametrize("value", [OVER, DEEP, BOTTOMLESS], ids=["over", "deep", "bottomless"])
def test_a_run_whose_input_is_too_large_fails_at_once(value: Any) -> None:
    world = World(program(task("a"), task("b", 0)), lambda *_: "never").start(value)
    assert world.state.status == "failed"
    assert world.state.error is not None
    assert world.state.error["code"] == "too_large"
    assert world.waiting == {}
    assert world.state.input is None


def test_a_value_nested_too_deep_never_raises() -> None:
    world = World(program(task("a")), lambda *_: BOTTOMLESS).start()
    assert world.run().state.status == "failed"
    assert failed_with(world)["code"] == "too_large"
    assert f"{PAYLOAD_LEVELS_MAX} levels (PAYLOAD_LEVELS_MAX)" in failed_with(world)["message"]


def test_as_many_levels_as_are_allowed_pass() -> None:
    deepest = nested(PAYLOAD_LEVELS_MAX)
    prepared = program(task("a"), task("b", 0))
    assert World(prepared, lambda *_: deepest).start(deepest).run().state.output == deepest


def test_an_expression_that_nests_too_deep_fails_the_step_or_the_run() -> None:
    deepest = nested(PAYLOAD_LEVELS_MAX)
    world = World(program(task("a", input=expression("[input]"))), lambda *_: "never")
    assert failed_with(world.start(deepest))["code"] == "too_large"
    prepared = program(task("a"), output=expression("{'a': {'b': steps.a.output}}"))
    state = World(prepared, lambda *_: deepest).start().run().state
    assert state.error is not None
    assert state.error["code"] == "too_large"


def test_a_join_that_nests_too_deep_fails_the_step() -> None:
    prepared = program(task("a"), task("b"), task("c", 0, 1))
    world = World(prepared, lambda *_: nested(PAYLOAD_LEVELS_MAX)).start()
    world.run()
    assert failed_with(world, 2)["code"] == "too_large"


def test_how_deep_the_stack_is_changes_nothing() -> None:
    value = nested(PAYLOAD_LEVELS_MAX)

    def below(frames: int) -> Any:
        if frames:
            return below(frames - 1)
        return World(program(task("a")), lambda *_: value).start().run().state.output

    assert below((sys.getrecursionlimit() - 200) // 3) == value


def test_a_worker_s_error_is_cut_to_its_limits() -> None:
    world = World(
        program(task("a")), lambda *_: Fails("c" * 1_000, message="é" * 9_000, details={"n": 1})
    ).start()
    world.run()
    problem = failed_with(world)
    assert problem["message"] == "é" * (ERROR_MESSAGE_CHARS_MAX - 1) + "…"
    assert len(problem["code"]) == ERROR_CODE_CHARS_MAX
    assert problem["details"] == {"n": 1}


@pytest.mark.parametrize(
    "details", ["x" * (ERROR_DETAILS_BYTES_MAX - 1), [BIG], DEEP, BOTTOMLESS], ids=range(4)
)
def test_details_that_are_too_large_are_dropped_and_the_rest_stays(details: Any) -> None:
    world = World(
        program(task("a", retry=RETRY_TWICE)),
        lambda c: Fails("no", message="m" * 9_000, details=details) if c.attempt < 3 else "ok",
    ).start()
    assert world.run().state.output == "ok"
    first = next(e for e in world.history if type(e).__name__ == "StepFailed")
    assert (first.payload["code"], first.payload["details"]) == ("no", None)
    assert first.payload["message"].endswith("(details dropped: too large)")
    assert len(first.payload["message"]) == ERROR_MESSAGE_CHARS_MAX


def test_a_reason_to_cancel_is_cut() -> None:
    world = World(program(task("a")), lambda *_: "never").start()
    world.do(i.Cancel(at=world.now, reason="r" * 2_000_000))
    assert world.state.status == "cancelled"
    assert max(map(len, world.bytes)) < 2 * ERROR_MESSAGE_CHARS_MAX


# Few shapes, all near a limit: a random walk over whole values would rarely come near one.
PARTS = [
    None,
    7,
    10**4_000,
    "x" * 300_000,
    "x" * 520_000,
    FULL,
    OVER,
    "\x01" * 166_667,
    "𝄞" * 240_000,
    "é" * 499_999,
    [0] * 499_999,
    [{}] * 260_000,
    {"k" * 499_000: "v" * 499_000},
    nested(PAYLOAD_LEVELS_MAX, "x" * 999_000),
    DEEP,
    nested(900),
    BOTTOMLESS,
]
SOURCES = [
    None,
    "input",
    "[input]",
    "[input, input]",
    "{'a': input, 'b': 'x'}",
    "[[[input]]]",
    "lists.range(3000).map(n, [input])",
]


@st.composite
def programs(draw: st.DrawFn) -> Prepared:
    nodes = []
    for index in range(draw(st.integers(1, 4))):
        sources = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        more: dict[str, Any] = {"accepts": draw(st.sampled_from([("completed",), ("failed",)]))}
        source = draw(st.sampled_from(SOURCES))
        if source is not None:
            more["input"] = expression(source)
        if draw(st.booleans()):
            more |= {
                "max_iterations": 3,
                "initial_state": Literal(draw(st.sampled_from(PARTS[:5]))),
            }
            if draw(st.booleans()):
                more["input"] = expression("[loop.state, loop.state]")
        nodes.append(task(f"s{index}", *sorted(sources), **more))
    output = draw(st.sampled_from([None, "[steps.s0.?output.orValue(0)]", "[input, [input]]"]))
    return program(*nodes, output=None if output is None else expression(output))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(programs(), st.sampled_from(PARTS), st.data())
def test_every_event_and_every_task_fits_in_a_message(
    prepared: Prepared, run_input: Any, data: st.DataObject
) -> None:
    parts = st.sampled_from(PARTS)

    def work(*_: Any) -> Any:
        part = data.draw(parts)
        how = data.draw(st.sampled_from([lambda v: v, Again, lambda v: Fails(details=v)]))
        return how(part)

    world = World(prepared, work).start(run_input)
    while not world.state.ended:
        for offered in world.waiting.values():
            sizes = [len(msgspec.json.encode(v)) for v in (offered.input, offered.loop_state)]
            assert sum(sizes) <= PAYLOAD_BYTES_MAX + len("null")
        world.turn()
    assert max(map(len, world.bytes)) <= PAYLOAD_BYTES_MAX + EVENT_ENVELOPE_BYTES_MAX
