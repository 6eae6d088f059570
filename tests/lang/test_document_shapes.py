"""The shape of documents: what is told of each mistake, its fix, and that editors say the same."""

import copy
import json

import jsonschema_rs
import pytest

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.schema import library_schema, workflow_schema
from dagnats.lang.shape import check_shape
from dagnats.source.reader import read
from tests.lang.fronts import front
from tests.source.reading import apply, part, shown

pytestmark = pytest.mark.slow

STEPS = "\nsteps: [{id: a, task: b}]\n"


def judge(text, name="workflow"):
    """Return whether the shape is right, and the findings."""
    sink = Sink()
    document = read(text, "a.yaml", sink)
    assert document is not None
    read_findings = sink.sorted()
    right = check_shape(document, sink, name)
    return right, tuple(f for f in sink.sorted() if f not in read_findings or f.code < "DN1020")


def head(text):
    return f"name: n\n{text}{STEPS}"


def step(text):
    return f"name: n\nsteps: [{{id: a, task: b, {text}}}]"


def retry(text):
    return step(f"retry: {{{text}}}")


def loop(text):
    return step(f"type: agent_loop, config: {{{text}}}")


DURATION = "is not a duration"
ID = "is not a valid id"
WRONG = [
    # text, code, marked source, message, help
    ("nmae: n" + STEPS, "DN2001", "nmae", "the workflow has no key `nmae`", "`name`?"),
    (head("foo: 1"), "DN2001", "foo", "the workflow has no key `foo`", "keys that begin with `x-`"),
    (head("X-foo: 1"), "DN2001", "X-foo", "the workflow has no key", "`x-` are ignored"),
    (step("foo: 1"), "DN2001", "foo", "the step has no key `foo`", "it takes `id`, `type`"),
    (step("needs: [c]"), "DN2001", "needs", "the step has no key", "`depends_on`?"),
    (retry("max_delya: 1s"), "DN2001", "max_delya", "`retry` has no key", "`max_delay`?"),
    (loop("max_iteration: 3"), "DN2001", "max_iteration", "`config` has no key", "iterations`?"),
    (step("config: {until: a}"), "DN2001", "until", "`config` has no key `until`",
     "`agent_loop`, `sleep` or `loop`, and this one is of type `normal`"),
    (step("type: normal, config: {a: 1}"), "DN2001", "a", "`config` has no key `a`", "no keys"),
    (head("tasks: {t: {inputs: {}}}"), "DN2001", "inputs", "`t` has no key", "`input`?"),
    (head("tasks: {t: {desc: x}}"), "DN2001", "desc", "`t` has no key `desc`", None),
    (head("defaults: {whenn: x}"), "DN2001", "whenn", "`defaults` has no key", "`timeout`"),
    (step("depends_on: [{step: c, alow: failed}]"), "DN2001", "alow", "the dependency has",
     "allow"),
    ("name: n\n", "DN2002", "name", "the workflow has no `steps`", "add `steps:`"),
    (STEPS, "DN2002", "steps", "the workflow has no `name`", "add `name: review-pr`"),
    ("name: n\nsteps: [{id: a}]", "DN2002", "id", "the step has no `task`", "add `task: git.diff`"),
    ("name: n\nsteps:\n- task: b", "DN2002", "task", "the step has no `id`", "add `id: fetch`"),
    (step("depends_on: [{allow: failed}]"), "DN2002", "allow", "the dependency has no `step`",
     "add `step: fetch`"),
    ("[]", "DN2003", "[]", "a workflow is a mapping, not a list", "begin with `name:`"),
    ("hello", "DN2003", "hello", "a workflow is a mapping, not a string", "`steps:`"),
    ("name: 1" + STEPS, "DN2003", "1", "`name` must be a string, not an integer", "quote it"),
    ("name:" + STEPS, "DN2003", "name", "`name` must be a string, not null", None),
    ("name: n\nsteps:\n", "DN2003", "steps", "`steps` must be a list, not null", None),
    ("name: n\nsteps: {}", "DN2003", "{}", "`steps` must be a list, not a mapping", None),
    ("name: n\nsteps: [a]", "DN2003", "a", "the step must be a mapping, not a string", None),
    (step("depends_on: c"), "DN2003", "c", "`depends_on` must be a list", "write a list: `[c]`"),
    (step("depends_on: [1]"), "DN2003", "1", "the dependency must be a string or a mapping",
     "quote it"),
    (step("depends_on: [{step: 1}]"), "DN2003", "1", "`step` must be a string", "quote it"),
    (step("when: 1"), "DN2003", "1", "`when` must be true or false or a string", None),
    (step("metadata: []"), "DN2003", "[]", "`metadata` must be a mapping, not a list", None),
    (step("timeout: 1.5"), "DN2003", "1.5", "`timeout` must be an integer or a string", "units"),
    (step("timeout: true"), "DN2003", "true", "`timeout` must be an integer or a string", "units"),
    (step("timeout: [1s]"), "DN2003", "[1s]", "`timeout` must be", None),
    (head("input: []"), "DN2003", "[]", "`input` must be true or false or a mapping", None),
    (head("version: true"), "DN2003", "true", "`version` must be a number or a string", "quote"),
    (head("description: 1"), "DN2003", "1", "`description` must be a string", "quote it"),
    (head("tasks: {t: {idempotent: 'yes'}}"), "DN2003", "'yes'", "`idempotent` must be true or",
     "remove the quotes"),
    (retry("max_retries: '3'"), "DN2003", "'3'", "`max_retries` must be an integer",
     "remove the quotes"),
    (retry("max_retries: 1.5"), "DN2003", "1.5", "`max_retries` must be an integer, not a number",
     None),
    (loop("max_iterations: ten"), "DN2003", "ten", "`max_iterations` must be an integer", None),
    (head("dagnats: 2"), "DN2004", "2", "`dagnats` must be `1`, not `2`", "write `1`"),
    (head("dagnats: '1'"), "DN2004", "'1'", '`dagnats` must be `1`, not `"1"`', "write `1`"),
    (step("type: xyz"), "DN2004", "xyz", "`type` cannot be `xyz`", "write `normal`, `agent`,"),
    (step("type: 1"), "DN2004", "1", "`type` cannot be `1`", "`continue_as_new` or `fail`"),
    (retry("strategy: expo"), "DN2004", "expo", "`strategy` must be `fixed` or `linear` or", "or"),
    (loop("on_exhausted: stop"), "DN2004", "stop", "`on_exhausted` must be `fail` or", "`fail`"),
    (step("depends_on: [{step: c, allow: skiped}]"), "DN2004", "skiped", "`allow` must be",
     "`skipped`?"),
    (step("depends_on: [{step: c, allow: [faild]}]"), "DN2004", "faild", "item 1 of `allow`",
     "`failed`?"),
    ("name: a b" + STEPS, "DN2005", "a b", f"`a b` {ID}", "at most 64"),
    ("name: ''" + STEPS, "DN2005", "''", ID, "at most 64"),
    ("name: n\nsteps: [{id: a.b, task: c}]", "DN2005", "a.b", f"`a.b` {ID}", "at most 64"),
    (f"name: n\nsteps: [{{id: {'a' * 65}, task: c}}]", "DN2005", "a" * 65, f"`{'a' * 40}…` {ID}",
     "at most 64"),
    (step("depends_on: [c d]"), "DN2005", "c d", f"`c d` {ID}", "at most 64"),
    ("name: n\nsteps: [{id: a, task: .b}]", "DN2005", ".b", "`.b` is not a valid task", "dots"),
    (head("tasks: {t t: {}}"), "DN2005", "t t", "`t t` is not a valid task name", "dots"),
    ("name: n\nsteps: []", "DN2006", "[]", "`steps` must have at least 1 item", "add at least one"),
    (retry("max_retries: -1"), "DN2006", "-1", "`max_retries` must be at least 0", None),
    (retry("multiplier: 1001"), "DN2006", "1001", "`multiplier` must be at most 1000", None),
    (loop("max_iterations: 0"), "DN2006", "0", "`max_iterations` must be at least 1", None),
    (step("timeout: -1"), "DN2006", "-1", "`timeout` must be at least 0", None),
    (step("when: ''"), "DN2006", "''", "`when` must have at least 1 character", None),
    (step("depends_on: [{step: c, allow: [failed, failed]}]"), "DN2006", "failed",
     "`allow` must not hold the same item twice", None),
    (f"name: n\nsteps: [{{id: a, task: {'b' * 129}}}]", "DN2006", "b" * 129,
     "`task` must have at most 128 characters", None),
    (step(f"timeout: {'1' * 64}s"), "DN2006", "1" * 64 + "s", "at most 64 characters", None),
    (head("timeout: 5 minutes"), "DN2007", "5 minutes", f"`5 minutes` {DURATION}", "`1h30m`"),
    (step("timeout: '1'"), "DN2007", "'1'", f"`1` {DURATION}", "`1h30m`"),
    (step("timeout: -1s"), "DN2007", "-1s", f"`-1s` {DURATION}", "`1h30m`"),
    (step("queue_timeout: 1h 30m"), "DN2007", "1h 30m", f"`1h 30m` {DURATION}", "`1h30m`"),
    (retry("initial_delay: 1sec"), "DN2007", "1sec", DURATION, "`1h30m`"),
    (loop("max_duration: 1H"), "DN2007", "1H", DURATION, "`1h30m`"),
    # keys of other types, and of the step itself
    (step("until: a"), "DN2001", "until", "the step has no key `until`",
     "`until` belongs in the `config` of a step of type `agent_loop`, `sleep` or `loop`"),
    (step("type: agent_loop, until: a"), "DN2001", "until", "the step has no key `until`",
     "`until` belongs in the `config` of the step"),
    (step("max_items: 3"), "DN2001", "max_items", "no key",
     "`max_items` belongs in the `config` of a step of type `map`"),
    (loop("max_items: 3"), "DN2001", "max_items", "`config` has no key `max_items`",
     "`max_items` belongs to steps of type `map`, and this one is of type `agent_loop`"),
    (loop("timeout: 5s"), "DN2001", "timeout", "no key", "belongs to the step itself, beside"),
    (step("config: {max_iterations: 3}"), "DN2001", "max_iterations", "`config` has no key",
     "`agent_loop` or `loop`"),
    # a task or none, a body or none
    (step("type: sleep, config: {duration: 1s}"), "DN2011", "task",
     "a step of type `sleep` has no `task`", "remove it"),
    ("name: n\nsteps: [{id: a, type: map, config: {max_items: 3}}]", "DN2002", "id",
     "the step has no `task`", "or a body of `steps` in `config`"),
    ("name: n\nsteps: [{id: a, config: {max_items: 3}, type: map}]", "DN2002", "id",
     "the step has no `task`", "`steps`"),
    (step("type: map, config: {max_items: 3, steps: [{id: c, task: d}]}"), "DN2010", "steps",
     "the step has `task`, so it cannot have `steps`", "remove one"),
    ("name: n\nsteps: [{id: a, type: transform}]", "DN2002", "id", "the step has no `config`",
     "add `config: {value:"),
    ("name: n\nsteps: [{id: a, type: sleep}]", "DN2002", "id", "the step has no `config`",
     "add `config: {duration: 10m}`"),
    # exactly one of some keys
    ("name: n\nsteps: [{id: a, type: sleep, config: {}}]", "DN2010", "config",
     "`config` needs one of `duration`, `until` or `cron`", "add"),
    ("name: n\nsteps: [{id: a, type: sleep, config: {duration: 1s, cron: x}}]", "DN2010", "cron",
     "`config` has `duration`, so it cannot have `cron`", "remove one of them"),
    (head("triggers: [{id: t}]"), "DN2010", "id", "the trigger needs one of `cron`, `subject`,",
     "`external`"),
    (head("triggers: [{id: t, cron: x, event: y}]"), "DN2010", "event",
     "the trigger has `cron`, so it cannot have `event`", "remove"),
    (step("rate_limit: {limit: 1, period: 1s}, keyed_rate_limit: {limit: 1, period: 1s, key: a}"),
     "DN2010", "keyed_rate_limit", "has `rate_limit`, so it cannot have `keyed_rate_limit`", "one"),
    # other languages
    ("name: n\nsteps: {a: {task: b}}", "DN2003", "{a: {task: b}}",
     "`steps` must be a list, not a mapping", "write a list, each with its `id`: `- id: a`"),
    (head("cron: 0 3 * * *"), "DN2001", "cron", "the workflow has no key `cron`",
     "a schedule is a trigger: `triggers: [{id:"),
    (head("on: push"), "DN2001", "on", "the workflow has no key `on`",
     "did you mean `triggers`? What starts runs is a trigger"),
    (head("trigger: {cron: x}"), "DN2001", "trigger", "the workflow has no key `trigger`",
     "did you mean `triggers`? Triggers are a list: `triggers: [{id:"),
    (step("run: make"), "DN2001", "run", "the step has no key `run`", "is done by a worker: give"),
    (step("parallel: true"), "DN2001", "parallel", "no key", "steps run at the same time unless"),
    (step("retryPolicy: {max_retries: 1}"), "DN2001", "retryPolicy", "no key", "`retry`?"),
    (step("startToCloseTimeout: 1s"), "DN2001", "startToCloseTimeout", "no key", "`timeout`?"),
    (retry("maximumAttempts: 3"), "DN2001", "maximumAttempts", "no key", "`max_retries`?"),
    (retry("backoffCoefficient: 3"), "DN2001", "backoffCoefficient", "no key", "`multiplier`?"),
    ("name: n\nsteps: [{id: a, type: foreach, task: b}]", "DN2004", "foreach", "`type` cannot be",
     "did you mean `map`?"),
    ("name: n\nsteps: [{id: a, type: wait, config: {duration: 1s}}]", "DN2004", "wait", "`type`",
     "did you mean `sleep`?"),
    ("name: n\nsteps: [{id: a, type: human, config: {timeout: 1s}}]", "DN2004", "human", "`type`",
     "did you mean `approval`?"),
    # forms
    (head("triggers: [{id: t, event: a b}]"), "DN2005", "a b", "`a b` does not have the form",
     "as in `order.paid`"),
    (head("secrets: [a-b]"), "DN2005", "a-b", "`a-b` does not have the form", "letters, digits"),
    (step("type: map, config: {tolerance: 10}, when: true, timeout: 1s, retry: {jitter: 2}"),
     "DN2006", "2", "`jitter` must be at most 1", None),
    (step("type: map, config: {tolerance: ten}"), "DN2005", "ten", "form", "`10%`"),
    (head("priority: {key: a, rules: {}}"), "DN2006", "{}", "`rules` must have at least 1 key",
     None),
    (head("sticky: firm"), "DN2004", "firm", "`sticky` must be `soft` or `hard`, not `firm`",
     "write"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "source", "message", "help_"), WRONG)
def test_a_wrong_shape_draws_one_finding(text, code, source, message, help_):
    right, (finding,) = judge(text)
    assert not right
    assert (finding.code, finding.severity) == (code, Severity.ERROR)
    assert part(text, finding.span) == source
    assert message in finding.message
    assert help_ is None or help_ in finding.help


@pytest.mark.parametrize(
    "text",
    [
        "name: n" + STEPS,
        head("x-any: [1]"),
        head("version: 1.10"),
        head("description: none"),
        head("input: true"),
        head("timeout: 0"),
        head("tasks: {a-b.c_d: {x-y: 1}}"),
        step("x-y: {z: 1}"),
        step("when: true"),
        step("with: null"),
        step("timeout: 1h30m, queue_timeout: 1.5h"),
        step("depends_on: []"),
        step("type: normal, config: {x-y: 1}"),
        step("type: agent_loop"),
        retry("max_retries: 3.0, max_attempts: 3, multiplier: 0"),
        loop("max_iterations: 1, until: true, initial_state: [], on_exhausted: complete"),
    ],
)
def test_a_right_shape_draws_none(text):
    assert judge(text) == (True, ())


FIXES = [
    ("nmae: n" + STEPS, "name: n" + STEPS, "safe"),
    ("Name: n" + STEPS, "name: n" + STEPS, "safe"),
    ('{"nmae": "n", "steps": [{"id": "a", "task": "b"}]}',
     '{"name": "n", "steps": [{"id": "a", "task": "b"}]}', "safe"),
    ("name: n\nstep: [{id: a, task: b}]", "name: n\nsteps: [{id: a, task: b}]", "safe"),
    (step("dependsOn: [c]"), step("depends_on: [c]"), "safe"),
    (step("'time-out': 1s"), step('"timeout": 1s'), "safe"),
    (step("needs: [c]"), step("depends_on: [c]"), "safe"),
    (step("if: x"), step("when: x"), "safe"),
    (step("args: {x: 1}"), step("with: {x: 1}"), "safe"),
    ("name: n\nsteps: [{id: a, uses: b}]", "name: n\nsteps: [{id: a, task: b}]", "unsafe"),
    (retry("retries: 3"), retry("max_retries: 3"), "unsafe"),
    (retry("factor: 3"), retry("multiplier: 3"), "safe"),
    (loop("while: x"), loop("until: x"), "unsafe"),
    ("name: 1" + STEPS, 'name: "1"' + STEPS, "safe"),
    (head("description: 2.50"), head('description: "2.50"'), "safe"),
    (step("depends_on: [1]"), step('depends_on: ["1"]'), "safe"),
    (step("depends_on: c"), step("depends_on: [c]"), "safe"),
    (step("depends_on: 'c'"), step("depends_on: ['c']"), "safe"),
    (step("type: agnt_loop"), step("type: agent_loop"), "safe"),
    (step("type: 'agent-loop'"), step("type: 'agent_loop'"), "safe"),
    (step('depends_on: [{step: c, allow: "Skipped"}]'),
     step('depends_on: [{step: c, allow: "skipped"}]'), "safe"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mended", "applicability"), FIXES)
def test_a_fix_mends_the_document(text, mended, applicability):
    _, (finding,) = judge(text)
    (fix,) = finding.fixes
    assert fix.applicability == applicability
    assert apply(text, fix) == mended
    assert judge(mended) == (True, ())


@pytest.mark.parametrize(("text", "_code", "_source", "_message", "_help"), WRONG)
def test_no_fix_leads_to_another_finding(text, _code, _source, _message, _help):
    _, (finding,) = judge(text)
    for fix in finding.fixes:
        assert judge(apply(text, fix)) == (True, ())


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["DN2002 1:1-1:3", "DN2002 1:1-1:3"]),
        ("name: n\nsteps: [a, 1, {}]", ["DN2003 2:9-2:10", "DN2003 2:12-2:13", "DN2002 2:15-2:17",
                                       "DN2002 2:15-2:17"]),
        ("naem: n\nstepz: []\nfoo: 1", ["DN2001 1:1-1:5", "DN2001 2:1-2:6", "DN2001 3:1-3:4"]),
        ("name: n\nsteps: [{ID: a, tsak: b}]", ["DN2001 2:10-2:12", "DN2001 2:17-2:21"]),
        (retry("max_retries: -1, strategy: x, multiplier: -1"),
         ["DN2006 2:47-2:49", "DN2004 2:61-2:62", "DN2006 2:76-2:78"]),
        # what could not be read is not judged again
        (head("timeout: .inf"), ["DN1010 2:10-2:14"]),
        (head("description: 1e999"), ["DN1010 2:14-2:19"]),
        ("1: a\nname: n" + STEPS, ["DN1004 1:1-1:2"]),
        ("1: a" + STEPS, ["DN1004 1:1-1:2", "DN2002 1:1-1:2"]),
        ("name: !x\nsteps: [{id: a, task: b}]", ["DN1005 1:7-1:9"]),
        # an aliased part is judged once
        ("name: n\nsteps:\n- &s {id: a b, task: b}\n- *s", ["DN2005 3:11-3:14"]),
    ],
)  # fmt: skip
def test_there_is_one_finding_for_each_place(text, findings):
    _, found = judge(text)
    assert [f"{finding.code} {shown(finding.span)}" for finding in found] == findings


CASCADES = [
    ("name: n\nsteps: [{id: a, type: human, config: {timeot: 1s}}]", ["DN2004"]),
    ("name: n\nsteps: [{id: a, type: slep, task: b, config: {duration: 1s}}]", ["DN2004"]),
    ("name: n\nsteps: [{id: a, type: xyz, config: {nothing: 1s}}]", ["DN2004"]),
    ("name: n\nsteps: [{id: a, tpye: sleep, config: {duration: 1s}}]", ["DN2001"]),
    ("name: n\nsteps: [{id: a, type: sleep, conifg: {duration: 1s}}]", ["DN2001"]),
    ("name: n\nsteps: [{id: a, type: sleep, config: {duraton: 1s}}]", ["DN2001"]),
    ("name: n\nsteps: [{id: a, type: sleep, config: [1s]}]", ["DN2003"]),
    ("name: n\nsteps: [{id: a, type: map, config: 3}]", ["DN2003"]),
    ("name: n\njobs:\n  build: {runs-on: x}", ["DN2001"]),
    ("name: n\njobs: [{key: a, uses: b}]", ["DN2001"]),
    ("name: n\ntriggers: [{id: t, crom: x}]\nsteps: [{id: a, task: b}]", ["DN2001"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "codes"), CASCADES)
def test_nothing_is_told_that_only_follows(text, codes):
    _, found = judge(text)
    assert [finding.code for finding in found] == codes


def test_a_misspelt_type_does_not_blame_the_config():
    _, (finding,) = judge(step("type: agent_lop, config: {max_iterations: 3}"))
    assert finding.code == "DN2004"


def test_a_mapping_of_steps_becomes_a_list():
    text = "name: n\nsteps:\n  build:\n    task: b\n  'test':\n    # why\n    task: t\n"
    _, (finding,) = judge(text)
    (fix,) = finding.fixes
    assert fix.applicability == "unsafe"
    mended = "name: n\nsteps:\n  - id: build\n    task: b\n  - id: test\n    # why\n    task: t\n"
    assert apply(text, fix) == mended
    assert judge(mended) == (True, ())


def test_an_empty_task_is_none():
    assert judge("name: n\nsteps: [{id: a, task: '', type: sleep, config: {duration: 1s}}]")[0]


VALIDATORS = {
    "workflow": jsonschema_rs.Draft202012Validator(workflow_schema()),
    "library": jsonschema_rs.Draft202012Validator(library_schema()),
}
OTHERS = [None, True, 0, -1, 1.5, 10**12, "", "x", "a b", "1s", "==", "eq", [], ["a", "a"], {}]
OTHERS += [{"x-a": 1}, {"a": 1}, [{}], [1], "10%", "input.a", "order.paid", "skip"]


def samples():
    """Yield documents that hold every block, made of the examples of the language."""
    for block in BLOCKS.values():
        for example in block.examples:
            if block.name in ("workflow", "library"):
                yield block.name, example
    full = {"name": "n", "steps": [{"id": "a", "task": "b"}]}
    for name in ("workflow", "library"):
        for key in BLOCKS[name].keys:
            for example in key.examples:
                yield name, {**(full if name == "workflow" else {}), key.name: example}
    for key in BLOCKS["step"].keys:
        if key.name not in ("type", "config"):
            for example in key.examples:
                yield "workflow", {**full, "steps": [{"id": "a", "task": "b", key.name: example}]}


def variants(value):
    """Yield what becomes of a value when one part of it is changed, left out or added."""
    yield from OTHERS
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for changed in variants(value[key]):
                yield {**value, key: changed}
        yield {**value, "nonsense": 1}
    elif isinstance(value, list):
        for at, item in enumerate(value):
            for changed in variants(item):
                yield [*value[:at], changed, *value[at + 1 :]]


def all_samples():
    yield from samples()
    for block in BLOCKS.values():
        kind = TYPE_OF.get(block.name)
        if kind is not None:
            for example in block.examples:
                step = {"id": "a", "type": kind, "config": example}
                if kind == "planner" or (kind in TASKS and "steps" not in example):
                    step["task"] = "b"
                yield "workflow", {"name": "n", "steps": [step]}
                for key in block.keys:
                    for value in key.examples:
                        config = {**example, key.name: value}
                        yield "workflow", {"name": "n", "steps": [{**step, "config": config}]}


TASKS = {"agent_loop", "map"}
TYPE_OF = {kind.config: kind.name for kind in STEP_TYPES if kind.config}


def agrees(name, value):
    """Whether our check and the published schema say the same of a value."""
    text = json.dumps(value)
    sink = Sink()
    document = read(text, "a.json", sink)
    if document is None:
        return True
    right = check_shape(document, sink, name)
    codes = {f.code for f in sink.sorted()}
    known = VALIDATORS[name].is_valid(value)
    if right == known or codes & {"DN1010"}:
        return True
    # What a schema could only say in words that nobody understands, it leaves to us.
    return known and not right and all(_is_about_bodies(f) for f in sink.sorted())


def _is_about_bodies(finding):
    return (
        (finding.code == "DN2002" and "`task`" in finding.message)
        or (finding.code == "DN2010" and "`task`" in finding.message)
        or finding.message.endswith("must be more than 0")
    )


def everything():
    for name, sample in all_samples():
        for value in (sample, *variants(copy.deepcopy(sample))):
            yield name, value


def test_the_published_schema_and_our_check_agree():
    checked = [(agrees(name, value), name, value) for name, value in everything()]
    assert [each for each in checked if not each[0]][:5] == []
    assert len(checked) > 10_000


def test_whatever_is_wrong_is_told_and_never_raised():
    silent = []
    for name, value in everything():
        if name == "workflow":
            workflow, findings = front(json.dumps(value))
            if workflow is None and not any(f.severity is Severity.ERROR for f in findings):
                silent.append(value)
    assert silent == []
