"""The table of what transitions write, against the machine: each kind of step at its worst.

The certificate counts one event that only a cancelled run writes: the request to cancel.
"""

import pytest

from dagnats.ir import costs
from dagnats.ir.costs import Writes
from dagnats.machine import inputs as i
from tests.compiler.worst import Worst, compiled

HEAD = "name: w\ntimeout: 100000h\nsteps:\n"
RETRY = "retry: {max_retries: 2, initial_delay: 1s}"
TASK = costs.attempts(3, 5)
ONE = costs.attempts(1, 5)
PLAN = f"name: plan\nsteps: [{{id: a, task: t, {RETRY}}}, {{id: b, task: t, {RETRY}}}]"


def times(count: int, writes: Writes) -> Writes:
    return tuple(write._replace(times=write.times * count) for write in writes)


KINDS: dict[str, tuple[str, Writes]] = {
    "normal": (f"{{id: a, task: t, {RETRY}}}", TASK),
    "by code": (
        ("{id: a, task: t, retry: {max_retries: 1, by_code: {x: {max_retries: 2}, "
        "y: {max_retries: 9}}, non_retryable: [y]}}"),
        TASK,
    ),
    "agent": (f"{{id: a, type: agent, task: t, {RETRY}}}", TASK),
    "agent_loop": (
        f"{{id: a, type: agent_loop, task: t, {RETRY}, config: {{max_iterations: 4, delay: 1s}}}}",
        times(4, TASK),
    ),
    "agent_loop that pauses": (
        (f"{{id: a, type: agent_loop, task: t, {RETRY}, "
        "config: {max_iterations: 4, on_exhausted: pause}}"),
        (*times(4, TASK), *costs.PAUSE),
    ),
    "planner": (
        f"{{id: p, type: planner, task: t, {RETRY}, config: {{max_steps: 2, max_replans: 3}}}}",
        (*times(4, TASK), *costs.PLAN, *times(2, TASK)),
    ),
    "loop": (
        (
            "{id: l, type: loop, config: {max_iterations: 4, "
            f"steps: [{{id: a, task: t, {RETRY}}}]}}}}"
        ),
        (*costs.LOOP, *times(4, (*costs.PASS, *TASK))),
    ),
    "loop that pauses": (
        ("{id: l, type: loop, config: {max_iterations: 4, delay: 1s, on_exhausted: pause, "
        "steps: [{id: a, task: t}]}}"),
        (*costs.LOOP, *times(4, (*costs.PASS, *ONE)), *costs.PAUSE),
    ),
    "loop while": (
        (
            "{id: l, type: loop, config: {max_iterations: 4, while: 'true', "
            "steps: [{id: a, task: t}]}}"
        ),
        (*costs.LOOP, *times(4, (*costs.PASS, *ONE))),
    ),
    "map of a task": (
        "{id: m, type: map, task: t, config: {over: '[1, 2, 3]', max_items: 3}}",
        (*costs.MAP, *times(3, ONE)),
    ),
    "map": (
        ("{id: m, type: map, config: {over: '[1, 2, 3]', max_items: 3, max_concurrency: 2, "
        "steps: [{id: a, task: t}, {id: b, task: t}]}}"),
        (*costs.MAP, *times(3, (*costs.ITEM, *ONE, *ONE))),
    ),
    "switch": (
        "{id: s, type: switch, config: {cases: [{when: 'true', steps: [{id: a, task: t}]}]}}",
        (*costs.CHOICE, *ONE),
    ),
    "switch by default": (
        ("{id: s, type: switch, config: {on: '1', cases: [{values: [2], steps: []}], "
        "default: [{id: a, task: t}]}}"),
        (*costs.CHOICE, *ONE),
    ),
    "sleep": ("{id: n, type: sleep, config: {duration: 1m}}", costs.SLEEP),
    "wait_for_event": (
        "{id: w, type: wait_for_event, config: {event: e, timeout: 1h}}",
        costs.wait(1),
    ),
    "several events": (
        "{id: w, type: wait_for_event, config: {event: e, timeout: 1h, count: 4}}",
        costs.wait(4),
    ),
    "approval": (
        "{id: g, type: approval, config: {timeout: 1h, approvers: [a]}}",
        costs.approval(1, 1, 0),
    ),
    "approval of several": (
        ("{id: g, type: approval, config: {timeout: 9h, approvers: [a, b, c], quorum: 3, "
        "remind_every: 3h, on_timeout: escalate, escalation: {approvers: [d], timeout: 7h}}}"),
        costs.approval(2, 3, 2 + 2),
    ),
    "sub_workflow": (
        "{id: c, type: sub_workflow, retry: {max_retries: 2}, config: {workflow: pay}}",
        costs.child(3),
    ),
    "transform": ("{id: v, type: transform, config: {value: 1}}", costs.AT_ONCE),
    "emit": ("{id: v, type: emit, config: {event: e, data: 1}}", costs.AT_ONCE),
    "respond": ("{id: v, type: respond, config: {body: 1}}", costs.AT_ONCE),
    "fail": ("{id: v, type: fail, config: {code: no}}", costs.AT_ONCE),
    "on_failure": (
        f"{{id: a, task: t, {RETRY}, on_failure: h}}, {{id: h, task: t}}",
        (*TASK, *costs.RECOVERY, *ONE),
    ),
    "on_failure of on_failure": (
        "{id: a, task: t, on_failure: h}, {id: h, task: t, on_failure: i}, {id: i, task: t}",
        (*ONE, *costs.RECOVERY, *ONE, *costs.RECOVERY, *ONE),
    ),
    "compensate": (
        ("{id: a, task: t, compensate: c}, {id: c, task: t, compensate: d}, {id: d, task: t}, "
        "{id: b, task: fails, depends_on: [a]}"),
        (*times(4, ONE), *times(2, costs.COMPENSATION)),
    ),
}  # fmt: skip


def within(world: Worst) -> int:
    """Return how many events a run has written that its certificate is about."""
    return sum(number for event, number in world.types.items() if event not in costs.OUTSIDE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_step_writes_what_the_table_says(kind: str) -> None:
    steps, writes = KINDS[kind]
    fails = {"b"} if kind == "compensate" else ()
    world = Worst(compiled(f"{HEAD}  [{steps}]"), fails=fails, plan=PLAN).run()
    own = costs.events(writes)
    assert within(world) == costs.events(costs.RUN) + own, world.types
    assert world.certificate.events.max == costs.events(costs.RUN) + own
    assert world.certificate.attempts.max == world.types["step.queued"]


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_of_the_types_that_the_table_names(kind: str) -> None:
    steps, writes = KINDS[kind]
    fails = {"b"} if kind == "compensate" else ()
    world = Worst(compiled(f"{HEAD}  [{steps}]"), fails=fails, plan=PLAN).run()
    named = {write.event for write in (*writes, *costs.RUN) if write.times} | STANDS_FOR
    assert set(world.types) - set(costs.OUTSIDE) <= named


STANDS_FOR = {
    "workflow.failed", "step.failed", "step.continue", "step.completed", "step.exhausted",
    "planner.refused", "planner.materialized", "workflow.resumed",
}  # fmt: skip
"""What is written in place of what the table names: another end of the same thing."""


def test_the_phases_of_a_run() -> None:
    text = (
        "name: w\ntimeout: 100000h\nsteps:\n  - {id: a, task: t, compensate: c}\n"
        "  - {id: c, task: t}\n  - {id: b, task: t, depends_on: [a]}\n"
        "finally:\n  - {id: f, task: t}\n"
    )
    world = Worst(compiled(text), fails={"b"}).run()
    phases = (*costs.RUN, *costs.LAST, *costs.COMPENSATION, *times(4, ONE))
    assert within(world) == costs.events(phases)
    assert world.certificate.events.max == costs.events(phases)


def test_every_generation_is_within_the_certificate() -> None:
    text = HEAD + (
        "  - {id: a, task: t, retry: {max_retries: 1}}\n"
        "  - {id: n, type: continue_as_new, depends_on: [a], config: {input: 1, "
        "max_generations: 3}}\n"
    )
    world = Worst(compiled(text)).run()
    assert world.types["workflow.continued"] == 2
    assert world.counters.events == world.certificate.events.max
    assert world.counters.attempts == world.certificate.attempts.max == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_not_done_writes_no_more_than_one_that_is(kind: str) -> None:
    writes = KINDS[kind][1]
    assert costs.events(costs.SKIPPED) == costs.events(costs.CANCELLED) == 1
    assert costs.events(writes) >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_cancelled_at_any_time_is_within_its_certificate(kind: str) -> None:
    program = compiled(f"{HEAD}  [{KINDS[kind][0]}]")
    for turns in range(0, 60, 3):
        world = Worst(program, plan=PLAN)
        for _ in range(turns):
            if not world.state.ended:
                world.step()
        world.do(i.Cancel(world.now, "enough"))
        world.run()
        assert within(world) <= (world.certificate.events.max or 0)


def test_what_is_asked_and_said_from_outside_is_not_counted() -> None:
    world = Worst(compiled(f"{HEAD}  [{{id: n, type: sleep, config: {{duration: 1m}}}}]"))
    events = world.certificate.events.max
    # Far more bytes than the run has: none of them count.
    data = "x" * (costs.PAYLOAD_BYTES_MAX - 1_000)
    for number in range(20):
        world.do(i.Pause(world.now, "lunch" * 500))
        world.do(i.Resume(world.now))
        world.do(i.Signal(world.now, {"id": f"e{number}", "type": "x", "data": data, "at": ""}))
    world.do(i.Cancel(world.now, "enough"))
    assert world.state.ended
    assert sum(world.types.values()) == 4 + 1 + 20 * 3
    assert world.counters.events == within(world) - 20 == events
    assert world.counters.bytes <= costs.EVENT_ENVELOPE_BYTES_MAX * (events or 0)
