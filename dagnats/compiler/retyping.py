"""An expression that was judged before, among the same types, is not judged again.

What an expression is judged among are the roots that it reads, the steps that it mentions, each
with its output and its ends, and what is known of them besides: its surroundings. They are told
apart by the identity of types, so types that are made from the same schema have to be the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from dagnats.compiler.endings import Endings
from dagnats.compiler.naming import Reference
from dagnats.compiler.reads import Read
from dagnats.compiler.remembered import Heard, Key, Notes, active
from dagnats.compiler.spots import Spot
from dagnats.diagnostics.diagnostic import Sink
from dagnats.expr.checking.check import STEPS, Checked
from dagnats.expr.checking.narrow import Facts
from dagnats.expr.types import Object, Type

Check = Callable[[Sink], Checked]
Surroundings = tuple[Key, list[object]]
"""What tells them apart, and the objects whose ids are in it."""


class Seen(NamedTuple):
    """The steps that an expression mentions, and how those that it sees have ended."""

    mentioned: tuple[Reference, ...]
    view: Endings


def surroundings(
    reads: Iterable[Read],
    roots: Mapping[str, Type],
    facts: Facts,
    seen: Seen | None,
    outputs: Sequence[Type | None],
) -> Surroundings:
    """Return what an expression is judged among."""
    key: list[object] = []
    about: list[object] = []
    read = {each.root for each in reads}
    for name in sorted(read):
        type_ = roots.get(name)
        key += name, id(type_)
        about.append(type_)
    for path, known in facts.items():
        if path[0] in read or path[0] == STEPS:
            key += path, id(known)
            about.append(known)
    for reference in () if seen is None else seen.mentioned:
        target = reference.target
        output = None if target is None else outputs[target]
        ends = None if target is None or seen is None else seen.view.get(target)
        key += reference.name, ends, id(output)
        about.append(output)
    return tuple(key), about


def retyped(notes: Notes, spot: Spot, among: Surroundings, check: Check, sink: Sink) -> Checked:
    """Return the expression as it was judged before, or judge it; one with findings is not kept."""
    expr = spot.embedded.expr
    key = (retyped, id(expr), spot.key, spot.returns, *among[0])
    checked: Checked | None = notes.recall(key)
    if checked is None:
        heard = Heard(to=sink)
        checked = check(heard)
        if heard.is_silent:
            notes.keep(key, (expr, among[1]), checked)
    return checked


def object_of(fields: dict[str, tuple[Type, bool]], name: str) -> Object:
    """Return an object of such fields; of the same types it is the same object."""
    notes = active()
    if notes is None:
        return Object(fields, name=name)
    key = (object_of, name, *[(each, id(type_), sure) for each, (type_, sure) in fields.items()])
    found: Object | None = notes.recall(key)
    if found is None:
        found = Object(fields, name=name)
        notes.keep(key, found, found)
    return found
