"""What is declared and never used.

Nothing is said where a part of the document could not be read: it might be what uses it. Nor of a
name that a misspelt one elsewhere probably means.

secrets: [TOKEN]      →  DN9023 the secret `TOKEN` is never used
"""

import difflib
from collections.abc import Collection, Iterable, Iterator

from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.compiler.reads import Read
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink, Span
from dagnats.lang.tree import (
    Emit,
    GoMatch,
    Map,
    Planner,
    Respond,
    Sleep,
    Step,
    SubWorkflow,
    Transform,
    WaitForEvent,
    Workflow,
)
from dagnats.source.document import Mapping, Node, Sequence

STRAYS_MAX = 20
"""Names that nothing declares, with which each unused one is compared."""
_UNREAD = ("DN1", "DN2", "DN4001", "DN4005")


def check_unused(tables: Tables, sink: Sink) -> None:
    """Report DN9020 to DN9024."""
    if sink.has_errors and any(map(_is_unread, sink.sorted())):
        return
    workflow = tables.workflow
    read = list(tables.reads.all())
    _inputs(tables, read, sink)
    used = _fields(read, "vars")
    for name, span in _declared(workflow, "vars"):
        if used is not None and not _is_used(name, used, workflow.vars):
            _tell("DN9021", f"the variable `{name}` is never read", span, Severity.WARNING, sink)
    _secrets(workflow, read, sink)
    _declarations(workflow, tables.outline, sink)
    _values(tables, sink)


def _is_unread(found: Diagnostic) -> bool:
    return found.severity is Severity.ERROR and found.code.startswith(_UNREAD)


def _is_used(name: str, used: Collection[str], declared: Collection[str]) -> bool:
    if name in used:
        return True
    strays = [other for other in used if other not in declared]
    return bool(difflib.get_close_matches(name, strays[:STRAYS_MAX], 1))


def _tell(code: str, message: str, span: Span, severity: Severity, sink: Sink) -> None:
    sink.add(Diagnostic(code, message, span, severity, help="use it, or leave it out"))


def _declared(workflow: Workflow, key: str) -> Iterator[tuple[str, Span]]:
    """Yield what stands under a key of the document itself, with where."""
    entry = workflow.keys.get(key)
    node = None if entry is None else entry.value
    for part in node.entries if isinstance(node, Mapping) else ():
        if not part.merged:
            yield part.key, part.key_span


def _fields(read: Iterable[Read], root: str) -> set[str] | None:
    """Return the fields of a root that are read; None where the whole of it is."""
    found: set[str] = set()
    for one in read:
        if one.root == root:
            if not one.path:
                return None
            found.add(one.path[0])
    return found


def _inputs(tables: Tables, read: list[Read], sink: Sink) -> None:
    used = _fields(read, "input")
    if used is None or _is_taken(tables):
        return
    entry = tables.workflow.keys.get("input")
    schema = None if entry is None else entry.value
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    entries = properties.entries if isinstance(properties, Mapping) else ()
    declared = {part.key for part in entries}
    for part in entries:
        if not part.merged and not _is_used(part.key, used, declared):
            message = f"`input.{part.key}` is never read"
            _tell("DN9020", message, part.key_span, Severity.INFO, sink)


def _is_taken(tables: Tables) -> bool:
    """Whether something takes the input of the run as a whole, or by a path in a text."""
    if any(isinstance(cancel.match, GoMatch) for cancel in tables.workflow.cancel_on):
        return True
    for number, step in enumerate(tables.outline.steps):
        config = step.config
        if isinstance(config, WaitForEvent) and isinstance(config.match, GoMatch):
            return True
        if isinstance(config, Sleep) and config.until_input_path is not None:
            return True
        given = "with" in step.keys or number in tables.outline.handlers
        if not given and not tables.graph.edges[number] and _takes_input(step):
            return True
    return False


def _takes_input(step: Step) -> bool:
    """Whether a step without `with` does something with its input."""
    match step.config:
        case None | SubWorkflow() | Planner():
            return True
        case Emit() as config:
            return "data" not in config.keys
        case Respond() as config:
            return "body" not in config.keys
        case Map() as config:
            return "over" not in config.keys
        case _:
            return step.task is not None


def _secrets(workflow: Workflow, read: list[Read], sink: Sink) -> None:
    used = _fields(read, "secrets")
    if used is None:
        return
    for trigger in workflow.triggers:
        for block in (trigger.webhook, trigger.http):
            if block is not None and block.secret is not None:
                used.add(block.secret)
    entry = workflow.keys.get("secrets")
    listed = None if entry is None else entry.value
    for item in listed.items if isinstance(listed, Sequence) else ():
        name = getattr(item, "value", None)
        if isinstance(name, str) and not _is_used(name, used, workflow.secrets):
            message = f"the secret `{name}` is never used"
            _tell("DN9023", message, item.span, Severity.WARNING, sink)


def _declarations(workflow: Workflow, outline: Outline, sink: Sink) -> None:
    tasks: set[str] | None = set()
    events = {trigger.event.event for trigger in workflow.triggers if trigger.event is not None}
    events |= {cancel.event for cancel in workflow.cancel_on}
    for step in outline.steps:
        config = step.config
        if isinstance(config, Planner) and not config.allowed_tasks:
            tasks = None  # what is planned may use them all
        elif isinstance(config, Planner) and tasks is not None:
            tasks.update(config.allowed_tasks)
        if isinstance(config, Emit | WaitForEvent):
            events.add(config.event)
        if tasks is not None and step.task is not None:
            tasks.add(step.task)
    for kind, what, used, declared in (
        ("tasks", "the contract of task", tasks, workflow.tasks),
        ("events", "the event", events, workflow.events),
        ("schemas", "the schema", _referred(workflow), workflow.schemas),
    ):
        for name, span in _declared(workflow, kind):
            if used is not None and not _is_used(name, used, declared):
                _tell("DN9022", f"{what} `{name}` is never used", span, Severity.INFO, sink)


def _referred(workflow: Workflow) -> set[str] | None:
    """Return the schemas that others refer to."""
    if not workflow.schemas:
        return None
    found: set[str] = set()
    nodes: list[Node] = [
        entry.value
        for key, entry in workflow.keys.items()
        if key in {"input", "output_schema", "tasks", "events", "schemas", "steps", "finally"}
    ]
    while nodes:
        match nodes.pop():
            case Mapping(entries=entries):
                nodes.extend(entry.value for entry in entries)
            case Sequence(items=items):
                nodes.extend(items)
            case scalar:
                if isinstance(scalar.value, str) and scalar.value.startswith("#/schemas/"):
                    found.add(scalar.value.split("/")[2].replace("~1", "/").replace("~0", "~"))
    return found


def _values(tables: Tables, sink: Sink) -> None:
    """Report values that are worked out for nobody."""
    workflow, outline, names, graph = tables.workflow, tables.outline, tables.names, tables.graph
    if "output" not in workflow.keys:
        return
    used = {r.target for spots in names.mentioned for spot in spots for r in spot}
    used |= {r.target for r in names.by_output}
    for number, step in enumerate(outline.steps):
        if "with" not in step.keys:
            used.update(edge.source for edge in graph.edges[number])
    for number, step in enumerate(outline.steps):
        if not isinstance(step.config, Transform) or number in used or number in outline.handlers:
            continue
        # In a body it is a part of what the container gives.
        if outline.scope_of[number] in {ROOT, FINALLY}:
            message = f"nobody reads the value of `{step.id}`"
            _tell("DN9024", message, step.place("id"), Severity.WARNING, sink)
