"""The form of an entry of the catalogue."""

from collections.abc import Mapping

from msgspec import Struct, field

from dagnats.diagnostics.diagnostic import Severity


class Entry(Struct, frozen=True):
    """What a code means: its kebab-case name, a title, why and what to do, and two documents.

    `bad` is a smallest document that yields the code, with `severity`; `good` is the same mended,
    and yields no finding at all. `files` are what they import, by path; `before` is the document
    against which both are held, where the code is about what has changed; `registered` are the
    documents that a registry holds, where the code is about what one knows.
    """

    name: str
    title: str
    severity: Severity
    explanation: str
    bad: str
    good: str
    files: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    registered: tuple[str, ...] = ()
