"""Documents with one thing wrong, or not: two verdicts about each have to agree.

A random edge may close a circle or lead nowhere, a random handler may lead back to itself, and what
repeats or waits may lose its bound. What comes of it is told by tokens (`tests.prove.petri`), and
by the compiler.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Severity
from dagnats.simulation.generator import document, written
from tests.prove.petri import problems, skeleton_of

UNSOUND = frozenset({"DN3002", "DN3003", "DN3004", "DN3005", "DN3011", "DN3012", "DN6001"})
"""Why the compiler refuses what is not sound: nobody, circles, what is out of sight, no bound."""
BOUNDS = ("max_iterations", "max_items", "timeout", "max_steps", "max_generations")

Steps = list[dict[str, Any]]


def disagreement(seed: int, size: int, shape: str) -> str | None:
    """Return how the verdicts about a spoilt document differ, in words; None when they agree."""
    rng = Random(f"{shape}-{seed}")
    found = document(seed, size, shape)
    how = _spoil(found, rng)
    wrong = problems(skeleton_of(found))
    told = compile_workflow(written(found))
    codes = {one.code for one in told.diagnostics if one.severity is Severity.ERROR}
    agrees = told.program is None if wrong else not codes & UNSOUND
    if agrees:
        return None
    return f"spoilt by {how}: {wrong[:1] or 'sound'} by tokens, {sorted(codes) or 'compiles'}"


def _spoil(found: dict[str, Any], rng: Random) -> str:
    """Change one thing, and say which."""
    scopes = [scope for scope in _scopes(found["steps"]) if scope]
    handlers = {step.get(key) for s in scopes for step in s for key in ("on_failure", "compensate")}
    scope = rng.choice(scopes)
    free = [step for step in scope if step["id"] not in handlers]
    step = rng.choice(free)
    how = rng.choice(["an edge", "an edge", "an edge to nobody", "an edge away", "a handler", ""])
    match how:
        case "an edge":
            _wait(step, rng.choice(scope)["id"])
        case "an edge to nobody":
            _wait(step, "ghost")
        case "an edge away":
            _wait(step, rng.choice(rng.choice(scopes))["id"])
        case "a handler":
            step["on_failure"] = rng.choice(scope)["id"]
        case _:
            return "a bound that is gone" if _unbind(rng, scopes) else "nothing"
    return how


def _wait(step: dict[str, Any], other: str) -> None:
    step["depends_on"] = [*step.get("depends_on", ()), other]


def _unbind(rng: Random, scopes: list[Steps]) -> bool:
    bounded = [
        (step["config"], key)
        for scope in scopes
        for step in scope
        for key in BOUNDS
        if key in step.get("config", ())
    ]
    if not bounded:
        return False
    config, key = rng.choice(bounded)
    del config[key]
    return True


def _scopes(steps: Steps) -> Iterator[Steps]:
    """Yield the steps of the top, and those of each body."""
    yield steps
    for step in steps:
        config = step.get("config", {})
        bodies = [config.get("steps"), config.get("default")]
        for body in [*bodies, *(case["steps"] for case in config.get("cases", ()))]:
            if body:
                yield from _scopes(body)
