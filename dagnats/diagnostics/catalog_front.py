"""The catalogue of what the forms of documents get wrong: imports, schemas, old forms."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

_IMPORTING = """\
name: hello
imports: [tasks.yaml]
steps:
  - {id: greet, task: hello.greet}
"""
_TASKS = "tasks:\n  hello.greet: {input: {type: object}}\n"

ENTRIES = {
    "DN2010": Entry(
        name="exclusive-keys",
        title="keys of which exactly one, or at most one, may be there",
        severity=Severity.ERROR,
        explanation=(
            "These keys say the same in different ways, so that only one of them can count. Keep "
            "the one that is meant, or add it."
        ),
        bad="""\
name: hello
steps:
  - {id: rest, type: sleep, config: {duration: 10m, cron: "0 9 * * *"}}
""",
        good="""\
name: hello
steps:
  - {id: rest, type: sleep, config: {duration: 10m}}
""",
    ),
    "DN2011": Entry(
        name="task-not-taken",
        title="a task where the type of step has none",
        severity=Severity.ERROR,
        explanation=(
            "Steps of this type are done by the engine itself, and no worker would ever get the "
            "task. Remove it, or make the task a step of its own."
        ),
        bad="""\
dagnats: 1
name: hello
steps:
  - {id: rest, type: sleep, task: hello.rest, config: {duration: 10m}}
""",
        good="""\
name: hello
steps:
  - {id: rest, type: sleep, config: {duration: 10m}}
""",
    ),
    "DN2012": Entry(
        name="import-not-read",
        title="a file that cannot be imported",
        severity=Severity.ERROR,
        explanation=(
            "The file is not there or cannot be read, or the document is no file itself, so that "
            "paths start nowhere. Write a path that starts at the folder of the importing file."
        ),
        bad="""\
name: hello
imports: [task.yaml]
steps:
  - {id: greet, task: hello.greet}
""",
        good=_IMPORTING,
        files={"tasks.yaml": _TASKS},
    ),
    "DN2013": Entry(
        name="import-cycle",
        title="files that import each other",
        severity=Severity.ERROR,
        explanation=(
            "What a file defines would depend on itself. Remove one of the imports that the "
            "message names, or move what both files need into a third one."
        ),
        bad="""\
name: hello
imports: [one.yaml]
steps:
  - {id: greet, task: hello.greet}
""",
        good=_IMPORTING,
        files={"tasks.yaml": _TASKS, "one.yaml": "imports: [two.yaml]\n"}
        | {"two.yaml": "imports: [one.yaml]\n"},
    ),
    "DN2014": Entry(
        name="import-conflict",
        title="two imports define the same name differently",
        severity=Severity.ERROR,
        explanation=(
            "Neither of the two files comes before the other, so nobody knows which one is meant. "
            "Define the name in the importing file, which wins, or remove one of them."
        ),
        bad="""\
name: hello
imports: [tasks.yaml, other.yaml]
steps:
  - {id: greet, task: hello.greet}
""",
        good=_IMPORTING,
        files={"tasks.yaml": _TASKS, "other.yaml": "tasks:\n  hello.greet: {output: true}\n"},
    ),
    "DN2015": Entry(
        name="import-limit",
        title="more is imported than a document may import",
        severity=Severity.ERROR,
        explanation=(
            "A document imports at most 100 files, 16 levels deep, with 2,097,152 characters "
            "together, so that reading it costs little whoever wrote it. Import less, or join "
            "files."
        ),
        bad="""\
name: hello
imports: [d1.yaml]
steps:
  - {id: greet, task: hello.greet}
""",
        good=_IMPORTING,
        files={"tasks.yaml": _TASKS}
        | {f"d{n}.yaml": f"imports: [d{n + 1}.yaml]\n" for n in range(1, 20)},
    ),
    "DN2016": Entry(
        name="unresolved-schema",
        title="a reference in a JSON Schema that leads nowhere",
        severity=Severity.ERROR,
        explanation=(
            "`$ref` refers to a part of the same schema, or by `#/schemas/NAME` to one under "
            "`schemas`; nothing is ever fetched. Write a name that exists, or add the schema."
        ),
        bad="""\
name: hello
schemas: {person: {type: string}}
input: {$ref: "#/schemas/preson"}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
schemas: {person: {type: string}}
input: {$ref: "#/schemas/person"}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN2017": Entry(
        name="unknown-schema-keyword",
        title="a keyword that JSON Schema does not have",
        severity=Severity.WARNING,
        explanation=(
            "A validator ignores what it does not know, so that a misspelt keyword allows "
            "everything. Write the keyword that is meant; what begins with `x-` is yours."
        ),
        bad="""\
name: hello
input: {type: string, minLenght: 1}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
input: {type: string, minLength: 1}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN2018": Entry(
        name="default-does-not-fit",
        title="a default or an example that its own schema refuses",
        severity=Severity.WARNING,
        explanation=(
            "What a schema names as a default or an example should be a value that it allows; one "
            "of the two is wrong. Mend the value, or the schema."
        ),
        bad="""\
name: hello
input: {type: object, properties: {times: {type: integer, default: many}}}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
input: {type: object, properties: {times: {type: integer, default: 3}}}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN2019": Entry(
        name="keys-do-not-fit",
        title="keys that mean nothing together",
        severity=Severity.ERROR,
        explanation=(
            "Each of the keys is right, and together they contradict each other, or lack what one "
            "of them needs. Change what the message names."
        ),
        bad="""\
name: hello
sticky: hard
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
sticky: hard
timeout: 1h
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN2020": Entry(
        name="malformed-schedule",
        title="a schedule that cannot be read",
        severity=Severity.ERROR,
        explanation=(
            "A schedule has five fields: minute, hour, day of the month, month, day of the week; "
            "each is `*`, a number, a range `1-5`, with a step `*/10`, or a list of them."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
triggers:
  - {id: nightly, cron: "0 25 * * *"}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
triggers:
  - {id: nightly, cron: "0 23 * * *"}
""",
    ),
    "DN2021": Entry(
        name="unknown-time-zone",
        title="a time zone that does not exist",
        severity=Severity.ERROR,
        explanation=(
            "Time zones are named as the IANA does, so that summer time is known. Write a name "
            "such as `Europe/Berlin` or `UTC`."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
triggers:
  - {id: nightly, cron: {expression: "0 3 * * *", timezone: "+02:00"}}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
triggers:
  - {id: nightly, cron: {expression: "0 3 * * *", timezone: Europe/Berlin}}
""",
    ),
    "DN8008": Entry(
        name="secret-in-the-open",
        title="a trigger whose secret stands in the document",
        severity=Severity.WARNING,
        explanation=(
            "The Go dagnats has the secret itself in a trigger, where everyone can read it who can "
            "read the document or the workflow. Give it a name that the server knows the value of, "
            "write `secret: NAME`, and change the secret."
        ),
        bad="""\
name: hello
triggers: [{id: hook, webhook: {path: hello, secret_value: hush-hush}}]
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
    "DN9013": Entry(
        name="without-effect",
        title="an old key that says nothing",
        severity=Severity.INFO,
        explanation=(
            "The key comes from the Go dagnats and never had an effect, or what it says is known "
            "by itself. Remove it; `dagnats lint --fix` does."
        ),
        bad="""\
name: hello
aux_steps: {notify: true}
steps:
  - {id: greet, task: hello.greet, on_failure: notify}
  - {id: notify, task: hello.notify}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: notify}
  - {id: notify, task: hello.notify}
""",
    ),
    "DN9014": Entry(
        name="read-over",
        title="what the Go dagnats reads over",
        severity=Severity.WARNING,
        explanation=(
            "In a document that does not say `dagnats: 1`, null and times below 0 are nothing, "
            "keys may be in another case, and a key inside of a block that is not known counts "
            "for nothing, as in the Go dagnats. Remove it, or, if it is a note of yours, let it "
            "begin with `x-`; `dagnats lint --fix` removes it, and spells keys as they are."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, colour: red}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, x-colour: red}
""",
    ),
}
"""Entries by code; `files` are read by the tests as if they were there."""
