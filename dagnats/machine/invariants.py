"""What is true of every state between two turns. Asserted by tests after each event."""

from dagnats.machine.prepared import Prepared
from dagnats.machine.state import Completed, Ended, Open, Pending, RunState


def violations(program: Prepared, state: RunState) -> list[str]:
    """Return what is wrong with a state that a turn has left behind; nothing if it is sound."""
    return [*_counters(program, state), *_liveness(program, state), *_ends(program, state)]


def _counters(program: Prepared, state: RunState) -> list[str]:
    found = []
    still_open = sum(1 for step in state.steps if not isinstance(step, Ended))
    if state.open != still_open:
        found.append(f"`open` is {state.open}, but {still_open} steps have not ended")
    for index, node in enumerate(program.nodes):
        unmet = sum(1 for e in node.edges if not isinstance(state.steps[e.source], Ended))
        if state.unmet[index] != unmet:
            found.append(f"`{node.id}` counts {state.unmet[index]} unmet dependencies, not {unmet}")
    return found


def _liveness(program: Prepared, state: RunState) -> list[str]:
    if state.ended:
        return []
    if not any(isinstance(step, Open) for step in state.steps):
        return ["the run is alive, but nothing can ever happen to it"]
    return [
        f"`{program.nodes[index].id}` is pending with all its dependencies settled"
        for index, step in enumerate(state.steps)
        if isinstance(step, Pending) and state.unmet[index] == 0
    ]


def _ends(program: Prepared, state: RunState) -> list[str]:
    found = []
    for index, step in enumerate(state.steps):
        node = program.nodes[index]
        if state.ended and not isinstance(step, Ended):
            found.append(f"the run has ended, `{node.id}` has not")
        if isinstance(step, (Completed, *Open)) and state.unmet[index]:
            found.append(f"`{node.id}` began before its dependencies settled")
    return found
