"""The catalogue of what a well-formed document can get wrong: DN3xxx, DN5xxx and above."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

MEANING = {
    "DN3001": Entry(
        name="duplicate-step",
        title="two steps, or two triggers, have the same id",
        severity=Severity.ERROR,
        explanation=(
            "Dependencies and expressions name a step by its id, and runs the trigger that started "
            "them, so an id belongs to one step, or to one trigger. Rename one of the two."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
  - {id: greet, task: hello.wave}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
  - {id: wave, task: hello.wave}
""",
    ),
    "DN3002": Entry(
        name="unknown-step",
        title="a step that does not exist",
        severity=Severity.ERROR,
        explanation=(
            "A dependency or an expression names a step that no step has as its id. Write an id "
            "of this document, or add the step."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [fnid]}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
""",
    ),
    "DN3003": Entry(
        name="dependency-cycle",
        title="steps that wait for each other",
        severity=Severity.ERROR,
        explanation=(
            "No step of a circle of dependencies could ever start. Remove one of the dependencies "
            "that the message names; an expression that refers to a step is one, too."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find, depends_on: [greet]}
  - {id: greet, task: hello.greet, depends_on: [find]}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
""",
    ),
    "DN3004": Entry(
        name="self-dependency",
        title="a step that waits for itself",
        severity=Severity.ERROR,
        explanation=(
            "The step could never start, whether it lists itself or its own expressions refer to "
            "it. Remove the reference; what a loop needs of its last round is `loop.state`."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, depends_on: [greet]}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN5001": Entry(
        name="output-may-not-exist",
        title="an output is read that may not exist",
        severity=Severity.ERROR,
        explanation=(
            "A step that was skipped or has failed has no output, and this one runs all the same. "
            "Read it with `.?` and `orValue`, ask `has()` first, or guard it by "
            '`steps.find.status == "completed"`.'
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find, when: input.known == true}
  - id: greet
    task: hello.greet
    depends_on: [{step: find, allow: skipped}]
    with: {name: "${{ steps.find.output.name }}"}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find, when: input.known == true}
  - id: greet
    task: hello.greet
    depends_on: [{step: find, allow: skipped}]
    with: {name: "${{ steps.find.?output.name.orValue('stranger') }}"}
""",
    ),
    "DN5002": Entry(
        name="unknown-field",
        title="a field that cannot be there",
        severity=Severity.ERROR,
        explanation=(
            "The value that it is read from has no fields, or its contract names all of them and "
            "this one is not among them. Write a field that exists, or declare it."
        ),
        bad="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: {name: "${{ input.nmae }}"}}
""",
        good="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: {name: "${{ input.name }}"}}
""",
    ),
    "DN5003": Entry(
        name="input-does-not-fit",
        title="the input of a step does not fit the contract of its task",
        severity=Severity.ERROR,
        explanation=(
            "What `with` gives, or without it what the steps before give, is not what the task "
            "declares to take under `tasks`. Give what the contract asks for, or change it."
        ),
        bad="""\
name: hello
tasks:
  hello.greet:
    input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: {name: 42}}
""",
        good="""\
name: hello
tasks:
  hello.greet:
    input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: {name: Ada}}
""",
    ),
    "DN6003": Entry(
        name="costly-expression",
        title="an expression could cost more than an evaluation may",
        severity=Severity.WARNING,
        explanation=(
            "An evaluation that costs more than 1,000,000 (about one for each operation) fails. "
            "This one may, with data as large as the schemas allow, or with long lists in a loop "
            "inside a loop. Declare how large the lists and texts may be (`maxItems`, "
            "`maxLength`), or go through less: look something up in a map, not in a list."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "input.a.all(x, input.b.exists(y, x == y))"}
""",
        good="""\
name: hello
input:
  type: object
  required: [a, b]
  properties:
    a: {type: array, maxItems: 100, items: {type: integer}}
    b: {type: array, maxItems: 100, items: {type: integer}}
steps:
  - {id: greet, task: hello.greet, when: "input.a.all(x, input.b.exists(y, x == y))"}
""",
    ),
    "DN9001": Entry(
        name="old-spelling",
        title="a key or a value in its old spelling",
        severity=Severity.INFO,
        explanation=(
            "`input_schema`, `skip_if`, integer nanoseconds and other forms are read as the Go "
            "dagnats reads them, so that its documents compile unchanged. New documents are "
            "clearer in the new form; `dagnats lint --fix` writes it."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 30000000000}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 30s}
""",
    ),
    "DN9002": Entry(
        name="repeated-dependency",
        title="the same dependency twice",
        severity=Severity.WARNING,
        explanation=(
            "Listing a step again changes nothing; perhaps another one was meant. Remove the "
            "repetition, or name the other step."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find, find]}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
""",
    ),
}
