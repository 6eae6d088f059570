"""What a run has taken, measured as the certificate counts it."""

from typing import Final

from msgspec import Struct

from dagnats.ir.program import Certificate
from dagnats.machine import events as ev
from dagnats.machine.advance import Transition
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import RunState

MEASURES: Final = (
    "attempts", "events", "bytes", "concurrent_steps", "timers", "duration_ms", "expression_cost",
)  # fmt: skip
"""What is observed, by the names of the certificate."""


_UNCOUNTED: Final = (ev.Signalled, ev.RunPaused, ev.CancelRequested, ev.RunFailing)


class Observed(Struct):
    """The most that was seen of each measure, generation by generation.

    What is there at once is what the counters of the state say; `machine.invariants` counts it
    anew after each turn.
    """

    attempts: int = 0
    events: int = 0
    bytes: int = 0
    concurrent_steps: int = 0
    timers: int = 0
    duration_ms: int = 0
    expression_cost: int = 0
    generation: int = 0
    written: int = 0
    spent: int = 0
    begun_at: int = 0

    def take(self, program: Prepared, done: Transition, cost: int, *, goes_on: bool) -> None:
        """Look at a run after a turn whose expressions cost so much together.

        `goes_on` says that there is more to be decided at once: nothing waits yet.
        """
        state = done.state
        if state.generation == self.generation:
            self.written += _written(done)
            self.spent += cost
        else:
            self._begin(done, cost)
        counters = state.counters
        self.bytes = max(self.bytes, self.written)
        self.expression_cost = max(self.expression_cost, self.spent)
        self.attempts = max(self.attempts, counters.attempts)
        self.events = max(self.events, counters.events)
        self.duration_ms = max(self.duration_ms, state.at - self.begun_at)
        if not state.ended:
            self.concurrent_steps = max(self.concurrent_steps, counters.running)
            if not goes_on:
                self.timers = max(self.timers, counters.timers + _of_run(program, state))

    def _begin(self, done: Transition, cost: int) -> None:
        """Count anew: a generation begins with one of these events."""
        state = done.state
        # What was evaluated in a turn of two generations is left aside: whose it is, nobody knows.
        self.spent = cost if state.generation == 1 else 0
        self.written = _written(done)
        self.generation, self.begun_at = state.generation, state.at

    def merge(self, other: "Observed") -> None:
        """Keep the most of both."""
        for name in MEASURES:
            setattr(self, name, max(getattr(self, name), getattr(other, name)))

    def copy(self) -> "Observed":
        """Return one that counts on by itself."""
        return Observed(*[getattr(self, name) for name in self.__struct_fields__])

    def excess(self, certificate: Certificate) -> str | None:
        """Return in words which measure is more than was certified, or None."""
        for name in MEASURES:
            proven, seen = getattr(certificate, name).max, getattr(self, name)
            if proven is not None and seen > proven:
                return f"{name}: {seen:,} observed, {proven:,} certified"
        return None


def _written(done: Transition) -> int:
    """Return the bytes of the events of this generation that a certificate counts."""
    return sum(
        len(line)
        for event, line in zip(done.events, done.lines, strict=True)
        if event.generation == done.state.generation and not isinstance(event, _UNCOUNTED)
    )


def _of_run(program: Prepared, state: RunState) -> int:
    """Return the timers of the run itself: a run that is ending has none any more."""
    if state.ending is not None:
        return 0
    return 1 + sum(one.policy.timeout_ms is not None for one in program.cancel_on)
