"""The clients of a simulation: they start runs, interfere with them, and help them in the end."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

from dagnats.ir.program import ApprovalNode, WaitForEventNode
from dagnats.machine.state import Asking, Ended, Expecting, address, scope_of
from dagnats.testing.actors import Client, drawn
from dagnats.testing.checking import Checker
from dagnats.testing.documents import ANY, Document
from dagnats.testing.fleet import Fleet
from dagnats.testing.inputs import make_input
from dagnats.testing.ledger import Run
from dagnats.testing.world import World

KINDS = ("red", "green", "blue")
INTERFERENCES = ("cancel", "pause", "get", "signal", "event", "retry", "explain")


class Crowd:
    """Clients that begin runs `r<seed>-<number>`; what they do to one changes how it may end."""

    def __init__(  # noqa: PLR0913, PLR0917 (all that there is)
        self,
        seed: int,
        world: World,
        checker: Checker,
        fleet: Fleet,
        client: Client,
        documents: Sequence[Document],
    ) -> None:
        self.expected: dict[str, frozenset[str]] = {}
        self.touched: set[str] = set()
        self.accepted: set[str] = set()
        self._seed = seed
        self._rng: Random = world.rng
        self._checker = checker
        self._fleet = fleet
        self._client = client
        self._documents = documents

    async def start(self, number: int, spread_s: float) -> None:
        """Start a run some time soon, perhaps twice, and perhaps interfere with it."""
        rng, client = self._rng, self._client
        await asyncio.sleep(rng.random() * spread_s)
        document = rng.choice(self._documents)
        run_id = f"r{self._seed}-{number}"
        self.expected[run_id] = document.ends
        kind = rng.choice(KINDS)
        value = make_input(document, kind, drawn(self._seed, number))
        params: dict[str, Any] = {"workflow": document.name, "run_id": run_id, "input": value}
        if rng.random() < 0.05:
            params["at"] = self._fleet.now_ms + rng.randint(0, 5_000)
        started = await client.call("run.start", **params)
        given = started["run_id"]
        self.accepted.add(given)
        if rng.random() < 0.15:
            again = await client.call("run.start", **params)
            same = again["run_id"] == given or document.prepared.program.admission.singleton
            # A run that is forgotten takes its idempotency key along: the next one is another.
            if not same and given not in self._checker.forgotten:
                self._checker.fail(f"{run_id} was {given} at first, then {again['run_id']}")
        if document.name == "early":
            event = {"type": "came.early", "id": f"c-{given}", "data": {"of": given}}
            await client.call("event.publish", **event)
        if document.name == "big-parent" and rng.random() < 0.5:
            await self._go_on(given)
        if rng.random() < 0.25:
            await asyncio.sleep(rng.random() * 3)
            await self._interfere(given, document, kind)

    async def _go_on(self, run_id: str) -> None:
        """Wait until a run has failed, then a while, and let it go on."""
        self.touched.add(run_id)
        for _ in range(60):
            run = self._checker.runs.get(run_id)
            if run is None or run.ended:
                break
            await asyncio.sleep(1.0)
        await asyncio.sleep(60 * self._rng.random())
        await self._client.try_to("run.retry", run_id=run_id)

    async def _interfere(  # noqa: C901 (one case for each interference)
        self, run_id: str, document: Document, kind: str
    ) -> None:
        client, number = self._client, self._rng.random()
        kinds: tuple[str, ...] = INTERFERENCES
        if self._fleet.shape.partitions > 1:
            kinds = (*kinds, "fork", "nobody")
        what = self._rng.choice(kinds)
        match what:
            case "cancel":
                self.touched.add(run_id)
                await client.try_to("run.cancel", run_id=run_id, reason="drawn")
            case "pause":
                await client.try_to("run.pause", run_id=run_id, reason="drawn")
                await asyncio.sleep(number * 3)
                self.touched.add(run_id)
                await client.try_to("run.resume", run_id=run_id)
            case "signal":
                signal = {"name": "go.on", "id": f"s-{run_id}-{number}"}
                await client.try_to("run.signal", run_id=run_id, **signal, data={"kind": kind})
            case "event":
                event = {"type": "thing.x", "id": f"e-{run_id}-{number}"}
                await client.call("event.publish", **event, data={"kind": kind})
            case "fork":
                step = document.prepared.program.nodes[0].id
                fork = {"new_run_id": f"f-{run_id}", "step": step}
                self.expected[f"f-{run_id}"] = ANY
                if await client.try_to("run.fork", run_id=run_id, **fork):
                    self.touched.add(f"f-{run_id}")
            case "nobody":
                found = await client.try_to("run.get", run_id=f"nobody-{run_id}")
                if found is not None:
                    self._checker.fail(f"there is a run nobody-{run_id}: {found}")
            case "retry":
                await asyncio.sleep(number * 10)
                self.touched.add(run_id)
                await client.try_to("run.retry", run_id=run_id)
            case _:
                await client.try_to(f"run.{what}", run_id=run_id)
        if document.name == "stoppable" and number < 0.5:
            event = {"type": "stop.now", "id": f"x-{run_id}"}
            await client.call("event.publish", **event, data={"kind": kind})

    async def bystanders(self, spread_s: float) -> None:
        """Look at lists now and then, and decide about approvals."""
        for _ in range(3):
            await asyncio.sleep(spread_s * self._rng.random())
            await self._client.call("run.list", limit=10)
            for row in (await self._client.call("approval.list") or [])[:3]:
                decision = "approve" if self._rng.random() < 0.8 else "reject"
                by = self._rng.choice(("ada", "grace"))
                await self._client.try_to(
                    "approval.decide",
                    run_id=row["run_id"],
                    step=row["step"],
                    decision=decision,
                    by=by,
                )

    # ── help in the end ──────────────────────────────────────────────────────────────────────────

    async def help(self) -> None:
        """Decide, publish and resume whatever runs still wait for."""
        for run in list(self._checker.live.values()):
            state = run.state
            if state.status == "paused":
                self.touched.add(state.run_id)
                await self._client.try_to("run.resume", run_id=state.run_id)
            for step, node, what in waits(run):
                await self._answer(run, step, node, what)

    async def _answer(self, run: Run, step: str, node: Any, what: Any) -> None:
        run_id, client = run.state.run_id, self._client
        if isinstance(node, ApprovalNode) and isinstance(what, Asking):
            names = node.approvers if what.round == 1 else node.escalation_approvers
            for by in names or ("ada", "grace"):
                params = {"run_id": run_id, "step": step, "decision": "approve", "by": by}
                await client.try_to("approval.decide", **params)
        if isinstance(node, WaitForEventNode) and node.event in {"said", "came.early"}:
            return  # that has been published, and must not be lost
        if isinstance(node, WaitForEventNode) and isinstance(what, Expecting):
            number = len(what.events)
            kind = (run.state.input or {}).get("kind") if run.state.input else None
            known = {"id": f"h-{run_id}-{step}-{run.life}-{number}", "data": {"kind": kind}}
            if drawn(run_id, step) < 0.5:
                await client.call("event.publish", type=node.event, **known)
            else:
                await client.try_to("run.signal", run_id=run_id, name=node.event, **known)


def waits(run: Run, *, every: bool = False) -> list[tuple[str, Any, Any]]:
    """Return the steps of a run that wait for people or events, or all that have not ended."""
    found = []
    for frame in run.state.frames.values():
        scope = scope_of(run.program, run.state, frame)
        for at, step in enumerate(frame.steps):
            if isinstance(step, Asking | Expecting) or (every and not isinstance(step, Ended)):
                found.append((address(scope, frame, at), scope.nodes[at], step))
    return found
