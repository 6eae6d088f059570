"""Events per second of the machine by itself, on one core: no clock, no I/O, nothing encoded.

    python -m benchmarks.machine [--profile]

A run of ten no-op steps in a row, from its start to its end: 32 events. Ends with 1 when a bar is
missed.
"""

import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Callable

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.commands import Enqueue
from dagnats.machine.prepared import Prepared, prepare

BEGIN_MS = 1_800_000_000_000
ROUNDS, RUNS = 7, 1_000
BAR = 50_000

CHAIN = "steps:\n" + "\n".join(
    f"  - {{id: s{n}, task: work.do{f', depends_on: [s{n - 1}]' if n else ''}}}" for n in range(10)
)
DATA = "steps:\n" + "\n".join(
    f"  - {{id: s{n}, task: work.do, with: {{n: '${{{{ input.n }}}}', "
    f"last: '${{{{ {f'steps.s{n - 1}.output' if n else 'input'} }}}}'}}}}"
    for n in range(10)
)
MAP = "steps: [{id: m, type: map, task: work.do, config: {over: input.items, max_items: 10}}]"
LOOP = (
    "steps: [{id: l, type: loop, config: {max_iterations: 10, while: loop.iteration <= 10, "
    "steps: [{id: x, task: work.do}]}}]"
)
SHAPES = {"ten steps": CHAIN, "with expressions": DATA, "ten items": MAP, "ten iterations": LOOP}


def program(document: str) -> Prepared:
    found = compile_workflow(f"dagnats: 1\nname: bench\n{document}", "bench.yaml")
    assert found.program is not None, found.diagnostics
    return prepare(codec.load(codec.encode(found.program)), "sha256:bench")


def play(prepared: Prepared, at: int) -> int:
    """Play one run and return its number of events."""
    given = {"n": 1, "items": list(range(10))}
    state, _, todo, _ = start(prepared, i.StartRun(at, "run-1", "sha256:bench", given))
    while todo:
        following = []
        for command in todo:
            if isinstance(command, Enqueue):
                head = (at, command.step, command.attempt, command.iteration)
                advance(prepared, state, i.Deliver(at, command.step, "w"))
                following += advance(prepared, state, i.Complete(*head, {"n": 1})).commands
        todo = following
    assert state.status == "completed", state.error
    return state.seq


def rate(work: Callable[[], int]) -> float:
    begun = time.process_time()
    events = work()
    return events / (time.process_time() - begun)


def measure(document: str) -> tuple[float, float, int]:
    """Return events per second, median and worst of the rounds, and the events of a run."""
    prepared = program(document)
    events = play(prepared, BEGIN_MS)
    rates = [
        rate(lambda: sum(play(prepared, BEGIN_MS + n) for n in range(RUNS))) for _ in range(ROUNDS)
    ]
    return statistics.median(rates), min(rates), events


def main() -> int:
    if "--profile" in sys.argv:
        prepared = program(CHAIN)
        with cProfile.Profile() as profile:
            for n in range(RUNS):
                play(prepared, BEGIN_MS + n)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return 0
    missed = False
    for name, document in SHAPES.items():
        median, worst, events = measure(document)
        missed |= name == "ten steps" and median < BAR
        bar = f", bar {BAR:,}" if name == "ten steps" else ""
        print(f"{name}: {median:,.0f} events/s (worst {worst:,.0f}{bar}), {events} events a run")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
