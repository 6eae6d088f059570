"""What the world asks of a run: requests, imperative, a closed union.

Each carries `at`, the time in milliseconds; the machine itself knows no clock. An input that names
a step (by its address) names the delivery it speaks of; one that speaks of something past changes
nothing.
"""

from typing import Any

import msgspec

from dagnats.ir.program import Program


class _Input(msgspec.Struct, frozen=True, gc=False):
    at: int


class StartRun(_Input, frozen=True):
    """Begin: the machine is asked with no state.

    `gate` says that the run is to wait until it is let in. `carried` has outcomes of steps that
    another run has come to, and are not done again. `nonce` is a text that nobody can guess, where
    the program has secrets. `start_at` (ms) and `extra` are kept with the run, and mean nothing
    here.
    """

    run_id: str
    digest: str
    input: Any = None
    trigger: Any = None
    parent: dict[str, Any] | None = None
    carried: dict[str, Any] | None = None
    nonce: str = ""
    start_at: int | None = None
    extra: dict[str, Any] | None = None
    gate: bool = False


class Admit(_Input, frozen=True):
    """Let a pending run in."""


class Deliver(_Input, frozen=True):
    """The dispatcher gave the waiting attempt of a step to a worker."""

    step: str
    worker_id: str


class Plan(msgspec.Struct, frozen=True):
    """What compiling a plan gave: a program with its digest and document, or what is wrong."""

    program: Program | None = None
    digest: str = ""
    document: Any = None
    problems: tuple[str, ...] = ()


class Complete(_Input, frozen=True):
    """A worker returned; `plan` is there when it is a planner."""

    step: str
    attempt: int
    iteration: int
    output: Any = None
    usage: dict[str, float] | None = None
    plan: Plan | None = None


class Continue(_Input, frozen=True):
    """A worker of a loop asks for another iteration with this state."""

    step: str
    attempt: int
    iteration: int
    state: Any = None
    usage: dict[str, float] | None = None


class Fail(_Input, frozen=True):
    """A worker failed; `retry_after_ms` overrides the policy's delay."""

    step: str
    attempt: int
    iteration: int
    code: str
    message: str
    retryable: bool = True
    retry_after_ms: int | None = None
    details: Any = None
    usage: dict[str, float] | None = None


class ExpireLease(_Input, frozen=True):
    """No sign of life of the worker that holds this delivery."""

    step: str
    attempt: int
    iteration: int
    delivery: int


class MissHeartbeat(_Input, frozen=True):
    """The worker gave no sign of life for longer than the step allows."""

    step: str
    attempt: int
    iteration: int


class Hear(_Input, frozen=True):
    """An event has come for a step that waits, or (without `step`) for `cancel_on`."""

    event: dict[str, Any]
    step: str = ""


class Signal(_Input, frozen=True):
    """An event for this run alone; kept until something waits for it."""

    event: dict[str, Any]


class Decide(_Input, frozen=True):
    """Somebody approves or rejects."""

    step: str
    decision: str
    by: str
    groups: tuple[str, ...] = ()
    comment: str = ""
    form: Any = None


class EndChild(_Input, frozen=True):
    """A sub-workflow has ended, or cannot be started (`status` is `failed` then, too)."""

    step: str
    child_run_id: str
    status: str
    output: Any = None
    error: dict[str, Any] | None = None


class Tick(_Input, frozen=True):
    """Time has passed: do all that is due at `at`, and what a cut decision left open.

    No attempt that a worker holds is over before `held_until`: what it has come to while nobody
    served is heard first.
    """

    held_until: int = 0


class Cancel(_Input, frozen=True):
    """End the run."""

    reason: str = ""


class Pause(_Input, frozen=True):
    """Start nothing new."""

    reason: str = ""


class Resume(_Input, frozen=True):
    """Go on; a loop at its bound completes with what there is, or fails."""

    exhausted: str = "complete"


class RetryRun(_Input, frozen=True):
    """Let a failed run go on at the steps that failed."""


Input = (
    StartRun
    | Admit
    | Deliver
    | Complete
    | Continue
    | Fail
    | ExpireLease
    | MissHeartbeat
    | Hear
    | Signal
    | Decide
    | EndChild
    | Tick
    | Cancel
    | Pause
    | Resume
    | RetryRun
)
