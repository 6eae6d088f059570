"""What works and could be tidier: order, names, descriptions, versions, what is on its way out."""

import re
from collections.abc import Sequence
from typing import Any

from dagnats.compiler.naming import LISTED_MAX
from dagnats.compiler.outline import Outline
from dagnats.compiler.reads import Read
from dagnats.compiler.spots import Spot
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Edit, Fix, Severity, Sink, Span
from dagnats.lang.tree import Step, SubWorkflow
from dagnats.source.document import Mapping

CUSTOM_MIN = 3
"""What so many do, and three times as many as do not, is the custom of a document."""
_SHARE = 3
_STYLES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("kebab-case", re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")),
    ("snake_case", re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")),
    ("camelCase", re.compile(r"[a-z0-9]+([A-Z][a-z0-9]*)+")),
)


def check_hygiene(tables: Tables, sink: Sink) -> None:
    """Report, as notes, DN9025 to DN9029. None of them knows a rule that a document does not set.

    An order is by document or alphabet; names and descriptions follow what most steps do.
    """
    outline = tables.outline
    for step in outline.steps:
        _order(outline, step, sink)
        config = step.config
        if isinstance(config, SubWorkflow) and "version" not in config.keys:
            message = f"the version of `{config.workflow}` is not fixed: the latest one is run"
            help_ = "write `version:`, a digest or label"
            _tell("DN9028", message, config.place("workflow"), help_, sink)
    _styles(outline.steps, sink)
    _descriptions(outline.steps, sink)
    _deprecated(tables, sink)


def _tell(code: str, message: str, span: Span, help_: str, sink: Sink) -> None:
    sink.add(Diagnostic(code, message, span, Severity.INFO, help=help_))


def _order(outline: Outline, step: Step, sink: Sink) -> None:
    if len(step.depends_on) < 2:
        return
    named = [dependency.step for dependency in step.depends_on]
    index = outline.index
    if any(name not in index for name in named) or len(set(named)) < len(named):
        return
    if named in (sorted(named), sorted(named, key=index.__getitem__)):
        return
    sorted_ = sorted(step.depends_on, key=lambda dependency: index[dependency.step])
    fixes: tuple[Fix, ...] = ()
    if all(_is_bare(dependency.span, dependency.step) for dependency in step.depends_on):
        edits = tuple(
            Edit(before.span, after.step)
            for before, after in zip(step.depends_on, sorted_, strict=True)
            if before is not after
        )
        fixes = (Fix("order them as the steps stand", edits, "safe"),)
    first = ", ".join(f"`{dependency.step}`" for dependency in sorted_[:LISTED_MAX])
    more = ", …" if len(sorted_) > LISTED_MAX else ""
    message = f"the dependencies of `{step.id}` are in no order"
    help_ = f"write them as the steps stand: {first}{more}"
    span, info = step.key_place("depends_on"), Severity.INFO
    sink.add(Diagnostic("DN9025", message, span, info, help=help_, fixes=fixes))


def _is_bare(span: Span, text: str) -> bool:
    return span.end.offset - span.start.offset == len(text)


def _styles(steps: Sequence[Step], sink: Sink) -> None:
    by_style: dict[str, list[Step]] = {name: [] for name, _ in _STYLES}
    for step in steps:
        for name, shape in _STYLES:
            if shape.fullmatch(step.id):
                by_style[name].append(step)
    custom = max(by_style, key=lambda name: len(by_style[name]))
    for name, others in by_style.items():
        if name != custom and _is_custom(len(by_style[custom]), len(others)):
            for step in others:
                message = f"`{step.id}` is {name}, and most ids here are {custom}"
                _tell("DN9026", message, step.place("id"), f"write it in {custom}", sink)


def _is_custom(how_many: int, others: int) -> bool:
    return how_many >= CUSTOM_MIN and how_many >= _SHARE * others


def _descriptions(steps: Sequence[Step], sink: Sink) -> None:
    without = [step for step in steps if "description" not in step.keys]
    if without and _is_custom(len(steps) - len(without), len(without)):
        for step in without:
            message = f"`{step.id}` has no `description`, and most steps here have one"
            _tell("DN9027", message, step.place("id"), "say what it is for", sink)


def _deprecated(tables: Tables, sink: Sink) -> None:
    """Report fields that their schema calls deprecated, where they are read or given."""
    workflow, reads = tables.workflow, tables.reads
    old = _old_fields(workflow.input)
    if old:
        for spot, of_spot in zip(tables.document, reads.of_document, strict=True):
            _read(spot, of_spot, old, sink)
        for number in range(len(tables.outline.steps)):
            spots = tables.outline.spots(number)
            for spot, of_spot in zip(spots, reads.of_step[number], strict=True):
                _read(spot, of_spot, old, sink)
    contracts = {name: _old_fields(contract.input) for name, contract in workflow.tasks.items()}
    for step in tables.outline.steps:
        given = step.keys["with"].value if "with" in step.keys else None
        fields = contracts.get(step.task or "", frozenset())
        for entry in given.entries if fields and isinstance(given, Mapping) else ():
            if entry.key in fields:
                _old(f"{step.task}.{entry.key}", entry.key_span, sink)


def _read(spot: Spot, reads: tuple[Read, ...], old: frozenset[str], sink: Sink) -> None:
    for read in reads:
        if read.root == "input" and read.path and read.path[0] in old:
            span = spot.embedded.spans.get(read.node.id, NOWHERE)
            _old(f"input.{read.path[0]}", span, sink)


def _old(path: str, span: Span, sink: Sink) -> None:
    message = f"`{path}` is deprecated by its schema"
    _tell("DN9029", message, span, "see what the schema says to use instead", sink)


def _old_fields(schema: Any) -> frozenset[str]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return frozenset(
        name
        for name, part in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(part, dict) and part.get("deprecated") is True
    )
