"""Every path out of a step, as histories."""

from typing import Any

import pytest

from dagnats.expr.ast import Literal
from dagnats.ir.program import Retry
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance
from dagnats.machine.events import StepCancelled, StepFailed
from dagnats.machine.state import Completed, Failed, Skipped, Waiting
from tests.machine.world import (
    RETRY_TWICE,
    Again,
    Fails,
    Sleeps,
    Vanishes,
    World,
    expression,
    program,
    replayed,
    task,
)


def echo(_step: str, value: Any, _attempt: int) -> Any:
    return value


def test_a_chain_passes_its_input_along() -> None:
    world = World(program(task("a"), task("b", 0)), echo).start({"n": 1})
    state = world.run()
    assert state.status == "completed"
    assert state.output == {"n": 1}
    assert world.types() == [
        "workflow.started",
        "queued a",
        "started a",
        "completed a",
        "queued b",
        "started b",
        "completed b",
        "workflow.completed",
    ]


def test_a_join_sees_all_outputs_by_step_id() -> None:
    prepared = program(task("a"), task("b"), task("c", 0, 1))
    seen: dict[str, Any] = {}

    def work(step: str, value: Any, _attempt: int) -> str:
        seen[step] = value
        return step.upper()

    assert World(prepared, work).start("in").run().output == "C"
    assert seen == {"a": "in", "b": "in", "c": {"a": "A", "b": "B"}}


def test_two_last_steps_give_an_object() -> None:
    state = World(program(task("a"), task("b")), lambda s, _v, _a: s).start().run()
    assert state.output == {"a": "a", "b": "b"}


def test_a_failure_is_retried_as_the_policy_says() -> None:
    world = World(
        program(task("a", retry=RETRY_TWICE)), lambda _s, _v, n: Fails() if n < 3 else "ok"
    ).start()
    assert world.run().output == "ok"
    assert world.types().count("failed a") == 2
    assert world.now - world.state.started_at == 100 + 200


def test_retries_end_and_the_run_fails_with_the_last_error() -> None:
    state = World(program(task("a", retry=RETRY_TWICE)), lambda *_: Fails("no")).start().run()
    assert state.status == "failed"
    assert state.error is not None
    assert (state.error["code"], state.error["attempt"]) == ("no", 3)


def test_what_must_not_be_retried_is_not() -> None:
    world = World(program(task("a", retry=RETRY_TWICE)), lambda *_: Fails(retryable=False)).start()
    assert world.run().status == "failed"
    assert world.types().count("started a") == 1


def test_a_worker_may_choose_the_delay() -> None:
    def work(_s: str, _v: Any, attempt: int) -> Any:
        return Fails(retry_after_ms=5_000) if attempt == 1 else "ok"

    world = World(program(task("a", retry=RETRY_TWICE)), work).start()
    world.run()
    assert world.now - world.state.started_at == 5_000


def test_a_failure_may_be_accepted() -> None:
    prepared = program(task("a"), task("b", 0, accepts=("completed", "failed")))
    state = World(prepared, lambda s, _v, _a: Fails() if s == "a" else "fine").start().run()
    assert state.status == "completed"
    assert isinstance(state.steps[0], Failed)
    assert state.output == "fine"


def test_a_fatal_failure_cancels_what_is_open() -> None:
    prepared = program(task("a"), task("b"), task("c", 0, 1))
    world = World(prepared, lambda s, _v, _a: Fails() if s == "a" else s).start()
    assert world.run().status == "failed"
    assert {"cancelled b", "cancelled c"} <= set(world.types())


def test_a_lost_worker_costs_no_attempt() -> None:
    deliveries: list[int] = []

    def work(_s: str, _v: Any, attempt: int) -> Any:
        deliveries.append(attempt)
        return Vanishes() if len(deliveries) < 3 else "ok"

    world = World(program(task("a")), work).start()
    assert world.run().output == "ok"
    assert deliveries == [1, 1, 1]
    assert world.types().count("lost a") == 2


def test_a_task_that_kills_its_workers_fails_in_the_end() -> None:
    state = World(program(task("a", max_deliveries=3)), lambda *_: Vanishes()).start().run()
    assert state.error is not None
    assert state.error["code"] == "worker_lost"


def test_a_late_answer_of_a_lost_worker_counts_while_nobody_else_has_it() -> None:
    world = World(program(task("a")), echo).start("late")
    offered = world.waiting.pop((0, 0, 1))
    world.do(i.Deliver(at=world.now, step=0, worker_id="w1"))
    world.answer(offered, Vanishes())
    assert world.waiting
    world.answer(offered, "late")
    assert world.state.output == "late"


def test_an_attempt_that_takes_too_long_times_out() -> None:
    world = World(program(task("a", timeout_ms=2_000)), lambda *_: Sleeps()).start()
    assert world.run().error is not None
    assert world.state.error is not None
    assert world.state.error["code"] == "timeout"
    assert world.now - world.state.started_at == 2_000


def test_a_task_nobody_takes_times_out_and_is_not_retried() -> None:
    nobody = task("a", queue_timeout_ms=60_000, retry=RETRY_TWICE)
    world = World(program(nobody), echo).start()
    world.waiting.clear()
    world.now += 60_000
    world.do(i.Tick(at=world.now))
    assert world.state.error is not None
    assert (world.state.error["code"], world.state.error["retryable"]) == ("queue_timeout", False)


def test_a_run_that_takes_too_long_fails() -> None:
    world = World(program(task("a"), timeout_ms=1_000), lambda *_: Sleeps()).start()
    world.run()
    assert world.state.error is not None
    assert world.state.error["code"] == "timeout"
    assert world.now - world.state.started_at == 1_000


def test_a_loop_carries_its_state_until_the_worker_is_done() -> None:
    prepared = program(task("a", max_iterations=10, initial_state=Literal(0)))
    seen: list[Any] = []

    def work(_s: str, value: Any, _a: int) -> Any:
        seen.append(value)
        return Again(len(seen)) if len(seen) < 4 else "done"

    assert World(prepared, work).start("go").run().output == "done"
    assert seen == ["go", 1, 2, 3]


@pytest.mark.parametrize(
    ("on_exhausted", "status", "result"), [("fail", "failed", None), ("complete", "completed", 3)]
)
def test_a_loop_ends_at_its_bound(on_exhausted: str, status: str, result: Any) -> None:
    prepared = program(task("a", max_iterations=3, on_exhausted=on_exhausted))
    world = World(prepared, lambda _s, v, _a: Again((v or 0) + 1)).start(0)
    state = world.run()
    assert (state.status, state.output) == (status, result)
    assert world.types().count("started a") == 3


def test_a_loop_ends_at_its_duration() -> None:
    prepared = program(task("a", max_iterations=1_000, max_duration_ms=50))
    world = World(prepared, lambda *_: "set below")

    def work(*_: Any) -> Any:
        world.now += 20
        return Again(None)

    world.work = work
    assert world.start().run().status == "failed"
    assert world.types().count("started a") == 3
    assert world.state.error is not None
    assert world.state.error["code"] == "exhausted"
    assert "60 ms" in world.state.error["message"]
    assert "50 ms" in world.state.error["message"]
    assert "(`max_duration`)" in world.state.error["message"]
    assert world.state.error["details"] == {
        "bound": "max_duration",
        "iterations": 3,
        "max_iterations": 1_000,
        "duration_ms": 60,
        "max_duration_ms": 50,
    }


def test_a_loop_says_when_its_iterations_are_used_up() -> None:
    world = World(program(task("a", max_iterations=2)), lambda *_: Again(None)).start()
    error = world.run().error
    assert error is not None
    assert error["message"] == "not done after 2 iterations (`max_iterations`)"
    assert error["details"] == {
        "bound": "max_iterations",
        "iterations": 2,
        "max_iterations": 2,
        "duration_ms": 0,
        "max_duration_ms": None,
    }


def test_continuing_what_is_no_loop_fails() -> None:
    state = World(program(task("a")), lambda *_: Again(1)).start().run()
    assert state.error is not None
    assert state.error["code"] == "not_a_loop"


def test_cancelling_ends_everything_open() -> None:
    world = World(program(task("a"), task("b", 0)), echo).start()
    world.do(i.Cancel(at=world.now, reason="enough"))
    assert world.state.status == "cancelled"
    assert world.state.error is not None
    assert world.state.error["message"] == "enough"
    assert world.waiting == {}
    assert world.do(i.Cancel(at=world.now)) == []


def test_duplicates_and_latecomers_change_nothing() -> None:
    world = World(program(task("a"), task("b", 0)), echo).start(1)
    first = world.waiting[0, 0, 1]
    world.turn()
    assert isinstance(world.state.steps[0], Completed)
    for late in (1, Fails(), Again(2), Vanishes()):
        assert world.answer(first, late) == []
    assert world.do(i.Deliver(at=world.now, step=0, worker_id="w2")) == []


def test_a_clock_that_steps_back_does_not_take_events_with_it() -> None:
    world = World(program(task("a", retry=RETRY_TWICE)), lambda *_: Fails()).start()
    offered = world.waiting.pop((0, 0, 1))
    world.do(i.Deliver(at=world.now, step=0, worker_id="w"))
    world.now -= 3_600_000
    world.answer(offered, Fails())
    step = world.state.steps[0]
    assert isinstance(step, Waiting)
    assert step.until == world.state.started_at + 100


def test_a_skipped_dependency_skips_unless_accepted() -> None:
    never = expression("false")
    prepared = program(
        task("a", when=never), task("b", 0), task("c", 0, accepts=("completed", "skipped"))
    )
    world = World(prepared, lambda s, _v, _a: s).start()
    state = world.run()
    assert state.steps[0] == Skipped("condition")
    assert state.steps[1] == Skipped("dependency")
    assert isinstance(state.steps[2], Completed)


@pytest.mark.parametrize("value", ["true", 1, None, [True]])
def test_a_condition_that_is_no_bool_fails_the_step(value: Any) -> None:
    world = World(program(task("a", when=expression("input"))), echo).start(value)
    error = world.state.error
    assert error is not None
    assert (error["code"], error["step"], error["retryable"]) == ("expression", "a", False)
    assert error["message"].startswith("`when`: ")
    assert "not a bool" in error["message"]


@pytest.mark.parametrize("value", ["true", 1, None])
def test_an_end_of_a_loop_that_is_no_bool_fails_the_step(value: Any) -> None:
    loop = task("a", max_iterations=3, until=expression("result"))
    world = World(program(loop), lambda *_: value).start()
    error = world.run().error
    assert error is not None
    assert (error["code"], error["step"], error["attempt"]) == ("expression", "a", 1)
    assert error["message"].startswith("`until`: ")
    assert world.types().count("started a") == 1


def test_a_loop_ends_when_its_condition_holds() -> None:
    loop = task("a", max_iterations=9, until=expression("result == 3"), initial_state=0)
    world = World(program(loop), lambda _s, v, _a: (v or 0) + 1).start()
    assert world.run().output == 3
    assert world.types().count("started a") == 3


@pytest.mark.parametrize("key", ["when", "with"])
def test_an_expression_that_has_no_value_fails_the_step_and_says_where(key: str) -> None:
    more = {"when" if key == "when" else "input": expression("input.nothing == 1")}
    error = World(program(task("a", **more)), echo).start({}).state.error
    assert error is not None
    assert error["message"] == f"`{key}`: there is no field `nothing`"


def test_cancelling_ends_a_step_that_waits_for_its_next_attempt() -> None:
    world = World(program(task("a", retry=RETRY_TWICE)), lambda *_: Fails()).start()
    world.turn()
    assert isinstance(world.state.steps[0], Waiting)
    world.do(i.Cancel(at=world.now))
    assert world.state.status == "cancelled"
    assert world.types()[-3:] == ["workflow.cancel_requested", "cancelled a", "workflow.cancelled"]
    cancelled = world.history[-2]
    assert isinstance(cancelled, StepCancelled)
    assert (cancelled.attempt_number, cancelled.iteration) == (2, 0)


def test_a_worker_s_delay_is_capped_by_the_policy() -> None:
    capped = Retry(max_retries=1, max_delay_ms=7_000)
    world = World(
        program(task("a", retry=capped)),
        lambda _s, _v, n: Fails(retry_after_ms=10**9) if n == 1 else "ok",
    ).start()
    world.run()
    assert world.now - world.state.started_at == 7_000


def test_what_was_decided_before_a_run_s_time_is_up_stands() -> None:
    world = World(program(task("a"), task("b"), timeout_ms=1_000), echo).start()
    world.do(i.Deliver(at=world.now, step=0, worker_id="w"))
    world.do(i.Fail(world.now, 0, 1, 0, "no", "it failed"))
    cut = next(n for n, event in enumerate(world.history, 1) if isinstance(event, StepFailed))
    state = replayed(world, cut)
    advance(world.program, state, i.Tick(at=world.now + 2_000))
    assert state.error is not None
    assert state.error["code"] == "no"
