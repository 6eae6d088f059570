"""Three NATS nodes lose the leader of the log under load: what is lost, and for how long.

    python -m benchmarks.cluster [--rate N] [--kills N] [--json FILE]

Streams have three replicas, every node syncs always; all of it is on this machine. Ends with 1 when
anything that was acknowledged is lost.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import connect
from dagnats.wire import subjects
from tests.chaos import checks
from tests.chaos.cluster import NODES, Cluster
from tests.chaos.load import Load
from tests.chaos.run import register
from tests.chaos.town import Town

CALM_S = 5.0
BETWEEN_S = 20.0
"""Between two kills; a new leader is elected within 4 to 8 s."""
DOWN_S = 3.0
SETTLE_S = 90.0
KINDS = ("chain", "fan", "pages", "gated", "naps", "saga")


async def play(
    town: Town, cluster: Cluster, load: Load, rate: float, kills: int, between_s: float
) -> Any:
    """Kill the leader of the log again and again; returns what was found."""
    killed_at: list[float] = []
    async with Client.open(town.target) as client:
        await register(client)
        connection: Any = client._connection  # noqa: SLF001 - one connection is enough
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(client, rate, 2 * CALM_S + kills * between_s))
            await asyncio.sleep(CALM_S)
            for _ in range(kills):
                name = await cluster.leader(connection, subjects.LOG_STREAM)
                node = cluster.node_named(name)
                killed_at.append(time.monotonic())
                node.kill()
                await asyncio.sleep(DOWN_S)
                node.start()
                await asyncio.sleep(between_s - DOWN_S)
        status = await checks.settle(client, len(load.accepted), SETTLE_S)
    connection = await connect(town.url, name="bench")
    try:
        seen = await checks.read(connection, town.partitions)
    finally:
        await connection.close()
    left = {key: status[key] for key in checks.LEFT if status.get(key)}
    problems = checks.check(seen, load.accepted) + ([f"left over: {left}"] if left else [])
    return [_gap(load, at, between_s) for at in killed_at], problems


def _gap(load: Load, killed_at: float, between_s: float) -> float:
    """Return for how long nothing was accepted after a kill."""
    times = [at for at in load.at if killed_at <= at < killed_at + between_s]
    times = [killed_at, *times, killed_at + between_s]
    return max(later - at for at, later in itertools.pairwise(times))


def measure(
    directory: Path,
    rate: float,
    kills: int,
    *,
    partitions: int = 1,
    between_s: float = BETWEEN_S,
) -> Any:
    """Do all of it, with an engine for each partition."""
    cluster = Cluster(directory / "cluster")
    load = Load(3, kinds=KINDS)
    town = Town(
        directory,
        engines=partitions,
        workers=1,
        partitions=partitions,
        replicas=NODES,
        url=cluster.url,
    )
    try:
        cluster.start()
        town.start()
        gaps, problems = asyncio.run(play(town, cluster, load, rate, kills, between_s))
    except BaseException:
        print(town.said(), file=sys.stderr)
        raise
    finally:
        town.close()
        cluster.close()
    return load, gaps, problems


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dagnats-cluster-") as directory:
        load, gaps, problems = measure(
            Path(directory), asked.rate, asked.kills, partitions=asked.partitions
        )
    took = sorted(load.took_s)
    print(
        f"3 nodes, 3 replicas, fsync always, {asked.rate:g} runs/s, load {os.getloadavg()[0]:.1f}: "
        f"{len(load.accepted)} runs accepted, start p50 {took[len(took) // 2] * 1000:.1f} ms; "
        f"{len(gaps)} leaders killed, nothing accepted for {min(gaps):.1f}-{max(gaps):.1f} s "
        f"(median {statistics.median(gaps):.1f}); "
        f"{'nothing acknowledged was lost' if not problems else f'{len(problems)} problems'}"
    )
    for problem in problems[:20]:
        print(f"wrong: {problem}")
    if asked.json is not None:
        found = {"gaps_s": gaps, "runs": len(load.accepted), "problems": problems}
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
