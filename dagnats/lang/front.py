"""A document understood: its shape, its tree, what it imports, old forms in the terms of today.

What comes out is a `tree.Workflow` in which no old form is left, every definition is known and
every schema stands by itself; later passes know nothing of shapes, files or former languages.
"""

from typing import TYPE_CHECKING

from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang import tree
from dagnats.lang.forms import check_forms
from dagnats.lang.read import read_any, read_library
from dagnats.lang.shape import check_shape, examined, is_go
from dagnats.lang.walk import all_steps
from dagnats.source.document import Document, Mapping

if TYPE_CHECKING:
    from dagnats.lang.imports import Load

_SHARED = frozenset({"imports", "tasks", "events", "schemas", "defaults"})
_SCHEMAS = frozenset({"input", "output_schema", "tasks", "events", "schemas"})


def understand(
    document: Document, sink: Sink, *, load: "Load | None" = None
) -> tree.Workflow | None:
    """Return the workflow of a document, or None when there is too little to look at.

    `load` reads the files that are imported; without it, imports are an error. Where the shape was
    wrong (the sink has it), the part is left out, so that later passes can look at the rest.
    """
    document = _shaped(document, sink)
    workflow, is_old = read_any(document, sink)
    if workflow is None or not workflow.steps:
        return None
    # What most documents do not need is not even loaded: a lint of a small file takes no time.
    if "imports" in workflow.keys or _has_schemas(workflow):
        workflow = _completed(workflow, document, sink, load)
    if is_old:
        from dagnats.lang.legacy import modern

        workflow = modern(workflow, document, sink)
    check_forms(workflow, sink)
    return workflow


def _shaped(document: Document, sink: Sink) -> Document:
    """Return a document whose shape was checked, without what Go reads over."""
    of_go = is_go(document)
    examination = examined(document, sink, "workflow", is_go=of_go)
    if of_go and not examination.is_right:
        from dagnats.lang.go_keys import relieved

        document = relieved(document, sink)
        examination = examined(document, sink, "workflow", is_go=of_go)
    examination.report()
    return document


def _completed(
    workflow: tree.Workflow, document: Document, sink: Sink, load: "Load | None"
) -> tree.Workflow:
    """Return a workflow with what it imports, and with schemas that stand by themselves."""
    from dagnats.lang.imports import Importer, merge
    from dagnats.lang.jsonschemas import check_schemas, resolve_steps, resolved

    definitions = Importer(sink, load).gather(workflow, document, None)
    names = definitions.sections["schemas"]
    check_schemas(workflow, names, sink)
    return merge(resolve_steps(workflow, names), resolved(definitions, None))


def _has_schemas(workflow: tree.Workflow) -> bool:
    if not _SCHEMAS.isdisjoint(workflow.keys):
        return True
    forms = (step.config for step in all_steps(workflow) if isinstance(step.config, tree.Approval))
    return any("form" in config.keys for config in forms)


def is_library(document: Document) -> bool:
    """Whether a document is a file of shared definitions: it has some, and is no workflow."""
    root = document.root
    if not isinstance(root, Mapping):
        return False
    keys = {entry.key for entry in root.entries}
    return keys.isdisjoint({"name", "steps"}) and not keys.isdisjoint(_SHARED)


def check_library(document: Document, sink: Sink, *, load: "Load | None" = None) -> None:
    """Report what is wrong with a file of shared definitions, and with what it imports."""
    from dagnats.lang.imports import Importer
    from dagnats.lang.jsonschemas import check_schemas

    check_shape(document, sink, "library")
    library = read_library(document, sink)
    if library is not None:
        definitions = Importer(sink, load).gather(library, document, None)
        check_schemas(library, definitions.sections["schemas"], sink)
