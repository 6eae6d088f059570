"""However long the history of a run becomes, what an engine keeps of it stays as it is."""

from typing import Any

import msgspec
import pytest

from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.commands import Enqueue, GoOn
from dagnats.machine.state import RunState
from dagnats.machine.ticking import next_due_ms
from tests.machine.world import BEGIN_MS, compiled, uncertified

NUMBERS = 40
"""More bytes than this can't come from counters that got longer."""
LOOP = (
    "steps: [{id: l, type: loop, config: {max_iterations: 600, while: 'true', "
    "on_exhausted: complete, state: '{\"n\": loop.iteration}', "
    "steps: [{id: a, task: t}, {id: b, task: t, depends_on: [a], on_failure: h}, "
    "{id: h, task: t}]}}]"
)
AGENT = (
    "steps: [{id: l, type: agent_loop, task: t, "
    "config: {max_iterations: 600, until: 'false', on_exhausted: complete}}]"
)
WAITING = (
    "steps: [{id: l, type: loop, config: {max_iterations: 600, while: 'true', "
    "on_exhausted: complete, steps: [{id: a, task: t}, {id: s, type: sleep, depends_on: [a], "
    "config: {duration: 1s}}]}}]"
)
AGAIN = (
    "steps: [{id: a, task: t}, {id: s, type: continue_as_new, depends_on: [a], "
    "config: {input: '${{ input }}', max_generations: 200}}]"
)


def sizes(document: str, input_: Any = None) -> tuple[dict[int, int], RunState]:
    """Play a run, and measure its state whenever its first task of a round is queued."""
    prepared = uncertified(compiled(document))
    state, _, todo, _ = start(prepared, i.StartRun(BEGIN_MS, "r", "sha256:test", input_))
    found: dict[int, int] = {}
    at, rounds = BEGIN_MS, 0
    while not state.ended:
        if not todo:
            at = max(at, next_due_ms(prepared, state))
            todo = advance(prepared, state, i.Tick(at)).commands
        following = []
        for command in todo:
            if isinstance(command, Enqueue):
                if command.step in {"l", "a"} or command.step.endswith(".a"):
                    rounds += 1
                    found[rounds] = len(msgspec.json.encode(state))
                advance(prepared, state, i.Deliver(at, command.step, "w"))
                head = (at, command.step, command.attempt, command.iteration)
                failed = command.step.endswith(".b")
                result = i.Fail(*head, "boom", "no") if failed else i.Complete(*head, 1)
                following += advance(prepared, state, result).commands
            elif isinstance(command, GoOn):
                following += advance(prepared, state, i.Tick(at)).commands
        todo = following
    return found, state


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(LOOP, id="a loop"),
        pytest.param(AGENT, id="an agent"),
        pytest.param(WAITING, id="a loop that sleeps"),
        pytest.param(AGAIN, id="generations"),
    ],
)
def test_the_state_of_a_run_does_not_grow_with_its_history(document: str) -> None:
    found, state = sizes(document)
    last = max(found)
    assert last >= 150
    assert state.seq > 3 * last
    assert found[last] - found[10] <= NUMBERS, (found[10], found[last])
