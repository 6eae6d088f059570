"""The catalogue of what reading a text can stumble over: traps of YAML and JSON."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

_BOMB = "x-a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"x-a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 6)
)

ENTRIES = {
    "DN1013": Entry(
        name="unquoted-sign",
        title="a value that begins with a sign of YAML",
        severity=Severity.ERROR,
        explanation=(
            "`!` begins a tag, `&` an anchor, `*` an alias, `|` and `>` a block of text, and `@`, "
            "`%`, a comma and the backtick nothing at all. Quote a value, such as a condition, "
            "that begins with one of them."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    when: !input.quiet
""",
        good="""\
name: hello
input: {type: object, required: [quiet], properties: {quiet: {type: boolean}}}
steps:
  - id: greet
    task: hello.greet
    when: "!input.quiet"
""",
    ),
    "DN1014": Entry(
        name="broken-quote",
        title="a quote that is not closed where it should be",
        severity=Severity.ERROR,
        explanation=(
            "A quoted text ends at the next quote of its kind, wherever that is. Close it; within "
            "single quotes double a quote, within double quotes write a backslash before it."
        ),
        bad="""\
name: hello
description: 'it's for everyone'
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "it's for everyone"
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1015": Entry(
        name="colon-in-value",
        title="a colon within an unquoted value",
        severity=Severity.ERROR,
        explanation=(
            "A colon with a blank behind it ends a key, so a value that holds one is quoted; the "
            "conditional `a ? b : c` is the usual case."
        ),
        bad="""\
name: hello
description: greet: everyone
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "greet: everyone"
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1016": Entry(
        name="unbalanced-brackets",
        title="brackets that do not match",
        severity=Severity.ERROR,
        explanation=(
            "What begins with `[` or `{` ends with `]` or `}`, and a comma stands between its "
            "items. Close the bracket, add the comma, or quote a value that begins with a "
            "bracket."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1017": Entry(
        name="wrong-indentation",
        title="a line that begins in the wrong column, or with a tab",
        severity=Severity.ERROR,
        explanation=(
            "All keys of a mapping begin in one column, those below a list item where its first "
            "key does. YAML indents with blanks only, never with tabs. Indent the line like those "
            "that it belongs to."
        ),
        bad="""\
name: hello
steps:
  - id: greet
   task: hello.greet
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
""",
    ),
    "DN1018": Entry(
        name="template-braces",
        title="braces of a template that YAML takes for its own",
        severity=Severity.ERROR,
        explanation=(
            "YAML reads `{{ name }}` as a mapping in a mapping, and `${{ name }}` as well when it "
            "stands within brackets. Templates here are written `${{ name }}`; quote them within "
            "brackets."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {{ input }}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: ${{ input }}
""",
    ),
    "DN1019": Entry(
        name="missing-blank",
        title="a colon without a blank behind it",
        severity=Severity.WARNING,
        explanation=(
            "Only a colon with a blank behind it ends a key: `key:value` is one word. It is an "
            "error where nothing can be read then, else a warning. Write `key: value`."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with:
      to:everyone
      by:mail
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with:
      to: everyone
      by: mail
""",
    ),
    "DN1020": Entry(
        name="glued-comment",
        title="a `#` that touches what stands before it",
        severity=Severity.WARNING,
        explanation=(
            "A comment begins behind a blank: without one the `#` belongs to an unquoted value, "
            "and behind a quote or bracket it is not valid YAML for all readers. Put a blank "
            "before it, or quote the value."
        ),
        bad="""\
name: hello
description: "greets everyone"# politely
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "greets everyone" # politely
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1021": Entry(
        name="comment-cuts-value",
        title="a comment that cuts a value off",
        severity=Severity.WARNING,
        explanation=(
            "A `#` behind a blank begins a comment, also in the middle of an unquoted sentence or "
            "expression. Quote the whole value if the `#` belongs to it."
        ),
        bad="""\
name: hello
description: mends issue #12 for everyone
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "mends issue #12 for everyone"
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1022": Entry(
        name="ambiguous-scalar",
        title="a word that other readers of YAML take for something else",
        severity=Severity.INFO,
        explanation=(
            "`yes`, `no`, `on`, `off`, `12:30:00`, `1_000` and `0b11` are texts in YAML 1.2, as "
            "here, and truth values or numbers in 1.1; `~` is null in both. Quote the word, or "
            "write what it should mean."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {loud: yes}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {loud: true}
""",
    ),
    "DN1023": Entry(
        name="leading-zero",
        title="a number that begins with a zero",
        severity=Severity.WARNING,
        explanation=(
            "It is read as a decimal number, so its zero is lost, and readers of YAML 1.1 take it "
            "for an octal one. Quote what is no number, such as a postal code; else leave the "
            "zero out."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {code: 0123}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {code: "0123"}
""",
    ),
    "DN1024": Entry(
        name="version-as-number",
        title="a version that is read as a number",
        severity=Severity.WARNING,
        explanation=(
            "`1.10` is the number 1.1, so a version that ends in a zero becomes another. Quote it."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {python-version: 3.10}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {python-version: "3.10"}
""",
    ),
    "DN1025": Entry(
        name="merged-twice",
        title="a key that two merged mappings have",
        severity=Severity.WARNING,
        explanation=(
            "Of several merged mappings the first that has a key wins, which readers of YAML do "
            "not agree about. Write the key beside the `<<`, or remove it from one of them."
        ),
        bad="""\
name: hello
x-short: &short {timeout: 10s}
x-long: &long {timeout: 10m}
steps:
  - id: greet
    task: hello.greet
    <<: [*short, *long]
""",
        good="""\
name: hello
x-short: &short {timeout: 10s}
x-long: &long {timeout: 10m}
steps:
  - id: greet
    task: hello.greet
    <<: [*short, *long]
    timeout: 10s
""",
    ),
    "DN1026": Entry(
        name="unused-anchor",
        title="an anchor that no alias uses",
        severity=Severity.INFO,
        explanation=(
            "`&name` only means something with an alias `*name` further down. Remove it, or use it."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: &short 30s}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 30s}
""",
    ),
    "DN1027": Entry(
        name="alias-budget",
        title="aliases that repeat too much",
        severity=Severity.ERROR,
        explanation=(
            "The aliases of a document, merged ones included, may repeat 100,000 nodes: a few "
            "lines could stand for billions. Write out less."
        ),
        bad="name: hello\n" + _BOMB + "steps:\n  - {id: greet, task: hello.greet}\n",
        good="""\
name: hello
x-a: &a [1, 2]
x-b: [*a, *a]
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1028": Entry(
        name="invisible-character",
        title="a character that nobody sees",
        severity=Severity.WARNING,
        explanation=(
            "Blanks without width and signs that turn the direction of writing make a text look "
            "like another one; a no-break space at the edge of a key makes another key. Remove "
            "the character."
        ),
        bad="""\
name: hello
description: "greets everyone\\u202e"
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
description: "greets everyone"
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN1029": Entry(
        name="not-json",
        title="a text that is meant as JSON and is none",
        severity=Severity.WARNING,
        explanation=(
            "JSON has no comments, no comma behind the last item, no single quotes and no bare "
            "words; other readers of the file stop there. It is an error in a file named `.json`, "
            "and for comments that YAML would take for text."
        ),
        bad="""\
{
  "name": "hello",
  "steps": [
    {"id": "greet", "task": "hello.greet"},
  ]
}
""",
        good="""\
{
  "name": "hello",
  "steps": [
    {"id": "greet", "task": "hello.greet"}
  ]
}
""",
    ),
}
