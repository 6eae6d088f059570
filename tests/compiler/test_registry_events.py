"""Events that are waited for: by what is registered, somebody emits them, or has to be outside."""

import pytest

from dagnats.compiler.held import Held
from dagnats.compiler.pipeline import check_workflow, compile_workflow
from tests.compiler.test_registry import Registry

WAIT = "id: w, type: wait_for_event, config: {event: order.paid, timeout: 1h}"
EMIT = "id: e, type: emit, config: {event: order.paid, data: {}}"
PLAN = (
    "id: p, type: planner, task: t, "
    "config: {max_steps: 3, allowed_tasks: [t], allowed_types: [normal, emit]}"
)
BODY = f"id: m, type: map, config: {{over: '[1]', max_items: 2, steps: [{{{EMIT}}}]}}"
CANCEL = "cancel_on: [{event: order.gone}]\n"
DECLARED = "events: {order.paid: {}}\n"
EMITS = Registry(events={"order.paid", "order.gone"})


def found(steps, registry, head=""):
    text = f"dagnats: 1\nname: n\n{head}steps:\n" + "".join(f"  - {{{step}}}\n" for step in steps)
    findings = check_workflow(text, registry=registry).diagnostics
    return [(f.code, f.span.start.line, f.message) for f in findings]


def of_nobody(name, line):
    message = f"neither this document nor a registered workflow emits `{name}`"
    return ("DN7015", line, message)


@pytest.mark.parametrize(
    ("steps", "registry", "head", "expected"),
    [
        ([WAIT], Registry(), "", [of_nobody("order.paid", 4)]),
        ([WAIT], None, "", []),
        ([WAIT], EMITS, "", []),
        ([WAIT], Registry(), DECLARED, []),
        ([WAIT], Registry(), "events: {order.paied: {}}\n",
         [("DN3018", 5, "the event `order.paid` is not declared, and `order.paied` is")]),
        ([WAIT, EMIT], Registry(), "", []),
        ([WAIT, BODY], Registry(), "", []),
        ([WAIT, PLAN], Registry(), "", []),
        ([WAIT, WAIT.replace("w,", "v,")], Registry(), "", [of_nobody("order.paid", 4)]),
        (["id: a, task: t"], Registry(), CANCEL, [of_nobody("order.gone", 3)]),
        (["id: a, task: t"], EMITS, CANCEL, []),
        ([WAIT, EMIT.replace("e,", "e, depends_on: [w],")], Registry(), "",
         [("DN7013", 4, "`w` waits for `order.paid`, which `e` emits behind it")]),
        ([WAIT, EMIT.replace("e,", "e, depends_on: [w],")], EMITS, "", []),
    ],
)  # fmt: skip
def test_what_nothing_emits_is_a_hint(steps, registry, head, expected):
    assert found(steps, registry, head) == expected


@pytest.mark.parametrize(
    ("events", "help_"),
    [
        ({"order.paied"}, "did you mean `order.paied`?"),
        ({"cat.fed"}, "if it comes from outside, declare it in `events`"),
    ],
)
def test_it_says_what_may_be_meant(events, help_):
    text = f"dagnats: 1\nname: n\nsteps: [{{{WAIT}}}]\n"
    [finding] = check_workflow(text, registry=Registry(events=events)).diagnostics
    assert (finding.code, str(finding.severity), finding.help) == ("DN7015", "info", help_)


def test_nobody_is_asked_where_nothing_is_open():
    registry = Registry()
    assert found([WAIT, EMIT], registry) == []
    assert registry.asked == []


def test_an_earlier_version_of_the_document_does_not_emit():
    emitter = compile_workflow(f"name: n\nsteps: [{{{EMIT}}}]\n").program
    other = compile_workflow(f"name: other\nsteps: [{{{BODY}}}]\n").program
    assert found([WAIT], Held([emitter])) == [of_nobody("order.paid", 4)]
    assert found([WAIT], Held([emitter, other])) == []


def test_it_keeps_nobody_from_a_program():
    text = f"name: n\nsteps: [{{{WAIT}}}]\n"
    compiled = compile_workflow(text, registry=Registry())
    assert compiled.program == compile_workflow(text).program
