"""Finding a server and connecting to it; refusals in words."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import nats
import nats.errors
from nats.aio.client import Client

from dagnats.errors import NoServerError, RefusedError, UsageError
from dagnats.jetstream.datadir import data_dir_of, read_credentials, read_serve_file

CONNECT_WAIT_S = 2
RECONNECT_WAIT_S = 0.1
FOR_EVER = -1
PENDING_BYTES = 8 * 1024 * 1024
PING_S = 10
PORT = 4222
SCHEMES = ("nats", "tls")
Callback = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is and what it takes to get in. `origin` says where that was found."""

    url: str
    credentials: Path | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """NATS servers without their secrets, these apart; `public` is for people and for clients."""

    servers: tuple[str, ...]
    user: str | None
    password: str | None

    @property
    def public(self) -> str:
        """Return the servers as one text, separated by commas."""
        return ",".join(self.servers)


def parse_url(url: str) -> Address:
    """Split the credentials from `nats://user:password@host:port`, or from several, by commas.

    The first that has credentials gives them for all. Raises UsageError, which tells no password.
    """
    servers, user, password = [], None, None
    for one in url.split(","):
        server, parts = _parse_server(one.strip())
        servers.append(server)
        if user is None and parts.username:
            user = unquote(parts.username)
            password = unquote(parts.password) if parts.password else None
    return Address(tuple(servers), user, password)


def _parse_server(url: str) -> tuple[str, SplitResult]:
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        port = parts.port or PORT
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or parts.scheme not in SCHEMES:
        shown = re.sub(r"[^/]*@", "…@", url)
        raise UsageError(f"`{shown}` is not a NATS address such as nats://127.0.0.1:4222")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}", parts


def locate(server: str | None, data_dir: Path | None) -> Target:
    """Find the server: `server`, else `DAGNATS_NATS_URL`, else what serves the data directory.

    Raises NoServerError when nothing serves there.
    """
    if server:
        return Target(server, origin="--server")
    if data_dir is None and os.environ.get("DAGNATS_NATS_URL"):
        return Target(os.environ["DAGNATS_NATS_URL"], origin="DAGNATS_NATS_URL")
    directory = data_dir_of(data_dir)
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


class _Connection(Client):
    """A client that does nothing any more once it is closed, and cancels nobody by it.

    nats-py closes while it reconnects by cancelling that once. `asyncio.wait_for` of Python 3.11
    loses a cancellation that comes together with a refused connection, and it would go on for ever.
    And while the old socket is being closed, both wait for one future: the cancelled one cancels
    that, and so whoever closes.
    """

    async def close(self) -> None:
        try:
            await super().close()
        except asyncio.CancelledError:
            closing = asyncio.current_task()
            if closing is None or closing.cancelling():
                raise
        reconnecting = self._reconnection_task
        if reconnecting is asyncio.current_task():
            return
        while reconnecting is not None and not reconnecting.done():
            reconnecting.cancel()
            await asyncio.wait({reconnecting}, timeout=RECONNECT_WAIT_S)


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
        if not client.is_connected and client.options.get("max_reconnect_attempts") != FOR_EVER:
            refused.append(problem)
        if on_error is not None:
            await on_error(problem)

    client = _Connection()
    try:
        await client.connect(
            list(address.servers),
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
    client.options["max_reconnect_attempts"] = FOR_EVER
    return client


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
