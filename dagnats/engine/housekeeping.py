"""What is done twice a second: sleepers are packed, children asked after, ended runs cleared up."""

from dagnats.engine.book import Live
from dagnats.engine.errands import AskParent
from dagnats.engine.partition import Partition
from dagnats.machine.state import Calling, Ready, Running, locate

PACK_AFTER_MS = 10_000
"""A run of which nobody has heard for so long is packed, unless a worker is busy with it."""
LOOKED_AT_MAX = 2_000
"""Runs looked at in one go."""
ROUND_MS = 10_000
"""A look at all runs begins no more often; children are asked after as often."""
SLEEPERS_ASK_EVERY = 60
"""Children that sleep ask whether they are still wanted in every so many looks."""


def tidy(partition: Partition, now: int) -> None:
    """Look at a part of the runs: pack those that sleep, ask after children."""
    rounds = partition.rounds
    if not rounds.todo:
        if now < rounds.next_at:
            return
        rounds.next_at = now + ROUND_MS
        rounds.count += 1
        rounds.todo = list(partition.runs)
    for _ in range(min(LOOKED_AT_MAX, len(rounds.todo))):
        live = partition.runs.get(rounds.todo.pop())
        if live is None:
            continue
        if live.is_packed:
            if rounds.count % SLEEPERS_ASK_EVERY == 0:
                _ask_parent(partition, live)
        elif now - live.state.at > PACK_AFTER_MS:
            _look(partition, live)


def _look(partition: Partition, live: Live) -> None:
    _ask_parent(partition, live)
    if live.calls:
        for step, command in list(live.calls.items()):
            found = locate(live.program, live.state, step)
            if found is not None and isinstance(found[0].steps[found[1]], Calling):
                partition.spawn(live, command)
            else:
                del live.calls[step]
        return
    rest(live)


def rest(live: Live) -> None:
    """Pack a run in which nothing is under way."""
    if not live.calls and not _is_busy(live):
        live.pack()


def _ask_parent(partition: Partition, live: Live) -> None:
    """Let a child ask whether it is still wanted: who was to end it may have crashed."""
    parent = live.parent
    if parent is not None and parent.get("ends_with"):
        asked = AskParent(parent["run_id"], parent["step"], live.run_id, parent["partition"])
        partition.send(asked)


def _is_busy(live: Live) -> bool:
    """Whether an attempt of the run waits or is under way."""
    return any(
        isinstance(step, Ready | Running)
        for frame in live.state.frames.values()
        for step in frame.steps
    )
