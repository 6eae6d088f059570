"""Whatever the file: `lint` and `compile` end with 0, 1 or 2, without a traceback, in 256 MiB.

Many files share a process here; `make fuzz` gives each a process of its own, and takes more.
"""

import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import corpus
from tests.fuzz.documents import write
from tests.fuzz.processes import DAGNATS, MANY, Ended, run

ROUNDS = 8
TIMES = 4
QUICK = {
    "deep-lists", "deep-mappings", "huge-key", "same-keys", "bomb-of-aliases", "bomb-of-merges",
    "alias-within-itself", "a-cycle-of-many", "deep-expression", "long-expression", "patterns",
    "nested-comprehensions", "deep-bodies", "deep-schema", "schemas-that-repeat", "many-anchors",
    "schema-within-itself", "imports-in-a-circle", "numbers", "bounds", "comments",
}  # fmt: skip


def cases(folder: Path) -> list[str]:
    """Write the files of the sample; returns the documents."""
    documents = []
    kinds = [(name, kind, ROUNDS) for name, kind in corpus.SMALL.items()]
    kinds += [(name, kind, 1) for name, kind in corpus.LARGE.items() if name in QUICK]
    for name, kind, rounds in kinds:
        for number in range(rounds):
            files = kind(Random(f"a sample/{name}/{number}"))
            documents.append(write(files, folder / f"{name}-{number}"))
    return [document.relative_to(folder).as_posix() for document in documents]


@pytest.mark.slow
@pytest.mark.parametrize("command", [(*DAGNATS, "lint"), (*DAGNATS, "lint", "--json"), MANY])
def test_no_file_is_too_much(command: tuple[str, ...], tmp_path: Path) -> None:
    documents = cases(tmp_path)
    size = -(-len(documents) // TIMES)
    for start in range(0, len(documents), size):
        batch = documents[start : start + size]
        ended = run([*command, *batch], tmp_path)
        assert ended.complaints() == [], (batch, ended.err[-2_000:])


@pytest.mark.slow
def test_what_breaks_a_promise_is_seen(tmp_path: Path) -> None:
    ended = run(
        [sys.executable, "-c", "x = bytearray(300 * 1024**2); raise SystemExit(7)"], tmp_path
    )
    assert any("ended with 7" in each for each in ended.complaints())
    assert any("MiB" in each for each in ended.complaints())
    failing = run([sys.executable, "-c", "1 / 0"], tmp_path)
    assert "printed a traceback" in failing.complaints()
    assert Ended(0, "", "", 0, 1e9).complaints() != []


def test_a_case_is_the_same_for_the_same_seed() -> None:
    for name, kind in corpus.SMALL.items():
        first, second = (kind(Random(f"x/{name}")) for _ in range(2))
        assert first == second, name
