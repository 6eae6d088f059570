"""One process of several: it serves its share of the partitions, and takes over what others leave.

Embedded there is one partition and nobody else, and none of this is used.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from dagnats.engine import sharing
from dagnats.engine.engine import Engine
from dagnats.engine.faults import in_words
from dagnats.engine.sharing import RENEW_MS, Seen
from dagnats.errors import FencedError, UnavailableError, UncertainError
from dagnats.ports import Clock, Leases

MEMBER = "engine."
LEASE = "partition."

Open = Callable[[int], Awaitable[tuple[Engine, Callable[[], Awaitable[None]]]]]
"""Makes an engine for a partition, with what closes its connection."""


class _Served:
    """A partition that is served here: its engine, and the revision of its lease."""

    def __init__(self, engine: Engine, close: Callable[[], Awaitable[None]], revision: int) -> None:
        self.engine = engine
        self.revision = revision
        self.running = asyncio.create_task(engine.run())
        self._close = close

    async def end(self) -> None:
        """Stop serving, with a last checkpoint if that is possible."""
        self.engine.stop()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self.running
        await self._close()


class Host:
    """Keeps leases and the engines of the partitions that they are for."""

    def __init__(  # noqa: PLR0913 (each by name)
        self,
        *,
        name: str,
        partitions: int,
        leases: Leases,
        clock: Clock,
        open_engine: Open,
        say: Callable[[str], None],
    ) -> None:
        self.name = name
        self.partitions = partitions
        self.served: dict[int, _Served] = {}
        self.serving = asyncio.Event()
        """Set once every partition is served by somebody."""
        self._leases = leases
        self._clock = clock
        self._open = open_engine
        self._say = say
        self._seen: dict[str, Seen] = {}
        self._sign = 0
        self._stopping = asyncio.Event()

    def status(self) -> dict[str, Any]:
        """Return what health checks show: of every partition that is served here."""
        parts = [served.engine.status() for served in self.served.values()]
        fine = self.serving.is_set() and all(one["status"] == "serving" for one in parts)
        return {
            "status": "serving" if fine else "recovering",
            "engine": self.name,
            "of": self.partitions,
            "partitions": parts,
            "recoveries": sum(one["recoveries"] for one in parts),
        }

    def stop(self) -> None:
        """End `run` soon, and give everything back."""
        self._stopping.set()

    async def run(self) -> None:
        """Take part until `stop`."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._turn()
                except (UnavailableError, UncertainError, TimeoutError) as doubt:
                    self._say(f"leases: {doubt}")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_MS / 1000):
                        await self._stopping.wait()
        finally:
            await self._leave()

    async def _turn(self) -> None:
        now = self._clock.now_ms()
        await self._renew()
        leases, members = self._look(await self._leases.read(), now)
        await self._let_go(leases)
        step = sharing.next_step(self.name, self.partitions, leases, members, now)
        if step.take is not None:
            await self._take(step.take, leases.get(step.take))
        elif step.give_back is not None and step.give_back in self.served:
            self._say(f"partition {step.give_back} is given to another engine")
            await self._give_back(step.give_back)
        living = sharing.alive(members, now)
        held = [seen for seen in leases.values() if seen.holder in living | {self.name}]
        if len(held) == self.partitions and all(
            one.engine.serving.is_set() for one in self.served.values()
        ):
            self.serving.set()

    def _look(
        self, found: dict[str, tuple[str, int]], now: int
    ) -> tuple[dict[int, Seen], dict[str, Seen]]:
        """Note what has changed since the last look."""
        seen: dict[str, Seen] = {}
        for key, (holder, revision) in found.items():
            before = self._seen.get(key)
            same = before is not None and before.revision == revision
            seen[key] = before if same and before else Seen(holder, revision, now)
        self._seen = seen
        leases = {int(k[len(LEASE) :]): v for k, v in seen.items() if k.startswith(LEASE)}
        members = {k[len(MEMBER) :]: v for k, v in seen.items() if k.startswith(MEMBER)}
        return leases, members

    async def _renew(self) -> None:
        sign = await self._leases.put(MEMBER + self.name, self.name, self._sign)
        if sign is None:
            found = (await self._leases.read()).get(MEMBER + self.name)
            sign = found[1] if found is not None else 0
        self._sign = sign
        for number, served in list(self.served.items()):
            revision = await self._leases.put(f"{LEASE}{number}", self.name, served.revision)
            if revision is None:
                self._say(f"partition {number} is served by another engine now")
                await self._drop(number)
            else:
                served.revision = revision

    async def _let_go(self, leases: dict[int, Seen]) -> None:
        """Drop engines that have ended, or whose lease somebody else has."""
        for number, served in list(self.served.items()):
            lease = leases.get(number)
            if served.running.done():
                self._tell_end(number, served.running)
                await self._drop(number)
            elif lease is None or lease.holder != self.name:
                await self._drop(number)

    def _tell_end(self, number: int, running: "asyncio.Task[None]") -> None:
        if running.cancelled():
            return
        failed = running.exception()
        if failed is not None and not isinstance(failed, FencedError):
            self._say(f"partition {number} cannot be served here: {in_words(failed)}")

    async def _take(self, number: int, lease: Seen | None) -> None:
        revision = lease.revision if lease is not None else 0
        taken = await self._leases.put(f"{LEASE}{number}", self.name, revision)
        if taken is None:
            return  # somebody was faster
        engine, close = await self._open(number)
        self.served[number] = _Served(engine, close, taken)
        self._say(f"serving partition {number} of {self.partitions}")

    async def _give_back(self, number: int) -> None:
        served = self.served.pop(number)
        await served.end()
        await self._leases.put(f"{LEASE}{number}", "", served.revision)

    async def _drop(self, number: int) -> None:
        await self.served.pop(number).end()

    async def _leave(self) -> None:
        for number in list(self.served):
            with contextlib.suppress(UnavailableError, UncertainError, TimeoutError):
                await self._give_back(number)
        with contextlib.suppress(UnavailableError, UncertainError, TimeoutError):
            await self._leases.drop(MEMBER + self.name)
