"""Policies, and runs as a whole: joins, handlers, compensation, `finally`, pauses, retries, gates."""

# ruff: noqa: E501 (documents are written in lines)

from tests.machine.behaviour.case import Case
from tests.machine.world import (
    Fails,
    Sleeps,
    admit,
    cancel,
    decides,
    event,
    passes,
    pause,
    retry,
)

BAD = Fails(retryable=False)
SAGA = """
steps:
  - {id: a, task: t, compensate: ua}
  - {id: b, task: t, depends_on: [a], compensate: ub}
  - {id: c, task: t, depends_on: [b], compensate: uc}
  - {id: d, task: t, depends_on: [c]}
  - {id: ua, task: t}
  - {id: ub, task: t}
  - {id: uc, task: t}
"""
TIDY = "finally: [{id: z, task: t}]\n"
UNDONE = "after a failure, a timeout or a cancellation what has completed is undone, the last first; what fails then stands in `details.compensation_failed`"
LAST = "`finally` runs when all else has ended, however; a failure in it fails a run that would have completed"
SAVED = "its output stands for that of the step, which has completed; when it fails, the step fails with its own error"
JOIN = "`all_success` waits for all and needs outcomes that are accepted, `all_done` waits for all, `any_success` for the first"
SLOW = "delays grow as the policy says, up to `max_delay`; `by_code` and `non_retryable` go by the error's code; a worker may choose"

CASES = [
    Case(
        "delays that grow",
        "run/retry",
        SLOW,
        "steps: [{id: a, task: t, retry: {max_retries: 4, strategy: exponential, initial_delay: 1s, max_delay: 3s, by_code: {slow: {max_retries: 1, initial_delay: 60s, max_delay: 60s}}, non_retryable: [fatal]}}]",
        lines="""
        run started; queued a; failed a boom retry_at; queued a #2; failed a #2 x retry_at;
        queued a #3; failed a #3 boom retry_at; queued a #4; failed a #4 fatal; run failed
        fatal
        """,
        end="failed fatal",
        fates={"a": [Fails(), Fails("x", after=100), Fails(), Fails("fatal")]},
    ),
    Case(
        "a policy for one code",
        "run/retry",
        SLOW,
        "steps: [{id: a, task: t, retry: {max_retries: 4, by_code: {slow: {max_retries: 1}}}}]",
        lines="""
        run started; queued a; failed a slow retry_at; queued a #2; failed a #2 slow; run
        failed slow
        """,
        end="failed slow",
        fates={"a": Fails("slow")},
    ),
    Case(
        "a handler that recovers",
        "run/on_failure",
        SAVED,
        "steps: [{id: a, task: t, on_failure: h}, {id: h, task: t}, {id: b, task: t, depends_on: [a]}]",
        lines="""
        run started; queued a; failed a boom handler; queued a.h; completed a.h; completed
        a; queued b; completed b; run completed
        """,
        end="completed",
        fates={"a": BAD, "a.h": "saved", "b": lambda task: task.input},
        output="saved",
    ),
    Case(
        "a handler that fails",
        "run/on_failure",
        SAVED,
        "steps: [{id: a, task: t, on_failure: h}, {id: h, task: t}, {id: b, task: t, depends_on: [a]}]",
        lines="""
        run started; queued a; failed a boom handler; queued a.h; failed a.h worse; failed a
        boom; run failing; cancelled b; run failed boom
        """,
        end="failed boom",
        fates={"a": BAD, "a.h": Fails("worse", retryable=False)},
    ),
    Case(
        "a handler of a handler",
        "run/on_failure",
        SAVED,
        "steps: [{id: a, task: t, on_failure: h}, {id: h, task: t, on_failure: k}, {id: k, task: t}]",
        lines="""
        run started; queued a; failed a boom handler; queued a.h; failed a.h boom handler;
        queued a.h.k; completed a.h.k; completed a.h; completed a; run completed
        """,
        end="completed",
        fates={"a": BAD, "a.h": BAD, "a.h.k": "saved"},
        output="saved",
    ),
    Case(
        "handlers of containers and waits",
        "run/on_failure",
        SAVED,
        """
steps:
  - {id: m, type: map, task: t, on_failure: h, config: {over: '[1, 2]', max_items: 2}}
  - {id: l, type: loop, on_failure: h, config: {max_iterations: 1, until: 'false', steps: [{id: x, task: t, on_failure: i}, {id: i, task: t, with: "${{ loop.iteration }}"}]}}
  - {id: g, type: approval, on_failure: h, config: {timeout: 1h}}
  - {id: h, task: t, with: "${{ error.code }}"}
""",
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; loop.started l; loop.iteration
        l (1); approval.requested g (1); queued l[1].x; failed m[0] boom; cancelled m[1];
        failed m items_failed handler; queued m.h; failed l[1].x boom handler; queued
        l[1].x.i; completed m.h; completed m; completed l[1].x.i; completed l[1].x; failed l
        (1) exhausted handler; queued l.h; completed l.h; completed l (1); failed g rejected
        handler; queued g.h; completed g.h; completed g; run completed
        """,
        end="completed",
        fates={
            "m[0]": BAD,
            "l[1].x": BAD,
            "l[1].x.i": lambda task: task.input,
            "m.h": lambda task: task.input,
            "l.h": lambda task: task.input,
            "g.h": lambda task: task.input,
        },
        idle=[decides("g", "reject")],
        output={"m": "items_failed", "l": "exhausted", "g": "rejected"},
    ),
    Case(
        "a handler that is a container",
        "run/on_failure",
        SAVED,
        "steps: [{id: a, task: t, on_failure: h}, {id: h, type: map, task: t, config: {over: '[1, 2]', max_items: 2}}]",
        lines="""
        run started; queued a; failed a boom handler; map.started a.h; queued a.h[0]; queued
        a.h[1]; completed a.h[0]; completed a.h[1]; completed a.h; completed a; run
        completed
        """,
        end="completed",
        fates={"a": BAD},
        output=["ok", "ok"],
    ),
    Case(
        "steps that are undone",
        "run/compensate",
        UNDONE,
        SAGA,
        lines="""
        run started; queued a; completed a; queued b; completed b; queued c; completed c;
        queued d; failed d boom; run failing; compensating c; queued c.uc; completed c.uc;
        compensating b; queued b.ub; completed b.ub; compensating a; queued a.ua; completed
        a.ua; run failed boom
        """,
        end="failed boom",
        fates={"d": BAD},
    ),
    Case(
        "steps that cannot be undone",
        "run/compensate",
        UNDONE,
        SAGA + TIDY,
        lines="""
        run started; queued a; completed a; queued b; completed b; queued c; completed c;
        queued d; failed d boom; run failing; compensating c; queued c.uc; completed c.uc;
        compensating b; queued b.ub; failed b.ub stuck; compensating a; queued a.ua;
        completed a.ua; run finally_started; queued z; completed z; run failed boom
        """,
        end="failed boom",
        fates={"d": BAD, "b.ub": Fails("stuck", retryable=False)},
    ),
    Case(
        "steps that are undone because of a cancellation",
        "run/compensate",
        UNDONE,
        SAGA + TIDY,
        lines="""
        run started; queued a; completed a; queued b; completed b; queued c; completed c;
        queued d; run cancel_requested; run failing; cancelled d; compensating c; queued
        c.uc; completed c.uc; compensating b; queued b.ub; completed b.ub; compensating a;
        queued a.ua; completed a.ua; run finally_started; queued z; completed z; run
        cancelled
        """,
        end="cancelled cancelled",
        fates={"d": Sleeps()},
        idle=[cancel()],
    ),
    Case(
        "steps of bodies that are undone",
        "run/compensate",
        UNDONE,
        """
steps:
  - {id: m, type: map, config: {over: '[1, 2]', max_items: 2, max_concurrency: 1, steps: [{id: x, task: t, compensate: ux}, {id: ux, task: t, with: "${{ item }}"}]}}
  - {id: l, type: loop, depends_on: [m], config: {max_iterations: 2, while: loop.iteration < 3, delay: 1s, steps: [{id: y, task: t, compensate: uy}, {id: uy, task: t, with: "${{ loop.iteration }}"}]}}
  - {id: d, task: t, depends_on: [l]}
""",
        lines="""
        run started; map.started m; map.item_started m (0); queued m[0].x; completed m[0].x;
        map.instance.completed m (0); map.item_started m (1); queued m[1].x; completed
        m[1].x; map.instance.completed m (1); completed m; loop.started l; loop.iteration l
        (1); queued l[1].y; completed l[1].y; continue l (1); loop.iteration l (2); queued
        l[2].y; completed l[2].y; completed l (2); queued d; failed d boom; run failing;
        compensating l[2].y; queued l[2].y.uy; completed l[2].y.uy; compensating l[1].y;
        queued l[1].y.uy; completed l[1].y.uy; compensating m[1].x; queued m[1].x.ux;
        completed m[1].x.ux; compensating m[0].x; queued m[0].x.ux; completed m[0].x.ux; run
        failed boom
        """,
        end="failed boom",
        fates={"d": BAD},
    ),
    Case(
        "a handler that is undone",
        "run/compensate",
        UNDONE,
        """
steps:
  - {id: l, type: loop, config: {max_iterations: 2, while: loop.iteration < 3, steps: [{id: x, task: t, on_failure: h}, {id: h, task: t, compensate: uh}, {id: uh, task: t, on_failure: k}, {id: k, task: t}]}}
  - {id: d, task: t, depends_on: [l]}
""",
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; failed l[1].x boom
        handler; queued l[1].x.h; completed l[1].x.h; completed l[1].x; continue l (1);
        loop.iteration l (2); queued l[2].x; completed l[2].x; completed l (2); queued d;
        failed d boom; run failing; compensating l[1].x.h; queued l[1].x.h.uh; failed
        l[1].x.h.uh boom handler; queued l[1].x.h.uh.k; completed l[1].x.h.uh.k; completed
        l[1].x.h.uh; run failed boom
        """,
        end="failed boom",
        fates={"l[1].x": BAD, "d": BAD, "l[1].x.h.uh": BAD},
    ),
    Case(
        "finally after success",
        "run/finally",
        LAST,
        "steps: [{id: a, task: t}]\n" + TIDY,
        lines="""
        run started; queued a; completed a; run finally_started; queued z; completed z; run
        completed
        """,
        end="completed",
        output="ok",
    ),
    Case(
        "finally after a failure",
        "run/finally",
        LAST,
        'steps: [{id: a, task: t}, {id: b, task: t}]\nfinally: [{id: z, task: t, with: "${{ steps.a.status }}"}]',
        lines="""
        run started; queued a; queued b; failed a boom; run failing; cancelled b; run
        finally_started; queued z; completed z; run failed boom
        """,
        end="failed boom",
        fates={"a": BAD},
    ),
    Case(
        "finally after a cancellation",
        "run/finally",
        LAST,
        "steps: [{id: a, task: t}]\n" + TIDY,
        lines="""
        run started; queued a; run cancel_requested; cancelled a; run finally_started;
        queued z; completed z; run cancelled
        """,
        end="cancelled cancelled",
        on=[("queued a", cancel())],
    ),
    Case(
        "finally after the time of a run",
        "run/finally",
        LAST,
        "timeout: 10s\nsteps: [{id: a, task: t}, {id: b, task: t}]\n" + TIDY,
        lines="""
        run started; queued a; queued b; completed b; run failing; cancelled a; run
        finally_started; queued z; completed z; run failed timeout
        """,
        end="failed timeout",
        fates={"a": Sleeps()},
    ),
    Case(
        "finally that fails",
        "run/finally",
        LAST,
        "steps: [{id: a, task: t}]\nfinally: [{id: z, task: t, on_failure: h}, {id: h, task: t}, {id: y, task: t}]",
        lines="""
        run started; queued a; completed a; run finally_started; queued z; queued y; failed
        z boom handler; queued z.h; failed z.h boom; failed z boom; cancelled y; run failed
        boom
        """,
        end="failed boom",
        fates={"z": BAD, "z.h": BAD, "y": Sleeps()},
    ),
    Case(
        "finally that is saved",
        "run/finally",
        LAST,
        "steps: [{id: a, task: t}]\nfinally: [{id: z, task: t, on_failure: h}, {id: h, task: t}]",
        lines="""
        run started; queued a; failed a boom; run finally_started; queued z; failed z boom
        handler; queued z.h; completed z.h; completed z; run failed boom
        """,
        end="failed boom",
        fates={"a": BAD, "z": BAD},
    ),
    Case(
        "the time of a run",
        "run/timeout",
        "counts from the start, waits included; what is open is cancelled, what was done is undone",
        "timeout: 10s\nsteps: [{id: a, task: t}, {id: b, type: sleep, config: {duration: 1s}}]",
        lines="""
        run started; queued a; sleep.started b; completed b; run failing; cancelled a; run
        failed timeout
        """,
        end="failed timeout",
        fates={"a": Sleeps()},
    ),
    Case(
        "all must be done",
        "run/join",
        JOIN,
        "steps: [{id: a, task: t}, {id: b, task: t}, {id: c, task: t, join: all_done, depends_on: [a, b]}]",
        lines="""
        run started; queued a; queued b; failed a boom; completed b; queued c; completed c;
        run completed
        """,
        end="completed",
        fates={"a": BAD},
        output="ok",
    ),
    Case(
        "one success is enough",
        "run/join",
        JOIN,
        "steps: [{id: a, task: t}, {id: b, type: sleep, config: {duration: 1h}}, {id: e, task: t}, {id: c, task: t, join: any_success, depends_on: [a, b, e]}]",
        lines="""
        run started; queued a; sleep.started b; queued e; failed a boom; completed e; queued
        c; completed c; completed b; run completed
        """,
        end="completed",
        fates={"a": BAD},
    ),
    Case(
        "no success is not enough",
        "run/join",
        JOIN,
        "steps: [{id: a, task: t}, {id: b, task: t}, {id: c, task: t, join: any_success, depends_on: [a, b]}]",
        lines="""
        run started; queued a; queued b; failed a boom; failed b boom; skipped c dependency;
        run completed
        """,
        end="completed",
        fates={"a": BAD, "b": BAD},
    ),
    Case(
        "outcomes that are accepted",
        "run/join",
        JOIN,
        "steps: [{id: a, task: t}, {id: b, task: t, when: input.go}, {id: c, task: t, depends_on: [{step: a, allow: failed}, {step: b, allow: skipped}]}, {id: d, task: t, depends_on: [b]}, {id: e, task: t, depends_on: [{step: a, allow: failed}, d]}]",
        lines="""
        run started; queued a; skipped b condition; skipped d dependency; failed a boom;
        queued c; skipped e dependency; completed c; run completed
        """,
        end="completed",
        fates={"a": BAD},
        input={"go": False},
    ),
    Case(
        "events that cancel a run",
        "run/cancel_on",
        "an event that matches cancels the run, for so long as it listens",
        "cancel_on: [{event: stop, match: event.data.n == input.n, timeout: 1h}]\nsteps: [{id: a, task: t}]",
        lines="run started; queued a; run cancel_requested; cancelled a; run cancelled",
        end="cancelled cancelled",
        input={"n": 1},
        fates={"a": Sleeps()},
        idle=[
            event("stop", {"n": 2}, "e1"),
            event("stop", {}, "e2"),
            event("stop", {"n": 1}, "e3"),
        ],
    ),
    Case(
        "events that come too late to cancel",
        "run/cancel_on",
        "an event that matches cancels the run, for so long as it listens",
        "cancel_on: [{event: stop, timeout: 1s}]\nsteps: [{id: a, type: sleep, config: {duration: 1h}}]",
        lines="run started; sleep.started a; completed a; run completed",
        end="completed",
        idle=[passes(2_000), event("stop")],
    ),
    Case(
        "a run that is paused and cancelled",
        "run/pause",
        "nothing new starts, timers go on, results count; a cancelled or timed out run ends all the same",
        "steps: [{id: a, task: t, compensate: u}, {id: u, task: t}, {id: b, task: t, depends_on: [a]}]\n"
        + TIDY,
        lines="""
        run started; queued a; completed a; queued b; run paused; run cancel_requested; run
        resumed; run failing; cancelled b; compensating a; queued a.u; completed a.u; run
        finally_started; queued z; completed z; run cancelled
        """,
        end="cancelled cancelled",
        on=[("completed a", pause())],
        idle=[cancel()],
    ),
    Case(
        "a run that is paused for too long",
        "run/pause",
        "nothing new starts, timers go on, results count; a cancelled or timed out run ends all the same",
        "timeout: 1h\nsteps: [{id: a, task: t, timeout: 10m, retry: {max_retries: 1}}]\n" + TIDY,
        lines="""
        run started; queued a; run paused; failed a timeout retry_at; run resumed; run
        failing; cancelled a #2; run finally_started; queued z; completed z; run failed
        timeout
        """,
        end="failed timeout",
        fates={"a": Sleeps()},
        idle=[pause()],
    ),
    Case(
        "a run that is retried",
        "run/retried",
        "a failed run does again what failed, ended early or was undone, and what depends on it",
        """
timeout: 1h
steps:
  - {id: a, task: t}
  - {id: m, type: map, depends_on: [a], config: {over: '[1]', max_items: 1, steps: [{id: x, task: t, compensate: u}, {id: u, task: t}]}}
  - {id: b, type: wait_for_event, depends_on: [m], config: {event: go, timeout: 1m}}
""",
        lines="""
        run started; queued a; completed a; map.started m; map.item_started m (0); queued
        m[0].x; completed m[0].x; map.instance.completed m (0); completed m; wait.started b;
        failed b timeout; run failing; compensating m[0].x; queued m[0].x.u; completed
        m[0].x.u; run failed timeout; run retried; map.started m; map.item_started m (0);
        queued m[0].x; completed m[0].x; map.instance.completed m (0); completed m;
        wait.started b; completed b; run completed
        """,
        end="completed",
        on=[("run failed timeout", retry()), ("run retried", event("go"))],
    ),
    Case(
        "a run that waits for its gate",
        "run/pending",
        "begins when it is let in; cancelled before, it ends without having begun",
        "steps: [{id: a, task: t}]",
        lines="run pending; run started; queued a; completed a; run completed",
        end="completed",
        start={"gate": True},
        idle=[admit()],
    ),
    Case(
        "a run that is cancelled before it began",
        "run/pending",
        "begins when it is let in; cancelled before, it ends without having begun",
        "steps: [{id: a, task: t}]\n" + TIDY,
        lines="run pending; run cancel_requested; cancelled a; run cancelled",
        end="cancelled cancelled",
        start={"gate": True},
        idle=[cancel()],
    ),
    Case(
        "a run that never gets in",
        "run/pending",
        "begins when it is let in; cancelled before, it ends without having begun",
        "timeout: 1h\nsteps: [{id: a, task: t}]\n" + TIDY,
        lines="run pending; cancelled a; run failed timeout",
        end="failed timeout",
        start={"gate": True},
    ),
    Case(
        "a run that cannot begin",
        "run/refused",
        "where `vars` or `labels` have no value, it ends at once",
        'vars: {x: "${{ 1 / input.n }}"}\nsteps: [{id: a, task: t}]',
        lines="run started; run failing; cancelled a; run failed expression",
        end="failed expression",
        input={"n": 0},
    ),
    Case(
        "a run with outcomes of another",
        "run/carried",
        "steps that another run has done are not done again",
        "steps: [{id: a, task: t}, {id: b, task: t, depends_on: [{step: a, allow: skipped}]}, {id: c, task: t, depends_on: [b]}]",
        lines="run started; queued c; completed c; run completed",
        end="completed",
        start={"carried": {"a": {"skipped": "condition"}, "b": {"output": 7}}},
        fates={"c": lambda task: task.input},
        output=7,
    ),
]
