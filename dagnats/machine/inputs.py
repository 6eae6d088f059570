"""What the world asks of a run: requests, imperative, a closed union.

Each carries `at`, the time in milliseconds; the machine itself knows no clock. An input that names
a step names the delivery it speaks of; one that speaks of something past changes nothing.
"""

from typing import Any

import msgspec


class _Input(msgspec.Struct, frozen=True, gc=False):
    at: int


class StartRun(_Input, frozen=True):
    """Begin: the machine is asked with no state."""

    run_id: str
    digest: str
    input: Any = None


class Deliver(_Input, frozen=True):
    """The dispatcher gave the waiting attempt of a step to a worker."""

    step: int
    worker_id: str


class Complete(_Input, frozen=True):
    """A worker returned."""

    step: int
    attempt: int
    iteration: int
    output: Any = None


class Continue(_Input, frozen=True):
    """A worker of a loop asks for another iteration with this state."""

    step: int
    attempt: int
    iteration: int
    state: Any = None


class Fail(_Input, frozen=True):
    """A worker failed; `retry_after_ms` overrides the policy's delay."""

    step: int
    attempt: int
    iteration: int
    code: str
    message: str
    retryable: bool = True
    retry_after_ms: int | None = None
    details: Any = None


class ExpireLease(_Input, frozen=True):
    """No sign of life of the worker that holds this delivery."""

    step: int
    attempt: int
    iteration: int
    delivery: int


class Tick(_Input, frozen=True):
    """Time has passed: do all that is due at `at`, and what a cut decision left open."""


class Cancel(_Input, frozen=True):
    """End the run."""

    reason: str = ""


Input = StartRun | Deliver | Complete | Continue | Fail | ExpireLease | Tick | Cancel
