"""The catalogue of what data can get wrong on its way: DN5004 and above."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

ENTRIES = {
    "DN5004": Entry(
        name="output-does-not-fit",
        title="the output of the workflow does not fit its schema",
        severity=Severity.ERROR,
        explanation=(
            "What `output` gives is not what `output_schema` promises to those who start runs. "
            "Give what it asks for, or change the promise."
        ),
        bad="""\
name: hello
output_schema: {type: object, required: [text], properties: {text: {type: string}}}
steps:
  - {id: greet, task: hello.greet}
output: {text: 42}
""",
        good="""\
name: hello
output_schema: {type: object, required: [text], properties: {text: {type: string}}}
steps:
  - {id: greet, task: hello.greet}
output: {text: hi}
""",
    ),
    "DN5005": Entry(
        name="map-over-no-list",
        title="a map over what is no list",
        severity=Severity.ERROR,
        explanation=(
            "A `map` does its task once for each item of a list. Write an expression that gives a "
            "list: of a map `m`, `m.map(key, m[key])` lists the values."
        ),
        bad="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, type: map, task: hello.greet, config: {over: input.name, max_items: 9}}
""",
        good="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, type: map, task: hello.greet, config: {over: "[input.name]", max_items: 9}}
""",
    ),
    "DN5007": Entry(
        name="event-does-not-fit",
        title="the data of an event does not fit what is declared",
        severity=Severity.ERROR,
        explanation=(
            "Those who wait for the event rely on its schema under `events`. Give what it asks "
            "for, or change it."
        ),
        bad="""\
name: hello
events: {user.greeted: {type: object, required: [name], properties: {name: {type: string}}}}
steps:
  - {id: tell, type: emit, config: {event: user.greeted, data: {name: 42}}}
""",
        good="""\
name: hello
events: {user.greeted: {type: object, required: [name], properties: {name: {type: string}}}}
steps:
  - {id: tell, type: emit, config: {event: user.greeted, data: {name: Ada}}}
""",
    ),
    "DN5008": Entry(
        name="trigger-input-does-not-fit",
        title="the input that a trigger gives does not fit the workflow",
        severity=Severity.ERROR,
        explanation=(
            "The runs that it starts would be refused, as their input does not fit the `input` of "
            "the workflow. Make it fit with the `input` of the trigger."
        ),
        bad="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
triggers: [{id: nightly, cron: 0 3 * * *, input: {name: 42}}]
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
triggers: [{id: nightly, cron: 0 3 * * *, input: {name: Ada}}]
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN5009": Entry(
        name="next-input-does-not-fit",
        title="the input of the next generation does not fit the workflow",
        severity=Severity.ERROR,
        explanation=(
            "`continue_as_new` starts the same workflow again, which refuses an input that does "
            "not fit its `input`. Give what it asks for."
        ),
        bad="""\
name: hello
input: {type: object, required: [page], properties: {page: {type: integer}}}
steps:
  - {id: next, type: continue_as_new, when: input.page < 9, config: {input: {page: one},
      max_generations: 9}}
""",
        good="""\
name: hello
input: {type: object, required: [page], properties: {page: {type: integer}}}
steps:
  - {id: next, type: continue_as_new, when: input.page < 9,
      config: {input: {page: "${{ input.page + 1 }}"}, max_generations: 9}}
""",
    ),
    "DN5010": Entry(
        name="value-of-wrong-type",
        title="a value of a type that its key does not take",
        severity=Severity.ERROR,
        explanation=(
            "A key wants a text, a time, a duration or a scalar, and the expression gives "
            "something else. Convert the value by a function such as `string` or `timestamp`, or "
            "name a part of it."
        ),
        bad="""\
name: hello
input: {type: object, required: [names], properties: {names: {type: array}}}
labels: {who: "${{ input.names }}"}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
input: {type: object, required: [names], properties: {names: {type: array}}}
labels: {who: "${{ string(size(input.names)) }}"}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN5011": Entry(
        name="missing-case",
        title="a switch without a case for every value",
        severity=Severity.WARNING,
        explanation=(
            "The type of `on` has a few values, and some of them have no case. Add a case, or "
            "`default: []` to do nothing for them."
        ),
        bad="""\
name: hello
input: {type: object, required: [tone], properties: {tone: {enum: [warm, cold]}}}
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}]}}
""",
        good="""\
name: hello
input: {type: object, required: [tone], properties: {tone: {enum: [warm, cold]}}}
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}], default: []}}
""",
    ),
    "DN5012": Entry(
        name="overlapping-case",
        title="a case that is never chosen",
        severity=Severity.WARNING,
        explanation=(
            "The first case that matches is chosen, and the ones before this take all that it "
            "would match. Leave it out, or write it before them."
        ),
        bad="""\
name: hello
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}, {values: [warm, cold], steps: []}]}}
""",
        good="""\
name: hello
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}, {values: [cold], steps: []}]}}
""",
    ),
    "DN5013": Entry(
        name="impossible-case",
        title="a case for a value that there is not",
        severity=Severity.ERROR,
        explanation=("By its type, `on` is never this value. Write one that it can have."),
        bad="""\
name: hello
input: {type: object, required: [tone], properties: {tone: {enum: [warm, cold]}}}
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [wram], steps: [{id: greet,
      task: hello.greet}]}], default: []}}
""",
        good="""\
name: hello
input: {type: object, required: [tone], properties: {tone: {enum: [warm, cold]}}}
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}], default: []}}
""",
    ),
    "DN5014": Entry(
        name="case-without-comparison",
        title="a case that does not go with `on`",
        severity=Severity.ERROR,
        explanation=(
            "A switch with `on` compares its value with the constants that its cases list; one "
            "without asks the conditions of its cases, in order. Write `on` and `values`, or a "
            "`when` in every case."
        ),
        bad="""\
name: hello
steps:
  - {id: how, type: switch, config: {cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}]}}
""",
        good="""\
name: hello
steps:
  - {id: how, type: switch, config: {on: input.tone, cases: [{values: [warm], steps: [{id: greet,
      task: hello.greet}]}]}}
""",
    ),
}
