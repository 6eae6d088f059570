"""Mistakes, each with the findings that it draws, and no other."""

from pathlib import Path

import pytest

from tests.compiler.cases import cases_of
from tests.lang.fronts import front

CASES = cases_of(Path(__file__).parent / "mistakes.md")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_front_finds_exactly_what_is_noted(case):
    found = [
        (f.span.start.line, f.span.start.column, str(f.severity), f.code, f.message)
        for f in front(case.text)[1]
    ]
    left = list(found)
    missing = []
    for note in case.notes:
        place = (note.line, note.column, note.severity, note.code)
        fitting = next((f for f in left if f[:4] == place and note.part in f[4]), None)
        if fitting is None:
            missing.append(str(note))
        else:
            left.remove(fitting)
    assert (missing, left) == ([], [])
