"""What one execution of a step costs at the worst, by its kind.

A task is its attempts; a container is what its bodies are, as often as its bound says; whatever
waits has a timer. `ir.costs` says what a transition writes. `certify` puts steps together.

    fan: {type: map, task: t, config: {max_items: 5}}    →  attempts 1·fan.max_items
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dagnats.compiler.measures import ZERO, Measure, most, plain, repeated, total
from dagnats.compiler.outputs import Lookup
from dagnats.compiler.resolved import Policies, Work, retries, works
from dagnats.ir.costs import (
    EVENT_ENVELOPE_BYTES_MAX,
    EVENTS_PER_PASS,
    EVENTS_PER_PAUSE,
    EVENTS_PER_PLAN,
    EVENTS_PER_STEP,
    PAYLOAD_BYTES_MAX,
    RETRY_DELAY_MS_MAX,
    events_per_attempt,
)
from dagnats.ir.program import Certificate, Retry
from dagnats.lang import tree
from dagnats.lang.tree import Step

MICRO: Final = 1_000_000
"""Money is counted in millionths of a dollar."""


class Load(Struct, frozen=True):
    """What one execution costs.

    `history` are the events of this run alone, `events` those of children besides. `concurrent`
    are attempts at once, `timers` those open at once, `instances` steps that exist at once.
    `duration` is the time until the end, `undo` what compensation takes later. `tokens` and
    `usd` are None where no budget bounds them.
    """

    attempts: Measure = ZERO
    events: Measure = ZERO
    history: Measure = ZERO
    bytes: Measure = ZERO
    cost: Measure = ZERO
    timers: Measure = ZERO
    concurrent: Measure = ZERO
    instances: Measure = ZERO
    duration: Measure = ZERO
    undo: Measure = ZERO
    tokens: Measure | None = ZERO
    usd: Measure | None = ZERO


SUMMED: Final = ("attempts", "events", "history", "bytes", "cost", "undo")
"""What is as much as all of its parts, however they follow each other."""

BUDGETED: Final = ("tokens", "usd")
NOTHING: Final = Load()


def added(loads: Sequence[Load]) -> dict[str, Any]:
    """Return the sums of some loads, of what is summed."""
    found: dict[str, Any] = {
        name: total([getattr(load, name) for load in loads]) for name in SUMMED
    }
    for name in BUDGETED:
        parts = [getattr(load, name) for load in loads]
        found[name] = None if None in parts else total(parts)
    return found


def either(loads: Sequence[Load]) -> Load:
    """Return the worst of some loads of which one comes to be."""
    if not loads:
        return NOTHING
    found: dict[str, Any] = {}
    for name in Load.__struct_fields__:
        parts = [getattr(load, name) for load in loads]
        found[name] = None if None in parts else most(parts)
    return Load(**found)


def _times(load: Load, times: int, size: str) -> dict[str, Any]:
    """Return what is summed, as often as `size` says."""
    found: dict[str, Any] = {name: repeated(getattr(load, name), times, size) for name in SUMMED}
    for name in BUDGETED:
        part = getattr(load, name)
        found[name] = None if part is None else repeated(part, times, size)
    return found


class Loads:
    """Works out the load of one step, given those of its bodies and what its expressions cost."""

    def __init__(self, policies: Policies, workflows: Lookup | None) -> None:
        self._policies = policies
        self._workflows = workflows
        self.uncounted: dict[str, None] = {}

    def of(self, step: Step, costs: Mapping[str, int], bodies: Sequence[Load]) -> Load:
        """Return the load of a step by itself, handlers left aside.

        `costs` are those of its expressions by their keys; `bodies` stand in their order.
        """
        if works(step):
            return self._work(step, costs)
        match step.config:
            case tree.AgentLoop() | tree.Loop():
                return self._loop(step, step.config, costs, bodies)
            case tree.Map() as each:
                return self._map(step, each, costs, bodies[0] if bodies else NOTHING)
            case tree.Switch():
                return self._with_body(step, costs, either(bodies))
            case tree.Approval() as approval:
                return self._approval(step, approval, costs)
            case tree.WaitForEvent(count=count):
                wait = self._policies.wait_ms(step) or 0
                return self._own(step, costs, more=count or 1, timers=1, duration=wait)
            case tree.Sleep():
                return self._own(step, costs, timers=1, duration=self._policies.sleep_ms(step))
            case tree.SubWorkflow() as child:
                return self._child(step, child, costs)
            case _:
                return self._own(step, costs)

    def _own(
        self,
        step: Step,
        costs: Mapping[str, int],
        *,
        more: int = 0,
        timers: int = 0,
        duration: int = 0,
    ) -> Load:
        """Return the load of what the engine does itself; `more` are events beside the usual."""
        name = step.id
        events = plain(EVENTS_PER_STEP + more, name)
        return Load(
            events=events,
            history=events,
            bytes=plain(_bytes(EVENTS_PER_STEP + more, 1 + more), name),
            cost=plain(sum(costs.values()), name),
            timers=plain(timers, name),
            instances=plain(1, name),
            duration=plain(duration, name),
        )

    def _with_body(self, step: Step, costs: Mapping[str, int], body: Load) -> Load:
        """Return the load of a container whose body runs once."""
        own = self._own(step, costs)
        return replace(body, **added([own, body]), instances=total([own.instances, body.instances]))

    def _work(self, step: Step, costs: Mapping[str, int]) -> Load:
        """Return the load of a step that workers do."""
        work = self._policies.work(step)
        count = self._policies.bound(step) or 1
        match step.config:
            case tree.AgentLoop() as loop:
                return self._agent_loop(step, loop, work, costs)
            case tree.Map() as each:
                each_costs = {key: costs.get(key, 0) for key in _PER_ATTEMPT}
                once = {key: n for key, n in costs.items() if key not in _PER_ATTEMPT}
                task = task_load(step.id, work, each_costs)
                own = self._own(step, once)
                return self._items(step, each, count, own, task)
            case tree.Planner() as planner:
                return self._planner(step, planner, work, costs)
            case _:
                return task_load(step.id, work, costs)

    def _agent_loop(
        self, step: Step, loop: tree.AgentLoop, work: Work, costs: Mapping[str, int]
    ) -> Load:
        count = self._policies.bound(step) or 1
        size = f"{step.id}.max_iterations"
        each = {key: n for key, n in costs.items() if key not in {"when", "initial_state"}}
        once = sum(costs.values()) - sum(each.values())
        one = task_load(step.id, work, each)
        found = _times(one, count, size)
        found["cost"] = total([found["cost"], plain(once, step.id)])
        if loop.on_exhausted == "pause":
            found |= _paused(found, step.id)
        return replace(
            _budgeted(one, loop.budget, step.id, found),
            timers=plain(max(one.timers.value, bool(loop.delay)), step.id),
            duration=_limited(step.id, one.duration, loop, count, size),
        )

    def _loop(
        self,
        step: Step,
        loop: tree.AgentLoop | tree.Loop,
        costs: Mapping[str, int],
        bodies: Sequence[Load],
    ) -> Load:
        body = bodies[0] if bodies else NOTHING
        count = self._policies.bound(step) or 1
        size = f"{step.id}.max_iterations"
        once = {key: n for key, n in costs.items() if key not in _PER_PASS}
        # `while` is looked at once more when it no longer holds.
        once["while"] = costs.get("while", 0)
        own = self._own(step, once)
        each = _pass(step.id, sum(costs.get(key, 0) for key in _PER_PASS))
        found = added([own, Load(**_times(Load(**added([each, body])), count, size))])
        if loop.on_exhausted == "pause":
            found |= _paused(found, step.id)
        budget = loop.budget if isinstance(loop, tree.AgentLoop) else None
        return replace(
            _budgeted(body, budget, step.id, found),
            timers=most([body.timers, plain(int(bool(loop.delay)), step.id)]),
            instances=total([own.instances, body.instances]),
            duration=_limited(step.id, body.duration, loop, count, size),
        )

    def _map(self, step: Step, each: tree.Map, costs: Mapping[str, int], body: Load) -> Load:
        count = self._policies.bound(step) or 1
        once = {key: n for key, n in costs.items() if key != "output"}
        item = _pass(step.id, costs.get("output", 0))
        return self._items(
            step, each, count, self._own(step, once), replace(body, **added([item, body]))
        )

    def _items(self, step: Step, each: tree.Map, count: int, own: Load, item: Load) -> Load:
        """Return the load of a map: `own` once, and `item` as often as there are items."""
        size = f"{step.id}.max_items"
        window, at_once = count, size
        if each.max_concurrency is not None and each.max_concurrency < count:
            window, at_once = each.max_concurrency, f"{step.id}.max_concurrency"
        rounds = -(-count // window)
        duration = item.duration
        if rounds > 1:
            in_turn = size if window == 1 else f"⌈{size}/{at_once}⌉"
            duration = repeated(duration, rounds, in_turn)
        instances = repeated(item.instances, window, at_once)
        return Load(
            **added([own, Load(**_times(item, count, size))]),
            timers=repeated(item.timers, window, at_once),
            concurrent=repeated(item.concurrent, window, at_once),
            instances=total([own.instances, instances]),
            duration=duration,
        )

    def _planner(
        self, step: Step, planner: tree.Planner, work: Work, costs: Mapping[str, int]
    ) -> Load:
        """Return the load of a planner and of its plan.

        A planned step counts as a task under the defaults; a plan whose own certificate is larger
        is refused when it is there.
        """
        count, name = self._policies.bound(step) or 1, step.id
        size = f"{name}.max_steps"
        asked = 1 + (planner.max_replans or 0)
        asks = _asked(task_load(name, work, costs), asked, name)
        usual = self._policies.usual
        planned = task_load(name, usual, {"with": 0})
        evaluations = usual.attempts * usual.max_deliveries
        planned = replace(planned, cost=plain(_PLANNED_COST * evaluations, name))
        chain = min(count, planner.max_depth or count)
        return Load(
            **added([asks, Load(**_times(planned, count, size))]),
            timers=repeated(planned.timers, count, size),
            concurrent=repeated(plain(1, name), count, size),
            instances=total([plain(1, name), repeated(plain(1, name), count, size)]),
            duration=plain(asked * _duration_ms(work) + chain * _duration_ms(usual), name),
        )

    def _approval(self, step: Step, approval: tree.Approval, costs: Mapping[str, int]) -> Load:
        """Return the load of an approval: its rounds, with reminders and decisions."""
        rounds = [self._policies.wait_ms(step) or 0]
        if approval.escalation is not None and approval.on_timeout == "escalate":
            rounds.append(approval.escalation.timeout)
        every = approval.remind_every
        reminders = sum(wait // every for wait in rounds) if every else 0
        decisions = (approval.quorum or 1) * len(rounds)
        return self._own(
            step,
            costs,
            more=decisions + reminders + len(rounds) - 1,
            timers=2 if every else 1,
            duration=sum(rounds),
        )

    def _child(self, step: Step, child: tree.SubWorkflow, costs: Mapping[str, int]) -> Load:
        """Return the load of a run as a step: its certificate, where that is known."""
        name, retry = step.id, self._policies.work(step).retry
        times = 1 + retries(retry)
        own = self._own(step, costs, more=EVENTS_PER_STEP * (times - 1))
        limit = self._policies.child_timeout_ms(step)
        program = None if self._workflows is None else self._workflows(child.workflow)
        known = None if program is None else program.certificate
        if known is None:
            self.uncounted.setdefault(child.workflow)
        else:
            limit = min(limit, known.duration_ms.max or limit)
            own = replace(own, **added([own, _known(name, known, times)]))
        took = 0 if child.detach else times * limit + (times - 1) * _pause_ms(retry)
        return replace(
            own,
            timers=plain(int(times > 1), name),
            duration=plain(took, name),
            tokens=own.tokens if known else None,
            usd=own.usd if known else None,
        )


_PER_ATTEMPT: Final = ("with", "keyed_rate_limit.key")
_PER_PASS: Final = ("until", "while", "state")
_PLANNED_COST: Final = 1_000_000
"""What an evaluation of a planned step may cost: what any may."""


def task_load(name: str, work: Work, costs: Mapping[str, int]) -> Load:
    """Return the load of a task: as many attempts as it has, each lost as often as can be."""
    attempts = work.attempts
    events = attempts * events_per_attempt(work.max_deliveries)
    inputs = sum(costs.get(key, 0) for key in _PER_ATTEMPT)
    others = sum(costs.values()) - inputs
    written = plain(events, name)
    return Load(
        attempts=plain(attempts, name),
        events=written,
        history=written,
        bytes=plain(_bytes(events, attempts), name),
        cost=plain(inputs * attempts * work.max_deliveries + others, name),
        timers=plain(int(attempts > 1), name),
        concurrent=plain(1, name),
        instances=plain(1, name),
        duration=plain(_duration_ms(work), name),
        tokens=None,
        usd=None,
    )


def _asked(one: Load, times: int, name: str) -> Load:
    """Return what it takes to ask for a plan so often."""
    found: dict[str, Any] = {
        key: plain(getattr(one, key).value * times, name) for key in SUMMED if key != "undo"
    }
    refused = plain(EVENTS_PER_PLAN * times, name)
    for key in ("events", "history"):
        found[key] = total([found[key], refused])
    return Load(**found, tokens=one.tokens, usd=one.usd)


def _bytes(events: int, payloads: int) -> int:
    return events * EVENT_ENVELOPE_BYTES_MAX + payloads * PAYLOAD_BYTES_MAX


def _duration_ms(work: Work) -> int:
    """Return how long a task takes when every worker vanishes or comes late, and all fails."""
    delivery = work.queue_timeout_ms + work.timeout_ms
    attempts = work.attempts
    return attempts * work.max_deliveries * delivery + (attempts - 1) * _pause_ms(work.retry)


def _pause_ms(retry: Retry) -> int:
    """Return the longest wait between two attempts: a worker may ask for as much as is allowed."""
    longest = max([retry.max_delay_ms, *[own.max_delay_ms for _, own in retry.by_code]])
    return max(min(longest, RETRY_DELAY_MS_MAX), 1)


def _limited(
    name: str, one: Measure, loop: tree.AgentLoop | tree.Loop, count: int, size: str
) -> Measure:
    """Return how long a loop takes; `max_duration` is looked at when an iteration ends."""
    turn = total([one, plain(loop.delay or 0, name)])
    whole = repeated(turn, count, size)
    if loop.max_duration is not None and loop.max_duration + turn.value < whole.value:
        return plain(loop.max_duration + turn.value, name)
    return whole


def _pass(name: str, cost: int) -> Load:
    """Return what an iteration or an item costs beside its body."""
    written = plain(EVENTS_PER_PASS, name)
    return Load(
        events=written,
        history=written,
        bytes=plain(_bytes(EVENTS_PER_PASS, 1), name),
        cost=plain(cost, name),
    )


def _paused(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what changes when the run may pause at the end."""
    more = plain(EVENTS_PER_PAUSE, name)
    return {
        "events": total([found["events"], more]),
        "history": total([found["history"], more]),
        "bytes": total([found["bytes"], plain(_bytes(EVENTS_PER_PAUSE, 0), name)]),
    }


def _budgeted(load: Load, budget: tree.Budget | None, name: str, found: dict[str, Any]) -> Load:
    """Return a load with what was found; a budget counts for all iterations together."""
    if budget is not None and budget.tokens is not None:
        found["tokens"] = plain(budget.tokens, name)
    if budget is not None and budget.usd is not None:
        found["usd"] = plain(round(budget.usd * MICRO), name)
    return replace(load, **found)


def _known(name: str, known: Certificate, times: int) -> Load:
    """Return what a child adds; its events are of a history of its own."""

    def part(number: int | None, scale: int = 1) -> Measure:
        return plain((number or 0) * times * scale, name)

    return Load(
        attempts=part(known.attempts.max),
        events=part(known.events.max),
        bytes=part(known.bytes.max),
        cost=part(known.expression_cost.max),
        tokens=None if known.tokens.max is None else part(known.tokens.max),
        usd=None if known.usd.max is None else part(known.usd.max, MICRO),
    )
