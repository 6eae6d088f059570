"""The same meaning is the same digest, however it is written."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.ir import codec
from tests.compiler.proving import program_of

DOCUMENT: dict[str, Any] = {
    "name": "same",
    "version": "1.4.0",
    "timeout": "2h",
    "input": {
        "type": "object",
        "required": ["n", "name"],
        "properties": {"n": {"type": "integer"}, "name": {"$ref": "#/schemas/name"}},
    },
    "schemas": {"name": {"type": "string", "maxLength": 20}},
    "tasks": {
        "t": {"output": {"type": "object", "required": ["x"], "properties": {"x": {}}}},
        "items": {"output": {"type": "array", "items": {"type": "number"}}},
    },
    "defaults": {"timeout": "1m", "retry": {"max_retries": 2, "initial_delay": "5s"}},
    "secrets": ["TOKEN"],
    "labels": {"who": "${{ input.name }}", "team": "a"},
    "vars": {"one": 1, "owner": {"z": "${{ input.name }}", "a": [1, 2.5]}},
    "steps": [
        {
            "id": "a",
            "task": "t",
            "with": {
                "n": "${{ input.n }}",
                "deep": {"z": 1, "y": [2.0, None]},
                "v": "${{ vars.one }}",
            },
            "retry": {"strategy": "exponential", "by_code": {"z": {"max_retries": 3}, "a": {}}},
            "on_failure": "sorry",
            "metadata": {"b": 1, "a": {"d": 1, "c": 2}},
        },
        {"id": "sorry", "task": "t", "with": {"token": "${{ secrets.TOKEN }}"}},
        {"id": "list", "task": "items", "depends_on": ["a"]},
        {
            "id": "fan",
            "type": "map",
            "config": {
                "over": "steps.list.output",
                "max_items": 5,
                "steps": [
                    {
                        "id": "pick",
                        "type": "switch",
                        "config": {
                            "cases": [
                                {
                                    "when": "item > 1.5",
                                    "steps": [
                                        {"id": "t1", "type": "transform", "config": {"value": 1}}
                                    ],
                                }
                            ],
                            "default": [{"id": "t2", "type": "emit", "config": {"event": "e"}}],
                        },
                    }
                ],
            },
        },
        {
            "id": "gate",
            "type": "approval",
            "depends_on": ["fan"],
            "config": {
                "timeout": "24h",
                "approvers": ["b", "a"],
                "metadata": {"z": "1", "a": "${{ input.name }}"},
            },
        },
        {"id": "nap", "type": "sleep", "depends_on": ["gate"], "config": {"duration": "90m"}},
        {"id": "each", "type": "map", "task": "t", "config": {"over": "[1, 2]", "max_items": 2}},
    ],
    "finally": [{"id": "clean", "task": "t", "with": {"s": "${{ run.id }}"}}],
    "output": {"x": "${{ steps.a.output.x }}", "b": "${{ steps.fan.output }}"},
    "triggers": [
        {
            "id": "n",
            "cron": {"expression": "0 3 * * *", "backfill": True},
            "input": {"n": 1, "name": "a"},
        }
    ],
    "priority": {"key": "input.name", "rules": {"b": 1, "a": 2}},
    "concurrency": {"max_runs": 3, "key": "input.name"},
    "idempotency_key": "input.name",
}


def shuffled(value: Any, rng: random.Random) -> Any:
    """Put the keys of all objects in another order."""
    match value:
        case dict():
            items = [(key, shuffled(part, rng)) for key, part in value.items()]
            rng.shuffle(items)
            return dict(items)
        case list():
            return [shuffled(part, rng) for part in value]
        case _:
            return value


def yaml_of(value: Any, indent: int = 0) -> str:
    """Write a value as block YAML."""
    pad = " " * indent
    match value:
        case dict() if value:
            lines = []
            for key, part in value.items():
                inner = isinstance(part, dict | list) and part
                rest = "\n" + yaml_of(part, indent + 2) if inner else " " + yaml_of(part)
                lines.append(f"{pad}{key}:{rest}")
            return "\n".join(lines)
        case list() if value:
            return "\n".join(f"{pad}-\n{yaml_of(part, indent + 2)}" for part in value)
        case dict() | list():
            return json.dumps(value)
        case _:
            return pad + json.dumps(value)


def digest(text: str) -> str:
    return codec.digest(program_of(text))


REFERENCE = digest(json.dumps(DOCUMENT))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(["json", "indented", "yaml"]))
def test_neither_the_order_of_keys_nor_the_format_reaches_the_digest(seed: int, how: str) -> None:
    document = shuffled(DOCUMENT, random.Random(seed))
    # Variables see those before them.
    document["vars"] = dict(sorted(document["vars"].items()))
    text = yaml_of(document) if how == "yaml" else json.dumps(document)
    if how == "indented":
        text = json.dumps(document, indent=1)
    assert digest(text) == REFERENCE


def test_what_comes_back_from_bytes_is_the_same() -> None:
    program = program_of(json.dumps(DOCUMENT))
    assert codec.load(codec.encode(program)) == program


SPELLINGS = [
    # What is written in two ways, and means one thing.
    ("timeout: 90s", "timeout: 1m30s"),
    ("timeout: 90s", "timeout: 90000000000"),
    ("retry: {max_retries: 2, initial_delay: 1ms}", "retry: {max_attempts: 2}"),
    ("retry: {max_retries: 2}", "retry: {max_retries: 2, strategy: fixed, jitter: 0}"),
    ("retry: {max_retries: 2}", "retry: {max_retries: 2, multiplier: 3}"),
    ("retry: {max_retries: 0}", "retry: {max_retries: 0, initial_delay: 9s}"),
    ("retry: {max_retries: 2, delays: [1s]}",
     "retry: {max_retries: 2, delays: [1000ms], initial_delay: 3s}"),
    ("max_task_concurrency: 0", ""),
    ("with: {a: 1, b: 2}", "with: {b: 2, a: 1}"),
    ('with: "${{ {1: 2, \'b\': 3}.size() }}"', 'with: "${{ {1:2,\'b\':3}.size() }}"'),
    ('when: "input.a == 1"', 'when: "input.a==1"'),
    ("required_capabilities: [a, b]", "required_capabilities: [b, a]"),
    ("type: normal", ""),
    ("join: all_success", ""),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_spellings_of_one_meaning_have_one_digest(one: str, other: str) -> None:
    def text(key: str) -> str:
        return f"name: w\nsteps:\n  - id: a\n    task: t\n    {key}\n"

    assert digest(text(one)) == digest(text(other))


DOCUMENTS = [
    # Whole documents: Go's spelling, and ours.
    (
        (
            '{"name": "w", "input_schema": {"type": "object"}, "default_retry": {"max_attempts": 3,'
            ' "initial_delay": 1000000000}, "steps": [{"id": "a", "task": "t"}]}'
        ),
        (
            "name: w\ninput: {type: object}\n"
            "defaults: {retry: {max_retries: 3, initial_delay: 1s}}\nsteps: [{id: a, task: t}]"
        ),
    ),
    (
        (
            '{"name": "w", "steps": [{"id": "a", "task": "t", "type": "agent_loop",'
            ' "config": {"max_iterations": 3, "loop_delay": 10000000000}}]}'
        ),
        (
            "name: w\nsteps: [{id: a, task: t, type: agent_loop,"
            " config: {max_iterations: 3, delay: 10s}}]"
        ),
    ),
    (
        (
            '{"name": "w", "steps": '
            '[{"id": "a", "type": "sleep", "config": {"duration": 60000000000}}]}'
        ),
        "name: w\nsteps: [{id: a, type: sleep, config: {duration: 1m}}]",
    ),
    (
        "name: w\nsteps: [{id: a, task: t, with: &w {x: 1}}, {id: b, task: t, with: *w}]",
        "name: w\nsteps: [{id: a, task: t, with: {x: 1}}, {id: b, task: t, with: {x: 1}}]",
    ),
    (
        "name: w\nconcurrency: {max_runs: 0, max_steps: 0}\nsteps: [{id: a, task: t}]",
        "name: w\nsteps: [{id: a, task: t}]",
    ),
    (
        "name: w\ntriggers: [{id: a, webhook: {path: /x}}]\nsteps: [{id: a, task: t}]",
        (
            "name: w\ntriggers: [{id: a, enabled: true, webhook: {path: x}}]\n"
            "steps: [{id: a, task: t}]"
        ),
    ),
]


@pytest.mark.parametrize(("one", "other"), DOCUMENTS)
def test_documents_of_one_meaning_have_one_digest(one: str, other: str) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["name"], "other"),
        (["timeout"], "3h"),
        (["vars", "one"], 2),
        (["labels", "team"], "b"),
        (["steps", 0, "with", "deep", "z"], 1.0),
        (["steps", 0, "metadata", "b"], 2),
        (["steps", 0, "retry", "strategy"], "linear"),
        (["steps", 5, "join"], "all_done"),
        (["steps", 3, "config", "max_items"], 6),
        (["steps", 4, "config", "approvers"], ["a", "b"]),
        (["steps", 5, "config", "duration"], "91m"),
        (["tasks", "items", "output", "items", "type"], "integer"),
        (["schemas", "name", "maxLength"], 21),
        (["triggers", 0, "cron", "backfill"], False),
        (["priority", "rules", "a"], 3),
    ],
)
def test_another_meaning_is_another_digest(path: list[Any], value: Any) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    owner = document
    for part in path[:-1]:
        owner = owner[part]
    owner[path[-1]] = value
    assert digest(json.dumps(document)) != REFERENCE
