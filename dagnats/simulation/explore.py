"""All that can become of a run, as far as a budget goes: every outcome of every step, or a sample.

Theory. A run's state says all that can happen to it, so exploring is a walk over states: from each,
every move of the world leads to another, and a state that was seen before leads nowhere new. The
walk is in depth, on copies. What it has walked through to the end is *exhaustive*: of the values
that it tries, no run does anything else. Beyond its budget, runs are drawn at random; and in either
case the worst worlds (`adversary`) come first, for what a run takes at the most.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, Final

from msgspec import Struct, field

from dagnats.machine import inputs as i
from dagnats.machine.prepared import Prepared
from dagnats.machine.ticking import next_due_ms
from dagnats.simulation import adversary
from dagnats.simulation.coverage import Coverage
from dagnats.simulation.gathering import gather, gatherings
from dagnats.simulation.measures import Observed
from dagnats.simulation.metering import metered
from dagnats.simulation.moves import Move, Outcome, Possible
from dagnats.simulation.world import Violation, World

TURNS_MAX: Final = 20_000
RUNS_MAX: Final = 300
EARLY_PART: Final = 4
"""One in so many of the runs that are drawn comes before the walk."""
MOVES_MAX: Final = 5_000
"""Moves of one drawn run, before it only goes to its end."""
SHOWN_MAX: Final = 40
CHILDREN_DEPTH_MAX: Final = 3


class Budget(Struct, frozen=True):
    """How much is tried: so many moves in the walk, then so many runs, while `over` is false."""

    turns: int = TURNS_MAX
    runs: int = RUNS_MAX
    over: Callable[[], bool] = lambda: False


class Counterexample(Struct, frozen=True):
    """A run that does what no run may: what it is, its input, and how it comes to that."""

    wrong: str
    input: Any
    trace: tuple[str, ...]
    requests: tuple[i.Input, ...]


class Ending(Struct):
    """A way for runs to end: how many did, and the input of the first."""

    status: str
    code: str | None
    runs: int
    input: Any
    output: Any = None


class Exploration(Struct):
    """What was seen of all the runs that were tried."""

    coverage: Coverage
    endings: dict[str, Ending] = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)
    runs: int = 0
    turns: int = 0
    states: int = 0
    is_exhaustive: bool = False
    counterexample: Counterexample | None = None

    @property
    def completes(self) -> bool:
        """Whether some run completed."""
        return any(ending.status == "completed" for ending in self.endings.values())


def explore(  # noqa: PLR0913 (what is tried, and how much)
    program: Prepared,
    *,
    rng: Random,
    inputs: Sequence[Any] | None = None,
    children: Mapping[str, Prepared] | None = None,
    budget: Budget | None = None,
    exhaustive: bool = False,
    depth: int = 0,
) -> Exploration:
    """Try what can become of runs; stops at the first run that does what none may.

    `children` are the programs of workflows that it calls. With `exhaustive` only time limits the
    walk, and nothing is drawn.
    """
    budget = budget or Budget()
    known = _ends(children or {}, rng, depth) if children and depth < CHILDREN_DEPTH_MAX else {}
    program = metered(program.program, program.digest)
    walk = _Explorer(program, Possible(program, known), rng, budget)
    given = list(inputs) if inputs is not None else walk.possible.inputs()
    turns, drawn = (None, 0) if exhaustive else (budget.turns, budget.runs)
    # Some are drawn before the walk, which may take all the time that there is.
    early = drawn // EARLY_PART
    if walk.worst(given) and walk.sample(given, early) and not walk.everything(given, turns):
        walk.sample(given, drawn - early)
    return walk.found


def _ends(
    children: Mapping[str, Prepared], rng: Random, depth: int
) -> dict[str, tuple[Outcome, ...]]:
    """Return how the runs of each known workflow may end."""
    found: dict[str, tuple[Outcome, ...]] = {}
    for name, program in children.items():
        small = Budget(turns=2_000, runs=20)
        others = {key: one for key, one in children.items() if key != name}
        seen = explore(program, rng=rng, children=others, budget=small, depth=depth + 1)
        found[name] = tuple(
            Outcome(
                ending.status,
                ending.output,
                None if ending.code is None else {"code": ending.code, "message": ending.code},
            )
            for ending in seen.endings.values()
        )
    return found


class _Explorer:
    def __init__(self, program: Prepared, possible: Possible, rng: Random, budget: Budget) -> None:
        self.program = program
        self.possible = possible
        self.found = Exploration(Coverage.of(program.program))
        self._rng = rng
        self._budget = budget

    def _ended(self, world: World) -> None:
        state = world.state
        code = None if state.error is None else str(state.error["code"])
        key = state.status if code is None else f"{state.status} ({code})"
        assert world.begun is not None
        one = self.found.endings.setdefault(
            key, Ending(state.status, code, 0, world.begun.input, state.output)
        )
        one.runs += 1
        self.found.runs += 1
        self._seen(world)

    def _seen(self, world: World) -> None:
        self.found.coverage.take(world.events)
        self.found.observed.merge(world.observed)

    def _violated(self, world: World, wrong: Violation) -> None:
        assert world.begun is not None
        self._seen(world)
        requests = shortest(self.program, world.begun.input, world.requests, str(wrong))
        trace = tuple(told(request) for request in requests)
        value = world.begun.input
        self.found.counterexample = Counterexample(str(wrong), value, trace, tuple(requests))

    # ── the worst ────────────────────────────────────────────────────────────────────────────────

    def worst(self, inputs: Sequence[Any]) -> bool:
        """Run in the worst worlds; whether nothing was wrong."""
        crowds = gatherings(self.program)
        for value in inputs:
            try:
                for how in adversary.worst(self.program):
                    for world in adversary.runs(
                        self.program, value, how, self.possible, keeps=True
                    ):
                        self._ended(world)
                    if self._budget.over():
                        return True
                for world in gather(self.program, value, crowds, self.possible, keeps=True):
                    self._seen(world)
            except Violation as wrong:
                self._violated(wrong.world, wrong)
                return False
        return True

    # ── all ──────────────────────────────────────────────────────────────────────────────────────

    def everything(self, inputs: Sequence[Any], turns: int | None) -> bool:
        """Walk over all states, input by input; whether that came to its end."""
        seen: set[bytes] = set()
        share = None if turns is None else max(1, turns // max(1, len(inputs)))
        done = [self._walk(value, seen, share) for value in inputs]
        self.found.is_exhaustive = all(done) and self.found.counterexample is None
        return self.found.is_exhaustive or self.found.counterexample is not None

    def _walk(self, value: Any, seen: set[bytes], turns: int | None) -> bool:
        first = World(self.program, keeps=True)
        stack: list[tuple[World, Move | None]] = [(first, None)]
        left = turns
        while stack:
            if left == 0 or self._budget.over() or self.found.counterexample is not None:
                return False
            left = None if left is None else left - 1
            self.found.turns += 1
            world, move = stack.pop()
            try:
                world = self._moved(world, move, value)
            except Violation as wrong:
                self._violated(wrong.world, wrong)
                return False
            if world.state.ended:
                self._ended(world)
                continue
            mark = blake2b(world.mark(), digest_size=16).digest()
            if mark in seen:
                self._seen(world)
                continue
            seen.add(mark)
            self.found.states = len(seen)
            moves = self.possible.moves(world, cancels=True)
            stack.extend((world, one) for one in reversed(moves))
        return True

    @staticmethod
    def _moved(world: World, move: Move | None, value: Any) -> World:
        """Return the world after a move, or at its start."""
        if move is None:
            world.start(value)
        else:
            world = world.copy()
            move.apply(world)
        while not world.state.ended and world.settle():
            pass
        return world

    # ── some ─────────────────────────────────────────────────────────────────────────────────────

    def sample(self, inputs: Sequence[Any], runs: int) -> bool:
        """Draw runs at random; whether nothing was wrong."""
        for number in range(runs):
            if self._budget.over():
                return True
            world = World(self.program, keeps=True)
            bold = self._rng.random()
            try:
                world.start(inputs[number % len(inputs)])
                while not world.state.ended:
                    if not world.settle():
                        self._draw(world, bold)
                self._ended(world)
            except Violation as wrong:
                self._violated(wrong.world, wrong)
                return False
        return True

    def _draw(self, world: World, bold: float) -> None:
        """Make one move; the bolder, the more goes wrong."""
        many = len(world.requests) > MOVES_MAX
        cancels = not many and self._rng.random() < CANCELS * bold
        moves = self.possible.moves(world, in_turn=many, cancels=cancels)
        weights = [LIKELY.get(move.kind, 1.0) if many else _weight(move, bold) for move in moves]
        self._rng.choices(moves, weights)[0].apply(world)
        self.found.turns += 1


CANCELS: Final = 0.02
LIKELY: Final = {"deliver": 20.0, "complete": 5.0, "approve": 5.0, "hear": 5.0, "child": 5.0}
_WAITS: Final = 0.1


def _weight(move: Move, bold: float) -> float:
    if move.kind == "wait":
        return _WAITS
    return LIKELY.get(move.kind, 0.2 + 2 * bold)


# ── counterexamples ──────────────────────────────────────────────────────────────────────────────


def shortest(
    program: Prepared, value: Any, requests: Sequence[i.Input], wrong: str
) -> list[i.Input]:
    """Return as few of the requests as still lead to what is wrong, in their order."""
    kept = list(requests)
    if _kind(_wrong(program, value, kept)) != _kind(wrong):
        return kept
    size = max(1, len(kept) // 2)
    tries = 0
    while size:
        at = 0
        while at < len(kept) and tries < TRIES_MAX:
            tries += 1
            less = kept[:at] + kept[at + size :]
            if _kind(_wrong(program, value, less)) == _kind(wrong):
                kept = less
            else:
                at += size
        size //= 2
    return kept


TRIES_MAX: Final = 500


def _kind(wrong: str | None) -> str | None:
    """Return what is wrong without the numbers in it."""
    return None if wrong is None else "".join(c for c in wrong if not c.isdigit() and c != ",")


def _wrong(program: Prepared, value: Any, requests: Sequence[i.Input]) -> str | None:
    world = World(program)
    try:
        world.start(value)
        for request in requests:
            _pass_time(world, request.at)
            world.do(request)
        if not world.goes_on and not world.open and not world.state.ended:
            world.wait()
    except Violation as wrong:
        return str(wrong)
    return None


def _pass_time(world: World, until: int) -> None:
    """Let everything that is due by itself happen before."""
    while not world.state.ended:
        due = next_due_ms(world.program, world.state)
        if world.goes_on or due >= until:
            return
        world.do(i.Tick(max(due, world.now)))


def told(request: i.Input) -> str:
    """Return a request in words."""
    name = type(request).__name__
    known = {
        key: value
        for key in request.__struct_fields__
        if key not in {"at", "worker_id", "usage", "plan"}
        and (value := getattr(request, key)) is not None
    }
    words = ", ".join(f"{key}={value!r:.60}" for key, value in known.items())
    return f"at {request.at}: {name}({words})"
