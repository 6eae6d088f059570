"""The catalogue of what a text and its shape can get wrong: DN1xxx and DN2xxx."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

TEXT = {
    "DN1001": Entry(
        name="yaml-syntax",
        title="the text is not valid YAML",
        severity=Severity.ERROR,
        explanation=(
            "The text cannot be read further, so nothing else is checked. Look at indentation, "
            "quotes and brackets around the place; commoner mistakes have codes of their own."
        ),
        bad="""\
name: hello
description
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: greets everyone
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1002": Entry(
        name="forbidden-character",
        title="a character that no document may hold",
        severity=Severity.ERROR,
        explanation=(
            "Control characters and lone surrogates are refused in the text and as escapes in "
            "double quotes: they disturb terminals and logs, and JSON tools disagree about them. "
            "Leave the character out."
        ),
        bad="""\
name: hello
description: "rings the bell\\a"
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "rings the bell"
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1003": Entry(
        name="duplicate-key",
        title="a mapping has the same key twice",
        severity=Severity.ERROR,
        explanation=(
            "Readers of YAML and JSON disagree about which of the two counts, so neither does. "
            "Remove or rename one of them."
        ),
        bad="""\
name: hello
name: hello-again
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello-again
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1004": Entry(
        name="key-not-a-string",
        title="a key is missing or not a string",
        severity=Severity.ERROR,
        explanation=(
            "The keys of JSON are strings, and a document has to mean the same in both languages. "
            "Quote numbers, `true`, `false` and `null` where they are meant as keys."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {1: first}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {"1": first}
""",
    ),
    "DN1005": Entry(
        name="yaml-tag",
        title="a YAML tag",
        severity=Severity.ERROR,
        explanation=(
            "Tags such as `!!str` or `!env` change what a value means in ways that JSON cannot "
            "say. Remove the tag; quote the value if the `!` belongs to it."
        ),
        bad="""\
name: hello
description: !important greet everyone
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "!important greet everyone"
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1006": Entry(
        name="broken-alias",
        title="an alias to an anchor that is not defined, or that holds the alias",
        severity=Severity.ERROR,
        explanation=(
            "An alias `*name` repeats the value that stands behind `&name` further up. Define the "
            "anchor before it is used, and outside of its own value."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: *short}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: &short 30s}
  - {id: wave, task: hello.wave, timeout: *short}
""",
    ),
    "DN1007": Entry(
        name="merge-key",
        title="a merge key that has nothing to merge",
        severity=Severity.ERROR,
        explanation=(
            "`<<` merges the entries of a mapping, or of a list of mappings, mostly aliases of "
            "them. Keys that stand beside it win, and of several mappings the first that has a key "
            "does."
        ),
        bad="""\
name: hello
x-patient: &patient 10m
steps:
  - id: greet
    task: hello.greet
    <<: *patient
""",
        good="""\
name: hello
x-patient: &patient {timeout: 10m}
steps:
  - id: greet
    task: hello.greet
    <<: *patient
""",
    ),
    "DN1008": Entry(
        name="second-document",
        title="a file with a second document",
        severity=Severity.ERROR,
        explanation="One file holds one workflow. Put what follows `---` into a file of its own.",
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
---
name: goodbye
steps:
  - {id: wave, task: hello.wave}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1009": Entry(
        name="empty-document",
        title="a document without content",
        severity=Severity.ERROR,
        explanation=(
            "There is nothing but blanks and comments. A workflow has at least a `name` and one "
            "step."
        ),
        bad="""\
# to be written
""",
        good="""\
# written
name: hello
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1010": Entry(
        name="number-without-json-value",
        title="a number that JSON cannot hold",
        severity=Severity.ERROR,
        explanation=(
            "Infinity, not-a-number, integers beyond 64 bits and doubles that are too large have "
            "no value that every worker would read alike. Quote it to mean the text."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {times: .inf}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {times: ".inf"}
""",
    ),
    "DN1011": Entry(
        name="document-too-large",
        title="a document over a limit",
        severity=Severity.ERROR,
        explanation=(
            "A document has at most 4 MiB, 250,000 nodes with aliases expanded, 64 levels, and "
            "1,048,576 characters in one text, so that reading it costs little whoever wrote it. "
            "Split it, or make it flatter."
        ),
        bad=f"""\
name: hello
x-deep: {"[" * 70}{"]" * 70}
steps:
  - {{id: greet, task: hello.greet}}
""",
        good="""\
name: hello
x-deep: [[]]
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN2001": Entry(
        name="unknown-key",
        title="a key that does not exist there",
        severity=Severity.ERROR,
        explanation=(
            "A key that is not known is never ignored: it may be a misspelt one whose absence "
            "matters. Write the key that was meant; keys that begin with `x-` are yours."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, time_out: 30s}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 30s}
""",
    ),
    "DN2002": Entry(
        name="missing-key",
        title="a key that has to be there is missing",
        severity=Severity.ERROR,
        explanation="The mapping means nothing without this key. Add it.",
        bad="""\
name: hello
steps:
  - id: greet
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
""",
    ),
    "DN2003": Entry(
        name="wrong-type",
        title="a value of the wrong type",
        severity=Severity.ERROR,
        explanation=(
            "The key takes another type of value. What YAML reads as a number or a boolean "
            "becomes a string in quotes; a single item becomes a list in brackets."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: find}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
""",
    ),
    "DN2004": Entry(
        name="unexpected-value",
        title="a value that is none of the allowed ones",
        severity=Severity.ERROR,
        explanation="The key takes one of a few values; write one of those that are listed.",
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, retry: {max_retries: 3, strategy: exponentially}}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, retry: {max_retries: 3, strategy: exponential}}
""",
    ),
    "DN2005": Entry(
        name="malformed-name",
        title="an id or the name of a task has the wrong form",
        severity=Severity.ERROR,
        explanation=(
            "Ids and names become parts of subjects in NATS and of expressions. Use letters, "
            "digits, `_` and `-`; the name of a task may join such words by dots."
        ),
        bad="""\
name: hello
steps:
  - {id: greet everyone, task: hello.greet}
""",
        good="""\
name: hello
steps:
  - {id: greet-everyone, task: hello.greet}
""",
    ),
    "DN2006": Entry(
        name="broken-constraint",
        title="a value outside of what its key allows",
        severity=Severity.ERROR,
        explanation=(
            "The value has the right type but is too small, too large, too long, too short or "
            "repeated. The message says which bound it breaks."
        ),
        bad="""\
name: hello
steps: []
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN2007": Entry(
        name="malformed-duration",
        title="a duration that cannot be read",
        severity=Severity.ERROR,
        explanation=(
            "A duration is a sequence of numbers with the units d, h, m, s, ms, us or ns, as in "
            "`1h30m`, and at most 292 years. Write it so, without blanks."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 5 minutes}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 5m}
""",
    ),
    "DN2008": Entry(
        name="two-spellings",
        title="the same key in its old and its new spelling",
        severity=Severity.ERROR,
        explanation="Only one of the two can count. Remove the old spelling.",
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, retry: {max_retries: 3, max_attempts: 5}}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, retry: {max_retries: 3}}
""",
    ),
    "DN2009": Entry(
        name="malformed-json-schema",
        title="a contract that is not a JSON Schema",
        severity=Severity.ERROR,
        explanation=(
            "`input`, and the `input` and `output` of a task, are JSON Schemas of draft 2020-12; "
            "values are checked against them when a workflow runs. Mend the schema where the "
            "message says."
        ),
        bad="""\
name: hello
input: {type: strng}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
input: {type: string}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
}
