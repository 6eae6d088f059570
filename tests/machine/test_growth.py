"""A run of twice the steps costs twice the work: counted in lines of the machine, never in time."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, next_due_ms, start
from dagnats.machine.commands import Enqueue
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState
from tests.machine.world import BEGIN_MS, RETRY_TWICE, Fails, expression, program, task

SMALL = 150


def lines_of(work: Callable[[], Any]) -> int:
    """Run something and count the lines of the machine that it executes, loops included."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "machine" not in frame.f_code.co_filename or "tests" in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def drive(prepared: Prepared, result: Callable[[str], Any]) -> RunState:
    """Play a run without looking at more of it than an engine does; time passes at the end only."""
    request = i.StartRun(at=BEGIN_MS, run_id="r", digest="sha256:test", input={"n": 1})
    state, _, todo = start(prepared, request)
    at = BEGIN_MS
    while not state.ended:
        if not todo:
            at = max(at, next_due_ms(prepared, state))
            todo = advance(prepared, state, i.Tick(at=at)).commands
        for command in todo:
            if isinstance(command, Enqueue):
                advance(prepared, state, i.Deliver(at=at, step=command.step, worker_id="w"))
        todo = [c for command in todo for c in answer(prepared, state, command, result, at)]
    return state


def answer(prepared: Prepared, state: RunState, command: Any, result: Any, at: int) -> list[Any]:
    if not isinstance(command, Enqueue):
        return []
    head = (at, command.step, command.attempt, command.iteration)
    value = result(prepared.nodes[command.step].id)
    if isinstance(value, Fails):
        request: Any = i.Fail(*head, "boom", "it failed", value.retryable)
    else:
        request = i.Complete(*head, value)
    return advance(prepared, state, request).commands


def chain(count: int) -> Prepared:
    return program(task("s0"), *[task(f"s{n}", n - 1) for n in range(1, count)])


def fan(count: int, **more: Any) -> Prepared:
    middle = [task(f"s{n}", 0, **more) for n in range(1, count)]
    join = task("join", *range(1, count), accepts=("completed", "failed", "skipped"))
    return program(task("s0"), *middle, join)


def lone(count: int) -> Prepared:
    return program(*[task(f"s{n}") for n in range(count)])


def skipping(count: int) -> Prepared:
    return program(
        task("s0", when=expression("false")), *[task(f"s{n}", n - 1) for n in range(1, count)]
    )


def fine(_: str) -> Any:
    return {"n": 1}


def failing(step: str) -> Any:
    return "ok" if step in {"s0", "join"} else Fails(retryable=False)


@pytest.mark.parametrize(
    ("shape", "result"),
    [
        pytest.param(chain, fine, id="chain"),
        pytest.param(fan, fine, id="fan"),
        pytest.param(lone, fine, id="lone"),
        pytest.param(skipping, fine, id="skipping"),
        pytest.param(fan, failing, id="tolerated failures"),
        pytest.param(
            lambda n: fan(n, retry=RETRY_TWICE),
            lambda s: "ok" if s in {"s0", "join"} else Fails(),
            id="retries due together",
        ),
        pytest.param(
            lambda n: fan(n, when=expression("steps.s0.output.n == 1")), fine, id="conditions"
        ),
    ],
)
def test_twice_the_steps_cost_twice_the_work(shape: Any, result: Any) -> None:
    small, large = shape(SMALL), shape(2 * SMALL)
    lines = [lines_of(lambda p=p: drive(p, result)) for p in (small, large)]
    assert lines[1] < 2.2 * lines[0], lines


def test_a_wide_run_of_tolerated_failures_ends() -> None:
    state = drive(fan(5_000), failing)
    assert (state.status, state.seq) == ("completed", 2 + 3 * 5_001)
