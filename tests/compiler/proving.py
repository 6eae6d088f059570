"""From text to ground, certificate and program, with all findings."""

from dataclasses import dataclass

from dagnats.compiler.ground import Ground, ground
from dagnats.compiler.judge import judge
from dagnats.compiler.lowering import lower
from dagnats.compiler.outputs import Lookup
from dagnats.compiler.proof import prove
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink
from dagnats.ir.program import Certificate, Program
from dagnats.ir.verify import verify
from dagnats.lang.front import understand
from dagnats.source.reader import read


@dataclass(frozen=True)
class Proven:
    """What became of a text."""

    ground: Ground
    certificate: Certificate | None
    program: Program | None
    findings: tuple[Diagnostic, ...]

    @property
    def codes(self) -> list[tuple[str, int, int]]:
        """Findings of DN6 and DN7 as code, line and column."""
        return [
            (d.code, d.span.start.line, d.span.start.column)
            for d in self.findings
            if d.code[2] in "67"
        ]


def proven(text: str, workflows: Lookup | None = None) -> Proven:
    """Judge, prove and lower a text; a program that is made is sound."""
    sink = Sink()
    document = read(text, "w.yaml", sink)
    assert document is not None, sink.sorted()
    workflow = understand(document, sink)
    assert workflow is not None, sink.sorted()
    ground_ = ground(judge(workflow, sink, workflows))
    certificate = prove(ground_, sink, workflows)
    program = None
    if certificate is not None and not sink.has_errors:
        program = lower(ground_, certificate)
        assert verify(program) == []
    return Proven(ground_, certificate, program, sink.sorted())


def program_of(text: str, workflows: Lookup | None = None) -> Program:
    """Return the program of a text without errors."""
    found = proven(text, workflows)
    wrong = [d for d in found.findings if d.severity is Severity.ERROR]
    assert found.program is not None, wrong
    return found.program


def certificate_of(text: str, workflows: Lookup | None = None) -> Certificate:
    """Return the certificate of a text without errors."""
    return program_of(text, workflows).certificate
