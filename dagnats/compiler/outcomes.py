"""How each step can end, as those see it who come after.

a: when …        b: depends_on [{step: a, allow: skipped}]
a ends `completed` or `skipped`; b sees both, and the output of the run sees both
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dagnats.compiler.graph import Graph
from dagnats.expr.ast import Literal
from dagnats.lang.ast import StepCommon, Workflow

COMPLETED, SKIPPED, FAILED = "completed", "skipped", "failed"
EITHER = frozenset({COMPLETED, SKIPPED, FAILED})

Outcomes = Mapping[int, frozenset[str]]
"""For steps by index: how they may have ended."""


@dataclass(frozen=True, slots=True)
class Views:
    """Side table: what each step may find of those it depends on, and the output of all steps."""

    of_step: tuple[Outcomes, ...]
    of_output: Outcomes


def foresee(workflow: Workflow, graph: Graph) -> Views:
    """Return the side table; where there is a cycle, whatever an edge accepts is possible."""
    ends = _ends(workflow, graph)
    of_step = tuple(
        {edge.source: ends[edge.source].intersection(edge.accepts) or EITHER for edge in incoming}
        for incoming in graph.edges
    )
    return Views(of_step, dict(enumerate(ends)))


def _ends(workflow: Workflow, graph: Graph) -> list[frozenset[str]]:
    ends = [EITHER for _ in workflow.steps]
    if graph.order is None:
        return ends
    tolerated = {e.source for incoming in graph.edges for e in incoming if FAILED in e.accepts}
    for number in graph.order:
        possible = {COMPLETED}
        if number in tolerated:
            possible.add(FAILED)
        if _has_condition(workflow.steps[number].common) or any(
            not ends[edge.source].issubset(edge.accepts) for edge in graph.edges[number]
        ):
            possible.add(SKIPPED)
        ends[number] = frozenset(possible)
    return ends


def _has_condition(step: StepCommon) -> bool:
    return step.when is not None and step.when.expr != Literal(value=True)
