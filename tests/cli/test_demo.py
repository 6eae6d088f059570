"""`dagnats demo`: every example ends well, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.harness import eventually, processes_of

pytestmark = pytest.mark.slow

DEMO = [sys.executable, "-m", "dagnats.cli.main", "demo"]
WAIT_S = 60


def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(tmp_path), "NO_COLOR": "1"}


def test_every_example_completes(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(tmp_path),
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    outcomes = {o["example"]: o["status"] for o in json.loads(done.stdout)}
    assert outcomes == dict.fromkeys(("hello", "order", "report", "review-pr"), "completed")
    assert "Hello, Ada!" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_cleans_up(tmp_path: Path, name: signal.Signals) -> None:
    with demo_that_serves(tmp_path) as demo:
        demo.send_signal(name)
        assert demo.wait(WAIT_S) == 130
    assert not list(tmp_path.iterdir())
    eventually(lambda: not processes_of(tmp_path), WAIT_S, why="a process is left")


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_nothing_outlives_a_killed_demo(tmp_path: Path) -> None:
    with demo_that_serves(tmp_path) as demo:
        os.killpg(demo.pid, signal.SIGKILL)
    eventually(lambda: not processes_of(tmp_path), WAIT_S, why="a process is left")


@contextmanager
def demo_that_serves(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A demo, from when its server and its first worker run."""
    with subprocess.Popen(
        DEMO,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
        start_new_session=True,
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if "worker run" in line:
                break
        reading = threading.Thread(target=demo.stderr.read)
        reading.start()
        try:
            yield demo
        finally:
            demo.kill()
            reading.join()
