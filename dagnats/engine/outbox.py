"""What has been decided and is not yet known: events to commit, and effects that wait for them.

Inputs are applied to the runs in memory at once. Their events gather here in groups, each of which
becomes one message of the log; what must follow (tasks, answers, receipts) rides with the group
that holds the last event of its decision, and leaves when that group is durable. So nothing is
ever said that a crash could take back. Groups are committed in order, one at a time.
"""

from collections import deque
from collections.abc import Sequence

from dagnats.engine.errands import Errand
from dagnats.machine.dispatch import Ticket
from dagnats.wire.api import Ended
from dagnats.wire.tasks import Held

GROUP_BYTES_MAX = 256_000
"""A group closes before it grows beyond this; one larger event is a group of its own."""
ID_BYTES = 40
"""What the id of an event, and the end of its line, take at the most."""

PENDING_EVENTS_MAX = 20_000
PENDING_BYTES_MAX = 64_000_000
PENDING_ANSWERS_MAX = 10_000
"""With more than these uncommitted, new runs are answered `busy`; queries, too, but for events."""


class Group:
    """Events of one commit, as lines of JSON, with the run of each; and what follows the commit.

    Until it is taken, its lines have no ids.
    """

    __slots__ = (
        "accepted",
        "answer_bytes",
        "answers",
        "begun_at",
        "cancels",
        "deliveries",
        "ended",
        "errands",
        "lines",
        "offset",
        "run_ids",
        "size_bytes",
    )

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.lines: list[bytes] = []
        self.run_ids: list[str] = []
        self.size_bytes = 0
        self.begun_at = 0.0
        self.answers: list[tuple[str, bytes]] = []
        self.answer_bytes = 0
        self.deliveries: dict[str, list[Ticket]] = {}
        # By key: a worker repeats what is not accepted, and an append may take long.
        self.accepted: dict[str, dict[Held, None]] = {}
        self.cancels: dict[str, list[Held]] = {}
        self.ended: dict[str, list[Ended]] = {}
        self.errands: list[Errand] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit and nothing to say."""
        return not (
            self.lines
            or self.answers
            or self.deliveries
            or self.accepted
            or self.cancels
            or self.ended
            or self.errands
        )


class Outbox:
    """Groups of one partition, oldest first; the last one is open."""

    def __init__(self, partition: int, offset: int) -> None:
        self.offset = offset
        self.pending_events = 0
        self.pending_answers = 0
        self._sealed_bytes = 0
        self._prefix = b'{"id":"%d-' % partition
        self._sealed: deque[Group] = deque()
        self.current = Group(offset)

    def record(self, run_id: str, events: Sequence[bytes]) -> None:
        """Add events of a run, as JSON."""
        count, group = len(events), self.current
        size = sum(map(len, events)) + ID_BYTES * count
        if group.size_bytes + size > GROUP_BYTES_MAX and (group.lines or count > 1):
            if count > 1:
                for event in events:
                    self.record(run_id, (event,))
                return
            group = self._seal()
        group.lines += events
        group.run_ids += [run_id] * count
        group.size_bytes += size
        self.offset += count
        self.pending_events += count

    def answer(self, subject: str, payload: bytes) -> None:
        """Send an answer with the group that is open now."""
        group = self.current
        group.answers.append((subject, payload))
        group.answer_bytes += len(payload)
        self.pending_answers += 1

    @property
    def pending_bytes(self) -> int:
        """Return the size of the events and answers that wait to be taken."""
        return self._sealed_bytes + self.current.size_bytes + self.current.answer_bytes

    def take(self) -> Group | None:
        """Return the oldest group, or None when nothing waits.

        Each of its events has an offset by now: with the partition, its id.
        """
        if self._sealed:
            group = self._sealed.popleft()
            self._sealed_bytes -= group.size_bytes + group.answer_bytes
        elif self.current.empty:
            return None
        else:
            group = self.current
            self.current = Group(self.offset)
        prefix = self._prefix
        group.lines = [
            b'%s%d",%s' % (prefix, offset, event[1:])
            for offset, event in enumerate(group.lines, group.offset)
        ]
        self.pending_events -= len(group.lines)
        self.pending_answers -= len(group.answers)
        return group

    @property
    def drained(self) -> bool:
        """Whether all that was decided has been taken."""
        return not self._sealed and self.current.empty

    def _seal(self) -> Group:
        group = self.current
        self._sealed.append(group)
        self._sealed_bytes += group.size_bytes + group.answer_bytes
        self.current = Group(self.offset)
        return self.current
