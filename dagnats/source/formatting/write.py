"""The tree as YAML: blocks with two blanks of indentation, brackets as long as they fit."""

from typing import TypeGuard

from msgspec import Struct

from dagnats.source.formatting import scalars
from dagnats.source.formatting.flat import colon, flat, measure
from dagnats.source.formatting.scalars import INDENT
from dagnats.source.formatting.tree import BROKEN, Child, Collection, Comment, Leaf, Page

COLUMNS_MAX = 100
COMMENT_GAP = "  "


class _Line(Struct):
    text: str
    comment: Comment | None = None


def write_yaml(page: Page) -> str:
    """Return the text of a page, with a newline at its end."""
    measure(page.root, as_json=False)
    writer = _Writer()
    if page.head is not None:
        writer.comments(page.head, 0)
        writer.line("---")
    writer.comments(page.before, 0)
    root = page.root
    _lift_header(writer, root)
    if not root.children or (root.width != BROKEN and root.width <= COLUMNS_MAX):
        writer.line(_flat(root), page.after)
        writer.comments(root.foot, 0)
    else:
        if root.anchor:
            writer.line(root.anchor.rstrip())
        writer.block(root, 0, "")
        writer.comments([page.after] if page.after is not None else [], 0)
    writer.comments(page.foot, 0)
    return "\n".join(_aligned(writer.lines)) + "\n"


def _lift_header(writer: "_Writer", root: Collection) -> None:
    if root.header is not None:
        writer.comments([root.header], 0)
        root.header = None


def _flat(node: Collection) -> str:
    """Return a collection that fits on a line, or is empty, without the comments in it."""
    return flat(node) if node.width != BROKEN else node.anchor + ("{}" if node.is_map else "[]")


def _lead(child: Child, before: str) -> str:
    """Return what stands before the value of an entry or item."""
    if child.key is None:
        return f"{before}-"
    return before + child.key.anchor + scalars.on_one_line(child.key) + colon(child.key)


def _is_nested(value: Leaf | Collection, lead: str) -> TypeGuard[Collection]:
    """Whether a value is written as a block below or behind what leads to it."""
    if isinstance(value, Leaf) or not value.children:
        return False
    fits = value.width != BROKEN and len(lead) + 1 + value.width <= COLUMNS_MAX
    return value.is_pair or not fits


def _is_behind_dash(child: Child, value: Collection) -> bool:
    """Whether a block begins on the line of its dash."""
    return child.key is None and not value.anchor


def _settle(child: Child, lead: str) -> None:
    """Move to their place the comments of brackets that become a block.

    The one behind the closing bracket goes above all, where one that silences findings is about all
    of it; but not past the comments within.
    """
    value = child.value
    if not _is_nested(value, lead):
        return
    if child.after is not None:
        (value.foot if _has_comments(value) else child.before).append(child.after)
        child.after = None
    if child.key is None:
        first = value.children[0]
        _settle(first, _lead(first, f"{lead} "))
        child.before += first.before
        first.before, first.spaced = [], False


def _has_comments(node: Leaf | Collection) -> bool:
    if isinstance(node, Leaf):
        return node.comment is not None
    return bool(node.header or node.foot) or any(
        child.before or child.after or _has_comments(child.value) for child in node.children
    )


class _Writer:
    """Collects lines; blank ones stand only between others, one at a time."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []
        self._takes_space = False

    def line(self, text: str, comment: Comment | None = None) -> None:
        self.lines.append(_Line(text, comment))
        self._takes_space = True

    def comments(self, comments: list[Comment], indent: int) -> None:
        for comment in comments:
            self._space(wanted=comment.spaced)
            self.line(" " * indent + tidy(comment.text))

    def _space(self, *, wanted: bool) -> None:
        if wanted and self._takes_space:
            self.lines.append(_Line(""))

    def block(self, node: Collection, indent: int, prefix: str) -> None:
        """Write a collection as a block; `prefix` is what its first line begins with.

        The prefix is as long as the indentation.
        """
        for child in node.children:
            lead = _lead(child, prefix or " " * indent)
            prefix = ""
            _settle(child, lead)
            self.comments(child.before, indent)
            self._space(wanted=child.spaced)
            self._child(child, lead, indent)
        self.comments(node.foot, indent)

    def _child(self, child: Child, lead: str, indent: int) -> None:
        value = child.value
        if isinstance(value, Leaf):
            self._leaf(value, child.after, lead, indent)
        elif not _is_nested(value, lead):
            self.line(f"{lead} {_flat(value)}", child.after)
        elif _is_behind_dash(child, value):
            self.block(value, indent + INDENT, f"{lead} ")
        else:
            anchor = f" {value.anchor.rstrip()}" if value.anchor else ""
            self.line(lead + anchor, value.header)
            self._takes_space = False
            self.block(value, indent + INDENT, "")

    def _leaf(self, leaf: Leaf, comment: Comment | None, lead: str, indent: int) -> None:
        if scalars.is_block(leaf):
            behind = tidy(leaf.comment.text) if leaf.comment is not None else None
            first, *more = scalars.block(leaf, behind, indent + INDENT)
        else:
            first, *rest = scalars.lines(leaf)
            more = [" " * (indent + INDENT) + part if part else "" for part in rest]
        first = f"{lead} {leaf.anchor}{first}" if first else f"{lead} {leaf.anchor}".rstrip(" ")
        for text in [first, *more][:-1]:
            self.line(text)
        self.line([first, *more][-1], comment)
        if scalars.keeps_blank_lines(leaf):
            self._takes_space = False  # a blank line would become part of it


def tidy(comment: str) -> str:
    """Return a comment with a blank behind its `#`; rulers, `#!` and empty ones stay.

    `#12` stays as well: it may have been meant as text, and the linter has to see it.
    """
    signs = len(comment) - len(comment.lstrip("#"))
    rest = comment[signs:]
    if not rest or rest[0].isspace() or rest[0] == "!" or rest[0].isdigit():
        return comment
    return f"{comment[:signs]} {rest}"


def _aligned(lines: list[_Line]) -> list[str]:
    """Return lines with their comments; those of neighbours that were in one column still are."""
    written: list[str] = []
    start = 0
    while start < len(lines):
        end = start + 1
        comment = lines[start].comment
        if comment is not None:
            while end < len(lines) and _stands_at(lines[end].comment, comment.column):
                end += 1
        group = lines[start:end]
        width = max(len(line.text) for line in group)
        for line in group:
            if line.comment is None:
                written.append(line.text)
            else:
                written.append(line.text.ljust(width) + COMMENT_GAP + tidy(line.comment.text))
        start = end
    return written


def _stands_at(comment: Comment | None, column: int) -> bool:
    return comment is not None and not comment.alone and comment.column == column
