"""Whether there is time enough: what has to be slept through against the limits around it.

timeout: 1h   steps: [{id: nap, type: sleep, config: {duration: 2h}}]   →  DN7005

Only what is sure counts: sleeps of a written duration that no condition can skip, one after the
other where they wait for each other, once in a loop, not at all in a map.
"""

from collections.abc import Sequence
from typing import Final

from dagnats.compiler.ground import Ground
from dagnats.compiler.outline import FINALLY, ROOT
from dagnats.compiler.resolved import kind_of, slept_ms
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span
from dagnats.expr.ast import Literal
from dagnats.lang import tree
from dagnats.lang.tree import Step
from dagnats.timespec import format_duration

_NONE: Final = (0, None)
Least = tuple[int, int | None]
"""How long something takes at the least, and the step that takes most of it."""


def check_time(ground: Ground, sink: Sink) -> None:
    """Report DN7005 where a run, or an iteration, cannot end in its time; not in a cycle."""
    if ground.graph.order is not None:
        _Least(ground, sink).check()


class _Least:
    def __init__(self, ground: Ground, sink: Sink) -> None:
        self._ground = ground
        self._sink = sink
        self._least: list[Least] = [_NONE] * len(ground.outline.steps)
        self._in_order: list[list[int]] = [[] for _ in ground.outline.scopes]

    def check(self) -> None:
        outline, order = self._ground.outline, self._ground.graph.order
        if all(kind_of(step) != "sleep" for step in outline.steps):
            return
        for number in order or ():
            if number not in outline.handlers:
                self._in_order[outline.scope_of[number]].append(number)
        # Bodies come behind their containers.
        for number in reversed(range(len(outline.steps))):
            self._least[number] = self._of_step(number, outline.steps[number])
        workflow = self._ground.workflow
        if workflow.timeout is not None:
            self._report(self._of_scope(ROOT), workflow.timeout, workflow.place("timeout"), "run")
            self._report(
                self._of_scope(FINALLY), workflow.timeout, workflow.place("timeout"), "run"
            )

    def _of_step(self, number: int, step: Step) -> Least:
        bodies = [self._of_scope(at) for at in self._ground.outline.bodies.get(number, ())]
        match step.config:
            case tree.Sleep() as sleep:
                return (slept_ms(sleep) or 0, number)
            case tree.AgentLoop() | tree.Loop() as loop if bodies:
                if loop.max_duration is not None:
                    place = loop.place("max_duration")
                    self._report(bodies[0], loop.max_duration, place, "loop")
                is_sure = isinstance(loop, tree.AgentLoop) or loop.while_ is None
                return bodies[0] if is_sure else _NONE
            case tree.Switch(default=default) if default is not None:
                return min(bodies, key=lambda least: least[0], default=_NONE)
            case _:
                return _NONE

    def _of_scope(self, at: int) -> Least:
        """Return the longest way through the steps that are sure to run."""
        ends: dict[int, Least] = {}
        sure: set[int] = set()
        for number in self._in_order[at]:
            sources = [edge.source for edge in self._ground.graph.edges[number]]
            if not self._is_sure(self._ground.outline.steps[number], sources, sure):
                continue
            sure.add(number)
            before = max((ends[source] for source in sources), key=_length, default=_NONE)
            own = self._least[number]
            most = own[1] if self._own(own) >= self._own(before) else before[1]
            ends[number] = (before[0] + own[0], most)
        return max(ends.values(), key=_length, default=_NONE)

    def _is_sure(self, step: Step, sources: Sequence[int], sure: set[int]) -> bool:
        if step.when is not None and step.when.expr != Literal(True):
            return False
        return step.join != "any_success" and all(source in sure for source in sources)

    def _own(self, least: Least) -> int:
        return 0 if least[1] is None else self._least[least[1]][0]

    def _report(self, least: Least, limit: int, span: Span, what: str) -> None:
        length, longest = least
        if length <= limit or longest is None:
            return
        step = self._ground.outline.steps[longest]
        iteration = "an iteration" if what == "loop" else "a run"
        message = (
            f"{iteration} takes {format_duration(length)} at the least, and the {what} ends after "
            f"{format_duration(limit)}"
        )
        label = Label(step.place("id"), f"`{step.id}` sleeps")
        help_ = f"make `{step.id}` shorter, or this longer"
        self._sink.add(Diagnostic("DN7005", message, span, Severity.WARNING, (label,), help_))


def _length(least: Least) -> int:
    return least[0]
