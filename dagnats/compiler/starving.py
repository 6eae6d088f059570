"""What a run waits for in vain: slots that are not there, events of its own, time for iterations.

Only attempts hold slots, and an attempt waits for nothing but its worker, so maps in each other
cannot lock each other out; but they can ask for more than there is.

wait for `done`; b: {depends_on: [wait], type: emit, event: done}   →  DN7013
wait for `done`, which nothing that is registered emits             →  DN7015
"""

from collections.abc import Callable, Collection
from typing import Final

from dagnats.compiler.declared import CANDIDATES_MAX, meant
from dagnats.compiler.ground import Ground
from dagnats.compiler.outline import Outline
from dagnats.compiler.resolved import works
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink
from dagnats.lang.tree import AgentLoop, CancelOn, Emit, Loop, Map, Planner, Step, WaitForEvent
from dagnats.timespec import format_duration

WAITS_MAX: Final = 100
"""Waits for events of the document itself that are looked at; each costs a walk."""


Emitted = Callable[[str], Collection[str]]
"""Gives the types of the events that registered workflows emit, other than the one that asks."""


def check_starving(ground: Ground, sink: Sink, emitted: Emitted | None = None) -> None:
    """Report DN7012, DN7013, DN7014 and, by what others emit, DN7015; the second not in a cycle."""
    _wide_maps(ground, sink)
    if ground.graph.order is not None:
        _own_events(ground, sink, emitted)
    if emitted is not None:
        _events_of_nobody(ground, sink, emitted)
    for step in ground.outline.steps:
        if isinstance(step.config, AgentLoop | Loop):
            _hurried(step, step.config, sink)


def _wide_maps(ground: Ground, sink: Sink) -> None:
    """Report maps that ask for more attempts at once than a run may have."""
    concurrency = ground.workflow.concurrency
    if concurrency is None or not concurrency.max_steps:
        return
    slots = concurrency.max_steps
    outline = ground.outline
    for number, step in enumerate(outline.steps):
        each = step.config
        if not isinstance(each, Map) or not each.max_concurrency:
            continue
        around = [outline.steps[at].config for at in outline.ancestors(number)]
        wide, names = each.max_concurrency, [f"`{step.id}`"]
        for at, config in zip(outline.ancestors(number), around, strict=True):
            if isinstance(config, Map):
                wide *= config.max_concurrency or 1
                names.append(f"`{outline.steps[at].id}`")
        if wide <= slots or not (works(step) or _has_work(ground, number)):
            continue
        message = f"{' in '.join(names)} would do {wide:,} items at once, and a run has {slots:,}"
        help_ = "lower `max_concurrency`, or raise `max_steps`"
        label = Label(concurrency.place("max_steps"), "attempts of one run at once")
        span = each.place("max_concurrency")
        sink.add(Diagnostic("DN7012", message, span, Severity.WARNING, (label,), help_))


def _has_work(ground: Ground, number: int) -> bool:
    """Whether a worker does a step inside of a container."""
    inside = range(number + 1, ground.outline.last[number] + 1)
    return any(works(ground.outline.steps[at]) for at in inside)


def _own_events(ground: Ground, sink: Sink, emitted: Emitted | None) -> None:
    """Report waits for what only this document emits, and only when the wait is over."""
    outline = ground.outline
    emitters: dict[str, list[int]] = {}
    following: list[list[int]] = [[] for _ in outline.steps]
    for number, step in enumerate(outline.steps):
        if isinstance(step.config, Emit):
            emitters.setdefault(step.config.event, []).append(number)
        for edge in ground.graph.edges[number]:
            following[edge.source].append(number)
    looked = 0
    for number, step in enumerate(outline.steps):
        wait = step.config
        own = emitters.get(wait.event) if isinstance(wait, WaitForEvent) else None
        if not isinstance(wait, WaitForEvent) or not own or wait.event in ground.workflow.events:
            continue
        looked += 1
        if looked > WAITS_MAX:
            return
        behind = _behind(outline, following, number)
        if all(_is_inside(outline, at, behind) for at in own):
            if emitted is not None and wait.event in emitted(ground.workflow.name):
                continue
            first = outline.steps[own[0]]
            message = f"`{step.id}` waits for `{wait.event}`, which `{first.id}` emits behind it"
            label = Label(first.place("id"), "it waits for the wait")
            help_ = "emit it before, or beside; if others emit it too, declare it in `events`"
            span = wait.place("event")
            sink.add(Diagnostic("DN7013", message, span, Severity.WARNING, (label,), help_))


def _events_of_nobody(ground: Ground, sink: Sink, emitted: Emitted) -> None:
    """Report waits for events that neither this document nor any other that is known emits."""
    workflow, configs = ground.workflow, [step.config for step in ground.outline.steps]
    if any(isinstance(each, Planner) and "emit" in each.allowed_types for each in configs):
        return  # what its plans emit, nobody knows
    own = {each.event for each in configs if isinstance(each, Emit)}
    heard: list[WaitForEvent | CancelOn] = [e for e in configs if isinstance(e, WaitForEvent)]
    heard += workflow.cancel_on
    declared = list(workflow.events)[:CANDIDATES_MAX]
    for name, first in {each.event: each for each in reversed(heard)}.items():
        if name in own or name in workflow.events or meant(name, declared):
            continue  # of what is probably misspelt DN3018 tells
        others = emitted(workflow.name)
        if name not in others:
            message = f"neither this document nor a registered workflow emits `{name}`"
            close = meant(name, sorted({*others, *own})[:CANDIDATES_MAX])
            help_ = "if it comes from outside, declare it in `events`"
            help_ = f"did you mean `{close}`?" if close else help_
            span = first.place("event")
            sink.add(Diagnostic("DN7015", message, span, Severity.INFO, help=help_))


def _behind(outline: Outline, following: list[list[int]], wait: int) -> set[int]:
    """Return the steps that begin only when a wait, or a container of it, has ended."""
    found: set[int] = set()
    stack = [wait, *outline.ancestors(wait)]
    while stack:
        for at in following[stack.pop()]:
            if at not in found:
                found.add(at)
                stack.append(at)
    return found


def _is_inside(outline: Outline, number: int, steps: set[int]) -> bool:
    """Whether a step is one of those, or in a body of one, and no handler."""
    if outline.in_handler(number):
        return False
    return number in steps or any(at in steps for at in outline.ancestors(number))


def _hurried(step: Step, loop: AgentLoop | Loop, sink: Sink) -> None:
    """Report a loop whose delays alone take longer than it may."""
    count, delay, longest = loop.max_iterations, loop.delay, loop.max_duration
    if not count or not delay or longest is None or (count - 1) * delay <= longest:
        return
    message = (
        f"`{step.id}` comes to {longest // delay + 1:,} of {count:,} iterations at the most: with "
        f"{format_duration(delay)} between two it is over after {format_duration(longest)}"
    )
    help_ = "make `delay` shorter or `max_duration` longer, or lower `max_iterations`"
    label = Label(loop.place("max_duration"), "it is over then")
    span = loop.place("max_iterations")
    sink.add(Diagnostic("DN7014", message, span, Severity.WARNING, (label,), help_))
