"""What later passes rely on: numbers of steps, types of expressions, how steps end."""

import pytest

from dagnats.compiler.outline import FINALLY, ROOT
from dagnats.expr.types import INT, NULL, STRING, Enum, List, Object, display, union
from dagnats.ir.program import Bound, Certificate, Program, SubWorkflowNode
from tests.compiler.judging import codes, judged

NESTED = """\
name: n
labels: {team: "${{ string(input.n) }}"}
input:
  type: object
  required: [n, l]
  properties: {n: {type: integer}, l: {type: array, items: {type: string}}}
tasks: {t: {output: {type: integer}}}
finally: [{id: last, task: t}]
steps:
  - {id: first, task: t, when: input.n > 1, with: "${{ input.n }}"}
  - id: fan
    type: map
    config:
      over: input.l
      max_items: 3
      steps:
        - id: pick
          type: switch
          config:
            on: item
            cases:
              - {values: [a], steps: [{id: one, task: t}, {id: two, task: t}]}
              - {values: [b], steps: [{id: three, task: t, with: "${{ steps.first.output }}"}]}
            default: []
        - {id: four, task: t, with: "${{ [item] }}"}
  - {id: end, task: t, on_failure: help}
  - {id: help, task: t}
"""
IDS = ["first", "fan", "pick", "one", "two", "three", "four", "end", "help", "last"]


def test_steps_are_numbered_with_their_bodies_behind_them_and_the_end_last():
    tables = judged(NESTED)[0].tables
    outline = tables.outline
    assert [step.id for step in outline.steps] == IDS
    assert [outline.steps[n].id for n in outline.scopes[ROOT].steps] == [
        "first", "fan", "end", "help",
    ]  # fmt: skip
    assert [outline.steps[n].id for n in outline.scopes[FINALLY].steps] == ["last"]
    pick = IDS.index("pick")
    assert [outline.scopes[at].name for at in outline.bodies[pick]] == ["0", "1", "default"]
    assert [IDS[outline.last[n]] for n in range(len(IDS))] == [
        "first", "four", "three", "one", "two", "three", "four", "end", "help", "last",
    ]  # fmt: skip
    assert list(outline.ancestors(IDS.index("three"))) == [pick, IDS.index("fan")]
    assert outline.handlers == {IDS.index("help"): "on_failure"}
    assert outline.owners == {IDS.index("help"): ((IDS.index("end"), "on_failure"),)}


def test_a_body_waits_by_its_container():
    tables = judged(NESTED)[0].tables
    edges = [[IDS[edge.source] for edge in incoming] for incoming in tables.graph.edges]
    assert edges[IDS.index("fan")] == ["first"]
    assert not any(edges[IDS.index(name)] for name in IDS if name != "fan")


@pytest.mark.parametrize(
    ("step", "key", "type_"),
    [
        ("first", "when", "bool"),
        ("first", "with", "int"),
        ("fan", "over", "list(string)"),
        ("pick", "on", "string"),
        ("three", "with", "int"),
        ("four", "with", "list(string)"),
    ],
)
def test_every_expression_of_a_step_has_its_type(step, key, type_):
    checked = judged(NESTED)[0].checked(IDS.index(step), key)
    assert checked is not None
    assert display(checked.type) == type_


def test_expressions_of_the_document_have_their_types():
    found = judged(NESTED)[0]
    assert found.of_document("labels.team").type == STRING
    assert found.of_document("output") is None
    assert len(found.tables.document) == len(found.typed.of_document)


def test_outputs_have_types():
    found = judged(NESTED)[0]
    outputs = dict(zip(IDS, found.typed.outputs, strict=True))
    assert outputs["one"] == INT
    one_two = Object({"one": (INT, True), "two": (INT, True)})
    three = Object({"three": (INT, True)})
    pick = union((one_two, three, Object({})))
    assert outputs["pick"] == pick
    assert outputs["fan"] == List(Object({"pick": (pick, True), "four": (INT, True)}))


def test_a_document_without_mistakes_has_no_findings():
    assert not judged(NESTED)[1]


def test_steps_with_one_id_are_both_judged():
    text = "name: n\nsteps: [{id: a, task: t, when: '1'}, {id: a, task: t, when: '2'}]\n"
    assert codes(text) == ["DN4004", "DN3001", "DN4004"]


CERTIFICATE = Certificate(*(Bound(0, "0") for _ in Certificate.__struct_fields__))


def program(name, *children, input_schema=None, output_schema=None):
    nodes = tuple(
        SubWorkflowNode(id=f"s{n}", workflow=child, timeout_ms=1)
        for n, child in enumerate(children)
    )
    return Program(
        name=name,
        nodes=nodes,
        certificate=CERTIFICATE,
        timeout_ms=1,
        input_schema=input_schema,
        output_schema=output_schema,
    )


PARENT = """\
name: parent
steps:
  - {id: a, type: sub_workflow, with: {cents: 3}, config: {workflow: child, version: "1"}}
  - {id: b, task: t, with: "${{ steps.a.output.ok }}"}
"""


def looked_up(*programs):
    return {known.name: known for known in programs}.get


def test_a_workflow_that_runs_itself_by_others_is_refused_with_the_way():
    known = looked_up(program("child", "other"), program("other", "third", "parent"))
    (finding,) = judged(PARENT, known)[1]
    assert finding.code == "DN3016"
    assert "`parent` → `child` → `other` → `parent`" in finding.message


def test_a_circle_of_others_is_not_this_workflows_affair():
    assert not codes(PARENT, looked_up(program("child", "other"), program("other", "child")))


def test_a_workflow_that_nobody_registered_is_warned_of_where_a_registry_is_at_hand():
    assert codes(PARENT, looked_up()) == ["DN3016"]
    assert not codes(PARENT)


def test_arguments_of_a_sub_workflow_fit_it():
    schema = {"type": "object", "required": ["cents"], "properties": {"cents": {"type": "string"}}}
    known = looked_up(program("child", input_schema=schema))
    (finding,) = judged(PARENT, known)[1]
    assert (finding.code, finding.span.start.column) == ("DN5003", 47)
    assert "workflow `child`: `cents` must be a string" in finding.message


def test_the_output_of_a_sub_workflow_is_what_it_promises():
    schema = {"type": "object", "required": ["done"], "properties": {"done": {"type": "boolean"}}}
    assert codes(PARENT, looked_up(program("child", output_schema=schema))) == ["DN5002"]


def test_a_detached_child_gives_the_id_of_its_run():
    text = PARENT.replace('version: "1"', 'version: "1", detach: true')
    assert codes(text.replace("output.ok", "output.child_run_id")) == []
    assert codes(text) == ["DN5002"]


def test_an_approval_tells_what_it_can_have_decided():
    text = """\
name: n
steps: [{id: a, type: approval, config: {timeout: 1h, on_reject: complete}}]
"""
    output = judged(text)[0].typed.outputs[0]
    assert output.fields["decision"] == (Enum(("approved", "rejected")), True)
    assert output.fields["comment"] == (union((STRING, NULL)), True)


FAKES = {
    "a GitHub token": "ghp_" + "a1" * 18,
    "a GitLab token": "glpat-" + "a1" * 10,
    "an AWS access key": "AKIA" + "A1" * 8,
    "a Slack token": "xoxb-" + "1" * 12,
    "a Stripe key": "sk_live_" + "a1" * 10,
    "an Anthropic key": "sk-ant-" + "a1" * 12,
    "an OpenAI key": "sk-proj-" + "a1" * 20,
    "a Google API key": "AIza" + "a" * 35,
    "an npm token": "npm_" + "a" * 36,
    "a PyPI token": "pypi-" + "a" * 60,
    "a NATS seed": "SU" + "A2" * 28,
    "a private key": "-----BEGIN EC PRIVATE KEY-----",
    "a JSON web token": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.x",
    "a password in an address": "nats://ada:lovelace@host",
}
HARMLESS = ["sk-", "ghp_x", "AKIA", "SUMMARY", "https://host/a:b@c", "eyJ.x", "nats://ada@host", ""]


@pytest.mark.parametrize(("kind", "text"), FAKES.items(), ids=list(FAKES))
def test_each_kind_of_credential_is_known_by_its_shape(kind, text):
    (finding,) = judged(f"name: n\nsteps: [{{id: a, task: t, with: {{k: 'x {text} y'}}}}]\n")[1]
    assert (finding.code, kind in finding.message) == ("DN8003", True)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_is_no_credential(text):
    assert not codes(f"name: n\nsteps: [{{id: a, task: t, with: {{k: 'x {text} y'}}}}]\n")
