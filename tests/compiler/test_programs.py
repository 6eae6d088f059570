"""What a document becomes: the same program however it is written, and nothing but what it says."""

import json
from typing import Any

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.expr.ast import Literal, MapOf
from dagnats.ir import codec
from dagnats.ir.program import AgentLoopNode, Edge, Program, Retry, TaskNode

YAML = """\
# A comment.
dagnats: 1
name: same
version: "1"
input: {type: object, required: [n, m], properties: {n: {type: integer}, m: {type: integer}}}
tasks:
  t: {output: {type: object, required: [x], properties: {x: {type: integer}}}}
defaults: {timeout: 1m, retry: {max_retries: 2, initial_delay: 5s}}
steps:
  - id: a
    task: t
    with: &with {n: "${{ input.n }}", m: "${{ input.m }}", deep: {z: 1, y: [2.0, null]}}
  - id: b
    task: t
    when: steps.a.output.x > 0
    with: *with
    retry: {strategy: linear}
output: {x: "${{ steps.a.output.x }}", b: "${{ steps.b.?output.?x.orValue(0) }}"}
"""


def program(text: str) -> Program:
    found = compile_workflow(text, "w.yaml")
    assert found.program is not None, found.diagnostics
    return found.program


def digest(text: str) -> str:
    return codec.digest(program(text))


def as_json(**changes: Any) -> str:
    with_ = {"deep": {"y": [2.0, None], "z": 1}, "m": "${{ input.m }}", "n": "${{input.n}}"}
    return json.dumps(
        {
            "steps": [
                {"with": with_, "task": "t", "id": "a"},
                {
                    "retry": {"strategy": "linear"},
                    "with": with_,
                    "when": "steps.a.output.x>0",
                    "id": "b",
                    "type": "normal",
                    "task": "t",
                },
            ],
            "output": {
                "b": "${{ steps.b.?output.?x.orValue(0) }}",
                "x": "${{ steps.a.output.x }}",
            },
            "defaults": {"retry": {"initial_delay": 5_000_000_000, "max_attempts": 2}}
            | {"timeout": "60s"},
            "tasks": {
                "t": {
                    "output": {
                        "properties": {"x": {"type": "integer"}},
                        "required": ["x"],
                        "type": "object",
                    }
                }
            },
            "input": {
                "properties": {"m": {"type": "integer"}, "n": {"type": "integer"}},
                "required": ["n", "m"],
                "type": "object",
            },
            "version": "1",
            "name": "same",
            "x-note": "no part of it",
        }
        | changes,
        indent=1,
    )


def test_the_digest_is_of_the_meaning() -> None:
    assert digest(YAML) == digest(as_json())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: same", "name: other"),
        ('version: "1"', 'version: "2"'),
        ("timeout: 1m", "timeout: 2m"),
        ("strategy: linear", "strategy: fixed"),
        ("x > 0", "x >= 0"),
        ("2.0", "2"),
        ("y: [2.0, null]", "y: [null, 2.0]"),
        ("required: [n, m]", "required: [m, n]"),
        ("id: a\n", "id: c\n"),
    ],
)
def test_another_meaning_is_another_digest(old: str, new: str) -> None:
    assert old in YAML
    changed = YAML.replace(old, new).replace(
        "steps.a.", "steps.c." if "c" in new[:5] else "steps.a."
    )
    assert digest(changed) != digest(YAML)


def test_positions_are_kept_beside_the_program() -> None:
    assert program(YAML).source_map == {"a": (10, 9), "b": (13, 9)}


def test_what_comes_back_from_bytes_is_the_same() -> None:
    assert codec.load(codec.encode(program(YAML))) == program(YAML)


def test_policies_are_inherited_key_by_key() -> None:
    a, b = program(YAML).nodes
    assert isinstance(a, TaskNode)
    assert (a.timeout_ms, a.queue_timeout_ms, a.max_deliveries) == (60_000, 86_400_000, 5)
    assert a.retry == Retry(2, "fixed", 5_000, 3_600_000, 2.0)
    assert b.retry == Retry(2, "linear", 5_000, 3_600_000, 2.0)


def test_edges_come_from_what_is_listed_and_what_is_read() -> None:
    text = """\
name: edges
steps:
  - {id: a, task: t}
  - {id: b, task: t, when: "input.b == true"}
  - {id: c, task: t}
  - id: d
    task: t
    depends_on: [c, {step: b, allow: [failed, skipped]}]
    with: ["${{ steps.a.output }}", "${{ steps.b.status }}", '${{ steps["c"].output }}']
"""
    accepts_all = ("completed", "skipped", "failed")
    assert program(text).nodes[3].edges == (Edge(0), Edge(1, accepts_all), Edge(2))


def test_maps_are_in_the_order_of_their_keys() -> None:
    node = program(YAML).nodes[0]
    assert isinstance(node.input, MapOf)
    assert [key.value for key, _ in node.input.entries if isinstance(key, Literal)] == [
        "deep",
        "m",
        "n",
    ]


def test_a_loop() -> None:
    text = """\
name: loop
steps:
  - id: l
    type: agent_loop
    task: t
    config:
      max_iterations: 4
      until: result.done == true
      initial_state: {n: 0}
      max_duration: 1m
      on_exhausted: complete
"""
    (node,) = program(text).nodes
    assert isinstance(node, AgentLoopNode)
    assert node.until is not None
    assert (node.max_iterations, node.max_duration_ms, node.on_exhausted, node.initial_state) == (
        4,
        60_000,
        "complete",
        Literal({"n": 0}),
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [1_000, 4_000])
def test_a_large_workflow_compiles(size: int) -> None:
    lines = ["name: large", "steps:"]
    for n in range(size):
        reads = f', with: {{x: "${{{{ steps.s{n - 1}.output.x + 1 }}}}"}}' if n % 5 else ""
        lines.append(f"  - {{id: s{n}, task: t{reads}}}")
    assert len(program("\n".join(lines)).nodes) == size


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["chain", "ring"])
def test_a_deep_graph_needs_no_recursion(shape: str) -> None:
    size = 5_000
    lines = ["name: deep", "steps:"]
    lines += [f"  - {{id: s{n}, task: t, depends_on: [s{n - 1}]}}" for n in range(1, size)]
    after = f", depends_on: [s{size - 1}]" if shape == "ring" else ""
    lines.append(f"  - {{id: s0, task: t{after}}}")
    found = compile_workflow("\n".join(lines), "w.yaml")
    assert [d.code for d in found.diagnostics] == ([] if shape == "chain" else ["DN3003"])
