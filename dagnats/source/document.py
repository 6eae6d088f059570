"""A document with positions: every key and every value knows where it stands."""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from dagnats.diagnostics.diagnostic import Span


class Scalar(Struct, frozen=True):
    """A resolved YAML 1.2 core scalar: `plain`, `single`, `double`, `literal` or `folded`.

    Its span takes in quotes and the header of a block, and leaves out an anchor before it and the
    line breaks behind it. `verbatim` says whether the value's characters stand one to one in the
    source (after the quote, if there is one), so that positions inside it can be computed. Where
    they do not, `written` is what stands at `span`, and `dagnats.source.placement` finds them.
    """

    value: bool | int | float | str | None
    span: Span
    style: str = "plain"
    verbatim: bool = True
    written: str = ""


class Entry(Struct, frozen=True):
    """One key of a mapping with its value.

    `merged` holds the `<<` keys by which a merged entry came, nearest first: key and value still
    stand where they were written.
    """

    key: str
    key_span: Span
    value: "Node"
    merged: tuple[Span, ...] = ()


class Mapping(Struct, frozen=True):
    """An object; keys are unique strings in document order.

    Merged entries stand where their `<<` does. `own` holds what was really written, `<<` included,
    and is None where that is the same.
    """

    entries: tuple[Entry, ...]
    span: Span
    own: tuple[Entry, ...] | None = None

    @property
    def written(self) -> tuple[Entry, ...]:
        """The entries as they stand in the text: `<<` is one, what it merges is none."""
        return self.entries if self.own is None else self.own

    def get(self, key: str) -> "Node | None":
        """Return the value of `key`, or None."""
        entry = self.entry(key)
        return entry.value if entry else None

    def entry(self, key: str) -> Entry | None:
        """Return the entry of `key`, or None."""
        return next((e for e in self.entries if e.key == key), None)


class Sequence(Struct, frozen=True):
    """A list."""

    items: "tuple[Node, ...]"
    span: Span


Node: TypeAlias = Scalar | Mapping | Sequence


class Document(Struct, frozen=True):
    """A whole text, its name for messages, and its root node."""

    text: str
    file: str
    root: Node


def to_json(node: Node) -> object:
    """Return the plain JSON value of a node."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [to_json(item) for item in items]
        case Mapping(entries=entries):
            return {entry.key: to_json(entry.value) for entry in entries}


def locate(node: Node, path: list[str | int]) -> tuple[Node, Entry | None]:
    """Follow a JSON pointer as far as it goes: the node reached, and the entry that holds it."""
    entry: Entry | None = None
    for part in path:
        if isinstance(node, Mapping) and (found := node.entry(str(part))) is not None:
            node, entry = found.value, found
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node, entry = node.items[part], None
        else:
            break
    return node, entry


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and everything below it, depth first, in document order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Sequence):
            stack.extend(reversed(current.items))
        elif isinstance(current, Mapping):
            stack.extend(entry.value for entry in reversed(current.entries))
