"""The command line of the simulation: which seeds, how much is told, and by how many processes.

    python -m dagnats.testing.simulation --seeds 1-100
    python -m dagnats.testing.simulation --seed 17 --trace

docs/simulation-of-the-engine.md tells what is simulated.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from dagnats.testing.course import RUNS, Outcome, Simulation
from dagnats.testing.shape import drawn

USAGE_EXIT = 2


def main(arguments: list[str] | None = None) -> int:
    """Play seeds and say what was found; returns the exit status: 1 when something was."""
    args = _parser().parse_args(arguments)
    seeds = [args.seed] if args.seed is not None else list(span(args.seeds))
    began, runs, events, checks, found = time.monotonic(), 0, 0, 0, 0
    counts: Counter[str] = Counter()
    for outcome in play(
        seeds, args.runs, partitions=args.partitions, trace=args.trace, jobs=args.jobs
    ):
        runs += outcome.runs
        events += outcome.events
        checks += outcome.checks
        counts.update(outcome.counts)
        _tell(outcome, as_json=args.json, trace=args.trace)
        if outcome.violation:
            found += 1
            if found >= args.failures:
                break
    took = time.monotonic() - began
    if not args.json:
        happened = ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items()) if kind != "says")
        print(f"{runs} runs, {events} events, {checks} comparisons in {took:.1f} s")  # noqa: T201
        print(f"what happened: {happened}")  # noqa: T201
        print(f"{found} violations in {len(seeds)} seeds")  # noqa: T201
    return 1 if found else 0


def play(
    seeds: list[int],
    runs: int,
    *,
    partitions: int | None = None,
    trace: bool = False,
    jobs: int = 1,
) -> Iterator[Outcome]:
    """Play seeds one after the other, or by several processes; in the order of the seeds."""
    work = [(seed, runs, partitions, trace) for seed in seeds]
    if jobs == 1:
        yield from map(_play_one, work)
        return
    with multiprocessing.Pool(jobs) as pool:
        yield from pool.imap(_play_one, work, chunksize=4)


def _play_one(work: tuple[int, int, int | None, bool]) -> Outcome:
    seed, runs, partitions, trace = work
    return Simulation(seed, runs=runs, of=drawn(seed, partitions), trace=trace).run()


def span(text: str) -> Iterable[int]:
    """Return the seeds of `A-B` or `A`."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _tell(outcome: Outcome, *, as_json: bool, trace: bool) -> None:
    if as_json:
        shown = outcome if trace else msgspec.structs.replace(outcome, trace=())
        print(msgspec.json.encode(shown).decode(), flush=True)  # noqa: T201
        return
    if trace:
        for line in outcome.trace:
            print(line[:2000])  # noqa: T201
    if outcome.violation:
        print(f"seed {outcome.seed}: {outcome.violation}")  # noqa: T201
        print(f"  again: python -m dagnats.testing.simulation --seed {outcome.seed} --trace")  # noqa: T201
        print(f"  with: {', '.join(outcome.faults) or 'no faults'}", flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dagnats.testing.simulation",
        description="Simulate the engine: workloads and faults drawn from seeds, on virtual time.",
    )
    parser.add_argument("--seeds", default="1-20", help="seeds to play, A-B (default 1-20)")
    parser.add_argument("--partitions", type=int, help="so many, whatever is drawn")
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs of each seed ({RUNS})")
    parser.add_argument("--jobs", type=int, default=1, help="processes that play at once (1)")
    parser.add_argument("--failures", type=int, default=5, help="stop after so many (5)")
    parser.add_argument("--trace", action="store_true", help="tell everything that happens")
    parser.add_argument("--json", action="store_true", help="one object a line, for each seed")
    return parser


def with_fixed_hashes() -> None:
    """Start this program again with hashes that are the same each time, if they are not."""
    if sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(  # noqa: S606 (ourselves)
            sys.executable, [sys.executable, "-m", "dagnats.testing.simulation", *sys.argv[1:]]
        )


if __name__ == "__main__":
    with_fixed_hashes()
    raise SystemExit(main())
