"""The engine simulated: a seed draws a workload and what goes wrong, and the same seed again.

Compiler, machine and the shell of the engine are the real ones; NATS, workers, clients and time are
not (`testing.unreliable`, `testing.actors`, `testing.virtual`). A seed ends when every run that was
accepted has ended and nothing is left; by then no fault happens any more.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from dagnats.engine.mailbox import EVENTS_KEPT_MS
from dagnats.errors import DagnatsError
from dagnats.machine.ticking import next_due_ms
from dagnats.testing import documents, faults, shape, virtual
from dagnats.testing.actors import Client, outcome
from dagnats.testing.checking import Checker, ViolationError
from dagnats.testing.crowd import Crowd, waits
from dagnats.testing.documents import ANY, Document
from dagnats.testing.fleet import Do, Fleet, Steer
from dagnats.testing.ledger import Run
from dagnats.testing.leftovers import leftovers
from dagnats.testing.shape import EMBEDDED, Shape
from dagnats.testing.world import Died, World

RUNS = 100
"""Runs that clients start in a seed; children come on top."""
PATIENCE_S = 900.0
"""Virtual seconds that a seed may take to end, when nothing goes wrong any more."""
MISCHIEF_MAX_S = 900.0
"""Faults end after so long, also when clients have not been answered: engines that die at each
hundredth operation may never come to serve."""
STILL_S = 14.0
"""When nothing was committed for so long, time jumps to what is due next."""
BUSY_STILL_S = 80.0
"""The same, when workers are busy."""
SETTLE_TRIES = 60
AGES = 2
"""How often everything grows old."""
RANDOM_DOCUMENTS = 60
RANDOM_SIZES = (4, 8)
WORKERS_MAX = 3
SPREADS_S = (0.5, 5.0, 20.0)


class Outcome(msgspec.Struct, frozen=True):
    """What has become of a seed."""

    seed: int
    violation: str
    runs: int
    events: int
    checks: int
    operations: int
    virtual_s: float
    counts: dict[str, int]
    faults: list[str]
    trace: tuple[str, ...] = ()


class Simulation:
    """One seed. `given` are faults, `only` workflows and `of` a shape that are not drawn then.

    `steer` sees each process before it begins; `do` is what workers do.
    """

    world: World
    checker: Checker
    fleet: Fleet
    crowd: Crowd
    client: Client

    def __init__(  # noqa: PLR0913 (each by name)
        self,
        seed: int,
        *,
        runs: int = RUNS,
        given: faults.Faults | None = None,
        only: Sequence[Document] = (),
        of: Shape | None = None,
        trace: bool = False,
        steer: Steer | None = None,
        do: Do = outcome,
    ) -> None:
        self.seed = seed
        self.rng = Random(seed)  # noqa: S311 (chance is what this is for)
        self.faults = given if given is not None else faults.drawn(self.rng)
        self.shape = of or (shape.drawn(seed) if given is None else EMBEDDED)
        self.violations: list[str] = []
        self.documents: list[Document] = []
        self._active = self.faults.active()
        self._runs = runs
        self._only = only
        self._trace = trace
        self._steer = steer
        self._do = do
        self._over = asyncio.Event()
        self._closed = False

    def run(self) -> Outcome:
        """Play the seed to its end."""
        loop = virtual.VirtualLoop()
        loop.set_exception_handler(self._on_loop_error)
        try:
            loop.run_until_complete(self._play())
        except (ViolationError, virtual.DeadlockError) as wrong:
            self.violations.append(str(wrong))
        finally:
            self._closed = self.fleet.closed = True
            virtual.drop(loop)
        world, checker = self.world, self.checker
        return Outcome(
            self.seed,
            self.violations[0] if self.violations else "",
            len(checker.begun),
            checker.lines,
            checker.checks,
            world.operations,
            round(loop.time(), 3),
            dict(sorted(world.counts.items())),
            [*self.shape.told(), *self._active],
            tuple(world.events or ()),
        )

    def _on_loop_error(self, _loop: Any, context: dict[str, Any]) -> None:
        wrong = context.get("exception")
        if self._closed or isinstance(wrong, Died | asyncio.CancelledError | DagnatsError):
            return  # of a task that nobody waits for any more: its engine reads the log again
        self._fail(f"{context.get('message')}: {wrong!r}")

    def _fail(self, what: str) -> None:
        self.violations.append(what)
        self.world.note("VIOLATION", what)
        self._over.set()

    # ── the course of a seed ─────────────────────────────────────────────────────────────────────

    async def _play(self) -> None:
        self.world = World(self.rng, self.faults, self.shape.partitions)
        if self._trace:
            self.world.events = []
        self.checker = Checker(self._fail, self.world)
        self.client = Client(self.world, self.checker)
        self.fleet = Fleet(self.world, self.checker, self._do, self._steer, self.shape)
        drawn = self._draw_documents()
        self.crowd = Crowd(self.seed, self.world, self.checker, self.fleet, self.client, drawn)
        extra = [documents.fixed(name) for name in documents.CHILDREN]
        extra.append(documents.other())
        self.documents = [*{one.name: one for one in [*extra, *drawn]}.values()]
        for document in self.documents:
            self.checker.know(document.prepared)
        names = {task for one in self.documents for task in one.tasks}
        self.fleet.names = sorted({*names, "t.echo", "free.a", "free.b", "free.c"})
        work = asyncio.ensure_future(self._work())
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if work.done():
            work.result()
        else:
            work.cancel()

    def _draw_documents(self) -> list[Document]:
        if self._only:
            return list(self._only)
        names = self.rng.sample(documents.NAMES, self.rng.randint(2, 5))
        if self.shape.large:
            names += documents.LARGE
        if self.shape.joins:
            names += documents.JOINS
        found = [documents.fixed(name) for name in names]
        if self.rng.choice((True, False)):
            number, size = self.rng.randrange(RANDOM_DOCUMENTS), self.rng.choice(RANDOM_SIZES)
            random = documents.random(number, size)
            if random is not None:
                found.append(random)
        return found

    async def _work(self) -> None:
        fleet, crowd = self.fleet, self.crowd
        fleet.start()
        for document in self.documents:
            await self.client.call("workflow.register", program=msgspec.Raw(document.data))
        for _ in range(self.rng.randint(1, WORKERS_MAX)):
            fleet.start_worker()
        mischief = asyncio.ensure_future(fleet.mischief())
        spread_s = self.rng.choice(SPREADS_S)
        clients = [
            asyncio.ensure_future(crowd.start(number, spread_s)) for number in range(self._runs)
        ]
        asked = asyncio.gather(*clients, crowd.bystanders(spread_s))
        await asyncio.wait({asked}, timeout=MISCHIEF_MAX_S)
        mischief.cancel()
        self._calm_down()
        await asked
        await self._until_done()
        await self._finish()

    def _calm_down(self) -> None:
        """Let no more faults happen."""
        for kind in faults.KINDS:
            setattr(self.faults, kind, 0.0)
        self.world.note("calm")
        for worker in self.fleet.workers:
            worker.recover()
        if not self.fleet.workers:
            self.fleet.start_worker()

    async def _until_done(self) -> None:
        """Help all runs to their end. A run that does not come to one is wedged."""
        world, fleet = self.world, self.fleet
        until = world.loop.time() + PATIENCE_S
        while self.checker.live:
            if world.loop.time() > until:
                self._fail(f"wedged: {self._wedged()}")
                return
            fleet.ensure_engine()
            await self.crowd.help()
            await asyncio.sleep(1.0)
            still_s = world.loop.time() - self.checker.last_at
            busy = any(worker.held or worker.results for worker in fleet.workers)
            if still_s > (BUSY_STILL_S if busy else STILL_S):
                self._jump()

    def _jump(self) -> None:
        """Let the time of all clocks jump to what is due next, by the one furthest behind."""
        due = min((_due_ms(run) for run in self.checker.live.values()), default=0)
        ahead = due - self.fleet.earliest_ms + 10
        if ahead > 0:
            self.world.skipped_ms += ahead
            self.world.note("jump", f"{ahead} ms")
        self.checker.last_at = self.world.loop.time()

    def _wedged(self) -> str:
        found = []
        for run_id, run in list(self.checker.live.items())[:3]:
            open_steps = [(step, what) for step, _, what in waits(run, every=True)]
            found.append(f"{run_id} ({run.state.workflow}, {run.state.status}) {open_steps}")
        return f"{len(self.checker.live)} runs: {found}"

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    async def _finish(self) -> None:
        """Check what is left when everything has ended."""
        await self._settle()
        if self.shape.keep_ms is not None:
            await self._grow_old(self.shape.keep_ms)
            await self._settle()
        for number in range(self.shape.partitions):
            part = self.fleet.serving(number)
            if part is None:
                self._fail(f"no engine serves partition {number} in the end")
                return
            self.checker.at_end(number, part.partition, part.errands)
        self.checker.check_events()
        if self.shape.keep_ms is not None:
            self.checker.check_all_gone()
        for run_id in sorted(self.crowd.accepted - self.checker.begun):
            self._fail(f"{run_id} was accepted and is lost")
        for run_id, run in self.checker.runs.items():
            self._check_end(run_id, run)

    async def _settle(self) -> None:
        for _ in range(SETTLE_TRIES):
            self.fleet.ensure_engine()
            if self._is_settled():
                break
            await asyncio.sleep(1.0)

    async def _grow_old(self, keep_ms: int) -> None:
        """Let everything grow old enough to be forgotten, by the clock that is furthest behind.

        An event is as old as the clock says by which it was published, and keeps the runs to whose
        values it refers. A request that comes late may retry a run, which grows old once more then.
        """
        for _ in range(AGES):
            behind_ms = max(0, self.checker.latest_ms - self.fleet.earliest_ms)
            self.world.skipped_ms += behind_ms + keep_ms + EVENTS_KEPT_MS
            for _ in range(SETTLE_TRIES):
                if not self.checker.runs and not self.checker.left_over():
                    return
                self.fleet.ensure_engine()
                await asyncio.sleep(5.0)

    def _is_settled(self) -> bool:
        """Whether no engine has anything left to say or to store."""
        quiet = self.world.loop.time() - self.checker.last_at > 1.0
        return quiet and all(map(self._is_idle, range(self.shape.partitions)))

    def _is_idle(self, number: int) -> bool:
        part = self.fleet.serving(number)
        if part is None or not part.is_quiet:
            return False
        return not any(leftovers(part.partition, part.errands).values())

    def _check_end(self, run_id: str, run: Run) -> None:
        """Hold the end of a run against what its workflow says, unless somebody interfered."""
        state, crowd = run.state, self.crowd
        known = {document.name: document.ends for document in self.documents}
        expected = crowd.expected.get(run_id) or known.get(state.workflow, ANY)
        if run_id in crowd.touched or state.birth.get("parent"):
            expected = ANY
        excused = {"worker_lost"}
        if self.world.counts.get("clock") and state.workflow not in documents.IN_TIME:
            excused |= {"timeout", "items_failed", "broken"}
        if state.status not in expected and (state.error or {}).get("code") not in excused:
            self._fail(f"{run_id} of {state.workflow} is {state.status}: {state.error}")


def _due_ms(run: Run) -> int:
    start_at = run.state.birth.get("start_at")
    if run.state.status == "pending" and start_at is not None:
        return int(start_at)
    return next_due_ms(run.program, run.state)
