"""The load: starts runs at a rate, whatever happens, and publishes what some of them wait for.

A start that is not answered is repeated until it is; one that was answered is `accepted`, and then
its run has to end, once, with the right output.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

from dagnats.errors import NoServerError, RefusedError
from dagnats.jetstream.client import Client
from tests.chaos.documents import EVENT, KINDS, STARTED

PAUSE_S = 0.2
EVENT_AFTER_S = (0.0, 2.0)


@dataclass
class Load:
    """What has been asked for and what was accepted, by run id: its kind and number."""

    seed: int
    accepted: dict[str, tuple[str, int]] = field(default_factory=dict)
    asked: int = 0
    took_s: list[float] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When starts were accepted, by the monotonic clock."""
    kinds: tuple[str, ...] = STARTED
    enough: bool = False
    """Once set, nothing more is started."""

    async def run(self, client: Client, rate: float, seconds: float) -> None:
        """Start runs for some time, and return when each start has been answered."""
        chance = random.Random(f"load {self.seed}")
        began, first = time.monotonic(), self.asked
        async with asyncio.TaskGroup() as group:
            while (now := time.monotonic() - began) < seconds and not self.enough:
                while self.asked - first < now * rate:
                    name = chance.choice(self.kinds)
                    later = chance.uniform(*EVENT_AFTER_S)
                    group.create_task(self._one(client, name, self.asked, later))
                    self.asked += 1
                await asyncio.sleep(0.02)

    async def _one(self, client: Client, name: str, n: int, event_after_s: float) -> None:
        began = time.monotonic()
        run_id = f"{name}-{n:06d}"
        params = {"workflow": f"chaos-{name}", "run_id": run_id, "input": KINDS[name].input(n)}
        await ask(client, "run.start", params)
        self.at.append(time.monotonic())
        self.took_s.append(self.at[-1] - began)
        self.accepted[run_id] = (name, n)
        if name == "waits":
            await asyncio.sleep(event_after_s)
            await publish(client, n)


async def publish(client: Client, n: int) -> None:
    """Publish what the `waits` run of number `n` waits for."""
    event = {"type": EVENT, "id": f"event-{n}", "data": {"key": f"k{n}", "n": 2 * n}}
    await ask(client, "event.publish", event)


async def ask(client: Client, operation: str, params: object) -> object:
    """Ask until there is an answer. Raises RefusedError for what is refused for good."""
    while True:
        try:
            return await client.call(operation, params)
        except NoServerError:
            await asyncio.sleep(PAUSE_S)
        except RefusedError as no:
            if no.code not in {"busy", "unavailable"}:
                raise
            await asyncio.sleep(PAUSE_S)
