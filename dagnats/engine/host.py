"""One process of several: it serves its share of the partitions, and takes over what others leave.

Embedded there is one partition and nobody else, and none of this is used.

Twice a second everybody looks at what all have written down, drops what is no longer his, and does
one thing about what is free (`engine.sharing`). A lease of ours that we do not serve is from before
a restart under the same name: free for us at once. Signs of life and leases are renewed every
second, also while an engine is being started or ended: that is done beside it. Time in which
nothing could be read does not count: when NATS comes back, nobody's lease has run out because of
that.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from dagnats.engine import sharing
from dagnats.engine.engine import Engine
from dagnats.engine.faults import in_words
from dagnats.engine.sharing import LOOK_MS, RENEW_MS, Seen, Step
from dagnats.errors import DagnatsError, FencedError, UnavailableError, UncertainError
from dagnats.ports import Clock, Leases

MEMBER = "engine."
LEASE = "partition."

REST_MS = 10_000
"""So long a partition that could not be served here is left to others."""
LEAVE_S = 8.0
"""How long it may take to give everything back: below what a whole process has to stop."""

Open = Callable[[int], Awaitable[tuple[Engine, Callable[[], Awaitable[None]]]]]
"""Makes an engine for a partition, with what closes its connection. Raises DagnatsError."""


class _Served:
    """A partition whose lease is ours: its engine, and the revision of the lease."""

    def __init__(self, number: int, revision: int, open_engine: Open) -> None:
        self.number = number
        self.revision = revision
        self.renewed_at = 0
        self.lost = False
        """Whether the lease is somebody else's now."""
        self.engine: Engine | None = None
        self.leaving: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.running = asyncio.create_task(self._run(open_engine))

    async def _run(self, open_engine: Open) -> None:
        """Serve until `end`. Raises DagnatsError."""
        engine, close = await open_engine(self.number)
        self.engine = engine
        try:
            if self._stopping.is_set():
                engine.stop()
            await engine.run()
        finally:
            await close()

    @property
    def is_serving(self) -> bool:
        """Whether requests are answered."""
        return self.engine is not None and self.engine.serving.is_set()

    async def end(self) -> None:
        """Stop serving, with a last checkpoint if that is possible."""
        self._stopping.set()
        if self.engine is not None:
            self.engine.stop()
        await asyncio.gather(self.running, return_exceptions=True)

    async def cut(self) -> None:
        """Stop serving at once."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


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
        """Set while every partition has an owner, and ours are served."""
        self._leases = leases
        self._clock = clock
        self._open = open_engine
        self._say = say
        self._seen: dict[str, Seen] = {}
        self._sign = 0
        self._signed_at: int | None = None
        self._rests: dict[int, int] = {}
        self._stopping = asyncio.Event()

    def status(self) -> dict[str, Any]:
        """Return what health checks show: of every partition that is served here."""
        served = list(self.served.values())
        parts = [one.engine.status() for one in served if one.engine is not None]
        fine = self.serving.is_set() and all(one.is_serving for one in served)
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
                    self._say(f"leases: {str(doubt) or in_words(doubt)}")
                    self._seen = {}
                    self.serving.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_MS / 1000):
                        await self._stopping.wait()
            await self._leave()
        finally:
            for one in self.served.values():
                if one.leaving is not None:
                    one.leaving.cancel()
            await asyncio.gather(*(one.cut() for one in self.served.values()))

    async def _turn(self) -> None:
        leases, members = self._look(await self._leases.read())
        now = self._clock.now_ms()
        await self._compare(leases)
        await self._renew(now)
        open_to_us = {
            number: seen._replace(holder="") if self._is_left_over(number, seen) else seen
            for number, seen in leases.items()
        }
        step = sharing.next_step(self.name, self.partitions, open_to_us, members, now)
        await self._do(step, leases, now)
        self._note(leases, sharing.alive(members, now))

    def _is_left_over(self, number: int, lease: Seen) -> bool:
        return lease.holder == self.name and number not in self.served

    def _look(self, found: dict[str, tuple[str, int]]) -> tuple[dict[int, Seen], dict[str, Seen]]:
        """Note what has changed since the last look."""
        now = self._clock.now_ms()
        seen: dict[str, Seen] = {}
        for key, (holder, revision) in found.items():
            before = self._seen.get(key)
            same = before is not None and before.revision == revision
            seen[key] = before if same and before else Seen(holder, revision, now)
        self._seen = seen
        leases = {int(k[len(LEASE) :]): v for k, v in seen.items() if k.startswith(LEASE)}
        members = {k[len(MEMBER) :]: v for k, v in seen.items() if k.startswith(MEMBER)}
        sign = members.get(self.name)
        self._sign = sign.revision if sign is not None else 0
        return leases, members

    async def _compare(self, leases: dict[int, Seen]) -> None:
        """Drop engines that have ended, or whose lease somebody else has."""
        for number, one in list(self.served.items()):
            lease = leases.get(number)
            if lease is not None and lease.revision > one.revision:
                one.revision = lease.revision
                one.lost = lease.holder != self.name
            if one.lost:
                self._say(f"partition {number} is served by another engine now")
                await self._drop(number)
            elif one.running.done() and one.leaving is None:
                if self._tell_end(number, one.running):
                    self._rests[number] = self._clock.now_ms() + REST_MS
                    await self._release(one)
                await self._drop(number)

    async def _renew(self, now: int) -> None:
        """Give signs of life; what is refused is looked at in the next turn."""
        stale = self._signed_at is None or now - self._signed_at >= RENEW_MS
        if stale and await self._leases.put(MEMBER + self.name, self.name, self._sign) is not None:
            self._signed_at = now
        for one in list(self.served.values()):
            if now - one.renewed_at >= RENEW_MS:
                key = f"{LEASE}{one.number}"
                revision = await self._leases.put(key, self.name, one.revision)
                if revision is not None:
                    one.revision, one.renewed_at = revision, now

    def _tell_end(self, number: int, running: "asyncio.Task[None]") -> bool:
        """Tell why an engine has ended; returns whether it could not do its work."""
        failed = None if running.cancelled() else running.exception()
        if failed is None or isinstance(failed, FencedError):
            return False
        words = str(failed) if isinstance(failed, DagnatsError) else in_words(failed)
        self._say(f"partition {number} cannot be served here: {words}")
        return True

    async def _do(self, step: Step, leases: dict[int, Seen], now: int) -> None:
        wanted = step.take
        if wanted is not None and wanted not in self.served and self._rests.get(wanted, 0) <= now:
            await self._take(wanted, leases.get(wanted))
        one = self.served.get(step.give_back) if step.give_back is not None else None
        if one is not None and one.leaving is None:
            self._say(f"partition {one.number} is given to another engine")
            one.leaving = asyncio.create_task(self._give_back(one))

    async def _take(self, number: int, lease: Seen | None) -> None:
        revision = lease.revision if lease is not None else 0
        taken = await self._leases.put(f"{LEASE}{number}", self.name, revision)
        if taken is None:
            return  # somebody was faster
        self.served[number] = one = _Served(number, taken, self._open)
        one.renewed_at = self._clock.now_ms()
        self._say(f"serving partition {number} of {self.partitions}")

    def _note(self, leases: dict[int, Seen], living: set[str]) -> None:
        """Note whether there is somebody for every partition."""
        held = {n for n, seen in leases.items() if seen.holder in living and seen.holder}
        ready = all(one.is_serving for one in self.served.values())
        if len(held | set(self.served)) == self.partitions and ready:
            self.serving.set()
        else:
            self.serving.clear()

    async def _give_back(self, one: _Served) -> None:
        """End an engine and let somebody else have its partition."""
        await one.end()
        with contextlib.suppress(UnavailableError, UncertainError, TimeoutError):
            await self._release(one)
        if self.served.get(one.number) is one:
            del self.served[one.number]

    async def _release(self, one: _Served) -> None:
        key = f"{LEASE}{one.number}"
        if await self._leases.put(key, "", one.revision) is not None:
            return
        # A renewal that we did not hear of, or somebody else: look.
        holder, revision = (await self._leases.read()).get(key, ("", 0))
        if holder == self.name:
            await self._leases.put(key, "", revision)

    async def _drop(self, number: int) -> None:
        await self.served.pop(number).cut()

    async def _leave(self) -> None:
        """Give everything back. The sign of life goes first: who lives has a right to a share."""
        with contextlib.suppress(UnavailableError, UncertainError, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._leases.drop(MEMBER + self.name)
                for one in self.served.values():
                    if one.leaving is None:
                        one.leaving = asyncio.create_task(self._give_back(one))
                leaving = [one.leaving for one in self.served.values() if one.leaving is not None]
                await asyncio.gather(*leaving)
