import pytest

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.source.document import to_json
from dagnats.source.reader import read
from dagnats.source.shape import COMPLAINTS_MAX, check_schema, check_shape, check_value
from tests.source.reading import apply, part, shown

STEPS = "\nsteps: [{id: a, task: b}]\n"


def judge(text):
    """Return whether the shape is right, and the findings."""
    sink = Sink()
    document = read(text, "a.yaml", sink)
    assert document is not None
    return check_shape(document, sink), sink.sorted()


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
    (step("config: {until: a}"), "DN2001", "until", "`config` has no key `until`", "no keys"),
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
    (step("type: loop"), "DN2004", "loop", "`type` must be `normal` or `agent_loop`, not `loop`",
     "write `normal` or `agent_loop`"),
    (step("type: 1"), "DN2004", "1", "`type` must be `normal` or `agent_loop`, not `1`", "write"),
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
    (step("depends_on: [{step: c, allow: [failed, failed]}]"), "DN2006", "[failed, failed]",
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


def test_a_misspelt_type_does_not_blame_the_config():
    _, (finding,) = judge(step("type: agent_lop, config: {max_iterations: 3}"))
    assert finding.code == "DN2004"


INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "value", "complaint"),
    [
        (INTEGER, "x", "$: must be an integer, not a string"),
        ({"type": ["string", "null"]}, 1, "$: must be null or a string, not an integer"),
        ({"type": "number"}, True, "$: must be a number, not true or false"),
        ({"type": "string"}, 1.5, "$: must be a string, not a number"),
        ({"type": "object"}, [], "$: must be a mapping, not a list"),
        ({"type": "array"}, None, "$: must be a list, not null"),
        ({"required": ["a"]}, {}, "$: `a` is missing"),
        ({"properties": {"a": {"items": INTEGER}}}, {"a": [1, "x"]},
         "$.a[1]: must be an integer, not a string"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1},
         "$: `b` is not expected"),
        ({"additionalProperties": False}, {"b": 1}, "$: no keys are expected"),
        ({"unevaluatedProperties": False}, {"b": 1}, "$: `b` is not expected"),
        ({"properties": {"a": False}}, {"a": 1}, "$.a: must not be there"),
        ({"enum": ["a", 1, None]}, 2, "$: must be one of `a`, `1`, `null`"),
        ({"const": {"a": 1}}, 2, '$: must be `{"a": 1}`'),
        ({"pattern": "^a"}, "b", "$: must match `^a`"),
        ({"minimum": 1}, 0, "$: must be at least 1"),
        ({"maximum": 1.5}, 2, "$: must be at most 1.5"),
        ({"exclusiveMinimum": 1}, 1, "$: must be more than 1"),
        ({"exclusiveMaximum": 1}, 1, "$: must be less than 1"),
        ({"multipleOf": 2}, 3, "$: must be a multiple of 2"),
        ({"minLength": 1}, "", "$: must have at least 1 character"),
        ({"maxLength": 2}, "abc", "$: must have at most 2 characters"),
        ({"minItems": 2}, [1], "$: must have at least 2 items"),
        ({"maxItems": 1}, [1, 2], "$: must have at most 1 item"),
        ({"minProperties": 1}, {}, "$: must have at least 1 key"),
        ({"maxProperties": 2}, {"a": 1, "b": 2, "c": 3}, "$: must have at most 2 keys"),
        ({"uniqueItems": True}, [1, 1], "$: must not hold the same item twice"),
        ({"contains": INTEGER}, ["a"], "$: must hold an item of the required kind"),
        ({"anyOf": [INTEGER, {"type": "null"}]}, "a", "$: fits none of the allowed forms"),
        ({"oneOf": [{}, {}]}, 1, "$: must fit exactly one of the allowed forms"),
        ({"not": {}}, 1, "$: has a form that is excluded"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "$: the key `ab` is not allowed"),
        ({"unevaluatedItems": False}, [1], "$: does not fit its schema"),
        (False, 1, "$: must not be there"),
        ({"$defs": {"x": INTEGER}, "$ref": "#/$defs/x"}, "a", "$: must be an integer"),
        ({}, "\ud800", "$: is nested too deeply, or holds half of a surrogate pair"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_schema(schema, value, complaint):
    (found,) = check_value(schema, value)
    assert found.startswith(f"at {complaint}")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (True, 1), ({}, {"a": [None]}), (INTEGER, 1.0), (INTEGER, 2**63),
        ({"format": "email"}, "x"), ({"type": "string"}, "😀"), ({"enum": [None]}, None),
    ],
)  # fmt: skip
def test_a_value_that_fits_its_schema(schema, value):
    assert check_value(schema, value) == []


def test_a_value_that_is_too_deep_is_refused():
    value = 1
    for _ in range(1_000):
        value = [value]
    (found,) = check_value(INTEGER, value)
    assert found.startswith("at $: is nested too deeply")


def test_complaints_about_one_value_end():
    complaints = check_value({"items": INTEGER}, ["a"] * (COMPLAINTS_MAX + 1))
    assert len(complaints) == COMPLAINTS_MAX + 1
    assert complaints[-1] == "and more"
    assert len(check_value({"items": INTEGER}, ["a"] * COMPLAINTS_MAX)) == COMPLAINTS_MAX


TYPES = "a type is one of `string`, `integer`, `number`, `boolean`, `array`, `object`, `null`"


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        (1, "a schema is a mapping, true or false"),
        (None, "a schema is a mapping, true or false"),
        ([], "a schema is a mapping, true or false"),
        ({"type": "strng"}, f"at $.type: {TYPES}"),
        ({"type": ["string", "x"]}, f"at $.type: {TYPES}"),
        ({"properties": {"a": {"type": "x"}}}, f"at $.properties.a.type: {TYPES}"),
        ({"properties": {"a": 1}}, "at $.properties.a: must be true or false or a mapping, not an"),
        ({"required": "a"}, "at $.required: must be a list, not a string"),
        ({"minLength": -1}, "at $.minLength: must be at least 0"),
        ({"pattern": "("}, "at $.pattern: must be a valid `regex`"),
        ({"items": [{}]}, "at $.items: must be true or false or a mapping, not a list"),
        ({"anyOf": []}, "at $.anyOf: must have at least 1 item"),
        ({"$ref": "#/nope"}, "the reference to `/nope` leads nowhere in this schema"),
        ({"$ref": "#nope"}, "the reference to `nope` leads nowhere in this schema"),
        ({"allOf": [{"$ref": "https://example.com/s.json"}]},
         "the reference to `https://example.com/s.json` leads nowhere in this schema"),
    ],
)  # fmt: skip
def test_what_is_no_schema(schema, wrong):
    assert check_schema(schema).startswith(wrong)


@pytest.mark.parametrize(
    "schema",
    [True, False, {}, {"x-any": 1}, {"$ref": "#"}, {"type": ["string", "null"]}, {"enum": []}],
)
def test_what_is_a_schema(schema):
    assert check_schema(schema) is None


@pytest.mark.parametrize("levels", [300, 100_000])
def test_a_schema_that_is_too_deep_is_refused(levels):
    schema = {}
    for _ in range(levels):
        schema = {"not": schema}
    assert check_schema(schema) == "is nested too deeply, or holds half of a surrogate pair"


def test_the_schema_of_a_document_is_checked_as_it_is_written():
    document = read("{type: object, required: [a], properties: {a: {type: strng}}}", "a", Sink())
    assert check_schema(to_json(document.root)) == f"at $.properties.a.type: {TYPES}"
