"""What a document becomes: the table of nodes and bodies, policies, admission and triggers."""

from typing import Any

import pytest

from dagnats.expr.ast import Call, Comprehension, Ident, Literal, MapOf, Select, walk
from dagnats.ir import program as p
from dagnats.lang.definitions.steps import STEP_TYPES
from tests.compiler.proving import program_of

EVERYTHING = """\
name: w
steps:
  - {id: normal, task: t, compensate: undo}
  - {id: undo, type: agent, task: t}
  - {id: asks, type: agent_loop, task: t, config: {max_iterations: 2}}
  - {id: plans, type: planner, task: t, config: {max_steps: 2}}
  - {id: gate, type: approval, config: {timeout: 1h}}
  - {id: waits, type: wait_for_event, config: {event: e, timeout: 1h}}
  - {id: nap, type: sleep, config: {duration: 1m}}
  - {id: child, type: sub_workflow, config: {workflow: other}}
  - id: fan
    type: map
    config:
      over: "[1]"
      max_items: 2
      steps:
        - {id: inner, type: map, task: t, with: "${{ item }}", config: {over: "[2]", max_items: 2}}
        - id: choice
          type: switch
          config:
            on: run.id
            cases: [{values: [a], steps: []}, {values: [b], steps: [{id: x, task: t}]}]
            default: [{id: y, type: emit, config: {event: e}}]
  - id: again
    type: loop
    config: {max_iterations: 2, steps: [{id: v, type: transform, config: {value: 1}}]}
  - id: chat
    type: agent_loop
    config: {max_iterations: 2, until: result.size() > 0, steps: [{id: z, task: t}]}
  - {id: done, type: respond, config: {headers: {b: "1", a: "2"}}}
  - id: next
    type: continue_as_new
    when: run.generation < 3
    config: {input: 1, max_generations: 3}
  - {id: stop, type: fail, when: "run.id == ''", config: {code: no}}
finally:
  - {id: clean, task: t}
  - {id: rounds, type: loop, config: {max_iterations: 2, steps: [{id: sweep, task: t}]}}
"""
CONTRACTS = "tasks: {x: {input: {type: object}}, y: {input: {type: object}}}\n"


def test_every_type_of_step_has_a_node() -> None:
    program = program_of(EVERYTHING)
    kinds = {type(node) for node in program.nodes}
    assert kinds == set(p.Node.__args__)
    assert len(STEP_TYPES) == len(kinds) + 1, "`agent` is a task"


def test_bodies_stand_right_behind_their_containers() -> None:
    program = program_of(EVERYTHING)
    ids = [node.id for node in program.nodes]
    assert ids[8:14] == ["fan", "inner", "inner.each", "choice", "x", "y"]
    of: dict[str | None, list[list[str]]] = {}
    for body in program.bodies:
        name = None if body.container is None else ids[body.container]
        of.setdefault(name, []).append(ids[body.first : body.first + body.count])
    assert of == {
        "fan": [["inner", "inner.each", "choice", "x", "y"]],
        "inner": [["inner.each"]],
        "choice": [[], ["x"], ["y"]],
        "again": [["v"]],
        "chat": [["z"]],
        "rounds": [["sweep"]],
        None: [["clean", "rounds", "sweep"]],
    }
    assert program.finally_body == len(program.bodies) - 1


def node(text: str, name: str) -> Any:
    return next(n for n in program_of(text).nodes if n.id == name)


def test_handlers_and_single_tasks() -> None:
    program = program_of(EVERYTHING)
    ids = [n.id for n in program.nodes]
    assert program.nodes[0].compensate == ids.index("undo")
    each, inner = node(EVERYTHING, "inner.each"), node(EVERYTHING, "inner")
    assert (inner.single, inner.input, each.input) == (True, None, Ident("item"))
    assert node(EVERYTHING, "undo").agent
    assert not node(EVERYTHING, "normal").agent
    assert node(EVERYTHING, "chat").result
    assert not node(EVERYTHING, "again").result
    headers = node(EVERYTHING, "done").headers
    assert [key.value for key, _ in headers.entries] == ["a", "b"]


def test_the_only_task_of_a_map_stands_where_the_map_says_so() -> None:
    places = program_of(EVERYTHING).source_map or {}
    assert places["fan"] == (11, 9)
    assert places["inner"] == (17, 16)
    assert places["inner.each"] == (17, 40)


def test_edges_know_the_nodes_between() -> None:
    text = """\
name: w
steps:
  - {id: m, type: map, task: t, config: {over: "[1]", max_items: 2}}
  - {id: a, task: t, depends_on: [{step: m, allow: [failed, skipped]}]}
  - {id: b, task: t, with: {x: "${{ steps.a.output }}"}}
"""
    program = program_of(text)
    assert [n.id for n in program.nodes] == ["m", "m.each", "a", "b"]
    assert program.nodes[2].edges == (p.Edge(0, ("completed", "skipped", "failed")),)
    assert program.nodes[3].edges == (p.Edge(2),)


RETRIES = [
    ("", "", p.Retry()),
    ("{max_retries: 3}", "", p.Retry(3)),
    ("{max_retries: 3, strategy: linear}", "{initial_delay: 2s}", p.Retry(3, "linear", 2_000)),
    ("{max_retries: 3}", "{max_retries: 0}", p.Retry()),
    ("{max_retries: 1, delays: [1s, 2s]}", "", p.Retry(1, "listed", delays_ms=(1_000, 2_000))),
    ("{max_retries: 1, delays: [1s]}", "{strategy: linear}", p.Retry(1, "linear")),
    ("{max_retries: 1, strategy: linear}", "{delays: [3s]}",
     p.Retry(1, "listed", delays_ms=(3_000,))),
    ("{max_retries: 2, non_retryable: [b, a]}", "{jitter: 0.5}",
     p.Retry(2, jitter=0.5, non_retryable=("a", "b"))),
    ("{max_retries: 2, non_retryable: [b]}", "{non_retryable: [c]}",
     p.Retry(2, non_retryable=("c",))),
    ("{max_retries: 1, by_code: {z: {max_retries: 2}}}", "{max_delay: 9s, by_code: {a: {}}}",
     p.Retry(1, max_delay_ms=9_000, by_code=(
         ("a", p.CodeRetry(1, max_delay_ms=9_000)), ("z", p.CodeRetry(2, max_delay_ms=9_000))))),
    ("{by_code: {a: {max_retries: 2, strategy: exponential, multiplier: 3}}}", "",
     p.Retry(by_code=(("a", p.CodeRetry(2, "exponential", multiplier=3.0)),))),
    ("{max_retries: 1, multiplier: 3, by_code: {a: {strategy: exponential}}}", "",
     p.Retry(1, by_code=(("a", p.CodeRetry(1, "exponential", multiplier=3.0)),))),
]  # fmt: skip


@pytest.mark.parametrize(("default", "own", "wanted"), RETRIES)
def test_retries_are_inherited_key_by_key(default: str, own: str, wanted: p.Retry) -> None:
    head = f"defaults: {{retry: {default}}}\n" if default else ""
    rest = f", retry: {own}" if own else ""
    assert node(f"name: w\n{head}steps: [{{id: a, task: t{rest}}}]", "a").retry == wanted


@pytest.mark.parametrize(
    ("default", "own", "attribute", "wanted"),
    [
        ("", "", "timeout_ms", 300_000),
        ("timeout: 1m", "", "timeout_ms", 60_000),
        ("timeout: 1m", "timeout: 2m", "timeout_ms", 120_000),
        ("", "", "queue_timeout_ms", 86_400_000),
        ("queue_timeout: 1m", "", "queue_timeout_ms", 60_000),
        ("", "", "heartbeat_timeout_ms", None),
        ("heartbeat_timeout: 1m", "", "heartbeat_timeout_ms", 60_000),
        ("worker_group: gpu", "", "worker_group", "gpu"),
        ("worker_group: gpu", "worker_group: cpu", "worker_group", "cpu"),
    ],
)
def test_defaults_of_tasks(default: str, own: str, attribute: str, wanted: object) -> None:
    head = f"defaults: {{{default}}}\n" if default else ""
    rest = f", {own}" if own else ""
    found = node(f"name: w\n{head}steps: [{{id: a, task: t{rest}}}]", "a")
    assert getattr(found, attribute) == wanted


@pytest.mark.parametrize(
    ("default", "step", "attribute", "wanted"),
    [
        ("max_iterations: 4", "type: agent_loop, task: t", "max_iterations", 4),
        ("max_iterations: 4", "type: loop, config: {steps: [{id: b, task: t}]}",
         "max_iterations", 4),
        ("max_items: 4", "type: map, task: t, config: {over: '[1]'}", "max_items", 4),
        ("max_steps: 4", "type: planner, task: t", "max_steps", 4),
        ("max_generations: 4", ("type: continue_as_new, when: run.generation < 3, "
         "config: {input: 1}"), "max_generations", 4),
        ("wait_timeout: 4h", "type: approval", "timeout_ms", 14_400_000),
        ("wait_timeout: 4h", "type: wait_for_event, config: {event: e}", "timeout_ms", 14_400_000),
        ("wait_timeout: 4h", "type: approval, timeout: 1h", "timeout_ms", 3_600_000),
        ("timeout: 4h", "type: sub_workflow, config: {workflow: x, version: '1'}", "timeout_ms",
         14_400_000),
    ],
)  # fmt: skip
def test_bounds_are_inherited(default: str, step: str, attribute: str, wanted: int) -> None:
    found = node(f"name: w\ndefaults: {{{default}}}\nsteps: [{{id: a, {step}}}]", "a")
    assert getattr(found, attribute) == wanted


@pytest.mark.parametrize(
    ("config", "duration", "longest"),
    [
        ("duration: 90m", Literal("1h30m"), 5_400_000),
        ("duration: 60000000000", Literal("1m"), 60_000),
        ("cron: '0 9 * * *'", None, 7_200_000),
        ("cron: '0 9 * * *', max_duration: 1h", None, 3_600_000),
    ],
)
def test_a_sleep_is_bounded_by_what_it_says_or_by_the_run(
    config: str, duration: Literal | None, longest: int
) -> None:
    text = f"name: w\ntimeout: 2h\nsteps: [{{id: a, type: sleep, config: {{{config}}}}}]"
    found = node(text, "a")
    assert (found.duration, found.max_duration_ms) == (duration, longest)


def test_what_has_no_effect_is_left_out() -> None:
    text = (
        "name: w\nsteps:\n"
        "  - {id: v, type: transform, timeout: 1m, with: {x: 1}, config: {value: 1}}\n"
        "  - id: g\n    type: approval\n"
        "    config: {timeout: 1h, escalation: {approvers: [a], timeout: 1h}}\n"
    )
    assert node(text, "v").input is None
    assert node(text, "g").escalation_approvers == ()


def test_variables_come_behind_those_they_read() -> None:
    text = (
        "name: w\nvars: {c: 1, z: '${{ vars.c }}', a: '${{ vars.z }}', b: 2}\n"
        "steps: [{id: a, task: t, with: ['${{ vars.a }}', '${{ vars.b }}']}]"
    )
    names = [name for name, _ in program_of(text).variables]
    assert sorted(names) == ["a", "b", "c", "z"]
    assert names.index("c") < names.index("z") < names.index("a")


def test_what_is_declared_a_double_is_made_one() -> None:
    text = (
        "name: w\ninput: {type: object, required: [x], properties: {x: {type: number}}}\n"
        "steps: [{id: a, task: t, when: input.x / 2 > 1}]"
    )
    calls = [n.function for n in walk(node(text, "a").when) if isinstance(n, Call)]
    assert "@double" in calls


def test_namespaces_stand_where_receivers_do_and_macros_are_kept() -> None:
    text = "name: w\nsteps: [{id: a, task: t, when: 'math.abs(-1) == 1 && [1].all(x, x > 0)'}]"
    found = list(walk(node(text, "a").when))
    assert Call("abs", (Literal(-1),), Ident("math")) in found
    assert any(isinstance(n, Comprehension) for n in found)


def test_maps_are_in_the_order_of_their_keys_wherever_they_stand() -> None:
    text = (
        "name: w\nsteps: [{id: a, task: t, with: "
        '\'${{ [1].map(x, {"b": x, "a": {"d": x, ?"c": optional.of(x)}}) }}\'}]'
    )
    found = [n for n in walk(node(text, "a").input) if isinstance(n, MapOf)]
    keys = [[key.value for key, _ in n.entries if isinstance(key, Literal)] for n in found]
    assert keys == [["a", "b"], ["c", "d"]]
    assert found[1].optional == (0,)


def test_admission_and_triggers() -> None:
    text = """\
name: w
timeout: 1h
input: {type: object, required: [n], properties: {n: {type: string}}}
concurrency: {max_runs: 2, key: input.n, max_steps: 0}
singleton: {mode: skip, key: input.n}
priority: {key: input.n, rules: {b: 2, a: -1}, default_offset: 1}
idempotency_key: input.n
sticky: hard
cancel_on: [{event: e, timeout: 1m}]
budget: {usd: 1}
steps: [{id: a, task: t}]
triggers:
  - {id: c, cron: "0  3 * * *", input: {n: a}}
  - {id: e, event: {event: x, match: "event.id == 'a'"}, input: {n: a}, debounce: {period: 1s}}
  - {id: s, subject: a.b, enabled: false, input: {n: a}}
  - {id: h, webhook: {path: /x}, input: {n: a}}
  - {id: x, external: {kind: files, config: {path: /}}, input: {n: a}}
"""
    program = program_of(text)
    key = Select(Ident("input"), "n")
    admission = program.admission
    assert admission.concurrency == p.Concurrency(2, key, None)
    assert admission.singleton == p.Singleton("skip", key)
    assert admission.priority == p.Priority(key, (("a", -1_000), ("b", 2_000)), 1_000)
    assert (admission.idempotency_key, admission.sticky) == (key, "hard")
    assert admission.cancel_on == (p.CancelOn("e", None, 60_000),)
    assert admission.budget == p.Budget(usd=1.0)
    assert [(t.kind, dict(t.config)) for t in program.triggers] == [
        ("cron", {"expression": "0 3 * * *", "timezone": "UTC", "backfill": False,
                  "backfill_max": 1, "overlap": "allow"}),
        ("event", {"event": "x"}),
        ("subject", {"subject": "a.b"}),
        ("webhook", {"path": "x"}),
        ("external", {"kind": "files", "config": {"path": "/"}}),
    ]  # fmt: skip
    assert [t.enabled for t in program.triggers] == [True, True, False, True, True]
    assert program.triggers[1].debounce_ms == 1_000
    assert program.triggers[1].match is not None


def test_schemas_stand_by_themselves() -> None:
    text = """\
name: w
schemas: {money: {type: integer}, pair: {type: array, items: {$ref: "#/schemas/money"}}, z: {}}
input: {type: object, properties: {p: {$ref: "#/schemas/pair"}}}
tasks:
  t: {input: {$ref: "#/schemas/pair"}, output: {$ref: "#/schemas/money"}}
  u: {input: {}}
  other: {input: true, output: {type: string}}
steps: [{id: a, task: t, with: "${{ input.?p.orValue([]) }}"}, {id: b, task: u}]
"""
    program = program_of(text)
    assert program.task_inputs[1] == ("u", {})
    assert program.task_inputs[0][0] == "t"
    assert "#/$defs/schemas.pair" in str(program.task_inputs[0][1])
    assert set(program.task_inputs[0][1]["$defs"]) == {"schemas.money", "schemas.pair"}
    assert [task for task, _ in program.task_outputs] == ["t"]


@pytest.mark.parametrize(
    ("config", "tasks", "allowed", "known"),
    [
        ("", "", (), ()),
        ("", CONTRACTS, ("x", "y"), ("x", "y")),
        ("allowed_tasks: []", CONTRACTS, ("x", "y"), ("x", "y")),
        ("allowed_tasks: [y, z]", CONTRACTS, ("y", "z"), ("y",)),
    ],
)
def test_plans_may_use_what_is_listed_or_what_is_declared(
    config: str, tasks: str, allowed: tuple[str, ...], known: tuple[str, ...]
) -> None:
    more = f", {config}" if config else ""
    plan = f"{{id: a, type: planner, task: t, config: {{max_steps: 2{more}}}}}"
    program = program_of(f"name: w\n{tasks}steps: [{plan}]\n")
    (planner,) = program.nodes
    assert isinstance(planner, p.PlannerNode)
    assert planner.allowed_tasks == allowed
    assert tuple(task for task, _ in program.task_inputs) == known
