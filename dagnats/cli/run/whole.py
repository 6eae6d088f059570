"""The document of a run, also of one that is larger than a message."""

from collections.abc import Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from dagnats.cli import progress
from dagnats.cli.run.instances import Instance, instances
from dagnats.cli.run.runs import named
from dagnats.errors import RefusedError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

Event = dict[str, Any]


async def get(client: "Client", run: str) -> dict[str, Any]:
    """Return what `run.get` tells of a run; where no message holds that, what its history tells."""
    run_id = await named(client, run)
    try:
        return dict(await client.call("run.get", {"run_id": run_id}))
    except RefusedError as no:
        if no.code != "invalid":
            raise
    told = await client.call("run.explain", {"run_id": run_id})
    async with aclosing(client.events(told["run_id"], follow=False)) as happened:
        events = [event async for event in happened]
    if not events:
        raise RefusedError("busy", f"the history of `{told['run_id']}` is still being written")
    waits = {cause["step"]: cause["what"] for cause in told["causes"] if cause.get("step")}
    return document(events, told["status"], waits)


def document(events: list[Event], status: str, waits: dict[str, str]) -> dict[str, Any]:
    """Return a run as its history tells it."""
    first, last = events[0], events[-1]
    births = ("workflow.started", "workflow.pending", "workflow.continued")
    birth: dict[str, Any] = {}
    for event in events:
        if event["type"] in births:
            birth |= event.get("payload") or {}
    inside = [event for event in events if event["generation"] == last["generation"]]
    ended = progress.ENDS.get(last["type"])
    return {
        "run_id": first["run_id"],
        "workflow": first["workflow"],
        "digest": birth["digest"],
        "status": ended or status,
        "generation": last["generation"],
        "input": birth.get("input"),
        "labels": birth.get("labels") or {},
        "parent": birth.get("parent"),
        "steps": list(_steps(instances(inside, []), waits)),
        "output": last.get("payload") if ended == "completed" else None,
        "error": last.get("payload") if ended not in {None, "completed"} else None,
        "started_at": first["timestamp"],
        "ended_at": last["timestamp"] if ended else None,
        "usage": {},
        "counters": {
            "events": last["seq"],
            "attempts": sum(event["type"] == "step.queued" for event in inside),
        },
    }


def _steps(trees: list[Instance], waits: dict[str, str]) -> Iterator[dict[str, Any]]:
    for tree in trees:
        step: dict[str, Any] = {
            "id": tree.id,
            "type": tree.type,
            "status": tree.status,
            "attempt": tree.attempts[-1].number if tree.attempts else 0,
            "iteration": tree.attempts[-1].iteration if tree.attempts else 0,
        }
        if tree.status == "completed":
            step["output"] = tree.output
        if tree.error:
            step["error"] = tree.error
        if tree.id in waits:
            step["waits_for"] = waits[tree.id]
        yield step
        yield from _steps(tree.below, waits)
