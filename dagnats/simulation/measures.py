"""What a run has taken, measured as the certificate counts it."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from dagnats.ir.program import Certificate
from dagnats.machine.events import Event, encode
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import Asking, Expecting, Running, RunState, Sleeping, Waiting
from dagnats.machine.ticking import open_steps

MEASURES: Final = ("attempts", "events", "bytes", "concurrent_steps", "timers", "duration_ms")
"""What is observed, by the names of the certificate."""


class Observed(Struct):
    """The most that was seen of each measure, generation by generation."""

    attempts: int = 0
    events: int = 0
    bytes: int = 0
    concurrent_steps: int = 0
    timers: int = 0
    duration_ms: int = 0
    generation: int = 0
    written: int = 0
    begun_at: int = 0

    def take(self, program: Prepared, state: RunState, events: Iterable[Event], now: int) -> None:
        """Look at a run after a turn."""
        del now
        for event in events:
            if event.generation != self.generation:
                self.generation, self.written, self.begun_at = event.generation, 0, state.at
            self.written += len(encode(event))
        self.bytes = max(self.bytes, self.written)
        self.attempts = max(self.attempts, state.counters.attempts)
        self.events = max(self.events, state.counters.events)
        self.duration_ms = max(self.duration_ms, state.at - self.begun_at)
        if not state.ended:
            self._widths(program, state)

    def _widths(self, program: Prepared, state: RunState) -> None:
        running, timers = 0, 1
        for _, _, _, step in open_steps(program, state):
            match step:
                case Running():
                    running += 1
                case Waiting() | Sleeping() | Expecting() | Asking():
                    timers += 1
                case _:
                    pass
        timers += sum(one.policy.timeout_ms is not None for one in program.cancel_on)
        self.concurrent_steps = max(self.concurrent_steps, running)
        self.timers = max(self.timers, timers)

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
