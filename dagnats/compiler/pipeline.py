"""From text to program, pass by pass; every pass runs that can, so that all findings come at once.

A mistake of the author is a finding, never an exception. A pass whose ground an earlier one could
not establish looks at what is left: unknown steps have the error type, a cycle has no order.
"""

from typing import TYPE_CHECKING

from msgspec import Struct

from dagnats.collection import uncollected
from dagnats.compiler.ground import Ground, ground
from dagnats.compiler.judge import judge
from dagnats.compiler.proof import prove
from dagnats.diagnostics.diagnostic import DIAGNOSTICS_MAX, Diagnostic, Severity, Sink, worst
from dagnats.errors import BrokenError
from dagnats.ir.program import Certificate, Program
from dagnats.lang.front import check_library, is_library, understand
from dagnats.lang.imports import Load
from dagnats.lang.tree import Workflow
from dagnats.source.merging import label_merges
from dagnats.source.reader import read

if TYPE_CHECKING:
    from dagnats.compiler.registry import Registry

PROBLEMS_SHOWN_MAX = 3

_COMMENT = "dagnats:"
"""What stands in each comment that speaks to us, and otherwise in the key of the first line."""


class Compiled(Struct, frozen=True):
    """What became of a document: a program, unless a finding is an error; and the findings.

    `suppressed` counts findings that are left out because there are too many; those that a comment
    of the document ignores are not counted.
    """

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    suppressed: int = 0


def compile_workflow(
    text: str,
    file: str = "<text>",
    *,
    load: Load | None = None,
    registry: "Registry | None" = None,
    against: Certificate | None = None,
) -> Compiled:
    """Compile a YAML or JSON document; `file` is how messages call it.

    What a `registry` knows is held against the document, and is no part of what becomes of it; nor
    is the certificate of a predecessor, `against` which bounds are to be no higher.
    Of its findings, the worst `DIAGNOSTICS_MAX` are kept. Whatever the document holds, it never
    raises; BrokenError, when the program made of an accepted one is unsound, is a bug of ours.
    """
    compiled = _compiled(text, file, load, registry, against, is_program_wanted=True)
    findings = worst(compiled.diagnostics, DIAGNOSTICS_MAX)
    left_out = len(compiled.diagnostics) - len(findings)
    return Compiled(compiled.program, findings, compiled.suppressed + left_out)


def check_workflow(
    text: str,
    file: str = "<text>",
    *,
    load: Load | None = None,
    registry: "Registry | None" = None,
    against: Certificate | None = None,
) -> Compiled:
    """Return what `compile_workflow` would find, all that is kept of it, and no program."""
    return _compiled(text, file, load, registry, against, is_program_wanted=False)


def _compiled(  # noqa: PLR0913 (what `compile_workflow` takes)
    text: str,
    file: str,
    load: Load | None,
    registry: "Registry | None",
    against: Certificate | None,
    *,
    is_program_wanted: bool,
) -> Compiled:
    sink = Sink()
    with uncollected():
        document = read(text, file, sink)
        workflow = None
        if document is not None and not is_program_wanted and is_library(document):
            check_library(document, sink, load=load)
        elif document is not None:
            workflow = understand(document, sink, load=load)
        program = None
        if workflow is not None:
            program = _judge(workflow, sink, registry, against, is_program_wanted=is_program_wanted)
        findings = sink.sorted()
        if document is not None:
            findings = label_merges(findings, document)
        if document is not None and _COMMENT in f"\n{text}".replace(f"\n{_COMMENT}", ""):
            from dagnats.diagnostics.suppressions import suppress
            from dagnats.source.comments import comments

            findings = suppress(findings, text, comments(document))
        if sink.has_errors:
            from dagnats.compiler.cascades import without_cascades

            findings = without_cascades(findings, document)
    return Compiled(program, findings, sink.suppressed)


def _judge(
    workflow: Workflow,
    sink: Sink,
    registry: "Registry | None",
    against: Certificate | None,
    *,
    is_program_wanted: bool,
) -> Program | None:
    grounds, certificate = _proven(workflow, sink, registry)
    if registry is not None and is_program_wanted and not sink.has_errors:
        # What others have registered is no part of a program.
        alone = Sink()
        grounds, certificate = _proven(workflow, alone, None)
        for finding in alone.sorted():
            if finding.severity is Severity.ERROR:
                sink.add(finding)
    if certificate is not None and against is not None:
        from dagnats.compiler.certificates import report_growth

        report_growth(workflow, grounds.outline, certificate, against, sink)
    if certificate is None or sink.has_errors or not is_program_wanted:
        return None
    # Loaded only here: a lint wants no program, and these cost a sixth of its time.
    from dagnats.compiler.lowering import lower
    from dagnats.ir.verify import verify

    program = lower(grounds, certificate)
    problems = verify(program)
    if problems:
        raise BrokenError("; ".join(problems[:PROBLEMS_SHOWN_MAX]))
    return program


def _proven(
    workflow: Workflow, sink: Sink, registry: "Registry | None"
) -> tuple[Ground, Certificate | None]:
    if registry is None:
        grounds = ground(judge(workflow, sink))
        return grounds, prove(grounds, sink)
    from dagnats.compiler.registry import informed

    grounds = ground(judge(informed(workflow, registry), sink, registry.workflow))
    return grounds, prove(grounds, sink, registry.workflow, registry.emitted)
