"""The certificate: what a run can cost at the worst, proven before it starts.

Theory. A body is a graph of steps without cycles, a step a bounded number of executions of what it
is made of. So attempts, events, bytes and the cost of expressions are sums over steps, times the
bounds around them; time is the longest path of each body, cut by the run's timeout, and then what
compensation and `finally` take; what is open at once is at most the number of chains that a body
can be laid into, each as wide as its widest step. A handler counts once for each execution of each
step that names it. `ir.costs` says what a transition writes, and the machine asserts its counters
against these numbers, so that proof and count cannot drift apart.

    a: {task: t, retry: {max_retries: 3}}     →  attempts ≤ 4, events ≤ 47

It is of one generation of a run, and of its own history. A child counts as its own certificate
says, where the workflow is known; otherwise `symbolic` says that it is left out.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from dagnats.compiler import loads as l
from dagnats.compiler.costing import cost
from dagnats.compiler.cycles import order
from dagnats.compiler.ground import Ground
from dagnats.compiler.limits import (
    evaluation_limits,
    report_count,
    report_depth,
    report_excess,
    report_unbounded,
)
from dagnats.compiler.loads import Load, Loads
from dagnats.compiler.measures import Measure, most, plain, total
from dagnats.compiler.outline import FINALLY, ROOT
from dagnats.compiler.outputs import Lookup
from dagnats.diagnostics.diagnostic import Sink
from dagnats.ir.costs import (
    EVENT_ENVELOPE_BYTES_MAX,
    EVENTS_PER_PHASE,
    EVENTS_PER_RECOVERY,
    EVENTS_PER_RUN,
    PAYLOAD_BYTES_MAX,
)
from dagnats.ir.program import Bound, Certificate

NOT_DECLARED: Final = Bound(None, "not declared")


def certify(ground: Ground, sink: Sink, workflows: Lookup | None = None) -> Certificate | None:
    """Return the certificate; None, and DN6001 or DN6002, for what has no bound or a too high one.

    None without a finding where there is a circle, which is reported elsewhere. `workflows` gives
    the certificates of registered workflows. Reports what `costing` does of expressions.
    """
    reported = (
        report_unbounded(ground.outline, ground.policies, sink),
        report_depth(ground.outline, sink),
        report_count(ground.workflow, ground.outline, sink),
    )
    return None if any(reported) else _Certifier(ground, sink, workflows).certificate()


class _Certifier:
    def __init__(self, ground: Ground, sink: Sink, workflows: Lookup | None) -> None:
        self._ground = ground
        self._sink = sink
        self._limits = evaluation_limits(ground.workflow)
        self._loads = Loads(ground.policies, workflows)
        outline = ground.outline
        self._whole: list[Load] = [l.NOTHING] * len(outline.steps)
        self._in_order: list[list[int]] = [[] for _ in outline.scopes]
        self._has_undo = False

    def certificate(self) -> Certificate | None:
        outline, graph = self._ground.outline, self._ground.graph
        parts = self._parts()
        if graph.order is None or (upwards := order(parts)) is None:
            return None
        for number in graph.order:
            if number not in outline.handlers:
                self._in_order[outline.scope_of[number]].append(number)
        costs = [self._costs(number) for number in range(len(outline.steps))]
        for number in upwards:
            bodies = [self._scope(at) for at in outline.bodies.get(number, ())]
            own = self._loads.of(outline.steps[number], costs[number], bodies)
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
        if not handlers:
            return own
        name = self._ground.outline.steps[number].id
        loads = {key: self._whole[at] for key, at in handlers.items()}
        written = plain(EVENTS_PER_RECOVERY * len(loads), name)
        begun = Load(
            events=written,
            history=written,
            bytes=plain(written.value * EVENT_ENVELOPE_BYTES_MAX, name),
        )
        parts = [own, *loads.values()]
        recovery, undo = loads.get("on_failure", l.NOTHING), loads.get("compensate", l.NOTHING)
        self._has_undo |= "compensate" in handlers
        found: dict[str, Any] = l.added([*parts, begun])
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
        # Sums go in the order of the document, paths and chains in that of the graph.
        loads = [self._whole[number] for number in sorted(numbers)]
        chains = self._chains(numbers)
        return Load(
            **l.added(loads),
            timers=self._across(chains, "timers"),
            concurrent=self._across(chains, "concurrent"),
            instances=total([load.instances for load in loads]),
            duration=self._longest(numbers),
        )

    def _chains(self, numbers: Sequence[int]) -> list[list[int]]:
        """Lay steps into chains, greedily; those that can run at once are in different ones.

        So the number of chains is at least the width of the graph; for fans it is the width.
        """
        chain_of: dict[int, int] = {}
        tails: set[int] = set()
        chains: list[list[int]] = []
        for number in numbers:
            edges = self._ground.graph.edges[number]
            before = next((edge.source for edge in edges if edge.source in tails), None)
            if before is None:
                chain_of[number] = len(chains)
                chains.append([number])
            else:
                chain_of[number] = chain_of[before]
                chains[chain_of[before]].append(number)
                tails.discard(before)
            tails.add(number)
        return chains

    def _across(self, chains: Sequence[Sequence[int]], name: str) -> Measure:
        """Return what is open at once: in each chain one step, the widest."""
        return total(
            [most([getattr(self._whole[number], name) for number in chain]) for chain in chains]
        )

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
        ground = self._ground
        phases = bool(ground.workflow.finally_) + self._has_undo
        events = EVENTS_PER_RUN + EVENTS_PER_PHASE * phases
        kept = bool(ground.workflow.vars or ground.workflow.labels)
        fixed = {
            "events": events,
            "history": events,
            "bytes": events * EVENT_ENVELOPE_BYTES_MAX + (2 + kept) * PAYLOAD_BYTES_MAX,
            "cost": self._document_cost(),
        }
        parts = [main, last]
        sums = {
            name: total([getattr(part, name) for part in parts], fixed.get(name, 0))
            for name in l.SUMMED
        }
        instances = total([part.instances for part in parts]).bound
        if report_excess(ground.outline, sums["history"].bound, instances, self._sink):
            return None
        listening = sum(cancel.timeout is not None for cancel in ground.workflow.cancel_on)
        timers = total([most([part.timers for part in parts])], 1 + listening)
        return Certificate(
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
        if main.duration.value >= limit:
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
            return Bound(_ceiling(round(limit * scale), scale), f"budget.{name}")
        if found is None or not found.value:
            return NOT_DECLARED
        if scale == 1:
            return self._told(found.bound)
        number = _ceiling(found.value, scale)
        return Bound(number, str(number), found.step)


def _ceiling(number: int, scale: int) -> int:
    return -(-number // scale)


def _wide(found: Measure) -> Bound:
    """Return a width; a step stands out only where it is more than one wide."""
    bound = found.bound
    return bound if found.share > 1 else replace(bound, dominant_step=None)
