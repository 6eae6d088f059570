"""What a registry knows is held against documents, and is no part of what becomes of them."""

import pytest

from dagnats.compiler.pipeline import check_workflow, compile_workflow
from dagnats.compiler.registry import Told
from dagnats.ir.codec import digest
from dagnats.lang.registered import contracts
from tests.ir.samples import EXAMPLE

CENTS = {"type": "object", "required": ["cents"], "properties": {"cents": {"type": "integer"}}}
WRONG = "id: a, task: pay, with: {cents: x}"
RECEIPT = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}


class Registry:
    """A registry in memory, which remembers what it was asked for."""

    def __init__(self, tasks=None, workflows=None, events=()):
        self.tasks = tasks or {}
        self.events = events
        self.workflows = workflows or {}
        self.asked = []

    def workflow(self, name):
        self.asked.append(name)
        return self.workflows.get(name)

    def task(self, name, asker):
        self.asked.append((name, asker))
        return self.tasks.get(name)

    def emitted(self, asker):
        self.asked.append(asker)
        return self.events


PAY = Registry(tasks={"pay": Told(CENTS, RECEIPT)})
CHILD = Registry(
    workflows={
        "child": compile_workflow(
            """\
name: child
input: {type: object, required: [cents], properties: {cents: {type: integer}}}
output_schema: {type: object, required: [id], properties: {id: {type: string}}}
steps: [{id: a, task: t}]
output: {id: x}
"""
        ).program
    }
)


def found(steps, registry, head=""):
    text = f"name: n\n{head}steps:\n" + "".join(f"  - {{{step}}}\n" for step in steps)
    return [(f.code, f.message) for f in check_workflow(text, registry=registry).diagnostics]


@pytest.mark.parametrize(
    ("steps", "registry", "head", "expected"),
    [
        (["id: a, task: pay, with: {cents: 3}"], PAY, "", []),
        (["id: a, task: pay, with: {cents: x}"], PAY, "",
         [("DN5003", 'task `pay` as registered: `cents` must be an int, not "x"')]),
        (["id: a, task: pay, with: {cents: x}"], None, "", []),
        (["id: a, task: pay, with: {cents: x}"], PAY, "tasks: {pay: {}}\n", []),
        (["id: a, task: pay, with: {cents: 3}",
          "id: b, task: t, with: '${{ steps.a.output.di }}'"], PAY, "",
         [("DN5002", "`steps.a.output` has no field `di`")]),
        (["id: f, type: map, task: pay, with: {cents: x}, config: {over: '[1]', max_items: 2}"],
         PAY, "", [("DN5003", 'task `pay` as registered: `cents` must be an int, not "x"')]),
        ([f"id: f, type: loop, config: {{max_iterations: 2, steps: [{{{WRONG}}}]}}"], PAY, "",
         [("DN5003", 'task `pay` as registered: `cents` must be an int, not "x"')]),
        (["id: a, type: sub_workflow, with: {cents: x}, config: {workflow: child, version: '1'}"],
         CHILD, "", [("DN5003", 'workflow `child`: `cents` must be an int, not "x"')]),
        (["id: a, type: sub_workflow, with: {cents: 1}, config: {workflow: child, version: '1'}",
          "id: b, task: t, with: '${{ steps.a.output.di }}'"], CHILD, "",
         [("DN5002", "`steps.a.output` has no field `di`")]),
        (["id: a, type: sub_workflow, config: {workflow: none, version: '1'}"], CHILD, "",
         [("DN3016", "no workflow `none` is registered")]),
    ],
)  # fmt: skip
def test_what_the_registry_knows_is_checked(steps, registry, head, expected):
    assert found(steps, registry, head) == expected


def test_only_what_a_document_does_not_say_itself_is_asked_for():
    registry = Registry()
    steps = ["id: a, task: one", "id: b, task: two", "id: c, type: sleep, config: {duration: 1s}"]
    assert found(steps, registry, "tasks: {two: {}}\n") == []
    assert registry.asked == [("one", "n")]


def test_the_program_is_the_same_whatever_is_registered():
    text = "name: n\nsteps: [{id: a, task: pay, with: {cents: 3}}]\noutput: ${{ steps.a.output }}\n"
    known = {"pay": Told(CENTS, {**RECEIPT, "maxProperties": 70_000})}
    with_it = compile_workflow(text, registry=Registry(tasks=known))
    without = compile_workflow(text)
    assert with_it.program == without.program
    assert digest(with_it.program) == digest(without.program)
    assert with_it.program.task_inputs == with_it.program.task_outputs == ()


def test_what_is_wrong_by_the_registry_has_no_program():
    text = "name: n\nsteps: [{id: a, task: pay, with: {cents: x}}]\n"
    assert compile_workflow(text).program is not None
    assert compile_workflow(text, registry=PAY).program is None


def test_findings_are_those_that_what_is_known_leaves():
    text = """\
name: n
steps:
  - {id: a, task: pay}
  - id: b
    task: t
    with: "${{ steps.a.output.map(x, steps.a.output.map(y, steps.a.output.map(z, 1)).size()) }}"
"""
    few = Registry(tasks={"pay": Told(None, {"type": "array", "maxItems": 2})})
    alone, together = compile_workflow(text), compile_workflow(text, registry=few)
    assert [f.code for f in alone.diagnostics] == ["DN6003"]
    assert together.diagnostics == ()
    assert together.program == alone.program


def test_a_step_of_a_workflow_that_nobody_can_read_is_free():
    registry = Registry(workflows={"child": EXAMPLE})
    assert found(
        ["id: a, type: sub_workflow, with: 1, config: {workflow: other, version: '1'}"], registry
    ) == [("DN3016", "no workflow `other` is registered")]


@pytest.mark.parametrize(
    ("programs", "task", "told"),
    [
        ([], "t", None),
        ([{"task_inputs": {"t": CENTS}}], "t", (CENTS, None)),
        ([{"task_inputs": {"t": CENTS}}, {"task_outputs": {"t": True}}], "t", (CENTS, True)),
        ([{"task_inputs": {"t": CENTS}}, {"task_inputs": {"t": dict(reversed(CENTS.items()))}}],
         "t", (CENTS, None)),
        ([{"task_inputs": {"t": CENTS}}, {"task_inputs": {"t": RECEIPT}}], "t", None),
        ([{"task_inputs": {"t": CENTS}}, {"task_inputs": {"t": RECEIPT}},
          {"task_inputs": {"t": CENTS}}], "t", None),
        ([{"task_inputs": {"t": {"const": 1}}}, {"task_inputs": {"t": {"const": True}}}],
         "t", None),
        ([{"task_inputs": {"t": CENTS}}, {"task_inputs": {"t": RECEIPT}},
          {"task_outputs": {"t": True}}], "t", (None, True)),
    ],
)  # fmt: skip
def test_of_a_contract_counts_what_all_programs_agree_about(programs, task, told):
    assert contracts(programs).get(task) == told
