"""The state of a run: frames of steps, and what stands around them. Data, and how it is addressed.

A *frame* is one execution of a scope: the top, an iteration, an item, a branch, a handler, the
steps of a plan, `finally`. It is called by its key, which is where the addresses of its steps come
from:

    key              is                            its steps are called
    ──────────────   ───────────────────────────   ─────────────────────────────
    (empty)          the top                       fetch
    @finally         what runs last                tidy
    loop[2]          the second iteration          loop[2].ask
    fan[3]           item 3; `single`: its task    fan[3].read, or fan[3]
    route            the branch that was chosen    route.fix
    charge.refund!   a handler of `charge`         charge.refund
    plan             the steps of a plan           plan.first

`machine.evolve` makes a state of events and is the only one to change it.
"""

from typing import Any

import msgspec

from dagnats.machine.counters import Counters
from dagnats.machine.fragments import fragment
from dagnats.machine.prepared import TOP, Prepared, Scope

FINALLY = "@finally"


class _Part(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    pass


class Pending(_Part, frozen=True):
    """Not all dependencies are settled."""


class Ready(_Part, frozen=True):
    """An attempt waits for a worker since `since` (ms); `delivery` numbers the next one."""

    attempt: int
    iteration: int
    delivery: int
    since: int


class Running(_Part, frozen=True):
    """A worker holds a delivery since `since` (ms)."""

    attempt: int
    iteration: int
    delivery: int
    since: int
    worker_id: str


class Waiting(_Part, frozen=True):
    """The attempt `attempt`, or the iteration, begins at `until` (ms); it waits since `since`."""

    attempt: int
    iteration: int
    until: int
    since: int = 0


class Looping(_Part, frozen=True):
    """A loop with a body is in iteration `iteration`; 0 before the first one."""

    iteration: int


class Mapping(msgspec.Struct, gc=False, array_like=True, tag=True):
    """A map goes through its items; `next` is the first that has not begun.

    `active` counts the items that are worked on. Changed in place: it may be long.
    """

    items: list[Any]
    outputs: list[Any]
    failures: list[dict[str, Any]]
    next: int
    active: int
    failed: int = 0


class Choosing(_Part, frozen=True):
    """A switch runs the body of this case; -1 is `default`, or nothing."""

    case: int


class Sleeping(_Part, frozen=True):
    """Wakes up at `until` (ms); it sleeps since `since`."""

    until: int
    since: int = 0


class Expecting(_Part, frozen=True):
    """Waits for events since `since` (ms); `events` are those that have come."""

    since: int
    events: tuple[dict[str, Any], ...] = ()


class Asking(_Part, frozen=True):
    """People are asked since `since` (ms), in the first or second round."""

    round: int
    since: int
    votes: tuple[dict[str, Any], ...] = ()
    reminders: int = 0
    description: str | None = None
    details: Any = None


class Calling(_Part, frozen=True):
    """A sub-workflow runs since `since` (ms), for this attempt."""

    attempt: int
    child_run_id: str
    since: int
    input: Any


class Planning(_Part, frozen=True):
    """The steps of a plan run; `digest` is that of the plan."""

    digest: str


class Recovering(_Part, frozen=True):
    """The step has failed, and its handler runs."""

    error: dict[str, Any]
    attempt: int
    iteration: int


class Exhausted(_Part, frozen=True):
    """A loop at its bound waits, since `since` (ms), for somebody who resumes the run."""

    output: Any
    error: dict[str, Any]
    attempt: int
    iteration: int
    since: int = 0


class Completed(_Part, frozen=True):
    """Ended well; `error` has the failures that a map tolerated."""

    output: Any
    error: dict[str, Any] | None = None


class Failed(_Part, frozen=True):
    """Ended badly, for good."""

    error: dict[str, Any]


class Skipped(_Part, frozen=True):
    """Will not run: `condition`, `dependency`, `timeout`."""

    reason: str


class Cancelled(_Part, frozen=True):
    """What it belongs to ended first."""


StepState = (
    Pending
    | Ready
    | Running
    | Waiting
    | Looping
    | Mapping
    | Choosing
    | Sleeping
    | Expecting
    | Asking
    | Calling
    | Planning
    | Recovering
    | Exhausted
    | Completed
    | Failed
    | Skipped
    | Cancelled
)
Attempt = Ready | Running | Waiting
OPEN_ATTEMPT = (Ready, Running, Waiting)
CONTAINING = (Looping, Mapping, Choosing, Planning, Recovering)
"""States that last as long as a frame below does, or a wait between two."""
Ended = (Completed, Failed, Skipped, Cancelled)
PENDING = Pending()
STATUS: dict[type, str] = {
    Pending: "pending",
    Ready: "ready",
    Running: "running",
    Waiting: "waiting",
    Looping: "running",
    Mapping: "running",
    Choosing: "running",
    Planning: "running",
    Recovering: "running",
    Sleeping: "waiting",
    Expecting: "waiting",
    Asking: "waiting",
    Calling: "waiting",
    Exhausted: "waiting",
    Completed: "completed",
    Failed: "failed",
    Skipped: "skipped",
    Cancelled: "cancelled",
}


class Frame(msgspec.Struct, array_like=True):
    """One execution of a scope, and what its steps are given.

    `parent` is the key of the frame around it and `at` the position there of the step it belongs
    to. `plan` is the address of the planner whose steps these are, or those around it. `number`
    counts iterations from 1 and items from 0. `given` is the state of the loop, the item, or the
    error that a handler is for; `open` counts steps that have not ended. `below` has the keys of
    the frames of its steps, with the positions of those. `over` says that it is only kept because
    something in it may have to be undone. `late` has, of a step that began before all it depends on
    had ended, what it never sees.
    """

    key: str
    scope: int
    parent: str | None
    at: int
    plan: str
    steps: list[StepState]
    unmet: list[int]
    open: int
    number: int = 0
    given: Any = None
    below: dict[str, int] = {}
    over: bool = False
    late: dict[int, tuple[int, ...]] = {}


class Loop(msgspec.Struct, array_like=True):
    """What a loop, or a planner, carries from one iteration to the next, and what it has spent."""

    state: Any
    started_at: int
    usage: dict[str, float] = {}


class Undo(msgspec.Struct, array_like=True, frozen=True):
    """A step that has completed and has a `compensate`."""

    frame: str
    at: int
    output: Any


class Ending(msgspec.Struct, array_like=True):
    """How a run will end: nothing new starts, but what undoes and what runs last.

    `phase` is `undoing` or `finally`. `handler` is the frame of the handler that undoes a step now,
    `failures` tells of those that failed.
    """

    status: str
    phase: str
    output: Any = None
    error: dict[str, Any] | None = None
    handler: str = ""
    failures: list[dict[str, Any]] = []


class RunState(msgspec.Struct, array_like=True):
    """Everything known of one run.

    `birth` is the payload that its generation began with. `base_seq` is what `seq` was before this
    generation, `counters` what this generation has used; the timeout of the run counts from
    `timeout_from` (ms). `handled` has what the last instance of a handler has come to, by its id,
    `loops` what loops carry, by address. `taken` are the ids of the last events that waits took,
    `detached` the children that end with the run: the step and the id. `next_input` has the input
    of the next generation, when that is about to begin. `life` counts how often steps have begun
    anew, by generations and retries: with it an attempt has a name that no other one has.
    `worker_id` is the first worker of a run that is `sticky`. `paused_at` is when it was paused the
    last time (ms).
    """

    run_id: str
    workflow: str
    digest: str
    generation: int
    birth: dict[str, Any]
    started_at: int
    at: int
    seq: int
    frames: dict[str, Frame]
    timeout_from: int
    counters: Counters = msgspec.field(default_factory=Counters)
    status: str = "running"
    base_seq: int = 0
    loops: dict[str, Loop] = {}
    handled: dict[str, StepState] = {}
    plans: dict[str, Any] = {}
    undo: list[Undo] = []
    signals: list[dict[str, Any]] = []
    usage: dict[str, float] = {}
    cancel_reason: str | None = None
    ending: Ending | None = None
    output: Any = None
    error: dict[str, Any] | None = None
    taken: list[str] = []
    detached: list[tuple[str, str]] = []
    next_input: list[Any] = []
    life: int = 1
    worker_id: str = ""
    paused_at: int = 0

    @property
    def ended(self) -> bool:
        """Whether the run has reached one of its ends."""
        return self.status in END_STATUSES

    @property
    def input(self) -> Any:
        """Return the input of this generation."""
        return self.birth.get("input")


END_STATUSES = frozenset({"completed", "failed", "cancelled"})
SIGNALS_MAX = 100
"""Signals that a run keeps until something waits for them; the oldest goes first."""


def frame_of(  # noqa: PLR0913, PLR0917 (a frame, and where it belongs)
    shape: Scope,
    key: str,
    scope: int,
    parent: str | None,
    at: int,
    plan: str = "",
    number: int = 0,
    given: Any = None,
) -> Frame:
    """Return a new frame of a scope, which has that number."""
    count = len(shape.nodes)
    steps: list[StepState] = [PENDING] * count
    return Frame(
        key, scope, parent, at, plan, steps, list(shape.dependencies), count, number, given
    )


def is_alive(state: RunState, frame: Frame) -> bool:
    """Whether what happens in a frame matters: all that it is part of is open, and waits for it."""
    ending = state.ending
    while not frame.over:
        key = frame.key
        if key == FINALLY:
            return True
        if frame.parent is None:
            return ending is None
        if ending is not None and ending.phase == "undoing" and key == ending.handler:
            return True
        outer = state.frames.get(frame.parent)
        if outer is None:
            return False
        if not _waits_for(outer.steps[frame.at], frame):
            return False
        frame = outer
    return False


def _waits_for(step: StepState, frame: Frame) -> bool:
    """Whether a step waits for this frame below it."""
    if frame.key.endswith("!"):
        return isinstance(step, Recovering)
    if isinstance(step, Looping):
        return frame.number == step.iteration
    return isinstance(step, Mapping | Choosing | Planning)


def handler_name(frame: Frame, name: str) -> str:
    """Return by what a handler is known in `handled`: ids of a plan are its own."""
    return f"{frame.plan}/{name}" if frame.plan else name


def program_of(program: Prepared, state: RunState, frame: Frame) -> Prepared:
    """Return the program that a frame's steps are of: the run's, or a plan's."""
    return fragment(program, state.plans[frame.plan]) if frame.plan else program


def scope_of(program: Prepared, state: RunState, frame: Frame) -> Scope:
    """Return the scope that a frame executes."""
    if not frame.plan:  # nearly always, and asked for at every turn
        return program.scopes[frame.scope]
    return program_of(program, state, frame).scopes[frame.scope]


def address(scope: Scope, frame: Frame, at: int) -> str:
    """Return what the step at a position of a frame is called."""
    key = frame.key
    if not key or key == FINALLY:
        return scope.nodes[at].id
    if scope.kind == "single":
        return key
    if scope.kind == "handler":
        return key[:-1]
    return f"{key}.{scope.nodes[at].id}"


def locate(program: Prepared, state: RunState, step: str) -> tuple[Frame, int] | None:
    """Return where the instance of this address is, if it is there."""
    at = program.scopes[TOP].index.get(step)
    if at is not None:
        return state.frames[""], at
    frames = state.frames
    frame = frames.get(step + "!")
    if frame is not None:
        return frame, 0
    if step.endswith("]"):
        frame = frames.get(step)
        return None if frame is None else (frame, 0)
    prefix, _, last = step.rpartition(".")
    frame = frames.get(prefix or FINALLY)
    if frame is None:
        return None
    at = scope_of(program, state, frame).index.get(last)
    return None if at is None else (frame, at)
