"""The mutation test: every clean document, every kind of corruption, places drawn by a seed.

    python -m tests.mutations.report [--seed N] [--per N] [--only OPERATOR] [--misses]

For each document and each corruption that applies to it, `--per` places are tried (0: all).
"""

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dagnats.cli.imported import load
from dagnats.compiler.pipeline import check_workflow
from tests.mutations import catalogue_of_mutations as corruptions
from tests.mutations.mutation import Mutation
from tests.mutations.written import Doc, load_documents

MISSES_SHOWN = 3


class Try(NamedTuple):
    """A corruption that was tried, and what came of it."""

    operator: str
    doc: Doc
    mutation: Mutation
    found: tuple[tuple[str, int, int, str], ...]

    @property
    def expected(self) -> set[tuple[str, int, int]]:
        places = [self.doc.place(o, self.mutation.text) for o in self.mutation.offsets]
        return {(code, *place) for code in self.mutation.codes for place in places}

    @property
    def is_exact(self) -> bool:
        return bool(self.found) and self.found[0][:3] in self.expected

    @property
    def is_quiet(self) -> bool:
        """Whether no more follows than may."""
        return len(self.found) <= 1 + self.mutation.further

    def __str__(self) -> str:
        wanted = " or ".join(
            f"{c} {line}:{column}" for c, line, column in sorted(self.expected)[:4]
        )
        got = (
            "; ".join(f"{c} {at}:{column} {m}" for c, at, column, m in self.found[:4]) or "nothing"
        )
        line = min(self.expected, default=("", 1, 1))[1]
        written = self.mutation.text.split("\n")[line - 1].strip()[:110]
        return f"{self.operator} in {self.doc.name}: wanted {wanted}\n  got {got}\n  {written}"


def attempt(name: str, doc: Doc, mutation: Mutation) -> Try:
    checked = check_workflow(mutation.text, doc.file, load=load)
    found = tuple(
        (f.code, f.span.start.line, f.span.start.column, f.message) for f in checked.diagnostics
    )
    return Try(name, doc, mutation, found)


def chosen(doc: Doc, name: str, per: int, seed: str) -> list[Mutation]:
    """Return the places at which a document is corrupted, the same for the same seed."""
    made = list(corruptions.OPERATORS[name](doc))
    if not per or len(made) <= per:
        return made
    return random.Random(f"{seed}/{doc.name}/{name}").sample(made, per)


def tries(docs: list[Doc], per: int, seed: str, only: str = "") -> Iterator[Try]:
    for doc in docs:
        for name in corruptions.OPERATORS:
            if not only or name == only:
                for mutation in chosen(doc, name, per, seed):
                    yield attempt(name, doc, mutation)


@dataclass
class Tally:
    tried: Counter = field(default_factory=Counter)
    exact: Counter = field(default_factory=Counter)
    quiet: Counter = field(default_factory=Counter)
    documents: set = field(default_factory=set)
    misses: defaultdict = field(default_factory=lambda: defaultdict(list))

    def add(self, each: Try) -> None:
        name = each.operator
        self.tried[name] += 1
        self.documents.add(each.doc.name)
        self.exact[name] += each.is_exact
        self.quiet[name] += each.is_quiet
        if not (each.is_exact and each.is_quiet):
            self.misses[name].append(each)

    @property
    def share_exact(self) -> float:
        return self.exact.total() / max(1, self.tried.total())

    @property
    def share_quiet(self) -> float:
        return self.quiet.total() / max(1, self.tried.total())

    def table(self) -> Iterator[str]:
        yield f"{'corruption':44} {'tried':>6} {'exact':>7} {'quiet':>7}"
        for name in corruptions.OPERATORS:
            if (tried := self.tried[name]) and self.misses[name]:
                exact, quiet = self.exact[name] / tried, self.quiet[name] / tried
                yield f"{name:44} {tried:6} {exact:7.1%} {quiet:7.1%}"
        yield (
            f"{len(self.documents)} documents, {sum(map(bool, self.tried.values()))} corruptions, "
            f"{self.tried.total()} tries: first finding exact in {self.share_exact:.2%}, at most "
            f"two more in {self.share_quiet:.2%}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--per", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--document", default="")
    parser.add_argument("--misses", type=int, default=MISSES_SHOWN)
    given = parser.parse_args()
    tally = Tally()
    docs = [doc for doc in load_documents() if given.document in doc.name]
    for each in tries(docs, given.per, given.seed, given.only):
        tally.add(each)
    for of in tally.misses.values():
        for miss in of[: given.misses]:
            print(miss)
    for line in tally.table():
        print(line)
    return int(tally.share_exact < 0.98 or tally.share_quiet < 1)


if __name__ == "__main__":
    sys.exit(main())
