"""A recorded run decided again: by the same program, to the same events; by another, to others.

The machine is pure, so a history tells what it was asked: each event that no decision explains is
the first one of another decision, and its kind says what that rested on. Where several requests
may have led to it, the one is taken that the history bears out furthest.

    step.started → Deliver      step.lost → ExpireLease      step.failed → Fail, or time
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from dagnats.errors import BrokenError
from dagnats.ir import codec
from dagnats.ir.program import AgentLoopNode, PlannerNode, SubWorkflowNode, TaskNode
from dagnats.machine import events as ev
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.events import Event, milliseconds
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    Asking,
    Calling,
    Expecting,
    Ready,
    Running,
    RunState,
    locate,
    scope_of,
)
from dagnats.simulation.values import hints_of

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RunState)
_BIRTH: Final = ("input", "trigger", "parent", "carried", "nonce")

Head = tuple[int, str, int, int]
"""What names an attempt: the time, the address, attempt and iteration."""


class Difference(Struct, frozen=True):
    """Where a replay departs from a history: the event of each, None where there is none.

    `request` is what the machine was asked then, in words.
    """

    seq: int
    recorded: dict[str, Any] | None
    replayed: dict[str, Any] | None
    request: str


def replay(
    program: Prepared, events: Sequence[Event], version: Prepared | None = None
) -> list[Difference]:
    """Return where deciding a recorded run again departs from its history; [] if nowhere.

    `program` is the one that the run had, and says what it was asked; with a `version` it is that
    which decides. The differences are those of the first decision that is another one: what came
    after rested on it. Raises BrokenError for what is no history from its beginning.
    """
    if not events or not isinstance(events[0], ev.RunStarted | ev.RunPending):
        raise BrokenError("a history begins with `workflow.started` or `workflow.pending`")
    return _Replay(program, events, version).run()


class _Replay:
    def __init__(
        self, program: Prepared, events: Sequence[Event], version: Prepared | None
    ) -> None:
        self._program = program
        self._version = version
        self._events = events
        self._forms = [_form(event) for event in events]
        self._hints = hints_of(program.program)

    def run(self) -> list[Difference]:
        birth = _birth(self._program, self._events[0])
        done = start(self._program, birth)
        other = None if self._version is None else start(self._version, birth)
        made = done.events if other is None else other.events
        state, at = done.state, len(done.events)
        differences = self._differences(0, made, birth, len(done.events))
        while not differences and at < len(self._events):
            state, request, found = self._decide(state, at)
            made = found
            if self._version is not None and other is not None:
                other = advance(self._version, other.state, request)
                made = other.events
            differences = self._differences(at, made, request, len(found))
            at += len(found)
        return differences

    def _decide(self, state: RunState, at: int) -> tuple[RunState, i.Input, list[Event]]:
        """Return the run after the decision that the history bears out furthest."""
        best: tuple[int, RunState, i.Input, list[Event]] | None = None
        before = _encoder.encode(state)
        for request in _requests(self._program, state, self._events, at, self._hints):
            copied = _decoder.decode(before)
            made = advance(self._program, copied, request).events
            agreed = self._agreed(at, made)
            if best is None or agreed > best[0]:
                best = (agreed, copied, request, made)
            if made and agreed == len(made):
                break
        assert best is not None
        return best[1:]

    def _agreed(self, at: int, made: Sequence[Event]) -> int:
        """Return how many events of a decision agree; -1 for a decision that is none."""
        count = 0
        for event, form in zip(made, self._forms[at:], strict=False):
            if _form(event) != form:
                break
            count += 1
        return count if made else -1

    def _differences(
        self, at: int, made: Sequence[Event], request: i.Input, count: int
    ) -> list[Difference]:
        """Hold the events of a decision against those recorded, which are so many."""
        words = type(request).__name__
        found = []
        for number in range(max(len(made), count, 1)):
            form = _form(made[number]) if number < len(made) else None
            there = self._forms[at + number] if at + number < len(self._forms) else None
            if form != there:
                seq = (form or there or {})["seq"]
                found.append(Difference(seq, there, form, words))
        return found


def _form(event: Event) -> dict[str, Any]:
    """Return an event as data; which program made it does not count."""
    form: dict[str, Any] = msgspec.to_builtins(event)
    if isinstance(event, ev.RunStarted | ev.RunPending) and "digest" in form["payload"]:
        form["payload"] = {k: v for k, v in form["payload"].items() if k != "digest"}
    return form


def _birth(program: Prepared, first: Event) -> i.StartRun:
    assert isinstance(first, ev.RunStarted | ev.RunPending)
    payload = first.payload
    more = {key: payload[key] for key in _BIRTH if payload.get(key) is not None}
    gate = isinstance(first, ev.RunPending)
    return i.StartRun(
        milliseconds(first.timestamp), first.run_id, program.digest, gate=gate, **more
    )


# ── what a decision rested on ────────────────────────────────────────────────────────────────────


def _requests(
    program: Prepared, state: RunState, events: Sequence[Event], at: int, hints: Any
) -> Iterator[i.Input]:
    """Yield what may have led to an event, the likeliest first, and time at the end."""
    event = events[at]
    now = milliseconds(event.timestamp)
    if isinstance(event, ev.OfStep):
        yield from _of_step(program, state, event, now, hints)
    match event:
        case ev.RunStarted():
            yield i.Admit(now)
        case ev.RunPaused(payload=payload):
            yield i.Pause(now, payload["reason"])
        case ev.RunResumed():
            yield from (i.Resume(now), i.Resume(now, "fail"))
            if at + 1 < len(events) and isinstance(asked := events[at + 1], ev.CancelRequested):
                yield i.Cancel(now, asked.payload["reason"])
        case ev.CancelRequested(payload=payload):
            yield i.Cancel(now, payload["reason"])
        case ev.RunRetried():
            yield i.RetryRun(now)
        case ev.Signalled(payload=payload):
            yield i.Signal(now, payload)
        case _:
            pass
    yield i.Tick(now)


def _of_step(
    program: Prepared, state: RunState, event: Any, now: int, hints: Any
) -> Iterator[i.Input]:
    name = event.step_id
    found = locate(program, state, name)
    if found is None:
        return
    frame, place = found
    node = scope_of(program, state, frame).nodes[place]
    step = frame.steps[place]
    if isinstance(event, ev.StepStarted):
        yield i.Deliver(now, name, event.worker_id)
    elif isinstance(event, ev.StepLost):
        yield i.ExpireLease(now, name, event.attempt_number, event.iteration, event.delivery)
    elif isinstance(step, Running | Ready) and isinstance(node, TaskNode):
        yield from _worked(event, now, node, step, hints)
    elif isinstance(step, Expecting):
        yield from _heard(event, now)
    elif isinstance(step, Asking):
        yield from _decided(event, now)
    elif isinstance(step, Calling) and isinstance(node, SubWorkflowNode):
        yield from _ended(event, now, node, step)


def _worked(
    event: Any, now: int, node: TaskNode, step: Running | Ready, hints: Any
) -> Iterator[i.Input]:
    head = (now, event.step_id, step.attempt, step.iteration)
    usage = getattr(event, "usage", None)
    match event:
        case ev.StepCompleted(payload=output):
            yield i.Complete(*head, output, usage)
            yield i.Continue(*head, output, usage)
        case ev.StepContinued(payload=output):
            yield i.Continue(*head, output, usage)
            yield i.Complete(*head, output, usage)
        case ev.StepExhausted(payload={"output": output}):
            yield i.Complete(*head, output, usage)
            yield i.Continue(*head, output, usage)
        case ev.Planned(payload=payload):
            made = codec.load(msgspec.json.encode(payload["program"]))
            plan = i.Plan(made, payload["digest"], payload["program"])
            yield i.Complete(*head, payload["program"], usage, plan)
        case ev.PlanRefused(payload=wrong):
            yield _refused(head, wrong, usage)
        case ev.StepFailed(payload=wrong):
            yield from _failed(event, head, node, step, wrong)
            yield from _unusable(head, node, usage, hints)
        case _:
            return


def _refused(head: Head, wrong: dict[str, Any], usage: Any) -> i.Input:
    details = wrong["details"] or {}
    plan = i.Plan(problems=tuple(details.get("problems") or ()))
    return i.Complete(*head, details.get("plan"), usage, plan)


def _failed(
    event: ev.StepFailed, head: Head, node: TaskNode, step: Running | Ready, wrong: dict[str, Any]
) -> Iterator[i.Input]:
    at = head[0]
    match wrong["code"]:
        case "timeout" | "queue_timeout":
            yield i.Tick(at)
        case "worker_lost":
            yield i.ExpireLease(*head, step.delivery)
        case "heartbeat_timeout":
            yield i.MissHeartbeat(*head)
        case "plan_refused" if isinstance(node, PlannerNode):
            yield _refused(head, wrong, event.usage)
        case _:
            pass
    said = (wrong["code"], wrong["message"], wrong["retryable"])
    after = wrong["retry_at"] - at if "retry_at" in wrong else None
    for asked in (None, after) if after is not None else (None,):
        yield i.Fail(*head, *said, asked, wrong["details"], event.usage)


def _unusable(head: Head, node: TaskNode, usage: Any, hints: Any) -> Iterator[i.Input]:
    """Yield results that ended a loop badly: what they were is not in the history."""
    yield i.Continue(*head, None, usage)
    if isinstance(node, AgentLoopNode) and node.until is not None:
        for value in hints.options(None, ("result",), lambda _: None):
            yield i.Complete(*head, value, usage)


def _heard(event: Any, now: int) -> Iterator[i.Input]:
    payload = getattr(event, "payload", None)
    if isinstance(payload, list) and payload:
        payload = payload[-1]
    if isinstance(payload, dict) and "id" in payload:
        yield i.Hear(now, payload, event.step_id)


def _decided(event: Any, now: int) -> Iterator[i.Input]:
    payload = getattr(event, "payload", None)
    vote = payload.get("details") if isinstance(event, ev.StepFailed) and payload else payload
    if not isinstance(vote, dict) or "by" not in vote or vote["by"] == "timeout":
        return
    decision = "approve" if vote["decision"] == "approved" else "reject"
    # Whoever was taken for an approver then may have been one by a group of theirs.
    yield i.Decide(now, event.step_id, decision, vote["by"], (), vote["comment"], vote["form"])


def _ended(event: Any, now: int, node: SubWorkflowNode, step: Calling) -> Iterator[i.Input]:
    head = (now, event.step_id, step.child_run_id)
    match event:
        case ev.StepCompleted(payload=output):
            yield i.EndChild(*head, "started" if node.detach else "completed", output)
        case ev.StepFailed(payload={"details": {"error": wrong}}):
            yield i.EndChild(*head, "failed", None, wrong)
        case _:
            return
