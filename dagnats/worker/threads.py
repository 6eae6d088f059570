"""Threads for plain handlers, none of which can keep the process or the other tasks waiting.

A thread cannot be stopped from outside. So a job that nobody waits for any more is abandoned: its
thread counts no longer against the limit, another may be started in its stead, and `abandoned` says
how many there are. The threads are daemons: the interpreter ends without them, which it would not
do for those of `concurrent.futures`.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """A call of `work`, which raises nothing, and who hears what it returned."""

    work: Callable[[], T]
    done: Callable[[T], None]
    begun: bool = False
    abandoned: bool = False


class Threads(Generic[T]):
    """Runs jobs, at most `limit` at once besides the abandoned ones.

    All methods are for the event loop's thread, and `done` is called there.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.abandoned = 0
        """How many threads still run what was abandoned."""
        self._active = 0
        self._started = 0
        self._waiting: deque[Job[T]] = deque()
        self._begun: SimpleQueue[Job[T] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop

    def start(self, work: Callable[[], T], done: Callable[[T], None]) -> Job[T]:
        """Run `work` as soon as a thread is free."""
        self._loop = asyncio.get_running_loop()
        job = Job(work, done)
        self._waiting.append(job)
        self._feed()
        return job

    def abandon(self, job: Job[T]) -> None:
        """Forget a job that is not done: `done` will not be called, and a waiting one not begin."""
        if job.abandoned:
            return
        job.abandoned = True
        if job.begun:
            self._active -= 1
            self.abandoned += 1
            self._feed()

    def close(self) -> None:
        """Let idle threads end, and forget all jobs."""
        self._waiting.clear()
        for _ in range(self._started):
            self._begun.put(None)

    def _feed(self) -> None:
        while self._waiting and self._active < self.limit:
            job = self._waiting.popleft()
            if job.abandoned:
                continue
            job.begun = True
            self._active += 1
            if self._active + self.abandoned > self._started:
                self._started += 1
                name = f"dagnats-task-{self._started}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
            self._begun.put(job)

    def _serve(self) -> None:
        """Do one job after the other."""
        while (job := self._begun.get()) is not None:
            result = job.work()
            # The loop may have been closed meanwhile: then nobody is there to hear it.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended, job, result)
            del job, result

    def _ended(self, job: Job[T], result: T) -> None:
        if job.abandoned:
            self.abandoned -= 1
        else:
            self._active -= 1
            job.done(result)
        self._feed()
