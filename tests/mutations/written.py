"""A document as its author sees it: keys and values with their places, and what each is for.

Places come from PyYAML's scanner in Python (as ruamel.yaml has it), not from the reader that is
tested; what a key is for comes from the definitions of the language. An alias is no place: what it
repeats is seen where it was written.
"""

import bisect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import Either, Key, Kind, ListOf, MapOf, Ref

CONFIGS = {each.name: each.config for each in STEP_TYPES}

_ANCHOR = re.compile(r"&\S+\s+")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./ -]*")
_TAKEN = re.compile(r"[-+.]?[0-9.].*|(?i:true|false|null|yes|no|on|off|y|n|~)")


@dataclass
class Item:
    """A value: where it stands, the key it has, and what is expected there.

    `block` names the block of a mapping of the language; `kind` is None where everything may
    stand. `step` is the step around it.
    """

    doc: "Doc" = field(repr=False)
    node: Node = field(repr=False)
    path: tuple[str | int, ...]
    start: int
    end: int
    key_start: int = -1
    key_end: int = -1
    key: Key | None = None
    kind: Kind | None = None
    block: str = ""
    parent: "Item | None" = field(default=None, repr=False)
    children: "list[Item]" = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        return str(self.path[-1]) if self.path else ""

    @property
    def text(self) -> str:
        return self.doc.text[self.start : self.end]

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, SequenceNode)

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, ScalarNode)

    @property
    def is_flow(self) -> bool:
        return not self.is_scalar and bool(self.node.flow_style)

    @property
    def in_flow(self) -> bool:
        return self.parent is not None and (self.parent.is_flow or self.parent.in_flow)

    @property
    def style(self) -> str:
        return (self.node.style or "") if self.is_scalar else ""

    @property
    def value(self) -> str:
        return self.node.value if self.is_scalar else ""

    def get(self, *names: str | int) -> "Item | None":
        item: Item | None = self
        for name in names:
            item = next((c for c in item.children if c.path[-1] == name), None) if item else None
        return item

    @property
    def step(self) -> "Item | None":
        item: Item | None = self
        while item is not None and item.block != "step":
            item = item.parent
        return item

    def above(self) -> Iterator["Item"]:
        item = self.parent
        while item is not None:
            yield item
            item = item.parent


@dataclass
class Doc:
    """A clean document. `file` is how it is called, and where its imports start."""

    name: str
    text: str
    file: str

    @property
    def is_json(self) -> bool:
        return self.text.lstrip().startswith('{"') or self.text.lstrip().startswith('{\n  "')

    @cached_property
    def root(self) -> Item:
        node = YAML(typ="safe", pure=True).compose(self.text)
        return self._item(node, (), BLOCKS["workflow"].name, None, None, None, set())

    def items(self) -> Iterator[Item]:
        """Yield every value, parents first."""
        stack = [self.root]
        while stack:
            item = stack.pop()
            yield item
            stack.extend(reversed(item.children))

    @cached_property
    def steps(self) -> list[Item]:
        """All steps, in the order of the text."""
        return [item for item in self.items() if item.block == "step"]

    def step_ids(self) -> dict[str, Item]:
        return {step.get("id").value: step for step in self.steps}

    def place(self, offset: int, text: str) -> tuple[int, int]:
        """Return line and column, from 1, of an offset in a text."""
        starts = [0, *(found.end() for found in re.finditer(r"\n", text))]
        line = bisect.bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def spelled(self, value: object, *, quoted: bool = False) -> str:
        """Write a value so that it may stand anywhere in this document."""
        if (
            isinstance(value, str)
            and not quoted
            and not self.is_json
            and _PLAIN.fullmatch(value)
            and not _TAKEN.fullmatch(value)
            and value == value.strip()
        ):
            return value
        return json.dumps(value)

    def key(self, name: str) -> str:
        return f'"{name}"' if self.is_json else name

    def _item(self, node, path, block, kind, key, parent, seen) -> Item:
        start = node.start_mark.index
        if node.anchor and (anchored := _ANCHOR.match(self.text, start)):
            start = anchored.end()
        item = Item(self, node, path, start, 0, key=key, kind=kind, block=block, parent=parent)
        seen.add(id(node))
        if isinstance(node, MappingNode):
            self._entries(item, seen)
        elif isinstance(node, SequenceNode):
            inner = kind.item if isinstance(kind, ListOf) else None
            for index, each in enumerate(node.value):
                if id(each) in seen or each.start_mark.index < start:
                    continue
                name, of = _block(inner, each, None, None)
                item.children.append(self._item(each, (*path, index), name, of, None, item, seen))
        item.end = self._end(item)
        return item

    def _entries(self, item: Item, seen) -> None:
        names = {k.value: v for k, v in item.node.value if isinstance(k, ScalarNode)}
        for key_node, value in item.node.value:
            if key_node.value == "<<" or id(value) in seen:
                continue
            if value.start_mark.index < item.start:
                continue
            known = BLOCKS[item.block].key(key_node.value) if item.block else None
            inner = known.kind if known else None
            if isinstance(item.kind, MapOf) and not item.block:
                inner = item.kind.value
            block, kind = _block(inner, value, known, names.get("type"))
            child = self._item(value, (*item.path, key_node.value), block, kind, known, item, seen)
            child.key_start, child.key_end = key_node.start_mark.index, key_node.end_mark.index
            item.children.append(child)

    def _end(self, item: Item) -> int:
        end = item.node.end_mark.index
        kept = self.text[:end].rstrip()
        while not (item.is_scalar or item.is_flow):
            line = kept.rfind("\n") + 1
            if not kept[line:].lstrip().startswith("#"):
                break
            kept = kept[:line].rstrip()  # a comment behind a block belongs to what follows
        return len(kept)


def _block(kind, node, key, step_type) -> tuple[str, Kind | None]:
    """Return the block that a node is written in, if any, and its kind."""
    if key is not None and key.name == "config":
        name = CONFIGS.get(step_type.value if step_type is not None else "normal")
        return (
            (name or "", Ref(name) if name else None)
            if isinstance(node, MappingNode)
            else ("", None)
        )
    if isinstance(kind, Either):
        refs = [each for each in kind.kinds if isinstance(each, Ref)]
        if isinstance(node, MappingNode) and refs:
            kind = refs[0]
    if isinstance(kind, Ref):
        return (kind.block if isinstance(node, MappingNode) else ""), kind
    return "", kind


def load_documents() -> list[Doc]:
    """Return every clean document: those of this folder, of the examples, docs and catalogue."""
    from dagnats.diagnostics.catalog import CATALOG
    from tests.mutations.sources import documented

    root = Path(__file__).resolve().parents[2]
    folder = Path(__file__).parent / "documents"
    paths = [*folder.glob("*.*"), *root.glob("examples/*/workflow.yaml")]
    paths += [*root.glob("examples/*/hello.json"), *root.glob("templates/*/workflow.yaml")]
    found = [
        Doc(p.relative_to(root).as_posix(), p.read_text("utf-8"), str(p)) for p in sorted(paths)
    ]
    found += [Doc(name, text, "<text>") for name, text in documented(root)]
    seen = {doc.text for doc in found}
    for code, entry in sorted(CATALOG.items()):
        if entry.good not in seen and not entry.files and not entry.registered:
            seen.add(entry.good)
            found.append(Doc(f"catalogue {code}", entry.good, "<text>"))
    return found
