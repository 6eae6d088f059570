"""The catalogue of secrets, of what is unused, and of custom: DN8xxx, DN902x."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

ENTRIES = {
    "DN8001": Entry(
        name="undeclared-secret",
        title="a secret that is not declared",
        severity=Severity.ERROR,
        explanation=(
            "A run may use the secrets that `secrets` lists, and no others. Add the name to the "
            "list, or write one that is there."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, with: {key: "${{ secrets.GREETER }}"}}
""",
        good="""\
name: hello
secrets: [GREETER]
steps:
  - {id: greet, task: hello.greet, with: {key: "${{ secrets.GREETER }}"}}
""",
    ),
    "DN8002": Entry(
        name="secret-leak",
        title="a secret that goes where it can be read",
        severity=Severity.ERROR,
        explanation=(
            "The value of a secret reaches workers only, in the `with` of a task, as it is or "
            "inside of a text. Outputs, labels, events, answers, errors and keys are kept and "
            "shown."
        ),
        bad="""\
name: hello
secrets: [GREETER]
labels: {key: "${{ secrets.GREETER }}"}
steps:
  - {id: greet, task: hello.greet, with: {key: "${{ secrets.GREETER }}"}}
""",
        good="""\
name: hello
secrets: [GREETER]
steps:
  - {id: greet, task: hello.greet, with: {key: "Bearer ${{ secrets.GREETER }}"}}
""",
    ),
    "DN8003": Entry(
        name="literal-credential",
        title="a credential in the open",
        severity=Severity.WARNING,
        explanation=(
            "Whoever reads the document, a run or the history can use it. Declare a name in "
            "`secrets`, refer to it, and revoke what has been written down."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, with: {key: AKIAABCDEFGHIJKLMNOP}}
""",
        good="""\
name: hello
secrets: [AWS_KEY]
steps:
  - {id: greet, task: hello.greet, with: {key: "${{ secrets.AWS_KEY }}"}}
""",
    ),
    "DN8004": Entry(
        name="wide-subject",
        title="a trigger for more subjects than anyone overlooks",
        severity=Severity.WARNING,
        explanation=(
            "A wildcard at the beginning, or `>` at the end, lets everyone start runs who may "
            "publish to any of the subjects. Name the subject as far as it is known."
        ),
        bad="""\
name: hello
triggers: [{id: any, subject: users.>}]
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
triggers: [{id: any, subject: users.*.created}]
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN8005": Entry(
        name="unsigned-webhook",
        title="a webhook whose requests nobody signs",
        severity=Severity.WARNING,
        explanation=(
            "Whoever finds the address can start runs. Name a secret by which requests are signed."
        ),
        bad="""\
name: hello
triggers: [{id: hook, webhook: {path: hello}}]
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
triggers: [{id: hook, webhook: {path: hello, secret: GREETER}}]
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN8006": Entry(
        name="untrusted-text",
        title="text from outside in what a task runs",
        severity=Severity.WARNING,
        explanation=(
            "A contract marks the property with `x-dagnats-sink`: what stands in it is run, and "
            "text of others could make it do something else. Give the text as a value of its own."
        ),
        bad="""\
name: hello
tasks:
  sh.run: {input: {type: object, required: [command], properties: {command: {type: string,
      x-dagnats-sink: shell}, args: {type: array}}}}
steps:
  - {id: greet, task: sh.run, with: {command: "echo ${{ input.name }}"}}
""",
        good="""\
name: hello
tasks:
  sh.run: {input: {type: object, required: [command], properties: {command: {type: string,
      x-dagnats-sink: shell}, args: {type: array}}}}
steps:
  - {id: greet, task: sh.run, with: {command: echo "$1", args: ["${{ input.name }}"]}}
""",
    ),
    "DN8007": Entry(
        name="unlimited-plan",
        title="a plan that may use every task",
        severity=Severity.WARNING,
        explanation=(
            "What a planner plans is decided while it runs, by a model perhaps, and nothing says "
            "which tasks it may use. List them in `allowed_tasks`, or declare `tasks`."
        ),
        bad="""\
name: hello
steps:
  - {id: plan, type: planner, task: hello.plan, config: {max_steps: 3}}
""",
        good="""\
name: hello
steps:
  - {id: plan, type: planner, task: hello.plan, config: {max_steps: 3, allowed_tasks: [
      hello.greet]}}
""",
    ),
    "DN9020": Entry(
        name="unused-input",
        title="an input that is never read",
        severity=Severity.INFO,
        explanation=(
            "Those who start runs give it, and nothing becomes of it. Use it, or leave it out of "
            "the schema."
        ),
        bad="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string},
    times: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, with: "${{ input.name }}"}
""",
        good="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: "${{ input.name }}"}
""",
    ),
    "DN9021": Entry(
        name="unread-variable",
        title="a variable of the workflow that is never read",
        severity=Severity.WARNING,
        explanation=("It is worked out in every run, for nothing. Use it, or leave it out."),
        bad="""\
name: hello
vars: {whom: "${{ input.name.trim() }}"}
steps:
  - {id: greet, task: hello.greet, with: "${{ input.name }}"}
""",
        good="""\
name: hello
vars: {whom: "${{ input.name.trim() }}"}
steps:
  - {id: greet, task: hello.greet, with: "${{ vars.whom }}"}
""",
    ),
    "DN9022": Entry(
        name="unused-declaration",
        title="a contract, event or schema that is never used",
        severity=Severity.INFO,
        explanation=(
            "It is declared, and no step, trigger or schema of the document refers to it. Use it, "
            "or leave it out."
        ),
        bad="""\
name: hello
tasks: {hello.greet: {idempotent: true}, users.find: {idempotent: true}}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
tasks: {hello.greet: {idempotent: true}}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN9023": Entry(
        name="unused-secret",
        title="a secret that is never used",
        severity=Severity.WARNING,
        explanation=(
            "What a workflow may know and does not need, it should not have. Leave it out."
        ),
        bad="""\
name: hello
secrets: [GREETER]
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN9024": Entry(
        name="unused-value",
        title="a value that is worked out for nobody",
        severity=Severity.WARNING,
        explanation=(
            "A `transform` does nothing but give a value, and nothing reads it. Read it, or leave "
            "the step out."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
  - {id: short, type: transform, config: {value: "${{ steps.greet.output }}"}}
output: ${{ steps.greet.output }}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
  - {id: short, type: transform, config: {value: "${{ steps.greet.output }}"}}
output: ${{ steps.short.output }}
""",
    ),
    "DN9025": Entry(
        name="unsorted-dependencies",
        title="dependencies in no order",
        severity=Severity.INFO,
        explanation=(
            "A list in the order of the steps, or of the alphabet, is easier to read and to "
            "compare. Sort it; `--fix` does."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet}
  - {id: ask, task: hello.ask}
  - {id: wave, task: hello.wave, depends_on: [ask, greet, find]}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet}
  - {id: ask, task: hello.ask}
  - {id: wave, task: hello.wave, depends_on: [find, greet, ask]}
""",
    ),
    "DN9026": Entry(
        name="mixed-naming",
        title="an id in another style than most",
        severity=Severity.INFO,
        explanation=(
            "Most ids of the document are written in one style, and this one in another. Write it "
            "as the others."
        ),
        bad="""\
name: hello
steps:
  - {id: find-user, task: users.find}
  - {id: greet-user, task: hello.greet}
  - {id: wave-back, task: hello.wave}
  - {id: bow_down, task: hello.bow}
""",
        good="""\
name: hello
steps:
  - {id: find-user, task: users.find}
  - {id: greet-user, task: hello.greet}
  - {id: wave-back, task: hello.wave}
  - {id: bow-down, task: hello.bow}
""",
    ),
    "DN9027": Entry(
        name="missing-description",
        title="a step without a description among those that have one",
        severity=Severity.INFO,
        explanation=(
            "Most steps of the document say what they are for, and this one does not. Add a "
            "`description`."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find, description: Look for the user.}
  - {id: greet, task: hello.greet, description: Say hello.}
  - {id: wave, task: hello.wave, description: Wave a hand.}
  - {id: bow, task: hello.bow}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find, description: Look for the user.}
  - {id: greet, task: hello.greet, description: Say hello.}
  - {id: wave, task: hello.wave, description: Wave a hand.}
  - {id: bow, task: hello.bow, description: Bow.}
""",
    ),
    "DN9028": Entry(
        name="unpinned-version",
        title="a sub-workflow whose version is not fixed",
        severity=Severity.INFO,
        explanation=(
            "The version that is registered when the step starts is run, be it what it may. Fix "
            "it by `version`, a digest or a label."
        ),
        bad="""\
name: hello
steps:
  - {id: bye, type: sub_workflow, config: {workflow: goodbye}}
""",
        good="""\
name: hello
steps:
  - {id: bye, type: sub_workflow, config: {workflow: goodbye, version: 1.4.0}}
""",
    ),
    "DN9029": Entry(
        name="deprecated-field",
        title="a field that its schema calls deprecated",
        severity=Severity.INFO,
        explanation=(
            "The schema still takes it, with `deprecated: true`, and will not for ever. Use what "
            "its description names instead."
        ),
        bad="""\
name: hello
input: {type: object, properties: {name: {type: string}, nick: {type: string, deprecated: true}}}
steps:
  - {id: greet, task: hello.greet, with: "${{ input.?nick.orValue(input.?name.orValue('you')) }}"}
""",
        good="""\
name: hello
input: {type: object, properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: "${{ input.?name.orValue('you') }}"}
""",
    ),
    "DN9030": Entry(
        name="foreign-expression",
        title="a text that looks like an expression of another language",
        severity=Severity.WARNING,
        explanation=(
            "`${ input.name }`, `{{ input.name }}` and `$input.name` are texts here, given as they "
            "stand. Write `${{ input.name }}` to have the value."
        ),
        bad="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: {greeting: "Hello, {{ input.name }}"}}
output: ${{ input.name }}
""",
        good="""\
name: hello
input: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, with: {greeting: "Hello, ${{ input.name }}"}}
output: ${{ input.name }}
""",
    ),
}
