"""Who waits for events of which type: steps, and runs that an event may cancel."""

from collections.abc import Iterator
from typing import TypeVar

from dagnats.engine.book import Live

Key = TypeVar("Key")


class Listeners:
    """Steps and runs by the type of the events that they wait for.

    A step that waits no more may still be here until its run has ended: telling it does nothing.
    """

    def __init__(self) -> None:
        self._steps: dict[str, dict[tuple[str, str], None]] = {}
        self._runs: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._steps.values())) + sum(map(len, self._runs.values()))

    def add(self, live: Live, step: str, kind: str) -> None:
        """Let a step hear of a type."""
        self._steps.setdefault(kind, {})[live.run_id, step] = None
        if live.hears is None:
            live.hears = {}
        live.hears[step] = kind

    def add_run(self, live: Live) -> None:
        """Let a run hear of what may cancel it."""
        for listener in live.program.cancel_on:
            self._runs.setdefault(listener.policy.event, {})[live.run_id] = None

    def of(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the runs and steps that hear of a type; for `cancel_on` the step is empty."""
        yield from self._steps.get(kind, ())
        for run_id in self._runs.get(kind, ()):
            yield run_id, ""

    def remove(self, live: Live) -> None:
        """Forget a run that has ended."""
        for step, kind in (live.hears or {}).items():
            _drop(self._steps, kind, (live.run_id, step))
        for listener in live.program.cancel_on:
            _drop(self._runs, listener.policy.event, live.run_id)


def _drop(table: dict[str, dict[Key, None]], kind: str, key: Key) -> None:
    found = table.get(kind)
    if found is not None:
        found.pop(key, None)
        if not found:
            del table[kind]
