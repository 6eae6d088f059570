"""Many runs at once while server and worker are killed with -9: each ends once, with its output."""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dagnats.errors import NoServerError
from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import locate
from tests.e2e.harness import Served, dagnats, eventually, served, worker

HERE = Path(__file__).parent
RUNS, STEPS, KILLS = 120, 8, 6

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers"), pytest.mark.timeout(240)]


def chain() -> str:
    lines = ["dagnats: 1", "name: many", "steps:", "  - {id: s0, task: add}"]
    lines += [f"  - {{id: s{n}, task: add, depends_on: [s{n - 1}]}}" for n in range(1, STEPS)]
    return "\n".join(lines) + "\n"


async def start(data_dir: Path, run_id: str) -> None:
    """Ask until somebody answers; whoever was answered has a run."""
    while True:
        try:
            async with Client.open(locate(None, data_dir)) as client:
                await client.call("run.start", {"workflow": "many", "run_id": run_id, "input": 0})
        except NoServerError:
            await asyncio.sleep(0.05)
        else:
            return


async def starts(data_dir: Path) -> None:
    for number in range(RUNS):
        await start(data_dir, f"run-{number}")
        await asyncio.sleep(0.02)


async def kills(server: Served, chance: random.Random, workers: list[Any]) -> None:
    for number in range(KILLS):
        await asyncio.sleep(chance.uniform(0.1, 0.7))
        await asyncio.to_thread(server.kill_group)
        await asyncio.to_thread(server.start)
        if number % 2:
            os.kill(workers[number // 2].pid, signal.SIGKILL)


async def play(server: Served, data_dir: Path, workers: list[Any]) -> None:
    chance = random.Random(os.environ.get("DAGNATS_SEED", "many"))
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        group.create_task(starts(data_dir))
        group.create_task(kills(server, chance, workers))


async def histories(data_dir: Path) -> dict[str, list[dict[str, Any]]]:
    async with Client.open(locate(None, data_dir)) as client:
        names = [f"run-{number}" for number in range(RUNS)]
        return {
            name: [event async for event in client.events(name, follow=False)] for name in names
        }


def test_many_runs_survive_kills_of_everything(tmp_path: Path) -> None:
    workflow = tmp_path / "many.yaml"
    workflow.write_text(chain())
    with served(tmp_path) as server, ExitStack() as stack:
        # One more than are killed.
        workers = [
            stack.enter_context(worker(tmp_path, HERE / "slow_worker.py"))
            for _ in range(KILLS // 2 + 1)
        ]
        done = dagnats("workflow", "register", str(workflow), data_dir=tmp_path)
        assert done.returncode == 0, done.stderr
        asyncio.run(play(server, tmp_path, workers))

        def alive() -> list[Any]:
            listed = dagnats("run", "list", "--status", "running", "--json", data_dir=tmp_path)
            return list(json.loads(listed.stdout))

        eventually(lambda: not alive(), 90, why="some runs do not end")
        found = asyncio.run(histories(tmp_path))
    for run_id, events in found.items():
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), run_id
        decided = Counter(
            (event["type"], event.get("step_id"))
            for event in events
            if event["type"] in {"step.queued", "step.completed", "workflow.completed"}
        )
        assert set(decided.values()) == {1}, run_id
        assert len(decided) == 2 * STEPS + 1, run_id
        assert events[-1]["payload"] == STEPS, run_id
