"""Promises that need more than a history: what is given, told, counted and waited for."""

# ruff: noqa: E501 (documents are written in lines)

from typing import Any

import pytest

from dagnats.ir.program import CodeRetry, Retry
from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine.limits import delay_ms, retries_left
from dagnats.machine.requests import refusal
from dagnats.machine.state import SIGNALS_MAX
from dagnats.machine.turn import Turn
from tests.machine.behaviour import runs
from tests.machine.behaviour.case import end_of
from tests.machine.world import (
    BEGIN_MS,
    HOUR_MS,
    Again,
    Fails,
    Ignored,
    Sleeps,
    Spends,
    Vanishes,
    World,
    cancel,
    decides,
    event,
    pause,
    resume,
    signal,
    taken_up,
)

BAD = Fails(retryable=False)


def given(world: World) -> dict[str, Any]:
    """Play a run whose tasks give back what they were given, and return that by address."""
    seen: dict[str, Any] = {}

    def fate(command: Any) -> Any:
        fates = world.script_fates  # type: ignore[attr-defined]
        seen[command.step] = command.input
        return fates.get(command.step, command.input)

    world.script_fates = dict(world.fates)  # type: ignore[attr-defined,arg-type]
    world.fates = fate
    world.start(world.input).run()  # type: ignore[attr-defined]
    return seen


def given_in(
    document: str, run_input: Any = None, fates: Any = None, **more: Any
) -> dict[str, Any]:
    world = World(document, fates, **more)
    world.input = run_input  # type: ignore[attr-defined]
    return given(world)


# ── what steps are given ──


def test_without_with_a_step_is_given_what_it_depends_on() -> None:
    seen = given_in(
        "steps: [{id: a, task: t}, {id: b, task: t, depends_on: [a]}, {id: s, task: t, when: input == 2},"
        " {id: c, task: t, depends_on: [a, b, {step: s, allow: skipped}]}]",
        1,
        {"a": 10},
    )
    assert seen == {"a": 1, "b": 10, "c": {"a": 10, "b": 10, "s": None}}


def test_bodies_are_given_their_item_or_the_input_of_their_container() -> None:
    seen = given_in(
        """
steps:
  - {id: m, type: map, config: {over: '[7]', max_items: 1, steps: [{id: x, task: t}]}}
  - {id: l, type: loop, with: from-l, config: {max_iterations: 1, while: loop.iteration < 2, steps: [{id: y, task: t}]}}
  - {id: s, type: switch, depends_on: [l], config: {cases: [{when: 'true', steps: [{id: z, task: t}]}]}}
"""
    )
    assert seen == {"m[0].x": 7, "l[1].y": "from-l", "s.z": {"y": "from-l"}}


def test_handlers_are_given_what_they_are_for() -> None:
    seen = given_in(
        "steps: [{id: a, task: t, compensate: ua}, {id: ua, task: t}, {id: b, task: t, depends_on: [a], on_failure: h}, {id: h, task: t}]",
        1,
        {"b": BAD, "b.h": BAD},
    )
    wrong = {
        "code": "boom",
        "message": "it failed",
        "step": "b",
        "attempt": 1,
        "retryable": False,
        "details": None,
    }
    assert seen["b.h"] == {"failed_step": "b", "error": wrong}
    assert seen["a.ua"] == {
        "original_step": "a",
        "original_output": 1,
        "trigger_step": "b",
        "trigger_error": wrong,
    }


def test_finally_sees_the_steps_at_the_top_and_is_given_the_input() -> None:
    seen = given_in(
        'steps: [{id: a, task: t}, {id: b, task: t}]\nfinally: [{id: y, task: t, with: ["${{ steps.a.status }}", "${{ steps.b.status }}"]}, {id: z, task: t}]',
        1,
        {"a": BAD, "b": Ignored()},
    )
    assert (seen["y"], seen["z"]) == (["failed", "cancelled"], 1)


def test_a_handler_in_a_loop_sees_the_loop() -> None:
    seen = given_in(
        """
steps:
  - id: l
    type: loop
    config:
      max_iterations: 2
      initial_state: 5
      state: "${{ loop.state + 1 }}"
      while: loop.iteration < 3
      steps:
        - {id: x, task: t, on_failure: h}
        - {id: h, task: t, with: ["${{ loop.iteration }}", "${{ loop.state }}", "${{ error.code }}"]}
""",
        None,
        {"l[1].x": BAD, "l[2].x": BAD},
    )
    assert (seen["l[1].x.h"], seen["l[2].x.h"]) == ([1, 5, "boom"], [2, 6, "boom"])


def test_an_agent_is_given_its_state() -> None:
    tasks: list[tuple[Any, Any]] = []

    def fate(command: Any) -> Any:
        tasks.append((command.input, command.loop_state))
        return Again({"n": command.iteration}) if command.iteration < 3 else "done"

    document = "steps: [{id: g, type: agent_loop, task: t, config: {max_iterations: 3, initial_state: {n: 0}}}]"
    assert World(document, fate).start("in").run().state.output == "done"
    assert tasks == [("in", {"n": 0}), ({"n": 1}, {"n": 1}), ({"n": 2}, {"n": 2})]


def test_a_step_that_began_early_is_given_the_same_values_again() -> None:
    inputs = []

    def fate(command: Any) -> Any:
        if command.step == "c":
            inputs.append(command.input)
            return Fails() if command.attempt == 1 else "ok"
        return command.step

    World(
        "steps: [{id: a, task: t}, {id: b, task: t}, {id: c, task: t, join: any_success, depends_on: [a, b], retry: {max_retries: 1}}]",
        fate,
    ).start().run()
    assert inputs == [{"a": "a", "b": None}] * 2


# ── errors ──


def test_what_could_not_be_undone_is_told() -> None:
    case = next(one for one in runs.CASES if one.name == "steps that cannot be undone")
    error = case.run().state.error
    assert error is not None
    failed = error["details"]["compensation_failed"]
    assert [(one["step"], one["error"]["code"]) for one in failed] == [("b.ub", "stuck")]


def test_a_map_tells_which_items_failed() -> None:
    document = "steps: [{id: m, type: map, task: t, config: {over: '[1, 2, 3]', max_items: 3, tolerance: 2}}]"
    world = World(document, {"m[0]": BAD, "m[2]": Fails("other", retryable=False)}).start().run()
    ended = next(
        one
        for one in world.history
        if getattr(one, "step_id", "") == "m" and isinstance(one, ev.StepCompleted)
    )
    assert ended.error is not None
    told = [(one["index"], one["error"]["code"]) for one in ended.error["details"]]
    assert told == [(0, "boom"), (2, "other")]


def test_a_failure_on_purpose_says_what_it_was_told_to() -> None:
    document = 'steps: [{id: f, type: fail, config: {code: no, message: "no ${{ input }}", details: {a: 1}}}]'
    error = World(document).start("tea").run().state.error
    assert error is not None
    assert (error["message"], error["details"], error["step"]) == ("no tea", {"a": 1}, "f")


# ── policies ──


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(5, "fixed", 100), [100, 100, 100]),
        (Retry(5, "linear", 100, 250), [100, 200, 250]),
        (Retry(5, "exponential", 100, 1_000, 3.0), [100, 300, 900, 1_000]),
        (Retry(5, "exponential", 100, 10**12, 10.0), [100, 1_000, 10_000, 100_000, 1_000_000]),
        (Retry(5, "listed", 1, 10_000, delays_ms=(5, 7)), [5, 7, 7]),
        (Retry(5, "fixed", 0), [1]),
    ],
)
def test_delays(retry: Retry, waits: list[int]) -> None:
    assert [delay_ms(retry, n, "boom", "ids") for n in range(1, len(waits) + 1)] == waits


def test_a_delay_is_an_hour_at_most_whoever_asks() -> None:
    retry = Retry(5, "fixed", 10**12, 10**12)
    assert delay_ms(retry, 1, "boom", "ids") == HOUR_MS
    assert delay_ms(retry, 1, "boom", "ids", 10**12) == HOUR_MS
    assert delay_ms(Retry(5, "fixed", 1, 500), 1, "boom", "ids", 900) == 500
    assert delay_ms(retry, 1, "boom", "ids", 0) == 1


def test_jitter_comes_of_the_ids_and_only_shortens() -> None:
    retry = Retry(5, "fixed", 1_000, jitter=0.5)
    waits = [delay_ms(retry, 1, "boom", f"run/{n}") for n in range(50)]
    assert waits == [delay_ms(retry, 1, "boom", f"run/{n}") for n in range(50)]
    assert all(500 <= wait <= 1_000 for wait in waits)
    assert len(set(waits)) > 30


def test_policies_by_code() -> None:
    slow = CodeRetry(1, "fixed", 9_000, 9_000)
    retry = Retry(3, "fixed", 100, by_code=(("slow", slow),), non_retryable=("fatal",))
    assert [retries_left(retry, n, "boom") for n in (1, 3, 4)] == [True, True, False]
    assert [retries_left(retry, n, "slow") for n in (1, 2)] == [True, False]
    assert not retries_left(retry, 1, "fatal")
    assert delay_ms(retry, 1, "slow", "ids") == 9_000


def due(world: World) -> list[int]:
    """When attempts follow on failures, in ms after the failure."""
    return [
        one.payload["retry_at"] - ev.milliseconds(one.timestamp)
        for one in world.history
        if isinstance(one, ev.StepFailed) and "retry_at" in one.payload
    ]


def test_a_worker_may_choose_its_delay() -> None:
    document = (
        "steps: [{id: a, task: t, retry: {max_retries: 3, initial_delay: 5s, max_delay: 8s}}]"
    )
    fates = {"a": [Fails(after=100), Fails(after=60_000), Fails(), "ok"]}
    assert due(World(document, fates).start().run()) == [100, 8_000, 5_000]


def test_times_of_a_run() -> None:
    document = "steps: [{id: a, task: t, timeout: 10s}]"
    world = World(document, {"a": Sleeps()}).start().run()
    assert world.now == BEGIN_MS + 10_000
    document = "steps: [{id: a, task: t, queue_timeout: 20s}]"
    assert World(document, {"a": Ignored()}).start().run().now == BEGIN_MS + 20_000
    document = "timeout: 30s\nsteps: [{id: a, type: sleep, config: {duration: 20s}}, {id: b, task: t, depends_on: [a], timeout: 15s}]"
    assert World(document, {"b": Sleeps()}).start().run().now == BEGIN_MS + 30_000


def test_a_paused_attempt_has_its_time_to_wait_anew() -> None:
    document = "steps: [{id: a, task: t, queue_timeout: 1h}]"
    world = World(document, {"a": Ignored()}, on=[("queued a", pause())]).start()
    world.now += 2 * HOUR_MS
    world.do(i.Tick(world.now))
    assert world.state.status == "paused"
    world.do(i.Resume(world.now))
    assert world.run().now == BEGIN_MS + 3 * HOUR_MS


def test_a_clock_that_steps_back_does_not_reorder_a_run() -> None:
    world = World("steps: [{id: a, task: t}, {id: b, task: t, depends_on: [a]}]").start()
    world.turn()
    world.now -= 10_000
    assert world.run().state.status == "completed"


# ── usage ──


def test_usage_is_counted_for_the_run_and_around_each_loop() -> None:
    document = """
steps:
  - id: l
    type: agent_loop
    config:
      max_iterations: 9
      until: "false"
      budget: {usd: 1}
      steps: [{id: m, type: map, task: t, config: {over: '[1, 2]', max_items: 2}}]
      on_exhausted: complete
"""
    world = World(document, lambda _: Spends("x", {"usd": 0.2, "tokens": 3})).start().run()
    assert world.state.usage == {"usd": pytest.approx(1.2), "tokens": 18}


def test_usage_of_failures_and_of_the_last_iteration_counts() -> None:
    document = "steps: [{id: g, type: agent_loop, task: t, retry: {max_retries: 1}, config: {max_iterations: 2, on_exhausted: pause}}]"

    def fate(command: Any) -> Any:
        spent = {"tokens": 1}
        return Fails(usage=spent) if command.attempt == 1 else Again(usage=spent)

    world = World(document, fate, idle=[resume()]).start().run()
    assert world.state.usage == {"tokens": 4}


def test_a_budget_ends_a_paused_run() -> None:
    document = "budget: {tokens: 5}\nsteps: [{id: a, task: t}]\nfinally: [{id: z, task: t}]"
    world = World(document, {"a": Sleeps()}).start()
    world.turn()
    world.do(i.Pause(world.now))
    world.do(i.Complete(world.now, "a", 1, 0, "x", {"tokens": 6}))
    assert end_of(world.run()) == "failed budget"
    assert world.lines[-3:] == ["queued z", "completed z", "run failed budget"]


# ── deliveries, children, events, people ──


def test_a_lost_worker_may_answer_after_all() -> None:
    world = World("steps: [{id: a, task: t}]", {"a": Ignored()}).start()
    world.do(i.Deliver(world.now, "a", "w1"))
    world.do(i.ExpireLease(world.now, "a", 1, 0, 1))
    assert world.waiting
    world.do(i.Complete(world.now, "a", 1, 0, "late"))
    assert (world.state.output, world.waiting) == ("late", {})


def test_an_old_lease_ends_nothing() -> None:
    world = World("steps: [{id: a, task: t}]", {"a": Vanishes(1, Sleeps())}).start()
    world.turn()
    world.turn()
    assert world.do(i.ExpireLease(world.now, "a", 1, 0, 1)) == []
    assert world.do(i.ExpireLease(world.now, "a", 1, 0, 2))


@pytest.mark.parametrize(
    ("more", "closed"), [("", ["c"]), (", on_parent_close: abandon", [])], ids=["cancel", "abandon"]
)
def test_children_end_with_their_parent(more: str, closed: list[str]) -> None:
    document = (
        f"steps: [{{id: c, type: sub_workflow, timeout: 1h, config: {{workflow: other{more}}}}}]"
    )
    world = World(document, {"c": Sleeps()}, idle=[cancel()]).start().run()
    assert world.closed == closed


@pytest.mark.parametrize(
    ("more", "closed"), [("", ["c"]), (", on_parent_close: abandon", [])], ids=["cancel", "abandon"]
)
def test_detached_children_end_with_their_parent(more: str, closed: list[str]) -> None:
    document = (
        f"steps: [{{id: c, type: sub_workflow, config: {{workflow: other, detach: true{more}}}}}]"
    )
    world = World(document).start().run()
    assert set(world.state.output) == {"child_run_id"}
    assert world.closed == closed


def test_a_child_that_took_too_long_is_cancelled() -> None:
    document = "steps: [{id: c, type: sub_workflow, timeout: 1m, config: {workflow: other}}]"
    world = World(document, {"c": Sleeps()}).start().run()
    assert world.closed == ["c"]


def test_an_event_is_published_under_the_same_id_after_a_crash() -> None:
    document = (
        "steps: [{id: a, task: t}, {id: e, type: emit, depends_on: [a], config: {event: paid}}]"
    )
    whole = World(document).start().run()
    again = taken_up(whole, 3).run()
    assert again.emitted == whole.emitted
    assert again.emitted[0].data == "ok"


def test_only_so_many_signals_are_kept() -> None:
    world = World("steps: [{id: a, task: t}]", {"a": Ignored()}).start()
    for number in range(SIGNALS_MAX + 5):
        signal("paid", None, f"s{number}")(world)
    kept = [one["id"] for one in world.state.signals]
    assert kept == [f"s{number}" for number in range(5, SIGNALS_MAX + 5)]


def test_a_signal_that_was_taken_is_not_taken_again() -> None:
    document = "steps: [{id: w, type: wait_for_event, config: {event: paid, timeout: 1h}}, {id: a, task: t, depends_on: [w]}]"
    world = World(document, {"a": Ignored()}, idle=[signal("paid")]).start()
    world.turn()
    assert world.lines[-1] == "queued a"
    before = len(world.history)
    signal("paid")(world)
    assert len(world.history) == before


def test_why_a_decision_does_not_count() -> None:
    document = "steps: [{id: g, type: approval, config: {timeout: 1h, approvers: [ann, staff], quorum: 2}}]"
    world = World(document).start()

    def why(by: str, **more: Any) -> str | None:
        request = i.Decide(world.now, "g", "approve", by, **more)
        return refusal(Turn(world.program, world.state, world.now), request)

    assert why("bob") == "`bob` is none of the approvers: ann, staff"
    assert why("bob", groups=("staff",)) is None
    decides("g")(world)
    assert why("ann") == "`ann` has approved already"
    cancel()(world)
    assert why("ann") == "`g` waits for no decision"


def test_a_run_that_is_ending_cannot_be_paused_or_cancelled() -> None:
    document = "steps: [{id: a, task: t}]\nfinally: [{id: z, task: t}]"
    world = World(document, {"z": Ignored()}).start()
    while "queued z" not in world.lines:
        world.turn()
    assert world.do(i.Pause(world.now)) == []
    assert world.do(i.Cancel(world.now)) == []


def test_an_ended_run_hears_nothing() -> None:
    world = World("steps: [{id: a, task: t}]").start().run()
    before = len(world.history)
    for act in (cancel(), pause(), resume(), event("x"), signal("x"), decides("a")):
        act(world)
    world.do(i.Tick(world.now + HOUR_MS))
    world.do(i.Complete(world.now, "a", 1, 0, "again"))
    assert len(world.history) == before
