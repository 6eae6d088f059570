"""What the logs say, as far as they are written, and what is forgotten of it.

No event ever refers to a value that is not there. A run is forgotten after its end only, and never
while its parent waits for it, or another run that is there refers to its values. Then all it has
left is removed, and nothing else.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from dagnats.claims import KEY, found_in
from dagnats.machine import events as ev
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import END_STATUSES, Calling, RunState
from dagnats.testing.world import World

Attempt = tuple[str, int, str, int, int]
"""Run, life, step, iteration, attempt."""

_MARK = f'"{KEY}"'.encode()
_encode = msgspec.json.Encoder().encode


class Run:
    """A run as the log tells it."""

    __slots__ = (
        "ended",
        "home",
        "life",
        "offsets",
        "program",
        "retries",
        "state",
        "to_undo",
        "undone",
    )

    def __init__(self, program: Prepared, state: RunState, home: int) -> None:
        self.home = home
        self.offsets: list[int] = []
        self.program = program
        self.state = state
        self.retries = 0
        self.life = 1
        self.ended = 0
        self.to_undo: list[str] = []
        self.undone: list[str] = []


class Ledger:
    """The logs and the runs in them; `forgotten` are the ids of those that are gone."""

    def __init__(self, fail: Callable[[str], None], world: World) -> None:
        self.fail = fail
        self.world = world
        self.runs: dict[str, Run] = {}
        self.live: dict[str, Run] = {}
        self.begun: set[str] = set()
        self.forgotten: set[str] = set()
        self.logs: list[list[bytes]] = [[] for _ in world.disks]
        self.started: dict[tuple[Attempt, int], str] = {}
        self.completed: set[Attempt] = set()
        self.keys: dict[tuple[str, str], str] = {}
        self.latest_ms = 0
        """The latest time that any event has: the clocks of owners differ."""
        self._gone: dict[int, set[int]] = {}

    @property
    def lines(self) -> int:
        """Return how many events there are in all logs."""
        return sum(map(len, self.logs))

    def written(self, line: bytes, event: Any) -> None:
        """Check what an event refers to, as it is stored, and note when it was."""
        self.latest_ms = max(self.latest_ms, ev.milliseconds(event.timestamp))
        if _MARK in line:
            self.check_claims(f"event {line[:20]!r}", [msgspec.json.decode(line)])
        if isinstance(event, ev.RunRetried):
            run = self.runs[event.run_id]
            self.check_claims(f"{event.run_id}, which goes on,", [_state(run)])

    def check_claims(self, who: str, values: Iterable[Any]) -> None:
        """Check that all that values refer to is there."""
        stored = self.world.payloads
        for value in values:
            for one in found_in(value):
                if not stored.has(one):
                    self.fail(f"{who} refers to {one}, which is not there")

    def forget(self, number: int, run_ids: Iterable[str]) -> None:
        """Take note that a partition forgets runs."""
        going = set(run_ids)
        for run_id in going:
            run = self.runs.get(run_id)
            if run is None:
                if run_id not in self.begun:
                    self.fail(f"{run_id} is forgotten, and has never been")
                continue
            self._check_unneeded(run_id, run, number)
        for run_id in going & self.runs.keys():
            self._gone.setdefault(number, set()).update(self.runs.pop(run_id).offsets)
            self.started = {k: v for k, v in self.started.items() if k[0][0] != run_id}
            self.completed = {one for one in self.completed if one[0] != run_id}
        self.keys = {key: run_id for key, run_id in self.keys.items() if run_id not in going}
        self.forgotten |= going
        self._check_unreferred(going)

    def _check_unneeded(self, run_id: str, run: Run, number: int) -> None:
        if run.home != number or run.state.status not in END_STATUSES:
            self.fail(f"{run_id} of {run.home} is {run.state.status}, and {number} forgets it")
        parent = self.live.get((run.state.birth.get("parent") or {}).get("run_id", ""))
        if parent is not None and any(
            isinstance(step, Calling) and step.child_run_id == run_id
            for frame in parent.state.frames.values()
            for step in frame.steps
        ):
            self.fail(f"{run_id} is forgotten, and its parent waits for it")

    def _check_unreferred(self, going: set[str]) -> None:
        for run_id, run in self.runs.items():
            for one in found_in(_state(run)):
                if one.run_id in going:
                    self.fail(f"{run_id} refers to {one}, which is forgotten")

    def left(self, number: int) -> list[bytes]:
        """Return the log of a partition without what is forgotten."""
        gone = self._gone.get(number, set())
        log = self.logs[number]
        return [line for at, line in enumerate(log) if at not in gone]

    def left_over(self) -> list[str]:
        """Return which runs that are forgotten have left something."""
        world = self.world
        history = {run_id for run_id, _ in world.shared.stream.entries}
        values = {run_id for run_id, _ in world.payloads.stored}
        kept = {run_id for run_id, _ in world.shared.checkpoints}
        return sorted((history | values | kept) & self.forgotten - self.runs.keys())

    def check_all_gone(self) -> None:
        """Check that nothing is left, when everything is old enough to be forgotten."""
        if self.runs:
            self.fail(f"{sorted(self.runs)[:5]} have not been forgotten in time")
        if self.left_over():
            self.fail(f"{self.left_over()[:5]} are forgotten, and something of them is left")


def _state(run: Run) -> Any:
    data = _encode(run.state)
    return msgspec.json.decode(data) if _MARK in data else None
