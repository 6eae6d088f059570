"""Where secrets go: into inputs of tasks, and nowhere else.

output: {auth: "Bearer ${{ secrets.TOKEN }}"}   →  DN8002 `secrets.TOKEN` → `output.auth`
"""

import difflib
from collections.abc import Mapping

from dagnats.compiler.reads import COMPUTED, Read
from dagnats.compiler.spots import Spot
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Sink, Span
from dagnats.lang.tree import Workflow

SECRETS = "secrets"


def check_secrets(tables: Tables, sink: Sink) -> None:
    """Report DN8001 for secrets that are not declared, DN8002 for those that go elsewhere."""
    outline, reads = tables.outline, tables.reads
    judge = _Judge(tables.workflow, sink)
    for number, step in enumerate(outline.steps):
        for at, spot in enumerate(outline.spots(number)):
            for read in reads.of_step[number][at]:
                if read.root == SECRETS:
                    to_worker = spot.key == "with" and step.task is not None
                    judge.judge(read, spot, f"{step.id}.{spot.key}", to_worker=to_worker)
    for at, spot in enumerate(tables.document):
        for read in reads.of_document[at]:
            if read.root == SECRETS:
                judge.judge(read, spot, spot.key, to_worker=False)


class _Judge:
    def __init__(self, workflow: Workflow, sink: Sink) -> None:
        self._declared = workflow.secrets
        self._sink = sink

    def judge(self, read: Read, spot: Spot, place: str, *, to_worker: bool) -> None:
        span = _span(spot.embedded.spans, read)
        if not read.path:
            message = "`secrets` alone is no value: a secret goes where it is needed, by its name"
            self._sink.add(Diagnostic("DN8002", message, span, help="write `secrets.NAME`"))
            return
        name = read.path[0]
        if to_worker and read.use != COMPUTED:
            if name not in self._declared:
                self._undeclared(name, span)
            return
        way = " → ".join([f"`secrets.{name}`", f"`{'.'.join((place, *read.into))}`"])
        if to_worker:
            message = f"only a worker knows the value of a secret, and this computes with it: {way}"
            help_ = "give it as it is, or inside of a text"
        else:
            message = f"a secret leaves for where it can be read: {way}"
            help_ = "give it to a task in `with`; nothing else may hold it"
        self._sink.add(Diagnostic("DN8002", message, span, help=help_))

    def _undeclared(self, name: str, span: Span) -> None:
        close = difflib.get_close_matches(name, self._declared, 1)
        help_ = f"did you mean `{close[0]}`?" if close else f"add it: `secrets: [{name}]`"
        message = f"the secret `{name}` is not declared"
        self._sink.add(Diagnostic("DN8001", message, span, help=help_))


def _span(spans: Mapping[int, Span], read: Read) -> Span:
    return spans.get(read.node.id, NOWHERE)
