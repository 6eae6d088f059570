"""The native lane: what workers and engine say to each other, as JSON (docs/wire-protocol.md).

A worker says `Hello` (request on `subjects.HELLO`, answered by `Welcome`), then receives `Deliver`
on its own subject and sends `Results` and `Beat` to its engine. A result is the worker's until its
key stands in `Deliver.accepted`; an unanswered one is sent again. The lease of an attempt ends
`lease_ms` after the last beat that held it.
"""

from typing import Any

import msgspec

from dagnats.wire.api import ApiError

TASKS_PER_MESSAGE_MAX = 500
CREDIT_MAX = 10_000
MESSAGE_BYTES_MAX = 1_000_000
"""What is sent together; one entry that has more alone goes alone."""
PAYLOAD_BYTES_MAX = 1_000_000
"""An input, an output or a state, as JSON."""
RESULT_LEVELS_MAX = 64
"""Lists and objects in each other in what a worker returns, as in a document."""
ERROR_CODE_CHARS_MAX = 128
ERROR_MESSAGE_CHARS_MAX = 4_000
ERROR_DETAILS_BYTES_MAX = 100_000
PIECE_BYTES_MAX = 64_000
"""The data of one piece of a stream, as JSON."""
RETRY_AFTER_MS_MAX = 3_600_000
"""The engine waits no longer, whatever it is asked."""


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """One delivery that a worker holds.

    `life` counts the generations and retries of the run: attempts begin anew with each.
    """

    run_id: str
    step: str
    attempt: int
    delivery: int = 1
    iteration: int = 0
    life: int = 1


class Hello(msgspec.Struct, frozen=True, omit_defaults=True):
    """A worker announces the tasks it can do, how many at once, and what it still holds.

    Tasks for a group go to its members only; those that require capabilities to who has them all.
    """

    worker_id: str
    tasks: list[str]
    concurrency: int
    held: list[Held] = []
    groups: list[str] = []
    capabilities: list[str] = []


class Welcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The engine's answer: where to send results, and how often to beat (a third of the lease).

    Where there are several `partitions` a worker says hello to each of them, on `engine.<n>.hello`,
    with its share of what it can do at once.
    """

    partition: int
    epoch: int
    lease_ms: int
    error: str = ""
    partitions: int = 1


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """One delivery of one attempt. `step` is the step path; `iteration` counts from 1 in loops.

    `secrets` has names of secrets with the texts that stand for them in `input`: the worker puts
    values in. `budget` is what a loop may still spend.
    """

    run_id: str
    step: str
    attempt: int
    task: str
    workflow: str
    timeout_ms: int
    delivery: int = 1
    iteration: int = 0
    input: Any = None
    state: Any = None
    heartbeat_timeout_ms: int | None = None
    secrets: dict[str, str] = {}
    budget: dict[str, float] = {}
    life: int = 1
    generation: int = 1


class Deliver(msgspec.Struct, frozen=True, omit_defaults=True):
    """Engine to worker: tasks to do, results taken (committed), attempts to stop.

    A worker drops what carries an older `epoch` than it has seen from this partition. `hello` asks
    it to announce itself again.
    """

    partition: int
    epoch: int
    tasks: list[Task] = []
    accepted: list[Held] = []
    cancel: list[Held] = []
    hello: bool = False


class TaskError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt failed; `retry_after_ms` overrides the policy's delay."""

    code: str
    message: str
    retryable: bool = True
    retry_after_ms: int | None = None
    details: Any = None


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of one delivery: `error` set means failed; `continued` asks for another iteration."""

    run_id: str
    step: str
    attempt: int
    delivery: int = 1
    iteration: int = 0
    output: Any = None
    continued: bool = False
    error: TaskError | None = None
    usage: dict[str, float] | None = None
    life: int = 1


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """Worker to engine, a request on `checkpoint`: store `data` for a step if `store`.

    The answer is the last data stored, as `{"data": …}`; the next attempt or iteration finds it.
    The rest says which delivery asks: what one stores that is no longer held need not count.
    """

    run_id: str
    step: str
    store: bool = False
    data: Any = None
    attempt: int = 0
    delivery: int = 1
    iteration: int = 0
    life: int = 1


class Checkpointed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The engine's answer to a `Checkpoint`; an `error` says why nothing was stored."""

    data: Any = None
    error: ApiError | None = None


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """Worker to whoever listens on `subjects.stream`: something of an attempt as it goes on.

    `seq` counts the pieces of a delivery from 1, those too that were dropped.
    """

    seq: int
    data: Any = None
    attempt: int = 1
    delivery: int = 1
    iteration: int = 0


class Results(msgspec.Struct, frozen=True):
    """Worker to engine: results, many per message."""

    worker_id: str
    results: list[Result]


class Beat(msgspec.Struct, frozen=True):
    """Worker to engine: alive, and holding these deliveries."""

    worker_id: str
    held: list[Held]


class Bye(msgspec.Struct, frozen=True):
    """Worker to engine: draining, send nothing more."""

    worker_id: str
