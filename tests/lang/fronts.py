"""What the tests of the front share: documents understood, findings, fixes made."""

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.diagnostics.fixes import mend
from dagnats.lang import tree
from dagnats.lang.front import understand
from dagnats.lang.imports import Loaded
from dagnats.source.reader import read


def loader(files):
    """Return a loader of files in memory: relative to a folder, as the real one."""

    def load(within, path):
        folder, _, _ = within.rpartition("/")
        parts = [part for part in f"{folder}/{path}".split("/") if part not in ("", ".")]
        while ".." in parts:
            at = parts.index("..")
            parts[max(at - 1, 0) : at + 1] = []
        name = "/".join(parts)
        return Loaded(name, files[name]) if name in files else "no such file or directory"

    return load


def front(text, files=None, name="a.yaml"):
    """Return the workflow and the findings of a document."""
    sink = Sink()
    document = read(text, name, sink)
    load = None if files is None else loader(files)
    workflow = None if document is None else understand(document, sink, load=load)
    return workflow, sink.sorted()


def told(findings):
    """Return findings as `code line:column message`, and their file where they have one."""
    return [
        f"{f'{f.file.name}:' if f.file else ''}{f.span.start.line}:{f.span.start.column} "
        f"{f.code} {f.message}"
        for f in findings
    ]


def errors(findings):
    return [f for f in findings if f.severity is Severity.ERROR]


def mended(text, *, unsafe=False):
    """Return what becomes of a text by its fixes."""
    return mend(text, lambda each: front(each)[1], unsafe=unsafe).text


def meaning(value):
    """Return what a tree says, without places and without marks of former languages."""
    match value:
        case tree.Embedded(expr=expr):
            return expr
        case tree.Block():
            named = {key: getattr(value, key) for key in value.__struct_fields__}
            return (
                type(value).__name__,
                {
                    key: meaning(part)
                    for key, part in named.items()
                    if key not in ("span", "keys", "file", "skip_if") and part is not None
                },
            )
        case tuple():
            return tuple(meaning(part) for part in value)
        case dict():
            return {key: meaning(part) for key, part in value.items()}
        case _:
            return value
