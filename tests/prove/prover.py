"""The certificate against the worst that a run can do: of random programs, on the real machine.

Observed is never more than certified. For `straight` programs, which have no choices, it is exactly
as much: attempts, events, steps and timers at once, and duration, but for what their times keep
apart, which `tests.prove.reachable` tells from the program. With switches, certified is at most
half as much again as the worst of the ways that were tried.

The control skeleton of each is sound by an independent verdict, and of a copy with one thing wrong
that verdict and the compiler's are the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from dagnats.compiler.pipeline import compile_workflow
from dagnats.compiler.resolved import MAX_DELIVERIES
from dagnats.ir.program import Program
from dagnats.machine.prepared import Prepared
from dagnats.simulation import adversary
from dagnats.simulation.adversary import Adversary
from dagnats.simulation.explore import Budget, explore
from dagnats.simulation.gathering import gather, gatherings
from dagnats.simulation.generator import generate
from dagnats.simulation.measures import MEASURES, Observed
from dagnats.simulation.metering import metered
from dagnats.simulation.moves import Possible
from dagnats.simulation.world import Violation
from tests.prove.petri import problems, skeletons
from tests.prove.reachable import Reach
from tests.prove.spoiling import disagreement

SIZES = 12
WAYS_MAX = 40
"""Inputs that are tried to find the worst way through a program."""
INPUTS_MAX = 3
"""Inputs that are tried beside the worst, which differ in what is chosen."""
SLACK = 1.5
AT_ONCE = ("concurrent_steps", "timers")
ASSERTED = ("attempts", "events", *AT_ONCE)


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
    unsound = _unsound(program, seed, size, shape)
    if unsound is not None:
        return Proof(True, [Finding(seed, size, shape, unsound)], Observed(), program)
    prepared = metered(program, "sha256:0")
    possible = Possible(prepared)
    seen = Observed()
    try:
        worst = _worst_input(program, possible, shape, prepared, seen)
        inputs = [*possible.inputs()[:INPUTS_MAX], worst]
        if shape == "any":
            drawn = explore(
                prepared, rng=Random(seed), inputs=_distinct(inputs), budget=Budget(200, 3)
            )
            seen.merge(drawn.observed)
            if drawn.counterexample is not None:
                wrong = drawn.counterexample.wrong
                return Proof(True, [Finding(seed, size, shape, wrong)], seen, program)
        else:
            for value in _distinct([inputs[0], worst]):
                _try(prepared, value, possible, seen)
            if shape == "switches":
                _gather(prepared, inputs[0], possible, seen)
    except Violation as wrong:
        return Proof(True, [Finding(seed, size, shape, str(wrong))], seen, program)
    found = [Finding(seed, size, shape, wrong) for wrong in _loose(program, seen, shape)]
    return Proof(True, found, seen, program)


def _unsound(program: Program, seed: int, size: int, shape: str) -> str | None:
    """Return why tokens and the compiler do not agree about a program, or about a spoilt one."""
    wrong = [one for scope in skeletons(program) for one in problems(scope)]
    return wrong[0] if wrong else disagreement(seed, size, shape)


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _try(prepared: Prepared, value: Any, possible: Possible, seen: Observed) -> None:
    """Run in every world that is bad. Raises Violation."""
    for how in adversary.worst(prepared):
        for world in adversary.runs(prepared, value, how, possible):
            seen.merge(world.observed)
    for world in gather(prepared, value, gatherings(prepared), possible):
        seen.merge(world.observed)


def _gather(prepared: Prepared, first: dict[str, Any], possible: Possible, seen: Observed) -> None:
    """Go other ways while less was there at once than certified: the longest may be a narrow one.

    Raises Violation.
    """
    certificate, meant = prepared.program.certificate, gatherings(prepared)
    for value in _ways(prepared.program, first):
        if all(getattr(seen, name) >= getattr(certificate, name).max for name in AT_ONCE):
            return
        for world in gather(prepared, value, meant, possible):
            seen.merge(world.observed)


def _worst_input(
    program: Program, possible: Possible, shape: str, prepared: Prepared, seen: Observed
) -> Any:
    """Return the input whose choices make most happen. Raises Violation."""
    best = possible.inputs()[0]
    if shape == "straight" or not isinstance(best, dict):
        return best
    most = -1
    for value in _ways(program, best):
        hasty = Adversary(fails=False, loses=False)
        world = adversary.run(prepared, value, hasty, possible)
        seen.merge(world.observed)
        # Each attempt is lost four times, and begun again.
        events = world.observed.events + 2 * (MAX_DELIVERIES - 1) * world.observed.attempts
        if events > most:
            best, most = value, events
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
    """Yield in words what is certified higher than it has to be."""
    if shape == "straight":
        yield from _not_reached(program, seen)
    elif shape == "switches":
        for name in ASSERTED:
            proven, most = getattr(program.certificate, name).max, getattr(seen, name)
            # What is done at once has no timers, and so nothing that half is as much again as.
            if proven > max(most, 1) * SLACK:
                yield f"{name} loose: {most:,} observed, {proven:,} certified"


def _not_reached(program: Program, seen: Observed) -> Iterator[str]:
    may_miss = Reach(program).may_miss()
    for name in (*ASSERTED, "duration_ms"):
        proven, most = getattr(program.certificate, name).max, getattr(seen, name)
        if not proven - may_miss.get(name, 0) <= most <= proven:
            yield f"{name} not reached: {most:,} observed, {proven:,} certified"


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
