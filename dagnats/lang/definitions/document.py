"""The document, and the file of shared definitions that it may import."""

from dagnats.lang.keys import (
    DURATION,
    EVENT,
    ID,
    STEP_ID,
    TASK,
    Block,
    Choice,
    Either,
    Expression,
    Flag,
    Integer,
    JsonSchema,
    Key,
    ListOf,
    MapOf,
    Number,
    Ref,
    Template,
    Text,
)

_TASKS = Key(
    "tasks",
    MapOf(Ref("contract"), TASK),
    "Task contracts",
    "What the tasks of this workflow take and give, by name.",
    ({"git.diff": {"output": {"type": "object"}, "idempotent": True}},),
)
_EVENTS = Key(
    "events",
    MapOf(JsonSchema(), EVENT),
    "Events",
    "JSON Schemas of the data of events, by type.",
    ({"order.paid": {"type": "object", "properties": {"order_id": {"type": "string"}}}},),
)
_SCHEMAS = Key(
    "schemas",
    MapOf(JsonSchema(), ID),
    "Schemas",
    "JSON Schemas by name, for `$ref: '#/schemas/NAME'` in the others.",
    ({"money": {"type": "integer", "minimum": 0}},),
)
_DEFAULTS = Key(
    "defaults",
    Ref("defaults"),
    "Defaults",
    "Values that steps inherit.",
    ({"timeout": "5m"},),
)
_IMPORTS = Key(
    "imports",
    ListOf(Text(chars_max=1024), 1, 100, unique=True),
    "Imports",
    "Files with `tasks`, `events`, `schemas` and `defaults` for this one, by path from here. What "
    "stands here wins over what is imported.",
    (["../shared/tasks.yaml"],),
)
_LANGUAGE = Key(
    "dagnats",
    Integer(1, 1),
    "Language version",
    "The version of the language; now `1`.",
    (1,),
)
_SCHEMA = Key(
    "$schema",
    Text(),
    "Schema",
    "Where an editor finds this schema; not read by dagnats.",
    ("./workflow.schema.json",),
    field="schema_",
)

WORKFLOW = Block(
    "workflow",
    "dagnats workflow",
    "A workflow: steps, what they depend on, and the data between them.",
    (
        _SCHEMA,
        _LANGUAGE,
        Key(
            "name",
            ID,
            "Name",
            "What the workflow is registered and started as: letters, digits, `_` and `-`, at "
            "most 64.",
            ("review-pr",),
            required=True,
        ),
        Key(
            "version",
            Either((Text(chars_max=128), Number(0, 1e15))),
            "Version",
            "A label for people; the identity of a workflow is the hash of its content.",
            ("1.4.0",),
        ),
        Key(
            "description",
            Text(),
            "Description",
            "What the workflow is for.",
            ("Review a pull request and post the result.",),
        ),
        Key(
            "timeout",
            DURATION,
            "Timeout",
            "How long a whole run may take, waits included.",
            ("2h",),
        ),
        Key(
            "input",
            JsonSchema(),
            "Input",
            "JSON Schema of a run's input; starts that do not fit are refused.",
            ({"type": "object", "required": ["repo"], "properties": {"repo": {"type": "string"}}},),
            old=("input_schema",),
        ),
        _IMPORTS,
        _TASKS,
        _EVENTS,
        _SCHEMAS,
        _DEFAULTS,
        Key(
            "vars",
            MapOf(Template(), ID, 100),
            "Variables",
            "Values with a name, worked out once when a run starts: `vars.NAME`.",
            ({"owner": "${{ input.repo.split('/')[0] }}"},),
        ),
        Key(
            "secrets",
            ListOf(
                Text(
                    pattern="^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                    form="use letters, digits and `_`, at most 64",
                ),
                unique=True,
            ),
            "Secrets",
            "Names of secrets that inputs of tasks may refer to; their values reach workers only.",
            (["GITHUB_TOKEN"],),
        ),
        Key(
            "labels",
            MapOf(Template(("string",)), ID, 32),
            "Labels",
            "Labels of each run, to find runs by.",
            ({"team": "payments", "repo": "${{ input.repo }}"},),
        ),
        Key(
            "steps",
            ListOf(Ref("step"), 1),
            "Steps",
            "What is done. Steps that are ready together start in this order.",
            ([{"id": "fetch", "task": "git.fetch"}],),
            required=True,
        ),
        Key(
            "finally",
            ListOf(Ref("step"), 1),
            "Finally",
            "Steps that run last, however the run ends.",
            ([{"id": "clean", "task": "tmp.remove"}],),
            field="finally_",
        ),
        Key(
            "output",
            Template(),
            "Output",
            "What a run gives: any value, with `${{ … }}` in its strings.",
            ("${{ steps.post.output }}",),
        ),
        Key(
            "output_schema",
            JsonSchema(),
            "Schema of the output",
            "JSON Schema of what a run gives; the compiler checks `output` against it.",
            ({"type": "object"},),
        ),
        Key(
            "triggers",
            ListOf(Ref("trigger"), 0, 100),
            "Triggers",
            "What starts runs by itself.",
            ([{"id": "nightly", "cron": {"expression": "0 3 * * *"}}],),
        ),
        Key(
            "concurrency",
            Ref("concurrency"),
            "Concurrency",
            "How many runs, and steps of one run, are active at once.",
            ({"max_runs": 10},),
        ),
        Key(
            "singleton",
            Ref("singleton"),
            "Singleton",
            "At most one run at a time, or one for each value of a key.",
            ({"mode": "skip"},),
        ),
        Key(
            "idempotency_key",
            Expression("a string or a number", empty_is_none=True, path="input"),
            "Idempotency key",
            "Starts that give the same value within 24 hours are one run: an expression on "
            "`input`. A bare path such as `order.id` is read as `input.order.id`.",
            ("input.order_id",),
        ),
        Key(
            "priority",
            Ref("priority"),
            "Priority",
            "Which runs go first.",
            ({"key": "input.plan", "rules": {"paid": 300}},),
        ),
        Key(
            "sticky",
            Choice(
                (
                    ("soft", "the same worker, if it is there"),
                    ("hard", "the same worker, or none; needs a `timeout`"),
                    ("", "any worker"),
                )
            ),
            "Sticky",
            "Whether all steps of a run go to the same worker: `soft` if it is there, `hard` only "
            "to it.",
            ("soft",),
        ),
        Key(
            "cancel_on",
            ListOf(Ref("cancelOn"), 0, 5),
            "Cancelling events",
            "Events that cancel a run.",
            ([{"event": "order.cancelled"}],),
        ),
        Key(
            "budget",
            Ref("budget"),
            "Budget",
            "What a whole run may spend.",
            ({"tokens": 1_000_000, "usd": 20},),
        ),
        Key(
            "default_retry",
            Ref("retry"),
            "Retry (old)",
            "Old spelling of `defaults.retry`.",
            ({"max_retries": 3},),
            deprecated=True,
        ),
        Key(
            "aux_steps",
            MapOf(Flag(), STEP_ID),
            "Handlers (old)",
            "Old and needless: targets of `on_failure` and `compensate` are known to be handlers.",
            ({"notify": True},),
            deprecated=True,
        ),
    ),
    ({"name": "hello", "steps": [{"id": "greet", "task": "hello.greet"}]},),
)

LIBRARY = Block(
    "library",
    "dagnats definitions",
    "Definitions for workflows to import: contracts, events, schemas, defaults.",
    (_SCHEMA, _LANGUAGE, _IMPORTS, _TASKS, _EVENTS, _SCHEMAS, _DEFAULTS),
    ({"tasks": {"git.diff": {"output": {"type": "array"}}}},),
)

DOCUMENT_BLOCKS = (WORKFLOW, LIBRARY)
