"""The dispatcher as it would be written if scanning cost nothing: what the fast one is held to."""

from dataclasses import dataclass, field
from typing import Any

from dagnats.ir.program import RateLimit, TaskNode
from dagnats.machine.dispatch import TURN_MS, DeliveryKey, Dispatcher, Ticket

LEASE_MS = 1_000_000


def node(task: str = "t", **more: Any) -> TaskNode:
    return TaskNode(id="s", task=task, timeout_ms=1_000, queue_timeout_ms=1_000, **more)


def ticket(run: object, task: str | TaskNode = "t", step: str = "s", **more: Any) -> Ticket:
    more.setdefault("attempt", 1)
    more.setdefault("delivery", 1)
    more.setdefault("queued_at", 0)
    which = node(task) if isinstance(task, str) else task
    return Ticket(
        run_id=f"run{run}", step=step, iteration=0, node=which, input=None, loop_state=None, **more
    )


@dataclass
class Worker:
    tasks: frozenset[str]
    concurrency: int
    groups: frozenset[str]
    capabilities: frozenset[str]


@dataclass
class Model:
    """Told the same as a dispatcher, it knows which ticket is to go next: by looking at all."""

    waiting: dict[DeliveryKey, tuple[int, int, Ticket]] = field(default_factory=dict)
    held: dict[DeliveryKey, tuple[str, Ticket]] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    starts: dict[tuple[str, str | None], list[tuple[int, int]]] = field(default_factory=dict)
    seq: int = 0

    def load(self, run_id: str) -> int:
        return sum(key[0] == run_id for key in [*self.waiting, *self.held])

    def offer(self, one: Ticket) -> None:
        self.withdraw(one.key)
        self.seq += 1
        tag = one.queued_at - one.offset_ms + TURN_MS * self.load(one.run_id)
        self.waiting[one.key] = (tag, self.seq, one)

    def withdraw(self, key: DeliveryKey) -> None:
        self.waiting.pop(key, None)
        self.held.pop(key, None)

    def holds(self, worker_id: str) -> int:
        return sum(who == worker_id for who, _ in self.held.values())

    def can(self, worker_id: str, one: Ticket) -> bool:
        worker, what = self.workers.get(worker_id), one.node
        return (
            worker is not None
            and what.task in worker.tasks
            and (what.worker_group is None or what.worker_group in worker.groups)
            and worker.capabilities.issuperset(what.required_capabilities)
            and self.holds(worker_id) < worker.concurrency
        )

    def who(self, one: Ticket) -> list[str]:
        """The workers that may get a ticket now, limits aside."""
        able = [name for name in self.workers if self.can(name, one)]
        bound = self.bound.get(one.run_id)
        if one.sticky is None or bound is None:
            return able
        if one.sticky == "hard":
            return [bound] if bound in able else []
        return [bound] if bound in able else able

    def rates(self, one: Ticket) -> list[tuple[tuple[str, str | None], RateLimit]]:
        rate, keyed = one.node.rate_limit, one.node.keyed_rate_limit
        found: list[tuple[tuple[str, str | None], RateLimit]] = []
        if rate is not None:
            found.append(((one.node.task, None), rate))
        if keyed is not None:
            found.append(((one.node.task, one.rate_key), keyed))
        return found

    def fits(self, one: Ticket, now: int) -> bool:
        task = one.node.task
        both = [e[2] for e in self.waiting.values()] + [e[1] for e in self.held.values()]
        caps = [
            t.node.max_task_concurrency
            for t in both
            if t.node.task == task and t.node.max_task_concurrency is not None
        ]
        if caps and sum(t.node.task == task for _, t in self.held.values()) >= min(caps):
            return False
        mine = sum(t.run_id == one.run_id for _, t in self.held.values())
        if one.max_steps is not None and mine >= one.max_steps:
            return False
        for key, rate in self.rates(one):
            used = sum(u for at, u in self.starts.get(key, []) if at > now - rate.period_ms)
            if used + min(rate.units, rate.limit) > rate.limit:
                return False
        return True

    def next(self, now: int) -> Ticket | None:
        for _, _, one in sorted(self.waiting.values(), key=lambda e: e[:2]):
            if self.who(one) and self.fits(one, now):
                return one
        return None

    def lease(self, one: Ticket, worker_id: str) -> None:
        self.waiting.pop(one.key, None)
        self.held[one.key] = (worker_id, one)
        if one.sticky is not None:
            self.bound.setdefault(one.run_id, worker_id)

    def start(self, one: Ticket, worker_id: str, now: int) -> None:
        if one.sticky == "soft" and self.bound.get(one.run_id) not in self.workers:
            self.bound.pop(one.run_id, None)
        self.lease(one, worker_id)
        for key, rate in self.rates(one):
            self.starts.setdefault(key, []).append((now, min(rate.units, rate.limit)))


def leftovers(dispatcher: Dispatcher) -> dict[str, int]:
    """Everything that a dispatcher still knows, by what it is; only what is not empty."""
    backlog = dispatcher._backlog
    sizes = {
        "entries": len(dispatcher._entries),
        "left": len(dispatcher._left),
        "tethers": len(dispatcher._tethers),
        "watched": len(dispatcher._watched),
        "seats": len(dispatcher._seats),
        "tasks": len(backlog.tasks),
        "active": len(backlog.active),
        "runs": len(backlog.runs),
        "load": len(backlog._load),
        "windows": len(backlog.windows),
        "waiting": backlog.waiting,
    }
    return {name: size for name, size in sizes.items() if size}
