"""What the engine does at once: `transform`, `emit`, `respond`, `continue_as_new`, `fail`."""

# ruff: noqa: E501 (documents are written in lines)

from tests.machine.behaviour.case import Case
from tests.machine.world import Sleeps, cancel

NEXT = """
input: {type: object, properties: {n: {type: integer}}, required: [n]}
vars: {twice: "${{ input.n * 2 }}"}
labels: {who: "run ${{ vars.twice }}"}
steps:
  - {id: a, task: t, with: "${{ vars.twice }}"}
  - {id: b, task: t, when: input.n == 1}
  - id: s
    type: switch
    depends_on: [a]
    config:
      cases:
        - when: input.n < 3
          steps: [{id: again, type: continue_as_new, config: {input: {n: "${{ input.n + 1 }}"}, max_generations: %d}}]
output: ["${{ vars.twice }}", "${{ run.labels.who }}", "${{ run.generation }}"]
"""
VALUE = "an expression without a value fails it with `expression`"

CASES = [
    Case(
        "a transform",
        "transform/success",
        "its value is its output",
        'steps: [{id: x, type: transform, config: {value: {a: "${{ input.n + 1 }}"}}}]',
        lines="run started; completed x; run completed",
        end="completed",
        input={"n": 1},
        output={"a": 2},
    ),
    Case(
        "a transform without a value",
        "transform/failure",
        VALUE,
        'steps: [{id: x, type: transform, config: {value: "${{ 1 / input.n }}"}}]',
        lines="run started; failed x expression; run failed expression",
        end="failed expression",
        input={"n": 0},
    ),
    Case(
        "an event that is published",
        "emit/success",
        "publishes the event; an id that is the same after a crash is its output",
        'steps: [{id: e, type: emit, config: {event: paid, data: {n: "${{ input.n }}"}}}]',
        lines="run started; completed e; run completed",
        end="completed",
        input={"n": 1},
    ),
    Case(
        "an event without data",
        "emit/failure",
        VALUE,
        'steps: [{id: e, type: emit, config: {event: paid, data: "${{ 1 / input.n }}"}}]',
        lines="run started; failed e expression; run failed expression",
        end="failed expression",
        input={"n": 0},
    ),
    Case(
        "a response",
        "respond/success",
        "answers the request that started the run",
        "steps: [{id: r, type: respond, config: {status: 201, body: {ok: true}, headers: {a: b}}}]",
        lines="run started; completed r; run completed",
        end="completed",
        output=None,
    ),
    Case(
        "a response without a body",
        "respond/failure",
        VALUE,
        'steps: [{id: r, type: respond, config: {body: "${{ 1 / input.n }}"}}]',
        lines="run started; failed r expression; run failed expression",
        end="failed expression",
        input={"n": 0},
    ),
    Case(
        "a run that goes on as new",
        "continue_as_new/success continue_as_new/cancel",
        "what is open is cancelled, and the next generation begins, with `vars` and `labels` of its own",
        NEXT % 5,
        lines="""
        run started; queued a; queued b; completed a; switch.chosen s; completed s.again;
        cancelled b; cancelled s; run continued; queued a; skipped b condition; completed a;
        switch.chosen s; completed s.again; cancelled s; run continued; queued a; skipped b
        condition; completed a; completed s; run completed
        """,
        end="completed",
        input={"n": 1},
        fates={"b": Sleeps()},
        output=[6, "run 6", 3],
    ),
    Case(
        "a run with too many generations",
        "continue_as_new/failure",
        "beyond `max_generations` it fails with `exhausted`; an input without a value, with `expression`",
        NEXT % 2,
        lines="""
        run started; queued a; queued b; completed a; switch.chosen s; completed s.again;
        cancelled b; cancelled s; run continued; queued a; skipped b condition; completed a;
        switch.chosen s; failed s.again exhausted; failed s exhausted; run failed exhausted
        """,
        end="failed exhausted",
        input={"n": 1},
        fates={"b": Sleeps()},
    ),
    Case(
        "a failure on purpose",
        "fail/failure",
        "fails with its code, message and details, and is not retried",
        'steps: [{id: f, type: fail, config: {code: sold_out, message: "no ${{ input.what }}", details: {n: 0}}}]',
        lines="run started; failed f sold_out; run failed sold_out",
        end="failed sold_out",
        input={"what": "tea"},
    ),
    *[
        Case(
            f"a {kind} that is skipped",
            f"{kind}/skip",
            "as every step",
            f"steps: [{{id: a, task: t}}, {{id: x, type: {kind}, when: input.go, config: {config}}}]",
            lines="run started; queued a; skipped x condition; completed a; run completed",
            end="completed",
            input={"go": False},
        )
        for kind, config in (
            ("transform", "{value: 1}"),
            ("emit", "{event: e}"),
            ("respond", "{body: 1}"),
            ("continue_as_new", "{input: {go: true}, max_generations: 2}"),
            ("fail", "{code: no}"),
        )
    ],
    *[
        Case(
            f"a {kind} that has not begun",
            f"{kind}/cancel",
            "only before it begins: then it ends as cancelled",
            f"steps: [{{id: a, task: t}}, {{id: x, type: {kind}, depends_on: [a], config: {config}}}]",
            lines="run started; queued a; run cancel_requested; cancelled a; cancelled x; run cancelled",
            end="cancelled cancelled",
            on=[("queued a", cancel())],
        )
        for kind, config in (
            ("transform", "{value: 1}"),
            ("emit", "{event: e}"),
            ("respond", "{body: 1}"),
            ("fail", "{code: no}"),
        )
    ],
]
