"""What an author is told: positions, labelled places, fixes, and a bounded sorted sink.

Positions count from 1 in code points, offsets from 0, as the JSON contract in
docs/diagnostics.md says.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

DIAGNOSTICS_MAX = 100
"""Findings of one document that an author is shown."""

KEPT_MAX = 1_000
"""Findings of one severity that are kept while a document is judged: some may be ignored later."""


class Severity(StrEnum):
    """How bad a finding is; only errors refuse a document."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Position(NamedTuple):
    """A place in a text: offset from 0, line and column from 1, in code points."""

    offset: int
    line: int
    column: int


class Span(NamedTuple):
    """A half-open range of a text."""

    start: Position
    end: Position


NOWHERE = Span(Position(0, 1, 1), Position(0, 1, 1))


class Source(NamedTuple):
    """A file that a finding is about which is not the document itself: an imported one."""

    name: str
    text: str


class Label(NamedTuple):
    """A secondary place with a short message; `file` None is that of the finding."""

    span: Span
    message: str
    file: Source | None = None


class Edit(NamedTuple):
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


class Fix(NamedTuple):
    """A change that would remove the finding; `safe` ones keep the meaning."""

    title: str
    edits: tuple[Edit, ...]
    applicability: str = "unsafe"


class Diagnostic(Struct, frozen=True):
    """One finding: a catalogue code at a place, with what to do about it.

    `file` None is the document itself.
    """

    code: str
    message: str
    span: Span
    severity: Severity = Severity.ERROR
    labels: tuple[Label, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()
    file: Source | None = None

    def within(self, file: Source | None) -> "Diagnostic":
        """Return it as a finding about an imported file, unless it is already about one."""
        return self if file is None or self.file is not None else replace(self, file=file)


class Sink(Struct):
    """The findings of one document: `KEPT_MAX` of each severity; further ones are counted.

    Each severity has room of its own, so that a thousand hints never hide an error.
    """

    _found: list[Diagnostic] = field(default_factory=list)
    suppressed: int = 0
    _kept: dict[Severity, int] = field(default_factory=dict)

    def add(self, diagnostic: Diagnostic) -> None:
        """Record a finding."""
        kept = self._kept.get(diagnostic.severity, 0)
        if kept >= KEPT_MAX:
            self.suppressed += 1
            return
        self._kept[diagnostic.severity] = kept + 1
        self._found.append(diagnostic)

    @property
    def has_errors(self) -> bool:
        """Whether any finding refuses the document."""
        return Severity.ERROR in self._kept

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings once, by place and then code."""
        return in_order(dict.fromkeys(self._found))


def in_order(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return findings by place and then code, those about other files last."""
    return tuple(sorted(findings, key=_order))


def _order(finding: Diagnostic) -> tuple[str, Span, str, str]:
    name = finding.file.name if finding.file else ""
    return name, finding.span, finding.code, finding.message


def worst(findings: Sequence[Diagnostic], limit: int) -> tuple[Diagnostic, ...]:
    """Return at most `limit` findings, errors before warnings before hints, in their old order."""
    if len(findings) <= limit:
        return tuple(findings)
    ranks = list(Severity)
    numbers = sorted(range(len(findings)), key=lambda n: ranks.index(findings[n].severity))
    return tuple(findings[number] for number in sorted(numbers[:limit]))
