"""Blocks that say how: retries, rates, budgets, concurrency, cancellation."""

from dagnats.lang.keys import (
    DURATION,
    EVENT,
    STEP_ID,
    Block,
    Choice,
    Duration,
    Either,
    Expression,
    Flag,
    Integer,
    Json,
    JsonSchema,
    Key,
    ListOf,
    MapOf,
    Number,
    Ref,
    Text,
)

RETRIES_MAX = 100_000
PARALLEL_MAX = 1_000


RETRY_KEYS = (
    Key(
        "max_retries",
        Integer(0, RETRIES_MAX),
        "Most retries",
        "How many attempts may follow the first one.",
        (3,),
        old=("max_attempts",),
    ),
    Key(
        "strategy",
        Choice(
            (
                ("fixed", "each delay is `initial_delay`"),
                ("linear", "the n-th delay is n times `initial_delay`"),
                ("exponential", "each delay is the one before times `multiplier`"),
            )
        ),
        "Strategy",
        "How delays grow: `fixed`, `linear`, or `exponential` by `multiplier`.",
        ("exponential",),
    ),
    Key(
        "initial_delay",
        Duration(zero_is_none=False),
        "First delay",
        "How long to wait before the first retry.",
        ("1s",),
    ),
    Key("max_delay", DURATION, "Longest delay", "No retry waits longer than this.", ("30s",)),
    Key(
        "multiplier",
        Number(0, 1000),
        "Multiplier",
        "By what an exponential delay grows each time; `0` means the default.",
        (2, 1.5),
    ),
    Key(
        "delays",
        ListOf(Duration(zero_is_none=False), 1, 100),
        "Delays",
        "The delays one by one, instead of a strategy; the last one repeats.",
        (["1s", "10s", "1m"],),
    ),
    Key(
        "jitter",
        Number(0, 1),
        "Jitter",
        "By what part of itself a delay may be shorter, derived from the ids of run, step and "
        "attempt; default `0`.",
        (0.2,),
    ),
)

RETRY = Block(
    "retry",
    "Retry policy",
    "How failed attempts are repeated.",
    (
        *RETRY_KEYS,
        Key(
            "non_retryable",
            ListOf(Text(chars_max=64), unique=True),
            "Never retried",
            "Error codes that are never retried.",
            (["invalid_input"],),
        ),
        Key(
            "by_code",
            MapOf(Ref("codeRetry"), Text(chars_max=64), 32),
            "By error code",
            "Other policies for particular error codes; what one leaves out is inherited.",
            ({"rate_limited": {"max_retries": 10, "initial_delay": "30s"}},),
        ),
    ),
    (
        {
            "max_retries": 3,
            "strategy": "exponential",
            "initial_delay": "1s",
            "max_delay": "30s",
            "multiplier": 2,
        },
    ),
)

CODE_RETRY = Block(
    "codeRetry",
    "Retry policy of an error code",
    "How attempts that failed with one code are repeated.",
    RETRY_KEYS,
    ({"max_retries": 10, "initial_delay": "30s"},),
)

DEPENDENCY = Block(
    "dependency",
    "Dependency",
    "A step that must have ended before this one starts; alone, its id.",
    (
        Key("step", STEP_ID, "Step", "The id of the step.", ("fetch",), required=True),
        Key(
            "allow",
            ListOf(
                Choice(
                    (
                        ("skipped", "the step was skipped"),
                        ("failed", "the step failed for good"),
                    )
                ),
                unique=True,
                alone=True,
            ),
            "Accepted outcomes",
            "Outcomes that satisfy the dependency beside `completed`.",
            ("skipped", ["skipped", "failed"]),
        ),
    ),
    ("fetch", {"step": "gate", "allow": "skipped"}),
    short=STEP_ID,
    short_for="step",
)

RATE_LIMIT = Block(
    "rateLimit",
    "Rate limit",
    "How many attempts of the task may start in a period, over all runs.",
    (
        Key("limit", Integer(1, 1_000_000), "Limit", "Attempts in a period.", (100,), True),
        Key("period", DURATION, "Period", "The length of the period.", ("1m",), required=True),
    ),
    ({"limit": 100, "period": "1m"},),
)

KEYED_RATE_LIMIT = Block(
    "keyedRateLimit",
    "Rate limit by key",
    "How much may start in a period for each value of a key, over all runs.",
    (
        Key(
            "key",
            Expression("a string or a number", path="input"),
            "Key",
            "What has a limit of its own: an expression on the input of the run.",
            ("input.customer",),
            required=True,
        ),
        Key("limit", Integer(1, 1_000_000), "Limit", "Units in a period.", (10,), required=True),
        Key("period", DURATION, "Period", "The length of the period.", ("1s",), required=True),
        Key("units", Integer(1, 1_000_000), "Units", "What one attempt takes; default 1.", (1,)),
    ),
    ({"key": "input.customer", "limit": 10, "period": "1s"},),
)

BUDGET = Block(
    "budget",
    "Budget",
    "What may be spent, as workers report it; who exceeds it fails with code `budget_exceeded`.",
    (
        Key("tokens", Integer(1, 10**12), "Tokens", "Tokens of language models.", (200_000,)),
        Key("usd", Number(0, 10**9), "Money", "US dollars.", (5,)),
        Key("tool_calls", Integer(1, 10**9), "Tool calls", "Calls of tools.", (100,)),
    ),
    ({"tokens": 200_000, "usd": 5},),
)

CONCURRENCY = Block(
    "concurrency",
    "Concurrency",
    "How many runs of the workflow, and steps of one run, may be active at once; 0 is no limit.",
    (
        Key(
            "max_runs",
            Integer(0, 1_000_000),
            "Most runs",
            "Runs that are active at once; others wait as `pending`, in order of their start.",
            (10,),
        ),
        Key(
            "key",
            Expression("a string or a number"),
            "Key",
            "`max_runs` counts for each value of this expression on `input` by itself.",
            ("input.customer",),
        ),
        Key(
            "max_steps",
            Integer(0, PARALLEL_MAX),
            "Most steps",
            "Attempts of one run that are queued or running at once.",
            (4,),
        ),
    ),
    ({"max_runs": 10, "max_steps": 4},),
)

SINGLETON = Block(
    "singleton",
    "Singleton",
    "At most one run at a time, or one for each value of a key.",
    (
        Key(
            "mode",
            Choice(
                (
                    ("skip", "a further start gives the run that is there"),
                    ("cancel", "a further start cancels the run that is there"),
                )
            ),
            "Mode",
            "What a start does while a run is there: `skip` it, or `cancel` the run that is there.",
            ("skip",),
            required=True,
        ),
        Key(
            "key",
            Expression("a string or a number", empty_is_none=True, path="input"),
            "Key",
            "One run for each value of this expression on `input`.",
            ("input.repo",),
        ),
    ),
    ({"mode": "skip", "key": "input.repo"},),
)

PRIORITY = Block(
    "priority",
    "Priority",
    "Which runs go first: seconds by which a run counts as older (or, negative, younger).",
    (
        Key(
            "key",
            Expression("a string or a number", path="input"),
            "Key",
            "What decides: an expression on `input`.",
            ("input.plan",),
            required=True,
        ),
        Key(
            "rules",
            MapOf(Integer(-600, 600), entries_max=20, entries_min=1),
            "Rules",
            "Seconds for each value of the key, from -600 to 600.",
            ({"paid": 300},),
            required=True,
        ),
        Key(
            "default_offset",
            Integer(-600, 600),
            "Otherwise",
            "Seconds for any other value; default 0.",
            (0,),
        ),
    ),
    ({"key": "input.plan", "rules": {"paid": 300}},),
)

GO_MATCH = Block(
    "goMatch",
    "Comparison",
    "Old form of a match: a field of the event compared with a value of the run.",
    (
        Key(
            "left",
            Text(chars_max=256),
            "Left",
            "A path into the event.",
            ("order_id",),
            required=True,
        ),
        Key(
            "op",
            Choice((("eq", "equal"), ("", "no match at all, where all three are empty"))),
            "Operator",
            "How they compare.",
            ("eq",),
            required=True,
        ),
        Key(
            "right",
            Text(
                pattern=r"^((input|step)\..+)?$",
                chars_max=256,
                form="write `input.…` or `step.ID.output.…`",
            ),
            "Right",
            "`input.…` or `step.ID.output.…`.",
            ("input.order_id",),
            required=True,
        ),
    ),
    ({"left": "order_id", "op": "eq", "right": "input.order_id"},),
)

CANCEL_ON = Block(
    "cancelOn",
    "Cancelling event",
    "An event that cancels the run.",
    (
        Key("event", EVENT, "Event", "The type of the event.", ("order.cancelled",), True),
        Key(
            "match",
            Either((Expression("a bool"), Ref("goMatch"))),
            "Match",
            "A condition on `event` and `input`; without it, every event of the type.",
            ("event.data.order_id == input.order_id",),
        ),
        Key(
            "timeout",
            DURATION,
            "Timeout",
            "For how long the run listens, from its start; default: to its end.",
            ("1h",),
        ),
    ),
    ({"event": "order.cancelled", "match": "event.data.order_id == input.order_id"},),
)

SKIP_IF = Block(
    "skipIf",
    "Skip condition",
    "Old form of `when`: a field of a dependency's output compared with a value.",
    (
        Key("step_id", STEP_ID, "Step", "A step of `depends_on`.", ("check",), required=True),
        Key("field", Text(chars_max=128), "Field", "A field of its output.", ("ok",), True),
        Key(
            "op",
            Choice(tuple((op, "") for op in ("==", "!=", "<", ">", "<=", ">="))),
            "Operator",
            "How they compare.",
            ("==",),
            required=True,
        ),
        Key("value", Json(), "Value", "What the field is compared with.", (True,)),
    ),
    ({"step_id": "check", "field": "ok", "op": "==", "value": True},),
)

CONTRACT = Block(
    "contract",
    "Task contract",
    "What a task takes and gives.",
    (
        Key("description", Text(), "Description", "What the task does.", ("List the files.",)),
        Key(
            "input",
            JsonSchema(),
            "Input",
            "JSON Schema of what the task takes; `with` is checked against it.",
            ({"type": "object", "required": ["repo"], "properties": {"repo": {"type": "string"}}},),
        ),
        Key(
            "output",
            JsonSchema(),
            "Output",
            "JSON Schema of what the task gives; expressions that read it are checked, and results "
            "are held against it.",
            ({"type": "array", "items": {"type": "string"}},),
        ),
        Key(
            "idempotent",
            Flag(),
            "Idempotent",
            "Whether doing it twice is the same as doing it once.",
            (True,),
        ),
    ),
    ({"input": {"type": "string"}, "output": {"type": "string"}, "idempotent": True},),
)

POLICY_BLOCKS = (
    RETRY,
    CODE_RETRY,
    DEPENDENCY,
    RATE_LIMIT,
    KEYED_RATE_LIMIT,
    BUDGET,
    CONCURRENCY,
    SINGLETON,
    PRIORITY,
    GO_MATCH,
    CANCEL_ON,
    SKIP_IF,
    CONTRACT,
)
