"""Where workers come: hellos, beats, results; deliveries to them; leases that run out."""

from collections.abc import Callable, Iterable
from typing import Any

from dagnats.engine import contracts
from dagnats.engine.book import Live
from dagnats.engine.faults import in_words
from dagnats.engine.partition import Partition
from dagnats.ir.program import PlannerNode
from dagnats.machine import inputs as i
from dagnats.machine.dispatch import DeliveryKey
from dagnats.machine.prepared import Prepared
from dagnats.machine.state import locate, program_of
from dagnats.wire.tasks import Held, Hello, Result

ASSIGN_MAX = 1_000
"""Deliveries given out between two commits."""

UNITS = ("tokens", "usd", "tool_calls")

Planning = Callable[[Prepared, PlannerNode, Any], i.Plan]
"""Compiles what a planner gave."""


def take_results(
    partition: Partition, worker_id: str, results: Iterable[Result], now: int, planning: Planning
) -> None:
    """Apply what a worker returned; each is accepted, also if it is of the past.

    One of a run that is set aside is the worker's to keep.
    """
    for result in results:
        if result.run_id in partition.aside:
            continue
        _take_result(partition, worker_id, result, now, planning)
        held = Held(
            result.run_id,
            result.step,
            result.attempt,
            result.delivery,
            result.iteration,
            result.life,
        )
        # Its group may be sealed by now: a later one is as true, and later is never too early.
        partition.outbox.current.accepted.setdefault(worker_id, {})[held] = None
    partition.wake()


def _take_result(
    partition: Partition, worker_id: str, result: Result, now: int, planning: Planning
) -> None:
    live = partition.runs.get(result.run_id)
    if live is None or live.state.life != result.life:
        return
    transition = partition.decide(live, _as_input(live, result, now, planning))
    if not transition.events:
        return
    key = (result.run_id, result.step, result.iteration, result.attempt)
    holder = partition.dispatcher.withdraw(key)
    if holder is not None and holder != worker_id:
        held = Held(result.run_id, result.step, result.attempt, 1, result.iteration, result.life)
        partition.outbox.current.cancels.setdefault(holder, []).append(held)
    partition.follow(live, transition)


def _as_input(
    live: Live, result: Result, now: int, planning: Planning
) -> i.Complete | i.Continue | i.Fail:
    problem = result.error
    usage = _counted(result.usage) if result.usage else None
    if problem is not None:
        return i.Fail(
            at=now,
            step=result.step,
            attempt=result.attempt,
            iteration=result.iteration,
            code=problem.code,
            message=problem.message,
            retryable=problem.retryable,
            retry_after_ms=problem.retry_after_ms,
            details=problem.details,
            usage=usage,
        )
    step, attempt, iteration = result.step, result.attempt, result.iteration
    if result.continued:
        return i.Continue(now, step, attempt, iteration, result.output, usage)
    broken = contracts.complaint(live, step, result.output)
    if broken is not None:
        code, (said, again) = contracts.INVALID_OUTPUT, broken
        return i.Fail(now, step, attempt, iteration, code, said, retryable=again, usage=usage)
    plan = _plan(live, result, planning) if iteration else None
    return i.Complete(now, step, attempt, iteration, result.output, usage, plan)


def _counted(usage: dict[str, float]) -> dict[str, float] | None:
    """Return what counts of what a worker says it has spent: known units, nothing below 0."""
    return {unit: usage[unit] for unit in UNITS if usage.get(unit, 0) > 0} or None


def _plan(live: Live, result: Result, planning: Planning) -> i.Plan | None:
    """Return what a planner's result compiles to; None for every other step."""
    found = locate(live.program, live.state, result.step)
    if found is None:
        return None
    frame, at = found
    source = program_of(live.program, live.state, frame)
    node = source.scopes[frame.scope].nodes[at]
    if not isinstance(node, PlannerNode):
        return None
    try:
        return planning(source, node, result.output)
    except Exception as bug:  # noqa: BLE001 - a plan that breaks the compiler is as good as refused
        return i.Plan(problems=(f"the plan cannot be compiled: {in_words(bug)}",))


def say_hello(partition: Partition, hello: Hello, concurrency: int, now: int) -> None:
    """Let a worker take part; what it does not hold is delivered again."""
    dispatcher = partition.dispatcher
    dispatcher.seat(
        hello.worker_id,
        frozenset(hello.tasks),
        concurrency,
        now,
        frozenset(hello.groups),
        frozenset(hello.capabilities),
    )
    keys = _keys(partition, hello.held)
    dispatcher.beat(hello.worker_id, keys, now)
    dispatcher.disown(hello.worker_id, keys, now)
    partition.wake()


def beat(partition: Partition, worker_id: str, held: list[Held], now: int) -> bool:
    """Extend leases; False when the worker is not known and should say hello."""
    partition.dispatcher.beat(worker_id, _keys(partition, held), now)
    return partition.dispatcher.knows(worker_id)


def assign(partition: Partition, now: int) -> None:
    """Give waiting deliveries to workers with room."""
    if not partition.dispatcher.waiting_count:
        return
    for worker_id, ticket in partition.dispatcher.assign(now, ASSIGN_MAX):
        live = partition.runs[ticket.run_id]
        deliver = i.Deliver(at=now, step=ticket.step, worker_id=worker_id)
        transition = partition.decide(live, deliver)
        partition.follow(live, transition)
        partition.arm_at(ticket.run_id, transition.state.at + ticket.node.timeout_ms)
        # Not before the event of the delivery: if that sealed the group, ride with the next.
        deliveries = partition.outbox.current.deliveries
        deliveries.setdefault(worker_id, []).append(ticket)


def sweep(partition: Partition, now: int) -> None:
    """Act on leases that have run out, and on workers that give no sign of life."""
    dispatcher = partition.dispatcher
    for key, delivery in dispatcher.expired(now):
        _, step, iteration, attempt = key
        _give_up(partition, key, i.ExpireLease(now, step, attempt, iteration, delivery))
    for key in dispatcher.silent(now):
        _, step, iteration, attempt = key
        _give_up(partition, key, i.MissHeartbeat(now, step, attempt, iteration))
    partition.wake()


def _give_up(partition: Partition, key: DeliveryKey, request: i.Input) -> None:
    live = partition.runs.get(key[0])
    if live is None:
        partition.dispatcher.withdraw(key)
        return
    life = live.state.life
    transition = partition.decide(live, request)
    partition.stop(key, life)
    partition.follow(live, transition)


def _keys(partition: Partition, held: list[Held]) -> set[DeliveryKey]:
    """Return what a worker names, but for what is of an earlier life of its run."""
    runs = partition.runs
    return {
        (one.run_id, one.step, one.iteration, one.attempt)
        for one in held
        if (live := runs.get(one.run_id)) is not None and live.life == one.life
    }
