"""Documents of the Go dagnats: every key means what it means there, every rule is an error here.

The tables list all keys of its definitions and all rules of its validation.
"""

import json

import pytest

from dagnats.diagnostics.diagnostic import Severity
from tests.lang.fronts import errors, front, meaning, mended, told
from tests.source.reading import part


def steps(*parts, more=""):
    """Return a document with steps in flow style."""
    return f"name: n\n{more}steps:\n" + "".join(f"  - {part}\n" for part in parts)


A = "{id: a, task: t.a}"

IS_OK = "type(steps.a.output) == map && has(steps.a.output.ok)"
OK = "steps.a.output.ok"
SKIPS = [
    ("==", "true", f'"!({IS_OK} && {OK} == true)"'),
    ("!=", "x", f"""'!({IS_OK} && type({OK}) == string && {OK} != "x")'"""),
    ("<", "1.5", f'"!({IS_OK} && (type({OK}) == int || type({OK}) == double) && {OK} < 1.5)"'),
]
# What Go writes, what it is now, and the codes that say so. Where the two are the same text, the
# key is spelt as it was.
KEYS = [
    # the workflow
    ("name, version, steps", steps(A, more="version: '2'\n"), None, ""),
    ("version as a number", steps(A, more="version: 1.10\n"), None, ""),
    ("timeout", steps(A, more="timeout: 60000000000\n"), steps(A, more='timeout: "1m"\n'),
     "DN9001"),
    ("timeout unset", steps(A, more="timeout: 0\n"), None, ""),
    ("input_schema", steps(A, more="input_schema: {type: object}\n"),
     steps(A, more="input: {type: object}\n"), "DN9001"),
    ("output_schema", steps(A, more="output_schema: {type: object}\n"), None, ""),
    ("default_retry", steps(A, more="default_retry: {max_attempts: 3, strategy: fixed}\n"),
     steps(A, more="defaults: {retry: {max_retries: 3, initial_delay: 1ms, strategy: fixed}}\n"),
     "DN9001 DN9001"),
    ("concurrency", steps(A, more="concurrency: {max_runs: 0, max_steps: 4}\n"), None, ""),
    ("aux_steps", steps(A, more="aux_steps: {a: true}\n"), steps(A), "DN9013"),
    ("idempotency_key", steps(A, more="idempotency_key: order.id\n"),
     steps(A, more="idempotency_key: input.order.id\n"), "DN9001"),
    ("idempotency_key with other names", steps(A, more="idempotency_key: order-no.0.in\n"),
     steps(A, more="""idempotency_key: 'input["order-no"]["0"]["in"]'\n"""), "DN9001"),
    ("idempotency_key unset", steps(A, more="idempotency_key: ''\n"), steps(A), "DN9013"),
    ("idempotency_key of a field that may be missing",
     steps(A, more="input: {properties: {order: {properties: {id: {}}}}}\n"
           "idempotency_key: order.id\n"),
     steps(A, more="input: {properties: {order: {properties: {id: {}}}}}\n"
           'idempotency_key: "input.?order.?id.value()"\n'), "DN9001"),
    ("sticky", steps(A, more="sticky: soft\n"), None, ""),
    ("sticky unset", steps(A, more="sticky: ''\n"), steps(A), "DN9013"),
    ("priority", steps(A, more="priority: {key: plan, rules: {paid: 300}, default_offset: 0}\n"),
     steps(A, more="priority: {key: input.plan, rules: {paid: 300}, default_offset: 0}\n"),
     "DN9001"),
    ("singleton", steps(A, more="singleton: {mode: skip, key: repo}\n"),
     steps(A, more="singleton: {mode: skip, key: input.repo}\n"), "DN9001"),
    ("cancel_on", steps(A, more="cancel_on: [{event: e, match: {left: o.id, op: eq, right: "
                        "input.id}, timeout: 0}]\n"),
     steps(A, more='cancel_on: [{event: e, match: "has(event.data.o) && has(event.data.o.id) && '
           'string(event.data.o.id) == string(input.id)", timeout: 0}]\n'), "DN9001"),
    ("cancel_on without a match",
     steps(A, more="cancel_on: [{event: e, match: {left: '', op: '', right: ''}}]\n"),
     steps(A, more="cancel_on: [{event: e}]\n"), "DN9013"),
    # steps
    ("type, timeout and depends_on", steps(
        A, "{id: b, task: t.b, type: agent, timeout: 0, depends_on: [a]}"), None, ""),
    ("retries", steps("{id: a, task: t.a, retries: 3}"),
     steps("{id: a, task: t.a, retry: {max_retries: 3, strategy: fixed, initial_delay: 5s}}"),
     "DN9001"),
    ("retries unset", steps("{id: a, task: t.a, retries: 0}"), steps(A), "DN9013"),
    ("retries beside a policy", steps("{id: a, task: t.a, retries: 3, retry: {max_attempts: 1}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 1, initial_delay: 1ms}}"), "DN9001 DN9013"),
    ("retries beside a default", steps("{id: a, task: t.a, retries: 3}",
                                       more="default_retry: {max_attempts: 1}\n"),
     steps(A, more="defaults: {retry: {max_retries: 1, initial_delay: 1ms}}\n"),
     "DN9001 DN9001 DN9013"),
    ("retry", steps("{id: a, task: t.a, retry: {max_attempts: 3, strategy: linear, "
                    "initial_delay: 1000000000, max_delay: 0, multiplier: 0}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 3, strategy: linear, "
           'initial_delay: "1s", max_delay: 0, multiplier: 0}}'), "DN9001 DN9001"),
    ("retry with little", steps("{id: a, task: t.a, retry: {max_attempts: 3}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 3, initial_delay: 1ms}}"), "DN9001"),
    ("retry of nothing", steps("{id: a, task: t.a, retry: {max_attempts: 0}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 0}}"), "DN9001"),
    ("retry at once", steps("{id: a, task: t.a, retry: {max_attempts: 3, initial_delay: 0}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 3, initial_delay: 0}}"), "DN9001"),
    ("exponential retry", steps("{id: a, task: t.a, retry: {max_attempts: 3, strategy: "
                                "exponential, initial_delay: 1s, multiplier: 2}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 3, strategy: exponential, initial_delay: 1s, "
           "multiplier: 2}}"), "DN9001"),
    ("exponential retry by nothing", steps("{id: a, task: t.a, retry: {max_attempts: 3, strategy: "
                                           "exponential, initial_delay: 2s, max_delay: 1s}}"),
     steps("{id: a, task: t.a, retry: {max_retries: 3, delays: [1s, 1ms], initial_delay: 2s, "
           "max_delay: 1s}}"), "DN9001 DN9001"),
    ("metadata", steps("{id: a, task: t.a, metadata: {k: v}}"), None, ""),
    ("worker_group", steps("{id: a, task: t.a, worker_group: gpu}"), None, ""),
    ("on_failure and compensate",
     steps("{id: a, task: t.a, on_failure: b, compensate: c}", "{id: b, task: t.b}",
           "{id: c, task: t.c}"), None, ""),
    ("rate_limit", steps("{id: a, task: t.a, rate_limit: {limit: 1, period: 60000000000}}"),
     steps('{id: a, task: t.a, rate_limit: {limit: 1, period: "1m"}}'), "DN9001"),
    ("keyed_rate_limit",
     steps("{id: a, task: t.a, keyed_rate_limit: {key: user.id, limit: 1, period: 1s, units: 2}}"),
     steps("{id: a, task: t.a, keyed_rate_limit: {key: input.user.id, limit: 1, period: 1s, "
           "units: 2}}"), "DN9001"),
    ("max_task_concurrency", steps("{id: a, task: t.a, max_task_concurrency: 0}"), None, ""),
    ("singleton of a step", steps("{id: a, singleton: true, task: t.a}"), steps(A), "DN9013"),
    ("required_capabilities", steps("{id: a, task: t.a, required_capabilities: [x]}"), None, ""),
    # conditions
    *[
        (f"skip_if {op} {value}",
         steps(A, "{id: b, task: t.b, depends_on: [a], skip_if: {step_id: a, field: ok, "
               f"op: '{op}', value: {value}}}}}"),
         steps(A, f"{{id: b, task: t.b, depends_on: [a], when: {when}}}"), "DN9001")
        for op, value, when in SKIPS
    ],
    ("skip_if with other names",
     steps("{id: a-1, task: t.a}", "{id: b, task: t.b, depends_on: [a-1], "
           "skip_if: {step_id: a-1, field: is ok, op: '==', value: 1}}"),
     steps("{id: a-1, task: t.a}", """{id: b, task: t.b, depends_on: [a-1], when: """
           """'!(type(steps["a-1"].output) == map && "is ok" in steps["a-1"].output && """
           """steps["a-1"].output["is ok"] == 1)'}"""), "DN9001"),
    ("skip_if that never skips", steps(A, "{id: b, task: t.b, depends_on: [a], "
     "skip_if: {step_id: a, field: ok, op: '<', value: true}}"),
     steps(A, "{id: b, task: t.b, depends_on: [a]}"), "DN9013"),
    ("who waits for a step that is skipped goes on",
     steps(A, "{id: b, task: t.b, depends_on: [a], "
           "skip_if: {step_id: a, field: ok, op: '==', value: 1}}",
           "{id: c, task: t.c, depends_on: [b, {step: a}, {step: b, allow: failed}]}",
           "{id: d, task: t.c, depends_on: [{step: b}]}"),
     None, "DN9001"),
    ("a chain of them", steps(
        A, "{id: b, task: t.b, depends_on: [a], skip_if: "
        "{step_id: a, field: ok, op: '==', value: 1}}",
        "{id: c, task: t.c, depends_on: [b], skip_if: "
        "{step_id: b, field: ok, op: '==', value: 1}}"),
     steps(A, '{id: b, task: t.b, depends_on: [a], when: "!(type(steps.a.output) == map && '
           'has(steps.a.output.ok) && steps.a.output.ok == 1)"}',
           "{id: c, task: t.c, depends_on: [{step: b, allow: skipped}], when: "
           """'!(steps.b.status == "completed" && type(steps.b.output) == map && """
           """has(steps.b.output.ok) && steps.b.output.ok == 1)'}"""), "DN9001 DN9001"),
    # configurations
    ("agent_loop", steps("{id: a, type: agent_loop, task: t.a, config: {max_iterations: 3, "
     "max_duration: 0, loop_delay: 1000000000, budget_warn_at: 1, budget_force_at: 2}}"),
     steps("{id: a, type: agent_loop, task: t.a, config: {max_iterations: 3, max_duration: 0, "
           'delay: "1s"}}'), "DN9001 DN9001 DN9013 DN9013"),
    ("map", steps(A, "{id: b, type: map, task: t.b, depends_on: [a], config: {max_items: 5}}"),
     None, ""),
    ("sub_workflow", steps("{id: a, task: '', type: sub_workflow, "
                           "config: {workflow: w, detach: true}}"),
     steps("{id: a, type: sub_workflow, config: {workflow: w, detach: true}}"), "DN9013"),
    ("sleep duration", steps("{id: a, type: sleep, config: {duration: 1500000000}}"),
     steps('{id: a, type: sleep, config: {duration: "1s500ms"}}'), "DN9001"),
    ("sleep cron", steps("{id: a, type: sleep, config: {cron: 0 9 * * 1-5}}"), None, ""),
    ("sleep until_input_path", steps("{id: a, type: sleep, config: {until_input_path: o.due}}"),
     steps("{id: a, type: sleep, config: {until: input.o.due, max_duration: 365d}}"), "DN9001"),
    ("wait_for_event", steps("{id: a, type: wait_for_event, config: {event: e, timeout: 1h, "
     "match: {left: id, op: eq, right: input.id}}}"),
     steps("{id: a, type: wait_for_event, config: {event: e, timeout: 1h, match: "
           '"has(event.data.id) && string(event.data.id) == string(input.id)", '
           "on_timeout: complete}}"), "DN9001"),
    ("wait_for_event about a step", steps(A, "{id: b, depends_on: [a], type: wait_for_event, "
     "config: {event: e, timeout: 1h, match: {left: id, op: eq, right: step.a.output.x.y}}}"),
     steps(A, "{id: b, depends_on: [a], type: wait_for_event, config: {event: e, timeout: 1h, "
           'match: "has(event.data.id) && string(event.data.id) == string(steps.a.output.x.y)", '
           "on_timeout: complete}}"), "DN9001"),
    ("approval", steps("{id: a, type: approval, config: {timeout: 1h, subject: s, "
                       "description: d, metadata: {k: v}}}"), None, ""),
    ("planner", steps("{id: a, type: planner, task: t.a, config: {max_steps: 5, max_depth: 0, "
                      "allowed_tasks: [t.b]}}"), None, ""),
    ("respond", steps("{id: a, type: respond, config: {status: 200, headers: {k: v}, "
                      "content_type: text/plain}}"), None, ""),
    ("respond body_from of the one before",
     steps(A, "{id: b, type: respond, depends_on: [a], config: {body_from: x.y}}"),
     steps(A, "{id: b, type: respond, depends_on: [a], config: "
           '{body: "${{ steps.a.output.x.y }}"}}'), "DN9001"),
    ("respond body_from of the input", steps("{id: b, type: respond, config: {body_from: x}}"),
     steps('{id: b, type: respond, config: {body: "${{ input.x }}"}}'), "DN9001"),
    ("respond behind two", steps(A, "{id: b, task: t.b}", "{id: c, type: respond, depends_on: "
                                 "[a, b], config: {status: 201}}"),
     steps(A, "{id: b, task: t.b}", "{id: c, type: respond, depends_on: [a, b], config: "
           '{status: 201, body: "${{ input }}"}}'), "DN9001"),
    ("respond behind two, without a config",
     steps(A, "{id: b, task: t.b}", "{id: c, type: respond, depends_on: [a, b]}"),
     steps(A, "{id: b, task: t.b}", '{id: c, type: respond, config: {body: "${{ input }}"}, '
           "depends_on: [a, b]}"), "DN9001"),
    ("respond body_from behind two", steps(A, "{id: b, task: t.b}", "{id: c, type: respond, "
                                           "depends_on: [a, b], config: {body_from: data.x}}"),
     steps(A, "{id: b, task: t.b}", "{id: c, type: respond, depends_on: [a, b], config: "
           '{body: "${{ input.data.x }}"}}'), "DN9001"),
    # triggers
    *[(f"trigger {old}", steps(A, more=f"triggers: [{{id: t, enabled: true, {old}}}]\n"),
       new and steps(A, more=f"triggers: [{{id: t, enabled: true, {new}}}]\n"), codes)
      for old, new, codes in [
          ("cron: {expression: 0 3 * * *, timezone: '', backfill: true}",
           "cron: {expression: 0 3 * * *, backfill: true}", "DN9013"),
          ("subject: {subject: a.*.b}", None, ""),
          ("webhook: {path: /github, secret: S}", None, ""),
          ("http: {path: /o, method: POST, timeout_ms: 5000, max_body_bytes: 9}",
           "http: {path: /o, method: POST, timeout: 5s, max_body_bytes: 9}", "DN9001"),
          ("external: {kind: k, config: {a: 1}}", None, ""),
          ("run_terminal: {workflow: m, statuses: [failed]}", None, ""),
          ("workflow_id: n, subject: {subject: a}", "subject: {subject: a}", "DN9013"),
          ("subject: {subject: a}, source: x", "subject: {subject: a}", "DN9013"),
          ("subject: {subject: a}, debounce: {period: 1s, timeout: 0, key: repo.id}",
           "subject: {subject: a}, debounce: {period: 1s, timeout: 0, key: trigger.data.repo.id}",
           "DN9001"),
      ]],
    ("a trigger that does not say that it is on",
     steps(A, more="triggers: [{id: t, workflow_id: n, subject: {subject: a}}]\n"),
     steps(A, more="triggers: [{id: t, enabled: false, subject: {subject: a}}]\n"), "DN9013"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "codes"), KEYS, ids=[case[0] for case in KEYS])
def test_each_key_of_go_is_read(name, old, new, codes):
    workflow, findings = front(old)
    assert workflow is not None, name
    assert sorted(finding.code for finding in findings) == codes.split()
    assert all(finding.severity is Severity.INFO for finding in findings)
    if new is None:
        return
    assert mended(old) == new
    again, more = front(new)
    assert more == ()
    assert meaning(again) == meaning(workflow)


@pytest.mark.parametrize(("name", "old", "new", "codes"), KEYS, ids=[case[0] for case in KEYS])
def test_safe_fixes_keep_the_meaning(name, old, new, codes):
    workflow, _ = front(old)
    again, _ = front(mended(old))
    assert meaning(again) == meaning(workflow)


BLOCKS = """\
name: n
default_retry:
  max_attempts: 3
steps:
  - id: a
    task: t.a
    # why
    singleton: false
  - retries: 3   # often enough
    id: b
    task: t.b
    depends_on:
      - a
    skip_if:
      step_id: a
      field: ok
      op: "=="
      value: true
  - id: c
    task: ""
    type: wait_for_event
    depends_on:
      - step: a
      - b
    config:
      event: e
      timeout: 1h
      match:
        left: id
        op: eq
        right: input.id
"""
MENDED = """\
name: n
defaults: {retry: {max_retries: 3, initial_delay: 1ms}}
steps:
  - id: a
    task: t.a
    # why
    singleton: false
  - retries: 3   # often enough
    id: b
    task: t.b
    depends_on:
      - a
    when: "!(type(steps.a.output) == map && has(steps.a.output.ok) && steps.a.output.ok == true)"
  - id: c
    type: wait_for_event
    depends_on:
      - step: a
      - {step: b, allow: skipped}
    config:
      event: e
      timeout: 1h
      match: has(event.data.id) && string(event.data.id) == string(input.id)
      on_timeout: complete
"""


def test_fixes_keep_the_style_and_touch_no_comment():
    text = mended(BLOCKS)
    assert text == MENDED.replace(
        "match: has(event.data.id) && string(event.data.id) == string(input.id)",
        'match: "has(event.data.id) && string(event.data.id) == string(input.id)"',
    )
    assert meaning(front(text)[0]) == meaning(front(BLOCKS)[0])
    unsafe = mended(BLOCKS, unsafe=True)
    assert "singleton" not in unsafe
    assert "retries" not in unsafe.replace("max_retries", "")
    assert meaning(front(unsafe)[0]) == meaning(front(BLOCKS)[0])


def test_json_stays_json():
    old = json.dumps(
        {"name": "n", "steps": [{"id": "a", "task": "t", "retries": 2, "singleton": True}]},
        indent=2,
    )
    new = json.loads(mended(old))
    retry = {"max_retries": 2, "strategy": "fixed", "initial_delay": "5s"}
    assert new["steps"] == [{"id": "a", "task": "t", "retry": retry}]


def test_a_policy_of_a_step_takes_the_place_of_the_default():
    more = "default_retry: {max_attempts: 9, strategy: exponential, multiplier: 3}\n"
    old = steps("{id: a, task: t.a, retry: {max_attempts: 1}}", more=more)
    workflow, findings = front(old)
    retry = workflow.steps[0].retry
    assert (retry.max_retries, retry.strategy, retry.initial_delay) == (1, "fixed", 1)
    assert (retry.max_delay, retry.multiplier) == (3_600_000, 2.0)
    fixes = [fix.applicability for f in findings for fix in f.fixes if "default_retry" in f.message]
    assert fixes == ["unsafe"]


def test_a_condition_beside_an_old_one():
    workflow, findings = front(steps(
        A, "{id: b, task: t.b, when: input.go, depends_on: [a], "
        "skip_if: {step_id: a, field: ok, op: '==', value: 1}}"))  # fmt: skip
    assert [len(f.fixes) for f in findings] == [1]
    when = workflow.steps[1].when
    assert when.expr.function == "_&&_"
    assert len(set(when.spans)) == len(when.spans)


def test_what_never_skips_lets_nobody_accept_it():
    old = steps(A, "{id: b, task: t, depends_on: [a], skip_if: {step_id: a, field: ok, op: '==', "
                "value: null}}", "{id: c, task: t, depends_on: [b]}")  # fmt: skip
    workflow, _ = front(old)
    assert workflow.steps[2].depends_on[0].allow == ()
    assert meaning(front(mended(old))[0]) == meaning(workflow)


SKIP = "skip_if: {step_id: a, field: ok, op: '==', value: 1}"
UNLESS = "!(type(steps.a.output) == map && has(steps.a.output.ok) && steps.a.output.ok == 1)"
BESIDE = [
    ("when: input.go, {skip}", f'when: "input.go && {UNLESS}"'),
    ("{skip}, when: input.go", f'when: "input.go && {UNLESS}"'),
    ("when: input.a || input.b, {skip}", f'when: "(input.a || input.b) && {UNLESS}"'),
    ('when: "input.go // or not", {skip}', None),
    ("<<: {{when: input.go}}, {skip}", None),
    ("when: &w input.go, x-w: *w, {skip}", None),
]


@pytest.mark.parametrize(("written", "expected"), BESIDE)
def test_a_condition_beside_an_old_one_becomes_one_with_it(written, expected):
    old = steps(A, f"{{id: b, task: t, depends_on: [a], {written.format(skip=SKIP)}}}",
                "{id: c, task: t, depends_on: [b]}")  # fmt: skip
    workflow, _ = front(old)
    new = mended(old)
    if expected is None:
        assert new == old
    else:
        assert expected in new
        assert "{step: b, allow: skipped}" in new
    assert meaning(front(new)[0]) == meaning(workflow)
    unsafe = mended(old, unsafe=True)
    assert meaning(front(unsafe)[0]) == meaning(workflow)
    assert ("skip_if" in unsafe) is (expected is None and "//" not in written)


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ("{timeout: 1h}", "defaults: {retry: {max_retries: 3, initial_delay: 1s}, timeout: 1h}\n"),
        (
            "\n  timeout: 1h # one\n  queue_timeout: 2h",
            " # one\n  retry: {max_retries: 3, initial_delay: 1s}\n  queue_timeout: 2h",
        ),
        ("{}", None),
        ("*d", None),
        ("&e {timeout: 1h}\nx-e: *e", None),
        ("{<<: *d}", "defaults: {retry: {max_retries: 3, initial_delay: 1s}, <<: *d}\n"),
    ],
)
def test_a_default_policy_moves_to_the_other_defaults(defaults, expected):
    policy = "default_retry: {max_attempts: 3, initial_delay: 1s}\n"
    old = steps(A, more=f"x-d: &d {{queue_timeout: 1h}}\ndefaults: {defaults}\n{policy}")
    workflow, _ = front(old)
    new = mended(old)
    assert ("default_retry" in new) is (expected is None)
    assert expected is None or expected in new
    assert meaning(front(new)[0]) == meaning(workflow)


def test_a_default_policy_does_not_move_beside_what_is_imported():
    files = {"d.yaml": "defaults: {timeout: 1h}\n"}
    old = steps(A, more="imports: [d.yaml]\ndefault_retry: {max_retries: 3}\n")
    workflow, findings = front(old, files)
    (finding,) = findings
    (fix,) = finding.fixes
    (edit,) = fix.edits
    new = old[: edit.span.start.offset] + edit.text + old[edit.span.end.offset :]
    assert "defaults: {retry: {max_retries: 3}}" in new
    assert meaning(front(new, files)[0]) == meaning(workflow)


def test_what_stands_twice_counts_once():
    _, findings = front(steps(A, more="default_retry: {max_retries: 1}\n"
                              "defaults: {retry: {max_retries: 2}}\n"))  # fmt: skip
    assert told(findings) == ["2:1 DN2008 `default_retry` and `defaults.retry` are the same"]
    _, findings = front(steps(
        A, more="triggers: [{id: t, http: {path: /o, timeout: 1s, timeout_ms: 5}}]\n"))  # fmt: skip
    assert told(findings) == ["2:50 DN2008 `timeout_ms` and `timeout` are the same key"]


def config(kind, text, more=""):
    return steps(A, f"{{id: b, type: {kind}, {more}config: {{{text}}}}}")


WAIT = "event: e, timeout: 1h, match: "
# Every rule of `dag.Validate` and of the validation of triggers, and everything that it panics on.
# Each is one error, at what it marks; where that is None, a later pass has the rule and its test.
RULES = [
    ("no steps", "name: n\nsteps: []\n", "DN2006 []"),
    ("no steps at all", "name: n\n", "DN2002 name"),
    ("duplicate id", steps(A, A), None),
    ("negative retries", steps("{id: a, task: b, retries: -1}"), "DN2006 -1"),
    ("missing dependency", steps("{id: a, task: b, depends_on: [x]}"), None),
    ("cycle", steps("{id: a, task: b, depends_on: [a]}"), None),
    ("loop without a bound", config("agent_loop", "", "task: t, "), None),
    ("loop with no iterations", config("agent_loop", "max_iterations: 0", "task: t, "),
     "DN2006 0"),
    ("loop with a wrong bound", config("agent_loop", "max_iterations: x", "task: t, "),
     "DN2003 x"),
    ("map without a bound", config("map", "", "task: t, depends_on: [a], "), None),
    ("map with no items", config("map", "max_items: 0", "task: t, depends_on: [a], "), "DN2006 0"),
    ("map with too many items",
     config("map", "max_items: 10001", "task: t, depends_on: [a], "), "DN2006 10001"),
    ("map with no dependency", config("map", "max_items: 1", "task: t, "), "DN2019 map"),
    ("map with two dependencies", config("map", "max_items: 1", "task: t, depends_on: [a, a], "),
     "DN2019 [a, a]"),
    ("map of a map", steps(A, "{id: b, type: map, task: t, depends_on: [a], config: {max_items: "
                           "1}}",
     "{id: c, type: map, task: t, depends_on: [b], config: {max_items: 1}}"),
     "DN2019 b"),
    ("skip_if operator", steps(A, "{id: b, task: t, depends_on: [a], skip_if: {step_id: a, "
                               "field: f, op: '~', value: 1}}"), "DN2004 '~'"),
    ("skip_if without a step", steps(A, "{id: b, task: t, depends_on: [a], skip_if: {step_id: '', "
                                     "field: f, op: '==', value: 1}}"), "DN2005 ''"),
    ("skip_if of no dependency", steps(A, "{id: b, task: t, skip_if: {step_id: a, field: f, "
                                       "op: '==', value: 1}}"), "DN2019 a"),
    ("sub_workflow without a name", config("sub_workflow", ""), "DN2002 config"),
    ("sub_workflow with an empty name", config("sub_workflow", "workflow: ''"), "DN2005 ''"),
    ("sleep without anything", config("sleep", ""), "DN2010 config"),
    ("sleep with two of them", config("sleep", "duration: 1s, cron: '* * * * *'"), "DN2010 cron"),
    ("sleep of no time", config("sleep", "duration: 0"), "DN2006 0"),
    ("sleep of nothing", config("sleep", "duration: 0s"), "DN2006 0s"),
    ("sleep backwards", config("sleep", "duration: -5"), "DN2007 -5"),
    ("sleep of years", config("sleep", "duration: 366d"), "DN2006 366d"),
    ("sleep of no duration", config("sleep", "duration: soon"), "DN2007 soon"),
    ("sleep until no path", config("sleep", "until_input_path: a..b"), "DN2019 a..b"),
    ("sleep until an empty path", config("sleep", "until_input_path: ''"), "DN2019 ''"),
    ("sleep with no schedule", config("sleep", "cron: '1,,2 * * * *'"), "DN2020 '1,,2 * * * *'"),
    ("wait without an event", config("wait_for_event", "timeout: 1h"), "DN2002 config"),
    ("wait with an empty event", config("wait_for_event", "event: '', timeout: 1h"), "DN2005 ''"),
    ("wait without a timeout", config("wait_for_event", "event: e"), None),
    ("wait with no match", config("wait_for_event", WAIT + "{left: '', op: '', right: ''}"),
     "DN2019 {left: '', op: '', right"),
    ("wait without left", config("wait_for_event", WAIT + "{left: '', op: eq, right: input.a}"),
     "DN2019 ''"),
    ("wait without op", config("wait_for_event", WAIT + "{left: a, op: '', right: input.a}"),
     "DN2019 ''"),
    ("wait with another op", config("wait_for_event", WAIT + "{left: a, op: ne, right: input.a}"),
     "DN2004 ne"),
    ("wait without right", config("wait_for_event", WAIT + "{left: a, op: eq, right: ''}"),
     "DN2019 ''"),
    ("wait with a wrong right", config("wait_for_event", WAIT + "{left: a, op: eq, right: x.a}"),
     "DN2005 x.a"),
    ("wait with half of a path", config("wait_for_event", WAIT + "{left: a, op: eq, "
                                        "right: step.a.output}"), "DN2019 step.a.output"),
    ("wait for a step that is none", config("wait_for_event", WAIT + "{left: a, op: eq, "
                                            "right: step.x.output.y}"), None),
    ("approval without a timeout", config("approval", "subject: s"), None),
    ("planner with no steps", config("planner", "max_steps: 0", "task: t, "), "DN2006 0"),
    ("planner with many steps", config("planner", "max_steps: 101", "task: t, "), "DN2006 101"),
    ("planner too deep", config("planner", "max_steps: 1, max_depth: 11", "task: t, "),
     "DN2006 11"),
    ("rate limit of none", steps("{id: a, task: t, rate_limit: {limit: 0, period: 1s}}"),
     "DN2006 0"),
    ("rate limit without a period", steps("{id: a, task: t, rate_limit: {limit: 1}}"),
     "DN2002 rate_limit"),
    ("rate limit with no period", steps("{id: a, task: t, rate_limit: {limit: 1, period: 0}}"),
     "DN2006 0"),
    ("keyed rate limit without a key", steps(
        "{id: a, task: t, keyed_rate_limit: {key: '', limit: 1, period: 1s}}"), "DN2006 ''"),
    ("keyed rate limit of no units", steps(
        "{id: a, task: t, keyed_rate_limit: {key: a, limit: 1, period: 1s, units: 0}}"),
     "DN2006 0"),
    ("both rate limits", steps("{id: a, task: t, rate_limit: {limit: 1, period: 1s}, "
                               "keyed_rate_limit: {key: a, limit: 1, period: 1s}}"),
     "DN2010 keyed_rate_limit"),
    ("on_failure of nobody", steps("{id: a, task: t, on_failure: x}"), None),
    ("on_failure of itself", steps("{id: a, task: t, on_failure: a}"), None),
    ("on_failure with dependencies", steps(
        "{id: a, task: t, on_failure: b}", "{id: b, task: t, depends_on: [a]}"), None),
    ("compensate of nobody", steps("{id: a, task: t, compensate: x}"), None),
    ("task concurrency", steps("{id: a, task: t, max_task_concurrency: 1001}"), "DN2006 1001"),
    ("step concurrency", steps(A, more="concurrency: {max_steps: 1001}\n"), "DN2006 1001"),
    ("too many retries", steps("{id: a, task: t, retry: {max_attempts: 100001}}"), "DN2006 100001"),
    ("too many old retries", steps("{id: a, task: t, retries: 100001}"), "DN2006 100001"),
    ("too many default retries", steps(A, more="default_retry: {max_attempts: 100001}\n"),
     "DN2006 100001"),
    ("idempotency_key with a dot at its end", steps(A, more="idempotency_key: a.\n"),
     "DN4001 ."),
    ("idempotency_key with a dot first", steps(A, more="idempotency_key: .a..b\n"), "DN4001 .."),
    ("sticky", steps(A, more="sticky: firm\n"), "DN2004 firm"),
    ("hard sticky without a timeout", steps(A, more="sticky: hard\n"), "DN2019 hard"),
    ("sticky and worker groups", steps("{id: a, task: t, worker_group: g}",
                                       more="sticky: soft\n"), "DN2019 worker_group"),
    ("priority without a key", steps(A, more="priority: {key: '', rules: {a: 1}}\n"),
     "DN2006 ''"),
    ("priority without rules", steps(A, more="priority: {key: a, rules: {}}\n"), "DN2006 {}"),
    ("priority beyond its bounds", steps(A, more="priority: {key: a, rules: {b: 601}}\n"),
     "DN2006 601"),
    ("too many cancelling events", steps(
        A, more=f"cancel_on: [{', '.join(['{event: e}'] * 6)}]\n"),
     "DN2006 [{event: e}, {event: e},"),
    ("cancelling event without a name", steps(A, more="cancel_on: [{event: ''}]\n"), "DN2005 ''"),
    ("singleton", steps(A, more="singleton: {mode: wait}\n"), "DN2004 wait"),
    # the triggers
    ("trigger without an id", steps(A, more="triggers: [{cron: '* * * * *'}]\n"), "DN2002 cron"),
    ("trigger for another", steps(A, more="triggers: [{id: t, workflow_id: m, subject: a}]\n"),
     "DN2019 m"),
    ("trigger of no kind", steps(A, more="triggers: [{id: t}]\n"), "DN2010 id"),
    ("trigger of two kinds", steps(A, more="triggers: [{id: t, subject: a, event: b}]\n"),
     "DN2010 event"),
    ("debounced schedule", steps(
        A, more="triggers: [{id: t, cron: '* * * * *', debounce: {period: 1s}}]\n"),
     "DN2019 debounce"),
    ("debounce of no time", steps(
        A, more="triggers: [{id: t, subject: a, debounce: {period: 0}}]\n"), "DN2006 0"),
    ("debounce of weeks", steps(
        A, more="triggers: [{id: t, subject: a, debounce: {period: 8d}}]\n"), "DN2006 8d"),
    ("debounce that ends before", steps(
        A, more="triggers: [{id: t, subject: a, debounce: {period: 2s, timeout: 1s}}]\n"),
     "DN2006 1s"),
    ("no schedule", steps(A, more="triggers: [{id: t, cron: {expression: ''}}]\n"), "DN2020 ''"),
    ("a schedule out of bounds", steps(A, more="triggers: [{id: t, cron: '60 * * * *'}]\n"),
     "DN2020 '60 * * * *'"),
    ("singular trigger", steps(A, more="trigger: {id: t, subject: a}\n"), "DN2001 trigger"),
    # what Go panics on
    ("empty name", "name: ''\nsteps: [{id: a, task: b}]\n", "DN2005 ''"),
    ("empty id", steps("{id: '', task: b}"), "DN2005 ''"),
    ("empty task", steps("{id: a, task: ''}"), "DN2005 ''"),
    ("unknown type", steps("{id: a, task: b, type: nromal}"), "DN2004 nromal"),
    ("long schedule", steps(A, more=f"triggers: [{{id: t, cron: '{'1,' * 200}'}}]\n"),
     "DN2006 '1,1,1,1,1,1,1,1,1,1,1,1"),
    ("trigger that is nothing", steps(A, more="triggers: [{id: t, enabled: true}]\n"), "DN2010 id"),
]  # fmt: skip
LIFTED = {
    "approval longer than 168h": "tokens live as long as their approval",
    "approval without a subject": "approvers are named, or anyone who may approve",
    "respond without config": "the input of the step is answered with 200",
}
"""Rules that the language gave up, because what they refuse has a meaning now."""


@pytest.mark.parametrize(("name", "text", "marked"), RULES, ids=[rule[0] for rule in RULES])
def test_each_rule_of_go_is_an_error_with_a_place(name, text, marked):
    _, findings = front(text)
    found = [f"{f.code} {part(text, f.span)[:24]}" for f in errors(findings)]
    assert found == ([] if marked is None else [marked])


def test_the_rules_are_told_apart():
    assert len({rule[0] for rule in RULES} | set(LIFTED)) == len(RULES) + len(LIFTED)
