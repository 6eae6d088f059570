"""Real processes that are killed: a NATS server that somebody restarts, engines, workers.

`Town` starts them, kills them and starts them again; what they print is kept in its directory.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from dagnats.jetstream.connection import Target
from dagnats.jetstream.devserver import find_binary
from dagnats.jetstream.natsconfig import HOST, configuration
from tests.e2e.harness import DAGNATS, environment, eventually

HANDLERS = Path(__file__).with_name("handlers.py")
READY_S = 60.0


class Actor:
    """A process that can be killed with -9, frozen, and started again."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.deaths = 0
        self._command = command
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; whether it is ready is another question."""
        assert not self.alive, f"{self.name} runs"
        with self.log.open("ab") as log:
            log.write(f"--- start {time.time():.3f}\n".encode())
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._env, start_new_session=True
            )
        self._frozen = False

    def kill(self) -> None:
        """Kill it with -9."""
        if self.alive:
            self.deaths += 1
            self._send(signal.SIGKILL)
            assert self._process is not None
            self._process.wait()

    def freeze(self) -> None:
        """Let it stand still, as a machine that is out of memory would."""
        self._frozen = True
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._frozen:
            self._frozen = False
            self._send(signal.SIGCONT)

    def stop(self, wait_s: float = 30.0) -> int:
        """Ask it to end, and return its exit code."""
        self.thaw()
        self._send(signal.SIGTERM)
        assert self._process is not None
        try:
            return self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            self._process.wait()
            raise

    def said(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _send(self, name: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            assert self._process is not None
            os.killpg(self._process.pid, name)


class Town:
    """A NATS server, engines that share partitions, and workers.

    `store` is where the server stores, if not in `directory`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        engines: int = 2,
        workers: int = 3,
        partitions: int = 2,
        replicas: int = 1,
        concurrency: int = 200,
        store: Path | None = None,
        url: str | None = None,
    ) -> None:
        self.directory = directory
        self.store = store or directory / "nats"
        self.partitions = partitions
        self.servers: list[Actor] = []
        self._password = secrets.token_urlsafe(12)
        if url is None:
            self._port = free_port()
            url = f"nats://town:{self._password}@{HOST}:{self._port}"
            self.servers.append(self._server())
        self.url = url
        env = environment(directory) | {"DAGNATS_NATS_URL": url, "PYTHONUNBUFFERED": "1"}
        self.engines = [
            Actor(
                f"engine{at}",
                [
                    *DAGNATS,
                    "serve",
                    *("--data-dir", str(directory / f"engine{at}")),
                    *("--nats-url", url),
                    *("--partitions", str(partitions)),
                    *("--replicas", str(replicas)),
                ],
                env,
                directory / f"engine{at}.log",
            )
            for at in range(engines)
        ]
        self.workers = [
            Actor(
                f"worker{at}",
                [*DAGNATS, "worker", "run", str(HANDLERS), "--concurrency", str(concurrency)],
                env,
                directory / f"worker{at}.log",
            )
            for at in range(workers)
        ]

    @property
    def target(self) -> Target:
        """Return where clients connect."""
        return Target(self.url)

    @property
    def actors(self) -> list[Actor]:
        """Return everybody."""
        return [*self.servers, *self.engines, *self.workers]

    def start(self) -> None:
        """Start everybody, the server first."""
        for server in self.servers:
            server.start()
            self.wait_for_server()
        for actor in [*self.engines, *self.workers]:
            actor.start()

    def wait_for_server(self) -> None:
        """Wait until the server greets."""
        eventually(lambda: greets(self._port), READY_S, why="the NATS server does not greet")

    def close(self) -> None:
        """End everybody, at once."""
        for actor in reversed(self.actors):
            actor.thaw()
            if actor.alive:
                actor.kill()

    def said(self) -> str:
        """Return the last of what everybody has printed."""
        return "\n".join(f"{a.name}: {a.said()[-1500:]}" for a in self.actors)

    def _server(self) -> Actor:
        self.store.mkdir(parents=True, exist_ok=True)
        text = configuration(self.store, self._port, "always", "town", self._password)
        file = self.directory / "nats.conf"
        file.write_text(text)
        command = [str(find_binary()), "-c", str(file)]
        return Actor("nats", command, dict(os.environ), self.directory / "nats.out")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def greets(port: int) -> bool:
    """Whether a NATS server greets there."""
    try:
        with socket.create_connection((HOST, port), 1) as connection:
            return connection.recv(4) == b"INFO"
    except OSError:
        return False


def compiled(text: str, name: str) -> dict[str, object]:
    """Return a workflow as `workflow.register` takes it."""
    from dagnats.compiler.pipeline import compile_workflow
    from dagnats.ir import codec

    found = compile_workflow(text, f"{name}.yaml")
    assert found.program is not None, found.diagnostics
    return dict(json.loads(codec.encode(found.program)))


if __name__ == "__main__":
    sys.exit("this is a part of tests.chaos.run")
