"""Three nodes of NATS on loopback, from the same binary, with routes and a store each."""

import asyncio
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client as Connection

from dagnats.errors import DagnatsError
from dagnats.jetstream.connection import connect
from dagnats.jetstream.devserver import find_binary
from dagnats.jetstream.natsconfig import HOST, configuration, quoted
from tests.chaos.town import Actor, free_port, greets

NODES = 3
READY_S = 60.0


class Cluster:
    """Nodes that can be killed one by one."""

    def __init__(self, directory: Path, fsync: Any = "always") -> None:
        self.directory = directory
        self._password = secrets.token_urlsafe(12)
        self._ports = [free_port() for _ in range(NODES)]
        routes = [free_port() for _ in range(NODES)]
        self.nodes = [self._node(at, routes, fsync) for at in range(NODES)]

    @property
    def url(self) -> str:
        """Return the addresses of all nodes, as `--nats-url` takes them."""
        return ",".join(f"nats://town:{self._password}@{HOST}:{port}" for port in self._ports)

    def start(self) -> None:
        """Start all nodes, and wait until they have a leader."""
        for node in self.nodes:
            node.start()
        asyncio.run(self._ready())

    def close(self) -> None:
        """End all nodes, at once."""
        for node in self.nodes:
            if node.alive:
                node.kill()

    def node_named(self, name: str) -> Actor:
        """Return a node by the name of its server."""
        return next(node for node in self.nodes if node.name == name)

    async def leader(self, connection: Connection, stream: str) -> str:
        """Return the name of the node that leads a stream."""
        info = await connection.jetstream().stream_info(stream)
        return (info.cluster.leader if info.cluster is not None else None) or ""

    async def _ready(self) -> None:
        async with asyncio.timeout(READY_S):
            while not all(greets(port) for port in self._ports):
                await asyncio.sleep(0.05)
            while True:
                with suppress(DagnatsError):
                    connection = await connect(self.url, name="test")
                    try:
                        with suppress(TimeoutError, nats.errors.Error):
                            answer = await connection.request("$JS.API.INFO", b"", timeout=1)
                            if "error" not in json.loads(answer.data):
                                return
                    finally:
                        await connection.close()
                await asyncio.sleep(0.1)

    def _node(self, at: int, routes: list[int], fsync: Any) -> Actor:
        name = f"node{at}"
        home = self.directory / name
        home.mkdir(parents=True)
        text = configuration(home, self._ports[at], fsync, "town", self._password)
        text = text.replace("server_name: dagnats", f"server_name: {name}")
        others = ", ".join(quoted(f"nats://{HOST}:{port}") for port in routes)
        text += (
            f'cluster {{\n  name: town\n  listen: "{HOST}:{routes[at]}"\n  routes: [{others}]\n}}\n'
        )
        file = home / "nats.conf"
        file.write_text(text)
        command = [str(find_binary()), "-c", str(file)]
        return Actor(name, command, dict(os.environ), home / "out.log")
