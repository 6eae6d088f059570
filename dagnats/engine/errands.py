"""What an engine asks of others because of a decision: done after the commit, until answered.

Children live in whatever partition their id belongs to, and events concern all of them, so what
crosses is a request like any other: repeated until it is answered, harmless when it comes twice.
An errand that dies with its engine is told again by the state of the run (`machine.outstanding`)
or by the one who waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from dagnats.errors import BrokenError, UnavailableError, UncertainError
from dagnats.ports import Bus

ERRANDS_AT_ONCE_MAX = 64
ANSWER_S = 2.0
RETRY_MIN_S = 0.05
RETRY_MAX_S = 5.0


class SpawnChild(msgspec.Struct, frozen=True):
    """Start a child of a step, or hear how far it is."""

    run_id: str
    step: str
    child_run_id: str
    workflow: str
    version: str | None
    input: Any
    detached: bool
    depth: int
    partition: int
    ends_with: bool
    """Whether the child ends when its parent waits for it no more."""


class StopChild(msgspec.Struct, frozen=True):
    """Cancel a child."""

    child_run_id: str
    reason: str


class AskParent(msgspec.Struct, frozen=True):
    """Ask a run on a partition whether it still waits for its child."""

    run_id: str
    step: str
    child_run_id: str
    partition: int


class TellParent(msgspec.Struct, frozen=True):
    """Tell a run on a partition that its child has ended."""

    run_id: str
    step: str
    child_run_id: str
    partition: int
    status: str
    output: Any
    error: Any


class SpreadEvent(msgspec.Struct, frozen=True):
    """Tell the other partitions of an event."""

    event: dict[str, Any]


class ShowApproval(msgspec.Struct, frozen=True):
    """Show people that a decision is wanted."""

    run_id: str
    step: str
    round: int
    reminder: int
    subject: str | None
    document: dict[str, Any]


class AnswerHttp(msgspec.Struct, frozen=True):
    """Answer the HTTP request that started a run."""

    run_id: str
    status: int
    headers: Any
    body: Any
    content_type: str


class ForgetRun(msgspec.Struct, frozen=True):
    """Remove what workers have kept for a run that has ended."""

    run_id: str


class RemoveRuns(msgspec.Struct, frozen=True):
    """Remove what is stored of runs that are forgotten; history must be as far as `offset`.

    `runs` has, by id, up to which position of the history there are events of it.
    """

    runs: dict[str, int]
    offset: int


Errand = (
    SpawnChild
    | StopChild
    | AskParent
    | TellParent
    | SpreadEvent
    | ShowApproval
    | AnswerHttp
    | ForgetRun
    | RemoveRuns
)

Perform = Callable[[Errand], Awaitable[bool]]
"""Performs an errand; False when it is to be tried again."""


class Errands:
    """Runs errands beside each other, each until it is done; `close` drops what is left."""

    def __init__(self, perform: Perform, say: Callable[[str], None]) -> None:
        self._perform = perform
        self._say = say
        self._room = asyncio.Semaphore(ERRANDS_AT_ONCE_MAX)
        self._running: dict[asyncio.Task[None], None] = {}

    def __len__(self) -> int:
        return len(self._running)

    def send(self, errand: Errand) -> None:
        """Begin an errand."""
        task = asyncio.get_running_loop().create_task(self._run(errand))
        self._running[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)

    async def close(self) -> None:
        """Drop what is under way."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, errand: Errand) -> None:
        wait = RETRY_MIN_S
        while True:
            async with self._room:
                try:
                    if await self._perform(errand):
                        return
                except (UncertainError, UnavailableError, TimeoutError):
                    pass  # nobody answered: ask again
                except BrokenError as wrong:
                    self._say(f"an errand cannot be done: {wrong}")
                    return
            await asyncio.sleep(wait)
            wait = min(wait * 2, RETRY_MAX_S)


async def request(bus: Bus, subject: str, document: Any) -> bytes:
    """Ask and return the answer. Raises UncertainError when none comes."""
    return await bus.request(subject, msgspec.json.encode(document), ANSWER_S)
