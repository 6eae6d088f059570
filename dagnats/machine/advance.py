"""The one door into the machine.

`advance` takes what the world asks and returns what has now happened and what must follow. It is
the only code that decides anything about a run. It knows no clock, no chance and no I/O: time and
ids arrive as data. An input that speaks of something past yields no event.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine.birth import first_turn
from dagnats.machine.commands import Command
from dagnats.machine.counters import assert_within
from dagnats.machine.ending import reset_steps, take_up
from dagnats.machine.events import Event
from dagnats.machine.flow import settle
from dagnats.machine.prepared import Prepared
from dagnats.machine.requests import apply
from dagnats.machine.state import END_STATUSES, RunState
from dagnats.machine.turn import Turn, top


class Transition(msgspec.Struct, frozen=True):
    """What an input led to: the state (the one given, changed in place), facts, and intentions.

    `lines` has the events as JSON. It can be taken apart like a tuple.
    """

    state: RunState
    events: list[Event]
    commands: list[Command]
    lines: list[bytes]

    def __iter__(self) -> Iterator[Any]:
        """Yield the parts."""
        return iter((self.state, self.events, self.commands, self.lines))


def start(program: Prepared, request: i.StartRun) -> Transition:
    """Begin a run. One that cannot begin has ended, and its history says why."""
    turn = first_turn(program, request)
    settle(turn)
    return _done(turn)


def advance(program: Prepared, state: RunState, request: i.Input) -> Transition:
    """Decide what an input means for a run. After a replay, a Tick comes first."""
    turn = Turn(program, state, request.at)
    if state.status in END_STATUSES:
        if isinstance(request, i.RetryRun) and state.status == "failed":
            turn.add(ev.RunRetried(*turn.head(), payload={"reset": reset_steps(turn)}))
            turn.look(top(turn))
            take_up(turn)
            settle(turn)
            return _done(turn)
        return Transition(state, [], [], [])
    apply(turn, request)
    settle(turn)
    return _done(turn)


def _done(turn: Turn) -> Transition:
    state = turn.state
    if not turn.program.ceilings.hold(state.counters):
        certificate = turn.program.program.certificate
        assert_within(certificate, state.counters, paused=state.status == "paused")
    return Transition(state, turn.events, turn.commands, turn.lines)
