"""What the language is made of: keys, the kinds of their values, and blocks of keys.

The tables in `dagnats.lang.definitions` are the one source of the language. The JSON Schema, its
draft-07 form, the reference in `docs/` and the reading of documents into the tree of `lang.ast` all
come from them.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

NS_MAX = 2**63 - 1
ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
GO_STEP_PATTERN = r"^(?=.{1,64}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
TASK_PATTERN = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h|d))+$|^0$"


class Text(Struct, frozen=True):
    """A string; `definition` names the entry of `$defs` that holds its form, where it has one.

    `form` says the pattern in an author's words, as what to write. `go_pattern` is that of the Go
    dagnats, where its documents may hold more.
    """

    definition: str | None = None
    pattern: str | None = None
    chars_max: int | None = None
    form: str = ""
    go_pattern: str | None = None


class Flag(Struct, frozen=True):
    """True or false."""


class Integer(Struct, frozen=True):
    """A whole number within bounds."""

    minimum: int
    maximum: int


class Number(Struct, frozen=True):
    """A number within bounds."""

    minimum: float
    maximum: float


class Duration(Struct, frozen=True):
    """A span of time, read to milliseconds.

    Go writes 0 for what is not set: `zero_is_none` reads it so.
    """

    zero_is_none: bool = True


class Json(Struct, frozen=True):
    """Any value, taken as it stands."""


class JsonSchema(Struct, frozen=True):
    """A JSON Schema."""


class Expression(Struct, frozen=True):
    """A bare expression; `returns` is what it must give, as an author would say it.

    Go writes an empty text for what is not set: `empty_is_none` reads it so. Go also writes a bare
    path, from `path` on, instead of an expression.
    """

    returns: str
    empty_is_none: bool = False
    path: str = ""


class Template(Struct, frozen=True):
    """Any value, with `${{ … }}` in its strings; `of` is the kind of JSON it is written as."""

    of: tuple[str, ...] = ()


class Choice(Struct, frozen=True):
    """One of a few words, each with what it means."""

    words: tuple[tuple[str, str], ...]


class Ref(Struct, frozen=True):
    """A block, by its name."""

    block: str


class ListOf(Struct, frozen=True):
    """A list; with `alone`, one item may stand without its list."""

    item: "Kind"
    items_min: int = 0
    items_max: int | None = None
    unique: bool = False
    alone: bool = False


class MapOf(Struct, frozen=True):
    """A mapping with keys of the author's choice."""

    value: "Kind"
    key: Text = Text()
    entries_max: int | None = None
    entries_min: int = 0


class Either(Struct, frozen=True):
    """One kind or another, which the type of the JSON tells apart."""

    kinds: "tuple[Kind, ...]"


Kind = (
    Text
    | Flag
    | Integer
    | Number
    | Duration
    | Json
    | JsonSchema
    | Expression
    | Template
    | Choice
    | Ref
    | ListOf
    | MapOf
    | Either
)


class Key(Struct, frozen=True):
    """A key of a block.

    `doc` is Markdown, one or more sentences. `old` lists former spellings, which mean the same;
    a key that is `deprecated` is read and has no place in what is written new. `field` is the name
    in the tree, where it differs.
    """

    name: str
    kind: Kind
    title: str
    doc: str
    examples: tuple[Any, ...]
    required: bool = False
    default: Any = None
    old: tuple[str, ...] = ()
    deprecated: bool = False
    field: str = ""

    @property
    def attribute(self) -> str:
        """The name of the field of the tree that holds the value."""
        return self.field or self.name


class Block(Struct, frozen=True):
    """A mapping with known keys. `short` is the kind of a scalar that may stand for it.

    A scalar that stands for the block is the value of the key `short_for`.
    """

    name: str
    title: str
    doc: str
    keys: tuple[Key, ...]
    examples: tuple[Any, ...]
    short: Text | None = None
    short_for: str = ""
    one_of: tuple[tuple[str, ...], ...] = ()
    """Groups of keys of which exactly one must be there."""

    exclusive: tuple[tuple[str, ...], ...] = ()
    """Groups of keys of which at most one may be there."""

    def key(self, name: str) -> Key | None:
        """Return the key of that name or old spelling, or None."""
        return next((k for k in self.keys if name == k.name or name in k.old), None)


ID = Text("id", ID_PATTERN, form="use letters, digits, `_` and `-`, at most 64")
STEP_ID = Text("id", ID_PATTERN, form=ID.form, go_pattern=GO_STEP_PATTERN)
"""The id of a step."""

TASK = Text(
    "task",
    TASK_PATTERN,
    128,
    "use letters, digits, `_` and `-`, words joined by dots, as in `git.diff`",
)
WORDS = "use letters, digits, `_` and `-`, words joined by dots, as in `order.paid`"
EVENT = Text(pattern=TASK_PATTERN, chars_max=128, form=WORDS)
DURATION = Duration()

Blocks = Mapping[str, Block]
