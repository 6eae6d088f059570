"""What starts runs by itself: schedules, subjects, webhooks, HTTP endpoints, events."""

from dagnats.lang.keys import (
    DURATION,
    EVENT,
    ID,
    Block,
    Choice,
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

PATH = Text(
    pattern=r"^/?[A-Za-z0-9._~/{}-]{1,255}$",
    chars_max=256,
    form="use letters, digits and `. _ ~ / -`, as in `/orders`",
)
SECRET = Text(chars_max=256)
SECRET_VALUE = Key(
    "secret_value",
    Text(chars_max=256),
    "Secret (old)",
    "Old form of `secret`, which names one: the secret itself, for everyone to read.",
    ("change-me-soon-please",),
    deprecated=True,
)

CRON = Block(
    "cronTrigger",
    "Schedule",
    "When runs start.",
    (
        Key(
            "expression",
            Text(chars_max=256),
            "Expression",
            "Five fields: minute, hour, day of month, month, day of week.",
            ("0 3 * * *",),
            required=True,
        ),
        Key(
            "timezone",
            Text(chars_max=64),
            "Time zone",
            "An IANA time zone; default UTC.",
            ("Europe/Berlin",),
        ),
        Key(
            "backfill",
            Flag(),
            "Catch up",
            "Whether times that were missed while no server ran are made up for.",
            (True,),
            default=False,
        ),
        Key(
            "backfill_max",
            Integer(1, 100),
            "Most caught up",
            "How many missed times are made up for, the latest ones.",
            (10,),
            default=1,
        ),
        Key(
            "overlap",
            Choice(
                (
                    ("allow", "start another run"),
                    ("skip", "start none"),
                    ("cancel", "cancel the one that is there"),
                )
            ),
            "Overlap",
            "What happens when the run before is still there: `allow`, `skip` or `cancel` it.",
            ("skip",),
            default="allow",
        ),
        Key(
            "jitter",
            DURATION,
            "Jitter",
            "Starts are spread over so much time, each trigger always by the same amount.",
            ("30s",),
        ),
    ),
    ({"expression": "0 3 * * *", "timezone": "Europe/Berlin"},),
    short=Text(chars_max=256),
    short_for="expression",
)

SUBJECT = Block(
    "subjectTrigger",
    "Subject",
    "A NATS subject whose messages start runs.",
    (
        Key(
            "subject",
            Text(
                pattern=r"^[^\s.]+(\.[^\s.]+)*$",
                chars_max=255,
                form="write words joined by dots, as in `orders.*.created`",
            ),
            "Subject",
            "The subject; `*` and `>` are wildcards.",
            ("orders.*.created",),
            required=True,
        ),
    ),
    ({"subject": "orders.*.created"},),
    short=Text(chars_max=255),
    short_for="subject",
)

EVENT_TRIGGER = Block(
    "eventTrigger",
    "Event",
    "An event that starts a run.",
    (
        Key("event", EVENT, "Event", "The type of the event.", ("order.paid",), required=True),
        Key(
            "match",
            Expression("a bool"),
            "Match",
            "A condition on `event`; without it, every event of the type.",
            ("event.data.cents > 1000",),
        ),
    ),
    ({"event": "order.paid"},),
    short=EVENT,
    short_for="event",
)

WEBHOOK = Block(
    "webhookTrigger",
    "Webhook",
    "A path under `/hooks/` that starts a run and answers at once.",
    (
        Key("path", PATH, "Path", "The path below `/hooks/`.", ("github",), required=True),
        Key(
            "secret",
            SECRET,
            "Secret",
            "The name of the secret that signs requests (HMAC-SHA256).",
            ("GITHUB_WEBHOOK",),
        ),
        SECRET_VALUE,
    ),
    ({"path": "github", "secret": "GITHUB_WEBHOOK"},),
    exclusive=(("secret", "secret_value"),),
)

HTTP = Block(
    "httpTrigger",
    "HTTP",
    "An endpoint under `/api/` that starts a run and waits for its `respond`.",
    (
        Key("path", PATH, "Path", "The path below `/api/`.", ("/orders",), required=True),
        Key(
            "method",
            Choice(tuple((m, "") for m in ("GET", "POST", "PUT", "PATCH", "DELETE"))),
            "Method",
            "The HTTP method.",
            ("POST",),
            default="POST",
        ),
        Key(
            "timeout",
            DURATION,
            "Timeout",
            "How long a request waits for its answer.",
            ("5s",),
        ),
        Key(
            "timeout_ms",
            Integer(0, 3_600_000),
            "Timeout (old)",
            "Old form of `timeout`, in milliseconds.",
            (5000,),
            deprecated=True,
        ),
        Key(
            "max_body_bytes",
            Integer(0, 16_777_216),
            "Largest body",
            "Bytes of a request's body; more is refused.",
            (1_048_576,),
        ),
        Key("secret", SECRET, "Secret", "The name of the secret that signs requests.", ("API",)),
        SECRET_VALUE,
        Key(
            "idempotency_header",
            Text(chars_max=64),
            "Idempotency header",
            "A header whose value makes requests one: the same value, the same answer.",
            ("Idempotency-Key",),
        ),
        Key(
            "authentication",
            MapOf(Json()),
            "Authentication",
            "What callers must present, for the description of the endpoint.",
            ({"type": "bearer"},),
        ),
    ),
    ({"path": "/orders", "method": "POST"},),
    exclusive=(("secret", "secret_value"),),
)

EXTERNAL = Block(
    "externalTrigger",
    "External",
    "A trigger that a worker provides.",
    (
        Key("kind", Text(chars_max=64), "Kind", "What it is called.", ("filewatcher",), True),
        Key("config", Json(), "Configuration", "What the kind asks for.", ({"path": "/data"},)),
    ),
    ({"kind": "filewatcher", "config": {"path": "/data"}},),
)

STATUSES = (
    ("completed", "it completed"),
    ("failed", "it failed, its time was over or it was compensated"),
    ("cancelled", "it was cancelled"),
)

RUN_TERMINAL = Block(
    "runTerminalTrigger",
    "End of a run",
    "The end of a run of another workflow.",
    (
        Key("workflow", ID, "Workflow", "Its name; not that of this one.", ("build",), True),
        Key(
            "statuses",
            ListOf(Choice(STATUSES)),
            "Statuses",
            "The ends that count; none is all of them.",
            (["completed"],),
        ),
    ),
    ({"workflow": "build", "statuses": ["failed"]},),
    short=ID,
    short_for="workflow",
)

DEBOUNCE = Block(
    "debounce",
    "Debounce",
    "Many triggers in a short time become one run, with the last input.",
    (
        Key("period", DURATION, "Period", "How long it must be quiet.", ("10s",), required=True),
        Key("timeout", DURATION, "Timeout", "The longest that a run is held back.", ("1m",)),
        Key(
            "key",
            Expression("a string or a number", empty_is_none=True, path="trigger.data"),
            "Key",
            "Each value of this expression on `trigger` counts by itself.",
            ("trigger.data.repo",),
        ),
    ),
    ({"period": "10s", "timeout": "1m"},),
)

KINDS = ("cron", "subject", "event", "webhook", "http", "external", "run_terminal")

TRIGGER = Block(
    "trigger",
    "Trigger",
    "Something that starts runs of the workflow.",
    (
        Key("id", ID, "Id", "Its name; unique among triggers.", ("nightly",), required=True),
        Key("description", Text(), "Description", "What it is for.", ("Every night.",)),
        Key("enabled", Flag(), "Enabled", "Whether it acts.", (True,), default=True),
        Key(
            "cron",
            Ref("cronTrigger"),
            "Schedule",
            "Times at which runs start.",
            ({"expression": "0 3 * * *"},),
        ),
        Key(
            "subject",
            Ref("subjectTrigger"),
            "Subject",
            "A NATS subject whose messages start runs.",
            ("orders.*.created",),
        ),
        Key("event", Ref("eventTrigger"), "Event", "An event that starts a run.", ("order.paid",)),
        Key(
            "webhook",
            Ref("webhookTrigger"),
            "Webhook",
            "A path that starts a run and answers at once.",
            ({"path": "github"},),
        ),
        Key(
            "http",
            Ref("httpTrigger"),
            "HTTP",
            "An endpoint that starts a run and waits for its `respond`.",
            ({"path": "/orders"},),
        ),
        Key(
            "external",
            Ref("externalTrigger"),
            "External",
            "A trigger that a worker provides.",
            ({"kind": "filewatcher"},),
        ),
        Key(
            "run_terminal",
            Ref("runTerminalTrigger"),
            "End of a run",
            "The end of a run of another workflow; `trigger.data` is `{run_id, workflow_id, "
            "status, labels}` of it.",
            ({"workflow": "build", "statuses": ["failed"]}, "build"),
        ),
        Key(
            "input",
            Template(),
            "Input",
            "The input of the run, from `trigger`; default: `trigger` itself, or `trigger.data` "
            "with `run_terminal`.",
            ({"repo": "${{ trigger.data.repository }}"},),
        ),
        Key(
            "debounce",
            Ref("debounce"),
            "Debounce",
            "Many triggers in a short time become one run.",
            ({"period": "10s"},),
        ),
        Key(
            "workflow_id",
            Text(pattern="^[A-Za-z0-9_-]{0,64}$", form=ID.form),
            "Workflow (old)",
            "Old and needless: the workflow is the one that the document describes.",
            ("review-pr",),
            deprecated=True,
        ),
        Key("source", Text(), "Source (old)", "Old and without effect.", ("",), deprecated=True),
    ),
    ({"id": "nightly", "cron": {"expression": "0 3 * * *", "timezone": "Europe/Berlin"}},),
    one_of=(KINDS,),
)

TRIGGER_BLOCKS = (
    TRIGGER,
    CRON,
    SUBJECT,
    EVENT_TRIGGER,
    WEBHOOK,
    HTTP,
    EXTERNAL,
    RUN_TERMINAL,
    DEBOUNCE,
)
