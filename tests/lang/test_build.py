import json
from pathlib import Path

import pytest

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.expr.ast import INTERPOLATE, Call, ListOf, Literal, MapOf, Select, walk
from dagnats.lang import build as lang_build
from dagnats.lang.ast import AgentLoopStep, Dependency, TaskStep
from dagnats.lang.build import build
from dagnats.source import document as source_document
from dagnats.source.reader import read
from dagnats.source.shape import check_shape
from tests.source.reading import apply, part, position, shown, spans

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "schemas" / "workflow.schema.json").read_text(encoding="utf-8")
)


def built(text, *, shapely=True):
    """Return the workflow and the findings of `build`, of a text whose shape is right."""
    sink = Sink()
    document = read(text, "a.yaml", sink)
    assert check_shape(document, sink) is shapely
    before = len(sink.sorted())
    workflow = build(document, sink)
    return workflow, sink.sorted()[before if shapely else 0 :]


def clean(text):
    workflow, findings = built(text)
    assert findings == ()
    return workflow


def head(text):
    return f"name: n\n{text}\nsteps: [{{id: a, task: b}}]\n"


def step(text):
    return f"name: n\nsteps:\n  - id: a\n    task: b\n    {text}\n"


FULL = """\
$schema: ./workflow.schema.json
dagnats: 1
name: full
version: 1.10
description: All there is.
timeout: 2h
input: {type: object}
tasks:
  t.one: {description: One., input: {type: string}, output: false, idempotent: true}
  t.two: {}
defaults:
  timeout: 5m
  queue_timeout: 1h
  retry: {max_retries: 1}
steps:
  - id: one
    type: normal
    task: t.one
    description: First.
    when: input.go == true
    with: {x: 1}
    timeout: 30s
    queue_timeout: 10m
    metadata: {owner: me}
    config: {x-any: 1}
    retry:
      {max_retries: 3, strategy: exponential, initial_delay: 1s, max_delay: 30s, multiplier: 1.5}
  - id: two
    type: agent_loop
    task: t.two
    depends_on: [one, {step: one, allow: skipped}, {step: one, allow: [failed, skipped]}]
    config:
      max_iterations: 10
      until: result.done
      initial_state: {n: 0}
      max_duration: 30m
      on_exhausted: complete
output: ${{ steps.two.output }}
"""


def test_every_key_reaches_the_tree():
    workflow = clean(FULL)
    one, two = workflow.steps
    assert (workflow.name, workflow.label, workflow.description) == (
        "full",
        "1.10",
        "All there is.",
    )
    assert (workflow.timeout_ms, workflow.input_schema) == (7_200_000, {"type": "object"})
    contract = workflow.tasks["t.one"]
    assert (contract.name, contract.input, contract.output) == ("t.one", {"type": "string"}, False)
    assert contract.idempotent
    other = workflow.tasks["t.two"]
    assert (other.input, other.output, other.idempotent) == (None, None, False)
    assert (workflow.defaults.timeout_ms, workflow.defaults.queue_timeout_ms) == (
        300_000,
        3_600_000,
    )
    assert workflow.defaults.retry.max_retries == 1
    assert isinstance(one, TaskStep)
    assert (one.common.id, one.task, one.common.description) == ("one", "t.one", "First.")
    assert one.common.when.expr == Call("_==_", (Select(one_ident("input"), "go"), Literal(True)))
    assert one.common.with_.expr == Literal({"x": 1})
    assert (one.common.timeout_ms, one.common.queue_timeout_ms) == (30_000, 600_000)
    retry = one.common.retry
    assert (retry.max_retries, retry.strategy) == (3, "exponential")
    assert (retry.initial_delay_ms, retry.max_delay_ms, retry.multiplier) == (1_000, 30_000, 1.5)
    assert isinstance(two, AgentLoopStep)
    assert (two.common.id, two.task) == ("two", "t.two")
    assert [dependency.accepts for dependency in two.common.depends_on] == [
        ("completed",), ("completed", "skipped"), ("completed", "failed", "skipped"),
    ]  # fmt: skip
    assert {dependency.step for dependency in two.common.depends_on} == {"one"}
    assert (two.max_iterations, two.initial_state, two.max_duration_ms) == (10, {"n": 0}, 1_800_000)
    assert (two.until.expr, two.on_exhausted) == (Select(one_ident("result"), "done"), "complete")
    steps = Select(one_ident("steps"), "two")
    assert workflow.output.expr == Select(steps, "output")


def one_ident(name):
    return next(node for node in walk(clean(step(f"when: {name}")).steps[0].common.when.expr))


def test_the_places_of_the_tree():
    workflow = clean(FULL)
    one, two = workflow.steps
    places = {
        "full": workflow.span,
        "t.one": workflow.tasks["t.one"].span,
        "one": one.common.id_span,
        "input.go == true": one.common.when.span,
        "{x: 1}": one.common.with_.span,
        "config": two.config_span,
        "t.two": two.task_span,
        "${{ steps.two.output }}": workflow.output.span,
    }
    assert {source: part(FULL, span) for source, span in places.items()} == dict(
        zip(places, places, strict=True)
    )
    assert part(FULL, one.common.span).startswith("id: one")
    assert part(FULL, one.common.retry.span).endswith("multiplier: 1.5}")
    assert [part(FULL, d.span) for d in two.common.depends_on] == ["one", "one", "one"]
    assert two.common.depends_on[1].span.start.column == 30


def test_what_is_not_written_is_inherited_later():
    workflow = clean("name: n\nsteps:\n- {id: a, task: b}\n- {id: c, type: agent_loop, task: b}\n")
    common = workflow.steps[0].common
    assert (workflow.label, workflow.description, workflow.timeout_ms) == (None, None, None)
    assert (workflow.input_schema, workflow.tasks, workflow.output) == (None, {}, None)
    assert (workflow.defaults.timeout_ms, workflow.defaults.retry) == (None, None)
    assert (common.depends_on, common.when, common.with_, common.retry) == ((), None, None, None)
    assert (common.timeout_ms, common.queue_timeout_ms, common.description) == (None, None, None)
    loop = workflow.steps[1]
    assert (loop.max_iterations, loop.until, loop.initial_state) == (None, None, None)
    assert (loop.on_exhausted, loop.max_duration_ms) == ("fail", None)
    retry = clean(step("retry: {}")).steps[0].common.retry
    assert (retry.max_retries, retry.strategy, retry.multiplier) == (None, None, None)
    assert (retry.initial_delay_ms, retry.max_delay_ms) == (None, None)


# Keys for people and their tools, which mean nothing to a run.
FOR_PEOPLE = {
    ("", "$schema"), ("", "dagnats"), ("contract", "description"), ("step", "metadata"),
}  # fmt: skip
MINIMAL = {
    "": {"name": "n", "steps": [{"id": "a", "task": "b"}]},
    "step": {"id": "a", "task": "b", "type": "agent_loop"},
    "contract": {},
    "retry": {},
    "defaults": {},
    "dependency": {"step": "a"},
    "agentLoopConfig": {},
}
PATHS = {
    "": [],
    "step": ["steps", 0],
    "contract": ["tasks", "b"],
    "retry": ["steps", 0, "retry"],
    "defaults": ["defaults"],
    "dependency": ["steps", 0, "depends_on", 0],
    "agentLoopConfig": ["steps", 0, "config"],
}


def schema_keys():
    """Yield the definition and the name of every key that the language has."""
    for name, definition in [("", SCHEMA), *SCHEMA["$defs"].items()]:
        for key in definition.get("properties", {}):
            yield name, key


def within(definition, value):
    """Return a whole document that holds a mapping of the kind of `definition`."""
    first = {"id": "a", "task": "b"}
    match definition:
        case "":
            return value
        case "step":
            first = value
        case "dependency":
            first["depends_on"] = [value]
        case "retry":
            first["retry"] = value
        case "agentLoopConfig":
            first |= {"type": "agent_loop", "config": value}
        case "contract":
            return {**MINIMAL[""], "tasks": {"b": value}}
        case "defaults":
            return {**MINIMAL[""], "defaults": value}
    return {"name": "n", "steps": [first]}


class Watched(source_document.Mapping):
    """A mapping that remembers which of its keys are looked at."""

    seen: set

    def entry(self, key):
        Watched.seen.add((self.span, key))
        return super().entry(key)


@pytest.mark.parametrize(("definition", "key"), sorted(schema_keys()))
def test_each_key_of_the_schema_is_read_or_for_people(definition, key, monkeypatch):
    """The schema and the tree cannot drift apart: a new key is either read or listed above."""
    monkeypatch.setattr(Watched, "seen", set(), raising=False)
    monkeypatch.setattr("dagnats.source.reader.Mapping", Watched)
    assert definition in PATHS, "a definition with keys that this test does not know"
    known = SCHEMA if not definition else SCHEMA["$defs"][definition]
    value = known["properties"][key].get("examples", [{}])[0]
    text = json.dumps(within(definition, {**MINIMAL[definition], key: value}))
    sink = Sink()
    document = read(text, "a.json", sink)
    assert check_shape(document, sink)
    assert build(document, sink) is not None
    assert not sink.has_errors
    holder, _ = source_document.locate(document.root, PATHS[definition])
    assert ((holder.span, key) in Watched.seen) is ((definition, key) not in FOR_PEOPLE)


def test_the_keys_for_people_are_keys():
    assert set(schema_keys()) >= FOR_PEOPLE


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("30s", 30_000), ("1h30m", 5_400_000), ("1.5s", 1_500), ("2d", 172_800_000), ("250ms", 250),
        ("1us", 1), ("1ns", 1), ("1.0001ms", 2), ("'10m'", 600_000), ("0", None), ("0s", None),
        ("'0'", None), ("0ms", None), ("106751d", 9_223_286_400_000),
    ],
)  # fmt: skip
def test_durations(text, milliseconds):
    assert clean(head(f"timeout: {text}")).timeout_ms == milliseconds
    assert clean(step(f"timeout: {text}")).steps[0].common.timeout_ms == milliseconds
    assert clean(step(f"queue_timeout: {text}")).steps[0].common.queue_timeout_ms == milliseconds
    assert clean(head(f"defaults: {{timeout: {text}}}")).defaults.timeout_ms == milliseconds


def test_a_first_delay_of_zero_is_zero_and_a_longest_one_is_none():
    retry = (
        clean(step("retry: {initial_delay: 0, max_delay: 0, multiplier: 0}")).steps[0].common.retry
    )
    assert (retry.initial_delay_ms, retry.max_delay_ms, retry.multiplier) == (0, None, None)


@pytest.mark.parametrize(
    ("nanoseconds", "milliseconds", "text", "applicability"),
    [
        ("30000000000", 30_000, "30s", "safe"),
        ("5400000000000", 5_400_000, "1h30m", "safe"),
        ("1500000000", 1_500, "1s500ms", "safe"),
        ("0x3B9ACA00", 1_000, "1s", "safe"),
        ("1000", 1, "1ms", "unsafe"),
        ("1000000001", 1_001, "1s1ms", "unsafe"),
    ],
)
def test_nanoseconds_of_go_are_read_and_advised_against(
    nanoseconds, milliseconds, text, applicability
):
    document = step(f"timeout: {nanoseconds} # c")
    workflow, (finding,) = built(document)
    assert workflow.steps[0].common.timeout_ms == milliseconds
    assert (finding.code, finding.severity) == ("DN9001", Severity.INFO)
    assert (part(document, finding.span), finding.help) == (nanoseconds, f"write `{text}`")
    (fix,) = finding.fixes
    assert fix.applicability == applicability
    mended = clean(apply(document, fix))
    assert mended.steps[0].common.timeout_ms == milliseconds


@pytest.mark.parametrize("text", ["106751991167301d", f"{'9' * 20}h", f"1{'0' * 30}s"])
def test_a_duration_that_only_adding_up_shows_to_be_too_long(text):
    document = step(f"timeout: {text}")
    workflow, (finding,) = built(document)
    assert workflow.steps[0].common.timeout_ms is None
    assert (finding.code, part(document, finding.span)) == ("DN2007", text)
    assert finding.message == f"`{text}` is longer than 292 years"


OLD = [
    (head("input_schema: {type: string}"), head("input: {type: string}"), "input_schema",
     "input"),
    (step("retry: {max_attempts: 3}"), step("retry: {max_retries: 3}"), "max_attempts",
     "max_retries"),
    (head("defaults: {retry: {max_attempts: 3}}"), head("defaults: {retry: {max_retries: 3}}"),
     "max_attempts", "max_retries"),
    (head("'input_schema': {}"), head('"input": {}'), "'input_schema'", "input"),
    ('{"name": "n", "input_schema": true, "steps": [{"id": "a", "task": "b"}]}',
     '{"name": "n", "input": true, "steps": [{"id": "a", "task": "b"}]}', '"input_schema"',
     "input"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mended", "source", "name"), OLD)
def test_an_old_spelling_means_the_same_and_is_advised_against(text, mended, source, name):
    workflow, (finding,) = built(text)
    assert (finding.code, finding.severity) == ("DN9001", Severity.INFO)
    assert part(text, finding.span) == source
    assert finding.message == f"`{source.strip(chr(39) + chr(34))}` is the old spelling of `{name}`"
    (fix,) = finding.fixes
    assert fix.applicability == "safe"
    assert apply(text, fix) == mended
    new = clean(mended)
    assert (workflow.input_schema, meaning(workflow)) == (new.input_schema, meaning(new))


def meaning(workflow):
    policies = [workflow.defaults.retry, workflow.steps[0].common.retry]
    return [policy and policy.max_retries for policy in policies]


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (head("input: true\ninput_schema: false"), "input_schema", "input"),
        (head("input_schema: false\ninput: true"), "input_schema", "input"),
        (step("retry: {max_attempts: 5, max_retries: 3}"), "max_attempts", "max_retries"),
    ],
)
def test_two_spellings_of_one_key_are_refused_and_the_new_one_counts(text, old, new):
    workflow, (finding,) = built(text)
    assert (finding.code, finding.severity) == ("DN2008", Severity.ERROR)
    assert part(text, finding.span) == old
    assert [part(text, label.span) for label in finding.labels] == [new]
    assert finding.help == f"remove `{old}`"
    assert workflow.input_schema is True or workflow.steps[0].common.retry.max_retries == 3


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("1.10", "1.10"), ("1.0", "1.0"), ("2", "2"), ("0x1F", "0x1F"), ("1e3", "1e3"),
        ("'1.10'", "1.10"), ("2024-01-01", "2024-01-01"), ("1.4.0", "1.4.0"), ('""', ""),
    ],
)  # fmt: skip
def test_the_version_is_kept_as_it_is_written(text, label):
    assert clean(head(f"version: {text}")).label == label


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_a_condition_may_be_a_constant(text, value):
    when = clean(step(f"when: {text}")).steps[0].common.when
    assert when.expr == Literal(value)
    assert when.spans[when.expr.id] == when.span


# In each, the name `xyz` is read; its place is the name itself where the text stands one to one.
STYLES = [
    ("with: ${{ xyz }}", "xyz"),
    ("with: {k: '${{ xyz }}'}", "xyz"),
    ('with: {k: "${{ xyz }}"}', "xyz"),
    ("with: [1, 'é😀 ${{ xyz }}']", "xyz"),
    ("with: a ${{ 'b' }} ${{ xyz }} c", "xyz"),
    ('with: "$${{ no }} ${{ xyz }}"', "xyz"),
    ('with: "a\\n${{ xyz }}"', '"a\\n${{ xyz }}"'),
    ("with: 'it''s ${{ xyz }}'", "'it''s ${{ xyz }}'"),
    ("with: a\n      ${{ xyz }}", "a\n      ${{ xyz }}"),
    ("with: |\n      a ${{ xyz }}", "|\n      a ${{ xyz }}"),
    ("with: >-\n      ${{ xyz }}", ">-\n      ${{ xyz }}"),
    ("when: xyz", "xyz"),
    ("when: 'xyz'", "xyz"),
    ('when: "xyz"', "xyz"),
    ("when: 'xyz == ''a'''", "'xyz == ''a'''"),
    ("when: |\n      1 ==\n      xyz", "|\n      1 ==\n      xyz"),
    ("when: >-\n      1 ==\n      xyz", ">-\n      1 ==\n      xyz"),
]


@pytest.mark.parametrize(("text", "source"), STYLES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_places_inside_of_expressions(text, source, newline, mark):
    document = mark + step(text).replace("\n", newline)
    common = clean(document).steps[0].common
    embedded = common.when or common.with_
    (node,) = [n for n in walk(embedded.expr) if getattr(n, "name", "") == "xyz"]
    span = embedded.spans[node.id]
    assert part(document, span) == source.replace("\n", newline)
    assert span.start == position(document, span.start.offset)
    assert span.end == position(document, span.end.offset)


@pytest.mark.parametrize(("text", "_source"), STYLES)
def test_every_node_of_an_expression_has_a_place_and_a_number_of_its_own(text, _source):
    document = step(text)
    common = clean(document).steps[0].common
    embedded = common.when or common.with_
    found = list(walk(embedded.expr))
    assert len({node.id for node in found}) == len(found)
    for node in found:
        span = embedded.spans[node.id]
        assert embedded.span.start <= span.start <= span.end <= embedded.span.end


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("with: {a: [1, {b: null}], c: x}", Literal({"a": [1, {"b": None}], "c": "x"})),
        ("with: []", Literal([])),
        ("with: null", Literal(None)),
        ("with: $x {{ y }}", Literal("$x {{ y }}")),
        ("with: $${{ x }}", Literal("${{ x }}")),
        ("with: '${{ 1 }}'", Literal(1)),
        ("with: a${{ 1 }}", Call(INTERPOLATE, (Literal("a"), Literal(1)))),
        ("with: {a: [1, 2], b: ['${{ 3 }}', [4]]}",
         MapOf(((Literal("a"), Literal([1, 2])),
                (Literal("b"), ListOf((Literal(3), Literal([4]))))))),
        ("with: {'${{ k }}': 1}", Literal({"${{ k }}": 1})),
    ],
)  # fmt: skip
def test_templates(text, expr):
    assert clean(step(text)).steps[0].common.with_.expr == expr


def test_an_aliased_template_is_built_wherever_it_is_used():
    text = "name: n\nx: &x {k: '${{ xyz }}'}\n".replace("x:", "x-x:") + (
        "steps:\n- {id: a, task: b, with: *x}\n- {id: c, task: b, with: [*x, *x]}\n"
    )
    one, two = (s.common.with_ for s in clean(text).steps)
    assert two.expr == ListOf((one.expr, one.expr))
    assert len({node.id for node in walk(two.expr)}) == len(list(walk(two.expr)))
    places = {
        part(text, two.spans[n.id]) for n in walk(two.expr) if getattr(n, "name", "") == "xyz"
    }
    assert places == {"xyz"}


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("with: ${{ 1 + }}", ["DN4001 5:17-5:18"]),
        ("with: {a: '${{ }}', b: '${{ x'}", ["DN4001 5:19-5:20", "DN4005 5:29-5:34"]),
        ('with: "\\t${{ 1 + }}"', ["DN4001 5:11-5:25"]),
        ("with: >-\n      ${{ 1 + }}", ["DN4001 5:11-6:17"]),
        ("when: a = b", ["DN4001 5:13-5:14"]),
        ("when: ${{ a }}", ["DN4001 5:11-5:12"]),
    ],
)
def test_what_does_not_parse_is_said_and_left_out(text, findings):
    workflow, found = built(step(text))
    assert [f"{finding.code} {shown(finding.span)}" for finding in found] == findings
    common = workflow.steps[0].common
    assert (common.with_, common.when) == (None, None)


@pytest.mark.parametrize(
    ("text", "codes", "ids"),
    [
        ("name: n\nsteps: [{id: a}, {id: b, task: t}]", ["DN2002"], ["a", "b"]),
        ("name: n\nsteps: [{task: t}, {id: b, task: t}]", ["DN2002"], ["b"]),
        ("name: n\nsteps: [x, {id: b, task: t}]", ["DN2003"], ["b"]),
        ("name: n\nsteps: [{id: a, task: 1}]", ["DN2003"], ["a"]),
        ("name: n\ntimeout: 5 minutes\nsteps: [{id: a, task: t}]", ["DN2007"], ["a"]),
        (step("timeout: true"), ["DN2003"], ["a"]),
        (step("when: 1"), ["DN2003"], ["a"]),
        (step("when: ''"), ["DN2006"], ["a"]),
        (step("depends_on: x"), ["DN2003"], ["a"]),
        (step("depends_on: [1, {}, [], {step: 2}]"), ["DN2003", "DN2002", "DN2003", "DN2003"],
         ["a"]),
        (step("retry: []"), ["DN2003"], ["a"]),
        (step("retry: {max_retries: 1.5, multiplier: x}"), ["DN2003", "DN2003"], ["a"]),
        (head("tasks: []"), ["DN2003"], ["a"]),
        (head("defaults: []"), ["DN2003"], ["a"]),
        (head("version: []"), ["DN2003"], ["a"]),
        (head("tasks: {t: 1}"), ["DN2003"], ["a"]),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_left_out_and_said_only_once(text, codes, ids):
    workflow, findings = built(text, shapely=False)
    assert [finding.code for finding in findings] == codes
    assert [s.common.id for s in workflow.steps] == ids
    assert all(span.start <= span.end for span in spans(findings))


@pytest.mark.parametrize(
    "text", ["[]", "steps: [{id: a, task: b}]", "name: n", "name: 1\nsteps: []"]
)
def test_nothing_is_built_without_a_name_and_steps(text):
    assert built(text, shapely=False)[0] is None


@pytest.mark.parametrize(
    ("config", "bound"),
    [
        ("config: {max_iterations: 3}", 3),
        ("config: {max_iterations: 3.0}", 3),
        ("config: {}", None),
        ("description: x", None),
        ("config: {max_iterations: ten}", lang_build.BOUND_UNREADABLE),
        ("config: []", lang_build.BOUND_UNREADABLE),
    ],
)
def test_only_a_bound_that_is_not_there_is_missing(config, bound):
    text = step(f"type: agent_loop\n    {config}")
    loop = build(read(text, "a", Sink()), Sink()).steps[0]
    assert (loop.max_iterations, part(text, loop.config_span)) == (
        bound,
        "config" if "config" in config else "agent_loop",
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("type: normal", TaskStep),
        ("type: agent_lop", TaskStep),
        ("type: agent_lop\n    config: {max_iterations: 3}", AgentLoopStep),
        ("config: {max_iterations: 3}", TaskStep),
        ("type: normal\n    config: {max_iterations: 3}", TaskStep),
    ],
)
def test_a_misspelt_type_is_told_from_its_config(text, kind):
    assert type(build(read(step(text), "a", Sink()), Sink()).steps[0]) is kind


def test_a_dependency_accepts_what_it_names_and_what_completed():
    text = step("depends_on: [{step: x, allow: [skipped, failed]}]")
    (dependency,) = clean(text).steps[0].common.depends_on
    assert dependency == Dependency("x", dependency.span, ("completed", "skipped", "failed"))
