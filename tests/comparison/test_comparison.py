"""What `compare` finds between two programs, and how it is told."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.comparison.compare import Comparison, compare
from dagnats.comparison.document import to_document
from dagnats.comparison.fields import Reader, hide_secrets
from dagnats.comparison.report import render, shown
from dagnats.expr.ast import Literal, MapOf
from dagnats.ir import program as p
from dagnats.ir.codec import encode
from tests.drawing.samples import WHOLE, cel, edges, program, task
from tests.ir.samples import SAMPLES

STRING = {"type": "string"}


def said(old: p.Program, new: p.Program) -> str:
    return render(compare(old, new), lambda text, _: text)


def verdict(old: p.Program, new: p.Program) -> str:
    return said(old, new).splitlines()[-1]


def taking(schema: Any) -> p.Program:
    return program(task("a"), input_schema=schema)


def giving(schema: Any = None, **entries: str) -> p.Program:
    output = MapOf(tuple((Literal(name), cel(text)) for name, text in entries.items()))
    return program(task("a"), output=output, output_schema=schema)


def fields_of(old: p.Node, new: p.Node) -> list[tuple[str, Any, Any]]:
    [step] = compare(program(old), program(new)).steps
    return [(change.path, change.old, change.new) for change in step.fields]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_program_does_not_differ_from_itself(name: str) -> None:
    assert compare(SAMPLES[name], SAMPLES[name]) == Comparison()
    assert verdict(SAMPLES[name], SAMPLES[name]) == "no difference"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_comparison_is_json_and_its_other_way_round_is_its_mirror(name: str) -> None:
    there = to_document(compare(SAMPLES[name], WHOLE))
    back = to_document(compare(WHOLE, SAMPLES[name]))
    json.dumps(there, allow_nan=False)
    mirror = {"added": "removed", "removed": "added"}
    ids = {(step["id"], mirror.get(step["change"], step["change"])) for step in there["steps"]}
    assert ids == {(step["id"], step["change"]) for step in back["steps"]}


@pytest.mark.parametrize(
    ("new", "changes"),
    [
        ({"timeout_ms": 90_000}, [("timeout", "1m", "1m30s")]),
        ({"when": cel("input.x > 1")}, [("when", "MISSING", "input.x > 1")]),
        ({"retry": p.Retry(max_retries=3)}, [("retry.max_retries", 0, 3)]),
        (
            {"retry": p.Retry(by_code=(("busy", p.CodeRetry(max_retries=9)),))},
            [("retry.by_code.busy.max_retries", "MISSING", 9)],
        ),
        ({"task": "other"}, [("task", "do.a", "other")]),
        ({"agent": True}, [("type", "normal", "agent"), ("agent", False, True)]),
        (
            {"input": MapOf(((Literal("n"), cel("input.n + 1")), (Literal("m"), Literal(1))))},
            [("with.n", "MISSING", "${{ input.n + 1 }}"), ("with.m", "MISSING", 1)],
        ),
        (
            {"rate_limit": p.RateLimit(5, 60_000)},
            [("rate_limit.limit", "MISSING", 5), ("rate_limit.period", "MISSING", "1m")],
        ),
        ({"required_capabilities": ("gpu",)}, [("required_capabilities", "MISSING", ["gpu"])]),
        ({"metadata": {"team": {"name": "x"}}}, [("metadata.team.name", "MISSING", "x")]),
    ],
)
def test_fields_of_a_step(new: dict[str, Any], changes: list[tuple[str, Any, Any]]) -> None:
    found = fields_of(task("a"), task("a", **new))
    shown_ = [(path, repr(old) if repr(old) == "MISSING" else old, to) for path, old, to in found]
    assert [change for change in shown_ if change in changes] == changes


@pytest.mark.parametrize(
    ("before", "after", "path", "old", "new"),
    [
        (edges(0), (), "depends_on.a", "completed", "MISSING"),
        ((), edges(0), "depends_on.a", "MISSING", "completed"),
        (
            edges(0),
            (p.Edge(0, ("completed", "skipped")),),
            "depends_on.a",
            "completed",
            "completed or skipped",
        ),
    ],
)
def test_edges(
    before: tuple[p.Edge, ...], after: tuple[p.Edge, ...], path: str, old: str, new: str
) -> None:
    def two(incoming: tuple[p.Edge, ...]) -> p.Program:
        return program(task("a"), task("b", edges=incoming))

    [step] = compare(two(before), two(after)).steps
    [change] = step.fields
    assert (step.id, change.path, str(change.old), str(change.new)) == ("b", path, old, new)


def test_a_renamed_step_is_followed_to_those_that_read_it() -> None:
    def named(name: str) -> p.Program:
        reading = cel(f"steps.{name}.output.size() + size(input.{name})")
        return program(task(name, task="t"), task("b", 0, input=reading))

    found = compare(named("fetch"), named("load"))
    assert [(s.id, s.change, s.old_id, len(s.fields)) for s in found.steps] == [
        ("load", "renamed", "fetch", 0),
        ("b", "changed", None, 1),
    ]
    assert found.steps[1].fields[0].old == "${{ steps.load.output.size() + size(input.fetch) }}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (task("a"), task("b")),
        (task("a", task="t"), p.TransformNode(id="b", value=cel("1"))),
        (
            task(
                "a", task="t", input=MapOf(((Literal("x"), cel("input.x")),)), when=cel("input.p")
            ),
            task(
                "b", task="t", input=MapOf(((Literal("y"), cel("input.y")),)), when=cel("input.q")
            ),
        ),
    ],
)
def test_what_is_not_alike_is_another_step(old: p.Node, new: p.Node) -> None:
    found = compare(program(old), program(new))
    assert [(s.id, s.change) for s in found.steps] == [("b", "added"), ("a", "removed")]


def test_a_step_moved_into_a_body_says_where_it_is() -> None:
    [body, *_] = WHOLE.bodies
    found = Reader(WHOLE)
    assert found.node(WHOLE.nodes[body.first])["inside"] == "fan"
    assert found.node(WHOLE.nodes[6])["inside"] == "pick (case 2)"
    assert found.node(WHOLE.nodes[7])["inside"] == "pick (default)"
    assert found.node(WHOLE.nodes[-1])["inside"] == "finally"


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"timeout_ms": 1}, "timeout"),
        ({"label": "2.0"}, "version"),
        ({"variables": (("limit", Literal(3)),)}, "variables.limit"),
        ({"labels": (("team", cel("input.team")),)}, "labels.team"),
        ({"secrets": ("key",)}, "secrets"),
        ({"output": cel("steps.a.output")}, "output"),
        ({"task_inputs": (("do.a", STRING),)}, "tasks.do.a.input.type"),
        ({"task_outputs": (("do.a", STRING),)}, "tasks.do.a.output.type"),
        ({"admission": p.Admission(concurrency=p.Concurrency(max_runs=3))}, "concurrency.max_runs"),
        (
            {"admission": p.Admission(singleton=p.Singleton("skip", cel("input.x")))},
            "singleton.key",
        ),
        ({"admission": p.Admission(cancel_on=(p.CancelOn("stop"),))}, "cancel_on[0].event"),
        ({"admission": p.Admission(budget=p.Budget(tokens=5))}, "budget.tokens"),
        ({"input_schema": True}, "input"),
    ],
)
def test_policies_of_the_workflow(more: dict[str, Any], path: str) -> None:
    found = compare(program(task("a")), program(task("a"), **more))
    assert path in [change.path for change in found.workflow]
    assert not found.steps


def test_triggers() -> None:
    def with_triggers(*triggers: p.Trigger) -> p.Program:
        return program(task("a"), triggers=triggers)

    def hook(name: str, path: str) -> p.Trigger:
        return p.Trigger(name, "webhook", {"path": path})

    old = with_triggers(hook("x", "/x"), hook("y", "/y"))
    new = with_triggers(hook("y", "/z"), hook("z", "/x"))
    found = compare(old, new).triggers
    assert [(t.id, t.change) for t in found] == [
        ("y", "changed"), ("z", "added"), ("x", "removed"),
    ]  # fmt: skip
    assert [(f.path, f.old, f.new) for f in found[0].fields] == [("config.path", "/y", "/z")]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (taking(None), taking({"title": "x"}), "compatible"),
        (taking(STRING), taking(None), "compatible"),
        (taking(None), taking(STRING), "breaking because `input` must now be string, not any type"),
        (
            taking({"type": "object"}),
            taking({"type": "object", "required": ["repo"]}),
            "breaking because `input.repo` is now required",
        ),
        (
            taking({"enum": ["a", "b"]}),
            taking({"enum": ["a"]}),
            'breaking because `input` must now be one of "a", not "b"',
        ),
        (
            taking(STRING),
            taking(STRING | {"maxLength": 3}),
            "breaking because `input` has a narrower rule: maxLength 3, and had no maxLength",
        ),
        (giving(a="1"), giving(a="2", b="3"), "compatible"),
        (giving(a="1", b="2"), giving(a="1"), "breaking because `output.b` is gone"),
        (
            giving({"type": "object", "properties": {"a": STRING, "b": STRING}}),
            giving({"type": "object", "properties": {"a": STRING}}),
            "breaking because `output.b` is gone",
        ),
        (
            giving({"type": "string"}),
            giving({"type": ["string", "null"]}),
            "breaking because `output` may now be string or null, and was string",
        ),
        (
            giving({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
            giving({"type": "object", "properties": {"a": {}}}),
            "breaking because `output.a` may now be missing",
        ),
        (giving({"type": ["string", "null"]}), giving({"type": "string"}), "compatible"),
        (
            giving({"enum": ["a"]}),
            giving({"enum": ["a", "b"]}),
            'breaking because `output` may now be "b", besides "a"',
        ),
        (
            giving(STRING, a="1"),
            taking({"type": "object", "required": ["x", "y"]}),
            "breaking because `input` must now be object, not any type (and 3 more)",
        ),
    ],
)
def test_the_verdict(old: p.Program, new: p.Program, line: str) -> None:
    assert verdict(old, new) == line


def test_growth_of_the_certificate() -> None:
    def bound(attempts: int | None, duration: int) -> p.Program:
        certificate = replace(
            program(task("a")).certificate,
            attempts=p.Bound(attempts, "", "a"),
            duration_ms=p.Bound(duration, ""),
        )
        return program(task("a"), certificate=certificate)

    assert said(bound(30, 60_000), bound(45, 30_000)).splitlines()[:3] == [
        "Bounds",
        "  attempts  30 → 45 (+50 %), most of it from `a`",
        "  duration  1m → 30s (-50 %)",
    ]
    assert "attempts  30 → not bounded, " in said(bound(30, 1), bound(None, 1))
    assert verdict(bound(30, 1), bound(None, 1)) == "compatible"


def test_what_has_to_be_there_before() -> None:
    child = p.SubWorkflowNode(id="c", workflow="other", timeout_ms=1)
    found = compare(program(task("a")), program(task("a"), task("b"), child, secrets=("key",)))
    assert found.notes == (
        "workers need the task `do.b`",
        "the server needs the secret `key`",
        "the workflow `other` has to be registered",
    )


def test_the_report_reads_like_a_review() -> None:
    old = program(task("a", when=cel("input.x > 1")), task("gone"))
    long = " && ".join(f"input.field_{n} > {n}" for n in range(5))
    new = program(task("a", when=cel(long), timeout_ms=5_000), task("come", 0, task="x"))
    assert (
        said(old, new)
        == f"""Steps
  ~ a  normal
      ~ when:
          - input.x > 1
          + {long}
      ~ timeout: 1m → 5s
  + come  normal
      + depends_on.a: completed
      + task: x
  - gone  normal
      - task: do.gone

Before it runs
  * workers need the task `x`

compatible
"""
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", '""'),
        (" x", '" x"'),
        ("a\nb", '"a\\nb"'),
        (None, "null"),
        ([1, "é"], '[1, "é"]'),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_values_are_shown_on_one_line(value: Any, text: str) -> None:
    assert shown(value) == text


def test_the_document() -> None:
    old = taking({"type": "object"})
    new = replace(taking({"type": "object", "required": ["a"]}), timeout_ms=1)
    assert to_document(compare(old, new)) == {
        "version": 1,
        "identical": False,
        "compatible": False,
        "reasons": [{"where": "input", "path": "a", "message": "`input.a` is now required"}],
        "notes": [],
        "steps": [],
        "workflow": [
            {"path": "timeout", "old": "1d", "new": "1ms"},
            {"path": "input.required", "new": ["a"]},
        ],
        "triggers": [],
        "bounds": [],
    }


def hooked(**config: Any) -> p.Program:
    return program(task("a"), triggers=(p.Trigger("hook", "webhook", {"path": "x", **config}),))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (hooked(), hooked(secret_value="hush")),
        (hooked(secret_value="hush"), hooked(secret_value="psst")),
        (hooked(secret_value="hush"), hooked(secret="NAME")),
        (program(task("a")), hooked(secret_value="hush")),
        (hooked(secret_value="psst"), program(task("a"))),
    ],
)  # fmt: skip
def test_that_a_secret_differs_is_told_and_not_what_it_is(old: p.Program, new: p.Program) -> None:
    told = said(old, new) + json.dumps(to_document(compare(old, new)))
    assert "********" in told
    assert "hush" not in told
    assert "psst" not in told


def test_a_program_can_be_shown_without_its_secrets() -> None:
    document = json.loads(encode(hooked(secret_value="hush")))
    hide_secrets(document)
    assert document["triggers"][0]["config"] == {"path": "x", "secret_value": "********"}
    plain = json.loads(encode(hooked(secret="NAME")))
    hide_secrets(plain)
    assert plain == json.loads(encode(hooked(secret="NAME")))
