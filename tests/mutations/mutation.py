"""A corruption of a document: the text it gives, and what an author would want to be told first.

What is expected is worked out from the place of the change alone. `codes` are those that would
help, `offsets` the places in the new text that an author would look at; mostly there is one of
each, and more only where the text itself does not say which of them is wrong (a bracket that is
missing, two keys that exclude each other).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.mutations.written import Doc, Item


@dataclass(frozen=True)
class Mutation:
    """A corrupted text and the finding that is to come first."""

    text: str
    codes: tuple[str, ...]
    offsets: tuple[int, ...]
    further: int = 2
    """The findings that may follow, which are only there because of the first."""


EVERY_USE = 1_000
"""What may follow where a declaration is no longer there: each use of it is found, and is true."""

Operator = Callable[[Doc], Iterator[Mutation]]
OPERATORS: dict[str, Operator] = {}


def operator(function: Operator) -> Operator:
    """Register a kind of corruption under the name of its function."""
    OPERATORS[function.__name__.replace("_", "-")] = function
    return function


@dataclass(frozen=True)
class Edit:
    start: int
    end: int
    new: str


def mutated(doc: Doc, codes: str, edits: list[Edit], *offsets: int) -> Mutation:
    """Return the corruption by edits; offsets are those of the old text and move with it.

    An offset at an insertion is that of what was there before it.
    """
    edits = sorted(edits, key=lambda edit: edit.start)
    text = doc.text
    for edit in reversed(edits):
        text = text[: edit.start] + edit.new + text[edit.end :]
    moved = tuple(
        offset
        + sum(
            len(e.new) - (e.end - e.start)
            for e in edits
            if e.end <= offset and (e.start < offset or e.start == e.end)
        )
        for offset in offsets
    )
    return Mutation(text, tuple(codes.split()), moved)


def replaced(item: Item, new: str, codes: str, *, delta: int = 0) -> Mutation:
    """Put another value in the place of one; expected where it stands."""
    doc = item.doc
    if not item.is_scalar and not item.is_flow and item.key_start >= 0:
        start = doc.text.index(":", item.key_end) + 1
        edit, at = Edit(start, item.end, f" {new}"), start + 1
    else:
        edit, at = Edit(item.start, item.end, new), item.start
    text = doc.text[: edit.start] + edit.new + doc.text[edit.end :]
    return Mutation(text, tuple(codes.split()), (at + delta,))


def has_anchor(item: Item) -> bool:
    """Whether an anchor stands in it, which others may need."""
    return "&" in item.text.replace("&&", "")


def insertion(before: Item, key: str, value: str) -> Edit:
    """Write an entry before another of the same mapping."""
    doc, parent = before.doc, before.parent
    assert parent is not None
    entry = f"{doc.key(key)}: {value}"
    if parent.is_flow:
        return Edit(before.key_start, before.key_start, f"{entry}, ")
    column = before.key_start - (doc.text.rfind("\n", 0, before.key_start) + 1)
    return Edit(before.key_start, before.key_start, f"{entry}\n{' ' * column}")


def added(mapping: Item, key: str, value: str, codes: str, *, at: str = "key") -> Mutation:
    """Add an entry in front of the last one; expected at its key or its value."""
    before = mapping.children[-1]
    edit = insertion(before, key, value)
    text = mapping.doc.text[: edit.start] + edit.new + mapping.doc.text[edit.start :]
    delta = 0 if at == "key" else len(mapping.doc.key(key)) + 2
    return Mutation(text, tuple(codes.split()), (edit.start + delta,))


def removal(item: Item) -> Edit | None:
    """Take an entry out of its mapping or list; None if nothing else would be left."""
    parent = item.parent
    if parent is None or len(parent.children) < 2:
        return None
    siblings = parent.children
    index = siblings.index(item)
    first = item.key_start if item.key_start >= 0 else item.start
    if index + 1 < len(siblings):
        after = siblings[index + 1]
        return Edit(first, after.key_start if after.key_start >= 0 else after.start, "")
    before = siblings[index - 1]
    return Edit(before.end, item.end, "")


def misspelt(word: str) -> Iterator[str]:
    """Give a word as fingers write it: letters swapped, dropped, doubled."""
    if len(word) < 3:
        return
    # Within the longest run of letters: fingers slip there, and not at dots.
    run = max(re.finditer(r"[A-Za-z0-9]+", word), key=lambda found: len(found.group()))
    if len(run.group()) < 3:
        return
    middle = run.start() + (len(run.group()) + 1) // 2
    tries = [
        word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :],
        word[:middle] + word[middle + 1 :],
        word[:middle] + word[middle] + word[middle:],
    ]
    for each in tries:
        if each != word and re.fullmatch(r"[\w.-]+", each):
            yield each
