"""From text to program, pass by pass; every pass runs that can, so that all findings come at once.

A mistake of the author is a finding, never an exception. A pass whose ground an earlier one could
not establish looks at what is left: unknown steps have the error type, a cycle has no order.
"""

from dataclasses import dataclass

from dagnats.collection import uncollected
from dagnats.compiler.assignment import check_assignment
from dagnats.compiler.bounds import bound
from dagnats.compiler.graph import connect
from dagnats.compiler.lower import lower
from dagnats.compiler.names import resolve
from dagnats.compiler.outcomes import foresee
from dagnats.compiler.schemas import check_schemas
from dagnats.compiler.typecheck import check_types
from dagnats.diagnostics.diagnostic import Diagnostic, Sink
from dagnats.errors import BrokenError
from dagnats.ir.program import Program
from dagnats.ir.verify import verify
from dagnats.lang.ast import Workflow
from dagnats.lang.build import build
from dagnats.source.document import Document
from dagnats.source.reader import read
from dagnats.source.shape import check_shape

PROBLEMS_SHOWN_MAX = 3


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a document: a program, unless a finding is an error; and all findings.

    `suppressed` counts findings beyond `DIAGNOSTICS_MAX`, which are not kept.
    """

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    suppressed: int = 0


def compile_workflow(text: str, file: str = "<text>") -> Compiled:
    """Compile a YAML or JSON document; `file` is how messages call it.

    Whatever the document holds, it never raises; BrokenError, when the program made of an accepted
    one is unsound, is a bug of ours.
    """
    sink = Sink()
    with uncollected():
        document = read(text, file, sink)
        program = None if document is None else _compile(document, sink)
    return Compiled(program, sink.sorted(), sink.suppressed)


def _compile(document: Document, sink: Sink) -> Program | None:
    check_shape(document, sink)
    workflow = build(document, sink)
    if workflow is None or not workflow.steps:
        return None
    check_schemas(document, sink)
    return _judge(workflow, sink)


def _judge(workflow: Workflow, sink: Sink) -> Program | None:
    names = resolve(workflow, sink)
    graph = connect(workflow, names, sink)
    views = foresee(workflow, graph)
    check_types(workflow, names, views, sink)
    if graph.order is not None:
        check_assignment(workflow, names, views, sink)
    certificate = bound(workflow, graph, sink)
    if certificate is None or sink.has_errors:
        return None
    program = lower(workflow, graph, certificate)
    problems = verify(program)
    if problems:
        raise BrokenError("; ".join(problems[:PROBLEMS_SHOWN_MAX]))
    return program
