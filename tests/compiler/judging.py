"""A document judged by its meaning alone: what is found, and the side tables."""

from dagnats.compiler.judge import judge
from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang.read import read_workflow
from dagnats.source.reader import read


def judged(text, workflows=None):
    """Return the side tables of a document that can be read, and the findings."""
    sink = Sink()
    document = read(text, "case.yaml", sink)
    workflow = None if document is None else read_workflow(document, sink)
    assert workflow is not None, "the document can be read"
    tables = judge(workflow, sink, workflows)
    return tables, sink.sorted()


def codes(text, workflows=None):
    """Return the codes of what is found."""
    return [finding.code for finding in judged(text, workflows)[1]]
