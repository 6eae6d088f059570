"""Where the engine meets JetStream: its ports on a connection, and a host of partitions."""

import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from dagnats.engine.engine import Engine, Ports
from dagnats.engine.host import Host
from dagnats.ir.program import PlannerNode
from dagnats.jetstream.bus import NatsBus
from dagnats.jetstream.clock import SystemClock
from dagnats.jetstream.connection import Target, connect
from dagnats.jetstream.history import JetStreamHistory
from dagnats.jetstream.leases import JetStreamLeases
from dagnats.jetstream.log import JetStreamLog
from dagnats.jetstream.payloads import JetStreamPayloads
from dagnats.jetstream.registry import JetStreamCheckpoints, JetStreamPrograms
from dagnats.jetstream.snapshots import JetStreamSnapshots
from dagnats.machine.inputs import Plan
from dagnats.machine.prepared import Prepared

Serving = Engine | Host
NAME_BYTES = 4
ENGINE_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection of an engine, and what it says and hears there."""

    bus: NatsBus

    def ports(self, partition: int, partitions: int = 1) -> Ports:
        """Return the world as the engine of one of so many partitions sees it."""
        return Ports(
            JetStreamLog(self.bus.connection, partition),
            JetStreamSnapshots(self.bus.connection, partition),
            JetStreamHistory(self.bus.connection, partition, partitions),
            JetStreamPrograms(self.bus.connection),
            JetStreamCheckpoints(self.bus.connection),
            self.bus,
            SystemClock(),
            JetStreamPayloads(self.bus.connection),
        )

    async def close(self) -> None:
        """Close the connection."""
        await self.bus.connection.close()


async def open_ports(target: Target) -> Opened:
    """Connect as an engine. Raises NoServerError, RefusedError."""
    bus = NatsBus()
    connection = await connect(
        target.url,
        credentials=target.credentials,
        name="dagnats-engine",
        on_disconnect=bus.on_disconnect,
        on_reconnect=bus.on_reconnect,
    )
    bus.bind(connection)
    return Opened(bus)


def planning(program: Prepared, node: PlannerNode, proposed: Any) -> Plan:
    """Compile what a planner gave; the compiler is imported when there is the first plan."""
    from dagnats.planning import plan

    return plan(program, node, proposed)


def engine_name(data_dir: Path) -> str:
    """Return the name of the engine of a data directory: the same after a restart.

    So it takes its partitions up again at once. Whoever has the name holds the directory's lock.
    """
    file = data_dir / "engine"
    try:
        name = file.read_text()
    except OSError:
        name = ""
    if not ENGINE_NAME.fullmatch(name):
        host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
        name = f"{host}-{token_hex(NAME_BYTES)}"
        file.write_text(name)
    return name


def host_of(
    name: str,
    opened: Opened,
    target: Target,
    partitions: int,
    say: Callable[[str], None],
    keep_ms: int | None = None,
) -> Host:
    """Return a host that serves its share of partitions, each on a connection of its own."""

    async def open_engine(number: int) -> tuple[Engine, Callable[[], Awaitable[None]]]:
        own = await open_ports(target)
        engine = Engine(
            number,
            own.ports(number, partitions),
            say,
            planning=planning,
            partitions=partitions,
            keep_ms=keep_ms,
        )
        return engine, own.close

    return Host(
        name=name,
        partitions=partitions,
        leases=JetStreamLeases(opened.bus.connection),
        clock=SystemClock(),
        open_engine=open_engine,
        say=say,
    )
