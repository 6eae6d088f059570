"""A run's events, one line each, for people who watch."""

import json
from datetime import UTC, datetime
from typing import Any, TextIO

from dagnats.cli import output

STEP_WIDTH = 16
WHAT_WIDTH = 10
VALUE_CHARS_MAX = 60

Event = dict[str, Any]

ENDS = {
    "workflow.completed": "completed",
    "workflow.failed": "failed",
    "workflow.cancelled": "cancelled",
}
"""The event types that end a run, and the status that it ends with."""


def line(event: Event, stream: TextIO) -> str:
    """Return one event as a line for `stream`: time, step, what happened, details."""
    what = event["type"].partition(".")[2].replace("_", " ")
    where = event.get("step_id") or event["workflow"]
    if event.get("iteration"):
        where = f"{where}[{event['iteration']}]"
    status = output.paint_status(what, stream, WHAT_WIDTH)
    return (
        f"{clock(event['timestamp'])}  {where:{STEP_WIDTH}}  {status}  {_details(event)}".rstrip()
    )


def clock(timestamp: str) -> str:
    """Return the time of day of an RFC 3339 timestamp, in local time, with milliseconds."""
    at = datetime.fromisoformat(timestamp).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def brief(value: Any) -> str:
    """Return a value as JSON, cut to what fits on a line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 1] + "…"


def explain(error: Any) -> str:
    """Return an error object as a person reads it."""
    if not isinstance(error, dict):
        return brief(error)
    said = f"{error.get('code', 'error')}: {error.get('message', '')}"
    return f"step `{error['step']}`: {said}" if error.get("step") else said


def _details(event: Event) -> str:
    payload = event.get("payload")
    match event["type"]:
        case "workflow.started":
            return f"run {event['run_id']}"
        case "step.queued":
            attempt = event.get("attempt_number", 1)
            return f"attempt {attempt}" if attempt > 1 else ""
        case "step.started" | "step.lost":
            again = f", delivery {event['delivery']}" if event.get("delivery", 1) > 1 else ""
            return f"by {event.get('worker_id', '?')}{again}"
        case "step.completed" | "step.continue":
            return brief(payload)
        case "step.failed":
            return explain(payload) + _retry(payload, event["timestamp"])
        case "workflow.failed" | "workflow.cancelled":
            return explain(payload)
        case "step.skipped" | "workflow.cancel_requested":
            return str((payload or {}).get("reason", ""))
        case _:
            return ""


def _retry(error: Any, failed_at: str) -> str:
    """Say when the next attempt follows, if one does."""
    retry_at = error.get("retry_at") if isinstance(error, dict) else None
    if retry_at is None:
        return ""
    wait = datetime.fromtimestamp(retry_at / 1000, UTC) - datetime.fromisoformat(failed_at)
    return f" · again in {max(0.0, wait.total_seconds()):.1f} s"
