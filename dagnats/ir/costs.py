"""What the machine's transitions cost, and how much of it one run may take.

One table for two readers: the compiler multiplies it into a certificate, the machine holds its
counters against what came of it (`machine.counters`). A kind of step is listed with the events
that it writes when everything goes as badly as it can. `tests/compiler/test_certificate_table.py`
drives a run of each kind that badly and compares: a machine that writes one event more, or one
fewer, fails there.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from dagnats.ir.program import CodeRetry, PlannerNode, Retry

# ── sizes ────────────────────────────────────────────────────────────────────────────────────────

ID_CHARS_MAX = 64
"""The id of a step."""
EVENT_ENVELOPE_BYTES_MAX = 2_560
"""An event without its payload and addresses: two ids of 255 characters, and what is fixed."""
ADDRESSES_PER_EVENT = 3
"""How often an event names a step at the most: its own, that of an error, and a handler."""
PAYLOAD_BYTES_MAX = 1_000_000
"""An input, an output, a state or an error as JSON: what fits in a message."""
PAYLOAD_LEVELS_MAX = 100
"""Lists and objects in each other: more than a worker may return, so that steps can wrap it."""

ERROR_CODE_CHARS_MAX = 128
ERROR_MESSAGE_CHARS_MAX = 4_000
ERROR_DETAILS_BYTES_MAX = 100_000
"""The details of an error, as JSON."""
CHAR_BYTES_MAX = 6
"""A character as JSON: `\\u0001`."""
ERROR_BYTES_MAX = (
    CHAR_BYTES_MAX * (ERROR_CODE_CHARS_MAX + ERROR_MESSAGE_CHARS_MAX) + ERROR_DETAILS_BYTES_MAX
)
"""An error as JSON, addresses left aside."""

VALUE_CHARS_MAX = PAYLOAD_BYTES_MAX
VALUE_ITEMS_MAX = PAYLOAD_BYTES_MAX // 2
"""The longest text and list that fit in a payload; an item has a comma beside it."""

# ── what an engine takes ─────────────────────────────────────────────────────────────────────────

RETRY_DELAY_MS_MAX = 3_600_000
"""The longest wait between two attempts, whatever a policy or a worker says."""
STEPS_MAX = 20_000
BODIES_DEPTH_MAX = 8
"""Bodies inside bodies; the machine's paths and the certificate's polynomials grow with it."""
RUN_EVENTS_MAX = 1_000_000
"""Events of one run's history, at the worst."""
RUN_BYTES_MAX = 200_000_000_000
"""Bytes of one run's history, at the worst: every payload as large as it may be."""
INSTANCES_MAX = 100_000
"""Steps of a run that exist at once: those of bodies count for each item that is worked on."""
CONCURRENT_STEPS_MAX = 100_000
"""Attempts of a run that workers hold at once."""
TIMERS_MAX = 100_000
"""Timers of a run that are open at once."""

# ── what is written ──────────────────────────────────────────────────────────────────────────────


class Write(NamedTuple):
    """An event that a transition writes: its type, how often, and its payload's bytes at most."""

    event: str
    times: int = 1
    payload: int = 0


Writes = tuple[Write, ...]

_P, _E = PAYLOAD_BYTES_MAX, ERROR_BYTES_MAX
_END = Write("step.completed", 1, _P)


def attempts(count: int, deliveries: int) -> Writes:
    """Return what attempts of a task write, each lost as often as can be; the last one ends it.

    Queued once, started with each delivery, lost with all but the last, and ended once: as failed,
    and the last one as completed, or as what stands for that in a loop or a planner.
    """
    return (
        Write("step.queued", count),
        Write("step.started", count * deliveries),
        Write("step.lost", count * (deliveries - 1)),
        Write("step.failed", count - 1, _E),
        _END,
    )


STATE_BYTES: Final = _P
"""The first attempt of an agent loop carries its `initial_state`: no event more."""
LOOP: Final = (Write("step.loop.started", 1, _P),)
"""A loop with a body begins; it ends with its last iteration."""
PASS: Final = (Write("step.loop.iteration"), Write("step.continue", 1, _P))
"""An iteration begins, and ends; the last one ends the loop."""
PAUSE: Final = (Write("step.exhausted", 1, _P + _E), Write("workflow.resumed"))
"""A loop at its bound pauses the run, and somebody resumes it; then it ends."""
MAP: Final = (Write("step.map.started", 1, _P), Write("step.completed", 1, _P + _E))
ITEM: Final = (
    Write("step.map.item_started"),
    Write("step.map.instance.completed", 1, _P),
)
"""An item of a map whose body has steps; where the body is one task, only that task writes."""
CHOICE: Final = (Write("step.switch.chosen"), _END)
SLEEP: Final = (Write("step.sleep.started"), Write("step.completed"))
PLAN: Final = (_END,)
"""A planner whose plan is there ends once more, when its steps have; the plan ends an attempt."""
AT_ONCE: Final = (_END,)
"""`transform`, `emit`, `respond`, `continue_as_new`, `fail`: done when they begin."""
SKIPPED: Final = (Write("step.skipped"),)
CANCELLED: Final = (Write("step.cancelled"),)
"""What stands for the end of a step that is not done, or not to its end: never more than that."""
RECOVERY: Final = (Write("step.failed", 1, _E),)
"""`on_failure`: the step fails, and ends once more when its handler has."""
COMPENSATION: Final = (Write("step.compensating"),)


def wait(count: int) -> Writes:
    """Return what a wait for so many events writes: the last one ends it."""
    return (
        Write("step.wait.started"),
        Write("step.wait.matched", count - 1, _P),
        _END,
    )


def approval(rounds: int, quorum: int, reminders: int) -> Writes:
    """Return what an approval writes: the last vote, or nobody, ends it."""
    return (
        Write("approval.requested", rounds, 2 * _P),
        Write("approval.granted", rounds * (quorum - 1), _P),
        Write("approval.reminded", reminders),
        _END,
    )


def reminders(wait_ms: int, every_ms: int | None) -> int:
    """Return how often people are reminded in one round: before its end, not at it."""
    return (wait_ms - 1) // every_ms if every_ms else 0


def child(count: int) -> Writes:
    """Return what so many attempts with a child write; its own events are of its own history."""
    return (Write("workflow.spawn", count, _P), Write("step.failed", count - 1, _E), _END)


START: Final = Write("workflow.started", 1, 3 * _P)
"""The input, what triggered the run and came with it, and `vars` with `labels`."""
RUN: Final = (START, Write("workflow.completed", 1, _P))
"""A generation begins and ends, however it does."""
WAITING: Final = (Write("workflow.pending"),)
"""A run of a workflow that limits its runs may wait to be let in; its payload comes earlier."""
LAST: Final = (Write("workflow.finally_started", 1, _P + _E),)

OUTSIDE: Final[Mapping[str, int]] = {
    "workflow.paused": 2,
    "workflow.signalled": 1,
    "workflow.pending": 1,
    "workflow.cancel_requested": 1,
    "workflow.failing": 1,
}
"""What is asked and said of a run from outside of its steps, and how many events that comes to: no
certificate counts it. A pause is followed by its end; to wait for a time is an event more before
the first. The last two are said once at the most, of a run that ends before it is done."""


def events(writes: Writes) -> int:
    """Return how many events these are."""
    return sum(write.times for write in writes)


def payloads(writes: Writes) -> int:
    """Return the bytes of their payloads at the most."""
    return sum(write.times * write.payload for write in writes)


def envelope(address_chars: int) -> int:
    """Return the bytes of an event without its payload, of a step with an address so long."""
    return EVENT_ENVELOPE_BYTES_MAX + ADDRESSES_PER_EVENT * address_chars


# ── plans ────────────────────────────────────────────────────────────────────────────────────────

PLANNED_COST_MAX = 1_000_000
"""What an evaluation of a planned step may cost: what any may."""


def planned_max(node: PlannerNode) -> dict[str, int]:
    """Return what the certificate of a plan may say at the most, by the names of its bounds.

    As much as `max_steps` tasks with the policies of the planner, `max_depth` of them in a row;
    and what a certificate counts for a run, as a plan is compiled like one.
    """
    count, tries = node.max_steps, 1 + retries(node.retry)
    deliveries = tries * node.max_deliveries
    chain = min(count, node.max_depth or count)
    one = attempts(tries, node.max_deliveries)
    space = envelope(3 * ID_CHARS_MAX)
    writes = events(RUN) + count * events(one)
    delivery_ms = node.queue_timeout_ms + node.timeout_ms
    return {
        "attempts": count * tries,
        "events": writes,
        "bytes": writes * space + payloads(RUN) + count * payloads(one),
        "concurrent_steps": count,
        "timers": 1 + planned_timers(count, tries, node.allowed_types),
        "duration_ms": chain * (deliveries * delivery_ms + pauses_ms(node.retry, asked=True)),
        "expression_cost": count * PLANNED_COST_MAX * (deliveries + 1),
    }


_NEVER_WAITING: Final = frozenset({"normal", "agent", "transform", "emit", "respond", "fail"})


def planned_timers(count: int, tries: int, allowed_types: Iterable[str]) -> int:
    """Return how many steps of a plan can wait at once, of so many with so many attempts each.

    Where only attempts wait for the next one, and there are as many attempts as steps, each that
    waits takes the attempts of two.
    """
    return count if tries > 1 or set(allowed_types) - _NEVER_WAITING else count // 2


def planned_attempts_max(node: PlannerNode) -> int:
    """Return how many attempts a plan may come to."""
    return planned_max(node)["attempts"]


def planned_events_max(node: PlannerNode) -> int:
    """Return how many events the certificate of a plan may count."""
    return planned_max(node)["events"]


# ── waits between attempts ───────────────────────────────────────────────────────────────────────

DELAY_MS_MIN = 1
POLICIES_CACHED_MAX = 1_024
PAUSES_SUMMED_MAX = 100
"""Waits that are summed one by one; each of more counts as the longest."""


def retries(retry: Retry) -> int:
    """Return how many attempts may follow the first one, whatever the errors.

    What is said of a code that is never retried counts for nothing.
    """
    return max([retry.max_retries, *[policy.max_retries for policy in _by_code(retry)]])


def _by_code(retry: Retry) -> list[CodeRetry]:
    return [policy for code, policy in retry.by_code if code not in retry.non_retryable]


def backoff_ms(policy: CodeRetry, failed_attempt: int) -> float:
    """Return the wait after the attempt of that number (from 1), before jitter makes it shorter."""
    cap = _cap_ms(policy)
    match policy.strategy:
        case "linear":
            wait: float = policy.initial_delay_ms * failed_attempt
        case "exponential":
            wait = _power(policy.initial_delay_ms, policy.multiplier, failed_attempt - 1, cap)
        case "listed":
            wait = policy.delays_ms[min(failed_attempt, len(policy.delays_ms)) - 1]
        case _:
            wait = policy.initial_delay_ms
    return min(wait, cap)


def _power(initial: int, multiplier: float, times: int, cap: int) -> float:
    """Multiply step by step and stop at the cap: a large power would overflow."""
    wait = float(initial)
    for _ in range(times):
        wait *= multiplier
        if wait >= cap or multiplier <= 1:
            break
    return wait


@lru_cache(maxsize=POLICIES_CACHED_MAX)
def pauses_ms(retry: Retry, *, asked: bool) -> int:
    """Return how long all waits between the attempts of a step take together at the most.

    After each attempt it is the longest that a policy has for it, of those that still allow
    another one. `asked` says that a worker may ask for a wait, up to `max_delay`.
    """
    policies = [retry, *_by_code(retry)]
    found = done = 0
    for last in sorted({policy.max_retries for policy in policies} - {0}):
        allowing = [policy for policy in policies if policy.max_retries >= last]
        if asked or last - done > PAUSES_SUMMED_MAX:
            found += (last - done) * max(DELAY_MS_MIN, *map(_cap_ms, allowing))
        else:
            waits = [[backoff_ms(p, at) for p in allowing] for at in range(done + 1, last + 1)]
            found += sum(max(int(max(wait)), DELAY_MS_MIN) for wait in waits)
        done = last
    return found


def _cap_ms(policy: CodeRetry) -> int:
    return min(policy.max_delay_ms, RETRY_DELAY_MS_MAX)
