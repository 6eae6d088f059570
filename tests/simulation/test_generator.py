"""Random programs: the same for the same seed, most of them compile, and all types are there."""

from collections import Counter

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.simulation.generator import SHAPES, document, generate
from dagnats.source.reader import read

PROGRAMS = 120


def test_the_same_seed_gives_the_same() -> None:
    assert generate(7, 9) == generate(7, 9)
    assert generate(7, 9) != generate(8, 9)


def test_it_is_yaml() -> None:
    sink = Sink()
    assert read(generate(3, 12), "x.yaml", sink) is not None
    assert not sink.has_errors


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_most_of_them_compile(shape: str) -> None:
    texts = [generate(seed, 1 + seed % 12, shape) for seed in range(PROGRAMS)]
    accepted = sum(compile_workflow(text).program is not None for text in texts)
    assert accepted >= 0.95 * PROGRAMS


def test_every_type_of_step_comes_up() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(PROGRAMS):
        stack = [document(seed, 12)["steps"]]
        while stack:
            for step in stack.pop():
                kinds[step.get("type", "normal")] += 1
                config = step.get("config", {})
                stack += [config.get("steps", []), config.get("default", [])]
                stack += [case["steps"] for case in config.get("cases", [])]
    assert set(kinds) == {kind.name for kind in STEP_TYPES}
