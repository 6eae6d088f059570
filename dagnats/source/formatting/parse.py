"""From a document of the reader to the tree of its text.

The reader knows where each key and value stands, so the hard part of YAML, where scalars begin and
end, is not done twice. What is left between them is easy to read: blanks, comments, brackets,
anchors, aliases. Values are visited in their order with a place in the text that only moves on.
"""

import re

from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence
from dagnats.source.formatting.scalars import block_end, header_comment
from dagnats.source.formatting.tree import Child, Collection, Comment, Leaf, Page

_BLANK = re.compile(r"[ \t\n]+")
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"[&*][^\s,\[\]{}]+")
_UP_TO_NAME = re.compile(r"(?>(?:[ \t\n]+|#[^\n]*)*)(?=[&*])")
_COLON = re.compile(r":")
_BLOCK_COLON = re.compile(r":(?=[ \t\n]|$)")
_LINE_ENDS = re.compile(r"[ \t]*\n")


class PuzzledError(Exception):
    """The text is not as the document says: a bug, or a rarity that is not known here."""


def parse(document: Document) -> Page:
    """Return the tree of a text whose line breaks are all newlines; its root is no scalar.

    Raises PuzzledError.
    """
    return _Parser(document).page()


class _Parser:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._text = document.text
        self._at = 0
        self._fresh = True  # only blanks stand between the start of the line and here
        self._spaced = False
        self._pending: list[Comment] = []
        self._comments: list[Comment] = []

    def page(self) -> Page:
        text = self._text
        self._skip()
        head = None
        if text.startswith("---", self._at):
            head = self._take()
            self._advance(self._at + 3)
            self._skip()
        node = self._document.root
        is_behind_anchor = self._is_at("&") and self._at < node.span.start.offset
        before = [] if self._is_block(node) and not is_behind_anchor else self._take()
        root = self._value(node, -1, in_flow=False)
        if isinstance(root, Leaf):
            raise PuzzledError("the document is a scalar")
        after = None
        if root.is_flow:
            before += self._take()
            after = self._behind()
        self._skip()
        while text.startswith("...", self._at):
            self._advance(self._at + 3)
            self._skip()
        if self._at < len(text):
            raise PuzzledError(f"something is left at offset {self._at}")
        return Page(root, head, before, after, self._take(), self._comments)

    # Between values

    def _skip(self) -> None:
        """Pass over blanks and comments; comments are kept until somebody takes them."""
        text = self._text
        while self._at < len(text):
            if found := _BLANK.match(text, self._at):
                breaks = found.group().count("\n")
                self._fresh = self._fresh or breaks > 0
                self._spaced = self._spaced or breaks > 1
                self._at = found.end()
            elif found := _COMMENT.match(text, self._at):
                column = self._at - self._line_start(self._at)
                self._pending.append(self._comment(found.group(), column))
                self._at, self._fresh, self._spaced = found.end(), False, False
            else:
                return

    def _comment(self, text: str, column: int) -> Comment:
        comment = Comment(text.rstrip(), column, alone=self._fresh, spaced=self._spaced)
        self._comments.append(comment)
        return comment

    def _advance(self, offset: int) -> None:
        if offset < self._at:
            raise PuzzledError(f"going back from offset {self._at} to {offset}")
        self._at, self._fresh, self._spaced = offset, False, False

    def _line_start(self, offset: int) -> int:
        return self._text.rfind("\n", 0, offset) + 1

    def _take(self) -> list[Comment]:
        taken, self._pending = self._pending, []
        return taken

    def _behind(self) -> Comment | None:
        """Take the comment behind what was just read, on the same line."""
        if self._pending:
            return None
        while self._text.startswith((" ", "\t"), self._at):
            self._at += 1
        found = _COMMENT.match(self._text, self._at)
        if found is None:
            return None
        comment = self._comment(found.group(), self._at - self._line_start(self._at))
        self._at = found.end()
        return comment

    def _is_at(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _expect(self, sign: str) -> None:
        self._skip()
        if not self._is_at(sign):
            raise PuzzledError(f"no `{sign}` at offset {self._at}")
        self._advance(self._at + len(sign))

    def _is_block(self, node: Node) -> bool:
        """Whether what is about to be read is a block; else it is a leaf or has a bracket."""
        start = node.span.start.offset
        is_alias = self._is_at("*") and start != self._at
        return not (is_alias or isinstance(node, Scalar) or self._text[start] in "{[")

    # Values

    def _value(self, node: Node, outside: int, *, in_flow: bool) -> Leaf | Collection:
        """Read a value; `outside` is the column of the block around it."""
        anchor = self._anchor(node)
        start = node.span.start.offset
        # At the start of a node, `*` is its first key.
        if self._is_at("*") and start != self._at:
            return self._alias()
        if isinstance(node, Scalar):
            return self._scalar(node, anchor, in_flow=in_flow)
        if start < self._at:
            raise PuzzledError(f"a collection before offset {self._at}")
        self._skip()
        collection = Collection(isinstance(node, Mapping), is_flow=True, anchor=anchor)
        if self._text[start] in "{[":
            self._brackets(collection, node)
        elif in_flow:
            collection.is_pair = True
            self._entries(collection, node, outside, in_flow=True)
        else:
            collection.is_flow = False
            if self._pending and not self._pending[0].alone:
                collection.header = self._pending.pop(0)
            column = start - self._line_start(start)
            self._entries(collection, node, column, in_flow=False)
            self._foot(collection, max(column, outside + 1))
        return collection

    def _anchor(self, node: Node) -> str:
        """Take the anchor of a node, unless it is that of the first key of a block."""
        self._skip()
        if not self._is_at("&") or self._at == node.span.start.offset:
            return ""
        return self._name() + " "

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise PuzzledError(f"no name at offset {self._at}")
        self._advance(found.end())
        self._skip()
        return found.group()

    def _alias(self, *, is_key: bool = False) -> Leaf:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise PuzzledError(f"no alias at offset {self._at}")
        name = found.group()
        if is_key and name.endswith(":"):
            name = name[:-1]
        self._advance(self._at + len(name))
        return Leaf(name, "alias")

    def _scalar(self, node: Scalar, anchor: str, *, in_flow: bool) -> Leaf:
        start, end = node.span.start.offset, node.span.end.offset
        if start == end:
            # Where the parsers put a value that is not there differs: nothing is passed over.
            return Leaf("", "plain", node.value, anchor)
        self._skip()
        self._advance(start)
        comment = None
        if node.style in {"literal", "folded"}:
            if in_flow:
                raise PuzzledError("a block within brackets")
            header = header_comment(self._text, start)
            if header is not None:
                comment = self._comment(header, 0)
            end = block_end(self._text, start, str(node.value))
        self._advance(end)
        return Leaf(self._text[start:end], node.style, node.value, anchor, comment)

    # Collections

    def _brackets(self, collection: Collection, node: Node) -> None:
        above = self._take()
        self._expect("{" if collection.is_map else "[")
        collection.is_wide = _LINE_ENDS.match(self._text, self._at) is not None
        collection.header = self._behind()
        self._entries(collection, node, -1, in_flow=True)
        self._skip()
        collection.foot = self._take()
        self._expect("}" if collection.is_map else "]")
        self._pending = above

    def _entries(self, collection: Collection, node: Node, column: int, *, in_flow: bool) -> None:
        if isinstance(node, Mapping):
            for entry in node.written:
                self._add(collection, self._entry(entry, column, in_flow=in_flow))
        elif isinstance(node, Sequence):
            for item in node.items:
                self._add(collection, self._item(item, column, in_flow=in_flow))

    def _add(self, collection: Collection, child: Child) -> None:
        """Add a child with the comment that follows it, before or behind its comma."""
        if isinstance(child.value, Leaf) or child.value.is_flow:
            child.after = self._behind()
        if collection.is_flow and not collection.is_pair:
            self._skip()
            if self._is_at(","):
                self._advance(self._at + 1)
                child.after = child.after or self._behind()
        collection.children.append(child)

    def _entry(self, entry: Entry, column: int, *, in_flow: bool) -> Child:
        self._skip()
        spaced, before = self._spaced, self._take()
        node = entry.value
        if self._is_at("?") and self._at < entry.key_span.start.offset:
            self._advance(self._at + 1)
        key = self._key(entry)
        before += _unite(key.comment, [])
        key.comment = None
        self._skip()
        before += self._take()
        is_beyond = node.span.start.offset <= self._at < node.span.end.offset
        colon = _COLON if in_flow else _BLOCK_COLON
        has_colon = colon.match(self._text, self._at) is not None and not is_beyond
        if has_colon:
            self._advance(self._at + 1)
        value = self._between(node, before, column, in_flow=in_flow)
        child = Child(key, value, before, spaced, is_bare=not has_colon)
        _lift_from_empty(child)
        return child

    def _between(
        self, node: Node, before: list[Comment], column: int, *, in_flow: bool
    ) -> Leaf | Collection:
        """Read the value of a key; comments before it go above the key, unless it is a block."""
        if isinstance(node, Scalar) and node.span.start == node.span.end:
            # A comment behind nothing is behind the key, or belongs to what follows.
            leaf = self._nothing(node, column, in_flow=in_flow)
            before += self._take()
            return leaf
        self._skip()
        is_block = not in_flow and self._is_block(node) and not self._is_at("&")
        if not is_block and not self._is_at("&"):
            before += self._take()
        value = self._value(node, column, in_flow=in_flow)
        if isinstance(value, Leaf) or value.is_flow:
            before += self._take()
        return value

    def _nothing(self, node: Scalar, column: int, *, in_flow: bool) -> Leaf:
        """Read a value that is not there; it may have an anchor, or be an alias of one that has."""
        found = _UP_TO_NAME.match(self._text, self._at)
        if found is None:
            return Leaf("", "plain", node.value)
        is_elsewhere = "\n" in found.group() and not in_flow
        if is_elsewhere and found.end() - self._line_start(found.end()) <= column:
            return Leaf("", "plain", node.value)
        self._skip()
        if self._is_at("*"):
            return self._alias()
        name = _NAME.match(self._text, self._at)
        if name is None:
            raise PuzzledError(f"no name at offset {self._at}")
        self._advance(name.end())
        return Leaf("", "plain", node.value, name.group() + " ")

    def _key(self, entry: Entry) -> Leaf:
        anchor = ""
        if self._is_at("&"):
            anchor = self._name() + " "
        if self._is_at("*"):
            return self._alias(is_key=True)
        span = entry.key_span
        key = Scalar(entry.key, span, _style(self._text, span.start.offset))
        return self._scalar(key, anchor, in_flow=False)

    def _item(self, node: Node, column: int, *, in_flow: bool) -> Child:
        self._skip()
        spaced, before = self._spaced, self._take()
        if not in_flow:
            self._expect("-")
        value = self._between(node, before, column, in_flow=in_flow)
        child = Child(None, value, before, spaced)
        _lift(child)
        return child

    def _foot(self, collection: Collection, column: int) -> None:
        """Take the comments below a block that are indented as its children are, or deeper."""
        self._skip()
        count = 0
        while count < len(self._pending) and self._pending[count].column >= column:
            count += 1
        collection.foot = self._pending[:count]
        del self._pending[:count]


def _style(text: str, start: int) -> str:
    styles = {"'": "single", '"': "double", "|": "literal", ">": "folded"}
    return styles.get(text[start : start + 1], "plain")


def _unite(header: Comment | None, comments: list[Comment]) -> list[Comment]:
    return comments if header is None else [header, *comments]


def _lift(child: Child) -> None:
    """Put what would stand between a dash and its content above the dash."""
    value = child.value
    if isinstance(value, Collection):
        child.before += _unite(value.header, [])
        value.header = None
        if value.children:
            child.before += value.children[0].before
            value.children[0].before = []
    _lift_from_empty(child)


def _lift_from_empty(child: Child) -> None:
    value = child.value
    if isinstance(value, Collection) and not value.children:
        child.before += [*_unite(value.header, []), *value.foot]
        value.header, value.foot = None, []
