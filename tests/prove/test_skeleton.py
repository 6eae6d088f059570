"""The control skeleton of what compiles is sound, and what is not sound does not compile."""

from typing import Any

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.simulation.generator import generate, written
from tests.prove.petri import problems, skeleton_of, skeletons
from tests.prove.spoiling import disagreement

PROGRAMS = 60
TASK: dict[str, Any] = {"task": "t"}

UNSOUND: dict[str, list[dict[str, Any]]] = {
    "a circle": [
        {"id": "a", **TASK, "depends_on": ["b"]},
        {"id": "b", **TASK, "depends_on": ["a"]},
    ],
    "a longer circle": [
        {"id": "a", **TASK, "depends_on": ["c"]},
        {"id": "b", **TASK, "depends_on": ["a"]},
        {"id": "c", **TASK, "depends_on": ["b"]},
        {"id": "d", **TASK},
    ],
    "itself": [{"id": "a", **TASK, "depends_on": ["a"]}],
    "nobody": [{"id": "a", **TASK, "depends_on": ["ghost"]}],
    "a step of a body": [
        {
            "id": "a",
            "type": "loop",
            "config": {"max_iterations": 2, "steps": [{"id": "b", **TASK}]},
        },
        {"id": "c", **TASK, "depends_on": ["b"]},
    ],
    "a circle in a body": [
        {
            "id": "a",
            "type": "loop",
            "config": {
                "max_iterations": 2,
                "steps": [
                    {"id": "b", **TASK, "depends_on": ["c"]},
                    {"id": "c", **TASK, "depends_on": ["b"]},
                ],
            },
        }
    ],
    "a handler that is waited for": [
        {"id": "a", **TASK, "on_failure": "h"},
        {"id": "h", **TASK},
        {"id": "b", **TASK, "depends_on": ["h"]},
    ],
    "handlers in a circle": [
        {"id": "a", **TASK, "on_failure": "h"},
        {"id": "h", **TASK, "on_failure": "g"},
        {"id": "g", **TASK, "on_failure": "h"},
    ],
    "its own handler": [{"id": "b", **TASK}, {"id": "a", **TASK, "on_failure": "a"}],
    "a loop without a bound": [
        {"id": "a", "type": "loop", "config": {"steps": [{"id": "b", **TASK}]}}
    ],
    "a wait without a bound": [{"id": "a", "type": "wait_for_event", "config": {"event": "e"}}],
    "the end from inside a loop": [
        {
            "id": "a",
            "type": "loop",
            "config": {
                "max_iterations": 2,
                "steps": [
                    {
                        "id": "b",
                        "type": "continue_as_new",
                        "config": {"input": 1, "max_generations": 2},
                    }
                ],
            },
        }
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["any", "switches", "straight"])
def test_what_compiles_is_sound(shape: str) -> None:
    for seed in range(PROGRAMS):
        program = compile_workflow(generate(seed, 1 + seed % 8, shape)).program
        assert program is not None
        assert [wrong for scope in skeletons(program) for wrong in problems(scope)] == []


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["any", "switches", "straight"])
def test_tokens_and_the_compiler_agree_about_what_is_spoilt(shape: str) -> None:
    found = [disagreement(seed, 1 + seed % 8, shape) for seed in range(PROGRAMS)]
    assert found == [None] * PROGRAMS


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_unsound_does_not_compile(name: str) -> None:
    document = {"dagnats": 1, "name": "unsound", "steps": UNSOUND[name]}
    assert problems(skeleton_of(document))
    assert compile_workflow(written(document)).program is None


def test_the_sound_ones_beside_them_do_both() -> None:
    steps: list[dict[str, Any]] = [
        {"id": "a", **TASK, "on_failure": "h"},
        {"id": "h", **TASK},
        {"id": "b", **TASK, "depends_on": [{"step": "a", "allow": "failed"}]},
        {"id": "c", **TASK, "depends_on": ["a", "b"], "join": "any_success"},
    ]
    document = {"dagnats": 1, "name": "sound", "steps": steps}
    assert problems(skeleton_of(document)) == []
    assert compile_workflow(written(document)).program is not None
