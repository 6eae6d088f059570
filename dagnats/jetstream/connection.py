"""Finding a server and connecting to it; refusals in words."""

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import nats
import nats.errors
from nats.aio.client import Client

from dagnats.errors import NoServerError, RefusedError, UsageError
from dagnats.jetstream.devserver import default_data_dir, read_serve_file

CONNECT_WAIT_S = 2
RECONNECT_WAIT_S = 0.1
PENDING_BYTES = 8 * 1024 * 1024
PING_S = 10
Callback = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is and what it takes to get in. `origin` says where that was found."""

    url: str
    credentials: Path | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A NATS address without its secrets, and these apart."""

    public: str
    user: str | None
    password: str | None


def parse_url(url: str) -> Address:
    """Split the credentials from `nats://user:password@host:port`. Raises UsageError."""
    parts = urlsplit(url if "://" in url else f"nats://{url}")
    try:
        port = parts.port or 4222
    except ValueError:
        raise UsageError(f"`{url}` is not a NATS address such as nats://127.0.0.1:4222") from None
    if not parts.hostname:
        raise UsageError(f"`{url}` is not a NATS address such as nats://127.0.0.1:4222")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Address(f"{parts.scheme}://{host}:{port}", user, password)


def locate(server: str | None, data_dir: Path | None) -> Target:
    """Find the server: `server`, else `DAGNATS_NATS_URL`, else what serves the data directory.

    Raises NoServerError when nothing serves there.
    """
    if server:
        return Target(server, origin="--server")
    if data_dir is None and os.environ.get("DAGNATS_NATS_URL"):
        return Target(os.environ["DAGNATS_NATS_URL"], origin="DAGNATS_NATS_URL")
    directory = data_dir or default_data_dir()
    found = read_serve_file(directory)
    if found is None or not _alive(found.get("pid")):
        raise NoServerError(
            f"no dagnats server for {directory}\n"
            "  help: start one with `dagnats serve`, or name one with `--server` "
            "or DAGNATS_NATS_URL"
        )
    credentials = found.get("credentials")
    return Target(
        str(found["nats_url"]),
        Path(credentials) if credentials else None,
        str(directory / "serve.json"),
    )


async def connect(  # noqa: PLR0913 (each but the first by name)
    url: str,
    *,
    credentials: Path | None = None,
    name: str,
    on_disconnect: Callback | None = None,
    on_reconnect: Callback | None = None,
    on_error: Callable[[Exception], Awaitable[None]] | None = None,
) -> Client:
    """Connect, and from then on reconnect for ever.

    Raises NoServerError when nobody listens, RefusedError `denied` when the credentials are wrong.
    """
    address = parse_url(url)
    user, password = address.user, address.password
    if credentials is not None:
        user, password = read_credentials(credentials)
    refused: list[Exception] = []

    async def noted(problem: Exception) -> None:
        refused.append(problem)
        if on_error is not None:
            await on_error(problem)

    client = Client()
    try:
        await client.connect(
            address.public,
            user=user,
            password=password,
            name=name,
            inbox_prefix=b"_INBOX.dagnats",
            connect_timeout=CONNECT_WAIT_S,
            allow_reconnect=True,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type] # seconds, fractions work
            max_reconnect_attempts=1,
            ping_interval=PING_S,
            pending_size=PENDING_BYTES,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
            error_cb=noted,
        )
    except (OSError, TimeoutError, nats.errors.Error) as failed:
        reasons = [*refused, failed]
        if any("authorization" in str(reason).lower() for reason in reasons):
            raise RefusedError("denied", f"{address.public} refuses these credentials") from failed
        raise NoServerError(
            f"no NATS server answers at {address.public}\n  help: start one with `dagnats serve`"
        ) from failed
    client.options["max_reconnect_attempts"] = -1
    return client


def read_credentials(file: Path) -> tuple[str, str]:
    """Return user and password from a credentials file. Raises RefusedError `denied`."""
    try:
        known: dict[str, Any] = json.loads(file.read_text())
        return str(known["user"]), str(known["password"])
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise RefusedError("denied", f"cannot read the credentials in {file}: {wrong}") from wrong


def _alive(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
