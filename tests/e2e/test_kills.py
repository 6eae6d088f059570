"""Nothing is lost and nothing is decided twice, whatever is killed and when."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Served, dagnats, eventually, served, show, worker

HERE = Path(__file__).parent
STEPS = 30
KILLS = 10
DECISIONS = ("step.queued", "step.completed", "workflow.started", "workflow.completed")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers"), pytest.mark.timeout(240)]


def chain(steps: int) -> str:
    lines = ["dagnats: 1", "name: chain", "steps:"]
    for step in range(steps):
        after = f"\n    depends_on: [s{step - 1}]" if step else ""
        lines.append(f"  - id: s{step}\n    type: normal\n    task: slow{after}")
    return "\n".join(lines) + "\n"


def test_serve_killed_ten_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    workflow = tmp_path / "chain.yaml"
    workflow.write_text(chain(STEPS))
    seen = tmp_path / "seen"
    seen.touch()
    chance = random.Random(os.environ.get("DAGNATS_SEED", "kills"))
    with served(tmp_path) as server, worker(tmp_path, HERE / "slow_worker.py"):
        watcher = subprocess.Popen([sys.executable, HERE / "watcher.py", tmp_path, seen])
        try:
            done = dagnats("workflow", "register", str(workflow), data_dir=tmp_path)
            assert done.returncode == 0, done.stderr
            done = dagnats("run", "start", "chain", "--id", "victim", data_dir=tmp_path)
            assert done.returncode == 0, done.stderr
            kills_before_the_end = kill_again_and_again(server, seen, chance)
            eventually(lambda: ended(seen), 60, why=tail(tmp_path))
        finally:
            watcher.kill()
            watcher.wait()
        run = show(tmp_path, "victim")
        assert run["status"] == "completed", run
        assert run["output"] == f"s{STEPS - 1}"
        told = dagnats("run", "events", "victim", "--json", data_dir=tmp_path)
    assert kills_before_the_end == KILLS
    check_history([json.loads(line) for line in seen.read_text().splitlines()])
    # The command line tells the same story.
    assert [json.loads(line)["id"] for line in told.stdout.splitlines()] == [
        json.loads(line)["id"] for line in seen.read_text().splitlines()
    ]


def kill_again_and_again(server: Served, seen: Path, chance: random.Random) -> int:
    counted = 0
    for _ in range(KILLS):
        # At most 5 of the 6 seconds that the steps take: all kills come while the run is going.
        time.sleep(chance.uniform(0.05, 0.5))
        counted += not ended(seen)
        server.kill_group()
        server.start()
    return counted


def ended(seen: Path) -> bool:
    return b'"workflow.completed"' in seen.read_bytes()


def check_history(events: list[dict[str, Any]]) -> None:
    """Each event once, in order, without a gap; each decision once."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["id"] for event in events}) == len(events)
    decided = Counter(
        (event["type"], event.get("step_id")) for event in events if event["type"] in DECISIONS
    )
    assert set(decided.values()) == {1}
    assert sum(1 for kind, _ in decided if kind == "step.completed") == STEPS
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)


def tail(data_dir: Path) -> str:
    return (data_dir / "serve.log").read_text()[-2000:]


def test_worker_killed_in_mid_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "trace"
    monkeypatch.setenv("TRACE", str(mark))
    workflow = tmp_path / "w.yaml"
    workflow.write_text(
        "dagnats: 1\nname: w\nsteps:\n  - id: a\n    type: normal\n    task: first_sleeps\n"
    )
    with served(tmp_path):
        assert dagnats("workflow", "register", str(workflow), data_dir=tmp_path).returncode == 0
        with worker(tmp_path, HERE / "slow_worker.py") as first:
            assert dagnats("run", "start", "w", "--id", "r1", data_dir=tmp_path).returncode == 0
            eventually(mark.exists, why="the step never began")
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        with worker(tmp_path, HERE / "slow_worker.py"):
            eventually(lambda: show(tmp_path, "r1")["status"] == "completed", 45)
        events = dagnats("run", "events", "r1", "--json", data_dir=tmp_path)
    types = [json.loads(line)["type"] for line in events.stdout.splitlines()]
    assert types == [
        "workflow.started",
        "step.queued",
        "step.started",
        "step.lost",
        "step.started",
        "step.completed",
        "workflow.completed",
    ]
