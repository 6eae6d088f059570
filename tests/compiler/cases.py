"""Cases in Markdown: a heading, a sentence, and a document with notes of what is found in it.

A note `#! error: 12 [DN2003] part of the message` stands at the end of the line it is about, or on
a line of its own before it; 12 is the column. A document without notes compiles without a finding.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from dagnats.compiler.pipeline import compile_workflow

FOLDER = Path(__file__).parents[1] / "cases"

_HEADING = re.compile(r"^## ", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"[ \t]*#! (error|warning|info): ([0-9]+) \[(DN[0-9]{4})\](?: ((?:(?!#!).)+))?$")


class CaseError(Exception):
    """A file of cases is not written as it should be."""


@dataclass(frozen=True)
class Note:
    """What is expected at a place."""

    line: int
    column: int
    severity: str
    code: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.severity} {self.code} {self.part}".rstrip()

    def fits(self, other: "Note") -> bool:
        """Whether it expects the finding `other`, whose part is its whole message."""
        mine = self.line, self.column, self.severity, self.code
        return mine == (other.line, other.column, other.severity, other.code) and (
            self.part in other.part
        )


@dataclass(frozen=True)
class Case:
    """A document without its notes, and the notes."""

    name: str
    text: str
    notes: tuple[Note, ...] = ()


def cases_of(path):
    """Return the cases of a file."""
    head, *sections = _HEADING.split(path.read_text(encoding="utf-8"))
    if not head.startswith("# ") or not sections:
        raise CaseError(f"{path.name}: a title and then cases under `## ` are missing")
    return [_case(path, section) for section in sections]


def _case(path, section):
    title, _, body = section.partition("\n")
    name = f"{path.parent.name}/{path.stem}: {title}"
    blocks = _BLOCK.findall(body)
    if len(blocks) != 1:
        raise CaseError(f"{name}: there are {len(blocks)} documents, not one")
    if not _BLOCK.sub("", body).strip():
        raise CaseError(f"{name}: a sentence about it is missing")
    return case_of(name, blocks[0])


def case_of(name, noted):
    """Take the notes out of a document; what is left stands where it stood."""
    lines, notes, waiting = [], [], []
    for number, line in enumerate(noted.split("\n"), 1):
        found = _NOTE.search(line)
        rest = line[: found.start()] if found else line
        if "#!" in rest:
            raise CaseError(f"{name}: line {number} holds a note that cannot be read: {line}")
        if found:
            severity, column, code, part = found.groups()
            waiting.append((int(column), severity, code, part or ""))
        if not found or rest:
            notes += [Note(number, *note) for note in waiting]
            waiting.clear()
        lines.append(rest)
    if waiting:
        raise CaseError(f"{name}: the last note is about no line")
    return Case(name, "\n".join(lines), tuple(notes))


def differences(case):
    """Return how the compiler differs from the notes, a line for each difference."""
    compiled = compile_workflow(case.text, "case.yaml")
    findings = [
        Note(d.span.start.line, d.span.start.column, str(d.severity), d.code, d.message)
        for d in compiled.diagnostics
    ]
    missing = []
    for note in case.notes:
        fitting = next((finding for finding in findings if note.fits(finding)), None)
        if fitting is None:
            missing.append(note)
        else:
            findings.remove(fitting)
    refused = any(note.severity == "error" for note in case.notes)
    found = [f"noted but not found: {note}" for note in missing]
    found += [f"found but not noted: {finding}" for finding in findings]
    if (compiled.program is None) is not refused:
        found.append(f"there is {'no' if compiled.program is None else 'a'} program")
    if compiled.suppressed:
        found.append(f"{compiled.suppressed} findings were suppressed")
    return found
