"""What the machine wants done once the events are committed: imperative, a closed union.

All of it can be told from the state alone (`advance.outstanding`), so after a crash nothing needs
remembering. Performing one twice is harmless. `step` is always the address of an instance.
"""

from typing import Any

import msgspec

from dagnats.ir.program import TaskNode


class Enqueue(msgspec.Struct, frozen=True, gc=False):
    """Let a worker have the waiting attempt of a step; `node` says what it takes.

    `rate_key` is the text of the key of its keyed rate limit.
    """

    step: str
    attempt: int
    iteration: int
    delivery: int
    input: Any
    loop_state: Any
    node: TaskNode
    rate_key: str = ""


class Withdraw(msgspec.Struct, frozen=True, gc=False):
    """Take an attempt back: out of the queue, or from the worker that holds it.

    `life` is that of the run when the attempt began.
    """

    step: str
    attempt: int
    iteration: int
    life: int = 1


class StartChild(msgspec.Struct, frozen=True, gc=False):
    """Start a sub-workflow as a run of its own, and tell the step when it has ended.

    `ends_with` says that it ends when the step waits for it no more.
    """

    step: str
    child_run_id: str
    workflow: str
    version: str | None
    input: Any
    detached: bool
    ends_with: bool = True


class CancelChild(msgspec.Struct, frozen=True, gc=False):
    """End a child that nobody waits for any more."""

    step: str
    child_run_id: str


class Listen(msgspec.Struct, frozen=True, gc=False):
    """Tell a step of events of this type from `since` (ms) on, those in the past included."""

    step: str
    event: str
    since: int


class Publish(msgspec.Struct, frozen=True, gc=False):
    """Publish an event. Comes with the decision that rests on it, and is to be stored before it."""

    event_id: str
    event: str
    data: Any


class Ask(msgspec.Struct, frozen=True, gc=False):
    """Show people that a decision is wanted; `reminder` counts from 0."""

    step: str
    round: int
    reminder: int


class Respond(msgspec.Struct, frozen=True, gc=False):
    """Answer the HTTP request that started the run."""

    status: int
    headers: Any
    body: Any
    content_type: str


class GoOn(msgspec.Struct, frozen=True, gc=False):
    """Send a Tick soon: there is more to decide than one decision may hold."""


class EndRun(msgspec.Struct, frozen=True, gc=False):
    """The run has ended: tell who waits, forget it."""


Command = (
    Enqueue | Withdraw | StartChild | CancelChild | Listen | Publish | Ask | Respond | GoOn | EndRun
)
