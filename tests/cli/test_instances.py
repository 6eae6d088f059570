"""The tree of a run's steps: what was in what, with inputs, attempts, outputs and errors."""

from typing import Any

import pytest

from dagnats.cli.run import inspect, whole
from dagnats.cli.run.inputs import inputs_of
from dagnats.cli.run.instances import Instance, above, depth, instances
from tests.cli.recorded import recorded

FAN = """
dagnats: 1
name: fan
steps:
  - id: fetch
    task: net.fetch
    with: {url: "${{ input.url }}"}
    retry: {max_retries: 1, initial_delay: 1s}
  - id: each
    type: map
    depends_on: [fetch]
    config:
      over: steps.fetch.output
      max_items: 5
      steps:
        - id: read
          task: file.read
          with: {name: "${{ item }}"}
        - id: sum
          task: text.sum
          depends_on: [read]
"""


@pytest.mark.parametrize(
    ("address", "outer", "inside"),
    [
        ("fetch", "", 0),
        ("fan[3]", "fan", 1),
        ("fan[3].read", "fan[3]", 2),
        ("charge.refund", "charge", 1),
        ("a[1].b[22].c", "a[1].b[22]", 4),
    ],
)
def test_an_address_says_what_an_instance_is_in(address: str, outer: str, inside: int) -> None:
    assert above(address) == outer
    assert depth(address) == inside


def work() -> Any:
    tried: list[str] = []

    def do(step: str, given: Any) -> Any:
        tried.append(step)
        if step == "fetch":
            if tried.count(step) == 1:
                raise ValueError("no answer")
            return ["a", "b"]
        return {"of": given}

    return do


def flat(trees: list[Instance], level: int = 0) -> list[tuple[int, str, str]]:
    found = []
    for tree in trees:
        found.append((level, tree.id, tree.status))
        found.extend(flat(tree.below, level + 1))
    return found


def test_a_history_is_a_tree_of_instances() -> None:
    _, events = recorded(FAN, {"url": "x"}, work())
    trees = instances(events, [])
    assert events[-1]["type"] == "workflow.completed"
    assert flat(trees) == [
        (0, "fetch", "completed"),
        (0, "each", "completed"),
        (1, "each[0]", "completed"),
        (2, "each[0].read", "completed"),
        (2, "each[0].sum", "completed"),
        (1, "each[1]", "completed"),
        (2, "each[1].read", "completed"),
        (2, "each[1].sum", "completed"),
    ]
    first, second = trees[0].attempts
    assert (first.status, first.error["message"]) == ("failed", "no answer")
    assert (second.status, second.worker_id, second.output) == ("completed", "w1", ["a", "b"])


def test_the_inputs_of_attempts_are_worked_out_again() -> None:
    program, events = recorded(FAN, {"url": "x"}, work())
    assert inputs_of(program, events) == {
        (1, "fetch", 0, 1): {"url": "x"},
        (1, "fetch", 0, 2): {"url": "x"},
        (1, "each[0].read", 0, 1): {"name": "a"},
        (1, "each[1].read", 0, 1): {"name": "b"},
        (1, "each[0].sum", 0, 1): {"of": {"name": "a"}},
        (1, "each[1].sum", 0, 1): {"of": {"name": "b"}},
    }


LOOP = """
dagnats: 1
name: turns
steps:
  - id: turn
    type: loop
    config:
      max_iterations: 3
      until: "loop.iteration == 2"
      steps: [{id: say, task: say.it}]
"""


def failing(step: str, _given: Any) -> Any:
    if step == "turn[2].say":
        raise ValueError("no")
    return 1


@pytest.mark.parametrize(
    ("do", "last"), [(lambda _step, _given: 1, "completed"), (failing, "failed")]
)
def test_each_iteration_ends_as_it_did(do: Any, last: str) -> None:
    _, events = recorded(LOOP, None, do)
    assert flat(instances(events, [])) == [
        (0, "turn", last),
        (1, "turn[1]", "completed"),
        (2, "turn[1].say", "completed"),
        (1, "turn[2]", last),
        (2, "turn[2].say", last),
    ]


def test_what_has_not_begun_is_there_as_the_run_tells_it() -> None:
    _, events = recorded(FAN, {"url": "x"}, work())
    begun = [event for event in events if event.get("step_id", "fetch") == "fetch"]
    steps = [
        {"id": "fetch", "type": "normal", "status": "completed", "output": ["a", "b"]},
        {"id": "each", "type": "map", "status": "pending"},
    ]
    assert flat(instances(begun, steps)) == [(0, "fetch", "completed"), (0, "each", "pending")]


def test_a_tree_is_drawn_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    program, events = recorded(FAN, {"url": "x"}, work())
    trees = instances(events, [])
    inspect.give_inputs(trees, 1, program, events)
    drawn = [line for tree in trees for line in inspect.branch(tree, "", "", full=False)]
    assert drawn[:12] == [
        "fetch  completed  1m3s",
        "    attempt 1 failed · 500ms · by w1 · boom: no answer",
        '    attempt 2 completed · 500ms · by w1 · ["a", "b"]',
        '    input     {"url": "x"}',
        '    output    ["a", "b"]',
        "each  completed  6s",
        '│   output    [{"read": {"of": {"name": "a"}}, "sum": {"of": {"of": {"nam…',
        "├─ each[0]  completed  4s500ms",
        '│  │   output    {"read": {"of": {"name": "a"}}, "sum": {"of": {"of": {"name…',
        "│  ├─ each[0].read  completed  1s500ms",
        "│  │      by w1",
        '│  │      input     {"name": "a"}',
    ]
    assert drawn[-1] == '          output    {"of": {"of": {"name": "b"}}}'


def test_a_run_too_large_for_a_message_is_told_by_its_history() -> None:
    _, events = recorded(FAN, {"url": "x"}, work())
    found = whole.document(events, "running", {})
    assert (found["status"], found["generation"], found["error"]) == ("completed", 1, None)
    assert found["input"] == {"url": "x"}
    assert found["output"] == events[-1]["payload"]
    assert [step["id"] for step in found["steps"]][:4] == [
        "fetch",
        "each",
        "each[0]",
        "each[0].read",
    ]
    assert found["counters"]["events"] == len(events)
    cut = whole.document(events[:3], "running", {"fetch": "a worker"})
    assert (cut["status"], cut["output"], cut["ended_at"]) == ("running", None, None)
    assert cut["steps"][0]["waits_for"] == "a worker"
