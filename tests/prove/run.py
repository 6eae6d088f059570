"""`make prove`: the certificate and the skeleton of thousands of random programs, at length."""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

from tests.prove.prover import Finding, keep, prove_all

SHARES = {"any": 5, "switches": 3, "straight": 2}
CHUNK = 100
SHOWN_MAX = 20


def main() -> int:
    """Return 1 when a promise is broken."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--programs", type=int, default=10_000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--failures", type=Path, help="a folder for the programs that fail")
    options = asked.parse_args()
    began = time.monotonic()
    jobs = []
    for shape, share in SHARES.items():
        seeds = iter(range(options.seed, options.seed + options.programs * share // 10))
        while chunk := list(islice(seeds, CHUNK)):
            jobs.append((chunk, shape))
    counts: dict[str, Counter[str]] = {shape: Counter() for shape in SHARES}
    findings: list[Finding] = []
    with ProcessPoolExecutor(options.processes) as pool:
        done = pool.map(prove_all, *zip(*jobs, strict=True))
        for (_, shape), (counted, found) in zip(jobs, done, strict=True):
            counts[shape] += counted
            findings += found
    for shape, counted in counts.items():
        print(shape, *[f"{name}: {count:,}" for name, count in counted.items()], sep="\n  ")
    for one in findings[:SHOWN_MAX]:
        print(f"{one.shape}, seed {one.seed}, size {one.size}: {one.wrong}")
    print(f"{len(findings):,} broken promises, {time.monotonic() - began:.0f} s")
    if options.failures is not None:
        print(f"{keep(findings, options.failures)} programs in {options.failures}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
