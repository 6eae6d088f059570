"""What a dispatcher deals in: deliveries of attempts, and the workers that hold them."""

from typing import Any

import msgspec

from dagnats.ir.program import TaskNode

DeliveryKey = tuple[str, str, int, int]
"""Run id, address of the step, iteration, attempt."""

Order = tuple[int, int]
"""When a ticket counts as queued (ms), and a number that no two tickets share. Less goes first."""


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """One delivery of one attempt, waiting or held.

    `rate_key` is the text of the key of its keyed limit, `offset_ms` by how much it counts as
    older, `max_steps` how many attempts of the run may be held at once, `life` the one of the run.
    """

    run_id: str
    step: str
    iteration: int
    attempt: int
    delivery: int
    node: TaskNode
    input: Any
    loop_state: Any
    queued_at: int
    rate_key: str = ""
    offset_ms: int = 0
    max_steps: int | None = None
    sticky: str | None = None
    life: int = 1

    @property
    def key(self) -> DeliveryKey:
        """Return what names the attempt."""
        return (self.run_id, self.step, self.iteration, self.attempt)

    @property
    def is_special(self) -> bool:
        """Whether it has part in permits of its run."""
        return self.max_steps is not None or self.sticky is not None

    @property
    def is_plain(self) -> bool:
        """Whether any worker of its task will do, and nothing holds it back."""
        node = self.node
        return (
            node.worker_group is None
            and node.rate_limit is None
            and node.keyed_rate_limit is None
            and node.max_task_concurrency is None
            and self.max_steps is None
            and self.sticky is None
            and not node.required_capabilities
        )


class Entry(msgspec.Struct, gc=False, order=True):
    """A ticket that is here: it waits, or `worker_id` holds it until `until` unless it beats.

    Entries are ordered by `tag` and `seq`. `since` is when it was given, `named` when the worker
    last said that it holds it. One that is `gone` is only passed over where it still stands.
    """

    tag: int
    seq: int
    key: DeliveryKey
    ticket: Ticket
    worker_id: str | None = None
    since: int = 0
    until: int = 0
    named: int = 0
    gone: bool = False

    @property
    def order(self) -> Order:
        """Return its place among all."""
        return (self.tag, self.seq)


Held = dict[DeliveryKey, Entry]
"""What a worker holds, in the order in which it was given."""


class Seat:
    """A worker as the dispatcher sees it."""

    __slots__ = ("capabilities", "concurrency", "groups", "held", "seen_at", "tasks", "worker_id")

    def __init__(self, worker_id: str, concurrency: int, held: Held, now: int) -> None:
        self.worker_id = worker_id
        self.concurrency = concurrency
        self.held = held
        self.seen_at = now
        self.tasks: frozenset[str] = frozenset()
        self.groups: frozenset[str] = frozenset()
        self.capabilities: frozenset[str] = frozenset()

    @property
    def is_free(self) -> bool:
        """Whether it takes more now."""
        return len(self.held) < self.concurrency

    def serves(self, group: str | None, capabilities: tuple[str, ...]) -> bool:
        """Whether it may do what asks for a group and for capabilities."""
        return (group is None or group in self.groups) and self.capabilities.issuperset(
            capabilities
        )
