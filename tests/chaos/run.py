"""Chaos: two engines, three workers and a NATS server under load, killed with -9 again and again.

    python -m tests.chaos.run [--seconds S] [--rate N] [--seed N] [--every S] [--keep DIR]

Who is killed when is drawn from the seed; so is the load. Ends with 1, and says what, when an
accepted run is lost, ends twice or wrongly, anything is decided twice, history is not the log, or
something is left over.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import connect
from tests.chaos import checks
from tests.chaos.documents import KINDS
from tests.chaos.load import Load, ask
from tests.chaos.town import Actor, Town, compiled

SETTLE_S = 120.0
CALM_S = 5.0
"""The last seconds of the load, and the first ones, are left in peace."""


class Chaos:
    """Kills by a seed, and starts again what it has killed."""

    def __init__(self, town: Town, seed: int, every_s: float) -> None:
        self.town = town
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(f"chaos {seed}")
        self._every_s = every_s
        self._again: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Kill for some time; return when everybody is there again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            pause = self._every_s * self._chance.uniform(0.3, 1.7)
            deed = self._chance.choices(
                ("engine", "worker", "nats", "freeze", "both"), (6, 6, 4, 3, 1)
            )[0]
            which, down_s = self._chance.randrange(100), self._chance.uniform(0.0, 1.5)
            if loop.time() + pause > until:
                break
            await asyncio.sleep(pause)
            await self._do(deed, which, down_s)
        await asyncio.gather(*self._again)

    async def _do(self, deed: str, which: int, down_s: float) -> None:
        town = self.town
        match deed:
            case "engine":
                # Every third stays away so long that the other one takes over.
                self._strike(pick(town.engines, which), down_s if which % 3 else 7 + down_s)
            case "worker":
                self._strike(pick(town.workers, which), down_s)
            case "nats":
                self._strike(pick(town.servers, which), down_s)
            case "both":
                for engine in town.engines:
                    self._strike(engine, down_s)
            case _:
                engine = pick(town.engines, which)
                if engine.alive:
                    self.counts["frozen"] += 1
                    engine.freeze()
                    self._later(self._thaw(engine, 8 * down_s))

    def _strike(self, actor: Actor, down_s: float) -> None:
        if not actor.alive:
            return
        self.counts[actor.name.rstrip("0123456789")] += 1
        actor.thaw()
        actor.kill()
        self._later(self._restart(actor, down_s))

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _restart(self, actor: Actor, down_s: float) -> None:
        await asyncio.sleep(down_s)
        if not actor.alive:
            actor.start()

    async def _thaw(self, actor: Actor, seconds: float) -> None:
        await asyncio.sleep(seconds)
        actor.thaw()


def pick(actors: list[Actor], which: int) -> Actor:
    """Return one of them."""
    return actors[which % len(actors)]


async def register(client: Client) -> None:
    """Register the workflows, once an engine serves."""
    for kind in KINDS.values():
        await ask(client, "workflow.register", {"program": compiled(kind.text, kind.name)})


async def play(town: Town, load: Load, chaos: Chaos, rate: float, seconds: float) -> dict[str, Any]:
    """Let load and chaos have their time, wait for the end, and return what is left."""
    async with Client.open(town.target) as client:
        await register(client)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(client, rate, seconds))
            await asyncio.sleep(min(CALM_S, seconds / 10))
            group.create_task(chaos.run(seconds * 0.8))
        return await checks.settle(client, len(load.accepted), SETTLE_S)


async def examine(town: Town, load: Load, status: dict[str, Any]) -> list[str]:
    """Return what is wrong at the end."""
    connection = await connect(town.url, name="chaos")
    try:
        seen = await checks.read(connection, town.partitions)
    finally:
        await connection.close()
    problems = checks.check(seen, load.accepted)
    left = {key: status.get(key) for key in checks.LEFT if status.get(key)}
    if left or status["status"] != "serving":
        problems.append(f"left over at the end: {left}, {status['status']}")
    print(
        f"{len(seen.history)} events in history, {sum(map(len, seen.log.values()))} in the logs",
        flush=True,
    )
    return problems


def tell(load: Load, chaos: Chaos, took_s: float) -> None:
    """Print what has been done."""
    took = sorted(load.took_s) or [0.0]
    lost: Counter[str] = chaos.counts
    print(
        f"seed {load.seed}: {len(load.accepted)} of {load.asked} starts accepted, "
        f"killed with -9: {lost['engine']} engines, {lost['worker']} workers, {lost['nats']} NATS "
        f"servers; {lost['frozen']} engines frozen; a start took {took[len(took) // 2] * 1000:.0f} "
        f"ms in the median, {took[int(len(took) * 0.99)]:.1f} s at p99; {took_s:.0f} s in all",
        flush=True,
    )


def chaotic(
    directory: Path, *, seed: int, rate: float, seconds: float, every_s: float
) -> list[str]:
    """Do all of it and return what is wrong."""
    began = time.monotonic()
    town = Town(directory)
    load, chaos = Load(seed), Chaos(town, seed, every_s)
    try:
        town.start()
        status = asyncio.run(play(town, load, chaos, rate, seconds))
        tell(load, chaos, time.monotonic() - began)
        problems = asyncio.run(examine(town, load, status))
        (directory / "accepted.json").write_text(json.dumps(load.accepted))
    finally:
        town.close()
    return problems


def main() -> int:
    """Do it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200, help="runs per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=3, help="seconds between two kills, about")
    parser.add_argument("--keep", type=Path, help="where everything is left")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = asked.keep
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        directory.mkdir(parents=True, exist_ok=True)
        print(f"load {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores", flush=True)
        problems = chaotic(
            directory,
            seed=asked.seed,
            rate=asked.rate,
            seconds=asked.seconds,
            every_s=asked.every,
        )
    for problem in problems[:50]:
        print(f"wrong: {problem}")
    print("nothing is wrong" if not problems else f"{len(problems)} things are wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
