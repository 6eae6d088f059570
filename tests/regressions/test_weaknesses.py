"""The list of weaknesses is whole, and each test that it names is there."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.machine.test_behaviour import CASES
from tests.regressions.weaknesses import BEHAVIOUR, WEAKNESSES, Weakness

ROOT = Path(__file__).resolve().parents[2]
ITEMS = [
    *(f"11.1.{number}" for number in range(1, 15)), "11.2", "11.3", "11.4",
    "#194-#196", "#136 #137", "#140 #141 #147", "#185", "#200 #202", "#384", "#441 #446 #447",
    "#452", "#453 #455 #521-#525", "#506", "#513", "#515", "#530-#545", "#551-#553", "#570 #577",
    "#595", "#598", "#607", "#609", "#562-#588", "11.9",
]  # fmt: skip
"""The sections of the analysis, and the rows of its table of what was mended (11.5)."""


@cache
def names_in(path: str) -> set[str]:
    """Return the names of the tests of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_item_is_there_in_its_order() -> None:
    assert list(dict.fromkeys(row.item for row in WEAKNESSES)) == ITEMS


def test_no_weakness_is_listed_twice() -> None:
    rows = [(row.item, row.what) for row in WEAKNESSES]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("row", WEAKNESSES, ids=lambda row: f"{row.item} {row.what}")
def test_what_holds_us_to_something_better_is_there(row: Weakness) -> None:
    assert row.tests or row.later
    cases = {case.name for case in CASES}
    for test in row.tests:
        path, _, name = test.partition("::")
        name, _, param = name.partition("[")
        assert name.startswith("test_")
        assert name in names_in(path), test
        if path == BEHAVIOUR and param:
            assert param.removesuffix("]") in cases, test


def test_what_is_tried_here_is_on_the_list() -> None:
    named = {test.partition("[")[0] for row in WEAKNESSES for test in row.tests}
    for path in sorted(Path(__file__).parent.glob("test_of_*.py")):
        relative = path.relative_to(ROOT).as_posix()
        for name in names_in(relative):
            if name.startswith("test_"):
                assert f"{relative}::{name}" in named
