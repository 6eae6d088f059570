"""What certificate and program are made from: the side tables, and what every step inherits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from dagnats.compiler.edges import Graph
from dagnats.compiler.judge import Judged
from dagnats.compiler.outline import Outline
from dagnats.compiler.resolved import Policies
from dagnats.expr.ast import Expr
from dagnats.expr.checking.check import Checked
from dagnats.lang.tree import Embedded, Workflow


class Place(NamedTuple):
    """An expression: as it is written, and as it was judged; None where that was not possible."""

    embedded: Embedded
    checked: Checked | None


Places = Mapping[str, Place]
"""Expressions by the keys of their spots."""


class Ground(Struct, frozen=True):
    """Side table: all expressions by their keys, beside what says who waits for whom."""

    workflow: Workflow
    outline: Outline
    graph: Graph
    policies: Policies
    of_step: Sequence[Places]
    of_document: Places

    def handlers(self, number: int) -> Iterator[tuple[str, int]]:
        """Yield the handlers of a step that exist, each with its key."""
        step, index = self.outline.steps[number], self.outline.index
        for key, name in (("on_failure", step.on_failure), ("compensate", step.compensate)):
            handler = None if name is None else index.get(name)
            if handler is not None and handler != number:
                yield key, handler


def ground(judged: Judged) -> Ground:
    """Return the side table of a workflow that was judged."""
    tables, typed = judged.tables, judged.typed
    of_step = [
        {
            spot.key: Place(spot.embedded, typed.of_step.get((number, at)))
            for at, spot in enumerate(tables.outline.spots(number))
        }
        for number in range(len(tables.outline.steps))
    ]
    of_document = {
        spot.key: Place(spot.embedded, checked)
        for spot, checked in zip(tables.document, typed.of_document, strict=True)
    }
    workflow = tables.workflow
    policies = Policies(workflow)
    return Ground(workflow, tables.outline, tables.graph, policies, of_step, of_document)


def expr_of(places: Places, key: str) -> Expr | None:
    """Return the tree at a key as it was judged; None where there is none."""
    place = places.get(key)
    return None if place is None or place.checked is None else place.checked.expr
