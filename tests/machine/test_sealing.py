"""References to stored values: expressions hand them on, and fail when they look into them."""

from typing import Any

import pytest

from dagnats.ir.program import TransformNode
from dagnats.machine.state import Completed, Failed
from tests.machine.world import World, compiled, expression, program, task

STORED = {"$payload": {"run_id": "r1", "sha256": "a" * 64, "bytes": 1_234_567}}

MAP = """
steps:
  - id: m
    type: map
    config: {over: input, max_items: 5, steps: [{id: x, task: t.x}]}
"""

HANDED_ON: list[tuple[str, Any]] = [
    ("steps.a.output", STORED),
    ("{'whole': steps.a.output, 'n': 1}", {"whole": STORED, "n": 1}),
    ("[steps.a.output]", [STORED]),
    ("steps.?a.?output.orValue(1)", STORED),
    ("steps.a.output == null ? 1 : steps.a.output", STORED),
    ("steps.a.status", "completed"),
    ("steps.a.output == steps.a.output", True),
]


@pytest.mark.parametrize(("text", "value"), HANDED_ON)
def test_a_reference_is_handed_on(text: str, value: Any) -> None:
    prepared = program(task("a"), output=expression(text))
    state = World(prepared, lambda *_: STORED).start().run().state
    assert (state.status, state.output) == ("completed", value)


LOOKED_INTO = [
    "steps.a.output.total",
    "has(steps.a.output.total)",
    "steps.a.output.?total.orValue(0)",
    "size(steps.a.output)",
    "steps.a.output.map(x, x)",
    "'total' in steps.a.output",
    "string(steps.a.output)",
    "steps.a.output['$payload']",
]


@pytest.mark.parametrize("text", LOOKED_INTO)
def test_a_reference_is_not_looked_into(text: str) -> None:
    prepared = program(task("a"), output=expression(text))
    state = World(prepared, lambda *_: STORED).start().run().state
    assert state.status == "failed"
    assert state.error is not None
    told = state.error["message"]
    assert "the output of step `a` is a stored value of 1,234,567 bytes" in told
    assert "hand the whole to a task" in told


def test_a_reference_inside_of_an_output_is_named_when_it_is_looked_into() -> None:
    prepared = program(task("a"), output=expression("steps.a.output.parts.map(x, x.total)"))
    state = World(prepared, lambda *_: {"parts": [STORED]}).start().run().state
    assert state.error is not None
    assert "a part of the output of step `a` is a stored value" in state.error["message"]


def test_a_condition_that_looks_into_a_reference_fails_its_step() -> None:
    prepared = program(task("a"), task("b", 0, when=expression("steps.a.output.ok")))
    state = World(prepared, lambda *_: STORED).start().run().state
    assert state.status == "failed"
    step = state.frames[""].steps[1]
    assert isinstance(step, Failed)
    assert "stored value" in step.error["message"]


def test_the_next_task_gets_the_reference() -> None:
    given: list[Any] = []

    def work(command: Any) -> Any:
        given.append(command.input)
        return STORED

    state = World(program(task("a"), task("b", 0)), work).start().run().state
    assert state.status == "completed"
    assert given[1] == STORED
    assert isinstance(state.frames[""].steps[1], Completed)


def test_what_is_kept_of_a_run_has_the_reference_itself() -> None:
    node = TransformNode(id="t", value=expression("{'x': input}"))
    world = World(program(node), lambda *_: None).start(STORED)
    assert world.state.output == {"x": STORED}


def test_a_map_over_a_reference_says_what_it_is() -> None:
    prepared = compiled(MAP)
    state = World(prepared, lambda *_: 1).start(STORED).state
    assert state.error is not None
    assert "a stored value of 1,234,567 bytes" in state.error["message"]
