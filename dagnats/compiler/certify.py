"""The certificate: what a run can cost at the worst, proven before it starts.

Theory. A body is a graph of steps without cycles, a step a bounded number of executions of what it
is made of. So attempts, events, bytes and the cost of expressions are sums over steps, times the
bounds around them; time is the longest path of each body, cut by the run's timeout, and then what
compensation and `finally` take; what is open at once is the widest set of steps of a body none of
which waits for another. A handler counts once for each execution of each step that names it.
`ir.costs` says what a transition writes, and the machine asserts its counters against these
numbers, so that proof and count cannot drift apart. `docs/certificate.md` has the rules.

    a: {task: t, retry: {max_retries: 3}}     →  attempts ≤ 4, events ≤ 47

It is of one generation of a run, and of its own history. A child counts as its own certificate
says, where the workflow is known; otherwise `symbolic` says that it is left out.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from dagnats.compiler import load as l
from dagnats.compiler.costing import cost
from dagnats.compiler.cycles import order
from dagnats.compiler.ground import Ground
from dagnats.compiler.limits import (
    evaluation_limits,
    report_count,
    report_depth,
    report_excess,
    report_overspending,
    report_payloads,
    report_unbounded,
)
from dagnats.compiler.load import Load
from dagnats.compiler.loads import Loads
from dagnats.compiler.measures import Measure, most, total
from dagnats.compiler.outline import FINALLY, ROOT
from dagnats.compiler.outputs import Lookup
from dagnats.compiler.schema_bytes import schema_bytes
from dagnats.compiler.widths import Widths
from dagnats.diagnostics.diagnostic import Sink
from dagnats.ir import costs
from dagnats.ir.program import Bound, Certificate
from dagnats.lang import tree

NOT_DECLARED: Final = Bound(None, "not declared")
_INDEX_CHARS: Final = len("[100000].")


def certify(ground: Ground, sink: Sink, workflows: Lookup | None = None) -> Certificate | None:
    """Return the certificate; None, and DN6001 or DN6002, for what has no bound or a too high one.

    None without a finding where there is a circle, which is reported elsewhere. `workflows` gives
    the certificates of registered workflows. Reports what `costing` does of expressions.
    """
    reported = (
        report_unbounded(ground.outline, ground.policies, sink),
        report_depth(ground.outline, sink),
        report_count(ground.workflow, ground.outline, sink),
        report_payloads(ground, sink),
    )
    return None if any(reported) else _Certifier(ground, sink, workflows).certificate()


class _Certifier:
    def __init__(self, ground: Ground, sink: Sink, workflows: Lookup | None) -> None:
        self._ground = ground
        self._sink = sink
        self._limits = evaluation_limits(ground.workflow)
        self._loads = Loads(ground.policies, workflows)
        self._widths = Widths(
            [[edge.source for edge in edges] for edges in ground.graph.edges],
            [step.join for step in ground.outline.steps],
        )
        outline = ground.outline
        self._whole: list[Load] = [l.NOTHING] * len(outline.steps)
        self._in_order: list[list[int]] = [[] for _ in outline.scopes]
        self._space: list[int] = []

    def certificate(self) -> Certificate | None:
        outline, graph = self._ground.outline, self._ground.graph
        parts = self._parts()
        if graph.order is None or (upwards := order(parts)) is None:
            return None
        for number in graph.order:
            if number not in outline.handlers:
                self._in_order[outline.scope_of[number]].append(number)
        self._space = self._spaces(parts, upwards)
        costs_ = [self._costs(number) for number in range(len(outline.steps))]
        for number in upwards:
            bodies = [self._scope(at) for at in outline.bodies.get(number, ())]
            step, space = outline.steps[number], self._space[number]
            own = self._loads.of(step, space, costs_[number], bodies)
            self._whole[number] = self._handled(number, own)
        return self._run(self._scope(ROOT), self._scope(FINALLY))

    def _parts(self) -> list[list[int]]:
        """Return for each step the ones whose loads are in its own: its bodies' and handlers."""
        outline = self._ground.outline
        parts: list[list[int]] = []
        for number in range(len(outline.steps)):
            inside = [n for at in outline.bodies.get(number, ()) for n in outline.scopes[at].steps]
            parts.append(
                [*dict.fromkeys([*inside, *[at for _, at in self._ground.handlers(number)]])]
            )
        return parts

    def _spaces(self, parts: list[list[int]], upwards: Sequence[int]) -> list[int]:
        """Return what an event of each step takes beside its payload: it has the address."""
        steps = self._ground.outline.steps
        longest = [len(step.id) for step in steps]
        for number in reversed(upwards):
            for part in parts[number]:
                length = longest[number] + _INDEX_CHARS + len(steps[part].id)
                longest[part] = max(longest[part], length)
        return [costs.envelope(length + _INDEX_CHARS) for length in longest]

    def _is_undone(self, number: int) -> bool:
        """Whether a step may be undone: not one of `finally`."""
        outline = self._ground.outline
        outermost = next(reversed([number, *outline.ancestors(number)]))
        return outline.scope_of[outermost] != FINALLY

    def _costs(self, number: int) -> dict[str, int]:
        """Return what each expression of a step costs."""
        places = self._ground.of_step[number]
        return {
            key: cost(place.embedded, place.checked, self._limits, self._sink)
            for key, place in places.items()
            if not key.endswith("].values")
        }

    def _handled(self, number: int, own: Load) -> Load:
        """Return the load of a step with what its handlers do when it fails, or is undone."""
        handlers = dict(self._ground.handlers(number))
        if "compensate" in handlers and not self._is_undone(number):
            del handlers["compensate"]
        if not handlers:
            return own
        name, space = self._ground.outline.steps[number].id, self._space[number]
        loads = {key: self._whole[at] for key, at in handlers.items()}
        begun = [l.written(_BEGINS[key], name, space) for key in loads]
        parts = [own, *loads.values()]
        recovery, undo = loads.get("on_failure", l.NOTHING), loads.get("compensate", l.NOTHING)
        found: dict[str, Any] = l.added([*parts, *begun])
        found["undo"] = total([found["undo"], undo.duration])
        return Load(
            **found,
            timers=most([part.timers for part in parts]),
            concurrent=most([part.concurrent for part in parts]),
            instances=total([part.instances for part in parts]),
            duration=total([own.duration, recovery.duration]),
        )

    def _scope(self, at: int) -> Load:
        """Return the load of the steps of a body, each of them once."""
        numbers = self._in_order[at]
        if not numbers:
            return l.NOTHING
        # Sums go in the order of the document, paths and widths in that of the graph.
        loads = [self._whole[number] for number in sorted(numbers)]
        return Load(
            **l.added(loads),
            timers=self._across(numbers, "timers"),
            concurrent=self._across(numbers, "concurrent"),
            instances=total([load.instances for load in loads]),
            duration=self._longest(numbers),
        )

    def _across(self, numbers: Sequence[int], name: str) -> Measure:
        """Return how much of something is there at once in a body."""
        found = [getattr(self._whole[number], name) for number in numbers]
        widest = self._widths.widest(numbers, [measure.value for measure in found])
        return total([found[at] for at in widest])

    def _longest(self, numbers: Sequence[int]) -> Measure:
        """Return how long the longest path through some steps takes."""
        ends: dict[int, int] = {}
        came_from: dict[int, int | None] = {}
        for number in numbers:
            sources = [e.source for e in self._ground.graph.edges[number] if e.source in ends]
            latest = max(sources, key=lambda source: ends[source], default=None)
            came_from[number] = latest
            before = 0 if latest is None else ends[latest]
            ends[number] = self._whole[number].duration.value + before
        at: int | None = max(numbers, key=lambda number: ends[number])
        path: list[int] = []
        while at is not None:
            path.append(at)
            at = came_from[at]
        return total([self._whole[number].duration for number in reversed(path)])

    def _run(self, main: Load, last: Load) -> Certificate | None:
        """Return the certificate of a run; None, and DN6002, for one that no engine takes."""
        parts = [main, last]
        fixed = self._fixed()
        sums = {
            name: total([getattr(part, name) for part in parts], fixed.get(name, 0))
            for name in l.SUMMED
        }
        timers = most([total([main.timers], self._timers_of_run(main)), last.timers])
        found = Certificate(
            attempts=self._told(sums["attempts"].bound),
            events=self._told(sums["events"].bound),
            bytes=self._told(sums["bytes"].bound),
            concurrent_steps=self._at_once(most([part.concurrent for part in parts])),
            timers=_wide(timers),
            duration_ms=self._duration(main, last),
            expression_cost=self._told(sums["cost"].bound),
            tokens=self._spent("tokens", parts),
            usd=self._spent("usd", parts),
        )
        taken = {
            "RUN_EVENTS_MAX": sums["history"].bound,
            "RUN_BYTES_MAX": found.bytes if self._loads.counts_none else Bound(None, ""),
            "INSTANCES_MAX": total([part.instances for part in parts]).bound,
            "CONCURRENT_STEPS_MAX": found.concurrent_steps,
            "TIMERS_MAX": found.timers,
        }
        return None if report_excess(self._ground.outline, taken, self._sink) else found

    def _fixed(self) -> dict[str, int]:
        """Return what a run costs beside its steps."""
        workflow = self._ground.workflow
        writes: costs.Writes = costs.RUN
        if workflow.finally_:
            writes += costs.LAST
        if self._is_gated():
            writes += costs.WAITING
        events = costs.events(writes)
        payloads = costs.payloads(writes) - self._spared()
        return {
            "events": events,
            "history": events,
            "bytes": events * costs.envelope(0) + payloads,
            "cost": self._document_cost(),
        }

    def _timers_of_run(self, main: Load) -> int:
        """Return how many timers a run has beside its steps, until `finally`.

        Its own timeout is one, and so is the end of each `cancel_on` that has one. A run whose
        steps are done as soon as they begin has none.
        """
        if not main.duration.value and not self._is_gated() and not self._pauses():
            return 0
        cancel_on = self._ground.workflow.cancel_on
        return 1 + sum(cancel.timeout is not None for cancel in cancel_on)

    def _spared(self) -> int:
        """Return the bytes that the largest start has and those of this workflow cannot have."""
        workflow = self._ground.workflow
        spared = 0
        if not (workflow.vars or workflow.labels):
            spared += costs.PAYLOAD_BYTES_MAX
        steps = self._ground.outline.steps
        if not any(isinstance(step.config, tree.ContinueAsNew) for step in steps):
            # The input of the first generation is held against its schema.
            limit = schema_bytes(workflow.input)
            spared += costs.PAYLOAD_BYTES_MAX - min(limit, costs.PAYLOAD_BYTES_MAX)
        return spared

    def _is_gated(self) -> bool:
        """Whether the workflow says that a run may have to wait for another one."""
        workflow = self._ground.workflow
        concurrency = workflow.concurrency
        return bool(workflow.singleton or (concurrency and concurrency.max_runs))

    def _pauses(self) -> bool:
        """Whether a loop may pause the run, until somebody resumes it or its time is over."""
        return any(
            isinstance(step.config, tree.AgentLoop | tree.Loop)
            and step.config.on_exhausted == "pause"
            for step in self._ground.outline.steps
        )

    def _document_cost(self) -> int:
        """Return what the expressions of the document cost in a run: those of triggers do not."""
        found = 0
        for key, place in self._ground.of_document.items():
            one = cost(place.embedded, place.checked, self._limits, self._sink)
            found += 0 if key.startswith("triggers[") else one
        return found

    def _told(self, bound: Bound) -> Bound:
        """Say which workflows are left out."""
        if not self._loads.uncounted:
            return bound
        names = ", ".join(f"`{name}`" for name in self._loads.uncounted)
        return replace(bound, symbolic=f"{bound.symbolic}, without {names}")

    def _at_once(self, found: Measure) -> Bound:
        limit = self._ground.workflow.concurrency and self._ground.workflow.concurrency.max_steps
        if limit and limit < found.value:
            return Bound(limit, "concurrency.max_steps")
        return _wide(found)

    def _duration(self, main: Load, last: Load) -> Bound:
        """Return how long a run takes while an engine is there; its end may take its own time."""
        limit = self._ground.policies.run_timeout_ms
        ending = total([main.undo, last.undo, last.duration])
        if main.duration.value >= limit or self._is_gated() or self._pauses():
            more = f" + {ending.symbolic}" if ending.value else ""
            return Bound(limit + ending.value, f"timeout{more}", ending.step)
        return total([main.duration, ending]).bound

    def _spent(self, name: str, parts: Sequence[Load]) -> Bound:
        """Return what is spent at the most: the run's budget, or those of its loops."""
        scale = l.MICRO if name == "usd" else 1
        found = l.added(parts)[name]
        budget = self._ground.workflow.budget
        limit = None if budget is None else getattr(budget, name)
        if limit is not None and (found is None or limit * scale < found.value):
            if found is not None:
                report_overspending(
                    self._ground.outline, name, found.value / scale, budget, self._sink
                )
            return Bound(_ceiling(round(limit * scale), scale), f"budget.{name}")
        if found is None or not found.value:
            return NOT_DECLARED
        if scale == 1:
            return self._told(found.bound)
        number = _ceiling(found.value, scale)
        return Bound(number, str(number), found.step)


_BEGINS: Final = {"on_failure": costs.RECOVERY, "compensate": costs.COMPENSATION}


def _ceiling(number: int, scale: int) -> int:
    return -(-number // scale)


def _wide(found: Measure) -> Bound:
    """Return a width; a step stands out only where it is more than one wide."""
    bound = found.bound
    return bound if found.share > 1 else replace(bound, dominant_step=None)
