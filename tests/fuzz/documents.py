"""Looks for documents that `lint` or `compile` cannot take: a process for each, under limits.

    python -m tests.fuzz.documents [--rounds 20] [--seed N] [--kind NAME] [--keep FOLDER]

A file is made from `SEED/KIND/ROUND` alone, which is printed when it breaks a promise.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.fuzz import corpus
from tests.fuzz.processes import DAGNATS, run

LARGE_EACH = 4
"""Small kinds have so many times more rounds: what is large takes seconds."""


def write(files: corpus.Files, folder: Path) -> Path:
    """Write the files of a case; returns where its document is."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))


def attempt(document: Path) -> tuple[list[str], float, int]:
    """Return what may not happen, the longest time and the most memory that were taken."""
    said, seconds, rss = [], 0.0, 0
    for command in (["lint"], ["lint", "--json"], ["compile"]):
        ended = run([*DAGNATS, *command, document.name], document.parent)
        said += [f"{' '.join(command)} {each}" for each in ended.complaints()]
        seconds, rss = max(seconds, ended.seconds), max(rss, ended.rss)
    return said, seconds, rss


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kind", default="")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    broken = total = 0
    with tempfile.TemporaryDirectory() as temporary:
        for name, kind in (corpus.SMALL | corpus.LARGE).items():
            if given.kind not in name:
                continue
            rounds = given.rounds if name in corpus.SMALL else -(-given.rounds // LARGE_EACH)
            longest, most = 0.0, 0
            for number in range(rounds):
                label = f"{given.seed}/{name}/{number}"
                document = write(
                    kind(Random(label)),
                    (given.keep or Path(temporary)) / label.replace("/", "-"),
                )
                said, seconds, rss = attempt(document)
                longest, most, total = max(longest, seconds), max(most, rss), total + 1
                for each in said:
                    broken += 1
                    print(f"{label}: {each}")
            print(f"{name:28} {rounds:4} files {longest:7.2f} s {most / 1024**2:6.0f} MiB")
    print(f"{total} files, {broken} broken promises")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
