"""Curing an embedded server that no longer stores.

After a write that failed, for want of room above all, nats-server gives a stream up: it takes
messages and acknowledges none of them, for good, also when there is room again. Nothing that was
acknowledged is lost by that, and a server that is started anew goes on from there. So whoever runs
the server starts it anew, once there is room.
"""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from dagnats.errors import DagnatsError
from dagnats.jetstream.natsconfig import WriteErrors

CHECK_S = 1.0
FULL_BYTES = 256_000
"""With less than this free, some write has failed, whether or not the log had room to tell."""
ROOM_BYTES = 64_000_000
ROOM_SHARE = 0.05
"""There is room with this much free, or with this share of a small disk."""
RESTART_WAIT_MIN_S = 5.0
RESTART_WAIT_MAX_S = 300.0
"""The wait after a restart before the next one, doubled while it does not help."""


class Storekeeper:
    """Watches a server that stores in `data_dir` and calls `restart` when that is the cure.

    `stalled` says whether whoever uses the server finds its writes unacknowledged. `say` hears
    what an operator should know. `problem` is what is wrong just now, for whoever asks.
    """

    def __init__(
        self,
        data_dir: Path,
        restart: Callable[[], Awaitable[None]],
        stalled: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self.problem: str | None = None
        self._data_dir = data_dir
        self._restart = restart
        self._stalled = stalled
        self._say = say
        self._errors = WriteErrors(data_dir)

    async def watch(self) -> None:
        """Watch until cancelled."""
        clock = asyncio.get_running_loop().time
        wait, cured_at = RESTART_WAIT_MIN_S, float("-inf")
        while True:
            while self.problem is None:
                await asyncio.sleep(CHECK_S)
                self.problem = self._look()
            if clock() - cured_at > 2 * RESTART_WAIT_MAX_S:
                wait = RESTART_WAIT_MIN_S
            await asyncio.sleep(max(0.0, cured_at + wait - clock()))
            await self._until_room()
            await self._cure()
            wait, cured_at = min(wait * 2, RESTART_WAIT_MAX_S), clock()

    def _look(self) -> str | None:
        if self._free() < FULL_BYTES:
            return f"the disk of {self._data_dir} is full"
        if error := self._errors.next():
            return error
        return "writes are not acknowledged" if self._stalled() else None

    async def _until_room(self) -> None:
        if self._free() >= self._room():
            return
        self.problem = f"the disk of {self._data_dir} is full"
        self._say(
            f"{self.problem}: nothing can be stored; "
            f"it goes on by itself once {self._room() / 1e6:.0f} MB are free"
        )
        while self._free() < self._room():
            await asyncio.sleep(CHECK_S)

    async def _cure(self) -> None:
        self._say(f"nats-server may have stopped storing, starting it again: {self.problem}")
        try:
            await self._restart()
        except DagnatsError as failed:
            self._say(f"nats-server did not start: {failed}")
        self._errors.skip()
        self.problem = None

    def _free(self) -> int:
        try:
            return shutil.disk_usage(self._data_dir).free
        except OSError:
            return sys.maxsize  # not there to be asked: then that is not what is wrong

    def _room(self) -> int:
        """Return how much must be free."""
        return min(ROOM_BYTES, int(shutil.disk_usage(self._data_dir).total * ROOM_SHARE))
