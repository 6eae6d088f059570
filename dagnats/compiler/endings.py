"""How each step can end, as those see it who come after.

a: when …        b: depends_on [{step: a, allow: skipped}]
a ends `completed` or `skipped`; b sees both, and the output of the run sees both
"""

from collections import ChainMap
from collections.abc import Mapping

from msgspec import Struct

from dagnats.compiler.edges import COMPLETED, FAILED, SKIPPED, Graph
from dagnats.compiler.naming import Names
from dagnats.compiler.outline import FINALLY, ROOT, Outline
from dagnats.expr.ast import Literal
from dagnats.lang.tree import ContinueAsNew, Fail, Step, WaitForEvent

PENDING = "pending"
"""How a step has ended that has not ended, or never ran."""
EITHER = frozenset({COMPLETED, SKIPPED, FAILED})
ANY = frozenset({COMPLETED, SKIPPED, FAILED, PENDING})

Endings = Mapping[int, frozenset[str]]
"""For steps by number: how they may have ended."""


class Views(Struct, frozen=True):
    """Side table: what is known, where, about how steps have ended.

    `ends[n]`: how step n may end; nothing for one that ends the run. `own[n]`: for the expressions
    of step n, about those it waits for; `of_step[n]` also about those around its body.
    `of_body[s]`: for what is worked out when scope s has ended, about its steps. `of_output`: for
    the output of the run, about the steps at the top.
    """

    ends: tuple[frozenset[str], ...]
    own: tuple[Endings, ...]
    of_step: tuple[Endings, ...]
    of_body: tuple[Endings, ...]
    of_output: Endings


def foresee(
    outline: Outline, names: Names, graph: Graph, misread: frozenset[int] = frozenset()
) -> Views:
    """Return the side table; where there is a cycle, whatever an edge accepts is possible.

    The conditions of `misread` steps are not understood: nothing is concluded from them.
    """
    ends = _ends(outline, graph, misread)
    own: list[Endings] = [
        _own(graph, ends, number, step) for number, step in enumerate(outline.steps)
    ]
    for number, scope in enumerate(outline.scope_of):
        if scope == FINALLY and number not in outline.handlers:
            own[number] = {**_unknown(names, outline, number), **own[number]}
    _Handlers(outline, names, own).know()
    of_step: list[Endings] = []
    for number, endings in enumerate(own):
        container = outline.scopes[outline.scope_of[number]].container
        around = () if container is None else (of_step[container],)
        of_step.append(ChainMap(endings, *around))  # type: ignore[arg-type]
    of_body = tuple({n: ends[n] for n in scope.steps} for scope in outline.scopes)
    return Views(tuple(ends), tuple(own), tuple(of_step), of_body, of_body[ROOT])


def _unknown(names: Names, outline: Outline, number: int) -> dict[int, frozenset[str]]:
    """Return what a step knows of those that it, or its body, reads without waiting for them."""
    inside = range(number, outline.last[number] + 1)
    return {
        reference.target: ANY
        for at in inside
        for spot in names.mentioned[at]
        for reference in spot
        if reference.target is not None and reference.target not in inside
    }


class _Handlers:
    """Works out what handlers know: the handler of a single step what that one knew, and more.

    Handlers have handlers, in chains that may be long. What is known grows on the way down and
    shrinks on the way up, so that nothing is copied; of it each handler keeps what it asks for.
    """

    def __init__(self, outline: Outline, names: Names, own: list[Endings]) -> None:
        self._outline = outline
        self._names = names
        self._own = own
        self._handlers: dict[int, list[int]] = {}
        self._known: dict[int, frozenset[str]] = {}
        for handler, owners in outline.owners.items():
            if len(owners) == 1:
                self._handlers.setdefault(owners[0][0], []).append(handler)

    def know(self) -> None:
        """Put what handlers know in the place of what they waited for."""
        for handler in self._outline.handlers:
            self._own[handler] = _unknown(self._names, self._outline, handler)
        for first in self._handlers:
            owners = self._outline.owners.get(first, ())
            if len(owners) != 1:
                self._known = dict(self._own[first])
                self._below(first)

    def _below(self, first: int) -> None:
        """Walk down from a step that is no handler, or one of several steps."""
        before: list[tuple[int, frozenset[str] | None]] = []
        stack = [(first, iter(self._handlers[first]))]
        while stack:
            owner, left = stack[-1]
            handler = next(left, None)
            if handler is not None:
                before.append((owner, self._known.get(owner)))
                self._known[owner] = _ended(self._outline.owners[handler][0][1])
                asked = self._own[handler]
                self._own[handler] = {at: self._known.get(at, ends) for at, ends in asked.items()}
                stack.append((handler, iter(self._handlers.get(handler, ()))))
                continue
            stack.pop()
            if before:
                at, ends = before.pop()
                self._known.pop(at)
                if ends is not None:
                    self._known[at] = ends


def _ended(key: str) -> frozenset[str]:
    """Return how a step has ended whose handler runs."""
    return frozenset({FAILED if key == "on_failure" else COMPLETED})


def _own(graph: Graph, ends: list[frozenset[str]], number: int, step: Step) -> Endings:
    """Return what a step finds of those it waits for."""
    incoming = graph.edges[number]
    match step.join:
        case "all_done":
            return {edge.source: ends[edge.source] for edge in incoming}
        case "any_success" if len(incoming) > 1:
            return {edge.source: ends[edge.source] | {PENDING} for edge in incoming}
        case _:
            return {
                edge.source: ends[edge.source].intersection(edge.accepts) or EITHER
                for edge in incoming
            }


def _ends(outline: Outline, graph: Graph, misread: frozenset[int]) -> list[frozenset[str]]:
    ends = [EITHER for _ in outline.steps]
    if graph.order is None:
        return ends
    tolerated = _tolerated(outline, graph)
    for number in graph.order:
        step = outline.steps[number]
        if is_never(step):
            ends[number] = frozenset({SKIPPED})
            continue
        possible = set() if isinstance(step.config, Fail | ContinueAsNew) else {COMPLETED}
        if number in tolerated and not isinstance(step.config, ContinueAsNew):
            possible.add(FAILED)
        skips = number not in misread and _may_skip(step)
        if skips or _may_be_skipped(graph, ends, number, step):
            possible.add(SKIPPED)
        ends[number] = frozenset(possible)
    return ends


def _tolerated(outline: Outline, graph: Graph) -> set[int]:
    """Return the steps whose failure someone accepts."""
    return {
        edge.source
        for number, incoming in enumerate(graph.edges)
        for edge in incoming
        if FAILED in edge.accepts or outline.steps[number].join in {"all_done", "any_success"}
    }


def is_never(step: Step) -> bool:
    """Whether the condition of a step is written as `false`."""
    return step.when is not None and step.when.expr == Literal(False)


def _may_skip(step: Step) -> bool:
    if isinstance(step.config, WaitForEvent) and step.config.on_timeout == "skip":
        return True
    conditional = step.when is not None and step.when.expr != Literal(True)
    return conditional or step.skip_if is not None


def _may_be_skipped(graph: Graph, ends: list[frozenset[str]], number: int, step: Step) -> bool:
    incoming = graph.edges[number]
    match step.join:
        case "all_done":
            return False
        case "any_success":
            return bool(incoming) and all(ends[edge.source] != {COMPLETED} for edge in incoming)
        case _:
            return any(not ends[edge.source].issubset(edge.accepts) for edge in incoming)
