"""What a handler may know and say: its context, its signals to the engine, its errors."""

import logging
import math
import threading
from typing import Any

from dagnats.wire.tasks import Task


class Retryable(Exception):  # noqa: N818 - the users' word
    """The attempt failed; another may follow, as the policy says. `code` is for expressions.

    What is sent of the message has ERROR_MESSAGE_CHARS_MAX characters; `details` are JSON of at
    most ERROR_DETAILS_BYTES_MAX.
    """

    code: str = "retryable"
    details: Any = None

    def __init__(self, message: str = "", *, code: str = "retryable", details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class NonRetryable(Retryable):
    """The attempt failed, and so would any other: the step fails."""

    code = "non_retryable"

    def __init__(
        self, message: str = "", *, code: str = "non_retryable", details: Any = None
    ) -> None:
        super().__init__(message, code=code, details=details)


class RetryAfter(Retryable):
    """The attempt failed; another may follow after so many seconds, whatever the policy's delay.

    Raises ValueError unless `seconds` are finite and not negative.
    """

    code = "retry_after"
    seconds: float = 0

    def __init__(
        self, seconds: float, message: str = "", *, code: str = "retry_after", details: Any = None
    ) -> None:
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"RetryAfter wants the seconds to wait, from 0 on, not {seconds}")
        super().__init__(message or f"retry after {seconds} s", code=code, details=details)
        self.seconds = seconds


class Continue:
    """Returned by a handler of a loop: not done, go on with this state."""

    __slots__ = ("state",)

    def __init__(self, state: Any = None) -> None:
        self.state = state


class Context:
    """One delivery of one attempt, as its handler sees it."""

    __slots__ = ("_task", "cancelled", "worker_id")

    def __init__(self, task: Task, worker_id: str, cancelled: threading.Event) -> None:
        self._task = task
        self.worker_id = worker_id
        self.cancelled = cancelled
        """Set when the engine has given the attempt up; a long handler should look now and then."""

    @property
    def run_id(self) -> str:
        """Return the id of the run."""
        return self._task.run_id

    @property
    def workflow(self) -> str:
        """Return the name of the workflow."""
        return self._task.workflow

    @property
    def step(self) -> str:
        """Return the id of the step."""
        return self._task.step

    @property
    def attempt(self) -> int:
        """Return the number of the attempt, from 1."""
        return self._task.attempt

    @property
    def delivery(self) -> int:
        """Return how often this attempt was given to a worker, from 1."""
        return self._task.delivery

    @property
    def iteration(self) -> int:
        """Return the iteration of a loop, from 1; 0 outside loops."""
        return self._task.iteration

    @property
    def state(self) -> Any:
        """Return `loop.state`: what the last iteration left."""
        return self._task.state

    @property
    def step_key(self) -> str:
        """Return `run/step`, with `[iteration]` in loops: the same for every attempt."""
        task = self._task
        loop = f"[{task.iteration}]" if task.iteration else ""
        return f"{task.run_id}/{task.step}{loop}"

    @property
    def idempotency_key(self) -> str:
        """Return `run/step/attempt`: the same for every delivery of an attempt."""
        return f"{self.step_key}/{self._task.attempt}"

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Return a logger whose records name the attempt."""
        return logging.LoggerAdapter(
            logging.getLogger(f"dagnats.task.{self._task.task}"), {"attempt": self.idempotency_key}
        )

    def continue_(self, state: Any = None) -> Continue:
        """Return what a handler returns to go on with another iteration."""
        return Continue(state)
