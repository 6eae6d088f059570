"""`dagnats serve`: the NATS server, the engine and the health endpoint, under one roof.

Here, and only here, the engine meets JetStream. The order at start: lock the data directory, start
the server, recover the partition, and only then say where everything listens. At stop, backwards.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagnats.cli.health import Health
from dagnats.cli.serving import Serving, engine_name, host_of, open_ports, planning
from dagnats.cli.signals import Stop
from dagnats.engine.engine import Engine
from dagnats.errors import FencedError, UsageError
from dagnats.jetstream import setup
from dagnats.jetstream.connection import Target, parse_url
from dagnats.jetstream.datadir import DataDirLock, remove_serve_file, write_serve_file
from dagnats.jetstream.devserver import DevServer
from dagnats.jetstream.natsconfig import Fsync
from dagnats.jetstream.supervision import Storekeeper

PARTITION = 0
PORT_MAX = 65_535
STOP_S = 10.0
"""How long a stop may take before what runs is cancelled; the log has all that was accepted."""
CANCEL_S = 5.0
"""How long that may take before the process ends without ceremony."""
STALLED_S = 30.0
STALLED_DOUBTS = 3
"""An engine that has not served for so long and has told of so many doubts gets no answers."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `dagnats serve` was asked for; `nats_url` set means somebody else runs the server."""

    data_dir: Path
    http: str
    nats_port: int
    nats_url: str | None
    fsync: Fsync
    partitions: int | None = None
    replicas: int = 1
    keep_ms: int | None = None


@dataclass(slots=True)
class House:
    """What is being served with, as far as it stands; the parts have to know of each other."""

    stop: Stop
    server: DevServer | None = None
    keeper: Storekeeper | None = None
    engine: Serving | None = None
    stalled_since: float | None = None
    doubts: int = 0
    announced: list[Callable[[], None]] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """Pass on what the engine tells; while it does not serve, that is trouble."""
        self.doubts += 1
        say(line)

    def stalled(self) -> bool:
        """Whether the engine keeps failing to get what it writes acknowledged."""
        if self.engine is None or self.engine.serving.is_set():
            self.stalled_since, self.doubts = None, 0
            return False
        now = asyncio.get_running_loop().time()
        if self.stalled_since is None:
            self.stalled_since = now
        return now - self.stalled_since >= STALLED_S and self.doubts >= STALLED_DOUBTS

    def fall(self) -> None:
        """Leave nothing behind; there is no time for more."""
        for undo in self.announced:
            undo()
        if self.server is not None:
            self.server.kill()


def serve(
    data_dir: Path,
    *,
    http: str = "127.0.0.1:0",
    nats_port: int = 0,
    nats_url: str | None = None,
    fsync: Fsync = "always",
    partitions: int | None = None,
    replicas: int = 1,
    keep_ms: int | None = None,
) -> int:
    """Serve until told to stop; returns the exit code. Raises DagnatsError."""
    options = Options(data_dir, http, nats_port, nats_url, fsync, partitions, replicas, keep_ms)
    _address(http)
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
    """Tell the operator, if there still is one."""
    with contextlib.suppress(OSError):
        print(f"dagnats: {line}", file=sys.stderr, flush=True)


async def _serve(options: Options) -> int:
    """Serve until a signal, and then no longer than a bounded time."""
    stop = Stop()
    house = House(stop)
    stop.at_once = house.fall
    stop.listen()
    working = asyncio.create_task(_work(options, house))
    await _first(working, stop.asked.wait())
    if not working.done():
        # Whatever hangs, even where cancelling does not reach: this process ends.
        loop = asyncio.get_running_loop()
        loop.call_later(STOP_S + 2 * CANCEL_S, stop.end_at_once)
        # Before there is an engine there is nothing to finish.
        await asyncio.wait({working}, timeout=0 if house.engine is None else STOP_S)
    if working.done():
        code = working.result()
        return code or stop.code
    if house.engine is not None:
        say(f"not stopped within {STOP_S:.0f} s, ending it: what was accepted is in the log")
    working.cancel()
    await asyncio.wait({working}, timeout=CANCEL_S)
    return stop.code


async def _work(options: Options, house: House) -> int:
    async with contextlib.AsyncExitStack() as stack:
        url, credentials = await stack.enter_async_context(_server(options, house))
        target = Target(url, credentials)
        opened = await open_ports(target)
        stack.push_async_callback(opened.close)
        await setup.ensure(opened.bus.connection, options.replicas)
        count = await setup.settle_partitions(opened.bus.connection, options.partitions)
        serving: Serving
        if count == 1:
            ports = opened.ports(PARTITION)
            keep_ms = options.keep_ms
            serving = Engine(PARTITION, ports, house.hear, planning=planning, keep_ms=keep_ms)
        else:
            name = engine_name(options.data_dir)
            serving = host_of(name, opened, target, count, house.hear, options.keep_ms)
        health = _health(options, serving, house)
        stack.callback(health.close)
        working = asyncio.create_task(serving.run())
        house.engine = serving
        stack.push_async_callback(_end, working)
        await _first(serving.serving.wait(), working, house.stop.asked.wait())
        if not house.stop.asked.is_set() and not working.done():
            _announce(options, url, credentials, health.url)
            house.announced.append(lambda: remove_serve_file(options.data_dir))
            stack.callback(remove_serve_file, options.data_dir)
            gc.freeze()
            await _first(working, house.stop.asked.wait())
        return await _stop(serving, working)


async def _stop(engine: Serving, working: "asyncio.Task[None]") -> int:
    engine.stop()
    try:
        await working
    except FencedError as fenced:
        say(f"{fenced}; this engine steps down")
        return 1
    return 0


async def _end(working: "asyncio.Task[None]") -> None:
    """End an engine that did not end by itself."""
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@contextlib.asynccontextmanager
async def _server(options: Options, house: House) -> AsyncIterator[tuple[str, Path | None]]:
    """Run the NATS server, or take the one that is there already."""
    if options.nats_url is not None:
        yield options.nats_url, None
        return
    data_dir = options.data_dir
    server = await DevServer.start(data_dir, port=options.nats_port, fsync=options.fsync, say=say)
    house.server = server
    house.keeper = Storekeeper(data_dir, server.restart, house.stalled, say)
    watching = [
        asyncio.create_task(_supervise(server.supervise(), house.stop)),
        asyncio.create_task(_supervise(house.keeper.watch(), house.stop)),
    ]
    try:
        yield server.url, server.credentials
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await server.stop()


async def _supervise(watching: Coroutine[Any, Any, None], stop: Stop) -> None:
    """Give up, and stop, when the server cannot be kept running."""
    try:
        await watching
    except Exception as failure:  # noqa: BLE001 - whatever it was, without a server there is no use
        say(f"the NATS server cannot be kept running: {failure}")
        stop.ask(1)


async def _first(*waits: Any) -> None:
    """Return when the first of these is done; cancels the ones that only wait."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait, task in zip(waits, tasks, strict=True):
            if wait is not task:
                task.cancel()


def _address(http: str) -> tuple[str, int]:
    host, _, port = http.rpartition(":")
    if not host or not port.isdecimal() or int(port) > PORT_MAX:
        raise UsageError(f"`--http {http}` is not HOST:PORT")
    return host, int(port)


def _health(options: Options, engine: Serving, house: House) -> Health:
    def status() -> dict[str, Any]:
        problem = house.keeper.problem if house.keeper is not None else None
        return (
            engine.status()
            | {"fsync": options.fsync, "data_dir": str(options.data_dir)}
            | ({"problem": problem} if problem else {})
        )

    try:
        return Health(*_address(options.http), status)
    except (OSError, socket.gaierror) as taken:
        raise UsageError(f"cannot listen on {options.http}: {taken.strerror or taken}") from taken


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
