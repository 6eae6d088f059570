"""Documents of the Go dagnats as they are: with nulls and notes, ids with dots, secrets."""

import json

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Severity
from dagnats.diagnostics.fixes import mend
from dagnats.expr.checking.check import references
from dagnats.expr.syntax.unparse import unparse
from dagnats.ir.codec import digest, encode
from tests.lang.fronts import errors, front, meaning, mended, told

STEP = {"id": "a", "task": "t.a"}
DOTTED = {
    "name": "n",
    "steps": [
        {"id": "a.b", "task": "t", "on_failure": "x.y"},
        {"id": "x.y", "task": "t"},
        {
            "id": "c",
            "task": "t",
            "depends_on": ["a.b"],
            "skip_if": {"step_id": "a.b", "field": "ok", "op": "==", "value": True},
        },
        {
            "id": "w",
            "type": "wait_for_event",
            "depends_on": ["a.b"],
            "config": {
                "event": "e",
                "timeout": 1_000_000_000,
                "match": {"left": "id", "op": "eq", "right": "step.a.b.output.x"},
            },
        },
    ],
    "aux_steps": {"x.y": True},
}


def document(*steps, **more):
    return json.dumps({"name": "n", "steps": list(steps or (STEP,)), **more})


def triggered(trigger, **more):
    return document(triggers=[trigger], **more)


NULLS = [
    (document(STEP, **dict.fromkeys((
        "version", "default_retry", "concurrency", "timeout", "input_schema", "output_schema",
        "aux_steps", "idempotency_key", "sticky", "priority", "cancel_on", "singleton", "triggers",
    ))), document()),
    (document({**STEP, **dict.fromkeys((
        "depends_on", "retries", "retry", "timeout", "config", "skip_if", "metadata",
        "worker_group", "on_failure", "compensate", "rate_limit", "keyed_rate_limit",
        "max_task_concurrency", "singleton", "required_capabilities",
    ))}), document()),
    (document({**STEP, "retry": {"max_retries": 1, "max_delay": None, "multiplier": None}}),
     document({**STEP, "retry": {"max_retries": 1}})),
    (document({**STEP, "type": "agent_loop", "config": {"max_iterations": 2, "loop_delay": None}}),
     document({**STEP, "type": "agent_loop", "config": {"max_iterations": 2}})),
    (document(priority={"key": "input.k", "rules": {"a": None, "b": 2}}),
     document(priority={"key": "input.k", "rules": {"a": 0, "b": 2}})),
    (document({**STEP, "worker_group": "", "on_failure": "", "compensate": ""}), document()),
    (document({"id": "z", "type": "sleep", "config": {"duration": 0, "cron": "0 3 * * *",
                                                      "until_input_path": ""}}),
     document({"id": "z", "type": "sleep", "config": {"cron": "0 3 * * *"}})),
    (document({"id": "r", "type": "respond", "config": {"status": 0, "content_type": "a/b"}}),
     document({"id": "r", "type": "respond", "config": {"content_type": "a/b"}})),
    (triggered({"id": "t", "enabled": True, "cron": None, "subject": {"subject": "a"},
                "debounce": None}),
     triggered({"id": "t", "enabled": True, "subject": {"subject": "a"}})),
]  # fmt: skip
NOTES = [
    (document({**STEP, "colour": "red", "retry": {"max_retries": 1, "why": "so"}}),
     document({**STEP, "retry": {"max_retries": 1}})),
    (document({**STEP, "type": "sub_workflow", "task": "", "config": {"workflow": "w", "zz": 1}}),
     document({**STEP, "type": "sub_workflow", "task": "", "config": {"workflow": "w"}})),
    (document({"id": "r", "type": "respond", "task": "t.a"}),
     document({"id": "r", "type": "respond"})),
    (triggered({"id": "t", "enabled": True, "cron": {"expression": "0 3 * * *", "seconds": 1}}),
     triggered({"id": "t", "enabled": True, "cron": {"expression": "0 3 * * *"}})),
    (document({**STEP, "config": "some"}), document()),
    (document({**STEP, "type": "agent", "config": [1]}), document({**STEP, "type": "agent"})),
]  # fmt: skip
BELOW = [
    (document({**STEP, "timeout": -1}, timeout=-5), document()),
    (document({**STEP, "retry": {"max_retries": -1, "initial_delay": -1, "max_delay": -1}}),
     document({**STEP, "retry": {"max_retries": 0}})),
    (document({**STEP, "type": "agent_loop", "config": {"max_iterations": 2, "delay": -1}}),
     document({**STEP, "type": "agent_loop", "config": {"max_iterations": 2}})),
]  # fmt: skip
CASES = [
    (document({"Id": "a", "TASK": "t.a", "Timeout": "1s"}), document({**STEP, "timeout": "1s"})),
    (json.dumps({"NAME": "n", "Steps": [STEP]}), document()),
    (document({"Id": "z", "Type": "sleep", "Config": {"Duration": "1s"}}),
     document({"id": "z", "type": "sleep", "config": {"duration": "1s"}})),
    (triggered({"ID": "t", "Enabled": True, "Cron": {"Expression": "0 3 * * *"}}),
     triggered({"id": "t", "enabled": True, "cron": {"expression": "0 3 * * *"}})),
]  # fmt: skip
OVER = [*NULLS, *NOTES, *BELOW, *CASES]


@pytest.mark.parametrize(("text", "plain"), OVER)
def test_go_reads_it_over(text, plain):
    workflow, findings = front(text)
    assert not errors(findings)
    assert {f.severity for f in findings if f.code == "DN9014"} == {Severity.WARNING}
    again, _ = front(plain)
    assert meaning(workflow) == meaning(again)
    after = mended(text)
    assert json.loads(after) == json.loads(mended(plain))
    assert not [f for f in front(after)[1] if f.code == "DN9014"]


@pytest.mark.parametrize(("text", "plain"), OVER)
def test_a_document_of_today_has_none_of_it(text, plain):
    marked = json.dumps({"dagnats": 1, **json.loads(text)})
    assert errors(front(marked)[1])
    assert not errors(front(json.dumps({"dagnats": 1, **json.loads(plain)}))[1])


def test_a_last_note_stays_where_nothing_else_is():
    text = document({**STEP, "config": {"colour": "red"}})
    assert told(front(text)[1]) == [
        "1:63 DN9014 Go dagnats ignored `colour`, so it counts for nothing"
    ]
    assert mended(text) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # Go refuses these, too.
        (document({**STEP, "retries": -1}), "DN2006"),
        (document({"id": "z", "type": "sleep", "config": {"duration": -5}}), "DN2007"),
        (document({"id": "w", "type": "wait_for_event", "config": {"event": "e", "timeout": -1}}),
         "DN2006"),
        (document({**STEP, "rate_limit": {"limit": 1, "period": -1}}), "DN2006"),
        (triggered({"id": "t", "subject": "a", "debounce": {"period": "1s", "timeout": -1}}),
         "DN2006"),
        (document({"id": "s", "type": "sub_workflow", "config": "some"}), "DN2003"),
        # Nobody knows which of the two was meant.
        (document({**STEP, "Task": "t.b"}), "DN2001"),
    ],
)  # fmt: skip
def test_what_go_does_not_read_over_is_an_error(text, code):
    assert [f.code for f in errors(front(text)[1])] == [code]


def test_what_cannot_be_read_is_no_null():
    _, findings = front("name: n\nsteps: [{id: a, task: b, timeout: .inf}]")
    assert [f.code for f in findings] == ["DN1010"]


def test_the_same_note_is_told_once_where_an_alias_repeats_it():
    _, findings = front("name: n\nsteps:\n- {id: a, task: b, retry: &r {max_retries: 1, why: x}}\n"
                        "- {id: c, task: b, retry: *r}\n")  # fmt: skip
    assert [f.code for f in findings] == ["DN9014"]


# Ids with dots


def test_ids_may_have_dots():
    workflow, findings = front(json.dumps(DOTTED))
    assert not errors(findings)
    assert sum("is an id of the Go dagnats" in f.message for f in findings) == 2
    assert [step.id for step in workflow.steps] == ["a.b", "x.y", "c", "w"]
    read = [workflow.steps[2].when.expr, workflow.steps[3].config.match.expr]
    assert [{name for name, _ in references(expr)} for expr in read] == [{"a.b"}, {"a.b"}]


def test_documents_with_such_ids_compile():
    assert compile_workflow(json.dumps(DOTTED)).program is not None


@pytest.mark.parametrize(
    ("steps", "id_"),
    [
        ([{"id": "a", "task": "t", "compensate": "b"}, {"id": "b", "task": "t"}], "a.b"),
        ([{"id": "a", "task": "t", "on_failure": "b"}, {"id": "b", "task": "t"}], "a.b"),
        ([{"id": "a", "type": "planner", "task": "t", "config": {"max_steps": 1}}], "a.x"),
        (
            [
                {
                    "id": "a",
                    "type": "switch",
                    "config": {"cases": [{"when": "input.x", "steps": [{"id": "b", "task": "t"}]}]},
                }
            ],
            "a.b",
        ),
        (
            [
                {"id": "a", "task": "t", "compensate": "b"},
                {"id": "b", "task": "t", "on_failure": "c"},
                {"id": "c", "task": "t"},
            ],
            "a.b.c",
        ),
        (
            [
                STEP,
                {
                    "id": "m",
                    "type": "map",
                    "task": "t",
                    "depends_on": ["a"],
                    "config": {"max_items": 1},
                },
            ],
            "m.each",
        ),
    ],
)
def test_what_another_step_is_called_is_no_id(steps, id_):
    _, findings = front(document(*steps, {"id": id_, "task": "t"}))
    assert [f.code for f in errors(findings)] == ["DN3001"]
    _, findings = front(document(*steps, {"id": f"z{id_}", "task": "t"}))
    assert not errors(findings)


# Answers

SKIPPED = {
    **STEP, "id": "b", "depends_on": ["a"],
    "skip_if": {"step_id": "a", "field": "ok", "op": "==", "value": True},
}  # fmt: skip
REST = {"id": "b", "type": "sleep", "config": {"duration": "1s"}}
STATUS = 'steps.b.status == "completed" ? '


@pytest.mark.parametrize(
    ("before", "config", "body"),
    [
        ((REST,), {}, "input"),
        ((REST,), {"body_from": "x.y"}, "input.x.y"),
        ((STEP, SKIPPED), {}, f"{STATUS}steps.b.output : input"),
        ((STEP, SKIPPED), {"body_from": "x"}, f"{STATUS}steps.b.output.x : input.x"),
    ],
)
def test_what_has_no_output_is_answered_with_the_input(before, config, body):
    answer = {"id": "r", "type": "respond", "depends_on": ["b"], "config": config}
    text = document(*before, answer)
    workflow, findings = front(text)
    assert not errors(findings)
    assert unparse(workflow.steps[-1].config.body.expr) == body
    after = mended(text)
    assert meaning(front(after)[0]) == meaning(workflow)
    assert meaning(front(json.dumps({**json.loads(after), "dagnats": 1}))[0].steps) == meaning(
        workflow.steps
    )


def test_what_has_an_output_is_answered_with_it():
    answer = {"id": "r", "type": "respond", "depends_on": ["a"]}
    workflow, findings = front(document(STEP, answer))
    assert (workflow.steps[1].config.body, findings) == (None, ())


# Triggers

HOOK = {"id": "t", "workflow_id": "n", "enabled": True, "webhook": {"path": "/p", "secret": "s3t"}}


def without(trigger, key):
    return {name: value for name, value in trigger.items() if name != key}


def config_of(text):
    compiled = compile_workflow(text, "a.json")
    assert compiled.program is not None
    (trigger,) = compiled.program.triggers
    return trigger.config, trigger.enabled


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (triggered(HOOK), {"secret_value": "s3t"}),
        (triggered({**HOOK, "workflow_id": ""}), {"secret_value": "s3t"}),
        (triggered(HOOK, dagnats=1), {"secret": "s3t"}),
        (triggered(without(HOOK, "workflow_id")), {"secret": "s3t"}),
    ],
)
def test_a_secret_of_go_is_the_secret_itself(text, secret):
    found, _ = config_of(text)
    assert found == {"path": "p", **secret}


def test_no_finding_repeats_a_secret():
    for finding in compile_workflow(triggered(HOOK), "a.json").diagnostics:
        assert "s3t" not in f"{finding.message} {finding.help}"


def test_a_trigger_of_go_is_off_unless_it_says_otherwise():
    text = triggered({"id": "t", "workflow_id": "n", "cron": {"expression": "0 3 * * *"}})
    assert config_of(text)[1] is False
    assert json.loads(mended(text))["triggers"][0]["enabled"] is False


def test_the_end_of_another_run_starts_one():
    ended = {"id": "t", "enabled": True, "run_terminal": {"workflow": "build"}}
    program = compile_workflow(triggered(ended), "a.json").program
    form = json.loads(encode(program))["triggers"][0]
    assert form["kind"] == "run_terminal"
    assert form["config"] == {
        "workflow": "build",
        "statuses": ["completed", "failed", "cancelled"],
    }
    schema = {"type": "object", "required": ["run_id"], "properties": {"run_id": {}}}
    given = compile_workflow(triggered(ended, input_schema=schema), "a.json")
    assert {f.code for f in given.diagnostics} == {"DN9001"}
    assert given.program is not None


@pytest.mark.parametrize(
    "text",
    [
        triggered(HOOK),
        triggered({**HOOK, "run_terminal": {"workflow": "m", "statuses": ["failed"]}}
                  | {"webhook": None}),
        triggered(without(HOOK, "enabled")),
        document({**STEP, "retry": {"max_attempts": 3}}, default_retry={"max_attempts": 2}),
        *[text for text, _ in OVER],
    ],
)  # fmt: skip
def test_fixes_make_the_same_program(text):
    before = compile_workflow(text, "a.json")
    after = mend(text, lambda each: compile_workflow(each, "a.json").diagnostics, unsafe=False).text
    assert after != text
    assert digest(before.program) == digest(compile_workflow(after, "a.json").program)
    marked = json.dumps({"dagnats": 1, **json.loads(after)})
    again = compile_workflow(marked, "a.json")
    assert digest(before.program) == digest(again.program)
