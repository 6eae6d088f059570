"""What workers do: `task`, `agent_loop`, `planner`."""

# ruff: noqa: E501 (documents are written in lines)

from tests.machine.behaviour.case import Case
from tests.machine.world import (
    Again,
    Fails,
    Ignored,
    Plans,
    Silent,
    Sleeps,
    Spends,
    Vanishes,
    cancel,
    pause,
    resume,
)

ONE = "steps: [{id: a, task: t, retry: {max_retries: 2, initial_delay: 1s, strategy: exponential}}]"
AGENT = "steps: [{id: g, type: agent_loop, task: t, config: {max_iterations: 3%s}}]"
PLANNER = "steps: [{id: p, type: planner, task: t, config: {max_steps: 5, max_replans: 1,\n  allowed_tasks: [u], allowed_types: [normal, planner, map]}}]\ntasks: {u: {}}"

CASES = [
    Case(
        "a task that succeeds",
        "task/success",
        "its result is its output",
        ONE,
        lines="run started; queued a; completed a; run completed",
        end="completed",
        fates={"a": {"n": 1}},
        output={"n": 1},
    ),
    Case(
        "a task that fails for good",
        "task/failure",
        "an error that is not retryable, or the last retry, fails it with the worker's code",
        ONE,
        lines="run started; queued a; failed a boom; run failed boom",
        end="failed boom",
        fates={"a": Fails(retryable=False)},
    ),
    Case(
        "a task that is retried",
        "task/retry",
        "waits as its policy says, then the next attempt is queued",
        ONE,
        lines="""
        run started; queued a; failed a boom retry_at; queued a #2; failed a #2 boom
        retry_at; queued a #3; completed a #3; run completed
        """,
        end="completed",
        fates={"a": [Fails(), Fails(), "good"]},
        output="good",
    ),
    Case(
        "a task that has no retries left",
        "task/failure",
        "an error that is not retryable, or the last retry, fails it with the worker's code",
        ONE,
        lines="""
        run started; queued a; failed a boom retry_at; queued a #2; failed a #2 boom
        retry_at; queued a #3; failed a #3 boom; run failed boom
        """,
        end="failed boom",
        fates={"a": Fails()},
    ),
    Case(
        "an attempt that takes too long",
        "task/timeout",
        "`timeout` fails the attempt and is retried, `queue_timeout` fails the step",
        "steps: [{id: a, task: t, timeout: 10s, retry: {max_retries: 1}}]",
        lines="""
        run started; queued a; failed a timeout retry_at; queued a #2; failed a #2 timeout;
        run failed timeout
        """,
        end="failed timeout",
        fates={"a": Sleeps()},
    ),
    Case(
        "an attempt that no worker takes",
        "task/timeout",
        "`timeout` fails the attempt and is retried, `queue_timeout` fails the step",
        "steps: [{id: a, task: t, queue_timeout: 10s, retry: {max_retries: 1}}]",
        lines="run started; queued a; failed a queue_timeout; run failed queue_timeout",
        end="failed queue_timeout",
        fates={"a": Ignored()},
    ),
    Case(
        "a worker without a heartbeat",
        "task/heartbeat",
        "no sign of life within `heartbeat_timeout` fails the attempt, which is retried",
        "steps: [{id: a, task: t, heartbeat_timeout: 5s, retry: {max_retries: 1}}]",
        lines="""
        run started; queued a; failed a heartbeat_timeout retry_at; queued a #2; completed a
        #2; run completed
        """,
        end="completed",
        fates={"a": [Silent(), 1]},
        output=1,
    ),
    Case(
        "a worker that vanishes",
        "task/lost",
        "a lost delivery is delivered again; after `max_deliveries` the attempt fails with `worker_lost`",
        ONE,
        lines="run started; queued a; lost a; lost a; completed a; run completed",
        end="completed",
        fates={"a": Vanishes(2, "back")},
        output="back",
    ),
    Case(
        "workers that always vanish",
        "task/lost",
        "a lost delivery is delivered again; after `max_deliveries` the attempt fails with `worker_lost`",
        "steps: [{id: a, task: t}]",
        lines="""
        run started; queued a; lost a; lost a; lost a; lost a; failed a worker_lost; run
        failed worker_lost
        """,
        end="failed worker_lost",
        fates={"a": Vanishes(99)},
    ),
    Case(
        "a task that is cancelled",
        "task/cancel",
        "it is taken back from queue or worker, and ends as cancelled",
        ONE,
        lines="run started; queued a; run cancel_requested; cancelled a; run cancelled",
        end="cancelled cancelled",
        on=[("queued a", cancel())],
    ),
    Case(
        "a task that is cancelled while it runs",
        "task/cancel",
        "it is taken back from queue or worker, and ends as cancelled",
        ONE,
        lines="run started; queued a; run cancel_requested; cancelled a; run cancelled",
        end="cancelled cancelled",
        fates={"a": Sleeps()},
        idle=[cancel()],
    ),
    Case(
        "a task whose condition does not hold",
        "task/skip",
        "`when` that does not hold, or a dependency that is not satisfied, skips it",
        "steps: [{id: a, task: t, when: input.go}, {id: b, task: t, depends_on: [a]}]",
        lines="run started; skipped a condition; skipped b dependency; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "an input that has no value",
        "task/no-value",
        "an expression without a value fails the step with `expression`, without a retry",
        'steps: [{id: a, task: t, with: "${{ input.n / input.m }}", retry: {max_retries: 3}}]',
        lines="run started; failed a expression; run failed expression",
        end="failed expression",
        input={"n": 1, "m": 0},
    ),
    Case(
        "a worker that asks a plain task to go on",
        "task/not-a-loop",
        "asking for another iteration fails it with `not_a_loop`",
        ONE,
        lines="run started; queued a; failed a not_a_loop; run failed not_a_loop",
        end="failed not_a_loop",
        fates={"a": Again(1)},
    ),
    Case(
        "a result that is too large",
        "task/too-large",
        "a result beyond what a message holds fails it with `too_large`, without a retry",
        ONE,
        lines="run started; queued a; failed a too_large; run failed too_large",
        end="failed too_large",
        fates={"a": "x" * 1_100_000},
    ),
    Case(
        "an agent loop that returns",
        "agent_loop/success",
        "ends when `until` holds, or, without it, when the worker returns without asking for more",
        AGENT % "",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); completed g (2); run
        completed
        """,
        end="completed",
        fates={"g": [Again(1), {"done": True}]},
        output={"done": True},
    ),
    Case(
        "an agent loop with until",
        "agent_loop/success",
        "ends when `until` holds, or, without it, when the worker returns without asking for more",
        AGENT % ", until: result.n == 2, initial_state: {n: 0}, delay: 5s",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); completed g (2); run
        completed
        """,
        end="completed",
        fates={"g": lambda task: {"n": task.loop_state["n"] + 1}},
        output={"n": 2},
    ),
    Case(
        "an agent loop that fails",
        "agent_loop/failure",
        "an iteration that fails for good fails it",
        AGENT % "",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); failed g (2) boom; run
        failed boom
        """,
        end="failed boom",
        fates={"g": [Again(1), Fails(retryable=False)]},
    ),
    Case(
        "an iteration that is retried",
        "agent_loop/retry",
        "the policy counts for each iteration anew",
        "steps: [{id: g, type: agent_loop, task: t, retry: {max_retries: 1}, config: {max_iterations: 3, delay: 1s}}]",
        lines="""
        run started; queued g (1); failed g (1) boom retry_at; queued g #2 (1); continue g
        #2 (1); queued g (2); failed g (2) boom retry_at; queued g #2 (2); completed g #2
        (2); run completed
        """,
        end="completed",
        fates={"g": lambda t: Fails() if t.attempt == 1 else (Again(1) if t.iteration < 2 else 2)},
        output=2,
    ),
    Case(
        "an iteration that takes too long",
        "agent_loop/timeout",
        "`timeout` counts for each attempt of an iteration, `max_duration` for all of them",
        "steps: [{id: g, type: agent_loop, task: t, timeout: 5s, config: {max_iterations: 3}}]",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); failed g (2) timeout; run
        failed timeout
        """,
        end="failed timeout",
        fates={"g": [Again(), Sleeps()]},
    ),
    Case(
        "an agent loop that is cancelled between iterations",
        "agent_loop/cancel",
        "it is taken back from queue or worker, and ends as cancelled, between iterations, too",
        AGENT % ", delay: 1h",
        lines="""
        run started; queued g (1); continue g (1); run cancel_requested; cancelled g (2);
        run cancelled
        """,
        end="cancelled cancelled",
        fates={"g": Again()},
        idle=[cancel()],
    ),
    Case(
        "an agent loop that is skipped",
        "agent_loop/skip",
        "as every step",
        "steps: [{id: g, type: agent_loop, task: t, when: input.go, config: {max_iterations: 3}}]",
        lines="run started; skipped g condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "an agent loop at its bound fails",
        "agent_loop/exhausted",
        "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last result, or pauses the run",
        AGENT % "",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); continue g (2); queued g
        (3); failed g (3) exhausted; run failed exhausted
        """,
        end="failed exhausted",
        fates={"g": Again()},
    ),
    Case(
        "an agent loop at its bound completes",
        "agent_loop/exhausted",
        "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last result, or pauses the run",
        AGENT % ", on_exhausted: complete",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); continue g (2); queued g
        (3); completed g (3); run completed
        """,
        end="completed",
        fates={"g": lambda task: Again(task.iteration)},
        output=3,
    ),
    Case(
        "an agent loop at its bound pauses",
        "agent_loop/exhausted",
        "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last result, or pauses the run",
        "steps: [{id: g, type: agent_loop, task: t, config: {max_iterations: 2, on_exhausted: pause}}, {id: b, task: t}]",
        lines="""
        run started; queued g (1); queued b; continue g (1); queued g (2); completed b;
        exhausted g; completed g; run resumed; run completed
        """,
        end="completed",
        fates={"g": lambda task: Again(task.iteration), "b": "late"},
        idle=[resume("complete")],
        output={"g": 2, "b": "late"},
    ),
    Case(
        "a paused agent loop that is to fail",
        "agent_loop/exhausted",
        "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last result, or pauses the run",
        AGENT % ", on_exhausted: pause",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); continue g (2); queued g
        (3); exhausted g; failed g exhausted; run resumed; run failed exhausted
        """,
        end="failed exhausted",
        fates={"g": Again()},
        idle=[resume("fail")],
    ),
    Case(
        "an agent loop that has spent its budget",
        "agent_loop/exhausted",
        "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last result, or pauses the run",
        AGENT % ", budget: {tokens: 10}",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); failed g (2) exhausted; run
        failed exhausted
        """,
        end="failed exhausted",
        fates={"g": Again(usage={"tokens": 5})},
    ),
    Case(
        "an agent loop that takes too long",
        "agent_loop/exhausted",
        "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last result, or pauses the run",
        AGENT % ", max_duration: 10s, delay: 10s",
        lines="""
        run started; queued g (1); continue g (1); queued g (2); failed g (2) exhausted; run
        failed exhausted
        """,
        end="failed exhausted",
        fates={"g": Again()},
    ),
    Case(
        "a plan that is carried out",
        "planner/success",
        "its steps run below it; the output is theirs by id",
        PLANNER,
        lines="""
        run started; queued p (1); planner.materialized p (1); queued p.x; completed p.x;
        queued p.y; completed p.y; completed p; run completed
        """,
        end="completed",
        fates={"p": Plans("- {id: x, task: u}\n- {id: y, task: u, depends_on: [x]}"), "p.x": 1},
        output={"x": 1, "y": "ok"},
    ),
    Case(
        "a planned step that fails",
        "planner/failure",
        "a planned step that fails for good, or a refused plan too many, fails it",
        PLANNER,
        lines="""
        run started; queued p (1); planner.materialized p (1); queued p.x; queued p.y;
        failed p.x boom; cancelled p.y; failed p boom; run failed boom
        """,
        end="failed boom",
        fates={"p": Plans("- {id: x, task: u}\n- {id: y, task: u}"), "p.x": Fails(retryable=False)},
    ),
    Case(
        "plans that are refused",
        "planner/failure",
        "a planned step that fails for good, or a refused plan too many, fails it",
        PLANNER,
        lines="""
        run started; queued p (1); planner.refused p (1); queued p (2); failed p (2)
        plan_refused; run failed plan_refused
        """,
        end="failed plan_refused",
        fates={"p": Plans(problems=("no such task",))},
    ),
    Case(
        "a plan that is made again",
        "planner/refused",
        "a refused plan is told to the planner as `loop.state`, and it is asked again, `max_replans` times",
        PLANNER,
        lines="""
        run started; queued p (1); planner.refused p (1); queued p (2); planner.materialized
        p (2); queued p.x; completed p.x; completed p; run completed
        """,
        end="completed",
        fates={"p": [Plans(problems=("no such task",)), Plans("- {id: x, task: u}")]},
        output={"x": "ok"},
    ),
    Case(
        "a planner that is retried",
        "planner/retry",
        "asking for the plan is retried as a task is",
        "steps: [{id: p, type: planner, task: t, retry: {max_retries: 1}, config: {max_steps: 5, allowed_tasks: [u]}}]\ntasks: {u: {}}",
        lines="""
        run started; queued p (1); failed p (1) boom retry_at; queued p #2 (1);
        planner.materialized p #2 (1); queued p.x; completed p.x; completed p; run completed
        """,
        end="completed",
        fates={"p": lambda t: Fails() if t.attempt == 1 else Plans("- {id: x, task: u}")},
    ),
    Case(
        "a planner that takes too long",
        "planner/timeout",
        "`timeout` counts for each attempt to get a plan",
        "steps: [{id: p, type: planner, task: t, timeout: 5s, config: {max_steps: 5, allowed_tasks: [u]}}]\ntasks: {u: {}}",
        lines="run started; queued p (1); failed p (1) timeout; run failed timeout",
        end="failed timeout",
        fates={"p": Sleeps()},
    ),
    Case(
        "a plan that is cancelled",
        "planner/cancel",
        "its open steps are cancelled before it",
        PLANNER,
        lines="""
        run started; queued p (1); planner.materialized p (1); queued p.x; run
        cancel_requested; cancelled p.x; cancelled p.y; cancelled p; run cancelled
        """,
        end="cancelled cancelled",
        fates={
            "p": Plans("- {id: x, task: u}\n- {id: y, task: u, depends_on: [x]}"),
            "p.x": Sleeps(),
        },
        idle=[cancel()],
    ),
    Case(
        "a planner that is skipped",
        "planner/skip",
        "as every step",
        "steps: [{id: p, type: planner, task: t, when: input.go, config: {max_steps: 5, allowed_tasks: [u]}}]\ntasks: {u: {}}",
        lines="run started; skipped p condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "a plan with a planner in it",
        "planner/nested",
        "a plan may have bodies and planners, whose steps have longer addresses",
        PLANNER,
        lines="""
        run started; queued p (1); planner.materialized p (1); queued p.q (1); map.started
        p.m; queued p.m[0]; queued p.m[1]; planner.materialized p.q (1); queued p.q.x;
        completed p.m[0]; lost p.m[1]; completed p.q.x; completed p.q; completed p.m[1];
        completed p.m; completed p; run completed
        """,
        end="completed",
        fates={
            "p": Plans(
                "- {id: q, type: planner, task: t, config: {max_steps: 2, allowed_tasks: [u]}}\n- {id: m, type: map, task: u, config: {over: '[1, 2]', max_items: 2}}"
            ),
            "p.q": Plans("- {id: x, task: u}"),
            "p.m[1]": Vanishes(),
        },
        output={"q": {"x": "ok"}, "m": ["ok", "ok"]},
    ),
    Case(
        "a pause lets nothing new start",
        "task/pause agent_loop/pause",
        "what waits for a worker is taken back, results still count; resumed, it is offered again",
        "steps: [{id: a, task: t}, {id: b, task: t}, {id: c, task: t, depends_on: [a]}, {id: g, type: agent_loop, task: t, config: {max_iterations: 3}}]",
        lines="""
        run started; queued a; queued b; queued g (1); completed a; queued c; run paused;
        run resumed; completed b; completed c; continue g (1); queued g (2); completed g
        (2); run completed
        """,
        end="completed",
        fates={"g": [Again(), "done"]},
        on=[("completed a", pause())],
        idle=[resume()],
    ),
    Case(
        "what the workers of a run spend beyond its budget",
        "task/budget",
        "a result that brings the run beyond its `budget` counts, then the run fails with `budget`",
        "budget: {tokens: 10}\nsteps: [{id: a, task: t, compensate: u}, {id: u, task: t}, {id: b, task: t, depends_on: [a]}, {id: c, task: t, depends_on: [b]}]",
        lines="""
        run started; queued a; completed a; queued b; completed b; run failing; cancelled c;
        compensating a; queued a.u; completed a.u; run failed budget
        """,
        end="failed budget",
        fates={"a": Spends(1, {"tokens": 6}), "b": Spends(2, {"tokens": 6})},
    ),
]
