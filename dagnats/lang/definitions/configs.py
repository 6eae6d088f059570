"""What `config` holds, for steps that wait, decide, call, answer and end."""

from dagnats.lang.keys import (
    DURATION,
    EVENT,
    ID,
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
    Ref,
    Template,
    Text,
)

GENERATIONS_MAX = 100_000
CODE = Text(
    pattern=r"^[a-z][a-z0-9_]*$",
    chars_max=64,
    form="use small letters, digits and `_`, a letter first, as in `out_of_stock`",
)

APPROVAL = Block(
    "approvalConfig",
    "Approval",
    "Who decides, until when, and what happens otherwise.",
    (
        Key(
            "timeout",
            DURATION,
            "Timeout",
            "The bound: how long the decision may take.",
            ("24h",),
        ),
        Key(
            "approvers",
            ListOf(Text(chars_max=128), 1, 100, unique=True),
            "Approvers",
            "People or groups who may decide; without it, everyone who may approve at all.",
            (["release-team"],),
        ),
        Key("quorum", Integer(1, 100), "Quorum", "How many must approve.", (2,), default=1),
        Key(
            "on_timeout",
            Choice(
                (
                    ("fail", "the step fails with code `timeout`"),
                    ("reject", "as if it was rejected"),
                    ("approve", "as if it was approved"),
                    ("escalate", "as `escalation` says"),
                )
            ),
            "On timeout",
            "What happens when nobody decided in time: `fail`, `reject`, `approve` or `escalate`.",
            ("reject",),
            default="fail",
        ),
        Key(
            "on_reject",
            Choice(
                (
                    ("fail", "the step fails with code `rejected`"),
                    ("complete", "the step completes, with the decision in its output"),
                )
            ),
            "On rejection",
            "Whether a rejection fails the step with code `rejected`, or completes it.",
            ("complete",),
            default="fail",
        ),
        Key(
            "remind_every",
            DURATION,
            "Reminders",
            "How often the approvers are reminded.",
            ("4h",),
        ),
        Key(
            "escalation",
            Ref("escalation"),
            "Escalation",
            "Who decides when the approvers did not.",
            ({"approvers": ["managers"], "timeout": "8h"},),
        ),
        Key(
            "form",
            JsonSchema(),
            "Form",
            "JSON Schema of what a decision carries; it is in `output.form`.",
            ({"type": "object", "properties": {"reason": {"type": "string"}}},),
        ),
        Key(
            "description",
            Template(("string",)),
            "Description",
            "What is to be decided, for the approvers.",
            ("Release ${{ input.version }}?",),
        ),
        Key(
            "subject",
            Text(chars_max=256),
            "Subject",
            "A NATS subject that gets the request too.",
            ("approvals.release",),
        ),
        Key(
            "metadata",
            MapOf(Template(("string",))),
            "Metadata",
            "Anything for those who show the request.",
            ({"channel": "releases"},),
        ),
    ),
    ({"timeout": "24h", "approvers": ["release-team"], "on_timeout": "reject"},),
)

ESCALATION = Block(
    "escalation",
    "Escalation",
    "A second round, when the first one timed out.",
    (
        Key(
            "approvers",
            ListOf(Text(chars_max=128), 1, 100, unique=True),
            "Approvers",
            "People or groups who may decide then.",
            (["managers"],),
            required=True,
        ),
        Key("timeout", DURATION, "Timeout", "How long they have.", ("8h",), required=True),
    ),
    ({"approvers": ["managers"], "timeout": "8h"},),
)

WAIT_FOR_EVENT = Block(
    "waitForEventConfig",
    "Wait for an event",
    "Which event, and for how long.",
    (
        Key("event", EVENT, "Event", "The type of the event.", ("order.paid",), required=True),
        Key(
            "match",
            Either((Expression("a bool"), Ref("goMatch"))),
            "Match",
            "A condition on `event`; without it, every event of the type.",
            ("event.data.order_id == input.order_id",),
        ),
        Key("timeout", DURATION, "Timeout", "The bound: how long to wait.", ("1h",)),
        Key(
            "on_timeout",
            Choice(
                (
                    ("fail", "the step fails with code `timeout`"),
                    ("skip", "the step is skipped"),
                    ("complete", 'the step completes with `{"timeout": true}`'),
                )
            ),
            "On timeout",
            "What happens when no event came: `fail`, `skip`, or `complete` as dagnats did before.",
            ("skip",),
            default="fail",
        ),
        Key(
            "count",
            Integer(1, 1_000),
            "Count",
            "How many events; the output is a list when there may be more than one.",
            (1,),
            default=1,
        ),
        Key(
            "look_back",
            DURATION,
            "Look back",
            "How old an event may be that was there before the step; default: since the run began.",
            ("10m",),
        ),
    ),
    ({"event": "order.paid", "match": "event.data.id == input.id", "timeout": "1h"},),
)

SLEEP = Block(
    "sleepConfig",
    "Sleep",
    "For how long, or until when.",
    (
        Key(
            "duration",
            Template(("string", "integer")),
            "Duration",
            "How long to sleep: a duration, or `${{ … }}` that gives one.",
            ("10m", "${{ input.delay }}"),
        ),
        Key(
            "until",
            Expression("a timestamp"),
            "Until",
            "When to wake up: an expression that gives a timestamp, its RFC 3339 text, or a number "
            "of milliseconds from the start of the step.",
            ("timestamp(input.due)",),
        ),
        Key(
            "cron",
            Text(chars_max=256),
            "Cron",
            "Wake up at the next time that fits.",
            ("0 9 * * 1-5",),
        ),
        Key(
            "timezone",
            Text(chars_max=64),
            "Time zone",
            "The IANA time zone of `cron`; default UTC.",
            ("Europe/Berlin",),
        ),
        Key(
            "max_duration",
            DURATION,
            "Longest duration",
            "The bound where `until` or an expression decides; who would sleep longer fails.",
            ("30d",),
        ),
        Key(
            "until_input_path",
            Text(chars_max=256),
            "Path (old)",
            "Old form of `until`: a path into the input of the run.",
            ("due_at",),
            deprecated=True,
        ),
    ),
    ({"duration": "10m"},),
    one_of=(("duration", "until", "cron", "until_input_path"),),
)

SUB_WORKFLOW = Block(
    "subWorkflowConfig",
    "Sub-workflow",
    "Which workflow is run as a step.",
    (
        Key("workflow", ID, "Workflow", "Its name.", ("payment",), required=True),
        Key(
            "version",
            Text(chars_max=128),
            "Version",
            "A digest or label; without it, the version that is registered when the step starts.",
            ("1.4.0",),
        ),
        Key(
            "detach",
            Flag(),
            "Detach",
            "Whether the step completes at once, with `child_run_id`.",
            (True,),
            default=False,
        ),
        Key(
            "on_parent_close",
            Choice(
                (
                    ("cancel", "the child is cancelled"),
                    ("abandon", "the child goes on"),
                )
            ),
            "When the parent ends",
            "What happens to a detached child that runs when the parent ends.",
            ("abandon",),
            default="cancel",
        ),
    ),
    ({"workflow": "payment"},),
)

TRANSFORM = Block(
    "transformConfig",
    "Transform",
    "A value that the engine works out; no worker is asked.",
    (
        Key(
            "value",
            Template(),
            "Value",
            "The output: any value, with `${{ … }}` in its strings.",
            ({"total": "${{ steps.a.output + steps.b.output }}"},),
            required=True,
        ),
    ),
    ({"value": "${{ steps.diff.output.files.filter(f, f.endsWith('.py')) }}"},),
)

EMIT = Block(
    "emitConfig",
    "Emit",
    "An event that other runs and triggers may wait for.",
    (
        Key("event", EVENT, "Event", "The type of the event.", ("order.paid",), required=True),
        Key(
            "data",
            Template(),
            "Data",
            "What it carries; default: the input of the step.",
            ({"order_id": "${{ input.order_id }}"},),
        ),
    ),
    ({"event": "order.paid", "data": {"order_id": "${{ input.order_id }}"}},),
)

RESPOND = Block(
    "respondConfig",
    "Respond",
    "The answer to the HTTP request that started the run.",
    (
        Key("status", Integer(100, 599), "Status", "The HTTP status.", (200,), default=200),
        Key(
            "headers",
            MapOf(Template(("string",)), entries_max=100),
            "Headers",
            "HTTP headers.",
            ({"cache-control": "no-store"},),
        ),
        Key(
            "body",
            Template(),
            "Body",
            "What is answered; default: the input of the step.",
            ({"ok": True},),
        ),
        Key(
            "content_type",
            Text(chars_max=128),
            "Content type",
            "The type of the body.",
            ("application/json",),
            default="application/json",
        ),
        Key(
            "body_from",
            Text(chars_max=256),
            "Body (old)",
            "Old form of `body`: a path into the input of the step.",
            ("result",),
            deprecated=True,
        ),
    ),
    ({"status": 200, "body": {"ok": True}},),
)

CONTINUE_AS_NEW = Block(
    "continueAsNewConfig",
    "Continue as new",
    "The next generation of the run, with a history of its own.",
    (
        Key(
            "input",
            Template(),
            "Input",
            "The input of the next generation.",
            ({"cursor": "${{ steps.page.output.next }}"},),
            required=True,
        ),
        Key(
            "max_generations",
            Integer(1, GENERATIONS_MAX),
            "Most generations",
            "The bound: the run has at most so many.",
            (100,),
        ),
    ),
    ({"input": {"cursor": "${{ steps.page.output.next }}"}, "max_generations": 100},),
)

FAIL = Block(
    "failConfig",
    "Fail",
    "The error that the step ends with.",
    (
        Key("code", CODE, "Code", "The error code.", ("out_of_stock",), required=True),
        Key(
            "message",
            Template(("string",)),
            "Message",
            "What went wrong.",
            ("No stock for ${{ input.item }}.",),
        ),
        Key("details", Template(), "Details", "Anything more.", ({"item": "${{ input.item }}"},)),
    ),
    ({"code": "out_of_stock", "message": "No stock for ${{ input.item }}."},),
)

CONFIG_BLOCKS = (
    APPROVAL,
    ESCALATION,
    WAIT_FOR_EVENT,
    SLEEP,
    SUB_WORKFLOW,
    TRANSFORM,
    EMIT,
    RESPOND,
    CONTINUE_AS_NEW,
    FAIL,
)
