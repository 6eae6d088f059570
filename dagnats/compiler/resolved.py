"""What a step inherits: its own word, else that of `defaults`, else the language's.

defaults: {retry: {max_retries: 3}}, retry: {strategy: linear}   →  3 retries, linear
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from dagnats.expr.ast import Literal
from dagnats.ir.program import CodeRetry, Retry
from dagnats.lang import tree
from dagnats.lang.tree import Step, Workflow
from dagnats.timespec import parse_duration_ms

TIMEOUT_MS: Final = 5 * 60_000
QUEUE_TIMEOUT_MS: Final = 24 * 3_600_000
RUN_TIMEOUT_MS: Final = 30 * 24 * 3_600_000
SUB_WORKFLOW_TIMEOUT_MS: Final = RUN_TIMEOUT_MS
"""A child has a timeout of its own; this one only ends what would never end."""
MAX_DELIVERIES: Final = 5
"""Workers that may vanish with one attempt before it has failed."""

_PLAIN: Final = Retry()
_OWN_TIMES: Final = ("timeout", "queue_timeout", "heartbeat_timeout")
_GOVERNING: Final = (*_OWN_TIMES, "retry", "worker_group")

WORK: Final = frozenset({"normal", "agent", "agent_loop", "planner", "map"})
"""Types of steps whose task, if they have one, workers do."""


class Work(Struct, frozen=True):
    """What governs the attempts of one step."""

    timeout_ms: int
    queue_timeout_ms: int
    heartbeat_timeout_ms: int | None
    retry: Retry
    worker_group: str | None
    max_deliveries: int = MAX_DELIVERIES

    @property
    def attempts(self) -> int:
        """How many attempts it allows, whatever the codes of the errors."""
        return 1 + retries(self.retry)


def retries(retry: Retry) -> int:
    """Return how many attempts may follow the first one."""
    return max([retry.max_retries, *[own.max_retries for _, own in retry.by_code]])


def kind_of(step: Step) -> str:
    """Return the type of a step."""
    return step.type or "normal"


def works(step: Step) -> bool:
    """Whether workers do the step itself, or a map's items, as one task."""
    kind = kind_of(step)
    if kind not in WORK:
        return False
    match step.config:
        case tree.AgentLoop(steps=steps) | tree.Map(steps=steps):
            return not steps
        case _:
            return True


class Policies:
    """What holds for the steps of one workflow."""

    def __init__(self, workflow: Workflow) -> None:
        self.run_timeout_ms = workflow.timeout or RUN_TIMEOUT_MS
        self._defaults = workflow.defaults
        # By identity: the workflow keeps its steps, and three passes ask for the same ones.
        self._workflow = workflow
        self._known: dict[int, Work] = {}
        self.usual = self._work(None)

    def _default(self, key: str) -> Any:
        return None if self._defaults is None else getattr(self._defaults, key)

    def work(self, step: Step) -> Work:
        """Return what governs the attempts of a step; a retry policy is inherited key by key."""
        found = self._known.get(id(step))
        if found is None:
            plain = all(getattr(step, key) is None for key in _GOVERNING)
            found = self._known[id(step)] = self.usual if plain else self._work(step)
        return found

    def _work(self, step: Step | None) -> Work:
        def first(key: str) -> Any:
            return (step and getattr(step, key)) or self._default(key)

        return Work(
            timeout_ms=first("timeout") or TIMEOUT_MS,
            queue_timeout_ms=first("queue_timeout") or QUEUE_TIMEOUT_MS,
            heartbeat_timeout_ms=first("heartbeat_timeout"),
            retry=self._retry(step),
            worker_group=first("worker_group"),
        )

    def _retry(self, step: Step | None) -> Retry:
        """Return the policy, key by key from `defaults`."""
        levels = [None if step is None else step.retry, self._default("retry")]
        written = [level for level in levels if level is not None]
        return _resolved(written) if written else _PLAIN

    def child_timeout_ms(self, step: Step) -> int:
        """Return how long a sub-workflow may take."""
        timeout: int | None = step.timeout or self._default("timeout")
        return timeout or SUB_WORKFLOW_TIMEOUT_MS

    def wait_ms(self, step: Step) -> int | None:
        """Return how long an approval or a wait for an event may take; None: it has no bound."""
        config = step.config
        own = config.timeout if isinstance(config, tree.Approval | tree.WaitForEvent) else None
        return own or step.timeout or self._default("wait_timeout")

    def sleep_ms(self, step: Step) -> int:
        """Return how long a sleep may take: what it says, else as long as the run."""
        config = step.config
        if not isinstance(config, tree.Sleep):
            return self.run_timeout_ms
        said = slept_ms(config)
        return max(1, said) if said is not None else config.max_duration or self.run_timeout_ms

    def bound(self, step: Step) -> int | None:
        """Return the bound of a repetition or a wait; None where it has none and needs one."""
        match step.config:
            case tree.AgentLoop(max_iterations=own) | tree.Loop(max_iterations=own):
                inherited = self._default("max_iterations")
            case tree.Map(max_items=own):
                inherited = self._default("max_items")
            case tree.Planner(max_steps=own):
                inherited = self._default("max_steps")
            case tree.ContinueAsNew(max_generations=own):
                inherited = self._default("max_generations")
            case tree.Approval() | tree.WaitForEvent():
                return self.wait_ms(step)
            case _:
                return 1
        return own if own is not None else inherited


def slept_ms(config: tree.Sleep) -> int | None:
    """Return the duration of a sleep where it is written as one; None where it is worked out."""
    expr = None if config.duration is None else config.duration.expr
    value = expr.value if isinstance(expr, Literal) else None
    return parse_duration_ms(value) if isinstance(value, str | int) else None


_Level = tree.CodeRetry
_FIELDS: Final = {
    "max_retries": "max_retries",
    "initial_delay": "initial_delay_ms",
    "max_delay": "max_delay_ms",
    "jitter": "jitter",
}
"""Keys of a policy that are inherited one by one, as the program calls them."""


def _resolved(levels: Sequence[tree.Retry]) -> Retry:
    base = _code_retry(levels, _PLAIN)
    codes = sorted({code for level in levels for code in level.by_code})
    own = [(code, [e.by_code[code] for e in levels if code in e.by_code]) for code in codes]
    by_code = tuple((code, _meant(_code_retry(found, base))) for code, found in own)
    never = next((level.non_retryable for level in levels if level.non_retryable), ())
    found = Retry(**_parts(_meant(base)), non_retryable=tuple(sorted(never)), by_code=by_code)
    # Where nothing is retried, how it would be means nothing.
    return found if retries(found) else _PLAIN


_PARTS: Final = CodeRetry.__struct_fields__


def _parts(policy: CodeRetry) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in _PARTS}


def _code_retry(levels: Sequence[_Level], base: CodeRetry) -> CodeRetry:
    """Return a policy key by key; `delays` and `strategy` are one choice, of the nearest level."""
    found = _parts(base)
    for key, name in _FIELDS.items():
        found[name] = _first([getattr(level, key) for level in levels], found[name])
    # Go writes 0 for a multiplier that is not set.
    found["multiplier"] = _first([level.multiplier or None for level in levels], base.multiplier)
    chosen = next((level for level in levels if level.delays or level.strategy), None)
    if chosen is not None:
        found["strategy"] = "listed" if chosen.delays else chosen.strategy
        found["delays_ms"] = chosen.delays
    return CodeRetry(**found)


def _first(values: Sequence[Any], otherwise: Any) -> Any:
    return next((value for value in values if value is not None), otherwise)


def _meant(policy: CodeRetry) -> CodeRetry:
    """Leave out what the strategy does not look at: the same meaning is the same policy."""
    found = _parts(policy)
    if policy.strategy != "exponential":
        found["multiplier"] = _PLAIN.multiplier
    found["multiplier"] = float(found["multiplier"])
    found["jitter"] = float(found["jitter"])
    if policy.strategy == "listed":
        found["initial_delay_ms"] = _PLAIN.initial_delay_ms
    return CodeRetry(**found)
