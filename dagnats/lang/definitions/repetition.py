"""What `config` holds for steps that have bodies: loops, maps, switches; and for planners."""

from dagnats.lang.keys import (
    DURATION,
    TASK,
    Block,
    Choice,
    Either,
    Expression,
    Integer,
    Key,
    ListOf,
    Ref,
    Template,
    Text,
)

ITERATIONS_MAX = 100_000
ITEMS_MAX = 10_000
PLAN_STEPS_MAX = 100
BODY = ListOf(Ref("step"), 1)

_EXHAUSTED = Choice(
    (
        ("fail", "the step fails with code `exhausted`"),
        ("complete", "the step completes with the last result"),
        ("pause", "the run pauses until someone resumes it with more iterations"),
    )
)

_ITERATIONS = Key(
    "max_iterations",
    Integer(1, ITERATIONS_MAX),
    "Most iterations",
    "The bound: the body runs at most so often.",
    (10,),
)
_DURATION = Key(
    "max_duration",
    DURATION,
    "Longest duration",
    "How long all iterations together may take.",
    ("30m",),
)
_DELAY = Key(
    "delay",
    DURATION,
    "Delay",
    "How long to wait between two iterations.",
    ("10s",),
    old=("loop_delay",),
)
_ON_EXHAUSTED = Key(
    "on_exhausted",
    _EXHAUSTED,
    "When exhausted",
    "What happens when the iterations, the duration or the budget are used up: `fail`, `complete` "
    "with the last result, or `pause` the run.",
    ("complete",),
    default="fail",
)
_STATE = Key(
    "initial_state",
    Template(),
    "Initial state",
    "What `loop.state` is in the first iteration; default null.",
    ({"rule": 0},),
)
_STEPS = Key(
    "steps",
    BODY,
    "Body",
    "The steps of the body, instead of a `task`; their ids are unique in the document.",
    ([{"id": "fetch", "task": "http.get"}],),
)
_ITERATED = Key(
    "steps",
    BODY,
    "Body",
    "The steps that each iteration runs; their ids are unique in the document.",
    ([{"id": "poll", "task": "job.poll"}],),
    required=True,
)

AGENT_LOOP = Block(
    "agentLoopConfig",
    "Agent loop",
    "How a task, or a body of steps, is repeated until it is done.",
    (
        _ITERATIONS,
        Key(
            "until",
            Expression("a bool"),
            "Until",
            "A CEL condition on `result` that ends the loop. Without it, the loop ends when the "
            "worker returns without continuing.",
            ("result.done",),
        ),
        _STATE,
        _DURATION,
        _DELAY,
        Key(
            "budget",
            Ref("budget"),
            "Budget",
            "What all iterations together may spend.",
            ({"tokens": 200_000},),
        ),
        _ON_EXHAUSTED,
        _STEPS,
        Key(
            "budget_warn_at",
            Integer(0, 10**12),
            "Warning (old)",
            "Old and without effect: workers were never told.",
            (1000,),
            deprecated=True,
        ),
        Key(
            "budget_force_at",
            Integer(0, 10**12),
            "Limit (old)",
            "Old and without effect: workers were never told. What may be spent says `budget`.",
            (2000,),
            deprecated=True,
        ),
    ),
    ({"max_iterations": 10, "until": "result.done"},),
)

LOOP = Block(
    "loopConfig",
    "Loop",
    "How a body of steps is repeated.",
    (
        _ITERATIONS,
        Key(
            "until",
            Expression("a bool"),
            "Until",
            "A condition, looked at after each iteration, that ends the loop.",
            ("steps.poll.output.ready",),
        ),
        Key(
            "while",
            Expression("a bool"),
            "While",
            "A condition, looked at before each iteration, without which the loop ends.",
            ("loop.iteration < 3",),
            field="while_",
        ),
        _STATE,
        Key(
            "state",
            Template(),
            "Next state",
            "What `loop.state` is in the next iteration; default: the body's outputs.",
            ({"cursor": "${{ steps.page.output.next }}"},),
        ),
        Key(
            "output",
            Template(),
            "Output",
            "The output of the step, from the last iteration; default: an object of the body's "
            "outputs by step id.",
            ("${{ steps.poll.output }}",),
        ),
        _DURATION,
        _DELAY,
        _ON_EXHAUSTED,
        _ITERATED,
    ),
    (
        {
            "max_iterations": 20,
            "until": "steps.poll.output.ready",
            "delay": "10s",
            "steps": [{"id": "poll", "task": "job.poll"}],
        },
    ),
)

MAP = Block(
    "mapConfig",
    "Map",
    "How a task, or a body of steps, is done for each item of a list.",
    (
        Key(
            "over",
            Expression("a list"),
            "Over",
            "The items: an expression that gives a list. Without it, the output of the only "
            "dependency.",
            ("steps.diff.output.files",),
        ),
        Key(
            "max_items",
            Integer(1, ITEMS_MAX),
            "Most items",
            "The bound: more items fail the step before any starts.",
            (100,),
        ),
        Key(
            "max_concurrency",
            Integer(1, ITEMS_MAX),
            "Most at once",
            "Items that are worked on at once; default: all.",
            (8,),
        ),
        Key(
            "tolerance",
            Either(
                (
                    Integer(0, ITEMS_MAX),
                    Text(
                        pattern=r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$",
                        form="write a count, or percents as in `10%`",
                    ),
                )
            ),
            "Tolerance",
            "How many items may fail, as a count or in percent; their outputs are null.",
            (1, "10%"),
            default=0,
        ),
        _STEPS,
        Key(
            "output",
            Template(),
            "Output of an item",
            "What an item gives when the body has steps; default: an object of the body's outputs "
            "by step id.",
            ("${{ steps.fetch.output.title }}",),
        ),
    ),
    ({"over": "steps.diff.output.files", "max_items": 300, "max_concurrency": 8},),
)

SWITCH = Block(
    "switchConfig",
    "Switch",
    "Which body of steps is run: the first case that matches.",
    (
        Key(
            "on",
            Expression("a string, a number or a bool"),
            "On",
            "The value that the cases list; without it, cases have conditions.",
            ("steps.triage.output.kind",),
        ),
        Key(
            "cases",
            ListOf(Ref("case"), 1, 100),
            "Cases",
            "The cases, looked at in order.",
            ([{"values": ["bug"], "steps": [{"id": "fix", "task": "bug.fix"}]}],),
            required=True,
        ),
        Key(
            "default",
            ListOf(Ref("step")),
            "Otherwise",
            "The steps when no case matches; an empty list does nothing.",
            ([{"id": "file", "task": "issue.file"}],),
        ),
        Key(
            "output",
            Template(),
            "Output",
            "The output of the step; default: an object of the chosen body's outputs by step id.",
            ("${{ steps.fix.?output.orValue(null) }}",),
        ),
    ),
    (
        {
            "on": "steps.triage.output.kind",
            "cases": [{"values": ["bug"], "steps": [{"id": "fix", "task": "bug.fix"}]}],
            "default": [],
        },
    ),
)

CASE = Block(
    "case",
    "Case",
    "One way of a switch.",
    (
        Key(
            "values",
            ListOf(Template(("string", "number", "integer", "boolean", "null")), 1, 100),
            "Values",
            "The values of `on` that choose this case.",
            (["bug", "regression"],),
        ),
        Key(
            "when",
            Expression("a bool"),
            "When",
            "The condition that chooses this case, where the switch has no `on`.",
            ("input.cents > 1000",),
        ),
        Key("steps", ListOf(Ref("step")), "Steps", "What is done.", ([],), required=True),
    ),
    ({"values": ["bug"], "steps": [{"id": "fix", "task": "bug.fix"}]},),
    one_of=(("values", "when"),),
)

PLANNER = Block(
    "plannerConfig",
    "Planner",
    "What the steps that a worker plans may be.",
    (
        Key(
            "max_steps",
            Integer(1, PLAN_STEPS_MAX),
            "Most steps",
            "The bound: steps of the plan, bodies included.",
            (10,),
        ),
        Key(
            "max_depth",
            Integer(0, 10),
            "Greatest depth",
            "The longest chain of planned steps; `0` is no limit of its own.",
            (3,),
        ),
        Key(
            "allowed_tasks",
            ListOf(TASK, unique=True),
            "Allowed tasks",
            "Tasks that the plan may use; without it, those of `tasks`, or any if there are none.",
            (["code.edit", "code.test"],),
        ),
        Key(
            "allowed_types",
            ListOf(
                Text(pattern="^[a-z_]+$", form="write types of steps, as in `normal`"), unique=True
            ),
            "Allowed types",
            "Types of steps that the plan may have; default: `normal`.",
            (["normal", "map"],),
        ),
        Key(
            "max_replans",
            Integer(0, 10),
            "Most new plans",
            "How often the planner is asked again, with the findings about the plan before.",
            (2,),
            default=0,
        ),
    ),
    ({"max_steps": 10, "allowed_tasks": ["code.edit", "code.test"]},),
)

REPETITION_BLOCKS = (AGENT_LOOP, LOOP, MAP, SWITCH, CASE, PLANNER)
