"""What the compiler knows of a text that is being written, and where in it.

This is the only module of the room that runs the compiler: whatever its passes are, an editor is
told of them by an `Analysis`. A text is judged in stages, so that a newer one can take its place in
between.

    text ─ read ─ understand ─ judge ─▶ first findings ─ prove ─▶ all findings, the certificate
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from dagnats.collection import uncollected
from dagnats.compiler.deduce import deduce
from dagnats.compiler.ground import ground
from dagnats.compiler.judge import Judged, judge, tabulate
from dagnats.compiler.outline import Outline, outline
from dagnats.compiler.proof import prove
from dagnats.compiler.remembered import Notes, noting
from dagnats.compiler.spots import Spot, document_spots
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import DIAGNOSTICS_MAX, Diagnostic, Sink, Span, worst
from dagnats.diagnostics.suppressions import DIRECTIVE, suppress
from dagnats.expr.ast import Expr, walk
from dagnats.expr.checking.check import Checked
from dagnats.expr.syntax.memory import Memory, remembering
from dagnats.expr.types import Type
from dagnats.ir.program import Certificate
from dagnats.lang.front import check_library, is_library, understand
from dagnats.lang.imports import Load
from dagnats.lang.read import read_library, read_workflow
from dagnats.lang.tree import Embedded, Library, Workflow
from dagnats.source.comments import comments
from dagnats.source.document import Document
from dagnats.source.reader import read

MAYBE_MISSING = "DN4006"
LOOKS_KEPT_MAX = 8
"""Texts with something filled in whose types are remembered: several questions of one keystroke."""


@dataclass(frozen=True)
class Analysis:
    """What is known of a text; a part that could not be established is None.

    `is_final` is false while more findings may follow. `workflow` is in the terms of today, and
    `written` as it stands in the text.
    """

    text: str
    file: str
    document: Document | None = None
    workflow: Workflow | None = None
    judged: Judged | None = None
    certificate: Certificate | None = None
    findings: tuple[Diagnostic, ...] = ()
    left_out: int = 0
    is_final: bool = False

    @cached_property
    def is_library(self) -> bool:
        """Whether it is a file of shared definitions."""
        return self.document is not None and is_library(self.document)

    @cached_property
    def written(self) -> Workflow | None:
        """The tree with every form as its author wrote it."""
        return None if self.document is None else read_workflow(self.document, Sink())

    @cached_property
    def root(self) -> Workflow | Library | None:
        """The tree as it was written, of a workflow or of a file of shared definitions."""
        if self.is_library and self.document is not None:
            return read_library(self.document, Sink())
        return self.written

    @cached_property
    def outline(self) -> Outline | None:
        """The steps of the tree as it was written."""
        return None if self.written is None else outline(self.written)

    @cached_property
    def expressions(self) -> tuple[Spot, ...]:
        """Every expression of the tree as it was written."""
        if self.written is None or self.outline is None:
            return ()
        steps = range(len(self.outline.steps))
        of_steps = [spot for number in steps for spot in self.outline.spots(number)]
        return (*document_spots(self.written), *of_steps)

    def typed_at(self, offset: int) -> "Typed | None":
        """Return the smallest part of an expression around an offset, with its type."""
        if self.judged is None:
            return None
        typed = self.judged.typed
        pairs = _pairs(self.judged.tables, typed.of_step, typed.of_document)
        return _typed_at(pairs, offset)


@dataclass(frozen=True, slots=True)
class Typed:
    """A part of an expression: its node, its type, and those around it, innermost first."""

    node: Expr
    type: Type | None
    embedded: Embedded
    around: tuple[Expr, ...]


class Analyst:
    """Analyses texts of which each is much like the one before.

    `memory` keeps what the expressions of the last text were parsed to, and `notes` what was worked
    out of them. `judged` counts the texts that were judged.
    """

    def __init__(self) -> None:
        self.memory = Memory()
        self.notes = Notes()
        self.judged = 0
        self._looks: OrderedDict[tuple[str, str], Look | None] = OrderedDict()

    def stages(self, text: str, file: str, load: Load | None) -> Iterator[Analysis]:
        """Yield what is known of a text, more each time; the last one is final."""
        sink = Sink()
        self.judged += 1
        with uncollected():
            document = read(text, file, sink)
        if document is None:
            yield _final(Analysis(text, file), sink)
            return
        known = Analysis(text, file, document)
        yield known
        if known.is_library:
            with uncollected():
                check_library(document, sink, load=load)
            yield _final(known, sink)
            return
        with uncollected(), remembering(self.memory):
            workflow = understand(document, sink, load=load)
        if workflow is None:
            yield _final(known, sink)
            return
        known = replace(known, workflow=workflow)
        yield known
        self.notes.next_text()
        with uncollected(), noting(self.notes):
            judged = judge(workflow, sink)
        known = replace(known, judged=judged)
        if DIRECTIVE.search(text) is None:
            # What a comment silences is only known when everything has been found.
            yield replace(known, findings=worst(sink.sorted(), DIAGNOSTICS_MAX))
        with uncollected(), noting(self.notes):
            certificate = prove(ground(judged), sink)
        yield _final(replace(known, certificate=certificate), sink)

    def whole(self, text: str, file: str, load: Load | None = None) -> Analysis:
        """Return all that can be known of a text."""
        found = Analysis(text, file)
        for found in self.stages(text, file, load):  # noqa: B007 (the last one is wanted)
            pass
        return found

    def types_in(self, text: str, file: str, load: Load | None) -> "Look | None":
        """Return the types of a text in which something was filled in; its findings do not count.

        None where it cannot be read so far.
        """
        key = (file, text)
        if key in self._looks:
            self._looks.move_to_end(key)
            return self._looks[key]
        with uncollected(), remembering(self.memory), noting(self.notes):
            look = _look(text, file, load)
        self._looks[key] = look
        while len(self._looks) > LOOKS_KEPT_MAX:
            self._looks.popitem(last=False)
        return look


@dataclass(frozen=True, slots=True)
class Look:
    """The types of a text in which something was filled in."""

    document: Document
    tables: Tables
    checked: tuple[tuple[Spot, Checked], ...]
    missing: frozenset[Span]
    """Where a field is read that may not be there."""

    def type_of(self, expr: Expr, start: int, end: int) -> Type | None:
        """Return the type of the last part between two offsets that is equal to an expression."""
        found: Type | None = None
        for spot, checked in self.checked:
            embedded = spot.embedded
            if embedded.span.end.offset < start or embedded.span.start.offset > end:
                continue
            for node in walk(embedded.expr):
                if node == expr and _is_within(embedded, node, start, end):
                    found = checked.types.get(node.id, found)
        return found

    def is_sure(self, expr: Expr, start: int, end: int) -> bool:
        """Whether a field that is read between two offsets is always there."""
        for spot, _ in self.checked:
            for node in walk(spot.embedded.expr):
                if node == expr and _is_within(spot.embedded, node, start, end):
                    return spot.embedded.spans.get(node.id) not in self.missing
        return False


def _look(text: str, file: str, load: Load | None) -> Look | None:
    sink = Sink()
    document = read(text, file, sink)
    workflow = None if document is None else understand(document, sink, load=load)
    if document is None or workflow is None:
        return None
    tables = tabulate(workflow, sink)
    typed = deduce(tables, sink)
    missing = frozenset(f.span for f in sink.sorted() if f.code == MAYBE_MISSING)
    return Look(document, tables, _pairs(tables, typed.of_step, typed.of_document), missing)


def _pairs(
    tables: Tables, of_step: Mapping[tuple[int, int], Checked], of_document: tuple[Checked, ...]
) -> tuple[tuple[Spot, Checked], ...]:
    """Return every expression with its types."""
    pairs = list(zip(tables.document, of_document, strict=True))
    for number in range(len(tables.outline.steps)):
        for at, spot in enumerate(tables.outline.spots(number)):
            if (checked := of_step.get((number, at))) is not None:
                pairs.append((spot, checked))
    return tuple(pairs)


def _final(known: Analysis, sink: Sink) -> Analysis:
    """Return an analysis with what was found, as the comments of the text would have it."""
    findings = sink.sorted()
    if known.document is not None and DIRECTIVE.search(known.text) is not None:
        findings = suppress(findings, known.text, comments(known.document))
    shown = worst(findings, DIAGNOSTICS_MAX)
    left_out = sink.suppressed + len(findings) - len(shown)
    return replace(known, findings=shown, left_out=left_out, is_final=True)


def _is_within(embedded: Embedded, node: Expr, start: int, end: int) -> bool:
    span = embedded.spans.get(node.id)
    return span is not None and start <= span.start.offset and span.end.offset <= end


def _typed_at(pairs: tuple[tuple[Spot, Checked], ...], offset: int) -> Typed | None:
    best: tuple[int, Typed] | None = None
    for spot, checked in pairs:
        embedded = spot.embedded
        if not _covers(embedded.span, offset):
            continue
        around: list[tuple[int, Expr]] = []
        for node in walk(embedded.expr):
            span = embedded.spans.get(node.id)
            if span is not None and _covers(span, offset):
                around.append((span.end.offset - span.start.offset, node))
        if not around:
            continue
        around.sort(key=lambda each: each[0])
        size, node = around[0]
        if best is None or size < best[0]:
            outer = tuple(other for _, other in around[1:])
            best = size, Typed(node, checked.types.get(node.id), embedded, outer)
    return None if best is None else best[1]


def _covers(span: Span, offset: int) -> bool:
    return span.start.offset <= offset <= span.end.offset
