"""`ports.Payloads` in memory, for tests and simulation only."""

import asyncio

from dagnats.claims import Claim, claim, is_claimed
from dagnats.errors import UnavailableError


class MemoryPayloads:
    """What is stored, by run and hash; `answers` off, it is as if the server were away."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], bytes] = {}
        self.answers = True

    async def put(self, run_id: str, data: bytes) -> Claim:
        """Store a value."""
        await self._reach()
        return self.keep(run_id, data)

    def keep(self, run_id: str, data: bytes) -> Claim:
        """Store a value at once."""
        made = claim(run_id, data)
        self.stored[run_id, made.sha256] = data
        return made

    def has(self, wanted: Claim) -> bool:
        """Whether a value is stored."""
        return (wanted.run_id, wanted.sha256) in self.stored

    async def get(self, wanted: Claim) -> bytes | None:
        """Return a value."""
        await self._reach()
        data = self.stored.get((wanted.run_id, wanted.sha256))
        return data if data is not None and is_claimed(wanted, data) else None

    async def forget(self, run_id: str) -> None:
        """Drop the values of a run."""
        await self._reach()
        for key in [key for key in self.stored if key[0] == run_id]:
            del self.stored[key]

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if not self.answers:
            raise UnavailableError("the store does not answer")
