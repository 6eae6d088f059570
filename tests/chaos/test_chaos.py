"""A minute of chaos, as `make chaos` makes it at any length (see `tests.chaos.run`)."""

import os
from pathlib import Path

import pytest

from tests.chaos.run import chaotic

SECONDS = 60.0
RATE = 200.0
"""Runs per second."""
EVERY_S = 3.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_every_accepted_run_ends_once_and_rightly(tmp_path: Path) -> None:
    seed = int(os.environ.get("DAGNATS_SEED", "1"))
    problems = chaotic(tmp_path, seed=seed, rate=RATE, seconds=SECONDS, every_s=EVERY_S)
    assert not problems, problems[:10]
