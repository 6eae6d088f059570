"""Who is meant: ids of steps are unique, and every name of a step leads to one.

depends_on: [fetsh]      →  DN3002 there is no step `fetsh`, did you mean `fetch`?
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Edit, Fix, Label, Sink, Span
from dagnats.expr.check import references
from dagnats.lang.ast import AgentLoopStep, Embedded, Step, Workflow

LISTED_MAX = 8
"""Names of steps that a help line lists."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression's mention of a step; `target` is its index, None when there is none."""

    name: str
    target: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class Names:
    """Side table: ids to indexes; whom the expressions of each step and of the output mention."""

    index: Mapping[str, int]
    mentioned: tuple[tuple[Reference, ...], ...]
    mentioned_by_output: tuple[Reference, ...]


def expressions(step: Step) -> Iterator[tuple[str, Embedded]]:
    """Yield the key and tree of every expression of a step, in the order of the document's keys."""
    if step.common.when is not None:
        yield "when", step.common.when
    if step.common.with_ is not None:
        yield "with", step.common.with_
    if isinstance(step, AgentLoopStep) and step.until is not None:
        yield "until", step.until


def resolve(workflow: Workflow, sink: Sink) -> Names:
    """Return the side table; DN3001 for an id used twice, DN3002 for a step that is not there."""
    index = _index(workflow, sink)
    for step in workflow.steps:
        for dependency in step.common.depends_on:
            if dependency.step not in index:
                sink.add(_unknown(dependency.step, dependency.span, index))
    mentioned = tuple(
        tuple(
            reference
            for _, embedded in expressions(step)
            for reference in _mentions(embedded, index, sink)
        )
        for step in workflow.steps
    )
    output = workflow.output
    by_output = () if output is None else tuple(_mentions(output, index, sink))
    return Names(index, mentioned, by_output)


def _index(workflow: Workflow, sink: Sink) -> dict[str, int]:
    index: dict[str, int] = {}
    for number, step in enumerate(workflow.steps):
        common = step.common
        if common.id not in index:
            index[common.id] = number
            continue
        first = workflow.steps[index[common.id]].common
        labels = (Label(first.id_span, "first defined here"),)
        message = f"two steps have the id `{common.id}`"
        help_ = "give one of them another id"
        sink.add(Diagnostic("DN3001", message, common.id_span, labels=labels, help=help_))
    return index


def _mentions(embedded: Embedded, index: Mapping[str, int], sink: Sink) -> Iterator[Reference]:
    for name, node in references(embedded.expr):
        target = index.get(name)
        span = embedded.spans.get(node.id, NOWHERE)
        yield Reference(name, target, span)
        if target is None:
            sink.add(_unknown(name, span, index))


def _unknown(name: str, span: Span, index: Mapping[str, int]) -> Diagnostic:
    message = f"there is no step `{name}`"
    close = difflib.get_close_matches(name, list(index), 1)
    if not close:
        known = ", ".join(f"`{known}`" for known in list(index)[:LISTED_MAX])
        more = ", …" if len(index) > LISTED_MAX else ""
        return Diagnostic("DN3002", message, span, help=f"the steps are {known}{more}")
    fixes: tuple[Fix, ...] = ()
    # The bare word of `depends_on`; in a quote or an expression the span is longer than the name.
    if span.end.offset - span.start.offset == len(name):
        fixes = (Fix(f"write `{close[0]}`", (Edit(span, close[0]),)),)
    return Diagnostic("DN3002", message, span, help=f"did you mean `{close[0]}`?", fixes=fixes)
