"""Workers as processes: they finish when they are asked to stop, and end whatever hangs in them."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.e2e.harness import dagnats, eventually, served, show, worker

ROOT = Path(__file__).resolve().parents[2]

HANGING = """
import asyncio, sys, time
from dagnats import task
from dagnats.worker import worker as working
from tests.worker.playing import a_task, playing, until

working.GRACE_S = 0.1
began = []

@task("hang")
def hang(value):
    began.append(value)
    time.sleep(600)

async def main():
    async with playing() as world:
        await world.give(a_task("hang"), a_task("hang", run_id="r2"))
        await until(lambda: len(began) == 2)
        await world.cancel(a_task("hang", run_id="r2"))
        world.stop.set()
        await world.serving
        assert world.worker.stuck == 2

asyncio.run(main())
print("over", flush=True)
sys.exit(7)
"""


@pytest.mark.slow
def test_a_process_ends_although_its_handlers_hang() -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "over\n"), done.stderr
    assert time.monotonic() - began < 20


SLOW = """
    import time
    from pathlib import Path
    from dagnats import task

    @task("slow")
    def slow(value):
        Path(__file__).with_name("began").touch()
        time.sleep(1)
        return "done"
"""
WORKFLOW = """
dagnats: 1
name: w
steps: [{id: a, task: slow}]
output: "${{ steps.a.output }}"
"""


@pytest.mark.slow
def test_sigterm_finishes_what_runs(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(textwrap.dedent(SLOW))
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    with served(tmp_path), worker(tmp_path, tmp_path / "slow.py") as process:
        done = dagnats("workflow", "register", str(tmp_path / "w.yaml"), data_dir=tmp_path)
        assert done.returncode == 0, done.stderr
        assert dagnats("run", "start", "w", "--id", "r1", data_dir=tmp_path).returncode == 0
        eventually((tmp_path / "began").exists, why="the step never began")
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        run = show(tmp_path, "r1")
        assert (run["status"], run["output"]) == ("completed", "done")
        told = (tmp_path / "worker.log").read_text()
        assert "stopping: waiting for 1 running tasks" in told
        assert "Traceback" not in told
