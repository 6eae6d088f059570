"""The JSON Schemas in a document are JSON Schemas.

input: {type: strng}      →  DN2009 `input` is no JSON Schema: at $.type: a type is one of …
"""

from collections.abc import Iterator

from dagnats.diagnostics.diagnostic import Diagnostic, Sink
from dagnats.source.document import Document, Entry, Mapping, to_json
from dagnats.source.shape import check_schema


def check_schemas(document: Document, sink: Sink) -> None:
    """Report DN2009 for each schema of the document that is none; its types are then unknown."""
    for name, entry in _schemas(document):
        schema = to_json(entry.value)
        if not isinstance(schema, (dict, bool)):
            continue  # its shape is wrong already
        wrong = check_schema(schema)
        if wrong is not None:
            message = f"{name} is no JSON Schema: {wrong}"
            help_ = "write it as in draft 2020-12, as `{type: string}`"
            sink.add(Diagnostic("DN2009", message, entry.key_span, help=help_))


def _schemas(document: Document) -> Iterator[tuple[str, Entry]]:
    root = document.root
    if not isinstance(root, Mapping):
        return
    for key in ("input", "input_schema"):
        if (entry := root.entry(key)) is not None:
            yield f"`{key}`", entry
    tasks = root.get("tasks")
    for task in tasks.entries if isinstance(tasks, Mapping) else ():
        for key in ("input", "output"):
            entry = task.value.entry(key) if isinstance(task.value, Mapping) else None
            if entry is not None:
                yield f"`{key}` of `{task.key}`", entry
