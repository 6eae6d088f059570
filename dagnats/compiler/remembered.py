"""What was worked out before: an editor judges the same hundreds of expressions at every keystroke.

An expression that was parsed before is the same object (`expr.syntax.memory`), so that whatever
follows from it alone, or from it and the same types, is known already. Nothing that is remembered
knows a place in a text, and nothing that led to a finding is remembered.

    understand ─ the same trees ─▶ judge ─ the same types ─▶ prove

Without a memory everything is worked out as ever; with one, the same is found.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from dagnats.diagnostics.diagnostic import Diagnostic, Sink
from dagnats.expr.ast import Expr, ListOf, Literal, MapOf

_Of = TypeVar("_Of")
_Worked = TypeVar("_Worked")

Key = tuple[Hashable, ...]


class Notes:
    """What was worked out for the last text; `worked` counts what was not known.

    Objects are known by their identity: a note holds what it is about, so that its id stays its
    own. What a text did not ask for is forgotten with the next one.
    """

    __slots__ = ("_before", "_now", "worked")

    def __init__(self) -> None:
        self._before: dict[Key, tuple[Any, Any]] = {}
        self._now: dict[Key, tuple[Any, Any]] = {}
        self.worked = 0

    def next_text(self) -> None:
        """Begin a text."""
        self._before, self._now = self._now, {}

    def recall(self, key: Key) -> Any:
        """Return what was worked out, None where nothing was."""
        note = self._now.get(key)
        if note is None:
            note = self._before.get(key)
            if note is None:
                return None
            self._now[key] = note
        return note[1]

    def keep(self, key: Key, about: Any, found: Any) -> None:
        """Remember what was worked out; `about` holds each object whose id is in the key."""
        self.worked += 1
        self._now[key] = about, found


class Heard(Sink, kw_only=True):
    """Passes findings on to another sink; `is_silent` until there is one."""

    to: Sink
    is_silent: bool = True

    def add(self, diagnostic: Diagnostic) -> None:
        """Record a finding, there."""
        self.is_silent = False
        self.to.add(diagnostic)


_active: list[Notes] = []


def active() -> Notes | None:
    """Return the notes in use, if any."""
    return _active[-1] if _active else None


@contextmanager
def noting(notes: Notes) -> Iterator[None]:
    """Let the compiler use notes; one thread at a time may."""
    _active.append(notes)
    try:
        yield
    finally:
        _active.pop()


def once(work: Callable[..., _Worked], about: _Of, *also: Hashable) -> _Worked:
    """Return `work(about, *also)`, which is never None, and follows from nothing else."""
    notes = active()
    if notes is None:
        return work(about, *also)
    key = (work, id(about), *also)
    found: _Worked | None = notes.recall(key)
    if found is None:
        found = work(about, *also)
        notes.keep(key, about, found)
    return found


def same(expr: Expr) -> Expr:
    """Return the tree that was there before, when it is the same down to the ids of its nodes.

    Of a template only the expressions in it are parsed, and its own nodes are made anew.
    """
    notes = active()
    if notes is None or not isinstance(expr, MapOf | ListOf | Literal):
        return expr
    key = ("tree", _shape(expr))
    found: Expr | None = notes.recall(key)
    if found is None:
        found = expr
        notes.keep(key, expr, expr)
    return found


def _shape(node: Expr) -> Key:
    match node:
        case Literal(value=str() as text, id=number):
            return Literal, number, text
        case Literal(value=value, id=number):
            # Equal is not the same: 1, 1.0 and true are equal.
            kind: type = type(value)
            return Literal, number, kind, repr(value)
        case MapOf(entries=entries, optional=optional, id=number):
            shapes = [(_shape(key), _shape(value)) for key, value in entries]
            return MapOf, number, optional, tuple(shapes)
        case ListOf(items=items, optional=optional, id=number):
            return ListOf, number, optional, tuple([_shape(item) for item in items])
        case _:
            return Expr, id(node)
