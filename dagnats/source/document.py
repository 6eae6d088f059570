"""A document with positions: every key and every value knows where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass

from dagnats.diagnostics.diagnostic import Span


@dataclass(frozen=True, slots=True)
class Scalar:
    """A resolved YAML 1.2 core scalar: `plain`, `single`, `double`, `literal` or `folded`.

    `verbatim` says whether the value's characters stand one to one in the source (after the quote,
    if there is one), so that positions inside it can be computed.
    """

    value: bool | int | float | str | None
    span: Span
    style: str = "plain"
    verbatim: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value."""

    key: str
    key_span: Span
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object; keys are unique strings in document order."""

    entries: tuple[Entry, ...]
    span: Span

    def get(self, key: str) -> "Node | None":
        """Return the value of `key`, or None."""
        entry = self.entry(key)
        return entry.value if entry else None

    def entry(self, key: str) -> Entry | None:
        """Return the entry of `key`, or None."""
        return next((e for e in self.entries if e.key == key), None)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: "tuple[Node, ...]"
    span: Span


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Document:
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
