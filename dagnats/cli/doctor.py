"""`dagnats doctor`: what is here, where each value comes from, and whether a server answers."""

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dagnats import __version__
from dagnats.cli import output
from dagnats.cli.options import connected
from dagnats.errors import DagnatsError

PYTHON_MIN = (3, 11)
DISK_FREE_BYTES_MIN = 1_000_000_000
VERSION_WAIT_S = 10
SERVER_WAIT_S = 10
URL_VARIABLE = "DAGNATS_NATS_URL"
DIR_VARIABLE = "DAGNATS_DATA_DIR"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: its value, where that comes from, what to do when it is not right."""

    name: str
    value: str
    source: str
    ok: bool = True
    help: str | None = None


def examine(server: str | None, data_dir: Path | None, *, as_json: bool) -> int:
    """Print all checks; returns 1 when one of them is not right."""
    directory, source = _data_dir(data_dir)
    checks = [
        _python(),
        Check("dagnats", __version__, str(Path(__file__).resolve().parents[1])),
        _nats_server(),
        Check("data directory", str(directory), source),
        _disk(directory),
        *_server(server, data_dir),
    ]
    ok = all(check.ok for check in checks)
    if as_json:
        output.result_json({"ok": ok, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            _tell(check)
    return 0 if ok else 1


def _tell(check: Check) -> None:
    mark = "ok" if check.ok else "no"
    colour = output.GREEN if check.ok else output.RED
    painted = output.paint(mark, colour, sys.stdout)
    output.result(f"{painted}  {check.name:15} {check.value}  ({check.source})")
    if check.help:
        output.result(f"    help: {check.help}")


def _python() -> Check:
    fine = sys.version_info >= PYTHON_MIN and not sys.flags.optimize
    needed = f"dagnats needs Python {PYTHON_MIN[0]}.{PYTHON_MIN[1]} or newer, without `-O`"
    return Check("python", platform.python_version(), sys.executable, fine, _unless(fine, needed))


def _nats_server() -> Check:
    from dagnats.jetstream.devserver import find_binary

    try:
        binary = str(find_binary())
        said = subprocess.run(
            [binary, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_WAIT_S,
            check=True,
        )
    except (DagnatsError, OSError, subprocess.SubprocessError) as wrong:
        return Check("nats-server", "none", "not found", ok=False, help=str(wrong))
    return Check("nats-server", said.stdout.strip().rpartition(" ")[2], binary)


def _data_dir(flag: Path | None) -> tuple[Path, str]:
    from dagnats.jetstream.datadir import data_dir_of

    by_default = DIR_VARIABLE if os.environ.get(DIR_VARIABLE) else "default"
    return data_dir_of(flag), by_default if flag is None else "--data-dir"


def _disk(directory: Path) -> Check:
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    fine = free >= DISK_FREE_BYTES_MIN
    needed = f"less than {DISK_FREE_BYTES_MIN / 1e9:.0f} GB: starts are refused on a full disk"
    return Check("free disk", f"{free / 1e9:.1f} GB", str(there), fine, _unless(fine, needed))


def _server(server: str | None, data_dir: Path | None) -> list[Check]:
    source = _server_source(server, data_dir)
    try:
        status = asyncio.run(_ask(server, data_dir))
    except (DagnatsError, TimeoutError) as wrong:
        said, _, advice = str(wrong).partition("\n")
        advice = advice.strip().removeprefix("help: ")
        return [Check("server", said or "no answer", source, ok=False, help=advice or None)]
    return [
        Check("server", str(status.get("status", "?")), source),
        Check("runs", str(status.get("runs", "?")), "live, told by the server"),
        Check("workers", str(status.get("workers", "?")), "connected, told by the server"),
        Check("fsync", str(status.get("fsync", "not told")), "told by the server"),
    ]


def _server_source(server: str | None, data_dir: Path | None) -> str:
    if server is not None:
        return "--server"
    if data_dir is None and os.environ.get(URL_VARIABLE):
        return URL_VARIABLE
    return "serve.json of the data directory"


async def _ask(server: str | None, data_dir: Path | None) -> dict[str, Any]:
    async with asyncio.timeout(SERVER_WAIT_S), connected(server, data_dir) as client:
        answer: dict[str, Any] = await client.call("status", {})
    local = server is None and not os.environ.get(URL_VARIABLE)
    return answer | (_health(data_dir) if local else {})


def _health(data_dir: Path | None) -> dict[str, Any]:
    """Return what the health endpoint of a server on this machine tells; nothing without one."""
    from dagnats.jetstream.datadir import data_dir_of, read_serve_file

    served = read_serve_file(data_dir_of(data_dir))
    if served is None:
        return {}
    try:
        with urllib.request.urlopen(f"{served['http_url']}/health", timeout=SERVER_WAIT_S) as told:
            return dict(json.load(told))
    except OSError:
        return {}


def _unless(fine: bool, advice: str) -> str | None:
    return None if fine else advice
