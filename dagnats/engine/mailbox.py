"""Events of a while ago, for those who begin to wait late: bounded in number, bytes and age."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import msgspec

from dagnats.claims import found_in, may_refer

EVENTS_KEPT_MAX = 10_000
EVENTS_KEPT_BYTES_MAX = 32_000_000
EVENTS_KEPT_MS = 86_400_000
"""A look back reaches no further, and a publication is known again for no longer."""

Published = dict[str, Any]
_size = msgspec.json.Encoder().encode


class Mailbox:
    """The events that are kept, oldest first; each id counts once.

    None is older than one that came before it. `unspread` are those that some other partition may
    not have heard of yet. `refers` has, by event, the runs whose stored values it refers to.
    """

    def __init__(
        self, events: Iterable[tuple[int, Published]] = (), unspread: Iterable[str] = ()
    ) -> None:
        self._events: OrderedDict[str, tuple[int, Published, int]] = OrderedDict()
        self._of_type: dict[str, dict[str, None]] = {}
        self._bytes = self._latest = 0
        self.unspread = dict.fromkeys(unspread)
        self.refers: dict[str, set[str]] = {}
        for at, event in events:
            self.add(at, event)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._events

    def __len__(self) -> int:
        return len(self._events)

    def add(self, at: int, event: Published) -> None:
        """Keep an event that was published at `at` (ms); the oldest beyond the limits go."""
        data = _size(event)
        size = len(data)
        if may_refer(data):
            self.refers[event["id"]] = {one.run_id for one in found_in(event)}
        self._latest = at = max(at, self._latest)
        self._events[event["id"]] = (at, event, size)
        self._of_type.setdefault(event["type"], {})[event["id"]] = None
        self._bytes += size
        self.expire(at)

    def expire(self, now: int) -> None:
        """Drop the oldest events beyond the limits; nobody looks back to what is too old."""
        while self._events and self._is_over(now):
            event_id, (_, event, gone) = self._events.popitem(last=False)
            self._bytes -= gone
            alike = self._of_type[event["type"]]
            del alike[event_id]
            if not alike:
                del self._of_type[event["type"]]
            self.unspread.pop(event_id, None)
            self.refers.pop(event_id, None)

    def since(self, kind: str, at: int) -> list[Published]:
        """Return the events of a type from `at` (ms) on, oldest first; others cost nothing."""
        found = []
        for event_id in reversed(self._of_type.get(kind, {})):
            when, event, _ = self._events[event_id]
            if when < at:
                break
            found.append(event)
        found.reverse()
        return found

    def to_spread(self) -> list[Published]:
        """Return what other partitions are to be told of again."""
        return [self._events[event_id][1] for event_id in self.unspread if event_id in self._events]

    def kept(self) -> list[tuple[int, Published]]:
        """Return everything, as the constructor takes it."""
        return [(at, event) for at, event, _ in self._events.values()]

    def _is_over(self, now: int) -> bool:
        oldest, _, _ = next(iter(self._events.values()))
        return (
            len(self._events) > EVENTS_KEPT_MAX
            or self._bytes > EVENTS_KEPT_BYTES_MAX
            or now - oldest > EVENTS_KEPT_MS
        )
