"""Times and numbers that contradict each other, and keys that do nothing."""

import pytest

from dagnats.compiler.liveness import span_ms
from dagnats.diagnostics.fixes import apply
from dagnats.ir.program import CodeRetry, Retry
from dagnats.machine.limits import delay_ms
from tests.compiler.proving import proven

AGENT = "type: agent_loop, task: t"


def codes(text: str) -> list[str]:
    return [code for code, _, _ in proven(text).codes]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        # Keys without effect.
        ("type: transform, timeout: 1m, config: {value: 1}", ["DN7001"]),
        ("type: transform, retry: {max_retries: 1}, config: {value: 1}", ["DN7001"]),
        ("type: transform, with: {x: 1}, config: {value: 1}", ["DN7001"]),
        ("type: emit, with: {x: 1}, config: {event: e}", []),
        ("type: emit, worker_group: g, config: {event: e}", ["DN7001"]),
        ("type: sleep, timeout: 1m, config: {duration: 1s}", ["DN7001"]),
        ("type: approval, timeout: 1h", []),
        ("type: approval, timeout: 1h, config: {timeout: 2h}", ["DN7001"]),
        ("type: approval, retry: {max_retries: 1}, config: {timeout: 2h}", ["DN7001"]),
        (("type: sub_workflow, timeout: 1h, retry: {max_retries: 1},"
         " config: {workflow: x, version: '1'}"), []),
        ("type: sub_workflow, heartbeat_timeout: 1s, config: {workflow: x, version: '1'}",
         ["DN7001"]),
        (f"{AGENT}, timeout: 1m, retry: {{max_retries: 1}}, config: {{max_iterations: 2}}", []),
        ("type: agent_loop, timeout: 1m, config: {max_iterations: 2, steps: [{id: b, task: t}]}",
         ["DN7001"]),
        ("type: map, task: t, timeout: 1m, config: {over: '[1]', max_items: 2}", []),
        ("type: map, timeout: 1m, config: {over: '[1]', max_items: 2, steps: [{id: b, task: t}]}",
         ["DN7001"]),
        ("task: t, retry: {max_retries: 2, strategy: linear, delays: [1s]}", ["DN7001"]),
        ("type: approval, config: {timeout: 1h, escalation: {approvers: [a], timeout: 1h}}",
         ["DN7001"]),
        # Heartbeats.
        ("task: t, timeout: 1m, heartbeat_timeout: 1m", ["DN7002"]),
        ("task: t, timeout: 1m, heartbeat_timeout: 59s", []),
        ("task: t, heartbeat_timeout: 6m", ["DN7002"]),
        # Times of loops.
        (f"{AGENT}, timeout: 2m, config: {{max_iterations: 2, max_duration: 1m}}", ["DN7006"]),
        (f"{AGENT}, config: {{max_iterations: 2, max_duration: 1m}}", []),
        (("type: loop, config: {max_iterations: 2, max_duration: 1m, "
         "steps: [{id: n, type: sleep, config: {duration: 2m}}]}"), ["DN7005"]),
        # Approvals.
        ("type: approval, config: {timeout: 1h, quorum: 2}", []),
        ("type: approval, config: {timeout: 1h, quorum: 2, approvers: [a]}", ["DN7007"]),
        ("type: approval, config: {timeout: 1h, on_timeout: escalate}", ["DN7008"]),
        ("type: approval, config: {timeout: 1h, remind_every: 1h}", ["DN7010"]),
        # Maps.
        ("type: map, task: t, config: {over: '[1]', max_items: 2, tolerance: 1}", []),
        ("type: map, task: t, config: {over: '[1]', max_items: 2, tolerance: 2}", ["DN7009"]),
        ("type: map, task: t, config: {over: '[1]', max_items: 2, tolerance: 100%}", []),
    ],
)  # fmt: skip
def test_steps(step: str, found: list[str]) -> None:
    assert codes(f"name: w\nsteps:\n  - {{id: a, {step}}}\n") == found


@pytest.mark.parametrize(
    ("head", "step", "found"),
    [
        ("timeout: 1h", "task: t, timeout: 2h", ["DN7003"]),
        ("timeout: 1h\ndefaults: {timeout: 2h}", "task: t", ["DN7003"]),
        ("timeout: 1h\ndefaults: {timeout: 2h}", "task: t, timeout: 1m", []),
        ("timeout: 1h\ndefaults: {wait_timeout: 2h}", "type: approval", ["DN7003"]),
        ("timeout: 1h", "type: wait_for_event, config: {event: e, timeout: 2h}", ["DN7003"]),
        ("timeout: 1m", "task: t", []),
        ("timeout: 1h", ("type: loop, config: {max_iterations: 2, max_duration: 2h, "
         "steps: [{id: b, task: t}]}"), ["DN7003"]),
        ("timeout: 1h", "task: t, retry: {max_retries: 4, initial_delay: 15m}", ["DN7004"]),
        ("timeout: 1h", "task: t, retry: {max_retries: 3, initial_delay: 15m}", []),
        ("timeout: 1h\ndefaults: {retry: {max_retries: 4, initial_delay: 15m}}", "task: t",
         ["DN7004"]),
        ("timeout: 1h", "type: sleep, config: {duration: 2h}", ["DN7005"]),
        ("timeout: 1h", "type: sleep, when: run.id != '', config: {duration: 2h}", []),
        ("timeout: 1h", ("type: sleep, config: {duration: 40m}}\n"
         "  - {id: b, type: sleep, depends_on: [a], config: {duration: 40m}"), ["DN7005"]),
        ("timeout: 1h", ("type: sleep, config: {duration: 40m}}\n"
         "  - {id: b, type: sleep, config: {duration: 40m}"), []),
        ("timeout: 1h", ("type: map, config: {over: '[1]', max_items: 2, steps: "
         "[{id: b, type: sleep, config: {duration: 2h}}]}"), []),
        ("budget: {usd: 1}", f"{AGENT}, config: {{max_iterations: 2, budget: {{usd: 2}}}}",
         ["DN6004"]),
        ("budget: {usd: 2}", f"{AGENT}, config: {{max_iterations: 2, budget: {{usd: 2}}}}", []),
        ("priority: {key: input.x, rules: {}}", "task: t", ["DN7011"]),
        ("priority: {key: input.x, rules: {a: 5, b: 5}, default_offset: 5}", "task: t",
         ["DN7011"]),
        ("priority: {key: input.x, rules: {a: 5}, default_offset: 4}", "task: t", []),
    ],
)  # fmt: skip
def test_steps_in_their_run(head: str, step: str, found: list[str]) -> None:
    assert codes(f"name: w\n{head}\nsteps:\n  - {{id: a, {step}}}\n") == found


def test_what_is_inherited_is_told_once() -> None:
    steps = "".join(f"  - {{id: s{n}, task: t}}\n" for n in range(5))
    text = (
        f"name: w\ntimeout: 1h\ndefaults: {{timeout: 2h, heartbeat_timeout: 3h}}\nsteps:\n{steps}"
    )
    assert proven(text).codes == [("DN7003", 3, 21), ("DN7002", 3, 44)]


POLICIES = [
    CodeRetry(5, "fixed", 100),
    CodeRetry(5, "fixed", 0),
    CodeRetry(5, "fixed", 5_000, 900),
    CodeRetry(20, "linear", 100, 900),
    CodeRetry(3, "linear", 100),
    CodeRetry(10, "exponential", 100, 900),
    CodeRetry(10, "exponential", 7, 100_000, 1.7),
    CodeRetry(10, "exponential", 100, 900, 0.5),
    CodeRetry(0, "exponential", 100),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_the_span_of_retries_is_what_the_machine_waits(policy: CodeRetry) -> None:
    retry = Retry(
        policy.max_retries,
        policy.strategy,
        policy.initial_delay_ms,
        policy.max_delay_ms,
        policy.multiplier,
    )
    waited = sum(
        delay_ms(retry, attempt + 1, "boom", "ids") for attempt in range(policy.max_retries)
    )
    # Fractions of milliseconds are not waited for.
    assert waited <= span_ms(policy) <= waited + policy.max_retries


def test_listed_delays_repeat_the_last_one_and_jitter_takes_away() -> None:
    listed = CodeRetry(4, "listed", delays_ms=(1_000, 3_000))
    assert span_ms(listed) == 10_000
    assert span_ms(CodeRetry(4, "fixed", 1_000, jitter=0.5)) == 2_000


UNBOUNDED = [
    # Where the bound is added, as it is written there.
    "name: w\nsteps:\n  - {id: a, type: agent_loop, task: t}\n",
    "name: w\nsteps:\n  - id: a\n    type: agent_loop\n    task: t\n",
    "name: w\nsteps:\n  - id: a\n    type: agent_loop\n    task: t\n    config: {}\n",
    "name: w\nsteps:\n  - id: a\n    type: loop\n    config:\n      steps: [{id: b, task: t}]\n",
    (
        "name: w\nsteps:\n  - id: a\n    type: agent_loop\n    task: t\n"
        "    config:\n      until: result.done == true\n      # why\n      delay: 10s\n"
    ),
    (
        "name: w\nsteps:\n  - id: a\n    type: map\n"
        "    config: {over: '[1]', steps: [{id: b, task: t}]}\n"
    ),
    "name: w\nsteps:\n  - id: a\n    type: planner\n    task: t\n",
    "name: w\nsteps:\n  - id: a\n    type: approval\n",
    '{"name": "w", "steps": [{"id": "a", "type": "approval"}]}',
    '{"name": "w", "steps": [{"id": "a", "type": "approval", "config": {}}]}',
    '{"name": "w", "steps": [{"id": "a", "type": "wait_for_event", "config": {"event": "e"}}]}',
    (
        '{"name": "w",\n "steps": [\n  {\n   "id": "a",\n   "type": "wait_for_event",\n'
        '   "config": {\n    "event": "e"\n   }\n  }\n ]\n}\n'
    ),
    (
        "name: w\nsteps:\n  - id: a\n    type: continue_as_new\n    when: run.generation < 3\n"
        "    config: {input: 1}\n"
    ),
]


@pytest.mark.parametrize("text", UNBOUNDED)
def test_the_fix_of_a_missing_bound_mends_it(text: str) -> None:
    found = [d for d in proven(text).findings if d.code == "DN6001"]
    assert len(found) == 1
    assert found[0].fixes[0].applicability == "unsafe"
    mended, applied = apply(text, found[0].fixes)
    assert len(applied) == 1
    after = proven(mended)
    assert after.program is not None, mended


def test_a_merged_config_is_not_touched() -> None:
    text = (
        "name: w\nx-loop: &l {config: {until: result.done == true}}\n"
        "steps:\n  - {<<: *l, id: a, type: agent_loop, task: t}\n"
    )
    found = [d for d in proven(text).findings if d.code == "DN6001"]
    assert [d.fixes for d in found] == [()]


@pytest.mark.parametrize("default", ["max_iterations: 3", "max_items: 3", "wait_timeout: 1h"])
def test_a_bound_may_be_inherited(default: str) -> None:
    kinds = {
        "max_iterations: 3": "type: agent_loop, task: t",
        "max_items: 3": "type: map, task: t, config: {over: '[1]'}",
        "wait_timeout: 1h": "type: wait_for_event, config: {event: e}",
    }
    step = f"steps:\n  - {{id: a, {kinds[default]}}}\n"
    assert codes(f"name: w\n{step}") == ["DN6001"]
    assert codes(f"name: w\ndefaults: {{{default}}}\n{step}") == []


def test_bodies_are_not_deeper_than_the_machine_takes() -> None:
    def nested(depth: int) -> str:
        inner = "{id: t, task: t}"
        for n in range(depth):
            inner = f"{{id: l{n}, type: loop, config: {{max_iterations: 1, steps: [{inner}]}}}}"
        return f"name: w\nsteps: [{inner}]"

    assert codes(nested(8)) == []
    assert codes(nested(9)) == ["DN6002"]
    assert codes(nested(12)) == ["DN6002"]


def test_items_at_once_have_a_limit() -> None:
    body = ", ".join(f"{{id: b{n}, type: transform, config: {{value: 1}}}}" for n in range(11))
    config = f"over: '[1]', max_items: 10000, steps: [{body}]"
    text = f"name: w\nsteps: [{{id: m, type: map, config: {{{config}}}}}]"
    assert codes(text) == ["DN6002"]
    assert codes(text.replace("max_items: 10000", "max_items: 10000, max_concurrency: 100")) == []
