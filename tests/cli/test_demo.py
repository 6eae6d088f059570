"""`dagnats demo`: every example ends well, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    assert outcomes == dict.fromkeys(("hello", "report", "review-pr"), "completed")
    assert "Hello, Ada!" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupt_cleans_up(tmp_path: Path) -> None:
    with subprocess.Popen(
        DEMO,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if "dagnats serves" in line:
                break
        demo.send_signal(signal.SIGINT)
        demo.stderr.read()
        assert demo.wait(WAIT_S) == 130
    assert not list(tmp_path.iterdir())
    deadline = time.monotonic() + WAIT_S
    while _processes_of(tmp_path):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.05)


def _processes_of(directory: Path) -> list[str]:
    """Command lines that name the directory; none where /proc is not there to tell."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if str(directory) in line]
