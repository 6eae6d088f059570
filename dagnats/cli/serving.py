"""Where the engine meets JetStream: its ports on a connection, and a host of partitions."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from nats.aio.client import Client

from dagnats.engine.engine import Engine, Ports
from dagnats.engine.host import Host
from dagnats.ir.program import PlannerNode
from dagnats.jetstream.bus import NatsBus
from dagnats.jetstream.clock import SystemClock
from dagnats.jetstream.connection import Target, connect
from dagnats.jetstream.history import JetStreamHistory
from dagnats.jetstream.leases import JetStreamLeases
from dagnats.jetstream.log import JetStreamLog
from dagnats.jetstream.registry import JetStreamCheckpoints, JetStreamPrograms
from dagnats.jetstream.snapshots import JetStreamSnapshots
from dagnats.machine.inputs import Plan
from dagnats.machine.prepared import Prepared

Serving = Engine | Host
NAME_BYTES = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection of an engine, with what it hears of it."""

    connection: Client
    bus: NatsBus

    def ports(self, partition: int, partitions: int = 1) -> Ports:
        """Return the world as the engine of one of so many partitions sees it."""
        return Ports(
            JetStreamLog(self.connection, partition),
            JetStreamSnapshots(self.connection, partition),
            JetStreamHistory(self.connection, partition, partitions),
            JetStreamPrograms(self.connection),
            JetStreamCheckpoints(self.connection),
            self.bus,
            SystemClock(),
        )

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()


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
    return Opened(connection, bus)


def planning(program: Prepared, node: PlannerNode, proposed: Any) -> Plan:
    """Compile what a planner gave; the compiler is imported when there is the first plan."""
    from dagnats.planning import plan

    return plan(program, node, proposed)


def host_of(opened: Opened, target: Target, partitions: int, say: Callable[[str], None]) -> Host:
    """Return a host that serves its share of partitions, each on a connection of its own."""

    async def open_engine(number: int) -> tuple[Engine, Callable[[], Awaitable[None]]]:
        own = await open_ports(target)
        engine = Engine(
            number, own.ports(number, partitions), say, planning=planning, partitions=partitions
        )
        return engine, own.close

    return Host(
        name=f"{socket.gethostname().split('.')[0]}-{token_hex(NAME_BYTES)}",
        partitions=partitions,
        leases=JetStreamLeases(opened.connection),
        clock=SystemClock(),
        open_engine=open_engine,
        say=say,
    )
