"""The certificate against the worst that a run can do: of random programs, on the real machine.

Observed is never more than certified. For `straight` programs it is as much: the attempts, and the
events but for the one of a request to cancel, which a run that ends at once has no time for. With
switches, certified is at most half as much again as the worst of all ways.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.program import Program
from dagnats.machine.prepared import Prepared, prepare
from dagnats.simulation import adversary
from dagnats.simulation.adversary import Adversary
from dagnats.simulation.explore import WORST, Budget, explore
from dagnats.simulation.generator import generate
from dagnats.simulation.measures import MEASURES, Observed
from dagnats.simulation.moves import Possible
from dagnats.simulation.world import Violation

SIZES = 12
WAYS_MAX = 40
"""Inputs that are tried to find the worst way through a program."""
SLACK = {"straight": 1.0, "switches": 1.5}
CANCEL_EVENTS = 1


class Finding(NamedTuple):
    """A program that breaks a promise: which one."""

    seed: int
    size: int
    shape: str
    wrong: str


class Proof(NamedTuple):
    """What was found of one program."""

    is_compiled: bool
    findings: list[Finding]
    observed: Observed | None = None
    program: Program | None = None


def prove(seed: int, shape: str) -> Proof:
    """Try one random program."""
    size = 1 + seed % SIZES
    program = compile_workflow(generate(seed, size, shape)).program
    if program is None:
        return Proof(False, [])
    prepared = prepare(program, "sha256:0")
    possible = Possible(prepared)
    seen = Observed()
    try:
        first = possible.inputs()[0]
        worst = _worst_input(program, possible, shape, prepared, seen)
        for value in [first] if worst == first else [first, worst]:
            _try(prepared, value, possible, seen)
    except Violation as wrong:
        return Proof(True, [Finding(seed, size, shape, str(wrong))], seen, program)
    found = [Finding(seed, size, shape, wrong) for wrong in _loose(program, seen, shape)]
    if shape == "any":
        drawn = explore(prepared, rng=Random(seed), budget=Budget(turns=200, runs=3))
        if drawn.counterexample is not None:
            found.append(Finding(seed, size, shape, drawn.counterexample.wrong))
    return Proof(True, found, seen, program)


def _try(prepared: Prepared, value: Any, possible: Possible, seen: Observed) -> None:
    """Run in every world that is bad. Raises Violation."""
    for how in WORST:
        world = adversary.run(prepared, value, how, possible)
        seen.merge(world.observed)
        if not how.slow:
            seen.merge(adversary.cancelled_late(world, how, possible).observed)


def _worst_input(
    program: Program, possible: Possible, shape: str, prepared: Prepared, seen: Observed
) -> Any:
    """Return the input whose choices make most happen. Raises Violation."""
    best = possible.inputs()[0]
    if shape == "straight" or not isinstance(best, dict):
        return best
    most = -1
    for value in _ways(program, best):
        world = adversary.run(prepared, value, Adversary(fails=False), possible)
        seen.merge(world.observed)
        if world.observed.events > most:
            best, most = value, world.observed.events
    return best


def _ways(program: Program, first: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield inputs with each choice made in each way: all together, or some of too many."""
    choices = {
        name: schema.get("enum") or [True, False]
        for name, schema in program.input_schema["properties"].items()
        if name != "kind" and ("enum" in schema or schema.get("type") == "boolean")
    }
    if prod(map(len, choices.values())) <= WAYS_MAX:
        for values in product(*choices.values()):
            yield first | dict(zip(choices, values, strict=True))
        return
    for name, options in choices.items():
        yield from (first | {name: option} for option in options)
    rng = Random(len(choices))
    for _ in range(WAYS_MAX):
        yield first | {name: rng.choice(options) for name, options in choices.items()}


def _loose(program: Program, seen: Observed, shape: str) -> Iterator[str]:
    slack = SLACK.get(shape)
    if slack is None:
        return
    for name in ("attempts", "events"):
        proven, most = getattr(program.certificate, name).max, getattr(seen, name)
        allowed = CANCEL_EVENTS if name == "events" else 0
        if proven is not None and proven - allowed > most * slack:
            yield f"{name} loose: {most:,} observed, {proven:,} certified"


def prove_all(seeds: Iterable[int], shape: str) -> tuple[Counter[str], list[Finding]]:
    """Try many programs; returns counts, and what is broken."""
    counts: Counter[str] = Counter()
    found: list[Finding] = []
    for seed in seeds:
        proof = prove(seed, shape)
        counts["programs"] += 1
        counts["compiled"] += proof.is_compiled
        found += proof.findings
        if proof.observed is not None and proof.program is not None and not proof.findings:
            for name in MEASURES:
                proven = getattr(proof.program.certificate, name).max
                counts[f"{name} tight"] += proven == getattr(proof.observed, name)
    return counts, found


def keep(findings: Iterable[Finding], folder: Path) -> int:
    """Write each distinct failing program into a folder, the smallest of each kind first."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, list[Finding]] = {}
    for one in sorted(findings, key=lambda one: (one.size, one.seed)):
        kind = "".join(c for c in one.wrong if not c.isdigit() and c != ",")
        kinds.setdefault(f"{one.shape} {kind}", []).append(one)
    number = 0
    for kind, several in kinds.items():
        for one in several[:3]:
            text = generate(one.seed, one.size, one.shape)
            head = f"# {one.wrong}\n# seed {one.seed}, size {one.size}, {kind}: {len(several)}\n"
            (folder / f"{number:03}.yaml").write_text(head + text, encoding="utf-8")
            number += 1
    return number
