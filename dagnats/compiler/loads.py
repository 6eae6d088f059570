"""What one execution of a step costs at the worst, by its kind.

A task is its attempts; a container is what its bodies are, as often as its bound says; whatever
waits has a timer. `ir.costs` says what a transition writes. `certify` puts steps together.

    fan: {type: map, task: t, config: {max_items: 5}}    →  attempts 1·fan.max_items
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from dagnats.compiler.load import (
    MICRO,
    NOTHING,
    SUMMED,
    Load,
    added,
    either,
    multiplied,
    of_certificate,
    written,
)
from dagnats.compiler.measures import ZERO, Measure, most, plain, repeated, total
from dagnats.compiler.outputs import Lookup
from dagnats.compiler.resolved import Policies, Work, works
from dagnats.ir import costs
from dagnats.ir.costs import Writes
from dagnats.ir.program import Certificate
from dagnats.lang import tree
from dagnats.lang.tree import Step


class Loads:
    """Works out the load of one step, given those of its bodies and what its expressions cost."""

    def __init__(self, policies: Policies, workflows: Lookup | None) -> None:
        self._policies = policies
        self._workflows = workflows
        # By identity: the policies keep what they give.
        self._tasks: dict[int, _Task] = {}
        self.uncounted: dict[str, None] = {}

    def of(
        self, step: Step, space: int, expressions: Mapping[str, int], bodies: Sequence[Load]
    ) -> Load:
        """Return the load of a step by itself, handlers left aside.

        `space` is what each of its events takes beside the payload, `expressions` what each of
        them costs by its key; `bodies` stand in their order.
        """
        one = _One(self, self._policies, step, space, expressions)
        if works(step):
            return one.work()
        match step.config:
            case tree.AgentLoop() | tree.Loop():
                return one.loop(step.config, bodies)
            case tree.Map() as each:
                return one.map(each, bodies[0] if bodies else NOTHING)
            case tree.Switch():
                return one.switch(either(bodies))
            case tree.Approval() as approval:
                return one.approval(approval)
            case tree.WaitForEvent(count=count):
                return one.wait(count or 1)
            case tree.Sleep():
                return one.own(costs.SLEEP, timers=1, duration=self._policies.sleep_ms(step))
            case tree.SubWorkflow() as child:
                return one.child(child)
            case _:
                return one.own(costs.AT_ONCE)

    def task(self, work: Work) -> "_Task":
        """Return what a task comes to under some policies."""
        found = self._tasks.get(id(work))
        if found is None:
            found = self._tasks[id(work)] = _task_of(work)
        return found

    @property
    def counts_none(self) -> bool:
        """Whether nothing is of runs of other workflows."""
        return self._workflows is None

    def known(self, workflow: str) -> Certificate | None:
        """Return the certificate of a registered workflow; without one it is left out."""
        program = None if self._workflows is None else self._workflows(workflow)
        if program is None:
            self.uncounted.setdefault(workflow)
            return None
        return program.certificate


class _One:
    """One step, with what its load is worked out from."""

    def __init__(
        self,
        loads: Loads,
        policies: Policies,
        step: Step,
        space: int,
        expressions: Mapping[str, int],
    ) -> None:
        self._loads = loads
        self._policies = policies
        self._step = step
        self._name = step.id
        self._space = space
        self._expressions = expressions

    def own(
        self,
        writes: Writes,
        *,
        without: frozenset[str] = frozenset(),
        timers: int = 0,
        duration: int = 0,
    ) -> Load:
        """Return the load of what the engine does itself; expressions `without` count elsewhere."""
        found = written(writes, self._name, self._space)
        once = self._cost(without, inside=False)
        return Load(
            events=found.events,
            history=found.history,
            bytes=found.bytes,
            cost=plain(once, self._name),
            timers=plain(timers, self._name),
            instances=plain(1, self._name),
            duration=plain(duration, self._name),
        )

    def _cost(self, keys: frozenset[str], *, inside: bool) -> int:
        """Return what the expressions cost that are among some, or that are not."""
        return sum(cost for key, cost in self._expressions.items() if (key in keys) == inside)

    def _size(self, key: str) -> str:
        return f"{self._name}.{key}"

    # ── what workers do ─────────────────────────────────────────────────────────────────────────

    def work(self) -> Load:
        """Return the load of a step that workers do."""
        work = self._policies.work(self._step)
        count = self._policies.bound(self._step) or 1
        match self._step.config:
            case tree.AgentLoop() as loop:
                return self._agent_loop(loop, work, count)
            case tree.Map() as each:
                own = self.own(costs.MAP, without=_PER_ATTEMPT)
                return self._items(each, count, own, self._task(work, _PER_ATTEMPT))
            case tree.Planner() as planner:
                return self._planner(planner, work, count)
            case _:
                return self._task(work, frozenset(self._expressions))

    def _task(self, work: Work, keys: frozenset[str]) -> Load:
        """Return the load of attempts for which these expressions are worked out."""
        if not keys:
            return self._loads.task(work).load(self._name, self._space, 0, 0)
        inputs = self._cost(keys & _PER_ATTEMPT, inside=True)
        others = self._cost(keys - _PER_ATTEMPT, inside=True)
        # A key is worked out for each delivery, and before an attempt is queued.
        others += self._cost(keys & _KEYS, inside=True) * self._loads.task(work).attempts
        return self._loads.task(work).load(self._name, self._space, inputs, others)

    def _agent_loop(self, loop: tree.AgentLoop, work: Work, count: int) -> Load:
        size = self._size("max_iterations")
        each = frozenset(self._expressions) - {"when", "initial_state"}
        one = self._task(work, each)
        found = multiplied(one, count, size)
        found["cost"] = total([found["cost"], plain(self._cost(each, inside=False), self._name)])
        if loop.initial_state is not None:
            first = plain(costs.STATE_BYTES, self._name)
            found["bytes"] = total([found["bytes"], first])
        found |= self._paused(loop, found)
        timers = max(one.timers.value, int(bool(loop.delay) and count > 1))
        return replace(
            self._budgeted(one, loop.budget, found),
            timers=plain(timers, self._name),
            duration=self._limited(one.duration, loop, count, size),
        )

    def _planner(self, planner: tree.Planner, work: Work, count: int) -> Load:
        """Return the load of a planner and of its plan.

        A planned step counts as a task with the policies of the planner, which may wait besides; a
        plan whose own certificate says more than `costs.planned_max` is refused when it is there.
        """
        name, size = self._name, self._size("max_steps")
        asked = 1 + (planner.max_replans or 0)
        one = self._task(work, frozenset(self._expressions) - {"when"})
        asks: dict[str, Any] = {
            key: plain(getattr(one, key).value * asked, name) for key in SUMMED if key != "undo"
        }
        asks["cost"] = total([asks["cost"], plain(self._expressions.get("when", 0), name)])
        end = written(costs.PLAN, name, self._space)
        longer = costs.ADDRESSES_PER_EVENT * 3 * costs.ID_CHARS_MAX
        dear, task = costs.PLANNED_COST_MAX, self._loads.task(work)
        planned = task.load(name, self._space + longer, dear, dear)
        waiting = costs.planned_timers(count, task.attempts, planner.allowed_types)
        timers = repeated(plain(1, name), count, size) if waiting == count else plain(waiting, name)
        chain = min(count, planner.max_depth or count)
        duration = asked * one.duration.value + chain * planned.duration.value
        return Load(
            **added(
                [Load(**asks, tokens=None, usd=None), end, Load(**multiplied(planned, count, size))]
            ),
            timers=most([one.timers, timers]),
            concurrent=repeated(plain(1, name), count, size),
            instances=total([plain(1, name), repeated(plain(1, name), count, size)]),
            duration=plain(duration, name),
        )

    # ── containers ──────────────────────────────────────────────────────────────────────────────

    def loop(self, loop: tree.AgentLoop | tree.Loop, bodies: Sequence[Load]) -> Load:
        """Return the load of a loop with a body."""
        body = bodies[0] if bodies else NOTHING
        count = self._policies.bound(self._step) or 1
        size = self._size("max_iterations")
        own = self.own(costs.LOOP, without=_PER_PASS)
        # `while` is looked at once more when it no longer holds; the output comes of the last body.
        last = Load(cost=plain(self._expressions.get("while", 0), self._name))
        each = replace(
            written(costs.PASS, self._name, self._space),
            cost=plain(self._cost(_PER_PASS, inside=True), self._name),
        )
        found = added([own, last, Load(**multiplied(Load(**added([each, body])), count, size))])
        found |= self._paused(loop, found)
        budget = loop.budget if isinstance(loop, tree.AgentLoop) else None
        waits = plain(int(bool(loop.delay) and count > 1), self._name)
        return replace(
            self._budgeted(body, budget, found),
            timers=most([body.timers, waits]),
            instances=total([own.instances, body.instances]),
            duration=self._limited(body.duration, loop, count, size),
        )

    def _paused(
        self, loop: tree.AgentLoop | tree.Loop, found: Mapping[str, Any]
    ) -> dict[str, Measure]:
        """Return what changes when the run may pause at the end."""
        if loop.on_exhausted != "pause":
            return {}
        more = written(costs.PAUSE, self._name, self._space)
        return {
            key: total([found[key], getattr(more, key)]) for key in ("events", "history", "bytes")
        }

    def _limited(
        self, one: Measure, loop: tree.AgentLoop | tree.Loop, count: int, size: str
    ) -> Measure:
        """Return how long a loop takes; `max_duration` is looked at when an iteration ends.

        It waits between its iterations, so once less than there are.
        """
        delay = loop.delay or 0
        turn = total([one, plain(delay, self._name)])
        whole = total([repeated(turn, count, size)], -delay)
        if loop.max_duration is not None and loop.max_duration + turn.value < whole.value:
            return plain(loop.max_duration + turn.value, self._name)
        return whole

    def _budgeted(self, load: Load, budget: tree.Budget | None, found: dict[str, Any]) -> Load:
        """Return a load with what was found; a budget counts for all iterations together."""
        if budget is not None and budget.tokens is not None:
            found["tokens"] = plain(budget.tokens, self._name)
        if budget is not None and budget.usd is not None:
            found["usd"] = plain(round(budget.usd * MICRO), self._name)
        return replace(load, **found)

    def map(self, each: tree.Map, body: Load) -> Load:
        """Return the load of a map whose body has steps."""
        count = self._policies.bound(self._step) or 1
        item = replace(
            written(costs.ITEM, self._name, self._space),
            cost=plain(self._cost(_PER_ITEM, inside=True), self._name),
        )
        own = self.own(costs.MAP, without=_PER_ITEM)
        return self._items(each, count, own, replace(body, **added([item, body])))

    def _items(self, each: tree.Map, count: int, own: Load, item: Load) -> Load:
        """Return the load of a map: `own` once, and `item` as often as there are items."""
        size = self._size("max_items")
        window, at_once = count, size
        if each.max_concurrency is not None and each.max_concurrency < count:
            window, at_once = each.max_concurrency, self._size("max_concurrency")
        rounds = -(-count // window)
        duration = item.duration
        if rounds > 1:
            in_turn = size if window == 1 else f"⌈{size}/{at_once}⌉"
            duration = repeated(duration, rounds, in_turn)
        instances = repeated(item.instances, window, at_once)
        return Load(
            **added([own, Load(**multiplied(item, count, size))]),
            timers=repeated(item.timers, window, at_once),
            concurrent=repeated(item.concurrent, window, at_once),
            instances=total([own.instances, instances]),
            duration=duration,
        )

    def switch(self, body: Load) -> Load:
        """Return the load of a container of whose bodies one runs, once."""
        own = self.own(costs.CHOICE)
        return replace(body, **added([own, body]), instances=total([own.instances, body.instances]))

    # ── what waits ──────────────────────────────────────────────────────────────────────────────

    def wait(self, count: int) -> Load:
        """Return the load of a wait; events that do not match are not counted."""
        found = self.own(
            costs.wait(count), timers=1, duration=self._policies.wait_ms(self._step) or 0
        )
        more = self._expressions.get("match", 0) * (count - 1)
        return replace(found, cost=plain(found.cost.value + more, self._name))

    def approval(self, approval: tree.Approval) -> Load:
        """Return the load of an approval: its rounds, with reminders and decisions."""
        rounds = [self._policies.wait_ms(self._step) or 0]
        if approval.escalation is not None and approval.on_timeout == "escalate":
            rounds.append(approval.escalation.timeout)
        every = approval.remind_every
        told = sum(costs.reminders(wait, every) for wait in rounds)
        return self.own(
            costs.approval(len(rounds), approval.quorum or 1, told),
            timers=1,
            duration=sum(rounds),
        )

    def child(self, child: tree.SubWorkflow) -> Load:
        """Return the load of a run as a step: its certificate, where that is known."""
        name, retry = self._name, self._policies.work(self._step).retry
        times = 1 + costs.retries(retry)
        own = self.own(costs.child(times), without=_PER_ATTEMPT)
        inputs = self._cost(_PER_ATTEMPT, inside=True) * times
        limit = self._policies.child_timeout_ms(self._step)
        known = self._loads.known(child.workflow)
        if known is not None:
            # Whoever does not wait for the child waits for its start.
            limit = limit if child.detach else min(limit, known.duration_ms.max or limit)
            own = replace(own, **added([own, of_certificate(known, name, times)]))
        pauses = costs.pauses_ms(retry, asked=False)
        took = times * limit + pauses
        return replace(
            own,
            cost=total([own.cost, plain(inputs, name)]),
            timers=plain(1, name),
            duration=plain(took, name),
            tokens=own.tokens if known else None,
            usd=own.usd if known else None,
        )


_KEYS: Final = frozenset({"keyed_rate_limit.key"})
_PER_ATTEMPT: Final = frozenset({"with", *_KEYS})
_PER_PASS: Final = frozenset({"until", "while", "state"})
_PER_ITEM: Final = frozenset({"output"})


class _Task(NamedTuple):
    """What a task comes to under some policies, whatever it is called."""

    attempts: int
    deliveries: int
    events: int
    payloads: int
    duration: int

    def load(self, name: str, space: int, inputs: int, others: int) -> Load:
        """Return its load: as many attempts as it has, each lost as often as can be.

        Its input, which costs `inputs`, is worked out for each delivery, `others` once.
        """
        one = plain(1, name)
        events = plain(self.events, name)
        return Load(
            attempts=one if self.attempts == 1 else plain(self.attempts, name),
            events=events,
            history=events,
            bytes=plain(self.events * space + self.payloads, name),
            cost=plain(inputs * self.deliveries + others, name),
            timers=one if self.attempts > 1 else ZERO,
            concurrent=one,
            instances=one,
            duration=plain(self.duration, name),
            tokens=None,
            usd=None,
        )


def _task_of(work: Work) -> _Task:
    """Return what a task comes to when every worker vanishes or comes late, and all fails."""
    attempts = 1 + costs.retries(work.retry)
    deliveries = attempts * work.max_deliveries
    writes = costs.attempts(attempts, work.max_deliveries)
    pauses = costs.pauses_ms(work.retry, asked=True)
    duration = deliveries * (work.queue_timeout_ms + work.timeout_ms) + pauses
    return _Task(attempts, deliveries, costs.events(writes), costs.payloads(writes), duration)
