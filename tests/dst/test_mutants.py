"""Each mutant of the machine and of the shell is caught within its number of seeds."""

from pathlib import Path

import pytest

from tests.dst.mutants import MUTANTS, ROOT, try_out

QUICK_SEEDS_MAX = 100
"""Those that need more are tried by `make mutants` alone; tests of their own hold them here."""


def test_every_mutant_changes_what_is_there() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 12
    for mutant in MUTANTS:
        text = Path(ROOT, "dagnats", mutant.file).read_text()
        assert text.count(mutant.old) == 1, mutant.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in MUTANTS if mutant.seeds <= QUICK_SEEDS_MAX],
    ids=lambda mutant: mutant.name,
)
def test_a_mutant_is_caught(mutant) -> None:  # type: ignore[no-untyped-def]
    caught, said = try_out(mutant)
    assert caught, said
