"""What an author is told: positions, labelled places, fixes, and a bounded sorted sink.

Positions count from 1 in code points, offsets from 0, as the JSON contract in
docs/diagnostics.md says.
"""

from dataclasses import dataclass, field
from enum import StrEnum

DIAGNOSTICS_MAX = 100


class Severity(StrEnum):
    """How bad a finding is; only errors refuse a document."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text: offset from 0, line and column from 1, in code points."""

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of a text."""

    start: Position
    end: Position


NOWHERE = Span(Position(0, 1, 1), Position(0, 1, 1))


@dataclass(frozen=True, slots=True)
class Label:
    """A secondary place with a short message."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that would remove the finding; `safe` ones keep the meaning."""

    title: str
    edits: tuple[Edit, ...]
    applicability: str = "unsafe"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: a catalogue code at a place, with what to do about it."""

    code: str
    message: str
    span: Span
    severity: Severity = Severity.ERROR
    labels: tuple[Label, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()


@dataclass(slots=True)
class Sink:
    """The findings of one document, at most `DIAGNOSTICS_MAX`; further ones are counted."""

    _found: list[Diagnostic] = field(default_factory=list)
    suppressed: int = 0

    def add(self, diagnostic: Diagnostic) -> None:
        """Record a finding."""
        if len(self._found) >= DIAGNOSTICS_MAX:
            self.suppressed += 1
            return
        self._found.append(diagnostic)

    @property
    def has_errors(self) -> bool:
        """Whether any finding refuses the document."""
        return any(d.severity is Severity.ERROR for d in self._found)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings once, by place and then code."""
        return tuple(sorted(dict.fromkeys(self._found), key=lambda d: (d.span, d.code, d.message)))
