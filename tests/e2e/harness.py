"""Real processes: `dagnats serve` with its NATS server, workers, and the command line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagnats.jetstream.devserver import find_binary

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


@dataclass(frozen=True)
class Nats:
    """A NATS server that somebody else runs."""

    url: str
    process: "subprocess.Popen[bytes]"


class Served:
    """A `dagnats serve` that can be killed and started again on the same data directory."""

    def __init__(self, data_dir: Path, *arguments: str, log: Path | None = None) -> None:
        self.data_dir = data_dir
        self.arguments = arguments
        self.log = log or data_dir / "serve.log"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        log = self.log.open("a")
        self.process = subprocess.Popen(
            [*DAGNATS, "serve", *self.arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(self.data_dir),
            start_new_session=True,
        )
        log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "dagnats serves" in line, self.said()

    def said(self) -> str:
        """Return what it has told its operator."""
        return self.log.read_text()

    def signal(self, name: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(name)

    def kill_group(self) -> None:
        """Kill the process and all its children with -9, as a power switch would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.ended()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.ended()

    def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        assert self.process is not None
        code = self.process.wait(START_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextmanager
def served(data_dir: Path, *arguments: str, log: Path | None = None) -> Iterator[Served]:
    """Serve until the end of the block."""
    server = Served(data_dir, *arguments, log=log)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            try:
                server.stop()
            finally:
                server.process.kill()


@contextmanager
def worker(
    data_dir: Path, file: Path, *arguments: str, log_file: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a worker until the end of the block."""
    log = (log_file or data_dir / "worker.log").open("a")
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
            try:
                process.wait(START_S)
            finally:
                process.kill()


@contextmanager
def nats_server(
    directory: Path, config: str = "jetstream: {{store_dir: {store}}}"
) -> Iterator[Nats]:
    """Run a NATS server that is not ours until the end of the block."""
    directory.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (directory / "nats.conf").write_text(
        f"listen: 127.0.0.1:{port}\n" + config.format(store=json.dumps(str(directory / "store")))
    )
    process = subprocess.Popen(
        [str(find_binary()), "-c", str(directory / "nats.conf"), "-l", str(directory / "log")]
    )

    def greets() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    try:
        eventually(greets, why="no NATS server")
        yield Nats(f"nats://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()


def processes_of(directory: Path) -> list[str]:
    """Return the command lines that name the directory; none where /proc is not there to tell."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if str(directory) in line]


def show(data_dir: Path, run_id: str) -> dict[str, Any]:
    """Return a run as `run show --json` tells it."""
    done = dagnats("run", "show", run_id, "--json", data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def eventually(
    what: Callable[[], bool], wait_s: float = 30.0, *, why: str = "", every_s: float = 0.05
) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + wait_s
    while not what():
        assert time.monotonic() < deadline, why or "it never happened"
        time.sleep(every_s)
