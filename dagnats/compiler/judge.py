"""The meaning of a workflow, pass by pass: what is found, and what later passes need to know.

Every pass runs that can, so that all findings come at once; what an earlier one has reported is
`Poison` for the later ones, or left out of their tables.
"""

from msgspec import Struct
from msgspec.structs import replace

from dagnats.compiler.children import check_children
from dagnats.compiler.declared import check_declared
from dagnats.compiler.deduce import Deduced, deduce
from dagnats.compiler.edges import connect
from dagnats.compiler.endings import foresee
from dagnats.compiler.foreign import check_foreign
from dagnats.compiler.handling import check_handlers
from dagnats.compiler.hygiene import check_hygiene
from dagnats.compiler.naming import resolve
from dagnats.compiler.outline import outline
from dagnats.compiler.outputs import Lookup
from dagnats.compiler.presence import check_presence
from dagnats.compiler.reach import check_reach
from dagnats.compiler.reads import read_all
from dagnats.compiler.redundancy import check_redundancy
from dagnats.compiler.responses import check_responses
from dagnats.compiler.secrets import check_secrets
from dagnats.compiler.security import check_security
from dagnats.compiler.spots import document_spots
from dagnats.compiler.switches import check_switches
from dagnats.compiler.tables import Tables
from dagnats.compiler.unused import check_unused
from dagnats.compiler.zones import check_zones
from dagnats.diagnostics.diagnostic import Sink
from dagnats.expr.checking.check import Checked
from dagnats.expr.types import POISON
from dagnats.lang.tree import Workflow


class Judged(Struct, frozen=True):
    """The side tables of a workflow, and its expressions with their types.

    `typed.of_step` goes by step and number of the spot, `typed.of_document` stands side by side
    with `tables.document`.
    """

    tables: Tables
    typed: Deduced

    def checked(self, number: int, key: str) -> Checked | None:
        """Return the expression of a step that stands at a key, None where there is none."""
        for at, spot in enumerate(self.tables.outline.spots(number)):
            if spot.key == key:
                return self.typed.of_step.get((number, at))
        return None

    def of_document(self, key: str) -> Checked | None:
        """Return the expression of the document that stands at a key, as `labels.team`."""
        pairs = zip(self.tables.document, self.typed.of_document, strict=True)
        return next((checked for spot, checked in pairs if spot.key == key), None)


def tabulate(workflow: Workflow, sink: Sink) -> Tables:
    """Return the side tables; reports what is wrong with names, handlers and dependencies."""
    steps = outline(workflow)
    names = resolve(workflow, steps, sink)
    check_handlers(steps, sink)
    graph = connect(steps, names, sink)
    views = foresee(steps, names, graph)
    document = tuple(document_spots(workflow))
    return Tables(
        workflow=workflow,
        outline=steps,
        names=names,
        graph=graph,
        views=views,
        document=document,
        reads=read_all(steps, document),
    )


def judge(workflow: Workflow, sink: Sink, workflows: Lookup | None = None) -> Judged:
    """Return the side tables; findings go to the sink, and where one is an error nothing is run.

    `workflows` gives the program that is registered under a name, where a registry is at hand.
    """
    tables = tabulate(workflow, sink)
    typed = deduce(tables, sink, workflows)
    misread = _misread(tables, typed) if sink.has_errors else frozenset[int]()
    if misread:
        views = foresee(tables.outline, tables.names, tables.graph, misread)
        tables = replace(tables, views=views)
    if tables.graph.order is not None:
        check_presence(tables, sink)
        check_reach(tables, typed.never, sink)
        check_redundancy(tables, sink)
    check_responses(tables, sink)
    check_switches(tables.outline, typed.choices, sink)
    check_children(workflow, tables.outline, sink, workflows)
    check_secrets(tables, sink)
    check_security(tables, typed, sink)
    check_declared(workflow, tables.outline, sink)
    check_unused(tables, sink)
    check_hygiene(tables, sink)
    check_foreign(tables, sink)
    check_zones(workflow, sink)
    return Judged(tables, typed)


def _misread(tables: Tables, typed: Deduced) -> frozenset[int]:
    """Return the steps whose conditions hold something of which nobody knows what it is."""
    return frozenset(
        number
        for (number, at), checked in typed.of_step.items()
        if POISON in checked.types.values() and tables.outline.spots(number)[at].key == "when"
    )
