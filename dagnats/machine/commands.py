"""What the machine wants done once the events are committed: imperative, a closed union.

All of it can be told from the state alone (`state.outstanding`), so after a crash nothing needs
remembering. Performing one twice is harmless.
"""

from typing import Any

import msgspec


class Enqueue(msgspec.Struct, frozen=True, gc=False):
    """Let a worker have the waiting attempt of a step."""

    step: int
    attempt: int
    iteration: int
    delivery: int
    input: Any
    loop_state: Any


class Withdraw(msgspec.Struct, frozen=True, gc=False):
    """Take an attempt back: out of the queue, or from the worker that holds it."""

    step: int
    attempt: int
    iteration: int


class EndRun(msgspec.Struct, frozen=True, gc=False):
    """The run has ended: tell who waits, forget it."""


Command = Enqueue | Withdraw | EndRun
