"""The form of an entry of the catalogue."""

from dataclasses import dataclass

from dagnats.diagnostics.diagnostic import Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means: its kebab-case name, a title, why and what to do, and two documents.

    `bad` is a smallest document that yields the code, with `severity`; `good` is the same mended,
    and yields no finding at all.
    """

    name: str
    title: str
    severity: Severity
    explanation: str
    bad: str
    good: str
