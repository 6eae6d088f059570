"""A run's events, one line each, for people who watch."""

import json
from datetime import UTC, datetime
from typing import Any, TextIO

from dagnats.claims import claimed, filled, found_in
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


WHAT = {
    "workflow.continued": "continued",
    "workflow.finally_started": "finally",
    "workflow.cancel_requested": "asked to cancel",
    "workflow.spawn": "spawned",
    "step.compensating": "undoing",
    "step.loop.started": "began",
    "step.loop.iteration": "began",
    "step.map.started": "began",
    "step.map.item_started": "began",
    "step.map.instance.completed": "completed",
    "step.map.item_failed": "failed",
    "step.switch.chosen": "chose",
    "step.sleep.started": "sleeps",
    "step.wait.started": "waits",
    "step.wait.matched": "heard",
    "approval.requested": "asks",
    "approval.granted": "approved",
    "approval.reminded": "reminded",
    "planner.materialized": "planned",
    "planner.refused": "refused",
}
"""What happened, where the type of the event does not say it by its last word."""

OF_ITEMS = frozenset(
    {"step.map.item_started", "step.map.instance.completed", "step.map.item_failed"}
)
"""Events whose `iteration` is the number of an item, from 0."""


def line(event: Event, stream: TextIO) -> str:
    """Return one event as a line for `stream`: time, where, what happened, details."""
    what = WHAT.get(event["type"]) or event["type"].partition(".")[2].replace("_", " ")
    status = output.paint_status(what, stream, WHAT_WIDTH)
    return (
        f"{clock(event['timestamp'])}  {place(event):{STEP_WIDTH}}  {status}  {details(event)}"
    ).rstrip()


def place(event: Event) -> str:
    """Return what an event is about: an instance of a step, with the pass if it has several."""
    where = str(event.get("step_id") or event["workflow"])
    number = event.get("iteration", 0)
    if event["type"].startswith("approval."):
        return where
    return f"{where}[{number}]" if number or event["type"] in OF_ITEMS else where


def clock(timestamp: str) -> str:
    """Return the time of day of an RFC 3339 timestamp, in local time, with milliseconds."""
    at = datetime.fromisoformat(timestamp).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def brief(value: Any) -> str:
    """Return a value as JSON, cut to what fits on a line; a reference as what it stands for."""
    whole = claimed(value)
    if whole is not None:
        return f"a stored value of {whole.bytes:,} bytes"
    notes = {one: f"a stored value of {one.bytes:,} bytes" for one in found_in(value)}
    text = json.dumps(filled(value, notes), ensure_ascii=False)
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 1] + "…"


def explain(error: Any, *, at: str = "") -> str:
    """Return an error object as a person reads it; `at` is a step that is named already."""
    if not isinstance(error, dict):
        return brief(error)
    code, message = error.get("code", "error"), error.get("message", "")
    said = code if message in {"", code} else f"{code}: {message}"
    step = error.get("step")
    return f"step `{step}`: {said}" if step and step != at else said


def details(event: Event) -> str:
    """Return what there is to tell of an event besides what happened where."""
    payload = event.get("payload")
    match event["type"].partition(".")[0]:
        case "workflow" if event["type"] != "workflow.spawn":
            return _of_run(event, payload)
        case "step":
            return _of_step(event, payload)
        case _:
            return _of_kind(event, payload or {})


def _of_run(event: Event, payload: Any) -> str:  # noqa: C901 (one case for each event)
    match event["type"]:
        case "workflow.started":
            return f"run {event['run_id']}"
        case "workflow.pending":
            gate = " ".join(str(payload[key]) for key in ("gate", "key") if payload.get(key))
            waits = f" · waits for {gate}" if gate else ""
            if payload.get("start_at"):
                waits = f" · waits until {_moment(payload['start_at'])}"
            return f"run {event['run_id']}{waits}"
        case "workflow.continued":
            return f"generation {event['generation']}"
        case "workflow.retried":
            return "again: " + ", ".join(payload.get("reset", ()))
        case "workflow.completed":
            return brief(payload)
        case "workflow.failing" | "workflow.finally_started":
            return explain(payload["error"]) if payload.get("error") else ""
        case "workflow.failed" | "workflow.cancelled":
            return explain(payload)
        case "workflow.paused" | "workflow.cancel_requested":
            return str(payload.get("reason", ""))
        case "workflow.signalled":
            return heard(payload)
        case _:
            return ""


def _of_step(  # noqa: C901, PLR0912 (one case for each event)
    event: Event, payload: Any
) -> str:
    match event["type"]:
        case "step.queued":
            attempt = event.get("attempt_number", 1)
            return f"attempt {attempt}" if attempt > 1 else ""
        case "step.started" | "step.lost":
            again = f", delivery {event['delivery']}" if event.get("delivery", 1) > 1 else ""
            return f"by {event.get('worker_id', '?')}{again}"
        case "step.completed" | "step.map.instance.completed":
            return brief(payload) + _tolerated(event.get("error"))
        case "step.continue":
            due = event.get("due")
            return brief(payload) + (f" · again at {_moment(due)}" if due else "")
        case "step.failed":
            said = explain(payload, at=event["step_id"])
            return said + _retry(payload, event["timestamp"]) + _handled(payload)
        case "step.map.item_failed":
            return explain(payload)
        case "step.skipped":
            return str(payload.get("reason", ""))
        case "step.exhausted":
            return explain(payload["error"], at=event["step_id"])
        case "step.compensating":
            return f"by `{payload['handler']}`"
        case "step.map.started":
            return _counted(len(payload["items"]), "item")
        case "step.switch.chosen":
            return "default" if payload["case"] < 0 else f"case {payload['case'] + 1}"
        case "step.sleep.started":
            return f"until {_moment(payload['wake_at'])}"
        case "step.wait.matched":
            return heard(payload)
        case _:
            return ""


def _of_kind(event: Event, payload: dict[str, Any]) -> str:
    match event["type"]:
        case "workflow.spawn":
            return f"run {payload['child_run_id']}"
        case "approval.requested":
            asked = str(payload.get("description") or "")
            return f"{asked} (round 2)".strip() if event.get("iteration", 1) > 1 else asked
        case "approval.granted":
            comment = f": {payload['comment']}" if payload.get("comment") else ""
            return f"by {payload['by']}{comment}"
        case "planner.materialized":
            steps = (payload.get("program") or {}).get("nodes", ())
            return _counted(len(steps), "step")
        case "planner.refused":
            return explain(payload)
        case _:
            return ""


def heard(event: Any) -> str:
    """Return an event that was published, or a signal, as a person reads it."""
    data = event.get("data")
    return f"{event['type']} {brief(data)}" if data is not None else str(event["type"])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _moment(at_ms: int) -> str:
    """Return a time, in local time; with its day unless that is today's."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    today = at.date() == datetime.now(UTC).astimezone().date()
    return f"{at:%H:%M:%S}" if today else f"{at:%Y-%m-%d %H:%M:%S}"


def _tolerated(error: Any) -> str:
    """Say how many items of a map failed without harm."""
    failures = error.get("details") if isinstance(error, dict) else None
    count = len(failures) if isinstance(failures, list) else 0
    return f" · {_counted(count, 'item')} failed" if count else ""


def _handled(error: Any) -> str:
    """Say who takes a failure up, if somebody does."""
    handler = error.get("handler") if isinstance(error, dict) else None
    return f" · handled by `{handler}`" if handler else ""


def _retry(error: Any, failed_at: str) -> str:
    """Say when the next attempt follows, if one does."""
    retry_at = error.get("retry_at") if isinstance(error, dict) else None
    if retry_at is None:
        return ""
    wait = datetime.fromtimestamp(retry_at / 1000, UTC) - datetime.fromisoformat(failed_at)
    return f" · again in {max(0.0, wait.total_seconds()):.1f} s"
