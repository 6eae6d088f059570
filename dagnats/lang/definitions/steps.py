"""The step: the keys that every type has, and what each type is."""

from msgspec import Struct

from dagnats.lang.definitions.repetition import ITEMS_MAX
from dagnats.lang.keys import (
    DURATION,
    ID,
    STEP_ID,
    TASK,
    Block,
    Choice,
    Duration,
    Expression,
    Flag,
    Integer,
    Json,
    Key,
    ListOf,
    MapOf,
    Ref,
    Template,
    Text,
)


class StepType(Struct, frozen=True):
    """A type of step: what it does, its block of `config`, and whether it has a `task`.

    `task` is `needed`, `none`, or `instead` where a body of steps may stand for it. `bound` is the
    key of `config` without which nothing limits it.
    """

    name: str
    doc: str
    config: str | None = None
    task: str = "none"
    bound: str | None = None


STEP_TYPES = (
    StepType("normal", "one task, done by a worker", task="needed"),
    StepType("agent", "one task, done by a worker that is an agent", task="needed"),
    StepType(
        "agent_loop",
        "a task repeated until it is done, bounded",
        "agentLoopConfig",
        "instead",
        "max_iterations",
    ),
    StepType(
        "planner", "a task whose result is steps to run", "plannerConfig", "needed", "max_steps"
    ),
    StepType("approval", "a decision of people", "approvalConfig", bound="timeout"),
    StepType("wait_for_event", "wait for an event", "waitForEventConfig", bound="timeout"),
    StepType("sleep", "wait for a time", "sleepConfig"),
    StepType("sub_workflow", "another workflow, run as a step", "subWorkflowConfig"),
    StepType(
        "map",
        "a task or a body of steps for each item of a list",
        "mapConfig",
        "instead",
        "max_items",
    ),
    StepType("switch", "one of several bodies of steps", "switchConfig"),
    StepType("loop", "a body of steps, repeated, bounded", "loopConfig", bound="max_iterations"),
    StepType("transform", "a value worked out by the engine", "transformConfig"),
    StepType("emit", "publish an event", "emitConfig"),
    StepType("respond", "answer the HTTP request that started the run", "respondConfig"),
    StepType(
        "continue_as_new",
        "go on as a new generation of the run",
        "continueAsNewConfig",
        bound="max_generations",
    ),
    StepType("fail", "end with an error", "failConfig"),
)

STEP = Block(
    "step",
    "Step",
    "One step of the workflow.",
    (
        Key(
            "id",
            STEP_ID,
            "Id",
            "How other steps and expressions refer to this one; unique in the document.",
            ("fetch",),
            required=True,
        ),
        Key(
            "type",
            Choice(tuple((kind.name, kind.doc) for kind in STEP_TYPES)),
            "Type",
            "What kind of step it is; each type has its own keys in `config`.",
            ("agent_loop",),
            default="normal",
        ),
        Key("task", TASK, "Task", "The task that a worker does.", ("git.diff",)),
        Key("description", Text(), "Description", "What the step is for.", ("Find the files.",)),
        Key(
            "depends_on",
            ListOf(Ref("dependency")),
            "Dependencies",
            "Steps that must have ended first. A step that an expression refers to is a dependency "
            "by itself.",
            (["fetch"], [{"step": "gate", "allow": "skipped"}]),
        ),
        Key(
            "when",
            Expression("a bool"),
            "When",
            "A CEL condition; when it is false, the step is skipped.",
            ("size(steps.diff.output.files) > 0",),
        ),
        Key(
            "join",
            Choice(
                (
                    ("all_success", "every dependency as it is accepted"),
                    ("all_done", "every dependency has ended, however"),
                    ("any_success", "one dependency completed"),
                )
            ),
            "Join",
            "Which dependencies must be satisfied: `all_success`, `all_done` (however they ended) "
            "or `any_success` (the first that completes).",
            ("all_done",),
            default="all_success",
        ),
        Key(
            "with",
            Template(),
            "Input",
            "The input of the step: any value, with `${{ … }}` in its strings. Without it: the run "
            "input, the output of the only dependency, or an object of outputs by step id.",
            ({"files": "${{ steps.diff.output.files }}"},),
            field="with_",
        ),
        Key(
            "timeout",
            DURATION,
            "Timeout",
            "How long one attempt may take, from its dispatch.",
            ("5m",),
        ),
        Key(
            "queue_timeout",
            DURATION,
            "Queue timeout",
            "How long the step may wait for a worker.",
            ("1h",),
        ),
        Key(
            "heartbeat_timeout",
            DURATION,
            "Heartbeat timeout",
            "How long a worker may give no sign of life.",
            ("30s",),
        ),
        Key(
            "retry",
            Ref("retry"),
            "Retry",
            "How failed attempts are repeated; what is left out is inherited from `defaults`.",
            ({"max_retries": 3},),
        ),
        Key(
            "on_failure",
            STEP_ID,
            "On failure",
            "A step that runs instead when this one has failed for good; its output then stands "
            "for this one's. It finds the error in `error`.",
            ("notify",),
        ),
        Key(
            "compensate",
            STEP_ID,
            "Compensate",
            "A step that undoes this one when the run fails later, in reverse order of completion.",
            ("refund",),
        ),
        Key(
            "worker_group",
            ID,
            "Worker group",
            "Only workers of this group do the task.",
            ("gpu",),
        ),
        Key(
            "rate_limit",
            Ref("rateLimit"),
            "Rate limit",
            "How many attempts of the task may start in a period.",
            ({"limit": 100, "period": "1m"},),
        ),
        Key(
            "keyed_rate_limit",
            Ref("keyedRateLimit"),
            "Rate limit by key",
            "How much may start in a period for each value of a key.",
            ({"key": "input.customer", "limit": 10, "period": "1s"},),
        ),
        Key(
            "max_task_concurrency",
            Integer(0, 1000),
            "Most of the task",
            "Attempts of the task that run at once, over all runs; `0` is no limit.",
            (5,),
        ),
        Key(
            "required_capabilities",
            ListOf(Text(chars_max=64), unique=True),
            "Capabilities",
            "What a worker must have announced that it can do.",
            (["docker"],),
        ),
        Key(
            "config",
            Json(),
            "Configuration",
            "What belongs to the step's `type`.",
            ({"max_iterations": 10, "until": "result.done"},),
        ),
        Key(
            "metadata",
            MapOf(Json()),
            "Metadata",
            "Anything you like; kept with the step and shown, never read.",
            ({"team": "payments"},),
        ),
        Key(
            "skip_if",
            Ref("skipIf"),
            "Skip condition (old)",
            "Old form of `when`.",
            ({"step_id": "check", "field": "ok", "op": "==", "value": True},),
            deprecated=True,
        ),
        Key(
            "retries",
            Integer(0, 100_000),
            "Retries (old)",
            "Old form of `retry`: so many, 5 seconds apart.",
            (3,),
            deprecated=True,
        ),
        Key(
            "singleton",
            Flag(),
            "Singleton (old)",
            "Old and without effect.",
            (False,),
            deprecated=True,
        ),
    ),
    ({"id": "fetch", "task": "git.fetch"},),
    exclusive=(("rate_limit", "keyed_rate_limit"),),
)

DEFAULTS = Block(
    "defaults",
    "Defaults",
    "Values that steps inherit.",
    (
        Key("timeout", DURATION, "Timeout", "Of steps that give none.", ("5m",)),
        Key("queue_timeout", DURATION, "Queue timeout", "Of steps that give none.", ("1h",)),
        Key(
            "heartbeat_timeout", DURATION, "Heartbeat timeout", "Of steps that give none.", ("30s",)
        ),
        Key(
            "wait_timeout",
            Duration(),
            "Timeout of waits",
            "Of approvals and waits for events that give none.",
            ("24h",),
        ),
        Key(
            "retry",
            Ref("retry"),
            "Retry",
            "Of steps that give none, key by key.",
            ({"max_retries": 3},),
        ),
        Key("max_iterations", Integer(1, 100_000), "Most iterations", "Of loops.", (10,)),
        Key("max_items", Integer(1, ITEMS_MAX), "Most items", "Of maps.", (100,)),
        Key("max_steps", Integer(1, 100), "Most steps", "Of planners.", (10,)),
        Key(
            "max_generations",
            Integer(1, 100_000),
            "Most generations",
            "Of runs that continue as new.",
            (100,),
        ),
        Key("worker_group", ID, "Worker group", "Of steps that give none.", ("gpu",)),
    ),
    ({"timeout": "5m", "retry": {"max_retries": 3}},),
)

STEP_BLOCKS = (STEP, DEFAULTS)
