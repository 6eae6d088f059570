"""Who is meant: ids of steps are unique, and every name of a step leads to one that is seen here.

depends_on: [fetsh]      →  DN3002 there is no step `fetsh`, did you mean `fetch`?
"""

import difflib
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.compiler.remembered import once
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Edit, Fix, Label, Sink, Span
from dagnats.expr.ast import Expr
from dagnats.expr.checking.check import references
from dagnats.lang.tree import Embedded, Trigger, Workflow

LISTED_MAX = 8
"""Names of steps that a help line lists."""
SLIP_MAX = 2
"""Characters by which a misspelt name is longer or shorter."""
CANDIDATES_MAX = 20
"""Names of one length that a name which nobody has is compared with."""
GUESSES_MAX = 200
"""Names that nobody has for which a meant one is sought, in one document: it takes half a
millisecond. Further ones are reported all the same, with the steps that there are."""


class Reference(Struct, frozen=True):
    """A mention of a step; `target` is its number, None when there is none that is seen here."""

    name: str
    target: int | None
    span: Span


class Names(Struct, frozen=True):
    """Side table: whom the expressions of each step, and of the document, mention.

    `mentioned[n]` has one entry for each spot of step n, in the order of `Outline.spots`.
    `dependencies[n]` are the targets of its `depends_on`, in order, None where there is none.
    """

    mentioned: tuple[tuple[tuple[Reference, ...], ...], ...]
    dependencies: tuple[tuple[int | None, ...], ...]
    by_output: tuple[Reference, ...]


def resolve(workflow: Workflow, outline: Outline, sink: Sink) -> Names:
    """Return the side table.

    DN3001: an id of steps, or of triggers, used twice. DN3002: no such step. DN3005: a step that is
    not seen from here.
    """
    return _Resolver(outline, sink).resolve(workflow)


class _Resolver:
    def __init__(self, outline: Outline, sink: Sink) -> None:
        self._outline = outline
        self._sink = sink
        self._guesses: dict[tuple[str, tuple[int, ...]], str | None] = {}
        self._by_length: dict[int, dict[int, list[str]]] = {}
        # The first step of an id has it, as in `Outline.index`.
        self._own: list[dict[str, int]] = [
            {outline.steps[number].id: number for number in reversed(scope.steps)}
            for scope in outline.scopes
        ]

    def resolve(self, workflow: Workflow) -> Names:
        self._unique()
        self._unique_triggers(workflow)
        mentioned, dependencies = [], []
        for number, step in enumerate(self._outline.steps):
            around = tuple(self._outline.seen_from(self._outline.scope_of[number]))
            dependencies.append(
                tuple(
                    self._target(dependency.step, dependency.place("step"), around)
                    for dependency in step.depends_on
                )
            )
            for key, name in (("on_failure", step.on_failure), ("compensate", step.compensate)):
                if name is not None:
                    self._target(name, step.place(key), around)
            mentioned.append(
                tuple(
                    tuple(self._mentions(spot.embedded, (*self._body(number, spot.body), *around)))
                    for spot in self._outline.spots(number)
                )
            )
        output = workflow.output
        by_output = () if output is None else tuple(self._mentions(output, (ROOT,)))
        return Names(tuple(mentioned), tuple(dependencies), by_output)

    def _body(self, number: int, name: str | None) -> tuple[int, ...]:
        """Return the bodies of a step that an expression in its config sees."""
        if name is None:
            return ()
        scopes = self._outline.scopes
        return tuple(
            at for at in self._outline.bodies.get(number, ()) if name in {scopes[at].name, "*"}
        )

    def _unique(self) -> None:
        for number, step in enumerate(self._outline.steps):
            first = self._outline.index[step.id]
            if first == number:
                continue
            labels = (Label(self._outline.steps[first].place("id"), "first defined here"),)
            message = f"two steps have the id `{step.id}`"
            help_ = "give one of them another id"
            if self._outline.scope_of[first] != self._outline.scope_of[number]:
                help_ += "; the steps of bodies count too"
            self._sink.add(
                Diagnostic("DN3001", message, step.place("id"), labels=labels, help=help_)
            )

    def _unique_triggers(self, workflow: Workflow) -> None:
        first: dict[str, Trigger] = {}
        for trigger in workflow.triggers:
            other = first.setdefault(trigger.id, trigger)
            if other is not trigger:
                message = f"two triggers have the id `{trigger.id}`"
                labels = (Label(other.place("id"), "first defined here"),)
                help_ = "give one of them another id"
                span = trigger.place("id")
                self._sink.add(Diagnostic("DN3001", message, span, labels=labels, help=help_))

    def _mentions(self, embedded: Embedded, seen: tuple[int, ...]) -> Iterator[Reference]:
        for name, node in once(_referred, embedded.expr):
            span = embedded.spans.get(node.id, NOWHERE)
            yield Reference(name, self._target(name, span, seen), span)

    def _target(self, name: str, span: Span, seen: tuple[int, ...]) -> int | None:
        """Return the step of that name in the first of the scopes that has one."""
        for scope in seen:
            if (target := self._own[scope].get(name)) is not None:
                return target
        elsewhere = self._outline.index.get(name)
        if elsewhere is None:
            self._sink.add(_unknown(name, span, self._guess(name, seen), self._known(seen)))
        else:
            self._sink.add(self._hidden(elsewhere, span))
        return None

    def _guess(self, name: str, seen: tuple[int, ...]) -> str | None:
        """Return the step that was probably meant, as long as the document has guesses left."""
        key = (name, seen)
        if key not in self._guesses and len(self._guesses) < GUESSES_MAX:
            near = difflib.get_close_matches(name, self._candidates(name, seen), 1)
            self._guesses[key] = near[0] if near else None
        return self._guesses.get(key)

    def _candidates(self, name: str, seen: tuple[int, ...]) -> list[str]:
        """Return steps of about that length, a few of each scope."""
        found: list[str] = []
        for scope in seen:
            by_length = self._by_length.get(scope)
            if by_length is None:
                by_length = self._by_length[scope] = {}
                for step in self._own[scope]:
                    by_length.setdefault(len(step), []).append(step)
            for length in range(len(name) - SLIP_MAX, len(name) + SLIP_MAX + 1):
                found += by_length.get(length, ())[:CANDIDATES_MAX]
        return found

    def _known(self, seen: tuple[int, ...]) -> list[str]:
        """Return some of the steps that there are."""
        own = (step for scope in seen for step in self._own[scope])
        return list(islice(own, LISTED_MAX + 1))

    def _hidden(self, target: int, span: Span) -> Diagnostic:
        """Say why a step that exists is not seen."""
        outline = self._outline
        name, scope = outline.steps[target].id, outline.scopes[outline.scope_of[target]]
        label = (Label(outline.steps[target].place("id"), "it stands here"),)
        if scope.container is None:
            message = f"`{name}` runs when everything else has ended, and is not seen from here"
            assert outline.scope_of[target] == FINALLY, "the steps of the document are seen by all"
            return Diagnostic("DN3005", message, span, labels=label)
        container = outline.steps[scope.container].id
        message = f"`{name}` is inside of `{container}` and not seen from here"
        help_ = f"refer to `{container}`, whose output is made of its body's"
        return Diagnostic("DN3005", message, span, labels=label, help=help_)


def _referred(expr: Expr) -> tuple[tuple[str, Expr], ...]:
    return tuple(references(expr))


def _unknown(name: str, span: Span, guess: str | None, seen: list[str]) -> Diagnostic:
    message = f"there is no step `{name}`"
    if guess is None:
        known = ", ".join(f"`{known}`" for known in seen[:LISTED_MAX])
        more = ", …" if len(seen) > LISTED_MAX else ""
        return Diagnostic("DN3002", message, span, help=f"the steps are {known}{more}")
    fixes: tuple[Fix, ...] = ()
    # The bare word of `depends_on`; in a quote or an expression the span is longer than the name.
    if span.end.offset - span.start.offset == len(name):
        fixes = (Fix(f"write `{guess}`", (Edit(span, guess),)),)
    return Diagnostic("DN3002", message, span, help=f"did you mean `{guess}`?", fixes=fixes)
