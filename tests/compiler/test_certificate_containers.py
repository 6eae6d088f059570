"""The certificate of every kind of step: sums, bounds around them, and who dominates."""

from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.ir.program import Bound, Certificate, Program
from tests.compiler.proving import certificate_of, program_of, proven

HEAD = "name: w\ntimeout: 100000h\nsteps:\n"
TASK = 11
"""Events of one attempt: queued, and for five deliveries started, and lost or ended."""

LOOP = "{id: l, type: loop, config: {max_iterations: 7, steps: [{id: a, task: t}]}}"
MAP = "{id: m, type: map, task: t, config: {over: '[1]', max_items: 9, max_concurrency: 4}}"
BODY = (
    "{id: m, type: map, config: {over: '[1]', max_items: 9, steps: "
    "[{id: l, type: loop, config: {max_iterations: 7, steps: [{id: a, task: t}]}}]}}"
)
SWITCH = (
    "{id: s, type: switch, config: {on: 'run.id', cases: ["
    "{values: [x], steps: [{id: a, task: t}, {id: b, task: t}]}, "
    "{values: [y], steps: [{id: c, task: t, retry: {max_retries: 4}}]}], default: []}}"
)
AGENT = "{id: l, type: agent_loop, config: {max_iterations: 7, steps: [{id: a, task: t}]}}"
PLANNER = "{id: p, type: planner, task: t, config: {max_steps: 6, max_replans: 1, max_depth: 2}}"
APPROVAL = (
    "{id: g, type: approval, config: {timeout: 10h, remind_every: 3h, quorum: 2, "
    "approvers: [a, b], on_timeout: escalate, escalation: {approvers: [c], timeout: 1h}}}"
)
WAIT = "{id: w, type: wait_for_event, config: {event: e, timeout: 1h, count: 5}}"
HANDLED = (
    "{id: a, task: t, on_failure: f, compensate: c}, {id: f, task: t}, "
    "{id: c, task: t, retry: {max_retries: 1}}"
)
PAUSED = "{id: l, type: agent_loop, task: t, config: {max_iterations: 2, on_exhausted: pause}}"


def part(steps: str, name: str) -> Bound:
    found: Bound = getattr(certificate_of(HEAD.replace("steps:\n", f"steps: [{steps}]")), name)
    return found


@pytest.mark.parametrize(
    ("steps", "name", "most", "symbolic", "dominant"),
    [
        (LOOP, "attempts", 7, "1·l.max_iterations", "a"),
        (LOOP, "events", 2 + 1 + 7 * (TASK + 2), "3 + 13·l.max_iterations", "a"),
        (LOOP, "concurrent_steps", 1, "1", None),
        (MAP, "attempts", 9, "1·m.max_items", "m"),
        (MAP, "events", 2 + 2 + 9 * TASK, "4 + 11·m.max_items", "m"),
        (MAP, "concurrent_steps", 4, "1·m.max_concurrency", "m"),
        (BODY, "attempts", 63, "1·m.max_items·l.max_iterations", "a"),
        (BODY, "events", 2 + 2 + 9 * (2 + 1 + 7 * 13),
         "4 + 3·m.max_items + 13·m.max_items·l.max_iterations", "a"),
        (BODY, "concurrent_steps", 9, "1·m.max_items", "a"),
        (SWITCH, "attempts", 5, "5", "c"),
        (SWITCH, "events", 2 + 2 + 5 * TASK, "59", "c"),
        (SWITCH, "concurrent_steps", 2, "2", None),
        (AGENT, "attempts", 7, "1·l.max_iterations", "a"),
        (PLANNER, "attempts", 2 + 6, "2 + 1·p.max_steps", "p"),
        # A plan that is refused, or becomes steps, is the end of an attempt.
        (PLANNER, "events", 2 + 2 * TASK + 1 + 6 * TASK, "25 + 11·p.max_steps", "p"),
        (PLANNER, "concurrent_steps", 6, "1·p.max_steps", "p"),
        (PLANNER, "timers", 1 + 6 // 2, "4", "p"),
        (PLANNER.replace("task: t", "task: t, retry: {max_retries: 1}"), "timers", 1 + 6,
         "1 + 1·p.max_steps", "p"),
        (APPROVAL, "attempts", 0, "0", None),
        # Asked, one vote and three reminders; asked again, one vote; ended.
        (APPROVAL, "events", 2 + 1 + 1 + 3 + 1 + 1 + 1, "10", "g"),
        (APPROVAL, "timers", 1 + 1, "2", None),
        (APPROVAL, "duration_ms", 11 * 3_600_000, "39600000", "g"),
        (WAIT, "events", 2 + 1 + 5, "8", "w"),
        (WAIT, "timers", 2, "2", None),
        (WAIT, "concurrent_steps", 0, "0", None),
        (WAIT, "duration_ms", 3_600_000, "3600000", "w"),
        ("{id: n, type: sleep, config: {duration: 2h}}", "duration_ms", 7_200_000, "7200000", "n"),
        (HANDLED, "attempts", 1 + 1 + 2, "4", "c"),
        (HANDLED, "events", 2 + 4 * TASK + 2, "48", "c"),
        (HANDLED, "concurrent_steps", 1, "1", None),
        (PAUSED, "events", 2 + 2 * TASK + 2, "4 + 11·l.max_iterations", "l"),
        ("{id: v, type: transform, config: {value: '${{ run.id }}'}}", "events", 3, "3", "v"),
        ("{id: v, type: transform, config: {value: '${{ run.id }}'}}", "expression_cost", 2, "2",
         "v"),
        ("{id: f, type: fail, config: {code: no}}", "events", 3, "3", "f"),
    ],
)  # fmt: skip
def test_numbers(steps: str, name: str, most: int, symbolic: str, dominant: str | None) -> None:
    found = part(steps, name)
    assert (found.max, found.symbolic, found.dominant_step) == (most, symbolic, dominant)


def test_a_loop_takes_as_long_as_its_iterations_and_delays() -> None:
    steps = (
        "{id: l, type: loop, config: {max_iterations: 7, delay: 10s, steps: "
        "[{id: n, type: sleep, config: {duration: 1m}}]}}"
    )
    assert part(steps, "duration_ms").max == 7 * 60_000 + 6 * 10_000
    assert part(steps, "duration_ms").symbolic == "70000·l.max_iterations - 10000"
    limited = steps.replace("delay", "max_duration: 2m, delay")
    assert part(limited, "duration_ms").max == 120_000 + 70_000


def test_items_take_their_turns() -> None:
    nap = "steps: [{id: n, type: sleep, config: {duration: 1m}}]"
    steps = f"{{id: m, type: map, config: {{over: '[1]', max_items: 9, {nap}}}}}"
    assert part(steps, "duration_ms").max == 60_000
    in_turn = steps.replace("max_items: 9", "max_items: 9, max_concurrency: 4")
    found = part(in_turn, "duration_ms")
    assert found.max == 3 * 60_000
    assert found.symbolic == "60000·⌈m.max_items/m.max_concurrency⌉"


def test_compensation_and_finally_come_after_the_timeout() -> None:
    text = (
        "name: w\ntimeout: 1h\nsteps:\n"
        "  - {id: a, task: t, timeout: 1m, queue_timeout: 1m, compensate: c}\n"
        "  - {id: c, task: t, timeout: 1s, queue_timeout: 1s}\n"
        "  - {id: n, type: sleep, config: {duration: 2h}}\n"
        "finally:\n  - {id: f, task: t, timeout: 2s, queue_timeout: 2s}\n"
    )
    found = certificate_of(text).duration_ms
    assert found.max == 3_600_000 + 5 * 2_000 + 5 * 4_000
    assert found.symbolic == "timeout + 30000"
    assert certificate_of(text).concurrent_steps.max == 1


@pytest.mark.parametrize(
    "text",
    [
        f"steps: [{PAUSED}]",
        "concurrency: {max_runs: 1}\nsteps: [{id: a, type: transform, config: {value: 1}}]",
        "singleton: {mode: skip}\nsteps: [{id: a, type: transform, config: {value: 1}}]",
        "steps: [{id: c, type: sub_workflow, timeout: 9h, config: {workflow: w2, detach: true}}]",
    ],
)
def test_what_waits_for_others_waits_as_long_as_it_may(text: str) -> None:
    found = certificate_of(f"name: w\ntimeout: 9h\n{text}\n").duration_ms
    assert (found.max, found.symbolic) == (9 * 3_600_000, "timeout")


def test_the_run_limits_what_is_active_at_once() -> None:
    text = f"name: w\nconcurrency: {{max_steps: 2}}\nsteps: [{MAP}]"
    found = certificate_of(text).concurrent_steps
    assert (found.max, found.symbolic) == (2, "concurrency.max_steps")


@pytest.mark.parametrize(
    ("run", "loop", "tokens", "usd"),
    [
        ("", "", None, None),
        ("tokens: 900", "", 900, None),
        ("", "tokens: 500, usd: 1.5", 500, 2),
        ("tokens: 400", "tokens: 400", 400, None),
        ("usd: 0.5", "usd: 0.25", None, 1),
    ],
)
def test_what_is_spent_is_what_is_declared(
    run: str, loop: str, tokens: int | None, usd: int | None
) -> None:
    head = f"budget: {{{run}}}\n" if run else ""
    budget = f", budget: {{{loop}}}" if loop else ""
    text = (
        f"name: w\n{head}steps:\n  - {{id: l, type: agent_loop, task: t, "
        f"config: {{max_iterations: 3{budget}}}}}\n"
    )
    found = certificate_of(text)
    assert (found.tokens.max, found.usd.max) == (tokens, usd)


def test_a_loop_around_a_budget_multiplies_it() -> None:
    inner = "{id: l, type: agent_loop, task: t, config: {max_iterations: 3, budget: {tokens: 50}}}"
    steps = f"{{id: m, type: map, config: {{over: '[1]', max_items: 9, steps: [{inner}]}}}}"
    found = part(steps, "tokens")
    assert (found.max, found.symbolic) == (450, "50·m.max_items")


CHILD = "{id: c, type: sub_workflow, timeout: 1h, retry: {max_retries: 1}, config: {workflow: pay}}"


def test_a_child_that_is_known_counts_as_its_certificate_says() -> None:
    child = program_of("name: pay\nsteps: [{id: a, task: t}]")

    def registered(name: str) -> Program | None:
        return child if name == "pay" else None

    found = proven(f"name: w\nsteps: [{CHILD}]", registered).certificate
    assert found is not None
    assert (found.attempts.max, found.attempts.symbolic) == (2, "2")
    assert found.events.max == 2 + 4 + 2 * (2 + TASK)
    assert found.duration_ms.max == 2 * 3_600_000 + 1_000


def test_a_child_that_is_not_known_is_left_out_and_that_is_said() -> None:
    found = certificate_of(f"name: w\nsteps: [{CHILD}]")
    assert (found.attempts.max, found.attempts.symbolic) == (0, "0, without `pay`")
    assert found.events.max == 2 + 4


def test_the_events_of_children_are_of_their_own_histories() -> None:
    child = program_of("name: pay\nsteps: [{id: a, task: t}]")
    large = replace(child, certificate=_with_events(child.certificate, 900_000))
    found = proven(f"name: w\nsteps: [{CHILD}]", lambda _: large)
    assert found.certificate is not None
    assert found.certificate.events.max == 6 + 1_800_000


def _with_events(certificate: Certificate, events: int) -> Certificate:
    return replace(certificate, events=Bound(events, str(events)))


def test_only_the_greatest_terms_are_named_and_nothing_is_lost() -> None:
    loops = ", ".join(
        f"{{id: l{n}, type: loop, config: {{max_iterations: {n}, steps: [{{id: a{n}, task: t}}]}}}}"
        for n in range(1, 10)
    )
    found = part(loops, "attempts")
    assert found.max == sum(range(1, 10))
    assert found.symbolic == "6 + " + " + ".join(f"1·l{n}.max_iterations" for n in range(4, 10))


def test_products_that_are_too_large_stay_numbers() -> None:
    inner = "{id: a, task: t}"
    for depth in range(8):
        inner = (
            f"{{id: l{depth}, type: loop, config: {{max_iterations: 100000, steps: [{inner}]}}}}"
        )
    found = proven(f"name: w\nsteps: [{inner}]")
    assert [code for code, _, _ in found.codes] == ["DN6002"]


@pytest.mark.parametrize("steps", [LOOP, MAP, BODY, AGENT, PLANNER, WAIT])
def test_twice_the_steps_cost_twice_as_much(steps: str) -> None:
    def certified(count: int) -> Certificate:
        copies = ", ".join(steps.replace("{id: ", f"{{id: x{n}") for n in range(count))
        return certificate_of(HEAD.replace("steps:\n", f"steps: [{copies}]"))

    one, two = certified(1), certified(2)
    assert two.attempts.max == 2 * (one.attempts.max or 0)
    assert (two.events.max or 0) - 2 == 2 * ((one.events.max or 0) - 2)


def test_every_part_is_there_for_every_kind() -> None:
    everything = ", ".join([MAP, SWITCH, WAIT.replace("w,", "wait,"), PLANNER, APPROVAL])
    found: Any = certificate_of(f"name: w\nsteps: [{everything}]")
    for field in found.__struct_fields__:
        bound = getattr(found, field)
        assert bound.max is None or bound.max >= 0
        assert bound.symbolic
