"""Real processes: `dagnats serve` with its NATS server, workers, and the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DAGNATS = [sys.executable, "-m", "dagnats.cli.main"]
START_S = 30.0


def dagnats(
    *arguments: str, data_dir: Path, wait_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*DAGNATS, *arguments],
        capture_output=True,
        text=True,
        timeout=wait_s,
        env=environment(data_dir),
        check=False,
    )


def environment(data_dir: Path) -> dict[str, str]:
    """Return the environment of a user whose data directory this is."""
    return os.environ | {"DAGNATS_DATA_DIR": str(data_dir), "NO_COLOR": "1"}


class Served:
    """A `dagnats serve` that can be killed and started again on the same data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        log = (self.data_dir / "serve.log").open("a")
        self.process = subprocess.Popen(
            [*DAGNATS, "serve"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(self.data_dir),
            start_new_session=True,
        )
        log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "dagnats serves" in line, (self.data_dir / "serve.log").read_text()

    def kill_group(self) -> None:
        """Kill the process and all its children with -9, as a power switch would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._gone()

    def _gone(self) -> int:
        assert self.process is not None
        code = self.process.wait(START_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextmanager
def served(data_dir: Path) -> Iterator[Served]:
    """Serve until the end of the block."""
    server = Served(data_dir)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@contextmanager
def worker(data_dir: Path, file: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker until the end of the block."""
    log = (data_dir / "worker.log").open("a")
    process = subprocess.Popen(
        [*DAGNATS, "worker", "run", str(file), *arguments],
        stdout=log,
        stderr=log,
        text=True,
        env=environment(data_dir),
    )
    log.close()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(START_S)


def show(data_dir: Path, run_id: str) -> dict[str, Any]:
    """Return a run as `run show --json` tells it."""
    done = dagnats("run", "show", run_id, "--json", data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def eventually(what: Callable[[], bool], wait_s: float = 30.0, *, why: str = "") -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + wait_s
    while not what():
        assert time.monotonic() < deadline, why or "it never happened"
        time.sleep(0.05)
