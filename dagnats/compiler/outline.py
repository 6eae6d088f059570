"""Every step of a document in one flat list, and the scopes that bodies make of them.

steps: [a, fan: {map: [b]}, d]    →  a, fan, b, d; scopes: root [a, fan, d], body of fan [b]

Later passes number steps by this list. A body is a scope of its own: it sees what stands outside
of it, and nothing outside sees into it.
"""

from collections.abc import Iterator

from msgspec import Struct

from dagnats.compiler.spots import Spot, spots
from dagnats.lang.tree import AgentLoop, Loop, Map, Step, Switch, Workflow

ROOT, FINALLY = 0, 1

Owners = dict[int, tuple[tuple[int, str], ...]]
"""For a handler: who names it, and with which key."""


class Scope(Struct, frozen=True):
    """Steps that see each other. `container` is the step whose body they are.

    `name` tells the bodies of one step apart: `steps`, `default`, or the number of a case.
    """

    name: str
    container: int | None
    steps: tuple[int, ...]
    outer: int | None = None


class Outline(Struct, frozen=True):
    """Side table: steps in document order, bodies after their container; `finally` comes last.

    `index` gives the number of an id, the first one where an id stands twice. `handlers` are
    steps that run only when `on_failure` or `compensate` of another names them, with that key;
    `owners` are those others, each with its key; of a circle of handlers, one is nobody's.
    `bodies` gives the scopes of a container, and `last` the last step inside of each step, itself
    where it has no body.
    """

    steps: tuple[Step, ...]
    scope_of: tuple[int, ...]
    scopes: tuple[Scope, ...]
    index: dict[str, int]
    handlers: dict[int, str]
    owners: Owners
    bodies: dict[int, tuple[int, ...]]
    last: tuple[int, ...]
    expressions: tuple[tuple[Spot, ...], ...]

    def ancestors(self, number: int) -> Iterator[int]:
        """Yield the containers of a step, the innermost first."""
        container = self.scopes[self.scope_of[number]].container
        while container is not None:
            yield container
            container = self.scopes[self.scope_of[container]].container

    def seen_from(self, scope: int) -> Iterator[int]:
        """Yield a scope and those around it, innermost first."""
        at: int | None = scope
        while at is not None:
            yield at
            at = self.scopes[at].outer

    def beside(self, number: int, scope: int) -> int | None:
        """Return the step, or the container of it, that stands in a scope; None if none does."""
        at: int | None = number
        while at is not None and self.scope_of[at] != scope:
            at = self.scopes[self.scope_of[at]].container
        return at

    def in_handler(self, number: int) -> bool:
        """Whether a step is a handler, or in a body of one."""
        return number in self.handlers or any(at in self.handlers for at in self.ancestors(number))

    def spots(self, number: int) -> tuple[Spot, ...]:
        """Return where the step has expressions."""
        return self.expressions[number]


def outline(workflow: Workflow) -> Outline:
    """Return the side table of a workflow; linear in its size."""
    builder = _Builder()
    builder.top("steps", None, workflow.steps)
    builder.top("finally", ROOT, workflow.finally_)
    while builder.waiting:
        builder.next()
    return builder.done()


def bodies(step: Step) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """Yield the bodies of a step by name, in document order."""
    match step.config:
        case AgentLoop(steps=steps) | Loop(steps=steps) | Map(steps=steps):
            if steps:
                yield "steps", steps
        case Switch(cases=cases, default=default):
            for number, case in enumerate(cases):
                yield str(number), case.steps
            if default is not None:
                yield "default", default
        case _:
            return


class _Builder:
    """Numbers steps depth first, so that a body comes right behind its container."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.scope_of: list[int] = []
        self.scopes: list[tuple[str, int | None, int | None, list[int]]] = []
        self.waiting: list[tuple[Step, int]] = []

    def top(self, name: str, outer: int | None, steps: tuple[Step, ...]) -> None:
        """Open a scope of the document itself; what was opened before it is walked before it."""
        scope = self._opened(name, None, outer)
        self.waiting = [(step, scope) for step in reversed(steps)] + self.waiting

    def _opened(self, name: str, container: int | None, outer: int | None) -> int:
        self.scopes.append((name, container, outer, []))
        return len(self.scopes) - 1

    def next(self) -> None:
        step, scope = self.waiting.pop()
        number = len(self.steps)
        self.steps.append(step)
        self.scope_of.append(scope)
        self.scopes[scope][3].append(number)
        inner = [(self._opened(name, number, scope), steps) for name, steps in bodies(step)]
        for at, steps in reversed(inner):
            self.waiting += [(inside, at) for inside in reversed(steps)]

    def done(self) -> Outline:
        index: dict[str, int] = {}
        for number, step in enumerate(self.steps):
            index.setdefault(step.id, number)
        owners = self._owners(index)
        inner: dict[int, tuple[int, ...]] = {}
        for at, (_, container, _, _) in enumerate(self.scopes):
            if container is not None:
                inner[container] = (*inner.get(container, ()), at)
        return Outline(
            tuple(self.steps),
            tuple(self.scope_of),
            tuple(Scope(n, c, tuple(found), o) for n, c, o, found in self.scopes),
            index,
            {handler: found[0][1] for handler, found in owners.items()},
            owners,
            inner,
            self._last(),
            tuple(map(spots, self.steps)),
        )

    def _owners(self, index: dict[str, int]) -> Owners:
        """Return the handlers with those that name them, themselves left out."""
        owners: Owners = {}
        for number, step in enumerate(self.steps):
            for key, name in (("on_failure", step.on_failure), ("compensate", step.compensate)):
                handler = None if name is None else index.get(name)
                if handler is not None and handler != number:
                    owners[handler] = (*owners.get(handler, ()), (number, key))
        ordinary = _ordinary(owners, self.steps)
        return {at: named for at, named in owners.items() if at not in ordinary}

    def _last(self) -> tuple[int, ...]:
        last = list(range(len(self.steps)))
        for number in reversed(last.copy()):
            container = self.scopes[self.scope_of[number]][1]
            if container is not None:
                last[container] = max(last[container], last[number])
        return tuple(last)


def _ordinary(owners: Owners, steps: list[Step]) -> set[int]:
    """Return one step of each circle of handlers, to be taken for an ordinary one; linear.

    DN3012 tells the circle; what its steps read of each other needs no words besides. A step that
    says what it waits for was an ordinary one before somebody closed the circle.
    """
    handlers: dict[int, list[int]] = {}
    for handler, named in owners.items():
        for owner, _ in named:
            if owner in owners:
                handlers.setdefault(owner, []).append(handler)
    closing, done = set[int](), set[int]()
    for first in sorted(handlers, key=lambda at: (not steps[at].depends_on, at)):
        way = [] if first in done else [(first, iter(handlers[first]))]
        under_way = {at for at, _ in way}
        while way:
            at, remaining = way[-1]
            following = next(remaining, None)
            if following is None:
                way.pop()
                under_way.discard(at)
                done.add(at)
            elif following in under_way:
                closing.add(following)
            elif following not in done:
                under_way.add(following)
                way.append((following, iter(handlers.get(following, ()))))
    return closing
