"""Steps that wait: `approval`, `wait_for_event`, `sleep`, `sub_workflow`."""

# ruff: noqa: E501 (documents are written in lines)

from tests.machine.behaviour.case import Case
from tests.machine.world import (
    Cancelled,
    Fails,
    Sleeps,
    cancel,
    decides,
    event,
    pause,
    resume,
    signal,
)

GATE = "steps: [{id: g, type: approval, config: {timeout: 1h%s}}]"
ENDED = "as `on_timeout` says: it fails with `timeout`, counts as rejected or approved, or others are asked"
WAIT = "steps: [{id: w, type: wait_for_event, config: {event: paid, timeout: 1h%s}}]"
NAP = "steps: [{id: n, type: sleep, config: {%s}}]"
CHILD = (
    "steps: [{id: c, type: sub_workflow, timeout: 1h, with: {n: 1}%s, config: {workflow: other%s}}]"
)
MATCHED = "the event, or a list of them where `count` is more than 1"

CASES = [
    Case(
        "an approval that is given",
        "approval/success",
        "so many as `quorum` says must approve; the output is the last decision",
        GATE % ", approvers: [ann, staff], quorum: 2",
        lines="""
        run started; approval.requested g (1); approval.granted g; completed g; run
        completed
        """,
        end="completed",
        idle=[
            decides("g", by="bob"),
            decides("g", by="ann"),
            decides("g", by="ann"),
            decides("g", by="eve", groups=("staff",)),
        ],
    ),
    Case(
        "an approval that is rejected",
        "approval/failure",
        "one rejection fails it with `rejected`, unless `on_reject` says that it completes",
        GATE % "",
        lines="run started; approval.requested g (1); failed g rejected; run failed rejected",
        end="failed rejected",
        idle=[decides("g", "reject", comment="no")],
    ),
    Case(
        "a rejection that completes",
        "approval/failure",
        "one rejection fails it with `rejected`, unless `on_reject` says that it completes",
        GATE % ", on_reject: complete",
        lines="run started; approval.requested g (1); completed g; run completed",
        end="completed",
        idle=[decides("g", "reject")],
    ),
    Case(
        "an approval that nobody decides",
        "approval/timeout",
        ENDED,
        GATE % "",
        lines="run started; approval.requested g (1); failed g timeout; run failed timeout",
        end="failed timeout",
    ),
    Case(
        "an approval that time rejects",
        "approval/timeout",
        ENDED,
        GATE % ", on_timeout: reject",
        lines="run started; approval.requested g (1); failed g rejected; run failed rejected",
        end="failed rejected",
    ),
    Case(
        "an approval that time gives",
        "approval/timeout",
        ENDED,
        GATE % ", on_timeout: approve",
        lines="run started; approval.requested g (1); completed g; run completed",
        end="completed",
    ),
    Case(
        "an approval that is escalated",
        "approval/timeout",
        ENDED,
        GATE
        % ", approvers: [ann], on_timeout: escalate, escalation: {approvers: [bob], timeout: 1h}",
        lines="""
        run started; approval.requested g (1); approval.requested g (2); completed g; run
        completed
        """,
        end="completed",
        on=[
            ("approval.requested g (2)", decides("g", by="ann")),
            ("approval.requested g (2)", decides("g", by="bob")),
        ],
    ),
    Case(
        "an escalation that nobody decides",
        "approval/timeout",
        ENDED,
        GATE
        % ", approvers: [ann], on_timeout: escalate, escalation: {approvers: [bob], timeout: 30m}",
        lines="""
        run started; approval.requested g (1); approval.requested g (2); failed g timeout;
        run failed timeout
        """,
        end="failed timeout",
    ),
    Case(
        "approvers that are reminded",
        "approval/reminded",
        "they are asked again every `remind_every`, until the round ends",
        GATE % ", remind_every: 20m",
        lines="""
        run started; approval.requested g (1); approval.reminded g; approval.reminded g;
        failed g timeout; run failed timeout
        """,
        end="failed timeout",
    ),
    Case(
        "an approval that is cancelled",
        "approval/cancel",
        "ends as cancelled; a decision that comes later changes nothing",
        GATE % "",
        lines="""
        run started; approval.requested g (1); run cancel_requested; cancelled g; run
        cancelled
        """,
        end="cancelled cancelled",
        idle=[cancel(), decides("g")],
    ),
    Case(
        "an approval that is skipped",
        "approval/skip",
        "as every step",
        "steps: [{id: g, type: approval, when: input.go, config: {timeout: 1h}}]",
        lines="run started; skipped g condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "an approval in a paused run",
        "approval/pause",
        "a decision, and the end of its time, count at once; what follows begins when the run is resumed",
        "steps: [{id: g, type: approval, config: {timeout: 1h}}, {id: a, task: t, depends_on: [g]}]",
        lines="""
        run started; approval.requested g (1); run paused; completed g; run resumed; queued
        a; completed a; run completed
        """,
        end="completed",
        idle=[pause(), decides("g"), resume()],
    ),
    Case(
        "an event that matches",
        "wait_for_event/success",
        MATCHED,
        WAIT % ", match: event.data.n == 2",
        lines="run started; wait.started w; completed w; run completed",
        end="completed",
        idle=[
            event("sent", {"n": 2}, "e0"),
            event("paid", {"n": 1}, "e1"),
            event("paid", {}, "e2"),
            event("paid", {"n": 2}, "e3"),
        ],
    ),
    Case(
        "several events",
        "wait_for_event/success",
        MATCHED,
        WAIT % ", count: 2",
        lines="run started; wait.started w; wait.matched w; completed w; run completed",
        end="completed",
        idle=[event("paid", 1, "e1"), event("paid", 1, "e1"), event("paid", 2, "e2")],
    ),
    Case(
        "an event from before",
        "wait_for_event/look-back",
        "events that are older by at most `look_back`, and signals that came before, count",
        WAIT % ", look_back: 5m",
        lines="run started; wait.started w; completed w; run completed",
        end="completed",
        on=[
            ("wait.started w", event("paid", 1, "e0", ago=600_000)),
            ("wait.started w", event("paid", 2, "e1", ago=60_000)),
        ],
    ),
    Case(
        "a signal from before",
        "wait_for_event/look-back",
        "events that are older by at most `look_back`, and signals that came before, count",
        "steps: [{id: a, task: t}, {id: w, type: wait_for_event, depends_on: [a], config: {event: paid, timeout: 1h}}]",
        lines="""
        run started; queued a; run signalled; completed a; wait.started w; completed w; run
        completed
        """,
        end="completed",
        on=[("queued a", signal("paid")), ("queued a", signal("paid"))],
    ),
    Case(
        "a signal counts once",
        "wait_for_event/signal",
        "a signal goes to the first step that waits for it, or is kept until one does; it counts once",
        "steps: [{id: w, type: wait_for_event, config: {event: paid, timeout: 1h}}, {id: v, type: wait_for_event, depends_on: [w], config: {event: paid, timeout: 1h, on_timeout: skip}}]",
        lines="""
        run started; wait.started w; completed w; wait.started v; skipped v timeout; run
        completed
        """,
        end="completed",
        idle=[signal("paid"), signal("paid")],
    ),
    Case(
        "an event that does not come",
        "wait_for_event/failure wait_for_event/timeout",
        "fails with `timeout` when it is over, is skipped, or completes, as `on_timeout` says",
        WAIT % "",
        lines="run started; wait.started w; failed w timeout; run failed timeout",
        end="failed timeout",
    ),
    Case(
        "an event that need not come",
        "wait_for_event/timeout",
        "fails with `timeout` when it is over, is skipped, or completes, as `on_timeout` says",
        WAIT % ", on_timeout: skip",
        lines="run started; wait.started w; skipped w timeout; run completed",
        end="completed",
    ),
    Case(
        "an event that may be missing",
        "wait_for_event/timeout",
        "fails with `timeout` when it is over, is skipped, or completes, as `on_timeout` says",
        WAIT % ", on_timeout: complete",
        lines="run started; wait.started w; completed w; run completed",
        end="completed",
        output={"timeout": True},
    ),
    Case(
        "a wait that is cancelled",
        "wait_for_event/cancel",
        "ends as cancelled; events that come later change nothing",
        WAIT % "",
        lines="run started; wait.started w; run cancel_requested; cancelled w; run cancelled",
        end="cancelled cancelled",
        idle=[cancel(), event("paid")],
    ),
    Case(
        "a wait that is skipped",
        "wait_for_event/skip",
        "as every step",
        "steps: [{id: w, type: wait_for_event, when: input.go, config: {event: paid, timeout: 1h}}]",
        lines="run started; skipped w condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "an event in a paused run",
        "wait_for_event/pause",
        "events count at once; what follows begins when the run is resumed",
        "steps: [{id: w, type: wait_for_event, config: {event: paid, timeout: 1h}}, {id: a, task: t, depends_on: [w]}]",
        lines="""
        run started; wait.started w; run paused; completed w; run resumed; queued a;
        completed a; run completed
        """,
        end="completed",
        idle=[pause(), event("paid"), resume()],
    ),
    Case(
        "a sleep of a duration",
        "sleep/success",
        "wakes up after `duration`, at `until`, or at the next time that fits `cron`; a time that is over ends it at once",
        NAP % "duration: 5s",
        lines="run started; sleep.started n; completed n; run completed",
        end="completed",
        output=None,
    ),
    Case(
        "a sleep until a time",
        "sleep/success",
        "wakes up after `duration`, at `until`, or at the next time that fits `cron`; a time that is over ends it at once",
        NAP % "until: input.at, max_duration: 400d",
        lines="run started; sleep.started n; completed n; run completed",
        end="completed",
        input={"at": "2027-02-01T00:00:00Z"},
    ),
    Case(
        "a sleep until the past",
        "sleep/success",
        "wakes up after `duration`, at `until`, or at the next time that fits `cron`; a time that is over ends it at once",
        NAP % "until: input.at, max_duration: 1d",
        lines="run started; completed n; run completed",
        end="completed",
        input={"at": "2001-02-01T00:00:00Z"},
    ),
    Case(
        "a sleep by cron",
        "sleep/success",
        "wakes up after `duration`, at `until`, or at the next time that fits `cron`; a time that is over ends it at once",
        NAP % 'cron: "0 3 * * *", timezone: Europe/Berlin',
        lines="run started; sleep.started n; completed n; run completed",
        end="completed",
    ),
    Case(
        "a sleep that is too long",
        "sleep/failure",
        "fails with `too_long` beyond `max_duration`, with `expression` for what is no time",
        NAP % "until: input.at, max_duration: 1d",
        lines="run started; failed n too_long; run failed too_long",
        end="failed too_long",
        input={"at": "2030-02-01T00:00:00Z"},
    ),
    Case(
        "a sleep until no time",
        "sleep/failure",
        "fails with `too_long` beyond `max_duration`, with `expression` for what is no time",
        NAP % "until: input.at, max_duration: 1d",
        lines="run started; failed n expression; run failed expression",
        end="failed expression",
        input={"at": "soon"},
    ),
    Case(
        "a sleep that is cancelled",
        "sleep/cancel",
        "ends as cancelled",
        NAP % "duration: 5d",
        lines="run started; sleep.started n; run cancel_requested; cancelled n; run cancelled",
        end="cancelled cancelled",
        idle=[cancel()],
    ),
    Case(
        "a sleep that is skipped",
        "sleep/skip",
        "as every step",
        "steps: [{id: n, type: sleep, when: input.go, config: {duration: 5s}}]",
        lines="run started; skipped n condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "a sleep in a paused run",
        "sleep/pause",
        "its time goes on; what follows begins when the run is resumed",
        "timeout: 1d\nsteps: [{id: n, type: sleep, config: {duration: 5s}}, {id: a, task: t, depends_on: [n]}]",
        lines="""
        run started; sleep.started n; run paused; completed n; run resumed; queued a;
        completed a; run completed
        """,
        end="completed",
        idle=[pause()],
        on=[("completed n", resume())],
    ),
    Case(
        "a child that completes",
        "sub_workflow/success",
        "its output is that of the child; a detached one completes with `child_run_id` when the child began",
        CHILD % ("", ""),
        lines="run started; spawn c; completed c; run completed",
        end="completed",
        fates={"c": {"n": 2}},
        output={"n": 2},
    ),
    Case(
        "a child that is let go",
        "sub_workflow/success",
        "its output is that of the child; a detached one completes with `child_run_id` when the child began",
        CHILD % ("", ", detach: true"),
        lines="run started; spawn c; completed c; run completed",
        end="completed",
    ),
    Case(
        "a child that fails",
        "sub_workflow/failure",
        "a child that failed or was cancelled fails it with the child's code",
        CHILD % ("", ""),
        lines="run started; spawn c; failed c lost; run failed lost",
        end="failed lost",
        fates={"c": Fails("lost")},
    ),
    Case(
        "a child that is cancelled",
        "sub_workflow/failure",
        "a child that failed or was cancelled fails it with the child's code",
        CHILD % ("", ""),
        lines="run started; spawn c; failed c cancelled; run failed cancelled",
        end="failed cancelled",
        fates={"c": Cancelled()},
    ),
    Case(
        "a child that is retried",
        "sub_workflow/retry",
        "another child is started, as the policy says",
        CHILD % (", retry: {max_retries: 1}", ""),
        lines="""
        run started; spawn c; failed c boom retry_at; spawn c #2; completed c #2; run
        completed
        """,
        end="completed",
        fates={"c": [Fails(), 1]},
        output=1,
    ),
    Case(
        "a child that takes too long",
        "sub_workflow/timeout",
        "the child is cancelled, and the step fails with `timeout`, which is retried",
        CHILD % ("", ""),
        lines="run started; spawn c; failed c timeout; run failed timeout",
        end="failed timeout",
        fates={"c": Sleeps()},
    ),
    Case(
        "a child whose parent is cancelled",
        "sub_workflow/cancel",
        "ends as cancelled, and its child with it, unless `on_parent_close` lets it go on",
        CHILD % ("", ""),
        lines="run started; spawn c; run cancel_requested; cancelled c; run cancelled",
        end="cancelled cancelled",
        fates={"c": Sleeps()},
        idle=[cancel()],
    ),
    Case(
        "a child that is skipped",
        "sub_workflow/skip",
        "as every step",
        CHILD % (", when: input.go", ""),
        lines="run started; skipped c condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "a child of a paused run",
        "sub_workflow/pause",
        "the child goes on; what follows begins when the run is resumed",
        "steps: [{id: c, type: sub_workflow, timeout: 1h, with: {n: 1}, config: {workflow: other}}, {id: a, task: t, depends_on: [c]}]",
        lines="""
        run started; spawn c; run paused; completed c; run resumed; queued a; completed a;
        run completed
        """,
        end="completed",
        on=[("spawn c", pause())],
        idle=[resume()],
    ),
]
