"""Seeds: those that have found something, a sample of others, and the same twice."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from dagnats.testing import simulation
from dagnats.testing.course import Simulation
from dagnats.testing.faults import KINDS, Faults
from dagnats.testing.shape import EMBEDDED


class Kept(msgspec.Struct, frozen=True):
    """A seed that has found something: of what is drawn for it, or of one partition alone."""

    seed: int
    runs: int
    found: str
    embedded: bool = False


KEPT = msgspec.json.decode(Path(__file__).with_name("seeds.json").read_bytes(), type=list[Kept])
SAMPLE = range(10_000, 10_030)
SAMPLE_RUNS = 40
LONGEST = Faults(**dict.fromkeys(KINDS, 0.02))


@pytest.mark.slow
@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: f"{kept.seed}: {kept.found}")
def test_what_was_found_once_is_found_no_more(kept: Kept) -> None:
    shape = EMBEDDED if kept.embedded else None
    assert not Simulation(kept.seed, runs=kept.runs, of=shape).run().violation


@pytest.mark.slow
def test_a_sample_of_seeds_finds_nothing() -> None:
    outcomes = list(simulation.play(list(SAMPLE), SAMPLE_RUNS))
    assert [(one.seed, one.violation) for one in outcomes if one.violation] == []
    assert sum(one.runs for one in outcomes) >= len(SAMPLE) * SAMPLE_RUNS * 0.7
    happened = {kind for one in outcomes for kind in one.counts}
    assert {"crash", "fenced", "takeover", "restart", "uncertain", "lost", "twice"} <= happened


@pytest.mark.slow
def test_nothing_goes_wrong_where_nothing_is_drawn() -> None:
    outcome = Simulation(1, runs=3, given=Faults()).run()
    assert not outcome.violation
    assert outcome.runs >= 3
    assert not {"crash", "lost", "restart", "unavailable"} & set(outcome.counts)


@pytest.mark.slow
def test_a_seed_is_the_same_course_of_events_each_time() -> None:
    first, again = (Simulation(7, runs=15, trace=True).run() for _ in range(2))
    assert first == again
    assert len(first.trace) > 50


@pytest.mark.slow
def test_a_seed_is_the_same_whatever_hashes_are() -> None:
    said = {_play_with(hash_seed) for hash_seed in ("0", "1", "2")}
    assert len(said) == 1


def _play_with(hash_seed: str) -> str:
    arguments = ["--seeds", "1-6", "--runs", "15", "--trace"]
    code = f"from dagnats.testing import simulation; simulation.main({arguments})"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return "\n".join(line for line in done.stdout.splitlines() if not _is_timed(line))


def _is_timed(line: str) -> bool:
    return " says " in line or "comparisons in" in line
