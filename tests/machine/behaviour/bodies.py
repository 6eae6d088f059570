"""Steps with bodies: `map`, `loop`, `switch`."""

# ruff: noqa: E501 (documents are written in lines)

from tests.machine.behaviour.case import Case
from tests.machine.world import Fails, Sleeps, Spends, cancel, pause, resume

MAP = "steps: [{id: m, type: map, task: t, config: {over: input, max_items: 3%s}}]"
EACH = 'steps: [{id: m, type: map, config: {over: input, max_items: 3%s, output: "${{ steps.x.output }}", steps: [{id: x, task: t, with: "${{ item }}"}, {id: y, task: t, depends_on: [x]}]}}]'
LOOP = "steps: [{id: l, type: loop, config: {max_iterations: 3%s, steps: [{id: x, task: t}]}}]"
SWITCH = "steps: [{id: s, type: switch, config: {'on': input.kind, cases: [{values: [a, b], steps: [{id: x, task: t}]}, {values: [b], steps: [{id: y, task: t}]}]%s}}]"
BOUND = "at its bound (iterations, time, budget) it fails with `exhausted`, completes with the last outputs, or pauses the run"
BAD = Fails(retryable=False)

CASES = [
    Case(
        "a map of one task",
        "map/success",
        "the outputs of the items, in their order, whenever they ended",
        MAP % "",
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; queued m[2]; completed m[0];
        completed m[1]; completed m[2]; completed m; run completed
        """,
        end="completed",
        input=[1, 2, 3],
        fates={"m[0]": 10, "m[1]": 20, "m[2]": 30},
        output=[10, 20, 30],
    ),
    Case(
        "a map of a body",
        "map/success",
        "the outputs of the items, in their order, whenever they ended",
        EACH % "",
        lines="""
        run started; map.started m; map.item_started m (0); map.item_started m (1); queued
        m[0].x; queued m[1].x; completed m[0].x; queued m[0].y; completed m[1].x; queued
        m[1].y; completed m[0].y; map.instance.completed m (0); completed m[1].y;
        map.instance.completed m (1); completed m; run completed
        """,
        end="completed",
        input=[1, 2],
        fates={"m[0].x": "a", "m[1].x": "b"},
        output=["a", "b"],
    ),
    Case(
        "a map of nothing",
        "map/empty",
        "without items it completes with an empty list",
        MAP % "",
        lines="run started; map.started m; completed m; run completed",
        end="completed",
        input=[],
        output=[],
    ),
    Case(
        "a map of too many items",
        "map/failure",
        "too many items, a value that is no list, or more failed items than tolerated",
        MAP % "",
        lines="run started; failed m too_many_items; run failed too_many_items",
        end="failed too_many_items",
        input=[1, 2, 3, 4],
    ),
    Case(
        "a map of no list",
        "map/failure",
        "too many items, a value that is no list, or more failed items than tolerated",
        MAP % "",
        lines="run started; failed m type; run failed type",
        end="failed type",
        input={"a": 1},
    ),
    Case(
        "an item that fails",
        "map/failure",
        "too many items, a value that is no list, or more failed items than tolerated",
        EACH % "",
        lines="""
        run started; map.started m; map.item_started m (0); map.item_started m (1); queued
        m[0].x; queued m[1].x; failed m[0].x boom; cancelled m[0].y; map.item_failed m (0)
        boom; cancelled m[1].x; cancelled m[1].y; failed m items_failed; run failed
        items_failed
        """,
        end="failed items_failed",
        input=[1, 2],
        fates={"m[0].x": BAD},
    ),
    Case(
        "items whose failure is tolerated",
        "map/tolerance",
        "so many items, as a count or in percent, may fail; their outputs are null",
        MAP % ", tolerance: 1",
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; queued m[2]; completed m[0];
        failed m[1] boom; completed m[2]; completed m; run completed
        """,
        end="completed",
        input=[1, 2, 3],
        fates={"m[1]": BAD},
        output=["ok", None, "ok"],
    ),
    Case(
        "items whose failure is tolerated in percent",
        "map/tolerance",
        "so many items, as a count or in percent, may fail; their outputs are null",
        EACH % ', tolerance: "50%"',
        lines="""
        run started; map.started m; map.item_started m (0); map.item_started m (1); queued
        m[0].x; queued m[1].x; completed m[0].x; queued m[0].y; failed m[1].x boom;
        cancelled m[1].y; map.item_failed m (1) boom; completed m[0].y;
        map.instance.completed m (0); completed m; run completed
        """,
        end="completed",
        input=[1, 2],
        fates={"m[1].x": BAD},
        output=["ok", None],
    ),
    Case(
        "too many failures in percent",
        "map/tolerance",
        "so many items, as a count or in percent, may fail; their outputs are null",
        MAP % ', tolerance: "34%"',
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; queued m[2]; failed m[0] boom;
        failed m[1] boom; cancelled m[2]; failed m items_failed; run failed items_failed
        """,
        end="failed items_failed",
        input=[1, 2, 3],
        fates={"m[0]": BAD, "m[1]": BAD},
    ),
    Case(
        "a map with a window",
        "map/window",
        "at most `max_concurrency` items are worked on; the next begins when one ends",
        MAP % ", max_concurrency: 2",
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; completed m[0]; queued m[2];
        completed m[1]; completed m[2]; completed m; run completed
        """,
        end="completed",
        input=[1, 2, 3],
    ),
    Case(
        "an item that is retried",
        "map/retry",
        "each item's task is retried by itself",
        "steps: [{id: m, type: map, task: t, retry: {max_retries: 1}, config: {over: input, max_items: 3}}]",
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; failed m[0] boom retry_at;
        completed m[1]; queued m[0] #2; completed m[0] #2; completed m; run completed
        """,
        end="completed",
        input=[1, 2],
        fates={"m[0]": [Fails(), "again"]},
        output=["again", "ok"],
    ),
    Case(
        "an item that takes too long",
        "map/timeout",
        "`timeout` counts for each attempt of an item's task",
        "steps: [{id: m, type: map, task: t, timeout: 5s, config: {over: input, max_items: 3, tolerance: 1}}]",
        lines="""
        run started; map.started m; queued m[0]; queued m[1]; completed m[1]; failed m[0]
        timeout; completed m; run completed
        """,
        end="completed",
        input=[1, 2],
        fates={"m[0]": Sleeps()},
        output=[None, "ok"],
    ),
    Case(
        "a map that is cancelled",
        "map/cancel",
        "its open items are cancelled before it",
        EACH % ", max_concurrency: 1",
        lines="""
        run started; map.started m; map.item_started m (0); queued m[0].x; completed m[0].x;
        queued m[0].y; run cancel_requested; cancelled m[0].y; cancelled m; run cancelled
        """,
        end="cancelled cancelled",
        input=[1, 2],
        on=[("completed m[0].x", cancel())],
    ),
    Case(
        "a map that is skipped",
        "map/skip",
        "as every step",
        "steps: [{id: m, type: map, task: t, when: input.go, config: {over: '[1]', max_items: 3}}]",
        lines="run started; skipped m condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "a map that is paused",
        "map/pause",
        "no item begins until the run is resumed",
        MAP % ", max_concurrency: 1",
        lines="""
        run started; map.started m; queued m[0]; completed m[0]; queued m[1]; run paused;
        run resumed; completed m[1]; completed m; run completed
        """,
        end="completed",
        input=[1, 2],
        on=[("completed m[0]", pause())],
        idle=[resume()],
    ),
    Case(
        "a loop until",
        "loop/success",
        "ends when `until` holds after an iteration, or `while` does not before one",
        LOOP % ', until: steps.x.output > 1, initial_state: 0, state: "${{ steps.x.output }}"',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; completed l
        (2); run completed
        """,
        end="completed",
        fates={"l[1].x": 1, "l[2].x": 2},
        output={"x": 2},
    ),
    Case(
        "a loop while",
        "loop/success",
        "ends when `until` holds after an iteration, or `while` does not before one",
        LOOP
        % ', while: loop.state < 2, initial_state: 0, state: "${{ loop.state + 1 }}", output: "${{ loop.iteration }}"',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; continue l
        (2); completed l (3); run completed
        """,
        end="completed",
        output=2,
    ),
    Case(
        "a loop of no iteration",
        "loop/empty",
        "where `while` does not hold at once, it completes without an iteration",
        LOOP % ", while: loop.state < 0, initial_state: 0",
        lines="run started; loop.started l; completed l; run completed",
        end="completed",
        output={},
    ),
    Case(
        "a loop that fails",
        "loop/failure",
        "a step of an iteration that fails for good fails it",
        LOOP % ', until: "false"',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; failed l[2].x boom; failed l
        (2) boom; run failed boom
        """,
        end="failed boom",
        fates={"l[2].x": BAD},
    ),
    Case(
        "a step of a loop that is retried",
        "loop/retry",
        "steps of its body are retried by themselves",
        "steps: [{id: l, type: loop, config: {max_iterations: 2, until: 'true', steps: [{id: x, task: t, retry: {max_retries: 1}}]}}]",
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; failed l[1].x boom
        retry_at; queued l[1].x #2; completed l[1].x #2; completed l (1); run completed
        """,
        end="completed",
        fates={"l[1].x": [Fails(), 1]},
    ),
    Case(
        "a loop at its bound fails",
        "loop/exhausted",
        BOUND,
        LOOP % ', until: "false"',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; continue l
        (2); loop.iteration l (3); queued l[3].x; completed l[3].x; failed l (3) exhausted;
        run failed exhausted
        """,
        end="failed exhausted",
    ),
    Case(
        "a loop at its bound completes",
        "loop/exhausted",
        BOUND,
        LOOP % ', until: "false", on_exhausted: complete, delay: 1s',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; continue l
        (2); loop.iteration l (3); queued l[3].x; completed l[3].x; completed l (3); run
        completed
        """,
        end="completed",
        fates={"l[3].x": 3},
        output={"x": 3},
    ),
    Case(
        "a loop at its bound pauses",
        "loop/exhausted",
        BOUND,
        LOOP % ', until: "false", on_exhausted: pause',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; continue l
        (2); loop.iteration l (3); queued l[3].x; completed l[3].x; exhausted l; completed l; run resumed; run completed
        """,
        end="completed",
        idle=[resume()],
    ),
    Case(
        "a paused loop that is to fail",
        "loop/exhausted",
        BOUND,
        LOOP % ', until: "false", on_exhausted: pause',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; continue l
        (2); loop.iteration l (3); queued l[3].x; completed l[3].x; exhausted l; failed l exhausted; run resumed; run failed exhausted
        """,
        end="failed exhausted",
        idle=[resume("fail")],
    ),
    Case(
        "a loop that takes too long",
        "loop/timeout",
        "`max_duration` is looked at after each iteration; what happens then says `on_exhausted`",
        LOOP % ', until: "false", delay: 10s, max_duration: 15s',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; continue l
        (2); loop.iteration l (3); queued l[3].x; completed l[3].x; failed l (3) exhausted;
        run failed exhausted
        """,
        end="failed exhausted",
    ),
    Case(
        "an agent loop with a body that has spent its budget",
        "loop/exhausted",
        BOUND,
        "steps: [{id: l, type: agent_loop, config: {max_iterations: 5, until: result.x.done, budget: {tokens: 10}, steps: [{id: x, task: t}]}}]\ntasks: {t: {output: {type: object, properties: {done: {type: boolean}}, required: [done]}}}",
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; completed l[2].x; failed l (2)
        exhausted; run failed exhausted
        """,
        end="failed exhausted",
        fates={
            "l[1].x": Spends({"done": False}, {"tokens": 6}),
            "l[2].x": Spends({"done": False}, {"tokens": 6}),
        },
    ),
    Case(
        "a loop that is cancelled between iterations",
        "loop/cancel",
        "its open steps are cancelled before it; between iterations, too",
        LOOP % ', until: "false", delay: 1h',
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); run cancel_requested; cancelled l (2); run cancelled
        """,
        end="cancelled cancelled",
        idle=[cancel()],
    ),
    Case(
        "a loop that is skipped",
        "loop/skip",
        "as every step",
        "steps: [{id: l, type: loop, when: input.go, config: {max_iterations: 3, until: 'true', steps: [{id: x, task: t}]}}]",
        lines="run started; skipped l condition; run completed",
        end="completed",
        input={"go": False},
    ),
    Case(
        "a loop that is paused",
        "loop/pause",
        "no iteration begins until the run is resumed",
        LOOP % ", while: loop.iteration < 3",
        lines="""
        run started; loop.started l; loop.iteration l (1); queued l[1].x; completed l[1].x;
        continue l (1); loop.iteration l (2); queued l[2].x; run paused; run resumed;
        completed l[2].x; continue l (2); completed l (3); run completed
        """,
        end="completed",
        on=[("completed l[1].x", pause())],
        idle=[resume()],
    ),
    Case(
        "a switch goes the first way that matches",
        "switch/success",
        "the outputs of the first body that matches, by id",
        SWITCH % "",
        lines="run started; switch.chosen s; queued s.x; completed s.x; completed s; run completed",
        end="completed",
        input={"kind": "b"},
        output={"x": "ok"},
    ),
    Case(
        "a switch with conditions",
        "switch/success",
        "the outputs of the first body that matches, by id",
        "steps: [{id: s, type: switch, config: {cases: [{when: input.n > 5, steps: [{id: x, task: t}]}, {when: input.n > 1, steps: [{id: y, task: t}]}], default: []}}]",
        lines="run started; switch.chosen s; queued s.y; completed s.y; completed s; run completed",
        end="completed",
        input={"n": 3},
        output={"y": "ok"},
    ),
    Case(
        "a switch that goes the default way",
        "switch/empty",
        "`default` when nothing matches; without it, or with an empty body, it completes with an empty object",
        SWITCH % ", default: [{id: z, task: t}]",
        lines="run started; switch.chosen s; queued s.z; completed s.z; completed s; run completed",
        end="completed",
        input={"kind": "c"},
        output={"z": "ok"},
    ),
    Case(
        "a switch that matches nothing",
        "switch/empty",
        "`default` when nothing matches; without it, or with an empty body, it completes with an empty object",
        SWITCH % "",
        lines="run started; completed s; run completed",
        end="completed",
        input={"kind": "c"},
        output={},
    ),
    Case(
        "a switch with an empty body",
        "switch/empty",
        "`default` when nothing matches; without it, or with an empty body, it completes with an empty object",
        SWITCH % ", default: []",
        lines="run started; switch.chosen s; completed s; run completed",
        end="completed",
        input={"kind": "c"},
        output={},
    ),
    Case(
        "a step of a switch that fails",
        "switch/failure",
        "a step of the chosen body that fails for good fails it",
        SWITCH % "",
        lines="""
        run started; switch.chosen s; queued s.x; failed s.x boom; failed s boom; run failed
        boom
        """,
        end="failed boom",
        input={"kind": "a"},
        fates={"s.x": BAD},
    ),
    Case(
        "a step of a switch that is retried",
        "switch/retry",
        "steps of its body are retried by themselves",
        "steps: [{id: s, type: switch, config: {cases: [{when: 'true', steps: [{id: x, task: t, retry: {max_retries: 1}}]}]}}]",
        lines="""
        run started; switch.chosen s; queued s.x; failed s.x boom retry_at; queued s.x #2;
        completed s.x #2; completed s; run completed
        """,
        end="completed",
        fates={"s.x": [Fails(), 1]},
    ),
    Case(
        "a switch that is cancelled",
        "switch/cancel",
        "its open steps are cancelled before it",
        SWITCH % "",
        lines="""
        run started; switch.chosen s; queued s.x; run cancel_requested; cancelled s.x;
        cancelled s; run cancelled
        """,
        end="cancelled cancelled",
        input={"kind": "a"},
        fates={"s.x": Sleeps()},
        idle=[cancel()],
    ),
    Case(
        "a switch that is skipped",
        "switch/skip",
        "as every step",
        "steps: [{id: s, type: switch, when: input.go, config: {cases: [{when: 'true', steps: [{id: x, task: t}]}]}}]",
        lines="run started; skipped s condition; run completed",
        end="completed",
        input={"go": False},
    ),
]
