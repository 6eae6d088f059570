"""What of a program runs can come to, and what of it they came to: steps, branches, handlers."""

import re
from collections.abc import Iterable

from msgspec import Struct, field

from dagnats.ir.program import AgentLoopNode, LoopNode, MapNode, PlannerNode, Program, SwitchNode
from dagnats.machine import events as ev
from dagnats.machine.events import Event

_NUMBER = re.compile(r"\[\d+\]$")


class Coverage(Struct):
    """Places of a program by name, and how many runs came there."""

    seen: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program) -> "Coverage":
        """Return the coverage of no run at all."""
        return cls(dict.fromkeys(places(program), 0))

    def take(self, events: Iterable[Event]) -> None:
        """Count where a run has come to."""
        for place in {place for event in events for place in _places(event)}:
            if place in self.seen:
                self.seen[place] += 1

    @property
    def missing(self) -> list[str]:
        """Return the places that no run came to."""
        return [place for place, count in self.seen.items() if not count]

    @property
    def reached(self) -> int:
        """Return how many places some run came to."""
        return len(self.seen) - len(self.missing)


def places(program: Program) -> list[str]:
    """Return the places of a program, in the order of the document."""
    nodes = program.nodes
    handlers = {n.on_failure for n in nodes} | {n.compensate for n in nodes}
    # The one task of a map is called as the map.
    tasks = {program.bodies[n.body].first for n in nodes if isinstance(n, MapNode) and n.single}
    found = []
    for number, node in enumerate(nodes):
        name = node.id
        if number in tasks:
            continue
        what = "handler" if number in handlers else "step"
        found.append(f"{what} `{name}` runs" if what == "handler" else f"`{name}` begins")
        if node.when is not None:
            found.append(f"`{name}` is skipped by `when`")
        match node:
            case SwitchNode(cases=cases):
                found += [f"`{name}` takes case {at + 1}" for at in range(len(cases))]
                found.append(f"`{name}` matches no case")
            case LoopNode() | AgentLoopNode() if node.max_iterations > 1:
                found.append(f"`{name}` comes to a second iteration")
            case MapNode():
                found.append(f"`{name}` has an item")
            case PlannerNode():
                found.append(f"`{name}` has a plan that runs")
            case _:
                pass
    if program.finally_body is not None:
        found.append("`finally` runs")
    return found


def _places(event: Event) -> list[str]:
    if isinstance(event, ev.FinallyStarted):
        return ["`finally` runs"]
    if not isinstance(event, ev.OfStep):
        return []
    bare = _NUMBER.sub("", event.step_id)
    name = bare.rpartition(".")[2]
    match event:
        case ev.StepSkipped(payload={"reason": "condition"}):
            return [f"`{name}` is skipped by `when`"]
        case ev.StepSkipped() | ev.StepCancelled():
            return []
        case ev.CaseChosen(payload={"case": case}):
            way = "matches no case" if case < 0 else f"takes case {case + 1}"
            return [f"`{name}` begins", f"`{name}` {way}"]
        case _:
            found = [f"`{name}` begins", f"handler `{name}` runs"]
            if event.iteration > 1:
                found.append(f"`{name}` comes to a second iteration")
            if bare != event.step_id or isinstance(event, ev.ItemStarted):
                found.append(f"`{name}` has an item")
            if isinstance(event, ev.StepCompleted) and event.payload == {}:
                found.append(f"`{name}` matches no case")
            if isinstance(event, ev.Planned):
                found.append(f"`{name}` has a plan that runs")
            return found
