"""Files of shared definitions: read, checked, and put beside what the document itself defines.

imports: [../shared/tasks.yaml]      →  the contracts there are known here

What a file defines wins over what it imports. Of two imports that define one name differently
neither wins (DN2014). Nothing is read here: `load`, which the caller gives, knows files.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Label, Sink, Source
from dagnats.lang import jsonschemas, tree
from dagnats.lang.read import read_library
from dagnats.lang.shape import check_shape
from dagnats.lang.shared import SECTIONS, Defined, Definitions
from dagnats.source.document import Document, Entry, Node, Sequence, to_json
from dagnats.source.document import Mapping as Object

FILES_MAX = 100
"""Files that one document imports, directly or not."""

DEPTH_MAX = 16
"""Imports of imports."""

CHARS_MAX = 2_097_152
"""Characters of all imported files together."""

PATH_SHOWN_MAX = 12
"""Files of a circle that a message names."""

_NOUNS = {"tasks": "task", "events": "event", "schemas": "schema", "defaults": "default"}


class Loaded(NamedTuple):
    """A file that was read; `name` is how messages call it, the same for each way to it."""

    name: str
    text: str


Load = Callable[[str, str], Loaded | str]
"""Given a file and a path in it, returns what is there, or why it cannot be read."""


def held(files: Mapping[str, str]) -> Load:
    """Return a loader of texts by path, for documents that are no files."""

    def load(_: str, path: str) -> Loaded | str:
        return Loaded(path, files[path]) if path in files else "no such file or directory"

    return load


Root = tree.Workflow | tree.Library
_Root = TypeVar("_Root", tree.Workflow, tree.Library)


class Importer:
    """Reads what a document imports."""

    def __init__(self, sink: Sink, load: Load | None) -> None:
        self._sink = sink
        self._load = load
        self._open: list[str] = []
        self._done: dict[str, Definitions | None] = {}
        self._chars = 0

    def gather(self, root: Root, document: Document, file: Source | None) -> Definitions:
        """Return what a file defines itself and what it imports."""
        own = _own(root, file)
        self._open.append(document.file)
        imported = [found for node in _paths(root) if (found := self._import(node, document, file))]
        self._open.pop()
        sections = {
            section: self._merged(section, own[section], [i.sections[section] for i in imported])
            for section in SECTIONS
        }
        defaults = self._defaults(root, imported, file)
        return Definitions(sections, defaults)

    def _import(self, node: Node, document: Document, file: Source | None) -> Definitions | None:
        path = str(to_json(node))
        loaded = self._loaded(path, document.file, node, file)
        if loaded is None:
            return None
        if loaded.name in self._open:
            self._cycle(loaded.name, node, file)
            return None
        if loaded.name not in self._done:
            self._done[loaded.name] = None
            if self._is_within_limits(loaded, node, file):
                self._done[loaded.name] = self._read(loaded)
        return self._done[loaded.name]

    def _loaded(self, path: str, within: str, node: Node, file: Source | None) -> Loaded | None:
        """Return the file at a path, or None when it cannot be read: the sink then says why."""
        if "://" in path:
            problem: Loaded | str = "it is an address, and nothing is ever fetched"
        elif self._load is None:
            problem = "this document is no file, so there is nothing that paths could start from"
        else:
            problem = self._load(within, path)
        if isinstance(problem, Loaded):
            return problem
        message = f"cannot import `{path}`: {problem}"
        help_ = "paths start at the folder of the file that imports"
        self._sink.add(Diagnostic("DN2012", message, node.span, help=help_, file=file))
        return None

    def _cycle(self, name: str, node: Node, file: Source | None) -> None:
        circle = [*self._open[self._open.index(name) :], name]
        if len(circle) > PATH_SHOWN_MAX:
            circle = [*circle[: PATH_SHOWN_MAX - 2], "…", name]
        message = f"the files import each other: {' → '.join(f'`{each}`' for each in circle)}"
        help_ = "remove this import, or move what both need into a third file"
        self._sink.add(Diagnostic("DN2013", message, node.span, help=help_, file=file))

    def _is_within_limits(self, loaded: Loaded, node: Node, file: Source | None) -> bool:
        self._chars += len(loaded.text)
        if len(self._done) > FILES_MAX:
            about = f"more than {FILES_MAX} files"
        elif len(self._open) > DEPTH_MAX:
            about = f"files more than {DEPTH_MAX} levels deep"
        elif self._chars > CHARS_MAX:
            about = f"more than {CHARS_MAX} characters"
        else:
            return True
        message = f"`{loaded.name}` is left out: {about} would be imported"
        help_ = "import less, or join files"
        self._sink.add(Diagnostic("DN2015", message, node.span, help=help_, file=file))
        return False

    def _read(self, loaded: Loaded) -> Definitions | None:
        """Return what an imported file defines; what is wrong in it is told with its name."""
        from dagnats.source.reader import read

        source = Source(loaded.name, loaded.text)
        sink = Sink()
        document = read(loaded.text, loaded.name, sink)
        library = None
        if document is not None and check_shape(document, sink, "library"):
            library = read_library(document, sink)
        for finding in sink.sorted():
            self._sink.add(finding.within(source))
        if document is None or library is None:
            return None
        found = self.gather(library, document, source)
        jsonschemas.check_schemas(library, found.sections["schemas"], self._sink, source)
        return jsonschemas.resolved(found, source)

    def _merged(
        self, section: str, own: Mapping[str, Defined], imports: list[Mapping[str, Defined]]
    ) -> dict[str, Defined]:
        """Return own definitions and imported ones; conflicts are reported."""
        merged = dict(own)
        for imported in imports:
            for name, defined in imported.items():
                there = merged.setdefault(name, defined)
                if name in own or there is defined or _is_same(there, defined):
                    continue
                message = f"the {_NOUNS[section]} `{name}` is imported twice, and differently"
                labels = (Label(there.span, "the other one is here", there.file),)
                help_ = "define it in the importing file, or remove one of them"
                self._sink.add(
                    Diagnostic(
                        "DN2014",
                        message,
                        defined.span,
                        labels=labels,
                        help=help_,
                        file=defined.file,
                    )
                )
        return merged

    def _defaults(
        self, root: Root, imports: list[Definitions], file: Source | None
    ) -> tree.Defaults | None:
        """Return the defaults of a file over those that it imports, key by key."""
        mine = _placed(root.defaults, file)
        found: tree.Defaults | None = None
        for each in imports:
            if each.defaults is not None:
                self._compare(found, each.defaults, mine)
                found = each.defaults if found is None else _over(found, each.defaults)
        if mine is None:
            return found
        return mine if found is None else _over(mine, found)

    def _compare(
        self, there: tree.Defaults | None, other: tree.Defaults, mine: tree.Defaults | None
    ) -> None:
        """Report the defaults that two imports set differently, and nobody decides."""
        if there is None:
            return
        for key, entry in other.keys.items():
            first = there.keys.get(key)
            decided = mine is not None and key in mine.keys
            if first is None or decided or to_json(first.value) == to_json(entry.value):
                continue
            message = f"the default `{key}` is imported twice, and differently"
            labels = (Label(first.key_span, "the other one is here", there.file),)
            help_ = "set it in the importing file, or remove one of them"
            self._sink.add(
                Diagnostic(
                    "DN2014", message, entry.key_span, labels=labels, help=help_, file=other.file
                )
            )


def merge(root: _Root, definitions: Definitions) -> _Root:
    """Return a file with all definitions that it sees."""
    sections = {
        section: {name: defined.value for name, defined in found.items()}
        for section, found in definitions.sections.items()
    }
    return structs.replace(root, defaults=definitions.defaults, **sections)


def _paths(root: Root) -> list[Node]:
    entry = root.keys.get("imports")
    value = entry.value if entry else None
    if not isinstance(value, Sequence):
        return []
    return [item for item in value.items if isinstance(to_json(item), str)]


def _own(root: Root, file: Source | None) -> dict[str, dict[str, Defined]]:
    """Return what a file itself defines, with its places."""
    found: dict[str, dict[str, Defined]] = {}
    for section in SECTIONS:
        places = {entry.key: entry for entry in _entries(root, section)}
        values: Mapping[str, Any] = getattr(root, section)
        found[section] = {
            name: Defined(_placed(value, file), places[name].key_span, file)
            for name, value in values.items()
            if name in places
        }
    return found


def _entries(root: Root, section: str) -> tuple[Entry, ...]:
    entry = root.keys.get(section)
    value = entry.value if entry else None
    return value.entries if isinstance(value, Object) else ()


def _placed(value: Any, file: Source | None) -> Any:
    """Return a block that knows its file."""
    if file is None or not isinstance(value, tree.Block):
        return value
    return structs.replace(value, file=file)


def _is_same(one: Defined, other: Defined) -> bool:
    """Whether two definitions say the same, wherever they stand."""
    return bool(_said(one.value) == _said(other.value))


def _said(value: Any) -> Any:
    if isinstance(value, tree.Contract):
        return value.input, value.output, value.idempotent
    return value


def _over(mine: tree.Defaults, theirs: tree.Defaults) -> tree.Defaults:
    """Return defaults with those of another file where there are none; `retry` key by key."""
    changes: dict[str, Any] = {
        key: getattr(theirs, key) for key in theirs.keys if key not in mine.keys and key != "retry"
    }
    if theirs.retry is not None:
        changes["retry"] = theirs.retry if mine.retry is None else _retry(mine.retry, theirs.retry)
    return structs.replace(mine, **changes)


def _retry(mine: tree.Retry, theirs: tree.Retry) -> tree.Retry:
    changes = {key: getattr(theirs, key) for key in theirs.keys if key not in mine.keys}
    return structs.replace(mine, **changes)
