"""The instances of steps that a history tells of: attempts, values, and what is inside what.

An address says where an instance stands: `fan[3].read` in item 3 of `fan`, `charge.refund` a
handler of `charge`. An item or an iteration is an instance, too, though no step of its own.
"""

from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]

ENDS = {
    "step.completed": "completed",
    "step.failed": "failed",
    "step.skipped": "skipped",
    "step.cancelled": "cancelled",
    "step.map.instance.completed": "completed",
    "step.map.item_failed": "failed",
    "step.exhausted": "waiting",
}
ITEMS = {
    "step.map.item_started",
    "step.map.instance.completed",
    "step.map.item_failed",
    "step.loop.iteration",
}
"""Events of a step that are about one item, or one iteration, of it."""
WAITS = {
    "step.sleep.started",
    "step.wait.started",
    "approval.requested",
    "workflow.spawn",
    "step.continue",
}
ENDED = {"completed", "failed", "skipped", "cancelled"}
QUIET = {"step.lost", "step.wait.matched", "approval.granted", "approval.reminded"}
"""Events after which a step stands as before."""


@dataclass
class Attempt:
    """One attempt of one iteration, with what it was given and what came of it."""

    number: int
    iteration: int
    queued_at: str
    started_at: str | None = None
    ended_at: str | None = None
    worker_id: str | None = None
    deliveries: int = 0
    status: str = "ready"
    input: Any = None
    output: Any = None
    error: Any = None
    usage: Any = None


@dataclass
class Instance:
    """Everything that happened to one address in one generation of a run."""

    id: str
    type: str = ""
    status: str = "pending"
    began_at: str | None = None
    ended_at: str | None = None
    input: Any = None
    output: Any = None
    error: Any = None
    attempts: list[Attempt] = field(default_factory=list)
    below: "list[Instance]" = field(default_factory=list)


def above(address: str) -> str:
    """Return the address of what an instance is in; empty at the top."""
    if address.endswith("]"):
        return address.rpartition("[")[0]
    return address.rpartition(".")[0]


def depth(address: str) -> int:
    """Return how many instances an instance is in."""
    return address.count(".") + address.count("[")


def instances(events: list[Event], steps: list[dict[str, Any]]) -> list[Instance]:
    """Return the instances of one generation as trees.

    `steps` is how the steps of the run stand now; empty for a generation that is past.
    """
    found: dict[str, Instance] = {}
    for step in steps:
        found[step["id"]] = Instance(step["id"])
    for event in events:
        if "step_id" in event:
            _take(found, event)
    for step in steps:
        _stands(found[step["id"]], step)
    return _planted(found)


def _stands(instance: Instance, step: dict[str, Any]) -> None:
    instance.type = step.get("type", "")
    instance.status = step["status"]
    instance.output = step.get("output")
    instance.error = step.get("error")


def _planted(found: dict[str, Instance]) -> list[Instance]:
    """Put each instance below the one that it is in; what is in none comes first to last."""
    roots: list[Instance] = []
    for address in list(found):
        _ensure_above(found, address)
    for address, instance in found.items():
        outer = found.get(above(address)) if above(address) else None
        (roots if outer is None else outer.below).append(instance)
    for instance in found.values():
        instance.below.sort(key=_number)
        if instance.status in ENDED:
            for below in instance.below:
                _end_pass(below, _with(instance, below), instance.ended_at)
    return roots


def _number(instance: Instance) -> float:
    """Return the number of an item or iteration; what has none comes after those, as it was."""
    return int(instance.id[:-1].rpartition("[")[2]) if instance.id.endswith("]") else float("inf")


def _with(instance: Instance, below: Instance) -> str:
    """Return how an iteration, or an item, ended together with what it is in."""
    if any(inner.status == "failed" for inner in below.below):
        return "failed"
    return "cancelled" if instance.status == "failed" else instance.status


def _ensure_above(found: dict[str, Instance], address: str) -> None:
    outer = above(address)
    while outer and outer not in found:
        found[outer] = Instance(outer, status="running")
        outer = above(outer)


def _take(found: dict[str, Instance], event: Event) -> None:
    address, kind, at = event["step_id"], event["type"], event["timestamp"]
    if kind in ITEMS:
        found.setdefault(address, Instance(address))
        address = f"{address}[{event.get('iteration', 0)}]"
    instance = found.setdefault(address, Instance(address))
    instance.began_at = instance.began_at or at
    payload: Any = event.get("payload")
    if kind == "step.queued":
        attempt = Attempt(event.get("attempt_number", 0), event.get("iteration", 0), at)
        instance.attempts.append(attempt)
        instance.status, instance.ended_at = "ready", None
    elif kind in ENDS:
        _end(instance, event)
    elif kind in WAITS:
        instance.status = "waiting"
    elif kind not in QUIET:
        instance.status = "running"
    if kind == "workflow.spawn":
        instance.input = payload.get("input")
    if instance.attempts:
        _of_attempt(instance.attempts[-1], event)
    if kind in {"step.continue", "step.exhausted"}:
        _end_pass(found.get(f"{address}[{event.get('iteration', 0)}]"), "completed", at)


def _end_pass(instance: Instance | None, status: str, at: str | None) -> None:
    """End an iteration, or an item, of which no event says that it did."""
    if instance is not None and instance.status == "running":
        instance.status, instance.ended_at = status, at


def _end(instance: Instance, event: Event) -> None:
    payload: Any = event.get("payload")
    instance.status = ENDS[event["type"]]
    failed = instance.status == "failed"
    if failed and ("retry_at" in payload or "handler" in payload):
        instance.status = "waiting" if "retry_at" in payload else "running"
        return
    instance.ended_at = event["timestamp"]
    if failed:
        instance.error = payload
    elif instance.status == "completed":
        instance.output, instance.error = payload, event.get("error")


def _of_attempt(attempt: Attempt, event: Event) -> None:
    match event["type"]:
        case "step.started":
            attempt.started_at, attempt.status = event["timestamp"], "running"
            attempt.worker_id = event.get("worker_id")
            attempt.deliveries = event.get("delivery", 1)
        case "step.lost":
            attempt.status = "lost"
        case "step.completed" | "step.continue" if attempt.ended_at is None:
            attempt.status, attempt.output = "completed", event.get("payload")
        case "step.failed" if attempt.ended_at is None:
            attempt.status, attempt.error = "failed", event.get("payload")
        case "step.cancelled" if attempt.ended_at is None:
            attempt.status = "cancelled"
        case _:
            return
    if attempt.status in {"completed", "failed", "cancelled"}:
        attempt.ended_at = event["timestamp"]
        attempt.usage = event.get("usage")
