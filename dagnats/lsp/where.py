"""Which key of the language a place in a document belongs to.

steps: [{id: a, depends_on: [b]}], on `b`   →  the item of `depends_on` of the step at `steps.0`
"""

from dataclasses import dataclass

from dagnats.diagnostics.diagnostic import Span
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import Block, Either, Key, Kind, ListOf, MapOf, Ref
from dagnats.lang.schema import json_types
from dagnats.lang.shape import type_meant
from dagnats.lang.wording import types_of
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence

Path = tuple[str | int, ...]

_CONFIGS = {kind.name: kind.config for kind in STEP_TYPES}


@dataclass(frozen=True, slots=True)
class Where:
    """A place: the path to it, the key of the language that it belongs to, and how its value reads.

    `on_key` says that it is a key, not a value. `key` and `kind` are None inside of what the
    language knows nothing of. `around` are the spans of all that contains it, outermost first.
    """

    path: Path
    node: Node
    block: Block | None
    key: Key | None
    kind: Kind | None
    entry: Entry | None
    on_key: bool
    around: tuple[Span, ...]
    steps: tuple[str, ...]
    """The ids of the steps around it, outermost first; an id that is missing is empty."""


def locate(document: Document, offset: int, root: str = "workflow") -> Where:
    """Return the innermost place around an offset."""
    return _Walk(offset).at(document.root, BLOCKS[root])


class _Walk:
    """Goes down to an offset."""

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self._path: list[str | int] = []
        self._around: list[Span] = []
        self._steps: list[str] = []
        self._block: Block | None = None
        self._key: Key | None = None
        self._entry: Entry | None = None

    def at(self, root: Node, block: Block) -> Where:
        node: Node = root
        kind: Kind | None = Ref(block.name)
        while True:
            self._around.append(node.span)
            kind = self._short(_chosen(kind, node), node)
            following = self._below(node, kind)
            if following is None:
                return self._found(node, kind, on_key=False)
            node, kind, on_key = following
            if on_key:
                return self._found(node, kind, on_key=True)

    def _found(self, node: Node, kind: Kind | None, *, on_key: bool) -> Where:
        return Where(
            tuple(self._path),
            node,
            self._block,
            self._key,
            kind,
            self._entry,
            on_key,
            tuple(self._around),
            tuple(self._steps),
        )

    def _below(self, node: Node, kind: Kind | None) -> tuple[Node, Kind | None, bool] | None:
        match node:
            case Mapping():
                return self._entry_of(node, kind)
            case Sequence(items=items):
                for number, item in enumerate(items):
                    if _covers(item.span, self._offset):
                        self._path.append(number)
                        inner = kind.item if isinstance(kind, ListOf) else _free(kind)
                        return item, inner, False
                return None
            case Scalar():
                return None

    def _short(self, kind: Kind | None, node: Node) -> Kind | None:
        """Return the kind of a scalar that stands for a block: that of the key it is for."""
        if not isinstance(kind, Ref) or not isinstance(node, Scalar):
            return kind
        block = BLOCKS[kind.block]
        if block.short is None:
            return kind
        self._block, self._key = block, block.key(block.short_for)
        return block.short

    def _entry_of(self, node: Mapping, kind: Kind | None) -> tuple[Node, Kind | None, bool] | None:
        block = BLOCKS[kind.block] if isinstance(kind, Ref) else None
        if block is not None and block.name == "step":
            held = node.get("id")
            named = isinstance(held, Scalar) and isinstance(held.value, str)
            self._steps.append(str(held.value) if named and isinstance(held, Scalar) else "")
        for entry in node.written:
            on_key = _covers(entry.key_span, self._offset)
            if not on_key and not _covers(entry.value.span, self._offset):
                continue
            self._path.append(entry.key)
            self._entry = entry
            if block is not None:
                self._block, self._key = block, block.key(entry.key)
                inner = _kind_of(node, block, self._key)
            else:
                inner = kind.value if isinstance(kind, MapOf) else _free(kind)
            return entry.value, inner, on_key
        if block is not None:
            self._block, self._key, self._entry = block, None, None
        return None


def _kind_of(node: Mapping, block: Block, key: Key | None) -> Kind | None:
    if key is None:
        return None
    if block.name == "step" and key.name == "config":
        config = _CONFIGS.get(type_meant(node) or "")
        return None if config is None else Ref(config)
    return key.kind


def _free(kind: Kind | None) -> Kind | None:
    """Return the kind of a part of a value that has no keys of ours: a template stays one."""
    return None if isinstance(kind, Ref | ListOf | MapOf) else kind


def _chosen(kind: Kind | None, node: Node) -> Kind | None:
    """Return which of several kinds a value has, and what stands for a list alone."""
    if isinstance(kind, Either):
        own = types_of(node)
        fitting = (each for each in kind.kinds if own & set(json_types(each)))
        kind = next(fitting, kind.kinds[0])
    if isinstance(kind, ListOf) and kind.alone and not isinstance(node, Sequence):
        return _chosen(kind.item, node)
    return kind


def _covers(span: Span, offset: int) -> bool:
    return span.start.offset <= offset <= span.end.offset
