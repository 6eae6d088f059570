"""What must be true of a simulated engine after every commit, of every answer, and at the end.

The checker folds the log by itself as it is written, and compares: with what the owner has in
memory, with what clients and workers are told, and at the end with the history that people read.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from dagnats.engine import records
from dagnats.ir.program import ApprovalNode, TaskNode
from dagnats.machine import events as ev
from dagnats.machine.evolve import born, evolve
from dagnats.machine.invariants import violations
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import (
    END_STATUSES,
    Asking,
    Calling,
    Ended,
    Ready,
    Recovering,
    Running,
    RunState,
    locate,
    scope_of,
)
from dagnats.ports import LogEntry
from dagnats.testing.ledger import Attempt, Ledger, Run
from dagnats.testing.leftovers import leftovers
from dagnats.testing.world import World

STOP_S = 10.0
"""What an event cancels does not go on for longer."""

_encode = msgspec.json.Encoder().encode


class ViolationError(Exception):
    """Something that must always be true was not."""


class Checker(Ledger):
    """Folds the log and says what is wrong. Raises ViolationError, or tells `fail`."""

    def __init__(self, fail: Callable[[str], None], world: World) -> None:
        super().__init__(fail, world)
        self.programs: dict[str, Prepared] = {}
        self.published: list[set[str]] = [set() for _ in world.disks]
        self.heard: set[tuple[str, str]] = set()
        self.decided: set[tuple[str, str, str]] = set()
        self.requested: set[tuple[str, str]] = set()
        self.results: dict[Attempt, Any] = {}
        self.checks = 0
        self.last_at = 0.0
        self._spawned: set[str] = set()
        self._scarce: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._admitted: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._stopped: dict[str, float] = {}

    def know(self, program: Prepared) -> None:
        """Know a program that runs may be of."""
        self.programs[program.digest] = program

    # ── the log ──────────────────────────────────────────────────────────────────────────────────

    def append(self, entry: LogEntry, number: int, partition: Any, now_s: float = 0.0) -> None:
        """Take what has just been stored; `partition` is what its writer has in memory."""
        if not entry.lines:
            return
        log = self.logs[number]
        if entry.offset != len(log):
            self.fail(f"log {number} goes on at offset {entry.offset}, not {len(log)}")
        touched: dict[str, Run] = {}
        for offset, line in enumerate(entry.lines, entry.offset):
            log.append(line)
            if not line.startswith(b'{"id":"%d-%d"' % (number, offset)):
                self.fail(f"event {offset} of partition {number} calls itself {line[:40]!r}")
            event = records.decode(line)
            if event.run_id == records.PARTITION:
                self._record(event, number, now_s)
            else:
                run = self._event(event, number)
                if run is not None:
                    run.offsets.append(offset)
                    touched[event.run_id] = run
            self.written(line, event)
        for run_id, run in touched.items():
            late_s = now_s - self._stopped.get(run_id, now_s)
            if run.state.status == "completed" and late_s > STOP_S:
                self.fail(f"{run_id} was to be cancelled {late_s:.1f} s ago, and has completed")
        self._compare(touched.values(), partition)

    def _record(self, record: Any, number: int, now_s: float) -> None:
        if isinstance(record, records.EventPublished):
            published = self.published[number]
            if record.payload["id"] in published:
                self.fail(f"event {record.payload['id']} is published twice on {number}")
            published.add(record.payload["id"])
            self._stop(record.payload, number, now_s)
        elif isinstance(record, records.RunsPurged):
            self.forget(number, record.payload["runs"])

    def _stop(self, event: Any, number: int, now_s: float) -> None:
        """Note which runs of a partition an event of the simulation is to cancel."""
        for run_id, run in self.live.items():
            if run.home != number:
                continue
            kinds = {one.event for one in run.program.program.admission.cancel_on}
            of = run.state.input.get("kind") if isinstance(run.state.input, dict) else None
            if event["type"] in kinds and event["data"] == {"kind": of}:
                self._stopped.setdefault(run_id, now_s)

    def _event(self, event: ev.Event, number: int) -> Run | None:
        run = self.runs.get(event.run_id)
        if run is None:
            return self._begin(event, number)
        if run.home != number:
            self.fail(f"{event.run_id} lives on partition {run.home}, and on {number}")
        state = run.state
        if event.seq != state.seq + 1:
            self.fail(f"{event.run_id}: event {event.seq} follows {state.seq}")
        if state.status in END_STATUSES and not isinstance(event, ev.RunRetried):
            self.fail(f"{event.run_id} has ended, and then {type(event).__name__}")
        if isinstance(event, ev.OfStep):
            self._once(run, event)
        evolve(run.program, state, event)
        self._after(run, event)
        return run

    def _begin(self, event: ev.Event, number: int) -> Run | None:
        if not isinstance(event, ev.RunStarted | ev.RunPending) or event.seq != 1:
            self.fail(f"{event.run_id} begins with {type(event).__name__} {event.seq}")
            return None
        program = self.programs[event.payload["digest"]]
        run = Run(program, born(program, event), number)
        self.begun.add(event.run_id)
        self._stopped.pop(event.run_id, None)  # that was one of this name, forgotten since
        parent = event.payload.get("parent")
        if parent is not None and event.run_id not in self._spawned:
            self.fail(f"{event.run_id} has begun, and its parent {parent} did not ask for it")
        self.runs[event.run_id] = self.live[event.run_id] = run
        extra = event.payload.get("extra") or {}
        key = extra.get("idempotency_key")
        if key is not None:
            other = self.keys.setdefault((event.workflow, key), event.run_id)
            if other != event.run_id:
                self.fail(f"{event.run_id} has the idempotency key of {other}")
        self._after(run, event)
        return run

    def _after(self, run: Run, event: ev.Event) -> None:  # noqa: C901 (one case for each event)
        state = run.state
        match event:
            case ev.RunRetried():
                run.retries += 1
                run.to_undo = [one for one in run.to_undo if one not in event.payload["reset"]]
                run.undone = []
                self.live[state.run_id] = run
            case ev.RunCompleted() | ev.RunFailed() | ev.RunCancelled():
                run.ended += 1
                del self.live[state.run_id]
            case ev.Signalled() | ev.WaitMatched() | ev.StepCompleted():
                self._hear(state.run_id, event.payload)
            case ev.ChildSpawned():
                self._spawned.add(event.payload["child_run_id"])
            case ev.CancelRequested():
                self.requested.add((state.run_id, "cancel"))
            case ev.RunPaused():
                self.requested.add((state.run_id, "pause"))
            case _:
                pass
        if isinstance(event, ev.ApprovalGranted):
            self.decided.add((state.run_id, event.step_id, event.payload["by"]))
        run.life = state.generation + run.retries
        if isinstance(event, ev.RunContinued):
            run.to_undo, run.undone = [], []
        certificate = run.program.program.certificate
        most = certificate.events.max
        if most is not None and state.counters.events > most:
            self.fail(f"{state.run_id} has more events than certified: {most}")
        most = certificate.attempts.max
        if most is not None and state.counters.attempts > most:
            self.fail(f"{state.run_id} has more attempts than certified: {most}")
        self._permits(run, event)

    def _hear(self, run_id: str, payload: Any) -> None:
        found = []
        for one in payload if isinstance(payload, list) else [payload]:
            if isinstance(one, dict) and isinstance(one.get("id"), str):
                self.heard.add((run_id, one["id"]))
                found.append(one["id"])
        if len(set(found)) != len(found):
            self.fail(f"{run_id} takes an event twice: {found}")

    # ── decisions ────────────────────────────────────────────────────────────────────────────────

    def _once(self, run: Run, event: ev.OfStep) -> None:
        run_id, state = event.run_id, run.state
        attempt = (run_id, run.life, event.step_id, event.iteration, event.attempt_number)
        match event:
            case ev.StepStarted(worker_id=worker_id, delivery=delivery):
                if (attempt, delivery) in self.started:
                    self.fail(f"{attempt} was delivered twice as delivery {delivery}")
                self.started[attempt, delivery] = worker_id
            case ev.StepCompleted() | ev.StepContinued() | ev.StepFailed():
                self._decided_once(run, event, attempt)
            case ev.StepCompensating():
                self._undo(run, event)
            case _:
                pass
        if isinstance(event, ev.StepCompleted | ev.StepFailed):
            self.decided.add((run_id, event.step_id, ""))
        if isinstance(event, ev.StepCompleted) and self._is_undone_later(run, event.step_id):
            run.to_undo.append(event.step_id)
        del state

    def _decided_once(self, run: Run, event: ev.OfStep, attempt: Attempt) -> None:
        found = locate(run.program, run.state, event.step_id)
        if found is None:
            self.fail(f"{attempt} has ended, and is not there")
            return
        frame, at = found
        before = frame.steps[at]
        if isinstance(before, Ended):
            self.fail(f"{attempt} ends, and has ended before as {type(before).__name__}")
        node = scope_of(run.program, run.state, frame).nodes[at]
        if isinstance(before, Calling) and isinstance(event, ev.StepCompleted):
            self._has_ended(before.child_run_id, event)
        if isinstance(node, ApprovalNode) and isinstance(event, ev.StepCompleted):
            self._has_quorum(node, before, event)
        if not isinstance(node, TaskNode) or isinstance(before, Recovering):
            return
        if attempt in self.completed:
            self.fail(f"{attempt} was decided twice")
        self.completed.add(attempt)
        by_worker = isinstance(before, Running) or (
            isinstance(before, Ready) and before.delivery > 1
        )
        if not by_worker or isinstance(event, ev.StepFailed):
            return
        if attempt not in self.results:
            self.fail(f"{attempt} has a result, and no worker has returned one")
        elif type(node) is TaskNode and _output(event) != self.results[attempt]:
            self.fail(f"{attempt} gives {_output(event)}, its worker {self.results[attempt]}")

    def _has_ended(self, child_run_id: str, event: ev.StepCompleted) -> None:
        """Check that a child has come to what its parent takes from it."""
        if event.payload == {"child_run_id": child_run_id}:
            return
        child = self.runs.get(child_run_id)
        if child is None or child.state.status != "completed":
            self.fail(f"{event.run_id} goes on, and its child {child_run_id} has not completed")
        elif child.state.output != event.payload:
            self.fail(f"{event.run_id} has {event.payload} of its child {child_run_id}")

    def _has_quorum(self, node: ApprovalNode, before: Any, event: ev.StepCompleted) -> None:
        """Enough people have approved, each once, unless time or a handler has decided."""
        decision = event.payload if isinstance(event.payload, dict) else {}
        by = decision.get("by")
        if decision.get("decision") != "approved" or not isinstance(before, Asking) or not by:
            return
        people = {by, *(vote["by"] for vote in before.votes)}
        if before.round == 1 and by in node.approvers and len(people) < node.quorum:
            self.fail(f"{event.run_id}: {event.step_id} needs {node.quorum}, has {people}")

    def _is_undone_later(self, run: Run, step: str) -> bool:
        found = locate(run.program, run.state, step)
        if found is None or found[0].key:
            return False
        frame, at = found
        node = scope_of(run.program, run.state, frame).nodes[at]
        return getattr(node, "compensate", None) is not None

    def _undo(self, run: Run, event: ev.StepCompensating) -> None:
        step = event.step_id
        if step not in run.to_undo:
            if "." not in step and "[" not in step:
                self.fail(f"{event.run_id}: {step} is undone, and was not done")
            return
        if step in run.undone:
            self.fail(f"{event.run_id}: {step} is undone twice")
        left = [one for one in run.to_undo if one not in run.undone]
        if left[-1] != step:
            self.fail(f"{event.run_id}: {step} is undone before {left[-1]}, done after it")
        run.undone.append(step)

    # ── permits ──────────────────────────────────────────────────────────────────────────────────

    def _permits(self, run: Run, event: ev.Event) -> None:
        program, state = run.program.program, run.state
        admission = program.admission
        if admission.concurrency is not None or admission.singleton is not None:
            self._check_admitted(run, admission)
        if isinstance(event, ev.StepStarted):
            found = locate(run.program, state, event.step_id)
            if found is not None:
                frame, at = found
                node = scope_of(run.program, state, frame).nodes[at]
                if isinstance(node, TaskNode) and node.max_task_concurrency is not None:
                    self._check_scarce(node.task, node.max_task_concurrency, state, event.step_id)
            most = admission.concurrency.max_steps if admission.concurrency else None
            if most is not None:
                running = _running(state)
                if running > most:
                    self.fail(f"{state.run_id} has {running} steps running, {most} may")

    def _check_admitted(self, run: Run, admission: Any) -> None:
        state = run.state
        goes = state.status not in {"pending", *END_STATUSES}
        extra = state.birth.get("extra") or {}
        for most, key in (
            (admission.concurrency and admission.concurrency.max_runs, "runs_key"),
            (1 if admission.singleton else None, "singleton_key"),
        ):
            if most is None:
                continue
            admitted = self._admitted[f"{state.workflow}/{key}", extra.get(key, "")]
            if goes:
                admitted.add(state.run_id)
                if len(admitted) > most:
                    self.fail(f"{sorted(admitted)} go at once, {most} may")
            else:
                admitted.discard(state.run_id)

    def _check_scarce(self, task: str, most: int, state: RunState, step: str) -> None:
        running = {one for one in self._scarce[task] if self._still_runs(one)}
        running.add((state.run_id, step))
        self._scarce[task] = running
        if len(running) > most:
            self.fail(f"`{task}` runs {len(running)} times, {most} may: {sorted(running)}")

    def _still_runs(self, one: tuple[str, str]) -> bool:
        run = self.live.get(one[0])
        found = locate(run.program, run.state, one[1]) if run is not None else None
        return found is not None and isinstance(found[0].steps[found[1]], Running)

    # ── the owner's memory ───────────────────────────────────────────────────────────────────────

    def _compare(self, touched: Iterable[Run], partition: Any) -> None:
        if partition is None:
            return
        for run in touched:
            live = partition.runs.get(run.state.run_id)
            if live is None or live.is_packed:
                continue
            if live.state.seq == run.state.seq:
                self.compare(run, live.state, sliced=run.state.run_id in partition.going_on)

    def compare(self, run: Run, state: RunState, *, sliced: bool) -> None:
        """Hold a run in memory against the log."""
        self.checks += 1
        if _encode(state) != _encode(run.state):
            self.fail(f"{state.run_id} in memory is not what its events say:\n{state}\n{run.state}")
        found = violations(run.program, state, sliced=sliced)
        if found:
            self.fail(f"{state.run_id}: {found}")

    # ── what others are told ─────────────────────────────────────────────────────────────────────

    def delivered(self, worker_id: str, task: Any) -> None:
        """Note that a worker is given a task: the log must say so."""
        run = self.runs.get(task.run_id)
        if run is None and task.run_id in self.begun:
            return  # forgotten since
        if run is None:
            self.fail(f"{worker_id} is given a task of {task.run_id}, which is not in the log")
            return
        attempt = (task.run_id, task.life, task.step, task.iteration, task.attempt)
        if self.started.get((attempt, task.delivery)) != worker_id:
            self.fail(
                f"{worker_id} is given {task.step} of {task.run_id}, which the log does not say"
            )
        if not run.ended:
            self.check_claims(f"a task of {task.run_id}", [task.input, task.state])

    def returned(self, result: Any) -> None:
        """Note that a worker has done a task: nothing else may become its output."""
        attempt = (result.run_id, result.life, result.step, result.iteration, result.attempt)
        self.results[attempt] = result.output

    def accepted(self, worker_id: str, held: Any) -> None:
        """Note that a worker may forget a result: the log must have it, or have passed it."""
        run = self.runs.get(held.run_id)
        if run is None or run.life != held.life:
            return
        found = locate(run.program, run.state, held.step)
        if found is None:
            return
        step = found[0].steps[found[1]]
        if (
            isinstance(step, Running)
            and step.attempt == held.attempt
            and step.iteration == held.iteration
        ):
            self.fail(f"{worker_id} may forget {held}, and the log has no end of it")

    def answered(self, operation: str, params: dict[str, Any], answer: Any) -> None:
        """Note that a client is told that something is done: the log must have it."""
        told = answer.get("run_id") if isinstance(answer, dict) else None
        run_id = told or params.get("run_id", "")
        run = self.runs.get(run_id)
        problem = ""
        if run is None and run_id in self.begun:
            return  # forgotten since
        match operation:
            case "run.start" | "run.fork":
                problem = "" if run is not None else "no such run"
            case "run.cancel" if run is not None and not run.ended:
                known = (run_id, "cancel") in self.requested or run.state.ending is not None
                problem = "" if known else "it was not asked to end"
            case "run.pause" if run is not None and not run.ended:
                known = (run_id, "pause") in self.requested or run.state.status == "paused"
                problem = "" if known else "it was not paused"
            case "run.retry" if run is not None and answer["reset"]:
                problem = "" if run.retries else "it was not retried"
            case "event.publish":
                there = any(params["id"] in published for published in self.published)
                problem = "" if there else "no such event"
            case "run.signal" if run is not None and not run.ended and run.life == 1:
                known = (run_id, params["id"]) in self.heard
                problem = "" if known else "no such signal"
            case "approval.decide":
                step = params["step"]
                known = (run_id, step, params["by"]) in self.decided
                known = known or (run_id, step, "") in self.decided
                problem = "" if known or (run is not None and run.ended) else "nobody decided"
            case _:
                pass
        if problem:
            self.fail(f"`{operation}` {params} is answered {answer}, and the log says: {problem}")

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def at_end(self, number: int, partition: Any, errands: int) -> None:
        """Check what must hold of a partition when nothing is left to do."""
        self._check_history(number)
        for name, count in leftovers(partition, errands).items():
            if count:
                self.fail(f"everything has ended, and partition {number} has {count} {name} left")
        for run_id, run in self.runs.items():
            if run.home != number:
                if partition.status_of(run_id):
                    self.fail(f"{run_id} of partition {run.home} is listed on {number}")
                continue
            if run.ended != 1 + run.retries:
                self.fail(f"{run_id} has ended {run.ended} times, retried {run.retries}")
            status = partition.status_of(run_id)
            if status and status != run.state.status:
                self.fail(f"{run_id} is listed as {status}, and is {run.state.status}")

    def check_events(self) -> None:
        """Every partition has heard of every event."""
        every = set().union(*self.published)
        for number, published in enumerate(self.published):
            if every - published:
                self.fail(f"partition {number} has not heard of {sorted(every - published)}")

    def _check_history(self, number: int) -> None:
        """Whoever reads the history, each event once, reads the log but for what is forgotten."""
        own = b'{"id":"%d-' % number
        shown = [line for _, line in self.world.shared.stream.entries if line.startswith(own)]
        history, log = list(dict.fromkeys(shown)), self.left(number)
        if len(history) < len(shown):
            self.world.note("history.twice", f"{len(shown) - len(history)} events on {number}")
        if self.forgotten:
            history, log = _of_runs(history), _of_runs(log)
        if history == log:
            return
        wrong = next(
            (at for at, (a, b) in enumerate(zip(history, log, strict=False)) if a != b),
            min(len(history), len(log)),
        )
        there = [line[:90].decode() for line in history[wrong : wrong + 3]]
        self.fail(
            f"the history of {number} has {len(history)} events, the log {len(log)};"
            f" they differ at {wrong}: {there}"
        )


def _of_runs(lines: list[bytes]) -> list[bytes]:
    """Return the events of runs: records of the partition itself may be forgotten, too."""
    return [line for line in lines if b'"run_id":"_partition"' not in line]


def _output(event: ev.OfStep) -> Any:
    return event.payload if isinstance(event, ev.StepCompleted) else None


def _running(state: RunState) -> int:
    return sum(isinstance(step, Running) for frame in state.frames.values() for step in frame.steps)
