"""A run of twice the size costs twice the work: counted in lines of the machine, never in time."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.commands import Enqueue, GoOn
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState
from dagnats.machine.ticking import next_due_ms
from tests.machine.world import BEGIN_MS, compiled, uncertified

SMALL = 40
Result = Callable[[Enqueue], Any]


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


def drive(prepared: Prepared, fails: Result, run_input: Any = None) -> RunState:
    """Play a run without looking at more of it than an engine does; time passes at the end only."""
    request = i.StartRun(BEGIN_MS, "r", "sha256:test", run_input)
    state, _, todo, _ = start(prepared, request)
    at = BEGIN_MS
    while not state.ended:
        following = []
        if not todo:
            at = max(at, next_due_ms(prepared, state))
            todo = advance(prepared, state, i.Tick(at)).commands
        for command in todo:
            if isinstance(command, Enqueue):
                advance(prepared, state, i.Deliver(at, command.step, "w"))
                following += advance(prepared, state, answer(at, command, fails)).commands
            elif isinstance(command, GoOn):
                following += advance(prepared, state, i.Tick(at)).commands
        todo = following
    return state


def answer(at: int, command: Enqueue, fails: Result) -> i.Input:
    head = (at, command.step, command.attempt, command.iteration)
    if fails(command):
        return i.Fail(*head, "boom", "it failed", command.attempt == 1)
    return i.Complete(*head, {"n": 1})


def steps(count: int, each: Callable[[int], str], more: str = "") -> str:
    return "steps:\n" + "\n".join(f"  - {{{each(n)}}}" for n in range(count)) + more


def chain(count: int) -> str:
    return steps(count, lambda n: f"id: s{n}, task: t" + (f", depends_on: [s{n - 1}]" if n else ""))


def fan(count: int, more: str = "") -> str:
    last = f"\n  - {{id: z, task: t, join: all_done, depends_on: [{ids(count)}]}}"
    return steps(count, lambda n: f"id: s{n}, task: t{more}", last)


def ids(count: int) -> str:
    return ", ".join(f"s{n}" for n in range(count))


def skipping(count: int) -> str:
    when = ", when: input.go"
    return steps(
        count,
        lambda n: f"id: s{n}, task: t" + (f", depends_on: [s{n - 1}]" if n else when),
    )


def items(count: int, more: str = "", body: str = "") -> str:
    task = "" if body else ", task: t"
    return (
        f"steps: [{{id: m, type: map{task}, retry: {{max_retries: 1}}, "
        f"config: {{over: input.items, max_items: {count}{more}{body}}}}}]"
    ).replace(", retry: {max_retries: 1}" if body else "\0", "")


BODY = ", steps: [{id: x, task: t}, {id: y, task: t, depends_on: [x]}]"


def loop(count: int, more: str = "") -> str:
    return (
        f"steps: [{{id: l, type: loop, config: {{max_iterations: {count}, "
        f"while: loop.iteration <= {count}{more}, steps: [{{id: x, task: t}}]}}}}]"
    )


def agent(count: int) -> str:
    return (
        f"steps: [{{id: g, type: agent_loop, task: t, config: {{max_iterations: {count}, "
        "until: 'false', on_exhausted: complete}}]"
    )


def saga(count: int) -> str:
    undo = "\n" + "\n".join(f"  - {{id: u{n}, task: t}}" for n in range(count))
    end = f"\n  - {{id: z, type: fail, depends_on: [s{count - 1}], config: {{code: no}}}}"
    return steps(
        count,
        lambda n: (
            f"id: s{n}, task: t, compensate: u{n}" + (f", depends_on: [s{n - 1}]" if n else "")
        ),
        undo + end,
    )


def nested(count: int) -> str:
    return (
        f"steps: [{{id: m, type: map, config: {{over: input.items, max_items: {count}, "
        f"max_concurrency: 3, steps: [{{id: l, type: loop, config: {{max_iterations: 2, "
        "while: loop.iteration <= 2, "
        "steps: [{id: x, task: t, compensate: u}, {id: u, task: t}]}}]}}]"
    )


def fine(_: Enqueue) -> bool:
    return False


def every_other(command: Enqueue) -> bool:
    return command.attempt == 1 and command.step != "z"


@pytest.mark.parametrize(
    ("shape", "fails"),
    [
        pytest.param(chain, fine, id="chain"),
        pytest.param(fan, fine, id="fan"),
        pytest.param(skipping, fine, id="skipping"),
        pytest.param(fan, lambda c: c.step != "z", id="tolerated failures"),
        pytest.param(
            lambda n: fan(n, ", retry: {max_retries: 1}"), every_other, id="retries due together"
        ),
        pytest.param(items, fine, id="items"),
        pytest.param(items, every_other, id="items that are retried together"),
        pytest.param(lambda n: items(n, ", max_concurrency: 2"), fine, id="items in a window"),
        pytest.param(lambda n: items(n, "", BODY), fine, id="items with a body"),
        pytest.param(
            lambda n: items(n, ', tolerance: "100%"', BODY), lambda _: True, id="items that fail"
        ),
        pytest.param(loop, fine, id="iterations"),
        pytest.param(lambda n: loop(n, ", delay: 1s"), fine, id="iterations with a wait"),
        pytest.param(agent, fine, id="an agent's iterations"),
        pytest.param(saga, fine, id="compensation"),
        pytest.param(nested, fine, id="a loop for each item"),
    ],
)
def test_twice_the_size_costs_twice_the_work(shape: Any, fails: Any) -> None:
    lines = []
    for size in (SMALL, 2 * SMALL):
        prepared = uncertified(compiled(shape(size)))
        given = {"items": list(range(size)), "go": False}
        lines.append(lines_of(lambda p=prepared, g=given: drive(p, fails, g)))
    assert lines[1] <= 2.3 * lines[0], lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "events"),
    [
        pytest.param(items(3_000), 2 + 2 + 3 * 3_000, id="a map of many items"),
        pytest.param(loop(1_000), 2 + 2 + 5 * 1_000 - 1, id="a loop of many iterations"),
    ],
)
def test_large_runs_end(document: str, events: int) -> None:
    prepared = uncertified(compiled(document))
    state = drive(prepared, fine, {"items": list(range(3_000))})
    assert (state.status, state.seq) == ("completed", events)
