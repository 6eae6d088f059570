"""`dagnats serve`: the NATS server, the engine and the health endpoint, under one roof.

Here, and only here, the engine meets JetStream. The order at start: lock the data directory, start
the server, recover the partition, and only then say where everything listens. At stop, backwards.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dagnats.cli.health import Health
from dagnats.engine.engine import Engine, Ports
from dagnats.errors import FencedError, UsageError
from dagnats.jetstream import setup
from dagnats.jetstream.bus import NatsBus
from dagnats.jetstream.clock import SystemClock
from dagnats.jetstream.connection import connect, parse_url
from dagnats.jetstream.devserver import (
    DataDirLock,
    DevServer,
    remove_serve_file,
    write_serve_file,
)
from dagnats.jetstream.history import JetStreamHistory
from dagnats.jetstream.log import JetStreamLog
from dagnats.jetstream.registry import JetStreamPrograms
from dagnats.jetstream.snapshots import JetStreamSnapshots

Fsync = Literal["always", "interval"]
PARTITION = 0


@dataclass(frozen=True, slots=True)
class Options:
    """What `dagnats serve` was asked for; `nats_url` set means somebody else runs the server."""

    data_dir: Path
    http: str
    nats_port: int
    nats_url: str | None
    fsync: Fsync


def serve(
    data_dir: Path,
    *,
    http: str = "127.0.0.1:0",
    nats_port: int = 0,
    nats_url: str | None = None,
    fsync: Fsync = "always",
) -> int:
    """Serve until told to stop; returns the exit code. Raises DagnatsError."""
    options = Options(data_dir, http, nats_port, nats_url, fsync)
    # Live runs are many small objects that live long: collect rarely, and not what start-up made.
    gc.set_threshold(50_000, 20, 50)
    with DataDirLock(data_dir):
        return _run(_serve(options))


def _run(main: Any) -> int:
    try:
        import uvloop
    except ImportError:
        return int(asyncio.run(main))
    return int(uvloop.run(main))


def say(line: str) -> None:
    """Tell the operator."""
    print(f"dagnats: {line}", file=sys.stderr, flush=True)


async def _serve(options: Options) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        url, credentials = await stack.enter_async_context(_server(options, stop))
        bus = NatsBus()
        connection = await connect(
            url,
            credentials=credentials,
            name="dagnats-engine",
            on_disconnect=bus.on_disconnect,
            on_reconnect=bus.on_reconnect,
        )
        stack.push_async_callback(connection.close)
        bus.bind(connection)
        await setup.ensure(connection)
        engine = Engine(
            PARTITION,
            Ports(
                JetStreamLog(connection, PARTITION),
                JetStreamSnapshots(connection, PARTITION),
                JetStreamHistory(connection),
                JetStreamPrograms(connection),
                bus,
                SystemClock(),
            ),
            say,
        )
        working = asyncio.create_task(engine.run())
        health = _health(options, engine)
        stack.callback(health.close)
        await _first(engine.serving.wait(), working, stop.wait())
        if not stop.is_set() and not working.done():
            _announce(options, url, credentials, health.url)
            stack.callback(remove_serve_file, options.data_dir)
            gc.freeze()
            await _first(working, stop.wait())
        return await _stop(engine, working)


async def _stop(engine: Engine, working: "asyncio.Task[None]") -> int:
    engine.stop()
    try:
        await working
    except FencedError as fenced:
        say(f"{fenced}; this engine steps down")
        return 1
    return 0


@contextlib.asynccontextmanager
async def _server(options: Options, stop: asyncio.Event) -> AsyncIterator[tuple[str, Path | None]]:
    """Run the NATS server, or take the one that is there already."""
    if options.nats_url is not None:
        yield options.nats_url, None
        return
    server = await DevServer.start(options.data_dir, port=options.nats_port, fsync=options.fsync)
    supervising = asyncio.create_task(_supervise(server, stop))
    try:
        yield server.url, server.credentials
    finally:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)
        await server.stop()


async def _supervise(server: DevServer, stop: asyncio.Event) -> None:
    """Start the server again when it dies; give up, and stop, when it keeps dying."""
    try:
        await server.supervise(say)
    except Exception as failure:  # noqa: BLE001 - whatever it was, without a server there is no use
        say(f"the NATS server cannot be kept running: {failure}")
        stop.set()


async def _first(*waits: Any) -> None:
    """Return when the first of these is done; cancels the ones that only wait."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for wait, task in zip(waits, tasks, strict=True):
        if wait is not task:
            task.cancel()


def _health(options: Options, engine: Engine) -> Health:
    host, _, port = options.http.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"`--http {options.http}` is not HOST:PORT")

    def status() -> dict[str, Any]:
        return engine.status() | {"fsync": options.fsync, "data_dir": str(options.data_dir)}

    try:
        return Health(host, int(port), status)
    except (OSError, socket.gaierror) as taken:
        raise UsageError(f"cannot listen on {options.http}: {taken}") from taken


def _announce(options: Options, url: str, credentials: Path | None, http_url: str) -> None:
    write_serve_file(
        options.data_dir,
        {
            "pid": os.getpid(),
            "nats_url": url,
            "http_url": http_url,
            "credentials": str(credentials) if credentials else None,
        },
    )
    print(
        f"dagnats serves at {parse_url(url).public} · health {http_url}/health · "
        f"data {options.data_dir} · fsync {options.fsync} · Ctrl-C stops",
        flush=True,
    )
