"""The tree of a text as a formatter needs it: all that was written, comments and brackets included.

The document of the reader says what a text means; this says how it was written.
"""

from msgspec import Struct, field

BROKEN = -1
"""The width of what cannot stand on one line."""


class Comment(Struct):
    """A comment from its `#` to the end of its line.

    `column` counts from 0, `alone` says that nothing stands before it on its line, `spaced` that a
    blank line stands above it.
    """

    text: str
    column: int
    alone: bool
    spaced: bool


class Leaf(Struct):
    """A scalar or an alias. `raw` is how it was written, `""` for a value that was left out.

    `value` is what it means; `style` is that of the reader, or `alias`.
    """

    raw: str
    style: str
    value: object = None
    anchor: str = ""
    comment: Comment | None = None
    flat: str = ""
    width: int = 0


class Child(Struct):
    """An entry of a mapping, or an item of a list, which has no key.

    Comments: `before` on lines above it, `after` behind it on its line. `spaced` says that a blank
    line stands above it, below the comments.
    """

    key: Leaf | None
    value: "Leaf | Collection"
    before: list[Comment]
    spaced: bool
    after: Comment | None = None
    is_bare: bool = False


class Collection(Struct):
    """A mapping (`is_map`) or list. With brackets (`is_flow`) unless it is a block.

    `is_pair` marks the mapping of `[a: 1]`, which is within brackets and has none. `is_wide` says
    that the line ends behind the opening bracket. `header` is the comment behind the bracket or
    behind the key of a block, `foot` those below the last child. `width` is how long the collection
    is on one line, worked out once by `measure`.
    """

    is_map: bool
    is_flow: bool
    is_pair: bool = False
    is_wide: bool = False
    anchor: str = ""
    header: Comment | None = None
    children: list[Child] = field(default_factory=list)
    foot: list[Comment] = field(default_factory=list)
    width: int = 0


class Page(Struct):
    """A whole text. `head` is what stands above a line `---`, None if there is no such line.

    `before` and `after` are the comments of a root that is no block, `foot` those at the very end.
    """

    root: Collection
    head: list[Comment] | None
    before: list[Comment]
    after: Comment | None
    foot: list[Comment]
    comments: list[Comment]
    """All comments in their order, those of block scalars included."""
