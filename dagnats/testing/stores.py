"""What the partitions of a simulated world share: programs, checkpoints, large values, leases.

`tests/ports` holds these, without faults, to the real server.
"""

from collections.abc import Mapping

from dagnats.claims import Claim
from dagnats.errors import UnavailableError, UncertainError
from dagnats.testing.memory import MemoryCheckpoints, MemoryPrograms
from dagnats.testing.unreliable import check
from dagnats.testing.world import LATENCY_S, Process


class UnreliablePrograms(MemoryPrograms):
    """`ports.ProgramStore`: slow, and not always there."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world.disks[0])
        self._process = process

    async def save_program(self, digest: str, data: bytes) -> None:
        """Store a program."""
        planned = await self._reach("programs.save", UnavailableError)
        await super().save_program(digest, data)
        self._process.after(planned)

    async def load_program(self, digest: str) -> bytes | None:
        """Return a program."""
        await self._reach("programs.load")
        return await super().load_program(digest)

    async def save_alias(self, name: str, data: bytes) -> None:
        """Store a name."""
        planned = await self._reach("programs.alias", UnavailableError)
        await super().save_alias(name, data)
        self._process.after(planned)

    async def load_aliases(self) -> Mapping[str, bytes]:
        """Return all names."""
        await self._reach("programs.aliases")
        return await super().load_aliases()

    async def secret(self) -> bytes:
        """Return what only engines know."""
        await self._reach("programs.secret")
        return await super().secret()

    async def _reach(
        self, operation: str, error: type[UncertainError | UnavailableError] = UncertainError
    ) -> str:
        planned = await self._process.before(operation, takes_s=LATENCY_S)
        check(self._process, planned, error)
        return planned


class UnreliableCheckpoints(MemoryCheckpoints):
    """`ports.Checkpoints`: not always there."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world.disks[0])
        self._process = process

    async def forget(self, run_id: str) -> None:
        """Drop what steps of a run keep."""
        planned = await self._process.before("checkpoints.forget", takes_s=LATENCY_S)
        check(self._process, planned, UnavailableError)
        await super().forget(run_id)
        self._process.after(planned)


class UnreliablePayloads:
    """`ports.Payloads`: what is stored stays, but who asks may hear nothing."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._store = process.world.payloads

    async def put(self, run_id: str, data: bytes) -> Claim:
        """Store a value."""
        planned = await self._reach("payloads.put")
        made = await self._store.put(run_id, data)
        self._process.after(planned)
        return made

    async def get(self, wanted: Claim) -> bytes | None:
        """Return a value."""
        await self._reach("payloads.get")
        return await self._store.get(wanted)

    async def forget(self, run_id: str) -> None:
        """Drop the values of a run."""
        planned = await self._reach("payloads.forget")
        await self._store.forget(run_id)
        self._process.after(planned)

    async def _reach(self, operation: str) -> str:
        planned = await self._process.before(operation, takes_s=LATENCY_S)
        check(self._process, planned, UnavailableError)
        return planned


class UnreliableLeases:
    """`ports.Leases`: a write may be made, and nobody hear of it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._shared = process.world.shared

    async def read(self) -> dict[str, tuple[str, int]]:
        """Return everything."""
        check(self._process, await self._process.before("leases.read", takes_s=LATENCY_S))
        return dict(self._shared.leases)

    async def put(self, key: str, value: str, revision: int) -> int | None:
        """Write a key that is at a revision."""
        planned = await self._reach("leases.put")
        shared, world = self._shared, self._process.world
        if shared.leases.get(key, ("", 0))[1] != revision:
            return None
        shared.leases_written += 1
        shared.leases[key] = (value, shared.leases_written)
        self._process.after(planned)
        if world.chance(world.faults.stores):
            raise UnavailableError("a lease was written, and nobody says so")
        return shared.leases_written

    async def drop(self, key: str) -> None:
        """Remove a key."""
        planned = await self._reach("leases.drop")
        self._shared.leases.pop(key, None)
        self._process.after(planned)

    async def _reach(self, operation: str) -> str:
        planned = await self._process.before(operation, takes_s=LATENCY_S)
        check(self._process, planned, UnavailableError)
        return planned
