"""What must hold at the end, told by the history stream and the log alone."""

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
from nats.aio.client import Client as Connection

from dagnats.engine.records import PARTITION
from dagnats.jetstream import direct
from dagnats.jetstream.client import Client
from dagnats.wire import subjects
from tests.chaos.documents import KINDS, LANES, MAX_RUNS, RATE_LIMIT, RATE_PERIOD_MS
from tests.chaos.load import ask

ENDS = {"workflow.completed", "workflow.failed", "workflow.cancelled"}
LEFT = ("runs", "aside", "waiting", "held", "gates", "timers", "listeners", "errands")
"""What a partition has none of when all runs have ended."""

Event = dict[str, Any]


@dataclass
class Seen:
    """All events, of history as they stand there, of the log by partition."""

    history: list[Event] = field(default_factory=list)
    log: dict[int, list[Event]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        """Note a problem."""
        self.problems.append(what)


async def settle(client: Client, runs: int, wait_s: float) -> dict[str, Any]:
    """Wait until nothing is alive any more, and return the last status."""
    deadline = time.monotonic() + wait_s
    while True:
        status: Any = await ask(client, "status", {})
        quiet = status["status"] == "serving" and not any(status.get(key) for key in LEFT)
        if quiet or time.monotonic() > deadline:
            return dict(status)
        await asyncio.sleep(0.5)


async def read(connection: Connection, partitions: int) -> Seen:
    """Read history and log whole."""
    seen = Seen()
    found = direct.read(connection, subjects.HISTORY_STREAM, subjects.HISTORY_ALL)
    async with aclosing(found) as messages:
        async for message in messages:
            seen.history.append(msgspec.json.decode(message.data))
    for number in range(partitions):
        events = seen.log[number] = []
        found = direct.read(connection, subjects.LOG_STREAM, subjects.log(number))
        async with aclosing(found) as messages:
            async for message in messages:
                lines = message.data.split(b"\n") if message.data else []
                events.extend(msgspec.json.decode(line) for line in lines)
    return seen


def of_run(event: Event) -> bool:
    """Whether an event is one of a run, and not a fact about the partition."""
    return event.get("run_id", PARTITION) != PARTITION


def check(seen: Seen, accepted: dict[str, tuple[str, int]]) -> list[str]:
    """Return what is wrong, in words."""
    _check_log(seen)
    _check_projection(seen)
    runs: dict[str, list[Event]] = defaultdict(list)
    for number in sorted(seen.log):
        for event in seen.log[number]:
            if of_run(event):
                runs[event["run_id"]].append(event)
    for run_id, (name, n) in accepted.items():
        _check_run(seen, run_id, name, n, runs.get(run_id, []))
        if name == "parent":
            children = [e for e in runs[run_id] if e["type"] == "workflow.spawn"]
            for spawned in children:
                child = spawned["payload"]["child_run_id"]
                _check_run(seen, child, "child", n + 1, runs.get(child, []))
    for run_id, events in runs.items():
        _check_once(seen, run_id, events)
    _check_gates(seen)
    _check_rate(seen)
    return seen.problems


def _check_log(seen: Seen) -> None:
    """Offsets of a partition have no gaps, so no decision is lost or there twice."""
    for number, events in seen.log.items():
        ids = [event["id"] for event in events]
        first = int(ids[0].partition("-")[2]) if ids else 0
        if ids != [f"{number}-{at}" for at in range(first, first + len(ids))]:
            seen.wrong(f"the log of partition {number} has gaps or repeats")
        if first:
            seen.wrong(f"the log of partition {number} begins at {first}: it was trimmed")


def _check_projection(seen: Seen) -> None:
    """History has every event of the log once, those of a partition in the order of the log."""
    for number, events in seen.log.items():
        shown = [e["id"] for e in seen.history if e["id"].startswith(f"{number}-")]
        logged = [e["id"] for e in events]
        if shown != logged:
            twice = [one for one, count in Counter(shown).items() if count > 1]
            missing = sorted(set(logged) - set(shown))
            seen.wrong(
                f"history of partition {number} is not its log: {len(twice)} events twice "
                f"{twice[:3]}, {len(missing)} missing {missing[:3]}, order kept: "
                f"{list(dict.fromkeys(shown)) == logged}"
            )
    by_run: dict[str, list[int]] = defaultdict(list)
    for event in seen.history:
        if of_run(event):
            by_run[event["run_id"]].append(event["seq"])
    wrong = [run for run, seqs in by_run.items() if seqs != list(range(1, len(seqs) + 1))]
    if wrong:
        seen.wrong(f"{len(wrong)} runs have gaps or repeats in their history: {wrong[:3]}")


def _check_run(seen: Seen, run_id: str, name: str, n: int, events: list[Event]) -> None:
    kind = KINDS[name]
    ends = [event for event in events if event["type"] in ENDS]
    if len(ends) != 1:
        last = events[-1]["type"] if events else "nothing"
        seen.wrong(f"{run_id} ended {len(ends)} times; the last of it is {last}")
        return
    end = ends[0]
    if end["type"] != f"workflow.{kind.status}":
        seen.wrong(f"{run_id} is {end['type']}: {end['payload']}")
        return
    payload = end["payload"]
    output = payload["code"] if kind.status == "failed" else payload
    if output != kind.output(n):
        seen.wrong(f"{run_id} gave {output!r}, not {kind.output(n)!r}")
    if name == "saga":
        undone = [e["step_id"] for e in events if e["type"] == "step.compensating"]
        if undone != ["b", "a"]:
            seen.wrong(f"{run_id} undid {undone}")
    attempts = max(event.get("attempt_number", 1) for event in events)
    if attempts > (2 if name == "naps" else 1):
        seen.wrong(f"{run_id} needed {attempts} attempts")


def _check_once(seen: Seen, run_id: str, events: list[Event]) -> None:
    """Numbers have no gaps, nothing follows the end, each delivery and each outcome is once."""
    if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
        seen.wrong(f"{run_id}: its events are not numbered without gaps")
    if any(event["type"] in ENDS for event in events[:-1]):
        seen.wrong(f"{run_id}: something follows its end")
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        seen.wrong(f"{run_id}: time went back")
    once: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        attempt = (event.get("step_id"), event.get("iteration"), event.get("attempt_number"))
        match event["type"]:
            case "step.started":
                once[("started", *attempt, event.get("delivery"))] += 1
            case "step.queued":
                once[("queued", *attempt)] += 1
            case "step.completed" | "step.failed":
                once[("ended", *attempt)] += 1
            case "step.compensating" | "step.wait.matched" | "workflow.spawn":
                once[(event["type"], event.get("step_id"))] += 1
            case _:
                pass
    for what, count in once.items():
        if count > 1:
            seen.wrong(f"{run_id}: {what} {count} times")


def _check_gates(seen: Seen) -> None:
    """Never more runs of a lane at once than `max_runs`."""
    for events in seen.log.values():
        inside: dict[int, set[str]] = {lane: set() for lane in range(LANES)}
        lane_of: dict[str, int] = {}
        for event in events:
            if event.get("workflow") != "chaos-gated":
                continue
            run_id = event["run_id"]
            if event["type"] == "workflow.pending":
                lane_of[run_id] = event["payload"]["input"]["lane"]
            elif event["type"] == "workflow.started":
                if run_id not in lane_of:
                    lane_of[run_id] = event["payload"]["input"]["lane"]
                inside[lane_of[run_id]].add(run_id)
            elif event["type"] in ENDS:
                inside[lane_of[run_id]].discard(run_id)
            for lane, runs in inside.items():
                if len(runs) > MAX_RUNS:
                    seen.wrong(f"{len(runs)} runs of lane {lane} at once at {event['id']}")
                    return


def _check_rate(seen: Seen) -> None:
    """No stretch of a period has more starts than the limit; deliveries again do not count."""
    from dagnats.machine.events import milliseconds

    at = sorted(
        milliseconds(event["timestamp"])
        for events in seen.log.values()
        for event in events
        if event["type"] == "step.started" and event.get("workflow") == "chaos-limited"
    )
    for first, last in zip(at, at[RATE_LIMIT:], strict=False):
        if last - first < RATE_PERIOD_MS:
            seen.wrong(f"{RATE_LIMIT + 1} limited starts within {last - first} ms at {first}")
            return
